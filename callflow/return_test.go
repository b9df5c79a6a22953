package callflow_test

import (
	"slices"
	"testing"
	"time"

	"pickup/call"
	"pickup/callback"
)

func TestPlayerWhoCallsAgainSoonTakesThePlaceOfHisCallback(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		c := promised(t, s)
		s.mustCall("support", "bob") // who came after her
		time.Sleep(time.Minute)
		again := s.mustCall("support", "alice")
		time.Sleep(time.Second)
		if got := s.promise(); got.State != callback.StateSuperseded {
			t.Errorf("callback: %s", got.State)
		}
		home := s.phone(alice, rings)
		agent := s.agent("1001", picksUp(time.Second))[0]
		time.Sleep(3 * time.Second)
		if got := agent.last().invitation.FromUser; got != "alice" {
			t.Errorf("the agent was offered %q first, want who kept her place", got)
		}
		if home.rung() != 0 {
			t.Error("she was called back although she waits")
		}
		time.Sleep(10 * time.Second)
		again.hangUp()
		time.Sleep(time.Second)
		for _, r := range s.ended() {
			if r.From.User == "alice" && r.EndReason == call.EndAnswered && !slices.Contains(s.story(r.ID), "callback_superseded") {
				t.Errorf("events: %v", s.story(r.ID))
			}
		}
		if c.ID == "" {
			t.Error("no callback")
		}
	})
}

func TestPlayerWhoCallsAgainLaterIsAsked(t *testing.T) {
	cases := map[string]struct {
		key    rune // 0: none
		state  callback.State
		reason call.EndReason
	}{
		"1 keeps the callback":       {'1', callback.StateQueued, call.EndExitKey},
		"2 waits in its place":       {'2', callback.StateSuperseded, call.EndAbandoned},
		"no key waits in its place":  {0, callback.StateSuperseded, call.EndAbandoned},
		"a wrong key asks once more": {'7', callback.StateSuperseded, call.EndAbandoned},
		"who hangs up keeps it, too": {'-', callback.StateQueued, call.EndAbandoned},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s := newSite(t, options{})
				promised(t, s)
				time.Sleep(10 * time.Minute)
				again := s.mustCall("support", "alice")
				time.Sleep(2 * time.Second)
				if v := s.live(); v.Record.State != call.StateMenu {
					t.Fatalf("not asked: %s", v.Record.State)
				}
				switch c.key {
				case 0:
				case '-':
					again.hangUp()
				default:
					again.press(c.key)
				}
				time.Sleep(20 * time.Second)
				again.hangUp() // who has not gone yet
				time.Sleep(time.Second)
				if got := s.promise(); got.State != c.state {
					t.Errorf("callback: got %s, want %s", got.State, c.state)
				}
				all := s.ended()
				if got := all[len(all)-1].EndReason; got != c.reason {
					t.Errorf("reason: got %s, want %s", got, c.reason)
				}
			})
		})
	}
}

func TestNobodyIsCalledBackWhileHeIsAsked(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		promised(t, s)
		home := s.phone(alice, picksUp(time.Second))
		time.Sleep(10 * time.Minute)
		again := s.mustCall("support", "alice")
		s.agent("1001", rings)
		time.Sleep(3 * time.Second)
		if home.rung() != 0 {
			t.Error("his phone rings while he is on the line")
		}
		again.press('1')
		time.Sleep(30 * time.Second)
		if c := s.promise(); home.rung() != 1 || c.Attempts != 1 {
			t.Errorf("rung %d times, %d attempts: he kept the callback", home.rung(), c.Attempts)
		}
	})
}

