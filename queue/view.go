package queue

import (
	"time"

	"pickup/account"
	"pickup/call"
)

// AgentView is a copy of an agent for screens.
type AgentView struct {
	ID          account.ID
	Login, Name string
	State       AgentState
	Reason      string
	Since       time.Time
	Devices     int // that can be rung
	Silent      int // registered, but they do not answer or have no microphone
	CallID      call.ID
	Offer       OfferID
	WrapUpUntil time.Time
	NextState   AgentState             // applied after wrap-up; "" when none
	Console     bool                   // his console is open: he can be given text work
	Text        []TextWork             // what he has of it, oldest first; a copy
	Load        int                    // sum of the weights of his active text items
	Limits      map[call.Channel]Limit // of text, with the defaults; shared: not to be changed
}

// TextWork is one text item of an agent.
type TextWork struct {
	Item          ItemID
	Offer         OfferID
	Channel       call.Channel
	Queue         string
	TicketID      string
	InteractionID string
	Since         time.Time // when it was offered; once accepted, when it was
	Accepted      bool      // false: offered, or on its way to him
	Parked        bool      // set aside, by him or by a call
}

// WaitingItem is one item that waits, for work lists and supervisors.
type WaitingItem struct {
	ID            ItemID
	Channel       call.Channel
	Queue         string
	Position      int // 1 is next; items of calls, of chats and deferred ones are counted apart
	Class         Class
	Key           int64 // unix ms
	Priority      int
	EnqueuedAt    time.Time
	DueAt         time.Time   // zero for live items
	Promoted      bool        // a deferred item past its deadline
	Needs         []Need      // of the only alternative, or the first, as they are now: relaxed
	Any           Requirement // all alternatives; shared: not to be changed
	Language      string
	CallID        call.ID
	TicketID      string
	InteractionID string
	Preferred     account.ID
	Offered       account.ID   // whom it is shown to at this moment; "": nobody
	Asked         []account.ID // all whom it is shown to, in the order in which they were asked
}

// ChannelView is how one channel of a queue stands now.
type ChannelView struct {
	Waiting     int           // waiting and offered
	LongestWait time.Duration // of who waits longest
	Held        int           // agents have them, active or parked (calls: in talk)
}

// QueueView is what a queue looks like now.
type QueueView struct {
	Config                                QueueConfig
	Waiting                               int // calls, waiting and offered
	LongestWait                           time.Duration
	AgentsReady, AgentsBusy, AgentsWrapUp int
	EstimateLow, EstimateHigh             time.Duration
	Promise                               Promise // of the estimates for calls
	// What was measured on calls in the last 15 minutes; zero: not enough.
	Servers  float64       // agents' worth of time that the queue has
	Handling time.Duration // mean: offer to the end of wrap-up
	Patience time.Duration // mean, of who gives up and of who did not
	// Channels has a row for each channel that has something live. The fields
	// above are those of calls.
	Channels map[call.Channel]ChannelView
}
