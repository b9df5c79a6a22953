package report

import (
	"errors"
	"fmt"
	"time"
)

// MaxWindow is the longest stretch of time that a report covers.
const MaxWindow = 400 * 24 * time.Hour

// Interval is the length of the parts of a report.
type Interval string

// The intervals. Days are those of the calendar of a place: 23 or 25 hours long
// when its clocks change.
const (
	Quarter Interval = "15m"
	Half    Interval = "30m"
	Hour    Interval = "1h"
	Day     Interval = "1d"
	Whole   Interval = "none" // one part
)

// Intervals are all intervals, as the API names them.
func Intervals() []Interval { return []Interval{Quarter, Half, Hour, Day, Whole} }

// ErrInterval is an interval that is none, or a window that cannot be.
var ErrInterval = errors.New("report: not an interval")

// Part is one interval: [From, To).
type Part struct{ From, To time.Time }

// Has reports whether an instant lies in the part.
func (p Part) Has(at time.Time) bool { return !at.Before(p.From) && at.Before(p.To) }

// Cut divides [from, to) into intervals of a place, most at a time; next is where
// the following ones begin, zero when there are none. The parts lie at the clock
// of the place, from its midnight on; the first and the last are cut off at from
// and to. When clocks go forward or back the parts keep their length: a day of 23
// hours has 46 halves, and one of 25 hours 50, told apart by their offset.
func Cut(from, to time.Time, every Interval, place *time.Location, most int) (parts []Part, next time.Time, err error) {
	if !from.Before(to) || to.Sub(from) > MaxWindow {
		return nil, next, fmt.Errorf("%w: the window must be longer than nothing and at most %d days", ErrInterval, int(MaxWindow.Hours()/24))
	}
	if every == Whole {
		return []Part{{from, to}}, next, nil
	}
	step, ok := map[Interval]time.Duration{Quarter: 15 * time.Minute, Half: 30 * time.Minute, Hour: time.Hour, Day: 0}[every]
	if !ok {
		return nil, next, fmt.Errorf("%w: %q", ErrInterval, string(every))
	}
	for at := from; at.Before(to); {
		if len(parts) == most {
			return parts, at, nil
		}
		end := ending(at, step, place)
		if end.After(to) {
			end = to
		}
		parts = append(parts, Part{at, end})
		at = end
	}
	return parts, next, nil
}

// ending is where the interval ends that an instant lies in; step 0 is a day.
func ending(at time.Time, step time.Duration, place *time.Location) time.Time {
	year, month, day := at.In(place).Date()
	tomorrow := midnight(year, month, day+1, place)
	if step == 0 {
		return tomorrow
	}
	start := midnight(year, month, day, place)
	end := start.Add((at.Sub(start)/step + 1) * step)
	if end.After(tomorrow) {
		return tomorrow
	}
	return end
}

// midnight is the first instant of a day. Where clocks change at midnight it is
// not there, or there twice.
func midnight(year int, month time.Month, day int, place *time.Location) time.Time {
	t := time.Date(year, month, day, 0, 0, 0, 0, place)
	want := time.Date(year, month, day, 12, 0, 0, 0, time.UTC).Day() // day may be that of the next month
	if t.Day() != want {                                             // midnight is skipped: the day begins when the clocks change
		_, t = t.ZoneBounds()
		return t
	}
	if begin, _ := t.ZoneBounds(); !begin.IsZero() && t.Sub(begin) < 3*time.Hour {
		if before := begin.Add(-time.Nanosecond); before.Day() == want { // midnight is there twice: the first counts
			return time.Date(before.Year(), before.Month(), before.Day(), 0, 0, 0, 0, fixed(before))
		}
	}
	return t
}

// fixed is the clock that was in force at an instant.
func fixed(at time.Time) *time.Location {
	name, offset := at.Zone()
	return time.FixedZone(name, offset)
}
