package chat

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pickup/account"
	"pickup/ticket"
)

// Errors of the package, tested with errors.Is.
var (
	ErrNotFound = errors.New("chat: there is no such conversation")
	ErrEnded    = errors.New("chat: the conversation has ended")
	ErrToken    = errors.New("chat: the token is not valid, or no longer")
	ErrRate     = errors.New("chat: too fast")
	ErrText     = errors.New("chat: a message has text or files, and at most 4000 characters")
	ErrFull     = errors.New("chat: too many conversations, or this one is too long")
	ErrNotYours = errors.New("chat: another agent answers")
	ErrNoMail   = errors.New("chat: there is no address, or no mailbox, to send it by mail")
	ErrFile     = errors.New("chat: there is no such uploaded file of yours")
	ErrStopped  = errors.New("chat: stopped")
)

// Limits of what is said.
const (
	maxText   = 4000 // characters of a message
	maxFiles  = 10   // of a message
	maxEvents = 5000 // of a conversation: beyond it nothing is taken but its end
)

// Config of Rooms. Zero durations mean the defaults named.
type Config struct {
	MaxOpen      int           // conversations at once; more are refused: 2000
	TokenLife    time.Duration // how long a token of a page holds: 24h
	OfflineAfter time.Duration // without a ping, until the visitor counts as away: 30s
	MailAfter    time.Duration // away for so long, what he has not read is mailed: 2m
	MailGap      time.Duration // between two such mails: 15m
	KeepPlace    time.Duration // who waits and is away for so long has left: 3m
	IdleWarning  time.Duration // of silence, until the visitor is asked: 5m
	IdleClose    time.Duration // of silence, until the conversation ends: 10m
	PlaceEvery   time.Duration // the place in the queue is told at most so often: 5s
	Language     string        // of visitors who do not say: "fr"
	Tickets      ticket.Policy
	// AgentName is what a visitor is told of an agent. nil: nothing.
	AgentName func(account.ID) string
	// Mail puts an automatic mail with text on its way, in the transaction; ok is
	// false where there is no mailbox. nil: there is none.
	Mail func(ctx context.Context, tx ticket.DeskTx, m Mail) (ok bool, err error)
	// OnChange is told of each thing that an agent's screen shows. It must not block.
	OnChange func(Change)
}

// Mail is what a visitor is sent when he is away, or asks for.
type Mail struct {
	TicketID string
	Queue    string
	Language string
	To       string
	Name     string
	Subject  string
	Text     string
	At       time.Time
}

// Change is one thing that happened in a conversation.
type Change struct {
	ID     string     // of the conversation
	Ticket string     // id of its ticket
	Agent  account.ID // who answers, or answered a moment ago; "": nobody
	Kind   string     // "event", "typing", "presence", "mailed", "ended"
	Seq    int64      // of the newest event
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{
		{&c.TokenLife, 24 * time.Hour},
		{&c.OfflineAfter, 30 * time.Second},
		{&c.MailAfter, 2 * time.Minute},
		{&c.MailGap, 15 * time.Minute},
		{&c.KeepPlace, 3 * time.Minute},
		{&c.IdleWarning, 5 * time.Minute},
		{&c.IdleClose, 10 * time.Minute},
		{&c.PlaceEvery, 5 * time.Second},
	} {
		if *d.value == 0 {
			*d.value = d.def
		}
	}
	if c.MaxOpen == 0 {
		c.MaxOpen = 2000
	}
	if c.Language == "" {
		c.Language = "fr"
	}
	if c.AgentName == nil {
		c.AgentName = func(account.ID) string { return "" }
	}
	if c.OnChange == nil {
		c.OnChange = func(Change) {}
	}
	return c
}

// Check reports the first setting that cannot work, by its key in the settings.
func (c Config) Check() error {
	d := c.withDefaults()
	switch {
	case c.MaxOpen < 0:
		return fmt.Errorf("chat.max_open: must be 1 or more, got %d", c.MaxOpen)
	case d.IdleClose <= d.IdleWarning:
		return fmt.Errorf("chat.idle_close: %s must be longer than chat.idle_warning, %s", d.IdleClose, d.IdleWarning)
	case d.OfflineAfter < time.Second:
		return fmt.Errorf("chat.offline_after: must be 1s or more, got %s", d.OfflineAfter)
	}
	return nil
}
