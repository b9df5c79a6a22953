// Package storetest is the conformance suite of the store: Run holds what every
// engine must do, and Memory is the store made of Go maps, which passes it too.
//
// It starts no goroutine, opens no file and imports no driver, so tests of the
// engines may use Memory inside testing/synctest.
package storetest

import (
	"context"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/callback"
	"pickup/callflow"
	"pickup/queue"
	"pickup/recording"
	"pickup/report"
	"pickup/store"
	"pickup/ticket"
	"pickup/ticket/chat"
	"pickup/ticket/work"
)

// People is the part of the store about users, phones and agents.
type People interface {
	UpsertUser(ctx context.Context, u account.User) error
	Users(ctx context.Context) ([]account.User, error)
	UserByID(ctx context.Context, id account.ID) (account.User, error)
	UserByLogin(ctx context.Context, login string) (account.User, bool, error)
	SetUserActive(ctx context.Context, id account.ID, active bool) error
	SetSkills(ctx context.Context, id account.ID, skills map[string]int) error
	Skills(ctx context.Context) (map[account.ID]map[string]int, error)
	SetLimits(ctx context.Context, id account.ID, limits map[call.Channel]queue.Limit) error
	Limits(ctx context.Context) (map[account.ID]map[call.Channel]queue.Limit, error)
	CreateSession(ctx context.Context, n account.Session) error
	SessionByToken(ctx context.Context, tokenSHA256 string) (account.Session, account.User, error)
	DeleteSession(ctx context.Context, id string) error
	PurgeSessions(ctx context.Context, now time.Time) error
	CreateToken(ctx context.Context, k account.Token) error
	TokenBySHA256(ctx context.Context, tokenSHA256 string) (account.Token, account.User, error)
	Tokens(ctx context.Context, user account.ID) ([]account.Token, error)
	DeleteToken(ctx context.Context, id string) error
	SaveBinding(ctx context.Context, b account.Binding) error
	DropBinding(ctx context.Context, aor, key string) error
	Bindings(ctx context.Context) ([]account.Binding, error)
	PurgeBindings(ctx context.Context, now time.Time) error
	SetUserState(ctx context.Context, agent account.ID, state queue.AgentState, reason string, at time.Time) error
	AgentStates(ctx context.Context) (map[account.ID]queue.AgentView, error)
}

// Site is the part of the store about what an administrator sets up.
type Site interface {
	Meta(ctx context.Context, key string) (string, bool, error)
	SetMeta(ctx context.Context, key, value string) error
	UpsertQueue(ctx context.Context, q queue.QueueConfig) error
	SetMembers(ctx context.Context, queueID string, members []queue.Member) error
	Queues(ctx context.Context) ([]queue.QueueConfig, error)
	DeleteQueue(ctx context.Context, id string) error
	UpsertTrunk(ctx context.Context, k store.Trunk) error
	Trunks(ctx context.Context) ([]store.Trunk, error)
	DeleteTrunk(ctx context.Context, id string) error
	UpsertHours(ctx context.Context, h store.Hours) error
	Hours(ctx context.Context) ([]store.Hours, error)
	DeleteHours(ctx context.Context, id string) error
	LogAudit(ctx context.Context, a store.Audit) error
	Audits(ctx context.Context, objectID string) ([]store.Audit, error)
}

// Lists are the read models of the screens.
type Lists interface {
	Calls(ctx context.Context, f store.CallFilter) ([]call.Record, string, error)
	Call(ctx context.Context, id call.ID) (call.Record, []call.TimelineEvent, error)
	CallBySIPCallID(ctx context.Context, sipCallID string) (call.Record, []call.TimelineEvent, error)
	EndedEntries(ctx context.Context, name string, from, to time.Time) ([]report.Entry, error)
	TextEntries(ctx context.Context, name string, from, to time.Time) ([]report.Entry, error)
	Recordings(ctx context.Context, f store.RecordingFilter) ([]recording.Row, string, error)
	Tickets(ctx context.Context, f store.TicketFilter) ([]ticket.Ticket, string, error)
	Ticket(ctx context.Context, id string) (store.TicketDetail, error)
	Contacts(ctx context.Context, f store.ContactFilter) ([]ticket.Contact, string, error)
	Contact(ctx context.Context, id string) (store.ContactDetail, error)
	DeskLists
	Callbacks(ctx context.Context, f store.CallbackFilter) ([]callback.Callback, string, error)
	Attempts(ctx context.Context, callbackID string) ([]callback.Attempt, error)
	AccessLog(ctx context.Context, objectID string) ([]recording.Access, error)
	VerifyAccessLog(ctx context.Context) error
}

// DeskLists are the read models of the desk.
type DeskLists interface {
	TicketHeads(ctx context.Context, all []ticket.Ticket) (map[string]store.TicketHead, error)
	TicketOf(ctx context.Context, id string, agent account.ID) (bool, error)
	TicketAgents(ctx context.Context, ticketID string) ([]account.ID, error)
	ContactAgents(ctx context.Context, contactID string) ([]account.ID, error)
	TicketByID(ctx context.Context, id string) (ticket.Ticket, error)
	TicketByNumber(ctx context.Context, number int64) (ticket.Ticket, error)
	Interaction(ctx context.Context, id string) (ticket.Interaction, error)
	Interactions(ctx context.Context, f store.InteractionFilter) ([]ticket.Interaction, string, error)
	Message(ctx context.Context, id string) (ticket.Message, error)
	Messages(ctx context.Context, ticketID string, after int64, limit int) ([]ticket.Message, error)
	Attachment(ctx context.Context, id string) (store.AttachmentDetail, error)
	Outbox(ctx context.Context, due time.Time, limit int, busy ...string) ([]ticket.OutMail, error)
	NeedsWork(ctx context.Context) (store.WorkToDo, error)
	TextFigures(ctx context.Context, channel call.Channel, queue string, from, to time.Time, target time.Duration) (ticket.Figures, error)
	Search(ctx context.Context, q store.SearchFilter) ([]store.Hit, error)
}

// Mail is the part of the store about mailboxes.
type Mail interface {
	ticket.Inbox
	UpsertMailbox(ctx context.Context, b ticket.Mailbox) error
	Mailboxes(ctx context.Context) ([]ticket.Mailbox, error)
	DeleteMailbox(ctx context.Context, id string) error
}

// Full is everything that a store does.
type Full interface {
	People
	Site
	Lists
	queue.Store
	callflow.Store
	callback.Store
	CallbackFigures(ctx context.Context, from, to, now time.Time) (map[string]callback.Figures, error)
	CallbackRules(ctx context.Context) (callback.Rules, error)
	SetCallbackRules(ctx context.Context, r callback.Rules) error
	recording.Store
	ticket.Store
	work.Store
	chat.Store
	Mail
	RecoverQueue(ctx context.Context, at time.Time) error
	Ping(ctx context.Context) error
	Close() error
}

// Both implementations are complete.
var (
	_ Full = (*store.Store)(nil)
	_ Full = (*Memory)(nil)
)
