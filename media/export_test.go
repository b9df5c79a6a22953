package media

import "time"

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
