//go:build e2e

package test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"pickup/internal/id"
)

// Connections that made room for others are to be seen in /metrics.
func TestEvictedConnectionsAreCounted(t *testing.T) {
	s := startServer(t, "PICKUP_SIP_LIMITS_SOURCE_CONNECTIONS=2")
	for range 5 {
		dialTCP(t, s.sip)
	}
	wait(t, 10*time.Second, "three connections evicted", func() (bool, string) {
		return s.metric("pickup_sip_connections_evicted_total") == 3 && s.metric("pickup_sip_connections") == 2, ""
	})
	if n := s.metric("pickup_sip_connections_refused_total"); n != 0 {
		t.Errorf("%v refused", n)
	}
}

// Two calls hold all the connections that a source may have: a third newcomer
// is refused, the calls are counted as dialogs, and nobody is cut.
func TestRefusedConnectionsAndDialogsAreCounted(t *testing.T) {
	s := startServer(t, "PICKUP_SIP_LIMITS_SOURCE_CONNECTIONS=2")
	for range 2 {
		c := dialTCP(t, s.sip)
		me, callID := c.LocalAddr().String(), id.New()
		_, err := fmt.Fprintf(c, "INVITE sip:support@%[1]s SIP/2.0\r\nVia: SIP/2.0/TCP %[2]s;branch=z9hG4bK%[3]s\r\nMax-Forwards: 70\r\n"+
			"From: <sip:alice@%[2]s>;tag=a\r\nTo: <sip:support@%[1]s>\r\nCall-ID: %[3]s\r\nCSeq: 1 INVITE\r\n"+
			"Contact: <sip:alice@%[2]s;transport=tcp>\r\nContent-Length: 0\r\n\r\n", s.sip, me, callID)
		if err != nil {
			t.Fatal(err)
		}
	}
	wait(t, 10*time.Second, "two dialogs", func() (bool, string) {
		return s.metric("pickup_sip_dialogs") == 2, fmt.Sprint(s.metric("pickup_sip_dialogs"))
	})
	third := dialTCP(t, s.sip)
	_ = third.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := third.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the third connection: got %v, want it closed", err)
	}
	if n, open := s.metric("pickup_sip_connections_refused_total"), s.metric("pickup_sip_connections"); n != 1 || open != 2 {
		t.Errorf("got %v refused and %v open, want 1 and 2", n, open)
	}
	if n := s.metric("pickup_sip_connections_evicted_total"); n != 0 {
		t.Errorf("%v evicted", n)
	}
}

func dialTCP(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
