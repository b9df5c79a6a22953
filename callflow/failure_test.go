package callflow_test

import (
	"slices"
	"testing"
	"time"

	"pickup/call"
	"pickup/callflow"
	"pickup/queue"
)

// refusesAfter rings, where it takes a while, and answers with a final response.
func refusesAfter(status int, after time.Duration) behaviour {
	return func(l *line) {
		if after > 0 {
			rings(l)
		}
		time.AfterFunc(after+wire, func() { l.over(callflow.LegEvent{Kind: callflow.LegFailed, Status: status}) })
	}
}

// The table of telephony 1.7: what becomes of the entry and of the agent for each
// response of his only phone. The next agent is free.
func TestEachResponseOfAnAgentsPhone(t *testing.T) {
	const dnd = 1900 * time.Millisecond
	for name, c := range map[string]struct {
		phone  behaviour
		stays  time.Duration // until the entry is offered to the next agent
		state  queue.AgentState
		reason string
		again  time.Duration // after which he would be offered a call; 0: not by itself
		fault  int64         // the administrator is told
	}{
		"200":                       {phone: picksUp(time.Second), state: queue.AgentTalking},
		"486, a foreign call":       {phone: refuses(486), stays: wire, state: queue.AgentReady, again: 15 * time.Second},
		"600":                       {phone: refuses(600), stays: wire, state: queue.AgentReady, again: 15 * time.Second},
		"603, reject":               {phone: refuses(603), stays: wire, state: queue.AgentReady, again: 10 * time.Second},
		"403":                       {phone: refuses(403), stays: wire, state: queue.AgentReady, again: 10 * time.Second},
		"480 early":                 {phone: refusesAfter(480, dnd), stays: dnd + wire, state: queue.AgentNotReady, reason: "dnd"},
		"480 late":                  {phone: refusesAfter(480, 2*time.Second), stays: 2*time.Second + wire, state: queue.AgentNotReady, reason: "no_answer"},
		"no answer":                 {phone: rings, stays: 12 * time.Second, state: queue.AgentNotReady, reason: "no_answer"},
		"408":                       {phone: refuses(408), stays: wire, state: queue.AgentUnreachable, reason: "no_response", again: 30 * time.Second},
		"500":                       {phone: refuses(500), stays: wire, state: queue.AgentUnreachable, reason: "no_response", again: 30 * time.Second},
		"503":                       {phone: refuses(503), stays: wire, state: queue.AgentUnreachable, reason: "no_response", again: 30 * time.Second},
		"transport error":           {phone: refuses(0), stays: wire, state: queue.AgentUnreachable, reason: "no_response", again: 30 * time.Second},
		"no 1xx in 3 s":             {phone: refusesAfter(408, 3*time.Second), stays: 3*time.Second + wire, state: queue.AgentUnreachable, reason: "no_response", again: 30 * time.Second},
		"404":                       {phone: refuses(404), stays: wire, state: queue.AgentUnreachable, reason: "no_response", again: 30 * time.Second},
		"410":                       {phone: refuses(410), stays: wire, state: queue.AgentUnreachable, reason: "no_response", again: 30 * time.Second},
		"488":                       {phone: refuses(488), stays: wire, state: queue.AgentUnreachable, reason: "media", again: 30 * time.Second, fault: 1},
		"606":                       {phone: refuses(606), stays: wire, state: queue.AgentUnreachable, reason: "media", again: 30 * time.Second, fault: 1},
		"415":                       {phone: refuses(415), stays: wire, state: queue.AgentUnreachable, reason: "media", again: 30 * time.Second, fault: 1},
		"301, forwarded":            {phone: refuses(301), stays: wire, state: queue.AgentNotReady, reason: "forwarded"},
		"302, forwarded":            {phone: refuses(302), stays: wire, state: queue.AgentNotReady, reason: "forwarded"},
		"401":                       {phone: refuses(401), stays: wire, state: queue.AgentUnreachable, reason: "asks_password", again: 30 * time.Second, fault: 1},
		"407":                       {phone: refuses(407), stays: wire, state: queue.AgentUnreachable, reason: "asks_password", again: 30 * time.Second, fault: 1},
		"487 that we did not cause": {phone: refuses(487), stays: wire, state: queue.AgentReady, again: wire},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s := newSite(t, options{agents: 2})
				his := s.agent("1001", c.phone)[0]
				time.Sleep(time.Second) // idle for longer
				next := s.agent("1002", picksUp(time.Second))[0]
				player := s.mustCall("support", "alice")
				defer player.hangUp()
				time.Sleep(c.stays + 5*wire)
				if c.stays > 0 && next.rung() != 1 {
					t.Fatalf("the next agent was rung %d times after %s", next.rung(), c.stays)
				}
				time.Sleep(6 * time.Second) // the notice, and the next agent's second
				if v := s.live(); v.Record.State != call.StateTalking {
					t.Errorf("entry: got %s, want talking", v.Record.State)
				}
				if got, why := s.stands("1001"); got != c.state || why != c.reason {
					t.Errorf("agent: got %s(%s), want %s(%s)", got, why, c.state, c.reason)
				}
				if got := s.calls.Counts().PhoneFaults; got != c.fault {
					t.Errorf("%d faults of phones told, want %d", got, c.fault)
				}
				if c.stays == 0 {
					return
				}
				his.now(rings)
				second := s.mustCall("support", "bob")
				defer second.hangUp()
				if c.again == 0 {
					time.Sleep(10 * time.Minute)
					if his.rung() != 1 {
						t.Errorf("rung %d times although he is %s", his.rung(), c.state)
					}
					return
				}
				time.Sleep(max(c.again, 10*time.Second))
				if his.rung() != 2 {
					t.Errorf("rung %d times after %s, want 2", his.rung(), c.again)
				}
			})
		})
	}
}

