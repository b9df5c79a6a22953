package storetest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/callback"
	"pickup/store"
	"pickup/ticket"
)

// desk is the rows of contacts, tickets and what was said.
type desk struct {
	contacts     map[string]ticket.Contact
	identities   map[string][]ticket.Identity // by contact
	tickets      map[string]ticket.Ticket     // with their tags
	events       map[string][]call.TimelineEvent
	links        map[ticket.Link]time.Time // Link without At
	drafts       map[draftKey]ticket.Draft
	handovers    map[string]ticket.Handover // the last of each item
	interactions map[string]ticket.Interaction
	messages     map[string]ticket.Message // without attachments
	clients      map[[2]string]string      // scope and client id to message
	attachments  map[string]fileRow
	seen         map[[3]string]ticket.SeenMail
	outbox       map[string]ticket.OutMail
	merges       map[string]ticket.Merge
	number, pos  int64
}

type draftKey struct {
	ticket string
	user   account.ID
	kind   ticket.MessageKind
}

// fileRow is an attachment with its place in the message.
type fileRow struct {
	ticket.Attachment
	place int
}

func newDesk() desk {
	return desk{
		contacts: map[string]ticket.Contact{}, identities: map[string][]ticket.Identity{}, tickets: map[string]ticket.Ticket{},
		events: map[string][]call.TimelineEvent{}, links: map[ticket.Link]time.Time{}, drafts: map[draftKey]ticket.Draft{},
		handovers:    map[string]ticket.Handover{},
		interactions: map[string]ticket.Interaction{}, messages: map[string]ticket.Message{}, clients: map[[2]string]string{},
		attachments: map[string]fileRow{}, seen: map[[3]string]ticket.SeenMail{}, outbox: map[string]ticket.OutMail{},
		merges: map[string]ticket.Merge{},
	}
}

// deskTx is a ticket.DeskTx over the rows themselves. It keeps how to take each
// change back. Values inside are replaced, never changed.
type deskTx struct {
	*desk
	m    *Memory
	undo []func()
}

func (m *Memory) beginDesk() *deskTx { return &deskTx{desk: &m.desk, m: m} }

// rollback takes back what was not committed.
func (t *deskTx) rollback() {
	for _, back := range slices.Backward(t.undo) {
		back()
	}
	t.undo = nil
}

// commit keeps what was changed.
func (t *deskTx) commit() { t.undo = nil }

// set changes a row.
func set[K comparable, V any](t *deskTx, rows map[K]V, key K, value V) {
	old, ok := rows[key]
	t.undo = append(t.undo, func() {
		if ok {
			rows[key] = old
		} else {
			delete(rows, key)
		}
	})
	rows[key] = value
}

// drop takes a row away.
func drop[K comparable, V any](t *deskTx, rows map[K]V, key K) {
	if old, ok := rows[key]; ok {
		t.undo = append(t.undo, func() { rows[key] = old })
		delete(rows, key)
	}
}

// Desk implements ticket.Store.
func (m *Memory) Desk(ctx context.Context, act func(ticket.DeskTx) error) error {
	return m.act(ctx, func() error {
		t := m.beginDesk()
		defer t.rollback() // nothing after a commit
		if err := act(t); err != nil {
			return err
		}
		t.commit()
		return nil
	})
}

// LookDesk implements ticket.Store.
func (m *Memory) LookDesk(ctx context.Context, act func(ticket.DeskTx) error) error {
	return m.act(ctx, func() error {
		t := m.beginDesk()
		defer t.rollback()
		return act(t)
	})
}

