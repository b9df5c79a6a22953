package sip

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// wsListener hands WebSocket connections, whose HTTP handshake we made, to
// sipgo. sipgo's own accept loop would wait for the handshake of one client
// while all others wait for it, and answers no ping.
type wsListener struct {
	addr  net.Addr
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newWSListener(addr net.Addr) *wsListener {
	return &wsListener{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *wsListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *wsListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *wsListener) Addr() net.Addr { return l.addr }

// wsPing is how often a browser is asked whether it is there; two missed
// answers end the flow.
const wsPing = 20 * time.Second

// ServeWS takes a WebSocket of SIP (RFC 7118) until it ends. The Origin must be
// absent, the host itself or one of Config.AllowedOrigins; the subprotocol must
// be "sip".
func (s *Server) ServeWS(w http.ResponseWriter, r *http.Request) {
	if !s.originAllowed(r) {
		http.Error(w, "origin not allowed", http.StatusForbidden)
		return
	}
	if !s.serving.Load() || s.life.Err() != nil {
		http.Error(w, "not serving", http.StatusServiceUnavailable)
		return
	}
	source := sourceOf(addrString(r.RemoteAddr))
	if !source.IsValid() {
		http.Error(w, "no source address", http.StatusBadRequest)
		return
	}
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: []string{"sip"}, InsecureSkipVerify: true, // the Origin was judged above
		CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return // Accept has answered
	}
	if c.Subprotocol() != "sip" {
		_ = c.Close(websocket.StatusPolicyViolation, "subprotocol sip is needed")
		return
	}
	c.SetReadLimit(int64(s.cfg.Limits.MessageBytes))
	s.serveSocket(c, r, source)
}

// serveSocket lends the connection to sipgo until it ends.
func (s *Server) serveSocket(c *websocket.Conn, r *http.Request, source netip.AddrPort) {
	ctx, cancel := context.WithCancel(s.life) // outlives the request: it was hijacked
	defer cancel()
	f := &flow{transport: "ws", addr: source, host: r.Host}
	if r.TLS != nil {
		f.transport = "wss"
	}
	conn := &wsConn{server: s, ws: c, ctx: ctx, cancel: cancel, flow: f, local: s.wsLn.addr}
	conn.feed = append(conn.feed, wsHandshake...)
	f.conn = conn
	if !s.admit(f) {
		_ = c.Close(websocket.StatusTryAgainLater, "too many connections")
		return
	}
	select {
	case s.wsLn.conns <- conn:
	case <-ctx.Done():
		conn.gone()
		return
	}
	tick := time.NewTicker(wsPing)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = conn.Close()
			return
		case <-tick.C:
			ping, stop := context.WithTimeout(ctx, 2*wsPing)
			err := c.Ping(ping)
			stop()
			if err != nil {
				_ = conn.Close()
				return
			}
		}
	}
}

