package sip

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Patience with a stream; the rest is in Limits.
const (
	streamQuiet = 2 * time.Hour   // nothing came, but a binding or a dialog uses it
	streamLast  = 2 * time.Second // for the peer to take our last answer
)

// listener accepts TCP or TLS connections and hands them to sipgo one whole
// message a Read, filtered like datagrams.
type listener struct {
	net.Listener
	server  *Server
	network string
	at      *endpoint // nil: the first
}

func newListener(s *Server, l net.Listener, network string) *listener {
	return &listener{Listener: l, server: s, network: network}
}

// Accept returns the next connection that the limits let in.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil, err
			}
			select { // out of descriptors: sipgo would end its listener for good
			case <-l.server.life.Done():
				return nil, err
			case <-time.After(50 * time.Millisecond):
				continue
			}
		}
		f := &flow{transport: lower(l.network), addr: sourceOf(c.RemoteAddr()), conn: c, at: l.at}
		if t, ok := c.(*tls.Conn); ok {
			f.conn = t.NetConn() // at once: a TLS close may wait for the peer
		}
		if !l.server.admit(f) {
			_ = c.Close()
			continue
		}
		return &streamConn{Conn: c, server: l.server, flow: f, framer: framer{server: l.server}}, nil
	}
}

// streamConn is a connection of which each Read gives one message.
type streamConn struct {
	net.Conn
	server *Server
	flow   *flow
	framer framer
	buf    [4096]byte
	pongs  []byte // answers to keep-alives, reused
	rest   []byte // of a message longer than the reader's buffer
	write  sync.Mutex
	once   sync.Once
}

