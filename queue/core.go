package queue

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"pickup/account"
	"pickup/call"
)

// reapAfter is how long a leg may take to become final (32 s of a SIP
// transaction and a margin) before the reaper frees its agent.
const reapAfter = 40 * time.Second

// Core is the shared queue itself: events in, effects out. It has no clock, no
// goroutine and does no I/O, and the same events at the same times give the
// same effects, so that a run can be replayed. Domain runs one; a model
// checker may run another. It must be used by one goroutine at a time.
type Core struct {
	cfg   Config
	start time.Time
	now   time.Time
	ns    int64 // now - start, monotonic

	lines       map[string]*line // by lower-case name
	agents      map[account.ID]*agent
	items       map[ItemID]*entry
	offers      map[OfferID]*reservation
	classes     map[needKey]*needClass
	profiles    map[string]*profile
	profileList []*profile
	strangers   map[account.ID]int // devices of users who are not agents (yet)

	timers   timerHeap
	timerSeq uint64
	offerSeq uint64
	reaped   int

	effects     []Effect
	readyItems  []*entry
	freed       []*agent
	dirtyAgents []*agent
	dirtyLines  []*line
}

// NewCore makes an empty Core. cfg.OnChange is not used.
func NewCore(cfg Config) *Core {
	c := &Core{
		cfg:       cfg.withDefaults(),
		lines:     map[string]*line{},
		agents:    map[account.ID]*agent{},
		items:     map[ItemID]*entry{},
		offers:    map[OfferID]*reservation{},
		classes:   map[needKey]*needClass{},
		profiles:  map[string]*profile{},
		strangers: map[account.ID]int{},
	}
	if c.cfg.OfferIDs == nil {
		c.cfg.OfferIDs = func() OfferID {
			c.offerSeq++
			return OfferID("o" + strconv.FormatUint(c.offerSeq, 10))
		}
	}
	return c
}

// Apply applies one event at now, which must not go back, and returns what is
// to be done, in order. Timers due before now do not fire by themselves: send
// EventTick. The returned slice is reused by the next Apply.
func (c *Core) Apply(now time.Time, ev Event) []Effect {
	c.setClock(now)
	clear(c.effects)
	c.effects = c.effects[:0]
	if ev.Kind == EventTick {
		for t, ok := c.due(); ok; t, ok = c.due() {
			c.fire(t)
		}
		c.match() // once: what became possible together is matched in the queue's order
		return c.effects
	}
	c.apply(&ev)
	c.match()
	return c.effects
}

func (c *Core) setClock(now time.Time) {
	if c.start.IsZero() {
		c.start = now
	}
	c.now, c.ns = now, int64(now.Sub(c.start))
}

// Next returns when EventTick is wanted next; false when nothing is pending.
func (c *Core) Next() (time.Time, bool) {
	for len(c.timers) > 0 {
		if c.timers[0].live() {
			return c.start.Add(time.Duration(c.timers[0].at)), true
		}
		c.dropTimer()
	}
	return time.Time{}, false
}

// Reaped is how many reservations the reaper had to free: 0 when every owner of
// an item does its part.
func (c *Core) Reaped() int { return c.reaped }

// apply is the table of events.
func (c *Core) apply(ev *Event) {
	switch ev.Kind {
	case EventConfigure:
		c.configure(ev.Queues, ev.Agents)
		c.reply(Effect{OK: true})
	case EventRestore:
		c.restore(ev.States)
		c.reply(Effect{OK: true})
	case EventJoin:
		c.join(ev.Item)
	case EventLeave:
		c.leave(ev.ItemID, ev.Reason)
	case EventWithdraw:
		c.withdrawItem(ev.ItemID)
	case EventSetState:
		c.reply(Effect{Err: c.setState(ev.Agent, ev.State, ev.StateReason)})
	case EventEndWrapUp:
		c.reply(Effect{Err: c.endWrapUp(ev.Agent)})
	case EventReachable:
		c.reachable(ev.Agent, ev.Devices)
	case EventOccupy:
		if a := c.agents[ev.Agent]; a != nil {
			a.occupied = ev.On
			c.settle(a)
		}
	case EventAnswered:
		won := false
		if r := c.offers[ev.Offer]; r != nil {
			won = c.answered(r)
		}
		c.reply(Effect{OK: won})
	case EventConsole, EventClaim, EventPriority, EventPark, EventResume, EventTransfer:
		c.reply(Effect{Err: errors.ErrUnsupported})
	default:
		if r := c.offers[ev.Offer]; r != nil {
			c.applyOffer(r, ev)
		}
	}
}

