package simulate

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

// Left is why stored entries are no part of a replay, by their number.
type Left struct {
	Open   int // had not ended
	Closed int // were turned away outside the opening hours, or blocked
	Gone   int // of queues that are no more
}

// Replay makes work of a past stretch of time, and who was there in it. What was
// not seen is supplied: who was answered would have waited on for as long again
// as others do (patience that does not age), and who was not answered would have
// been worked on as long as one of those who were, of his queue and channel. The
// same past gives the same work.
func Replay(past queue.Past, queues []queue.QueueConfig, agents []queue.AgentConfig) ([]Work, []Presence, Left) {
	known := map[string]bool{}
	for _, q := range queues {
		known[lower(q.Name)] = true
	}
	var left Left
	var used []queue.PastItem
	for _, it := range past.Items {
		switch {
		case it.Channel == call.ChannelCallback:
			// It is an outcome of the day, not what came.
		case it.Reason == "":
			left.Open++
		case it.Reason == call.EndClosed || it.Reason == call.EndRejectedBlocked:
			left.Closed++
		case !known[lower(it.Queue)]:
			left.Gone++
		default:
			used = append(used, it)
		}
	}
	seen := observe(used)
	wraps := wrapUps(past.States)
	work := make([]Work, 0, len(used))
	for i := range used {
		work = append(work, seen.workOf(&used[i], wraps))
	}
	return work, presence(past, agents), left
}

// kind is what is worked on alike.
type kind struct {
	queue   string
	channel call.Channel
}

// observed is what a past showed of a kind.
type observed struct {
	handling, pickUp []time.Duration
	waited           time.Duration
	left             int
}

type observations map[kind]*observed

func observe(items []queue.PastItem) observations {
	seen := observations{}
	for i := range items {
		it := &items[i]
		o := seen.of(it)
		if it.BridgedAt.IsZero() {
			o.waited += it.EndedAt.Sub(it.EnqueuedAt)
			if it.Reason.CountsAbandoned() {
				o.left++
			}
			continue
		}
		o.waited += it.BridgedAt.Sub(it.EnqueuedAt)
		o.handling = append(o.handling, handled(it))
		o.pickUp = append(o.pickUp, pickedUp(it))
	}
	return seen
}

func (s observations) of(it *queue.PastItem) *observed {
	k := kind{lower(it.Queue), it.Channel}
	if s[k] == nil {
		s[k] = &observed{}
	}
	return s[k]
}

func handled(it *queue.PastItem) time.Duration {
	return max(it.EndedAt.Sub(it.BridgedAt)-it.Aside, 0)
}

// pickedUp is how long the offer that won was shown.
func pickedUp(it *queue.PastItem) time.Duration {
	if it.OfferedAt.IsZero() || it.OfferedAt.After(it.BridgedAt) {
		return 0
	}
	return min(it.BridgedAt.Sub(it.OfferedAt), time.Minute)
}

// unseen is what a kind is taken to need of which nothing was ever handled.
const unseen = 5 * time.Minute

// workOf makes a piece of work of a stored entry.
func (s observations) workOf(it *queue.PastItem, wraps map[account.ID][]wrapUp) Work {
	w := Work{
		At: it.EnqueuedAt, Queue: it.Queue, Channel: it.Channel, Priority: it.Priority, Needs: it.Needs, Language: it.Language,
	}
	o, r := s.of(it), random(it.ID)
	if it.BridgedAt.IsZero() {
		w.Handling, w.PickUp = unseen, 0
		if n := len(o.handling); n > 0 {
			w.Handling, w.PickUp = o.handling[r.IntN(n)], o.pickUp[r.IntN(n)]
		}
		if it.Reason.CountsOverflowed() {
			w.Patience = o.patience(r, it.EndedAt.Sub(it.EnqueuedAt))
			return w
		}
		w.Patience = max(it.EndedAt.Sub(it.EnqueuedAt), time.Millisecond)
		if !it.Reason.CountsAbandoned() {
			w.Leaves = it.Reason
		}
		return w
	}
	w.Handling, w.PickUp = handled(it), pickedUp(it)
	w.Patience = o.patience(r, it.BridgedAt.Sub(it.EnqueuedAt))
	if voice(it.Channel) {
		w.WrapUp = wrapAfter(wraps[it.Agent], it.EndedAt)
	}
	return w
}

// patience draws how long somebody waits who did so for waited; 0: for ever, where
// nobody gave up.
func (o *observed) patience(r *rand.Rand, waited time.Duration) time.Duration {
	if o.left == 0 || o.waited <= 0 {
		return 0
	}
	mean := float64(o.waited) / float64(o.left)
	return waited + time.Duration(min(r.ExpFloat64()*mean, float64(math.MaxInt64/4))) + time.Millisecond
}

// random is the source of chance of one entry.
func random(id queue.ItemID) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return rand.New(rand.NewPCG(h.Sum64(), 1))
}

// wrapUp is one wrap-up of an agent as it was.
type wrapUp struct{ from, to time.Time }

// wrapUps finds them in the changes of the agents.
func wrapUps(states []queue.PastState) map[account.ID][]wrapUp {
	all := map[account.ID][]wrapUp{}
	since := map[account.ID]time.Time{}
	for _, s := range states {
		if from, ok := since[s.Agent]; ok && s.State != queue.AgentWrapUp {
			all[s.Agent] = append(all[s.Agent], wrapUp{from, s.At})
			delete(since, s.Agent)
		} else if !ok && s.State == queue.AgentWrapUp {
			since[s.Agent] = s.At
		}
	}
	return all
}

