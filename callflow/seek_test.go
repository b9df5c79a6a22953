package callflow_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pickup/call"
	"pickup/callflow"
	"pickup/queue"
)

// seeking is a site in which 1001 holds the player and consults the queue, of
// which nobody is free; 1002 does with a call what it is told.
func seeking(t *testing.T, o options, second behaviour) (*site, *line, [3]*phone) {
	t.Helper()
	s, player, phones := talking(t, o, second, rings)
	for i := 1; i < 3; i++ {
		s.must(s.queue.SetState(t.Context(), toAgent(login(i)).Agent, queue.AgentNotReady, "paperwork"))
	}
	s.mustOperate(callflow.OpConsult, "1001", callflow.Target{Queue: "support"})
	time.Sleep(5 * time.Second)
	s.want(call.StateHeld, "1001", "holding", "not_ready", "not_ready")
	if p := s.live().Parties; len(p) != 1 || p[0].Queue != "support" || p[0].Talking || p[0].Place().Position != 1 {
		t.Fatalf("parties: %+v", p)
	}
	return s, player, phones
}

// free makes an agent ready.
func (s *site) free(login string) {
	s.t.Helper()
	s.must(s.queue.SetState(s.t.Context(), toAgent(login).Agent, queue.AgentReady, ""))
}

// allFree makes who was not ready so, for over.
func (s *site) allFree() {
	s.t.Helper()
	for i := 1; i < 3; i++ {
		s.free(login(i))
	}
}

// entries is how many entries of the queue count in its figures, and how many of
// them were answered.
func (s *site) entries() (offered, answered int) {
	s.t.Helper()
	all, err := s.ledger.EndedEntries(s.t.Context(), "support", time.Time{}, time.Now().Add(time.Hour))
	s.must(err)
	for i := range all {
		if all[i].Again {
			continue
		}
		offered++
		if all[i].Answered() {
			answered++
		}
	}
	return offered, answered
}

