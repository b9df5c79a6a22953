package queue

import (
	"strconv"
	"time"

	"pickup/account"
	"pickup/call"
)

// Delays of an agent after an outcome (telephony 1.7).
const (
	busyDelay   = 15 * time.Second
	rejectDelay = 10 * time.Second
)

// offer reserves a for e: both leave the heaps before anybody is told.
func (c *Core) offer(e *entry, a *agent) {
	alone := e.heldFor != nil
	c.offerFor(e, a, false)
	switch {
	case e.mostRinging() < 2:
	case alone: // his own: the others join him at the next step
		e.round = e.tries[a.ID]
		c.armStep(e)
	default:
		e.round, e.opening = e.tries[a.ID], true
		c.ringing = append(c.ringing, e)
	}
}

// offerFor is offer; claimed says that the agent asked for the item.
func (c *Core) offerFor(e *entry, a *agent, claimed bool) *reservation {
	why := c.why(e, a, claimed)
	if e.state == itemWaiting {
		c.unheap(e)
	}
	r := c.reserve(e, a, why)
	r.auto = e.lane.interruptible() || claimed && e.lane.text()
	c.decideRes(DecisionOffer, r)
	if c.cfg.CommitWait >= 0 {
		r.commitAt = c.ns + int64(c.cfg.CommitWait)
		c.arm(timer{at: r.commitAt, kind: timerCommit, res: r})
	}
	c.settle(a)
	return r
}

// reserve makes the reservation of a for e.
func (c *Core) reserve(e *entry, a *agent, why string) *reservation {
	r := &reservation{
		id: c.cfg.OfferIDs(), item: e, agent: a, state: resCommitting,
		ring: c.cfg.RingTime, lease: e.Lease, why: why, wonAt: c.ns, offeredAt: c.ns,
	}
	if e.lane.text() {
		r.ring, r.final = c.cfg.ChatRing, true // no leg has to end
		a.seat(r)
		a.open = r
		c.touchAgent(a)
	} else {
		a.profile.idle.remove(a)
		a.res = r
		e.q.asked(a)
	}
	if r.lease <= 0 {
		r.lease = r.ring + leaseSlack
	}
	r.deadline = c.now.Add(r.lease)
	e.state = itemOffered
	e.take(r)
	c.offers[r.id] = r
	c.countWaiting(e, true)
	return r
}

// why is the text that is shown and stored with an offer.
func (c *Core) why(e *entry, a *agent, claimed bool) string {
	rank := e.q.members[a.ID].Rank
	b := make([]byte, 0, 160)
	switch {
	case claimed:
		b = append(b, "claimed by hand, "...)
	case e.Preferred == a.ID && e.By == "":
		b = append(b, "preferred agent, "...)
	}
	if e.By != "" {
		b = append(b, "transferred by "...)
		b = append(b, e.By...)
		if e.Preferred == a.ID {
			b = append(b, " to this agent"...)
		}
		b = append(b, ", "...)
	}
	if e.promoted {
		b = append(b, "promoted past its deadline, "...)
	}
	met, _ := e.needs.metBy(a.Skills)
	for _, n := range met {
		b = append(b, "skill "...)
		b = append(b, n.Skill...)
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(max(n.Level, 1)), 10)
		b = append(b, ", "...)
	}
	b = c.appendKey(b, e)
	b = append(b, "rank "...)
	b = strconv.AppendInt(b, int64(rank), 10)
	if e.lane.text() {
		b = append(b, c.placed()...)
		b = strconv.AppendInt(b, int64(a.load), 10)
		b = append(b, ", last hour "...)
		b = strconv.AppendInt(b, int64(len(a.recent)), 10)
	}
	b = c.appendChoice(b, e, a)
	if !e.lane.text() && a.load > 0 {
		b = append(b, ", interrupts text"...)
	}
	if n := e.tries[a.ID]; n > 0 {
		b = append(b, ", all others tried"...)
	}
	return string(b)
}

// placed is how written work chose its agent, in words.
func (c *Core) placed() string {
	if c.cfg.Placement == PlacementSpread {
		return ", spread: load "
	}
	return ", packed: load "
}

