//go:build e2e

package test

import (
	"net"
	"testing"
	"time"
)

// Connections that made room for others are to be seen in /metrics.
func TestEvictedConnectionsAreCounted(t *testing.T) {
	s := startServer(t, "PICKUP_SIP_LIMITS_SOURCE_CONNECTIONS=2")
	for range 5 {
		c, err := net.Dial("tcp", s.sip)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
	wait(t, 10*time.Second, "three connections evicted", func() (bool, string) {
		return s.metric("pickup_sip_connections_evicted_total") == 3 && s.metric("pickup_sip_connections") == 2, ""
	})
	if n := s.metric("pickup_sip_connections_refused_total"); n != 0 {
		t.Errorf("%v refused", n)
	}
}
