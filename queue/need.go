package queue

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Need is a skill an item asks for.
type Need struct {
	Skill string
	Level int // 1..5, minimum
	// Relax lowers the level as the wait grows, in order of After; nil: never.
	Relax []Step
	// Optional: it is dropped when the item has waited for Relax.Optional of its queue.
	Optional bool
	// Asked: a transfer asked for it, not the matter. The next transfer takes it away.
	Asked bool
}

// Step lowers a need: After the item entered the queue, Level is enough. Level
// 0 drops the need.
type Step struct {
	After time.Duration
	Level int
}

// Requirement is what an agent must be able to do in disjunctive normal form:
// every need of one of its alternatives. None, or one without a need: nothing.
type Requirement [][]Need

// The limits of a Requirement, which bound what two of them can multiply to.
const (
	MaxAlternatives = 8
	MaxNeeds        = 8 // of one alternative
)

// Relax says when a queue asks for less, counted from the moment in which an item
// entered. 0: never.
type Relax struct {
	Level    time.Duration // any level of a skill is enough
	Optional time.Duration // needs that are optional are dropped
	Language time.Duration // the language is dropped
}

// LanguagePrefix begins the skill that a language is: "language:fr".
const LanguagePrefix = "language:"

// RequirementError says which part of a requirement cannot be.
type RequirementError struct {
	Field string // "[1][0].level"
	Limit string
	Value string
}

// Error implements error.
func (e *RequirementError) Error() string {
	return fmt.Sprintf("queue: requirement%s: limit %s, got %s", e.Field, e.Limit, e.Value)
}

// Check returns a *RequirementError for what cannot be asked for.
func (r Requirement) Check() error {
	if len(r) > MaxAlternatives {
		return &RequirementError{"", fmt.Sprintf("%d alternatives", MaxAlternatives), strconv.Itoa(len(r))}
	}
	for i, all := range r {
		at := fmt.Sprintf("[%d]", i)
		if len(all) == 0 || len(all) > MaxNeeds {
			return &RequirementError{at, fmt.Sprintf("1 to %d skills", MaxNeeds), strconv.Itoa(len(all))}
		}
		for j, n := range all {
			at := fmt.Sprintf("%s[%d]", at, j)
			switch {
			case n.Skill == "" || len(n.Skill) > 64:
				return &RequirementError{at + ".skill", "1 to 64 bytes", strconv.Quote(n.Skill)}
			case n.Level < 0 || n.Level > 5:
				return &RequirementError{at + ".level", "1 to 5", strconv.Itoa(n.Level)}
			}
		}
	}
	return nil
}

// after returns a need as it is after a wait in a queue, whether it still is one, and
// the wait at which it changes next; 0: not any more.
func (n Need) after(wait int64, r Relax) (now Need, keep bool, next int64) {
	now, keep = Need{Skill: n.Skill, Level: max(n.Level, 1), Asked: n.Asked}, true
	later := func(after time.Duration) bool {
		if int64(after) <= wait {
			return false
		}
		if next == 0 || int64(after) < next {
			next = int64(after)
		}
		return true
	}
	for _, s := range n.Relax {
		if later(s.After) {
			break
		}
		now.Level, keep = s.Level, s.Level > 0
	}
	drop := r.Language
	if !strings.HasPrefix(n.Skill, LanguagePrefix) {
		drop = 0
		if n.Optional {
			drop = r.Optional
		}
		if r.Level > 0 && now.Level > 1 && !later(r.Level) {
			now.Level = 1
		}
	}
	if drop > 0 && !later(drop) {
		keep = false
	}
	return now, keep, next
}

// asks returns what an item asks for after a wait in a queue, in its canonical
// form, and the wait at which that changes next; 0: not any more.
func (q *line) asks(it *Item, needs []Need, wait int64) (req Requirement, next int64) {
	sooner := func(at int64) {
		if at > 0 && (next == 0 || at < next) {
			next = at
		}
	}
	relaxed := func(all []Need) []Need {
		var now []Need
		for _, n := range all {
			is, keep, at := n.after(wait, q.Relax)
			sooner(at)
			if keep {
				now = append(now, is)
			}
		}
		return now
	}
	base := relaxed(needs)
	if q.LanguageLevel > 0 && it.Language != "" {
		base = append(base, relaxed([]Need{{Skill: LanguagePrefix + it.Language, Level: q.LanguageLevel}})...)
	}
	req = Requirement{base}
	for _, part := range [...]Requirement{it.Any, q.Require} {
		if len(part) == 0 {
			continue
		}
		var all Requirement
		for _, one := range part {
			more := relaxed(one)
			for _, have := range req {
				all = append(all, slices.Concat(have, more))
			}
		}
		req = all
	}
	return req.canonical(), next
}

// canonical writes a requirement in one way: each skill once in an alternative
// with its highest level, no alternative that another one makes needless, in order.
// nil: nothing is asked.
func (r Requirement) canonical() Requirement {
	if len(r) == 1 && len(r[0]) == 0 {
		return nil
	}
	for i, all := range r {
		r[i] = joinNeeds(all)
	}
	if len(r) == 1 {
		return r
	}
	slices.SortFunc(r, compareNeeds)
	kept := r[:0:0]
	for i, all := range r {
		if !slices.ContainsFunc(r[:i], func(o []Need) bool { return easier(o, all) }) &&
			!slices.ContainsFunc(r[i+1:], func(o []Need) bool { return easier(o, all) && !easier(all, o) }) {
			kept = append(kept, all)
		}
	}
	if len(kept) == 1 && len(kept[0]) == 0 {
		return nil
	}
	return kept
}

// joinNeeds sorts needs by skill and leaves the highest level of each.
func joinNeeds(all []Need) []Need {
	if len(all) < 2 {
		return all
	}
	slices.SortStableFunc(all, func(a, b Need) int { return cmp.Or(strings.Compare(a.Skill, b.Skill), b.Level-a.Level) })
	return slices.CompactFunc(all, func(a, b Need) bool { return a.Skill == b.Skill })
}

func compareNeeds(a, b []Need) int {
	return slices.CompareFunc(a, b, func(x, y Need) int { return cmp.Or(strings.Compare(x.Skill, y.Skill), x.Level-y.Level) })
}

// easier reports whether whoever can do b can do a: each need of a is in b, at
// that level or above. Both are joined.
func easier(a, b []Need) bool {
	i := 0
	for _, n := range a {
		for i < len(b) && b[i].Skill < n.Skill {
			i++
		}
		if i == len(b) || b[i].Skill != n.Skill || b[i].Level < n.Level {
			return false
		}
	}
	return true
}

// key writes a canonical requirement, so that equal ones share a class.
func (r Requirement) key() string {
	if len(r) == 0 {
		return ""
	}
	b := make([]byte, 0, 32)
	for i, all := range r {
		if i > 0 {
			b = append(b, '|')
		}
		for _, n := range all {
			b = strconv.AppendQuote(b, n.Skill)
			b = strconv.AppendInt(b, int64(n.Level), 10)
		}
	}
	return string(b)
}

// metBy returns the first alternative that skills are enough for.
func (r Requirement) metBy(skills map[string]int) ([]Need, bool) {
	if len(r) == 0 {
		return nil, true
	}
	for _, all := range r {
		if !slices.ContainsFunc(all, func(n Need) bool { return skills[n.Skill] < max(n.Level, 1) }) {
			return all, true
		}
	}
	return nil, false
}

// first returns its first alternative.
func (r Requirement) first() []Need {
	if len(r) == 0 {
		return nil
	}
	return slices.Clone(r[0])
}
