package queue

import "time"

// What the estimate of the wait is made from (scale 3.3): what a queue
// measured in the last 15 minutes.
const (
	statsWindow  = int64(15 * time.Minute)
	statsMost    = 256 // samples kept of each kind
	statsLeast   = 5   // fewer: nothing is announced
	maxEstimate  = 4 * time.Hour
	lowShare     = 0.7
	highShare    = 1.3
	granularity1 = 30 * time.Second // below two minutes
	granularity2 = time.Minute      // below ten minutes
	granularity3 = 5 * time.Minute
)

// handling is one call as it occupied an agent: pick-up to the end of wrap-up.
type handling struct {
	agent *agent
	line  *line
	at    int64 // when it ended
	dur   int64
}

// waited is one wait that ended.
type waited struct {
	at, wait  int64
	abandoned bool
}

// lineStats are the samples of one queue.
type lineStats struct {
	waits []waited
	work  []handling
}

// trimmed drops what is older than the window, and the oldest of too many. It
// moves what stays only when twice the number that counts has gathered.
func trimmed[T any](s []T, now int64, at func(T) int64) []T {
	if len(s) < 2*statsMost {
		return s
	}
	drop := max(0, len(s)-statsMost)
	for drop < len(s) && now-at(s[drop]) > statsWindow {
		drop++
	}
	n := copy(s, s[drop:])
	clear(s[n:])
	return s[:n]
}

// latest returns the samples that count; what is too old is among them.
func latest[T any](s []T) []T { return s[max(0, len(s)-statsMost):] }

func (l *lineStats) bridged(now, wait int64) { l.add(waited{at: now, wait: wait}) }
func (l *lineStats) abandoned(now, wait int64) {
	l.add(waited{at: now, wait: wait, abandoned: true})
}

func (l *lineStats) add(w waited) {
	l.waits = trimmed(append(l.waits, w), w.at, func(w waited) int64 { return w.at })
}

func (l *lineStats) handled(h handling) {
	l.work = trimmed(append(l.work, h), h.at, func(h handling) int64 { return h.at })
}

// rates are the measured parameters of the estimate. Times are in ns.
type rates struct {
	enough             bool    // samples enough to say anything
	servers, mu, theta float64 // mu 0: unknown
	hol                int64   // wait so far of the head of the line
	at                 int64   // when they were measured
}

// measured returns the rates of a queue, at most a second old, and the head of
// its line as it is now.
func (c *Core) measured(q *line) rates {
	if q.rates.at == 0 || c.ns-q.rates.at > int64(time.Second) {
		q.rates = c.measure(&q.stats, (*agent).shareOf)
		q.rates.at = c.ns
	}
	r := q.rates
	if e := q.oldest(); e != nil {
		r.hol = c.ns - e.enqueued
	}
	return r
}

// measuredChats is measured for chats: an agent is as many servers as his limit
// of chats.
func (c *Core) measuredChats(q *line) rates {
	if q.chatted.at == 0 || c.ns-q.chatted.at > int64(time.Second) {
		q.chatted = c.measure(&q.chats, (*agent).chatPlaces)
		q.chatted.at = c.ns
	}
	r := q.chatted
	if e := q.ages[laneChat].head(); e != nil {
		r.hol = c.ns - e.enqueued
	}
	return r
}

// measure computes the rates of a queue from its samples now; servers says how
// many an agent is who spent mine ns on them.
func (c *Core) measure(stats *lineStats, servers func(a *agent, now, mine int64) float64) rates {
	var r rates
	served, left, total := 0, 0, float64(0)
	for _, w := range latest(stats.waits) {
		if c.ns-w.at > statsWindow {
			continue
		}
		total += float64(w.wait)
		if w.abandoned {
			left++
		} else {
			served++
		}
	}
	r.enough = served >= statsLeast
	if total > 0 {
		r.theta = float64(left) / total
	}
	perAgent := map[*agent]int64{}
	n, sum := 0, int64(0)
	for _, h := range latest(stats.work) {
		if c.ns-h.at > statsWindow {
			continue
		}
		n++
		sum += h.dur
		perAgent[h.agent] += h.dur
	}
	if n < statsLeast || sum <= 0 {
		return r
	}
	r.mu = float64(n) / float64(sum)
	for a, mine := range perAgent {
		r.servers += servers(a, c.ns, mine)
	}
	return r
}

// shareOf is the part of an agent's time on calls that he gave to one queue.
func (a *agent) shareOf(now, mine int64) float64 {
	if !a.onDuty() || a.chosen == AgentNotReady {
		return 0
	}
	all := int64(0)
	for _, h := range latest(a.work) {
		if now-h.at <= statsWindow {
			all += h.dur
		}
	}
	return float64(mine) / float64(max(all, mine, 1))
}

// chatPlaces is how many chats an agent has at a time.
func (a *agent) chatPlaces(_, _ int64) float64 {
	if !a.serves(laneChat) {
		return 0
	}
	return float64(a.limits[laneChat].Max)
}

// ladder sums the expected time until n+1 of those ahead left the line, one
// step after the other, so that all places of a queue cost one pass (QLm:
// sum over i of 1/(s mu + i theta)).
type ladder struct {
	rates
	n   int
	sum float64
}

// remaining returns the wait that is still expected with n ahead, for an item
// that waited elapsed; n must not go down from call to call.
func (l *ladder) remaining(n int, elapsed int64) time.Duration {
	if !l.enough {
		return 0
	}
	floor := max(l.hol-elapsed, 0)
	if l.mu == 0 || l.servers == 0 {
		// s is unsure: the head of the line predicts.
		return time.Duration(max(floor, int64(time.Second)))
	}
	for ; l.n <= n; l.n++ {
		l.sum += 1 / (l.servers*l.mu + float64(l.n)*l.theta)
	}
	return min(time.Duration(max(int64(l.sum), floor, int64(time.Second))), maxEstimate)
}

// band rounds an estimate to the range that is announced; 0 stays 0 and 0.
func band(d time.Duration) (low, high time.Duration) {
	if d <= 0 {
		return 0, 0
	}
	step := granularity3
	switch {
	case d < 2*time.Minute:
		step = granularity1
	case d < 10*time.Minute:
		step = granularity2
	}
	low = time.Duration(float64(d) * lowShare).Truncate(step)
	high = time.Duration(float64(d)*highShare).Truncate(step) + step
	return low, high
}
