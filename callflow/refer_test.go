package callflow_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pickup/call"
	"pickup/callflow"
	"pickup/queue"
)

// refers sends a REFER from a phone and returns what it is answered, when the
// session has taken it.
func (l *line) refers(r callflow.Refer) []int {
	l.tell(callflow.LegEvent{Kind: callflow.LegRefer, Refer: &r})
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.referred)
}

func TestBlindTransferByREFER(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, phones := talking(t, options{}, picksUp(time.Second), rings)
		if got := player.refers(callflow.Refer{Target: "1002"}); !slices.Equal(got, []int{403}) {
			t.Errorf("the player: %v", got)
		}
		if got := phones[0].last().refers(callflow.Refer{Target: "nobody"}); !slices.Equal(got, []int{404}) {
			t.Errorf("to nobody: %v", got)
		}
		s.want(call.StateTalking, "1001")
		if got := phones[0].last().refers(callflow.Refer{Target: "1002"}); !slices.Equal(got, []int{404, 100, 200}) {
			t.Errorf("to 1002: %v", got)
		}
		time.Sleep(3 * time.Second)
		s.want(call.StateTalking, "1002", "wrap_up", "talking")
		player.hangUp()
		s.over(call.EndAnswered)
	})
}

// second is a call of 1001 from the other line of his phone.
func (s *site) second(to string) (*line, *callflow.Refusal) {
	s.t.Helper()
	l := s.line(true)
	_, err := l.media.Answer(s.t.Context(), description)
	s.must(err)
	return l, s.calls.Accept(callflow.Inbound{
		Leg: l, From: call.Party{Kind: call.PartyRegistered, User: "1001"}, To: call.Party{User: to}, Account: "agent-1001", Login: "1001", ArrivedAt: time.Now(),
	})
}

func TestConsultationOnTheOtherLineOfAPhone(t *testing.T) {
	for name, run := range map[string]func(s *site, player, near *line, phones [3]*phone){
		"REFER with Replaces completes it": func(s *site, player, near *line, phones [3]*phone) {
			if got := phones[0].last().refers(callflow.Refer{Target: "1002", Replaces: &callflow.DialogID{}, ReplacesLeg: near.id}); !slices.Equal(got, []int{100, 200}) {
				s.t.Errorf("answers: %v", got)
			}
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1002", "wrap_up", "talking")
			if !near.gone() {
				s.t.Error("the second line is open")
			}
			player.hangUp()
		},
		"the second line is hung up": func(s *site, player, near *line, _ [3]*phone) {
			near.hangUp()
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1001", "talking", "ready")
			player.hangUp()
		},
		"the colleague hangs up": func(s *site, player, near *line, phones [3]*phone) {
			phones[1].last().hangUp()
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1001", "talking", "ready")
			if !near.gone() {
				s.t.Error("the second line is open")
			}
			player.hangUp()
		},
		"the line of the player is hung up: he is given away": func(s *site, player, _ *line, phones [3]*phone) {
			phones[0].last().hangUp()
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1002", "wrap_up", "talking")
			player.hangUp()
		},
		"a conference": func(s *site, player, near *line, phones [3]*phone) {
			s.mustOperate(callflow.OpConference, "1001", callflow.Target{})
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1001", "talking", "conference")
			phones[1].last().hangUp()
			time.Sleep(time.Second)
			player.hangUp()
		},
		"the player leaves": func(s *site, player, near *line, phones [3]*phone) {
			player.hangUp()
			time.Sleep(time.Second)
			if !near.gone() {
				s.t.Error("the second line is open")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s, player, phones := talking(t, options{}, picksUp(time.Second), rings)
				near, refusal := s.second("1002")
				if refusal != nil {
					t.Fatal(refusal)
				}
				time.Sleep(3 * time.Second)
				s.want(call.StateTalking, "1001", "talking", "consulting")
				run(s, player, near, phones)
				s.over(call.EndAnswered)
			})
		})
	}
}

func TestTalkGoesOnOnAnotherDevice(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, phones := talking(t, options{}, rings, rings)
		with := func(leg call.LegID) (*line, *callflow.Refusal) {
			l := s.line(true)
			_, err := l.media.Answer(t.Context(), description)
			s.must(err)
			return l, s.calls.Accept(callflow.Inbound{Leg: l, Account: "agent-1001", Login: "1001", Replaces: leg, ArrivedAt: time.Now()})
		}
		other, refusal := with(phones[0].last().id)
		time.Sleep(time.Second)
		if answered, _, _ := other.state(); refusal != nil || !answered || !phones[0].last().gone() {
			t.Errorf("%v, answered %t, the old line over %t", refusal, answered, phones[0].last().gone())
		}
		s.want(call.StateTalking, "1001", "talking")
		if none, refusal := with("another leg"); refusal == nil && !none.gone() {
			time.Sleep(time.Second)
			if !none.gone() {
				t.Error("a leg that replaces nothing is open")
			}
		}
		other.hangUp()
		time.Sleep(time.Second)
		if _, ended, _ := player.state(); !ended {
			t.Error("the player's line is open")
		}
		s.over(call.EndAnswered)
	})
}

