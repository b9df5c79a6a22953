package store

import (
	"context"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/report"
)

// FactFilter chooses facts of reports. Empty fields choose all.
type FactFilter struct {
	From, To time.Time // by the instant of their kind: [From, To)
	Queue    string
	Agent    account.ID
	Channels []call.Channel
}

// each gives every row of a query to do, in order, without holding them all.
func each[T any](ctx context.Context, q querier, scan func(scanner) (T, error), do func(T) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return err
		}
		if err := do(one); err != nil {
			return err
		}
	}
	return rows.Err()
}

const entryColumns = `id, queue, channel, call_id, callback_id, ticket_id, assignee_id, entered_at, bridged_at, ended_at, end_reason, counted`

// entryScanner scans entries, whose wait ends at now when it runs.
func entryScanner(now time.Time) func(scanner) (report.Entry, error) {
	return func(row scanner) (report.Entry, error) {
		var e report.Entry
		var reason string
		var counted bool
		err := row.Scan(&e.ID, &e.Queue, &e.Channel, &e.CallID, &e.CallbackID, &e.TicketID, &e.Agent, moment{&e.EnteredAt}, moment{&e.BridgedAt},
			moment{&e.EndedAt}, maybe{&reason}, switched{&counted})
		e.Reason, e.Again = call.EndReason(reason), !counted
		e.Wait = report.Waited(e.EnteredAt, e.BridgedAt, e.EndedAt, now)
		return e, err
	}
}

// EachEntry gives the entries of a report to do, by when they entered; an error of
// do ends it. The agent of the filter is who has, or had, an entry.
func (s *Store) EachEntry(ctx context.Context, c FactFilter, do func(report.Entry) error) error {
	var f filter
	in(&f, "channel", c.Channels)
	f.equal("queue", c.Queue)
	f.equal("assignee_id", string(c.Agent))
	f.between("entered_at", c.From, c.To)
	return failed("read the entries of a report", each(ctx, s.read, entryScanner(time.Now()), do,
		`SELECT `+entryColumns+` FROM work_items`+f.where()+` ORDER BY entered_at, id`, f.args...))
}

func scanOffer(row scanner) (report.Offer, error) {
	var o report.Offer
	err := row.Scan(&o.ID, &o.Item, &o.Queue, &o.Channel, &o.Agent, moment{&o.At}, moment{&o.EndedAt}, maybe{&o.Outcome})
	return o, err
}

// EachOffer gives the offers of a report to do, by when they were made.
func (s *Store) EachOffer(ctx context.Context, c FactFilter, do func(report.Offer) error) error {
	var f filter
	in(&f, "channel", c.Channels)
	f.equal("queue", c.Queue)
	f.equal("user_id", string(c.Agent))
	f.between("offered_at", c.From, c.To)
	return failed("read the offers of a report", each(ctx, s.read, scanOffer, do,
		`SELECT id, item_id, queue, channel, user_id, offered_at, ended_at, result FROM reservations`+f.where()+` ORDER BY offered_at, id`, f.args...))
}

// EachHandling gives the handlings of a report to do, by when the agents released
// their calls.
func (s *Store) EachHandling(ctx context.Context, c FactFilter, do func(report.Handling) error) error {
	var f filter
	in(&f, "channel", c.Channels)
	f.equal("queue", c.Queue)
	f.equal("user_id", string(c.Agent))
	f.between("released_at", c.From, c.To)
	return failed("read the handlings of a report", each(ctx, s.read, scanHandling, do,
		`SELECT `+handlingColumns+` FROM handlings`+f.where()+` ORDER BY released_at, id`, f.args...))
}

// EachCall gives the facts of the calls of a report to do, by their ends.
func (s *Store) EachCall(ctx context.Context, c FactFilter, do func(report.CallFacts) error) error {
	var f filter
	f.equal("queue", c.Queue)
	f.equal("user_id", string(c.Agent))
	f.between("ended_at", c.From, c.To)
	return failed("read the calls of a report", each(ctx, s.read, scanFacts, do,
		`SELECT `+factColumns+` FROM call_facts`+f.where()+` ORDER BY ended_at, call_id`, f.args...))
}

