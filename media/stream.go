package media

import (
	"math/rand/v2"
	"sync/atomic"
)

// sourceID names what speaks on an outgoing stream. A relay gets one of its
// own, above these.
type sourceID uint32

const (
	sourceNone sourceID = iota
	sourceSilence
	sourceMusic
	sourcePrompt
	sourceTone
	sourceDigit
	sourceNoise
	firstRelay sourceID = 16
)

// outStream is the one RTP stream that a leg hears from us for its whole life:
// one SSRC, and sequence and timestamps that go on whatever speaks.
//
// Timestamps follow the wall clock: the media time of a moment is base plus
// the samples since the engine started plus shift, which only grows, when a
// relayed peer's clock ran ahead of ours.
//
// It has one writer at a time, the ticker or the reader of the bridged peer.
// Clocks and spans are given in samples at 8 kHz, where nothing else is said, and
// become ticks of the codec's RTP clock here. Where a new agreement changes that
// clock, the timestamps go on from where they were (RFC 7160 section 4.3).
//
// At a change of source both may come in the same nanoseconds; then the second
// finds busy set and its packet is dropped: nobody ever waits.
type outStream struct {
	ssrc uint32
	base uint32

	scale atomic.Uint32 // ticks of the RTP clock in a sample at 8 kHz, of the codec that is agreed

	busy   atomic.Bool
	begun  bool
	seq    uint16   // of the newest packet
	next   uint32   // the timestamp that follows the newest packet
	shift  uint32   // see above
	source sourceID // of the newest packet
	scaled uint32   // the scale of base, next and shift

	packets, octets atomic.Uint64 // sent; octets of payload only, for RTCP
	lastStamp       atomic.Uint32 // newest timestamp, for RTCP
	lastAt          atomic.Int64  // when it was sent, since the engine's epoch
	collided        atomic.Uint64 // packets dropped because the stream was busy
}

func newOutStream() outStream {
	// Below 2^15, so that a receiver who misses the first packets does not
	// misjudge the rollover counter of SRTP (RFC 4568 section 6.4).
	return outStream{ssrc: rand.Uint32(), base: rand.Uint32(), scaled: 1, seq: uint16(rand.Uint32() >> 17)}
}

// ticksOf turns a clock into ticks of the RTP clock. The stream is locked.
func (o *outStream) ticksOf(clock uint32) uint32 {
	s := max(o.scale.Load(), 1)
	if s != o.scaled {
		if o.begun {
			o.base, o.shift = o.next-clock*s, 0
		}
		o.scaled = s
	}
	return clock * s
}

// lock takes the stream, or counts a collision.
func (o *outStream) lock() bool {
	if o.busy.CompareAndSwap(false, true) {
		return true
	}
	o.collided.Add(1)
	return false
}

// position returns the timestamp of the wall clock, moved on where the stream
// is already past it. The stream must be locked.
func (o *outStream) position(clock uint32) uint32 {
	at := o.base + o.ticksOf(clock) + o.shift
	if o.begun && int32(at-o.next) < 0 {
		o.shift += o.next - at
		at = o.next
	}
	return at
}

// frame writes the header of a packet of our own that starts at clock, in
// samples since the epoch, and lasts span samples. It reports false when the
// packet must not be sent.
func (o *outStream) frame(p []byte, payloadType uint8, source sourceID, clock, span uint32) bool {
	if !o.lock() {
		return false
	}
	at := o.position(clock)
	o.put(p, payloadType, source, at, span*o.scaled, !o.begun || source != o.source)
	o.busy.Store(false)
	return true
}

// eventStart returns the timestamp for an event that starts at clock.
func (o *outStream) eventStart(clock uint32) (uint32, bool) {
	if !o.lock() {
		return 0, false
	}
	at := o.position(clock)
	o.busy.Store(false)
	return at, true
}

// event writes the header of one packet of an event of our own; timestamp and
// duration are in ticks.
func (o *outStream) event(p []byte, payloadType uint8, timestamp, duration uint32, first bool) bool {
	if !o.lock() {
		return false
	}
	o.put(p, payloadType, sourceDigit, timestamp, duration, first)
	o.busy.Store(false)
	return true
}

// put stamps the next packet. The stream is locked.
func (o *outStream) put(p []byte, payloadType uint8, source sourceID, timestamp, span uint32, marker bool) {
	o.seq++
	putHeader(p, marker, payloadType, o.seq, timestamp, o.ssrc)
	o.sent(source, timestamp, span)
}

func (o *outStream) sent(source sourceID, timestamp, span uint32) {
	if end := timestamp + span; !o.begun || int32(end-o.next) > 0 {
		o.next = end
	}
	o.begun, o.source = true, source
}

// count adds a packet to what was sent.
func (o *outStream) count(size int, timestamp uint32, at int64) {
	o.packets.Add(1)
	o.octets.Add(uint64(size - headerSize))
	o.lastStamp.Store(timestamp)
	o.lastAt.Store(at)
}

// anchor ties the numbers of an incoming stream to those of an outgoing one.
// It belongs to the goroutine that reads the incoming stream.
type anchor struct {
	source   sourceID
	set      bool
	ssrc     uint32 // of the incoming stream
	seq      uint16 // added to incoming sequence numbers
	stamp    uint32 // added to incoming timestamps
	firstSeq uint16 // first outgoing number under this anchor
}

// Beyond these the incoming stream has jumped, and is tied anew.
const (
	maxSequenceJump = 3000
	maxStampJump    = clockRate // samples away from the wall clock
)

// relay rewrites the header of an incoming packet, keeping its gaps and its
// order visible. event packets share a timestamp, so the clock does not judge
// them. span is in ticks. It reports false when the packet must not be sent.
func (o *outStream) relay(p []byte, h *header, a *anchor, payloadType uint8, clock, span uint32, event bool) bool {
	if !o.lock() {
		return false
	}
	marker := h.marker
	seq, stamp := h.sequence+a.seq, h.timestamp+a.stamp
	if !a.set || a.ssrc != h.ssrc || o.source != a.source || o.jumped(seq, stamp, clock, event) {
		at := o.position(clock)
		a.set, a.ssrc = true, h.ssrc
		a.seq, a.stamp, a.firstSeq = o.seq+1-h.sequence, at-h.timestamp, o.seq+1
		seq, stamp, marker = o.seq+1, at, true
	}
	if int16(seq-a.firstSeq) < 0 { // from before the change of source: too late
		o.busy.Store(false)
		return false
	}
	putHeader(p, marker, payloadType, seq, stamp, o.ssrc)
	if int16(seq-o.seq) > 0 {
		o.seq = seq
	}
	o.sent(a.source, stamp, span)
	o.busy.Store(false)
	return true
}

func (o *outStream) jumped(seq uint16, stamp, clock uint32, event bool) bool {
	if d := int16(seq - o.seq); d > maxSequenceJump || d < -maxSequenceJump {
		return true
	}
	d := int32(stamp-(o.base+o.ticksOf(clock)+o.shift)) / int32(o.scaled)
	return !event && (d > maxStampJump || d < -maxStampJump)
}
