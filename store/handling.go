package store

import (
	"database/sql"
	"errors"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/id"
	"pickup/queue"
	"pickup/report"
)

// stateNow is the state of an agent that lasts.
type stateNow struct {
	id, handling string
	state        queue.AgentState
	since        time.Time
}

// setUserState ends the state of an agent and begins the next. What it says of
// the calls that he handles is kept with them, by the rules of report.
func setUserState(t *tx, agent account.ID, state queue.AgentState, reason string, at time.Time) error {
	at = at.Truncate(time.Millisecond) // as it is stored
	var now stateNow
	err := t.row(`SELECT id, state, started_at, handling_id FROM user_states WHERE user_id = $1 AND ended_at IS NULL`, []any{agent},
		&now.id, &now.state, moment{&now.since}, &now.handling)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	handling := ""
	if now.id != "" {
		if _, err := t.exec(`UPDATE user_states SET ended_at = $1 WHERE id = $2`, at.UnixMilli(), now.id); err != nil {
			return err
		}
		if handling, err = goOn(t, now, state, at); err != nil {
			return err
		}
	}
	if report.Begins(string(now.state), string(state)) {
		if handling, err = beginHandling(t, agent, state, at); err != nil {
			return err
		}
	}
	_, err = t.exec(`INSERT INTO user_states (id, user_id, state, reason, started_at, handling_id) VALUES ($1, $2, $3, $4, $5, $6)`,
		id.New(), agent, state, reason, at.UnixMilli(), handling)
	return err
}

// goOn counts a state that ends in the call that it belongs to; it returns the
// call when the next state belongs to it too.
func goOn(t *tx, now stateNow, next queue.AgentState, at time.Time) (string, error) {
	if now.handling == "" {
		return "", nil
	}
	h, err := first(t.ctx, t, scanHandling, `SELECT `+handlingColumns+` FROM handlings WHERE id = $1`, now.handling)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	on := h.Goes(string(now.state), now.since, string(next), at)
	_, err = t.exec(`UPDATE handlings SET released_at = $1, ended_at = $2, dial_ms = $3, talk_ms = $4, consult_ms = $5, hold_ms = $6, wrap_ms = $7,
			holds = $8, longest_hold_ms = $9
		WHERE id = $10`,
		msOf(h.ReleasedAt), msOf(h.EndedAt), h.Dial.Milliseconds(), h.Talk.Milliseconds(), h.Consult.Milliseconds(), h.Hold.Milliseconds(),
		h.Wrap.Milliseconds(), h.Holds, h.LongestHold.Milliseconds(), h.ID)
	if !on {
		return "", err
	}
	return h.ID, err
}

// beginHandling begins a call of an agent: that of the offer which he accepted,
// or one that no queue gave him.
func beginHandling(t *tx, agent account.ID, state queue.AgentState, at time.Time) (string, error) {
	h := report.Begin(agent, string(state), at)
	err := t.row(`SELECT w.id, w.call_id, r.queue, r.channel FROM reservations r JOIN work_items w ON w.id = r.item_id
		WHERE r.user_id = $1 AND r.lane = 'voice' AND r.state = 'accepted'`, []any{agent}, &h.Item, &h.CallID, &h.Queue, &h.Channel)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", err
	}
	_, err = t.exec(`INSERT INTO handlings (id, user_id, item_id, call_id, queue, channel, started_at, released_at, holds)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING`,
		h.ID, h.Agent, h.Item, h.CallID, h.Queue, h.Channel, at.UnixMilli(), msOf(h.ReleasedAt), h.Holds)
	return h.ID, err
}

const handlingColumns = `id, user_id, item_id, call_id, queue, channel, started_at, released_at, ended_at, dial_ms, talk_ms, consult_ms, hold_ms,
	wrap_ms, holds, longest_hold_ms`

func scanHandling(row scanner) (report.Handling, error) {
	var h report.Handling
	err := row.Scan(&h.ID, &h.Agent, &h.Item, &h.CallID, &h.Queue, &h.Channel, moment{&h.StartedAt}, moment{&h.ReleasedAt}, moment{&h.EndedAt},
		span{&h.Dial, time.Millisecond}, span{&h.Talk, time.Millisecond}, span{&h.Consult, time.Millisecond}, span{&h.Hold, time.Millisecond},
		span{&h.Wrap, time.Millisecond}, &h.Holds, span{&h.LongestHold, time.Millisecond})
	return h, err
}

// saveFacts keeps what the story of a call says of it.
func saveFacts(t *tx, r *call.Record, events []call.TimelineEvent) error {
	f := report.FactsOf(r, events)
	_, err := t.exec(`INSERT INTO call_facts (`+factColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
		ON CONFLICT (call_id) DO NOTHING`,
		f.CallID, f.Queue, f.Agent, f.Direction, f.EndedAt.UnixMilli(), flag(f.Bridged), f.Reason, f.EndedBy, flag(f.Abnormal), f.Holds,
		f.Hold.Milliseconds(), f.LongestHold.Milliseconds(), f.Blind, f.Attended, f.External, f.Consults, f.Conferences, msOf(f.PromisedAt),
		f.PromiseLow.Milliseconds(), f.PromiseHigh.Milliseconds(), f.ActualWait.Milliseconds())
	return err
}

const factColumns = `call_id, queue, user_id, direction, ended_at, bridged, end_reason, ended_by, abnormal, holds, hold_ms, longest_hold_ms,
	blind, attended, external, consults, conferences, promised_at, promise_low_ms, promise_high_ms, actual_wait_ms`

func scanFacts(row scanner) (report.CallFacts, error) {
	var f report.CallFacts
	err := row.Scan(&f.CallID, &f.Queue, &f.Agent, &f.Direction, moment{&f.EndedAt}, switched{&f.Bridged}, &f.Reason, &f.EndedBy,
		switched{&f.Abnormal}, &f.Holds, span{&f.Hold, time.Millisecond}, span{&f.LongestHold, time.Millisecond}, &f.Blind, &f.Attended,
		&f.External, &f.Consults, &f.Conferences, moment{&f.PromisedAt}, span{&f.PromiseLow, time.Millisecond},
		span{&f.PromiseHigh, time.Millisecond}, span{&f.ActualWait, time.Millisecond})
	return f, err
}
