package queue_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

// ringing is one queue that asks several, whose agents are ready a millisecond apart.
func ringing(t testing.TB, s queue.Strategy, change func(*queue.QueueConfig), ids ...account.ID) *rig {
	return simple(t, queue.Config{MaxMissed: -1}, func(q *queue.QueueConfig) {
		q.Strategy = s
		if change != nil {
			change(q)
		}
	}, ids...)
}

// offerTo returns the last offer of an item to an agent.
func (r *rig) offerTo(id queue.ItemID, a account.ID) queue.OfferID {
	r.t.Helper()
	for _, o := range slices.Backward(r.offers) {
		if o.Item.ID == id && o.Agent == a {
			return o.ID
		}
	}
	r.t.Fatalf("item %s was never offered to %s", id, a)
	return ""
}

func ranks(list ...int) func(*queue.QueueConfig) {
	return func(q *queue.QueueConfig) {
		for i := range q.Members {
			q.Members[i].Rank = list[i]
		}
	}
}

func TestSeveralAgentsAreAskedAtOnce(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"ring all asks everybody of the best rank, and the next rank five seconds later": func(t *testing.T) {
			r := ringing(t, queue.StrategyRingAll, ranks(1, 2, 1, 3), "a", "b", "c", "d")
			r.join("i1")
			r.wantAsked("i1", "a c ")
			r.sleep(5 * time.Second)
			r.wantAsked("i1", "a c b ")
			r.sleep(5 * time.Second)
			r.wantAsked("i1", "a c b d ")
		},
		"progressive asks one more at each step, while the first go on ringing": func(t *testing.T) {
			r := ringing(t, queue.StrategyProgressive, func(q *queue.QueueConfig) { q.RingStep = 3 * time.Second }, "a", "b", "c")
			r.join("i1")
			r.wantAsked("i1", "a ")
			r.sleep(3 * time.Second)
			r.wantAsked("i1", "a b ")
			r.sleep(3 * time.Second)
			r.wantAsked("i1", "a b c ")
			r.wantState("a", queue.AgentReserved, "")
			if !strings.Contains(r.last("i1").Why, "progressive") {
				t.Errorf("got why %q", r.last("i1").Why)
			}
		},
		"no more than the most": func(t *testing.T) {
			r := ringing(t, queue.StrategyRingAll, func(q *queue.QueueConfig) { q.RingMost = 2 }, "a", "b", "c")
			r.join("i1")
			r.sleep(7 * time.Second)
			r.wantAsked("i1", "a b ")
		},
		"the first answer wins, the others lose it without blame": func(t *testing.T) {
			r := ringing(t, queue.StrategyRingAll, nil, "a", "b", "c")
			r.join("i1")
			if !r.answered(r.offerTo("i1", "b")) {
				t.Fatal("b answered first and did not win")
			}
			for _, a := range []account.ID{"a", "c"} {
				if r.answered(r.offerTo("i1", a)) {
					t.Errorf("%s won too", a)
				}
				r.offer(queue.EventFinal, r.offerTo("i1", a))
				r.wantState(a, queue.AgentReady, "")
			}
			if got := r.notices("i1"); got != "OOOWW" {
				t.Errorf("got notices %s, want OOOWW", got)
			}
			r.wantItem("i1", "connecting")
			r.join("i2") // a keeps his turn: he was idle for the longest
			r.wantAsked("i2", "a c ")
		},
		"one who rejects does not end the ringing of the others": func(t *testing.T) {
			r := ringing(t, queue.StrategyRingAll, nil, "a", "b")
			r.join("i1")
			r.missed(r.offerTo("i1", "a"), call.OutcomeRejected)
			r.wantItem("i1", "offered")
			r.missed(r.offerTo("i1", "b"), call.OutcomeRejected)
			r.wantItem("i1", "waiting")
		},
		"who was tried is asked again with all, when all were": func(t *testing.T) {
			r := ringing(t, queue.StrategyRingAll, nil, "a", "b")
			r.join("i1")
			for _, a := range []account.ID{"a", "b"} {
				o := r.offerTo("i1", a)
				r.missed(o, call.OutcomeMissed)
				r.offer(queue.EventFinal, o)
			}
			if got := strings.Fields(r.asked("i1")); len(got) < 3 {
				t.Errorf("asked %v, want a second round", got)
			}
		},
		"a player who leaves frees all": func(t *testing.T) {
			r := ringing(t, queue.StrategyRingAll, nil, "a", "b")
			r.join("i1")
			r.do(queue.Event{Kind: queue.EventLeave, ItemID: "i1"})
			for _, a := range []account.ID{"a", "b"} {
				r.offer(queue.EventFinal, r.offerTo("i1", a))
				r.wantState(a, queue.AgentReady, "")
			}
			r.conserved("support")
		},
		"a late answer of one who missed wins over those who still ring": func(t *testing.T) {
			r := ringing(t, queue.StrategyRingAll, nil, "a", "b", "c")
			r.join("i1")
			late := r.offerTo("i1", "a")
			r.missed(late, call.OutcomeMissed)
			if !r.answered(late) {
				t.Fatal("the rescue did not win")
			}
			if r.answered(r.offerTo("i1", "b")) || r.answered(r.offerTo("i1", "c")) {
				t.Error("a second winner")
			}
		},
		"who waits has his turn before somebody is asked beside another": func(t *testing.T) {
			r := ringing(t, queue.StrategyRingAll, nil, "a", "b")
			for _, a := range []account.ID{"a", "b"} {
				r.set(a, queue.AgentNotReady, "")
			}
			r.join("i1")
			r.join("i2")
			r.set("a", queue.AgentReady, "")
			r.set("b", queue.AgentReady, "")
			r.wantAsked("i1", "a ")
			r.wantAsked("i2", "b ")
		},
		"a callback has one agent, whom the player is asked to wait for": func(t *testing.T) {
			r := ringing(t, queue.StrategyRingAll, nil, "a", "b")
			it := aCall("i1")
			it.Channel = call.ChannelCallback
			r.do(queue.Event{Kind: queue.EventJoin, Item: it})
			r.wantAsked("i1", "a ")
		},
		"an owner with room for four notices is told of one agent at a time": func(t *testing.T) {
			r := ringing(t, queue.StrategyRingAll, nil, "a", "b")
			r.do(queue.Event{Kind: queue.EventJoin, Item: aCall("i1"), Room: 4})
			r.wantAsked("i1", "a ")
		},
		"each offer of one item is stored as a branch of its own": func(t *testing.T) {
			r := ringing(t, queue.StrategyRingAll, nil, "a", "b", "c")
			r.join("i1")
			var branches []int
			for _, d := range r.decs {
				if d.Kind == queue.DecisionOffer {
					branches = append(branches, d.Branch)
				}
			}
			if !slices.Equal(branches, []int{0, 1, 2}) {
				t.Errorf("got branches %v", branches)
			}
		},
		"while the store is silent the losers of one that left are never told": func(t *testing.T) {
			r := ringing(t, queue.StrategyRingAll, nil, "a", "b")
			r.hold = true
			r.join("i1")
			held := slices.Clone(r.held)
			r.held = nil
			r.do(queue.Event{Kind: queue.EventCommitted, Offer: held[0]})
			if !r.answered(held[0]) {
				t.Fatal("did not win")
			}
			r.hold = false
			r.do(queue.Event{Kind: queue.EventCommitted, Offer: held[1]})
			r.wantAsked("i1", "a ")
			r.wantState("b", queue.AgentReady, "")
		},
	} {
		t.Run(name, test)
	}
}
