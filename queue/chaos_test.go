package queue_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

// Whatever happens, and however late the store answers, no item has two agents,
// no desk is overfull, nothing written is active beside a call, and all is
// counted; and when all ends, every desk is empty and a mail finds an agent.
func TestNothingOverfullWhateverTheStoreDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := newChaos(t, rt)
		acts := []func(*rapid.T){
			c.join, c.join, c.join, c.reply, c.reply, c.reply, c.onOffer, c.onOffer, c.onOffer, c.onOffer, c.onAgent, c.onAgent, c.onItem,
			c.sleep, c.sleep, c.configure,
		}
		for range rapid.IntRange(1, 120).Draw(rt, "steps") {
			acts[rapid.IntRange(0, len(acts)-1).Draw(rt, "act")](rt)
			c.check(rt)
		}
		c.drain(rt)
	})
}

type chaos struct {
	r      *rig
	agents []account.ID
	items  int
	back   map[queue.ItemID]bool // chats given back to who had them
}

func newChaos(t *testing.T, rt *rapid.T) *chaos {
	cfg := queue.Config{MaxMissed: -1, CommitWait: rapid.SampledFrom([]time.Duration{0, -1}).Draw(rt, "commit wait")}
	c := &chaos{agents: []account.ID{"a", "b", "c"}, back: map[queue.ItemID]bool{}}
	c.r = newRig(t, cfg, c.queues(3*time.Second), auto(c.agents...)...)
	c.r.hold = true
	for _, a := range c.agents {
		c.r.console(a, true)
		c.r.reach(a, 1)
	}
	return c
}

func (c *chaos) queues(wrap time.Duration) []queue.QueueConfig {
	q1 := support(c.agents...)
	q2 := queue.QueueConfig{ID: "q2", Name: "payments", Enabled: true, Members: []queue.Member{{Agent: "b", Rank: 2}, {Agent: "c", Rank: 1}}}
	q1.WrapUp = wrap
	return []queue.QueueConfig{q1, q2}
}

func (c *chaos) join(rt *rapid.T) {
	c.items++
	c.r.join(queue.ItemID(fmt.Sprintf("i%d", c.items)), func(it *queue.Item) {
		it.Channel = rapid.SampledFrom([]call.Channel{
			call.ChannelCall, call.ChannelCall, call.ChannelCallback, call.ChannelChat, call.ChannelChat, call.ChannelEmail, call.ChannelTicket,
			call.ChannelSocial, call.ChannelWebForm,
		}).Draw(rt, "channel")
		it.Queue = rapid.SampledFrom([]string{"support", "payments"}).Draw(rt, "queue")
		it.DueAt = c.r.now.Add(time.Duration(rapid.IntRange(0, 60).Draw(rt, "due")) * time.Second)
		switch rapid.IntRange(0, 5).Draw(rt, "kind") {
		case 0:
			it.Holder = rapid.SampledFrom(c.agents).Draw(rt, "holder")
			it.Parked = rapid.Bool().Draw(rt, "parked")
			if it.Channel == call.ChannelChat { // his of before a restart, whatever he took since
				c.back[it.ID] = true
			}
		case 1:
			it.Preferred = rapid.SampledFrom(c.agents).Draw(rt, "preferred")
			it.PreferredUntil = c.r.now.Add(15 * time.Second)
		case 2:
			it.Needs = []queue.Need{{Skill: "fr", Level: 2, Relax: []queue.Step{{After: 10 * time.Second}}}}
		}
	})
}

// reply lets the store answer for some of what it holds.
func (c *chaos) reply(rt *rapid.T) {
	n := rapid.IntRange(0, len(c.r.held)).Draw(rt, "answers")
	for range n {
		o := c.r.held[0]
		c.r.held = c.r.held[1:]
		var err error
		if rapid.IntRange(0, 5).Draw(rt, "store") == 0 {
			err = errors.New("disk full")
		}
		c.r.do(queue.Event{Kind: queue.EventCommitted, Offer: o, Err: err})
	}
}

func (c *chaos) onOffer(rt *rapid.T) {
	if len(c.r.offers) == 0 {
		return
	}
	recent := c.r.offers[max(0, len(c.r.offers)-8):]
	o := rapid.SampledFrom(recent).Draw(rt, "offer")
	ev := queue.Event{Offer: o.ID, Outcome: rapid.SampledFrom([]call.Outcome{
		call.OutcomeMissed, call.OutcomeBusy, call.OutcomeWithdrawn, call.OutcomeMedia,
	}).Draw(rt, "outcome")}
	ev.Kind = rapid.SampledFrom([]queue.EventKind{
		queue.EventAnswered, queue.EventAnswered, queue.EventBridged, queue.EventBridged, queue.EventMissed, queue.EventFinal,
		queue.EventRelease, queue.EventAgentLost, queue.EventPark, queue.EventResume, queue.EventHeld, queue.EventUndelivered,
	}).Draw(rt, "event")
	c.r.do(ev)
}

func (c *chaos) onAgent(rt *rapid.T) {
	a := rapid.SampledFrom(c.agents).Draw(rt, "agent")
	on := rapid.Bool().Draw(rt, "on")
	switch rapid.IntRange(0, 4).Draw(rt, "what") {
	case 0:
		c.r.console(a, on)
	case 1:
		c.r.reach(a, rapid.IntRange(0, 1).Draw(rt, "devices"))
	case 2:
		c.r.do(queue.Event{Kind: queue.EventOccupy, Agent: a, On: on})
	default:
		c.r.set(a, rapid.SampledFrom([]queue.AgentState{queue.AgentReady, queue.AgentReady, queue.AgentNotReady}).Draw(rt, "state"), "")
	}
}