// ContactOf implements ticket.Tx.
func (t *deskTx) ContactOf(ctx context.Context, i ticket.Identity) (best ticket.Contact, ok bool, _ error) {
	var bestVerified bool
	for id, identities := range t.identities {
		for _, known := range identities {
			if known.Kind != i.Kind || known.Value != i.Value {
				continue
			}
			c := t.contacts[id]
			older := c.CreatedAt.Before(best.CreatedAt) || c.CreatedAt.Equal(best.CreatedAt) && c.ID < best.ID
			if !ok || known.Verified && !bestVerified || known.Verified == bestVerified && older {
				best, bestVerified, ok = c, known.Verified, true
			}
		}
	}
	if !ok {
		return ticket.Contact{}, false, nil
	}
	return t.Contact(ctx, best.ID)
}

// AddContact implements ticket.Tx.
func (t *deskTx) AddContact(_ context.Context, c ticket.Contact, ids ...ticket.Identity) error {
	if _, ok := t.contacts[c.ID]; ok {
		return store.ErrConflict
	}
	for _, i := range ids {
		if i.Verified && t.proved(i) {
			return store.ErrConflict
		}
	}
	c.CreatedAt = stamp(c.CreatedAt)
	set(t, t.contacts, c.ID, c)
	set(t, t.identities, c.ID, slices.Clone(ids))
	return nil
}

// proved reports whether anybody proved an identity.
func (t *deskTx) proved(i ticket.Identity) bool {
	for _, known := range t.identities {
		if slices.ContainsFunc(known, func(k ticket.Identity) bool { return k.Kind == i.Kind && k.Value == i.Value && k.Verified }) {
			return true
		}
	}
	return false
}

// Contact implements ticket.PeopleTx.
func (t *deskTx) Contact(_ context.Context, id string) (ticket.Contact, bool, error) {
	c, ok := t.desk.contact(id)
	return c, ok, nil
}

// contact follows merges.
func (d *desk) contact(id string) (c ticket.Contact, ok bool) {
	for range 100 {
		if c, ok = d.contacts[id]; !ok || c.MergedInto == "" {
			break
		}
		id = c.MergedInto
	}
	return c, ok
}

// MergedContact implements ticket.PeopleTx.
func (t *deskTx) MergedContact(_ context.Context, id string) (ticket.Contact, bool, error) {
	c, ok := t.contacts[id]
	return c, ok, nil
}

// Identities implements ticket.PeopleTx.
func (t *deskTx) Identities(_ context.Context, contactID string) ([]ticket.Identity, error) {
	return slices.Clone(t.identities[contactID]), nil
}

// AddIdentity implements ticket.PeopleTx.
func (t *deskTx) AddIdentity(_ context.Context, contactID string, i ticket.Identity, _ time.Time) error {
	known := slices.Clone(t.identities[contactID])
	at := slices.IndexFunc(known, func(k ticket.Identity) bool { return k.Kind == i.Kind && k.Value == i.Value })
	if i.Verified && (at < 0 || !known[at].Verified) && t.proved(i) {
		return store.ErrConflict
	}
	if at < 0 {
		known = append(known, i)
	} else {
		known[at].Verified = known[at].Verified || i.Verified
	}
	set(t, t.identities, contactID, known)
	return nil
}

// SetUndeliverable implements ticket.MailTx.
func (t *deskTx) SetUndeliverable(_ context.Context, address, why string) error {
	for id, all := range maps.Clone(t.identities) {
		changed := slices.Clone(all)
		for i := range changed {
			if changed[i].Kind == "email" && changed[i].Value == strings.ToLower(address) {
				changed[i].Undeliverable = why
			}
		}
		if !slices.Equal(changed, all) {
			set(t, t.identities, id, changed)
		}
	}
	return nil
}

// SaveContact implements ticket.PeopleTx.
func (t *deskTx) SaveContact(_ context.Context, c ticket.Contact, _ time.Time) error {
	old, ok := t.contacts[c.ID]
	if !ok {
		return store.ErrNotFound
	}
	old.Name, old.Language, old.MergedInto = c.Name, c.Language, c.MergedInto
	set(t, t.contacts, c.ID, old)
	return nil
}