// wrapAfter is how long the wrap-up was that a talk led to; 0: none was seen.
func wrapAfter(all []wrapUp, end time.Time) time.Duration {
	const slack = 2 * time.Second
	i := sort.Search(len(all), func(i int) bool { return !all[i].from.Before(end.Add(-slack)) })
	if i == len(all) || all[i].from.After(end.Add(slack)) {
		return 0
	}
	return max(all[i].to.Sub(end), time.Millisecond)
}

// presence is who was there: the changes between ready and not. What agents were
// shown as while they worked says nothing; the run makes its own.
func presence(past queue.Past, agents []queue.AgentConfig) []Presence {
	text, calls := map[account.ID]bool{}, map[account.ID]bool{}
	var begin time.Time
	for _, it := range past.Items {
		if voice(it.Channel) {
			calls[it.Agent] = true
		} else {
			text[it.Agent] = true
		}
		if begin.IsZero() || it.EnqueuedAt.Before(begin) {
			begin = it.EnqueuedAt
		}
	}
	was := map[account.ID]bool{}
	var all []Presence
	first := map[account.ID]Presence{}
	works := map[account.ID]bool{}
	for _, a := range agents {
		works[a.ID] = true
	}
	for _, s := range past.States {
		if !works[s.Agent] {
			continue
		}
		ready := s.State == queue.AgentReady
		if !ready && s.State != queue.AgentNotReady && s.State != queue.AgentOffline && s.State != queue.AgentUnreachable {
			ready = true // he works
		}
		p := Presence{Agent: s.Agent, At: s.At, Ready: ready, Phone: ready && (calls[s.Agent] || !text[s.Agent]), Console: ready && text[s.Agent]}
		if !s.At.After(begin) {
			p.At = begin
			first[s.Agent] = p
			was[s.Agent] = ready
			continue
		}
		if was[s.Agent] != ready {
			was[s.Agent] = ready
			all = append(all, p)
		}
	}
	for i, a := range agents {
		p, ok := first[a.ID]
		if !ok {
			p = Presence{Agent: a.ID, At: begin}
		}
		p.At = begin.Add(-time.Duration(len(agents)-i) * time.Millisecond) // one after the other, before the first comes
		all = append(all, p)
	}
	slices.SortStableFunc(all, func(a, b Presence) int { return a.At.Compare(b.At) })
	return all
}

// Actual is the result that a past stretch had, in the form of a run.
func Actual(past queue.Past, queues []queue.QueueConfig) Result {
	known := map[string]bool{}
	for _, q := range queues {
		known[lower(q.Name)] = true
	}
	var r Result
	for _, it := range past.Items {
		if it.Channel == call.ChannelCallback || it.Reason == "" || it.Reason == call.EndClosed || it.Reason == call.EndRejectedBlocked || !known[lower(it.Queue)] {
			continue
		}
		o := Outcome{
			Work:   Work{At: it.EnqueuedAt, Queue: it.Queue, Channel: it.Channel, Priority: it.Priority},
			Reason: it.Reason, Answered: !it.BridgedAt.IsZero(), Agent: it.Agent, Waited: it.EndedAt.Sub(it.EnqueuedAt),
		}
		if o.Answered {
			o.Waited = it.BridgedAt.Sub(it.EnqueuedAt)
		}
		r.Outcomes = append(r.Outcomes, o)
		if it.EndedAt.After(r.End) {
			r.End = it.EndedAt
		}
	}
	r.Usage = usageOf(past, r.End)
	return r
}

// usageOf is how the agents spent a past stretch, by what they were shown as; of
// written work, for which they are ready, by what they had in hand.
func usageOf(past queue.Past, end time.Time) []Usage {
	if len(past.Items) == 0 {
		return nil
	}
	begin := past.Items[0].EnqueuedAt
	d := &driver{now: begin, clocks: map[account.ID]*clock{}}
	type change struct {
		at    time.Time
		agent account.ID
		state queue.AgentState
		text  int // more or less in hand
	}
	var all []change
	for _, s := range past.States {
		all = append(all, change{at: later(begin, s.At), agent: s.Agent, state: s.State})
	}
	for _, it := range past.Items {
		if !voice(it.Channel) && !it.BridgedAt.IsZero() && !it.EndedAt.IsZero() {
			all = append(all, change{at: it.BridgedAt, agent: it.Agent, text: 1}, change{at: it.EndedAt.Add(-it.Aside), agent: it.Agent, text: -1})
		}
	}
	slices.SortStableFunc(all, func(a, b change) int { return a.at.Compare(b.at) })
	state, text := map[account.ID]queue.AgentState{}, map[account.ID]int{}
	for _, x := range all {
		c := d.clocks[x.agent]
		if c == nil {
			c = &clock{since: begin, usage: Usage{Agent: x.agent}}
			d.clocks[x.agent] = c
		}
		c.upTo(x.at)
		if x.state != "" {
			state[x.agent] = x.state
		}
		text[x.agent] += x.text
		c.set(state[x.agent], text[x.agent] > 0)
	}
	var usage []Usage
	for _, c := range d.clocks {
		c.upTo(later(end, c.since))
		usage = append(usage, c.usage)
	}
	sortUsage(usage)
	return usage
}
