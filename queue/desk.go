package queue

import (
	"slices"
	"time"

	"pickup/call"
)

// textDesk is an agent's text work.
type textDesk struct {
	console    bool
	keeps      bool // his calls wait for the end of what he writes (Config.KeepsWriting)
	atDesk     bool // had it open when last settled
	limits     [lanes]Limit
	effective  map[call.Channel]Limit // the same, shared with the views
	text       []*reservation         // all that are live, oldest first
	open       *reservation           // the one that is committing or offered
	load       int                    // sum of the weights of the active ones
	active     [lanes]int
	aside      [lanes]int // parked by himself
	byCall     int        // parked by a call
	promoted   int        // active ones past their deadline
	missedChat int        // in a row
	recent     []int64    // when he got an item, in the last hour
	key        textKey
	roomPos    [lanes]int
}

// textKey is what agents with room for text are ordered by. It is a copy, so
// that no heap changes under its feet: settleText renews it.
type textKey struct {
	load, recent int
	soft         bool // has as many chats as the soft limit
	spread       bool // the least loaded goes first
	idle         int64
}

// recentWindow is how far back the items and the calls of an agent are counted.
const recentWindow = int64(time.Hour)

func (d *textDesk) chats() int { return d.active[laneChat] }

// room reports whether an item of a channel fits beside what is active and what
// is on its way to him.
func (d *textDesk) room(l lane) bool {
	n, load := d.active[l]+1, d.load+d.limits[l].Weight
	if d.open != nil {
		o := d.open.item.lane
		load += d.limits[o].Weight
		if o == l {
			n++
		}
	}
	return n <= d.limits[l].Max && load <= capacity
}

// setLimits takes over the limits of the configuration.
func (a *agent) setLimits() {
	a.effective = a.EffectiveLimits()
	for l, ch := range laneChannels {
		a.limits[l] = a.effective[ch]
	}
}

// textReady reports whether he can be given text now, if there is room.
func (a *agent) textReady() bool {
	return a.console && a.chosen == AgentReady && a.res == nil && !a.wrapping && !a.elsewhere() && !a.removed &&
		a.delayAt == 0 && a.open == nil
}

// morePacked is the choice for text (desk 1.3): who is below the soft limit of
// chats, then the most loaded, then the fewest items in the last hour, then the
// longest idle.
func morePacked(l lane, a, o *agent) bool {
	x, y := &a.key, &o.key
	switch {
	case x.spread && x.load != y.load:
		return x.load < y.load
	case !x.spread && l == laneChat && x.soft != y.soft:
		return y.soft
	case x.load != y.load:
		return x.load > y.load
	case x.recent != y.recent:
		return x.recent < y.recent
	case x.idle != y.idle:
		return x.idle < y.idle
	}
	return a.ID < o.ID
}

// newRoom makes the heap of the agents of a profile with room for a channel.
func newRoom(l lane) indexHeap[agent] {
	return indexHeap[agent]{
		less: func(a, b *agent) bool { return morePacked(l, a, b) },
		pos:  func(a *agent) *int { return &a.roomPos[l] },
	}
}

// settleText keeps the heaps of those who have room true to an agent.
func (c *Core) settleText(a *agent) {
	if a.byCall > 0 && a.res == nil && !a.wrapping && a.engaged == "" {
		c.resumeAll(a)
	}
	key := textKey{
		load: a.load, recent: len(a.recent), idle: a.idle, spread: c.cfg.Placement == PlacementSpread,
		soft: c.cfg.ChatSoftLimit > 0 && a.chats() >= c.cfg.ChatSoftLimit,
	}
	a.atDesk = a.console
	changed, ready, entered := key != a.key, a.textReady(), false
	if a.profile == nil {
		a.key = key
		return
	}
	var want [lanes]bool
	for l := range a.profile.room {
		h := &a.profile.room[l]
		want[l] = ready && a.room(lane(l))
		if h.has(a) && (changed || !want[l]) {
			h.remove(a)
		}
	}
	a.key = key
	for l := range a.profile.room {
		if h := &a.profile.room[l]; want[l] && !h.has(a) {
			h.push(a)
			entered = true
		}
	}
	if entered && !a.fresh {
		a.fresh = true
		c.freed = append(c.freed, a)
	}
}

// serves reports whether an item may wait for him: he can have it within
// foreseeable time.
func (a *agent) serves(l lane) bool {
	switch {
	case a.chosen == AgentNotReady || a.removed:
		return false
	case l.text():
		return a.console && a.chosen == AgentReady
	case a.console: // he may be ready for text alone
		return a.onDuty() && (a.devices > 0 && a.unreachable == "" || a.res != nil || a.wrapping || a.elsewhere())
	}
	return a.onDuty()
}

// leaveRooms takes an agent out of the heaps of his profile.
func (a *agent) leaveRooms() {
	for l := range a.profile.room {
		a.profile.room[l].remove(a)
	}
}

// activate counts an item in its agent's load.
func (c *Core) activate(r *reservation) {
	a, l := r.agent, r.item.lane
	r.active, r.parked, r.byCall = true, false, false
	r.weight = a.limits[l].Weight
	a.load += r.weight
	a.active[l]++
	if r.item.promoted {
		r.counted = true
		if a.promoted++; a.promoted == 1 {
			c.floor.holders++
		}
	}
	c.touchAgent(a)
}

