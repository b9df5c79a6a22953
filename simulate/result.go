package simulate

import (
	"slices"
	"strings"
	"time"

	"pickup/call"
	"pickup/queue"
	"pickup/report"
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
	sortUsage(r.Usage)
	return r
}

func sortUsage(all []Usage) {
	slices.SortFunc(all, func(a, b Usage) int { return strings.Compare(string(a.Agent), string(b.Agent)) })
}

// Figures of a queue and channel, made by the very functions that make those of
// the live server.
type Figures struct {
	Queue   string
	Channel call.Channel
	Target  time.Duration

	Offered, Answered, AnsweredInTarget, Abandoned, ShortAbandoned, Overflowed, CallbackRequested int
	MeanWait, P50Wait, P90Wait, P95Wait                                                           time.Duration
	Percent                                                                                       *float64 // nil when nothing counted
}

// Figures makes the figures of each queue and channel to which anything came, in
// the order of the queues and of the channels.
func (r *Result) Figures(queues []queue.QueueConfig) []Figures {
	var all []Figures
	for _, q := range queues {
		for _, ch := range append([]call.Channel{call.ChannelCall, call.ChannelCallback}, queue.TextChannels()...) {
			s := r.sums(ch, q.TargetOf(ch), func(o *Outcome) bool { return lower(o.Queue) == lower(q.Name) })
			if s.N[report.Offered] > 0 {
				all = append(all, figures(lower(q.Name), ch, q.TargetOf(ch), s))
			}
		}
	}
	return all
}

// sums of the outcomes of a channel that some accepts.
func (r *Result) sums(ch call.Channel, target time.Duration, some func(*Outcome) bool) *report.Sums {
	s := &report.Sums{}
	for i := range r.Outcomes {
		o := &r.Outcomes[i]
		if o.Channel != ch || !some(o) {
			continue
		}
		e := report.Entry{EnteredAt: o.At, Wait: o.Waited, Reason: o.Reason}
		if o.Answered {
			e.BridgedAt = o.At.Add(o.Waited)
		}
		s.AddEntry(&e, target)
	}
	return s
}

func figures(name string, ch call.Channel, target time.Duration, s *report.Sums) Figures {
	count := func(c report.Count) int { return int(s.N[c]) }
	wait := func(v report.Value) time.Duration { return time.Duration(v.Float() * float64(time.Millisecond)) }
	f := Figures{
		Queue: name, Channel: ch, Target: target,
		Offered: count(report.Offered), Answered: count(report.Answered), AnsweredInTarget: count(report.AnsweredInTarget),
		Abandoned: count(report.Abandoned), ShortAbandoned: count(report.ShortAbandoned), Overflowed: count(report.Overflowed),
		CallbackRequested: count(report.CallbackRequested), MeanWait: wait(report.ASA(s)), P50Wait: wait(report.WaitPercentile(s, 50)),
		P90Wait: wait(report.WaitPercentile(s, 90)), P95Wait: wait(report.WaitPercentile(s, 95)),
	}
	if level := report.ServiceLevel(s); level.Known() {
		percent := level.Float()
		f.Percent = &percent
	}
	return f
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
	level := report.ServiceLevel(r.sums(ch, within, func(*Outcome) bool { return true }))
	return level.Float(), level.Known()
}
