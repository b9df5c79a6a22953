package ticket

import (
	"fmt"
	"time"
)

// transitions is the whole machine of a ticket. A pair that is absent is
// refused. Merged is entered and left by merges alone.
var transitions = map[State]map[State]bool{
	StateNew:     {StateOpen: true, StatePending: true, StateOnHold: true, StateSolved: true, StateMerged: true},
	StateOpen:    {StatePending: true, StateOnHold: true, StateSolved: true, StateMerged: true},
	StatePending: {StateOpen: true, StateOnHold: true, StateSolved: true, StateMerged: true},
	StateOnHold:  {StateOpen: true, StatePending: true, StateSolved: true, StateMerged: true},
	StateSolved:  {StateOpen: true, StateClosed: true, StateMerged: true},
}

// Allows reports whether a ticket in s may become to.
func (s State) Allows(to State) bool { return transitions[s][to] }

// Open reports whether the matter is not settled: new, open, pending_customer
// or on_hold.
func (s State) Open() bool {
	return s == StateNew || s == StateOpen || s == StatePending || s == StateOnHold
}

// Immutable reports whether nothing changes in s any more: closed or merged.
func (s State) Immutable() bool { return s == StateClosed || s == StateMerged }

// move is the only function that assigns the state of a ticket (a merge's undo
// apart, which restores it). It counts reopenings and keeps the times of the end.
func (t *Ticket) move(to State, at time.Time) error {
	if t.State == to {
		return nil
	}
	if !t.State.Allows(to) {
		if t.State.Immutable() {
			return fmt.Errorf("%w: ticket %d is %s", ErrImmutable, t.Number, t.State)
		}
		return fmt.Errorf("%w: ticket %d cannot go from %s to %s", ErrState, t.Number, t.State, to)
	}
	if t.State == StateSolved && to == StateOpen {
		t.Reopened++
		t.SolvedAt = time.Time{}
	}
	switch to {
	case StateSolved:
		t.SolvedAt = at
	case StateClosed:
		t.ClosedAt = at
	}
	t.State = to
	return nil
}
