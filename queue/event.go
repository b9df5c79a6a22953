package queue

import (
	"time"

	"pickup/account"
	"pickup/call"
)

// EventKind names what happened. Each is one method of Domain, the return of a
// commit, or time passing.
type EventKind int

// The events, with the fields of Event that they read.
const (
	EventConfigure   EventKind = iota + 1 // Queues, Agents
	EventRestore                          // States
	EventJoin                             // Item, Room; replied
	EventRinging                          // Offer
	EventAnswered                         // Offer; replied
	EventMissed                           // Offer, Outcome
	EventDefer                            // Offer, At
	EventFinal                            // Offer
	EventBridged                          // Offer
	EventHeld                             // Offer, On
	EventAgentLost                        // Offer, Outcome
	EventRelease                          // Offer, Reason
	EventLeave                            // ItemID, Reason; replied
	EventSetState                         // Agent, State, StateReason; replied
	EventEndWrapUp                        // Agent; replied
	EventReachable                        // Agent, Devices, Silent, StateReason
	EventOccupy                           // Agent, On
	EventWithdraw                         // ItemID; replied
	EventCommitted                        // Offer, Err: the store answered the Offer's decision
	EventUndelivered                      // Offer: the owner of the item does not read its notices
	EventTick                             // what is due at now
	EventConsole                          // Agent, On
	EventClaim                            // ItemID, Agent; replied
	EventPriority                         // ItemID, Priority; replied
	EventPark                             // Offer; replied
	EventResume                           // Offer; replied
	EventTransfer                         // ItemID, To; replied
	EventEngage                           // Agent, Item.CallID, State; replied
	EventEngaged                          // Agent, State
	EventDisengage                        // Agent, Wrap
)

// Event is one input of Core.
type Event struct {
	Kind        EventKind
	Item        Item
	ItemID      ItemID
	Offer       OfferID
	Agent       account.ID
	Outcome     call.Outcome
	Reason      call.EndReason
	State       AgentState
	StateReason string
	Devices     int
	Silent      int
	Priority    int
	To          Destination
	On          bool
	Wrap        time.Duration
	Room        int // notices that the owner of a joined item has room for; 0: any number
	At          time.Time
	Err         error
	Queues      []QueueConfig
	Agents      []AgentConfig
	States      map[account.ID]AgentView
}

// EffectKind names what Core asks its owner to do.
type EffectKind int

// The effects, with the fields of Effect that they fill.
const (
	EffectReply  EffectKind = iota + 1 // OK, Err, Reason, Joined, Offer: answer to the request that was applied
	EffectNotice                       // Item, Notice: tell the owner of the item
	EffectClose                        // Item: close its notices
	EffectCommit                       // Decision; a decision of kind offer wants EventCommitted back
	EffectAlarm                        // Text, Item, Offer, Agent: an error to be logged and counted
)

// Effect is one output of Core.
type Effect struct {
	Kind     EffectKind
	Item     ItemID
	Offer    OfferID
	Agent    account.ID
	Notice   Notice
	Decision Decision
	OK       bool
	Err      error
	Reason   call.EndReason
	Joined   Item
	Text     string
}
