package store

import (
	"context"
	"fmt"
	"time"

	"pickup/call"
	"pickup/callback"
)

// PromiseFigure names a count of callback.Figures, to list the callbacks that it
// counts.
type PromiseFigure string

// The figures of promises. late = confirmed - kept - pending.
const (
	PromiseConfirmed PromiseFigure = "confirmed" // were promised
	PromiseReached   PromiseFigure = "reached"   // they talked, in time or not
	PromiseKept      PromiseFigure = "kept"      // they talked by the time that was promised
	PromisePending   PromiseFigure = "pending"   // stand, and are not late yet
	PromiseLate      PromiseFigure = "late"      // all others
)

const (
	promiseKept  = "connected_at IS NOT NULL AND connected_at <= promised_by"
	promiseStood = "connected_at IS NULL AND ended_at IS NULL AND promised_by >= ?"
	// The negation of a condition with NULL is NULL: it is spelt out.
	promiseLate = "(connected_at IS NOT NULL AND connected_at > promised_by" +
		" OR connected_at IS NULL AND (ended_at IS NOT NULL OR promised_by < ?))"
)

// promise appends what makes a callback count in a figure at an instant.
func (f *filter) promise(g PromiseFigure, now time.Time) {
	switch g {
	case "", PromiseConfirmed:
	case PromiseReached:
		f.add("connected_at IS NOT NULL")
	case PromiseKept:
		f.add(promiseKept)
	case PromisePending:
		f.add(promiseStood, now.UnixMilli())
	case PromiseLate:
		f.add(promiseLate, now.UnixMilli())
	default:
		f.conditions = append(f.conditions, "1 = 0") // nothing counts in a figure that is none
	}
}

// CallbackFigures counts the callbacks that were confirmed in [from, to), by the
// name of their queue.
func (s *Store) CallbackFigures(ctx context.Context, from, to, now time.Time) (map[string]callback.Figures, error) {
	type row struct {
		queue string
		callback.Figures
	}
	all, err := list(ctx, s.read, func(r scanner) (one row, err error) {
		err = r.Scan(&one.queue, &one.Confirmed, &one.Reached, &one.Kept, &one.Pending)
		return one, err
	}, `SELECT LOWER(queue), COUNT(*), SUM(CASE WHEN connected_at IS NOT NULL THEN 1 ELSE 0 END),
			SUM(CASE WHEN connected_at IS NOT NULL AND connected_at <= promised_by THEN 1 ELSE 0 END),
			SUM(CASE WHEN connected_at IS NULL AND ended_at IS NULL AND promised_by >= $1 THEN 1 ELSE 0 END)
		FROM callbacks WHERE confirmed_at >= $2 AND confirmed_at < $3 GROUP BY LOWER(queue)`,
		now.UnixMilli(), from.UnixMilli(), to.UnixMilli())
	figures := make(map[string]callback.Figures, len(all))
	for _, r := range all {
		figures[r.queue] = r.Figures
	}
	return figures, failed("count the callbacks", err)
}

// overOnTicket writes on the ticket of a callback that it ended without a talk: in
// the same act, so that a promise never ends without a word to who has the matter.
func overOnTicket(t *tx, c *callback.Callback) error {
	if c.State != callback.StateFailed && c.State != callback.StateExpired {
		return nil
	}
	var ticketID, queue string
	err := t.row(`SELECT COALESCE((SELECT COALESCE(k.merged_into, k.id) FROM tickets k WHERE k.id = c.ticket_id), ''), c.queue
		FROM callbacks c WHERE c.id = $1`, []any{c.ID}, &ticketID, &queue)
	if err != nil || ticketID == "" {
		return err
	}
	e := call.TimelineEvent{At: c.EndedAt, Kind: "callback_" + string(c.State), Detail: map[string]string{
		"callback": c.ID, "queue": queue, "attempts": fmt.Sprint(c.Attempts),
	}}
	if c.Detail != "" {
		e.Detail["result"] = c.Detail
	}
	return addEvents(t, "ticket_events", "ticket_id", ticketID, []call.TimelineEvent{e})
}
