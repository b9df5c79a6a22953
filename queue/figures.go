package queue

import (
	"slices"
	"time"

	"pickup/call"
)

// EndedEntry is a stored entry as the figures need it.
type EndedEntry struct {
	Queue      string
	Channel    call.Channel
	EnqueuedAt time.Time
	Wait       time.Duration
	Reason     call.EndReason // "" for an entry that has not ended
	Bridged    bool
}

// Figures of a queue in a window; the formula of the percentage is headline/1:
// answered with wait <= target, over answered + abandoned + overflowed without
// short abandons.
type Figures struct {
	Offered, Answered, AnsweredInTarget, Abandoned, ShortAbandoned, Overflowed, CallbackRequested int
	MeanWait, P50Wait, P90Wait, P95Wait                                                           time.Duration
	Percent                                                                                       *float64 // nil when nothing counted
}

// Compute makes the figures of live entries (kind call) against a target.
// Offered includes entries that are still waiting or talking.
// An entry without end reason that was bridged counts as answered. Entries of
// other kinds (callbacks, messages) have rows of their own: do not mix them in.
// Mean and percentiles are those of the wait of the answered; percentiles are
// nearest-rank and never averaged.
func Compute(entries []EndedEntry, target time.Duration) Figures {
	var f Figures
	var sum time.Duration
	waits := make([]time.Duration, 0, len(entries))
	for i := range entries {
		e := &entries[i]
		f.Offered++
		switch {
		case e.Reason.CountsAnswered(), e.Bridged && e.Reason == "":
			f.Answered++
			if e.Wait <= target {
				f.AnsweredInTarget++
			}
			sum += e.Wait
			waits = append(waits, e.Wait)
		case e.Reason.CountsAbandoned():
			f.Abandoned++
			if e.Reason == call.EndShortAbandoned {
				f.ShortAbandoned++
			}
		case e.Reason.CountsOverflowed():
			f.Overflowed++
		case e.Reason == call.EndCallbackRequested:
			f.CallbackRequested++
		}
	}
	if len(waits) > 0 {
		f.MeanWait = sum / time.Duration(len(waits))
		slices.Sort(waits)
		f.P50Wait, f.P90Wait, f.P95Wait = rank(waits, 50), rank(waits, 90), rank(waits, 95)
	}
	if counted := f.Answered + f.Abandoned + f.Overflowed - f.ShortAbandoned; counted > 0 {
		percent := 100 * float64(f.AnsweredInTarget) / float64(counted)
		f.Percent = &percent
	}
	return f
}

// ComputeByChannel makes the figures of one queue for each channel that has an
// entry, against the queue's target of that channel. The wait of a text item
// ends when an agent has it.
func ComputeByChannel(entries []EndedEntry, q QueueConfig) map[call.Channel]Figures {
	byChannel := map[call.Channel][]EndedEntry{}
	for _, e := range entries {
		byChannel[e.Channel] = append(byChannel[e.Channel], e)
	}
	figures := make(map[call.Channel]Figures, len(byChannel))
	for ch, all := range byChannel {
		figures[ch] = Compute(all, q.TargetOf(ch))
	}
	return figures
}

// rank is the nearest-rank percentile of sorted values.
func rank(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)*percent+99)/100-1]
}
