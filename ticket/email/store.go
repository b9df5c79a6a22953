package email

import (
	"context"
	"time"

	"pickup/ticket"
)

// Position is how far a mailbox was fetched (RFC 9051 2.3.1.1).
type Position struct {
	UIDValidity uint32 // of the folder; another value means that all UIDs are new
	LastUID     uint32 // greatest that was fetched
}

// Raw is a mail that was fetched: its bytes are in the file store.
type Raw struct {
	ID          string
	MailboxID   string
	UIDValidity uint32
	UID         uint32
	SHA256      string // hex
	Size        int64  // bytes
	ArrivedAt   time.Time
	Attempts    int // times that filing it failed
	LastError   string
}

// Store keeps what the mail edge knows. Writes return when they are durable.
type Store interface {
	ticket.Store
	Mailboxes(ctx context.Context) ([]Mailbox, error)
	// OutMail returns what is queued or was being sent, and due, oldest first.
	OutMail(ctx context.Context, due time.Time, limit int) ([]ticket.OutMail, error)
	Inbox
}

// Inbox keeps the mail that was fetched until it is filed.
type Inbox interface {
	// MailPosition is zero for a mailbox that was never fetched.
	MailPosition(ctx context.Context, mailboxID string) (Position, error)
	// KeepRaw stores a fetched mail and the new position in one act. A mail of
	// that mailbox, UIDVALIDITY and UID that is there already stays as it is.
	KeepRaw(ctx context.Context, r Raw, p Position) error
	// UnfiledMail returns what is not filed yet, oldest first, fewest attempts first.
	UnfiledMail(ctx context.Context, limit int) ([]Raw, error)
	// RawFiled marks a mail as filed, or, with a reason, counts a failed attempt.
	RawFiled(ctx context.Context, id string, failed string) error
}
