package web

import (
	"context"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/callback"
	"pickup/queue"
	"pickup/recording"
	"pickup/report"
	"pickup/store"
	"pickup/ticket"
)

// Users keeps who may sign in. The methods are those of *store.Store.
type Users interface {
	UserByLogin(ctx context.Context, login string) (u account.User, ok bool, err error)
	UserByID(ctx context.Context, id account.ID) (account.User, error)
	Users(ctx context.Context) ([]account.User, error)
	UpsertUser(ctx context.Context, u account.User) error
	SetUserActive(ctx context.Context, id account.ID, active bool) error
	// Skills returns the level, 1 to 5, of each skill of each user who has any.
	Skills(ctx context.Context) (map[account.ID]map[string]int, error)
	// Limits returns what is set of the users who have anything set.
	Limits(ctx context.Context) (map[account.ID]map[call.Channel]queue.Limit, error)
	SetLimits(ctx context.Context, id account.ID, limits map[call.Channel]queue.Limit) error
}

// Keys keeps what opens the door: sessions and tokens.
type Keys interface {
	CreateSession(ctx context.Context, s account.Session) error
	SessionByToken(ctx context.Context, tokenSHA256 string) (account.Session, account.User, error)
	DeleteSession(ctx context.Context, id string) error
	CreateToken(ctx context.Context, t account.Token) error
	TokenBySHA256(ctx context.Context, tokenSHA256 string) (account.Token, account.User, error)
}

// TokenList lists and revokes the tokens of a user.
type TokenList interface {
	Tokens(ctx context.Context, user account.ID) ([]account.Token, error)
	DeleteToken(ctx context.Context, id string) error
}

// Site keeps queues and trunks.
type Site interface {
	Queues(ctx context.Context) ([]queue.QueueConfig, error)
	UpsertQueue(ctx context.Context, q queue.QueueConfig) error
	SetMembers(ctx context.Context, queueID string, members []queue.Member) error
	DeleteQueue(ctx context.Context, id string) error
}

// TrunkList keeps the trunks.
type TrunkList interface {
	Trunks(ctx context.Context) ([]store.Trunk, error)
	UpsertTrunk(ctx context.Context, t store.Trunk) error
	DeleteTrunk(ctx context.Context, id string) error
}

// MailboxList keeps the mailboxes of support.
type MailboxList interface {
	Mailboxes(ctx context.Context) ([]ticket.Mailbox, error)
	UpsertMailbox(ctx context.Context, b ticket.Mailbox) error
	DeleteMailbox(ctx context.Context, id string) error
}

// HoursList keeps the opening hours.
type HoursList interface {
	Hours(ctx context.Context) ([]store.Hours, error)
	UpsertHours(ctx context.Context, h store.Hours) error
	DeleteHours(ctx context.Context, id string) error
}

// Records reads what calls left. Lists are newest first and return the cursor
// of the next page.
type Records interface {
	Calls(ctx context.Context, f store.CallFilter) ([]call.Record, string, error)
	Call(ctx context.Context, id call.ID) (call.Record, []call.TimelineEvent, error)
	CallBySIPCallID(ctx context.Context, sipCallID string) (call.Record, []call.TimelineEvent, error)
	// EndedEntries returns the entries of a queue ("": of all) of [from, to).
	EndedEntries(ctx context.Context, name string, from, to time.Time) ([]report.Entry, error)
	// TextEntries is the same for what is written.
	TextEntries(ctx context.Context, name string, from, to time.Time) ([]report.Entry, error)
}

// Audio reads the rows of recordings.
type Audio interface {
	Recordings(ctx context.Context, f store.RecordingFilter) ([]recording.Row, string, error)
	Recording(ctx context.Context, id recording.ID) (recording.Row, error)
}

// Matters reads tickets, contacts and callbacks.
type Matters interface {
	Tickets(ctx context.Context, f store.TicketFilter) ([]ticket.Ticket, string, error)
	TicketHeads(ctx context.Context, all []ticket.Ticket) (map[string]store.TicketHead, error)
	Ticket(ctx context.Context, id string) (store.TicketDetail, error)
	Contact(ctx context.Context, id string) (store.ContactDetail, error)
	Callbacks(ctx context.Context, f store.CallbackFilter) ([]callback.Callback, string, error)
	Callback(ctx context.Context, id string) (callback.Callback, error)
	// CallbackFigures counts those confirmed in [from, to) by queue, as they stand now.
	CallbackFigures(ctx context.Context, from, to, now time.Time) (map[string]callback.Figures, error)
	CallbackRules(ctx context.Context) (callback.Rules, error)
	SetCallbackRules(ctx context.Context, r callback.Rules) error
}

// Threads reads single rows of the desk, beside the acts that change them.
type Threads interface {
	TicketByID(ctx context.Context, id string) (ticket.Ticket, error)
	TicketByNumber(ctx context.Context, number int64) (ticket.Ticket, error)
	// TicketOf reports whether a ticket is assigned to an agent, or he took part in it.
	TicketOf(ctx context.Context, ticketID string, agent account.ID) (bool, error)
	// TicketAgents and ContactAgents return whose a ticket, or what a contact had, is.
	TicketAgents(ctx context.Context, ticketID string) ([]account.ID, error)
	ContactAgents(ctx context.Context, contactID string) ([]account.ID, error)
	Message(ctx context.Context, id string) (ticket.Message, error)
	Interaction(ctx context.Context, id string) (ticket.Interaction, error)
	Messages(ctx context.Context, ticketID string, after int64, limit int) ([]ticket.Message, error)
}

// Logs are the two hash-chained logs.
type Logs interface {
	LogAccess(ctx context.Context, a recording.Access) error
	LogAudit(ctx context.Context, a store.Audit) error
}

// Store is what this edge reads and writes; *store.Store is it.
type Store interface {
	Users
	Keys
	TokenList
	Site
	TrunkList
	HoursList
	MailboxList
	Records
	Audio
	Matters
	Threads
	Logs
	Files
}