// appendKey writes why this item: its class and its key, with the numbers that it
// is made of (entered + target - (priority - 1) x 60 s; that of a promoted item is
// made of its deadline).
func (c *Core) appendKey(b []byte, e *entry) []byte {
	number := func(name string, n int64, unit string) {
		b = append(b, name...)
		b = strconv.AppendInt(b, n, 10)
		b = append(b, unit...)
	}
	number("class ", int64(e.Class), ", ")
	number("waited ", (c.ns-e.enqueued)/int64(time.Second), " s, ")
	if !e.promoted {
		number("target ", (e.Key-e.EnqueuedAt.UnixMilli()+int64(e.Priority-1)*stepMS)/1000, " s, ")
	}
	number("priority ", int64(e.Priority), ", ")
	number("key ", e.Key, ", ")
	return b
}

// send tells the owner of the item to ring.
func (c *Core) send(r *reservation, uncommitted bool) {
	if r.auto {
		c.takeOver(r)
		c.activate(r)
		c.settle(r.agent)
		c.notifyOffer(NoticeOffer, r).Uncommitted = uncommitted
		return
	}
	r.state = resOffered
	r.leaseAt = c.ns + int64(r.lease)
	r.deadline = c.now.Add(r.lease)
	c.arm(timer{at: r.leaseAt, kind: timerLease, res: r})
	c.notifyOffer(NoticeOffer, r).Uncommitted = uncommitted
}

// committed is the return of the decision to offer.
func (c *Core) committed(r *reservation, err error) {
	switch {
	case r.state != resCommitting: // it left uncommitted already
	case r.cancel != cancelNone:
		c.applyCancel(r)
	case err == nil:
		c.send(r, false)
	case c.cfg.CommitWait >= 0: // memory is the wall: calls go on
		c.send(r, true)
	default:
		e := r.item
		r.outcome = call.OutcomeWithdrawn
		e.drop(r)
		c.release(r)
		e.NotBefore = c.now.Add(retryStore)
		c.again(e)
	}
}

// applyCancel does what was asked for while the decision was on its way.
func (c *Core) applyCancel(r *reservation) {
	e, requeue := r.item, r.cancel == cancelRequeue && r.item.has(r)
	r.outcome = call.OutcomeWithdrawn
	e.drop(r)
	c.release(r)
	if requeue {
		c.again(e)
	}
}

// withdraw takes an offer back from an agent who went away; the item waits
// again at once.
func (c *Core) withdraw(r *reservation, tell bool) {
	switch r.state {
	case resCommitting:
		if r.cancel == cancelNone {
			r.cancel = cancelRequeue
		}
	case resOffered:
		c.detach(r, tell)
		c.again(r.item)
	}
}

// toReleasing ends an offer. Its agent is free when his legs are final; until
// then a late answer may still win, and the reaper watches.
func (c *Core) toReleasing(r *reservation, outcome call.Outcome) {
	r.state, r.outcome = resReleasing, outcome
	r.item.drop(r)
	if r.final {
		c.release(r)
		return
	}
	c.decideRes(DecisionReleasing, r)
	r.reapAt = c.ns + int64(reapAfter)
	c.arm(timer{at: r.reapAt, kind: timerReap, res: r})
	c.settle(r.agent)
}

// release frees the agent of a reservation.
func (c *Core) release(r *reservation) {
	a := r.agent
	r.state = resReleased
	delete(c.offers, r.id)
	c.decideRes(DecisionRelease, r)
	if r.item.lane.text() {
		c.unseat(r)
		c.settle(a)
		c.forget(a)
		return
	}
	a.res = nil
	if !a.wrapping && (r.talked || a.next != "") {
		c.afterTalk(a)
	}
	c.settle(a)
	c.forget(a)
}

// final: every leg of the agent under r has its final response.
func (c *Core) final(r *reservation) {
	r.final = true
	if r.state == resReleasing {
		c.release(r)
	}
}

// answered is the compare-and-set on the item: the first answer wins while the
// item has no winner, also that of an offer that was taken back (rescue, R7, R8).
func (c *Core) answered(r *reservation) bool {
	e := r.item
	if e.state == itemEnded || r.won {
		return r.state == resAccepted && e.lane.text() // asked twice from the console
	}
	switch r.state {
	case resOffered:
	case resReleasing:
		if e.current != nil && e.current.state == resAccepted {
			return false
		}
		if e.state == itemWaiting {
			c.unheap(e)
		}
		r.takeBack()
	default:
		return false
	}
	c.detachAll(e, r, true) // who else is asked loses it, without blame
	c.accept(r)
	return true
}

