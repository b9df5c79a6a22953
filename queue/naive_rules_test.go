package queue_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pickup/queue"
)

// holds reports whether an agent has what a need asks for after a wait.
func (n *naive) holds(a *nAgent, need queue.Need, r queue.Relax, wait time.Duration) bool {
	level := max(need.Level, 1)
	for _, s := range need.Relax {
		if wait >= s.After {
			level = s.Level
		}
	}
	passed := func(after time.Duration) bool { return after > 0 && wait >= after }
	language := strings.HasPrefix(need.Skill, queue.LanguagePrefix)
	switch {
	case level <= 0 || language && passed(r.Language) || !language && need.Optional && passed(r.Optional):
		return true
	case !language && passed(r.Level):
		level = 1
	}
	return a.skills[need.Skill] >= level
}

// able reports whether an agent can do what an item asks for in a queue.
func (n *naive) able(a *nAgent, it *nItem, in string, asked int, wait time.Duration) bool {
	q := n.queues[in]
	all := func(needs []queue.Need) bool {
		return !slices.ContainsFunc(needs, func(x queue.Need) bool { return !n.holds(a, x, q.Relax, wait) })
	}
	one := func(r queue.Requirement) bool { return len(r) == 0 || slices.ContainsFunc(r, all) }
	needs := slices.Clone(it.needs)
	if asked > 0 {
		needs = append(needs, queue.Need{Skill: "x", Level: asked})
	}
	if q.LanguageLevel > 0 && it.language != "" {
		needs = append(needs, queue.Need{Skill: queue.LanguagePrefix + it.language, Level: q.LanguageLevel})
	}
	return all(needs) && one(it.any) && one(q.Require)
}

// enough reports whether levels of skills are what is asked for.
func enough(has, asked map[string]int) bool {
	for skill, level := range asked {
		if has[skill] < level {
			return false
		}
	}
	return true
}

// asks lists the alternatives that an item leaves to an agent after a wait, none of
// them needless: the levels that are asked for, and each as a text to sort by.
func (n *naive) asks(it *nItem, wait time.Duration) (asks []map[string]int, keys []string) {
	q := n.queues[it.queue]
	base := slices.Clone(it.needs)
	if it.asked > 0 {
		base = append(base, queue.Need{Skill: "x", Level: it.asked})
	}
	if q.LanguageLevel > 0 && it.language != "" {
		base = append(base, queue.Need{Skill: queue.LanguagePrefix + it.language, Level: q.LanguageLevel})
	}
	alternatives := func(r queue.Requirement) queue.Requirement {
		if len(r) == 0 {
			return queue.Requirement{nil}
		}
		return r
	}
	var all []map[string]int
	for _, x := range alternatives(it.any) {
		for _, y := range alternatives(q.Require) {
			one := map[string]int{}
			for _, need := range slices.Concat(base, x, y) {
				level := 5
				for level > 0 && n.holds(&nAgent{skills: map[string]int{need.Skill: level - 1}}, need, q.Relax, wait) {
					level--
				}
				if level > 0 {
					one[need.Skill] = max(one[need.Skill], level)
				}
			}
			all = append(all, one)
		}
	}
	for _, one := range all {
		if slices.ContainsFunc(all, func(o map[string]int) bool { return enough(one, o) && !enough(o, one) }) {
			continue
		}
		key := ""
		for _, skill := range slices.Sorted(maps.Keys(one)) {
			key += fmt.Sprintf("%s %d,", skill, one[skill])
		}
		asks, keys = append(asks, one), append(keys, key)
	}
	return asks, keys
}

// levels adds up what he has of the skills of the first alternative that he meets.
func (n *naive) levels(a *nAgent, it *nItem) int64 {
	asks, keys := n.asks(it, n.now-it.joined)
	best := -1
	for i, one := range asks {
		if enough(a.skills, one) && (best < 0 || keys[i] < keys[best]) {
			best = i
		}
	}
	if best < 0 {
		return 0
	}
	sum := 0
	for skill := range asks[best] {
		sum += a.skills[skill]
	}
	return int64(sum)
}

