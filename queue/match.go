package queue

import (
	"slices"
	"sort"
	"strconv"
	"strings"

	"pickup/account"
	"pickup/call"
)

// needKey names a class of need: items that exactly the same agents can take.
type needKey struct {
	queue   string
	channel call.Channel
	grade   grade
	ring    int64
	needs   string // canonical, "" for none
}

// grade is what else than skills decides who can take a deferred item.
type grade int8

const (
	gradeNone     grade = iota // not deferred, or to be repaired at once
	gradeReserve               // not started on an idle agent of the reserve
	gradePromoted              // past its deadline: few agents hold such items
)

func (e *entry) grade() grade {
	switch {
	case !e.lane.interruptible() || e.Class == ClassRepair:
		return gradeNone
	case e.promoted:
		return gradePromoted
	}
	return gradeReserve
}

// needClass holds the waiting items of one need.
type needClass struct {
	key     needKey
	lane    lane
	needs   Requirement
	waiting indexHeap[entry]
	fits    []fit // compatible profiles, best rank first
}

// fit is one compatible profile with its rank for the class's queue.
type fit struct {
	profile *profile
	class   *needClass
	rank    int
}

// profile holds the idle agents who can do exactly the same work.
type profile struct {
	key    string
	ranks  map[string]int   // by queue
	delays map[string]int64 // by queue; absent: none
	skills map[string]int
	idle   indexHeap[agent]
	room   [lanes]indexHeap[agent] // who has room for an item of text
	fits   []fit                   // compatible classes, best rank first
}

func newWaiting() indexHeap[entry] {
	return indexHeap[entry]{less: (*entry).before, pos: func(e *entry) *int { return &e.waitPos }}
}

// classOf returns the class of need of an item, made on first use.
func (c *Core) classOf(e *entry) *needClass {
	key := needKey{queue: e.q.key, channel: e.Channel, grade: e.grade(), ring: e.ring, needs: e.needs.key()}
	k := c.classes[key]
	if k == nil {
		k = &needClass{key: key, lane: e.lane, needs: e.needs, waiting: newWaiting()}
		c.classes[key] = k
		if k.lane.interruptible() {
			c.deferred = append(c.deferred, k)
		}
		for _, p := range c.profileList {
			c.relate(k, p)
		}
		sortFits(k.fits)
	}
	return k
}

// relate records k and p with each other when agents of p can take items of k.
func (c *Core) relate(k *needClass, p *profile) {
	rank, member := p.ranks[k.key.queue]
	if !member || p.delays[k.key.queue] > k.key.ring {
		return
	}
	if _, met := k.needs.metBy(p.skills); !met {
		return
	}
	f := fit{profile: p, class: k, rank: rank}
	k.fits = append(k.fits, f)
	i := sort.Search(len(p.fits), func(i int) bool { return p.fits[i].rank > rank })
	p.fits = slices.Insert(p.fits, i, f)
}

func sortFits(f []fit) {
	slices.SortStableFunc(f, func(a, b fit) int { return a.rank - b.rank })
}

// profileOf returns the profile of an agent, made on first use.
func (c *Core) profileOf(a *agent) *profile {
	var names []string
	ranks, delays := map[string]int{}, map[string]int64{}
	for _, q := range c.lines {
		if m, ok := q.members[a.ID]; ok && (!q.removed || q.live > 0) {
			names = append(names, q.key)
			ranks[q.key] = m.Rank
			if m.Delay > 0 {
				delays[q.key] = int64(m.Delay)
			}
		}
	}
	slices.Sort(names)
	var b strings.Builder
	for _, n := range names {
		b.WriteString(strconv.Quote(n))
		b.WriteString(strconv.Itoa(ranks[n]))
		b.WriteByte('+')
		b.WriteString(strconv.FormatInt(delays[n], 10))
	}
	b.WriteByte('|')
	skills := make([]string, 0, len(a.Skills))
	for s := range a.Skills {
		skills = append(skills, s)
	}
	slices.Sort(skills)
	for _, s := range skills {
		b.WriteString(strconv.Quote(s))
		b.WriteString(strconv.Itoa(a.Skills[s]))
	}
	p := c.profiles[b.String()]
	if p == nil {
		p = &profile{
			key: b.String(), ranks: ranks, delays: delays, skills: a.Skills,
			idle: indexHeap[agent]{less: (*agent).before, pos: func(a *agent) *int { return &a.idlePos }},
		}
		for l := range p.room {
			p.room[l] = newRoom(lane(l))
		}
		c.profiles[p.key] = p
		c.profileList = append(c.profileList, p)
	}
	return p
}

