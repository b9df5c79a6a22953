package sip

import (
	"fmt"
	"time"
)

// Limits bound what peers may cost. The zero value of a field is its default.
type Limits struct {
	// MessageBytes is the longest message, head and body; 0 is 65,535, which is
	// the most. Longer ones get 513.
	MessageBytes int
	// Headers is the number of header fields of a message; 0 is 128.
	Headers int
	// Vias is the number of Via hops of a message; 0 is 70, as many as a
	// request may pass (RFC 3261 8.1.1.6).
	Vias int
	// Connections is the number of TCP, TLS and WebSocket connections at once;
	// 0 is 8192.
	Connections int
	// SourceConnections is the number of them that one address may hold; 0 is
	// 256. Beyond it the one that was idle longest makes room, unless all have
	// a binding or a dialog: then newcomers are refused.
	SourceConnections int
	// MessageTime is how long the bytes of one message may take on a stream, so
	// that nobody holds a connection by a byte now and then; 0 is 10 s.
	MessageTime time.Duration
	// IdleTime is how long a stream may say nothing when neither a binding nor
	// a dialog uses it; 0 is 60 s.
	IdleTime time.Duration
}

// broken says how a message is refused that goes beyond a limit or does not say
// where it ends; 0: it is not. size is what came of it.
func (l *Limits) broken(h *head, size int) int {
	switch {
	case size > l.MessageBytes, h.end+max(0, h.length) > l.MessageBytes:
		return 513
	case h.headers > l.Headers, h.hops > l.Vias, h.lengths > 1:
		return 400
	}
	return 0
}

// check fills in defaults and reports the first that cannot work.
func (l *Limits) check() error {
	counts := []struct {
		name             string
		value            *int
		usual, low, high int
	}{
		{"message_bytes", &l.MessageBytes, 65535, 1024, 65535},
		{"headers", &l.Headers, 128, 16, 4096},
		{"vias", &l.Vias, 70, 4, 70},
		{"connections", &l.Connections, 8192, 1, 1 << 20},
		{"source_connections", &l.SourceConnections, 256, 1, 1 << 20},
	}
	for _, c := range counts {
		if *c.value == 0 {
			*c.value = c.usual
		}
		if *c.value < c.low || *c.value > c.high {
			return fmt.Errorf("sip.limits.%s is %d: it must be from %d to %d", c.name, *c.value, c.low, c.high)
		}
	}
	times := []struct {
		name  string
		value *time.Duration
		usual time.Duration
	}{
		{"message_time", &l.MessageTime, 10 * time.Second},
		{"idle_time", &l.IdleTime, time.Minute},
	}
	for _, t := range times {
		if *t.value == 0 {
			*t.value = t.usual
		}
		if *t.value < 0 {
			return fmt.Errorf("sip.limits.%s is %v: it must be above 0", t.name, *t.value)
		}
	}
	return nil
}