// reachOf is what an item asks for, and whom it may go to, after a wait.
func (n *naive) reachOf(it *nItem, wait time.Duration) string {
	_, keys := n.asks(it, wait)
	slices.Sort(keys)
	late := time.Duration(0)
	for _, m := range n.queues[it.queue].Members {
		if it.class == 0 || m.Delay <= wait {
			late = max(late, m.Delay)
		}
	}
	return fmt.Sprint(late, slices.Compact(keys))
}

func (n *naive) member(a *nAgent, it *nItem) queue.Member {
	for _, m := range n.queues[it.queue].Members {
		if m.Agent == a.id {
			return m
		}
	}
	return queue.Member{}
}

// timers names the instants at which what an item asks for, or whom it may go to,
// is another, and those at which more agents are asked for it.
func (n *naive) timers(it *nItem, consider func(time.Duration, func())) {
	if it.state == "offered" && it.stepAt > 0 {
		consider(it.stepAt, func() {
			if it.state == "offered" { // nobody's ringing ended in this instant
				n.rings = append(n.rings, it)
			}
		})
	}
	if it.state != "waiting" {
		return
	}
	q := n.queues[it.queue]
	waits := []time.Duration{q.Relax.Level, q.Relax.Optional, q.Relax.Language}
	for _, need := range it.needs {
		for _, s := range need.Relax {
			waits = append(waits, s.After)
		}
	}
	for _, m := range q.Members {
		waits = append(waits, m.Delay)
	}
	for _, w := range waits {
		if at := it.joined + w; w > 0 && at > n.now {
			consider(at, func() { it.began = it.began || n.reachOf(it, w) != n.reachOf(it, w-1) })
		}
	}
}

// asked are the agents whom a call is shown to, in the order of their names.
func (n *naive) asked(it *nItem) (all []*nAgent) {
	for _, a := range n.agents {
		if a.res != nil && a.res.item == it && a.res.phase == "offered" {
			all = append(all, a)
		}
	}
	return all
}

func (n *naive) mostRinging(it *nItem) int {
	q := n.queues[it.queue]
	if it.channel != "call" || q.Strategy != queue.StrategyRingAll && q.Strategy != queue.StrategyProgressive {
		return 1
	}
	return cmp.Or(q.RingMost, 10)
}

// ringMore asks more agents for the calls that ring, in their order.
func (n *naive) ringMore() {
	rings := n.rings
	n.rings = nil
	slices.SortFunc(rings, func(a, b *nItem) int {
		if less(a, b) {
			return -1
		}
		return 1
	})
	for _, it := range rings {
		if it.state != "offered" {
			continue
		}
		n.ring(it)
		it.opening, it.stepAt = false, 0
		if len(n.asked(it)) < n.mostRinging(it) {
			it.stepAt = n.now + n.ringStep(it)
		}
	}
}

func (n *naive) ringStep(it *nItem) time.Duration {
	return cmp.Or(n.queues[it.queue].RingStep, 5*time.Second)
}

func (n *naive) ring(it *nItem) {
	all := n.queues[it.queue].Strategy == queue.StrategyRingAll
	if it.opening && !all {
		return
	}
	var like *nAgent
	if it.opening {
		like = n.asked(it)[0]
	}
	for len(n.asked(it)) < n.mostRinging(it) {
		var pick *nAgent
		for _, a := range n.agents {
			if n.mayTake(a, it) && (pick == nil || n.better(it, a, pick)) {
				pick = a
			}
		}
		if pick == nil || it.tries[pick.id] > it.round {
			return
		}
		if like != nil && (it.tries[pick.id] != it.tries[like.id] || n.ranks[it.queue][pick.id] != n.ranks[it.queue][like.id]) {
			return
		}
		like = pick
		n.offer(it, pick)
		n.tally.count("rings beside others: " + string(n.queues[it.queue].Strategy))
		if !all {
			return
		}
	}
}
