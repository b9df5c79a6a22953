package queue

import (
	"cmp"
	"slices"
	"time"

	"pickup/call"
)

// MaxRingMost bounds how many agents ring for one call: each has to be told, and
// told that it is over.
const MaxRingMost = 20

const (
	ringMost = 10
	ringStep = 5 * time.Second
)

// inOrder compares items for a sort by the order of the queue.
func inOrder(a, b *entry) int {
	if a.before(b) {
		return -1
	}
	return 1
}

// live returns the offers of an item that are committing, offered or accepted, in
// the order in which they were made.
func (e *entry) live() []*reservation {
	if e.current == nil {
		return nil
	}
	return append([]*reservation{e.current}, e.others...)
}

// has reports whether an offer is one of an item's live ones.
func (e *entry) has(r *reservation) bool {
	return r != nil && (e.current == r || slices.Contains(e.others, r))
}

// take adds a live offer.
func (e *entry) take(r *reservation) {
	taken := func(branch int) bool {
		return slices.ContainsFunc(e.live(), func(o *reservation) bool { return o.branch == branch })
	}
	for taken(r.branch) {
		r.branch++
	}
	if e.current == nil {
		e.current = r
		return
	}
	e.others = append(e.others, r)
}

// drop takes an offer that is over from those of its item.
func (e *entry) drop(r *reservation) {
	switch i := slices.Index(e.others, r); {
	case i >= 0:
		e.others = slices.Delete(e.others, i, i+1)
	case e.current == r && len(e.others) > 0:
		e.current = e.others[0]
		e.others = slices.Delete(e.others, 0, 1)
	case e.current == r:
		e.current = nil
	}
}

// detachAll detaches every live offer of an item but one.
func (c *Core) detachAll(e *entry, but *reservation, tell bool) {
	if len(e.others) == 0 {
		if e.current != but {
			c.detach(e.current, tell)
		}
		return
	}
	for _, r := range e.live() {
		if r != but {
			c.detach(r, tell)
		}
	}
}

// boundRoom bounds how many agents are asked at a time: the owner of the item has
// room for an offer and the end of it of each, and for its own end.
func (e *entry) boundRoom(room int) {
	e.most = 1
	switch {
	case e.Channel != call.ChannelCall || e.Consult: // a callback rings the player first
	case room == 0:
		e.most = MaxRingMost
	default:
		e.most = max(1, min((room-2)/2, MaxRingMost))
	}
}

// mostRinging is how many agents may be asked for an item at a time.
func (e *entry) mostRinging() int {
	if !e.q.Strategy.several() {
		return 1
	}
	return min(e.most, cmp.Or(e.q.RingMost, ringMost))
}

// ringMore asks more agents for the calls of this step that ring several. It comes
// after everybody who waits had his turn.
func (c *Core) ringMore() {
	if len(c.ringing) > 1 {
		slices.SortFunc(c.ringing, inOrder)
	}
	for _, e := range c.ringing {
		if e.state != itemOffered {
			continue
		}
		opening := e.opening
		e.opening = false
		c.ringStep(e, opening)
		c.armStep(e)
	}
	clear(c.ringing)
	c.ringing = c.ringing[:0]
}

// armStep sets the timer at which more agents are asked, if more may be.
func (c *Core) armStep(e *entry) {
	e.stepAt = 0
	if 1+len(e.others) < e.mostRinging() {
		e.stepAt = c.ns + int64(cmp.Or(e.q.RingStep, ringStep))
		c.arm(timer{at: e.stepAt, kind: timerStep, item: e})
	}
}

// ringStep asks who comes next: by StrategyRingAll all who are as good as he is,
// in the beginning as good as the first. Nobody is asked again while the others
// ring who were tried less.
func (c *Core) ringStep(e *entry, opening bool) {
	all, most := e.q.Strategy == StrategyRingAll, e.mostRinging()
	if opening && !all {
		return
	}
	var tries, rank int
	set := opening
	if opening {
		tries, rank = e.tries[e.current.agent.ID], e.q.members[e.current.agent.ID].Rank
	}
	for 1+len(e.others) < most {
		a := c.agentFor(e)
		if a == nil || e.tries[a.ID] > e.round {
			return
		}
		is := e.q.members[a.ID].Rank
		if set && (e.tries[a.ID] != tries || is != rank) {
			return
		}
		tries, rank, set = e.tries[a.ID], is, true
		c.offerFor(e, a, false)
		if !all {
			return
		}
	}
}

// offered is how many offers of an item are live.
func (c *Core) offered(id ItemID) int {
	if e := c.items[id]; e != nil && e.current != nil {
		return 1 + len(e.others)
	}
	return 0
}
