package ticket

import (
	"context"
	"time"

	"pickup/account"
	"pickup/call"
)

// Tx is one transaction of the store, as the decisions of calls need it.
type Tx interface {
	// ContactOf returns the contact who has the identity, or ok=false. One who
	// proved it goes before one who claimed it, then the oldest. Merges are
	// followed.
	ContactOf(ctx context.Context, i Identity) (c Contact, ok bool, err error)
	// AddContact stores a contact with its identities (none for an anonymous caller).
	AddContact(ctx context.Context, c Contact, ids ...Identity) error
	// OpenTicket returns the newest ticket of the contact in the category that is
	// new, open, pending_customer or on_hold and younger than since.
	OpenTicket(ctx context.Context, contactID, category string, since time.Time) (t Ticket, ok bool, err error)
	// SaveTicket inserts t (it numbers it when Number is 0) or updates it, and
	// returns it as it is stored: Number, Version and LastPos are the store's.
	// Tags are not written.
	SaveTicket(ctx context.Context, t Ticket) (Ticket, error)
	// AddEvents appends to the ticket's timeline.
	AddEvents(ctx context.Context, ticketID string, events ...call.TimelineEvent) error
}

// DeskTx is one transaction of the store with everything that desk work needs.
type DeskTx interface {
	Tx
	PeopleTx
	CaseTx
	InteractionTx
	MessageTx
	MailTx
	MergeTx
	DraftTx
	HandoverTx
}

// PeopleTx reads and writes contacts.
type PeopleTx interface {
	// Contact follows merges: it returns the contact that took the other over.
	Contact(ctx context.Context, id string) (c Contact, ok bool, err error)
	// MergedContact does not.
	MergedContact(ctx context.Context, id string) (c Contact, ok bool, err error)
	// Identities returns those of a contact, oldest first.
	Identities(ctx context.Context, contactID string) ([]Identity, error)
	// AddIdentity adds, or marks as verified, one address of a contact. It never
	// takes a mark away. An error when another contact proved the same.
	AddIdentity(ctx context.Context, contactID string, i Identity, at time.Time) error
	// SaveContact updates name, language and MergedInto.
	SaveContact(ctx context.Context, c Contact, at time.Time) error
}

// CaseTx reads tickets.
type CaseTx interface {
	// Ticket returns the ticket of that id with its tags, merged or not.
	Ticket(ctx context.Context, id string) (t Ticket, ok bool, err error)
	TicketNumber(ctx context.Context, number int64) (t Ticket, ok bool, err error)
	// OpenTickets returns what the contact has new, open, pending or on hold,
	// newest first.
	OpenTickets(ctx context.Context, contactID string) ([]Ticket, error)
	// FollowUps returns what of the contact follows a ticket, directly or one after
	// another, newest first: merged and closed ones too.
	FollowUps(ctx context.Context, ticketID, contactID string) ([]Ticket, error)
	// SolvedBefore returns tickets that are solved since before at, oldest first.
	SolvedBefore(ctx context.Context, at time.Time, limit int) ([]Ticket, error)
	// SetTags replaces the tags; they are sorted, without doubles or "".
	SetTags(ctx context.Context, ticketID string, tags []string) error
	// LinkTickets links, once; UnlinkTickets takes a link away, if there is one.
	LinkTickets(ctx context.Context, l Link) error
	UnlinkTickets(ctx context.Context, l Link) error
}

// InteractionTx reads and writes interactions.
type InteractionTx interface {
	Interaction(ctx context.Context, id string) (i Interaction, ok bool, err error)
	// SaveInteraction inserts or updates. LastSeq never becomes less.
	SaveInteraction(ctx context.Context, i Interaction) error
	// Interactions returns those of a ticket, oldest first.
	Interactions(ctx context.Context, ticketID string) ([]Interaction, error)
}

// MessageTx reads and writes messages.
type MessageTx interface {
	// AddMessage stores m with its attachments (rows that were uploaded are
	// taken over by their ID, others are added). It gives Pos, and Seq = LastSeq+1
	// of the interaction where there is one, and moves UpdatedAt of the ticket on
	// (not its Version). When ClientID was used in the interaction already (in the
	// ticket, for a note without one) it stores nothing and returns that message,
	// again=true.
	AddMessage(ctx context.Context, m Message) (stored Message, again bool, err error)
	Message(ctx context.Context, id string) (m Message, ok bool, err error)
	// MessageByClient returns what was stored under a client id; interactionID is
	// "" for a note without one.
	MessageByClient(ctx context.Context, interactionID, ticketID, clientID string) (m Message, ok bool, err error)
	// Messages returns those of a ticket with Pos above after, ascending.
	Messages(ctx context.Context, ticketID string, after int64) ([]Message, error)
	// Conversation returns those of an interaction with Seq above after, ascending.
	Conversation(ctx context.Context, interactionID string, after int64) ([]Message, error)
	// SetStatus says how far a message to the customer came.
	SetStatus(ctx context.Context, messageID string, s MessageStatus) error
	// AddAttachment stores a file that was uploaded and that no message carries yet.
	AddAttachment(ctx context.Context, a Attachment) error
}

