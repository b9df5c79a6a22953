package queue

import (
	"strings"
	"time"

	"pickup/call"
)

// retryStore is how long an item rests when its offer could not be stored or
// could not be told.
const retryStore = time.Second

// join puts an item in its queue, or refuses it.
func (c *Core) join(it Item, room int) {
	q := c.lines[strings.ToLower(it.Queue)]
	switch {
	case q == nil || q.removed:
		c.reply(answer{Err: ErrUnknownQueue})
		return
	case q.closed:
		c.reply(answer{Err: ErrClosed})
		return
	case it.ID == "" || c.items[it.ID] != nil:
		c.reply(answer{Err: ErrGone})
		return
	}
	it.Queue = q.key
	l := laneOf(it.Channel)
	promoted := l.interruptible() && it.Class == ClassLive && it.Key != 0
	it.Class = ClassDeferred
	switch {
	case it.Front:
		it.Class = ClassRepair
	case it.Channel.Live() || promoted || c.byArrival():
		it.Class = ClassLive
	}
	if it.EnqueuedAt.IsZero() {
		it.EnqueuedAt = c.now
	}
	e := &entry{Item: it, q: q, enqueued: c.rel(it.EnqueuedAt), lane: l, slot: slotOf(it.Channel), promoted: promoted}
	e.boundRoom(room)
	c.place(e)
	c.boundPreferred(e)
	it = e.Item
	switch {
	case !it.CountsAsOffered: // he has waited already, and keeps his place
	case it.Channel.Live() && it.Channel != call.ChannelCallback && !q.Hours.Allows(c.now):
		c.turnAway(e, call.EndClosed, ErrClosed)
		return
	case q.MaxLength > 0 && q.waiting() >= q.MaxLength && e.onLine(): // what is written is never turned away
		c.turnAway(e, call.EndOverflowFull, ErrFull)
		return
	}
	if it.CountsAsOffered {
		e.tally().Offered++
	} else {
		e.tally().Rejoined++
	}
	q.live++
	e.tally().Live++
	if l.text() {
		q.text++
	}
	c.items[it.ID] = e
	c.needNow(e)
	e.class = c.classOf(e)
	c.decideItem(DecisionEnqueue, e)
	c.joined(&it)
	if a := c.agents[it.Holder]; a != nil && l.text() {
		c.giveAgain(e, a)
		return
	}
	c.armOver(e)
	c.wait(e)
	c.newcomer = e
}

// turnAway refuses an item at the door: it counts as offered, and has ended.
func (c *Core) turnAway(e *entry, reason call.EndReason, err error) {
	e.tally().Offered++
	e.tally().end(reason)
	c.decideItem(DecisionEnqueue, e)
	c.decideEnd(e, reason)
	c.reply(answer{Err: err})
}

// armOver sets the timer of the maximum wait. A callback has no maximum: its
// promise has an end of its own. Who is in repair had an agent.
func (c *Core) armOver(e *entry) {
	e.overAt, e.overdue = 0, false
	if e.q.MaxWait > 0 && e.Class == ClassLive && e.onLine() {
		e.overAt = e.enqueued + int64(e.q.MaxWait)
		c.arm(timer{at: e.overAt, kind: timerOver, item: e})
	}
}

// overTime ends an item that waited too long. One that is offered gets its
// chance: it ends when the offer fails.
func (c *Core) overTime(e *entry) {
	switch e.state {
	case itemWaiting, itemParked:
		c.finish(e, call.EndOverflowTime, true)
	case itemOffered:
		e.overdue = true
	}
}

// wait parks the item until its NotBefore, or lets it be offered.
func (c *Core) wait(e *entry) {
	c.countHeld(e, false)
	if at := c.rel(e.NotBefore); at > c.ns {
		e.state = itemParked
		e.parkAt = at
		c.countWaiting(e, false)
		c.arm(timer{at: at, kind: timerNotBefore, item: e})
		return
	}
	c.enter(e)
}

// again lets an item wait again unless other agents are being asked for it.
func (c *Core) again(e *entry) {
	if e.current == nil {
		c.requeue(e)
	}
}

// requeue lets an item without a live offer wait again in its place.
func (c *Core) requeue(e *entry) {
	e.current, e.others = nil, nil
	switch {
	case e.q.closed:
		c.finish(e, call.EndClosed, true)
	case e.overdue:
		c.finish(e, call.EndOverflowTime, true)
	default:
		c.decideItem(DecisionRequeue, e)
		c.wait(e)
	}
}

// place computes the key and the deadline of an item that has none.
func (c *Core) place(e *entry) {
	target := e.Target
	if target <= 0 {
		target = e.q.TargetOf(e.Channel)
	}
	if c.byArrival() {
		e.Key = e.EnqueuedAt.UnixMilli()
	}
	if e.Key == 0 {
		e.Key = e.EnqueuedAt.UnixMilli() + target.Milliseconds() - int64(e.Priority-1)*stepMS
	}
	if e.lane.interruptible() {
		if e.DueAt.IsZero() {
			e.DueAt = e.EnqueuedAt.Add(target)
		}
		e.dueAt = c.rel(e.DueAt)
	}
}

// stepMS is what one step of priority moves the key by.
const stepMS = 60_000

