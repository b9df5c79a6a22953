package storetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"pickup/callback"
	"pickup/recording"
	"pickup/store"
)

// SaveRecording implements recording.Store.
func (m *Memory) SaveRecording(ctx context.Context, r recording.Row) error {
	return m.act(ctx, func() error {
		m.saveRecording(r)
		return nil
	})
}

func (m *Memory) saveRecording(r recording.Row) {
	old, ok := m.records[r.ID]
	if ok && r.State == recording.StateOpen && old.State != recording.StateOpen {
		return
	}
	stampAll(&r.StartedAt, &r.EndedAt)
	r.Duration = r.Duration.Truncate(time.Millisecond)
	m.records[r.ID] = r
}

// Recording implements recording.Store.
func (m *Memory) Recording(ctx context.Context, id recording.ID) (r recording.Row, err error) {
	err = m.act(ctx, func() error {
		var ok bool
		if r, ok = m.records[id]; !ok {
			return fmt.Errorf("%w: %w", recording.ErrNotFound, store.ErrNotFound)
		}
		return nil
	})
	return r, err
}

// recordingsByStart returns every row, oldest first.
func (m *Memory) recordingsByStart() []recording.Row {
	return sorted(m.records, func(a, b recording.Row) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.ID, b.ID))
	})
}

// OpenRecordings implements recording.Store.
func (m *Memory) OpenRecordings(ctx context.Context) (all []recording.Row, err error) {
	err = m.act(ctx, func() error {
		for _, r := range m.recordingsByStart() {
			if r.State == recording.StateOpen {
				all = append(all, r)
			}
		}
		return nil
	})
	return all, err
}

// Recordings implements Full.
func (m *Memory) Recordings(ctx context.Context, f store.RecordingFilter) (all []recording.Row, next string, err error) {
	err = m.act(ctx, func() error {
		for _, r := range m.records {
			if is(f.AgentID, r.AgentID) && is(f.CallID, r.CallID) && is(f.Queue, r.Queue) && is(f.State, r.State) &&
				within(r.StartedAt, f.From, f.To) {
				all = append(all, r)
			}
		}
		all, next, err = newestFirst(all, f.Page, func(r recording.Row) (time.Time, string) { return r.StartedAt, string(r.ID) })
		return err
	})
	return all, next, err
}

// LogAccess implements recording.Store.
func (m *Memory) LogAccess(ctx context.Context, a recording.Access) error {
	return m.act(ctx, func() error {
		a.At = stamp(a.At)
		m.access = append(m.access, a)
		return nil
	})
}

// AccessLog implements Full.
func (m *Memory) AccessLog(ctx context.Context, objectID string) (all []recording.Access, err error) {
	err = m.act(ctx, func() error {
		for _, a := range m.access {
			if is(objectID, a.ObjectID) {
				all = append(all, a)
			}
		}
		return nil
	})
	return all, err
}

// VerifyAccessLog implements Full: what is in memory cannot be changed by hand.
func (m *Memory) VerifyAccessLog(ctx context.Context) error { return m.Ping(ctx) }

// ConfirmCallback implements callback.Store.
func (m *Memory) ConfirmCallback(ctx context.Context, c callback.Callback) error {
	return m.act(ctx, func() error {
		if _, ok := m.callbacks[c.ID]; ok {
			return fmt.Errorf("%w: %w", callback.ErrOpen, store.ErrConflict)
		}
		return m.keepCallback(c)
	})
}

// keepCallback stores a callback unless another open one is for the same person.
func (m *Memory) keepCallback(c callback.Callback) error {
	for _, other := range m.callbacks {
		samePerson := other.TargetKind == c.TargetKind && other.Target == c.Target || c.ContactID != "" && other.ContactID == c.ContactID
		if other.ID != c.ID && samePerson && standing(other.State) && standing(c.State) {
			return fmt.Errorf("%w: %w", callback.ErrOpen, store.ErrConflict)
		}
	}
	stampAll(&c.EnqueuedAt, &c.WindowFrom, &c.WindowTo, &c.NotBefore, &c.ExpiresAt, &c.ConfirmedAt, &c.EndedAt,
		&c.OwnerUntil, &c.PromisedBy, &c.ConnectedAt)
	m.callbacks[c.ID] = c
	return nil
}

// standing reports whether a state is not an end.
func standing(s callback.State) bool {
	switch s {
	case callback.StateDone, callback.StateFailed, callback.StateExpired, callback.StateCancelled, callback.StateSuperseded:
		return false
	default:
		return true
	}
}

// SaveCallback implements callback.Store.
func (m *Memory) SaveCallback(ctx context.Context, c callback.Callback) error {
	return m.act(ctx, func() error { return m.saveCallback(c) })
}

func (m *Memory) saveCallback(c callback.Callback) error {
	old, ok := m.callbacks[c.ID]
	if !ok {
		return fmt.Errorf("%w: %w", callback.ErrNotFound, store.ErrNotFound)
	}
	c.ContactID, c.TicketID = cmp.Or(c.ContactID, old.ContactID), cmp.Or(c.TicketID, old.TicketID)
	return m.keepCallback(c)
}