// can reports whether a may take e at all, whatever his delay, and his rank for its queue.
func (c *Core) can(a *agent, e *entry) (int, bool) {
	if a.profile == nil || e.class == nil {
		return 0, false
	}
	rank, member := a.profile.ranks[e.q.key]
	if !member {
		return 0, false
	}
	_, met := e.needs.metBy(a.profile.skills)
	return rank, met
}

// agentFor returns the agent who gets e now, or nil: the fewest tries of this
// item, then the best rank, then what the queue's strategy says, by default the longest
// idle (text: the most packed).
func (c *Core) agentFor(e *entry) *agent {
	if e.lane.text() {
		return c.textAgentFor(e)
	}
	if e.heldFor != nil {
		if e.heldFor.available() {
			return e.heldFor
		}
		return nil
	}
	if !e.q.Strategy.byIdle() {
		return c.chosenFor(e)
	}
	if len(e.tries) == 0 {
		return bestIdle(e.class.fits, nil)
	}
	if a := bestIdle(e.class.fits, func(a *agent) bool { return e.tries[a.ID] == 0 }); a != nil {
		return a
	}
	// Everybody eligible has been tried: the one who was tried least.
	var best *agent
	var bestRank int
	for _, f := range e.class.fits {
		for _, a := range f.profile.idle.s {
			n, m := e.tries[a.ID], 0
			if best != nil {
				m = e.tries[best.ID]
			}
			// The fits are in order of rank: a later one never has a better rank.
			if best == nil || n < m || n == m && f.rank == bestRank && a.before(best) {
				best, bestRank = a, f.rank
			}
		}
	}
	return best
}

// bestIdle returns the longest idle agent of the best rank whom ok accepts.
func bestIdle(fits []fit, ok func(*agent) bool) *agent {
	var best *agent
	var bestRank int
	for _, f := range fits {
		if best != nil && f.rank > bestRank {
			break
		}
		a := f.profile.idle.head()
		if a != nil && ok != nil {
			a = f.profile.idle.first(ok)
		}
		if a != nil && (best == nil || a.before(best)) {
			best, bestRank = a, f.rank
		}
	}
	return best
}

// itemFor returns the item that a free agent gets now, or nil: what waits for
// him alone, then the least (rank, class, key, id).
func (c *Core) itemFor(a *agent) *entry {
	if a.console {
		return c.mixedItemFor(a)
	}
	if a.own != nil && a.own.len() > 0 {
		return a.own.head()
	}
	if a.profile == nil {
		return nil
	}
	var best *entry
	var bestRank int
	for _, f := range a.profile.fits {
		if best != nil && f.rank > bestRank {
			break
		}
		if f.class.lane.text() {
			continue
		}
		e := f.class.waiting.head()
		if e != nil && (best == nil || e.before(best)) {
			best, bestRank = e, f.rank
		}
	}
	return best
}

// match makes offers for what became possible in this step: live items that
// began to wait, in their order, then agents who became free, longest idle
// first, then more agents for calls that ring several, then deferred items, so that none of these goes to an agent while a
// call waits that he could take. Before the step nothing that waits had an
// agent, so no more is needed.
func (c *Core) match() {
	c.matchItems(&c.readyItems)
	if len(c.freed) > 1 {
		slices.SortFunc(c.freed, func(a, b *agent) int {
			if a.before(b) {
				return -1
			}
			return 1
		})
	}
	for i := 0; i < len(c.freed); i++ {
		a := c.freed[i]
		a.fresh = false
		if !a.console && !a.available() {
			continue
		}
		if e := c.itemFor(a); e != nil {
			c.offer(e, a)
		}
	}
	clear(c.freed)
	c.freed = c.freed[:0]
	c.ringMore()
	c.matchDeferred()
}

