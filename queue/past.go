package queue

import (
	"time"

	"pickup/account"
	"pickup/call"
)

// PastItem is a stored entry that was, as a dry run needs it.
type PastItem struct {
	ID         ItemID
	Queue      string
	Channel    call.Channel
	Priority   int
	Needs      []Need
	Language   string
	EnqueuedAt time.Time
	OfferedAt  time.Time // of the offer that won; zero: none did
	BridgedAt  time.Time // zero: no agent had it
	EndedAt    time.Time // zero: not yet
	Reason     call.EndReason
	Agent      account.ID    // who had it; "": nobody
	Aside      time.Duration // between BridgedAt and EndedAt, in which it was parked
}

// PastState is a stored change of what an agent was shown as.
type PastState struct {
	Agent  account.ID
	At     time.Time
	State  AgentState
	Reason string
}

// Past is what a stretch of time left in the store.
type Past struct {
	Items  []PastItem  // who entered in it, in order
	States []PastState // of a day before it too, in order: who was there at its begin
}
