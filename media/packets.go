package media

import (
	"sync"
)

// Bounds of a packetBuffer.
const (
	packetSlots = 32             // packets; a power of two. 320 ms of those of 10 ms
	packetMost  = 1280           // bytes of a payload: the longest frame of Opus has 1,275 (RFC 6716 section 3.2.1)
	lossKept    = 10 * clockRate // how long after a loss the next packet is waited for
	opusStep    = 20             // samples: Opus conceals in steps of 2.5 ms
)

// packetBuffer evens out the arrival of one stream of a codec that has a memory:
// packets are kept as they come and decoded in their order when they are due, so that
// one that was overtaken is heard as well. What is missing then is recovered from the
// packet after it (Opus in-band FEC), else concealed by the decoder, for 60 ms; after
// that, and in a pause of the sender, there is nothing.
//
// put and pass are called by the reader of a leg, the rest by one ticker. A mutex is
// between them, held for the copy of a payload, never while something is decoded.
type packetBuffer struct {
	mu    sync.Mutex
	slots [packetSlots]packetSlot
	timing
	begun  bool
	anew   bool // the ticker has not seen that it began
	ssrc   uint32
	codec  kind
	next   uint16 // number of the next packet to be decoded
	origin uint32 // a timestamp, in ticks
	moment uint32 // of origin, in samples
	newest uint32 // moment of the newest packet
	pos    uint32 // moment of the next sample to be read
	paused bool   // the newest packet that had its turn holds no speech

	// Of the ticker.
	open    func(kind) Decoder // makes a decoder, or nil
	decoder Decoder
	spoken  kind   // of decoder
	lossAt  uint32 // moment of the last loss
	lossy   bool   // there was one
	ahead   [maxDecoded]int16
	n       int    // samples in ahead
	at      uint32 // moment of ahead[0]
	span    int    // samples of the newest packet that was decoded
	made    int    // samples made up since then
	blank   int    // samples of nothing at the end of ahead
	payload [packetMost]byte

	received, late                              uint64 // packets; of the reader
	recovered, concealed, grown, shrunk, broken uint64 // samples, samples, frames, frames, packets; of the ticker
}

// packetSlot holds a packet that was not decoded yet.
type packetSlot struct {
	full    bool
	speech  bool // else a packet of the stream that holds none
	seq     uint16
	stamp   uint32
	size    int
	payload [packetMost]byte
}

// put takes one packet of codec k. clock is its arrival in samples of the engine's
// clock. It reports false for one that is too large.
func (b *packetBuffer) put(h *header, k kind, clock uint32, payload []byte) bool {
	if len(payload) > packetMost {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.begun || b.ssrc != h.ssrc || b.codec != k || b.jumped(h) {
		b.begin(h, k, clock)
	}
	b.received++
	at := b.momentOf(h.timestamp)
	b.measure(int32(clock-at), clock)
	step := int16(h.sequence - b.next)
	if step < 0 { // its turn is over
		b.late++
		return true
	}
	if int32(at-b.newest) > 0 {
		b.newest = at
	}
	s := &b.slots[h.sequence%packetSlots]
	s.full, s.speech, s.seq, s.stamp = true, true, h.sequence, h.timestamp
	s.size = copy(s.payload[:], payload)
	return true
}

// pass notes a packet of the stream that is no speech: it is not missing.
func (b *packetBuffer) pass(h *header) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if step := int16(h.sequence - b.next); !b.begun || b.ssrc != h.ssrc || step < 0 || step >= packetSlots {
		return
	}
	s := &b.slots[h.sequence%packetSlots]
	s.full, s.speech, s.seq = true, false, h.sequence
}

// flush forgets what was not played.
func (b *packetBuffer) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begun = false
}

// jumped reports whether a packet is of another talk than what is buffered.
func (b *packetBuffer) jumped(h *header) bool {
	d := int32(b.momentOf(h.timestamp) - b.pos)
	step := int16(h.sequence - b.next)
	return d > jitterGapLimit || d < -jitterGapLimit || step >= packetSlots || step < -maxSequenceJump
}

// begin starts anew with a stream.
func (b *packetBuffer) begin(h *header, k kind, clock uint32) {
	for i := range b.slots {
		b.slots[i].full = false
	}
	moment := h.timestamp
	if b.ssrc == h.ssrc && b.codec == k { // after a pause the same timeline goes on
		moment = b.momentOf(h.timestamp)
	}
	b.begun, b.anew, b.paused = true, true, false
	b.ssrc, b.codec, b.next = h.ssrc, k, h.sequence
	b.origin, b.moment, b.newest = h.timestamp, moment, moment
	b.start(int32(clock-moment), clock)
	frames := (b.target() + frameSamples - 1) / frameSamples
	b.pos = b.moment - uint32(frames*frameSamples)
}

// momentOf is where a timestamp lies on the timeline of samples.
func (b *packetBuffer) momentOf(stamp uint32) uint32 {
	scale := int32(b.codec.scale())
	whole := int32(stamp-b.origin) / scale
	if whole > clockRate { // so that the difference never comes near its sign
		b.origin, b.moment = b.origin+uint32(whole*scale), b.moment+uint32(whole)
		return b.moment
	}
	return b.moment + uint32(whole)
}

// lookahead says how the ticker goes on.
type lookahead int

const (
	lookNothing lookahead = iota // the stream is silent
	lookWait                     // packets come later than they did: make a frame up
	lookPlay                     // play the next frame
	lookHurry                    // the delay is too long: leave out the next frame if it is quiet
	lookSkip                     // far too long: leave it out
)

