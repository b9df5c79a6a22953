package report

import (
	"slices"
	"strings"
	"time"

	"pickup/call"
)

// Source is where a Count comes from, and with it the instant by which it falls
// into an interval.
type Source string

// The sources. An entry counts when it entered the queue, an offer when it was
// made, a handling when the agent released the call, a call when it ended, and a
// callback when it was confirmed.
const (
	SourceEntries   Source = "entries"
	SourceOffers    Source = "offers"
	SourceHandlings Source = "handlings"
	SourceCalls     Source = "calls"
	SourceCallbacks Source = "callbacks"
)

// Attribution says by which instant facts of a source fall into an interval.
func (s Source) Attribution() string {
	switch s {
	case SourceEntries:
		return "t_enqueue"
	case SourceOffers:
		return "t_offer"
	case SourceHandlings:
		return "t_release"
	case SourceCalls:
		return "t_end"
	case SourceCallbacks:
		return "t_confirm"
	default:
		return ""
	}
}

// Count names a number of facts.
type Count string

// The counts of entries.
const (
	Offered           Count = "offered"             // entered the queue, each once
	Answered          Count = "answered"            // were bridged, for the first agent only
	AnsweredInTarget  Count = "answered_in_target"  // with a wait <= target
	AnsweredLate      Count = "answered_late"       // with a longer one
	NotAnswered       Count = "not_answered"        // not bridged, or not yet
	Abandoned         Count = "abandoned"           // left while waiting, short abandons included
	AbandonedInTarget Count = "abandoned_in_target" // with a wait <= target
	ShortAbandoned    Count = "short_abandoned"     // below the limit of short abandons
	Overflowed        Count = "overflowed"          // left by a rule of overflow
	CallbackRequested Count = "callback_requested"  // a callback was confirmed in their place
	Open              Count = "open"                // have not ended
	Rejoined          Count = "rejoined"            // waited again, not counted as offered
)

// The counts of offers.
const (
	Offers          Count = "offers"
	OffersAnswered  Count = "offers_answered"
	OffersMissed    Count = "offers_missed"    // rang for the ring time
	OffersRefused   Count = "offers_refused"   // rejected, do not disturb, forwarded
	OffersFailed    Count = "offers_failed"    // busy, unreachable, no media
	OffersWithdrawn Count = "offers_withdrawn" // taken back: the caller left, or another agent won
	OffersOpen      Count = "offers_open"
)

// The counts of handlings.
const (
	Handled     Count = "handled"      // calls that an agent released
	HandledHeld Count = "handled_held" // in which he held the player
)

// The counts of calls.
const (
	CallsEnded      Count = "calls_ended" // that were bridged
	Transferred     Count = "transferred" // given away at least once
	TransferredBlnd Count = "transferred_blind"
	TransferredAttd Count = "transferred_attended"
	TransferredOut  Count = "transferred_external"
	Consulted       Count = "consulted" // somebody was consulted in it
	Conferenced     Count = "conferenced"
	AgentHungUp     Count = "agent_hung_up" // the agent released first
	AbnormalEnd     Count = "abnormal_end"  // dead media, 5xx or restart
	Promised        Count = "promised"      // an estimate was told, and the player was bridged
	PromiseKept     Count = "promise_kept"  // within its upper bound
)

// The counts of callbacks.
const (
	CallbacksConfirmed Count = "callbacks_confirmed"
	CallbacksReached   Count = "callbacks_reached"
	CallbacksInWindow  Count = "callbacks_in_window"
	CallbacksOpen      Count = "callbacks_open"
)

// Ended and an end reason name the entries that ended so, as "ended:abandoned".
const Ended = "ended:"

// EndedAs is the count of entries that ended for a reason.
func EndedAs(r call.EndReason) Count { return Count(Ended + string(r)) }

// counting are the counts of each source, in the order of reports; those of
// entries by their end reason come with reasons.
var counting = map[Source][]Count{
	SourceEntries: {
		Offered, Answered, AnsweredInTarget, AnsweredLate, NotAnswered, Abandoned, AbandonedInTarget, ShortAbandoned, Overflowed,
		CallbackRequested, Open, Rejoined,
	},
	SourceOffers:    {Offers, OffersAnswered, OffersMissed, OffersRefused, OffersFailed, OffersWithdrawn, OffersOpen},
	SourceHandlings: {Handled, HandledHeld},
	SourceCalls: {
		CallsEnded, Transferred, TransferredBlnd, TransferredAttd, TransferredOut, Consulted, Conferenced, AgentHungUp, AbnormalEnd,
		Promised, PromiseKept,
	},
	SourceCallbacks: {CallbacksConfirmed, CallbacksReached, CallbacksInWindow, CallbacksOpen},
}

