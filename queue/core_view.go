package queue

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pickup/account"
)

// agentView copies an agent for screens.
func (c *Core) agentView(a *agent) AgentView {
	v := AgentView{
		ID: a.ID, Login: a.Login, Name: a.Name, State: a.shown, Reason: a.shownReason,
		Since: a.since, Devices: a.devices, Silent: a.silent, CallID: a.engagedIn, NextState: a.next, Console: a.console, Load: a.load, Limits: a.effective,
	}
	for _, r := range a.text {
		v.Text = append(v.Text, c.textWork(r))
	}
	if r := a.res; r != nil {
		v.Offer = r.id
		if r.state != resReleasing {
			v.CallID = r.item.CallID
		}
	}
	if a.wrapping {
		v.WrapUpUntil = c.start.Add(time.Duration(a.wrapAt))
	}
	return v
}

func (c *Core) textWork(r *reservation) TextWork {
	e := r.item
	return TextWork{
		Item: e.ID, Offer: r.id, Channel: e.Channel, Queue: e.q.key, TicketID: e.TicketID, InteractionID: e.InteractionID,
		Since: c.start.Add(time.Duration(r.wonAt)), Accepted: r.state == resAccepted, Parked: r.parked,
	}
}

// AgentView returns a copy of an agent; false when there is none.
func (c *Core) AgentView(id account.ID) (AgentView, bool) {
	a := c.agents[id]
	if a == nil || a.removed {
		return AgentView{}, false
	}
	return c.agentView(a), true
}

