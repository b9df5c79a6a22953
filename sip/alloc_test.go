package sip_test

import (
	"net"
	"strings"
	"testing"
	"time"
)

// perKeepAlive is what each further keep-alive costs before a message.
func perKeepAlive(t *testing.T, read func(), pings func(n int)) float64 {
	t.Helper()
	cost := func(n int) float64 {
		return testing.AllocsPerRun(20, func() { pings(n); read() })
	}
	return (cost(110) - cost(10)) / 100
}

func TestIdleKeepAlivesAllocateNothing(t *testing.T) {
	message := []byte((&phone{conn: nowhere{}}).text(message{method: "OPTIONS"}))
	ping := []byte("\r\n\r\n")
	t.Run("UDP", func(t *testing.T) {
		s := idleServer(t)
		c, err := net.Dial("udp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		buf := make([]byte, 16384)
		got := perKeepAlive(t, func() { s.ReadDatagram(buf) }, func(n int) {
			for range n {
				_, _ = c.Write(ping)
			}
			_, _ = c.Write(message)
		})
		if got > 0.1 {
			t.Errorf("%.2f allocations a ping", got)
		}
	})
	t.Run("TCP", func(t *testing.T) {
		s := idleServer(t)
		c := &scripted{}
		conn := s.NewStream(c)
		buf := make([]byte, 16384)
		got := perKeepAlive(t, func() {
			if _, err := conn.Read(buf); err != nil {
				t.Fatal(err)
			}
		}, func(n int) {
			c.pings, c.message, c.pongs = n, message, 0
		})
		if got > 0.1 {
			t.Errorf("%.2f allocations a ping", got)
		}
		if c.pongs != 10 {
			t.Errorf("%d pongs to the last ten pings", c.pongs)
		}
	})
}

// nowhere is the address of a phone without a socket.
type nowhere struct{ net.Conn }

func (nowhere) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(someone) }

// scripted is a stream that gives pings, one a Read, and then a message.
type scripted struct {
	net.Conn
	pings, pongs int
	message      []byte
}

func (*scripted) SetReadDeadline(time.Time) error { return nil }

func (*scripted) SetWriteDeadline(time.Time) error { return nil }

func (c *scripted) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(someone) }

func (c *scripted) Read(b []byte) (int, error) {
	if c.pings > 0 {
		c.pings--
		return copy(b, "\r\n\r\n"), nil
	}
	return copy(b, c.message), nil
}

func (c *scripted) Write(b []byte) (int, error) {
	if string(b) == "\r\n" {
		c.pongs++
	}
	return len(b), nil
}

// BenchmarkAsk is one OPTIONS of the keep-alive, both ends.
func BenchmarkAsk(b *testing.B) {
	e := startEdge(b, nil)
	p := e.phone()
	if m := p.register("1001", "demo-1001"); status(m) != 200 {
		b.Fatal(m)
	}
	go func() {
		for {
			m := p.read(patience)
			if m == "" {
				return
			}
			if strings.HasPrefix(m, "OPTIONS ") {
				p.reply(m, 200, "")
			}
		}
	}()
	b.ReportAllocs()
	for b.Loop() {
		if !e.AskNow("1001") {
			b.Fatal("no answer")
		}
	}
}
