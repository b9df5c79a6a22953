//go:build e2e && verify

package test

import (
	"fmt"
	"math"
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
// hears hold music, while his own silence arrives, beside that of a call that a
// bare relay carries, and how steadily the music comes.
func TestBenchWaitingCallers(t *testing.T) {
	const callers, measured = 1000, 20 * time.Second
	bare := bareCall(t, callers/4, 10*time.Second) // as many packets to phones at a time as half of the music
	s := startServer(t, "PICKUP_RECORDING_NOTICE=false")
	idle := s.metric("process_cpu_seconds_total")
	rest(t, "an idle while", 5*time.Second)
	idle = (s.metric("process_cpu_seconds_total") - idle) / 5
	var phones []*phone
	for i := range callers {
		p := newPhone(t, fmt.Sprintf("w%d", i), s.sip)
		p.deaf = true
		if _, err := p.dial("support"); err != nil {
			t.Fatal(err)
		}
		phones = append(phones, p)
	}
	s.inState(callers, "waiting")
	rest(t, "the greetings are over", 10*time.Second)
	heard := make([]int64, callers)
	for i, p := range phones {
		heard[i] = p.heard.Load()
	}
	mallocs, cpu, began := s.metric("go_memstats_mallocs_total"), s.metric("process_cpu_seconds_total"), time.Now()
	rest(t, "the measured time", measured)
	took := time.Since(began).Seconds()
	used := (s.metric("process_cpu_seconds_total")-cpu)/took - idle
	mallocs = (s.metric("go_memstats_mallocs_total") - mallocs) / took
	least, most := math.Inf(1), 0.0
	for i, p := range phones {
		rate := float64(p.heard.Load()-heard[i]) / took
		least, most = min(least, rate), max(most, rate)
	}
	each := used / callers
	t.Logf("%d waiting callers, %.0f s: %.2f ms CPU a second and caller (%.1f us a packet in or out), %.2f of a call of the bare relay (target 0.6), "+
		"%.1f to %.1f packets a second to each, %.0f mallocs a second, idle %.1f ms CPU a second",
		callers, took, 1e3*each, 1e6*each/100, each/bare.Seconds(), least, most, mallocs, 1e3*idle)
	if least < 49 || most > 51 {
		t.Errorf("%.1f to %.1f packets a second, want 50", least, most)
	}
	s.inState(callers, "waiting")
}

// TestBenchCallRate measures how many whole calls a second the running binary
// carries, SQLite on disk and recording on: each caller waits, is offered,
// talks a moment, is recorded, gets his ticket, and calls again.
//
// The agents hang up. Within 2 s of the bridge that is a mis-click and the
// caller gets another agent, so that they talk a little longer.
func TestBenchCallRate(t *testing.T) {
	const phones, measured, talk = 200, 30 * time.Second, 2200 * time.Millisecond
	s := startServer(t, fmt.Sprintf("PICKUP_DEMO_AGENTS=%d", phones), "PICKUP_RECORDING_NOTICE=false")
	made, took, used := s.storm(phones, measured, talk)
	t.Logf("%d phones, %.0f s: %.1f whole calls a second, %.1f ms CPU a call",
		phones, took.Seconds(), float64(made)/took.Seconds(), 1e3*used/float64(made))
}

// TestStormOfHangUps has agents hang up a moment after they answered, before
// the bridge and in it, with their BYE behind their 200 OK in the same instant
// or later: every call ends, and nothing of it is left behind.
func TestStormOfHangUps(t *testing.T) {
	t.Parallel() // it waits more than it works
	for name, talk := range map[string]time.Duration{
		"after half a second": 500 * time.Millisecond,
		"after 50 ms":         50 * time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const phones = 50
			s := startServer(t, fmt.Sprintf("PICKUP_DEMO_AGENTS=%d", phones), "PICKUP_RECORDING_NOTICE=false")
			s.storm(phones, 5*time.Second, talk)
		})
	}
}

// storm has n callers call n agents again and again, each talk ended by its
// agent, and checks that every call ended, is stored with its recording, and
// left no goroutine, descriptor or port of the pool behind.
func (s *server) storm(n int, length, talk time.Duration) (made int64, took time.Duration, cpu float64) {
	s.t.Helper()
	for i := range n {
		a := newPhone(s.t, fmt.Sprint(1001+i), s.sip)
		a.silent, a.deaf, a.talkFor = true, true, talk
		a.register("demo-" + a.user)
	}
	s.agents(n, "ready")
	goroutines, files := s.metric("go_goroutines"), s.metric("process_open_fds")
	cpu = s.metric("process_cpu_seconds_total")
	began := time.Now()
	var whole, lost atomic.Int64
	var callers sync.WaitGroup
	for i := range n {
		p := newPhone(s.t, fmt.Sprintf("r%d", i), s.sip)
		p.silent, p.deaf = true, true
		callers.Go(func() {
			for time.Since(began) < length {
				d, err := p.dial("support")
				if err != nil {
					lost.Add(1)
					s.t.Log(err)
					return
				}
				select {
				case <-d.hungUp:
					whole.Add(1)
				case <-time.After(60 * time.Second):
					lost.Add(1)
					s.t.Logf("call %s never ended", d.callID)
					return
				}
			}
		})
	}
	callers.Wait()
	made, took = whole.Load(), time.Since(began)
	cpu = s.metric("process_cpu_seconds_total") - cpu
	if lost.Load() > 0 {
		s.t.Errorf("%d calls made, %d lost", made, lost.Load())
	}
	wait(s.t, 60*time.Second, "every call and recording is stored", func() (bool, string) {
		states := map[string]int64{}
		for _, c := range s.list("/api/v1/calls") {
			states["call "+c.str("state")]++
		}
		for _, r := range s.list("/api/v1/recordings") {
			states[r.str("state")]++
		}
		return states["call ended"] == made && states["stored"] == made && len(states) == 2, fmt.Sprint(made, states)
	})
	// The transaction of an answered INVITE lives for 32 s (RFC 6026 8.4).
	wait(s.t, 90*time.Second, "goroutines, descriptors and calls are as before", func() (bool, string) {
		g, f, live := s.metric("go_goroutines")-goroutines, s.metric("process_open_fds")-files, s.metric("pickup_calls_live")
		return g <= 20 && f <= 20 && live == 0, fmt.Sprintf("%+.0f goroutines, %+.0f descriptors, %.0f calls", g, f, live)
	})
	return made, took, cpu
}
