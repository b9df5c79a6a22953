package queue

import (
	"maps"
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
	strangers   map[account.ID]stranger
	deferred    []*needClass // of deferred channels
	floor       floorCount
	wasSpare    bool // whether the shares allowed it after the last event
	wasMore     bool

	timers   timerHeap
	timerSeq uint64
	offerSeq uint64
	reaped   int

	effects       []Effect
	readyItems    []*entry // live ones that began to wait in this step
	readyDeferred []*entry // deferred ones
	freed         []*agent
	ringing       []*entry // more agents may be asked for them
	dirtyAgents   []*agent
	dirtyLines    []*line
	newcomer      *entry // who joined in this step
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
		strangers: map[account.ID]stranger{},
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
	c.clearEffects()
	if ev.Kind == EventTick {
		for t, ok := c.due(); ok; t, ok = c.due() {
			c.fire(t)
		}
		c.match() // once: what became possible together is matched in the queue's order
		return c.effects
	}
	c.apply(&ev)
	c.match()
	if e := c.newcomer; e != nil {
		c.newcomer = nil
		if e.state == itemWaiting {
			c.promise(e)
		}
	}
	return c.effects
}

// byArrival reports whether everything is served as it came.
func (c *Core) byArrival() bool { return c.cfg.Order == OrderArrival }

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
		c.reply(answer{OK: true})
	case EventRestore:
		c.restore(ev.States)
		c.reply(answer{OK: true})
	case EventJoin:
		c.join(ev.Item, ev.Room)
	case EventLeave:
		c.leave(ev.ItemID, ev.Reason)
	case EventWithdraw:
		c.withdrawItem(ev.ItemID)
	case EventSetState:
		c.reply(answer{Err: c.setState(ev.Agent, ev.State, ev.StateReason)})
	case EventEndWrapUp:
		c.reply(answer{Err: c.endWrapUp(ev.Agent)})
	case EventReachable:
		c.reachable(ev.Agent, reach{ev.Devices, ev.Silent, ev.StateReason})
	case EventOccupy:
		if a := c.agents[ev.Agent]; a != nil {
			a.occupied = ev.On
			c.settle(a)
		}
	case EventEngage:
		c.reply(answer{Err: c.engage(ev.Agent, ev.Item.CallID, ev.State)})
	case EventEngaged:
		c.engagedAs(ev.Agent, ev.State)
	case EventDisengage:
		c.disengage(ev.Agent, ev.Wrap)
	case EventAnswered:
		won := false
		if r := c.offers[ev.Offer]; r != nil {
			won = c.answered(r)
		}
		c.reply(answer{OK: won})
	case EventConsole, EventClaim, EventPriority, EventPark, EventResume, EventTransfer:
		c.applyText(ev)
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
		c.undelivered(r)
	}
}

// rel turns a time into ns on the Core's clock.
func (c *Core) rel(t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return int64(t.Sub(c.start))
}

// effect returns a new effect to be filled in its place: an Effect is large.
func (c *Core) effect(kind EffectKind) *Effect {
	if n := len(c.effects); n < cap(c.effects) {
		c.effects = c.effects[:n+1] // it is clear
	} else {
		c.effects = append(c.effects, Effect{})
	}
	e := &c.effects[len(c.effects)-1]
	e.Kind = kind
	return e
}

// clearEffects forgets what the last Apply returned. Only what its kind has
// filled is cleared: an Effect has room for three items.
func (c *Core) clearEffects() {
	for i := range c.effects {
		e := &c.effects[i]
		switch e.Kind {
		case EffectReply:
			e.OK, e.Err, e.Reason, e.Joined = false, nil, "", Item{}
		case EffectNotice:
			e.Notice = Notice{}
		case EffectCommit:
			e.Decision = Decision{}
		}
		e.Kind, e.Item, e.Offer, e.Agent, e.Text = 0, "", "", "", ""
	}
	c.effects = c.effects[:0]
}

// answer is what a reply says but for a joined item.
type answer struct {
	OK     bool
	Err    error
	Reason call.EndReason
	Offer  OfferID
}

