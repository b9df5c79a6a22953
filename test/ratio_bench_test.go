//go:build e2e && verify

package test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// talk has calls between n players and n agents, and returns the phones once all
// are bridged.
func (s *server) talk(n int, each func(*phone)) []*phone {
	s.t.Helper()
	var phones []*phone
	for i := range n {
		a := newPhone(s.t, fmt.Sprint(1001+i), s.sip)
		a.deaf = true
		each(a)
		a.register("demo-" + a.user)
		phones = append(phones, a)
	}
	s.agents(n, "ready")
	for i := range n {
		p := newPhone(s.t, fmt.Sprintf("p%d", i), s.sip)
		p.deaf = true
		each(p)
		if _, err := p.dial("support"); err != nil {
			s.t.Fatal(err)
		}
		phones = append(phones, p)
	}
	s.inState(n, "talking")
	return phones
}

// callCost is the CPU time of the whole process for a call that lasts a minute:
// its set-up and its end, and a minute of its audio.
func (s *server) callCost(calls int, length time.Duration) (minute, audio, signalling time.Duration) {
	s.t.Helper()
	pid := s.cmd.Process.Pid
	rest(s.t, "idle", 2*time.Second)
	used, began := cpuOf(s.t, pid), time.Now()
	phones := s.talk(calls, func(*phone) {})
	rest(s.t, "the set-up is stored", 5*time.Second)
	from, since := cpuOf(s.t, pid), time.Now()
	rest(s.t, "the measured time", length)
	upTo := cpuOf(s.t, pid)
	audio = time.Duration(float64(upTo-from) / time.Since(since).Seconds() / float64(calls))
	talked := 0.0
	for _, p := range phones[calls:] {
		for _, d := range p.dialogs {
			talked += time.Since(d.upAt).Seconds()
			p.bye(d)
		}
	}
	s.ended(calls, 30*time.Second)
	rest(s.t, "everything is stored", 3*time.Second)
	for _, p := range phones {
		p.close()
	}
	all := cpuOf(s.t, pid) - used
	// What is not audio, REGISTERs and the polling of the tests among it.
	signalling = (all - time.Duration(talked*float64(audio))) / time.Duration(calls)
	s.t.Logf("%d calls in %v: audio %v a second and call, the rest %v a call", calls, time.Since(began).Round(time.Second), audio, signalling)
	return 60*audio + signalling, audio, signalling
}

// TestBenchProcessBesideABareRelay compares the CPU time of the whole process,
// signalling included, for calls of a minute with that of a bare relay for the
// same packets.
func TestBenchProcessBesideABareRelay(t *testing.T) {
	const calls, length = 200, 15 * time.Second
	demo := fmt.Sprintf("PICKUP_DEMO_AGENTS=%d", calls)
	bare := bareCall(t, calls, length)
	for _, mode := range []struct {
		name string
		env  []string
		most float64
	}{
		{"recorded", nil, 1.7},
		// A disk of which nothing is left: no recording starts, calls go on.
		{"not recorded", []string{"PICKUP_RECORDING_RESERVE=1TiB"}, 1.4},
	} {
		t.Run(mode.name, func(t *testing.T) {
			s := startServer(t, append(mode.env, demo, "PICKUP_RECORDING_NOTICE=false")...)
			minute, audio, _ := s.callCost(calls, length)
			whole, alone := minute.Seconds()/60/bare.Seconds(), audio.Seconds()/bare.Seconds()
			t.Logf("%s: %.3f CPU seconds a call-minute, %.2f of the bare relay (target %.1f); its audio alone %.2f", mode.name, minute.Seconds(), whole, mode.most, alone)
		})
	}
}

