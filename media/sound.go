package media

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"pickup/internal/g711"
)

// maxPayload is the greatest payload of a packet of ours: 20 ms of any codec.
const maxPayload = 400

// form is a piece of audio in one codec: payloads of 20 ms, one behind the other.
type form struct {
	data []byte
	ends []int32 // of the payloads in data
}

// frame returns payload i.
func (f *form) frame(i int) []byte {
	from := int32(0)
	if i > 0 {
		from = f.ends[i-1]
	}
	return f.data[from:f.ends[i]]
}

// encode makes a form of pcm, filled up with silence to a whole frame. before is
// what the encoder hears first, so that it has settled.
func encode(e Encoder, before, pcm []int16) (*form, error) {
	var payload [maxPayload]byte
	for ; len(before) >= frameSamples; before = before[frameSamples:] {
		e.Encode(payload[:], before[:frameSamples])
	}
	f := new(form)
	var last [frameSamples]int16
	for len(pcm) > 0 {
		frame := pcm[:min(len(pcm), frameSamples)]
		pcm = pcm[len(frame):]
		if len(frame) < frameSamples {
			copy(last[:], frame)
			frame = last[:]
		}
		n := e.Encode(payload[:], frame)
		if n == 0 {
			return nil, fmt.Errorf("media: frame %d could not be encoded", len(f.ends))
		}
		f.data = append(f.data, payload[:n]...)
		f.ends = append(f.ends, int32(len(f.data)))
	}
	return f, nil
}

// encoders makes encoders of a kind.
type encoders func(kind) (Encoder, error)

// clip is a piece of audio, whole frames long, in the codecs that somebody wanted
// it in. It may be read while it is encoded in one more.
type clip struct {
	pcm    []int16
	frames int

	mu    sync.Mutex // of who encodes
	forms [kinds]atomic.Pointer[form]
}

func newClip(pcm []int16) *clip {
	return &clip{pcm: pcm, frames: (len(pcm) + frameSamples - 1) / frameSamples}
}

// prepare makes the clip ready in a codec. It may take some milliseconds, once.
// before is what the encoder hears first; nil: silence.
func (c *clip) prepare(coders encoders, k kind, before []int16) error {
	if c.forms[k].Load() != nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.forms[k].Load() != nil {
		return nil
	}
	e, err := coders(k)
	if err != nil {
		return err
	}
	f, err := encode(e, before, c.pcm)
	if err != nil {
		return err
	}
	c.forms[k].Store(f)
	return nil
}

// frame returns frame i in a codec, or nil if it is not ready in it.
func (c *clip) frame(i int, k kind) []byte {
	f := c.forms[k].Load()
	if f == nil {
		return nil
	}
	return f.frame(i)
}

// loop is hold music. In the two laws of G.711 the first frame is repeated at
// the end, so that a frame over the seam is one slice too. In other codecs it is
// frames, and what is left of the last one is not heard.
type loop struct {
	mu, a  []byte
	length int // samples
	coded  *clip
}

func newLoop(pcm []int16) *loop {
	if len(pcm) == 0 {
		return nil
	}
	l := &loop{length: len(pcm), coded: newClip(pcm[:len(pcm)/frameSamples*frameSamples])}
	seamless := make([]int16, len(pcm)+frameSamples)
	for i := range seamless {
		seamless[i] = pcm[i%len(pcm)]
	}
	l.mu, l.a = make([]byte, len(seamless)), make([]byte, len(seamless))
	g711.Encode(g711.PCMU, l.mu, seamless)
	g711.Encode(g711.PCMA, l.a, seamless)
	return l
}

// frame returns what everybody hears at a tick, or nil if it is not ready.
func (l *loop) frame(tick uint64, k kind) []byte {
	at := int(tick * frameSamples % uint64(l.length))
	switch {
	case k == kindPCMA:
		return l.a[at : at+frameSamples]
	case k == kindPCMU:
		return l.mu[at : at+frameSamples]
	case l.coded.frames == 0:
		return nil
	}
	return l.coded.frame(int(tick%uint64(l.coded.frames)), k)
}

