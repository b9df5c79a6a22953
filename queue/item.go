package queue

import (
	"time"

	"pickup/account"
	"pickup/call"
)

// ItemID and OfferID name an entry of the queue and one showing of it to an agent.
type (
	ItemID  string
	OfferID string
)

// Class is the first part of the order, least first.
type Class int

// The classes.
const (
	ClassRepair   Class = 0 // to be repaired at once: the agent failed after pick-up. "Front of the queue"
	ClassLive     Class = 1 // somebody waits at this moment
	ClassDeferred Class = 2 // written messages and tickets
)

// Need is a skill an item asks for.
type Need struct {
	Skill string
	Level int // 1..5, minimum
	// Relax lowers the level as the wait grows, in order of After; nil: never.
	Relax []Step
	// Asked: a transfer asked for it, not the matter. The next transfer takes it away.
	Asked bool
}

// Step lowers a need: After the item entered the queue, Level is enough. Level
// 0 drops the need.
type Step struct {
	After time.Duration
	Level int
}

// Item is what waits. Channel, Queue and ID are required.
type Item struct {
	ID             ItemID
	Channel        call.Channel
	Queue          string // name, case-insensitive
	CallID         call.ID
	CallbackID     string
	Language       string
	Player         string    // shown to the agent: user part or number, never logged
	Priority       int       // 0 low .. 3 urgent; 1 is normal
	Class          Class     // set by Join from the channel, unless Front. A deferred item that joins as ClassLive with its Key was promoted before
	Key            int64     // unix ms; 0: Join computes enqueued + target - (priority-1) x 60,000
	EnqueuedAt     time.Time // zero: now. A callback keeps that of its call
	NotBefore      time.Time // not offered earlier; zero: at once
	Needs          []Need
	Lease          time.Duration // how long a reservation may last; 0: ring time + 8 s
	Preferred      account.ID    // offered to him first until PreferredUntil
	PreferredUntil time.Time     // at most 20 s (call), 60 s (chat) or 30 min (others) from Join; zero: that for text, not at all for voice
	By             string        // login of who transferred it, for the reason of its offers; "": nobody did

	TicketID      string
	InteractionID string
	// DueAt is the deadline of a deferred item: past it the item is promoted to
	// ClassLive with a key of then + 120 s. Zero: entered + target.
	DueAt  time.Time
	Target time.Duration // what the key is computed from; 0: by queue and channel
	// Holder had the text item before a restart: Join gives it to him at once,
	// ready or not, without a choice (Notice Offer with Accepted). Parked: as a
	// parked one; also where he has no room for it any more.
	Holder account.ID
	Parked bool

	// Consult: an agent who has a player asks for an agent of the queue. It is in no
	// figure and has no maximum wait; Adopt makes the player's entry of it.
	Consult bool

	Front           bool // join in class 0
	CountsAsOffered bool // false for an item that joins again (already counted)
}
