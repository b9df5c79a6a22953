package queue_test

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

// nChance is what a naive agent did, as the strategies look at it.
type nChance struct {
	answered []time.Duration    // when he answered a call
	turns    map[string]int     // by queue: when he was asked last
	calls    [][2]time.Duration // from pick-up to the end of wrap-up
	open     time.Duration      // pick-up of the call that wraps up
	wraps    bool
}

func (c *nChance) talked() { c.open, c.wraps = c.answered[len(c.answered)-1], true }

func (c *nChance) wrapped(now time.Duration) {
	if c.wraps {
		c.calls, c.wraps = append(c.calls, [2]time.Duration{c.open, now}), false
	}
}

func (n *naive) turnOf(it *nItem, a *nAgent) {
	if a.chance.turns == nil {
		a.chance.turns = map[string]int{}
	}
	n.turn++
	a.chance.turns[it.queue] = n.turn
}

// figure is what the strategy of the item's queue compares.
func (n *naive) figure(it *nItem, a *nAgent) int64 {
	sum := int64(0)
	switch n.queues[it.queue].Strategy {
	case queue.StrategyLeastOccupied:
		for _, h := range a.chance.calls {
			sum += int64(max(0, h[1]-max(h[0], n.now-15*time.Minute)))
		}
	case queue.StrategyFewestCalls:
		for _, at := range a.chance.answered {
			if at > n.now-time.Hour {
				sum++
			}
		}
	case queue.StrategyRoundRobin:
		sum = int64(a.chance.turns[it.queue])
	case queue.StrategyLinear:
		sum = int64(a.id[0])
	case queue.StrategyWeightedRandom:
		h := fnv.New64a()
		h.Write([]byte(string(it.id) + "\x00" + strconv.Itoa(it.tries[a.id]) + "\x00" + string(a.id) + "\x00"))
		x := binary.BigEndian.Uint64(h.Sum(nil))
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		u := (float64((x^x>>31)>>11) + 0.5) / (1 << 53)
		// Of positive floats the bits are in the order of the numbers.
		sum = int64(math.Float64bits(-math.Log(u) * float64(1+n.ranks[it.queue][a.id])))
	case queue.StrategyMostSkilled:
		sum = -n.levels(a, it)
	}
	return sum
}

func by(s queue.Strategy) func(*queue.QueueConfig) {
	return func(q *queue.QueueConfig) { q.Strategy = s }
}

// serve lets one call after the other be answered and talk for d.
func (r *rig) serve(d time.Duration, ids ...queue.ItemID) string {
	r.t.Helper()
	var got []string
	for _, id := range ids {
		r.join(id)
		got = append(got, strings.TrimSpace(r.asked(id)))
		r.talk(id)
		r.sleep(d)
		r.hangup(r.last(id).ID)
	}
	return strings.Join(got, " ")
}

