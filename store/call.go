package store

import (
	"context"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/callflow"
	"pickup/ticket"
)

// storedParty is a call.Party as it is stored.
type storedParty struct {
	Kind      call.PartyKind `json:"kind"`
	URI       string         `json:"uri"`
	User      string         `json:"user,omitempty"`
	Display   string         `json:"display,omitempty"`
	Source    string         `json:"source,omitempty"`
	ReachBack string         `json:"reach_back,omitempty"`
}

// partyInto scans a stored party.
type partyInto struct{ into *call.Party }

// Scan implements sql.Scanner.
func (p partyInto) Scan(value any) error {
	var stored storedParty
	if err := (document{&stored}).Scan(value); err != nil {
		return err
	}
	*p.into = call.Party(stored)
	return nil
}

const callColumns = `id, direction, phase, sip_call_id, from_party, to_party, language, queue, end_reason, agent_id, contact_id,
	ticket_id, callback_id, recording_id, item_id, resume_sha256, why, arrived_at, media_at, enqueued_at, offered_at, rang_at,
	picked_at, bridged_at, released_at, ended_at, talk_ms, hold_ms`

func scanCall(row scanner) (call.Record, error) {
	var r call.Record
	err := row.Scan(&r.ID, &r.Direction, &r.State, &r.SIPCallID, partyInto{&r.From}, partyInto{&r.To}, &r.Language, &r.Queue,
		&r.EndReason, &r.AgentID, &r.ContactID, &r.TicketID, &r.CallbackID, &r.RecordingID, &r.ItemID, &r.ResumeSHA256, &r.Why,
		moment{&r.ArrivedAt}, moment{&r.MediaAt}, moment{&r.EnqueuedAt}, moment{&r.OfferedAt}, moment{&r.RangAt},
		moment{&r.PickedAt}, moment{&r.BridgedAt}, moment{&r.ReleasedAt}, moment{&r.EndedAt},
		span{&r.Talk, time.Millisecond}, span{&r.Hold, time.Millisecond})
	return r, err
}

// SaveCall inserts or updates the record of a call, its interaction and legs,
// and appends events to its timeline. A record that EndCall has closed is not
// changed any more; its events are still appended. The call stays live, whatever
// its State, until EndCall.
func (s *Store) SaveCall(ctx context.Context, r call.Record, events ...call.TimelineEvent) error {
	return s.act(ctx, "save a call", func(t *tx) error {
		if err := saveRecord(t, &r, "live"); err != nil {
			return err
		}
		return addCallEvents(t, r.ID, events)
	})
}

// saveRecord writes the rows of a record that no EndCall has closed.
func saveRecord(t *tx, r *call.Record, state string) error {
	from, err := text(storedParty(r.From))
	if err != nil {
		return err
	}
	to, err := text(storedParty(r.To))
	if err != nil {
		return err
	}
	n, err := t.exec(`INSERT INTO calls (`+callColumns+`, state, from_addr, to_addr)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26,
			$27, $28, $29, $30, $31)
		ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, sip_call_id = excluded.sip_call_id, from_party = excluded.from_party,
			to_party = excluded.to_party, language = excluded.language, queue = excluded.queue, end_reason = excluded.end_reason,
			agent_id = excluded.agent_id, contact_id = excluded.contact_id, ticket_id = excluded.ticket_id,
			callback_id = excluded.callback_id, recording_id = excluded.recording_id, item_id = excluded.item_id,
			resume_sha256 = excluded.resume_sha256, why = excluded.why, media_at = excluded.media_at,
			enqueued_at = excluded.enqueued_at, offered_at = excluded.offered_at, rang_at = excluded.rang_at,
			picked_at = excluded.picked_at, bridged_at = excluded.bridged_at, released_at = excluded.released_at,
			ended_at = excluded.ended_at, talk_ms = excluded.talk_ms, hold_ms = excluded.hold_ms, state = excluded.state,
			from_addr = excluded.from_addr, to_addr = excluded.to_addr, version = calls.version + 1
		WHERE calls.state = 'live'`,
		r.ID, r.Direction, r.State, r.SIPCallID, from, to, r.Language, r.Queue, r.EndReason, r.AgentID, r.ContactID, r.TicketID,
		r.CallbackID, r.RecordingID, r.ItemID, r.ResumeSHA256, r.Why, r.ArrivedAt.UnixMilli(), msOf(r.MediaAt), msOf(r.EnqueuedAt),
		msOf(r.OfferedAt), msOf(r.RangAt), msOf(r.PickedAt), msOf(r.BridgedAt), msOf(r.ReleasedAt), msOf(r.EndedAt),
		r.Talk.Milliseconds(), r.Hold.Milliseconds(), state, r.From.URI, r.To.URI)
	if err != nil || n == 0 {
		return err
	}
	if err := writeInteraction(t, ticket.InteractionOf(*r)); err != nil {
		return err
	}
	for i := range r.Legs {
		if err := saveLeg(t, r.ID, i, &r.Legs[i]); err != nil {
			return err
		}
	}
	return nil
}