// matchItems offers items that began to wait, in their order; first those that
// wait for one agent alone.
func (c *Core) matchItems(ready *[]*entry) {
	if len(*ready) == 0 {
		return
	}
	if len(*ready) > 1 {
		slices.SortFunc(*ready, func(a, b *entry) int {
			if own := a.heldFor != nil; own != (b.heldFor != nil) && own || own == (b.heldFor != nil) && a.before(b) {
				return -1
			}
			return 1
		})
	}
	for _, e := range *ready {
		if e.state != itemWaiting {
			continue
		}
		if a := c.agentFor(e); a != nil {
			c.offer(e, a)
		}
	}
	clear(*ready)
	*ready = (*ready)[:0]
}

// began notes an item that began to wait in this step.
func (c *Core) began(e *entry) {
	if e.lane.interruptible() {
		c.readyDeferred = append(c.readyDeferred, e)
	} else {
		c.readyItems = append(c.readyItems, e)
	}
}

// enter puts a waiting item into the heap it belongs to.
func (c *Core) enter(e *entry) {
	if e.lane.interruptible() && e.Class == ClassDeferred {
		if e.dueAt <= c.ns {
			c.promote(e)
		} else {
			c.arm(timer{at: e.dueAt, kind: timerDue, item: e})
		}
	}
	// A timer of the needs may be due in this very instant: it is not waited for.
	c.needNow(e)
	e.class = c.classOf(e)
	e.state = itemWaiting
	e.heldFor = nil
	if a := c.agents[e.Preferred]; a != nil && c.rel(e.PreferredUntil) > c.ns && e.tries[a.ID] == 0 && a.serves(e.lane) {
		if _, ok := c.can(a, e); ok {
			e.heldFor = a
		}
	}
	if a := e.heldFor; a != nil {
		if a.own == nil {
			h := newWaiting()
			a.own = &h
		}
		a.own.push(e)
		e.preferAt = c.rel(e.PreferredUntil)
		c.arm(timer{at: e.preferAt, kind: timerPrefer, item: e})
	} else {
		e.class.waiting.push(e)
	}
	c.began(e)
	c.countWaiting(e, true)
}

// unheap takes a waiting item out of its heap.
func (c *Core) unheap(e *entry) {
	if e.heldFor != nil {
		e.heldFor.own.remove(e)
		e.heldFor = nil
		return
	}
	e.class.waiting.remove(e)
}

// reheap changes the place of a waiting item by f; what it needs, or how it is
// graded, may be another afterwards.
func (c *Core) reheap(e *entry, f func()) {
	if e.state != itemWaiting {
		f()
		e.class = c.classOf(e)
		return
	}
	a := e.heldFor
	c.unheap(e)
	f()
	e.class = c.classOf(e)
	if a != nil {
		e.heldFor = a
		a.own.push(e)
	} else {
		e.class.waiting.push(e)
	}
	c.began(e)
	c.touch(e.q)
}

// disown gives the items that wait for a alone, and cannot get him, to everybody.
func (c *Core) disown(a *agent) {
	for _, e := range slices.Clone(a.own.s) {
		if !a.serves(e.lane) {
			c.unheap(e)
			c.pushGeneral(e)
		}
	}
}

// setMembers makes the look-up of a queue's members.
func (q *line) setMembers(members []Member) {
	q.members, q.delays = make(map[account.ID]Member, len(members)), nil
	for _, m := range members {
		q.members[m.Agent] = m
		if m.Delay > 0 {
			q.delays = append(q.delays, int64(m.Delay))
		}
	}
	slices.Sort(q.delays)
	q.delays = slices.Compact(q.delays)
}
