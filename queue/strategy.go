package queue

import (
	"cmp"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"time"

	"pickup/account"
)

// Strategy is how a queue chooses among the free agents for a call or callback.
// Before it come, with each of them, who may take the item, the fewest tries of
// this item and the rank (StrategyWeightedRandom weighs the rank instead), and
// agents without text work; text is always packed. "" is StrategyLongestIdle.
type Strategy string

// The strategies. What is equal goes to the longest idle.
const (
	StrategyLongestIdle    Strategy = "longest_idle"
	StrategyLeastOccupied  Strategy = "least_occupied"  // least time on calls and wrap-up that ended in the last 15 minutes
	StrategyFewestCalls    Strategy = "fewest_calls"    // fewest calls answered in the last hour, of any queue
	StrategyRoundRobin     Strategy = "round_robin"     // whom this queue asked longest ago
	StrategyLinear         Strategy = "linear"          // always in the order of rank and id
	StrategyWeightedRandom Strategy = "weighted_random" // by chance in proportion to 1/(1+rank), drawn from the ids alone
	StrategyMostSkilled    Strategy = "most_skilled"    // most levels of what the call asks for
	StrategyRingAll        Strategy = "ring_all"        // all of the best rank at once; whom the next step finds joins them
	StrategyProgressive    Strategy = "progressive"     // the longest idle, and one more at each step, while the first go on ringing
)

// Strategies returns all of them, the default first.
func Strategies() []string {
	return []string{
		string(StrategyLongestIdle), string(StrategyLeastOccupied), string(StrategyFewestCalls), string(StrategyRoundRobin),
		string(StrategyLinear), string(StrategyWeightedRandom), string(StrategyMostSkilled), string(StrategyRingAll), string(StrategyProgressive),
	}
}

// several reports whether more than one agent rings for a call at a time.
func (s Strategy) several() bool { return s == StrategyRingAll || s == StrategyProgressive }

// byIdle reports whether the longest idle is chosen, which the heaps know.
func (s Strategy) byIdle() bool { return s == "" || s == StrategyLongestIdle || s.several() }

// OrDefault returns s, StrategyLongestIdle for "".
func (s Strategy) OrDefault() Strategy {
	if s == "" {
		return StrategyLongestIdle
	}
	return s
}

// standing is an agent as a strategy compares him for one item; less is better.
type standing struct {
	tries, rank int
	text        int     // 1: he has text work
	figure      float64 // of the strategy
}

func (s standing) compare(o standing) int {
	return cmp.Or(cmp.Compare(s.tries, o.tries), cmp.Compare(s.rank, o.rank), cmp.Compare(s.text, o.text), cmp.Compare(s.figure, o.figure))
}

// chosenFor returns the agent whom the strategy of e's queue chooses, or nil. It
// looks at every idle agent who can take e.
func (c *Core) chosenFor(e *entry) *agent {
	var best *agent
	var bestIs standing
	for _, f := range e.class.fits {
		for _, a := range f.profile.idle.s {
			is := standing{tries: e.tries[a.ID], rank: f.rank, text: step(false, a.working), figure: c.figure(e, a, f.rank)}
			if e.q.Strategy == StrategyWeightedRandom {
				is.rank = 0
			}
			n := -1
			if best != nil {
				n = is.compare(bestIs)
			}
			if n < 0 || n == 0 && c.earlier(e.q, a, best) {
				best, bestIs = a, is
			}
		}
	}
	return best
}

// earlier decides between agents whom nothing else tells apart.
func (c *Core) earlier(q *line, a, b *agent) bool {
	if q.Strategy == StrategyLinear {
		return a.ID < b.ID
	}
	return a.before(b)
}

// figure is what the strategy of e's queue compares.
func (c *Core) figure(e *entry, a *agent, rank int) float64 {
	switch e.q.Strategy {
	case StrategyLeastOccupied:
		return float64(a.onCalls(c.ns))
	case StrategyFewestCalls:
		return float64(a.callsTaken(c.ns))
	case StrategyRoundRobin:
		return float64(e.q.turns[a.ID])
	case StrategyWeightedRandom:
		return lot(string(e.ID), e.tries[a.ID], a.ID) * float64(1+rank)
	case StrategyMostSkilled:
		return -float64(e.levels(a))
	}
	return 0
}

// levels adds up what an agent has of the skills of the alternative that he meets.
func (e *entry) levels(a *agent) (sum int) {
	met, _ := e.needs.metBy(a.profile.skills)
	for _, n := range met {
		sum += a.profile.skills[n.Skill]
	}
	return sum
}

// lot draws from an exponential distribution of mean 1, the same for the same
// item, tries and agent. The least of lots divided by their weights belongs to
// each agent in proportion to his weight (Efraimidis and Spirakis 2006).
func lot(item string, tries int, agent account.ID) float64 {
	h := fnv.New64a()
	for _, s := range []string{item, strconv.Itoa(tries), string(agent)} {
		_, _ = h.Write([]byte(s))
		_, _ = h.Write([]byte{0})
	}
	x := h.Sum64() // its bits are mixed as in SplitMix64
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return -math.Log((float64(x>>11) + 0.5) / (1 << 53))
}

// onCalls is how long he was on calls and in wrap-up of those that ended in the
// window of the estimate.
func (a *agent) onCalls(now int64) int64 {
	sum := int64(0)
	for _, h := range latest(a.work) {
		if begin := now - statsWindow; h.at > begin {
			sum += h.at - max(h.at-h.dur, begin)
		}
	}
	return sum
}

// callsTaken is how many calls he answered in the last hour.
func (a *agent) callsTaken(now int64) int {
	n := len(a.took)
	for n > 0 && a.took[len(a.took)-n] <= now-recentWindow {
		n--
	}
	return n
}

// tookCall notes that he answered a call.
func (a *agent) tookCall(now int64) {
	old := len(a.took) - a.callsTaken(now)
	a.took = append(slices.Delete(a.took, 0, old), now)
}

// asked notes whose turn it was in a queue.
func (q *line) asked(a *agent) {
	if q.Strategy != StrategyRoundRobin {
		return
	}
	if q.turns == nil {
		q.turns = map[account.ID]int{}
	}
	q.turn++
	q.turns[a.ID] = q.turn
}

// appendChoice writes by what a was chosen among those of his rank: text and the
// default strategy by how long he was idle.
func (c *Core) appendChoice(b []byte, e *entry, a *agent) []byte {
	s := e.q.Strategy
	if e.lane.text() {
		s = StrategyLongestIdle
	}
	switch s {
	case StrategyLeastOccupied:
		b = append(b, ", least occupied: "...)
		b = strconv.AppendInt(b, a.onCalls(c.ns)/int64(time.Second), 10)
		return append(b, " s"...)
	case StrategyFewestCalls:
		b = append(b, ", fewest calls: "...)
		return strconv.AppendInt(b, int64(a.callsTaken(c.ns)), 10)
	case StrategyRoundRobin:
		return append(b, ", round robin"...)
	case StrategyLinear:
		return append(b, ", linear"...)
	case StrategyWeightedRandom:
		return append(b, ", weighted random"...)
	case StrategyMostSkilled:
		b = append(b, ", most skilled: "...)
		return strconv.AppendInt(b, int64(e.levels(a)), 10)
	case StrategyRingAll:
		b = append(b, ", ring all"...)
	case StrategyProgressive:
		b = append(b, ", progressive"...)
	}
	b = append(b, ", longest idle: "...)
	b = strconv.AppendInt(b, (c.ns-a.idle)/int64(time.Second), 10)
	return append(b, " s"...)
}