func TestStrategies(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"least occupied is who was on calls for the least time, of few or many": func(t *testing.T) {
			r := simple(t, queue.Config{}, by(queue.StrategyLeastOccupied), "a", "b")
			if got := r.serve(time.Minute, "i1"); got != "a" {
				t.Fatalf("got %s", got)
			}
			if got := r.serve(20*time.Second, "i2", "i3", "i4", "i5"); got != "b b b a" {
				t.Errorf("got %s, want b until he has a minute too, then the longest idle", got)
			}
			if why := r.last("i5").Why; !strings.Contains(why, "least occupied: 60 s") {
				t.Errorf("got why %q", why)
			}
		},
		"least occupied forgets what is more than 15 minutes ago": func(t *testing.T) {
			r := simple(t, queue.Config{}, by(queue.StrategyLeastOccupied), "a", "b")
			r.serve(10*time.Minute, "i1")
			r.serve(time.Second, "i2")
			r.sleep(15 * time.Minute)
			if got := r.serve(time.Second, "i3"); got != "a" {
				t.Errorf("got %s, want a, the longest idle", got)
			}
		},
		"fewest calls counts them, however long they were": func(t *testing.T) {
			r := simple(t, queue.Config{}, by(queue.StrategyFewestCalls), "a", "b")
			r.serve(time.Minute, "i1")
			r.serve(time.Hour/2, "i2")
			r.sleep(time.Minute)
			if got := r.serve(time.Second, "i3", "i4"); got != "a b" {
				t.Errorf("got %s, want a b", got)
			}
			r.sleep(time.Hour)
			r.join("i5")
			if why := r.last("i5").Why; !strings.Contains(why, "fewest calls: 0") {
				t.Errorf("got why %q, want calls of more than an hour ago forgotten", why)
			}
		},
		"round robin goes round, whoever is idle for how long": func(t *testing.T) {
			r := simple(t, queue.Config{}, by(queue.StrategyRoundRobin), "a", "b", "c")
			r.join("i1")
			r.missed(r.last("i1").ID, call.OutcomeBusy) // a was asked, and stays the longest idle
			r.wantAsked("i1", "a b ")
			r.talk("i1")
			r.offer(queue.EventFinal, r.offers[0].ID)
			r.sleep(time.Minute)
			if got := r.serve(time.Second, "i2", "i3"); got != "c a" {
				t.Errorf("got %s, want c a", got)
			}
		},
		"linear always begins with the first": func(t *testing.T) {
			r := simple(t, queue.Config{}, by(queue.StrategyLinear), "b", "a")
			if got := r.serve(time.Second, "i1", "i2", "i3"); got != "a a a" {
				t.Errorf("got %s", got)
			}
		},
		"a rank goes before a strategy": func(t *testing.T) {
			for _, s := range []queue.Strategy{
				queue.StrategyLeastOccupied, queue.StrategyFewestCalls, queue.StrategyRoundRobin, queue.StrategyLinear,
			} {
				r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.Strategy = s; q.Members[0].Rank = 2 }, "a", "b")
				if got := r.serve(time.Minute, "i1", "i2"); got != "b b" {
					t.Errorf("%s: got %s, want b b", s, got)
				}
			}
		},
		"who refused is not asked again before the others": func(t *testing.T) {
			for _, s := range queue.Strategies() {
				if s == string(queue.StrategyRingAll) || s == string(queue.StrategyProgressive) {
					continue // ring_test.go
				}
				r := simple(t, queue.Config{MaxMissed: -1}, by(queue.Strategy(s)), "a", "b")
				r.join("i1")
				first := r.last("i1")
				r.missed(first.ID, call.OutcomeMissed)
				r.offer(queue.EventFinal, first.ID)
				if second := r.last("i1"); second.Agent == first.Agent {
					t.Errorf("%s: %s was asked twice", s, first.Agent)
				}
			}
		},
		"weighted random gives each his share, and the same in each run": func(t *testing.T) {
			run := func() map[account.ID]int {
				n := map[account.ID]int{}
				r := simple(t, queue.Config{}, func(q *queue.QueueConfig) {
					q.Strategy = queue.StrategyWeightedRandom
					q.Members[0].Rank, q.Members[1].Rank, q.Members[2].Rank = 0, 1, 3
				}, "a", "b", "c")
				for i := range 3000 {
					id := queue.ItemID("i" + strconv.Itoa(i))
					r.join(id)
					n[r.last(id).Agent]++
					r.talk(id)
					r.hangup(r.last(id).ID)
				}
				return n
			}
			n := run()
			for a, share := range map[account.ID]float64{"a": 4. / 7, "b": 2. / 7, "c": 1. / 7} {
				// Four standard deviations of a share of 3000.
				if got := float64(n[a]) / 3000; math.Abs(got-share) > 4*math.Sqrt(share*(1-share)/3000) {
					t.Errorf("%s got %.3f of the calls, want about %.3f", a, got, share)
				}
			}
			if again := run(); again["a"] != n["a"] || again["b"] != n["b"] {
				t.Errorf("got %v, then %v", n, again)
			}
		},
	} {
		t.Run(name, test)
	}
}
