package callback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pickup/account"
	"pickup/internal/id"
)

func newAttempt(callback string, agent account.ID, at time.Time) Attempt {
	return Attempt{ID: id.New(), CallbackID: callback, AgentID: agent, StartedAt: at}
}

// Finish ends the running attempt. The callback is then done (connected), in
// retry_wait with NotBefore and the same Key, failed (Detail: the result), or
// expired when no further attempt fits before its last day. ErrState when no
// attempt runs.
func (b *Book) Finish(ctx context.Context, id string, result Result) (Callback, error) {
	c, unlock, err := b.take(ctx, id)
	if err != nil {
		return Callback{}, err
	}
	defer unlock()
	if !c.State.Running() {
		return c, fmt.Errorf("callback %s: no attempt runs in %s: %w", id, c.State, ErrState)
	}
	attempts, err := b.store.OpenAttempts(ctx)
	if err != nil {
		return c, fmt.Errorf("open attempts: %w", err)
	}
	i := slices.IndexFunc(attempts, func(a Attempt) bool { return a.CallbackID == id })
	if i < 0 {
		return c, fmt.Errorf("callback %s has no open attempt: %w", id, ErrState)
	}
	return b.finish(ctx, c, attempts[i], result)
}

// finish decides what follows an attempt and stores it.
func (b *Book) finish(ctx context.Context, c Callback, a Attempt, result Result) (Callback, error) {
	now := b.cfg.Now()
	was := c
	event, delay := EventRetry, time.Duration(0)
	a.Counted = true
	if c.State == StateConnected { // they talked: whatever came after, the promise is kept
		result = ResultConnected
	}
	switch result {
	case ResultConnected:
		event = EventCompleted
		if c.ConnectedAt.IsZero() { // its step was not told
			c.ConnectedAt = now
		}
	case ResultNoAnswer, ResultMachine:
		delay = b.cfg.RetryNoAnswer[min(c.Attempts, len(b.cfg.RetryNoAnswer)-1)]
	case ResultBusy:
		delay = b.cfg.RetryBusy
	case ResultInvalid, ResultBlocked:
		event = EventGaveUp
	case ResultAgentFailed: // he has just hung up: not at once again
		a.Counted, delay = false, b.cfg.RetryBusy
	case ResultUnknown:
		a.Counted, delay = false, b.cfg.RetryUnknown
	default:
		return was, fmt.Errorf("result %q: %w", result, ErrState)
	}
	a.Result, a.EndedAt = result, now
	if a.Counted {
		c.Attempts++
	}
	if event == EventRetry && c.Attempts >= c.MaxAttempts {
		event = EventGaveUp
	}
	if event == EventRetry {
		next := b.Due(c, now.Add(delay))
		if next.IsZero() || !next.Before(c.ExpiresAt) {
			event = EventExpired
		} else {
			c.NotBefore = next
		}
	}
	next, err := c.State.Next(event)
	if err != nil {
		return was, err
	}
	c.State, c.Detail = next, string(result)
	if next == StateDone || next == StateRetryWait {
		c.Detail = ""
	}
	if next.Terminal() {
		c.EndedAt = now
	}
	if err := b.store.EndAttempt(ctx, c, a); err != nil {
		return was, fmt.Errorf("end attempt of callback %s: %w", c.ID, err)
	}
	return c, nil
}

// Void takes back an attempt that nobody makes any more: its agent was given
// back before the store had it, or its call is gone. It is not counted, and the
// callback waits again as after a crash (or is done, if they talked, or has
// expired). attempt is its id; "" is whichever is open, where whoever asks is
// sure that nobody dials. A callback for which that attempt does not run is
// returned as it is: to be told twice is no error.
func (b *Book) Void(ctx context.Context, id, attempt string) (Callback, error) {
	c, unlock, err := b.take(ctx, id)
	if err != nil {
		return Callback{}, err
	}
	defer unlock()
	if !c.State.Running() {
		return c, nil
	}
	attempts, err := b.store.OpenAttempts(ctx)
	if err != nil {
		return c, fmt.Errorf("open attempts: %w", err)
	}
	i := slices.IndexFunc(attempts, func(a Attempt) bool { return a.CallbackID == id })
	switch {
	case i < 0 && attempt == "":
		return b.release(ctx, c)
	case i < 0 || attempt != "" && attempts[i].ID != attempt:
		return c, nil
	}
	return b.finish(ctx, c, attempts[i], ResultUnknown)
}

// Recover closes attempts that a crash left open (result unknown, not counted,
// NotBefore in RetryUnknown; one whose player talked already is done), expires
// what is overdue, and returns every open callback, ordered by key, then id. It
// is called before any other method.
func (b *Book) Recover(ctx context.Context) ([]Callback, error) {
	attempts, err := b.store.OpenAttempts(ctx)
	if err != nil {
		return nil, fmt.Errorf("open attempts: %w", err)
	}
	for _, a := range attempts {
		if err := b.recoverAttempt(ctx, a); err != nil {
			return nil, err
		}
	}
	open, err := b.store.OpenCallbacks(ctx)
	if err != nil {
		return nil, fmt.Errorf("open callbacks: %w", err)
	}
	now := b.cfg.Now()
	standing := make([]Callback, 0, len(open))
	for _, c := range open {
		if !now.Before(c.ExpiresAt) && !c.State.Running() {
			if _, err := b.expire(ctx, c.ID); err != nil {
				return nil, err
			}
			continue
		}
		if c.State.Running() { // without an attempt: half a row of an older crash
			if c, err = b.Void(ctx, c.ID, ""); err != nil {
				return nil, err
			}
		}
		if !c.Open() {
			continue
		}
		standing = append(standing, c)
	}
	slices.SortFunc(standing, func(x, y Callback) int {
		return cmp.Or(cmp.Compare(x.Key, y.Key), cmp.Compare(x.ID, y.ID))
	})
	return standing, nil
}

// recoverAttempt ends one attempt that was running when we crashed.
func (b *Book) recoverAttempt(ctx context.Context, a Attempt) error {
	c, unlock, err := b.take(ctx, a.CallbackID)
	if errors.Is(err, ErrNotFound) {
		return nil // its callback was erased: nobody is to be called
	}
	if err != nil {
		return err
	}
	defer unlock()
	if !c.State.Running() { // an older row: only the attempt is to be closed
		a.Result, a.EndedAt, a.Counted = ResultUnknown, b.cfg.Now(), false
		return b.store.EndAttempt(ctx, c, a)
	}
	if _, err := b.finish(ctx, c, a, ResultUnknown); err != nil {
		return fmt.Errorf("recover callback %s: %w", c.ID, err)
	}
	return nil
}

// release takes a callback that seems to run, and for which no attempt is open,
// out of that state. Its lock is held.
func (b *Book) release(ctx context.Context, c Callback) (Callback, error) {
	if c.State == StateConnected {
		return b.end(ctx, c, EventCompleted, "")
	}
	next, err := c.State.Next(EventRetry)
	if err != nil {
		return c, err
	}
	c.State, c.NotBefore = next, b.Due(c, b.cfg.Now().Add(b.cfg.RetryUnknown))
	if c.NotBefore.IsZero() {
		c.NotBefore = c.ExpiresAt // no hour is allowed any more: it will expire
	}
	if err := b.store.SaveCallback(ctx, c); err != nil {
		return c, fmt.Errorf("recover callback %s: %w", c.ID, err)
	}
	return c, nil
}
