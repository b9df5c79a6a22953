//go:build e2e && verify

package test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// rest lets a while pass.
func rest(t testing.TB, what string, length time.Duration) {
	t.Helper()
	began := time.Now()
	wait(t, length+20*time.Second, what, func() (bool, string) { return time.Since(began) > length, "" })
}

// TestBenchRecordedCalls measures the running binary under recorded calls:
// allocations and CPU of each packet that arrives and is relayed.
func TestBenchRecordedCalls(t *testing.T) {
	const calls, measured = 100, 60 * time.Second
	s := startServer(t, fmt.Sprintf("PICKUP_DEMO_AGENTS=%d", calls), "PICKUP_RECORDING_NOTICE=false")
	var players []*phone
	for i := range calls {
		a := newPhone(t, fmt.Sprint(1001+i), s.sip)
		a.deaf = true
		a.register("demo-" + a.user)
	}
	s.agents(calls, "ready")
	for i := range calls {
		p := newPhone(t, fmt.Sprintf("p%d", i), s.sip)
		p.deaf = true
		if _, err := p.dial("support"); err != nil {
			t.Fatal(err)
		}
		players = append(players, p)
	}
	s.inState(calls, "talking")
	rest(t, "the set-up is stored", 8*time.Second) // it is not the packets' doing
	t.Logf("%d recorded calls talk; measuring for %v", len(players), measured)
	mallocs, cpu, began := s.metric("go_memstats_mallocs_total"), s.metric("process_cpu_seconds_total"), time.Now()
	rest(t, "the measured time", measured)
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

// TestBenchWaitingCallers measures the running binary's CPU for each caller who
// hears hold music, while his own silence arrives.
func TestBenchWaitingCallers(t *testing.T) {
	const callers, measured = 500, 30 * time.Second
	s := startServer(t, "PICKUP_RECORDING_NOTICE=false")
	idle := s.metric("process_cpu_seconds_total")
	rest(t, "an idle while", 5*time.Second)
	idle = (s.metric("process_cpu_seconds_total") - idle) / 5
	for i := range callers {
		p := newPhone(t, fmt.Sprintf("w%d", i), s.sip)
		p.deaf = true
		if _, err := p.dial("support"); err != nil {
			t.Fatal(err)
		}
	}
	s.inState(callers, "waiting")
	rest(t, "the greetings are over", 10*time.Second)
	mallocs, cpu, began := s.metric("go_memstats_mallocs_total"), s.metric("process_cpu_seconds_total"), time.Now()
	rest(t, "the measured time", measured)
	took := time.Since(began).Seconds()
	used := (s.metric("process_cpu_seconds_total")-cpu)/took - idle
	t.Logf("%d waiting callers, %.0f s: %.2f ms CPU a second and caller (%.1f us a packet in or out), %.0f mallocs a second, idle %.1f ms CPU a second",
		callers, took, 1e3*used/callers, 1e6*used/callers/100, (s.metric("go_memstats_mallocs_total")-mallocs)/took, 1e3*idle)
	s.inState(callers, "waiting")
}

// TestBenchCallRate measures how many whole calls a second the running binary
// carries, SQLite on disk and recording on: each caller waits, is offered,
// talks a moment, is recorded, gets his ticket, and calls again.
func TestBenchCallRate(t *testing.T) {
	const phones, measured = 100, 30 * time.Second
	s := startServer(t, fmt.Sprintf("PICKUP_DEMO_AGENTS=%d", phones), "PICKUP_RECORDING_NOTICE=false")
	for i := range phones {
		a := newPhone(t, fmt.Sprint(1001+i), s.sip)
		a.silent, a.deaf, a.talkFor = true, true, 500*time.Millisecond
		a.register("demo-" + a.user)
	}
	s.agents(phones, "ready")
	cpu, began := s.metric("process_cpu_seconds_total"), time.Now()
	var made, lost atomic.Int64
	var callers sync.WaitGroup
	for i := range phones {
		p := newPhone(t, fmt.Sprintf("r%d", i), s.sip)
		p.silent, p.deaf = true, true
		callers.Go(func() {
			for time.Since(began) < measured {
				d, err := p.dial("support")
				if err != nil {
					lost.Add(1)
					t.Log(err)
					return
				}
				select {
				case <-d.hungUp:
					made.Add(1)
				case <-time.After(60 * time.Second):
					lost.Add(1)
					return
				}
			}
		})
	}
	callers.Wait()
	took := time.Since(began).Seconds()
	s.inState(0, "talking")
	used := s.metric("process_cpu_seconds_total") - cpu
	var queues struct {
		Items []object `json:"items"`
	}
	s.call("GET", "/api/v1/queues?window=today", nil, &queues, 200)
	answered, longest := 0.0, 0.0
	for _, q := range queues.Items {
		answered += q.num("answered")
		longest = max(longest, q.num("p95_wait_ms"))
	}
	t.Logf("%d phones, %.0f s: %.1f whole calls a second, %.1f ms CPU a call, 95 %% waited at most %.0f ms",
		phones, took, float64(made.Load())/took, 1e3*used/float64(made.Load()), longest)
	if lost.Load() > 0 || int64(answered) != made.Load() {
		t.Errorf("%d calls made, %.0f answered, %d lost", made.Load(), answered, lost.Load())
	}
	wait(t, 60*time.Second, "every recording is stored", func() (bool, string) {
		states := map[string]int64{}
		for _, r := range s.list("/api/v1/recordings") {
			states[r.str("state")]++
		}
		return states["stored"] == made.Load(), fmt.Sprint(states)
	})
}
