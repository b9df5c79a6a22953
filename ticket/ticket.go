// Package ticket keeps what remains of a contact: who it was (contacts and
// identities), the matter (tickets), each attempt to reach the other
// (interactions), what was said in writing (messages), and the story (timeline).
//
// It decides where what comes in belongs (LinkCall, Receive) and what people may
// do with it (Desk, Post); it knows no SQL, no socket and no channel's protocol,
// and starts no goroutine. Each decision runs inside one transaction of the store
// (DeskTx), which another call of the same decision does not see half done.
package ticket

import (
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

	Undeliverable string // why mail to it comes back for good; "": it arrives, as far as is known
}

// Contact is a person.
type Contact struct {
	ID         string
	Name       string
	Language   string
	MergedInto string // id of the contact that took him over; "": stands for himself
	CreatedAt  time.Time
}

// Ticket is a matter.
type Ticket struct {
	ID         string
	Number     int64
	ContactID  string
	Subject    string
	Type       string // "call", "missed_call", "voicemail", or the channel it began by
	Category   string // CategoryDeposit, ...
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
