package queue

import (
	"time"

	"pickup/account"
	"pickup/call"
)

// applyText is the table of the requests that came with text work.
func (c *Core) applyText(ev *Event) {
	switch ev.Kind {
	case EventConsole:
		c.console(ev.Agent, ev.On)
	case EventClaim:
		r, err := c.claim(ev.ItemID, ev.Agent)
		if err != nil {
			c.reply(answer{Err: err})
			return
		}
		c.reply(answer{OK: true, Offer: r.id})
	case EventPriority:
		c.reply(answer{Err: c.setPriority(ev.ItemID, ev.Priority)})
	case EventPark:
		c.reply(answer{Err: c.park(c.offers[ev.Offer])})
	case EventResume:
		c.reply(answer{Err: c.resume(c.offers[ev.Offer])})
	case EventTransfer:
		c.reply(answer{Err: c.transfer(ev.ItemID, ev.To)})
	}
}

// claim gives a waiting item to an agent who asked for it.
func (c *Core) claim(id ItemID, agent account.ID) (*reservation, error) {
	e, a := c.items[id], c.agents[agent]
	switch {
	case e == nil:
		return nil, ErrGone
	case a == nil || a.removed:
		return nil, ErrUnknownAgent
	case e.state != itemWaiting && e.state != itemParked:
		return nil, ErrTaken
	}
	if _, ok := c.can(a, e); !ok {
		return nil, ErrNotAllowed
	}
	if !a.couldTake(e.lane) {
		return nil, ErrNoRoom
	}
	return c.offerFor(e, a, true), nil
}

// couldTake reports whether an item fits beside what he has, ready or not.
func (a *agent) couldTake(l lane) bool {
	if a.res != nil || a.wrapping || a.elsewhere() || a.open != nil {
		return false
	}
	if l.text() {
		return a.room(l)
	}
	return a.devices > 0 && a.unreachable == "" && a.chats() == 0
}

// setPriority moves an item to the place of another priority.
func (c *Core) setPriority(id ItemID, priority int) error {
	e := c.items[id]
	switch {
	case priority < 0 || priority > 3:
		return ErrPriority
	case e == nil:
		return ErrGone
	case e.Priority == priority:
		return nil
	}
	c.reheap(e, func() {
		if !c.byArrival() {
			e.Key -= int64(priority-e.Priority) * stepMS
		}
		e.Priority = priority
	})
	c.decideItem(DecisionUpdate, e)
	return nil
}

// hasText reports whether r is a text item that its agent has.
func (r *reservation) hasText() bool {
	return r != nil && r.item.lane.text() && r.state == resAccepted
}

// park sets an item aside for its agent.
func (c *Core) park(r *reservation) error {
	if !r.hasText() {
		return ErrGone
	}
	a, l := r.agent, r.item.lane
	switch {
	case r.parked:
		return nil
	case a.aside[l] >= a.limits[l].Parked:
		return ErrNoRoom
	}
	c.setAside(r, false)
	c.notifyOffer(NoticeParked, r)
	c.settle(a)
	return nil
}

// resume makes a parked item active again.
func (c *Core) resume(r *reservation) error {
	if !r.hasText() {
		return ErrGone
	}
	a := r.agent
	switch {
	case !r.parked:
		return nil
	case a.res != nil || a.wrapping || !a.room(r.item.lane):
		return ErrNoRoom
	}
	c.takeUp(r)
	c.settle(a)
	return nil
}

// giveAgain gives an item back to the agent who had it before a restart: parked
// where he has no room for it, or until the end of the call that he has. A chat,
// whose customer is there, is not parked for want of room: an offer that came
// before it is taken back.
func (c *Core) giveAgain(e *entry, a *agent) {
	room := a.room(e.lane)
	if e.lane == laneChat && !room && a.open != nil {
		c.withdraw(a.open, true)
	}
	open := a.open // what is on its way to him stays so
	aside, inCall := e.Parked || !room && e.lane != laneChat, a.res != nil || a.wrapping
	r := c.reserve(e, a, "had it before a restart")
	r.auto = true
	c.decideRes(DecisionOffer, r)
	c.takeOver(r)
	switch {
	case aside:
		c.setAside(r, false)
	case inCall:
		c.setAside(r, true)
	default:
		c.activate(r)
	}
	a.open = open
	c.settle(a)
	c.notifyOffer(NoticeOffer, r)
}

// giveBack takes a text item from its agent; it waits again, not before a time.
func (c *Core) giveBack(r *reservation, outcome call.Outcome, notBefore time.Time) {
	e := r.item
	e.NotBefore = notBefore
	c.toReleasing(r, outcome)
	c.requeue(e)
}

// move counts an item in another queue.
func (c *Core) move(e *entry, q *line) {
	old := e.q
	if old == q {
		return
	}
	n := 0
	if e.lane.text() {
		n = 1
	}
	t := e.tally()
	t.MovedOut++
	t.Live--
	old.live--
	old.text -= n
	c.touch(old)
	e.q, e.Queue = q, q.key
	t = e.tally()
	t.MovedIn++
	t.Live++
	q.live++
	q.text += n
	c.touch(q)
	if old.removed && old.live == 0 {
		delete(c.lines, old.key)
	}
}

// renew makes an item a new request: it enters now, with a key of its own.
func (c *Core) renew(e *entry) {
	e.EnqueuedAt, e.enqueued = c.now, c.ns
	e.Key, e.DueAt, e.promoted, e.Front = 0, time.Time{}, false, false
	e.Class = ClassDeferred
	if e.Channel.Live() || c.byArrival() {
		e.Class = ClassLive
	}
	c.place(e)
	c.needNow(e)
}
