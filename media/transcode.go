package media

import (
	"log/slog"
	"sync/atomic"
	"time"

	"pickup/internal/g711"
	"pickup/internal/logkey"
)

// Bounds of what is decoded at once, in samples.
const (
	maxConcealed = 3 * frameSamples // 60 ms: a longer gap is left as one
	maxDecoded   = 2048             // a packet of any size, and what was lost before it
)

// listener turns what a leg sends into linear audio at 8 kHz on a timeline of
// its own, also in samples, which is the RTP timestamp of a codec whose clock is
// 8 kHz. What was lost is recovered or concealed up to maxConcealed; what comes
// too late is left out. It belongs to the goroutine that reads the leg.
type listener struct {
	decoder Decoder
	codec   kind // of decoder; kindNone: none was made

	begun bool
	ssrc  uint32
	seq   uint16 // of the newest packet
	stamp uint32 // that follows the newest packet
	at    uint32 // the same moment on the timeline

	pcm [maxDecoded]int16

	keeps  bool // kept was decoded from the packet at hand already
	kept   []int16
	keptAt uint32
}

// take decodes one packet of codec k, and returns the audio and where it begins.
// It is empty for what comes late or cannot be decoded.
func (s *listener) take(l *Leg, k kind, h *header, payload []byte) (pcm []int16, at uint32) {
	if s.keeps {
		return s.kept, s.keptAt
	}
	if s.codec != k && !s.open(l, k) {
		return nil, 0
	}
	scale := k.scale()
	step := int16(h.sequence - s.seq)
	if !s.begun || s.ssrc != h.ssrc || step > maxSequenceJump || step < -maxSequenceJump {
		s.begun, s.ssrc, s.seq = true, h.ssrc, h.sequence-1
		s.stamp, s.at = h.timestamp, h.timestamp
		step = 1
	}
	if step <= 0 {
		return nil, 0
	}
	ticks := int32(h.timestamp - s.stamp)
	gap := max(ticks/int32(scale), 0)
	lost := int32(0)
	if step > 1 && gap <= maxConcealed {
		lost = gap - gap%(frameSamples/8) // Opus knows steps of 2.5 ms
		if lost > 0 {
			s.decoder.Recover(s.pcm[:lost], payload)
		}
	}
	n, err := s.decoder.Decode(s.pcm[lost:], payload)
	s.seq = h.sequence
	if err != nil {
		l.in.malformed.Add(1)
		return nil, 0
	}
	at = s.at + uint32(gap-lost)
	s.stamp = h.timestamp + uint32(n)*scale
	s.at = at + uint32(lost) + uint32(n)
	return s.pcm[:int(lost)+n], at
}

// open makes the decoder.
func (s *listener) open(l *Leg, k kind) bool {
	d, err := l.engine.newDecoder(k)
	if err != nil {
		l.log.Error("leg is not decoded", slog.String("codec", k.codecName()), slog.Any(logkey.Err, err))
		return false
	}
	s.decoder, s.codec, s.begun = d, k, false
	return true
}

// pass notes a packet between others that is no speech, so that nobody takes it
// for a lost one.
func (s *listener) pass(h *header) {
	if s.begun && s.ssrc == h.ssrc && h.sequence == s.seq+1 {
		s.seq = h.sequence
	}
}

// moment is where a timestamp lies on the timeline.
func (s *listener) moment(timestamp uint32, scale uint32) uint32 {
	return s.at + uint32(int32(timestamp-s.stamp)/int32(scale))
}