func (s *Server) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(s.cfg.AllowedOrigins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

// wsHandshake is what sipgo's upgrader wants to read first. Ours took place
// already; its answer is thrown away.
const wsHandshake = "GET / HTTP/1.1\r\nHost: sip\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"

// wsConn shows a WebSocket to sipgo as the byte stream it expects: a handshake,
// then one masked text frame for each message; and takes its frames apart.
type wsConn struct {
	server *Server
	ws     *websocket.Conn
	ctx    context.Context // of the connection, like a net.Conn's own deadline
	cancel context.CancelFunc
	flow   *flow
	local  net.Addr
	feed   []byte // bytes that sipgo has not read yet

	mu     sync.Mutex
	opened bool   // its answer to the handshake has passed
	out    []byte // bytes written that do not make a frame yet
	once   sync.Once
}

func (c *wsConn) Read(b []byte) (int, error) {
	for len(c.feed) == 0 {
		m, err := c.message()
		if err != nil {
			c.gone()
			return 0, net.ErrClosed
		}
		c.flow.hear()
		if bytes.Equal(m, []byte("\r\n\r\n")) {
			c.send([]byte("\r\n")) // RFC 7118 6: keep-alive
			continue
		}
		if m = c.server.inspect(m, "WS", c.flow.addr, c.send); m == nil {
			continue
		}
		c.server.trace.message("in", c.flow.transport, c.flow.addr.String(), m)
		c.feed = textFrame(m)
	}
	n := copy(b, c.feed)
	c.feed = c.feed[n:]
	return n, nil
}

// message waits for the next message, which may take Limits.MessageTime from its
// first frame on.
func (c *wsConn) message() ([]byte, error) {
	_, r, err := c.ws.Reader(c.ctx)
	if err != nil {
		return nil, err
	}
	late := time.AfterFunc(c.server.cfg.Limits.MessageTime, func() { _ = c.ws.CloseNow() })
	defer late.Stop()
	return io.ReadAll(r)
}

// textFrame is RFC 6455 5.2 with a mask of zeros, which masks nothing.
func textFrame(m []byte) []byte {
	out := []byte{0x81}
	if len(m) < 126 {
		out = append(out, 0x80|byte(len(m)))
	} else if len(m) < 1<<16 {
		out = append(out, 0x80|126)
		out = binary.BigEndian.AppendUint16(out, uint16(len(m)))
	} else {
		out = append(out, 0x80|127)
		out = binary.BigEndian.AppendUint64(out, uint64(len(m)))
	}
	return append(append(out, 0, 0, 0, 0), m...)
}

// Write takes sipgo's bytes; each whole frame becomes a message.
func (c *wsConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = append(c.out, b...)
	if !c.opened {
		end := bytes.Index(c.out, []byte("\r\n\r\n"))
		if end < 0 {
			return len(b), nil
		}
		c.opened, c.out = true, c.out[end+4:]
	}
	for {
		m, rest, ok := cutFrame(c.out)
		if !ok {
			return len(b), nil
		}
		c.out = append(c.out[:0:0], rest...)
		if err := c.sendLocked(m); err != nil {
			return 0, err
		}
	}
}

// cutFrame takes one unmasked frame apart.
func cutFrame(b []byte) (payload, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, b, false
	}
	size, at := uint64(b[1]&0x7f), 2
	switch {
	case size == 126 && len(b) >= 4:
		size, at = uint64(binary.BigEndian.Uint16(b[2:])), 4
	case size == 127 && len(b) >= 10:
		size, at = binary.BigEndian.Uint64(b[2:]), 10
	case size >= 126:
		return nil, b, false
	}
	if uint64(len(b)-at) < size {
		return nil, b, false
	}
	return b[at : at+int(size)], b[at+int(size):], true
}

func (c *wsConn) send(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.sendLocked(b)
}

func (c *wsConn) sendLocked(b []byte) error {
	ctx, cancel := context.WithTimeout(c.ctx, writeTimeout)
	defer cancel()
	c.server.trace.message("out", c.flow.transport, c.flow.addr.String(), b)
	return c.ws.Write(ctx, websocket.MessageText, b)
}

// Close ends the flow.
func (c *wsConn) Close() error {
	c.gone()
	return nil
}

func (c *wsConn) gone() {
	c.once.Do(func() {
		c.cancel()
		_ = c.ws.CloseNow()
		c.server.flows.remove(c.flow)
		c.server.reg.flowGone(c.flow)
	})
}

func (c *wsConn) LocalAddr() net.Addr  { return c.local }
func (c *wsConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.flow.addr) }

// The deadlines of sipgo are not used: reads end by ping, writes by writeTimeout.
func (c *wsConn) SetDeadline(time.Time) error      { return nil }
func (c *wsConn) SetReadDeadline(time.Time) error  { return nil }
func (c *wsConn) SetWriteDeadline(time.Time) error { return nil }

// addrString is an address in text as a net.Addr.
type addrString string

func (addrString) Network() string  { return "tcp" }
func (a addrString) String() string { return string(a) }

var (
	errFlowGone = errors.New("sip: the connection is gone")
	errUnsafe   = errors.New("sip: a header would break its line")
)
