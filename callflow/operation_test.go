package callflow_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/callflow"
	"pickup/queue"
)

// operate does an operation of an agent in the only live call.
func (s *site) operate(kind callflow.OperationKind, by string, to callflow.Target) error {
	s.t.Helper()
	id := s.live().Record.ID
	return s.calls.Operate(s.t.Context(), id, callflow.Operation{Kind: kind, To: to, By: account.ID("agent-" + by), ByLogin: by})
}

func (s *site) mustOperate(kind callflow.OperationKind, by string, to callflow.Target) {
	s.t.Helper()
	s.must(s.operate(kind, by, to))
}

// toAgent is the target that a login means.
func toAgent(login string) callflow.Target {
	return callflow.Target{Agent: account.ID("agent-" + login), Login: login}
}

// want checks the call and its agents: "1001 talking" and so on.
func (s *site) want(state call.State, agent string, states ...string) {
	s.t.Helper()
	v := s.live()
	if v.Record.State != state || v.AgentLogin != agent {
		s.t.Errorf("call: %s with %q, want %s with %q", v.Record.State, v.AgentLogin, state, agent)
	}
	for i, want := range states {
		if got := s.state(login(i)); string(got) != want {
			s.t.Errorf("agent %s: got %s, want %s", login(i), got, want)
		}
	}
}

func login(i int) string { return []string{"1001", "1002", "1003"}[i] }

// talking is a site whose player talks to 1001; 1002 and 1003 are ready and do
// what they are told with a call.
func talking(t *testing.T, o options, second, third behaviour) (s *site, player *line, phones [3]*phone) {
	t.Helper()
	o.agents = 3
	was := o.queue
	o.queue = func(q *queue.QueueConfig) {
		q.WrapUp = 30 * time.Second
		if was != nil {
			was(q)
		}
	}
	s = newSite(t, o)
	phones[0] = s.agent("1001", picksUp(time.Second))[0]
	player = s.mustCall("support", "alice")
	time.Sleep(5 * time.Second)
	phones[1] = s.agent("1002", second)[0]
	phones[2] = s.agent("1003", third)[0]
	s.want(call.StateTalking, "1001", "talking", "ready", "ready")
	return s, player, phones
}

func (s *site) kinds() []string {
	var kinds []string
	for _, e := range s.live().Timeline {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// over checks that the call is over for everybody and no agent is left engaged.
func (s *site) over(reason call.EndReason) {
	s.t.Helper()
	time.Sleep(time.Minute)
	if r := s.one(); r.EndReason != reason {
		s.t.Errorf("reason: got %s, want %s", r.EndReason, reason)
	}
	for i := range 3 {
		if got := s.state(login(i)); got != queue.AgentReady {
			s.t.Errorf("agent %s: got %s, want ready", login(i), got)
		}
	}
	if live := s.calls.Counts().Live; live != 0 {
		s.t.Errorf("%d calls live", live)
	}
}

func TestHoldAndMuteByTheServer(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, _ := talking(t, options{}, rings, rings)
		s.mustOperate(callflow.OpHold, "1001", callflow.Target{})
		s.mustOperate(callflow.OpHold, "1001", callflow.Target{}) // idempotent
		s.want(call.StateHeld, "1001", "holding")
		time.Sleep(2*time.Minute + time.Second)
		if got := s.kinds(); len(slices.DeleteFunc(got, func(k string) bool { return k != "hold_reminder" })) != 2 {
			t.Errorf("reminders: %v", s.kinds())
		}
		s.mustOperate(callflow.OpRetrieve, "1001", callflow.Target{})
		s.mustOperate(callflow.OpRetrieve, "1001", callflow.Target{})
		s.mustOperate(callflow.OpMute, "1001", callflow.Target{})
		s.mustOperate(callflow.OpUnmute, "1001", callflow.Target{})
		s.want(call.StateTalking, "1001", "talking")
		player.hangUp()
		s.over(call.EndAnswered)
		if r := s.one(); r.Hold.Round(time.Second) != 121*time.Second {
			t.Errorf("hold: got %s, want 2m1s", r.Hold)
		}
	})
}