func TestSecondCallsThatAreRefused(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, _ := talking(t, options{}, rings, rings)
		s.queue.Occupy("agent-1002", true)
		near, refusal := s.second("1002")
		time.Sleep(time.Second)
		if answered, ended, cause := near.state(); refusal != nil || !answered || !ended || cause.Status != 486 {
			t.Errorf("a busy colleague: %v, %t %t %+v", refusal, answered, ended, cause)
		}
		s.queue.Occupy("agent-1002", false)
		player.hangUp()
		time.Sleep(time.Minute)
		s.over(call.EndAnswered)
	})
}

func TestOperationsByKeys(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, phones := talking(t, options{}, picksUp(time.Second), rings)
		keys := func(p *phone, keys string) {
			for _, k := range keys {
				p.last().press(k)
			}
			time.Sleep(2 * time.Second)
		}
		keys(phones[0], "*70")
		s.want(call.StateHeld, "1001")
		keys(phones[0], "*70")
		s.want(call.StateTalking, "1001")
		keys(phones[0], "*729999#*74") // nobody
		s.want(call.StateTalking, "1001")
		keys(phones[0], "*721002#")
		s.want(call.StateHeld, "1001", "holding", "consulting")
		keys(phones[0], "*73")
		s.want(call.StateTalking, "1001")
		keys(phones[0], "*76")
		s.want(call.StateTalking, "1001", "talking", "conference")
		keys(phones[0], "*711003#") // not out of a conference
		s.want(call.StateTalking, "1001", "talking", "conference", "ready")
		player.hangUp()
		s.over(call.EndAnswered)
	})
}

func TestAgentCallsAPlayer(t *testing.T) {
	for name, c := range map[string]struct {
		agent, player behaviour
		reason        call.EndReason
		err           bool
	}{
		"they talk":                  {picksUp(time.Second), picksUp(3 * time.Second), call.EndAnswered, false},
		"the player does not answer": {picksUp(time.Second), rings, call.EndNotReached, false},
		"the player is busy":         {picksUp(time.Second), refuses(486), call.EndNotReached, false},
		"the agent does not answer":  {rings, rings, call.EndNotReached, false},
		"the agent's phone is busy":  {refuses(486), rings, call.EndNotReached, false},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s := newSite(t, options{agents: 3})
				s.agent("1002", rings)
				s.agent("1003", rings)
				agent := s.agent("1001", c.agent)[0]
				outside := s.phone("+33123456789", c.player)
				id, err := s.calls.Call(t.Context(), callflow.OutboundCall{
					By: "agent-1001", Login: "1001", Number: "+33 1 23 45 67 89", Queue: "support", Language: "en",
				})
				s.must(err)
				if got := agent.last().invitation; got.FromUser != "+33123456789" {
					t.Errorf("INVITE to the agent: %+v", got)
				}
				time.Sleep(500 * time.Millisecond)
				if got := s.state("1001"); c.reason == call.EndAnswered && got != queue.AgentReserved {
					t.Errorf("agent: %s", got)
				}
				time.Sleep(90 * time.Second)
				if c.reason == call.EndAnswered {
					s.want(call.StateTalking, "1001", "talking")
					if got := outside.last().invitation; got.FromUser != "support" || got.Language != "en" {
						t.Errorf("INVITE to the player: %+v", got)
					}
					s.mustOperate(callflow.OpHold, "1001", callflow.Target{})
					s.mustOperate(callflow.OpRetrieve, "1001", callflow.Target{})
					outside.last().hangUp()
				}
				s.over(c.reason)
				if r := s.one(); r.ID != id || r.Direction != call.Outbound {
					t.Errorf("%+v", r)
				}
			})
		})
	}
}

func TestCallsOfAgentsThatAreRefused(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, _ := talking(t, options{}, rings, rings)
		want := func(o callflow.OutboundCall, target any) {
			t.Helper()
			_, err := s.calls.Call(t.Context(), o)
			switch target := target.(type) {
			case error:
				if !errors.Is(err, target) {
					t.Errorf("%+v: got %v, want %v", o, err, target)
				}
			default:
				if !errors.As(err, target) {
					t.Errorf("%+v: got %v", o, err)
				}
			}
		}
		var busy *queue.RefusedError
		want(callflow.OutboundCall{By: "agent-1001", Login: "1001", Number: "+33123456789"}, &busy)
		want(callflow.OutboundCall{By: "agent-1002", Login: "1002", Number: "support"}, callflow.ErrNoTarget)
		want(callflow.OutboundCall{By: "agent-1002", Login: "1002", Number: "911"}, callflow.ErrNoTarget)
		s.noTrunk.Store(true)
		want(callflow.OutboundCall{By: "agent-1002", Login: "1002", Number: "+33123456789"}, callflow.ErrNoTrunk)
		player.hangUp()
		time.Sleep(time.Minute)
		if live := s.calls.Counts().Live; live != 0 {
			t.Errorf("%d calls live", live)
		}
	})
}

func TestWhoSentACallOnStandsInItsStory(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		l := s.line(true)
		_, err := l.media.Answer(t.Context(), description)
		s.must(err)
		if refusal := s.calls.Accept(callflow.Inbound{
			Leg: l, From: call.Party{Kind: call.PartyTrunk, User: "+33123456789"}, To: call.Party{User: "support"}, DivertedFrom: "+33987654321", ArrivedAt: time.Now(),
		}); refusal != nil {
			t.Fatal(refusal)
		}
		if story := s.live().Timeline; len(story) == 0 || story[0].Detail["diverted_from"] != "+33987654321" {
			t.Errorf("story: %+v", story)
		}
		l.hangUp()
		time.Sleep(time.Second)
		s.one()
	})
}
