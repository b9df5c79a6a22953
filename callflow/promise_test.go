package callflow_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pickup/call"
	"pickup/callback"
	"pickup/callflow"
	"pickup/queue"
)

// alice is where she is called back.
const alice = "alice@udp:192.0.2.1:5060"

// promised makes a caller wait, press 1 and hear that he is called back.
func promised(t *testing.T, s *site) callback.Callback {
	t.Helper()
	player := s.mustCall("support", "alice")
	time.Sleep(8 * time.Second)
	player.press('1')
	time.Sleep(6 * time.Second)
	if _, ended, _ := player.state(); !ended {
		t.Fatal("the line is open after the promise")
	}
	return s.promise()
}

func TestCallbackIsDurableBeforeItIsTold(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		player := s.mustCall("support", "alice")
		time.Sleep(8 * time.Second)
		open := s.ledger.block()
		player.press('1')
		after := s.mustCall("support", "bob") // the queue has something to store
		time.Sleep(90 * time.Second)
		synctest.Wait()
		all := s.calls.AllLive() // bob is there, too
		v := all[slices.IndexFunc(all, func(v callflow.View) bool { return v.Record.From.User == "alice" })]
		if v.Record.State != call.StateWaiting || v.Record.CallbackID != "" || v.Place.Position != 1 {
			t.Errorf("told before it was stored: %s, callback %q, place %+v", v.Record.State, v.Record.CallbackID, v.Place)
		}
		if !s.queue.Counters().CommitLate {
			t.Error("the store hangs, and there is no alarm")
		}
		open()
		time.Sleep(6 * time.Second)
		after.hangUp()
		time.Sleep(time.Second)
		c := s.promise()
		if c.State != callback.StateQueued || c.Target != alice || c.Key == 0 {
			t.Errorf("callback: %+v", c)
		}
		if r := s.ended()[0]; r.EndReason != call.EndCallbackRequested || r.CallbackID != c.ID {
			t.Errorf("call: %s, callback %q", r.EndReason, r.CallbackID)
		}
		if _, ended, _ := player.state(); !ended {
			t.Error("the line is open")
		}
	})
}

func TestCallbackThatCannotBeStoredKeepsThePlace(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		player := s.mustCall("support", "alice")
		time.Sleep(8 * time.Second)
		s.ledger.fail(errStore)
		player.press('1')
		time.Sleep(2 * time.Second)
		s.ledger.fail(nil)
		if v := s.live(); v.Record.State != call.StateWaiting || v.Place.Position != 1 {
			t.Errorf("%s, place %+v", v.Record.State, v.Place)
		}
		s.agent("1001", picksUp(time.Second))
		time.Sleep(3 * time.Second)
		if v := s.live(); v.Record.State != call.StateTalking {
			t.Errorf("state: got %s, want talking", v.Record.State)
		}
		player.hangUp()
	})
}

func TestCallbackIsDialledAndBridged(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		c := promised(t, s)
		home := s.phone(alice, picksUp(3*time.Second))
		agent := s.agent("1001", picksUp(2*time.Second))[0]
		time.Sleep(4 * time.Second)
		if home.rung() != 1 || agent.rung() != 0 {
			t.Fatalf("player rung %d times, agent %d: the agent hears no ringing", home.rung(), agent.rung())
		}
		if got := s.state("1001"); got == queue.AgentReady {
			t.Error("the agent is not reserved")
		}
		home.last().press('1')
		time.Sleep(time.Second)
		if agent.rung() != 1 {
			t.Fatal("the agent's phone does not ring")
		}
		// The notice of 3 s runs while the agent's phone rings: the bridge waits
		// for whichever is longer, and for nothing else.
		time.Sleep(2500 * time.Millisecond)
		v := s.live()
		if v.Record.State != call.StateTalking || v.Record.Direction != call.Outbound {
			t.Fatalf("state: %s %s", v.Record.Direction, v.Record.State)
		}
		if got := s.promise(); got.State != callback.StateConnected {
			t.Errorf("callback: %s", got.State)
		}
		time.Sleep(time.Minute)
		home.last().hangUp()
		time.Sleep(time.Second)
		got := s.promise()
		if got.State != callback.StateDone || got.Attempts != 1 || got.Key != c.Key {
			t.Errorf("callback: %+v", got)
		}
		calls := s.ended()
		if len(calls) != 2 || calls[1].EndReason != call.EndCallbackDone || calls[1].ContactID != calls[0].ContactID {
			t.Errorf("calls: %+v", calls)
		}
		if got := s.state("1001"); got != queue.AgentReady {
			t.Errorf("agent: got %s", got)
		}
	})
}

func TestThreeAttemptsOverHoursThenItHasFailed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		promised(t, s)
		home := s.phone(alice, rings)
		agent := s.agent("1001", picksUp(time.Second))[0]
		var at []time.Duration
		begun := time.Now()
		for n := range 3 {
			for home.rung() == n && time.Since(begun) < 3*time.Hour {
				time.Sleep(time.Second)
			}
			at = append(at, time.Since(begun).Round(time.Minute))
		}
		// No answer for 25 s, then 10 minutes; again, then an hour.
		if want := []time.Duration{0, 10 * time.Minute, 71 * time.Minute}; !slices.Equal(at, want) {
			t.Errorf("dialled at %v, want %v", at, want)
		}
		time.Sleep(2 * time.Hour)
		if c := s.promise(); c.State != callback.StateFailed || c.Detail != "no_answer" || c.Attempts != 3 || home.rung() != 3 {
			t.Errorf("callback: %s %s, %d attempts, rung %d times", c.State, c.Detail, c.Attempts, home.rung())
		}
		if agent.rung() != 0 {
			t.Errorf("the agent's phone rang %d times", agent.rung())
		}
		if got := s.state("1001"); got != queue.AgentReady {
			t.Errorf("agent: got %s", got)
		}
	})
}

