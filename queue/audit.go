package queue

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pickup/account"
	"pickup/call"
)

// auditSlack is how late a deadline may be before it counts as missed.
const auditSlack = int64(5 * time.Second)

// Audit compares what the queue knows with itself (telephony 1.12): a reserved
// agent has a live lease, an agent and an item know the same reservation, the
// counts of each queue are those of its items and members, and what screens read
// is what is so. What differs is repaired; what was wrong is returned, in words
// for a log, empty when all is well.
func (d *Domain) Audit(ctx context.Context) ([]string, error) {
	got, err := d.ask(ctx, message{event: Event{Kind: EventAudit}})
	if err != nil || got.Text == "" {
		return nil, err
	}
	return strings.Split(got.Text, "\n"), nil
}

// Free ends an offer of a call whose owner is gone: its item ends failed_system,
// its agent has no leg any more and is free (after a talk in wrap-up).
func (d *Domain) Free(o OfferID) { d.tell(Event{Kind: EventFree, Offer: o}) }

// repair is the table of the events of the reconciler.
func (c *Core) repair(ev *Event) {
	if ev.Kind == EventAudit {
		wrong := c.audit()
		c.reply(answer{OK: len(wrong) == 0})
		c.effects[len(c.effects)-1].Text = strings.Join(wrong, "\n")
		return
	}
	if r := c.offers[ev.Offer]; r != nil && !r.item.lane.text() {
		c.freeOffer(r)
	}
}

// freeOffer ends a reservation whose owner is gone, and its item.
func (c *Core) freeOffer(r *reservation) {
	e := r.item
	r.final = true
	switch {
	case r.state == resAccepted && r.talked:
		c.endTalk(r, call.EndFailedSystem)
	case e.state != itemEnded && e.current == r:
		c.detach(r, false)
		c.finish(e, call.EndFailedSystem, true)
	}
	if r.state == resReleasing {
		c.release(r)
	}
}

// audit finds and repairs what contradicts itself.
func (c *Core) audit() []string {
	var wrong []string
	said := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	ids := make([]account.ID, 0, len(c.agents))
	for id := range c.agents {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		c.auditAgent(c.agents[id], said)
	}
	counts := c.headcounts(said)
	for _, name := range slices.Sorted(maps.Keys(c.lines)) {
		q := c.lines[name]
		is := counts[q]
		c.recount(q, "live items", &q.live, is.live, said)
		c.recount(q, "text items", &q.text, is.text, said)
		c.recount(q, "members on duty", &q.duty, is.duty, said)
		for slot := range is.held {
			c.recount(q, "items that agents have", &q.held[slot], is.held[slot], said)
		}
	}
	return wrong
}

// auditAgent looks at one agent's reservation and at what follows from his facts.
func (c *Core) auditAgent(a *agent, said func(string, ...any)) {
	if r := a.res; r != nil {
		switch {
		case c.offers[r.id] != r || r.agent != a || r.state == resReleased:
			said("agent %s is held by an offer that is over", a.ID)
			a.res = nil
		case r.state == resOffered && r.leaseAt+auditSlack < c.ns:
			said("the lease of agent %s is over", a.ID)
			c.withdraw(r, true)
		case r.state == resReleasing && r.reapAt+auditSlack < c.ns:
			said("the legs of agent %s were never final", a.ID)
			c.release(r)
		case r.state == resAccepted && r.item.current != r:
			said("agent %s serves an item that is not his", a.ID)
			r.final = true
			c.toReleasing(r, call.OutcomeNone)
		}
	}
	if a.wrapping && a.wrapAt+auditSlack < c.ns {
		said("the wrap-up of agent %s is over", a.ID)
		c.endWrap(a)
	}
	if state, reason := a.display(); state != a.shown || reason != a.shownReason {
		said("agent %s is shown as %s, and is %s", a.ID, a.shown, state)
		c.settle(a)
	}
	if a.profile != nil && a.available() != a.profile.idle.has(a) {
		said("agent %s is %s, but is asked as if he were not", a.ID, a.shown)
		c.settle(a)
	}
}

// headcount is what a queue has, counted anew.
type headcount struct {
	live, text, duty int
	held             [slots]int
}

// headcounts goes once over all items and agents, whatever the number of queues,
// and repairs which items count as waiting.
func (c *Core) headcounts(said func(string, ...any)) map[*line]*headcount {
	counts := make(map[*line]*headcount, len(c.lines))
	of := func(q *line) *headcount {
		if counts[q] == nil {
			counts[q] = &headcount{}
		}
		return counts[q]
	}
	for _, q := range c.lines {
		of(q)
	}
	for _, e := range c.items {
		n := of(e.q)
		n.live++
		if e.lane.text() {
			n.text++
		}
		if e.inHands {
			n.held[e.slot]++
		}
		c.auditAge(e, said)
	}
	onDuty := map[*profile]int{}
	for _, a := range c.agents {
		if a.counted && a.profile != nil {
			onDuty[a.profile]++
		}
	}
	for p, n := range onDuty {
		for name := range p.ranks {
			if q := c.lines[name]; q != nil {
				of(q).duty += n
			}
		}
	}
	return counts
}

// auditAge compares whether an item counts as waiting with where it is kept.
func (c *Core) auditAge(e *entry, said func(string, ...any)) {
	ages := &e.q.ages[e.slot]
	if in := ages.has(e); in != e.counted {
		said("an item of %s is counted as waiting: %t, and waits: %t", e.q.key, in, e.counted)
		if e.counted {
			ages.push(e)
		} else {
			ages.remove(e)
		}
		c.touch(e.q)
	}
}

func (c *Core) recount(q *line, what string, count *int, is int, said func(string, ...any)) {
	if *count == is {
		return
	}
	said("%s counts %d %s, and has %d", q.key, *count, what, is)
	*count = is
	c.touch(q)
}

// auditCells compares what screens read with what is so; the difference is
// appended to the answer of an audit.
func (d *Domain) auditCells(got *Effect) {
	ix := d.index.Load()
	for id, a := range d.core.agents {
		cell := ix.byID[id]
		if cell == nil {
			continue
		}
		if v := cell.view.Load(); v == nil || v.State != a.shown || v.Reason != a.shownReason || (v.Offer != "") != (a.res != nil) {
			if got.Text != "" {
				got.Text += "\n"
			}
			got.Text += fmt.Sprintf("agent %s is published in another state than %s", id, a.shown)
			now := d.core.agentView(a)
			cell.view.Store(&now)
		}
	}
}