// OpenTicket implements ticket.Tx.
func (t *deskTx) OpenTicket(_ context.Context, contactID, category string, since time.Time) (best ticket.Ticket, ok bool, _ error) {
	for _, k := range t.open(contactID) {
		if k.Category == category && k.CreatedAt.UnixMilli() >= since.UnixMilli() {
			return k, true, nil
		}
	}
	return ticket.Ticket{}, false, nil
}

// open are the open tickets of a contact, newest first.
func (d *desk) open(contactID string) []ticket.Ticket {
	var all []ticket.Ticket
	for _, k := range d.tickets {
		if k.ContactID == contactID && k.State.Open() {
			k.Tags = nil
			all = append(all, k)
		}
	}
	slices.SortFunc(all, func(a, b ticket.Ticket) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.Number, a.Number))
	})
	return all
}

// OpenTickets implements ticket.CaseTx.
func (t *deskTx) OpenTickets(_ context.Context, contactID string) ([]ticket.Ticket, error) {
	return t.open(contactID), nil
}

// SaveTicket implements ticket.Tx.
func (t *deskTx) SaveTicket(_ context.Context, k ticket.Ticket) (ticket.Ticket, error) {
	if _, ok := t.contacts[k.ContactID]; !ok {
		return ticket.Ticket{}, store.ErrNotFound
	}
	if k.Number == 0 {
		t.count(&t.number)
		k.Number = t.number
	}
	k.LastPos, k.Version = 0, 1
	old, known := t.tickets[k.ID]
	if known {
		k.Number, k.LastPos, k.Version = old.Number, old.LastPos, old.Version+1
	}
	kept := k
	stampAll(&kept.CreatedAt, &kept.UpdatedAt, &kept.SolvedAt, &kept.ClosedAt)
	kept.Tags = old.Tags
	if known {
		kept.CreatedAt, kept.Channel = old.CreatedAt, old.Channel
	}
	set(t, t.tickets, k.ID, kept)
	return k, nil
}

// count takes the next value of a counter.
func (t *deskTx) count(counter *int64) {
	was := *counter
	t.undo = append(t.undo, func() { *counter = was })
	*counter++
}

// AddEvents implements ticket.Tx.
func (t *deskTx) AddEvents(_ context.Context, ticketID string, events ...call.TimelineEvent) error {
	if _, ok := t.tickets[ticketID]; !ok {
		return store.ErrNotFound
	}
	set(t, t.events, ticketID, append(slices.Clone(t.events[ticketID]), cloneEvents(events)...))
	return nil
}

// Ticket implements ticket.CaseTx.
func (t *deskTx) Ticket(_ context.Context, id string) (ticket.Ticket, bool, error) {
	k, ok := t.tickets[id]
	return k, ok, nil
}

// TicketNumber implements ticket.CaseTx.
func (t *deskTx) TicketNumber(_ context.Context, number int64) (ticket.Ticket, bool, error) {
	for _, k := range t.tickets {
		if k.Number == number {
			return k, true, nil
		}
	}
	return ticket.Ticket{}, false, nil
}

// FollowUps implements ticket.CaseTx.
func (t *deskTx) FollowUps(_ context.Context, ticketID, contactID string) ([]ticket.Ticket, error) {
	later := map[string]bool{}
	for next := []string{ticketID}; len(next) > 0; next = next[1:] {
		for l := range t.links {
			if l.To == next[0] && l.Kind == ticket.LinkFollowUp && !later[l.From] {
				later[l.From] = true
				next = append(next, l.From)
			}
		}
	}
	var all []ticket.Ticket
	for id := range later {
		if k := t.tickets[id]; k.ContactID == contactID {
			all = append(all, k)
		}
	}
	slices.SortFunc(all, func(a, b ticket.Ticket) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.Number, a.Number))
	})
	return all, nil
}

