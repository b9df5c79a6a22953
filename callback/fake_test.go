package callback_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"pickup/callback"
)

var errDisk = errors.New("disk failed")

// store is a callback.Store in memory that fails on request, before or after
// it has written.
type store struct {
	mu        sync.Mutex
	callbacks map[string]callback.Callback
	attempts  map[string]callback.Attempt
	fail      bool // the next write is refused
	deaf      bool // the next write is done, and nobody is told
	writes    int
}

func newStore() *store {
	return &store{callbacks: map[string]callback.Callback{}, attempts: map[string]callback.Attempt{}}
}

// write runs one durable act, or fails as asked.
func (s *store) write(act func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail {
		return errDisk
	}
	s.writes++
	if err := act(); err != nil || !s.deaf {
		return err
	}
	return errDisk
}

func (s *store) ConfirmCallback(_ context.Context, c callback.Callback) error {
	return s.write(func() error {
		for _, o := range s.callbacks {
			same := o.TargetKind == c.TargetKind && o.Target == c.Target
			if o.Open() && (same || c.ContactID != "" && o.ContactID == c.ContactID) {
				return callback.ErrOpen
			}
		}
		s.callbacks[c.ID] = c
		return nil
	})
}

func (s *store) SaveCallback(_ context.Context, c callback.Callback) error {
	return s.write(func() error {
		if _, ok := s.callbacks[c.ID]; !ok {
			return callback.ErrNotFound
		}
		s.callbacks[c.ID] = c
		return nil
	})
}

func (s *store) BeginAttempt(_ context.Context, c callback.Callback, a callback.Attempt) error {
	return s.write(func() error {
		for _, o := range s.attempts {
			if o.CallbackID == c.ID && o.EndedAt.IsZero() {
				return callback.ErrOpen
			}
		}
		s.callbacks[c.ID], s.attempts[a.ID] = c, a
		return nil
	})
}

func (s *store) EndAttempt(_ context.Context, c callback.Callback, a callback.Attempt) error {
	return s.write(func() error {
		s.callbacks[c.ID], s.attempts[a.ID] = c, a
		return nil
	})
}

func (s *store) Callback(_ context.Context, id string) (callback.Callback, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.callbacks[id]
	if !ok {
		return c, callback.ErrNotFound
	}
	return c, nil
}

func (s *store) OpenCallbacks(context.Context) ([]callback.Callback, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var open []callback.Callback
	for _, c := range s.callbacks {
		if c.Open() {
			open = append(open, c)
		}
	}
	slices.SortFunc(open, func(x, y callback.Callback) int {
		return cmp.Or(cmp.Compare(x.Key, y.Key), cmp.Compare(x.ID, y.ID))
	})
	return open, nil
}

func (s *store) OpenAttempts(context.Context) ([]callback.Attempt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var open []callback.Attempt
	for _, a := range s.attempts {
		if a.EndedAt.IsZero() {
			open = append(open, a)
		}
	}
	return open, nil
}

func (s *store) CallbackHistory(_ context.Context, c callback.Callback, since callback.Since) (callback.History, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var h callback.History
	same := func(o callback.Callback) bool {
		return o.TargetKind == c.TargetKind && o.Target == c.Target || c.ContactID != "" && o.ContactID == c.ContactID
	}
	for _, o := range s.callbacks {
		unasked := o.Kind == callback.KindAbandoned || o.Kind == callback.KindCrash || o.Kind == callback.KindDropped
		if same(o) && !unasked && o.ConfirmedAt.After(since.Requests) {
			h.Requests++
		}
	}
	for _, a := range s.attempts {
		if o := s.callbacks[a.CallbackID]; same(o) && o.Kind == callback.KindAbandoned && a.StartedAt.After(since.Unasked) {
			h.Unasked++
		}
	}
	return h, nil
}

// clock is a wall clock that tests turn.
type clock struct{ at time.Time }

func (c *clock) now() time.Time         { return c.at }
func (c *clock) pass(d time.Duration)   { c.at = c.at.Add(d) }
func (c *clock) set(t time.Time)        { c.at = t }
func at(text string) (moment time.Time) { moment, _ = time.Parse(time.RFC3339, text); return moment }
func need(t testing.TB, err error)      { t.Helper(); must(t, err, nil) }
func must(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}
