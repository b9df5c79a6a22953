package queue_test

import (
	"errors"
	"testing"
	"time"

	"pickup/account"
	"pickup/queue"
)

func TestEngagedAgentIsOfferedNothing(t *testing.T) {
	r := simple(t, queue.Config{}, nil, "a")
	r.engage(t, queue.Event{Kind: queue.EventEngage, Agent: "a", State: queue.AgentDialing})
	r.wantState("a", queue.AgentDialing, "")
	r.join("i1")
	r.wantAsked("i1", "")
	r.do(queue.Event{Kind: queue.EventEngaged, Agent: "a", State: queue.AgentConsulting})
	r.wantState("a", queue.AgentConsulting, "")
	r.do(queue.Event{Kind: queue.EventDisengage, Agent: "a"})
	r.wantAsked("i1", "a ")
	r.wantState("a", queue.AgentReserved, "")
}

func TestEngagedAgentGoesToWrapUp(t *testing.T) {
	r := simple(t, queue.Config{}, nil, "a")
	r.engage(t, queue.Event{Kind: queue.EventEngage, Agent: "a", State: queue.AgentTalking})
	r.do(queue.Event{Kind: queue.EventSetState, Agent: "a", State: queue.AgentNotReady, StateReason: "break"}) // when it is over
	r.do(queue.Event{Kind: queue.EventDisengage, Agent: "a", Wrap: 10 * time.Second})
	r.wantState("a", queue.AgentWrapUp, "")
	r.sleep(10 * time.Second)
	r.wantState("a", queue.AgentNotReady, "break")
	r.engage(t, queue.Event{Kind: queue.EventEngage, Agent: "a", State: queue.AgentTalking}) // who is not ready may be consulted
	r.do(queue.Event{Kind: queue.EventReachable, Agent: "a"})
	r.wantState("a", queue.AgentTalking, "")
	r.do(queue.Event{Kind: queue.EventDisengage, Agent: "a"})
	r.wantState("a", queue.AgentOffline, "")
}

func TestWhoCannotBeEngaged(t *testing.T) {
	for name, c := range map[string]struct {
		before []queue.Event
		who    account.ID
	}{
		"he has a call":          {[]queue.Event{{Kind: queue.EventJoin, Item: queue.Item{ID: "i", Channel: "call", Queue: "support"}}}, "a"},
		"he is engaged":          {[]queue.Event{{Kind: queue.EventEngage, Agent: "a", State: queue.AgentTalking}}, "a"},
		"his phone is in a call": {[]queue.Event{{Kind: queue.EventOccupy, Agent: "a", On: true}}, "a"},
		"he has no device":       {[]queue.Event{{Kind: queue.EventReachable, Agent: "a"}}, "a"},
		"he is nobody":           {nil, "nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			for _, ev := range c.before {
				r.do(ev)
			}
			err := r.do(queue.Event{Kind: queue.EventEngage, Agent: c.who, State: queue.AgentDialing}).Err
			var refused *queue.RefusedError
			if !errors.As(err, &refused) && !errors.Is(err, queue.ErrUnknownAgent) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestEngagingEndsAWrapUp(t *testing.T) {
	r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.WrapUp = time.Minute }, "a")
	r.join("i1")
	o := r.last("i1").ID
	r.answered(o)
	r.offer(queue.EventBridged, o)
	r.offer(queue.EventRelease, o)
	r.offer(queue.EventFinal, o)
	r.wantState("a", queue.AgentWrapUp, "")
	r.join("i2")
	r.engage(t, queue.Event{Kind: queue.EventEngage, Agent: "a", State: queue.AgentDialing})
	r.wantAsked("i2", "")
	r.do(queue.Event{Kind: queue.EventDisengage, Agent: "a"})
	r.wantAsked("i2", "a ")
	r.conserved("support")
}

// engage applies an event that must not be refused.
func (r *rig) engage(t *testing.T, ev queue.Event) {
	t.Helper()
	if err := r.do(ev).Err; err != nil {
		t.Fatal(err)
	}
}