// MailTx is what mail needs besides.
type MailTx interface {
	// SeenMail notes that a mail came, by mailbox, Message-ID and hash of its
	// body. first is false when all three came before.
	SeenMail(ctx context.Context, s SeenMail) (first bool, err error)
	// SeenAs returns every arrival of one Message-ID, oldest first.
	SeenAs(ctx context.Context, messageID string) ([]SeenMail, error)
	// MessagesByMailID returns messages that carry one of the Message-IDs, newest first.
	MessagesByMailID(ctx context.Context, ids ...string) ([]Message, error)
	// QueueMail puts a mail in the outbox, in the transaction of its message.
	QueueMail(ctx context.Context, m OutMail) error
	// SaveMail writes what became of a mail of the outbox.
	SaveMail(ctx context.Context, m OutMail) error
	// SetUndeliverable says of an address, whoever has it, why mail to it comes back
	// for good; "": it does not.
	SetUndeliverable(ctx context.Context, address, why string) error
	// OutMailOf returns the mail of a message.
	OutMailOf(ctx context.Context, messageID string) (m OutMail, ok bool, err error)
}

// MergeTx moves what belongs to a ticket or a contact, and back.
type MergeTx interface {
	// MoveTicket points interactions (with their calls and callbacks) and messages
	// of one ticket to another, and says which.
	MoveTicket(ctx context.Context, from, to string) (Moved, error)
	// MoveContact points identities, tickets and interactions of one contact to
	// another, and says which. An identity that both have stays with one, verified
	// if either was.
	MoveContact(ctx context.Context, from, to string) (Moved, error)
	// MoveBack points what m names to m.From, as far as it is with m.To now. With
	// an interaction go all its messages and its call, with a ticket its
	// interactions; identities become as they were.
	MoveBack(ctx context.Context, m Moved) error
	// MoveMessages points the messages of one interaction with Seq of at least
	// from to another interaction and its ticket. They keep Seq.
	MoveMessages(ctx context.Context, fromInteraction, toInteraction, toTicket string, from int64) error
	MergeLog
}

// MergeLog keeps what merges did.
type MergeLog interface {
	// SaveMerge inserts or updates.
	SaveMerge(ctx context.Context, m Merge) error
	// LastMerge returns the newest merge of a loser that was not undone.
	LastMerge(ctx context.Context, kind, loserID string) (m Merge, ok bool, err error)
}

// DraftTx keeps what users write and have not sent.
type DraftTx interface {
	SaveDraft(ctx context.Context, d Draft) error
	// Drafts returns those of a user on a ticket, one of a kind: its own before
	// those of tickets that it took over, over several merges too, of these the
	// newest.
	Drafts(ctx context.Context, ticketID string, user account.ID) ([]Draft, error)
	// DropDraft takes the one away that Drafts returns; one that was under it shows.
	DropDraft(ctx context.Context, ticketID string, user account.ID, kind MessageKind) error
}

// HandoverTx keeps what transfers of work asked for.
type HandoverTx interface {
	// SaveHandover takes the place of what was asked for the same item before.
	SaveHandover(ctx context.Context, h Handover) error
}

// Link is a tie between two tickets.
type Link struct {
	From, To string // ticket ids
	Kind     string // LinkDuplicate, ...
	At       time.Time
}

// Kinds of links.
const (
	LinkDuplicate = "duplicate" // From is the same matter as To
	LinkParent    = "parent"    // From is the parent of To
	LinkRelated   = "related"
	LinkFollowUp  = "follow_up" // From came after To was closed
)

// Kinds of merges.
const (
	MergeTicket  = "ticket"
	MergeContact = "contact"
)

// Moved is what one move took, by id: enough to take it back exactly.
type Moved struct {
	Kind         string     `json:"kind"` // MergeTicket or MergeContact
	From         string     `json:"from"`
	To           string     `json:"to"`
	Interactions []string   `json:"interactions,omitempty"`
	Callbacks    []string   `json:"callbacks,omitempty"`
	Messages     []string   `json:"messages,omitempty"`
	Tickets      []string   `json:"tickets,omitempty"`
	Identities   []Identity `json:"identities,omitempty"` // of From, as they were
	Shared       []Identity `json:"shared,omitempty"`     // of To, as they were, that From had too
}

// Merge is one merge of two tickets or of two contacts.
type Merge struct {
	ID       string
	Kind     string // MergeTicket or MergeContact
	WinnerID string
	LoserID  string
	By       account.ID // "" for the system
	Reason   string     // "manual", "verified"
	At       time.Time
	UndoneAt time.Time // zero: it stands
	Moved    Moved
	Before   [2]Standing // of winner and loser, tickets only
	After    Standing    // of the winner
}

// Standing is what a merge changes in a ticket beside its contents.
type Standing struct {
	State    State     `json:"state"`
	Priority int       `json:"priority"`
	Assignee string    `json:"assignee,omitempty"`
	Tags     []string  `json:"tags,omitempty"`
	SolvedAt time.Time `json:"solved_at,omitzero"`
	Reopened int       `json:"reopened,omitempty"`
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
	References    []string // oldest first, 20 at most (RFC 5322 3.6.4)
	Automatic     bool
	State         string // "queued", "sending", "sent", "failed", "bounced"
	Attempts      int
	NextAt        time.Time
	LastError     string
	CreatedAt     time.Time
}
