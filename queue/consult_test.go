package queue_test

import (
	"errors"
	"testing"
	"time"

	"pickup/call"
	"pickup/queue"
)

// ask joins a consultation of support.
func (r *rig) ask(id queue.ItemID) queue.Effect {
	return r.do(queue.Event{Kind: queue.EventJoin, Item: queue.Item{
		ID: id, Channel: call.ChannelCall, Queue: "support", Consult: true, CountsAsOffered: true, Priority: 1, CallID: "c1",
	}})
}

func (r *rig) adopt(id queue.ItemID) error {
	return r.do(queue.Event{Kind: queue.EventAdopt, ItemID: id}).Err
}

// One more free agent, in the order of the queue, and no wrap-up for who was only
// asked something.
func TestConsultationTakesAFreeAgent(t *testing.T) {
	r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.WrapUp = 10 * time.Second }, "a", "b")
	r.ask("i1")
	r.wantAsked("i1", "a ")
	o := r.offers[len(r.offers)-1].ID
	r.do(queue.Event{Kind: queue.EventAnswered, Offer: o})
	r.wantState("a", queue.AgentConnecting, "")
	r.do(queue.Event{Kind: queue.EventBridged, Offer: o})
	r.wantState("a", queue.AgentConsulting, "")
	r.do(queue.Event{Kind: queue.EventRelease, Offer: o, Reason: call.EndAnswered})
	r.wantState("a", queue.AgentReserved, "") // until his leg is final
	r.do(queue.Event{Kind: queue.EventFinal, Offer: o})
	r.wantState("a", queue.AgentReady, "")
	if tally, _ := r.c.Tally("support"); tally.Live != 0 || tally.Channels[call.ChannelCall].Offered != 0 {
		t.Errorf("it is counted as a call: %+v", tally)
	}
}

func TestWhoTalkedToThePlayerInAConferenceHasAWrapUp(t *testing.T) {
	r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.WrapUp = 10 * time.Second }, "a")
	r.ask("i1")
	o := r.offers[0].ID
	r.do(queue.Event{Kind: queue.EventConsulting, Offer: o, State: queue.AgentConference}) // too early: nothing
	r.do(queue.Event{Kind: queue.EventAnswered, Offer: o})
	r.do(queue.Event{Kind: queue.EventBridged, Offer: o})
	r.do(queue.Event{Kind: queue.EventConsulting, Offer: o, State: queue.AgentConference})
	r.wantState("a", queue.AgentConference, "")
	r.do(queue.Event{Kind: queue.EventRelease, Offer: o})
	r.do(queue.Event{Kind: queue.EventFinal, Offer: o})
	r.wantState("a", queue.AgentWrapUp, "")
}

// A consultation that the player gets counts as his entry from then on: the place
// is kept, the clock starts now where nobody has answered.
func TestConsultationBecomesThePlayers(t *testing.T) {
	for name, c := range map[string]struct {
		before func(r *rig) // until the player gets it
		state  string
		wait   time.Duration // that the queue is charged with, a minute later
	}{
		"while it waits": {func(r *rig) {
			r.do(queue.Event{Kind: queue.EventSetState, Agent: "a", State: queue.AgentNotReady})
			r.ask("i1")
			r.sleep(20 * time.Second)
		}, "waiting", time.Minute},
		"while an agent is rung": {func(r *rig) {
			r.sleep(20 * time.Second)
			r.ask("i1")
		}, "offered", time.Minute},
		"while the agent talks": {func(r *rig) {
			r.ask("i1")
			r.do(queue.Event{Kind: queue.EventAnswered, Offer: r.offers[0].ID})
			r.sleep(5 * time.Second)
			r.do(queue.Event{Kind: queue.EventBridged, Offer: r.offers[0].ID})
			r.sleep(15 * time.Second)
		}, "talking", 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := simple(t, queue.Config{RingTime: 10 * time.Minute}, nil, "a")
			c.before(r)
			if views := r.c.Waiting("support", 0); c.state == "waiting" && len(views) != 1 {
				t.Errorf("who waits: %+v", views)
			}
			if err := r.adopt("i1"); err != nil {
				t.Fatal(err)
			}
			if got, _ := r.c.ItemState("i1"); got != c.state {
				t.Errorf("state: got %s, want %s", got, c.state)
			}
			tally, _ := r.c.Tally("support")
			if got := tally.Channels[call.ChannelCall]; got.MovedIn != 1 || got.Live != 1 {
				t.Errorf("tally of calls: %+v", got)
			}
			last := r.decs[len(r.decs)-1]
			for _, d := range r.decs {
				if d.Kind == queue.DecisionUpdate {
					last = d
				}
			}
			if last.Kind != queue.DecisionUpdate || last.Item.Consult {
				t.Errorf("what is stored: %+v", last)
			}
			if c.wait > 0 && !last.Item.EnqueuedAt.Equal(r.now) {
				t.Errorf("the clock started at %s, want %s", last.Item.EnqueuedAt, r.now)
			}
			if c.state == "talking" {
				r.wantState("a", queue.AgentTalking, "")
				r.do(queue.Event{Kind: queue.EventHeld, Offer: r.offers[0].ID, On: true})
				r.wantState("a", queue.AgentHolding, "")
			}
			if err := r.adopt("i1"); !errors.Is(err, queue.ErrGone) {
				t.Errorf("a second time: %v", err)
			}
			r.do(queue.Event{Kind: queue.EventLeave, ItemID: "i1"})
			if tally, _ = r.c.Tally("support"); tally.Live != 0 || tally.Channels[call.ChannelCall].Live != 0 {
				t.Errorf("tally in the end: %+v", tally)
			}
		})
	}
}

// Nobody is on the line for a consultation: no maximum of the queue ends it, and
// it makes nobody wait outside. Closed is closed for it too.
func TestConsultationHasNoMaximum(t *testing.T) {
	r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.MaxWait, q.MaxLength = 10*time.Second, 1 }, "a")
	r.do(queue.Event{Kind: queue.EventSetState, Agent: "a", State: queue.AgentNotReady})
	r.ask("i1")
	r.ask("i2")
	r.sleep(time.Minute)
	for _, id := range []queue.ItemID{"i1", "i2"} {
		if got, _ := r.c.ItemState(id); got != "waiting" {
			t.Errorf("%s is %q", id, got)
		}
	}
	r.join("i3") // a player finds room
	if got, _ := r.c.ItemState("i3"); got != "waiting" {
		t.Errorf("the player: %q", got)
	}
	if err := r.adopt("i1"); err != nil {
		t.Fatal(err)
	}
	r.sleep(11 * time.Second)
	if got, _ := r.c.ItemState("i1"); got != "" { // the player's wait is bounded
		t.Errorf("i1 is %q", got)
	}
	if err := r.adopt("nothing"); !errors.Is(err, queue.ErrGone) {
		t.Errorf("got %v", err)
	}
}