func (c *chaos) onItem(rt *rapid.T) {
	if c.items == 0 {
		return
	}
	ev := queue.Event{
		ItemID:   queue.ItemID(fmt.Sprintf("i%d", rapid.IntRange(1, c.items).Draw(rt, "item"))),
		Agent:    rapid.SampledFrom(c.agents).Draw(rt, "agent"),
		Priority: rapid.IntRange(0, 3).Draw(rt, "priority"),
		To: queue.Destination{
			Queue: rapid.SampledFrom([]string{"", "support", "payments"}).Draw(rt, "to"), Fresh: rapid.Bool().Draw(rt, "fresh"),
			Agent: rapid.SampledFrom(append([]account.ID{"", "nobody"}, c.agents...)).Draw(rt, "to agent"),
			Skill: rapid.SampledFrom([]string{"", "", "", "fr"}).Draw(rt, "skill"), Level: rapid.IntRange(-1, 3).Draw(rt, "level"),
		},
	}
	ev.Kind = rapid.SampledFrom([]queue.EventKind{
		queue.EventClaim, queue.EventClaim, queue.EventTransfer, queue.EventPriority, queue.EventLeave, queue.EventWithdraw,
	}).Draw(rt, "request")
	c.r.do(ev)
}

func (c *chaos) sleep(rt *rapid.T) {
	c.r.sleep(time.Duration(rapid.IntRange(1, 30_000).Draw(rt, "ms")) * time.Millisecond)
}

func (c *chaos) configure(rt *rapid.T) {
	agents := auto(c.agents...)
	agents[0].Skills = map[string]int{"fr": rapid.IntRange(0, 3).Draw(rt, "fr")}
	wrap := time.Duration(rapid.IntRange(0, 5).Draw(rt, "wrap")) * time.Second
	c.r.do(queue.Event{Kind: queue.EventConfigure, Queues: c.queues(wrap), Agents: agents})
}

func (c *chaos) check(rt *rapid.T) {
	has := map[queue.ItemID]account.ID{}
	for _, a := range c.agents {
		v, ok := c.r.c.AgentView(a)
		if !ok {
			continue
		}
		weight, taken, perChannel := 0, 0, map[call.Channel]int{} // taken: without the chats that came back to him
		for _, w := range v.Text {
			if other, twice := has[w.Item]; twice && w.Accepted {
				rt.Fatalf("%s is at %s and %s", w.Item, other, a)
			}
			if w.Accepted {
				has[w.Item] = a
			}
			if w.Accepted && !w.Parked {
				weight += queue.DefaultLimit(w.Channel).Weight
				if !c.back[w.Item] {
					taken += queue.DefaultLimit(w.Channel).Weight
					perChannel[w.Channel]++
				}
			}
		}
		if weight != v.Load || taken > 100 {
			rt.Fatalf("%s: load %d, weights %d: %+v", a, v.Load, weight, v.Text)
		}
		for ch, n := range perChannel {
			if n > queue.DefaultLimit(ch).Max {
				rt.Fatalf("%s: %d of %s", a, n, ch)
			}
		}
		if weight > 0 && (v.State == queue.AgentConnecting || v.State == queue.AgentTalking || v.State == queue.AgentHolding) {
			rt.Fatalf("%s is %s with %+v", a, v.State, v.Text)
		}
	}
	c.r.conserved("support")
	c.r.conserved("payments")
	for id, n := range c.r.closed {
		if n != 1 || len(c.r.ended(id)) != 1 {
			rt.Fatalf("%s ended %v, closed %d times", id, c.r.ended(id), n)
		}
	}
}

// drain ends everything, and sees that nothing is left behind.
func (c *chaos) drain(rt *rapid.T) {
	for i := range c.items {
		c.r.do(queue.Event{Kind: queue.EventLeave, ItemID: queue.ItemID(fmt.Sprintf("i%d", i+1)), Reason: call.EndAnswered})
	}
	c.r.answerStore(nil)
	for _, o := range c.r.offers {
		c.r.offer(queue.EventFinal, o.ID)
	}
	c.r.sleep(2 * time.Minute)
	c.check(rt)
	for _, a := range c.agents {
		c.r.do(queue.Event{Kind: queue.EventOccupy, Agent: a})
		c.r.console(a, true)
		c.r.reach(a, 0)
		c.r.reach(a, 1)
		c.r.set(a, queue.AgentReady, "")
		c.r.wantState(a, queue.AgentReady, "")
		c.r.wantDesk(a, " =0")
	}
	// The shares are right again: two mails start, the third is for the reserve.
	for i, want := range []string{"active", "active", "waiting"} {
		id := queue.ItemID(fmt.Sprintf("mail%d", i))
		c.r.mail(id)
		if got, _ := c.r.c.ItemState(id); got != want {
			rt.Fatalf("%s: got %s, want %s\n%s", id, got, want, c.r.c.Fingerprint())
		}
	}
	late := func(it *queue.Item) { it.DueAt = c.r.now }
	c.r.text("late1", call.ChannelTicket, late)
	c.r.text("late2", call.ChannelTicket, late)
	for id, want := range map[queue.ItemID]string{"late1": "active", "late2": "waiting"} { // 20 % of three is one agent
		if got, _ := c.r.c.ItemState(id); got != want {
			rt.Fatalf("%s: got %s, want %s\n%s", id, got, want, c.r.c.Fingerprint())
		}
	}
}
