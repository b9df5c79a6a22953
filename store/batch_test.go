package store_test

import (
	"context"
	"sync"
	"testing"

	"pickup/queue"
	"pickup/store"
)

// submitBatch hands five decisions over in one call, which queues all of them
// before it waits. The channel it returns is closed when they are queued: the
// context of the last one is asked by nobody before that.
func submitBatch(t *testing.T, s *store.Store, errs chan<- []error) <-chan struct{} {
	t.Helper()
	gathered := make(chan struct{})
	go func() {
		ctx := &watched{Context: t.Context(), asked: gathered}
		errs <- s.CommitDecisions(ctx, make([]queue.Decision, 5))
	}()
	return gathered
}

// watched is a context that tells when somebody first waits on it.
type watched struct {
	context.Context
	once  sync.Once
	asked chan struct{}
}

// Done implements context.Context.
func (w *watched) Done() <-chan struct{} {
	w.once.Do(func() { close(w.asked) })
	return w.Context.Done()
}
