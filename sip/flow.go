package sip

import (
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// flow is where requests to a peer go: a transport and its source address, and
// for a stream the live connection (RFC 5626 4.2).
type flow struct {
	transport string // "udp", "tcp", "tls", "ws", "wss"
	addr      netip.AddrPort
	conn      io.Closer // nil for UDP
	at        *endpoint // by which it came; nil: the first sockets
	host      string    // Host of the WebSocket handshake
	users     atomic.Int32
	timed     atomic.Bool  // the phone was told flowTimer
	heard     atomic.Int64 // when something came last, Unix nanoseconds
	gone      bool         // guarded by flows.mu
}

// hear notes that something came.
func (f *flow) hear() { f.heard.Store(time.Now().UnixNano()) }

// String is the form in which a flow is stored: "udp:192.0.2.1:5060".
func (f *flow) String() string { return f.transport + ":" + f.addr.String() }

// network is sipgo's name of the transport.
func (f *flow) network() string {
	if f.transport == "wss" {
		return "WS" // TLS ended in front of us
	}
	return strings.ToUpper(f.transport)
}

func (f *flow) stream() bool    { return f.transport != "udp" }
func (f *flow) websocket() bool { return f.transport == "ws" || f.transport == "wss" }

// parseFlow reads the stored form.
func parseFlow(s string) (transport string, addr netip.AddrPort, ok bool) {
	transport, rest, found := strings.Cut(s, ":")
	if !found {
		return "", addr, false
	}
	addr, err := netip.ParseAddrPort(rest)
	switch transport {
	case "udp", "tcp", "tls", "ws", "wss":
		return transport, addr, err == nil
	}
	return "", addr, false
}

// flows are the live stream connections. Safe for any goroutine.
type flows struct {
	mu     sync.Mutex
	live   map[string]*flow // by sipgo network and address
	byHost map[netip.Addr]int
	closed bool

	most, mostOfHost int
}

func newFlows(most, mostOfHost int) *flows {
	return &flows{live: map[string]*flow{}, byHost: map[netip.Addr]int{}, most: most, mostOfHost: mostOfHost}
}

// admission of a connection.
type admission int

const (
	admitted   admission = iota
	sourceFull           // its source holds too many
	allFull              // all together do
	closing              // the server stops
)

func (t *flows) add(f *flow) admission {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return closing
	case t.byHost[f.addr.Addr()] >= t.mostOfHost:
		return sourceFull
	case len(t.live) >= t.most:
		return allFull
	}
	t.live[f.network()+f.addr.String()] = f
	t.byHost[f.addr.Addr()]++
	return admitted
}

// idlest returns the connection of source, or of anybody where it is the zero
// address, that said nothing for longest and is neither in a dialog nor among
// those in use; nil: there is none.
func (t *flows) idlest(source netip.Addr, inUse map[string]bool) *flow {
	t.mu.Lock()
	defer t.mu.Unlock()
	var found *flow
	for _, f := range t.live {
		if (source.IsValid() && f.addr.Addr() != source) || f.users.Load() > 0 {
			continue
		}
		if (found == nil || f.heard.Load() < found.heard.Load()) && !inUse[f.String()] {
			found = f
		}
	}
	return found
}

// admit lets a connection in. Where too many are held, the one that was idle
// longest makes room.
func (s *Server) admit(f *flow) bool {
	f.hear()
	for range 3 { // another may take the room that was made
		var crowd netip.Addr
		switch s.flows.add(f) {
		case admitted:
			return true
		case closing:
			return false
		case sourceFull:
			crowd = f.addr.Addr()
		case allFull:
		}
		idle := s.flows.idlest(crowd, s.reg.flowsInUse())
		if idle == nil {
			break
		}
		s.counters.evicted.Add(1)
		s.flows.remove(idle)
		_ = idle.conn.Close()
	}
	s.counters.notAdmitted.Add(1)
	return false
}

func (t *flows) remove(f *flow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f.gone {
		return
	}
	f.gone = true
	if k := f.network() + f.addr.String(); t.live[k] == f {
		delete(t.live, k)
	}
	if t.byHost[f.addr.Addr()]--; t.byHost[f.addr.Addr()] <= 0 {
		delete(t.byHost, f.addr.Addr())
	}
}

// find returns the live connection to addr, or nil.
func (t *flows) find(network, addr string) *flow {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.live[network+addr]
}

func (t *flows) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.live)
}

func (t *flows) closeAll() {
	t.mu.Lock()
	t.closed = true
	all := make([]*flow, 0, len(t.live))
	for _, f := range t.live {
		all = append(all, f)
	}
	t.mu.Unlock()
	for _, f := range all {
		_ = f.conn.Close()
	}
}

// flowOf returns the flow by which a message of that transport and source came.
// For a stream whose connection is gone it returns nil.
func (s *Server) flowOf(network, source string) *flow {
	network = strings.ToUpper(network)
	if network != "UDP" {
		return s.flows.find(network, source)
	}
	addr, err := netip.ParseAddrPort(source)
	if err != nil {
		return nil
	}
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	return &flow{transport: "udp", addr: addr, at: s.endpointTo(addr)}
}

// flowTo returns the flow of a stored "transport:address"; nil: it is gone.
func (s *Server) flowTo(stored string) *flow {
	transport, addr, ok := parseFlow(stored)
	if !ok {
		return nil
	}
	f := &flow{transport: transport, addr: addr}
	if transport == "udp" {
		f.at = s.endpointTo(addr)
		return f
	}
	return s.flows.find(f.network(), addr.String())
}

// sourceOf reads a net.Addr.
func sourceOf(a net.Addr) netip.AddrPort {
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}
