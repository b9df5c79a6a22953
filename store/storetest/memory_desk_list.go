package storetest

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/fold"
	"pickup/store"
	"pickup/ticket"
)

// waiting reports whether a ticket owes a reply, and since when.
func (d *desk) waiting(ticketID string) (since time.Time) {
	for _, i := range d.interactions {
		if i.TicketID == ticketID && !i.WaitingSince.IsZero() && (since.IsZero() || i.WaitingSince.Before(since)) {
			since = i.WaitingSince
		}
	}
	return since
}

// chooses reports whether a filter lets a ticket through.
func (d *desk) chooses(f store.TicketFilter, k ticket.Ticket) bool {
	at := k.CreatedAt
	if f.Order == store.ByUpdated {
		at = k.UpdatedAt
	}
	return oneOf(f.States, k.State) && is(f.ContactID, k.ContactID) && is(f.AssigneeID, k.AssigneeID) &&
		(!f.Unassigned || k.AssigneeID == "") && (d.has(f.Agent, k) || slices.Contains(f.Also, k.ID)) && (f.Number == 0 || f.Number == k.Number) && is(f.Category, k.Category) && is(f.Queue, k.Queue) &&
		is(f.Channel, k.Channel) && oneOf(f.Priorities, k.Priority) && within(at, f.From, f.To) &&
		!slices.ContainsFunc(f.Tags, func(t string) bool { return !slices.Contains(k.Tags, t) }) &&
		(!f.WaitingForUs || !d.waiting(k.ID).IsZero()) && (f.Text == "" || len(d.found(f.Text, k)) > 0)
}

// Tickets implements Full.
func (m *Memory) Tickets(ctx context.Context, f store.TicketFilter) (all []ticket.Ticket, next string, err error) {
	err = m.act(ctx, func() error {
		for _, k := range m.desk.tickets {
			if m.desk.chooses(f, k) {
				all = append(all, k)
			}
		}
		all, next, err = newestFirst(all, f.Page, func(k ticket.Ticket) (time.Time, string) {
			if f.Order == store.ByUpdated {
				return k.UpdatedAt, k.ID
			}
			return k.CreatedAt, k.ID
		})
		return err
	})
	return all, next, err
}

// callsOf returns the ids of a ticket's calls and recordings, oldest first.
func (m *Memory) callsOf(ticketID string) (ids []call.ID, recordings []string) {
	var calls []call.Record
	for _, row := range m.calls {
		if row.record.TicketID == ticketID {
			calls = append(calls, row.record)
		}
	}
	slices.SortFunc(calls, func(a, b call.Record) int { return cmp.Or(a.ArrivedAt.Compare(b.ArrivedAt), cmp.Compare(a.ID, b.ID)) })
	for _, c := range calls {
		ids = append(ids, c.ID)
	}
	for _, r := range m.recordingsByStart() {
		if slices.Contains(ids, r.CallID) {
			recordings = append(recordings, string(r.ID))
		}
	}
	return ids, recordings
}

// TicketHeads implements Full.
func (m *Memory) TicketHeads(ctx context.Context, all []ticket.Ticket) (map[string]store.TicketHead, error) {
	heads := map[string]store.TicketHead{}
	err := m.act(ctx, func() error {
		for _, k := range all {
			h := store.TicketHead{Contact: m.desk.contacts[k.ContactID].Name, WaitingSince: m.desk.waiting(k.ID)}
			for _, i := range m.desk.interactions {
				if i.TicketID == k.ID && !slices.Contains(h.Channels, i.Channel) {
					h.Channels = append(h.Channels, i.Channel)
				}
			}
			slices.Sort(h.Channels)
			h.Calls, h.Recordings = m.callsOf(k.ID)
			heads[k.ID] = h
		}
		return nil
	})
	return heads, err
}

// Ticket implements Full.
func (m *Memory) Ticket(ctx context.Context, id string) (d store.TicketDetail, err error) {
	err = m.act(ctx, func() error {
		k, ok := m.desk.tickets[id]
		if !ok {
			return store.ErrNotFound
		}
		d = store.TicketDetail{Ticket: k, Contact: m.desk.contacts[k.ContactID], Events: cloneEvents(m.desk.events[id])}
		d.Interactions = m.desk.threads(func(i ticket.Interaction) bool { return i.TicketID == id })
		d.Messages = m.desk.said(func(s ticket.Message) bool { return s.TicketID == id })
		d.Messages = d.Messages[max(0, len(d.Messages)-store.MaxMessages):]
		d.Calls, d.Recordings = m.callsOf(id)
		for l, at := range m.desk.links {
			if l.From == id || l.To == id {
				l.At = at
				d.Links = append(d.Links, l)
			}
		}
		slices.SortFunc(d.Links, func(a, b ticket.Link) int {
			return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Kind, b.Kind))
		})
		m.absorbed(&d)
		d.Undeliverable = m.desk.undeliverable(store.MailAddresses(d.Interactions))
		return nil
	})
	return d, err
}

