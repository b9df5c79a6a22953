package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pickup/internal/logkey"
)

// lateAfter is when a commit raises an alarm (telephony 1.1, E7).
const lateAfter = time.Second

// maxBatch bounds one transaction (scale 4.2).
const maxBatch = 512

var errNoAnswer = errors.New("queue: the store gave no answer for a decision")

// committer is the owner's side of the commit goroutine: what gathered while
// the last commit ran is the next batch. The owner never waits for it.
type committer struct {
	pending []Decision
	batch   []Decision // being committed
	busy    bool
	alarm   *time.Timer
	work    chan []Decision
	results chan []error
	gone    chan struct{}
}

func (c *committer) start(ctx context.Context, store Store) {
	c.work = make(chan []Decision, 1)
	c.results = make(chan []error, 1)
	c.gone = make(chan struct{})
	c.alarm = stoppedTimer()
	go func() {
		defer close(c.gone)
		for batch := range c.work {
			c.results <- commitSafely(ctx, store, batch)
		}
	}()
}

// commitSafely turns a fault of the store into errors: calls go on.
func commitSafely(ctx context.Context, store Store, batch []Decision) (errs []error) {
	defer func() {
		if p := recover(); p != nil {
			errs = make([]error, len(batch))
			for i := range errs {
				errs[i] = fmt.Errorf("queue: fault in the store: %v", p)
			}
		}
	}()
	return store.CommitDecisions(ctx, batch)
}

// next starts a commit when none runs and something gathered.
func (c *committer) next() {
	if c.busy || len(c.pending) == 0 {
		return
	}
	n := min(len(c.pending), maxBatch)
	c.batch = append(c.batch[:0], c.pending[:n]...)
	rest := copy(c.pending, c.pending[n:])
	clear(c.pending[rest:])
	c.pending = c.pending[:rest]
	c.busy = true
	c.alarm.Reset(lateAfter)
	c.work <- c.batch
}

func (c *committer) done() {
	c.busy = false
	c.alarm.Stop()
}

// errorOf returns the store's answer to decision i.
func errorOf(errs []error, i int) error {
	if i < len(errs) {
		return errs[i]
	}
	return errNoAnswer
}

// committed brings the store's answers back to the engine.
func (d *Domain) committed(errs []error) {
	d.logErrors(errs)
	d.commits.done()
	d.counters.late.Store(false)
	var offers []Event
	for i := range d.commits.batch {
		if dec := &d.commits.batch[i]; dec.Kind == DecisionOffer {
			offers = append(offers, Event{Kind: EventCommitted, Offer: dec.Offer, Err: errorOf(errs, i)})
		}
	}
	d.commits.next()
	for _, ev := range offers {
		d.handle(&message{event: ev})
	}
}

// logErrors says once for a batch what was not stored.
func (d *Domain) logErrors(errs []error) {
	failed := 0
	var first error
	var at Decision
	for i := range d.commits.batch {
		if err := errorOf(errs, i); err != nil {
			if failed++; failed == 1 {
				first, at = err, d.commits.batch[i]
			}
		}
	}
	if failed > 0 {
		d.counters.commitErrors.Add(uint64(failed))
		d.log.Error("decisions were not stored", "count", failed, "kind", string(at.Kind),
			logkey.Item, string(at.Item.ID), logkey.Offer, string(at.Offer), logkey.Err, first)
	}
}
