package simulate

import (
	"slices"
	"strings"
	"time"

	"pickup/call"
	"pickup/queue"
)

// result sums up a run that is over.
func (d *driver) result() Result {
	r := Result{End: d.now}
	for _, j := range d.jobs {
		if !j.ended && !j.Answered {
			j.Waited = max(d.now.Sub(j.At), 0)
		}
		if c := d.clocks[j.Agent]; c != nil && j.Answered {
			if voice(j.Channel) {
				c.usage.Calls++
			} else {
				c.usage.Texts++
			}
		}
		r.Outcomes = append(r.Outcomes, j.Outcome)
	}
	for _, c := range d.clocks {
		c.upTo(d.now)
		r.Usage = append(r.Usage, c.usage)
	}
	slices.SortFunc(r.Usage, func(a, b Usage) int { return strings.Compare(string(a.Agent), string(b.Agent)) })
	return r
}

// Figures of a queue and channel, made by the very function that makes those of
// the live server.
type Figures struct {
	Queue   string
	Channel call.Channel
	Target  time.Duration
	queue.Figures
}

// Figures makes the figures of each queue and channel to which anything came, in
// the order of the queues and of the channels.
func (r *Result) Figures(queues []queue.QueueConfig) []Figures {
	byQueue := map[string][]queue.EndedEntry{}
	for i := range r.Outcomes {
		o := &r.Outcomes[i]
		name := lower(o.Queue)
		byQueue[name] = append(byQueue[name], queue.EndedEntry{
			Queue: name, Channel: o.Channel, EnqueuedAt: o.At, Wait: o.Waited, Reason: o.Reason, Bridged: o.Answered,
		})
	}
	var all []Figures
	for _, q := range queues {
		byChannel := queue.ComputeByChannel(byQueue[lower(q.Name)], q)
		for _, ch := range append([]call.Channel{call.ChannelCall, call.ChannelCallback}, queue.TextChannels()...) {
			if f, ok := byChannel[ch]; ok {
				all = append(all, Figures{Queue: lower(q.Name), Channel: ch, Target: q.TargetOf(ch), Figures: f})
			}
		}
	}
	return all
}

// Occupancy is the share of their time that the agents had something to do, of
// that in which they were ready or busy, 0 to 1; 0 when they were neither.
func (r *Result) Occupancy() float64 {
	var busy, all time.Duration
	for _, u := range r.Usage {
		busy += u.Busy
		all += u.Busy + u.Idle
	}
	if all == 0 {
		return 0
	}
	return float64(busy) / float64(all)
}

// Level is the headline service level of a channel over all queues, in percent;
// false where nothing counts.
func (r *Result) Level(ch call.Channel, within time.Duration) (percent float64, ok bool) {
	var entries []queue.EndedEntry
	for i := range r.Outcomes {
		if o := &r.Outcomes[i]; o.Channel == ch {
			entries = append(entries, queue.EndedEntry{Channel: ch, Wait: o.Waited, Reason: o.Reason, Bridged: o.Answered})
		}
	}
	f := queue.Compute(entries, within)
	if f.Percent == nil {
		return 0, false
	}
	return *f.Percent, true
}
