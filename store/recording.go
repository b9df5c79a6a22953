package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/recording"
)

const recordingColumns = `id, call_id, agent_id, queue, state, incomplete_reason, path, sha256, bytes, ms, dropped, started_at, ended_at`

func scanRecording(row scanner) (recording.Row, error) {
	var r recording.Row
	err := row.Scan(&r.ID, maybe{(*string)(&r.CallID)}, &r.AgentID, &r.Queue, &r.State, &r.Incomplete, &r.Path, &r.SHA256, &r.Bytes,
		span{&r.Duration, time.Millisecond}, &r.Dropped, moment{&r.StartedAt}, moment{&r.EndedAt})
	return r, err
}

// SaveRecording inserts or updates the row of a recording. One that is closed
// is not opened again by a late row. Its call and its start stand from the first
// time: their indexes are not written again.
func (s *Store) SaveRecording(ctx context.Context, r recording.Row) error {
	return s.act(ctx, "save a recording", func(t *tx) error { return saveRecording(t, r) })
}

func saveRecording(t *tx, r recording.Row) error {
	_, err := t.exec(`INSERT INTO recordings (`+recordingColumns+`, interaction_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT (id) DO UPDATE SET agent_id = excluded.agent_id, queue = excluded.queue,
			state = excluded.state, incomplete_reason = excluded.incomplete_reason, path = excluded.path, sha256 = excluded.sha256,
			bytes = excluded.bytes, ms = excluded.ms, dropped = excluded.dropped, ended_at = excluded.ended_at
		WHERE excluded.state <> 'open' OR recordings.state = 'open'`,
		r.ID, orNull(string(r.CallID)), r.AgentID, r.Queue, r.State, r.Incomplete, r.Path, r.SHA256, r.Bytes,
		r.Duration.Milliseconds(), int64(r.Dropped), r.StartedAt.UnixMilli(), msOf(r.EndedAt), orNull(string(r.CallID)))
	return err
}

// Recording returns the row of a recording; recording.ErrNotFound, which is
// ErrNotFound too.
func (s *Store) Recording(ctx context.Context, id recording.ID) (recording.Row, error) {
	r, err := first(ctx, s.read, scanRecording, `SELECT `+recordingColumns+` FROM recordings WHERE id = $1`, id)
	if err = failed("read a recording", err); errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("%w: %w", recording.ErrNotFound, err)
	}
	return r, err
}

// OpenRecordings returns the recordings whose row says open, oldest first.
func (s *Store) OpenRecordings(ctx context.Context) ([]recording.Row, error) {
	all, err := list(ctx, s.read, scanRecording,
		`SELECT `+recordingColumns+` FROM recordings WHERE state = 'open' ORDER BY started_at, id`)
	return all, failed("read the open recordings", err)
}

// RecordingFilter chooses recordings. Empty fields choose all.
type RecordingFilter struct {
	AgentID  account.ID
	CallID   call.ID
	Queue    string
	State    recording.State
	From, To time.Time // of the start: [From, To)
	Page
}

// Recordings returns recordings, newest first, and the cursor of the next page.
func (s *Store) Recordings(ctx context.Context, c RecordingFilter) ([]recording.Row, string, error) {
	var f filter
	f.equal("agent_id", string(c.AgentID))
	f.equal("call_id", string(c.CallID))
	f.equal("queue", c.Queue)
	f.equal("state", string(c.State))
	f.between("started_at", c.From, c.To)
	tail, err := f.page(c.Page, "started_at")
	if err != nil {
		return nil, "", err
	}
	all, err := list(ctx, s.read, scanRecording, `SELECT `+recordingColumns+` FROM recordings`+tail, f.args...)
	all, next := Cut(all, c.Page, func(r recording.Row) (time.Time, string) { return r.StartedAt, string(r.ID) })
	return all, next, failed("read recordings", err)
}
