package queue

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/hours"
)

// Config of a Domain. Zero values mean the defaults named.
type Config struct {
	RingTime     time.Duration // how long an agent's devices ring: 12s
	ShortAbandon time.Duration // 5s
	MaxMissed    int           // missed call offers in a row until not_ready(no_answer): 1; -1: never
	// ChatRing is how long a chat is shown to an agent: 20s.
	ChatRing time.Duration
	// MaxMissedChat is MaxMissed for chats: 2; -1: never.
	MaxMissedChat int
	// ChatSoftLimit is how many chats an agent gets while another one has
	// fewer: 2; -1: no such limit.
	ChatSoftLimit int
	// OverduePercent of the ready agents, one at least, may hold deferred items
	// past their deadline at once: 20; -1: no limit.
	OverduePercent int
	// ReservePercent of the ready agents, one at least but never the last one,
	// are left idle by deferred items that are not overdue: 10; -1: none.
	ReservePercent int
	Placement      Placement // who gets written work: "" is PlacementPack
	Order          Order     // "" is OrderClasses
	// KeepsWriting: a call does not take an agent from an email, a ticket or the
	// like; he is free for calls when he has none of it active.
	KeepsWriting bool
	CommitWait   time.Duration // an offer leaves uncommitted after this without an answer of the store: 50ms; -1: never leaves uncommitted
	// OnChange is told of each change that a screen shows. It must not block.
	OnChange func(Change)
	// OfferIDs makes the id of the next offer. nil: New takes UUIDv7, NewCore
	// counts "o1", "o2", ... so that a run can be repeated.
	OfferIDs func() OfferID
}

// withDefaults returns c with zero values replaced.
func (c Config) withDefaults() Config {
	if c.RingTime <= 0 {
		c.RingTime = 12 * time.Second
	}
	if c.ShortAbandon <= 0 {
		c.ShortAbandon = 5 * time.Second
	}
	if c.MaxMissed == 0 {
		c.MaxMissed = 1
	}
	if c.CommitWait == 0 {
		c.CommitWait = 50 * time.Millisecond
	}
	if c.ChatRing <= 0 {
		c.ChatRing = 20 * time.Second
	}
	orDefault := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	orDefault(&c.MaxMissedChat, 2)
	orDefault(&c.ChatSoftLimit, 2)
	orDefault(&c.OverduePercent, 20)
	orDefault(&c.ReservePercent, 10)
	return c
}

// Check says which value of c cannot be used.
func (c Config) Check() error {
	switch {
	case c.RingTime != 0 && (c.RingTime < time.Second || c.RingTime > 5*time.Minute):
		return fmt.Errorf("queue: ring time %s is not between 1s and 5m", c.RingTime)
	case c.ShortAbandon < 0 || c.ShortAbandon > time.Minute:
		return fmt.Errorf("queue: short abandon %s is not between 0s and 1m", c.ShortAbandon)
	case c.MaxMissed < -1:
		return fmt.Errorf("queue: max missed %d is below -1", c.MaxMissed)
	case c.CommitWait < -1 || c.CommitWait > time.Minute:
		return fmt.Errorf("queue: commit wait %s is above 1m", c.CommitWait)
	case c.ChatRing != 0 && (c.ChatRing < time.Second || c.ChatRing > 5*time.Minute):
		return fmt.Errorf("queue: chat ring %s is not between 1s and 5m", c.ChatRing)
	case c.MaxMissedChat < -1 || c.ChatSoftLimit < -1:
		return fmt.Errorf("queue: max missed chat %d or chat soft limit %d is below -1", c.MaxMissedChat, c.ChatSoftLimit)
	case !slices.Contains(Placements(), string(c.Placement.OrDefault())):
		return fmt.Errorf("queue: placement %q is not one of %s", c.Placement, strings.Join(Placements(), ", "))
	case !slices.Contains(Orders(), string(c.Order.OrDefault())):
		return fmt.Errorf("queue: order %q is not one of %s", c.Order, strings.Join(Orders(), ", "))
	case c.OverduePercent < -1 || c.OverduePercent > 100 || c.ReservePercent < -1 || c.ReservePercent > 100:
		return fmt.Errorf("queue: overdue share %d %% or reserve %d %% is not between -1 and 100", c.OverduePercent, c.ReservePercent)
	}
	return nil
}

// leaseSlack is added to the time a session needs for its legs, so that the
// reaper acts only when the session did not (telephony 1.5, step 3).
const leaseSlack = 8 * time.Second

// defaultTarget is the target of a queue that names none.
const defaultTarget = 30 * time.Second

// TargetOf returns the target of a channel in q: what the key and the deadline
// of an item are computed from, and what its figures are measured against.
func (q *QueueConfig) TargetOf(ch call.Channel) time.Duration {
	if d := q.Targets[ch]; d > 0 {
		return d
	}
	switch ch {
	case call.ChannelChat:
		return 120 * time.Second
	case call.ChannelEmail, call.ChannelSocial, call.ChannelWebForm, call.ChannelTicket:
		return 4 * time.Hour
	}
	if q.Target > 0 {
		return q.Target
	}
	return defaultTarget
}

// Change is one thing that a screen shows.
type Change struct {
	Topic string // "queue", "agent"
	ID    string // queue name or account id
}

// QueueConfig is one queue as it is configured.
type QueueConfig struct {
	ID            string
	Name          string            // dialled name, lower case
	Title         map[string]string // by language, what screens show
	Enabled       bool
	Target        time.Duration // 30s
	TargetPercent int           // 80
	// Targets by channel. Without an entry: calls and callbacks Target, a chat
	// 120s, all others 4h.
	Targets   map[call.Channel]time.Duration
	MaxWait   time.Duration // 0: no limit; then overflow_time
	MaxLength int           // 0: no limit; then ErrFull
	WrapUp    time.Duration // timed wrap-up after a call; 0: none
	Strategy  Strategy      // who gets a call; "": StrategyLongestIdle
	RingMost  int           // agents asked at a time by StrategyRingAll and StrategyProgressive, 2 to MaxRingMost; 0: 10
	RingStep  time.Duration // after which these ask more of them; 0: 5s
	CallerID  string        // E.164 number that trunks show those whom it calls; "": that of the trunk
	HoursID   string        // names its opening hours in the store; "": always open
	Hours     *hours.Hours  // those hours, given to Configure and not stored; nil: always open
	// Require is what every item of the queue asks for beside its own needs; nil: nothing.
	Require Requirement
	// LanguageLevel, 1 to 5, asks for the skill LanguagePrefix + the item's language
	// at that level; 0: the language is not asked for.
	LanguageLevel int
	Relax         Relax
	Members       []Member
}

// Member is an agent of a queue.
type Member struct {
	Agent account.ID
	Rank  int // lower is tried first
	// Delay keeps the queue's items from him until they have waited so long, but
	// for those of class 0, his own as the preferred agent, and what he claims.
	Delay time.Duration
}

// AgentConfig is one agent as he is configured.
type AgentConfig struct {
	ID        account.ID
	Login     string
	Name      string
	AutoReady bool // ready when he goes from no device to one
	Skills    map[string]int
	// Limits by text channel; a channel without an entry has DefaultLimit.
	Limits map[call.Channel]Limit
}
