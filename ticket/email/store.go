package email

import (
	"context"
	"time"

	"pickup/ticket"
)

// Store keeps what the mail edge knows. Writes return when they are durable.
type Store interface {
	ticket.Store
	ticket.Inbox
	Mailboxes(ctx context.Context) ([]ticket.Mailbox, error)
	// Outbox returns what is queued or was being sent, and due, the longest due
	// first, of mailboxes that are enabled and not busy.
	Outbox(ctx context.Context, due time.Time, limit int, busy ...string) ([]ticket.OutMail, error)
}