const legColumns = `id, call_id, pos, kind, user_id, device, transport, sip_call_id, started_at, rang_at, answered_at, ended_at,
	status_code, cause, codec, packets_in, packets_out, packets_lost, jitter_us, mos_centi,
	mos_lowest_centi, mos_last_centi, mos_mean_centi`

func saveLeg(t *tx, id call.ID, pos int, l *call.LegRecord) error {
	q := &l.Quality
	_, err := t.exec(`INSERT INTO call_legs (`+legColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
		ON CONFLICT (id) DO UPDATE SET pos = excluded.pos, device = excluded.device, transport = excluded.transport,
			sip_call_id = excluded.sip_call_id, started_at = excluded.started_at, rang_at = excluded.rang_at,
			answered_at = excluded.answered_at, ended_at = excluded.ended_at, status_code = excluded.status_code,
			cause = excluded.cause, codec = excluded.codec, packets_in = excluded.packets_in,
			packets_out = excluded.packets_out, packets_lost = excluded.packets_lost, jitter_us = excluded.jitter_us,
			mos_centi = excluded.mos_centi, mos_lowest_centi = excluded.mos_lowest_centi,
			mos_last_centi = excluded.mos_last_centi, mos_mean_centi = excluded.mos_mean_centi`,
		l.ID, id, pos, l.Kind, l.AgentID, l.Device, l.Transport, l.SIPCallID, msOf(l.StartedAt), msOf(l.RangAt),
		msOf(l.AnsweredAt), msOf(l.EndedAt), l.Cause.Status, l.Cause.Text, l.Codec, int64(q.PacketsIn), int64(q.PacketsOut),
		int64(q.PacketsLost), q.Jitter.Microseconds(), centi(q.MOS), centi(q.MOSLowest), centi(q.MOSLast), centi(q.MOSMean))
	return err
}

// centi is a score in hundredths.
func centi(score float64) int64 { return int64(math.Round(score * 100)) }

func addCallEvents(t *tx, id call.ID, events []call.TimelineEvent) error {
	return addEvents(t, "call_events", "call_id", string(id), events)
}

// addEvents appends to the timeline of an object, several lines in a statement.
func addEvents(t *tx, table, column, id string, events []call.TimelineEvent) error {
	if len(events) == 0 {
		return nil
	}
	var last int64
	if err := t.row(`SELECT COALESCE(MAX(seq), 0) FROM `+table+` WHERE `+column+` = $1`, []any{id}, &last); err != nil {
		return err
	}
	for len(events) > 0 {
		part := events[:min(len(events), maxEventRows)]
		events = events[len(part):]
		args := make([]any, 0, 6*len(part))
		for i := range part {
			e := &part[i]
			detail, err := detailText(e.Detail)
			if err != nil {
				return err
			}
			last++
			args = append(args, id, last, e.At.UnixMilli(), e.Kind, e.Actor, detail)
		}
		_, err := t.exec(`INSERT INTO `+table+` (`+column+`, seq, at, kind, actor, detail) VALUES `+rowsOf(len(part), 6), args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// maxEventRows is how many lines of a timeline one statement writes: each number
// of them is a statement that is kept.
const maxEventRows = 16

// rowsOf is the VALUES list of n rows of so many columns: ($1, $2), ($3, $4).
func rowsOf(n, columns int) string {
	var b strings.Builder
	for row := range n {
		b.WriteString([...]string{"(", ", ("}[min(row, 1)])
		for column := range columns {
			b.WriteString([...]string{"$", ", $"}[min(column, 1)])
			b.WriteString(strconv.Itoa(row*columns + column + 1))
		}
		b.WriteByte(')')
	}
	return b.String()
}

// detailText is the detail of an event as it is stored: never null.
func detailText(detail map[string]string) (string, error) {
	if len(detail) == 0 {
		return "{}", nil
	}
	return text(detail)
}

func scanEvent(row scanner) (call.TimelineEvent, error) {
	var e call.TimelineEvent
	err := row.Scan(moment{&e.At}, &e.Kind, &e.Actor, document{&e.Detail})
	if len(e.Detail) == 0 {
		e.Detail = nil
	}
	return e, err
}

func callEvents(ctx context.Context, q querier, id call.ID) ([]call.TimelineEvent, error) {
	return list(ctx, q, scanEvent, `SELECT at, kind, actor, detail FROM call_events WHERE call_id = $1 ORDER BY seq`, id)
}

// legsOf fills the legs of records.
func (s *Store) legsOf(ctx context.Context, records []call.Record) error {
	at := make(map[call.ID]int, len(records))
	ids := make([]call.ID, 0, len(records))
	for i := range records {
		at[records[i].ID] = i
		ids = append(ids, records[i].ID)
	}
	for len(ids) > 0 { // SQLite takes 32,766 parameters, PostgreSQL 65,535
		part := ids[:min(len(ids), 1000)]
		ids = ids[len(part):]
		var f filter
		in(&f, "call_id", part)
		type leg struct {
			call call.ID
			row  call.LegRecord
		}
		all, err := list(ctx, s.read, func(row scanner) (l leg, err error) {
			var pos int
			r, q := &l.row, &l.row.Quality
			var mos, lowest, last, mean int64
			err = row.Scan(&r.ID, &l.call, &pos, &r.Kind, &r.AgentID, &r.Device, &r.Transport, &r.SIPCallID,
				moment{&r.StartedAt}, moment{&r.RangAt}, moment{&r.AnsweredAt}, moment{&r.EndedAt}, &r.Cause.Status, &r.Cause.Text,
				&r.Codec, &q.PacketsIn, &q.PacketsOut, &q.PacketsLost, span{&q.Jitter, time.Microsecond}, &mos, &lowest, &last, &mean)
			q.MOS, q.MOSLowest, q.MOSLast, q.MOSMean = float64(mos)/100, float64(lowest)/100, float64(last)/100, float64(mean)/100
			return l, err
		}, `SELECT `+legColumns+` FROM call_legs`+f.where()+` ORDER BY call_id, pos`, f.args...)
		if err != nil {
			return err
		}
		for _, l := range all {
			i := at[l.call]
			records[i].Legs = append(records[i].Legs, l.row)
		}
	}
	return nil
}

// LiveCalls returns the calls that no EndCall has closed, with their legs, by
// arrival: at start, those that a crash cut.
func (s *Store) LiveCalls(ctx context.Context) ([]call.Record, error) {
	all, err := list(ctx, s.read, scanCall, `SELECT `+callColumns+` FROM calls WHERE state = 'live' ORDER BY arrived_at, id`)
	if err == nil {
		err = s.legsOf(ctx, all)
	}
	return all, failed("read the live calls", err)
}

// CallFilter chooses calls. Empty fields choose all.
type CallFilter struct {
	State      string // "live", "ended" or ""
	AgentID    account.ID
	ContactID  string
	TicketID   string
	Queue      string
	EndReasons []call.EndReason
	Direction  call.Direction
	Caller     string       // part of the caller's address; ASCII letters of either case are equal
	Entry      *EntryFilter // by their entry in a queue; Queue and Entry.Queues are two conditions
	From, To   time.Time    // of the arrival: [From, To)
	Page
}

// lowerASCII is s as LOWER of SQLite makes it; PostgreSQL may lower more, which
// addresses (RFC 3261 25.1) do not contain.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// MatchesCaller reports whether an address contains part, as CallFilter.Caller
// chooses.
func MatchesCaller(address, part string) bool {
	return strings.Contains(lowerASCII(address), lowerASCII(part))
}

// Calls returns calls with their legs, newest arrival first, and the cursor of
// the next page.
func (s *Store) Calls(ctx context.Context, c CallFilter) ([]call.Record, string, error) {
	var f filter
	f.equal("state", c.State)
	f.equal("agent_id", string(c.AgentID))
	f.equal("contact_id", c.ContactID)
	f.equal("ticket_id", c.TicketID)
	f.equal("queue", c.Queue)
	in(&f, "end_reason", c.EndReasons)
	f.equal("direction", string(c.Direction))
	if c.Caller != "" {
		literal := strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(lowerASCII(c.Caller))
		f.add("LOWER(from_addr) LIKE ? ESCAPE '!'", "%"+literal+"%")
	}
	f.entry(c.Entry, time.Now())
	f.between("arrived_at", c.From, c.To)
	tail, err := f.page(c.Page, "arrived_at")
	if err != nil {
		return nil, "", err
	}
	all, err := list(ctx, s.read, scanCall, `SELECT `+callColumns+` FROM calls`+tail, f.args...)
	if err != nil {
		return nil, "", failed("read calls", err)
	}
	all, next := Cut(all, c.Page, func(r call.Record) (time.Time, string) { return r.ArrivedAt, string(r.ID) })
	return all, next, failed("read the legs of calls", s.legsOf(ctx, all))
}

// Call returns a call with its legs and timeline, or ErrNotFound.
func (s *Store) Call(ctx context.Context, id call.ID) (call.Record, []call.TimelineEvent, error) {
	return s.oneCall(ctx, `SELECT `+callColumns+` FROM calls WHERE id = $1`, string(id))
}

// CallBySIPCallID is Call by the Call-ID of the player's dialog; the newest when
// there are several.
func (s *Store) CallBySIPCallID(ctx context.Context, sipCallID string) (call.Record, []call.TimelineEvent, error) {
	return s.oneCall(ctx, `SELECT `+callColumns+` FROM calls WHERE sip_call_id = $1 ORDER BY arrived_at DESC, id DESC LIMIT 1`, sipCallID)
}

func (s *Store) oneCall(ctx context.Context, query, key string) (call.Record, []call.TimelineEvent, error) {
	if key == "" {
		return call.Record{}, nil, failed("read a call", ErrNotFound)
	}
	r, err := first(ctx, s.read, scanCall, query, key)
	if err != nil {
		return call.Record{}, nil, failed("read a call", err)
	}
	one := []call.Record{r}
	if err := s.legsOf(ctx, one); err != nil {
		return call.Record{}, nil, failed("read the legs of a call", err)
	}
	events, err := callEvents(ctx, s.read, r.ID)
	return one[0], events, failed("read the timeline of a call", err)
}

// EndCall writes the end of a call in one transaction: contact and ticket as
// ticket.LinkCall decides, the final record with them, legs, events, recording,
// and ticket and contact of its callback. The story that LinkCall gets is what
// SaveCall stored and then those of e.Events that are not stored yet. A call
// that is closed already is not changed, and the answer is that of the first time.
func (s *Store) EndCall(ctx context.Context, e callflow.Ending) (ticket.Linked, error) {
	var linked ticket.Linked
	err := s.act(ctx, "end a call", func(t *tx) (err error) {
		linked, err = endCall(t, e)
		return err
	})
	return linked, err
}

func endCall(t *tx, e callflow.Ending) (ticket.Linked, error) {
	// Ends of one contact must not both add him: the counter's row is the lock.
	if _, err := t.exec(`UPDATE counters SET value = value WHERE name = 'ticket'`); err != nil {
		return ticket.Linked{}, err
	}
	r := e.Record
	if before, done, err := closedCall(t, r.ID); done || err != nil {
		return before, err
	}
	if r.EndedAt.IsZero() {
		r.EndedAt = time.Now()
	}
	if e.Recording != nil {
		r.RecordingID = string(e.Recording.ID)
	}
	r.State = call.StateEnded
	stored, err := callEvents(t.ctx, t, r.ID)
	if err != nil {
		return ticket.Linked{}, err
	}
	fresh := Unstored(stored, e.Events)
	desk := newDeskTx(t)
	linked, err := ticket.LinkCall(t.ctx, desk, e.Policy, r, append(stored, fresh...))
	if err != nil {
		return ticket.Linked{}, err
	}
	r.ContactID, r.TicketID = linked.Contact.ID, linked.Ticket.ID
	if err := saveRecord(t, &r, "ended"); err != nil {
		return ticket.Linked{}, err
	}
	if err := addCallEvents(t, r.ID, fresh); err != nil {
		return ticket.Linked{}, err
	}
	if e.Recording != nil {
		if err := saveRecording(t, *e.Recording); err != nil {
			return ticket.Linked{}, err
		}
	}
	if err := closeItem(t, &r); err != nil {
		return ticket.Linked{}, err
	}
	if err := linkCallback(t, r.CallbackID, linked); err != nil {
		return ticket.Linked{}, err
	}
	return linked, desk.index.flush(t)
}

// closedCall returns what an earlier EndCall answered, if there was one.
func closedCall(t *tx, id call.ID) (linked ticket.Linked, done bool, err error) {
	r, err := list(t.ctx, t, scanCall, `SELECT `+callColumns+` FROM calls WHERE id = $1 AND state = 'ended'`, id)
	if err != nil || len(r) == 0 {
		return ticket.Linked{}, false, err
	}
	contacts, err := list(t.ctx, t, scanContact, `SELECT `+contactColumns+` FROM contacts WHERE id = $1`, r[0].ContactID)
	if err != nil {
		return ticket.Linked{}, true, err
	}
	tickets, err := list(t.ctx, t, scanTicket, `SELECT `+ticketColumns+` FROM tickets WHERE id = $1`, r[0].TicketID)
	if len(contacts) > 0 {
		linked.Contact = contacts[0]
	}
	if len(tickets) > 0 {
		linked.Ticket = tickets[0]
	}
	return linked, true, err
}

// Unstored returns the events that are not among the stored ones.
func Unstored(stored, events []call.TimelineEvent) []call.TimelineEvent {
	var fresh []call.TimelineEvent
	for _, e := range events {
		if !contains(stored, e) {
			fresh = append(fresh, e)
		}
	}
	return fresh
}

func contains(stored []call.TimelineEvent, e call.TimelineEvent) bool {
	for _, s := range stored {
		if s.At.UnixMilli() == e.At.UnixMilli() && s.Kind == e.Kind && s.Actor == e.Actor && maps.Equal(s.Detail, e.Detail) {
			return true
		}
	}
	return false
}

// closeItem ends the entry of a call that the queue did not end: after a crash
// it knows nothing of it. The entry of a callback goes on until its end.
func closeItem(t *tx, r *call.Record) error {
	if r.ItemID == "" || r.EndReason == "" {
		return nil
	}
	state := "done"
	if r.EndReason.CountsAbandoned() {
		state = "abandoned"
	}
	_, err := t.exec(`UPDATE work_items SET state = $1, ended_at = $2, end_reason = $3, version = version + 1
		WHERE id = $4 AND end_reason IS NULL AND channel = 'call'`, state, r.EndedAt.UnixMilli(), r.EndReason, r.ItemID)
	return err
}

// linkCallback gives a callback the contact and the ticket of its call. The
// contact is left out where another open callback is his already.
func linkCallback(t *tx, id string, linked ticket.Linked) error {
	if id == "" {
		return nil
	}
	_, err := t.exec(`UPDATE callbacks SET ticket_id = CASE WHEN $1 = '' THEN ticket_id ELSE $1 END,
			contact_id = CASE WHEN EXISTS (SELECT 1 FROM callbacks other WHERE other.contact_id = $2 AND other.id <> $3
				AND other.ended_at IS NULL) THEN contact_id ELSE $2 END, version = version + 1
		WHERE id = $3`, linked.Ticket.ID, linked.Contact.ID, id)
	return err
}
