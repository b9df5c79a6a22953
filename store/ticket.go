package store

import (
	"context"
	"time"

	"pickup/call"
	"pickup/internal/id"
	"pickup/ticket"
)

const contactColumns = `id, name, language, created_at`

func scanContact(row scanner) (ticket.Contact, error) {
	var c ticket.Contact
	err := row.Scan(&c.ID, &c.Name, &c.Language, moment{&c.CreatedAt})
	return c, err
}

const ticketColumns = `id, number, contact_id, subject, type, category, state, priority, queue, assignee_id, language, channel,
	created_at, updated_at`

func scanTicket(row scanner) (ticket.Ticket, error) {
	var k ticket.Ticket
	err := row.Scan(&k.ID, &k.Number, &k.ContactID, &k.Subject, &k.Type, &k.Category, &k.State, &k.Priority, &k.Queue,
		&k.AssigneeID, &k.Language, &k.Channel, moment{&k.CreatedAt}, moment{&k.UpdatedAt})
	return k, err
}

// linkTx is the running transaction as ticket's decisions see it.
type linkTx struct{ *tx }

// ContactOf implements ticket.Tx. A verified identity goes before one that was
// only claimed, then the oldest contact.
func (l linkTx) ContactOf(ctx context.Context, i ticket.Identity) (ticket.Contact, bool, error) {
	all, err := list(ctx, l, scanContact, `SELECT c.id, c.name, c.language, c.created_at
		FROM contact_identities i JOIN contacts c ON c.id = i.contact_id
		WHERE i.kind = $1 AND i.value_norm = $2 AND c.erased_at IS NULL
		ORDER BY CASE WHEN i.verified_at IS NULL THEN 1 ELSE 0 END, i.created_at, i.id LIMIT 1`, i.Kind, i.Value)
	if err != nil || len(all) == 0 {
		return ticket.Contact{}, false, err
	}
	return all[0], true, nil
}

// AddContact implements ticket.Tx.
func (l linkTx) AddContact(_ context.Context, c ticket.Contact, ids ...ticket.Identity) error {
	at := c.CreatedAt.UnixMilli()
	_, err := l.exec(`INSERT INTO contacts (id, name, language, created_at, updated_at) VALUES ($1, $2, $3, $4, $5)`,
		c.ID, c.Name, c.Language, at, at)
	if err != nil {
		return err
	}
	for _, i := range ids {
		var verified any
		if i.Verified {
			verified = at
		}
		_, err := l.exec(`INSERT INTO contact_identities (id, contact_id, kind, value_norm, value_raw, verified_at, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`, id.New(), c.ID, i.Kind, i.Value, i.Raw, verified, at)
		if err != nil {
			return err
		}
	}
	return nil
}

// OpenTicket implements ticket.Tx.
func (l linkTx) OpenTicket(ctx context.Context, contactID, category string, since time.Time) (ticket.Ticket, bool, error) {
	all, err := list(ctx, l, scanTicket, `SELECT `+ticketColumns+` FROM tickets
		WHERE contact_id = $1 AND category = $2 AND created_at >= $3 AND state IN ('new', 'open', 'pending_customer', 'on_hold')
		ORDER BY created_at DESC, number DESC LIMIT 1`, contactID, category, since.UnixMilli())
	if err != nil || len(all) == 0 {
		return ticket.Ticket{}, false, err
	}
	return all[0], true, nil
}

