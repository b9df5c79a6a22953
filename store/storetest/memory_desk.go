package storetest

import (
	"context"
	"maps"
	"slices"
	"time"

	"pickup/call"
	"pickup/store"
	"pickup/ticket"
)

// deskTx is a ticket.Tx over a copy of the desk, which commit puts in its place.
// The values inside are replaced and appended to, never changed, so the copy is
// that of the maps alone.
type deskTx struct {
	live *desk
	desk
}

func (d *desk) begin() *deskTx {
	return &deskTx{live: d, desk: desk{
		contacts: maps.Clone(d.contacts), identities: maps.Clone(d.identities), tickets: maps.Clone(d.tickets),
		events: maps.Clone(d.events), number: d.number,
	}}
}

func (t *deskTx) commit() { *t.live = t.desk }

// ContactOf implements ticket.Tx.
func (t *deskTx) ContactOf(_ context.Context, i ticket.Identity) (best ticket.Contact, ok bool, _ error) {
	var bestVerified bool
	for id, identities := range t.identities {
		for _, known := range identities {
			if known.Kind != i.Kind || known.Value != i.Value {
				continue
			}
			c := t.contacts[id]
			better := !ok || known.Verified && !bestVerified || known.Verified == bestVerified && c.CreatedAt.Before(best.CreatedAt)
			if better {
				best, bestVerified, ok = c, known.Verified, true
			}
		}
	}
	return best, ok, nil
}

// AddContact implements ticket.Tx.
func (t *deskTx) AddContact(_ context.Context, c ticket.Contact, ids ...ticket.Identity) error {
	if _, ok := t.contacts[c.ID]; ok {
		return store.ErrConflict
	}
	c.CreatedAt = stamp(c.CreatedAt)
	t.contacts[c.ID] = c
	t.identities[c.ID] = slices.Clone(ids)
	return nil
}

// OpenTicket implements ticket.Tx.
func (t *deskTx) OpenTicket(_ context.Context, contactID, category string, since time.Time) (best ticket.Ticket, ok bool, _ error) {
	open := []ticket.State{ticket.StateNew, ticket.StateOpen, ticket.StatePending, ticket.StateOnHold}
	for _, k := range t.tickets {
		if k.ContactID != contactID || k.Category != category || k.CreatedAt.UnixMilli() < since.UnixMilli() ||
			!slices.Contains(open, k.State) {
			continue
		}
		if !ok || k.CreatedAt.After(best.CreatedAt) || k.CreatedAt.Equal(best.CreatedAt) && k.Number > best.Number {
			best, ok = k, true
		}
	}
	return best, ok, nil
}

// SaveTicket implements ticket.Tx.
func (t *deskTx) SaveTicket(_ context.Context, k ticket.Ticket) (ticket.Ticket, error) {
	if _, ok := t.contacts[k.ContactID]; !ok {
		return ticket.Ticket{}, store.ErrNotFound
	}
	if k.Number == 0 {
		t.number++
		k.Number = t.number
	}
	kept := k
	stampAll(&kept.CreatedAt, &kept.UpdatedAt)
	if old, ok := t.tickets[k.ID]; ok {
		kept.CreatedAt, kept.Number, kept.Channel = old.CreatedAt, old.Number, old.Channel
	}
	t.tickets[k.ID] = kept
	return k, nil
}

// AddEvents implements ticket.Tx.
func (t *deskTx) AddEvents(_ context.Context, ticketID string, events ...call.TimelineEvent) error {
	if _, ok := t.tickets[ticketID]; !ok {
		return store.ErrNotFound
	}
	t.events[ticketID] = append(slices.Clone(t.events[ticketID]), cloneEvents(events)...)
	return nil
}

// Tickets implements Full.
func (m *Memory) Tickets(ctx context.Context, f store.TicketFilter) (all []ticket.Ticket, next string, err error) {
	err = m.act(ctx, func() error {
		for _, k := range m.desk.tickets {
			if oneOf(f.States, k.State) && is(f.ContactID, k.ContactID) && is(f.AssigneeID, k.AssigneeID) &&
				is(f.Category, k.Category) && is(f.Queue, k.Queue) {
				all = append(all, k)
			}
		}
		all, next, err = newestFirst(all, f.Page, func(k ticket.Ticket) (time.Time, string) { return k.CreatedAt, k.ID })
		return err
	})
	return all, next, err
}

// Ticket implements Full.
func (m *Memory) Ticket(ctx context.Context, id string) (d store.TicketDetail, err error) {
	err = m.act(ctx, func() error {
		k, ok := m.desk.tickets[id]
		if !ok {
			return store.ErrNotFound
		}
		d = store.TicketDetail{Ticket: k, Contact: m.desk.contacts[k.ContactID], Events: cloneEvents(m.desk.events[id])}
		var calls []call.Record
		for _, row := range m.calls {
			if row.record.TicketID == id {
				calls = append(calls, row.record)
			}
		}
		slices.SortFunc(calls, func(a, b call.Record) int { return a.ArrivedAt.Compare(b.ArrivedAt) })
		for _, c := range calls {
			d.Calls = append(d.Calls, c.ID)
		}
		for _, r := range m.recordingsByStart() {
			if slices.Contains(d.Calls, r.CallID) {
				d.Recordings = append(d.Recordings, string(r.ID))
			}
		}
		return nil
	})
	return d, err
}

// Contacts implements Full.
func (m *Memory) Contacts(ctx context.Context, f store.ContactFilter) (all []ticket.Contact, next string, err error) {
	err = m.act(ctx, func() error {
		for id, c := range m.desk.contacts {
			if f.Identity.Kind == "" || slices.ContainsFunc(m.desk.identities[id], func(i ticket.Identity) bool {
				return i.Kind == f.Identity.Kind && i.Value == f.Identity.Value
			}) {
				all = append(all, c)
			}
		}
		all, next, err = newestFirst(all, f.Page, func(c ticket.Contact) (time.Time, string) { return c.CreatedAt, c.ID })
		return err
	})
	return all, next, err
}

// Contact implements Full.
func (m *Memory) Contact(ctx context.Context, id string) (d store.ContactDetail, err error) {
	err = m.act(ctx, func() error {
		c, ok := m.desk.contacts[id]
		if !ok {
			return store.ErrNotFound
		}
		d = store.ContactDetail{Contact: c, Identities: slices.Clone(m.desk.identities[id])}
		if len(d.Identities) == 0 {
			d.Identities = nil
		}
		for _, row := range m.calls {
			if row.record.ContactID == id {
				d.Interactions = append(d.Interactions, interaction(&row.record))
			}
		}
		slices.SortFunc(d.Interactions, func(a, b store.Interaction) int { return b.StartedAt.Compare(a.StartedAt) })
		return nil
	})
	return d, err
}

func interaction(r *call.Record) store.Interaction {
	i := store.Interaction{
		ID: string(r.ID), Channel: call.ChannelCall, Direction: r.Direction, TicketID: r.TicketID, Queue: r.Queue,
		StartedAt: r.ArrivedAt, AnsweredAt: r.BridgedAt, EndedAt: r.EndedAt, EndReason: r.EndReason, HandledBy: string(r.AgentID),
	}
	if r.Direction == call.Outbound && r.CallbackID != "" {
		i.Channel = call.ChannelCallback
	}
	return i
}