func (c *Core) reply(a answer) {
	e := c.effect(EffectReply)
	e.OK, e.Err, e.Reason, e.Offer = a.OK, a.Err, a.Reason, a.Offer
}

// joined is the reply to a Join.
func (c *Core) joined(it *Item) {
	e := c.effect(EffectReply)
	e.OK, e.Joined = true, *it
}

func (c *Core) notify(e *entry, n Notice) {
	f := c.effect(EffectNotice)
	f.Item, f.Notice = e.ID, n
}

// notifyOffer tells the owner of an item something about an offer of it.
func (c *Core) notifyOffer(kind NoticeKind, r *reservation) *Offer {
	f := c.effect(EffectNotice)
	f.Item, f.Notice.Kind = r.item.ID, kind
	o := &f.Notice.Offer
	o.ID, o.Item, o.Agent, o.AgentLogin = r.id, r.item.Item, r.agent.ID, r.agent.Login
	o.RingTime, o.Deadline, o.Why = r.ring, r.deadline, r.why
	o.Accepted, o.Parked = r.auto && r.state == resAccepted, r.parked
	return o
}

// decide returns a decision to be filled in its place.
func (c *Core) decide(kind DecisionKind) *Decision {
	d := &c.effect(EffectCommit).Decision
	d.Kind, d.At = kind, c.now
	return d
}

func (c *Core) decideItem(kind DecisionKind, e *entry) *Decision {
	d := c.decide(kind)
	d.Item, d.QueueID = e.Item, e.q.ID
	return d
}

func (c *Core) decideEnd(e *entry, reason call.EndReason) {
	c.decideItem(DecisionEnd, e).Reason = reason
}

func (c *Core) decideRes(kind DecisionKind, r *reservation) {
	d := c.decideItem(kind, r.item)
	d.Offer, d.Agent, d.Outcome, d.Why, d.Deadline = r.id, r.agent.ID, r.outcome, r.why, r.deadline
	d.Slot, d.Branch = r.slot, r.branch
}

func (c *Core) alarm(text string, r *reservation) {
	c.reaped++
	e := c.effect(EffectAlarm)
	e.Text, e.Item, e.Offer, e.Agent = text, r.item.ID, r.id, r.agent.ID
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
	if on {
		e.q.ages[e.slot].push(e)
	} else {
		e.q.ages[e.slot].remove(e)
	}
}

// countHeld keeps the number of those whom agents have.
func (c *Core) countHeld(e *entry, on bool) {
	if e.inHands == on {
		return
	}
	e.inHands = on
	c.touch(e.q)
	if on {
		e.q.held[e.slot]++
	} else {
		e.q.held[e.slot]--
	}
}

// oldest returns who is on the line for the longest, or nil.
func (q *line) oldest() *entry { return q.ages[callSlot].head() }

// stranger is a user who is not an agent (yet).
type stranger struct {
	reach   reach
	console bool
}

// undelivered: nobody was told of an offer. The item rests.
func (c *Core) undelivered(r *reservation) {
	switch {
	case r.state == resOffered:
		c.alarm("owner of the item does not read its notices", r)
		r.final = true // nobody was rung
		c.deferOffer(r, c.now.Add(retryStore))
	case r.state == resAccepted && r.auto:
		c.alarm("owner of the item does not read its notices", r)
		c.giveBack(r, call.OutcomeWithdrawn, c.now.Add(retryStore))
	}
}

// Tally returns what entered and left a queue; false when there is no such queue.
func (c *Core) Tally(queue string) (Tally, bool) {
	q := c.lines[strings.ToLower(queue)]
	if q == nil {
		return Tally{}, false
	}
	t := Tally{Live: q.live, Ended: map[call.EndReason]int{}, Channels: map[call.Channel]Tally{}}
	for slot, one := range q.tallies {
		one.Ended = maps.Clone(one.Ended)
		t.Offered += one.Offered
		t.Rejoined += one.Rejoined
		t.MovedIn += one.MovedIn
		t.MovedOut += one.MovedOut
		for r, n := range one.Ended {
			t.Ended[r] += n
		}
		if one.Offered+one.Rejoined+one.MovedIn > 0 {
			t.Channels[slotChannel(slot)] = one
		}
	}
	return t, true
}
