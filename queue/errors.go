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
	// ErrNoRoom: the agent's capacity, or his limit for the channel, is reached,
	// or he is busy with a call.
	ErrNoRoom     = errors.New("queue: the agent has no room for it")
	ErrPriority   = errors.New("queue: a priority is 0 to 3")
	ErrTaken      = errors.New("queue: an agent has it")
	ErrNotAllowed = errors.New("queue: the agent may not take it") // not a member, or a skill is missing
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

// UnfitError says why an agent cannot be given an item (HTTP 409).
type UnfitError struct {
	Agent account.ID // "": nobody can
	// Field is what stands against it: "channel", "agent", "queue", "skill",
	// "level", or the limit of a channel: "chat.max", "email.max", ...
	Field string
	Limit string // what is asked
	Value string // what is, or would be
}

// Error implements error.
func (e *UnfitError) Error() string {
	return fmt.Sprintf("queue: it cannot be transferred: %s: limit %s, got %s", e.Field, e.Limit, e.Value)
}
