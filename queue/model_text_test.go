package queue_test

import (
	"fmt"
	"time"

	"pickup/call"
	"pickup/queue"
)

// invariants are those of the desk: no weight above the capacity, no item with
// two agents, nothing active beside a call.
func (m *pair) invariants(rt dice) {
	has := map[queue.ItemID]bool{}
	for _, a := range m.n.agents {
		v, _ := m.r.c.AgentView(a.id)
		weight := 0
		perChannel := map[call.Channel]int{}
		for _, w := range v.Text {
			if has[w.Item] {
				rt.Fatalf("%s has two agents", w.Item)
			}
			has[w.Item] = true
			if w.Accepted && !w.Parked {
				weight += nLimits[w.Channel].Weight
				perChannel[w.Channel]++
			}
		}
		if v.Load != weight || weight > 100 || perChannel[call.ChannelChat] > 3 || perChannel[call.ChannelEmail] > 1 {
			rt.Fatalf("desk of %s: load %d, weights %d: %+v", a.id, v.Load, weight, v.Text)
		}
		if weight > 0 && (v.State == queue.AgentConnecting || v.State == queue.AgentTalking) {
			rt.Fatalf("%s is %s with %+v", a.id, v.State, v.Text)
		}
	}
}

// atDesk draws a text item that an agent has or is shown.
func (m *pair) atDesk(rt dice) *nText {
	var all []*nText
	for _, a := range m.n.agents {
		all = append(all, a.text...)
	}
	if len(all) == 0 {
		return nil
	}
	return all[rt.roll(0, len(all)-1, "text")]
}

func (m *pair) console(rt dice) {
	a := oneOf(rt, m.n.agents, "agent")
	open := rt.roll(0, 2, "open") > 0
	m.both(queue.Event{Kind: queue.EventConsole, Agent: a.id, On: open}, func() { m.n.setConsole(a, open) })
}

func (m *pair) answerText(rt dice) {
	t := m.atDesk(rt)
	if t == nil {
		return
	}
	o := m.text[t.item.id]
	if got := m.both(queue.Event{Kind: queue.EventAnswered, Offer: o}, func() { m.n.answeredText(t) }).OK; !got {
		rt.Fatalf("answered %s: got false", t.item.id)
	}
	m.both(queue.Event{Kind: queue.EventBridged, Offer: o}, func() {
		if t.phase == "connecting" {
			t.phase, t.item.state, t.item.bridged = "active", "active", true
		}
	})
}

func (m *pair) missText(rt dice) {
	t := m.atDesk(rt)
	if t == nil {
		return
	}
	out := oneOf(rt, []call.Outcome{
		call.OutcomeMissed, call.OutcomeRejected, call.OutcomeBusy, call.OutcomeUnreachable, call.OutcomeWithdrawn,
	}, "outcome")
	m.both(queue.Event{Kind: queue.EventMissed, Offer: m.text[t.item.id], Outcome: out}, func() {
		if t.phase == "open" {
			m.n.missedText(t, out, false)
		}
	})
}

func (m *pair) lostText(rt dice) {
	t := m.atDesk(rt)
	if t == nil {
		return
	}
	out := oneOf(rt, []call.Outcome{call.OutcomeRejected, call.OutcomeUnreachable, call.OutcomeNone}, "outcome")
	m.both(queue.Event{Kind: queue.EventAgentLost, Offer: m.text[t.item.id], Outcome: out}, func() { m.n.lostText(t, out) })
}

func (m *pair) hangupText(rt dice) {
	t := m.atDesk(rt)
	if t == nil {
		return
	}
	m.both(queue.Event{Kind: queue.EventRelease, Offer: m.text[t.item.id], Reason: call.EndAnswered}, func() {
		if t.phase != "open" {
			m.n.drop(t)
			t.item.state = "ended"
		}
	})
}

func (m *pair) park(rt dice) {
	t := m.atDesk(rt)
	if t == nil {
		return
	}
	ok := false
	got := m.both(queue.Event{Kind: queue.EventPark, Offer: m.text[t.item.id]}, func() { ok = m.n.park(t) })
	if (got.Err == nil) != ok {
		rt.Fatalf("park %s: got %v, want ok %t", t.item.id, got.Err, ok)
	}
}

func (m *pair) resume(rt dice) {
	t := m.atDesk(rt)
	if t == nil {
		return
	}
	ok := false
	got := m.both(queue.Event{Kind: queue.EventResume, Offer: m.text[t.item.id]}, func() { ok = m.n.resume(t) })
	if (got.Err == nil) != ok {
		rt.Fatalf("resume %s: got %v, want ok %t", t.item.id, got.Err, ok)
	}
}

// anyItem draws an item that ever was.
func (m *pair) anyItem(rt dice) *nItem {
	if m.items == 0 {
		return nil
	}
	return m.n.find(queue.ItemID(fmt.Sprintf("i%03d", rt.roll(1, m.items, "item"))))
}

func (m *pair) claim(rt dice) {
	it := m.anyItem(rt)
	if it == nil {
		return
	}
	a := oneOf(rt, m.n.agents, "agent")
	ok := false
	got := m.both(queue.Event{Kind: queue.EventClaim, ItemID: it.id, Agent: a.id}, func() { ok = m.n.claim(it, a) })
	if (got.Err == nil) != ok {
		rt.Fatalf("claim %s: got %v, want ok %t", it.id, got.Err, ok)
	}
}

func (m *pair) transfer(rt dice) {
	it := m.anyItem(rt)
	if it == nil {
		return
	}
	to := queue.Destination{
		Queue: oneOf(rt, []string{"", "support", "payments"}, "to"), Fresh: (rt.roll(0, 1, "fresh") == 1),
	}
	switch rt.roll(0, 3, "whom") {
	case 0:
		to.Skill, to.Level = "x", rt.roll(0, 3, "level")
	case 1, 2:
		to.Agent = oneOf(rt, m.n.agents, "agent").id
	}
	ok := false
	got := m.both(queue.Event{Kind: queue.EventTransfer, ItemID: it.id, To: to}, func() { ok = m.n.transfer(it, to) })
	if (got.Err == nil) != ok {
		rt.Fatalf("transfer %s to %+v: got %v, want ok %t", it.id, to, got.Err, ok)
	}
}

func (m *pair) priority(rt dice) {
	it := m.anyItem(rt)
	if it == nil || it.state == "ended" {
		return
	}
	p := rt.roll(0, 3, "priority")
	m.both(queue.Event{Kind: queue.EventPriority, ItemID: it.id, Priority: p}, func() {
		if !m.n.fifo {
			it.key -= int64(p-it.priority) * time.Minute.Milliseconds()
		}
		it.priority = p
	})
}
