//go:build e2e && verify

package test

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

// metric reads one number of /metrics.
func (s *server) metric(name string) float64 {
	s.t.Helper()
	resp, err := s.client.Get("http://" + s.http + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range strings.Split(string(b), "\n") {
		if v, ok := strings.CutPrefix(l, name+" "); ok {
			f, err := strconv.ParseFloat(v, 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return f
		}
	}
	s.t.Fatalf("no metric %s", name)
	return 0
}

// TestBenchRecordedCalls measures the running binary under recorded calls:
// allocations and CPU of each packet that arrives and is relayed.
func TestBenchRecordedCalls(t *testing.T) {
	const calls, measured = 100, 60 * time.Second
	s := startServer(t, fmt.Sprintf("PICKUP_DEMO_AGENTS=%d", calls), "PICKUP_RECORDING_NOTICE=false")
	var players []*phone
	for i := range calls {
		a := newPhone(t, fmt.Sprint(1001+i), s.sip)
		a.register("demo-" + a.user)
	}
	s.agents(calls, "ready")
	for i := range calls {
		p := newPhone(t, fmt.Sprintf("p%d", i), s.sip)
		if _, err := p.dial("support"); err != nil {
			t.Fatal(err)
		}
		players = append(players, p)
	}
	wait(t, 30*time.Second, "everybody talks", func() (bool, string) {
		n := 0
		for _, live := range s.list("/api/v1/calls?state=live") {
			if live.str("state") == "talking" {
				n++
			}
		}
		return n == calls, fmt.Sprint(n)
	})
	// What the set-up still has to store is not the packets' doing.
	settled := time.Now()
	wait(t, 20*time.Second, "the set-up is stored", func() (bool, string) { return time.Since(settled) > 8*time.Second, "" })
	t.Logf("%d recorded calls talk; measuring for %v", len(players), measured)
	mallocs, cpu, began := s.metric("go_memstats_mallocs_total"), s.metric("process_cpu_seconds_total"), time.Now()
	wait(t, measured+10*time.Second, "the measured time", func() (bool, string) { return time.Since(began) > measured, "" })
	took := time.Since(began).Seconds()
	packets := took * 50 * 2 * calls
	perPacket := (s.metric("go_memstats_mallocs_total") - mallocs) / packets
	used := s.metric("process_cpu_seconds_total") - cpu
	t.Logf("%d recorded calls, %.0f s: %.4f mallocs a packet, %.1f us CPU a packet, %.4f CPU seconds a call-minute",
		len(players), took, perPacket, 1e6*used/packets, used/(took/60)/calls)
	if perPacket >= 0.01 {
		t.Errorf("%.4f mallocs a packet, want below 0.01", perPacket)
	}
}
