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

// DeskTx is one transaction of the store with everything that desk work needs.
type DeskTx interface {
	Tx
	PeopleTx
	CaseTx
	InteractionTx
	MessageTx
	MailTx
}

// PeopleTx reads and writes contacts. Lookups follow merges: they return the
// contact that took the other over.
type PeopleTx interface {
	Contact(ctx context.Context, id string) (c Contact, ok bool, err error)
	Identities(ctx context.Context, contactID string) ([]Identity, error)
	// AddIdentity adds, or marks as verified, one address of a contact.
	AddIdentity(ctx context.Context, contactID string, i Identity, at time.Time) error
	SaveContact(ctx context.Context, c Contact) error
}

// CaseTx reads tickets. SaveTicket of Tx writes all fields but Tags.
type CaseTx interface {
	Ticket(ctx context.Context, id string) (t Ticket, ok bool, err error)
	TicketNumber(ctx context.Context, number int64) (t Ticket, ok bool, err error)
	// OpenTickets returns what the contact has open, newest first.
	OpenTickets(ctx context.Context, contactID string) ([]Ticket, error)
	SetTags(ctx context.Context, ticketID string, tags []string) error
	// LinkTickets: kind is "duplicate", "parent", "related" or "follow_up".
	LinkTickets(ctx context.Context, from, to, kind string, at time.Time) error
}

// InteractionTx reads and writes interactions.
type InteractionTx interface {
	Interaction(ctx context.Context, id string) (i Interaction, ok bool, err error)
	// SaveInteraction inserts or updates.
	SaveInteraction(ctx context.Context, i Interaction) error
	// Interactions returns those of a ticket, oldest first.
	Interactions(ctx context.Context, ticketID string) ([]Interaction, error)
}

// MessageTx reads and writes messages.
type MessageTx interface {
	// AddMessage stores m with its attachments (rows that were uploaded are
	// taken over by their ID, others are added). It gives Pos, and Seq = LastSeq+1
	// of the interaction where there is one. When ClientID was used in the
	// interaction already it stores nothing and returns that message, again=true.
	AddMessage(ctx context.Context, m Message) (stored Message, again bool, err error)
	Message(ctx context.Context, id string) (m Message, ok bool, err error)
	// Messages returns those of a ticket with Pos above after, ascending.
	Messages(ctx context.Context, ticketID string, after int64) ([]Message, error)
	// SetStatus says how far a message to the customer came.
	SetStatus(ctx context.Context, messageID string, s MessageStatus) error
	// MoveMessages points the messages of one ticket with Pos of at least from,
	// and its interactions when from is 0, to another ticket.
	MoveMessages(ctx context.Context, fromTicket, toTicket string, from int64) error
}

// MailTx is what mail needs besides.
type MailTx interface {
	// SeenMail notes that a mail came, by mailbox, Message-ID and hash of its
	// body. first is false when all three came before.
	SeenMail(ctx context.Context, s SeenMail) (first bool, err error)
	// MessagesByMailID returns messages that carry one of the Message-IDs, newest first.
	MessagesByMailID(ctx context.Context, ids ...string) ([]Message, error)
	// QueueMail puts a mail in the outbox, in the transaction of its message.
	QueueMail(ctx context.Context, m OutMail) error
	// SaveMail writes what became of a mail of the outbox.
	SaveMail(ctx context.Context, m OutMail) error
}

// SeenMail is one mail that arrived.
type SeenMail struct {
	MailboxID   string
	MessageID   string // synthetic where the mail had none
	BodySHA256  string // hex
	Verdict     string // "filed", "automatic", "bounce", "loop", "unreadable", "duplicate"
	StoredID    string // Message.ID; "" when none was made
	RawSHA256   string // of the whole mail in the file store
	At          time.Time
	DeliveredTo string
}

// OutMail is a mail on its way out.
type OutMail struct {
	ID            string
	MessageID     string // Message.ID
	MailMessageID string // RFC 5322, fixed before the first attempt
	MailboxID     string
	TicketID      string
	To            string
	Subject       string
	InReplyTo     string
	References    []string
	Automatic     bool
	State         string // "queued", "sending", "sent", "failed", "bounced"
	Attempts      int
	NextAt        time.Time
	LastError     string
	CreatedAt     time.Time
}

// Store keeps what the desk decides.
type Store interface {
	// Desk runs act in one durable transaction that sees no other. act may run
	// twice; when it fails nothing is kept.
	Desk(ctx context.Context, act func(DeskTx) error) error
}

// Actor is who does something at the desk.
type Actor struct {
	ID   account.ID // "" for the system
	Name string
}

// Incoming is a message of a customer, or an automatic one in his name.
type Incoming struct {
	Channel     call.Channel
	Interaction string   // continues this one; "": a new one, ID from InteractionID or fresh
	TicketID    string   // where it belongs by the channel's rules; "": by contact and category, else a new one
	NewTicket   bool     // never continue an open one
	FollowUpOf  string   // the new ticket is linked to this one
	ContactID   string   // known already; "": by From
	From        Identity // of the customer
	Also        []Identity
	Name        string // as he calls himself
	Language    string
	Queue       string
	Category    string // "": by the queue
	Subject     string
	MailboxID   string
	To          string
	Message     Message // Kind, Text, HTML, Automatic, MailMessageID, ClientID, Attachments, CreatedAt
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
	State        State // the ticket's after it; "": unchanged
	Automatic    bool
}