func reasons() []Count {
	all := make([]Count, len(call.Reasons))
	for i, r := range call.Reasons {
		all[i] = EndedAs(r)
	}
	return all
}

// CountsOf returns the counts of a source, in the order of reports.
func CountsOf(s Source) []Count {
	all := slices.Clone(counting[s])
	if s == SourceEntries {
		all = append(all, reasons()...)
	}
	return all
}

// SourceOf returns where a count comes from; false when there is no such count.
func SourceOf(c Count) (Source, bool) {
	for s := range counting {
		if slices.Contains(CountsOf(s), c) {
			return s, true
		}
	}
	return "", false
}

// Counts reports whether c counts an entry whose queue has this target.
func (e *Entry) Counts(c Count, target time.Duration) bool {
	if c == Rejoined {
		return e.Again
	}
	if e.Again {
		return false
	}
	switch c {
	case Offered:
		return true
	case Answered:
		return e.Answered()
	case AnsweredInTarget:
		return e.Answered() && e.Wait <= target
	case AnsweredLate:
		return e.Answered() && e.Wait > target
	case NotAnswered:
		return !e.Answered()
	case Abandoned:
		return e.Reason.CountsAbandoned()
	case AbandonedInTarget:
		return e.Reason.CountsAbandoned() && e.Wait <= target
	case ShortAbandoned:
		return e.Reason == call.EndShortAbandoned
	case Overflowed:
		return e.Reason.CountsOverflowed()
	case CallbackRequested:
		return e.Reason == call.EndCallbackRequested
	case Open:
		return e.Reason == ""
	default:
		reason, ok := strings.CutPrefix(string(c), Ended)
		return ok && e.Reason != "" && string(e.Reason) == reason
	}
}

// Counts reports whether c counts an offer.
func (o *Offer) Counts(c Count) bool {
	switch c {
	case Offers:
		return true
	case OffersAnswered:
		return o.Outcome == call.OutcomeAnswered.String()
	case OffersMissed:
		return o.Outcome == call.OutcomeMissed.String()
	case OffersRefused:
		return is(o.Outcome, call.OutcomeRejected, call.OutcomeDND, call.OutcomeForwarded)
	case OffersFailed:
		return is(o.Outcome, call.OutcomeBusy, call.OutcomeUnreachable, call.OutcomeMedia)
	case OffersWithdrawn:
		return is(o.Outcome, call.OutcomeWithdrawn, call.OutcomeNone)
	case OffersOpen:
		return o.Outcome == ""
	default:
		return false
	}
}

func is(name string, any ...call.Outcome) bool {
	return slices.ContainsFunc(any, func(o call.Outcome) bool { return o.String() == name })
}

// Counts reports whether c counts a handling: one in which the agent had the
// player, and that is over.
func (h *Handling) Counts(c Count) bool {
	if h.ReleasedAt.IsZero() || h.Talk+h.Hold <= 0 { // it lasts, or he never had the player
		return false
	}
	return c == Handled || c == HandledHeld && h.Holds > 0
}

// Counts reports whether c counts a call.
func (f *CallFacts) Counts(c Count) bool {
	if !f.Bridged {
		return c == AbnormalEnd && f.Abnormal
	}
	switch c {
	case CallsEnded:
		return true
	case Transferred:
		return f.Blind+f.Attended+f.External > 0
	case TransferredBlnd:
		return f.Blind > 0
	case TransferredAttd:
		return f.Attended > 0
	case TransferredOut:
		return f.External > 0
	case Consulted:
		return f.Consults > 0
	case Conferenced:
		return f.Conferences > 0
	case AgentHungUp:
		return f.EndedBy == ByAgent
	case AbnormalEnd:
		return f.Abnormal
	case Promised:
		return f.promised()
	case PromiseKept:
		return f.promised() && f.ActualWait <= f.PromiseHigh
	default:
		return false
	}
}

// Counts reports whether c counts a callback.
func (c *Callback) Counts(what Count) bool {
	switch what {
	case CallbacksConfirmed:
		return true
	case CallbacksReached:
		return !c.ReachedAt.IsZero()
	case CallbacksInWindow:
		return c.InWindow()
	case CallbacksOpen:
		return c.EndedAt.IsZero()
	default:
		return false
	}
}
