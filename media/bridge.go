package media

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"pickup/internal/g711"
)

// Side tells the two sides of a bridge apart.
type Side int

// The sides: they are also the channels of a recording, left and right.
const (
	Player Side = 0
	Agent  Side = 1
)

// Tap receives a copy of the audio that two bridged legs send to us. Packet is
// called on the media path: it must not block, allocate or keep payload. It
// may be called for both sides at once.
type Tap interface {
	// Packet: side is 0 for the player and 1 for the agent; law is the static
	// RTP payload type of the codec, 0 PCMU or 8 PCMA (RFC 3551 6), or
	// g711.Linear for what was decoded from another one, in frames of 20 ms;
	// timestamp counts samples at 8 kHz, that of the RTP header or one made from
	// it; at is the arrival on the monotonic clock, since an arbitrary start that
	// all legs share.
	Packet(side int, law uint8, sequence uint16, timestamp uint32, at time.Duration, payload []byte)
}

// Bridge joins two legs. Payloads are relayed by header rewrite; where the laws
// of G.711 differ they are converted by table, and where other codecs differ
// they are transcoded. Its methods may be called from any
// goroutine, also from a sink of the legs' events.
type Bridge struct {
	legs   [2]*Leg
	routes [2]*route
	held   atomic.Bool
	close  sync.Once
}

// route is one direction of a bridge. What is not atomic belongs to the
// goroutine that reads the leg the audio comes from.
type route struct {
	bridge *Bridge
	side   Side // where it comes from
	from   *Leg
	to     *Leg
	tap    Tap
	filter func(Side, rune) bool

	anchor  anchor
	pass    bool         // the key that is being pressed goes through
	speech  *transcoder  // nil until something must be decoded
	comfort atomic.Int32 // 1 + level in -dBov of the comfort noise that is due (RFC 3389); 0: none
}

// other is the other direction.
func (r *route) other() *route { return r.bridge.routes[1-r.side] }

// NewBridge joins player and agent from now on. tap may be nil. DTMF of the
// agent is passed to the player and the other way round, unless filter(side,
// digit) is false (filter may be nil: everything passes); side is the one that
// pressed the key. filter must not block. A leg is in one bridge at a time: a
// new bridge takes it over.
func NewBridge(player, agent *Leg, tap Tap, filter func(side Side, digit rune) bool) *Bridge {
	b := &Bridge{legs: [2]*Leg{player, agent}}
	for side, from := range b.legs {
		r := &route{bridge: b, side: Side(side), from: from, to: b.legs[1-side], tap: tap, filter: filter}
		r.anchor.source = sourceID(from.engine.relays.Add(1))
		r.foresee()
		b.routes[side] = r
	}
	for side, from := range b.legs {
		from.route.Store(b.routes[side])
		from.member.Store(nil)
		from.player.begun.Store(true)
	}
	return b
}

// Hold plays music to the player and mutes both directions while on is true.
// The tap still hears the player. The agent hears silence, or his music.
func (b *Bridge) Hold(on bool) { b.held.Store(on) }

// Close parts the legs; each goes back to its own source. Tap gets nothing
// after Close has returned. It may be called twice.
func (b *Bridge) Close() {
	b.close.Do(func() {
		for side, l := range b.legs {
			l.route.CompareAndSwap(b.routes[side], nil)
		}
		for _, l := range b.legs {
			l.in.quiesce()
		}
	})
}

// audio takes one packet of audio on its way: to the tap, and with a new header
// to the other leg. What the tap or the other leg do not understand is decoded
// first: a relay encrypts the packet in place.
func (r *route) audio(p []byte, h *header, k kind, now time.Duration) {
	held := r.bridge.held.Load()
	payload := p[h.start:h.end]
	tapped := r.tap != nil && !(held && r.side == Agent)
	if r.comfort.Load() != 0 {
		r.comfort.Store(0)
	}
	t := r.to.terms.Load()
	open := !held && r.open(t)
	straight := open && straight(k, t.codec) && !r.from.in.hidden
	if tapped && k.g711() {
		r.tap.Packet(int(r.side), k.law(), h.sequence, h.timestamp, now, payload)
	}
	if tapped && !k.g711() || open && !straight {
		r.transcode(payload, h, k, t, tapped && !k.g711(), open && !straight, now)
	}
	if !straight {
		return
	}
	if k != t.codec {
		g711.Convert(payload, k.law(), t.codec.law())
	}
	packet := p[h.start-headerSize : h.end]
	if r.to.out.relay(packet, h, &r.anchor, t.audio, samples(now), uint32(len(payload))*t.codec.scale(), false) {
		r.to.send(packet, h.timestamp+r.anchor.stamp, now)
	}
}

// open reports whether the other leg, of terms t, hears this one now.
func (r *route) open(t *terms) bool {
	return t != nil && t.send && r.to.ready.Load() && r.to.reach() && !r.to.player.speaks()
}

// straight reports whether payloads of one codec become those of another without
// being decoded.
func straight(from, to kind) bool { return from == to || from.g711() && to.g711() }

// event takes one packet of a key on its way to the other leg. A key of which one
// packet was masked is not passed on any more.
func (r *route) event(p []byte, h *header, e telephoneEvent, k kind, digit rune, first, masked bool, now time.Duration) {
	if first {
		r.pass = r.filter == nil || r.filter(r.side, digit)
	}
	r.pass = r.pass && !masked
	t := r.to.terms.Load()
	if !r.pass || r.bridge.held.Load() || !r.open(t) || t.event == 0 {
		r.anchor.seq-- // no gap in what the other side counts
		return
	}
	packet := p[h.start-headerSize : h.end]
	out, anchor := *h, &r.anchor
	if mine := r.from.terms.Load(); mine != nil && !straight(mine.codec, t.codec) {
		out, anchor = r.made(h, t), &r.speech.anchor
		e.duration = uint16(min(uint32(e.duration)*t.codec.scale()/k.scale(), math.MaxUint16))
		p[h.start+2], p[h.start+3] = byte(e.duration>>8), byte(e.duration)
	}
	if r.to.out.relay(packet, &out, anchor, t.event, samples(now), uint32(e.duration), true) {
		r.to.send(packet, out.timestamp+anchor.stamp, now)
	}
}

// noise takes a packet of comfort noise (RFC 3389 section 3): the leg sends
// nothing from now on, and the other one hears noise of that level from us.
func (r *route) noise(payload []byte) {
	r.comfort.Store(1 + int32(payload[0]&0x7f))
	r.anchor.seq--
}