// applyOffer is the table of the events of one offer. What is too late finds
// the reservation in another state and is ignored.
func (c *Core) applyOffer(r *reservation, ev *Event) {
	switch ev.Kind {
	case EventRinging:
		r.rang = true
	case EventMissed:
		c.missed(r, ev.Outcome)
	case EventDefer:
		c.deferOffer(r, ev.At)
	case EventFinal:
		c.final(r)
	case EventBridged:
		c.bridged(r)
	case EventHeld:
		c.hold(r, ev.On)
	case EventAgentLost:
		c.agentLost(r, ev.Outcome)
	case EventRelease:
		c.endTalk(r, ev.Reason)
	case EventCommitted:
		c.committed(r, ev.Err)
	case EventUndelivered:
		if r.state == resOffered {
			c.alarm("owner of the item does not read its notices", r)
			r.final = true // nobody was rung
			c.deferOffer(r, c.now.Add(retryStore))
		}
	}
}

// rel turns a time into ns on the Core's clock.
func (c *Core) rel(t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return int64(t.Sub(c.start))
}

func (c *Core) reply(e Effect) {
	e.Kind = EffectReply
	c.effects = append(c.effects, e)
}

func (c *Core) notify(e *entry, n Notice) {
	c.effects = append(c.effects, Effect{Kind: EffectNotice, Item: e.ID, Notice: n})
}

func (c *Core) decide(d Decision) {
	d.At = c.now
	c.effects = append(c.effects, Effect{Kind: EffectCommit, Decision: d})
}

func (c *Core) decideItem(kind DecisionKind, e *entry) {
	c.decide(Decision{Kind: kind, Item: e.Item, QueueID: e.q.ID})
}

func (c *Core) decideRes(kind DecisionKind, r *reservation) {
	c.decide(Decision{
		Kind: kind, Item: r.item.Item, QueueID: r.item.q.ID, Offer: r.id, Agent: r.agent.ID,
		Outcome: r.outcome, Why: r.why, Deadline: r.deadline,
	})
}

func (c *Core) alarm(text string, r *reservation) {
	c.reaped++
	c.effects = append(c.effects, Effect{Kind: EffectAlarm, Text: text, Item: r.item.ID, Offer: r.id, Agent: r.agent.ID})
}

func (c *Core) touch(q *line) {
	if !q.dirty {
		q.dirty = true
		c.dirtyLines = append(c.dirtyLines, q)
	}
}

func (c *Core) touchAgent(a *agent) {
	if !a.dirty {
		a.dirty = true
		c.dirtyAgents = append(c.dirtyAgents, a)
	}
}

// countWaiting keeps the number and the oldest of those who wait or are offered.
func (c *Core) countWaiting(e *entry, on bool) {
	c.touch(e.q)
	if e.counted == on {
		return
	}
	e.counted = on
	n := 1
	if on {
		e.q.ages.push(e)
	} else {
		e.q.ages.remove(e)
		n = -1
	}
	if e.onLine() {
		e.q.waiting += n
	}
}

// oldest returns who is on the line for the longest, or nil.
func (q *line) oldest() *entry {
	if e := q.ages.head(); e != nil && e.onLine() {
		return e
	}
	return nil
}

// Tally returns what entered and left a queue; false when there is no such queue.
func (c *Core) Tally(queue string) (Tally, bool) {
	q := c.lines[strings.ToLower(queue)]
	if q == nil {
		return Tally{}, false
	}
	t := q.tally
	t.Live = q.live
	t.Ended = make(map[call.EndReason]int, len(q.tally.Ended))
	for r, n := range q.tally.Ended {
		t.Ended[r] = n
	}
	return t, true
}