// 430: the next flow of the same phone is rung, and nothing is held against him.
func TestAPhoneWhoseFlowIsGoneIsRungByItsOther(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		his := s.agent("1001", refuses(430))[0]
		time.AfterFunc(wire/2, func() { his.now(picksUp(time.Second)) })
		player := s.mustCall("support", "alice")
		defer player.hangUp()
		time.Sleep(6 * time.Second)
		if got := s.state("1001"); got != queue.AgentTalking || his.rung() != 2 {
			t.Errorf("agent %s, rung %d times; want talking by the second flow", got, his.rung())
		}
	})
}

// Several devices: the best of the legs counts (telephony 1.7), and a reject on
// one of them cancels the others.
func TestTheBestOfSeveralDevicesCounts(t *testing.T) {
	for name, c := range map[string]struct {
		phones []behaviour
		state  queue.AgentState
		reason string
		after  time.Duration // until the entry is offered to the next agent
	}{
		"an answer beats all":               {[]behaviour{refuses(486), picksUp(time.Second), refuses(503)}, queue.AgentTalking, "", 0},
		"a reject cancels the other phone":  {[]behaviour{rings, refusesAfter(603, time.Second)}, queue.AgentReady, "", time.Second + wire},
		"busy beats unreachable":            {[]behaviour{refuses(503), refuses(486)}, queue.AgentReady, "", wire},
		"busy beats no answer":              {[]behaviour{rings, refuses(486)}, queue.AgentReady, "", 12 * time.Second},
		"no answer beats unreachable":       {[]behaviour{rings, refuses(503)}, queue.AgentNotReady, "no_answer", 12 * time.Second},
		"a forward beats no answer":         {[]behaviour{rings, refuses(302)}, queue.AgentNotReady, "forwarded", 12 * time.Second},
		"a flow that is gone beats silence": {[]behaviour{refuses(503), refuses(430)}, queue.AgentReady, "", wire},
		"all unreachable":                   {[]behaviour{refuses(503), refuses(404)}, queue.AgentUnreachable, "no_response", wire},
		"media beats nothing":               {[]behaviour{refuses(488), refuses(503)}, queue.AgentUnreachable, "no_response", wire},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s := newSite(t, options{agents: 2})
				his := s.agent("1001", c.phones...)
				time.Sleep(time.Second)
				next := s.agent("1002", picksUp(time.Second))[0]
				player := s.mustCall("support", "alice")
				defer player.hangUp()
				time.Sleep(c.after + 6*wire)
				if c.after > 0 && next.rung() != 1 {
					t.Errorf("the next agent was rung %d times", next.rung())
				}
				time.Sleep(6 * time.Second)
				if got, why := s.stands("1001"); got != c.state || why != c.reason {
					t.Errorf("agent: got %s(%s), want %s(%s)", got, why, c.state, c.reason)
				}
				if c.reason == "" && c.state == queue.AgentReady {
					for _, p := range his {
						if !p.last().gone() {
							t.Error("a phone still rings")
						}
					}
				}
			})
		})
	}
}

// Two rejects in a row stop an agent.
func TestASecondRejectStops(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		his := s.agent("1001", refuses(603))[0]
		player := s.mustCall("support", "alice")
		defer player.hangUp()
		time.Sleep(11 * time.Second)
		if got, why := s.stands("1001"); got != queue.AgentNotReady || why != "declined" || his.rung() != 2 {
			t.Errorf("got %s(%s) after %d rings", got, why, his.rung())
		}
	})
}

// stands is the state of an agent and its reason.
func (s *site) stands(login string) (queue.AgentState, string) {
	s.t.Helper()
	state := s.state(login)
	agents := s.queue.Agents()
	i := slices.IndexFunc(agents, func(a queue.AgentView) bool { return a.Login == login })
	return state, agents[i].Reason
}
