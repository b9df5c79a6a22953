package queue

import (
	"slices"
	"time"

	"pickup/call"
)

// promised is what was expected of a call when it began to wait.
type promised struct {
	made      bool
	ahead     int           // who waited before it
	raw       int64         // expected wait by QLm alone, ns
	expected  int64         // calibrated, ns
	low, high time.Duration // the range
}

// promise notes the expected wait of a call that begins to wait. Who is served at
// once, and who comes with a place of before, is expected nothing of.
func (c *Core) promise(e *entry) {
	if !e.onLine() || !e.CountsAsOffered || e.Class != ClassLive {
		return
	}
	l := ladder{rates: c.measured(e.q), cal: &e.q.calibration}
	if !l.enough || l.mu == 0 || l.servers == 0 {
		return
	}
	n := e.q.ahead(e)
	raw := queueLength(n, l.servers*l.mu, l.theta)
	l.n, l.sum = n+1, raw
	p := &e.promised
	p.made, p.ahead, p.raw = true, n, int64(raw)
	p.expected = int64(l.remaining(n, 0))
	p.low, p.high = l.announced(n, 0)
}

// ahead is how many calls wait before e. In a long line those of higher and
// lower priority are not told apart.
func (q *line) ahead(e *entry) int {
	all := q.ages[callSlot].s
	if len(all) > shortLine {
		return len(all) - 1
	}
	n := 0
	for _, o := range all {
		if o.state == itemWaiting && o != e && o.before(e) {
			n++
		}
	}
	return n
}

// queueLength is the sum over i = 0..n of 1/(rate + i theta): the expected time
// until n who wait, and one more, left the line, by agents at a rate or for want
// of patience (Whitt 1999). It takes no more than a few steps for any n.
func queueLength(n int, rate, theta float64) float64 {
	if theta <= 0 {
		return float64(n+1) / rate
	}
	if n < shortLine {
		sum := 0.0
		for i := range n + 1 {
			sum += 1 / (rate + float64(i)*theta)
		}
		return sum
	}
	x := rate / theta
	return (digamma(x+float64(n)+1) - digamma(x)) / theta
}

// bucketTops are the greatest numbers ahead of each bucket of the calibration
// but the last.
var bucketTops = [...]int{0, 2, 5, 10, 20, 50, 100}

func bucketOf(n int) int {
	i, _ := slices.BinarySearch(bucketTops[:], n)
	return i
}

// calibration learns by how much waits differ from what QLm says, for each
// number ahead: agents who need time to pick up, skills that not all have. A
// factor is the ratio of two exponential averages, which starts at 1.
type calibration struct {
	buckets [len(bucketTops) + 1]struct{ actual, said float64 }
}

const (
	calibrationStep = 0.02
	leastFactor     = 0.5
	mostFactor      = 2.0
)

// learn takes over one wait that ended at an agent.
func (k *calibration) learn(n int, said, actual int64) {
	b := &k.buckets[bucketOf(n)]
	if b.said == 0 {
		b.said = float64(said)
		b.actual = b.said
	}
	b.said += calibrationStep * (float64(said) - b.said)
	b.actual += calibrationStep * (float64(actual) - b.actual)
}

func (k *calibration) factor(n int) float64 {
	b := k.buckets[bucketOf(n)]
	if b.said <= 0 {
		return 1
	}
	return min(max(b.actual/b.said, leastFactor), mostFactor)
}

// kept is one promise with what became of it.
type kept struct {
	at               int64
	expected, actual int64
	high             time.Duration
}

// learnWait notes what became of the promise to a call that an agent has now.
func (c *Core) learnWait(e *entry) {
	p := &e.promised
	if !p.made {
		return
	}
	actual := c.ns - e.enqueued
	e.q.calibration.learn(p.ahead, p.raw, actual)
	e.q.kept = trimmed(append(e.q.kept, kept{at: c.ns, expected: p.expected, actual: actual, high: p.high}), c.ns, func(k kept) int64 { return k.at })
	p.made = false
}

// Promise is how well the estimates of a queue held, over those calls of the last
// hour that had to wait and were answered.
type Promise struct {
	Made        int           // calls that an estimate was known for
	Kept        int           // of these: waited no longer than the end of their range
	MedianError time.Duration // of the distance between estimate and wait
}

const promiseWindow = int64(time.Hour)

// promisesEvery is how old the sum of the promises may be.
const promisesEvery = int64(5 * time.Second)

// promisesOf sums up what became of the estimates of a queue, at most a few seconds ago.
func (c *Core) promisesOf(q *line) Promise {
	if q.promisesAt == 0 || c.ns-q.promisesAt > promisesEvery {
		q.promises, q.promisesAt = c.promises(q), c.ns
	}
	return q.promises
}

// promises sums up what became of the estimates of a queue.
func (c *Core) promises(q *line) Promise {
	var p Promise
	off := make([]time.Duration, 0, len(q.kept))
	for _, k := range latest(q.kept) {
		if c.ns-k.at > promiseWindow {
			continue
		}
		p.Made++
		if time.Duration(k.actual) <= k.high {
			p.Kept++
		}
		off = append(off, time.Duration(max(k.actual-k.expected, k.expected-k.actual)))
	}
	if len(off) > 0 {
		slices.Sort(off)
		p.MedianError = rank(off, 50)
	}
	return p
}

// Expected returns the wait that was expected of a live call when it began to
// wait; false when nothing was said. It is a figure for tests and simulations:
// players are told a range (Place).
func (c *Core) Expected(id ItemID) (time.Duration, bool) {
	e := c.items[id]
	if e == nil || !e.promised.made || e.Channel != call.ChannelCall {
		return 0, false
	}
	return time.Duration(e.promised.expected), true
}
