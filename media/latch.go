package media

import (
	"net/netip"
	"time"
)

// Times of the latch.
const (
	// latchQuiet is how long the latched source must be silent before another
	// one, that the signalling vouches for, may take its place.
	latchQuiet = 3 * time.Second
	// latchPatience is how long the negotiated port may keep us waiting before
	// another port of the same host is believed. A NAT shows by an address
	// that differs from the signalling's, and is believed at once.
	latchPatience = time.Second
)

// latch decides from where a leg takes packets, so that audio follows a phone
// behind NAT and never a stranger (security: RTP bleed). The first packet that
// the signalling vouches for holds the latch; then everybody else is a
// stranger, until a new offer moves the address or the source falls silent.
// It belongs to the goroutine that reads the socket.
type latch struct {
	epoch  uint32         // of the terms it was made under
	source netip.AddrPort // invalid: open
	exact  bool           // source is the negotiated address
	heard  time.Duration  // last packet from source
	since  time.Duration  // when the terms came into force
}

// admit judges a packet from an address. moved is set when source is new.
func (l *latch) admit(from netip.AddrPort, t *terms, signalling netip.Addr, now time.Duration) (ok, moved bool) {
	if l.epoch != t.epoch {
		*l = latch{epoch: t.epoch, since: t.since}
	}
	if from == l.source {
		l.heard = now
		return true, false
	}
	exact := from == t.remote
	if !exact && !l.believes(from, t, signalling, now) {
		return false, false
	}
	if l.source.IsValid() && (l.exact || !exact) && now-l.heard < latchQuiet {
		return false, false
	}
	l.source, l.exact, l.heard = from, exact, now
	return true, true
}

// believes reports whether the signalling vouches for a source other than the
// negotiated one.
func (l *latch) believes(from netip.AddrPort, t *terms, signalling netip.Addr, now time.Duration) bool {
	switch {
	case signalling.IsValid() && from.Addr() == signalling && t.remote.Addr() != signalling:
		return true // the description holds an address from behind a NAT
	case from.Addr() == t.remote.Addr() || from.Addr() == signalling:
		return now-l.since >= latchPatience
	}
	return false
}
