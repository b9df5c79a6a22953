package media

import (
	"cmp"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"pickup/call"
	"pickup/internal/logkey"
)

// terms is what offer and answer agreed on. It is never changed: a new
// agreement is a new value.
type terms struct {
	epoch      uint32         // raised when the remote address changes
	since      time.Duration  // when this epoch began
	remote     netip.AddrPort // where the peer wants RTP; invalid when it takes none
	remoteRTCP netip.AddrPort
	mux        bool      // RTCP on the RTP port (RFC 5761)
	codec      kind      // of what we send
	audio      uint8     // payload type of codec
	event      uint8     // payload type of telephone-event, 0: none
	kinds      [128]kind // what each incoming payload type is
	send       bool      // we may send
	receive    bool      // the peer may send
	judged     bool      // the peer is expected to send: its silence means something
	opener     *opener   // decrypts what the peer sends; nil: it is plain
	sealer     *sealer   // encrypts what we send; nil: it is plain
}

// Leg is the media of one dialog or browser peer. Its methods may be called
// from any goroutine; none blocks for the network except the SDP methods of a
// browser leg.
type Leg struct {
	engine *Engine
	id     call.LegID
	peer   netip.Addr // of the signalling; invalid: unknown
	local  netip.Addr // advertised
	policy SRTP       // of its listener
	prefer kind       // the codec that our first offer begins with; kindNone: the first of Config.Codecs
	log    *slog.Logger
	shard  *shard

	sockets pair         // of a phone's leg
	browser *browserPeer // of a browser's leg, else nil

	mu     sync.Mutex // guards the negotiation
	desc   description
	closed bool

	terms      atomic.Pointer[terms]
	target     atomic.Pointer[netip.AddrPort] // where RTP goes; nil: nobody vouched for yet
	targetRTCP atomic.Pointer[netip.AddrPort]
	ready      atomic.Bool
	readyAt    atomic.Int64 // since the epoch
	events     eventQueue

	inband InbandDTMF
	in     incoming
	ear    atomic.Pointer[ear] // nil: nobody listens for keys in the audio
	out    outStream
	route  atomic.Pointer[route]  // the bridge, else nil
	member atomic.Pointer[Member] // of a conference, else nil
	player player
}

func newLeg(e *Engine, o LegOptions) *Leg {
	l := &Leg{
		engine: e,
		id:     o.ID,
		peer:   o.Peer.Unmap(),
		prefer: kindOfCodec(o.Prefer),
		log:    e.log.With(logkey.Leg, string(o.ID)),
		out:    newOutStream(),
		policy: cmp.Or(o.SRTP, e.cfg.SRTP),
		inband: cmp.Or(o.InbandDTMF, e.cfg.InbandDTMF, InbandAuto),
	}
	l.desc.sessionID = rand.Uint64() >> 2 // fits every parser's signed 64 bits
	l.player.digits = make(chan byte, digitsQueued)
	l.player.phase = rand.Uint64N(rtcpEvery)
	return l
}

// ID returns the id the leg was made with.
func (l *Leg) ID() call.LegID { return l.id }

// Bind sets who is told of events. Events that came before are delivered at
// once, in order. sink must not block. It is called once.
func (l *Leg) Bind(sink func(Event)) { l.events.bind(sink) }

// Ready reports whether audio can flow both ways: offer and answer complete,
// and for a browser DTLS connected.
func (l *Leg) Ready() bool { return l.ready.Load() }

// Codec returns "PCMA", "PCMU", "G722", "opus", or "" before the negotiation.
func (l *Leg) Codec() string {
	t := l.terms.Load()
	if t == nil {
		return ""
	}
	return t.codec.codecName()
}

// Close frees ports and peers. It may be called twice.
func (l *Leg) Close() {
	l.mu.Lock()
	was := l.closed
	l.closed = true
	l.mu.Unlock()
	if was {
		return
	}
	l.ready.Store(false)
	l.Stop()
	l.engine.remove(l)
	if l.browser != nil {
		l.browser.close()
		return
	}
	l.engine.ports.close(l.sockets)
}

// setReady tells, once for each time it becomes true.
func (l *Leg) setReady() {
	if l.ready.CompareAndSwap(false, true) {
		l.readyAt.Store(int64(l.engine.now()))
		l.events.put(Event{Kind: EventReady})
	}
}

// adopt puts new terms into force and returns the hold event that they mean,
// if any. The caller holds l.mu.
func (l *Leg) adopt(t *terms) {
	now := l.engine.now()
	old := l.terms.Load()
	if old != nil && old.remote == t.remote {
		t.epoch, t.since = old.epoch, old.since
	} else {
		t.epoch, t.since = 1, now
		if old != nil {
			t.epoch = old.epoch + 1
		}
	}
	l.giveEar(t)
	l.in.life.Store(int64(now)) // patience starts anew with the terms
	l.out.scale.Store(t.codec.scale())
	l.terms.Store(t)
	l.prepare(l.player.playing.Load()) // after the store: Play does it the other way round
	if l.browser == nil && (old == nil || t.epoch != old.epoch) {
		l.in.quiesce() // the reader no longer sees the old terms: its latch cannot undo this
		l.aim(t)
	}
}

// aim sets where RTP goes until a packet tells better. Without one, only the
// host that signalled is sent to: a description must not make us flood a third.
func (l *Leg) aim(t *terms) {
	l.target.Store(nil)
	l.targetRTCP.Store(nil)
	if !t.remote.IsValid() || l.peer.IsValid() && t.remote.Addr() != l.peer {
		return
	}
	remote, rtcp := t.remote, t.remoteRTCP
	l.target.Store(&remote)
	if rtcp.IsValid() {
		l.targetRTCP.Store(&rtcp)
	}
}

// send transmits a packet whose header is written; size is that of p. It is
// called on the media path.
func (l *Leg) send(p []byte, timestamp uint32, now time.Duration) {
	if l.browser != nil {
		if l.browser.writeRTP(p) == nil {
			l.out.count(len(p), timestamp, int64(now))
		}
		return
	}
	to := l.target.Load()
	if to == nil {
		return
	}
	size := len(p)
	if t := l.terms.Load(); t != nil && t.sealer != nil {
		var ok bool
		if p, ok = t.sealer.seal(p); !ok {
			l.out.collided.Add(1)
			return
		}
	}
	if l.sockets.rtp.Write(p, *to) != nil {
		l.engine.unsent.Add(1)
		return
	}
	l.out.count(size, timestamp, int64(now))
}

// reach reports whether there is somebody to send to.
func (l *Leg) reach() bool { return l.browser != nil || l.target.Load() != nil }

// section is a stretch of code of one goroutine that another one can wait to
// be left: odd while it is inside. It costs two atomic operations and nobody
// who is inside ever waits.
type section struct{ count atomic.Uint32 }

// enter reports false when another goroutine is inside.
func (s *section) enter() bool {
	c := s.count.Load()
	return c&1 == 0 && s.count.CompareAndSwap(c, c+1)
}

func (s *section) leave() { s.count.Add(1) }

// quiesce waits until what was inside when it was called has left.
func (s *section) quiesce() {
	c := s.count.Load()
	for c&1 == 1 && s.count.Load() == c {
		runtime.Gosched()
	}
}
