package callflow

import (
	"time"

	"pickup/call"
	"pickup/callback"
	"pickup/internal/e164"
)

// checkNumber says whether a number that a caller pressed, or came with, is one
// that we may dial.
func (s *Session) checkNumber(text string) checked {
	country := s.country()
	number, ok := e164.Normalize(text, country)
	if !ok {
		return checked{refusal: callback.ReasonInvalid}
	}
	c := callback.Callback{TargetKind: callback.TargetNumber, Target: number, Player: number, Queue: s.m.rec.Queue, Kind: callback.KindKeepPlace}
	if err := s.mgr.book.Permits(c); err != nil {
		return checked{refusal: callback.RefusalOf(err)}
	}
	if s.mgr.callbacks.route(c) != nil {
		return checked{refusal: callback.ReasonDenied}
	}
	return checked{number: number, spoken: e164.Dialled(number, country)}
}

// country is that of numbers without one: of the caller ID of the queue, else the
// site's.
func (s *Session) country() string {
	q, _ := s.mgr.queue.Has(s.m.rec.Queue)
	return e164.CountryOf(q.CallerID, s.mgr.cfg.Country)
}

// offersCallback reports whether a caller who waits is told that he can be called
// back: there is a way to reach him, and one of the conditions of the site holds.
func (s *Session) offersCallback(now time.Time) bool {
	r := &s.m.rec
	if s.m.outbound() || s.entry == nil || r.From.ReachBack == "" && r.From.Kind != call.PartyTrunk {
		return false
	}
	if s.mgr.cfg.Rules == nil {
		return true
	}
	if r.From.ReachBack != "" && r.From.Kind != call.PartyTrunk && s.mgr.book.Permits(s.callbackOf(confirmCallback{})) != nil {
		return false
	}
	o := s.mgr.cfg.Rules().Offer
	switch {
	case o.Estimate >= 0 && s.entry.Place().EstimateHigh > o.Estimate:
		return true
	case o.Waited >= 0 && now.Sub(r.EnqueuedAt) >= o.Waited:
		return true
	case o.Closing >= 0:
		q, _ := s.mgr.queue.Has(r.Queue)
		open, next := q.Hours.Open(now)
		return open && !next.IsZero() && next.Sub(now) <= o.Closing
	}
	return false
}