// The confirmation tone.
const (
	toneHz     = 440
	toneFrames = 10   // 200 ms
	tonePeak   = 8000 // about -12 dBFS
	toneFade   = 80   // samples: 10 ms at either end
)

func newTone() *clip {
	pcm := make([]int16, toneFrames*frameSamples)
	for i := range pcm {
		fade := min(1, float64(i)/toneFade, float64(len(pcm)-1-i)/toneFade)
		pcm[i] = int16(tonePeak * fade * math.Sin(2*math.Pi*toneHz*float64(i)/clockRate))
	}
	return newClip(pcm)
}

// Comfort noise (RFC 3389): noise at a few levels, below the overload point.
const (
	noiseStep   = 10 // dB
	noiseLoud   = 40 // -dBov of the loudest
	noiseLevels = 5
	noiseFrames = 50
)

// newNoise makes white noise of a level in -dBov, the same each time.
func newNoise(level int) *clip {
	random := rand.New(rand.NewPCG(3389, uint64(level)))
	peak := 32768 * math.Pow(10, -float64(level)/20) * math.Sqrt(3) // of a uniform distribution
	pcm := make([]int16, noiseFrames*frameSamples)
	for i := range pcm {
		pcm[i] = int16(peak * (2*random.Float64() - 1))
	}
	return newClip(pcm)
}

// sounds is what an engine can play. Prompts are encoded at their first use.
type sounds struct {
	music   *loop
	tone    *clip
	silence *clip
	noise   [noiseLevels]*clip
	source  func(language, id string) ([]int16, bool)
	codecs  []kind
	coders  encoders

	mu      sync.Mutex
	prompts map[promptKey]*clip // nil: there is no such prompt
}

type promptKey struct{ language, id string }

// newSounds makes the sounds, those that are always ready in all codecs.
func newSounds(cfg Config, codecs []kind, coders encoders) (*sounds, error) {
	s := &sounds{
		music:   newLoop(cfg.Music),
		tone:    newTone(),
		silence: newClip(make([]int16, frameSamples)),
		source:  cfg.Prompt,
		codecs:  codecs,
		coders:  coders,
		prompts: make(map[promptKey]*clip),
	}
	for i := range s.noise {
		s.noise[i] = newNoise(noiseLoud + i*noiseStep)
	}
	quiet := make([]int16, 10*frameSamples)
	for _, k := range append([]kind{kindPCMA, kindPCMU}, codecs...) {
		for _, c := range append([]*clip{s.silence, s.tone}, s.noise[:]...) {
			if err := c.prepare(coders, k, quiet); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// comfort returns frame tick of noise at a level in -dBov, which is loudest at 0.
func (s *sounds) comfort(level int32, tick uint64, k kind) []byte {
	i := (level - noiseLoud + noiseStep/2) / noiseStep
	return s.noise[min(max(i, 0), noiseLevels-1)].frame(int(tick%noiseFrames), k)
}

// encodeMusic makes the music ready in the codecs other than G.711, about a
// third of a second of work each. Until then its listeners hear silence.
func (s *sounds) encodeMusic(ctx context.Context) error {
	for _, k := range s.codecs {
		if k.g711() || s.music == nil || ctx.Err() != nil {
			continue
		}
		pcm := s.music.coded.pcm
		end := pcm[max(0, len(pcm)-noiseFrames*frameSamples):] // its end comes before its start
		if err := s.music.coded.prepare(s.coders, k, end); err != nil {
			return err
		}
	}
	return nil
}

// prompt returns a prompt, or nil if there is none.
func (s *sounds) prompt(language, id string) *clip {
	key := promptKey{language, id}
	s.mu.Lock()
	c, known := s.prompts[key]
	s.mu.Unlock()
	if known || s.source == nil {
		return c
	}
	if pcm, ok := s.source(language, id); ok { // outside the lock: it may read a file
		c = newClip(pcm)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other, known := s.prompts[key]; known {
		return other
	}
	s.prompts[key] = c
	return c
}
