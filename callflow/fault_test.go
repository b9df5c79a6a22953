package callflow_test

import (
	"slices"
	"testing"
	"time"

	"pickup/call"
	"pickup/callback"
	"pickup/queue"
)

func TestStoreThatFailsDelaysTheJournalAndNoCall(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		s.agent("1001", picksUp(time.Second))
		s.ledger.fail(errStore)
		player := s.mustCall("support", "alice")
		time.Sleep(10 * time.Second)
		if v := s.live(); v.Record.State != call.StateWaiting && v.Record.State != call.StateTalking {
			t.Fatalf("state: %s", v.Record.State)
		}
		s.ledger.fail(nil)
		time.Sleep(10 * time.Second)
		if v := s.live(); v.Record.State != call.StateTalking {
			t.Fatalf("state with the store back: %s", v.Record.State)
		}
		player.hangUp()
		time.Sleep(10 * time.Second)
		r := s.one()
		want := []string{"arrived", "joined", "offered", "picked", "bridged", "ended"}
		if got := s.story(r.ID); !slices.Equal(got, want) || r.TicketID == "" {
			t.Errorf("events: got %v, want %v; ticket %q", got, want, r.TicketID)
		}
	})
}

func TestStoreThatHangsDelaysTheJournalAndNoCall(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		s.agent("1001", picksUp(time.Second))
		open := s.ledger.block()
		player := s.mustCall("support", "alice")
		time.Sleep(10 * time.Second)
		if v := s.live(); v.Record.State != call.StateTalking {
			t.Fatalf("state: %s", v.Record.State)
		}
		if !s.queue.Counters().CommitLate {
			t.Error("no alarm although a commit hangs")
		}
		player.hangUp()
		time.Sleep(time.Second)
		if n := len(s.ended()); n != 0 {
			t.Errorf("%d calls are stored by a store that hangs", n)
		}
		open()
		time.Sleep(10 * time.Second)
		if r := s.one(); r.EndReason != call.EndAnswered || r.TicketID == "" {
			t.Errorf("%s, ticket %q", r.EndReason, r.TicketID)
		}
	})
}

func TestStoreThatIsLateDoesNotKeepAnAgentWaiting(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		agent := s.agent("1001", picksUp(6*time.Second))[0]
		player := s.mustCall("support", "alice")
		time.Sleep(5 * time.Second)
		open := s.ledger.block()
		player.press('1') // before the agent picks up
		time.Sleep(4 * time.Second)
		if v := s.live(); v.Record.State != call.StateTalking {
			t.Fatalf("state: %s: the agent waits for the store", v.Record.State)
		}
		open()
		time.Sleep(5 * time.Second)
		if v := s.live(); v.Record.State != call.StateTalking || v.Record.CallbackID != "" {
			t.Errorf("state %s, callback %q", v.Record.State, v.Record.CallbackID)
		}
		if c := s.promise(); c.State != callback.StateCancelled {
			t.Errorf("callback: %s, want cancelled: he talks", c.State)
		}
		player.hangUp()
		time.Sleep(time.Second)
		if r := s.one(); r.EndReason != call.EndAnswered || agent.rung() != 1 {
			t.Errorf("%s, rung %d times", r.EndReason, agent.rung())
		}
	})
}

func TestStoreThatDoesNotTakeAnAttemptDialsNobody(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		promised(t, s)
		home := s.phone(alice, picksUp(time.Second))
		s.ledger.fail(errStore)
		s.agent("1001", picksUp(time.Second))
		time.Sleep(30 * time.Second)
		if home.rung() != 0 {
			t.Error("dialled although the attempt is not stored")
		}
		if got := s.state("1001"); got != queue.AgentReady {
			t.Errorf("agent: %s", got)
		}
		s.ledger.fail(nil)
		time.Sleep(2 * time.Minute)
		if c := s.promise(); home.rung() == 0 || c.Attempts != 1 {
			t.Errorf("rung %d times, %s: it was forgotten", home.rung(), c.State)
		}
	})
}

func TestStopWithAStoreThatIsAwayEnds(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		s.mustCall("support", "alice")
		time.Sleep(time.Second)
		s.ledger.fail(errStore)
		begun := time.Now()
		s.stop()
		if took := time.Since(begun); took > 30*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func TestPanicEndsOneCallAndNoOther(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{agents: 2})
		s.agent("1001", picksUp(time.Second))
		good := s.mustCall("support", "bob")
		time.Sleep(5 * time.Second)
		device := s.agent("1002", func(l *line) { l.onEnd = func() { panic("a fault of ours") }; picksUp(time.Second)(l) })[0]
		bad := s.mustCall("support", "alice")
		time.Sleep(5 * time.Second)
		bad.hangUp() // the agent's leg is to be ended: panic
		time.Sleep(5 * time.Second)
		if c := s.calls.Counts(); c.Panics == 0 || c.Live != 1 {
			t.Errorf("counts: %+v", c)
		}
		if r := s.one(); r.From.User != "alice" || r.EndReason != call.EndFailedSystem {
			t.Errorf("%s ended %s", r.From.User, r.EndReason)
		}
		if _, ended, _ := good.state(); ended {
			t.Error("the other call ended, too")
		}
		if got := s.state("1002"); got != queue.AgentReady || device.rung() != 1 {
			t.Errorf("agent: %s", got)
		}
		good.hangUp()
	})
}

