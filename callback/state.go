package callback

import "fmt"

// State of a callback.
type State string

// The states. A row exists from the confirmation on.
const (
	StateQueued     State = "queued"
	StateDue        State = "due"
	StateReserving  State = "reserving"
	StateDialing    State = "dialing"
	StateHumanCheck State = "human_check"
	StateConnecting State = "connecting"
	StateConnected  State = "connected"
	StateRetryWait  State = "retry_wait"
	StateDone       State = "done"       // terminal
	StateFailed     State = "failed"     // terminal; Detail: no_answer, busy, invalid, blocked, machine
	StateExpired    State = "expired"    // terminal
	StateCancelled  State = "cancelled"  // terminal; Detail: by whom
	StateSuperseded State = "superseded" // terminal: he came back by himself
)

// Event is what happened to a callback.
type Event string

// The events of a callback.
const (
	EventTurn       Event = "turn"       // NotBefore has passed and it is its turn
	EventReserved   Event = "reserved"   // an agent is kept for it
	EventDialed     Event = "dialed"     // the player is being rung
	EventPickedUp   Event = "picked_up"  // somebody or something answered; asked to press 1
	EventAccepted   Event = "accepted"   // 1 was pressed: the agent's devices ring
	EventBridged    Event = "bridged"    // player and agent talk
	EventRetry      Event = "retry"      // this attempt failed, another one follows
	EventCompleted  Event = "completed"  // they talked: the promise is kept
	EventGaveUp     Event = "gave_up"    // no attempt is left, or none can help
	EventExpired    Event = "expired"    // past its last day
	EventCancelled  Event = "cancelled"  // nobody wants it any more
	EventSuperseded Event = "superseded" // he came back by himself
)

// transitions is the whole machine. A pair that is absent is refused: while the
// player is being dialled nobody cancels under the agent's hands, and a
// completed promise may follow from any step, since a late step is not told.
var transitions = map[State]map[Event]State{
	StateQueued: {
		EventTurn: StateDue, EventExpired: StateExpired, EventCancelled: StateCancelled, EventSuperseded: StateSuperseded,
	},
	StateDue: {
		EventReserved: StateReserving, EventExpired: StateExpired, EventCancelled: StateCancelled,
		EventSuperseded: StateSuperseded,
	},
	StateReserving: {
		EventDialed: StateDialing, EventRetry: StateRetryWait, EventExpired: StateExpired,
		EventCancelled: StateCancelled, EventSuperseded: StateSuperseded,
	},
	StateDialing: {
		EventPickedUp: StateHumanCheck, EventRetry: StateRetryWait, EventCompleted: StateDone,
		EventGaveUp: StateFailed, EventExpired: StateExpired,
	},
	StateHumanCheck: {
		EventAccepted: StateConnecting, EventRetry: StateRetryWait, EventCompleted: StateDone,
		EventGaveUp: StateFailed, EventExpired: StateExpired,
	},
	StateConnecting: {
		EventBridged: StateConnected, EventRetry: StateRetryWait, EventCompleted: StateDone,
		EventGaveUp: StateFailed, EventExpired: StateExpired,
	},
	StateConnected: {EventCompleted: StateDone},
	StateRetryWait: {
		EventTurn: StateDue, EventExpired: StateExpired, EventCancelled: StateCancelled, EventSuperseded: StateSuperseded,
	},
}

// Next returns the state that follows s after e.
// It returns s unchanged and a *TransitionError if s does not accept e.
func (s State) Next(e Event) (State, error) {
	to, ok := transitions[s][e]
	if !ok {
		return s, &TransitionError{From: s, Event: e}
	}
	return to, nil
}

// Terminal reports whether nothing follows s.
func (s State) Terminal() bool {
	switch s {
	case StateDone, StateFailed, StateExpired, StateCancelled, StateSuperseded:
		return true
	}
	return false
}

// Running reports whether an attempt is under way: the player is being dialled
// or is on the line.
func (s State) Running() bool {
	switch s {
	case StateDialing, StateHumanCheck, StateConnecting, StateConnected:
		return true
	}
	return false
}

// TransitionError says that a state does not accept an event. It is an
// ErrState for errors.Is.
type TransitionError struct {
	From  State
	Event Event
}

// Error implements error.
func (e *TransitionError) Error() string {
	return fmt.Sprintf("callback: state %s does not accept event %s", e.From, e.Event)
}

// Is makes every refused transition an ErrState.
func (e *TransitionError) Is(target error) bool { return target == ErrState }