func TestBlindTransferToAnAgent(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, phones := talking(t, options{}, picksUp(3*time.Second), rings)
		s.mustOperate(callflow.OpTransfer, "1001", toAgent("1002"))
		time.Sleep(time.Second)
		s.want(call.StateTransferring, "", "wrap_up", "reserved")
		if got := phones[1].last().invitation; got.FromUser != "alice" {
			t.Errorf("INVITE: %+v", got)
		}
		time.Sleep(3 * time.Second)
		s.want(call.StateTalking, "1002", "wrap_up", "talking", "ready")
		time.Sleep(10 * time.Second)
		phones[1].last().hangUp()
		time.Sleep(time.Second)
		if got := s.state("1002"); got != queue.AgentWrapUp {
			t.Errorf("1002: got %s, want wrap_up", got)
		}
		if _, ended, _ := player.state(); !ended {
			t.Error("the player's line is open")
		}
		s.over(call.EndAnswered)
		if r := s.one(); r.AgentID != "agent-1002" || r.Talk < 10*time.Second {
			t.Errorf("%s, talk %s", r.AgentID, r.Talk)
		}
	})
}

func TestBlindTransferThatNobodyAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		target behaviour
		back   behaviour // of 1001, when he is rung again
		agent  string    // who has the player in the end
	}{
		"who gave him away gets him back": {rings, picksUp(time.Second), "1001"},
		"the target is busy":              {refuses(486), picksUp(time.Second), "1001"},
		"nobody: the front of the queue":  {rings, rings, "1003"},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s, player, phones := talking(t, options{}, c.target, picksUp(time.Second))
				phones[0].now(c.back)
				s.must(s.queue.SetState(t.Context(), "agent-1002", queue.AgentNotReady, "paperwork"))
				s.mustOperate(callflow.OpTransfer, "1001", toAgent("1002"))
				time.Sleep(55 * time.Second)
				s.want(call.StateTalking, c.agent)
				player.hangUp()
				s.must(s.queue.SetState(t.Context(), "agent-1002", queue.AgentReady, ""))
				s.over(call.EndAnswered)
			})
		})
	}
}

func TestBlindTransferToAQueueKeepsThePlace(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, _ := talking(t, options{}, rings, picksUp(2*time.Second))
		s.must(s.queue.SetState(t.Context(), "agent-1002", queue.AgentNotReady, "break"))
		s.must(s.queue.SetState(t.Context(), "agent-1003", queue.AgentNotReady, "break"))
		other := s.mustCall("support", "bob") // waits
		time.Sleep(time.Second)
		var id call.ID
		for _, v := range s.calls.AllLive() {
			if v.Record.From.User == "alice" {
				id = v.Record.ID
			}
		}
		s.must(s.calls.Operate(t.Context(), id, callflow.Operation{
			Kind: callflow.OpTransfer, To: callflow.Target{Queue: "support"}, By: "agent-1001", ByLogin: "1001",
		}))
		if got := s.state("1001"); got != queue.AgentWrapUp {
			t.Errorf("1001: got %s, want wrap_up", got)
		}
		s.must(s.queue.SetState(t.Context(), "agent-1003", queue.AgentReady, "")) // who came first is offered first
		time.Sleep(4 * time.Second)
		if v, _ := s.calls.Live(id); v.Record.State != call.StateTalking || v.AgentLogin != "1003" {
			t.Errorf("%s with %s", v.Record.State, v.AgentLogin)
		}
		player.hangUp()
		other.hangUp()
		time.Sleep(time.Minute)
	})
}

func TestTransfersThatAreRefused(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, _ := talking(t, options{}, rings, rings)
		s.queue.Occupy("agent-1002", true)
		var busy *queue.RefusedError
		if err := s.operate(callflow.OpTransfer, "1001", toAgent("1002")); !errors.As(err, &busy) {
			t.Errorf("a busy agent: %v", err)
		}
		if err := s.operate(callflow.OpConsult, "1001", toAgent("1002")); !errors.As(err, &busy) {
			t.Errorf("a busy agent: %v", err)
		}
		s.queue.Occupy("agent-1002", false)
		if err := s.operate(callflow.OpTransfer, "1001", callflow.Target{Queue: "nowhere"}); !errors.Is(err, queue.ErrUnknownQueue) {
			t.Errorf("an unknown queue: %v", err)
		}
		var unfit *callflow.OperationError
		for _, k := range []callflow.OperationKind{
			callflow.OpToggle, callflow.OpComplete, callflow.OpCancel, callflow.OpConference, callflow.OpPickUp, callflow.OpTakeOver, callflow.OpLeave,
		} {
			if err := s.operate(k, "1001", callflow.Target{}); !errors.As(err, &unfit) {
				t.Errorf("%s: %v", k, err)
			}
		}
		if err := s.operate(callflow.OpTransfer, "1001", toAgent("1001")); !errors.As(err, &unfit) {
			t.Errorf("to himself: %v", err)
		}
		s.want(call.StateTalking, "1001", "talking", "ready", "ready") // the player is still his
		player.hangUp()
		s.over(call.EndAnswered)
	})
}