// absorbed fills the tickets that one took over, with their events.
func (m *Memory) absorbed(d *store.TicketDetail) {
	for _, k := range m.desk.tickets {
		if k.MergedInto == d.Ticket.ID {
			k.Tags = nil
			d.Merged = append(d.Merged, k)
		}
	}
	slices.SortFunc(d.Merged, func(a, b ticket.Ticket) int { return cmp.Compare(a.Number, b.Number) })
	if len(d.Merged) == 0 {
		return
	}
	ids := []string{d.Ticket.ID}
	for _, k := range d.Merged {
		ids = append(ids, k.ID)
	}
	slices.Sort(ids)
	d.Events = nil
	for _, id := range ids {
		d.Events = append(d.Events, cloneEvents(m.desk.events[id])...)
	}
	slices.SortStableFunc(d.Events, func(a, b call.TimelineEvent) int { return a.At.Compare(b.At) })
}

// TicketOf implements Full.
func (m *Memory) TicketOf(ctx context.Context, id string, agent account.ID) (yes bool, err error) {
	err = m.act(ctx, func() error {
		k, ok := m.desk.tickets[id]
		if !ok {
			return store.ErrNotFound
		}
		yes = agent != "" && m.desk.has(agent, k)
		return nil
	})
	return yes, err
}

// TicketByID implements Full.
func (m *Memory) TicketByID(ctx context.Context, ticketID string) (ticket.Ticket, error) {
	return m.oneTicket(ctx, func(tx ticket.DeskTx) (ticket.Ticket, bool, error) { return tx.Ticket(ctx, ticketID) })
}

// TicketByNumber implements Full.
func (m *Memory) TicketByNumber(ctx context.Context, number int64) (ticket.Ticket, error) {
	return m.oneTicket(ctx, func(tx ticket.DeskTx) (ticket.Ticket, bool, error) { return tx.TicketNumber(ctx, number) })
}

// oneTicket looks one up, or returns ErrNotFound.
func (m *Memory) oneTicket(ctx context.Context, look func(ticket.DeskTx) (ticket.Ticket, bool, error)) (k ticket.Ticket, err error) {
	err = m.act(ctx, func() error {
		found, ok, err := look(m.beginDesk())
		if err == nil && !ok {
			err = store.ErrNotFound
		}
		k = found
		return err
	})
	return k, err
}

