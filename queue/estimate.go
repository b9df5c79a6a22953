package queue

import "time"

// What the estimate of the wait is made from (scale 3.3): what a queue
// measured in the last 15 minutes.
const (
	statsWindow  = int64(15 * time.Minute)
	statsMost    = 1024 // samples kept of each kind
	statsLeast   = 5    // fewer: nothing is announced
	maxEstimate  = 4 * time.Hour
	lowShare     = 0.7
	highShare    = 1.3
	granularity1 = 30 * time.Second // below two minutes
	granularity2 = time.Minute      // below ten minutes
	granularity3 = 5 * time.Minute
)

// handling is one call as it occupied an agent: from the offer, or for what
// counts his time on calls the pick-up, to the end of wrap-up.
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
		q.rates = c.measure(&q.stats, q.ages[callSlot].s)
		q.rates.servers = c.servers(q)
		q.rates.at = c.ns
	}
	r := q.rates
	if e := q.oldest(); e != nil {
		r.hol = c.ns - e.enqueued
	}
	return r
}

// means are the measured parameters as people read them; zero: unknown.
func (r rates) means() (servers float64, handling, patience time.Duration) {
	if r.mu > 0 {
		handling = time.Duration(1 / r.mu)
	}
	if r.theta > 0 {
		patience = time.Duration(min(1/r.theta, float64(1000*time.Hour)))
	}
	return r.servers, handling, patience
}

// measuredChats is measured for chats: an agent is as many servers as his limit
// of chats.
func (c *Core) measuredChats(q *line) rates {
	if q.chatted.at == 0 || c.ns-q.chatted.at > int64(time.Second) {
		q.chatted = c.measure(&q.chats, q.ages[laneChat].s)
		q.chatted.servers = c.chatPlaces(q)
		q.chatted.at = c.ns
	}
	r := q.chatted
	if e := q.ages[laneChat].head(); e != nil {
		r.hol = c.ns - e.enqueued
	}
	return r
}

// measure computes the rates of a queue from its samples now. The rate of giving
// up is the most likely one of waits that are cut off: those who gave up, over all
// the time that was waited, by who waits now too.
func (c *Core) measure(stats *lineStats, waiting []*entry) rates {
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
	for _, e := range waiting {
		total += float64(c.ns - e.enqueued)
	}
	r.enough = served >= statsLeast
	if total > 0 {
		r.theta = float64(left) / total
	}
	n, sum := 0, int64(0)
	for _, h := range latest(stats.work) {
		if c.ns-h.at <= statsWindow {
			n++
			sum += h.dur
		}
	}
	if n >= statsLeast && sum > 0 {
		r.mu = float64(n) / float64(sum)
	}
	return r
}

// servers is how many agents' worth of time a queue has: each member who is on
// duty counts by the share of his time that he gave to it. One of whom nothing
// is known yet, as at the start of his shift, counts as the others do.
func (c *Core) servers(q *line) float64 {
	known, unknown, sum := 0, 0, 0.0
	for id := range q.members {
		a := c.agents[id]
		if a == nil || !a.stays() {
			continue
		}
		mine, all := a.timeOn(q, c.ns)
		if all == 0 {
			unknown++
			continue
		}
		known++
		sum += float64(mine) / float64(all)
	}
	if known == 0 {
		return 0
	}
	return sum * float64(known+unknown) / float64(known)
}

// stays reports whether an agent will take calls when he has done what he does.
func (a *agent) stays() bool {
	return a.onDuty() && a.chosen != AgentNotReady && a.next != AgentNotReady && a.next != AgentOffline
}

// timeOn is how long an agent was on calls in the window, the one that he has
// included: those of q, and all.
func (a *agent) timeOn(q *line, now int64) (mine, all int64) {
	add := func(l *line, d int64) {
		all += d
		if l == q {
			mine += d
		}
	}
	for _, h := range latest(a.work) {
		if now-h.at <= statsWindow {
			add(h.line, h.dur)
		}
	}
	if r := a.res; r != nil && r.talked {
		add(r.item.q, now-r.wonAt)
	}
	return mine, all
}

// chatPlaces is how many chats the members of a queue have at a time.
func (c *Core) chatPlaces(q *line) float64 {
	n := 0
	for id := range q.members {
		if a := c.agents[id]; a != nil && a.serves(laneChat) {
			n += a.limits[laneChat].Max
		}
	}
	return float64(n)
}

// ladder sums the expected time until n+1 of those ahead left the line, one
// step after the other, so that all places of a queue cost one pass (QLm:
// sum over i of 1/(s mu + i theta)).
type ladder struct {
	rates
	cal  *calibration
	n    int
	sum  float64
	most int64 // of the places before
}

// remaining returns the wait that is still expected with n ahead, for an item
// that waited elapsed; n must not go down from call to call. 0: not enough is
// known to say.
func (l *ladder) remaining(n int, elapsed int64) time.Duration {
	if !l.enough {
		return 0
	}
	if l.mu == 0 || l.servers == 0 {
		// s is unsure: the head of the line predicts.
		return time.Duration(max(l.hol-elapsed, int64(time.Second)))
	}
	for ; l.n <= n; l.n++ {
		l.sum += 1 / (l.servers*l.mu + float64(l.n)*l.theta)
	}
	l.most = max(l.most, int64(l.sum*l.cal.factor(n)))
	return min(time.Duration(max(l.most, int64(time.Second))), maxEstimate)
}

// announced is remaining as a range, which in its length is not below what the
// head of the line has waited.
func (l *ladder) announced(n int, elapsed int64) (low, high time.Duration) {
	low, high = band(l.remaining(n, elapsed))
	if high == 0 {
		return 0, 0
	}
	_, floor := band(time.Duration(max(l.hol-elapsed, 0)))
	return low, max(high, min(floor, maxEstimate))
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
