package callflow_test

import (
	"context"
	"testing"
	"time"

	"pickup/call"
	"pickup/callback"
	"pickup/queue"
)

// lateAttempt is a promise whose attempt hangs in the store after its session
// has given up; open lets the store go on.
func lateAttempt(t *testing.T, s *site) (c callback.Callback, open func()) {
	t.Helper()
	c = promised(t, s)
	open = s.ledger.block()
	s.agent("1001", rings)
	time.Sleep(10 * time.Second)
	s.must(s.queue.SetState(t.Context(), "agent-1001", queue.AgentNotReady, "break"))
	return c, open
}

// The attempt is stored when nobody makes it any more: the promise reads as
// being dialled until that is undone, and is ended all the same.
func TestLateAttemptDoesNotKeepAPromiseFromItsEnd(t *testing.T) {
	cases := map[string]struct {
		end   func(s *site, id string) error
		state callback.State
	}{
		"he calls again and takes its place": {func(s *site, _ string) error {
			s.mustCall("support", "alice")
			return nil
		}, callback.StateSuperseded},
		"he does not want it any more": {func(s *site, id string) error {
			_, err := s.calls.CancelCallback(s.t.Context(), id, "player")
			return err
		}, callback.StateCancelled},
		"a supervisor takes it out of the queue": {func(s *site, _ string) error {
			return s.queue.Withdraw(s.t.Context(), s.queue.Waiting("support", 0)[0].ID)
		}, callback.StateCancelled},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s := newSite(t, options{})
				home := s.phone(alice, rings)
				promise, open := lateAttempt(t, s)
				time.Sleep(time.Minute) // it waits in the queue again
				ended := make(chan error, 1)
				go func() { ended <- c.end(s, promise.ID) }()
				time.Sleep(time.Second)
				open()
				s.must(<-ended)
				time.Sleep(10 * time.Second)
				if got := s.promise(); got.State != c.state {
					t.Errorf("callback: got %s, want %s", got.State, c.state)
				}
				s.must(s.queue.SetState(t.Context(), "agent-1001", queue.AgentReady, ""))
				time.Sleep(10 * time.Minute)
				if home.rung() != 0 {
					t.Error("called back for a promise that was over")
				}
			})
		})
	}
}

func TestPromiseOfAQueueThatIsGoneEndsThoughTheStoreIsAway(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		promised(t, s)
		s.ledger.fail(errStore)
		s.must(s.queue.Configure(t.Context(), nil, nil))
		time.Sleep(time.Minute)
		s.ledger.fail(nil)
		time.Sleep(10 * time.Second)
		if c := s.promise(); c.State != callback.StateCancelled {
			t.Errorf("callback: %s, and nobody owns it", c.State)
		}
	})
}

func TestFaultInTheCallOfACallbackDoesNotLoseThePromise(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		promised(t, s)
		home := s.phone(alice, func(*line) { panic("a fault of ours") })
		s.agent("1001", picksUp(time.Second))
		time.Sleep(5 * time.Second)
		if s.calls.Counts().Panics == 0 {
			t.Fatal("no fault")
		}
		if c := s.promise(); c.State != callback.StateRetryWait || c.Attempts != 0 {
			t.Errorf("callback: %s, %d attempts", c.State, c.Attempts)
		}
		home.now(rings)
		time.Sleep(2 * time.Minute)
		if home.rung() != 2 || s.calls.Counts().Repaired != 0 {
			t.Errorf("rung %d times, %+v: the promise is lost", home.rung(), s.calls.Counts())
		}
	})
}

