package queue

import (
	"maps"
	"slices"
	"strings"

	"pickup/account"
	"pickup/call"
)

// configure replaces queues and agents. Classes and profiles are made anew;
// running offers, calls and states stay.
func (c *Core) configure(queues []QueueConfig, agents []AgentConfig) {
	waiting := c.takeAll()
	c.configureLines(queues)
	c.configureAgents(agents)
	clear(c.classes)
	c.deferred = nil
	for _, q := range c.lines {
		q.duty = 0
	}
	clear(c.profiles)
	c.profileList = nil
	for _, id := range slices.Sorted(maps.Keys(c.agents)) {
		a := c.agents[id]
		a.counted = false
		if !a.removed {
			a.profile = c.profileOf(a)
		}
		c.countDuty(a)
	}
	for _, id := range slices.Sorted(maps.Keys(c.items)) {
		e := c.items[id]
		c.needNow(e)
		e.class = c.classOf(e)
		c.armOver(e)
	}
	for _, e := range waiting {
		if e.q.closed {
			c.finish(e, call.EndClosed, true)
			continue
		}
		c.enter(e)
	}
	for _, id := range slices.Sorted(maps.Keys(c.agents)) {
		a := c.agents[id]
		c.settle(a)
		c.forget(a)
	}
}

// takeAll empties the heaps and returns what waited, in a stable order. What is
// parked stays parked.
func (c *Core) takeAll() []*entry {
	var waiting []*entry
	for _, id := range slices.Sorted(maps.Keys(c.items)) {
		if e := c.items[id]; e.state == itemWaiting {
			c.unheap(e)
			e.state = itemParked
			e.parkAt = -1
			waiting = append(waiting, e)
		}
	}
	for _, a := range c.agents {
		if a.profile != nil {
			a.profile.idle.remove(a)
			a.leaveRooms()
			a.profile = nil
		}
	}
	return waiting
}

func (c *Core) configureLines(queues []QueueConfig) {
	seen := map[string]bool{}
	for _, cfg := range queues {
		key := strings.ToLower(cfg.Name)
		seen[key] = true
		q := c.lines[key]
		if q == nil {
			q = &line{key: key}
			for slot := range q.ages {
				q.ages[slot] = indexHeap[entry]{less: olderEntry, pos: func(e *entry) *int { return &e.agePos }}
			}
			c.lines[key] = q
		}
		cfg.Name = key
		q.QueueConfig = cfg
		q.setMembers(cfg.Members)
		q.removed, q.closed = false, !cfg.Enabled
		c.touch(q)
	}
	for _, key := range slices.Sorted(maps.Keys(c.lines)) {
		q := c.lines[key]
		if !seen[key] {
			q.removed, q.closed = true, true
			c.touch(q)
		}
		if q.closed {
			c.endParked(q)
		}
		if q.removed && q.live == 0 {
			delete(c.lines, key)
		}
	}
}

// endParked ends what rests in a queue that drains.
func (c *Core) endParked(q *line) {
	for _, id := range slices.Sorted(maps.Keys(c.items)) {
		if e := c.items[id]; e.q == q && e.state == itemParked && e.parkAt >= 0 {
			c.finish(e, call.EndClosed, true)
		}
	}
}

func olderEntry(a, b *entry) bool {
	if a.enqueued != b.enqueued {
		return a.enqueued < b.enqueued
	}
	return a.ID < b.ID
}

func (c *Core) configureAgents(agents []AgentConfig) {
	seen := map[account.ID]bool{}
	for _, cfg := range agents {
		seen[cfg.ID] = true
		a := c.agents[cfg.ID]
		if a == nil {
			a = &agent{chosen: AgentOffline, shown: AgentOffline, since: c.now}
			c.agents[cfg.ID] = a
		}
		a.AgentConfig, a.removed = cfg, false
		a.setLimits()
		a.keeps = c.cfg.KeepsWriting
		c.touchAgent(a)
		if s, ok := c.strangers[cfg.ID]; ok {
			delete(c.strangers, cfg.ID)
			a.devices, a.silent, a.silentWhy = s.reach.devices, s.reach.silent, s.reach.why
			a.console = s.console
			c.plugged(a)
		}
	}
	for id, a := range c.agents {
		if !seen[id] {
			a.removed = true
		}
	}
}
