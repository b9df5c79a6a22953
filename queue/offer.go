package queue

import (
	"time"

	"pickup/account"
	"pickup/call"
)

// Offer is an item shown to one agent.
type Offer struct {
	ID          OfferID
	Item        Item
	Agent       account.ID
	AgentLogin  string
	RingTime    time.Duration
	Deadline    time.Time
	Why         string // why this agent: shown and stored
	Uncommitted bool   // left before the store had answered
	// Accepted: the item is the agent's already (email, social, web form,
	// ticket; what was claimed; what its Holder kept): nobody says Answered or
	// Bridged. It ends by Release, AgentLost, Transfer or Leave.
	Accepted bool
	Parked   bool // with Accepted: it was given back parked (Item.Holder)
}

// NoticeKind says what the owner of the queue tells the owner of an item.
type NoticeKind int

// The kinds of notice. An item has at most one outstanding Offer, its Withdraw,
// its Overflow and its End, so a channel of six is never full; a call whose queue
// asks several agents at once has an Offer of each, and a channel with room for
// all. Parked and Resumed come on
// the wider channel of text items, and only while there is room behind them for
// those three: AgentView.Text says what is true.
const (
	NoticeOffer    NoticeKind = iota + 1 // ring this agent: Offer
	NoticeWithdraw                       // stop ringing: Offer.ID. The legs are cancelled; say Final when they are
	NoticeEnd                            // the queue ended the item: Reason (maximum wait, closed, withdrawn)
	NoticeParked                         // Offer: the agent set the item aside, or a call did that he answered
	NoticeResumed                        // Offer: the agent works on it again
	// NoticeOverflow: a rule wants the item elsewhere: Reason, Way. It waits on
	// until its owner takes it out by Leave. Told once for an item.
	NoticeOverflow
)

// Notice to the owner of an item.
type Notice struct {
	Kind   NoticeKind
	Offer  Offer
	Reason call.EndReason
	Way    Way // NoticeOverflow
}

// Place is where an item stands. It is read, never sent.
type Place struct {
	Position     int           // 1 is next; 0: not waiting
	EstimateLow  time.Duration // 0 and 0: not enough samples to say
	EstimateHigh time.Duration
	AgentsOnDuty int // members who are neither offline nor unreachable
}
