package media

import (
	"log/slog"
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

// transcoder is what a direction of a bridge needs where payloads cannot be
// relayed or kept as they are: frames of 20 ms for the tap, and an encoder for
// the other leg. It belongs to the goroutine that reads the first leg.
type transcoder struct {
	frame frame

	encoder Encoder
	codec   kind // of encoder; kindNone: none was made
	anchor  anchor
	seq     uint16
	packet  []byte

	tapSeq uint16
	linear [2 * frameSamples]byte
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
		r.encoder(t.codec)
	} else if r.tap != nil && !mine.codec.g711() {
		r.transcoder()
	}
}

// transcoder returns the direction's own.
func (r *route) transcoder() *transcoder {
	if r.speech == nil {
		r.speech = &transcoder{packet: newPacket()}
		r.speech.anchor.source = sourceID(r.to.engine.relays.Add(1))
	}
	return r.speech
}

// encoder returns the transcoder with an encoder of a codec, or nil.
func (r *route) encoder(k kind) *transcoder {
	s := r.transcoder()
	if s.codec == k {
		return s
	}
	e, err := r.to.engine.newEncoder(k)
	if err != nil {
		r.to.log.Error("leg hears nothing of the other", slog.String("codec", k.codecName()), slog.Any(logkey.Err, err))
		return nil
	}
	s.encoder, s.codec = e, k
	return s
}

// transcode decodes one packet for the tap, for the other leg, or for both.
func (r *route) transcode(payload []byte, h *header, k kind, t *terms, tapped, open bool, now time.Duration) {
	s := r.transcoder()
	if open && r.encoder(t.codec) == nil {
		open = false
	}
	pcm, at := r.from.in.speech.take(r.from, k, h, payload)
	for len(pcm) > 0 {
		n := s.frame.fill(pcm, at)
		pcm, at = pcm[n:], at+uint32(n)
		if s.frame.n < frameSamples {
			return
		}
		s.frame.n = 0
		if tapped {
			n := g711.Encode(g711.Linear, s.linear[:], s.frame.pcm[:])
			s.tapSeq++
			r.tap.Packet(int(r.side), g711.Linear, s.tapSeq, s.frame.at, now, s.linear[:n])
		}
		if open {
			r.speak(s, h.ssrc, t, now)
		}
	}
}

// speak encodes the frame and sends it to the other leg.
func (r *route) speak(s *transcoder, ssrc uint32, t *terms, now time.Duration) {
	n := s.encoder.Encode(s.packet[headerSize:headerSize+maxPayload], s.frame.pcm[:])
	if n == 0 {
		return
	}
	s.seq++
	h := header{sequence: s.seq, timestamp: s.frame.at * t.codec.scale(), ssrc: ssrc}
	packet := s.packet[:headerSize+n]
	if r.to.out.relay(packet, &h, &s.anchor, t.audio, samples(now), frameSamples*t.codec.scale(), false) {
		r.to.send(packet, h.timestamp+s.anchor.stamp, now)
	}
}

// made returns the header of an event among the frames of speak.
func (r *route) made(h *header, t *terms) header {
	s := r.transcoder()
	s.seq++
	out := *h
	out.sequence = s.seq
	in := &r.from.in.speech
	if !in.begun {
		out.timestamp = h.timestamp * t.codec.scale()
		return out
	}
	out.timestamp = in.moment(h.timestamp, in.codec.scale()) * t.codec.scale()
	return out
}