// Contacts implements Full.
func (m *Memory) Contacts(ctx context.Context, f store.ContactFilter) (all []ticket.Contact, next string, err error) {
	err = m.act(ctx, func() error {
		for id, c := range m.desk.contacts {
			if c.MergedInto != "" {
				continue
			}
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
		c, ok := m.desk.contact(id)
		if !ok {
			return store.ErrNotFound
		}
		d = store.ContactDetail{Contact: c, Identities: slices.Clone(m.desk.identities[c.ID])}
		if len(d.Identities) == 0 {
			d.Identities = nil
		}
		d.Interactions = m.desk.threads(func(i ticket.Interaction) bool { return i.ContactID == c.ID })
		slices.Reverse(d.Interactions)
		d.Interactions = d.Interactions[:min(len(d.Interactions), store.MaxLimit)]
		for _, other := range m.desk.contacts {
			if other.MergedInto == c.ID {
				d.Merged = append(d.Merged, other)
			}
		}
		slices.SortFunc(d.Merged, func(a, b ticket.Contact) int {
			return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
		})
		return nil
	})
	return d, err
}

// row reads a row of the desk by its key.
func row[V any](ctx context.Context, m *Memory, rows func() map[string]V, key string) (value V, err error) {
	err = m.act(ctx, func() error {
		found, ok := rows()[key]
		if !ok {
			return store.ErrNotFound
		}
		value = found
		return nil
	})
	return value, err
}

// Interaction implements Full.
func (m *Memory) Interaction(ctx context.Context, id string) (ticket.Interaction, error) {
	return row(ctx, m, func() map[string]ticket.Interaction { return m.desk.interactions }, id)
}

// Messages implements Full.
func (m *Memory) Messages(ctx context.Context, ticketID string, after int64, limit int) (all []ticket.Message, err error) {
	err = m.act(ctx, func() error {
		all = m.desk.said(func(s ticket.Message) bool { return s.TicketID == ticketID && s.Pos > after })
		if limit <= 0 {
			limit = store.DefaultLimit
		}
		all = all[:min(len(all), limit, store.MaxLimit)]
		return nil
	})
	return all, err
}

// Message implements Full.
func (m *Memory) Message(ctx context.Context, id string) (s ticket.Message, err error) {
	err = m.act(ctx, func() error {
		found, ok := m.desk.messages[id]
		if !ok {
			return store.ErrNotFound
		}
		s = m.desk.message(found)
		return nil
	})
	return s, err
}

// Attachment implements Full.
func (m *Memory) Attachment(ctx context.Context, id string) (d store.AttachmentDetail, err error) {
	err = m.act(ctx, func() error {
		a, ok := m.desk.attachments[id]
		if !ok {
			return store.ErrNotFound
		}
		s := m.desk.messages[a.MessageID]
		d = store.AttachmentDetail{Attachment: a.Attachment, TicketID: s.TicketID, InteractionID: s.InteractionID, Kind: s.Kind}
		return nil
	})
	return d, err
}

// Outbox implements Full.
func (m *Memory) Outbox(ctx context.Context, due time.Time, limit int, busy ...string) (all []ticket.OutMail, err error) {
	err = m.act(ctx, func() error {
		for _, o := range m.desk.outbox {
			box, known := m.inbox.boxes[o.MailboxID]
			if (o.State == "queued" || o.State == "sending") && o.NextAt.UnixMilli() <= due.UnixMilli() && (box.Enabled || !known) &&
				!slices.Contains(busy, o.MailboxID) {
				all = append(all, keepMail(o))
			}
		}
		slices.SortFunc(all, func(a, b ticket.OutMail) int { return cmp.Or(a.NextAt.Compare(b.NextAt), cmp.Compare(a.ID, b.ID)) })
		if limit <= 0 {
			limit = store.DefaultLimit
		}
		all = all[:min(len(all), limit, store.MaxLimit)]
		return nil
	})
	return all, err
}

// deferred reports whether an interaction is of a channel that nobody waits in.
func deferred(c call.Channel) bool {
	return c == call.ChannelEmail || c == call.ChannelSocial || c == call.ChannelWebForm
}

// NeedsWork implements Full.
func (m *Memory) NeedsWork(ctx context.Context) (w store.WorkToDo, err error) {
	err = m.act(ctx, func() error {
		busy := map[string]bool{}
		for _, i := range m.desk.threads(func(ticket.Interaction) bool { return true }) {
			switch {
			case deferred(i.Channel) && !i.WaitingSince.IsZero():
				k := m.desk.tickets[i.TicketID]
				k.Tags = nil
				w.Mails = append(w.Mails, store.MailToDo{Interaction: i, Ticket: k})
				busy[i.TicketID] = true
			case i.Channel.Live() && i.EndedAt.IsZero():
				busy[i.TicketID] = true
			}
		}
		for _, c := range m.callbacks {
			busy[c.TicketID] = busy[c.TicketID] || c.EndedAt.IsZero()
		}
		slices.SortFunc(w.Mails, func(a, b store.MailToDo) int {
			return cmp.Or(a.Interaction.WaitingSince.Compare(b.Interaction.WaitingSince), cmp.Compare(a.Interaction.ID, b.Interaction.ID))
		})
		for id, k := range m.desk.tickets {
			if (k.State == ticket.StateNew || k.State == ticket.StateOpen) && k.AssigneeID == "" && !busy[id] {
				k.Tags = nil
				w.Tickets = append(w.Tickets, k)
			}
		}
		slices.SortFunc(w.Tickets, func(a, b ticket.Ticket) int { return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID)) })
		return nil
	})
	return w, err
}

// Interactions implements Full.
func (m *Memory) Interactions(ctx context.Context, f store.InteractionFilter) (all []ticket.Interaction, next string, err error) {
	err = m.act(ctx, func() error {
		all = m.desk.threads(func(i ticket.Interaction) bool {
			at := i.StartedAt
			if f.Queued {
				at = i.QueuedAt
			}
			return oneOf(f.Channels, i.Channel) && is(f.Queue, i.Queue) && is(f.Handler, i.HandledBy) && is(f.ContactID, i.ContactID) &&
				is(f.TicketID, i.TicketID) && is(f.Direction, i.Direction) && (!f.Open || i.EndedAt.IsZero()) &&
				(!f.Waiting || !i.WaitingSince.IsZero()) && (!f.Queued || !i.QueuedAt.IsZero()) && within(at, f.From, f.To)
		})
		all, next, err = newestFirst(all, f.Page, func(i ticket.Interaction) (time.Time, string) { return i.StartedAt, i.ID })
		return err
	})
	return all, next, err
}

