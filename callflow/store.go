package callflow

import (
	"context"

	"pickup/call"
	"pickup/recording"
	"pickup/ticket"
)

// Ending is everything that is written when a call is over. The store writes
// it in one act: the final record with its contact and ticket, legs, events,
// the recording's row, and ticket and contact of its callback.
type Ending struct {
	Record    call.Record
	Events    []call.TimelineEvent
	Recording *recording.Row // nil when nothing was recorded
	Policy    ticket.Policy
}

// Store keeps calls. Every method is durable when it returns. Calls of one
// session come one after the other, those of different sessions at once.
type Store interface {
	// SaveCall inserts or updates the record of a call and appends events.
	SaveCall(ctx context.Context, r call.Record, events ...call.TimelineEvent) error
	// EndCall writes the end of a call and says which contact and ticket it has.
	EndCall(ctx context.Context, e Ending) (ticket.Linked, error)
	// LiveCalls returns the calls that no EndCall has closed: at start, those
	// that a crash cut.
	LiveCalls(ctx context.Context) ([]call.Record, error)
	// Call returns a call and its events, whether it is live or over.
	Call(ctx context.Context, id call.ID) (call.Record, []call.TimelineEvent, error)
}
