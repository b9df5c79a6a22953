package callflow_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pickup/call"
	"pickup/callflow"
	"pickup/queue"
)

func TestAnsweredCallLeavesRecordTicketAndEvents(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		agent := s.agent("1001", picksUp(2*time.Second))[0]
		player := s.mustCall("support", "alice")
		time.Sleep(5 * time.Second)
		if v := s.live(); v.Record.State != call.StateTalking || v.AgentLogin != "1001" {
			t.Fatalf("state %s, agent %q", v.Record.State, v.AgentLogin)
		}
		if got := agent.last().invitation; got.FromUser != "alice" || got.FromDisplay != "alice (support)" || got.Queue != "support" {
			t.Errorf("INVITE to the agent: %+v", got)
		}
		time.Sleep(10 * time.Second)
		player.hangUp()
		time.Sleep(time.Second)
		r := s.one()
		if r.EndReason != call.EndAnswered || r.AgentID != "agent-1001" || r.TicketID == "" || r.ContactID == "" {
			t.Errorf("record: %+v", r)
		}
		// The notice lasts 3 s: the wait ends with it, though the agent answered after 2 s.
		if wait := r.Wait(time.Now()).Round(100 * time.Millisecond); wait != 3*time.Second {
			t.Errorf("wait: got %s, want 3s", wait)
		}
		if talk := r.Talk.Round(100 * time.Millisecond); talk != 12*time.Second {
			t.Errorf("talk: got %s, want 12s", talk)
		}
		want := []string{"arrived", "joined", "offered", "picked", "bridged", "ended"}
		if got := s.story(r.ID); !slices.Equal(got, want) {
			t.Errorf("events: got %v, want %v", got, want)
		}
		if _, ended, cause := agent.last().state(); !ended || cause.Text != "Caller hung up" {
			t.Errorf("agent's leg: ended %t, %+v", ended, cause)
		}
		if got := s.state("1001"); got != queue.AgentReady {
			t.Errorf("agent: got %s, want ready", got)
		}
	})
}

func TestAgentHangsUpEndsTheCallAsAnswered(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{queue: func(q *queue.QueueConfig) { q.WrapUp = 5 * time.Second }})
		agent := s.agent("1001", picksUp(time.Second))[0]
		player := s.mustCall("support", "alice")
		time.Sleep(20 * time.Second)
		agent.last().hangUp()
		time.Sleep(time.Second)
		if _, ended, _ := player.state(); !ended {
			t.Error("the player's line is open")
		}
		if r := s.one(); r.EndReason != call.EndAnswered {
			t.Errorf("reason: got %s", r.EndReason)
		}
		if got := s.state("1001"); got != queue.AgentWrapUp {
			t.Errorf("agent: got %s, want wrap_up", got)
		}
		time.Sleep(5 * time.Second)
		if got := s.state("1001"); got != queue.AgentReady {
			t.Errorf("agent after wrap-up: got %s, want ready", got)
		}
	})
}

func TestEndsOfACallThatNobodyAnswers(t *testing.T) {
	cases := map[string]struct {
		leaves time.Duration
		queue  func(*queue.QueueConfig)
		agent  behaviour // nil: no agent is there
		reason call.EndReason
		ticket bool
	}{
		"left after 25 s: a missed call":   {leaves: 25 * time.Second, reason: call.EndAbandoned, ticket: true},
		"left after 10 s: no ticket":       {leaves: 10 * time.Second, reason: call.EndAbandoned},
		"left after 3 s: a short abandon":  {leaves: 3 * time.Second, reason: call.EndShortAbandoned},
		"left while a phone rings":         {leaves: 8 * time.Second, agent: rings, reason: call.EndAbandonedRinging},
		"the longest wait of a queue ends": {queue: func(q *queue.QueueConfig) { q.MaxWait = time.Minute }, reason: call.EndOverflowTime, ticket: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s := newSite(t, options{queue: c.queue})
				if c.agent != nil {
					s.agent("1001", c.agent)
				}
				player := s.mustCall("support", "alice")
				if c.leaves > 0 {
					time.Sleep(c.leaves)
					player.hangUp()
				} else {
					time.Sleep(70 * time.Second)
					if _, ended, _ := player.state(); !ended {
						t.Error("the line is open after the longest wait")
					}
				}
				time.Sleep(time.Second)
				r := s.one()
				if r.EndReason != c.reason {
					t.Errorf("reason: got %s, want %s", r.EndReason, c.reason)
				}
				if got := r.TicketID != ""; got != c.ticket {
					t.Errorf("ticket: got %t, want %t", got, c.ticket)
				}
				if c.agent != nil {
					if got := s.state("1001"); got != queue.AgentReady {
						t.Errorf("agent: got %s, want ready: he missed nothing", got)
					}
				}
			})
		})
	}
}

func TestFullQueueSaysSoAndHangsUp(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{queue: func(q *queue.QueueConfig) { q.MaxLength = 1 }})
		s.mustCall("support", "alice")
		time.Sleep(time.Second)
		late := s.mustCall("support", "bob")
		time.Sleep(10 * time.Second)
		if answered, ended, _ := late.state(); !answered || !ended {
			t.Errorf("answered %t, ended %t", answered, ended)
		}
		if r := s.one(); r.EndReason != call.EndOverflowFull || r.From.User != "bob" {
			t.Errorf("record: %+v", r)
		}
	})
}

