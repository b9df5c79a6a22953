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
}

// Open reports whether the promise still stands.
func (c Callback) Open() bool { panic("unbuilt") }

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
	ResultAgentFailed Result = "agent_failed" // not the player's fault: not counted
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
}

// Hours is when players may be called: minutes after midnight in Location, by
// weekday (0 Sunday). A nil Hours is always.
type Hours struct {
	Location *time.Location
	Days     [7][][2]int
}

// Next returns the first instant at or after t that the hours allow.
func (h *Hours) Next(t time.Time) time.Time { panic("unbuilt") }

// Config of a Book.
type Config struct {
	MaxAttempts   int             // 3
	RetryNoAnswer []time.Duration // 10m, 60m
	RetryBusy     time.Duration   // 3m
	RetryUnknown  time.Duration   // 60s
	Expiry        time.Duration   // 48h after confirmation
	CrashDelay    time.Duration   // a crash's callbacks are dialled no sooner: 10s
	PerDay        int             // confirmed per target in 24 h: 3
	Hours         *Hours
	Now           func() time.Time // nil: time.Now
}

// Book keeps the callbacks. Its methods may be called from any goroutine and
// wait for the store.
type Book struct{}

// NewBook makes a Book.
func NewBook(cfg Config, store Store) *Book { panic("unbuilt") }

// Confirm stores a promise. c carries Queue, Target, Kind, Key, EnqueuedAt,
// Priority, Language, Player, CallID, ContactID and windows; Confirm fills the
// rest (NotBefore by window, hours and, for KindCrash, CrashDelay). Errors:
// ErrUnreachable without a target, ErrOpen, ErrTooMany.
func (b *Book) Confirm(ctx context.Context, c Callback) (Callback, error) { panic("unbuilt") }

// Begin stores that an agent is reserved and the player is being dialled, before
// the INVITE leaves.
func (b *Book) Begin(ctx context.Context, id string, agent account.ID) (Callback, Attempt, error) {
	panic("unbuilt")
}

// Advance moves the running attempt to a later state (human_check, connecting, connected).
func (b *Book) Advance(ctx context.Context, id string, to State) (Callback, error) { panic("unbuilt") }

// Finish ends the running attempt. The callback is then done (connected), in
// retry_wait with NotBefore, or failed.
func (b *Book) Finish(ctx context.Context, id string, result Result) (Callback, error) {
	panic("unbuilt")
}

// Cancel ends a callback nobody wants; by is "player", "agent", "supervisor" or "recontact".
func (b *Book) Cancel(ctx context.Context, id, by string) (Callback, error) { panic("unbuilt") }

// Supersede ends it because the player came back by himself; his new call takes
// Key and EnqueuedAt of what is returned. ErrState while he is being dialled.
func (b *Book) Supersede(ctx context.Context, id string) (Callback, error) { panic("unbuilt") }

// Recover closes attempts that a crash left open (result unknown, not counted,
// NotBefore in RetryUnknown) and returns every open callback, ordered by key.
func (b *Book) Recover(ctx context.Context) ([]Callback, error) { panic("unbuilt") }
