// Package callback keeps promises: a player who does not want to wait leaves
// his place in the queue to a callback, which is dialled at his turn.
//
// It holds the state machine of a callback, the rules of attempts, windows and
// quiet hours, and Book, which makes each step durable before anybody is told.
// It dials nothing (callflow does) and knows no SQL.
package callback

import (
	"context"
	"errors"
	"time"

	"pickup/account"
	"pickup/call"
)

// Errors of the package.
var (
	ErrNotFound    = errors.New("callback: no such callback")
	ErrOpen        = errors.New("callback: one is already open for this person") // HTTP 409
	ErrUnreachable = errors.New("callback: no way to reach this person")         // HTTP 422
	ErrTooMany     = errors.New("callback: too many requests for this person today")
	ErrState       = errors.New("callback: not possible in this state")
)

// TargetKind says how a callback reaches its player.
type TargetKind string

// The kinds of target.
const (
	TargetNumber    TargetKind = "number"     // E.164 through a trunk
	TargetSIPSource TargetKind = "sip_source" // "<user>@<transport>:<address>": where his INVITE came from
	TargetBrowser   TargetKind = "browser"    // the id of his browser call: its event stream is told
)

// Kind says why a callback exists.
type Kind string

// The kinds.
const (
	KindKeepPlace Kind = "keep_place"
	KindScheduled Kind = "scheduled"
	KindAbandoned Kind = "abandoned"
	KindCrash     Kind = "crash"
	KindDropped   Kind = "dropped"
)

// Callback is one promise.
type Callback struct {
	ID          string
	CallID      call.ID // the call that asked for it, or ""
	ItemID      string  // its entry of the queue
	ContactID   string
	TicketID    string
	Queue       string
	Language    string
	Player      string // display: user part or number
	TargetKind  TargetKind
	Target      string
	Kind        Kind
	Key         int64 // unix ms: the key of the place that is kept
	Priority    int
	EnqueuedAt  time.Time // when the player first entered the queue
	WindowFrom  time.Time
	WindowTo    time.Time
	State       State
	Detail      string
	Attempts    int // counted ones
	MaxAttempts int
	NotBefore   time.Time
	ExpiresAt   time.Time
	ConfirmedAt time.Time
	EndedAt     time.Time

	Proof Proof // how it is known that the target is his
	// OwnerID is the agent who promised it, to whom it is offered until OwnerUntil;
	// then it is the queue's. "": the queue's from the beginning.
	OwnerID    account.ID
	OwnerUntil time.Time
	// Code is what he enters in place of 1 when he has picked up: the page from
	// which the number came shows it. "": 1 is enough.
	Code string
	// CancelSHA256 is the hash of the secret in the link by which he cancels it;
	// "": he was given none.
	CancelSHA256 string
	// PromisedBy is when it is late: the end of the window, or Config.Promise after
	// the first instant at which it may be dialled. ConnectedAt is when they talked.
	PromisedBy  time.Time
	ConnectedAt time.Time
}

// Proof says how it is known that a target is the person's.
type Proof string

// The proofs. "" is a bare caller ID, which anybody can write.
const (
	ProofSource    Proof = "source"    // where his call came from, or his page: nobody else is reached there
	ProofConfirmed Proof = "confirmed" // he heard the caller ID and pressed 1
	ProofKeyed     Proof = "keyed"     // he entered the number
	ProofAccount   Proof = "account"   // the operator's site said so
	ProofStaff     Proof = "staff"     // somebody of ours entered it
	ProofCode      Proof = "code"      // it is proved when he enters the code
)

// Kept reports whether they talked by the time that was promised.
func (c Callback) Kept() bool { return !c.ConnectedAt.IsZero() && !c.ConnectedAt.After(c.PromisedBy) }

// DetailNoTrunk is the Detail of a callback that stands but is not tried: no
// enabled trunk takes its number.
const DetailNoTrunk = "no_trunk"

// Open reports whether the promise still stands.
func (c Callback) Open() bool { return c.State != "" && !c.State.Terminal() }

// Result of an attempt.
type Result string

// The results.
const (
	ResultConnected   Result = "connected"
	ResultNoAnswer    Result = "no_answer"
	ResultBusy        Result = "busy"
	ResultInvalid     Result = "invalid"
	ResultBlocked     Result = "blocked"
	ResultMachine     Result = "machine"      // answered, but 1 was not pressed
	ResultAgentFailed Result = "agent_failed" // no agent took it and the player went: not counted, again after RetryBusy
	ResultUnknown     Result = "unknown"      // we crashed while dialling: not counted, again after 60 s
)

// Attempt is one dialling.
type Attempt struct {
	ID         string
	CallbackID string
	AgentID    account.ID
	StartedAt  time.Time
	EndedAt    time.Time
	Result     Result
	Counted    bool
}

// Store of callbacks. Confirm refuses with ErrOpen a second open one for the
// same target or contact. Every method is durable when it returns.
type Store interface {
	ConfirmCallback(ctx context.Context, c Callback) error
	SaveCallback(ctx context.Context, c Callback) error            // update by id
	BeginAttempt(ctx context.Context, c Callback, a Attempt) error // both rows, one act; ErrOpen when an attempt is open
	EndAttempt(ctx context.Context, c Callback, a Attempt) error   // both rows, one act
	Callback(ctx context.Context, id string) (Callback, error)
	OpenCallbacks(ctx context.Context) ([]Callback, error) // ordered by key, id
	OpenAttempts(ctx context.Context) ([]Attempt, error)   // begun before a crash
	// CallbackHistory counts what was asked for and dialled for the person of c,
	// by target and, where it is known, contact.
	CallbackHistory(ctx context.Context, c Callback, since Since) (History, error)
}

// Since says from when on each count of a History counts.
type Since struct {
	Requests time.Time
	Unasked  time.Time
}

// History is what was done for a person.
type History struct {
	Requests int // callbacks that he, or somebody for him, asked for: not those of a crash
	Unasked  int // diallings of callbacks that nobody asked for
}
