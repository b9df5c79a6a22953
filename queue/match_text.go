package queue

import "slices"

// accepts reports whether the shares of idle and promoted allow an item of a
// class to go to a, who has room for it.
func (c *Core) accepts(k *needClass, a *agent) bool {
	switch k.key.grade {
	case gradeReserve:
		return a.key.load > 0 || c.spare()
	case gradePromoted:
		return a.promoted > 0 || c.mayHoldPromoted()
	}
	return true
}

// textAgentFor returns the agent who gets a text item now, or nil.
func (c *Core) textAgentFor(e *entry) *agent {
	if a := e.heldFor; a != nil { // his own work: no share is asked
		if a.profile.room[e.lane].has(a) {
			return a
		}
		return nil
	}
	ok := func(a *agent) bool { return c.accepts(e.class, a) }
	if e.class.key.grade == gradeNone {
		ok = nil
	}
	if len(e.tries) == 0 {
		return c.mostPacked(e, ok)
	}
	if a := c.mostPacked(e, func(a *agent) bool { return e.tries[a.ID] == 0 && (ok == nil || ok(a)) }); a != nil {
		return a
	}
	// Everybody eligible has been tried: the one who was tried least.
	var best *agent
	var bestRank int
	for _, f := range e.class.fits {
		for _, a := range f.profile.room[e.lane].s {
			if ok != nil && !ok(a) {
				continue
			}
			n, m := e.tries[a.ID], 0
			if best != nil {
				m = e.tries[best.ID]
			}
			if best == nil || n < m || n == m && f.rank == bestRank && morePacked(e.lane, a, best) {
				best, bestRank = a, f.rank
			}
		}
	}
	return best
}

// mostPacked returns the most packed agent of the best rank whom ok accepts.
func (c *Core) mostPacked(e *entry, ok func(*agent) bool) *agent {
	var best *agent
	var bestRank int
	idleToo := e.class.key.grade != gradeReserve || c.spare()
	for _, f := range e.class.fits {
		if best != nil && f.rank > bestRank {
			break
		}
		h := &f.profile.room[e.lane]
		a := h.head()
		if a == nil || !idleToo && a.key.load == 0 && !a.key.spread { // behind him all are idle
			continue
		}
		if ok != nil {
			a = h.first(ok)
		}
		if a != nil && (best == nil || morePacked(e.lane, a, best)) {
			best, bestRank = a, f.rank
		}
	}
	return best
}

// choice is the best item of a kind that was found for an agent.
type choice struct {
	item *entry
	rank int
}

func (x *choice) offer(e *entry, rank int) {
	if e != nil && (x.item == nil || rank == x.rank && e.before(x.item)) {
		x.item, x.rank = e, rank
	}
}

// over reports whether x goes before o.
func (x choice) over(o choice) bool {
	switch {
	case x.item == nil || o.item == nil:
		return x.item != nil
	case x.rank != o.rank:
		return x.rank < o.rank
	}
	return x.item.before(o.item)
}

// mixedItemFor is itemFor for an agent with a console: a call, a chat or a
// deferred item; none of these last while a call waits that he could take.
func (c *Core) mixedItemFor(a *agent) *entry {
	if a.profile == nil {
		return nil
	}
	voice, text := a.available(), a.textReady()
	if !voice && !text {
		return nil
	}
	fits := func(k lane) bool {
		if !k.text() {
			return voice
		}
		return text && a.profile.room[k].has(a)
	}
	var own *entry
	if a.own != nil {
		own = a.own.first(func(e *entry) bool { return fits(e.lane) && !e.lane.interruptible() })
		if own != nil {
			return own
		}
		own = a.own.first(func(e *entry) bool { return fits(e.lane) })
	}
	var calls, chats, rest choice
	for _, f := range a.profile.fits {
		switch k := f.class; {
		case k.waiting.len() == 0 || !fits(k.lane):
		case !k.lane.text():
			calls.offer(k.waiting.head(), f.rank)
		case !k.lane.interruptible():
			chats.offer(k.waiting.head(), f.rank)
		case c.accepts(k, a):
			rest.offer(k.waiting.head(), f.rank)
		}
	}
	if c.byArrival() {
		return firstOf(own, calls, chats, rest)
	}
	if calls.item != nil {
		if chats.over(calls) {
			return chats.item
		}
		return calls.item
	}
	if own != nil {
		return own
	}
	if chats.over(rest) {
		return chats.item
	}
	return rest.item
}

// firstOf returns what goes before the others: what waits for the agent alone,
// then the best of all kinds.
func firstOf(own *entry, kinds ...choice) *entry {
	if own != nil {
		return own
	}
	var best choice
	for _, k := range kinds {
		if k.over(best) {
			best = k
		}
	}
	return best.item
}

// matchDeferred offers deferred items: those that began to wait, or all when a
// share allows what it did not.
func (c *Core) matchDeferred() {
	if len(c.deferred) == 0 {
		return
	}
	spare, more := c.spare(), c.mayHoldPromoted()
	if spare && !c.wasSpare || more && !c.wasMore {
		c.readyDeferred = slices.DeleteFunc(c.readyDeferred, func(e *entry) bool { return e.heldFor == nil })
		c.matchItems(&c.readyDeferred) // what waits for one agent is not in the lines
		c.matchAllDeferred()
	} else {
		c.matchItems(&c.readyDeferred)
	}
	c.wasSpare, c.wasMore = c.spare(), c.mayHoldPromoted()
}

// matchAllDeferred looks at everything deferred that waits. The heads are
// enough: who stands behind one has the same agents.
func (c *Core) matchAllDeferred() {
	open := slices.Clone(c.deferred)
	for {
		var next *entry
		at := 0
		for i, k := range open {
			if k == nil {
				continue
			}
			if e := k.waiting.head(); e != nil && (next == nil || e.before(next)) {
				next, at = e, i
			}
		}
		if next == nil {
			return
		}
		if a := c.agentFor(next); a != nil {
			c.offer(next, a)
		} else {
			open[at] = nil
		}
	}
}
