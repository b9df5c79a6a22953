package queue_test

import (
	"errors"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

func (r *rig) reach(a account.ID, devices int) {
	r.do(queue.Event{Kind: queue.EventReachable, Agent: a, Devices: devices})
}

func (r *rig) console(a account.ID, open bool) {
	r.do(queue.Event{Kind: queue.EventConsole, Agent: a, On: open})
}

// Outcomes held against an agent: telephony 1.5 to 1.7.
func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		cfg       queue.Config
		channel   call.Channel
		outcomes  []call.Outcome // of offers to the only agent, in a row
		state     queue.AgentState
		reason    string
		backAfter time.Duration // 0: not by time; -1: at once
	}{
		"one missed call stops":            {outcomes: []call.Outcome{call.OutcomeMissed}, state: queue.AgentNotReady, reason: "no_answer"},
		"two missed where two are allowed": {cfg: queue.Config{MaxMissed: 2}, outcomes: []call.Outcome{call.OutcomeMissed, call.OutcomeMissed}, state: queue.AgentNotReady, reason: "no_answer"},
		"a chat is missed twice":           {channel: call.ChannelChat, outcomes: []call.Outcome{call.OutcomeMissed, call.OutcomeMissed}, state: queue.AgentNotReady, reason: "no_answer"},
		"busy waits 15 s":                  {outcomes: []call.Outcome{call.OutcomeBusy}, state: queue.AgentReady, backAfter: 15 * time.Second},
		"a reject waits 10 s":              {outcomes: []call.Outcome{call.OutcomeRejected}, state: queue.AgentReady, backAfter: 10 * time.Second},
		"a second reject stops":            {outcomes: []call.Outcome{call.OutcomeRejected, call.OutcomeRejected}, state: queue.AgentNotReady, reason: "declined"},
		"do not disturb stops":             {outcomes: []call.Outcome{call.OutcomeDND}, state: queue.AgentNotReady, reason: "dnd"},
		"a forwarded phone stops":          {outcomes: []call.Outcome{call.OutcomeForwarded}, state: queue.AgentNotReady, reason: "forwarded"},
		"no device answers":                {outcomes: []call.Outcome{call.OutcomeUnreachable}, state: queue.AgentUnreachable, reason: "no_response", backAfter: 30 * time.Second},
		"a phone asks for a password":      {outcomes: []call.Outcome{call.OutcomeChallenged}, state: queue.AgentUnreachable, reason: "asks_password", backAfter: 30 * time.Second},
		"we took it back":                  {outcomes: []call.Outcome{call.OutcomeWithdrawn}, state: queue.AgentReserved, backAfter: -1},
		"its flow is gone":                 {outcomes: []call.Outcome{call.OutcomeGone}, state: queue.AgentReserved, backAfter: -1},
		"no media":                         {outcomes: []call.Outcome{call.OutcomeMedia}, state: queue.AgentUnreachable, reason: "media", backAfter: 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			r := simple(t, c.cfg, nil, "a")
			r.console("a", true)
			r.join("i1", func(it *queue.Item) {
				if c.channel != "" {
					it.Channel = c.channel
				}
			})
			for i, out := range c.outcomes {
				if i > 0 {
					r.sleep(10 * time.Second)
				}
				if len(r.offers) != i+1 {
					t.Fatalf("got %d offers, want %d", len(r.offers), i+1)
				}
				r.missed(r.last("i1").ID, out)
				if c.channel == "" {
					r.wantState("a", queue.AgentReserved, "") // until his legs are final
					r.wantItem("i1", "waiting")
				}
				r.offer(queue.EventFinal, r.last("i1").ID)
			}
			r.wantState("a", c.state, c.reason)
			n := len(r.offers)
			if c.backAfter < 0 {
				if n != len(c.outcomes)+1 {
					t.Errorf("got %d offers, want the next one at once", n)
				}
				return
			}
			if c.backAfter > 0 {
				r.sleep(c.backAfter - 1)
				if len(r.offers) != n {
					t.Error("offered before the delay was over")
				}
				r.sleep(1)
				if len(r.offers) != n+1 {
					t.Error("not offered after the delay")
				}
				return
			}
			r.sleep(time.Hour)
			if len(r.offers) != n {
				t.Errorf("offered to an agent in %s", c.state)
			}
		})
	}
}

