package media

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// incoming is what a leg keeps of the stream that it receives. The goroutine
// that reads owns it, but for the atomics.
type incoming struct {
	section
	latch  latch
	stats  receiveStats
	digits digitDetector
	mos    mosWindows
	speech listener
	hidden bool // keys are hidden in the packet at hand: it is not relayed as it came

	life      atomic.Int64 // last RTP or RTCP, since the epoch
	sent      atomic.Bool  // the peer sent at least one packet: its silence can be judged
	dead      atomic.Bool
	voice     atomic.Int64 // last RTP of a browser, since the epoch
	silent    atomic.Bool  // EventSilent was told, and EventHeard not yet
	strangers atomic.Uint64
	malformed atomic.Uint64
	forged    atomic.Uint64 // SRTP that failed its check, or came twice
	lastSR    atomic.Uint32 // middle of the NTP time of the peer's last sender report
	lastSRAt  atomic.Int64
	roundTrip atomic.Int64 // from the peer's reports, 0: unknown
}

// receive takes one packet from the network. Events that it causes are told
// after the section is left, so that a sink may part the bridge.
func (l *Leg) receive(p []byte, from netip.AddrPort, now time.Duration) {
	if isRTCP(p) {
		if t := l.terms.Load(); t != nil && t.mux {
			l.receiveRTCP(p, from, now)
		}
		return
	}
	if !l.in.enter() {
		return
	}
	digit, alive := l.take(p, from, now)
	l.in.leave()
	if alive {
		l.events.put(Event{Kind: EventAlive})
	}
	if digit != 0 {
		l.events.put(Event{Kind: EventDTMF, Digit: digit})
	}
}

// take does the work of receive. It returns a key that was pressed, and
// whether the leg came back from the dead.
func (l *Leg) take(p []byte, from netip.AddrPort, now time.Duration) (digit rune, alive bool) {
	t := l.terms.Load()
	if t != nil && t.opener != nil { // before the latch: what is forged moves nothing
		var ok bool
		if p, ok = t.opener.open(p); !ok {
			l.in.forged.Add(1)
			return 0, false
		}
	}
	h, ok := parseHeader(p)
	if !ok || t == nil {
		l.in.malformed.Add(1)
		return 0, false
	}
	if l.browser == nil {
		ok, moved := l.in.latch.admit(from, t, l.peer, now)
		if !ok {
			l.in.strangers.Add(1)
			return 0, false
		}
		if moved {
			l.retarget(from, t)
		}
	}
	k := t.kinds[h.payloadType]
	if k == kindNone {
		l.in.malformed.Add(1)
		return 0, false
	}
	l.in.life.Store(int64(now))
	if !l.in.sent.Load() {
		l.in.sent.Store(true)
	}
	if l.browser != nil {
		l.hear(now)
	}
	alive = l.in.dead.Load() && l.in.dead.CompareAndSwap(true, false)
	if !l.in.stats.update(&h, now, k) || !t.receive {
		return 0, alive
	}
	if k.isEvent() {
		return l.takeEvent(p, &h, k, now), alive
	}
	if e := l.ear.Load(); e != nil && k.speech() {
		if k.g711() {
			digit = e.hear(p[h.start:h.end], &h, k.law(), &l.in.digits, now)
		} else if e.attend() {
			digit = l.hearCoded(e, p[h.start:h.end], &h, k, now)
		}
	}
	if k == kindComfort {
		l.takeNoise(p, &h)
	} else if r := l.route.Load(); r != nil {
		r.audio(p, &h, k, now)
	} else if m := l.member.Load(); m != nil {
		m.audio(p[h.start:h.end], &h, k, now)
	}
	l.in.hidden, l.in.speech.keeps = false, false
	return digit, alive
}

// retarget sends to where the peer really is (symmetric RTP, RFC 4961).
func (l *Leg) retarget(from netip.AddrPort, t *terms) {
	to := from
	l.target.Store(&to)
	if from == t.remote && t.remoteRTCP.IsValid() {
		rtcp := t.remoteRTCP
		l.targetRTCP.Store(&rtcp)
	}
}

// takeNoise handles a packet of comfort noise.
func (l *Leg) takeNoise(p []byte, h *header) {
	l.in.speech.pass(h)
	if r := l.route.Load(); r != nil {
		r.noise(p[h.start:h.end])
	}
}

// takeEvent handles a packet of a telephone-event: a key is told once, and
// passed on to the other side of a bridge that lets it through, unless it is
// masked.
func (l *Leg) takeEvent(p []byte, h *header, k kind, now time.Duration) rune {
	e, ok := parseEvent(p[h.start:h.end])
	if !ok {
		l.in.malformed.Add(1)
		return 0
	}
	l.in.speech.pass(h)
	first, stale := l.in.digits.see(h, e, now)
	digit := rune(dtmfDigits[e.code])
	ear := l.ear.Load()
	masked := ear != nil && ear.masked.Load()
	if r := l.route.Load(); r != nil && !stale {
		r.event(p, h, e, k, digit, first, masked, now)
	} else if m := l.member.Load(); m != nil && !stale && !masked {
		m.event(digit, first)
	}
	if !first || ear != nil && ear.known(e.code, now) {
		return 0
	}
	return digit
}
