package media

import (
	"strings"
	"time"
)

// dtmfDigits are the keys of RFC 4733 section 3.2, by event code.
const dtmfDigits = "0123456789*#ABCD"

// Timing of a key that we send (RFC 4733 section 2.5.1).
const (
	digitTicks   = 8 // 160 ms
	digitEnds    = 3 // the last packet is sent three times
	digitGap     = 4 // ticks of silence before the next key
	digitVolume  = 10
	digitsQueued = 32
)

// dtmfCode returns the event code of a key.
func dtmfCode(digit rune) (byte, bool) {
	if digit >= 'a' && digit <= 'd' {
		digit -= 'a' - 'A'
	}
	i := strings.IndexRune(dtmfDigits, digit)
	return byte(i), i >= 0
}

// telephoneEvent is the payload of RFC 4733 section 2.3.
type telephoneEvent struct {
	code     byte
	end      bool
	duration uint16 // samples
}

// parseEvent reads a payload. It reports false for what is no key.
func parseEvent(p []byte) (telephoneEvent, bool) {
	if len(p) < 4 || int(p[0]) >= len(dtmfDigits) {
		return telephoneEvent{}, false
	}
	return telephoneEvent{code: p[0], end: p[1]&0x80 != 0, duration: uint16(p[2])<<8 | uint16(p[3])}, true
}

// putEvent writes the payload of an event.
func putEvent(p []byte, e telephoneEvent) {
	p[0], p[1] = e.code, digitVolume
	if e.end {
		p[1] |= 0x80
	}
	p[2], p[3] = byte(e.duration>>8), byte(e.duration)
}

// sameKeyWithin is how soon a packet of the same key, without marker, still
// belongs to a key whose end was not seen: long keys come as several events
// (RFC 4733 section 2.5.1.3), and some phones move the timestamp with every
// packet.
const sameKeyWithin = 150 * time.Millisecond

// digitDetector finds the keys in the events of one incoming stream. A key is
// told at its first packet, whichever that is, so that lost packets at its
// start or end change nothing.
type digitDetector struct {
	begun bool
	ended bool
	code  byte
	stamp uint32
	at    time.Duration
}

// see takes one packet and reports whether it is the first of a key; stale is
// set for a packet of an older key that comes late.
func (d *digitDetector) see(h *header, e telephoneEvent, at time.Duration) (first, stale bool) {
	if d.begun {
		switch age := int32(h.timestamp - d.stamp); {
		case age < 0 && age > -10*clockRate:
			return false, true
		case age == 0 && e.code == d.code:
			d.ended, d.at = d.ended || e.end, at
			return false, false
		case e.code == d.code && !h.marker && !d.ended && at-d.at < sameKeyWithin:
			d.stamp, d.ended, d.at = h.timestamp, e.end, at
			return false, false
		}
	}
	*d = digitDetector{begun: true, ended: e.end, code: e.code, stamp: h.timestamp, at: at}
	return true, false
}
