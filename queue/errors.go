package queue

import (
	"errors"
	"fmt"

	"pickup/account"
)

// Errors of the package, tested with errors.Is.
var (
	ErrUnknownQueue = errors.New("queue: no such queue")
	ErrUnknownAgent = errors.New("queue: no such agent")
	ErrFull         = errors.New("queue: the queue is full") // its maximum length is reached
	ErrClosed       = errors.New("queue: the queue is closed")
	ErrGone         = errors.New("queue: no such item or offer any more")
	// ErrAnswered: an agent answered before the player asked for something else.
	ErrAnswered = errors.New("queue: an agent answered first")
	ErrStopped  = errors.New("queue: stopped")
)

// RefusedError says why a change of an agent's state was refused (HTTP 409).
type RefusedError struct {
	Agent account.ID
	State AgentState // where he is
	Want  AgentState
	Why   string
}

// Error implements error.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("queue: agent cannot go from %s to %s: %s", e.State, e.Want, e.Why)
}
