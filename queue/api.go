// Package queue is the shared queue and the agents who serve it: items of every
// channel, order, offers, presence, wrap-up, capacity and the figures.
//
// One goroutine (Domain.Run) owns all of it; Core, the engine inside, is pure:
// events in, effects out, no clock, no I/O. The package opens no socket and
// knows no SQL. DESIGN.md says how.
package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"pickup/account"
	"pickup/call"
)

// Errors of the package, tested with errors.Is.
var (
	ErrUnknownQueue = errors.New("queue: no such queue")
	ErrUnknownAgent = errors.New("queue: no such agent")
	ErrFull         = errors.New("queue: the queue is full") // its maximum length is reached
	ErrClosed       = errors.New("queue: the queue is closed")
	ErrGone         = errors.New("queue: no such item or offer any more")
	ErrStopped      = errors.New("queue: stopped")
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

// ItemID and OfferID name an entry of the queue and one showing of it to an agent.
type (
	ItemID  string
	OfferID string
)

// Class is the first part of the order, least first.
type Class int

// The classes.
const (
	ClassRepair   Class = 0 // to be repaired at once: the agent failed after pick-up. "Front of the queue"
	ClassLive     Class = 1 // somebody waits at this moment
	ClassDeferred Class = 2 // written messages and tickets
)

// Need is a skill an item asks for.
type Need struct {
	Skill string
	Level int // 1..5, minimum
}

// Item is what waits. Channel, Queue and ID are required.
type Item struct {
	ID              ItemID
	Channel         call.Channel
	Queue           string // name, case-insensitive
	CallID          call.ID
	CallbackID      string
	Language        string
	Player          string    // shown to the agent: user part or number, never logged
	Priority        int       // 0 low .. 3 urgent; 1 is normal
	Class           Class     // set by Join from the channel, unless Front
	Front           bool      // join in class 0
	Key             int64     // unix ms; 0: Join computes enqueued + target - (priority-1) x 60,000
	EnqueuedAt      time.Time // zero: now. A callback keeps that of its call
	NotBefore       time.Time // not offered earlier; zero: at once
	Needs           []Need
	Lease           time.Duration // how long a reservation may last; 0: ring time + 8 s
	Preferred       account.ID    // offered to him first until PreferredUntil
	PreferredUntil  time.Time
	CountsAsOffered bool // false for an item that joins again (already counted)
}

// Config of a Domain. Zero values mean the defaults named.
type Config struct {
	RingTime     time.Duration // how long an agent's devices ring: 12s
	ShortAbandon time.Duration // 5s
	MaxMissed    int           // missed call offers in a row until not_ready(no_answer): 1; -1: never
	CommitWait   time.Duration // an offer leaves uncommitted after this without an answer of the store: 50ms; -1: never leaves uncommitted
	// OnChange is told of each change that a screen shows. It must not block.
	OnChange func(Change)
}

// Change is one thing that a screen shows.
type Change struct {
	Topic string // "queue", "agent"
	ID    string // queue name or account id
}

// QueueConfig is one queue as it is configured.
type QueueConfig struct {
	ID            string
	Name          string            // dialled name, lower case
	Title         map[string]string // by language, what screens show
	Enabled       bool
	Target        time.Duration // 30s
	TargetPercent int           // 80
	MaxWait       time.Duration // 0: no limit; then overflow_time
	MaxLength     int           // 0: no limit; then ErrFull
	WrapUp        time.Duration // timed wrap-up after a call; 0: none
	Members       []Member
}

// Member is an agent of a queue.
type Member struct {
	Agent account.ID
	Rank  int // lower is tried first
}

// AgentConfig is one agent as he is configured.
type AgentConfig struct {
	ID        account.ID
	Login     string
	Name      string
	AutoReady bool // ready when he goes from no device to one
	Skills    map[string]int
}

// AgentState is where an agent stands.
type AgentState string

// The states of an agent.
const (
	AgentOffline     AgentState = "offline"
	AgentNotReady    AgentState = "not_ready"
	AgentReady       AgentState = "ready"
	AgentReserved    AgentState = "reserved"
	AgentConnecting  AgentState = "connecting"
	AgentTalking     AgentState = "talking"
	AgentHolding     AgentState = "holding"
	AgentConsulting  AgentState = "consulting"
	AgentConference  AgentState = "conference"
	AgentDialing     AgentState = "dialing"
	AgentWrapUp      AgentState = "wrap_up"
	AgentUnreachable AgentState = "unreachable"
)

// Offer is an item shown to one agent.
type Offer struct {
	ID          OfferID
	Item        Item
	Agent       account.ID
	AgentLogin  string
	RingTime    time.Duration
	Deadline    time.Time
	Why         string // why this agent: shown and stored
	Uncommitted bool   // left before the store had answered
}

// NoticeKind says what the owner of the queue tells the owner of an item.
type NoticeKind int

// The kinds of notice. An item has at most one outstanding Offer, its Withdraw
// and its End, so a channel of four is never full.
const (
	NoticeOffer    NoticeKind = iota + 1 // ring this agent: Offer
	NoticeWithdraw                       // stop ringing: Offer.ID. The legs are cancelled; say Final when they are
	NoticeEnd                            // the queue ended the item: Reason (maximum wait, closed, withdrawn)
)

// Notice to the owner of an item.
type Notice struct {
	Kind   NoticeKind
	Offer  Offer
	Reason call.EndReason
}

// Place is where an item stands. It is read, never sent.
type Place struct {
	Position     int           // 1 is next; 0: not waiting
	EstimateLow  time.Duration // 0 and 0: not enough samples to say
	EstimateHigh time.Duration
	AgentsOnDuty int // members who are neither offline nor unreachable
}

// Store is what the Domain asks to be made durable. CommitDecisions writes what
// gathered, one SAVEPOINT each, and returns one error for each (nil: durable).
// It is called from the commit goroutine only, never from the owner.
type Store interface {
	CommitDecisions(ctx context.Context, decisions []Decision) []error
}

// DecisionKind names a decision of the owner.
type DecisionKind string

// The closed set of decisions.
const (
	DecisionEnqueue    DecisionKind = "enqueue"     // Item
	DecisionOffer      DecisionKind = "offer"       // Item.ID, Offer, Agent
	DecisionAccept     DecisionKind = "accept"      // Offer won the item (compare-and-set on the item)
	DecisionRelease    DecisionKind = "release"     // reservation is over: Outcome
	DecisionReleasing  DecisionKind = "releasing"   // withdrawn, legs not final yet
	DecisionRequeue    DecisionKind = "requeue"     // item waits again: Item.Class, Item.Key, Item.NotBefore
	DecisionBridged    DecisionKind = "bridged"     // item
	DecisionEnd        DecisionKind = "end"         // item ended: Reason
	DecisionAgentState DecisionKind = "agent_state" // Agent, State, StateReason
)

// Decision is one fact to be stored in order.
type Decision struct {
	Kind        DecisionKind
	At          time.Time
	Item        Item
	QueueID     string
	Offer       OfferID
	Agent       account.ID
	Outcome     call.Outcome
	Why         string
	Deadline    time.Time
	Reason      call.EndReason
	State       AgentState
	StateReason string
}

// Domain is a routing domain: all queues that share agents, and their owner.
// Its methods may be called from any goroutine; those without a context never
// wait, and are applied in the order in which one goroutine called them.
type Domain struct{}

// New makes a Domain; nothing happens before Run.
func New(cfg Config, store Store, log *slog.Logger) (*Domain, error) { panic("unbuilt") }

// Run owns the queue until ctx ends; then it answers every waiting request with
// ErrStopped and commits what it decided.
func (d *Domain) Run(ctx context.Context) error { panic("unbuilt") }

// Configure replaces queues and agents. It applies to the next offer; running
// offers and calls keep their parameters. Agents keep their state.
func (d *Domain) Configure(ctx context.Context, queues []QueueConfig, agents []AgentConfig) error {
	panic("unbuilt")
}

// RestoreAgents gives agents the state they had before a restart (only
// not_ready with its reason, and a ready that a person chose, are taken over).
func (d *Domain) RestoreAgents(ctx context.Context, states map[account.ID]AgentView) error {
	panic("unbuilt")
}

// Has reports whether a queue of that name is enabled (case-insensitive). It
// reads a copy and never waits.
func (d *Domain) Has(name string) (QueueConfig, bool) { panic("unbuilt") }

// Join puts an item in its queue. Errors: ErrUnknownQueue, ErrFull, ErrClosed, ErrStopped.
func (d *Domain) Join(ctx context.Context, item Item) (*Entry, error) { panic("unbuilt") }

// Entry is an item's end of the queue.
type Entry struct{}

// ID of the item.
func (e *Entry) ID() ItemID { panic("unbuilt") }

// Item as it joined, Key and EnqueuedAt set.
func (e *Entry) Item() Item { panic("unbuilt") }

// Notices carries Offer, Withdraw and End; it is closed after End and after Leave.
func (e *Entry) Notices() <-chan Notice { panic("unbuilt") }

// Place reads the latest place and estimate; it never waits.
func (e *Entry) Place() Place { panic("unbuilt") }

// Ringing: the first device of the offer rings.
func (d *Domain) Ringing(o OfferID) { panic("unbuilt") }

// Answered asks whether o wins its item: a device of the agent answered.
// True: the item had no winner, the agent is connecting, any other offer of the
// item is withdrawn (its owner gets NoticeWithdraw). A withdrawn or missed
// offer whose legs are not final may still win (rescue). False: hang that leg up.
func (d *Domain) Answered(ctx context.Context, o OfferID) (bool, error) { panic("unbuilt") }

// Missed ends an offer without a winner; the item goes back to its place at
// once, with its key. The agent is judged by outcome (telephony rules: missed
// and rejected count, busy delays 15 s, unreachable until SetReachable, ...).
// He stays reserved (releasing) until Final.
func (d *Domain) Missed(o OfferID, outcome call.Outcome) { panic("unbuilt") }

// Defer ends an offer without judging the agent, and offers the item no sooner
// than notBefore (a callback whose player did not answer). front moves the
// item to class 0.
func (d *Domain) Defer(o OfferID, notBefore time.Time) { panic("unbuilt") }

// Final: every leg to the agent under o has its final response, or its BYE was
// answered, or timed out. Only now can he get another offer. Idempotent.
func (d *Domain) Final(o OfferID) { panic("unbuilt") }

// Bridged: the winner o and the player are joined: the wait ends.
func (d *Domain) Bridged(o OfferID) { panic("unbuilt") }

// Held: the agent of o holds the player, or retrieved him.
func (d *Domain) Held(o OfferID, on bool) { panic("unbuilt") }

// AgentLost: the winner's leg failed or hung up while the player stays. The
// item goes to class 0 and waits again; no retry delay. outcome says why:
// OutcomeMedia makes the agent unreachable(media), OutcomeUnreachable
// unreachable, OutcomeRejected is a hang-up within 2 s of the bridge (second
// one: not_ready(dropped)).
func (d *Domain) AgentLost(o OfferID, outcome call.Outcome) { panic("unbuilt") }

// Release: the talk of o is over (either side hung up); the item ends with
// reason (answered or abandoned_on_hold), the agent goes to wrap-up, and may be
// offered again when that and Final are through.
func (d *Domain) Release(o OfferID, reason call.EndReason) { panic("unbuilt") }

// Leave ends an item that has no bridge: the player left, confirmed a callback,
// or was taken out. reason "" lets the queue say which kind of abandon it was:
// short_abandoned, abandoned, or abandoned_ringing. A running offer is withdrawn
// without blame (NoticeWithdraw is not sent: the caller of Leave cancels its
// own legs) and its agent keeps his idle rank. It returns the reason stored.
func (d *Domain) Leave(ctx context.Context, item ItemID, reason call.EndReason) (call.EndReason, error) {
	panic("unbuilt")
}

// SetState is a person's choice: ready, not_ready(reason) or offline. During a
// call it is kept and applied after wrap-up; in wrap-up ready ends it. Reserved:
// not_ready withdraws the offer. Errors: *RefusedError, ErrUnknownAgent.
func (d *Domain) SetState(ctx context.Context, agent account.ID, state AgentState, reason string) error {
	panic("unbuilt")
}

// EndWrapUp ends a wrap-up early. Errors: *RefusedError when not in wrap-up.
func (d *Domain) EndWrapUp(ctx context.Context, agent account.ID) error { panic("unbuilt") }

// SetReachable says how many devices of the agent can be rung. From 0 to more:
// ready where AutoReady, and unreachable ends; to 0: offline.
func (d *Domain) SetReachable(agent account.ID, devices int) { panic("unbuilt") }

// Occupy: the agent's phone is in a call of its own (feature code, direct call).
func (d *Domain) Occupy(agent account.ID, busy bool) { panic("unbuilt") }

// Withdraw takes a waiting item out by hand (supervisor): End withdrawn_by_supervisor.
func (d *Domain) Withdraw(ctx context.Context, item ItemID) error { panic("unbuilt") }

// AgentView is a copy of an agent for screens.
type AgentView struct {
	ID          account.ID
	Login, Name string
	State       AgentState
	Reason      string
	Since       time.Time
	Devices     int
	CallID      call.ID
	Offer       OfferID
	WrapUpUntil time.Time
	NextState   AgentState // applied after wrap-up; "" when none
}

// Agents returns a copy, ordered by login. It never waits for the owner.
func (d *Domain) Agents() []AgentView { panic("unbuilt") }

// QueueView is what a queue looks like now.
type QueueView struct {
	Config                                QueueConfig
	Waiting                               int // waiting and offered
	LongestWait                           time.Duration
	AgentsReady, AgentsBusy, AgentsWrapUp int
	EstimateLow, EstimateHigh             time.Duration
}

// Queues returns a copy, ordered by name. It never waits for the owner.
func (d *Domain) Queues() []QueueView { panic("unbuilt") }

// EndedEntry is a stored entry as the figures need it.
type EndedEntry struct {
	Queue      string
	Channel    call.Channel
	EnqueuedAt time.Time
	Wait       time.Duration
	Reason     call.EndReason // "" for an entry that has not ended
	Bridged    bool
}

// Figures of a queue in a window; the formula of the percentage is headline/1:
// answered with wait <= target, over answered + abandoned + overflowed without
// short abandons.
type Figures struct {
	Offered, Answered, AnsweredInTarget, Abandoned, ShortAbandoned, Overflowed, CallbackRequested int
	MeanWait, P50Wait, P90Wait, P95Wait                                                           time.Duration
	Percent                                                                                       *float64 // nil when nothing counted
}

// Compute makes the figures of live entries (kind call) against a target.
// Offered includes entries that are still waiting or talking.
func Compute(entries []EndedEntry, target time.Duration) Figures { panic("unbuilt") }