// BeginAttempt implements callback.Store.
func (m *Memory) BeginAttempt(ctx context.Context, c callback.Callback, a callback.Attempt) error {
	return m.act(ctx, func() error {
		for _, other := range m.attempts {
			if other.ID == a.ID || other.CallbackID == a.CallbackID && other.EndedAt.IsZero() {
				return fmt.Errorf("%w: %w", callback.ErrOpen, store.ErrConflict)
			}
		}
		if err := m.saveCallback(c); err != nil {
			return err
		}
		stampAll(&a.StartedAt, &a.EndedAt)
		m.attempts[a.ID] = a
		return nil
	})
}

// EndAttempt implements callback.Store.
func (m *Memory) EndAttempt(ctx context.Context, c callback.Callback, a callback.Attempt) error {
	return m.act(ctx, func() error {
		old, ok := m.attempts[a.ID]
		if !ok {
			return fmt.Errorf("%w: %w", callback.ErrNotFound, store.ErrNotFound)
		}
		if err := m.saveCallback(c); err != nil {
			return err
		}
		old.AgentID, old.EndedAt, old.Result, old.Counted = a.AgentID, stamp(a.EndedAt), a.Result, a.Counted
		m.attempts[a.ID] = old
		return nil
	})
}

// Callback implements callback.Store.
func (m *Memory) Callback(ctx context.Context, id string) (c callback.Callback, err error) {
	err = m.act(ctx, func() error {
		var ok bool
		if c, ok = m.callbacks[id]; !ok {
			return fmt.Errorf("%w: %w", callback.ErrNotFound, store.ErrNotFound)
		}
		return nil
	})
	return c, err
}

// OpenCallbacks implements callback.Store.
func (m *Memory) OpenCallbacks(ctx context.Context) (all []callback.Callback, err error) {
	err = m.act(ctx, func() error {
		for _, c := range sorted(m.callbacks, func(a, b callback.Callback) int {
			return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID))
		}) {
			if standing(c.State) {
				all = append(all, c)
			}
		}
		return nil
	})
	return all, err
}

// attemptsWhere returns the attempts that match, oldest first.
func (m *Memory) attemptsWhere(ctx context.Context, match func(callback.Attempt) bool) (all []callback.Attempt, err error) {
	err = m.act(ctx, func() error {
		for _, a := range sorted(m.attempts, func(a, b callback.Attempt) int {
			return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.ID, b.ID))
		}) {
			if match(a) {
				all = append(all, a)
			}
		}
		return nil
	})
	return all, err
}

// CallbackRules implements Full.
func (m *Memory) CallbackRules(ctx context.Context) (r callback.Rules, err error) {
	err = m.act(ctx, func() error {
		r = m.site.rules
		return nil
	})
	return r, err
}

// SetCallbackRules implements Full.
func (m *Memory) SetCallbackRules(ctx context.Context, r callback.Rules) error {
	return m.act(ctx, func() error {
		m.site.rules = r
		return nil
	})
}

// CallbackHistory implements callback.Store.
func (m *Memory) CallbackHistory(ctx context.Context, c callback.Callback, since callback.Since) (h callback.History, err error) {
	same := func(o callback.Callback) bool {
		return o.TargetKind == c.TargetKind && o.Target == c.Target || c.ContactID != "" && o.ContactID == c.ContactID
	}
	err = m.act(ctx, func() error {
		for _, o := range m.callbacks {
			asked := !slices.Contains([]callback.Kind{callback.KindCrash, callback.KindDropped, callback.KindAbandoned}, o.Kind)
			if same(o) && asked && o.ConfirmedAt.After(stamp(since.Requests)) {
				h.Requests++
			}
		}
		for _, a := range m.attempts {
			o := m.callbacks[a.CallbackID]
			if same(o) && o.Kind == callback.KindAbandoned && a.StartedAt.After(stamp(since.Unasked)) {
				h.Unasked++
			}
		}
		return nil
	})
	return h, err
}

// OpenAttempts implements callback.Store.
func (m *Memory) OpenAttempts(ctx context.Context) ([]callback.Attempt, error) {
	return m.attemptsWhere(ctx, func(a callback.Attempt) bool { return a.EndedAt.IsZero() })
}

// Attempts implements Full.
func (m *Memory) Attempts(ctx context.Context, callbackID string) ([]callback.Attempt, error) {
	return m.attemptsWhere(ctx, func(a callback.Attempt) bool { return a.CallbackID == callbackID })
}

// Callbacks implements Full.
func (m *Memory) Callbacks(ctx context.Context, f store.CallbackFilter) (all []callback.Callback, next string, err error) {
	err = m.act(ctx, func() error {
		for _, c := range m.callbacks {
			if oneOf(f.States, c.State) && is(f.Queue, c.Queue) && is(f.CallID, c.CallID) && is(f.Target, c.Target) {
				all = append(all, c)
			}
		}
		all, next, err = newestFirst(all, f.Page, func(c callback.Callback) (time.Time, string) { return c.ConfirmedAt, c.ID })
		return err
	})
	return all, next, err
}
