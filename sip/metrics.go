package sip

import (
	"sync"
	"sync/atomic"
)

// Metrics is a copy of the counters of a Server.
type Metrics struct {
	Parsed       uint64 // messages that reached the gate or a transaction
	Dropped      uint64 // garbage that nothing could be answered to
	BadRequest   uint64 // requests refused before they were parsed: 400, 416, 505, 513
	GuardRefused uint64 // new requests refused by the flood guard
	Wrong        uint64 // wrong passwords, and those of users we do not have
	Blocked      uint64 // requests refused after too many of them
	Panics       uint64 // recovered in a handler
	Calls        uint64 // INVITEs accepted
	Dead         uint64 // legs ended because their peer had vanished
	Dialogs      int    // up now
	Connections  int    // TCP, TLS and WebSocket flows now
	// ConnectionsEvicted were idle and made room for others.
	ConnectionsEvicted uint64
	// ConnectionsRefused found no room: those that were there are in use.
	ConnectionsRefused uint64
	// TrunkRefused are calls that a trunk had no place for, TrunkFailovers those
	// that went on to another address or trunk.
	TrunkRefused, TrunkFailovers uint64
	Bindings                     int            // registered contacts now
	GateRefused                  map[int]uint64 // requests refused by the gate, by status
}

type counters struct {
	parsed, dropped, badRequest, guardRefused, wrong, blocked, panics, calls, dead, evicted, notAdmitted atomic.Uint64

	mu   sync.Mutex
	gate map[int]uint64
}

func (c *counters) refused(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gate == nil {
		c.gate = map[int]uint64{}
	}
	c.gate[status]++
}

// Metrics returns a copy of the counters.
func (s *Server) Metrics() Metrics {
	m := Metrics{
		Parsed: s.counters.parsed.Load(), Dropped: s.counters.dropped.Load(),
		BadRequest: s.counters.badRequest.Load(), GuardRefused: s.counters.guardRefused.Load(),
		Wrong: s.counters.wrong.Load(), Blocked: s.counters.blocked.Load(),
		Panics: s.counters.panics.Load(), Calls: s.counters.calls.Load(), Dead: s.counters.dead.Load(),
		Dialogs: s.legs.count(), Connections: s.flows.count(), Bindings: s.reg.count(),
		ConnectionsEvicted: s.counters.evicted.Load(), ConnectionsRefused: s.counters.notAdmitted.Load(),
		TrunkRefused: s.trunks.refused.Load(), TrunkFailovers: s.trunks.failovers.Load(),
		GateRefused: map[int]uint64{},
	}
	s.counters.mu.Lock()
	defer s.counters.mu.Unlock()
	for k, v := range s.counters.gate {
		m.GateRefused[k] = v
	}
	return m
}
