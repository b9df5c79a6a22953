package callflow_test

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"pickup/call"
)

// A call in which two people talk costs the life of a call nothing: no timer,
// no write, no allocation. What the media plane and the clock of the bubble do
// is in the figure, too, so it is held below one allocation in ten
// session-seconds rather than at none.
func TestTalkingSessionsAllocateNothing(t *testing.T) {
	const calls, seconds = 100, 60
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{agents: calls})
		for i := range calls {
			s.agent(fmt.Sprint(1001+i), picksUp(time.Second))
		}
		for i := range calls {
			s.mustCall("support", fmt.Sprint("player", i))
		}
		time.Sleep(time.Minute)
		for _, v := range s.calls.AllLive() {
			if v.Record.State != call.StateTalking {
				t.Fatalf("%s", v.Record.State)
			}
		}
		writes := s.ledger.count()
		synctest.Wait()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		time.Sleep(seconds * time.Second)
		synctest.Wait()
		runtime.ReadMemStats(&after)
		per := float64(after.Mallocs-before.Mallocs) / (calls * seconds)
		t.Logf("%.4f allocations per session-second", per)
		if per > 0.05 {
			t.Errorf("%.3f allocations per session-second", per)
		}
		if n := s.ledger.count() - writes; n != 0 {
			t.Errorf("%d writes to the store while nothing happened", n)
		}
	})
}

// What a console that looks at every live call costs.
func BenchmarkAllLive(b *testing.B) {
	s := newSite(b, options{})
	for i := range 100 {
		s.mustCall("support", fmt.Sprint("player", i))
	}
	b.ReportAllocs()
	for b.Loop() {
		if n := len(s.calls.AllLive()); n != 100 {
			b.Fatal(n)
		}
	}
}

// What a page costs that looks at its own call.
func BenchmarkLive(b *testing.B) {
	s := newSite(b, options{})
	s.mustCall("support", "alice")
	id := s.calls.AllLive()[0].Record.ID
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := s.calls.Live(id); !ok {
			b.Fatal("gone")
		}
	}
}