// Waiting returns what waits or is offered in a queue ("": in all), in order,
// limit at most (0: all).
func (c *Core) Waiting(queue string, limit int) []WaitingItem {
	var all []*entry
	for name, q := range c.lines {
		if queue == "" || name == strings.ToLower(queue) {
			for slot := range q.ages {
				all = append(all, q.ages[slot].s...)
			}
		}
	}
	slices.SortFunc(all, func(a, b *entry) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	lines := map[*line]*lineCount{}
	var out []WaitingItem
	for _, e := range all {
		if limit > 0 && len(out) == limit {
			break
		}
		n := lines[e.q]
		if n == nil {
			n = &lineCount{}
			lines[e.q] = n
		}
		out = append(out, e.waitingItem(n.next(e)))
	}
	return out
}

func (e *entry) waitingItem(position int) WaitingItem {
	w := WaitingItem{
		ID: e.ID, Channel: e.Channel, Queue: e.q.key, Position: position, Class: e.Class, Key: e.Key, Priority: e.Priority,
		EnqueuedAt: e.EnqueuedAt, DueAt: e.DueAt, Needs: e.needs.first(), Any: e.needs, Language: e.Language, CallID: e.CallID,
		TicketID: e.TicketID, InteractionID: e.InteractionID, Preferred: e.Preferred,
		Promoted: e.promoted,
	}
	for _, r := range e.live() {
		w.Asked = append(w.Asked, r.agent.ID)
	}
	if len(w.Asked) > 0 {
		w.Offered = w.Asked[0]
	}
	return w
}

// ItemState returns where a live item stands: waiting, parked (not before its
// time), offered, connecting or talking (text: active, or aside where its agent
// parked it), and its class; "" when it is not live.
func (c *Core) ItemState(id ItemID) (string, Class) {
	e := c.items[id]
	if e == nil {
		return "", 0
	}
	switch {
	case e.setAside():
		return "aside", e.Class
	case e.lane.text() && e.state == itemTalking:
		return "active", e.Class
	}
	return itemStateNames[e.state], e.Class
}

// places tells where each item of a queue stands, best first, and returns the
// estimate for a newcomer who calls. Who is offered is next (1); who waits counts those
// who wait before him; who talks or is parked has no place.
func (c *Core) places(now time.Time, q *line, tell func(ItemID, Place)) (low, high time.Duration) {
	c.setClock(now)
	waiting := make([]*entry, 0, q.lineLen())
	duty := q.duty
	for slot := range q.ages {
		for _, e := range q.ages[slot].s {
			if e.state == itemWaiting {
				waiting = append(waiting, e)
			} else {
				tell(e.ID, Place{Position: 1, AgentsOnDuty: duty})
			}
		}
	}
	slices.SortFunc(waiting, func(a, b *entry) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	l := ladder{rates: c.measured(q), cal: &q.calibration}
	chats := ladder{rates: c.measuredChats(q), cal: &q.chatCalibration}
	var line lineCount
	for _, e := range waiting {
		n := line.next(e)
		p := Place{Position: n, AgentsOnDuty: duty}
		switch {
		case e.lane == laneChat:
			p.EstimateLow, p.EstimateHigh = chats.announced(n-1, c.ns-e.enqueued)
		case !e.lane.text():
			p.EstimateLow, p.EstimateHigh = l.announced(n-1, c.ns-e.enqueued)
		}
		tell(e.ID, p)
	}
	if line.voice == 0 {
		return 0, 0 // served at once, or by the next who is free
	}
	return l.announced(line.voice, 0)
}

// lineCount counts places: calls and callbacks, chats, and deferred items are
// served apart and have places of their own.
type lineCount struct{ voice, chat, deferred int }

func (n *lineCount) next(e *entry) int {
	place := &n.voice
	switch {
	case e.lane.interruptible():
		place = &n.deferred
	case e.lane.text():
		place = &n.chat
	}
	*place++
	return *place
}

// Fingerprint writes the state that the offer protocol depends on, without
// ids of offers and without absolute times, so that two runs in the same state
// have the same fingerprint. An agent has at most one reservation, which is
// therefore named by him.
func (c *Core) Fingerprint() string {
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(c.agents)) {
		a := c.agents[id]
		fmt.Fprintf(&b, "agent %s %s %s %q person=%t unreach=%q next=%s/%t dev=%d+%d occ=%t eng=%q rm=%t wrap=%t delay=%t n=%d,%d,%d",
			id, a.shown, a.chosen, a.reason, a.person, a.unreachable, a.next, a.nextPerson, a.devices, a.silent, a.occupied, a.engaged,
			a.removed, a.wrapping, a.delayAt != 0, a.missed, a.rejected, a.dropped)
		if r := a.res; r != nil {
			fmt.Fprintf(&b, " res[%s %s cancel=%d final=%t won=%t talked=%t out=%s judged=%t current=%t]", r.item.ID, resStateNames[r.state],
				r.cancel, r.final, r.won, r.talked, r.outcome, r.judged != nil, r.item.has(r))
		}
		if a.console || len(a.text) > 0 {
			fmt.Fprintf(&b, " console=%t load=%d mc=%d", a.console, a.load, a.missedChat)
			for _, r := range a.text {
				fmt.Fprintf(&b, " text[%s %s cancel=%d parked=%t call=%t]", r.item.ID, resStateNames[r.state], r.cancel, r.parked, r.byCall)
			}
		}
		b.WriteByte('\n')
	}
	idle := make([]*agent, 0, len(c.agents))
	for _, a := range c.agents {
		idle = append(idle, a)
	}
	slices.SortFunc(idle, func(a, b *agent) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	b.WriteString("idle")
	for _, a := range idle {
		b.WriteByte(' ')
		b.WriteString(string(a.ID))
	}
	items := make([]*entry, 0, len(c.items))
	for _, e := range c.items {
		items = append(items, e)
	}
	slices.SortFunc(items, func(a, b *entry) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	for _, e := range items {
		fmt.Fprintf(&b, "\nitem %s %s class=%d bridged=%t held=%t over=%t closed=%t", e.ID, itemStateNames[e.state], e.Class,
			e.bridged, e.held, e.overdue, e.q.closed)
		if e.heldFor != nil {
			fmt.Fprintf(&b, " for=%s", e.heldFor.ID)
		}
		for _, id := range slices.Sorted(maps.Keys(e.tries)) {
			fmt.Fprintf(&b, " tried=%s:%d", id, e.tries[id])
		}
	}
	return b.String()
}