// look decides what is heard at clock.
func (b *packetBuffer) look(clock uint32) lookahead {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.begun {
		return lookNothing
	}
	if b.anew {
		b.anew, b.n, b.blank, b.at, b.span = false, 0, 0, b.pos, frameSamples
		b.made = maxConcealed // there is nothing to go on from
	}
	b.pos = b.at
	b.sized(b.span)
	b.lossy = b.lossy && b.at-b.lossAt < lossKept
	if b.lossy && b.codec == kindOpus { // what is lost is in the packet after it
		b.spread = frameSamples
	}
	if int32(b.at-b.newest) > jitterMost+frameSamples { // the peer stopped; he begins anew
		b.begun = false
		return lookNothing
	}
	switch ahead := int32(b.at - b.due(clock)); {
	case ahead > jitterLeast:
		return lookWait
	case -ahead >= jitterTooMuch:
		return lookSkip
	case -ahead >= jitterSpare:
		return lookHurry
	}
	return lookPlay
}

// arrived is how many samples before clock the audio of a moment would have come by
// the fastest way.
func (b *packetBuffer) arrived(at, clock uint32) int32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return int32(clock-at) - b.path()
}

// stretch makes up a frame between two. It reports false when there is nothing to go
// on from.
func (b *packetBuffer) stretch(frame *[frameSamples]int16) bool {
	if b.decoder == nil || b.made >= maxConcealed {
		return false
	}
	b.decoder.Conceal(frame[:])
	b.made += frameSamples
	b.grown++
	return true
}

// read takes the next frame, which begins at a moment. It reports false when there is
// nothing in it: the sender paused, or was missed for too long.
func (b *packetBuffer) read(frame *[frameSamples]int16) (at uint32, heard bool) {
	for b.n < frameSamples {
		b.more()
	}
	at, heard = b.at, b.blank < b.n
	copy(frame[:], b.ahead[:frameSamples])
	b.n = copy(b.ahead[:], b.ahead[frameSamples:b.n])
	b.blank = min(b.blank, b.n)
	b.at += frameSamples
	return at, heard
}

// more appends to ahead: the next packet, or a piece of what is before it.
func (b *packetBuffer) more() {
	p := b.take()
	if p.found && p.codec != b.spoken {
		b.decoder, b.spoken = b.open(p.codec), p.codec
	}
	switch span := int32(max(b.span, opusStep)); {
	case b.decoder == nil:
		b.add(frameSamples, true)
	case !p.found:
		b.makeUp(frameSamples, !p.paused)
	case p.gap > 0 && p.lost && p.gap <= span && p.gap%opusStep == 0 && b.made < maxConcealed:
		b.decoder.Recover(b.ahead[b.n:b.n+int(p.gap)], b.payload[:p.size])
		b.recovered += uint64(p.gap)
		b.made += int(p.gap)
		b.add(int(p.gap), false)
	case p.gap > span && p.lost: // the last of it may be in the packet
		b.makeUp(int(min(p.gap-span, frameSamples)), true)
	case p.gap > 0:
		b.makeUp(int(min(p.gap, frameSamples)), p.lost)
	default:
		b.decode(p.size, int(-p.gap))
	}
}

// add counts n samples that were written behind those in ahead, or nothing of that
// length.
func (b *packetBuffer) add(n int, nothing bool) {
	if nothing {
		clear(b.ahead[b.n : b.n+n])
		b.blank += n
	} else {
		b.blank = 0
	}
	b.n += n
}

// makeUp appends n samples in the place of what did not come.
func (b *packetBuffer) makeUp(n int, missing bool) {
	if whole := n - n%opusStep; missing && whole > 0 && b.made < maxConcealed {
		b.decoder.Conceal(b.ahead[b.n : b.n+whole])
		b.concealed += uint64(whole)
		b.made += whole
		b.add(whole, false)
		return
	}
	b.add(n, true)
}

// decode appends what the payload holds but for its first samples, whose time has
// passed.
func (b *packetBuffer) decode(size, passed int) {
	n, err := b.decoder.Decode(b.ahead[b.n:], b.payload[:size])
	if err != nil || n == 0 {
		b.broken++
		return
	}
	b.span, b.made = n, 0
	passed = min(passed, n)
	copy(b.ahead[b.n:], b.ahead[b.n+passed:b.n+n])
	b.add(n-passed, false)
}

// pending is the oldest packet that is there.
type pending struct {
	found  bool
	codec  kind
	size   int   // of the copy of its payload
	gap    int32 // samples before it; below 0: of it, that are passed already
	lost   bool  // packets before it are missing
	paused bool  // none was found, and the sender said why
}

// take copies the oldest packet, and takes it out if nothing is before it.
func (b *packetBuffer) take() pending {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, lost := b.oldest()
	if s == nil {
		return pending{paused: b.paused}
	}
	p := pending{found: true, codec: b.codec, lost: lost, gap: int32(b.momentOf(s.stamp) - b.at - uint32(b.n))}
	p.size = copy(b.payload[:], s.payload[:s.size])
	if p.gap <= 0 {
		s.full, b.next, b.paused = false, s.seq+1, false
	}
	if lost {
		b.lossy, b.lossAt = true, b.at
	}
	return p
}

// oldest returns the oldest packet with speech, or nil, and whether one before it is
// missing. Those without speech are passed over.
func (b *packetBuffer) oldest() (s *packetSlot, lost bool) {
	for i := uint16(0); i < packetSlots; {
		s := &b.slots[(b.next+i)%packetSlots]
		switch {
		case !s.full || s.seq != b.next+i:
			i++
		case s.speech:
			return s, i > 0
		default:
			s.full = false
			b.next, b.paused, i = s.seq+1, true, 0
		}
	}
	return nil, false
}
