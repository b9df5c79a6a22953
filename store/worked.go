package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"pickup/ticket/work"
)

// Worked implements work.Store.
func (s *Store) Worked(ctx context.Context, itemID string) (work.Worked, error) {
	const doing = "read a piece of work"
	w, err := first(ctx, s.read, func(row scanner) (w work.Worked, err error) {
		err = row.Scan(&w.ID, &w.Channel, &w.InteractionID, &w.TicketID, &w.Queue, &w.Priority, &w.Language, &w.Class, &w.Key,
			moment{&w.Since}, &w.Agent, moment{&w.TakenAt}, moment{&w.EndedAt}, maybe{(*string)(&w.Reason)})
		return w, err
	}, `SELECT id, channel, interaction_id, ticket_id, queue, priority, language, class, key_ms, entered_at, assignee_id, picked_at,
		ended_at, end_reason FROM work_items WHERE id = $1 AND channel IN ('chat', 'email', 'social', 'web_form', 'ticket')`, itemID)
	if errors.Is(err, sql.ErrNoRows) {
		return w, fmt.Errorf("%s: %w", doing, work.ErrGone)
	}
	if err != nil {
		return w, failed(doing, err)
	}
	w.Trials, err = list(ctx, s.read, func(row scanner) (t work.Trial, err error) {
		var result string
		err = row.Scan(moment{&t.At}, &t.Agent, &t.Why, &t.Outcome, maybe{&result})
		t.Outcome = work.OutcomeOf(t.Outcome, result)
		return t, err
	}, `SELECT offered_at, user_id, why, state, result FROM reservations WHERE item_id = $1 ORDER BY offered_at, id`, itemID)
	if n := len(w.Trials); n > 0 {
		w.Why = w.Trials[n-1].Why
	}
	return w, failed(doing, err)
}
