package callflow_test

import (
	"slices"
	"testing"
	"time"

	"pickup/call"
	"pickup/callflow"
	"pickup/queue"
)

// vanish is what the edge tells of a phone that no longer answers: its session
// expired, or an OPTIONS had no answer.
func (l *line) vanish(why string) {
	l.over(callflow.LegEvent{Kind: callflow.LegHungUp, Status: 408, Text: why})
}

// legOf is the stored leg of a kind.
func legOf(t *testing.T, r call.Record, kind string) call.LegRecord {
	t.Helper()
	i := slices.IndexFunc(r.Legs, func(l call.LegRecord) bool { return l.Kind == kind })
	if i < 0 {
		t.Fatalf("no leg of kind %s in %+v", kind, r.Legs)
	}
	return r.Legs[i]
}

// R23: the phone of a player is gone. The call ends, the agent is free, and what
// is stored says why.
func TestPlayerWhosePhoneVanishesFreesTheAgent(t *testing.T) {
	for name, talking := range map[string]bool{"while he talks": true, "while he waits": false} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s := newSite(t, options{})
				want := call.EndAbandoned
				if talking {
					s.agent("1001", picksUp(time.Second))
					want = call.EndAnswered
				}
				player := s.mustCall("support", "alice")
				time.Sleep(time.Minute)
				player.vanish("session expired")
				time.Sleep(time.Minute)
				r := s.one()
				if r.EndReason != want {
					t.Errorf("got %s, want %s", r.EndReason, want)
				}
				if got := legOf(t, r, "player").Cause; got != (call.Cause{Status: 408, Text: "session expired"}) {
					t.Errorf("cause of the player's leg: %+v", got)
				}
				if kinds := s.story(r.ID); !slices.Contains(kinds, "player_vanished") {
					t.Errorf("events: %v", kinds)
				}
				if talking && s.state("1001") != queue.AgentReady && s.state("1001") != queue.AgentWrapUp {
					t.Errorf("agent %s", s.state("1001"))
				}
			})
		})
	}
}

// R24: the phone of an agent is gone. The player is not dropped: he is first in
// the queue again, and the next agent has him.
func TestAgentWhosePhoneVanishesLosesThePlayerToTheQueue(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{agents: 2})
		first := s.agent("1001", picksUp(time.Second))[0]
		player := s.mustCall("support", "alice")
		time.Sleep(time.Minute)
		s.agent("1002", picksUp(time.Second))
		first.last().vanish("OPTIONS not answered")
		time.Sleep(20 * time.Second)
		if v := s.live(); v.Record.State != call.StateTalking || v.Record.AgentID != "agent-1002" {
			t.Fatalf("call %s with %s", v.Record.State, v.Record.AgentID)
		}
		if got := s.state("1001"); got != queue.AgentUnreachable {
			t.Errorf("the first agent is %s", got)
		}
		player.hangUp()
		time.Sleep(10 * time.Second)
		r := s.one()
		if got := legOf(t, r, "agent").Cause; got != (call.Cause{Status: 408, Text: "OPTIONS not answered"}) {
			t.Errorf("cause of the agent's leg: %+v", got)
		}
		if kinds := s.story(r.ID); !slices.Contains(kinds, "agent_line_dead") {
			t.Errorf("events: %v", kinds)
		}
	})
}
