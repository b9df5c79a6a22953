package media

import (
	"bytes"
	"math"
	"sync"

	"pickup/internal/g711"
)

// clip is a piece of audio in both laws, whole frames long. It is never
// changed once it was made.
type clip struct {
	mu, a  []byte
	frames int
}

// newClip encodes pcm, filled up with silence to a whole frame.
func newClip(pcm []int16) *clip {
	c := &clip{frames: (len(pcm) + frameSamples - 1) / frameSamples}
	c.mu = encodeFilled(g711.PCMU, pcm, c.frames*frameSamples)
	c.a = encodeFilled(g711.PCMA, pcm, c.frames*frameSamples)
	return c
}

func encodeFilled(law uint8, pcm []int16, size int) []byte {
	out := bytes.Repeat([]byte{g711.Silence(law)}, size)
	g711.Encode(law, out, pcm)
	return out
}

// frame returns frame i in law.
func (c *clip) frame(i int, law uint8) []byte {
	b := c.mu
	if law == g711.PCMA {
		b = c.a
	}
	return b[i*frameSamples : (i+1)*frameSamples]
}

// loop is hold music in both laws. The first frame is repeated at the end, so
// that a frame over the seam is one slice too.
type loop struct {
	mu, a  []byte
	length int // samples
}

func newLoop(pcm []int16) *loop {
	if len(pcm) == 0 {
		return nil
	}
	l := &loop{length: len(pcm)}
	seamless := make([]int16, len(pcm)+frameSamples)
	for i := range seamless {
		seamless[i] = pcm[i%len(pcm)]
	}
	l.mu, l.a = make([]byte, len(seamless)), make([]byte, len(seamless))
	g711.Encode(g711.PCMU, l.mu, seamless)
	g711.Encode(g711.PCMA, l.a, seamless)
	return l
}

// frame returns what everybody hears at a tick.
func (l *loop) frame(tick uint64, law uint8) []byte {
	at := int(tick * frameSamples % uint64(l.length))
	if law == g711.PCMA {
		return l.a[at : at+frameSamples]
	}
	return l.mu[at : at+frameSamples]
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

// sounds is what an engine can play. Prompts are encoded at their first use.
type sounds struct {
	music   *loop
	tone    *clip
	silence *clip
	source  func(language, id string) ([]int16, bool)

	mu      sync.Mutex
	prompts map[promptKey]*clip // nil: there is no such prompt
}

type promptKey struct{ language, id string }

func newSounds(music []int16, source func(language, id string) ([]int16, bool)) *sounds {
	return &sounds{
		music:   newLoop(music),
		tone:    newTone(),
		silence: newClip(make([]int16, frameSamples)),
		source:  source,
		prompts: make(map[promptKey]*clip),
	}
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