// transcoder is what a direction of a bridge needs where payloads cannot be relayed
// or kept as they are. The reader of the first leg puts packets into a jitter buffer;
// a ticker of the shard decodes what is due, for the tap and for the other leg.
type transcoder struct {
	coded   packetBuffer          // of a codec with a memory
	linear  jitterBuffer          // of G.711, and of what was decoded already for an ear
	pcm     [jitterRing / 4]int16 // of the reader
	gather  frame                 // of the reader, for the tap
	lastKey atomic.Int64          // when a key was passed on, since the epoch
	key     relayedKey            // of the reader
	source  sourceID
	direct  atomic.Bool // packets are relayed as they come, and decoded for the tap alone
	talks   atomic.Bool // something was played at the last tick

	playing section // the ticker is inside
	taps    section // who gives the tap audio: the reader or the ticker
	frame   [frameSamples]int16
	encoder Encoder
	codec   kind // of encoder; kindNone: none was made
	packet  [maxPayload]byte

	tapSeq uint16
	bytes  [2 * frameSamples]byte
}

// relayedKey is a key of the first leg on its way to the other, whose clock differs.
type relayedKey struct {
	begun bool
	from  uint32 // its timestamp
	stamp uint32 // its timestamp where it goes
}

// frame gathers 20 ms of samples.
type frame struct {
	pcm [frameSamples]int16
	n   int
	at  uint32 // where pcm begins
}

// fill takes the first samples of pcm, which is not empty, and returns how many.
// What was gathered before a gap is left out.
func (f *frame) fill(pcm []int16, at uint32) int {
	if at != f.at+uint32(f.n) {
		f.n = 0
	}
	if f.n == 0 {
		f.at = at
	}
	n := copy(f.pcm[f.n:], pcm)
	f.n += n
	return n
}

// foresee makes what the legs will need as they are now, off the media path.
func (r *route) foresee() {
	mine, t := r.from.terms.Load(), r.to.terms.Load()
	if mine == nil || t == nil {
		return
	}
	if !straight(mine.codec, t.codec) {
		r.transcoder()
		r.encoder(t.codec)
	} else if r.tap != nil && !mine.codec.g711() {
		r.transcoder()
	}
}

// transcoder returns the direction's own. It is made by the reader, or with the
// bridge.
func (r *route) transcoder() *transcoder {
	if s := r.speech.Load(); s != nil {
		return s
	}
	s := &transcoder{source: sourceID(r.to.engine.relays.Add(1))}
	s.coded.open = r.from.decoder
	r.speech.Store(s)
	r.from.shard.addRoute(r)
	return s
}

// decoder makes a decoder of what the leg sends, or returns nil.
func (l *Leg) decoder(k kind) Decoder {
	d, err := l.engine.newDecoder(k)
	if err != nil {
		l.log.Error("leg is not decoded", slog.String("codec", k.codecName()), slog.Any(logkey.Err, err))
		return nil
	}
	return d
}

// encoder returns an encoder of a codec, or nil. It is called by the ticker, and
// before it knows the route.
func (r *route) encoder(k kind) Encoder {
	s := r.transcoder()
	if s.codec == k {
		return s.encoder
	}
	e, err := r.to.engine.newEncoder(k)
	if err != nil {
		r.to.log.Error("leg hears nothing of the other", slog.String("codec", k.codecName()), slog.Any(logkey.Err, err))
		e = nil
	}
	s.encoder, s.codec = e, k
	return e
}

// transcode takes one packet that cannot be relayed, or must be decoded for the tap.
// It is called by the reader.
func (r *route) transcode(payload []byte, h *header, k kind, tapped bool, now time.Duration) {
	s := r.transcoder()
	switch {
	case k.g711():
		n := g711.Decode(k.law(), s.pcm[:], payload)
		s.linear.put(h.ssrc, h.timestamp, samples(now), s.pcm[:n])
	case r.from.in.speech.keeps: // an ear had it decoded, and may have hidden a key in it
		s.coded.flush()
		r.takeDecoded(s, h, tapped, now)
	default:
		if !s.coded.put(h, k, samples(now), payload) {
			r.from.in.malformed.Add(1)
		}
	}
}

// takeDecoded takes what was decoded of a packet already.
func (r *route) takeDecoded(s *transcoder, h *header, tapped bool, now time.Duration) {
	pcm, at := r.from.in.speech.take(r.from, kindNone, h, nil)
	for len(pcm) > 0 {
		n := s.gather.fill(pcm, at)
		pcm, at = pcm[n:], at+uint32(n)
		if s.gather.n == frameSamples {
			s.gather.n = 0
			s.linear.put(h.ssrc, s.gather.at, samples(now), s.gather.pcm[:])
			if tapped {
				r.tell(s, &s.gather.pcm, s.gather.at, now)
			}
		}
	}
}

