package callflow_test

import (
	"context"
	"slices"
	"sync"
	"time"

	"pickup/call"
	"pickup/callback"
	"pickup/callflow"
	"pickup/queue"
	"pickup/recording"
	"pickup/store/storetest"
	"pickup/ticket"
)

// ledger is a Memory that can be slow, fail, or die with its server.
type ledger struct {
	*storetest.Memory
	lateRows time.Duration // of SaveRecording, when it is closed
	mu       sync.Mutex
	err      error
	blocked  chan struct{} // closed when the store answers again
	writes   int
}

// fail makes every write fail with err; nil ends it.
func (l *ledger) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// block makes every write wait until the returned function is called.
func (l *ledger) block() (open func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blocked = make(chan struct{})
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		close(l.blocked)
		l.blocked = nil
	}
}

// count is how many writes there were.
func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writes
}

func (l *ledger) gate(ctx context.Context) error {
	l.mu.Lock()
	blocked := l.blocked
	l.writes++
	l.mu.Unlock()
	if blocked != nil {
		select {
		case <-blocked:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *ledger) CommitDecisions(ctx context.Context, d []queue.Decision) []error {
	if err := l.gate(ctx); err != nil {
		return slices.Repeat([]error{err}, len(d))
	}
	return l.Memory.CommitDecisions(ctx, d)
}

func (l *ledger) SaveCall(ctx context.Context, r call.Record, events ...call.TimelineEvent) error {
	if err := l.gate(ctx); err != nil {
		return err
	}
	return l.Memory.SaveCall(ctx, r, events...)
}

func (l *ledger) EndCall(ctx context.Context, e callflow.Ending) (ticket.Linked, error) {
	if err := l.gate(ctx); err != nil {
		return ticket.Linked{}, err
	}
	return l.Memory.EndCall(ctx, e)
}

func (l *ledger) ConfirmCallback(ctx context.Context, c callback.Callback) error {
	if err := l.gate(ctx); err != nil {
		return err
	}
	return l.Memory.ConfirmCallback(ctx, c)
}

func (l *ledger) SaveCallback(ctx context.Context, c callback.Callback) error {
	if err := l.gate(ctx); err != nil {
		return err
	}
	return l.Memory.SaveCallback(ctx, c)
}

func (l *ledger) BeginAttempt(ctx context.Context, c callback.Callback, a callback.Attempt) error {
	if err := l.gate(ctx); err != nil {
		return err
	}
	return l.Memory.BeginAttempt(ctx, c, a)
}

func (l *ledger) EndAttempt(ctx context.Context, c callback.Callback, a callback.Attempt) error {
	if err := l.gate(ctx); err != nil {
		return err
	}
	return l.Memory.EndAttempt(ctx, c, a)
}

func (l *ledger) SaveRecording(ctx context.Context, r recording.Row) error {
	if err := l.gate(ctx); err != nil {
		return err
	}
	if r.State != recording.StateOpen {
		time.Sleep(l.lateRows)
	}
	return l.Memory.SaveRecording(ctx, r)
}
