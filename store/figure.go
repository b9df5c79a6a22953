package store

import (
	"maps"
	"slices"
	"strings"
	"time"

	"pickup/call"
	"pickup/report"
)

// EntryFilter chooses calls by their entry in a queue as the figures of the
// queue count it: the entry of a call that came in, not that of a callback.
type EntryFilter struct {
	// Queues are the queues that count, by name, with their targets.
	Queues   map[string]time.Duration
	From, To time.Time      // entered the queue: [From, To)
	Figures  []report.Count // each of them counts the call; none: report.Offered
}

// reasons returns those end reasons that a rule counts.
func reasons(counts func(call.EndReason) bool) []call.EndReason {
	var some []call.EndReason
	for _, r := range call.Reasons {
		if counts(r) {
			some = append(some, r)
		}
	}
	return some
}

// entry appends the condition that a call has an entry that e chooses. A wait
// that still runs ends now.
func (f *filter) entry(e *EntryFilter, now time.Time) {
	if e == nil {
		return
	}
	names := slices.Sorted(maps.Keys(e.Queues))
	w := filter{args: f.args} // its placeholders go on where those of f end
	w.add("channel = ?", string(call.ChannelCall))
	w.add("counted = 1")
	w.oneOf("queue", names)
	w.between("entered_at", e.From, e.To)
	for _, g := range e.Figures {
		w.figure(g, e.Queues, names, now)
	}
	f.args = w.args
	f.conditions = append(f.conditions, "id IN (SELECT call_id FROM work_items"+w.where()+")")
}

// oneOf appends a list of alternatives; an empty list lets nothing through.
func (f *filter) oneOf(column string, values []string) {
	if len(values) == 0 {
		f.conditions = append(f.conditions, "1 = 0")
	}
	in(f, column, values)
}

// figure appends what makes an entry count in g.
func (f *filter) figure(g report.Count, targets map[string]time.Duration, names []string, now time.Time) {
	switch g {
	case report.Answered, report.AnsweredInTarget, report.AnsweredLate, report.NotAnswered:
		f.answered(g != report.NotAnswered)
		if g == report.AnsweredInTarget || g == report.AnsweredLate {
			f.inTarget(g == report.AnsweredInTarget, targets, names, now)
		}
	case report.Abandoned:
		in(f, "end_reason", reasons(call.EndReason.CountsAbandoned))
	case report.ShortAbandoned:
		f.add("end_reason = ?", string(call.EndShortAbandoned))
	case report.Overflowed:
		in(f, "end_reason", reasons(call.EndReason.CountsOverflowed))
	case report.CallbackRequested:
		f.add("end_reason = ?", string(call.EndCallbackRequested))
	case report.AbandonedInTarget:
		in(f, "end_reason", reasons(call.EndReason.CountsAbandoned))
		f.inTarget(true, targets, names, now)
	case report.Open:
		f.add("end_reason IS NULL")
	case report.Offered:
	default:
		reason, ok := strings.CutPrefix(string(g), report.Ended)
		if ok && reason != "" {
			f.add("end_reason = ?", reason)
			return
		}
		f.conditions = append(f.conditions, "1 = 0") // nothing counts in a figure that is none
	}
}

// answered appends that an entry was bridged, or that it was not (yet).
func (f *filter) answered(yes bool) {
	w := filter{args: f.args}
	in(&w, "end_reason", reasons(call.EndReason.CountsAnswered))
	f.args = w.args
	is := "(" + w.conditions[0] + " OR end_reason IS NULL AND bridged_at IS NOT NULL)"
	if !yes {
		// Negation of a condition with NULL is NULL: it is spelt out.
		is = "(NOT " + w.conditions[0] + " OR end_reason IS NULL AND bridged_at IS NULL)"
	}
	f.conditions = append(f.conditions, is)
}

// inTarget appends that the wait of an entry is within the target of its queue,
// or beyond it.
func (f *filter) inTarget(yes bool, targets map[string]time.Duration, names []string, now time.Time) {
	order := " > ?"
	if yes {
		order = " <= ?"
	}
	w := filter{args: f.args}
	for _, name := range names {
		w.add("queue = ? AND COALESCE(bridged_at, ended_at, ?) - entered_at"+order, name, now.UnixMilli(), targets[name].Milliseconds())
	}
	f.args = w.args
	if len(names) > 0 {
		f.conditions = append(f.conditions, "("+strings.Join(w.conditions, " OR ")+")")
	}
}
