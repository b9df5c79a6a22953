package callback

import (
	"time"

	"pickup/internal/hours"
)

// Due returns the first instant at or after t at which the player of c may be
// called: in the hours of its queue, of callbacks, and those in which his number
// may be dialled. It is the zero time when there is none within a year.
func (b *Book) Due(c Callback, t time.Time) time.Time { return meet(b.hoursOf(c, t), t) }

// hoursOf are all that must allow a call of c.
func (b *Book) hoursOf(c Callback, t time.Time) []*hours.Hours {
	var all []*hours.Hours
	if b.cfg.Hours != nil {
		all = append(all, b.cfg.Hours(c.Queue)...)
	}
	if rules := b.rules(); rules != nil {
		all = append(all, rules.quiet(c, t)...)
	}
	return all
}

// meet returns the first instant at or after t that all hours allow, or the zero
// time.
func meet(all []*hours.Hours, t time.Time) time.Time {
	for range 1000 { // hours that never meet go on by half a day at each turn
		at := t
		for _, h := range all {
			if t = h.Next(t); t.IsZero() {
				return t
			}
		}
		if t.Equal(at) {
			return t
		}
	}
	return time.Time{}
}

// closing returns the first instant after due, which all allow, at which one does
// no more; zero: within a year there is none.
func closing(all []*hours.Hours, due time.Time) time.Time {
	last := time.Time{}
	for _, h := range all {
		if _, closes := h.Open(due); !closes.IsZero() && (last.IsZero() || closes.Before(last)) {
			last = closes
		}
	}
	return last
}

// lastHour moves the end of a promise that falls on a time at which nobody is
// called: to the end of the next hours.
func (b *Book) lastHour(c Callback, end time.Time) time.Time {
	all := b.hoursOf(c, end)
	due := meet(all, end)
	if due.Equal(end) || due.IsZero() {
		return end
	}
	if last := closing(all, due); !last.IsZero() {
		return last
	}
	return end
}

// expiry is the last instant of a promise whose turn may come at begin: so long
// after it as is configured, or at the end of the next business day, which is the
// next day of the site's calendar, not a Saturday or Sunday where no hours say
// which days are worked, on which he may be called.
func (b *Book) expiry(c Callback, begin time.Time) time.Time {
	if b.cfg.Expiry > 0 {
		return b.lastHour(c, begin.Add(b.cfg.Expiry))
	}
	year, month, day := begin.In(b.cfg.Location).Date()
	for n := 1; n <= 31; n++ {
		from := time.Date(year, month, day+n, 0, 0, 0, 0, b.cfg.Location)
		to := time.Date(year, month, day+n+1, 0, 0, 0, 0, b.cfg.Location)
		all := b.hoursOf(c, from)
		if !b.works(c, from) {
			continue
		}
		end, at := time.Time{}, from
		for { // the end of the last interval of the day
			due := meet(all, at)
			if due.IsZero() || !due.Before(to) {
				break
			}
			end = closing(all, due)
			if end.IsZero() || !end.Before(to) {
				return to
			}
			at = end
		}
		if !end.IsZero() {
			return end
		}
	}
	return b.lastHour(c, begin.AddDate(0, 0, 1))
}

// works reports whether a day is worked: by the hours of the queue, else it is no
// Saturday and no Sunday.
func (b *Book) works(c Callback, day time.Time) bool {
	if b.cfg.Hours != nil {
		for _, h := range b.cfg.Hours(c.Queue) {
			if h != nil {
				return true // what they do not allow, meet does not find
			}
		}
	}
	return day.Weekday() != time.Saturday && day.Weekday() != time.Sunday
}
