package callback

import "time"

// Due returns the first instant at or after t at which the players of a queue
// may be called. It is the zero time when there is none within a year.
func (b *Book) Due(queue string, t time.Time) time.Time {
	if b.cfg.Hours == nil {
		return t
	}
	all := b.cfg.Hours(queue)
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

// lastHour moves the end of a promise that falls on a time at which nobody is
// called: to the end of the next hours.
func (b *Book) lastHour(queue string, end time.Time) time.Time {
	due := b.Due(queue, end)
	if due.Equal(end) || due.IsZero() {
		return end
	}
	last := time.Time{}
	for _, h := range b.cfg.Hours(queue) {
		if _, closes := h.Open(due); !closes.IsZero() && (last.IsZero() || closes.Before(last)) {
			last = closes
		}
	}
	if last.IsZero() {
		return end
	}
	return last
}