// consulting is a site in which 1001 consults 1002.
func consulting(t *testing.T) (*site, *line, [3]*phone) {
	t.Helper()
	s, player, phones := talking(t, options{}, picksUp(2*time.Second), rings)
	s.mustOperate(callflow.OpConsult, "1001", toAgent("1002"))
	s.want(call.StateHeld, "1001", "holding", "reserved")
	time.Sleep(3 * time.Second)
	s.want(call.StateHeld, "1001", "holding", "consulting")
	return s, player, phones
}

func TestConsultation(t *testing.T) {
	for name, run := range map[string]func(t *testing.T, s *site, player *line, phones [3]*phone){
		"completed: the player talks to who was consulted": func(_ *testing.T, s *site, player *line, _ [3]*phone) {
			s.mustOperate(callflow.OpToggle, "1001", callflow.Target{})
			s.want(call.StateTalking, "1001")
			s.mustOperate(callflow.OpToggle, "1001", callflow.Target{})
			s.mustOperate(callflow.OpComplete, "1001", callflow.Target{})
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1002", "wrap_up", "talking")
			player.hangUp()
		},
		"completed by hanging up": func(_ *testing.T, s *site, player *line, phones [3]*phone) {
			phones[0].last().hangUp()
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1002", "wrap_up", "talking")
			player.hangUp()
		},
		"cancelled: the player is back": func(_ *testing.T, s *site, player *line, _ [3]*phone) {
			s.mustOperate(callflow.OpCancel, "1001", callflow.Target{})
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1001", "talking", "ready")
			player.hangUp()
		},
		"who is consulted hangs up: the player is still held": func(_ *testing.T, s *site, player *line, phones [3]*phone) {
			phones[1].last().hangUp()
			time.Sleep(time.Second)
			s.want(call.StateHeld, "1001", "holding", "ready")
			s.mustOperate(callflow.OpRetrieve, "1001", callflow.Target{})
			s.want(call.StateTalking, "1001", "talking")
			player.hangUp()
		},
		"a conference; the agent leaves it": func(_ *testing.T, s *site, player *line, phones [3]*phone) {
			s.mustOperate(callflow.OpConference, "1001", callflow.Target{})
			s.want(call.StateTalking, "1001", "talking", "conference")
			time.Sleep(time.Second)
			phones[0].last().hangUp()
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1002", "wrap_up", "talking")
			player.hangUp()
		},
		"a conference; the guest leaves it": func(_ *testing.T, s *site, player *line, phones [3]*phone) {
			s.mustOperate(callflow.OpConference, "1001", callflow.Target{})
			time.Sleep(time.Second)
			phones[1].last().hangUp()
			time.Sleep(time.Second)
			s.want(call.StateTalking, "1001", "talking", "wrap_up")
			player.hangUp()
		},
		"a conference of four": func(_ *testing.T, s *site, player *line, phones [3]*phone) {
			s.mustOperate(callflow.OpConference, "1001", callflow.Target{})
			phones[2].now(picksUp(time.Second))
			s.mustOperate(callflow.OpConsult, "1001", toAgent("1003"))
			time.Sleep(2 * time.Second)
			s.mustOperate(callflow.OpConference, "1001", callflow.Target{})
			s.want(call.StateTalking, "1001", "talking", "conference", "conference")
			player.hangUp() // people of ours are left, and part
			time.Sleep(time.Second)
			phones[0].last().hangUp()
		},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s, player, phones := consulting(t)
				run(t, s, player, phones)
				s.over(call.EndAnswered)
			})
		})
	}
}

func TestPlayerLeavesDuringAConsultation(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, phones := consulting(t)
		player.hangUp()
		time.Sleep(5 * time.Second)
		s.want(call.StateHeld, "1001", "holding", "consulting") // they stay connected
		if !slices.Contains(s.kinds(), "player_left") {
			t.Errorf("events: %v", s.kinds())
		}
		phones[1].last().hangUp()
		s.over(call.EndAbandonedOnHold)
		if _, ended, _ := phones[0].last().state(); !ended {
			t.Error("the agent's line is open")
		}
	})
}

func TestAgentHangsUpWhileHisConsultationRings(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, phones := talking(t, options{}, picksUp(10*time.Second), rings)
		s.mustOperate(callflow.OpConsult, "1001", toAgent("1002"))
		time.Sleep(3 * time.Second)
		phones[0].last().hangUp() // a blind transfer now
		time.Sleep(time.Second)
		s.want(call.StateTransferring, "", "wrap_up", "reserved")
		time.Sleep(10 * time.Second)
		s.want(call.StateTalking, "1002", "wrap_up", "talking")
		player.hangUp()
		s.over(call.EndAnswered)
	})
}