func TestConsultationOfAQueue(t *testing.T) {
	for name, c := range map[string]struct {
		second  behaviour
		run     func(s *site, player *line, phones [3]*phone)
		offered int // entries in the figures in the end
	}{
		"the next free agent answers and gets the player": {picksUp(2 * time.Second), func(s *site, player *line, _ [3]*phone) {
			s.free("1002")
			time.Sleep(time.Second)
			s.want(call.StateHeld, "1001", "holding", "reserved")
			time.Sleep(2 * time.Second)
			s.want(call.StateHeld, "1001", "holding", "consulting")
			if p := s.live().Parties; len(p) != 1 || p[0].Login != "1002" || !p[0].Talking || p[0].Queue != "support" {
				s.t.Errorf("parties: %+v", p)
			}
			s.mustOperate(callflow.OpToggle, "1001", callflow.Target{})
			s.want(call.StateTalking, "1001", "talking", "consulting")
			s.mustOperate(callflow.OpToggle, "1001", callflow.Target{})
			s.mustOperate(callflow.OpComplete, "1001", callflow.Target{})
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1002", "wrap_up", "talking")
			s.mustOperate(callflow.OpHold, "1002", callflow.Target{})
			s.want(call.StateHeld, "1002", "wrap_up", "holding")
			s.mustOperate(callflow.OpRetrieve, "1002", callflow.Target{})
			player.hangUp()
			time.Sleep(time.Second)
			s.want("", "", "wrap_up", "wrap_up")
		}, 2},
		"who hangs up while he talks to the agent gives the player away": {picksUp(time.Second), func(s *site, player *line, phones [3]*phone) {
			s.free("1002")
			time.Sleep(3 * time.Second)
			phones[0].last().hangUp()
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1002", "wrap_up", "talking")
			player.hangUp()
		}, 2},
		"who hangs up while the agent rings leaves the player in the line": {picksUp(10 * time.Second), func(s *site, player *line, phones [3]*phone) {
			s.free("1002")
			time.Sleep(3 * time.Second)
			phones[0].last().hangUp()
			time.Sleep(time.Second)
			s.want(call.StateOffered, "", "wrap_up", "reserved")
			time.Sleep(8 * time.Second)
			s.want(call.StateTalking, "1002", "wrap_up", "talking")
			player.hangUp()
		}, 2},
		"who hangs up while nobody is free leaves the player in the line": {picksUp(time.Second), func(s *site, player *line, phones [3]*phone) {
			phones[0].last().hangUp()
			time.Sleep(time.Second)
			s.want(call.StateWaiting, "", "wrap_up")
			s.free("1002")
			time.Sleep(3 * time.Second)
			s.want(call.StateTalking, "1002", "wrap_up", "talking")
			player.hangUp()
		}, 2},
		"the phone of who asks dies: the same": {picksUp(time.Second), func(s *site, player *line, phones [3]*phone) {
			phones[0].last().over(callflow.LegEvent{Kind: callflow.LegHungUp, Status: 408, Text: "no answer to OPTIONS"})
			time.Sleep(time.Second)
			s.want(call.StateWaiting, "", "wrap_up")
			s.free("1002")
			time.Sleep(3 * time.Second)
			s.want(call.StateTalking, "1002", "wrap_up", "talking")
			player.hangUp()
		}, 2},
		"complete while nobody is free is a blind transfer": {picksUp(time.Second), func(s *site, player *line, _ [3]*phone) {
			key := s.queue.Waiting("support", 0)[0].Key
			s.mustOperate(callflow.OpComplete, "1001", callflow.Target{})
			s.want(call.StateWaiting, "", "wrap_up")
			if w := s.queue.Waiting("support", 0); len(w) != 1 || w[0].Key != key {
				s.t.Errorf("the place was not kept: %+v", w)
			}
			player.hangUp()
			s.allFree()
		}, 2},
		"he talks to the player meanwhile, and is told when somebody answers": {picksUp(2 * time.Second), func(s *site, player *line, _ [3]*phone) {
			s.mustOperate(callflow.OpToggle, "1001", callflow.Target{})
			s.want(call.StateTalking, "1001", "talking")
			s.free("1002")
			time.Sleep(4 * time.Second)
			s.want(call.StateTalking, "1001", "talking", "consulting")
			s.mustOperate(callflow.OpToggle, "1001", callflow.Target{})
			s.want(call.StateHeld, "1001", "holding", "consulting")
			s.mustOperate(callflow.OpCancel, "1001", callflow.Target{})
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1001", "talking", "ready") // who was only asked has no wrap-up
			player.hangUp()
		}, 1},
		"cancelled while nobody is free": {rings, func(s *site, player *line, _ [3]*phone) {
			s.mustOperate(callflow.OpCancel, "1001", callflow.Target{})
			s.want(call.StateTalking, "1001", "talking")
			if w := s.queue.Waiting("support", 0); len(w) != 0 {
				s.t.Errorf("it waits still: %+v", w)
			}
			player.hangUp()
			s.allFree()
		}, 1},
		"cancelled while the agent rings": {rings, func(s *site, player *line, phones [3]*phone) {
			s.free("1002")
			time.Sleep(time.Second)
			s.mustOperate(callflow.OpCancel, "1001", callflow.Target{})
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1001", "talking", "ready") // no blame
			if !phones[1].last().gone() {
				s.t.Error("the phone rings still")
			}
			player.hangUp()
		}, 1},
		"one who does not answer: the next": {rings, func(s *site, player *line, phones [3]*phone) {
			phones[2].now(picksUp(time.Second))
			s.free("1002")
			time.Sleep(13 * time.Second)
			s.want(call.StateHeld, "1001", "holding", "not_ready")
			s.free("1003")
			time.Sleep(3 * time.Second)
			s.want(call.StateHeld, "1001", "holding", "not_ready", "consulting")
			s.mustOperate(callflow.OpComplete, "1001", callflow.Target{})
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1003", "wrap_up", "not_ready", "talking")
			player.hangUp()
		}, 2},
		"the agent hangs up: the player is still held": {picksUp(time.Second), func(s *site, player *line, phones [3]*phone) {
			s.free("1002")
			time.Sleep(3 * time.Second)
			phones[1].last().hangUp()
			time.Sleep(time.Second)
			s.want(call.StateHeld, "1001", "holding", "ready")
			s.mustOperate(callflow.OpRetrieve, "1001", callflow.Target{})
			player.hangUp()
		}, 1},
		"a conference": {picksUp(time.Second), func(s *site, player *line, phones [3]*phone) {
			s.free("1002")
			time.Sleep(3 * time.Second)
			s.mustOperate(callflow.OpConference, "1001", callflow.Target{})
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1001", "talking", "conference")
			phones[0].last().hangUp()
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1002", "wrap_up", "talking")
			player.hangUp()
		}, 2},
		"a conference that the agent leaves": {picksUp(time.Second), func(s *site, player *line, phones [3]*phone) {
			s.free("1002")
			time.Sleep(3 * time.Second)
			s.mustOperate(callflow.OpConference, "1001", callflow.Target{})
			time.Sleep(time.Second)
			phones[1].last().hangUp()
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1001", "talking", "wrap_up")
			player.hangUp()
		}, 1},
		"two queues consulted one after the other make a conference of four": {picksUp(time.Second), func(s *site, player *line, phones [3]*phone) {
			s.free("1002")
			time.Sleep(3 * time.Second)
			s.mustOperate(callflow.OpConference, "1001", callflow.Target{})
			phones[2].now(picksUp(time.Second))
			s.mustOperate(callflow.OpConsult, "1001", callflow.Target{Queue: "support"})
			s.free("1003")
			time.Sleep(3 * time.Second)
			s.mustOperate(callflow.OpConference, "1001", callflow.Target{})
			s.want(call.StateTalking, "1001", "talking", "conference", "conference")
			phones[0].last().hangUp()
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1002", "wrap_up", "talking", "conference")
			player.hangUp()
			time.Sleep(time.Second)
		}, 2},
		"the agent who got the player is lost: the front of the line": {picksUp(time.Second), func(s *site, player *line, phones [3]*phone) {
			s.free("1002")
			time.Sleep(3 * time.Second)
			s.mustOperate(callflow.OpComplete, "1001", callflow.Target{})
			time.Sleep(5 * time.Second)
			phones[1].last().over(callflow.LegEvent{Kind: callflow.LegHungUp, Status: 408, Text: "no answer to OPTIONS"})
			time.Sleep(time.Second)
			phones[2].now(picksUp(time.Second))
			s.free("1003")
			time.Sleep(3 * time.Second)
			s.want(call.StateTalking, "1003")
			player.hangUp()
			s.queue.SetReachable("agent-1002", 1)
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s, player, phones := seeking(t, options{}, c.second)
				c.run(s, player, phones)
				time.Sleep(time.Minute)
				s.allFree()
				reason := call.EndAnswered
				if name == "complete while nobody is free is a blind transfer" {
					reason = s.one().EndReason
				}
				s.over(reason)
				if offered, _ := s.entries(); offered != c.offered {
					t.Errorf("entries in the figures: got %d, want %d", offered, c.offered)
				}
			})
		})
	}
}