// Read returns a message, or the next part of one.
func (c *streamConn) Read(b []byte) (int, error) {
	for len(c.rest) == 0 {
		m, err := c.next()
		if err != nil {
			c.gone()
			return 0, err
		}
		if m = c.server.inspect(m, c.flow.network(), c.flow.addr, c.send); m != nil {
			if c.server.trace.on() {
				c.server.trace.message("in", c.flow.transport, c.flow.addr.String(), m)
			}
			c.rest = m
		}
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// next reads on until a whole message is there.
func (c *streamConn) next() ([]byte, error) {
	quiet := time.Now()
	for {
		m, pings, err := c.framer.cut()
		if pings > 0 {
			c.pong(pings)
		}
		if err != nil && c.framer.broken {
			c.linger()
		}
		if m != nil || err != nil {
			return m, err
		}
		deadline := time.Now().Add(c.server.cfg.Limits.IdleTime)
		if c.framer.begun() {
			deadline = c.framer.since.Add(c.server.cfg.Limits.MessageTime)
		}
		_ = c.Conn.SetReadDeadline(deadline)
		n, err := c.Conn.Read(c.buf[:])
		c.framer.add(c.buf[:n])
		switch {
		case n > 0:
			quiet = time.Now()
			c.flow.hear()
		case errors.Is(err, os.ErrDeadlineExceeded) && !c.framer.begun() &&
			(c.flow.users.Load() > 0 || c.server.reg.usesFlow(c.flow)) && time.Since(quiet) < c.mayBeQuiet():
		case err != nil:
			return nil, err
		}
	}
}

// mayBeQuiet is for how long nothing may come while a binding or a dialog uses
// the connection.
func (c *streamConn) mayBeQuiet() time.Duration {
	if c.flow.timed.Load() {
		return 2 * flowTimer * time.Second
	}
	return streamQuiet
}

// linger lets the peer read our refusal before the connection goes: closing
// with bytes unread would reset it.
func (c *streamConn) linger() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = c.Conn.SetReadDeadline(time.Now().Add(streamLast))
	_, _ = io.CopyN(io.Discard, c.Conn, 1<<18)
}

// pong answers n keep-alives (RFC 5626 3.5.1).
func (c *streamConn) pong(n int) {
	c.pongs = c.pongs[:0]
	for range n {
		c.pongs = append(c.pongs, "\r\n"...)
	}
	c.send(c.pongs)
}

func (c *streamConn) send(b []byte) {
	_ = c.Conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, _ = c.Write(b)
}

// Write sends a message.
func (c *streamConn) Write(b []byte) (int, error) {
	c.write.Lock()
	defer c.write.Unlock()
	if c.server.trace.on() {
		c.server.trace.message("out", c.flow.transport, c.flow.addr.String(), b)
	}
	n, err := c.Conn.Write(b)
	if err != nil {
		_ = c.Conn.Close() // the stream has lost its frame
	}
	return n, err
}

// Close ends the connection.
func (c *streamConn) Close() error {
	c.gone()
	return c.Conn.Close()
}

func (c *streamConn) gone() {
	c.once.Do(func() {
		c.server.flows.remove(c.flow)
		c.server.reg.flowGone(c.flow)
	})
}

// framer cuts a stream into messages by Content-Length (RFC 3261 18.3).
type framer struct {
	server *Server
	buf    []byte
	since  time.Time // first byte of the message that is incomplete
	scan   int       // no end of headers before this offset
	broken bool      // what follows the message taken last has no beginning
}

var errFraming = errors.New("sip: no end of message within the limit")

// begun reports that a part of a message is there: a single line end is none.
func (f *framer) begun() bool { return !keepAlive(f.buf) }

func (f *framer) add(b []byte) {
	if !f.begun() {
		f.since = time.Now()
		f.scan = 0
	}
	f.buf = append(f.buf, b...)
}

// cut returns the next message and how many keep-alive pings came before it;
// nil where more bytes are needed. After a message that does not say where it
// ends there is none: the filter refuses that one, then the error comes.
func (f *framer) cut() (message []byte, pings int, err error) {
	if f.broken {
		return nil, 0, errFraming
	}
	pings, whole := f.lines()
	if !whole || len(f.buf) == 0 {
		return nil, pings, nil
	}
	end := headersEnd(f.buf, f.scan)
	if end == 0 {
		f.scan = max(0, len(f.buf)-3)
		if len(f.buf) <= f.server.cfg.Limits.MessageBytes {
			return nil, pings, nil
		}
		f.broken = true
		return f.take(len(f.buf)), pings, nil
	}
	h, ok := scanHead(f.buf[:end])
	if !ok {
		f.server.counters.dropped.Add(1)
		return nil, pings, errFraming // no boundary to go on from
	}
	total := end + h.length
	switch {
	case h.length < 0 || total > f.server.cfg.Limits.MessageBytes:
		f.broken = true
		return f.take(end), pings, nil
	case len(f.buf) < total:
		return nil, pings, nil
	}
	return f.take(total), pings, nil
}

// lines takes the line ends before a message away and counts the keep-alives
// among them. It reports false where the next byte must tell which they are.
func (f *framer) lines() (pings int, whole bool) {
	b := f.buf
	for whole = true; whole && len(b) >= 2 && b[0] == '\r' && b[1] == '\n'; {
		switch {
		case len(b) >= 4 && b[2] == '\r' && b[3] == '\n':
			pings++
			b = b[4:]
		case len(b) >= 4 || len(b) == 3 && b[2] != '\r':
			b = b[2:]
		default:
			whole = false
		}
	}
	if n := len(f.buf) - len(b); n > 0 {
		f.skip(n)
	}
	return pings, whole
}

func (f *framer) take(n int) []byte {
	m := bytes.Clone(f.buf[:n])
	f.skip(n)
	f.scan, f.since = 0, time.Now()
	return m
}

// skip forgets the first n bytes. The buffer is used again, unless a long
// message has made it large.
func (f *framer) skip(n int) {
	if n == len(f.buf) && cap(f.buf) > 8192 {
		f.buf = nil
		return
	}
	f.buf = f.buf[:copy(f.buf, f.buf[n:])]
}

// headersEnd finds the offset after the empty line, looking from `from`.
func headersEnd(b []byte, from int) int {
	for i := from; ; {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return 0
		}
		i += n + 1
		switch {
		case bytes.HasPrefix(b[i:], []byte("\n")):
			return i + 1
		case bytes.HasPrefix(b[i:], []byte("\r\n")):
			return i + 2
		}
	}
}