// deactivate takes an item out of its agent's load.
func (c *Core) deactivate(r *reservation) {
	if !r.active {
		return
	}
	a := r.agent
	r.active = false
	a.load -= r.weight
	a.active[r.item.lane]--
	if r.counted {
		r.counted = false
		if a.promoted--; a.promoted == 0 {
			c.floor.holders--
		}
	}
	if a.load == 0 {
		a.idle = c.ns
	}
	c.touchAgent(a)
}

// setAside parks an item of an agent, for himself or for a call.
func (c *Core) setAside(r *reservation, byCall bool) {
	c.deactivate(r)
	r.parked, r.byCall = true, byCall
	if byCall {
		r.agent.byCall++
	} else {
		r.agent.aside[r.item.lane]++
	}
	c.touchAgent(r.agent)
	c.touch(r.item.q)
	c.decideRes(DecisionPark, r)
}

// takeUp makes a parked item active.
func (c *Core) takeUp(r *reservation) {
	c.unpark(r)
	c.activate(r)
	c.touch(r.item.q)
	c.decideRes(DecisionResume, r)
	c.notifyOffer(NoticeResumed, r)
}

// unpark forgets that an item is parked.
func (c *Core) unpark(r *reservation) {
	switch {
	case !r.parked:
		return
	case r.byCall:
		r.agent.byCall--
	default:
		r.agent.aside[r.item.lane]--
	}
	r.parked, r.byCall = false, false
}

// interrupt parks what an agent has of text when he answers a call.
func (c *Core) interrupt(a *agent) {
	for _, r := range a.text {
		if r.active && r.item.lane.interruptible() {
			c.setAside(r, true)
			c.notifyOffer(NoticeParked, r)
		}
	}
}

// resumeAll takes up what a call parked, first in first, as far as there is room.
func (c *Core) resumeAll(a *agent) {
	for _, r := range a.text {
		if r.byCall && a.room(r.item.lane) {
			c.takeUp(r)
		}
	}
}

// seat gives a text reservation its place on the agent's desk.
func (a *agent) seat(r *reservation) {
	for r.slot = 0; slices.ContainsFunc(a.text, func(o *reservation) bool { return o.slot == r.slot }); r.slot++ {
	}
	a.text = append(a.text, r)
}

// unseat takes a text reservation off the agent's desk.
func (c *Core) unseat(r *reservation) {
	a := r.agent
	c.unpark(r)
	c.deactivate(r)
	if a.open == r {
		a.open = nil
	}
	if i := slices.Index(a.text, r); i >= 0 {
		a.text = slices.Delete(a.text, i, i+1)
	}
	c.touchAgent(a)
}

// gotItem counts an item among those of the agent's last hour.
func (c *Core) gotItem(a *agent) {
	if len(a.recent) == 0 {
		c.arm(timer{at: c.ns + recentWindow, kind: timerHour, who: a})
	}
	a.recent = append(a.recent, c.ns)
}

// forgetHour drops what left the window of an hour.
func (c *Core) forgetHour(a *agent) {
	n := 0
	for n < len(a.recent) && a.recent[n]+recentWindow <= c.ns {
		n++
	}
	a.recent = slices.Delete(a.recent, 0, n)
	if len(a.recent) > 0 {
		c.arm(timer{at: a.recent[0] + recentWindow, kind: timerHour, who: a})
	}
	c.settle(a)
}

// floorCount is what the shares of the agents are measured by, over all queues.
type floorCount struct {
	ready   int // chose to be ready and can be reached, whatever they do
	idle    int // of these: who has nothing at all to do
	holders int // agents with an active promoted item
}

// floorMark is how an agent is counted in it.
type floorMark struct{ ready, idle bool }

// countFloor keeps the counts true to an agent.
func (c *Core) countFloor(a *agent) {
	var m floorMark
	m.ready = a.chosen == AgentReady && !a.removed && (a.console || a.devices > 0 && a.unreachable == "")
	m.idle = m.ready && a.res == nil && !a.wrapping && !a.elsewhere() && a.delayAt == 0 && a.open == nil && a.load == 0
	if m == a.floor {
		return
	}
	c.floor.ready += step(a.floor.ready, m.ready)
	c.floor.idle += step(a.floor.idle, m.idle)
	a.floor = m
}

// step is the change of a count when what is counted goes from was to is.
func step(was, is bool) int {
	switch {
	case is && !was:
		return 1
	case was && !is:
		return -1
	}
	return 0
}

// spare reports whether a deferred item may be started on an idle agent: more
// are idle than the reserve. The only ready agent is no reserve.
func (c *Core) spare() bool {
	if c.cfg.ReservePercent < 0 {
		return true
	}
	reserve := min(max(1, c.floor.ready*c.cfg.ReservePercent/100), c.floor.ready-1)
	return c.floor.idle > reserve
}

// mayHoldPromoted reports whether one more agent may hold promoted items.
func (c *Core) mayHoldPromoted() bool {
	return c.cfg.OverduePercent < 0 || c.floor.holders < max(1, c.floor.ready*c.cfg.OverduePercent/100)
}