func TestPlayerLeavesDuringAConsultationOfAQueue(t *testing.T) {
	for name, c := range map[string]struct {
		second behaviour
		free   bool
		stay   bool // agent and consulted stay connected
	}{
		"while nobody is free":     {rings, false, false},
		"while an agent rings":     {rings, true, false},
		"while the two of us talk": {picksUp(time.Second), true, true},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s, player, phones := seeking(t, options{}, c.second)
				if c.free {
					s.free("1002")
					time.Sleep(3 * time.Second)
				}
				player.hangUp()
				time.Sleep(2 * time.Second)
				if c.stay {
					s.want(call.StateHeld, "1001", "holding", "consulting")
					phones[0].last().hangUp()
				}
				time.Sleep(time.Second)
				for i, p := range phones[:2] {
					if l := p.last(); l != nil && !l.gone() {
						t.Errorf("the phone of %s is in a call", login(i))
					}
				}
				if w := s.queue.Waiting("support", 0); len(w) != 0 {
					t.Errorf("it waits still: %+v", w)
				}
				s.allFree()
				s.over(call.EndAbandonedOnHold)
			})
		})
	}
}

func TestConsultationOfAQueueThatIsRefused(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, _ := talking(t, options{}, rings, rings)
		if err := s.operate(callflow.OpConsult, "1001", callflow.Target{Queue: "nowhere"}); !errors.Is(err, queue.ErrUnknownQueue) {
			t.Errorf("got %v", err)
		}
		s.want(call.StateTalking, "1001", "talking") // the player is back at once
		s.mustOperate(callflow.OpConsult, "1001", callflow.Target{Queue: "support"})
		var unfit *callflow.OperationError
		for _, k := range []callflow.OperationKind{callflow.OpConference, callflow.OpConsult, callflow.OpTransfer, callflow.OpPark} {
			if err := s.operate(k, "1001", callflow.Target{Queue: "support"}); !errors.As(err, &unfit) {
				t.Errorf("%s: %v", k, err)
			}
		}
		player.hangUp()
		s.over(call.EndAbandonedOnHold)
	})
}

