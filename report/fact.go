package report

import (
	"time"

	"pickup/account"
	"pickup/call"
)

// Entry is one entry of a queue. Zero times mean "has not happened".
type Entry struct {
	ID         string
	Queue      string
	Channel    call.Channel
	CallID     call.ID
	CallbackID string
	TicketID   string
	Agent      account.ID // who has, or had, it last; "": nobody
	EnteredAt  time.Time
	BridgedAt  time.Time // the wait ended: bridged, or what is written was taken
	EndedAt    time.Time
	Reason     call.EndReason // "" while it has not ended
	// Wait runs to the bridge, else to the end, else to now.
	Wait time.Duration
	// Again: it is in no figure, because it has waited before and was counted then (a
	// repair, a way back), or is no player but an agent who consults.
	Again bool
}

// Answered reports whether the entry was bridged to an agent. Who is talking
// counts; a bridge that came to an end that is none (a mis-click) does not.
func (e *Entry) Answered() bool {
	return e.Reason.CountsAnswered() || e.Reason == "" && !e.BridgedAt.IsZero()
}

// Waited is the wait of an entry with these stamps at now.
func Waited(entered, bridged, ended, now time.Time) time.Duration {
	switch {
	case !bridged.IsZero():
		return bridged.Sub(entered)
	case !ended.IsZero():
		return ended.Sub(entered)
	default:
		return now.Sub(entered)
	}
}

// Until is the entry as it stood at an instant: what came later has not happened.
func (e Entry) Until(at time.Time) Entry {
	if e.BridgedAt.After(at) {
		e.BridgedAt = time.Time{}
	}
	if e.EndedAt.After(at) {
		e.EndedAt, e.Reason = time.Time{}, ""
	}
	e.Wait = Waited(e.EnteredAt, e.BridgedAt, e.EndedAt, at)
	return e
}

// Offer is an entry shown to one agent.
type Offer struct {
	ID      string
	Item    string
	Queue   string
	Channel call.Channel
	Agent   account.ID
	At      time.Time
	EndedAt time.Time
	Outcome string // as call.Outcome is written; "" while it is open
}

// Handling is what an agent did with one call from the moment he had it to the
// end of his wrap-up. Item is "" for a call that no queue gave him.
type Handling struct {
	ID          string
	Item        string
	Queue       string
	Channel     call.Channel
	CallID      call.ID
	Agent       account.ID
	StartedAt   time.Time
	ReleasedAt  time.Time // talk over; zero while it lasts
	EndedAt     time.Time // wrap-up over
	Dial        time.Duration
	Talk        time.Duration // bridged with a player, not on hold; in conferences too
	Consult     time.Duration // was asked by a colleague who holds the player
	Hold        time.Duration
	Wrap        time.Duration
	Holds       int
	LongestHold time.Duration
}

// Span is one state of an agent. To is zero while it lasts.
type Span struct {
	Agent    account.ID
	State    string // as queue.AgentState is written
	Reason   string
	From, To time.Time
	Handling string // id of the Handling it belongs to; "": none
}

// Clip is how much of the span lies in [from, to); what lasts, lasts to now.
func (s *Span) Clip(from, to, now time.Time) time.Duration {
	start, end := s.From, s.To
	if end.IsZero() {
		end = now
	}
	if start.Before(from) {
		start = from
	}
	if end.After(to) {
		end = to
	}
	return max(0, end.Sub(start))
}

// Callback is a promise to call back, with what became of it.
type Callback struct {
	ID          string
	Queue       string
	CallID      call.ID
	State       string
	ConfirmedAt time.Time
	ReachedAt   time.Time // first attempt that connected; zero: none did
	WindowTo    time.Time // the promised window; zero: as soon as possible
	EndedAt     time.Time
	Attempts    int
}

// InWindow reports whether the player was reached in the promised time. One
// without a window was promised for as soon as possible, and is kept when he was
// reached at all.
func (c *Callback) InWindow() bool {
	return !c.ReachedAt.IsZero() && (c.WindowTo.IsZero() || !c.ReachedAt.After(c.WindowTo))
}
