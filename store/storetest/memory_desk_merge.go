package storetest

import (
	"cmp"
	"context"
	"slices"

	"pickup/call"
	"pickup/callback"
	"pickup/store"
	"pickup/ticket"
)

// lastPos counts anew where tickets stand.
func (t *deskTx) lastPos(ticketIDs ...string) {
	for _, id := range ticketIDs {
		k, ok := t.tickets[id]
		if !ok {
			continue
		}
		k.LastPos = 0
		for _, m := range t.messages {
			if m.TicketID == id {
				k.LastPos = max(k.LastPos, m.Pos)
			}
		}
		set(t, t.tickets, id, k)
	}
}

// repoint changes the interactions, calls, callbacks and messages that match, and
// returns the sorted ids of the first, third and last.
func (t *deskTx) repoint(p pointer) (interactions, callbacks, messages []string) {
	for id, i := range t.interactions {
		if p.interaction(i) {
			p.setInteraction(&i)
			set(t, t.interactions, id, i)
			interactions = append(interactions, id)
		}
	}
	for id, row := range t.m.calls {
		if p.call(&row.record) {
			t.setCall(t.m.calls[id], p.setCall)
		}
	}
	for id, c := range t.m.callbacks {
		if p.callback(c) {
			p.setCallback(&c)
			t.setCallback(c)
			callbacks = append(callbacks, id)
		}
	}
	for id, m := range t.messages {
		if p.message != nil && p.message(m) {
			m.TicketID = p.to
			set(t, t.messages, id, m)
			messages = append(messages, id)
		}
	}
	for _, ids := range [...][]string{interactions, callbacks, messages} {
		slices.Sort(ids)
	}
	return interactions, callbacks, messages
}

// pointer says what is repointed, and how.
type pointer struct {
	to             string // ticket of messages
	interaction    func(ticket.Interaction) bool
	call           func(*call.Record) bool
	callback       func(callback.Callback) bool
	message        func(ticket.Message) bool // nil: none
	setInteraction func(*ticket.Interaction)
	setCall        func(*call.Record)
	setCallback    func(*callback.Callback)
}

func toTicket(to string) pointer {
	return pointer{
		to:             to,
		setInteraction: func(i *ticket.Interaction) { i.TicketID = to },
		setCall:        func(r *call.Record) { r.TicketID = to },
		setCallback:    func(c *callback.Callback) { c.TicketID = to },
	}
}

func toContact(to string) pointer {
	return pointer{
		setInteraction: func(i *ticket.Interaction) { i.ContactID = to },
		setCall:        func(r *call.Record) { r.ContactID = to },
		setCallback:    func(c *callback.Callback) { c.ContactID = to },
	}
}

// MoveTicket implements ticket.MergeTx.
func (t *deskTx) MoveTicket(_ context.Context, from, to string) (ticket.Moved, error) {
	p := toTicket(to)
	p.interaction = func(i ticket.Interaction) bool { return i.TicketID == from }
	p.call = func(r *call.Record) bool { return r.TicketID == from }
	p.callback = func(c callback.Callback) bool { return c.TicketID == from }
	p.message = func(m ticket.Message) bool { return m.TicketID == from }
	moved := ticket.Moved{Kind: ticket.MergeTicket, From: from, To: to}
	moved.Interactions, moved.Callbacks, moved.Messages = t.repoint(p)
	t.lastPos(from, to)
	return moved, nil
}

// MoveContact implements ticket.MergeTx.
func (t *deskTx) MoveContact(_ context.Context, from, to string) (ticket.Moved, error) {
	moved := ticket.Moved{Kind: ticket.MergeContact, From: from, To: to, Identities: slices.Clone(t.identities[from])}
	his, left := slices.Clone(t.identities[to]), []ticket.Identity(nil)
	for _, i := range moved.Identities {
		same := slices.IndexFunc(his, func(h ticket.Identity) bool { return h.Kind == i.Kind && h.Value == i.Value })
		if same < 0 {
			his = append(his, i)
			continue
		}
		moved.Shared = append(moved.Shared, his[same])
		his[same].Verified = his[same].Verified || i.Verified
		i.Verified = false
		left = append(left, i)
	}
	set(t, t.identities, to, his)
	set(t, t.identities, from, left)
	open := func(c callback.Callback) bool { return c.EndedAt.IsZero() }
	taken := false
	for _, c := range t.m.callbacks {
		taken = taken || c.ContactID == to && open(c)
	}
	p := toContact(to)
	p.interaction = func(i ticket.Interaction) bool { return i.ContactID == from }
	p.call = func(r *call.Record) bool { return r.ContactID == from }
	p.callback = func(c callback.Callback) bool { return c.ContactID == from && (!open(c) || !taken) }
	moved.Interactions, moved.Callbacks, _ = t.repoint(p)
	for id, k := range t.tickets {
		if k.ContactID == from {
			k.ContactID = to
			k.Version++
			set(t, t.tickets, id, k)
			moved.Tickets = append(moved.Tickets, id)
		}
	}
	slices.Sort(moved.Tickets)
	return moved, nil
}

