package callback

import "time"

// minutesOfDay is one day on the clock.
const minutesOfDay = 24 * 60

// Hours is when players may be called: minutes after midnight in Location, by
// weekday (0 Sunday). A nil Hours is always. An interval holds its first minute
// and not its last; it may run past midnight (to at most 2880) into the next
// day. One that is empty or out of range holds nothing.
//
// What counts is what the clock on the wall shows: an hour that is skipped when
// the clocks change is no time, one that is shown twice is allowed twice.
type Hours struct {
	Location *time.Location // nil: UTC
	Days     [7][][2]int
}

// Allows reports whether the hours hold the instant t.
func (h *Hours) Allows(t time.Time) bool {
	if h == nil {
		return true
	}
	local := t.In(h.location())
	minute := local.Hour()*60 + local.Minute()
	today := int(local.Weekday())
	return holds(h.Days[today], minute) || holds(h.Days[(today+6)%7], minute+minutesOfDay)
}

// Next returns the first instant at or after t that the hours allow. It is the
// zero time when no hour of the week is allowed.
func (h *Hours) Next(t time.Time) time.Time {
	if h == nil || h.Allows(t) {
		return t
	}
	// Walk from one point at which the answer can change to the next. A change
	// of the clocks is such a point too; between two of them the wall clock
	// runs evenly.
	last := t.Add(9 * 24 * time.Hour)
	for at := t.In(h.location()); at.Before(last); {
		next := h.nextEdge(at)
		if _, change := at.ZoneBounds(); !change.IsZero() && change.Before(next) {
			next = change.In(h.location())
		}
		if h.Allows(next) {
			return next.In(t.Location())
		}
		at = next
	}
	return time.Time{}
}

// nextEdge returns when the next interval begins after at on a clock that runs
// evenly, or the next midnight.
func (h *Hours) nextEdge(at time.Time) time.Time {
	minute := at.Hour()*60 + at.Minute()
	edge := minutesOfDay
	for _, span := range h.Days[int(at.Weekday())] {
		if valid(span) && span[0] > minute && span[0] < edge {
			edge = span[0]
		}
	}
	wait := time.Duration(edge-minute)*time.Minute - time.Duration(at.Second())*time.Second -
		time.Duration(at.Nanosecond())
	return at.Add(wait)
}

func (h *Hours) location() *time.Location {
	if h.Location == nil {
		return time.UTC
	}
	return h.Location
}

// holds reports whether one of the intervals of a day holds the minute.
func holds(day [][2]int, minute int) bool {
	for _, span := range day {
		if valid(span) && span[0] <= minute && minute < span[1] {
			return true
		}
	}
	return false
}

func valid(span [2]int) bool {
	return span[0] >= 0 && span[0] < minutesOfDay && span[0] < span[1] && span[1] <= 2*minutesOfDay
}
