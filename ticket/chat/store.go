package chat

import (
	"context"

	"pickup/ticket"
)

// Tx is one transaction of the store.
type Tx interface {
	ticket.DeskTx
	// Chat returns the row of a conversation, or ok=false.
	Chat(ctx context.Context, id string) (c Chat, ok bool, err error)
	// ChatByKey returns the conversation that was opened with a key, or ok=false.
	ChatByKey(ctx context.Context, key string) (c Chat, ok bool, err error)
	// SaveChat inserts or updates.
	SaveChat(ctx context.Context, c Chat) error
	// AddChatEvent stores an event that is no message and gives it the next number
	// of the conversation.
	AddChatEvent(ctx context.Context, id string, e Event) (Event, error)
	// Attachment returns the row of a file.
	Attachment(ctx context.Context, id string) (a ticket.Attachment, ok bool, err error)
}

// Store keeps conversations.
type Store interface {
	// Chat runs act in one durable transaction that sees no other. act may run
	// twice; when it fails nothing is kept.
	Chat(ctx context.Context, act func(Tx) error) error
	// Conversation returns one, or an error that is ticket.ErrNotFound.
	Conversation(ctx context.Context, id string) (Conversation, error)
	// ChatEvents returns events with a number above after, messages among them,
	// ascending; notes among us are not events.
	ChatEvents(ctx context.Context, id string, after int64, limit int) ([]Event, error)
	// OpenChats returns the ids of the conversations that have not ended, oldest first.
	OpenChats(ctx context.Context) ([]string, error)
}