// boundPreferred bounds the time that an item waits for its preferred agent.
func (c *Core) boundPreferred(e *entry) {
	if e.Preferred == "" {
		return
	}
	bound := 20 * time.Second
	switch {
	case e.lane == laneChat:
		bound = time.Minute
	case e.lane.text():
		bound = 30 * time.Minute
	}
	end := c.now.Add(bound)
	if e.PreferredUntil.After(end) || e.PreferredUntil.IsZero() && e.lane.text() {
		e.PreferredUntil = end
	}
}

// promoteGrace is the target of a deferred item past its deadline.
const promoteGrace = 120 * time.Second

// promote makes a deferred item live: its deadline has passed.
func (c *Core) promote(e *entry) {
	e.promoted, e.Class = true, ClassLive
	e.Key = c.now.Add(promoteGrace).UnixMilli()
	c.decideItem(DecisionUpdate, e)
}

// needNow computes what an item needs now, which members it may go to, and when
// that changes next.
func (c *Core) needNow(e *entry) {
	wait, next := c.ns-e.enqueued, int64(0)
	e.needs, next = e.q.asks(&e.Item, e.Needs, wait)
	e.ring = 0
	for _, d := range e.q.delays {
		if d > wait && e.Class != ClassRepair {
			if next == 0 || d < next {
				next = d
			}
			break
		}
		e.ring = d
	}
	at := int64(0)
	if next > 0 {
		at = e.enqueued + next
	}
	if at != e.relaxAt && at > 0 {
		c.arm(timer{at: at, kind: timerRelax, item: e})
	}
	e.relaxAt = at
}

// relax lowers what an item needs, and lets it go to more members, as its wait has
// grown. Nothing happens where the same agents can take it.
func (c *Core) relax(e *entry) {
	if c.needNow(e); c.classOf(e) != e.class {
		c.reheap(e, func() {})
	}
}

// pushGeneral offers a waiting item to everybody.
func (c *Core) pushGeneral(e *entry) {
	e.class.waiting.push(e)
	c.began(e)
}

// finish ends an item: exactly once, for one reason.
func (c *Core) finish(e *entry, reason call.EndReason, tell bool) {
	if e.state == itemWaiting {
		c.unheap(e)
	}
	c.countWaiting(e, false)
	c.countHeld(e, false)
	e.state = itemEnded
	e.current, e.others = nil, nil
	e.q.live--
	if e.lane.text() {
		e.q.text--
	}
	e.tally().Live--
	e.tally().end(reason)
	if reason.CountsAbandoned() && e.onLine() {
		e.q.stats.abandoned(c.ns, c.ns-e.enqueued)
	}
	if reason.CountsAbandoned() && e.lane == laneChat {
		e.q.chats.abandoned(c.ns, c.ns-e.enqueued)
	}
	delete(c.items, e.ID)
	c.decideEnd(e, reason)
	if tell {
		c.notify(e, Notice{Kind: NoticeEnd, Reason: reason})
	}
	c.effect(EffectClose).Item = e.ID
	if e.q.removed && e.q.live == 0 {
		delete(c.lines, e.q.key)
	}
}

// abandonReason says which kind of abandon it is when the player leaves now
// (telephony 1.3).
func (c *Core) abandonReason(e *entry) call.EndReason {
	switch {
	case e.held:
		return call.EndAbandonedOnHold
	case e.bridged:
		return call.EndAnswered
	case e.state == itemConnecting:
		return call.EndAbandonedRinging
	case time.Duration(c.ns-e.enqueued) < c.cfg.ShortAbandon:
		return call.EndShortAbandoned
	case e.state == itemOffered:
		return call.EndAbandonedRinging
	}
	return call.EndAbandoned
}

// leave ends an item for its owner.
func (c *Core) leave(id ItemID, reason call.EndReason) {
	e := c.items[id]
	if e == nil {
		c.reply(answer{Err: ErrGone})
		return
	}
	if reason == "" {
		reason = c.abandonReason(e)
	}
	if reason == call.EndCallbackRequested && (e.state == itemConnecting || e.state == itemTalking) {
		c.reply(answer{Err: ErrAnswered}) // telephony 1.9, R25
		return
	}
	if e.state == itemTalking {
		c.reply(answer{OK: true, Reason: reason})
		c.endTalk(e.current, reason)
		return
	}
	c.reply(answer{OK: true, Reason: reason})
	c.detachAll(e, nil, false)
	c.finish(e, reason, false)
}

// withdrawItem takes a waiting item out by hand.
func (c *Core) withdrawItem(id ItemID) {
	e := c.items[id]
	if e == nil || e.state == itemConnecting || e.state == itemTalking {
		c.reply(answer{Err: ErrGone})
		return
	}
	c.reply(answer{OK: true})
	c.detachAll(e, nil, true)
	c.finish(e, call.EndWithdrawn, true)
}

// detach takes the live offer of an item that ends, or that another offer won,
// away from its agent: no blame, his idle rank is kept.
func (c *Core) detach(r *reservation, tell bool) {
	if r == nil {
		return
	}
	switch r.state {
	case resCommitting:
		r.cancel = cancelEnded // applied when the store has answered
		r.outcome = call.OutcomeWithdrawn
		c.decideRes(DecisionReleasing, r)
	case resOffered, resAccepted:
		if tell {
			c.notifyOffer(NoticeWithdraw, r)
		}
		c.toReleasing(r, call.OutcomeWithdrawn)
	}
}