// TextFigures implements Full.
func (m *Memory) TextFigures(ctx context.Context, channel call.Channel, queue string, from, to time.Time, target time.Duration) (f ticket.Figures, err error) {
	err = m.act(ctx, func() error {
		f = ticket.Compute(m.desk.threads(func(i ticket.Interaction) bool {
			return i.Channel == channel && is(queue, i.Queue) && i.Direction == call.Inbound && !i.QueuedAt.IsZero() && within(i.QueuedAt, from, to)
		}), target)
		return nil
	})
	return f, err
}

// Candidates implements ticket.Store.
func (m *Memory) Candidates(ctx context.Context, ticketID string, since time.Time) (one ticket.Candidate, others []ticket.Candidate, err error) {
	err = m.act(ctx, func() error {
		k, ok := m.desk.tickets[ticketID]
		if !ok {
			return ticket.ErrNotFound
		}
		one = m.candidate(k)
		for _, o := range sorted(m.desk.tickets, func(a, b ticket.Ticket) int {
			return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
		}) {
			his := o.ContactID == k.ContactID && o.State != ticket.StateMerged
			alike := o.Category == k.Category && o.State.Open() && o.CreatedAt.After(since)
			if o.ID != k.ID && (his || alike) {
				others = append(others, m.candidate(o))
			}
		}
		return nil
	})
	return one, others, err
}

func (m *Memory) candidate(k ticket.Ticket) ticket.Candidate {
	c := ticket.Candidate{Ticket: k}
	c.Verified = slices.ContainsFunc(m.desk.identities[k.ContactID], func(i ticket.Identity) bool { return i.Verified })
	first := m.desk.said(func(s ticket.Message) bool { return s.TicketID == k.ID && s.Kind == ticket.MessageCustomer })
	if len(first) > 0 {
		c.Text = first[0].Text
	}
	return c
}

// found returns what matches a text in a ticket, the ticket itself first.
func (d *desk) found(text string, k ticket.Ticket) []store.Hit {
	words, prefix := store.SearchWords(text)
	if len(words) == 0 {
		return nil
	}
	body := []string{strconv.FormatInt(k.Number, 10), k.Subject, d.contacts[k.ContactID].Name}
	for _, i := range d.identities[k.ContactID] {
		if i.Kind != "visitor" {
			body = append(body, i.Value)
		}
	}
	var hits []store.Hit
	if matches(strings.Join(append(body, k.Tags...), " "), words, prefix) {
		hits = append(hits, store.Hit{
			Kind: store.DocTicket, ID: k.ID, Ticket: k, Snippet: store.Snippet(k.Subject, words), At: k.CreatedAt, Score: 2,
		})
	}
	for _, s := range d.messages {
		if s.TicketID == k.ID && matches(s.Text, words, prefix) {
			hits = append(hits, store.Hit{
				Kind: store.DocMessage, ID: s.ID, Ticket: k, Snippet: store.Snippet(s.Text, words), At: s.CreatedAt, Score: 1,
			})
		}
	}
	slices.SortFunc(hits, func(a, b store.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), b.At.Compare(a.At), cmp.Compare(a.ID, b.ID))
	})
	return hits
}

// matches reports whether a text has all words.
func matches(text string, words []string, prefix bool) bool {
	there := fold.Words(text)
	for i, w := range words {
		if !slices.ContainsFunc(there, func(t string) bool {
			return t == w || prefix && i == len(words)-1 && strings.HasPrefix(t, w)
		}) {
			return false
		}
	}
	return true
}

// Search implements Full.
func (m *Memory) Search(ctx context.Context, q store.SearchFilter) (hits []store.Hit, err error) {
	err = m.act(ctx, func() error {
		for _, k := range m.desk.tickets {
			if !m.desk.has(q.Agent, k) {
				continue
			}
			for _, h := range m.desk.found(q.Text, k) {
				if oneOf(q.Kinds, h.Kind) {
					hits = append(hits, h)
					break
				}
			}
		}
		slices.SortFunc(hits, func(a, b store.Hit) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.Ticket.Number, a.Ticket.Number))
		})
		if q.Limit <= 0 {
			q.Limit = store.DefaultLimit
		}
		hits = hits[:min(len(hits), q.Limit, store.MaxLimit)]
		return nil
	})
	return hits, err
}
