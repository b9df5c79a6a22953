package ticket

import (
	"slices"
	"time"
)

// Figures are the counts of what was asked in writing, or by calls as
// interactions, in a window. Each has one rule, used wherever it is shown.
type Figures struct {
	Offered          int // entered the queue
	Answered         int // a person answered
	AnsweredInTarget int // within the target
	Abandoned        int // left, or was ended, before that
	Waiting          int // neither yet
	MeanWait         time.Duration
	P50Wait          time.Duration
	P90Wait          time.Duration
	P95Wait          time.Duration
	MaxWait          time.Duration
	FirstReply       time.Duration // mean; 0 when none
	NextReply        time.Duration // mean of the replies after the first; 0 when none
	Replies          int           // that both are made of
	Percent          *float64      // AnsweredInTarget of Answered + Abandoned; nil when nothing counted
}

// Compute makes the figures of inbound interactions that waited, against a
// target. Wait is that of the answered, percentiles are nearest-rank; the means of
// replies are those of all replies, never a mean of means.
func Compute(all []Interaction, target time.Duration) Figures {
	var f Figures
	var waits []time.Duration
	var sum, firstSum, nextSum time.Duration
	firsts := 0
	for i := range all {
		e := &all[i]
		wait, answered := e.Wait()
		if e.QueuedAt.IsZero() {
			continue
		}
		f.Offered++
		switch {
		case answered:
			f.Answered++
			if wait <= target {
				f.AnsweredInTarget++
			}
			sum += wait
			waits = append(waits, wait)
		case !e.EndedAt.IsZero():
			f.Abandoned++
		default:
			f.Waiting++
		}
		if e.Replies > 0 {
			firsts++
			f.Replies += e.Replies
			firstSum += e.FirstReply
			nextSum += e.ReplySum - e.FirstReply
		}
	}
	if len(waits) > 0 {
		f.MeanWait = sum / time.Duration(len(waits))
		slices.Sort(waits)
		f.P50Wait, f.P90Wait, f.P95Wait = rank(waits, 50), rank(waits, 90), rank(waits, 95)
		f.MaxWait = waits[len(waits)-1]
	}
	if firsts > 0 {
		f.FirstReply = firstSum / time.Duration(firsts)
	}
	if next := f.Replies - firsts; next > 0 {
		f.NextReply = nextSum / time.Duration(next)
	}
	if counted := f.Answered + f.Abandoned; counted > 0 {
		percent := 100 * float64(f.AnsweredInTarget) / float64(counted)
		f.Percent = &percent
	}
	return f
}

// Wait is how long the customer waited for a person, and whether one came. Of an
// interaction that ended without, it is the time until the end; of one that
// still waits it is 0.
func (i Interaction) Wait() (wait time.Duration, answered bool) {
	switch {
	case i.QueuedAt.IsZero():
		return 0, !i.AnsweredAt.IsZero()
	case !i.AnsweredAt.IsZero():
		return max(0, i.AnsweredAt.Sub(i.QueuedAt)), true
	case !i.EndedAt.IsZero():
		return max(0, i.EndedAt.Sub(i.QueuedAt)), false
	default:
		return 0, false
	}
}

// rank is the nearest-rank percentile of sorted values.
func rank(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)*percent+99)/100-1]
}
