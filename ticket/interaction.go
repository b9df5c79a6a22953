package ticket

import (
	"time"

	"pickup/account"
	"pickup/call"
)

// Interaction is one attempt of a contact to reach us, or of us to reach him: a
// call, a chat, a thread of mail. Its messages stand in Message; those of a call
// are none.
//
// Reply times are kept as the messages come (desk clock, no business hours):
// the first reply is the first human message to the customer after his first;
// a next reply answers each later burst of his messages.
type Interaction struct {
	ID         string // of a call: that of the call
	Channel    call.Channel
	Direction  call.Direction
	ContactID  string
	TicketID   string
	Queue      string
	Subject    string // of a mail thread; else ""
	From, To   string // addresses as they came
	Language   string // "fr" or "en"
	MailboxID  string // of a mail thread
	StartedAt  time.Time
	QueuedAt   time.Time // zero: never waited
	AnsweredAt time.Time // bridge of a call, first human message of text
	EndedAt    time.Time // zero: open
	EndReason  call.EndReason
	HandledBy  account.ID // last who answered

	WaitingSince time.Time     // oldest message of the customer without an answer; zero: we owe none
	FirstReply   time.Duration // zero: none yet
	Replies      int           // answered bursts of the customer, the first among them
	ReplySum     time.Duration // of all answered bursts
	ReplyMax     time.Duration
	LastSeq      int64 // greatest Seq of its messages and, in a chat, of its events
	Version      int64
}

// MessageKind says who speaks.
type MessageKind string

// The kinds.
const (
	MessageCustomer MessageKind = "customer"
	MessageAgent    MessageKind = "agent" // to the customer
	MessageBot      MessageKind = "bot"
	MessageNote     MessageKind = "note"   // among us: never leaves the house
	MessageSystem   MessageKind = "system" // automatic mail, bounces, what the server says in a chat
)

// MessageStatus is how far a message to the customer came.
type MessageStatus string

// The statuses. A chat message goes from stored to sent (reached the page) to
// read, a mail from queued to sent, or to failed or bounced.
const (
	StatusStored  MessageStatus = "stored"
	StatusQueued  MessageStatus = "queued" // in the outbox
	StatusSent    MessageStatus = "sent"   // the next server took it, or the page has it
	StatusRead    MessageStatus = "read"
	StatusFailed  MessageStatus = "failed"  // given up
	StatusBounced MessageStatus = "bounced" // came back
)

// Message is something said in writing.
type Message struct {
	ID            string
	Pos           int64 // place among all messages of the site, ascending; what expected_last compares
	Seq           int64 // place in its interaction, 1..; 0 for a note without one
	InteractionID string
	TicketID      string
	Kind          MessageKind
	AuthorID      string // account.ID of an agent, contact of a customer, "" for the system
	Text          string // plain, without the quoted part of a mail
	Quoted        string // the quoted part of a mail
	HTML          string // sanitised; "" when the message was plain
	ClientID      string // chosen by the page; unique in the interaction
	MailMessageID string // RFC 5322 Message-ID without angle brackets
	Automatic     bool   // sent by a machine (RFC 3834): no reply is owed
	Status        MessageStatus
	Attachments   []Attachment
	CreatedAt     time.Time
	EditedAt      time.Time
}

// Attachment is a file of a message. Its bytes lie in the file store of the
// data directory under SHA256.
type Attachment struct {
	ID        string
	MessageID string // "" until a message carries it
	Name      string // safe for a file system and a header
	MIME      string // by content, never by name
	Size      int64  // bytes
	SHA256    string // hex
	ContentID string // of an inline image of a mail, without angle brackets
	OwnerID   string // who uploaded: account.ID, or interaction of a visitor
	CreatedAt time.Time
}

// Draft is what a user writes and has not sent.
type Draft struct {
	TicketID  string
	UserID    account.ID
	Kind      MessageKind // agent or note
	Body      string
	UpdatedAt time.Time
}
