package queue_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pickup/call"
	"pickup/queue"
)

// The races of telephony 1.9, at the level of the queue.
func TestRaces(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"R1 the caller leaves while legs ring": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i1")
			r.sleep(6 * time.Second)
			if got := r.leave("i1"); got != call.EndAbandonedRinging {
				t.Errorf("got %s, want abandoned_ringing", got)
			}
			r.join("i2")
			r.wantAsked("i2", "") // releasing until final
			r.offer(queue.EventFinal, r.last("i1").ID)
			r.wantAsked("i2", "a ")
		},
		"R2 the caller's end crosses the agent's answer": func(t *testing.T) {
			r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.WrapUp = time.Minute }, "a")
			r.join("i1")
			o := r.last("i1").ID
			r.leave("i1")
			if r.answered(o) {
				t.Error("an answer won an item that had ended")
			}
			r.offer(queue.EventFinal, o)
			r.wantState("a", queue.AgentReady, "") // no wrap-up, no miss
		},
		"R3 the caller is gone between answer and bridge": func(t *testing.T) {
			r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.WrapUp = time.Minute }, "a")
			r.join("i1")
			o := r.last("i1").ID
			r.answered(o)
			r.leave("i1")
			r.offer(queue.EventBridged, o) // too late
			r.offer(queue.EventFinal, o)
			r.wantState("a", queue.AgentReady, "")
			r.conserved("support")
		},
		"R3 the agent is gone between answer and bridge": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a", "b")
			r.join("i1")
			o := r.last("i1").ID
			r.answered(o)
			r.do(queue.Event{Kind: queue.EventAgentLost, Offer: o, Outcome: call.OutcomeUnreachable})
			r.wantAsked("i1", "a b ")
			if _, class := r.c.ItemState("i1"); class != queue.ClassRepair {
				t.Errorf("class: got %d, want 0", class)
			}
		},
		"R5 R8 the first agent answers after the second was asked": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a", "b")
			r.join("i1")
			first := r.last("i1").ID
			r.missed(first, call.OutcomeMissed)
			second := r.last("i1").ID
			if first == second {
				t.Fatal("the second agent was not asked")
			}
			if !r.answered(first) {
				t.Fatal("a late answer without a winner must win")
			}
			if r.answered(second) {
				t.Fatal("two winners")
			}
			if n := r.notices("i1"); n != "OOW" {
				t.Errorf("notices: got %s, want OOW", n)
			}
			r.wantState("a", queue.AgentConnecting, "")
			r.offer(queue.EventBridged, first)
			r.sleep(time.Second)
			r.hangup(first)
			r.wantState("a", queue.AgentReady, "") // he was there: no miss
			r.offer(queue.EventFinal, second)
			r.wantState("b", queue.AgentReady, "")
			r.join("i2")
			r.wantAsked("i2", "b ") // b kept his idle rank
		},
		"R5 the second agent answers first": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a", "b")
			r.join("i1")
			first := r.last("i1").ID
			r.missed(first, call.OutcomeMissed)
			if !r.answered(r.last("i1").ID) || r.answered(first) {
				t.Error("exactly the second must win")
			}
		},
		"R6 two devices of one agent answer": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i1")
			o := r.last("i1").ID
			if !r.answered(o) || r.answered(o) {
				t.Error("the first answer wins, the second does not")
			}
		},
		"R7 an answer crosses our CANCEL": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i1")
			o := r.last("i1").ID
			r.missed(o, call.OutcomeMissed)
			r.wantItem("i1", "waiting")
			if !r.answered(o) {
				t.Fatal("rescue refused")
			}
			r.wantItem("i1", "connecting")
			r.offer(queue.EventBridged, o)
			r.hangup(o)
			r.wantState("a", queue.AgentReady, "")
		},
		"R7 a late answer of a parked item still wins": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i1")
			o := r.last("i1").ID
			r.do(queue.Event{Kind: queue.EventDefer, Offer: o, At: r.now.Add(time.Hour)})
			if !r.answered(o) {
				t.Error("rescue refused")
			}
		},
		"R7 after final there is no rescue": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i1")
			o := r.last("i1").ID
			r.missed(o, call.OutcomeMissed)
			r.offer(queue.EventFinal, o)
			if r.answered(o) {
				t.Error("a released reservation won")
			}
		},
		"who lost his call cannot win it again": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i1")
			o := r.talk("i1").ID
			r.do(queue.Event{Kind: queue.EventAgentLost, Offer: o, Outcome: call.OutcomeUnreachable})
			if r.answered(o) {
				t.Error("a lost winner won again")
			}
		},
		"R12 the agent goes not ready or offline or loses his phone while reserved": func(t *testing.T) {
			for how, away := range map[string]func(*rig){
				"not_ready": func(r *rig) { r.set("a", queue.AgentNotReady, "x") },
				"offline":   func(r *rig) { r.set("a", queue.AgentOffline, "") },
				"devices":   func(r *rig) { r.reach("a", 0) },
			} {
				r := simple(t, queue.Config{}, nil, "a", "b")
				r.join("i1")
				o := r.last("i1").ID
				away(r)
				if n := r.notices("i1"); n != "OWO" {
					t.Errorf("%s: notices: got %s, want OWO", how, n)
				}
				r.wantAsked("i1", "a b ")
				r.wantState("a", queue.AgentReserved, "")
				r.offer(queue.EventFinal, o)
				if v, _ := r.c.AgentView("a"); v.State == queue.AgentReady || v.State == queue.AgentReserved {
					t.Errorf("%s: got %s, want him away", how, v.State)
				}
			}
		},
		"R12 a late answer of who went away wins, and he is away afterwards": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i1")
			o := r.last("i1").ID
			r.set("a", queue.AgentNotReady, "x")
			if !r.answered(o) {
				t.Fatal("rescue refused")
			}
			r.offer(queue.EventBridged, o)
			r.hangup(o)
			r.wantState("a", queue.AgentNotReady, "x")
		},
		"R12 ready again before the last leg is final": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i1")
			o := r.last("i1").ID
			r.set("a", queue.AgentNotReady, "x")
			r.set("a", queue.AgentReady, "")
			r.wantAsked("i1", "a ")
			r.offer(queue.EventFinal, o)
			r.wantAsked("i1", "a a ")
		},
		"R25 the callback is confirmed before the agent answers": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i1")
			e := r.do(queue.Event{Kind: queue.EventLeave, ItemID: "i1", Reason: call.EndCallbackRequested})
			if e.Err != nil || r.answered(r.last("i1").ID) {
				t.Errorf("got %v, want the callback to win", e.Err)
			}
			r.conserved("support")
		},
		"R25 the agent answers before the callback is confirmed": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i1")
			if !r.answered(r.last("i1").ID) {
				t.Fatal("answer refused")
			}
			e := r.do(queue.Event{Kind: queue.EventLeave, ItemID: "i1", Reason: call.EndCallbackRequested})
			if !errors.Is(e.Err, queue.ErrAnswered) {
				t.Errorf("got %v, want ErrAnswered", e.Err)
			}
			r.wantItem("i1", "connecting")
		},
		"late and repeated events change nothing": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i1")
			o := r.talk("i1").ID
			r.hangup(o)
			before := r.c.Fingerprint()
			for kind := queue.EventRinging; kind <= queue.EventRelease; kind++ {
				r.do(queue.Event{Kind: kind, Offer: o, Outcome: call.OutcomeMissed, At: r.now})
			}
			r.do(queue.Event{Kind: queue.EventCommitted, Offer: o})
			if after := r.c.Fingerprint(); after != before {
				t.Errorf("got\n%s\nwant\n%s", after, before)
			}
		},
	} {
		t.Run(name, test)
	}
}

