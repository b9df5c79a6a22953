package storetest

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"pickup/call"
	"pickup/callflow"
	"pickup/report"
	"pickup/store"
	"pickup/ticket"
)

// callRow is a call as it is stored.
type callRow struct {
	record call.Record
	events []call.TimelineEvent
	closed bool // by EndCall
	linked ticket.Linked
}

// cloneRecord copies a record as a store keeps it.
func cloneRecord(r call.Record) call.Record {
	stampAll(&r.ArrivedAt, &r.MediaAt, &r.EnqueuedAt, &r.OfferedAt, &r.RangAt, &r.PickedAt, &r.BridgedAt, &r.ReleasedAt, &r.EndedAt)
	r.Talk, r.Hold = r.Talk.Truncate(time.Millisecond), r.Hold.Truncate(time.Millisecond)
	r.Legs = slices.Clone(r.Legs)
	for i := range r.Legs {
		l := &r.Legs[i]
		stampAll(&l.StartedAt, &l.RangAt, &l.AnsweredAt, &l.EndedAt)
		l.Quality.Jitter = l.Quality.Jitter.Truncate(time.Microsecond)
		for _, score := range []*float64{&l.Quality.MOS, &l.Quality.MOSLowest, &l.Quality.MOSLast, &l.Quality.MOSMean} {
			*score = math.Round(*score*100) / 100
		}
	}
	if len(r.Legs) == 0 {
		r.Legs = nil
	}
	return r
}

func cloneEvents(events []call.TimelineEvent) []call.TimelineEvent {
	copied := make([]call.TimelineEvent, 0, len(events))
	for _, e := range events {
		e.At, e.Detail = stamp(e.At), cloneDetail(e.Detail)
		copied = append(copied, e)
	}
	return copied
}

// SaveCall implements callflow.Store.
func (m *Memory) SaveCall(ctx context.Context, r call.Record, events ...call.TimelineEvent) error {
	return m.act(ctx, func() error {
		row := m.calls[r.ID]
		if row == nil {
			row = &callRow{}
			m.calls[r.ID] = row
		}
		if !row.closed {
			row.record = cloneRecord(r)
			m.interact(r)
		}
		row.events = append(row.events, cloneEvents(events)...)
		return nil
	})
}

// interact keeps the interaction that a call is; one between agents is none.
func (m *Memory) interact(r call.Record) {
	if r.Direction != call.Internal {
		i := ticket.InteractionOf(cloneRecord(r))
		m.desk.interactions[i.ID] = m.desk.mergeInteraction(i)
	}
}

// EndCall implements callflow.Store.
func (m *Memory) EndCall(ctx context.Context, e callflow.Ending) (linked ticket.Linked, err error) {
	err = m.act(ctx, func() error {
		linked, err = m.endCall(ctx, e)
		return err
	})
	return linked, err
}

func (m *Memory) endCall(ctx context.Context, e callflow.Ending) (ticket.Linked, error) {
	row := m.calls[e.Record.ID]
	if row == nil {
		row = &callRow{}
	}
	if row.closed {
		return row.linked, nil
	}
	r := cloneRecord(e.Record)
	if r.EndedAt.IsZero() {
		r.EndedAt = stamp(time.Now())
	}
	if e.Recording != nil {
		r.RecordingID = string(e.Recording.ID)
	}
	r.State = call.StateEnded
	fresh := store.Unstored(row.events, e.Events)
	events := append(slices.Clone(row.events), cloneEvents(fresh)...)
	change := m.beginDesk()
	defer change.rollback() // nothing after the commit
	linked, err := ticket.LinkCall(ctx, change, e.Policy, r, cloneEvents(events))
	if err != nil {
		return ticket.Linked{}, err
	}
	change.commit()
	r.ContactID, r.TicketID = linked.Contact.ID, linked.Ticket.ID
	row.record, row.events, row.closed = r, events, true
	m.interact(r)
	row.linked = ticket.Linked{Contact: m.desk.contacts[r.ContactID], Ticket: m.desk.tickets[r.TicketID]}
	m.calls[r.ID] = row
	if e.Recording != nil {
		m.saveRecording(*e.Recording)
	}
	m.closeItem(&r)
	m.linkCallback(r.CallbackID, linked)
	return linked, nil
}