// TestBenchFourHundredRecordedCalls has 400 recorded calls talk, with what
// plays the phones on the same processors: what is lost, how long the packets
// are on their way through the server, and what a call takes of memory.
func TestBenchFourHundredRecordedCalls(t *testing.T) {
	const calls, length = 400, 20 * time.Second
	s := startServer(t, fmt.Sprintf("PICKUP_DEMO_AGENTS=%d", calls), "PICKUP_RECORDING_NOTICE=false")
	memory := func() (resident, heap float64) {
		return s.metric("process_resident_memory_bytes"), s.metric("go_memstats_heap_inuse_bytes") + s.metric("go_memstats_stack_inuse_bytes")
	}
	resident, heap := memory()
	var way transits
	phones := s.talk(calls, func(p *phone) { p.stamped = true; way.watch(p) })
	rest(t, "the set-up is stored", 8*time.Second)
	var before, sent int64
	hush := func(on bool) {
		for _, p := range phones {
			p.hushed.Store(on)
		}
		rest(t, "the last packets arrive", time.Second)
	}
	hush(true)
	way.take()
	for _, p := range phones {
		before += p.spoken.Load()
	}
	hush(false)
	cpu, began := cpuOf(t, s.cmd.Process.Pid), time.Now()
	rest(t, "the measured time", length)
	cpu, length2 := cpuOf(t, s.cmd.Process.Pid)-cpu, time.Since(began)
	nowResident, nowHeap := memory()
	hush(true)
	for _, p := range phones {
		sent += p.spoken.Load()
	}
	all := way.take()
	lost := sent - before - int64(len(all))
	t.Logf("%d recorded calls, %d packets of %d sent in %v, %d lost: p50 %s, p99 %s (limit 5ms), p99.9 %s, longest %s", calls, len(all),
		sent-before, length2.Round(time.Millisecond), lost, share(all, .5), share(all, .99), share(all, .999), share(all, 1))
	t.Logf("%.1f us CPU a packet, %.0f KiB resident and %.0f KiB of heap and stacks a call (limit 100)", float64(cpu.Microseconds())/float64(len(all)),
		(nowResident-resident)/1024/calls, (nowHeap-heap)/1024/calls)
	if p99 := share(all, .99); p99 >= 5*time.Millisecond {
		t.Errorf("p99 %s, want below 5 ms", p99)
	}
	if lost > 0 {
		t.Errorf("%d packets lost", lost)
	}
}

// TestBenchPickUp measures from the agent's 200 until the caller hears him.
func TestBenchPickUp(t *testing.T) {
	const calls = 50
	s := startServer(t, "PICKUP_DEMO_AGENTS=1", "PICKUP_RECORDING_NOTICE=false")
	a := newPhone(t, "1001", s.sip)
	a.deaf, a.eager, a.silent, a.answerAfter = true, true, true, 300*time.Millisecond
	a.register("demo-1001")
	s.agents(1, "ready")
	var way transits
	p := newPhone(t, "player", s.sip)
	p.deaf = true
	way.watch(p)
	var took []time.Duration
	for len(took) < calls {
		way.take()
		d, err := p.dial("support")
		if err != nil {
			t.Fatal(err)
		}
		wait(t, 10*time.Second, "the agent is heard", func() (bool, string) { return !way.began().IsZero(), "" })
		a.mu.Lock()
		var last time.Time
		for _, d := range a.dialogs {
			if d.upAt.After(last) {
				last = d.upAt
			}
		}
		a.mu.Unlock()
		took = append(took, way.began().Sub(last))
		p.bye(d)
		s.agents(1, "ready")
	}
	slices.Sort(took)
	t.Logf("%d calls, from the agent's 200 until the caller hears him: p50 %s (limit 5ms), p95 %s, longest %s", calls, share(took, .5), share(took, .95), share(took, 1))
	if p50 := share(took, .5); p50 >= 5*time.Millisecond {
		t.Errorf("p50 %s, want below 5 ms", p50)
	}
}

// TestBenchRegister measures the CPU time of a REGISTER with digest: the
// challenge and the answer to it.
func TestBenchRegister(t *testing.T) {
	const phones, rounds = 20, 100
	s := startServer(t, fmt.Sprintf("PICKUP_DEMO_AGENTS=%d", phones))
	var all []*phone
	for i := range phones {
		p := newPhone(t, fmt.Sprint(1001+i), s.sip)
		p.register("demo-" + p.user)
		all = append(all, p)
	}
	s.agents(phones, "ready")
	rest(t, "what follows is stored", 2*time.Second)
	used, began := cpuOf(t, s.cmd.Process.Pid), time.Now()
	var wg sync.WaitGroup
	for _, p := range all {
		wg.Go(func() {
			for range rounds {
				p.register("demo-" + p.user)
			}
		})
	}
	wg.Wait()
	used = cpuOf(t, s.cmd.Process.Pid) - used
	per := used / (phones * rounds)
	t.Logf("%d REGISTERs with digest in %v: %v CPU each (target 500us)", phones*rounds, time.Since(began).Round(time.Millisecond), per)
}
