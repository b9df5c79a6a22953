package sip

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"pickup/media"
)

// Listener is one more address to listen at, beside Config.Listen and
// Config.TLSListen.
type Listener struct {
	Address   string // "host:port", an IP address; port 0 is any free one
	Transport string // "udp", "tcp" or "tls"; "" is UDP and TCP
	// LocalAddr is Config.LocalAddr for the peers of this listener; nil: that one.
	LocalAddr func(peer netip.Addr) netip.Addr
	SRTP      media.SRTP // of the calls by it; "": that of the media engine
}

// endpoint is an open Listener.
type endpoint struct {
	Listener
	udp  *packetConn // nil: none
	tcp  *listener   // TCP or TLS; nil: none
	port int
}

// openMore opens Config.Listeners.
func (s *Server) openMore() error {
	for i := range s.cfg.Listeners {
		e, err := s.open(s.cfg.Listeners[i])
		if err != nil {
			return fmt.Errorf("sip.listeners[%d] %s: %w", i, s.cfg.Listeners[i].Address, err)
		}
		s.more = append(s.more, e)
	}
	return nil
}

func (s *Server) open(l Listener) (*endpoint, error) {
	at, err := netip.ParseAddrPort(l.Address)
	if err != nil {
		return nil, fmt.Errorf("it must be an IP address and port, as [2001:db8::7]:5060")
	}
	family := "4"
	if at.Addr().Is6() {
		family = "6" // alone: IPv4 has sockets of its own
	}
	e := &endpoint{Listener: l, port: int(at.Port())}
	if l.Transport == "" || l.Transport == "udp" {
		pc, err := listenUDP("udp"+family, l.Address)
		if err != nil {
			return nil, err
		}
		_ = pc.SetReadBuffer(1 << 20) // the kernel may give less
		e.port = int(sourceOf(pc.LocalAddr()).Port())
		e.udp = newPacketConn(pc, s)
		e.udp.at = e
	}
	if l.Transport == "udp" {
		return e, nil
	}
	ln, err := net.Listen("tcp"+family, netip.AddrPortFrom(at.Addr(), uint16(e.port)).String()) //nolint:gosec // a port
	if err == nil && l.Transport == "tls" {
		ln = tls.NewListener(ln, s.cfg.TLS)
	}
	if err != nil {
		e.close()
		return nil, err
	}
	e.port = int(sourceOf(ln.Addr()).Port())
	e.tcp = newListener(s, ln, "TCP")
	if l.Transport == "tls" {
		e.tcp.network = "TLS"
	}
	e.tcp.at = e
	return e, nil
}

// serve reads by e until it is closed.
func (s *Server) serve(e *endpoint) {
	if e.udp != nil {
		s.wg.Go(func() { s.serveUDP(e.udp) })
	}
	switch {
	case e.tcp == nil:
	case e.tcp.network == "TLS":
		s.wg.Go(func() { _ = s.tp.ServeTLS(e.tcp) })
	default:
		s.wg.Go(func() { _ = s.tp.ServeTCP(e.tcp) })
	}
}

func (s *Server) serveUDP(p *packetConn) {
	for s.life.Err() == nil { // it returns when the set of sources is to be forgotten
		_ = s.tp.ServeUDP(p)
		p.renew()
	}
}

func (e *endpoint) close() {
	if e.udp != nil {
		_ = e.udp.Close()
	}
	if e.tcp != nil {
		_ = e.tcp.Close()
	}
}

// Addrs returns every host:port that is listened at over UDP or TCP, the first
// is Addr.
func (s *Server) Addrs() []string {
	all := []string{s.Addr()}
	for _, e := range s.more {
		if e.udp != nil {
			all = append(all, e.udp.LocalAddr().String())
		} else {
			all = append(all, e.tcp.Addr().String())
		}
	}
	return all
}

// checkListeners reports the first listener that cannot work.
func (c *Config) checkListeners() error {
	for i, l := range c.Listeners {
		switch l.Transport {
		case "", "udp", "tcp", "tls":
		default:
			return fmt.Errorf("sip.listeners[%d]: transport is %q: it must be udp, tcp or tls", i, l.Transport)
		}
		if l.Transport == "tls" && c.TLS == nil {
			return fmt.Errorf("sip.listeners[%d]: transport=tls needs sip.tls.cert and sip.tls.key", i)
		}
	}
	return nil
}

// maxHeard bounds for how many UDP sources it is kept by which listener they
// come.
const maxHeard = 100_000

// heardBy keeps by which of several UDP sockets a source came last. Those of the
// first socket are not kept. Safe for any goroutine.
type heardBy struct {
	some atomic.Bool // there is any
	mu   sync.Mutex
	at   map[netip.AddrPort]*endpoint
}

// note takes a datagram of source that came by e; nil is the first socket.
func (h *heardBy) note(source netip.AddrPort, e *endpoint) {
	if e == nil && !h.some.Load() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if e == nil {
		delete(h.at, source)
		return
	}
	if h.at == nil {
		h.at = map[netip.AddrPort]*endpoint{}
		h.some.Store(true)
	}
	if _, known := h.at[source]; !known && len(h.at) >= maxHeard {
		for other := range h.at { // any
			delete(h.at, other)
			break
		}
	}
	h.at[source] = e
}

func (h *heardBy) of(source netip.AddrPort) *endpoint {
	if !h.some.Load() {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at[source]
}

// endpointTo is by which socket a UDP peer is reached: the one that he came by,
// else the first that speaks his IP version; nil is the first of all.
func (s *Server) endpointTo(peer netip.AddrPort) *endpoint {
	if e := s.heard.of(peer); e != nil {
		return e
	}
	if reaches(s.udp.LocalAddr(), peer.Addr(), true) {
		return nil
	}
	for _, e := range s.more {
		if e.udp != nil && reaches(e.udp.LocalAddr(), peer.Addr(), false) {
			return e
		}
	}
	return nil
}

// reaches reports whether a socket that is bound there can send to an address:
// both is that one of all IPv6 addresses speaks IPv4 too.
func reaches(bound net.Addr, to netip.Addr, both bool) bool {
	own := sourceOf(bound).Addr()
	return own.Is4() == to.Unmap().Is4() || both && own.IsUnspecified() && own.Is6()
}

// localAddr is our address as the peer of f is to see it.
func (s *Server) localAddr(f *flow) netip.Addr {
	if f.at != nil && f.at.LocalAddr != nil {
		return f.at.LocalAddr(f.addr.Addr())
	}
	return s.cfg.LocalAddr(f.addr.Addr())
}

// srtp is the policy of the calls by f.
func (f *flow) srtp() media.SRTP {
	if f.at == nil {
		return ""
	}
	return f.at.SRTP
}
