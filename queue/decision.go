package queue

import (
	"context"
	"time"

	"pickup/account"
	"pickup/call"
)

// Store is what the Domain asks to be made durable. CommitDecisions writes what
// gathered, each for itself, and returns one error for each (nil: durable).
// It is called from the commit goroutine only, never from the owner.
type Store interface {
	CommitDecisions(ctx context.Context, decisions []Decision) []error
}

// DecisionKind names a decision of the owner.
type DecisionKind string

// The closed set of decisions.
const (
	DecisionEnqueue    DecisionKind = "enqueue"     // Item
	DecisionOffer      DecisionKind = "offer"       // Item.ID, Offer, Agent
	DecisionAccept     DecisionKind = "accept"      // Offer won the item (compare-and-set on the item)
	DecisionRelease    DecisionKind = "release"     // reservation is over: Outcome
	DecisionReleasing  DecisionKind = "releasing"   // withdrawn, legs not final yet
	DecisionRequeue    DecisionKind = "requeue"     // item waits again: Item.Class, Item.Key, Item.NotBefore
	DecisionBridged    DecisionKind = "bridged"     // item
	DecisionEnd        DecisionKind = "end"         // item ended: Reason
	DecisionAgentState DecisionKind = "agent_state" // Agent, State, StateReason
	DecisionUpdate     DecisionKind = "update"      // item keeps its state: Item.Queue, Class, Key, Priority, EnqueuedAt, QueueID
	DecisionPark       DecisionKind = "park"        // the item of Offer was set aside by its agent or by a call
	DecisionResume     DecisionKind = "resume"      // and is worked on again
)

// Decision is one fact to be stored in order.
type Decision struct {
	Kind        DecisionKind
	At          time.Time
	Item        Item
	QueueID     string
	Offer       OfferID
	Slot        int // of Offer among the text items of its agent: free again after release; 0 for voice
	Branch      int // of Offer among the live ones of its item, when several agents are asked at once
	Agent       account.ID
	Outcome     call.Outcome
	Why         string
	Deadline    time.Time
	Reason      call.EndReason
	State       AgentState
	StateReason string // why not_ready or unreachable; "chosen" where a person chose to be ready (RestoreAgents reads it)
}
