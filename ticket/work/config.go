package work

import (
	"context"
	"errors"
	"time"

	"pickup/account"
	"pickup/queue"
)

// Errors of the package, tested with errors.Is.
var (
	ErrGone    = errors.New("work: there is no such piece of work any more")
	ErrTaken   = errors.New("work: another agent has it")
	ErrState   = errors.New("work: not in this state")
	ErrStopped = errors.New("work: stopped")
)

// Store tells what there is to do.
type Store interface {
	// OpenTasks returns the mail interactions whose customer waits, and the new
	// and open tickets that nobody has taken and no open interaction or callback
	// speaks for. Chats are not among them: their rooms say so themselves.
	OpenTasks(ctx context.Context) ([]Task, error)
	// Worked returns a piece of work as it was stored, with every offer, on the
	// board or not. Errors: ErrGone.
	Worked(ctx context.Context, itemID string) (Worked, error)
}

// Config of a Board. Zero values mean the defaults named.
type Config struct {
	SweepEvery   time.Duration // how often the facts are read: 1m
	ConsoleGrace time.Duration // a console that closed counts as open for this long: 10s
	// LeftAfter is how long an agent's console may be closed before his chats go
	// back to the front of the queue: 60s.
	LeftAfter   time.Duration
	PreferChat  time.Duration // how long a chat waits for its preferred agent: 60s
	PreferOther time.Duration // the same of mails and tickets: 30m
	// OnChange is told of each change that a screen shows. It must not block.
	OnChange func(Change)
}

// Change is a piece of work that changed.
type Change struct {
	Item  queue.ItemID
	Agent account.ID // whom it concerns; "": nobody in particular
	Queue string     // where it waits, or waited
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{
		{&c.SweepEvery, time.Minute},
		{&c.ConsoleGrace, 10 * time.Second},
		{&c.LeftAfter, time.Minute},
		{&c.PreferChat, time.Minute},
		{&c.PreferOther, 30 * time.Minute},
	} {
		if *d.value <= 0 {
			*d.value = d.def
		}
	}
	if c.OnChange == nil {
		c.OnChange = func(Change) {}
	}
	return c
}
