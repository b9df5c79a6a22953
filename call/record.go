package call

import (
	"time"

	"pickup/account"
)

// Record is the call record (CDR): one for each call, written when it starts
// and again at each change of state. Zero times mean "has not happened".
type Record struct {
	ID          ID
	Direction   Direction
	SIPCallID   string // Call-ID of the player's dialog, or "" for a browser
	From, To    Party
	Language    string // "fr" or "en"
	Queue       string // name of the queue, or "" while in a menu
	State       State
	EndReason   EndReason // "" while live
	AgentID     account.ID
	ContactID   string
	TicketID    string
	CallbackID  string
	RecordingID string
	ItemID      string // the entry of the queue
	// ResumeSHA256 is the hash of the token with which a browser returns to
	// this call; "" where there is none.
	ResumeSHA256 string
	Why          string // why this agent: the text of the last offer

	ArrivedAt  time.Time // first INVITE
	MediaAt    time.Time // 200 OK to the caller
	EnqueuedAt time.Time // entered the queue: the wait starts
	OfferedAt  time.Time // first INVITE to an agent
	RangAt     time.Time // first 180 of an agent's device
	PickedAt   time.Time // 200 OK of the winning device
	BridgedAt  time.Time // both directions joined: the wait ends
	ReleasedAt time.Time // the agent's leg was released
	EndedAt    time.Time

	Talk, Hold time.Duration
	Legs       []LegRecord
}

// Wait is what the player felt: from entering the queue to the bridge, or to
// the end of the call if there was no bridge. For a call that still waits it
// runs to now. It is 0 for a call that never entered a queue.
func (r *Record) Wait(now time.Time) time.Duration {
	switch {
	case r.EnqueuedAt.IsZero():
		return 0
	case !r.BridgedAt.IsZero():
		return r.BridgedAt.Sub(r.EnqueuedAt)
	case !r.EndedAt.IsZero():
		return r.EndedAt.Sub(r.EnqueuedAt)
	default:
		return now.Sub(r.EnqueuedAt)
	}
}

// LegRecord is what is kept of one leg.
type LegRecord struct {
	ID         LegID
	Kind       string // "player" or "agent"
	AgentID    account.ID
	Device     string // contact URI, or "browser"
	Transport  string // "udp", "tcp", "ws", "webrtc"
	SIPCallID  string
	StartedAt  time.Time
	RangAt     time.Time
	AnsweredAt time.Time
	EndedAt    time.Time
	Cause      Cause
	Codec      string // "PCMA", "PCMU", "G722", "opus" or ""
	Quality    Quality
}

// Quality is what the media of a leg measured (RFC 3550 6.4.1, ITU-T G.107).
type Quality struct {
	PacketsIn   uint64
	PacketsOut  uint64
	PacketsLost uint64
	Jitter      time.Duration
	MOS         float64 // estimated mean opinion score, 1.0 to 4.5; 0 when nothing was received
	// The same of stretches of 5 s: the lowest, the last and the mean of them; 0
	// before the first is over.
	MOSLowest, MOSLast, MOSMean float64
}

// TimelineEvent is one line in the story of a call or a ticket.
type TimelineEvent struct {
	At     time.Time
	Kind   string            // e.g. "joined", "offered", "bridged", "callback_confirmed"
	Actor  string            // account.ID of who did it, or "" for the system
	Detail map[string]string // small facts with stable keys, e.g. {"agent":"1001","outcome":"missed"}
}
