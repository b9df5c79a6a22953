package media

import (
	"net/netip"
	"time"
)

// TickNow plays one frame to every leg, as the tickers do.
func (e *Engine) TickNow(number uint64) {
	t := tick{number: number, at: time.Duration(number) * tickLength, packet: newPacket()}
	t.clock = samples(t.at)
	for _, s := range e.shards {
		s.play(&t)
	}
}

// Parsers for the fuzz targets.
var (
	ParseHeader = parseHeader
	ParseEvent  = parseEvent
)

// WalkRTCP runs the parser of compound packets.
func WalkRTCP(p []byte) { parseRTCP(p, 1) }

// Payload returns where the payload of h stands.
func (h header) Payload() (start, end int) { return h.start, h.end }

// ParseCrypto reads the value of an a=crypto line, and writes it again.
func ParseCrypto(value string) (string, bool) {
	c, ok := parseCrypto(value)
	if !ok {
		return "", false
	}
	return c.String(), true
}

// NewDigits makes a detector of keys; it reports each packet's first and stale.
func NewDigits() func(timestamp uint32, marker bool, payload []byte, at time.Duration) (first, stale bool) {
	d := new(digitDetector)
	return func(timestamp uint32, marker bool, payload []byte, at time.Duration) (first, stale bool) {
		e, ok := parseEvent(payload)
		if !ok {
			return false, false
		}
		return d.see(&header{timestamp: timestamp, marker: marker}, e, at)
	}
}

// Receive takes a packet of RTP or RTCP as if it had come by the leg's socket.
// The leg must have none that reads: the goroutine that calls it is the reader.
func (l *Leg) Receive(p []byte, from netip.AddrPort, at time.Duration) { l.receive(p, from, at) }

// ReceiveRTCP does so with a packet of the RTCP socket.
func (l *Leg) ReceiveRTCP(p []byte, from netip.AddrPort, at time.Duration) {
	l.receiveRTCP(p, from, at)
}
