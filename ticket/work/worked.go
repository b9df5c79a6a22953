package work

import (
	"time"

	"pickup/call"
)

// Ended is the state of work that is on the board no more.
const Ended State = "ended"

// Worked is a piece of work as it is stored: how it was offered, and its end.
type Worked struct {
	Item
	EndedAt time.Time // zero: it is on the board, or was when the process ended
	Reason  call.EndReason
}

// OutcomeOf names what became of a stored offer: state of the reservation, and
// result once it was released.
func OutcomeOf(state, result string) string {
	switch {
	case state == "offered":
		return ""
	case state == "accepted", result == call.OutcomeAnswered.String():
		return "accepted"
	case result == "", result == call.OutcomeNone.String():
		return "withdrawn"
	}
	return result
}