func (m *Memory) closeItem(r *call.Record) {
	for id, row := range m.routing.items {
		if string(id) == r.ItemID && row.reason == "" && row.item.Channel == call.ChannelCall {
			row.ended, row.reason = r.EndedAt, r.EndReason
		}
	}
}

func (m *Memory) linkCallback(id string, linked ticket.Linked) {
	c, ok := m.callbacks[id]
	if !ok {
		return
	}
	if linked.Ticket.ID != "" {
		c.TicketID = linked.Ticket.ID
	}
	taken := false
	for _, other := range m.callbacks {
		taken = taken || other.ID != id && other.ContactID == linked.Contact.ID && other.EndedAt.IsZero()
	}
	if !taken {
		c.ContactID = linked.Contact.ID
	}
	m.callbacks[id] = c
}

// LiveCalls implements callflow.Store.
func (m *Memory) LiveCalls(ctx context.Context) (all []call.Record, err error) {
	err = m.act(ctx, func() error {
		for _, row := range m.calls {
			if !row.closed {
				all = append(all, cloneRecord(row.record))
			}
		}
		slices.SortFunc(all, func(a, b call.Record) int {
			return cmp.Or(a.ArrivedAt.Compare(b.ArrivedAt), cmp.Compare(a.ID, b.ID))
		})
		return nil
	})
	return all, err
}

// Calls implements Full.
func (m *Memory) Calls(ctx context.Context, f store.CallFilter) (all []call.Record, next string, err error) {
	err = m.act(ctx, func() error {
		for _, row := range m.calls {
			r, state := &row.record, "live"
			if row.closed {
				state = "ended"
			}
			if is(f.State, state) && is(f.AgentID, r.AgentID) && is(f.ContactID, r.ContactID) && is(f.TicketID, r.TicketID) &&
				is(f.Queue, r.Queue) && oneOf(f.EndReasons, r.EndReason) && within(r.ArrivedAt, f.From, f.To) &&
				is(f.Direction, r.Direction) && store.MatchesCaller(r.From.URI, f.Caller) && (f.Entry == nil || m.entered(r.ID, f.Entry)) {
				all = append(all, cloneRecord(*r))
			}
		}
		all, next, err = newestFirst(all, f.Page, func(r call.Record) (time.Time, string) { return r.ArrivedAt, string(r.ID) })
		return err
	})
	return all, next, err
}

// entered reports whether a call has an entry that e chooses.
func (m *Memory) entered(id call.ID, e *store.EntryFilter) bool {
	for _, row := range m.routing.items {
		target, known := e.Queues[row.item.Queue]
		if row.item.CallID != id || row.item.Channel != call.ChannelCall || row.item.Consult || !known || !within(row.item.EnqueuedAt, e.From, e.To) {
			continue
		}
		shown := row.shown(time.Now())
		if !slices.ContainsFunc(append([]report.Count{report.Offered}, e.Figures...), func(c report.Count) bool { return !shown.Counts(c, target) }) {
			return true
		}
	}
	return false
}

// Call implements Full.
func (m *Memory) Call(ctx context.Context, id call.ID) (call.Record, []call.TimelineEvent, error) {
	return m.findCall(ctx, func(r *call.Record) bool { return id != "" && r.ID == id })
}

// CallBySIPCallID implements Full.
func (m *Memory) CallBySIPCallID(ctx context.Context, sipCallID string) (call.Record, []call.TimelineEvent, error) {
	return m.findCall(ctx, func(r *call.Record) bool { return sipCallID != "" && r.SIPCallID == sipCallID })
}

func (m *Memory) findCall(ctx context.Context, match func(*call.Record) bool) (r call.Record, events []call.TimelineEvent, err error) {
	err = m.act(ctx, func() error {
		var found *callRow
		for _, row := range m.calls {
			if match(&row.record) && (found == nil || row.record.ArrivedAt.After(found.record.ArrivedAt)) {
				found = row
			}
		}
		if found == nil {
			return store.ErrNotFound
		}
		r, events = cloneRecord(found.record), cloneEvents(found.events)
		return nil
	})
	return r, events, err
}
