package queue_test

import (
	"maps"
	"slices"
	"testing"

	"pickup/call"
	"pickup/queue"
)

// tally counts events, and which rule of the order decided how often: between the
// one who was chosen and the next best, or against one who would have been better.
type tally struct {
	events int
	rules  map[string]int
}

// rules are all that a decision can hang on.
var rules = []string{
	"rank", "class", "key", "id", "priority", "promotion", "call before deferred",
	"exclusion", "rank of the agent", "without text work", "tie: idle", "tie: name",
	"soft limit", "packed: load", "packed: last hour", "packed: idle",
	"preferred", "delay", "delay has passed", "relaxation", "alternative", "language", "reserve", "share", "capacity: room", "capacity: chat",
	"interruption", "loser of several", "rings beside others: ring_all", "rings beside others: progressive",
	"strategy: longest_idle", "strategy: least_occupied", "strategy: fewest_calls", "strategy: round_robin", "strategy: linear",
	"strategy: weighted_random", "strategy: most_skilled",
}

func newTally() *tally {
	c := &tally{rules: map[string]int{}}
	for _, r := range rules {
		c.rules[r] = 0
	}
	return c
}

func (c *tally) count(rule string) { c.rules[rule]++ }

func (c *tally) report(t *testing.T) {
	t.Helper()
	t.Logf("%d events", c.events)
	for _, rule := range slices.Sorted(maps.Keys(c.rules)) {
		t.Logf("%8d %s", c.rules[rule], rule)
		if c.rules[rule] < modelRule {
			t.Errorf("the rule %q decided %d times, want %d", rule, c.rules[rule], modelRule)
		}
		if !slices.Contains(rules, rule) {
			t.Errorf("unknown rule %q", rule)
		}
	}
}

// placed counts what an item's choice among the agents hung on.
func (c *tally) placed(n *naive, it *nItem, pick *nAgent) {
	var second *nAgent
	for _, a := range n.agents {
		switch {
		case a == pick:
		case n.mayTake(a, it):
			if second == nil || n.better(it, a, second) {
				second = a
			}
		case pick == nil || n.better(it, a, pick):
			if why := n.kept(a, it); why != "" {
				c.count(why)
			}
		}
	}
	if pick == nil {
		return
	}
	c.matched(n, it, pick)
	if it.own != nil {
		c.count("preferred")
		return
	}
	if second == nil {
		return
	}
	x, y := n.chance(it, pick), n.chance(it, second)
	at := 0
	for x[at] == y[at] {
		at++
	}
	if it.text() {
		c.count([]string{"exclusion", "rank of the agent", "soft limit", "packed: load", "packed: last hour", "packed: idle", "tie: name"}[at])
		return
	}
	s := n.queues[it.queue].Strategy
	idle := "tie: idle"
	if s == queue.StrategyLongestIdle {
		idle = "strategy: longest_idle"
	}
	c.count([]string{"exclusion", "rank of the agent", "without text work", "strategy: " + string(s), idle, "tie: name"}[at])
}

// kept says which one rule keeps an item from an agent who could have it else.
func (n *naive) kept(a *nAgent, it *nItem) string {
	if !n.can(a, it) || it.own != nil {
		return ""
	}
	late := it.class != 0 && n.member(a, it).Delay > n.now-it.joined
	if !it.text() {
		_, chats := a.load(call.ChannelChat)
		switch {
		case a.free(n.now) && late:
			return "delay"
		case !late && chats > 0 && a.ready() && a.devices > 0 && !a.unreachable && a.res == nil && a.wrapUntil == 0 && n.now >= a.delayed:
			return "capacity: chat"
		}
		return ""
	}
	ready := a.console && a.state == "ready" && a.res == nil && a.wrapUntil == 0 && n.now >= a.delayed && a.open() == nil
	switch {
	case !ready:
	case !a.room(it.channel):
		if !late {
			return "capacity: room"
		}
	case late:
		return "delay"
	case it.promoted:
		return "share"
	default:
		return "reserve"
	}
	return ""
}

// matched counts what else a match hangs on, whoever was looked for.
func (c *tally) matched(n *naive, it *nItem, a *nAgent) {
	q := n.queues[it.queue]
	if !n.able(a, it, it.queue, it.asked, 0) {
		c.count("relaxation")
	}
	if d := n.member(a, it).Delay; d > 0 && it.class != 0 && it.own == nil {
		c.count("delay has passed")
	}
	for _, r := range []queue.Requirement{it.any, q.Require} {
		if len(r) > 1 && slices.ContainsFunc(r[0], func(x queue.Need) bool { return !n.holds(a, x, q.Relax, n.now-it.joined) }) {
			c.count("alternative")
			break
		}
	}
	if q.LanguageLevel > 0 && it.language != "" {
		c.count("language")
	}
	if it.promoted {
		c.count("promotion")
	}
}

// served counts what an agent's choice among the items hung on.
func (c *tally) served(n *naive, a *nAgent, pick *nItem, calls bool) {
	c.matched(n, pick, a)
	var second *nItem
	before := func(x, y *nItem) bool {
		r1, r2 := n.ranks[x.queue][a.id], n.ranks[y.queue][a.id]
		return r1 < r2 || r1 == r2 && less(x, y)
	}
	kept := false
	for _, it := range n.items {
		if it == pick || it.state != "waiting" || it.own != nil || !n.mayTake(a, it) {
			continue
		}
		if calls && it.deferred() {
			kept = kept || before(it, pick)
			continue
		}
		if second == nil || before(it, second) {
			second = it
		}
	}
	if kept {
		c.count("call before deferred")
	}
	if second == nil {
		return
	}
	plain := func(it *nItem) int64 { return it.key + int64(it.priority-1)*60_000 }
	switch {
	case n.ranks[pick.queue][a.id] != n.ranks[second.queue][a.id]:
		c.count("rank")
	case pick.class != second.class:
		c.count("class")
	case pick.key != second.key:
		c.count("key")
		if !pick.promoted && !second.promoted && plain(pick) > plain(second) {
			c.count("priority")
		}
	default:
		c.count("id")
	}
}
