package report

import (
	"maps"
	"slices"
	"time"
)

// Sums are what figures are made of. They add: the sums of a day are those of its
// intervals together. The zero value is empty.
type Sums struct {
	N map[Count]int64

	WaitAnswered, WaitAll, WaitAbandoned time.Duration // of entries
	waits                                []time.Duration
	Dial, Talk, Hold, Wrap               time.Duration // of handlings
	Holds                                int64
	LongestHold                          time.Duration
	misses                               []time.Duration // of estimates
	Attempts                             int64           // of callbacks that were reached
	ToCallback                           time.Duration   // from the confirmation until they were reached

	Handling, Idle, SignedIn time.Duration // of agents' states
}

func (s *Sums) count(c Count) {
	if s.N == nil {
		s.N = make(map[Count]int64, 24)
	}
	s.N[c]++
}

// AddEntry adds an entry of a queue with this target.
func (s *Sums) AddEntry(e *Entry, target time.Duration) {
	for _, c := range counting[SourceEntries] {
		if e.Counts(c, target) {
			s.count(c)
		}
	}
	if e.Again {
		return
	}
	if e.Reason != "" {
		s.count(EndedAs(e.Reason))
	}
	s.WaitAll += e.Wait
	switch {
	case e.Answered():
		s.WaitAnswered += e.Wait
		s.waits = append(s.waits, e.Wait)
	case e.Reason.CountsAbandoned():
		s.WaitAbandoned += e.Wait
	}
}

// AddOffer adds an offer.
func (s *Sums) AddOffer(o *Offer) {
	for _, c := range counting[SourceOffers] {
		if o.Counts(c) {
			s.count(c)
		}
	}
}

// AddHandling adds a handling in which the agent had the player, once he has
// released the call.
func (s *Sums) AddHandling(h *Handling) {
	if !h.Counts(Handled) {
		return
	}
	for _, c := range counting[SourceHandlings] {
		if h.Counts(c) {
			s.count(c)
		}
	}
	s.Dial += h.Dial
	s.Talk += h.Talk
	s.Hold += h.Hold
	s.Wrap += h.Wrap
	s.Holds += int64(h.Holds)
	s.LongestHold = max(s.LongestHold, h.LongestHold)
}

// AddCall adds a call that ended.
func (s *Sums) AddCall(f *CallFacts) {
	for _, c := range counting[SourceCalls] {
		if f.Counts(c) {
			s.count(c)
		}
	}
	if d, ok := f.Miss(); ok {
		s.misses = append(s.misses, d)
	}
}

// AddCallback adds a callback.
func (s *Sums) AddCallback(c *Callback) {
	for _, what := range counting[SourceCallbacks] {
		if c.Counts(what) {
			s.count(what)
		}
	}
	if !c.ReachedAt.IsZero() {
		s.Attempts += int64(c.Attempts)
		s.ToCallback += c.ReachedAt.Sub(c.ConfirmedAt)
	}
}

// AddState adds so much time of an agent in a state.
func (s *Sums) AddState(state string, d time.Duration) {
	switch {
	case state == "offline" || state == "unreachable":
		return
	case Works(state):
		s.Handling += d
	case state == "ready" || state == "reserved": // who is being rung has nothing to do yet
		s.Idle += d
	}
	s.SignedIn += d
}

// Works reports whether an agent in a state handles something: what occupancy
// counts.
func Works(state string) bool {
	switch state {
	case "connecting", "talking", "holding", "consulting", "conference", "dialing", "wrap_up":
		return true
	default:
		return false
	}
}

// Add adds other sums.
func (s *Sums) Add(o *Sums) {
	if s.N == nil {
		s.N = make(map[Count]int64, len(o.N))
	}
	for c, n := range o.N {
		s.N[c] += n
	}
	s.WaitAnswered += o.WaitAnswered
	s.WaitAll += o.WaitAll
	s.WaitAbandoned += o.WaitAbandoned
	s.waits = append(s.waits, o.waits...)
	s.Dial += o.Dial
	s.Talk += o.Talk
	s.Hold += o.Hold
	s.Wrap += o.Wrap
	s.Holds += o.Holds
	s.LongestHold = max(s.LongestHold, o.LongestHold)
	s.misses = append(s.misses, o.misses...)
	s.Attempts += o.Attempts
	s.ToCallback += o.ToCallback
	s.Handling += o.Handling
	s.Idle += o.Idle
	s.SignedIn += o.SignedIn
}

// Same reports whether two sums are equal; the order in which waits came is none
// of it.
func (s *Sums) Same(o *Sums) bool {
	a, b := *s, *o
	if !maps.Equal(positive(a.N), positive(b.N)) || !sameSet(a.waits, b.waits) || !sameSet(a.misses, b.misses) {
		return false
	}
	return a.WaitAnswered == b.WaitAnswered && a.WaitAll == b.WaitAll && a.WaitAbandoned == b.WaitAbandoned && a.Dial == b.Dial &&
		a.Talk == b.Talk && a.Hold == b.Hold && a.Wrap == b.Wrap && a.Holds == b.Holds && a.LongestHold == b.LongestHold &&
		a.Attempts == b.Attempts && a.ToCallback == b.ToCallback && a.Handling == b.Handling && a.Idle == b.Idle && a.SignedIn == b.SignedIn
}

func positive(n map[Count]int64) map[Count]int64 {
	out := maps.Clone(n)
	maps.DeleteFunc(out, func(_ Count, n int64) bool { return n == 0 })
	return out
}

func sameSet(a, b []time.Duration) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// percentile is the nearest-rank percentile (1 to 100) of values, which it sorts;
// ok is false when there are none.
func percentile(values []time.Duration, p int) (d time.Duration, ok bool) {
	if len(values) == 0 {
		return 0, false
	}
	if !slices.IsSorted(values) {
		slices.Sort(values)
	}
	return values[(len(values)*p+99)/100-1], true
}
