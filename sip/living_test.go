package sip_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"pickup/callflow"
)

// livingCall is a call in progress: the caller hears music, and notes each of
// its packets.
type livingCall struct {
	in     callflow.Inbound
	told   chan callflow.LegEvent
	heard  atomic.Int64 // packets
	gaps   atomic.Int64 // sequence numbers that did not follow
	callID string
	to     string // with our tag
	phone  *phone
}

// talking makes a call that is up while other things are tried on the server.
func (e *edge) talking() *livingCall {
	e.t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = conn.Close() })
	c := &livingCall{callID: fmt.Sprintf("living-%d", conn.LocalAddr().(*net.UDPAddr).Port)}
	go c.listen(conn)
	p := e.phone()
	c.phone = p
	body := strings.Replace(offer, "m=audio 40000", fmt.Sprintf("m=audio %d", conn.LocalAddr().(*net.UDPAddr).Port), 1)
	p.send(p.text(message{method: "INVITE", callID: c.callID, body: body}))
	c.in = e.inbound()
	c.told = events(c.in.Leg)
	c.in.Leg.Answer()
	c.to = header(p.responseTo(c.callID, "INVITE"), "To")
	p.send(p.text(message{method: "ACK", callID: c.callID, to: c.to}))
	expect(e.t, c.told, callflow.LegAnswered, patience)
	c.in.Leg.Media().Music(true)
	c.untouched(e.t)
	return c
}

func (c *livingCall) listen(conn *net.UDPConn) {
	buf := make([]byte, 1500)
	for last := -1; ; {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		if n < 12 || buf[1] >= 192 && buf[1] <= 223 {
			continue // RTCP
		}
		seq := int(binary.BigEndian.Uint16(buf[2:]))
		if last >= 0 && seq != (last+1)&0xffff {
			c.gaps.Add(1)
		}
		last = seq
		c.heard.Add(1)
	}
}

// untouched checks that the audio goes on, that none of it was lost and that
// nothing happened to the call.
func (c *livingCall) untouched(t testing.TB) {
	t.Helper()
	before := c.heard.Load()
	until(t, "the call hears on", func() bool { return c.heard.Load() >= before+3 })
	if n := c.gaps.Load(); n > 0 {
		t.Errorf("%d gaps in the audio of the call in progress", n)
	}
	select {
	case e := <-c.told:
		t.Errorf("the call in progress was told %+v", e)
	default:
	}
}