func TestAgentWhoLeavesBeforeTheStoreHasTheAttemptIsReplaced(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{agents: 2})
		promised(t, s)
		home := s.phone(alice, picksUp(5*time.Second))
		first := s.agent("1001", picksUp(time.Second))[0]
		time.Sleep(time.Second)
		s.must(s.queue.SetState(t.Context(), "agent-1001", queue.AgentNotReady, "break"))
		second := s.agent("1002", picksUp(time.Second))[0]
		time.Sleep(2 * time.Second)
		if first.rung()+second.rung() != 0 {
			t.Errorf("an agent's phone rings (%d, %d) before the player has answered", first.rung(), second.rung())
		}
		time.Sleep(3 * time.Second)
		home.last().press('1')
		time.Sleep(6 * time.Second)
		if v := s.live(); v.Record.State != call.StateTalking || v.AgentLogin != "1002" || second.rung() != 1 {
			t.Errorf("%s with %q, rung %d times", v.Record.State, v.AgentLogin, second.rung())
		}
		home.last().hangUp()
	})
}

// The player does not answer, his agent has left meanwhile, and the store is away:
// nobody is there who would take another agent for the promise.
func TestAttemptWithoutAnAgentThatIsNotStoredReservesNobody(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{agents: 2})
		promised(t, s)
		s.phone(alice, rings)
		s.agent("1001", picksUp(time.Second))
		time.Sleep(time.Second)
		s.must(s.queue.SetState(t.Context(), "agent-1001", queue.AgentNotReady, "break"))
		s.ledger.fail(errStore)
		time.Sleep(40 * time.Second)
		s.agent("1002", picksUp(time.Second))
		time.Sleep(time.Minute)
		if got := s.state("1002"); got != queue.AgentReady {
			t.Errorf("an agent is %s for an attempt that is over", got)
		}
		s.ledger.fail(nil)
		time.Sleep(3 * time.Minute) // the next attempt comes by its rules
		if c := s.promise(); !c.Open() || c.Attempts != 1 {
			t.Errorf("the promise is %s after %d attempts", c.State, c.Attempts)
		}
		if c := s.queue.Counters(); c.Reaped != 0 {
			t.Errorf("the reaper had to help: %+v", c)
		}
	})
}

// Nobody hears of a fault of ours in the runner, but that it is counted.
func TestPromiseThatNobodyOwnsIsBroughtBack(t *testing.T) {
	cases := map[string]func(ctx context.Context, b *callback.Book, id string) error{
		"it waits": func(context.Context, *callback.Book, string) error { return nil },
		"it reads as being dialled": func(ctx context.Context, b *callback.Book, id string) error {
			_, _, err := b.Begin(ctx, id, "agent-1001")
			return err
		},
	}
	for name, lose := range cases {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s := newSite(t, options{})
				// By another book: the server that runs has not heard of it.
				book := callback.NewBook(callback.Config{}, s.ledger)
				c, err := book.Confirm(t.Context(), callback.Callback{
					Queue: "support", TargetKind: callback.TargetSIPSource, Target: alice, Kind: callback.KindKeepPlace,
					Key: 1, Priority: 1,
				})
				s.must(err)
				s.must(lose(t.Context(), book, c.ID))
				home := s.phone(alice, rings)
				s.agent("1001", rings)
				time.Sleep(4 * time.Minute)
				if home.rung() != 1 {
					t.Errorf("rung %d times", home.rung())
				}
				if got := s.calls.Counts().Repaired; got != 1 {
					t.Errorf("%d repairs are counted, want 1", got)
				}
			})
		})
	}
}

func TestPromiseWhoseQueueCameBackWaitsInItAgain(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		promised(t, s)
		memory := s.crash()
		next := newSite(t, options{memory: memory})
		next.must(next.queue.Configure(t.Context(), nil, nil))
		next.must(next.calls.Recover(t.Context(), nil))
		home := next.phone(alice, rings)
		time.Sleep(5 * time.Minute)
		next.configure(options{})
		next.agent("1001", rings)
		time.Sleep(2 * time.Minute)
		if c := next.calls.Counts(); home.rung() != 1 || c.Repaired != 0 {
			t.Errorf("rung %d times, %+v: no fault, and nobody is forgotten", home.rung(), c)
		}
	})
}
