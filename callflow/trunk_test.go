package callflow_test

import (
	"testing"
	"time"

	"pickup/callback"
	"pickup/queue"
)

const carol = "+33123456789"

// numbered is a promise to a number, made while a trunk takes it.
func numbered(t *testing.T, s *site) callback.Callback {
	t.Helper()
	c, err := s.calls.AddCallback(t.Context(), callback.Callback{
		Queue: "support", TargetKind: callback.TargetNumber, Target: carol, Player: carol, Kind: callback.KindScheduled,
	})
	s.must(err)
	return c
}

// Without a trunk nobody is dialled and no agent is kept for it; the promise
// says why, stands, keeps its place and its attempts, and the first trunk that
// takes the number mends it at once.
func TestPromiseWithoutATrunkWaitsForOne(t *testing.T) {
	cases := map[string]func(s *site){
		"the trunk goes before its turn": func(s *site) {
			s.noTrunk.Store(true)
			s.agent("1001", rings)
		},
		"there is none when it comes back to the queue": func(s *site) {
			s.phone(carol, refuses(486))
			s.agent("1001", rings)
			time.Sleep(time.Second)
			s.noTrunk.Store(true)
		},
	}
	for name, lose := range cases {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s := newSite(t, options{})
				made := numbered(t, s)
				lose(s)
				time.Sleep(10 * time.Second)
				used := s.promise().Attempts
				time.Sleep(2 * time.Hour)
				c := s.promise()
				if c.State.Terminal() || c.Attempts != used || c.Key != made.Key || c.Detail != callback.DetailNoTrunk {
					t.Errorf("got %s (%q), %d attempts of which %d count, key %d; want an open one, as before, for want of a trunk",
						c.State, c.Detail, c.Attempts, used, c.Key-made.Key)
				}
				if got := len(s.ended()); got != used {
					t.Errorf("%d calls left a record, want %d", got, used)
				}
				if got := s.state("1001"); got != queue.AgentReady {
					t.Errorf("agent: %s", got)
				}
				home := s.phone(carol, rings)
				s.noTrunk.Store(false)
				s.calls.TrunksChanged(t.Context())
				time.Sleep(time.Second)
				if got := s.promise(); home.rung() != 1 || got.Detail != "" {
					t.Errorf("rung %d times, %s (%q), want at once", home.rung(), got.State, got.Detail)
				}
			})
		})
	}
}

// The trunk goes in the instant of the dial: the attempt does not count.
func TestDialThatFindsNoTrunkCostsNoAttempt(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		numbered(t, s)
		open := s.ledger.block()
		s.agent("1001", rings)
		time.Sleep(time.Second) // its attempt is being stored
		s.noTrunk.Store(true)
		open()
		time.Sleep(10 * time.Second)
		if c := s.promise(); !c.Open() || c.State.Running() || c.Attempts != 0 {
			t.Fatalf("%s (%q), %d attempts", c.State, c.Detail, c.Attempts)
		}
		home := s.phone(carol, rings)
		s.noTrunk.Store(false)
		s.calls.TrunksChanged(t.Context())
		time.Sleep(61 * time.Second) // it rests as after an attempt of unknown end
		if home.rung() != 1 {
			t.Errorf("rung %d times", home.rung())
		}
	})
}