// takeBack undoes what was held against the agent of a rescued offer.
func (r *reservation) takeBack() {
	if j, a := r.judged, r.agent; j != nil {
		a.chosen, a.reason, a.person, a.unreachable = j.chosen, j.reason, j.person, j.unreachable
		a.delayAt, a.idle = j.delayAt, j.idle
		if r.item.tries[a.ID] > 0 {
			r.item.tries[a.ID]--
		}
	}
	r.judged = nil
}

func (c *Core) accept(r *reservation) {
	e, a := r.item, r.agent
	r.state, r.won, r.outcome, r.wonAt = resAccepted, true, call.OutcomeAnswered, c.ns
	e.state, e.current, e.others, e.overdue = itemConnecting, r, nil, false
	e.heldFor = nil
	c.countWaiting(e, false)
	c.countHeld(e, true)
	a.rejected = 0
	c.decideRes(DecisionAccept, r)
	if e.lane.text() {
		a.open, a.missedChat = nil, 0
		c.activate(r)
	} else {
		a.missed = 0
		a.tookCall(c.ns)
		c.interrupt(a)
	}
	if a.console {
		c.gotItem(a)
	}
	c.settle(a)
}

// takeOver makes an item the agent's without a choice of his; it is neither
// active nor parked yet.
func (c *Core) takeOver(r *reservation) {
	e, a := r.item, r.agent
	r.state, r.won, r.talked, r.outcome = resAccepted, true, true, call.OutcomeAnswered
	r.wonAt, r.bridgeAt, r.bridgedBefore = c.ns, c.ns, e.bridged
	e.state, e.current, e.bridged, e.heldFor = itemTalking, r, true, nil
	a.open = nil
	c.countWaiting(e, false)
	c.countHeld(e, true)
	c.decideRes(DecisionAccept, r)
	c.decideRes(DecisionBridged, r)
	c.gotItem(a)
}

// missed ends an offer without a winner; the item waits again at once.
func (c *Core) missed(r *reservation, outcome call.Outcome) {
	if r.state != resOffered {
		return
	}
	e := r.item
	c.judge(r, outcome)
	c.toReleasing(r, outcome)
	c.again(e)
}

// judge holds an outcome against the agent (telephony 1.5 to 1.7).
func (c *Core) judge(r *reservation, outcome call.Outcome) {
	a, e := r.agent, r.item
	r.judged = &judgement{
		chosen: a.chosen, reason: a.reason, person: a.person, unreachable: a.unreachable,
		missed: a.missed, rejected: a.rejected, delayAt: a.delayAt, idle: a.idle,
	}
	switch outcome {
	case call.OutcomeMissed:
		a.idle = c.ns
		c.tried(e, a)
		if c.tooManyMissed(e, a) {
			a.stop("no_answer")
		}
	case call.OutcomeRejected:
		a.rejected++
		a.idle = c.ns
		c.tried(e, a)
		if a.rejected >= 2 {
			a.stop("declined")
		} else {
			c.delay(a, rejectDelay)
		}
	case call.OutcomeDND:
		c.tried(e, a)
		a.stop("dnd")
	case call.OutcomeForwarded:
		c.tried(e, a)
		a.stop("forwarded")
	case call.OutcomeBusy:
		c.delay(a, busyDelay)
	case call.OutcomeUnreachable:
		c.unreached(e, a, "no_response")
	case call.OutcomeMedia:
		c.unreached(e, a, "media")
	case call.OutcomeChallenged:
		c.unreached(e, a, "asks_password")
	case call.OutcomeGone: // his other flow is rung next: nothing is held against him
	default:
		r.judged = nil
	}
}

// unreached: a call did not reach the agent's phones. With text that says
// nothing about them.
func (c *Core) unreached(e *entry, a *agent, why string) {
	if e.lane.text() {
		c.tried(e, a)
		return
	}
	c.cutOff(a, why)
}