func TestCrashLosesNobody(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{agents: 2})
		s.agent("1001", picksUp(time.Second))
		s.mustCall("support", "talker")
		time.Sleep(10 * time.Second)
		for _, who := range []string{"first", "second"} {
			s.mustCall("support", who)
			time.Sleep(3 * time.Second)
		}
		old := s.mustCall("support", "alice")
		time.Sleep(5 * time.Second)
		old.press('1')
		time.Sleep(6 * time.Second)
		memory := s.crash()

		next := newSite(t, options{memory: memory})
		next.must(next.calls.Recover(t.Context(), nil))
		homes := map[string]*phone{}
		for _, who := range []string{"talker", "first", "second", "alice"} {
			homes[who] = next.phone(who+"@udp:192.0.2.1:5060", rings)
		}
		next.agent("1001", rings)
		time.Sleep(5 * time.Second)
		ended := map[string]call.Record{}
		for _, r := range next.ended() {
			ended[r.From.User] = r
		}
		for _, who := range []string{"talker", "first", "second"} {
			if r := ended[who]; r.EndReason != call.EndFailedSystem || r.TicketID == "" || r.CallbackID == "" {
				t.Errorf("%s: %s, ticket %q, callback %q", who, r.EndReason, r.TicketID, r.CallbackID)
			}
		}
		if all := next.promises(); len(all) != 4 {
			t.Fatalf("%d callbacks, want 4: %+v", len(all), all)
		}
		if homes["talker"].rung()+homes["first"].rung()+homes["second"].rung() != 0 {
			t.Error("dialled sooner than 10 s after the start")
		}
		var order []string
		for range 240 {
			time.Sleep(time.Second)
			for who, home := range homes {
				if home.rung() > 0 && !slices.Contains(order, who) {
					order = append(order, who)
				}
			}
		}
		// alice's promise was made before the crash and may be dialled at once.
		if want := []string{"alice", "talker", "first", "second"}; !slices.Equal(order, want) {
			t.Errorf("dialled in the order %v, want %v", order, want)
		}
	})
}

func TestCrashWhileDiallingCostsNoAttempt(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		promised(t, s)
		s.phone(alice, rings)
		s.agent("1001", rings)
		time.Sleep(5 * time.Second)
		if c := s.promise(); c.State != callback.StateDialing {
			t.Fatalf("callback: %s", c.State)
		}
		memory := s.crash()
		next := newSite(t, options{memory: memory})
		next.must(next.calls.Recover(t.Context(), nil))
		home := next.phone(alice, rings)
		next.agent("1001", rings)
		time.Sleep(50 * time.Second)
		if c := next.promise(); c.Attempts != 0 || home.rung() != 0 {
			t.Errorf("%d attempts, rung %d times within 60 s", c.Attempts, home.rung())
		}
		time.Sleep(20 * time.Second)
		if home.rung() != 1 {
			t.Errorf("rung %d times, want once after 60 s", home.rung())
		}
	})
}

func TestWhoWaitsWhenTheServerStopsIsNotBlamed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		s.mustCall("support", "alice")
		time.Sleep(30 * time.Second)
		s.stop()
		if r := s.one(); r.EndReason != call.EndFailedSystem {
			t.Errorf("reason: %s", r.EndReason)
		}
	})
}

func TestCrashInTheTalkOfACallbackPromisesAgain(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		first := promised(t, s)
		home := s.phone(alice, picksUp(time.Second))
		s.agent("1001", picksUp(time.Second))
		time.Sleep(2 * time.Second)
		home.last().press('1')
		time.Sleep(10 * time.Second)
		if v := s.live(); v.Record.State != call.StateTalking {
			t.Fatalf("state: %s", v.Record.State)
		}
		next := newSite(t, options{memory: s.crash()})
		next.must(next.calls.Recover(t.Context(), nil))
		home = next.phone(alice, rings)
		next.agent("1001", rings)
		time.Sleep(30 * time.Second)
		all := next.promises()
		if len(all) != 2 || all[0].ID != first.ID || all[0].State != callback.StateDone || all[1].Kind != callback.KindCrash {
			t.Fatalf("callbacks: %+v", all)
		}
		if all[1].Target != alice || all[1].Key != first.Key || home.rung() != 1 {
			t.Errorf("%+v; rung %d times", all[1], home.rung())
		}
	})
}

func TestStoreThatIsLateWithAnAttemptDoesNotKeepTheAgent(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		promised(t, s)
		home := s.phone(alice, rings)
		open := s.ledger.block()
		s.agent("1001", rings)
		time.Sleep(10 * time.Second)
		if got := s.state("1001"); got != queue.AgentReady {
			t.Errorf("agent: %s while the store hangs", got)
		}
		time.Sleep(30 * time.Second)
		open()
		time.Sleep(5 * time.Second)
		if home.rung() != 0 {
			t.Error("dialled without an agent")
		}
		time.Sleep(5 * time.Minute)
		if c := s.promise(); home.rung() != 1 || c.Attempts != 1 {
			t.Errorf("rung %d times, %s, %d attempts", home.rung(), c.State, c.Attempts)
		}
	})
}
