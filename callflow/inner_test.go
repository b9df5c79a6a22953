package callflow_test

import (
	"testing"
	"time"

	"pickup/call"
	"pickup/callflow"
	"pickup/queue"
)

// dials is a call of an agent's own phone.
func (s *site) dials(login, to string) (*line, *callflow.Refusal) {
	s.t.Helper()
	l := s.line(true)
	_, err := l.media.Answer(s.t.Context(), description)
	s.must(err)
	return l, s.calls.Accept(callflow.Inbound{
		Leg: l, From: call.Party{Kind: call.PartyRegistered, User: login, ReachBack: login}, To: call.Party{User: to},
		Account: toAgent(login).Agent, Login: login, ArrivedAt: time.Now(),
	})
}

// idle is a site of three agents who are ready.
func idle(t *testing.T, second behaviour) (*site, [3]*phone) {
	t.Helper()
	s := newSite(t, options{agents: 3, queue: func(q *queue.QueueConfig) { q.WrapUp = 30 * time.Second }, record: t.TempDir()})
	return s, [3]*phone{s.agent("1001", rings)[0], s.agent("1002", second)[0], s.agent("1003", rings)[0]}
}

func (s *site) states(want ...queue.AgentState) {
	s.t.Helper()
	for i, w := range want {
		if got := s.state(login(i)); got != w {
			s.t.Errorf("agent %s: got %s, want %s", login(i), got, w)
		}
	}
}

func TestAgentCallsAColleague(t *testing.T) {
	for name, c := range map[string]struct {
		second behaviour
		run    func(s *site, caller *line, phones [3]*phone)
		reason call.EndReason
	}{
		"they talk; who called hangs up": {picksUp(3 * time.Second), func(s *site, caller *line, phones [3]*phone) {
			s.states(queue.AgentDialing, queue.AgentReserved)
			if got := phones[1].last().invitation; got.FromUser != "1001" || got.Queue != "" {
				s.t.Errorf("INVITE: %+v", got)
			}
			time.Sleep(3 * time.Second)
			s.want(call.StateTalking, "1002", "talking", "talking", "ready")
			caller.hangUp()
			time.Sleep(time.Second)
			s.states(queue.AgentReady, queue.AgentReady) // nothing to write down
		}, call.EndAnswered},
		"they talk; who was called hangs up at once": {picksUp(time.Second), func(s *site, caller *line, phones [3]*phone) {
			time.Sleep(time.Second)
			phones[1].last().hangUp()
			time.Sleep(time.Second)
			if !caller.gone() {
				s.t.Error("who called is still on the line")
			}
		}, call.EndAnswered},
		"nobody answers": {rings, func(s *site, caller *line, phones [3]*phone) {
			time.Sleep(25 * time.Second)
			if !caller.gone() || !phones[1].last().gone() {
				s.t.Error("a line is open")
			}
		}, call.EndNotReached},
		"he is refused": {refuses(603), func(s *site, caller *line, _ [3]*phone) {
			if !caller.gone() {
				s.t.Error("who called is still on the line")
			}
		}, call.EndNotReached},
		"who called gives up": {rings, func(s *site, caller *line, phones [3]*phone) {
			caller.hangUp()
			time.Sleep(time.Second)
			if !phones[1].last().gone() {
				s.t.Error("the phone still rings")
			}
		}, call.EndNotReached},
		"the phone of who was called dies": {picksUp(time.Second), func(s *site, caller *line, phones [3]*phone) {
			time.Sleep(5 * time.Second)
			phones[1].last().over(callflow.LegEvent{Kind: callflow.LegHungUp, Status: 408, Text: "no answer to OPTIONS"})
			time.Sleep(time.Second)
			if !caller.gone() {
				s.t.Error("who called is still on the line")
			}
		}, call.EndAnswered},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s, phones := idle(t, c.second)
				caller, refusal := s.dials("1001", "1002")
				if refusal != nil {
					t.Fatal(refusal)
				}
				time.Sleep(time.Second)
				c.run(s, caller, phones)
				s.over(c.reason)
				r := s.one()
				if r.Direction != call.Internal || r.TicketID != "" || r.ContactID != "" || r.RecordingID != "" || r.Queue != "" {
					t.Errorf("it left something behind: %+v", r)
				}
			})
		})
	}
}