func scanReportCallback(row scanner) (report.Callback, error) {
	var c report.Callback
	err := row.Scan(&c.ID, &c.Queue, &c.CallID, &c.State, moment{&c.ConfirmedAt}, moment{&c.WindowTo}, moment{&c.EndedAt}, &c.Attempts,
		moment{&c.ReachedAt})
	return c, err
}

// EachCallback gives the callbacks of a report to do, by their confirmation.
func (s *Store) EachCallback(ctx context.Context, c FactFilter, do func(report.Callback) error) error {
	var f filter
	f.equal("queue", c.Queue)
	f.between("confirmed_at", c.From, c.To)
	return failed("read the callbacks of a report", each(ctx, s.read, scanReportCallback, do,
		`SELECT id, queue, call_id, state, confirmed_at, window_to, ended_at, attempts, (SELECT MIN(a.started_at) FROM callback_attempts a
			WHERE a.callback_id = callbacks.id AND a.result = 'connected') FROM callbacks`+f.where()+` ORDER BY confirmed_at, id`, f.args...))
}

func scanSpan(row scanner) (report.Span, error) {
	var s report.Span
	err := row.Scan(&s.Agent, &s.State, &s.Reason, moment{&s.From}, moment{&s.To}, &s.Handling)
	return s, err
}

// EachSpan gives the states of agents that lie in [From, To), also in part, to do;
// of one agent when the filter names him.
func (s *Store) EachSpan(ctx context.Context, c FactFilter, do func(report.Span) error) error {
	// The states of an agent follow each other: of those before, the last alone may reach in.
	var f filter
	f.equal("user_id", string(c.Agent))
	f.add("started_at < ?", c.To.UnixMilli())
	f.add(`(started_at >= ? OR id IN (SELECT (SELECT x.id FROM user_states x WHERE x.user_id = u.id AND x.started_at < ?
		ORDER BY x.started_at DESC LIMIT 1) FROM users u))`, c.From.UnixMilli(), c.From.UnixMilli())
	return failed("read the states of a report", each(ctx, s.read, scanSpan, do,
		`SELECT user_id, state, reason, started_at, ended_at, handling_id FROM user_states`+f.where()+` ORDER BY started_at, id`, f.args...))
}

func scanLine(row scanner) (report.Line, error) {
	var n report.Line
	var note journalled
	err := row.Scan(&n.Seq, moment{&n.At}, &n.Kind, &n.CallID, &n.Item, &n.Agent, document{&note})
	n.Offer, n.Queue, n.Channel, n.CallbackID, n.TicketID = note.Offer, note.Queue, note.Channel, note.Callback, note.Ticket
	n.Again, n.Outcome, n.Reason, n.State, n.Why = note.Again, note.Outcome, note.Reason, note.State, note.Why
	n.Key, n.Class, n.Priority = note.Key, note.Class, note.Priority
	if note.Entered != 0 {
		n.EnteredAt = time.UnixMilli(note.Entered).UTC()
	}
	return n, err
}

const lineColumns = `seq, at, kind, call_id, item_id, user_id, data`

// EachLine gives the lines of the event log of [from, to) to do, in their order.
func (s *Store) EachLine(ctx context.Context, from, to time.Time, do func(report.Line) error) error {
	var f filter
	f.between("at", from, to)
	return failed("read the event log", each(ctx, s.read, scanLine, do,
		`SELECT `+lineColumns+` FROM journal`+f.where()+` ORDER BY seq`, f.args...))
}

// ItemLines returns the lines of the event log about one entry.
func (s *Store) ItemLines(ctx context.Context, item string) ([]report.Line, error) {
	all, err := list(ctx, s.read, scanLine, `SELECT `+lineColumns+` FROM journal WHERE item_id = $1 ORDER BY seq`, item)
	return all, failed("read the event log of an entry", err)
}
