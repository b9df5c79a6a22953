// Package hours says when a place is open: weekly intervals on the clock of its
// time zone, and whole days that are closed. Queues take calls by it, and
// callbacks are dialled by it.
//
// It holds pure functions of an instant; a Hours that is not changed may be
// used from any goroutine.
package hours

import (
	"fmt"
	"slices"
	"time"
)

// minutesOfDay is one day on the clock.
const minutesOfDay = 24 * 60

// horizon is how far Open and Next look: beyond a year nothing is announced.
const horizon = 366 * 24 * time.Hour

// Hours are intervals of minutes after midnight in Location, by weekday (0
// Sunday). A nil Hours is always. An interval holds its first minute and not
// its last; it may run past midnight (to at most 2880) into the next day. One
// that is empty or out of range holds nothing.
//
// What counts is what the clock on the wall shows: an hour that is skipped when
// the clocks change is no time, one that is shown twice is allowed twice.
type Hours struct {
	Location *time.Location // nil: UTC
	Days     [7][][2]int
	Closed   []string // days (time.DateOnly) on which no interval begins
}

// New makes Hours of a time zone by its IANA name ("": UTC). It reports what is
// no zone, no interval of one day, or no day.
func New(zone string, days [7][][2]int, closed []string) (*Hours, error) {
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return nil, fmt.Errorf("%q is not an IANA time zone, as Europe/Paris", zone)
	}
	for _, spans := range days {
		for _, span := range spans {
			if !valid(span) {
				return nil, fmt.Errorf("minutes %d to %d are no interval of a day", span[0], span[1])
			}
		}
	}
	for _, day := range closed {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return nil, fmt.Errorf("%q is not a day, as 2026-12-25", day)
		}
	}
	return &Hours{Location: location, Days: days, Closed: closed}, nil
}

// Allows reports whether the hours hold the instant t.
func (h *Hours) Allows(t time.Time) bool {
	if h == nil {
		return true
	}
	local := t.In(h.location())
	minute := local.Hour()*60 + local.Minute()
	year, month, day := local.Date()
	yesterday := time.Date(year, month, day-1, 12, 0, 0, 0, time.UTC)
	return holds(h.of(local), minute) || holds(h.of(yesterday), minute+minutesOfDay)
}

// of returns the intervals that begin on the day that t shows.
func (h *Hours) of(t time.Time) [][2]int {
	if slices.Contains(h.Closed, t.Format(time.DateOnly)) {
		return nil
	}
	return h.Days[int(t.Weekday())]
}

// Open reports whether the hours hold t, and the first instant after t at which
// that changes. next is the zero time when it does not within a year.
func (h *Hours) Open(t time.Time) (open bool, next time.Time) {
	open = h.Allows(t)
	if h == nil {
		return open, time.Time{}
	}
	// Walk from one point at which the answer can change to the next. A change
	// of the clocks is such a point too; between two of them the wall clock
	// runs evenly.
	last := t.Add(horizon)
	for at := t.In(h.location()); at.Before(last); {
		edge := h.nextEdge(at)
		if _, change := at.ZoneBounds(); !change.IsZero() && change.Before(edge) {
			edge = change.In(h.location())
		}
		if h.Allows(edge) != open {
			return open, edge.In(t.Location())
		}
		at = edge
	}
	return open, time.Time{}
}

// Next returns the first instant at or after t that the hours allow. It is the
// zero time when there is none within a year.
func (h *Hours) Next(t time.Time) time.Time {
	open, next := h.Open(t)
	if open {
		return t
	}
	return next
}

// nextEdge returns when the next interval begins or ends after at on a clock
// that runs evenly, or the next midnight.
func (h *Hours) nextEdge(at time.Time) time.Time {
	minute := at.Hour()*60 + at.Minute()
	edge := minutesOfDay
	nearer := func(days [][2]int, shift int) {
		for _, span := range days {
			for _, m := range span {
				if m -= shift; m > minute && m < edge {
					edge = m
				}
			}
		}
	}
	today := int(at.Weekday())
	nearer(h.Days[today], 0)
	nearer(h.Days[(today+6)%7], minutesOfDay) // what runs past midnight
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