// SaveTicket implements ticket.Tx.
func (l linkTx) SaveTicket(_ context.Context, k ticket.Ticket) (ticket.Ticket, error) {
	if k.Number == 0 {
		var err error
		if k.Number, err = l.next("ticket"); err != nil {
			return ticket.Ticket{}, err
		}
	}
	_, err := l.exec(`INSERT INTO tickets (`+ticketColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT (id) DO UPDATE SET contact_id = excluded.contact_id, subject = excluded.subject, type = excluded.type,
			category = excluded.category, state = excluded.state, priority = excluded.priority, queue = excluded.queue,
			assignee_id = excluded.assignee_id, language = excluded.language, updated_at = excluded.updated_at,
			version = tickets.version + 1`,
		k.ID, k.Number, k.ContactID, k.Subject, k.Type, k.Category, k.State, k.Priority, k.Queue, k.AssigneeID, k.Language,
		k.Channel, k.CreatedAt.UnixMilli(), k.UpdatedAt.UnixMilli())
	return k, err
}

// AddEvents implements ticket.Tx.
func (l linkTx) AddEvents(_ context.Context, ticketID string, events ...call.TimelineEvent) error {
	for i := range events {
		e := &events[i]
		detail, err := detailText(e.Detail)
		if err != nil {
			return err
		}
		_, err = l.exec(`INSERT INTO ticket_events (ticket_id, seq, at, kind, actor, detail)
			VALUES ($1, (SELECT COALESCE(MAX(seq), 0) + 1 FROM ticket_events WHERE ticket_id = $1), $2, $3, $4, $5)`,
			ticketID, e.At.UnixMilli(), e.Kind, e.Actor, detail)
		if err != nil {
			return err
		}
	}
	return nil
}

// TicketFilter chooses tickets. Empty fields choose all.
type TicketFilter struct {
	States     []ticket.State
	ContactID  string
	AssigneeID string
	Category   string
	Queue      string
	Page
}

// Tickets returns tickets, newest first, and the cursor of the next page.
func (s *Store) Tickets(ctx context.Context, c TicketFilter) ([]ticket.Ticket, string, error) {
	var f filter
	in(&f, "state", c.States)
	f.equal("contact_id", c.ContactID)
	f.equal("assignee_id", c.AssigneeID)
	f.equal("category", c.Category)
	f.equal("queue", c.Queue)
	tail, err := f.page(c.Page, "created_at")
	if err != nil {
		return nil, "", err
	}
	all, err := list(ctx, s.read, scanTicket, `SELECT `+ticketColumns+` FROM tickets`+tail, f.args...)
	all, next := Cut(all, c.Page, func(k ticket.Ticket) (time.Time, string) { return k.CreatedAt, k.ID })
	return all, next, failed("read tickets", err)
}

// TicketDetail is a ticket with its story.
type TicketDetail struct {
	Ticket     ticket.Ticket
	Contact    ticket.Contact
	Calls      []call.ID // oldest first
	Recordings []string  // ids, oldest first
	Events     []call.TimelineEvent
}

// Ticket returns a ticket with its story, or ErrNotFound.
func (s *Store) Ticket(ctx context.Context, id string) (TicketDetail, error) {
	var d TicketDetail
	var err error
	if d.Ticket, err = first(ctx, s.read, scanTicket, `SELECT `+ticketColumns+` FROM tickets WHERE id = $1`, id); err != nil {
		return TicketDetail{}, failed("read a ticket", err)
	}
	d.Contact, err = first(ctx, s.read, scanContact, `SELECT `+contactColumns+` FROM contacts WHERE id = $1`, d.Ticket.ContactID)
	if err != nil {
		return TicketDetail{}, failed("read the contact of a ticket", err)
	}
	d.Calls, err = list(ctx, s.read, func(row scanner) (c call.ID, err error) { err = row.Scan(&c); return c, err },
		`SELECT id FROM calls WHERE ticket_id = $1 ORDER BY arrived_at, id`, id)
	if err != nil {
		return TicketDetail{}, failed("read the calls of a ticket", err)
	}
	d.Recordings, err = list(ctx, s.read, func(row scanner) (r string, err error) { err = row.Scan(&r); return r, err },
		`SELECT r.id FROM recordings r JOIN calls c ON c.id = r.call_id WHERE c.ticket_id = $1 ORDER BY r.started_at, r.id`, id)
	if err != nil {
		return TicketDetail{}, failed("read the recordings of a ticket", err)
	}
	d.Events, err = list(ctx, s.read, scanEvent,
		`SELECT at, kind, actor, detail FROM ticket_events WHERE ticket_id = $1 ORDER BY seq`, id)
	return d, failed("read the timeline of a ticket", err)
}

// ContactFilter chooses contacts. An Identity with an empty Kind chooses all.
type ContactFilter struct {
	Identity ticket.Identity // Kind and Value
	Page
}

// Contacts returns contacts, newest first, and the cursor of the next page.
func (s *Store) Contacts(ctx context.Context, c ContactFilter) ([]ticket.Contact, string, error) {
	var f filter
	if c.Identity.Kind != "" {
		f.add("id IN (SELECT contact_id FROM contact_identities WHERE kind = ? AND value_norm = ?)", c.Identity.Kind, c.Identity.Value)
	}
	tail, err := f.page(c.Page, "created_at")
	if err != nil {
		return nil, "", err
	}
	all, err := list(ctx, s.read, scanContact, `SELECT `+contactColumns+` FROM contacts`+tail, f.args...)
	all, next := Cut(all, c.Page, func(c ticket.Contact) (time.Time, string) { return c.CreatedAt, c.ID })
	return all, next, failed("read contacts", err)
}

// Interaction is one attempt of a contact to reach us, or of us to reach him.
type Interaction struct {
	ID         string // that of the call
	Channel    call.Channel
	Direction  call.Direction
	TicketID   string
	Queue      string
	StartedAt  time.Time
	AnsweredAt time.Time // the bridge
	EndedAt    time.Time
	EndReason  call.EndReason
	HandledBy  string // account.ID
}

// ContactDetail is a contact with what we know of him.
type ContactDetail struct {
	Contact      ticket.Contact
	Identities   []ticket.Identity
	Interactions []Interaction // newest first, MaxLimit at most
}

// Contact returns a contact with identities and interactions, or ErrNotFound.
func (s *Store) Contact(ctx context.Context, id string) (ContactDetail, error) {
	var d ContactDetail
	var err error
	if d.Contact, err = first(ctx, s.read, scanContact, `SELECT `+contactColumns+` FROM contacts WHERE id = $1`, id); err != nil {
		return ContactDetail{}, failed("read a contact", err)
	}
	d.Identities, err = list(ctx, s.read, func(row scanner) (i ticket.Identity, err error) {
		var verified time.Time
		err = row.Scan(&i.Kind, &i.Value, &i.Raw, moment{&verified})
		i.Verified = !verified.IsZero()
		return i, err
	}, `SELECT kind, value_norm, value_raw, verified_at FROM contact_identities WHERE contact_id = $1 ORDER BY created_at, id`, id)
	if err != nil {
		return ContactDetail{}, failed("read the identities of a contact", err)
	}
	d.Interactions, err = list(ctx, s.read, func(row scanner) (i Interaction, err error) {
		err = row.Scan(&i.ID, &i.Channel, &i.Direction, &i.TicketID, &i.Queue, moment{&i.StartedAt}, moment{&i.AnsweredAt},
			moment{&i.EndedAt}, &i.EndReason, &i.HandledBy)
		return i, err
	}, `SELECT id, channel, direction, ticket_id, queue, started_at, answered_at, ended_at, end_reason, handled_by FROM interactions
		WHERE contact_id = $1 ORDER BY started_at DESC, id DESC LIMIT 500`, id)
	return d, failed("read the interactions of a contact", err)
}