// tooManyMissed counts a missed offer and reports whether it stops the agent.
func (c *Core) tooManyMissed(e *entry, a *agent) bool {
	if e.lane.text() {
		a.missedChat++
		return c.cfg.MaxMissedChat > 0 && a.missedChat >= c.cfg.MaxMissedChat
	}
	a.missed++
	return c.cfg.MaxMissed > 0 && a.missed >= c.cfg.MaxMissed
}

func (c *Core) tried(e *entry, a *agent) {
	if e.tries == nil {
		e.tries = make(map[account.ID]int, 1)
	}
	e.tries[a.ID]++
}

// deferOffer ends an offer without judging its agent; the item rests.
func (c *Core) deferOffer(r *reservation, until time.Time) {
	if r.state != resOffered {
		return
	}
	e := r.item
	c.toReleasing(r, call.OutcomeWithdrawn)
	e.NotBefore = until
	c.again(e)
}

// bridged: the wait of the item ends.
func (c *Core) bridged(r *reservation) {
	if r.state != resAccepted || r.talked {
		return
	}
	e := r.item
	r.talked, r.bridgeAt, r.bridgedBefore = true, c.ns, e.bridged
	if !e.lane.text() { // a chat says nothing of his phones
		r.agent.fails = 0
	}
	e.state, e.bridged, e.held = itemTalking, true, false
	if e.onLine() {
		e.q.stats.bridged(c.ns, c.ns-e.enqueued)
		c.learnWait(e)
	}
	if e.lane == laneChat {
		e.q.chats.bridged(c.ns, c.ns-e.enqueued)
	}
	c.decideRes(DecisionBridged, r)
	c.touch(e.q)
	c.settle(r.agent)
}

func (c *Core) hold(r *reservation, on bool) {
	if r.state != resAccepted || !r.talked {
		return
	}
	r.item.held = on
	c.settle(r.agent)
}

// agentLost: the agent's leg failed while the player stays, who goes to the
// front. Before an answer (a callback whose player is on the line already) the
// agent is judged as by missed.
func (c *Core) agentLost(r *reservation, outcome call.Outcome) {
	e := r.item
	switch r.state {
	case resOffered:
		c.judge(r, outcome)
	case resAccepted:
		c.lostAfterAnswer(r, outcome)
	default:
		return
	}
	e.Class, e.Front, e.held, e.NotBefore = ClassRepair, true, false, time.Time{}
	e.Lease = 0 // nobody has to be dialled but the agent
	e.overAt = 0
	c.toReleasing(r, outcome)
	c.again(e)
}

// lostAfterAnswer judges an agent who had won.
func (c *Core) lostAfterAnswer(r *reservation, outcome call.Outcome) {
	e, a := r.item, r.agent
	if e.lane.text() {
		if outcome == call.OutcomeRejected || outcome == call.OutcomeMissed {
			c.tried(e, a)
		}
		return
	}
	switch outcome {
	case call.OutcomeMedia:
		c.cutOff(a, "media")
	case call.OutcomeUnreachable:
		c.cutOff(a, "no_response")
	case call.OutcomeRejected: // a mis-click: this bridge does not count
		a.dropped++
		c.tried(e, a)
		if r.talked {
			e.bridged = r.bridgedBefore
		}
		r.talked = false
		a.idle = c.ns
		if a.dropped >= 2 {
			a.stop("dropped")
		}
	default:
		if r.talked {
			c.startWrap(r)
		}
	}
	if outcome != call.OutcomeRejected && r.talked {
		a.idle = c.ns
	}
}

// endTalk: the talk of r is over. The item ends, wrap-up starts.
func (c *Core) endTalk(r *reservation, reason call.EndReason) {
	if r == nil || r.state != resAccepted {
		return
	}
	if reason == "" {
		reason = call.EndAnswered
	}
	e, a := r.item, r.agent
	if r.talked && !e.lane.text() {
		a.idle = c.ns
		a.dropped = 0
		c.startWrap(r)
	}
	if r.talked && e.lane == laneChat {
		e.q.chats.handled(handling{agent: a, line: e.q, at: c.ns, dur: c.ns - r.wonAt})
	}
	c.toReleasing(r, call.OutcomeAnswered)
	c.finish(e, reason, false)
}
