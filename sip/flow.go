package sip

import (
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
)

// flow is where requests to a peer go: a transport and its source address, and
// for a stream the live connection (RFC 5626 4.2).
type flow struct {
	transport string // "udp", "tcp", "tls", "ws", "wss"
	addr      netip.AddrPort
	conn      io.Closer // nil for UDP
	host      string    // Host of the WebSocket handshake
	users     atomic.Int32
}

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
}

// maxPerSource is the number of connections that one address may hold.
const maxPerSource = 256

func newFlows() *flows {
	return &flows{live: map[string]*flow{}, byHost: map[netip.Addr]int{}}
}

// add reports false where the source holds too many already.
func (t *flows) add(f *flow) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.byHost[f.addr.Addr()] >= maxPerSource {
		return false
	}
	t.live[f.network()+f.addr.String()] = f
	t.byHost[f.addr.Addr()]++
	return true
}

func (t *flows) remove(f *flow) {
	t.mu.Lock()
	defer t.mu.Unlock()
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
	return &flow{transport: "udp", addr: netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())}
}

// flowTo returns the flow of a stored "transport:address"; nil: it is gone.
func (s *Server) flowTo(stored string) *flow {
	transport, addr, ok := parseFlow(stored)
	if !ok {
		return nil
	}
	f := &flow{transport: transport, addr: addr}
	if transport == "udp" {
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