func TestPlayerLeavesWhileHeIsTransferred(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, phones := talking(t, options{}, rings, rings)
		s.mustOperate(callflow.OpTransfer, "1001", toAgent("1002"))
		time.Sleep(3 * time.Second)
		player.hangUp()
		time.Sleep(time.Second)
		if _, ended, _ := phones[1].last().state(); !ended {
			t.Error("the target's phone still rings")
		}
		s.over(call.EndAnswered)
	})
}

func TestTransferToANumber(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, _ := talking(t, options{}, rings, rings)
		outside := s.phone("+33123456789", picksUp(2*time.Second))
		to, err := s.calls.Target("+33 1 23 45 67 89")
		if err != nil || to.Number != "+33123456789" {
			t.Fatalf("target: %+v, %v", to, err)
		}
		s.mustOperate(callflow.OpTransfer, "1001", to)
		time.Sleep(4 * time.Second)
		s.want(call.StateTalking, "+33123456789", "wrap_up", "ready")
		outside.last().hangUp()
		time.Sleep(time.Second)
		if _, ended, _ := player.state(); !ended {
			t.Error("the player's line is open")
		}
		s.over(call.EndAnswered)
	})
}

func TestParkedPlayer(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, phones := talking(t, options{}, picksUp(time.Second), rings)
		s.mustOperate(callflow.OpPark, "1001", callflow.Target{})
		time.Sleep(time.Second)
		s.want(call.StateParked, "", "wrap_up", "ready")
		s.mustOperate(callflow.OpPickUp, "1002", callflow.Target{})
		time.Sleep(3 * time.Second)
		s.want(call.StateTalking, "1002", "wrap_up", "talking")
		s.mustOperate(callflow.OpPark, "1002", callflow.Target{})
		time.Sleep(2*time.Minute + 3*time.Second) // nobody takes him: who parked him is rung
		s.want(call.StateTalking, "1002", "ready", "talking")
		_ = phones
		player.hangUp()
		s.over(call.EndAnswered)
	})
}

// Who is rung for a parked player, and does not answer, leaves him parked: not
// for ever, also when the time of the orbit ended while he was rung.
func TestPickUpThatNobodyAnswersDoesNotParkForEver(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, phones := talking(t, options{}, rings, rings)
		s.mustOperate(callflow.OpPark, "1001", callflow.Target{})
		phones[0].now(picksUp(time.Second))
		time.Sleep(110 * time.Second)
		s.mustOperate(callflow.OpPickUp, "1002", callflow.Target{}) // rings past the two minutes
		time.Sleep(30 * time.Second)
		s.want(call.StateParked, "")
		time.Sleep(2*time.Minute + 3*time.Second)
		s.want(call.StateTalking, "1001") // back with who parked him
		player.hangUp()
		s.over(call.EndAnswered)
	})
}

func TestSupervisor(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, phones := talking(t, options{}, picksUp(2*time.Second), picksUp(time.Second))
		s.mustOperate(callflow.OpListen, "1003", callflow.Target{})
		time.Sleep(2 * time.Second)
		s.want(call.StateTalking, "1001", "talking", "ready", "dialing")
		s.mustOperate(callflow.OpWhisper, "1003", callflow.Target{})
		s.mustOperate(callflow.OpBarge, "1003", callflow.Target{})
		s.mustOperate(callflow.OpTransfer, "1001", toAgent("1002"))
		time.Sleep(4 * time.Second)
		s.want(call.StateTalking, "1002", "wrap_up", "talking", "dialing") // he stays with the player
		s.mustOperate(callflow.OpTakeOver, "1003", callflow.Target{})
		time.Sleep(time.Second)
		s.want(call.StateTalking, "1003", "wrap_up", "wrap_up", "talking")
		if _, ended, _ := phones[1].last().state(); !ended {
			t.Error("the agent's line is open")
		}
		player.hangUp()
		s.over(call.EndAnswered)
	})
}

func TestLineOfWhoGotThePlayerIsLost(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, phones := talking(t, options{}, picksUp(time.Second), picksUp(time.Second))
		s.mustOperate(callflow.OpTransfer, "1001", toAgent("1002"))
		time.Sleep(10 * time.Second)
		phones[1].last().over(callflow.LegEvent{Kind: callflow.LegHungUp, Status: 408, Text: "no answer to OPTIONS"})
		time.Sleep(5 * time.Second)
		s.want(call.StateTalking, "1003") // from the front of the queue
		player.hangUp()
		s.over(call.EndAnswered)
	})
}