// The wall in memory: telephony 1.1, E6 and E7.
func TestCommitting(t *testing.T) {
	boom := errors.New("disk full")
	committing := func(cfg queue.Config) *rig {
		r := simple(t, cfg, nil, "a", "b")
		r.hold = true
		r.join("i1")
		return r
	}
	for name, test := range map[string]func(*testing.T){
		"an offer leaves when its decision is stored": func(t *testing.T) {
			r := committing(queue.Config{})
			if n := r.notices("i1"); n != "" {
				t.Fatalf("got %s before the store answered", n)
			}
			r.wantState("a", queue.AgentReserved, "")
			r.answerStore(nil)
			if r.last("i1").Uncommitted {
				t.Error("marked uncommitted")
			}
		},
		"an offer leaves uncommitted after 50 ms": func(t *testing.T) {
			r := committing(queue.Config{})
			r.sleep(50*time.Millisecond - 1)
			if n := r.notices("i1"); n != "" {
				t.Fatalf("got %s too early", n)
			}
			r.sleep(1)
			if !r.last("i1").Uncommitted {
				t.Error("not marked uncommitted")
			}
			r.answerStore(boom)
			if n := r.notices("i1"); n != "O" {
				t.Errorf("got %s, want one offer", n)
			}
		},
		"an error of the store does not stop calls": func(t *testing.T) {
			r := committing(queue.Config{})
			r.answerStore(boom)
			if !r.last("i1").Uncommitted {
				t.Error("not marked uncommitted")
			}
		},
		"where an offer never leaves uncommitted it waits, and is tried again": func(t *testing.T) {
			r := committing(queue.Config{CommitWait: -1})
			r.sleep(time.Minute)
			if n := r.notices("i1"); n != "" {
				t.Fatalf("got %s", n)
			}
			r.answerStore(boom)
			r.wantItem("i1", "parked")
			r.wantState("a", queue.AgentReady, "")
			r.sleep(time.Second)
			if r.last("i1").Uncommitted || r.notices("i1") != "O" {
				t.Error("not offered again")
			}
		},
		"the caller leaves a committing offer: answered now, applied on return": func(t *testing.T) {
			r := committing(queue.Config{})
			if got := r.leave("i1"); got != call.EndShortAbandoned {
				t.Errorf("got %s", got)
			}
			r.join("i2")
			r.wantState("a", queue.AgentReserved, "")
			r.answerStore(nil)
			r.wantAsked("i1", "")
			r.wantState("a", queue.AgentReady, "")
			r.wantAsked("i2", "b ")
		},
		"the caller leaves a committing offer and the store never answers": func(t *testing.T) {
			r := committing(queue.Config{})
			r.leave("i1")
			r.sleep(50 * time.Millisecond)
			r.wantState("a", queue.AgentReady, "")
		},
		"the agent signs out during a committing offer: the item waits again on return": func(t *testing.T) {
			r := committing(queue.Config{})
			r.set("a", queue.AgentOffline, "")
			r.wantItem("i1", "offered")
			r.answerStore(nil)
			r.wantAsked("i1", "b ")
			r.wantState("a", queue.AgentOffline, "")
		},
		"a rescue cancels a committing offer to somebody else": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a", "b")
			r.join("i1")
			first := r.last("i1").ID
			r.hold = true
			r.missed(first, call.OutcomeMissed) // b is committing
			if !r.answered(first) {
				t.Fatal("rescue refused")
			}
			r.answerStore(nil)
			r.wantAsked("i1", "a ")
			r.wantState("b", queue.AgentReady, "")
			if n := r.notices("i1"); n != "O" {
				t.Errorf("got %s, want no withdraw of what was never told", n)
			}
		},
		"reservations are stored in an order that the store's walls accept": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a", "b")
			r.join("i1")
			r.missed(r.last("i1").ID, call.OutcomeMissed)
			r.answered(r.offers[0].ID)
			got := ""
			for _, d := range r.decs {
				if d.Offer != "" {
					got += string(d.Kind) + ":" + string(d.Agent) + " "
				}
			}
			if want := "offer:a releasing:a offer:b releasing:b accept:a "; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		},
	} {
		t.Run(name, test)
	}
}

