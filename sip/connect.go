package sip

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"pickup/sip/locate"
)

// dialTimeout bounds a connection to a trunk, TLS included.
const dialTimeout = 4 * time.Second

// dialled hands connections that we opened to sipgo as if it had accepted them:
// so they have our framer, limits and trace, and calls can come back by them.
type dialled struct {
	addr  net.Addr
	conns chan handed
	done  chan struct{}
	once  sync.Once
	taken chan struct{} // of the connection given last; of the goroutine of Accept
}

type handed struct {
	conn  net.Conn
	taken chan struct{} // closed when sipgo knows the connection
}

func newDialled(addr net.Addr) *dialled {
	return &dialled{addr: addr, conns: make(chan handed), done: make(chan struct{})}
}

// Accept is called by sipgo again when it has entered the last connection.
func (l *dialled) Accept() (net.Conn, error) {
	if l.taken != nil {
		close(l.taken)
		l.taken = nil
	}
	select {
	case h := <-l.conns:
		l.taken = h.taken
		return h.conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (l *dialled) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr implements net.Listener.
func (l *dialled) Addr() net.Addr { return l.addr }

// give hands a connection over and waits until it can be written to by sipgo.
func (l *dialled) give(ctx context.Context, c net.Conn) error {
	h := handed{c, make(chan struct{})}
	select {
	case l.conns <- h:
	case <-l.done:
		return net.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-h.taken:
		return nil
	case <-l.done:
		return net.ErrClosed
	}
}

// connect returns a flow to a target: for TCP and TLS the live connection, or a
// new one. The certificate of TLS must be good for the domain of the target.
func (s *Server) connect(ctx context.Context, t locate.Target) (*flow, error) {
	f := &flow{transport: t.Transport, addr: t.Addr, host: t.Name}
	if !f.stream() {
		f.at = s.endpointTo(f.addr)
		return f, nil
	}
	if live := s.flows.find(f.network(), f.addr.String()); live != nil {
		return live, nil
	}
	into := s.dialledTCP
	if t.Transport == "tls" {
		into = s.dialledTLS
	}
	if into == nil {
		return nil, errFlowGone
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", t.Addr.String())
	if err != nil {
		return nil, err
	}
	f.conn = c
	if t.Transport == "tls" {
		cfg := &tls.Config{MinVersion: tls.VersionTLS12}
		if s.cfg.TrunkTLS != nil {
			cfg = s.cfg.TrunkTLS.Clone()
		}
		cfg.ServerName = t.Name
		secure := tls.Client(c, cfg)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = c.Close()
			return nil, err
		}
		c = secure
	}
	s.dialing.Lock() // another may have been quicker
	defer s.dialing.Unlock()
	if live := s.flows.find(f.network(), f.addr.String()); live != nil {
		_ = c.Close()
		return live, nil
	}
	if !s.admit(f) {
		_ = c.Close()
		return nil, errFlowGone
	}
	stream := &streamConn{Conn: c, server: s, flow: f, framer: framer{server: s}}
	if err := into.give(ctx, stream); err != nil {
		_ = stream.Close()
		return nil, err
	}
	return f, nil
}

// speaks reports whether we can send to a target: by UDP only what our socket's
// family reaches.
func (s *Server) speaks(t locate.Target) bool {
	if t.Transport != "udp" {
		return true
	}
	return s.endpointTo(t.Addr) != nil || reaches(s.udp.LocalAddr(), t.Addr.Addr(), true)
}