// tell gives the tap a frame. Where the codec has just changed, reader and ticker may
// come at once: then one of them is dropped.
func (r *route) tell(s *transcoder, pcm *[frameSamples]int16, at uint32, arrival time.Duration) {
	if !s.taps.enter() {
		return
	}
	n := g711.Encode(g711.Linear, s.bytes[:], pcm[:])
	s.tapSeq++
	r.tap.Packet(int(r.side), g711.Linear, s.tapSeq, at, arrival, s.bytes[:n])
	s.taps.leave()
}

// play plays 20 ms of what is due. It is called by a ticker of the first leg's shard.
func (r *route) play(t *tick) {
	s := r.speech.Load()
	if s == nil || !s.playing.enter() {
		return
	}
	defer s.playing.leave()
	if r.from.route.Load() != r { // not yet, or no longer
		return
	}
	held := r.bridge.held.Load()
	heard := s.linear.get(&s.frame, t.clock)
	if r.playCoded(s, t, r.tap != nil && !(held && r.side == Agent)) {
		heard = true
	}
	s.talks.Store(heard)
	agreed := r.to.terms.Load()
	if heard && !held && r.open(agreed) && !r.keyed(s, t.at) && !s.direct.Load() {
		r.speak(s, agreed, t)
	}
}

// playCoded decodes what is due. What is left out of the talk to shorten its delay is
// in the recording all the same, and what is made up to lengthen it is not.
func (r *route) playCoded(s *transcoder, t *tick, tapped bool) bool {
	b := &s.coded
	step := b.look(t.clock)
	switch step {
	case lookNothing:
		return false
	case lookWait:
		return b.stretch(&s.frame)
	}
	for {
		at, heard := b.read(&s.frame)
		if heard && tapped {
			late := time.Duration(b.arrived(at, t.clock)) * (time.Second / clockRate)
			r.tell(s, &s.frame, at, t.at-late)
		}
		if step == lookPlay || step == lookHurry && heard && loud(&s.frame) {
			return heard
		}
		b.shrunk++
		step = lookPlay
	}
}

// loud reports whether a frame would be missed.
func loud(frame *[frameSamples]int16) bool {
	sum := 0
	for _, v := range frame {
		sum += max(int(v), -int(v))
	}
	return sum >= quietLevel*frameSamples
}

// keyPause is how long after a packet of a key no speech is sent beside it.
const keyPause = 60 * time.Millisecond

// keyed reports whether a key is being passed on.
func (r *route) keyed(s *transcoder, now time.Duration) bool {
	last := time.Duration(s.lastKey.Load())
	return last != 0 && now-last < keyPause
}

// speak encodes the frame and sends it to the other leg.
func (r *route) speak(s *transcoder, agreed *terms, t *tick) {
	e := r.encoder(agreed.codec)
	if e == nil {
		return
	}
	if n := e.Encode(s.packet[:], s.frame[:]); n > 0 {
		r.to.sendFrame(t, agreed, s.source, s.packet[:n])
	}
}

// made writes the header of one packet of a key, in the place of p's, for a leg whose
// clock differs. It reports false when it must not be sent.
func (r *route) made(p []byte, h *header, e telephoneEvent, t *terms, now time.Duration) (stamp uint32, ok bool) {
	s := r.transcoder()
	s.lastKey.Store(int64(now))
	k := &s.key
	first := !k.begun || k.from != h.timestamp
	if first {
		if stamp, ok = r.to.out.eventStart(samples(now)); !ok {
			return 0, false
		}
		*k = relayedKey{begun: true, from: h.timestamp, stamp: stamp}
	}
	return k.stamp, r.to.out.event(p, t.event, k.stamp, uint32(e.duration), first)
}
