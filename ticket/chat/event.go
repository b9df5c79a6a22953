package chat

import (
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/ticket"
	"pickup/ticket/work"
)

// Side is one of the two who talk.
type Side string

// The sides.
const (
	Visitor Side = "visitor"
	Agent   Side = "agent"
)

// State is where a conversation stands.
type State string

// The states.
const (
	StateWaiting State = "waiting" // nobody has taken it
	StateOpen    State = "open"    // an agent answers
	StateIdle    State = "idle"    // open, and the visitor was asked whether he is there
	StateEnded   State = "ended"   // terminal
)

// EventKind says what an event is.
type EventKind string

// The kinds of event.
const (
	KindMessage    EventKind = "message"
	KindState      EventKind = "state"      // State, Reason
	KindAssignment EventKind = "assignment" // Agent, AgentName; both empty: nobody any more
	KindRead       EventKind = "read"       // Side has read up to UpTo
	KindCall       EventKind = "call"       // an agent or the visitor wants to go on by voice
)

// Event is one line of a conversation.
type Event struct {
	Seq       int64
	At        time.Time
	Kind      EventKind
	Message   ticket.Message // KindMessage
	State     State
	Reason    string // why the state came: an end reason, "idle", "visitor", "agent"
	Agent     account.ID
	AgentName string
	Side      Side // KindRead, KindCall
	UpTo      int64
}

// Chat is what is kept of a conversation beside its interaction.
type Chat struct {
	ID          string // of the interaction
	Key         string // Opening.Key
	VisitorID   string
	Name        string
	Email       string
	PlayerID    string // signed by the operator's site; "" for who is anonymous
	Tier        string
	State       State
	AgentID     account.ID // who answers; "" while it waits
	VisitorRead int64      // greatest number the visitor has read
	AgentRead   int64
	MailedSeq   int64      // messages up to here were mailed to a visitor who was away
	MailedAt    time.Time  // when the last such mail was made; zero: never
	Page        string     // address of the page
	Preferred   account.ID // who should answer; "": anybody
	Transcripts int        // how many were mailed
}

// Verified reports whether the operator's site said who the visitor is.
func (c *Chat) Verified() bool { return c.PlayerID != "" }

// Conversation is a chat with its interaction and its ticket.
type Conversation struct {
	Chat
	Interaction ticket.Interaction
	Ticket      ticket.Ticket // the matter it stands on now
	Wish        work.Wish     // of its last transfer
}

// View is a conversation as screens show it now.
type View struct {
	Conversation
	AgentName    string
	Online       bool      // the visitor's page answers
	OfflineSince time.Time // zero while he is online
	Live         bool      // a room holds it; false: only what is stored
	// LostBy answered until his line was lost: he may still write, and answers again
	// when he is back before another has taken it. "": nobody.
	LostBy account.ID
	// CallID is the live call by which it goes on. "": none.
	CallID call.ID
}

// FrameKind says what a Frame carries.
type FrameKind int

// The kinds of frame.
const (
	FrameEvent    FrameKind = iota + 1 // Event
	FrameSynced                        // all events up to Seq were sent; State, Token when it was refreshed
	FrameAccepted                      // ClientID is durable as Event (again after a repetition)
	FrameRefused                       // ClientID was refused: Err
	FrameTyping                        // Side types
	FramePlace                         // Place of who waits
	FramePresence                      // Online, Since: the visitor came or went
	FramePong
)

// Frame is one thing told to a link.
type Frame struct {
	Kind     FrameKind
	Event    Event
	Seq      int64
	State    State
	ClientID string
	Err      error
	Side     Side
	Place    Place
	Online   bool
	Since    time.Time
}

// Place is where a visitor stands in the queue.
type Place struct {
	Position     int           // 1 is next
	EstimateLow  time.Duration // 0 and 0: nothing can be said
	EstimateHigh time.Duration
	AgentsOnDuty int
}

// ended are the reasons of an end by the rules of the chat itself.
const (
	reasonIdle    = "idle"
	reasonVisitor = "visitor"
	reasonAgent   = "agent"
)

// reasonLost is why a conversation waits again: its agent's line was lost.
const reasonLost = "lost"

// endReason is how an end counts for the queue.
func endReason(answered bool) call.EndReason {
	if answered {
		return call.EndAnswered
	}
	return ""
}