// No agent stays reserved for ever: scale 2.2.
func TestReaper(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"an offer that nobody ends is withdrawn after its lease": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a", "b")
			r.join("i1")
			r.sleep(20*time.Second - 1)
			r.wantAsked("i1", "a ")
			r.sleep(1)
			r.wantAsked("i1", "a b ")
			if n := r.notices("i1"); n != "OWO" || len(r.alarms) != 1 {
				t.Errorf("got %s and %d alarms, want OWO and 1", n, len(r.alarms))
			}
		},
		"a leg that never becomes final frees its agent after 40 s": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i1")
			r.leave("i1")
			r.sleep(40*time.Second - 1)
			r.wantState("a", queue.AgentReserved, "")
			r.sleep(1)
			r.wantState("a", queue.AgentReady, "")
			if len(r.alarms) != 1 || !strings.Contains(r.alarms[0], "reaper") || r.c.Reaped() != 1 {
				t.Errorf("got %v, want one alarm", r.alarms)
			}
		},
		"the lease of a callback is its own": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i1", func(it *queue.Item) { it.Lease = 55 * time.Second })
			r.sleep(54 * time.Second)
			if len(r.alarms) != 0 {
				t.Errorf("got %v", r.alarms)
			}
		},
		"an item whose owner does not read rests, and its agent is free": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i1")
			r.offer(queue.EventUndelivered, r.last("i1").ID)
			r.wantState("a", queue.AgentReady, "")
			r.wantItem("i1", "parked")
			r.sleep(time.Second)
			r.wantItem("i1", "offered")
		},
	} {
		t.Run(name, test)
	}
}

// Two Cores with the same events are in the same state, and different
// timestamps or offer ids do not show in it.
func TestFingerprintIsTheStateOfTheProtocol(t *testing.T) {
	run := func(shift time.Duration, prefix string) string {
		n := 0
		cfg := queue.Config{OfferIDs: func() queue.OfferID { n++; return queue.OfferID(prefix + string(rune('0'+n))) }}
		r := newRig(t, cfg, []queue.QueueConfig{support("a", "b")}, auto("a", "b")...)
		r.now = r.now.Add(shift)
		r.reach("a", 1)
		r.sleep(time.Second)
		r.reach("b", 1)
		r.join("i1")
		r.missed(r.last("i1").ID, call.OutcomeBusy)
		r.answered(r.last("i1").ID)
		return r.c.Fingerprint()
	}
	one, two := run(0, "x"), run(time.Hour, "y")
	if one != two {
		t.Errorf("got\n%s\nand\n%s", one, two)
	}
	if !strings.Contains(one, "item i1 connecting") || !strings.Contains(one, "agent a reserved") {
		t.Errorf("got %s", one)
	}
}
