package ticket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pickup/account"
	"pickup/call"
)

// Errors of the desk, tested with errors.Is.
var (
	ErrNotFound  = errors.New("ticket: there is none of that id")
	ErrImmutable = errors.New("ticket: it is closed or merged") // a reply opens a linked one
	ErrState     = errors.New("ticket: not in this state")
	ErrTooLate   = errors.New("ticket: a merge can be undone for 24 hours")
)

// VersionError says that somebody else changed the object first.
type VersionError struct{ Got, Now int64 }

func (e *VersionError) Error() string {
	return fmt.Sprintf("ticket: version %d was edited, it is at %d now", e.Got, e.Now)
}

// ConflictError says that messages came which the sender has not seen.
type ConflictError struct{ New []Message }

func (e *ConflictError) Error() string {
	return fmt.Sprintf("ticket: %d messages came since", len(e.New))
}

// FieldError says which field cannot be used, and why.
type FieldError struct{ Field, Value, Limit string }

func (e *FieldError) Error() string {
	return fmt.Sprintf("ticket: %s is %q: %s", e.Field, e.Value, e.Limit)
}

// Store keeps what the desk decides.
type Store interface {
	// Desk runs act in one durable transaction that sees no other. act may run
	// twice; when it fails nothing is kept.
	Desk(ctx context.Context, act func(DeskTx) error) error
	// LookDesk runs act on one committed state, and waits for no writer. act only
	// reads: what it writes is refused or lost.
	LookDesk(ctx context.Context, act func(DeskTx) error) error
	// Candidates returns a ticket and those that might be the same matter: the
	// contact's other tickets, and tickets of the same category that are open and
	// were made after since; newest first, some hundreds at most. It reads what is
	// committed.
	Candidates(ctx context.Context, ticketID string, since time.Time) (one Candidate, others []Candidate, err error)
}

// Candidate is a ticket as duplicates are judged.
type Candidate struct {
	Ticket   Ticket
	Verified bool   // its contact has an identity that he proved
	Text     string // what the customer wrote first; "" for a call
}

// Actor is who does something at the desk.
type Actor struct {
	ID   account.ID // "" for the system
	Name string
}

// Incoming is a message of a customer, or an automatic one in his name.
type Incoming struct {
	Channel       call.Channel
	Interaction   string     // continues this one, which must be there; "": a new one
	InteractionID string     // of the new one; "": fresh. When it is there already, it is continued
	TicketID      string     // where it belongs by the channel's rules; "": that of the interaction, else by contact and category, else new
	NewTicket     bool       // never continue an open one
	FollowUpOf    string     // a new ticket that is linked to this one
	ContactID     string     // known already; "": by From
	From          Identity   // of the customer; of no Kind: unknown
	Also          []Identity // what else he is known by: a chat's player id, his mail address
	Name          string     // as he calls himself
	Language      string
	Queue         string
	Category      string // "": by the queue
	Subject       string
	MailboxID     string
	To            string
	Message       Message // Kind, Text, HTML, Automatic, MailMessageID, ClientID, Attachments, CreatedAt
}

// Received is where an incoming message went.
type Received struct {
	Contact     Contact
	Ticket      Ticket
	Interaction Interaction
	Message     Message
	NewTicket   bool
	Again       bool // the client id was used already: nothing was stored
}

// Outgoing is a message of an agent, a note, or an automatic answer.
type Outgoing struct {
	TicketID     string
	Interaction  string // "" for a note
	Kind         MessageKind
	Text         string
	ClientID     string
	ExpectedLast int64 // Ticket.LastPos that the sender saw; -1: do not compare
	Attachments  []string
	State        State // the ticket's after it; "": unchanged, or open when it was new
	Automatic    bool
	Subject      string // of a mail; "": that of the thread, with the ticket's number
	To           string // of a mail; "": the customer's address of the interaction
}