// MoveBack implements ticket.MergeTx.
func (t *deskTx) MoveBack(_ context.Context, m ticket.Moved) error {
	if m.Kind == ticket.MergeContact {
		t.contactBack(m)
		return nil
	}
	p := toTicket(m.From)
	p.interaction = func(i ticket.Interaction) bool { return i.TicketID == m.To && slices.Contains(m.Interactions, i.ID) }
	p.call = func(r *call.Record) bool { return r.TicketID == m.To && slices.Contains(m.Interactions, string(r.ID)) }
	p.callback = func(c callback.Callback) bool { return c.TicketID == m.To && slices.Contains(m.Callbacks, c.ID) }
	p.message = func(s ticket.Message) bool {
		return s.TicketID == m.To && (slices.Contains(m.Messages, s.ID) || slices.Contains(m.Interactions, s.InteractionID))
	}
	t.repoint(p)
	t.lastPos(m.From, m.To)
	return nil
}

func (t *deskTx) contactBack(m ticket.Moved) {
	p := toContact(m.From)
	p.interaction = func(i ticket.Interaction) bool {
		return i.ContactID == m.To && (slices.Contains(m.Interactions, i.ID) || slices.Contains(m.Tickets, i.TicketID))
	}
	p.call = func(r *call.Record) bool {
		return r.ContactID == m.To && (slices.Contains(m.Interactions, string(r.ID)) || slices.Contains(m.Tickets, r.TicketID))
	}
	p.callback = func(c callback.Callback) bool { return c.ContactID == m.To && slices.Contains(m.Callbacks, c.ID) }
	t.repoint(p)
	for _, id := range m.Tickets {
		if k := t.tickets[id]; k.ContactID == m.To {
			k.ContactID = m.From
			k.Version++
			set(t, t.tickets, id, k)
		}
	}
	named := func(list []ticket.Identity, i ticket.Identity) int {
		return slices.IndexFunc(list, func(o ticket.Identity) bool { return o.Kind == i.Kind && o.Value == i.Value })
	}
	var his []ticket.Identity
	for _, i := range t.identities[m.To] {
		if shared := named(m.Shared, i); shared >= 0 {
			his = append(his, m.Shared[shared])
		} else if named(m.Identities, i) < 0 {
			his = append(his, i)
		}
	}
	back := slices.Clone(m.Identities)
	for n, i := range back { // what was learnt since stays
		for _, now := range append(slices.Clone(t.identities[m.From]), t.identities[m.To]...) {
			if now.Kind == i.Kind && now.Value == i.Value {
				back[n].Undeliverable = now.Undeliverable
			}
		}
	}
	set(t, t.identities, m.To, his)
	set(t, t.identities, m.From, back)
}

// MoveMessages implements ticket.MergeTx.
func (t *deskTx) MoveMessages(_ context.Context, fromInteraction, toInteraction, toTicket string, from int64) error {
	thread, ok := t.interactions[fromInteraction]
	if !ok {
		return store.ErrNotFound
	}
	for id, m := range t.messages {
		if m.InteractionID == fromInteraction && m.Seq >= from {
			m.InteractionID, m.TicketID = toInteraction, toTicket
			set(t, t.messages, id, m)
		}
	}
	t.lastPos(thread.TicketID, toTicket)
	return nil
}

// SaveMerge implements ticket.MergeLog.
func (t *deskTx) SaveMerge(_ context.Context, m ticket.Merge) error {
	stampAll(&m.At, &m.UndoneAt)
	if old, ok := t.merges[m.ID]; ok {
		undone := m.UndoneAt
		m = old
		m.UndoneAt = undone
	}
	set(t, t.merges, m.ID, m)
	return nil
}

// LastMerge implements ticket.MergeLog.
func (t *deskTx) LastMerge(_ context.Context, kind, loserID string) (ticket.Merge, bool, error) {
	all := sorted(t.merges, func(a, b ticket.Merge) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID)) })
	for _, m := range all {
		if m.Kind == kind && m.LoserID == loserID && m.UndoneAt.IsZero() {
			return m, true, nil
		}
	}
	return ticket.Merge{}, false, nil
}
