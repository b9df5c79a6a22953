package callflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pickup/call"
	"pickup/callback"
	"pickup/internal/logkey"
	"pickup/recording"
)

// Recover takes up after a crash, before calls are accepted: every call that
// was cut gets its end (failed_system), its repaired recording, a ticket, and,
// where he can be reached, a callback with the key he had. Then every open
// callback enters the queue again, in the order of their keys. repaired are the
// rows that Recorder.Repair returned. Run must be running.
func (m *Manager) Recover(ctx context.Context, repaired []recording.Row) error {
	m.callbacks.pause(true)
	defer m.callbacks.pause(false)
	cut, err := m.store.LiveCalls(ctx)
	if err != nil {
		return fmt.Errorf("read the calls that were cut: %w", err)
	}
	slices.SortFunc(cut, func(a, b call.Record) int { return a.EnqueuedAt.Compare(b.EnqueuedAt) })
	rows := map[recording.ID]recording.Row{}
	for _, r := range repaired {
		rows[r.ID] = r
	}
	for _, r := range cut {
		if err := m.recoverCall(ctx, r, rows); err != nil {
			return err
		}
	}
	open, err := m.book.Recover(ctx)
	if err != nil {
		return fmt.Errorf("read the open callbacks: %w", err)
	}
	for _, c := range open {
		m.callbacks.add(c)
	}
	for _, r := range cut {
		if r.Direction == call.Outbound && !r.BridgedAt.IsZero() && m.cfg.CrashCallback {
			if err := m.promiseAgain(ctx, r); err != nil {
				return err
			}
		}
	}
	if len(cut)+len(open) > 0 {
		m.log.Info("recovered", "calls", len(cut), "callbacks", len(open))
	}
	return nil
}

// recoverCall writes the end of one call that was cut.
func (m *Manager) recoverCall(ctx context.Context, r call.Record, rows map[recording.ID]recording.Row) error {
	now := time.Now()
	if r.State == call.StateNew && r.Queue != "" && r.Direction == call.Inbound {
		// Cut between its answer and the note that it had joined: it was about to wait.
		r.State, r.EnqueuedAt = call.StateWaiting, r.ArrivedAt
	}
	waited := r.State.InQueue() || r.State == call.StateConnecting
	talked := !r.BridgedAt.IsZero()
	r.EndReason = call.EndFailedSystem
	if r.CallbackID != "" && r.Direction == call.Inbound {
		r.EndReason = call.EndCallbackRequested // promised before the crash
	}
	var row *recording.Row
	if got, ok := rows[recording.ID(r.RecordingID)]; ok {
		row = &got
	}
	r.EndedAt = now
	if talked && row != nil {
		r.EndedAt = row.StartedAt.Add(row.Duration)
		r.Talk = row.Duration
	}
	if r.State == call.StateVoicemail && r.RecordingID != "" {
		left, err := m.messageLeft(ctx, recording.ID(r.RecordingID), row)
		if err != nil {
			return fmt.Errorf("read the message of call %s: %w", r.ID, err)
		}
		if left {
			r.EndReason = call.EndVoicemail
		}
	}
	r.State = call.StateEnded
	if (waited || talked) && r.Direction == call.Inbound && r.CallbackID == "" && m.cfg.CrashCallback && r.From.ReachBack != "" {
		c, err := m.book.Confirm(ctx, m.crashCallback(r))
		switch {
		case err == nil:
			r.CallbackID = c.ID
		case refusedPromise(err):
			m.log.Info("no callback after the crash", logkey.Call, string(r.ID), logkey.Err, err)
		default:
			return fmt.Errorf("store the callback of call %s: %w", r.ID, err)
		}
	}
	end := Ending{Record: r, Recording: row, Policy: m.cfg.Tickets, Events: []call.TimelineEvent{{
		At: now, Kind: "cut_by_crash", Detail: map[string]string{"callback": r.CallbackID},
	}}}
	if _, err := m.store.EndCall(ctx, end); err != nil {
		return fmt.Errorf("write the end of call %s that a crash cut: %w", r.ID, err)
	}
	return nil
}

// messageLeft reports whether a message was recorded in a call that was cut;
// mended is its row, where it was still open.
func (m *Manager) messageLeft(ctx context.Context, id recording.ID, mended *recording.Row) (bool, error) {
	if mended == nil {
		row, err := m.recorder.Row(ctx, id)
		if errors.Is(err, recording.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		mended = &row
	}
	return mended.Kind == recording.KindVoicemail && mended.Duration >= time.Second, nil
}

// promiseAgain is for a player who was called back and cut while he talked. His
// first promise was kept; Book.Recover has closed it.
func (m *Manager) promiseAgain(ctx context.Context, r call.Record) error {
	c, err := m.book.Confirm(ctx, m.crashCallback(r))
	switch {
	case err == nil:
		m.callbacks.add(c)
	case refusedPromise(err):
		m.log.Info("no callback after the crash", logkey.Call, string(r.ID), logkey.Err, err)
	default:
		return fmt.Errorf("store the callback of call %s: %w", r.ID, err)
	}
	return nil
}

// refusedPromise reports whether a promise may not be made, which no other try
// would mend.
func refusedPromise(err error) bool {
	return errors.Is(err, callback.ErrOpen) || errors.Is(err, callback.ErrTooMany) || errors.Is(err, callback.ErrUnreachable)
}

// crashCallback is the promise for a player who was in our line.
func (m *Manager) crashCallback(r call.Record) callback.Callback {
	player := r.From
	if r.Direction == call.Outbound {
		player = r.To
	}
	c := callback.Callback{
		CallID: r.ID, Queue: r.Queue, Language: r.Language, Player: player.User, TargetKind: targetKind(player.Kind),
		Target: player.ReachBack, Kind: callback.KindCrash, Priority: 1, EnqueuedAt: r.EnqueuedAt, ContactID: r.ContactID,
	}
	target := 30 * time.Second
	if q, ok := m.queue.Has(r.Queue); ok {
		target = q.Target
	}
	c.Key = r.EnqueuedAt.Add(target).UnixMilli()
	return c
}