// Both are busy for the queue while they talk.
func TestCallsOfAgentsKeepTheQueueAway(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, phones := idle(t, picksUp(time.Second))
		s.must(s.queue.SetState(t.Context(), "agent-1003", queue.AgentNotReady, "break"))
		caller, _ := s.dials("1001", "1002")
		time.Sleep(3 * time.Second)
		player := s.mustCall("support", "alice")
		time.Sleep(5 * time.Second)
		if w := s.queue.Waiting("support", 0); len(w) != 1 || w[0].Offered != "" {
			t.Errorf("who waits: %+v", w)
		}
		third, _ := s.dials("1003", "1002")
		time.Sleep(time.Second)
		if !third.gone() || phones[1].last().gone() {
			t.Error("who calls somebody who talks is not told that he is busy")
		}
		if _, _, cause := third.state(); cause.Status != 486 {
			t.Errorf("he is told %d, want 486", cause.Status)
		}
		caller.hangUp()
		time.Sleep(3 * time.Second)
		if got := s.live().Record.State; got != call.StateTalking && got != call.StateOffered {
			t.Errorf("the player: %s", got)
		}
		player.hangUp()
	})
}

func TestAgentCallsANumberFromHisPhone(t *testing.T) {
	for name, c := range map[string]struct {
		player behaviour
		run    func(s *site, caller *line, outside *phone)
		reason call.EndReason
		ticket bool
	}{
		"they talk": {picksUp(2 * time.Second), func(s *site, caller *line, outside *phone) {
			s.states(queue.AgentDialing)
			if got := outside.last().invitation; got.Queue != "support" || got.FromUser != "support" {
				s.t.Errorf("INVITE: %+v", got)
			}
			time.Sleep(5 * time.Second)
			s.want(call.StateTalking, "1001", "talking", "ready")
			time.Sleep(5 * time.Second)
			caller.hangUp()
			time.Sleep(time.Second)
			s.states(queue.AgentWrapUp)
			if !outside.last().gone() {
				s.t.Error("his line is open")
			}
		}, call.EndAnswered, true},
		"the other side hangs up": {picksUp(2 * time.Second), func(s *site, caller *line, outside *phone) {
			time.Sleep(10 * time.Second)
			outside.last().hangUp()
			time.Sleep(time.Second)
			if !caller.gone() {
				s.t.Error("the agent's line is open")
			}
		}, call.EndAnswered, true},
		"busy": {refuses(486), func(s *site, caller *line, _ *phone) {
			time.Sleep(time.Second)
			if !caller.gone() {
				s.t.Error("the agent's line is open")
			}
		}, call.EndNotReached, false},
		"the agent gives up": {rings, func(s *site, caller *line, outside *phone) {
			caller.hangUp()
			time.Sleep(time.Second)
			if !outside.last().gone() {
				s.t.Error("the phone still rings")
			}
		}, call.EndNotReached, false},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s, _ := idle(t, rings)
				outside := s.phone("+33123456789", c.player)
				caller, refusal := s.dials("1001", "+33123456789")
				if refusal != nil {
					t.Fatal(refusal)
				}
				time.Sleep(time.Second)
				c.run(s, caller, outside)
				s.over(c.reason)
				r := s.one()
				if r.Direction != call.Outbound || r.Queue != "support" || (r.TicketID != "") != c.ticket || (r.RecordingID != "") != c.ticket {
					t.Errorf("record: %+v", r)
				}
			})
		})
	}
}

// A second call to the same number is of the ticket that the first one left.
func TestSecondCallToANumberIsOfTheSameTicket(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, _ := idle(t, rings)
		s.phone("+33123456789", picksUp(time.Second))
		tickets := map[string]bool{}
		for range 2 {
			caller, refusal := s.dials("1001", "+33123456789")
			if refusal != nil {
				t.Fatal(refusal)
			}
			time.Sleep(20 * time.Second)
			caller.hangUp()
			time.Sleep(time.Minute)
		}
		for _, r := range s.ended() {
			tickets[r.TicketID] = true
		}
		if len(tickets) != 1 || tickets[""] {
			t.Errorf("tickets: %v", tickets)
		}
	})
}

// What an agent may not dial is refused with the reason, before anything rings.
func TestWhatAnAgentMayNotDial(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, _ := idle(t, rings)
		for to, want := range map[string]int{"1001": 403, "nowhere": 404} {
			if _, refusal := s.dials("1001", to); refusal == nil || refusal.Status != want || refusal.Text == "" {
				t.Errorf("%s: got %v, want %d", to, refusal, want)
			}
		}
		s.noTrunk.Store(true)
		if _, refusal := s.dials("1001", "+33899123456"); refusal == nil || refusal.Status != 403 {
			t.Errorf("a number that no trunk may dial: %v", refusal)
		}
		s.noTrunk.Store(false)
		s.must(s.queue.Configure(t.Context(), nil, []queue.AgentConfig{{ID: "agent-1001", Login: "1001"}}))
		if _, refusal := s.dials("1001", "+33123456789"); refusal == nil || refusal.Status != 403 {
			t.Errorf("an agent without a queue: %v", refusal)
		}
	})
}
