package media

import (
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
	// RTP payload type of the codec, 0 PCMU or 8 PCMA (RFC 3551 6); timestamp
	// is that of the RTP header (8 kHz); at is the arrival on the monotonic
	// clock, since an arbitrary start that all legs share.
	Packet(side int, law uint8, sequence uint16, timestamp uint32, at time.Duration, payload []byte)
}

// Bridge joins two legs. Payloads are relayed by header rewrite; where the laws
// differ they are converted by table. Its methods may be called from any
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
	to     *Leg
	tap    Tap
	filter func(Side, rune) bool

	anchor anchor
	pass   bool // the key that is being pressed goes through
}

// NewBridge joins player and agent from now on. tap may be nil. DTMF of the
// agent is passed to the player and the other way round, unless filter(side,
// digit) is false (filter may be nil: everything passes); side is the one that
// pressed the key. filter must not block. A leg is in one bridge at a time: a
// new bridge takes it over.
func NewBridge(player, agent *Leg, tap Tap, filter func(side Side, digit rune) bool) *Bridge {
	b := &Bridge{legs: [2]*Leg{player, agent}}
	for side, from := range b.legs {
		r := &route{bridge: b, side: Side(side), to: b.legs[1-side], tap: tap, filter: filter}
		r.anchor.source = sourceID(from.engine.relays.Add(1))
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
// The tap still hears the player. The agent hears silence.
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

// audio takes one packet of audio of law on its way: to the tap, and with a
// new header to the other leg.
func (r *route) audio(p []byte, h *header, law uint8, now time.Duration) {
	held := r.bridge.held.Load()
	payload := p[h.start:h.end]
	if r.tap != nil && !(held && r.side == Agent) {
		r.tap.Packet(int(r.side), law, h.sequence, h.timestamp, now, payload)
	}
	if held {
		return
	}
	to := r.to
	t := to.terms.Load()
	if t == nil || !t.send || !to.ready.Load() || !to.reach() || to.player.speaks() {
		return
	}
	g711.Convert(payload, law, t.law)
	packet := p[h.start-headerSize : h.end]
	if to.out.relay(packet, h, &r.anchor, t.audio, samples(now), uint32(len(payload)), false) {
		to.send(packet, h.timestamp+r.anchor.stamp, now)
	}
}

// event takes one packet of a key on its way to the other leg.
func (r *route) event(p []byte, h *header, e telephoneEvent, digit rune, first bool, now time.Duration) {
	if first {
		r.pass = r.filter == nil || r.filter(r.side, digit)
	}
	to := r.to
	t := to.terms.Load()
	if !r.pass || r.bridge.held.Load() || t == nil || t.event == 0 || !t.send || !to.ready.Load() || to.player.speaks() {
		r.anchor.seq-- // no gap in what the other side counts
		return
	}
	packet := p[h.start-headerSize : h.end]
	if to.out.relay(packet, h, &r.anchor, t.event, samples(now), uint32(e.duration), true) {
		to.send(packet, h.timestamp+r.anchor.stamp, now)
	}
}
