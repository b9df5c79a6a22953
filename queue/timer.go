package queue

import "container/heap"

// timerKind says what is due.
type timerKind int

const (
	timerCommit    timerKind = iota + 1 // the store has not answered for an offer in time
	timerLease                          // an offer was neither answered nor ended by its owner
	timerReap                           // a leg of a withdrawn offer never became final
	timerWrap                           // timed wrap-up ends
	timerDelay                          // delay after busy or reject ends
	timerNotBefore                      // a parked item is due
	timerPrefer                         // an item waited long enough for its preferred agent
	timerOver                           // an item reached the maximum wait of its queue
	timerDue                            // a deferred item reached its deadline
	timerRelax                          // a need is lowered
	timerBack                           // who could not be reached may be tried again
	timerHour                           // an item of an agent is an hour old
	timerStep                           // more agents are asked for a call that rings
)

// timer is one deadline. It is stale, and ignored, when its object no longer
// has that very deadline (telephony 1.1, E2): the deadline is the epoch.
type timer struct {
	at   int64 // ns on the Core's clock
	seq  uint64
	kind timerKind
	res  *reservation
	who  *agent
	item *entry
}

// live reports whether t still means something.
func (t *timer) live() bool {
	switch t.kind {
	case timerCommit:
		return t.res.state == resCommitting && t.res.commitAt == t.at
	case timerLease:
		return t.res.state == resOffered && t.res.leaseAt == t.at
	case timerReap:
		return t.res.state == resReleasing && t.res.reapAt == t.at
	case timerWrap:
		return t.who.wrapping && t.who.wrapAt == t.at
	case timerDelay:
		return t.who.delayAt == t.at
	case timerNotBefore:
		return t.item.state == itemParked && t.item.parkAt == t.at
	case timerPrefer:
		return t.item.state == itemWaiting && t.item.heldFor != nil && t.item.preferAt == t.at
	case timerOver:
		return t.item.overAt == t.at && t.item.state != itemEnded
	case timerDue:
		return t.item.state == itemWaiting && t.item.dueAt == t.at && t.item.Class == ClassDeferred
	case timerRelax:
		return t.item.relaxAt == t.at && t.item.state != itemEnded
	case timerBack:
		return t.who.unreachable != "" && t.who.backAt == t.at
	case timerStep:
		return t.item.state == itemOffered && t.item.stepAt == t.at
	case timerHour:
		return len(t.who.recent) > 0 && t.who.recent[0]+recentWindow == t.at
	}
	return false
}

// timerHeap orders timers by time, then by the order in which they were set.
type timerHeap []timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if h[i].at != h[j].at {
		return h[i].at < h[j].at
	}
	return h[i].seq < h[j].seq
}
func (h timerHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *timerHeap) Push(x any) { *h = append(*h, *x.(*timer)) }

// Pop implements heap.Interface.
func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	t := &(*h)[last]
	popped := *t
	*t = timer{}
	*h = (*h)[:last]
	return &popped
}

func (c *Core) arm(t timer) {
	c.timerSeq++
	t.seq = c.timerSeq
	heap.Push(&c.timers, &t)
}

// due takes the first timer that is live and due at the Core's now.
func (c *Core) due() (timer, bool) {
	for len(c.timers) > 0 && c.timers[0].at <= c.ns {
		t := *heap.Pop(&c.timers).(*timer)
		if t.live() {
			return t, true
		}
	}
	return timer{}, false
}

// fire applies one timer.
func (c *Core) fire(t timer) {
	switch t.kind {
	case timerCommit:
		if t.res.cancel != cancelNone {
			c.applyCancel(t.res)
		} else {
			c.send(t.res, true)
		}
	case timerLease:
		c.alarm("offer was neither answered nor ended within its lease", t.res)
		c.withdraw(t.res, true)
	case timerReap:
		c.alarm("leg of an offer was not final in time: reservation freed by the reaper", t.res)
		c.release(t.res)
	case timerWrap:
		c.endWrap(t.who)
	case timerDelay:
		t.who.delayAt = 0
		c.settle(t.who)
	case timerNotBefore:
		c.requeue(t.item)
	case timerPrefer:
		c.unheap(t.item)
		c.pushGeneral(t.item)
	case timerOver:
		t.item.overAt = 0
		c.overTime(t.item)
	case timerDue:
		c.reheap(t.item, func() { c.promote(t.item) })
	case timerRelax:
		c.relax(t.item)
	case timerBack:
		c.tryAgain(t.who)
	case timerHour:
		c.forgetHour(t.who)
	case timerStep:
		c.ringing = append(c.ringing, t.item)
	}
}

func (c *Core) dropTimer() { heap.Pop(&c.timers) }
