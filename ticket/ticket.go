// Package ticket keeps what remains of a contact: who it was (contacts and
// identities), the matter (tickets), and its story (timeline).
//
// It decides which contact and which ticket a call belongs to; it knows no SQL
// and no socket. Each decision runs inside one transaction of the store.
package ticket

import (
	"context"
	"time"

	"pickup/call"
)

// State of a ticket.
type State string

// The states.
const (
	StateNew     State = "new"
	StateOpen    State = "open"             // we owe an action
	StatePending State = "pending_customer" // the player owes an answer
	StateOnHold  State = "on_hold"
	StateSolved  State = "solved"
	StateClosed  State = "closed" // terminal, immutable
	StateMerged  State = "merged" // terminal
)

// Identity is one address by which a contact is known.
type Identity struct {
	Kind     string // "phone", "email", "player", "sip", "visitor"
	Value    string // normalised
	Raw      string
	Verified bool
}

// Contact is a person.
type Contact struct {
	ID        string
	Name      string
	Language  string
	CreatedAt time.Time
}

// Ticket is a matter.
type Ticket struct {
	ID         string
	Number     int64
	ContactID  string
	Subject    string
	Type       string // "call", "missed_call"
	Category   string // by the queue: "support", "payments", ...
	State      State
	Priority   int
	Queue      string
	AssigneeID string
	Language   string
	Channel    call.Channel // by which it began
	MergedInto string       // id of the ticket that took it over
	Tags       []string     // sorted
	LastPos    int64        // greatest Message.Pos of it; 0: no message
	SolvedAt   time.Time
	ClosedAt   time.Time
	Reopened   int // how often it came back after it was solved
	Version    int64
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Tx is one transaction of the store, as the decisions need it.
type Tx interface {
	// ContactOf returns the contact who has the identity, or ok=false.
	ContactOf(ctx context.Context, i Identity) (c Contact, ok bool, err error)
	// AddContact stores a contact with its identities (none for an anonymous caller).
	AddContact(ctx context.Context, c Contact, ids ...Identity) error
	// OpenTicket returns the newest ticket of the contact in the category that is
	// new, open, pending_customer or on_hold and younger than since.
	OpenTicket(ctx context.Context, contactID, category string, since time.Time) (t Ticket, ok bool, err error)
	// SaveTicket inserts t (it numbers it when Number is 0, and returns it) or updates it.
	SaveTicket(ctx context.Context, t Ticket) (Ticket, error)
	// AddEvents appends to the ticket's timeline.
	AddEvents(ctx context.Context, ticketID string, events ...call.TimelineEvent) error
}