// SolvedBefore implements ticket.CaseTx.
func (t *deskTx) SolvedBefore(_ context.Context, at time.Time, limit int) ([]ticket.Ticket, error) {
	var all []ticket.Ticket
	for _, k := range t.tickets {
		if k.State == ticket.StateSolved && k.SolvedAt.UnixMilli() < at.UnixMilli() {
			all = append(all, k)
		}
	}
	slices.SortFunc(all, func(a, b ticket.Ticket) int { return cmp.Or(a.SolvedAt.Compare(b.SolvedAt), cmp.Compare(a.ID, b.ID)) })
	return all[:min(len(all), limit)], nil
}

// SetTags implements ticket.CaseTx.
func (t *deskTx) SetTags(_ context.Context, ticketID string, tags []string) (err error) {
	k, ok := t.tickets[ticketID]
	if !ok {
		return store.ErrNotFound
	}
	if k.Tags, err = ticket.Tags(tags); err != nil {
		return err
	}
	set(t, t.tickets, ticketID, k)
	return nil
}

// LinkTickets implements ticket.CaseTx.
func (t *deskTx) LinkTickets(_ context.Context, l ticket.Link) error {
	at := stamp(l.At)
	l.At = time.Time{}
	if _, ok := t.links[l]; !ok {
		set(t, t.links, l, at)
	}
	return nil
}

// UnlinkTickets implements ticket.CaseTx.
func (t *deskTx) UnlinkTickets(_ context.Context, l ticket.Link) error {
	l.At = time.Time{}
	drop(t, t.links, l)
	return nil
}

// SaveDraft implements ticket.DraftTx.
func (t *deskTx) SaveDraft(_ context.Context, r ticket.Draft) error {
	if _, ok := t.tickets[r.TicketID]; !ok {
		return store.ErrNotFound
	}
	r.UpdatedAt = stamp(r.UpdatedAt)
	set(t, t.drafts, draftKey{r.TicketID, r.UserID, r.Kind}, r)
	return nil
}

// SaveHandover implements ticket.HandoverTx.
func (t *deskTx) SaveHandover(_ context.Context, h ticket.Handover) error {
	set(t, t.handovers, h.ItemID, h)
	return nil
}

// of reports whether a draft's ticket is the ticket, or was taken over by it, over
// several merges too.
func (d *desk) of(draft, ticketID string) bool {
	for draft != "" && draft != ticketID {
		draft = d.tickets[draft].MergedInto
	}
	return draft != ""
}

// Drafts implements ticket.DraftTx.
func (t *deskTx) Drafts(_ context.Context, ticketID string, user account.ID) ([]ticket.Draft, error) {
	var all []ticket.Draft
	for _, r := range t.drafts {
		if r.UserID == user && t.of(r.TicketID, ticketID) {
			all = append(all, r)
		}
	}
	elsewhere := func(r ticket.Draft) int {
		if r.TicketID == ticketID {
			return 0
		}
		return 1
	}
	slices.SortFunc(all, func(a, b ticket.Draft) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), elsewhere(a)-elsewhere(b), b.UpdatedAt.Compare(a.UpdatedAt), cmp.Compare(a.TicketID, b.TicketID))
	})
	return slices.CompactFunc(all, func(a, b ticket.Draft) bool { return a.Kind == b.Kind }), nil
}

// DropDraft implements ticket.DraftTx.
func (t *deskTx) DropDraft(ctx context.Context, ticketID string, user account.ID, kind ticket.MessageKind) error {
	all, err := t.Drafts(ctx, ticketID, user)
	for _, r := range all {
		if r.Kind == kind {
			drop(t, t.drafts, draftKey{r.TicketID, user, kind})
		}
	}
	return err
}

// setCallback changes a callback of the store.
func (t *deskTx) setCallback(c callback.Callback) { set(t, t.m.callbacks, c.ID, c) }

// setCall changes the record of a call.
func (t *deskTx) setCall(row *callRow, change func(*call.Record)) {
	was := row.record
	t.undo = append(t.undo, func() { row.record = was })
	change(&row.record)
}