// States of an agent: telephony 1.4.
func TestAgentStates(t *testing.T) {
	wrap := func(q *queue.QueueConfig) { q.WrapUp = 5 * time.Second }
	for name, test := range map[string]func(*testing.T){
		"ready by itself only from no device to one": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.wantState("a", queue.AgentReady, "")
			r.set("a", queue.AgentNotReady, "lunch")
			r.reach("a", 2)
			r.reach("a", 1)
			r.wantState("a", queue.AgentNotReady, "lunch")
			r.reach("a", 0)
			r.wantState("a", queue.AgentOffline, "")
			r.reach("a", 1)
			r.wantState("a", queue.AgentReady, "")
		},
		"without auto-ready a device changes nothing": func(t *testing.T) {
			r := newRig(t, queue.Config{}, []queue.QueueConfig{support("a")}, queue.AgentConfig{ID: "a", Login: "a"})
			r.reach("a", 1)
			r.wantState("a", queue.AgentOffline, "")
			r.set("a", queue.AgentReady, "")
			r.wantState("a", queue.AgentReady, "")
		},
		"ready without a device is refused": func(t *testing.T) {
			r := newRig(t, queue.Config{}, []queue.QueueConfig{support("a")}, auto("a")...)
			var refused *queue.RefusedError
			if err := r.set("a", queue.AgentReady, ""); !errors.As(err, &refused) || refused.State != queue.AgentOffline {
				t.Errorf("got %v, want a RefusedError", err)
			}
			if err := r.set("a", queue.AgentTalking, ""); !errors.As(err, &refused) {
				t.Errorf("got %v, want a RefusedError", err)
			}
			if err := r.set("z", queue.AgentReady, ""); !errors.Is(err, queue.ErrUnknownAgent) {
				t.Errorf("got %v, want ErrUnknownAgent", err)
			}
		},
		"unreachable ends when a device can be rung again": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i1")
			r.missed(r.last("i1").ID, call.OutcomeUnreachable)
			r.offer(queue.EventFinal, r.last("i1").ID)
			r.wantState("a", queue.AgentUnreachable, "no_response")
			r.reach("a", 1)
			r.wantAsked("i1", "a a ")
		},
		"connecting, talking, holding, wrap-up, ready": func(t *testing.T) {
			r := simple(t, queue.Config{}, wrap, "a")
			r.join("i1")
			r.wantState("a", queue.AgentReserved, "")
			o := r.last("i1").ID
			r.answered(o)
			r.wantState("a", queue.AgentConnecting, "")
			r.offer(queue.EventBridged, o)
			r.wantState("a", queue.AgentTalking, "")
			r.do(queue.Event{Kind: queue.EventHeld, Offer: o, On: true})
			r.wantState("a", queue.AgentHolding, "")
			r.do(queue.Event{Kind: queue.EventHeld, Offer: o})
			r.wantState("a", queue.AgentTalking, "")
			if v, _ := r.c.AgentView("a"); v.CallID != "c-i1" || v.Offer != o {
				t.Errorf("got %+v, want call and offer", v)
			}
			r.hangup(o)
			r.wantState("a", queue.AgentWrapUp, "")
			r.sleep(5 * time.Second)
			r.wantState("a", queue.AgentReady, "")
		},
		"a new offer waits for the end of wrap-up and for the last leg": func(t *testing.T) {
			for _, finalFirst := range []bool{true, false} {
				r := simple(t, queue.Config{}, wrap, "a")
				r.join("i1")
				o := r.talk("i1").ID
				r.join("i2")
				r.do(queue.Event{Kind: queue.EventRelease, Offer: o, Reason: call.EndAnswered})
				if finalFirst {
					r.offer(queue.EventFinal, o)
					r.wantAsked("i2", "")
					r.sleep(5 * time.Second)
				} else {
					r.sleep(5 * time.Second)
					r.wantState("a", queue.AgentWrapUp, "")
					r.wantAsked("i2", "")
					r.offer(queue.EventFinal, o)
				}
				r.wantAsked("i2", "a ")
			}
		},
		"a state chosen in a call is applied after wrap-up": func(t *testing.T) {
			r := simple(t, queue.Config{}, wrap, "a")
			r.join("i1")
			o := r.talk("i1").ID
			r.set("a", queue.AgentNotReady, "break")
			if v, _ := r.c.AgentView("a"); v.NextState != queue.AgentNotReady || v.State != queue.AgentTalking {
				t.Errorf("got %+v, want talking and next not_ready", v)
			}
			r.hangup(o)
			r.wantState("a", queue.AgentWrapUp, "")
			r.sleep(5 * time.Second)
			r.wantState("a", queue.AgentNotReady, "break")
		},
		"ready ends wrap-up, and so does the button": func(t *testing.T) {
			r := simple(t, queue.Config{}, wrap, "a")
			for _, id := range []queue.ItemID{"i1", "i2"} {
				r.join(id)
				r.hangup(r.talk(id).ID)
				r.wantState("a", queue.AgentWrapUp, "")
				if id == "i1" {
					r.set("a", queue.AgentReady, "")
				} else if e := r.do(queue.Event{Kind: queue.EventEndWrapUp, Agent: "a"}); e.Err != nil {
					t.Error(e.Err)
				}
				r.wantState("a", queue.AgentReady, "")
			}
			var refused *queue.RefusedError
			if e := r.do(queue.Event{Kind: queue.EventEndWrapUp, Agent: "a"}); !errors.As(e.Err, &refused) {
				t.Errorf("got %v, want a RefusedError", e.Err)
			}
		},
		"devices gone in a call: offline after it": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i1")
			o := r.talk("i1").ID
			r.reach("a", 0)
			r.wantState("a", queue.AgentTalking, "")
			r.hangup(o)
			r.wantState("a", queue.AgentOffline, "")
		},
		"his own call makes him busy": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.do(queue.Event{Kind: queue.EventOccupy, Agent: "a", On: true})
			r.wantState("a", queue.AgentDialing, "")
			r.join("i1")
			r.wantAsked("i1", "")
			r.do(queue.Event{Kind: queue.EventOccupy, Agent: "a"})
			r.wantAsked("i1", "a ")
		},
		"the idle rank is kept when the caller left, lost by a miss, a reject or a talk": func(t *testing.T) {
			for what, want := range map[string]string{"left": "a ", "pickup": "a ", "reject": "b ", "miss": "b ", "talk": "b "} {
				r := simple(t, queue.Config{MaxMissed: -1}, nil, "a", "b")
				r.set("b", queue.AgentNotReady, "")
				r.set("b", queue.AgentReady, "")
				r.join("i1")
				o := r.last("i1").ID
				r.sleep(time.Second)
				switch what {
				case "left":
					r.leave("i1")
				case "pickup":
					r.answered(o)
					r.leave("i1")
				case "reject":
					r.missed(o, call.OutcomeRejected)
					r.answered(r.last("i1").ID) // b takes it
					r.leave("i1")
				case "miss":
					r.missed(o, call.OutcomeMissed)
					r.answered(r.last("i1").ID)
					r.leave("i1")
				case "talk":
					r.talk("i1")
					r.do(queue.Event{Kind: queue.EventRelease, Offer: o})
				}
				for _, x := range r.offers {
					r.offer(queue.EventFinal, x.ID)
				}
				r.sleep(time.Minute)
				r.join("i2")
				if got := r.asked("i2"); got != want {
					t.Errorf("%s: got %s, want %s", what, got, want)
				}
			}
		},
		"an agent who hangs up within two seconds, twice, is stopped": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i1")
			for i := range 2 {
				o := r.talk("i1").ID
				r.do(queue.Event{Kind: queue.EventAgentLost, Offer: o, Outcome: call.OutcomeRejected})
				if s, class := r.c.ItemState("i1"); s != "waiting" || class != queue.ClassRepair {
					t.Fatalf("got %s class %d, want waiting in class 0", s, class)
				}
				r.offer(queue.EventFinal, o)
				if i == 1 {
					r.wantState("a", queue.AgentNotReady, "dropped")
				}
			}
			r.sleep(time.Minute)
			if got := r.leave("i1"); got != call.EndAbandoned {
				t.Errorf("a mis-click is no bridge: got %s, want abandoned", got)
			}
		},
		"an agent's lost line puts the player first": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a", "b")
			r.join("i1")
			r.join("i2")
			r.join("older", func(it *queue.Item) { it.Key = 1 })
			o := r.talk("i1").ID
			r.talk("i2")
			r.do(queue.Event{Kind: queue.EventAgentLost, Offer: o, Outcome: call.OutcomeMedia})
			r.offer(queue.EventFinal, o)
			r.wantState("a", queue.AgentUnreachable, "media")
			r.hangup(r.last("i2").ID)
			r.wantAsked("i1", "a b ")
			if got := r.leave("i1"); got != call.EndAnswered {
				t.Errorf("who was bridged was answered: got %s", got)
			}
		},
		"a callback whose agent does not answer goes to the front": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a", "b")
			r.join("i1", func(it *queue.Item) { it.Channel = call.ChannelCallback; it.Lease = 55 * time.Second })
			o := r.last("i1")
			if got := o.Deadline.Sub(r.now); got != 55*time.Second {
				t.Errorf("lease: got %s, want 55s", got)
			}
			r.do(queue.Event{Kind: queue.EventAgentLost, Offer: o.ID, Outcome: call.OutcomeMissed})
			r.wantAsked("i1", "a b ")
			if o := r.last("i1"); o.Item.Class != queue.ClassRepair || o.Deadline.Sub(r.now) != 20*time.Second {
				t.Errorf("got class %d lease %s, want 0 and 20s", o.Item.Class, o.Deadline.Sub(r.now))
			}
			r.offer(queue.EventFinal, o.ID)
			r.wantState("a", queue.AgentNotReady, "no_answer")
		},
		"a deferred offer blames nobody and the item rests": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a", "b")
			r.join("i1", func(it *queue.Item) { it.Channel = call.ChannelCallback })
			o := r.last("i1").ID
			r.do(queue.Event{Kind: queue.EventDefer, Offer: o, At: r.now.Add(10 * time.Minute)})
			r.wantItem("i1", "parked")
			r.offer(queue.EventFinal, o)
			r.wantState("a", queue.AgentReady, "")
			r.sleep(10 * time.Minute)
			r.wantAsked("i1", "a a ") // he kept his rank
		},
		"states before a restart: only what a person chose": func(t *testing.T) {
			r := newRig(t, queue.Config{}, []queue.QueueConfig{support()}, auto("a", "b", "c", "d")...)
			r.do(queue.Event{Kind: queue.EventRestore, States: map[account.ID]queue.AgentView{
				"a": {State: queue.AgentNotReady, Reason: "lunch"},
				"b": {State: queue.AgentTalking, Reason: "chosen"},
				"c": {State: queue.AgentReady},
				"z": {State: queue.AgentNotReady},
			}})
			r.wantState("a", queue.AgentNotReady, "lunch")
			r.wantState("b", queue.AgentOffline, "")
			for _, id := range []account.ID{"a", "b", "c"} {
				r.reach(id, 1)
			}
			r.wantState("a", queue.AgentNotReady, "lunch")
			r.wantState("b", queue.AgentReady, "")
			r.wantState("c", queue.AgentReady, "")
		},
		"who was made ready by hand is marked in the store": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.set("a", queue.AgentNotReady, "")
			r.set("a", queue.AgentReady, "")
			last := r.decs[len(r.decs)-1]
			if last.Kind != queue.DecisionAgentState || last.State != queue.AgentReady || last.StateReason != "chosen" {
				t.Errorf("got %+v, want ready(chosen)", last)
			}
		},
	} {
		t.Run(name, test)
	}
}
