package web

import (
	"context"

	"pickup/account"
	"pickup/call"
	"pickup/callback"
	"pickup/callflow"
)

// LiveCalls are the calls that are going on. Its methods may be called from any
// goroutine and do not wait for a session for longer than it takes to copy.
type LiveCalls interface {
	// Live returns a copy of a live call. ok is false once it has ended.
	Live(id call.ID) (v callflow.View, ok bool)
	// AllLive returns a copy of every live call, in any order.
	AllLive() []callflow.View
	// ByResume returns the live call whose Inbound.ResumeSHA256 was tokenSHA256.
	ByResume(tokenSHA256 string) (v callflow.View, ok bool)
	// Resume gives the call of that token a new player's leg, whose media is
	// negotiated; the old leg is ended. callflow.ErrEnded when there is no such
	// call any more.
	Resume(tokenSHA256 string, leg callflow.Leg) (call.ID, error)
	// Hangup ends a call; by is who asked, "" for the player.
	Hangup(ctx context.Context, id call.ID, by account.ID) error
	// Reprioritise moves a call that waits to the place of another priority: see
	// callflow.Manager.Reprioritise.
	Reprioritise(ctx context.Context, id call.ID, priority int, by account.ID, reason string) (before int, err error)
	// Operate does something with a live call: see callflow.Manager.Operate.
	Operate(ctx context.Context, id call.ID, op callflow.Operation) error
	// Call has an agent call a player: see callflow.Manager.Call.
	Call(ctx context.Context, o callflow.OutboundCall) (call.ID, error)
	// Target finds whom a login, the name of a queue or a number means.
	// callflow.ErrNoTarget, callflow.ErrNoTrunk.
	Target(name string) (callflow.Target, error)
	Link(id call.ID, ticketID, contactID string) bool
}

// Promises are the callbacks. Each is durable when the method returns, and the
// queue knows of it.
type Promises interface {
	// RequestCallback turns a waiting call into a callback that keeps its place;
	// by is who asked, "" for the player. Errors: callback.ErrOpen,
	// ErrUnreachable, ErrTooMany, ErrState, callflow.ErrEnded.
	RequestCallback(ctx context.Context, id call.ID, by account.ID) (callback.Callback, error)
	// AddCallback confirms a callback that no live call asked for and puts it in
	// its queue. Same errors, and queue.ErrUnknownQueue.
	AddCallback(ctx context.Context, c callback.Callback) (callback.Callback, error)
	// CancelCallback ends a callback nobody wants; by is "agent", "supervisor" or
	// "player". Errors: callback.ErrNotFound, ErrState.
	CancelCallback(ctx context.Context, id, by string) (callback.Callback, error)
}

// Calls is what this edge needs of the life of calls; *callflow.Manager is it.
type Calls interface {
	LiveCalls
	Promises
}