func TestPageThatIsLeftDuringTheLastSentenceFreesItsLine(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		page := s.browse("support", "token")
		time.Sleep(8 * time.Second)
		page.press('1')
		time.Sleep(500 * time.Millisecond)
		if v := s.live(); v.Record.State != call.StateAnnouncing {
			t.Fatalf("state: %s", v.Record.State)
		}
		page.away()
		time.Sleep(500 * time.Millisecond)
		if _, ended, _ := page.state(); !ended {
			t.Error("the line of a page that is gone is kept")
		}
		if r := s.one(); r.EndReason != call.EndCallbackRequested {
			t.Errorf("reason: %s", r.EndReason)
		}
	})
}

func TestCallbackWaitsUntilThePlayersOldLineIsFree(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		player := s.mustCall("support", "alice")
		time.Sleep(8 * time.Second)
		home := s.phone(alice, func(l *line) { // one line: busy while it hears our last sentence
			if player.gone() {
				rings(l)
			} else {
				refuses(486)(l)
			}
		})
		player.press('1')
		time.Sleep(100 * time.Millisecond)
		s.agent("1001", rings) // an agent is free at once
		time.Sleep(8 * time.Second)
		if c := s.promise(); home.rung() != 1 || c.Attempts != 0 || c.State != callback.StateDialing {
			t.Errorf("rung %d times, %s, %d attempts", home.rung(), c.State, c.Attempts)
		}
	})
}

func TestPageTakesItsCallbackByAClickAndComesBackToIt(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		page := s.browse("support", "token")
		time.Sleep(8 * time.Second)
		page.press('1')
		time.Sleep(6 * time.Second)
		first := s.one()
		rung := s.phone(string(first.ID), picksUp(2*time.Second)) // the page's button
		agent := s.agent("1001", picksUp(8*time.Second))[0]
		time.Sleep(3 * time.Second)
		if agent.rung() != 1 {
			t.Fatal("the agent's phone does not ring although the page took the call")
		}
		// The page is loaded anew while the agent's phone rings.
		rung.last().away()
		back := s.line(true)
		_, err := back.media.Answer(t.Context(), description)
		s.must(err)
		if _, err := s.calls.Resume("token", back); err != nil {
			t.Fatalf("resume: %v", err)
		}
		time.Sleep(20 * time.Second)
		v := s.live()
		if v.Record.State != call.StateTalking || v.Record.Direction != call.Outbound || v.Away {
			t.Errorf("%s %s, away %t; agent rung %d times", v.Record.Direction, v.Record.State, v.Away, agent.rung())
		}
		if _, ended, _ := rung.last().state(); !ended {
			t.Error("the page's old line is open")
		}
		back.hangUp()
		time.Sleep(time.Second)
		if c := s.promise(); c.State != callback.StateDone || c.Attempts != 1 {
			t.Errorf("callback: %s, %d attempts", c.State, c.Attempts)
		}
	})
}

func TestPageThatIsGoneIsNoWrongNumber(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		page := s.browse("support", "token")
		time.Sleep(8 * time.Second)
		page.press('1')
		time.Sleep(6 * time.Second)
		s.agent("1001", rings)
		time.Sleep(time.Minute)
		if c := s.promise(); c.State != callback.StateRetryWait || c.Attempts != 1 {
			t.Errorf("callback: %s %s, %d attempts; want to be tried again", c.State, c.Detail, c.Attempts)
		}
	})
}

func TestPageComesBackToItsPlace(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		page := s.browse("support", "token")
		time.Sleep(5 * time.Second)
		page.away()
		time.Sleep(2 * time.Minute)
		back := s.line(true)
		_, err := back.media.Answer(t.Context(), description)
		s.must(err)
		if _, err := s.calls.Resume("token", back); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if v := s.live(); v.Record.State != call.StateWaiting || v.Away || v.Place.Position != 1 {
			t.Errorf("%s, away %t, place %+v", v.Record.State, v.Away, v.Place)
		}
		back.away()
		time.Sleep(4 * time.Minute)
		if r := s.one(); !r.EndReason.CountsAbandoned() {
			t.Errorf("reason: %s", r.EndReason)
		}
	})
}
