package sip

import (
	"bytes"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// Patience with a stream (security.md of the project: idle 60 s, slow cut).
const (
	streamIdle    = 60 * time.Second // nothing came, and neither binding nor dialog uses the flow
	streamQuiet   = 2 * time.Hour    // nothing came, but it is used
	streamMessage = 20 * time.Second // from the first byte of a message to its last
)

// listener accepts TCP or TLS connections and hands them to sipgo one whole
// message a Read, filtered like datagrams.
type listener struct {
	net.Listener
	server  *Server
	network string
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
		f := &flow{transport: lower(l.network), addr: sourceOf(c.RemoteAddr()), conn: c}
		if !l.server.flows.add(f) {
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
		if m != nil || err != nil {
			return m, err
		}
		deadline := time.Now().Add(streamIdle)
		if c.framer.begun() {
			deadline = c.framer.since.Add(streamMessage)
		}
		_ = c.Conn.SetReadDeadline(deadline)
		n, err := c.Conn.Read(c.buf[:])
		c.framer.add(c.buf[:n])
		switch {
		case n > 0:
			quiet = time.Now()
		case errors.Is(err, os.ErrDeadlineExceeded) && !c.framer.begun() &&
			(c.flow.users.Load() > 0 || c.server.reg.usesFlow(c.flow)) && time.Since(quiet) < streamQuiet:
		case err != nil:
			return nil, err
		}
	}
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
// nil where more bytes are needed. io.EOF-like errors are not its business.
func (f *framer) cut() (message []byte, pings int, err error) {
	pings, whole := f.lines()
	if !whole || len(f.buf) == 0 {
		return nil, pings, nil
	}
	end := headersEnd(f.buf, f.scan)
	if end == 0 {
		f.scan = max(0, len(f.buf)-3)
		if len(f.buf) > maxMessage {
			return nil, pings, errFraming
		}
		return nil, pings, nil
	}
	h, ok := scanHead(f.buf[:end])
	if !ok {
		f.server.counters.dropped.Add(1)
		return nil, pings, errFraming // no boundary to go on from
	}
	total := end + max(0, h.length)
	if h.length < 0 || total > maxMessage {
		if h.full() {
			return f.take(end), pings, nil // the filter answers 400; then the stream is closed by the next garbage
		}
		return nil, pings, errFraming
	}
	if len(f.buf) < total {
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
		case len(b) >= 3 && b[2] != '\r':
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
	if i := bytes.Index(b[from:], []byte("\r\n\r\n")); i >= 0 {
		return from + i + 4
	}
	if i := bytes.Index(b[from:], []byte("\n\n")); i >= 0 {
		return from + i + 2
	}
	return 0
}