func TestAttemptsThatTheirRulesDoNotCount(t *testing.T) {
	cases := map[string]struct {
		home  behaviour
		state callback.State
		tries int
		after time.Duration
	}{
		"busy is tried again after 3 minutes": {refuses(486), callback.StateRetryWait, 1, time.Minute},
		"a wrong number ends it at once":      {refuses(404), callback.StateFailed, 1, time.Minute},
		"a refusal ends it at once":           {refuses(603), callback.StateFailed, 1, time.Minute},
		"nobody presses 1":                    {picksUp(time.Second), callback.StateRetryWait, 1, time.Minute},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s := newSite(t, options{})
				promised(t, s)
				s.phone(alice, c.home)
				agent := s.agent("1001", rings)[0]
				time.Sleep(c.after)
				if got := s.promise(); got.State != c.state || got.Attempts != c.tries {
					t.Errorf("callback: %s, %d attempts; want %s, %d", got.State, got.Attempts, c.state, c.tries)
				}
				if agent.rung() != 0 || s.state("1001") != queue.AgentReady {
					t.Errorf("agent: rung %d times, %s", agent.rung(), s.state("1001"))
				}
			})
		})
	}
}

func TestAgentWhoDoesNotTakeACallbackCostsNoAttempt(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{agents: 2})
		promised(t, s)
		home := s.phone(alice, picksUp(time.Second))
		first := s.agent("1001", rings)[0]
		time.Sleep(2 * time.Second)
		home.last().press('1')
		time.Sleep(time.Second)
		if first.rung() != 1 {
			t.Fatal("the agent's phone does not ring")
		}
		time.Sleep(12 * time.Second)
		if v := s.live(); !v.Record.State.InQueue() {
			t.Fatalf("the player is not on the line: %s", v.Record.State)
		}
		s.agent("1002", picksUp(time.Second))
		time.Sleep(2 * time.Second)
		if v := s.live(); v.Record.State != call.StateTalking || v.AgentLogin != "1002" {
			t.Errorf("state %s with %q", v.Record.State, v.AgentLogin)
		}
		home.last().hangUp()
		time.Sleep(time.Second)
		if c := s.promise(); c.State != callback.StateDone || home.rung() != 1 {
			t.Errorf("callback %s, player rung %d times", c.State, home.rung())
		}
	})
}

func TestCallbackByRequestOfTheAPI(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		if _, err := s.calls.RequestCallback(t.Context(), "none", ""); !errors.Is(err, callflow.ErrEnded) {
			t.Errorf("a call that is not: %v", err)
		}
		s.mustCall("support", "alice")
		time.Sleep(5 * time.Second)
		c, err := s.calls.RequestCallback(t.Context(), s.live().Record.ID, "")
		if err != nil || c.State != callback.StateQueued {
			t.Fatalf("%+v, %v", c, err)
		}
		time.Sleep(10 * time.Second)
		if _, err := s.calls.AddCallback(t.Context(), callback.Callback{
			Queue: "support", TargetKind: callback.TargetSIPSource, Target: alice, Kind: callback.KindScheduled,
		}); !errors.Is(err, callback.ErrOpen) {
			t.Errorf("a second one: %v", err)
		}
		s.noTrunk.Store(true)
		if _, err := s.calls.AddCallback(t.Context(), callback.Callback{
			Queue: "support", TargetKind: callback.TargetNumber, Target: "+33123456789", Kind: callback.KindScheduled,
		}); !errors.Is(err, callback.ErrUnreachable) {
			t.Errorf("a number without a trunk: %v", err)
		}
		if _, err := s.calls.CancelCallback(t.Context(), c.ID, "player"); err != nil {
			t.Error(err)
		}
		home := s.phone(alice, rings)
		s.agent("1001", rings)
		time.Sleep(time.Minute)
		if got := s.promise(); got.State != callback.StateCancelled || home.rung() != 0 {
			t.Errorf("%s, rung %d times", got.State, home.rung())
		}
	})
}

func TestDrainOffersCallbacksToThoseWhoWait(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		agent := s.agent("1001", picksUp(time.Second))[0]
		talking := s.mustCall("support", "bob")
		time.Sleep(5 * time.Second)
		s.must(s.queue.SetState(t.Context(), "agent-1001", queue.AgentNotReady, "break"))
		takes := s.mustCall("support", "alice")
		waits := s.mustCall("support", "carol")
		time.Sleep(8 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		drained := make(chan struct{})
		go func() { s.calls.Drain(ctx); close(drained) }()
		time.Sleep(2 * time.Second)
		if _, refusal := s.call("support", "dave"); refusal == nil || refusal.Status != 503 {
			t.Errorf("a new call while draining: %v", refusal)
		}
		takes.press('1')
		time.Sleep(8 * time.Second)
		talking.hangUp()
		select {
		case <-drained:
			t.Fatal("drained while somebody waits")
		default:
		}
		<-drained
		synctest.Wait()
		if _, ended, _ := waits.state(); !ended {
			t.Error("who waits is still on the line")
		}
		s.stop()
		reasons := map[string]call.EndReason{}
		for _, r := range s.ended() {
			reasons[r.From.User] = r.EndReason
		}
		if reasons["alice"] != call.EndCallbackRequested || reasons["carol"] != call.EndCallbackRequested || reasons["bob"] != call.EndAnswered {
			t.Errorf("ends: %v", reasons)
		}
		if all := s.promises(); len(all) != 2 || !all[0].Open() || !all[1].Open() {
			t.Errorf("callbacks: %+v", all)
		}
		if agent.rung() != 1 {
			t.Errorf("the agent's phone rang %d times", agent.rung())
		}
	})
}
