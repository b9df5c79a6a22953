package work

import (
	"strconv"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
	"pickup/ticket"
)

// Task is one fact that asks for work.
type Task struct {
	Channel       call.Channel // chat, email, social, web_form or ticket
	InteractionID string       // "" for a ticket
	TicketID      string
	Queue         string
	Category      string // of the ticket: it may ask for a skill
	Priority      int    // of the ticket, 0 to 3
	Language      string // "fr", "en" or ""
	Player        string // shown to the agent, never logged
	Subject       string // of the ticket, shown, never logged
	// Since is when the customer began to wait; the order follows from it.
	Since time.Time
	// DueAt is when the answer is due; zero: Since and the target of the channel.
	DueAt time.Time
	// Preferred is offered it first, for PreferFor of the channel.
	Preferred account.ID
	// Holder has it already, Parked perhaps: it was his before a restart.
	Holder account.ID
	Parked bool
	// LostBy held it until his console stayed closed: a chat that nobody has taken
	// meanwhile is his again when it opens. "": nobody.
	LostBy account.ID
	// Wish is what the last transfer asked for; zero: it was not transferred.
	Wish Wish
}

// Wish is what a transfer asks for beside what the matter needs anyway.
type Wish struct {
	Agent account.ID // he gets it before anybody else; "": nobody does
	Skill string     // "": none
	Level int        // of Skill, 1 to 5
	By    string     // login of who transferred it, for the reason of its offers
}

// ItemID is the id of the task's item in the queue. It follows from the fact:
// the same burst of messages has the same item, whoever finds it first.
func (t *Task) ItemID() queue.ItemID {
	switch {
	case t.InteractionID == "":
		return queue.ItemID("ticket-" + t.TicketID)
	case t.Channel == call.ChannelChat:
		return ChatItem(t.InteractionID)
	default:
		return queue.ItemID(string(t.Channel) + "-" + t.InteractionID + "-" + strconv.FormatInt(t.Since.UnixMilli(), 36))
	}
}

// ChatItem is the id of the item of a chat.
func ChatItem(interactionID string) queue.ItemID { return queue.ItemID("chat-" + interactionID) }

// needs are the skills that the category of a matter asks for.
func (t *Task) needs() []queue.Need {
	c, _ := ticket.CategoryOf(t.Category)
	if c.Skill == "" {
		return nil
	}
	return []queue.Need{{Skill: c.Skill, Level: c.Level}}
}

// State is where a piece of work stands.
type State string

// The states.
const (
	Waiting State = "waiting" // in the queue
	Offered State = "offered" // shown to Item.Agent, who may accept or reject
	Active  State = "active"  // Item.Agent works on it
	Parked  State = "parked"  // Item.Agent holds it, but does something else first
)

// Trial is one showing of an item to an agent.
type Trial struct {
	At      time.Time
	Agent   account.ID
	Why     string // why this agent, as the queue says
	Outcome string // "" while it is open, "accepted", "rejected", "missed", "withdrawn", "lost"
	Reason  string // of a reject, in the agent's words
}

// Item is a copy of a piece of work.
type Item struct {
	ID queue.ItemID
	Task
	State    State
	Agent    account.ID // offered to, or held by; "" while it waits
	Why      string     // of the last offer
	Deadline time.Time  // of a running offer; zero: none
	TakenAt  time.Time  // when Agent accepted
	Key      int64      // unix ms: the place in the order, least first
	Class    queue.Class
	Place    queue.Place
	Trials   []Trial // oldest first, the last 50

	entry *queue.Entry
}

// PlaceNow reads where the item stands at this moment; it never waits.
func (i Item) PlaceNow() queue.Place {
	if i.entry == nil {
		return queue.Place{}
	}
	return i.entry.Place()
}

// NoteKind says what became of a piece of work.
type NoteKind int

// The kinds of note.
const (
	NoteAssigned NoteKind = iota + 1 // Agent accepted it, or took it
	NoteReturned                     // it waits again: Agent was shown it, or held it (Held)
	NoteOffered                      // Agent is shown it
	NoteMoved                        // it waits in another queue: Queue
	NoteEnded                        // it was done, or the queue ended it: Reason
	NoteTicket                       // its ticket changed
)

// Note to the owner of a task.
type Note struct {
	Kind   NoteKind
	Agent  account.ID
	Held   bool // NoteReturned: Agent had accepted it
	Lost   bool // NoteReturned: Agent is gone, and it is his again should he come back first
	Queue  string
	Reason call.EndReason
}