// The queue closes while it is consulted: the player is still with his agent.
func TestQueueThatIsConsultedCloses(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, _ := seeking(t, options{}, rings)
		s.must(s.queue.Withdraw(t.Context(), s.queue.Waiting("support", 0)[0].ID))
		time.Sleep(time.Second)
		s.want(call.StateHeld, "1001", "holding")
		if !slices.Contains(s.kinds(), "consult_failed") {
			t.Errorf("events: %v", s.kinds())
		}
		s.mustOperate(callflow.OpRetrieve, "1001", callflow.Target{})
		player.hangUp()
		s.allFree()
		s.over(call.EndAnswered)
	})
}

func TestQueueConsultedOnTheOtherLineOfAPhone(t *testing.T) {
	for name, run := range map[string]func(s *site, player, near *line, phones [3]*phone){
		"REFER with Replaces while the agent talks": func(s *site, player, near *line, phones [3]*phone) {
			s.free("1002")
			time.Sleep(3 * time.Second)
			s.want(call.StateTalking, "1001", "talking", "consulting")
			refer := callflow.Refer{Target: "support", Replaces: &callflow.DialogID{}, ReplacesLeg: near.id}
			if got := phones[0].last().refers(refer); !slices.Equal(got, []int{100, 200}) {
				s.t.Errorf("answers: %v", got)
			}
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1002", "wrap_up", "talking")
			player.hangUp()
		},
		"REFER with Replaces while nobody is free": func(s *site, player, near *line, phones [3]*phone) {
			refer := callflow.Refer{Target: "support", Replaces: &callflow.DialogID{}, ReplacesLeg: near.id}
			if got := phones[0].last().refers(refer); !slices.Equal(got, []int{100, 200}) {
				s.t.Errorf("answers: %v", got)
			}
			s.want(call.StateWaiting, "", "wrap_up")
			s.free("1002")
			time.Sleep(3 * time.Second)
			s.want(call.StateTalking, "1002", "wrap_up", "talking")
			player.hangUp()
		},
		"the second line is hung up": func(s *site, player, near *line, _ [3]*phone) {
			near.hangUp()
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1001", "talking")
			if w := s.queue.Waiting("support", 0); len(w) != 0 {
				s.t.Errorf("it waits still: %+v", w)
			}
			player.hangUp()
		},
		"the player leaves": func(s *site, player, near *line, _ [3]*phone) { player.hangUp() },
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s, player, phones := talking(t, options{}, picksUp(time.Second), rings)
				for i := 1; i < 3; i++ {
					s.must(s.queue.SetState(t.Context(), toAgent(login(i)).Agent, queue.AgentNotReady, "paperwork"))
				}
				near, refusal := s.second("support")
				if refusal != nil {
					t.Fatal(refusal)
				}
				time.Sleep(5 * time.Second)
				s.want(call.StateTalking, "1001", "talking", "not_ready")
				run(s, player, near, phones)
				time.Sleep(time.Second)
				if !near.gone() {
					t.Error("the second line is open")
				}
				s.allFree()
				s.over(call.EndAnswered)
			})
		})
	}
}