func TestCallsThatAreRefused(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{calls: limit(1)})
		if _, refusal := s.call("nowhere", "alice"); refusal == nil || refusal.Status != 404 {
			t.Errorf("unknown queue: %v", refusal)
		}
		s.mustCall("SUPPORT", "alice")
		_, refusal := s.call("support", "bob")
		if refusal == nil || refusal.Status != 503 || refusal.RetryAfter <= 0 || !strings.Contains(refusal.Error(), "503") {
			t.Errorf("full server: %v", refusal)
		}
		if c := s.calls.Counts(); c.Live != 1 || c.Started != 1 || c.Refused != 2 {
			t.Errorf("counts: %+v", c)
		}
	})
}

func TestNoAnswerLeadsToTheNextAgent(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{agents: 2})
		first := s.agent("1001", rings)[0]
		time.Sleep(time.Second) // idle for longer: he is asked first
		second := s.agent("1002", picksUp(time.Second))[0]
		s.mustCall("support", "alice")
		time.Sleep(11 * time.Second)
		if first.rung() != 1 || second.rung() != 0 {
			t.Fatalf("rung: %d and %d", first.rung(), second.rung())
		}
		time.Sleep(4 * time.Second)
		if v := s.live(); v.Record.State != call.StateTalking || v.AgentLogin != "1002" {
			t.Errorf("state %s with %q", v.Record.State, v.AgentLogin)
		}
		if _, ended, _ := first.last().state(); !ended {
			t.Error("the first phone still rings")
		}
		if got := s.state("1001"); got != queue.AgentNotReady {
			t.Errorf("who did not answer: got %s, want not_ready", got)
		}
	})
}

func TestEveryDeviceRingsAndTheLosersAreCancelled(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		phones := s.agent("1001", rings, picksUp(4*time.Second), refuses(486))
		s.mustCall("support", "alice")
		time.Sleep(2 * time.Second)
		for i, p := range phones {
			if p.rung() != 1 {
				t.Errorf("device %d got %d INVITEs", i, p.rung())
			}
		}
		time.Sleep(3 * time.Second)
		answered, ended, cause := phones[0].last().state()
		if answered || !ended || cause.Status != 200 || cause.Text != "Call completed elsewhere" {
			t.Errorf("the losing device: answered %t, ended %t, %+v", answered, ended, cause)
		}
		if v := s.live(); v.Record.State != call.StateTalking {
			t.Errorf("state: got %s", v.Record.State)
		}
	})
}

func TestPlayerHangsUpInTheInstantOfTheAnswer(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		agent := s.agent("1001", rings)[0]
		player := s.mustCall("support", "alice")
		time.Sleep(6 * time.Second)
		go agent.last().pickUp()
		player.hangUp()
		time.Sleep(time.Second)
		if r := s.one(); r.EndReason != call.EndAbandonedRinging {
			t.Errorf("reason: got %s, want abandoned_ringing", r.EndReason)
		}
		if _, ended, _ := agent.last().state(); !ended {
			t.Error("the agent's dialog is open")
		}
		if got := s.state("1001"); got != queue.AgentReady {
			t.Errorf("agent: got %s, want ready", got)
		}
	})
}

func TestAgentLostAfterTheBridgeSendsThePlayerToTheFront(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{agents: 2})
		first := s.agent("1001", picksUp(time.Second))[0]
		player := s.mustCall("support", "alice")
		time.Sleep(4 * time.Second)
		waiting := s.mustCall("support", "bob") // in line when alice loses her agent
		time.Sleep(time.Second)
		s.must(s.queue.SetState(t.Context(), "agent-1001", queue.AgentNotReady, "break")) // when his call is over
		first.last().hangUp()                                                             // within 2 s of the bridge: by mistake
		time.Sleep(time.Second)
		second := s.agent("1002", picksUp(time.Second))[0]
		time.Sleep(3 * time.Second)
		for _, v := range s.calls.AllLive() {
			t.Log(v.Record.From.User, v.Record.State, v.AgentLogin, v.Timeline)
		}
		if got := second.last().invitation.FromUser; got != "alice" {
			t.Errorf("the next agent was offered %q, want who lost his agent", got)
		}
		if _, ended, _ := player.state(); ended {
			t.Error("the player was dropped")
		}
		player.hangUp()
		waiting.hangUp()
		time.Sleep(time.Second)
		for _, r := range s.ended() {
			if kinds := s.story(r.ID); r.From.User == "alice" && !slices.Contains(kinds, "agent_dump") {
				t.Errorf("events of alice: %v", kinds)
			}
		}
	})
}

// limit is a setting of at most n calls.
func limit(n int) func(*callflow.Config) { return func(c *callflow.Config) { c.MaxCalls = n } }

// His phone works: he is not unreachable, which nothing but a new registration
// or he himself would end.
func TestAgentWhoHangsUpBeforeTheBridgeIsRungAgain(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		agent := s.agent("1001", picksUp(100*time.Millisecond))[0]
		player := s.mustCall("support", "alice")
		time.Sleep(300 * time.Millisecond) // the notice is still said
		first := agent.last()
		first.hangUp()
		time.Sleep(20 * time.Second)
		if v := s.live(); v.Record.State != call.StateTalking || agent.last() == first {
			t.Errorf("the call is %s, the agent %s", v.Record.State, s.state("1001"))
		}
		player.hangUp()
		time.Sleep(time.Second)
		s.one()
	})
}
