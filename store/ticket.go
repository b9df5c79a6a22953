package store

import (
	"context"
	"time"

	"pickup/call"
	"pickup/internal/id"
	"pickup/ticket"
)

const contactColumns = `id, name, language, merged_into, created_at`

func scanContact(row scanner) (ticket.Contact, error) {
	var c ticket.Contact
	err := row.Scan(&c.ID, &c.Name, &c.Language, maybe{&c.MergedInto}, moment{&c.CreatedAt})
	return c, err
}

const ticketColumns = `id, number, contact_id, subject, type, category, state, priority, queue, assignee_id, language, channel,
	created_at, updated_at, merged_into, solved_at, closed_at, reopen_count, last_pos, version`

func scanTicket(row scanner) (ticket.Ticket, error) {
	var k ticket.Ticket
	err := row.Scan(&k.ID, &k.Number, &k.ContactID, &k.Subject, &k.Type, &k.Category, &k.State, &k.Priority, &k.Queue,
		&k.AssigneeID, &k.Language, &k.Channel, moment{&k.CreatedAt}, moment{&k.UpdatedAt}, maybe{&k.MergedInto}, moment{&k.SolvedAt},
		moment{&k.ClosedAt}, &k.Reopened, &k.LastPos, &k.Version)
	return k, err
}

// ContactOf implements ticket.Tx. A verified identity goes before one that was
// only claimed, then the oldest contact.
func (d deskTx) ContactOf(ctx context.Context, i ticket.Identity) (ticket.Contact, bool, error) {
	all, err := list(ctx, d, scanContact, `SELECT c.id, c.name, c.language, c.merged_into, c.created_at
		FROM contact_identities i JOIN contacts c ON c.id = i.contact_id
		WHERE i.kind = $1 AND i.value_norm = $2 AND c.erased_at IS NULL
		ORDER BY CASE WHEN i.verified_at IS NULL THEN 1 ELSE 0 END, i.created_at, i.id LIMIT 1`, i.Kind, i.Value)
	if err != nil || len(all) == 0 || all[0].MergedInto == "" {
		return alone(all, err)
	}
	return contactFollowed(ctx, d, all[0].MergedInto)
}

// AddContact implements ticket.Tx.
func (d deskTx) AddContact(_ context.Context, c ticket.Contact, ids ...ticket.Identity) error {
	at := c.CreatedAt.UnixMilli()
	_, err := d.exec(`INSERT INTO contacts (id, name, language, created_at, updated_at) VALUES ($1, $2, $3, $4, $5)`,
		c.ID, c.Name, c.Language, at, at)
	if err != nil {
		return err
	}
	for _, i := range ids {
		var verified any
		if i.Verified {
			verified = at
		}
		_, err := d.exec(`INSERT INTO contact_identities (id, contact_id, kind, value_norm, value_raw, verified_at, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`, id.New(), c.ID, i.Kind, i.Value, i.Raw, verified, at)
		if err != nil {
			return err
		}
	}
	return nil
}

// OpenTicket implements ticket.Tx.
func (d deskTx) OpenTicket(ctx context.Context, contactID, category string, since time.Time) (ticket.Ticket, bool, error) {
	all, err := list(ctx, d, scanTicket, `SELECT `+ticketColumns+` FROM tickets
		WHERE contact_id = $1 AND category = $2 AND created_at >= $3 AND state IN ('new', 'open', 'pending_customer', 'on_hold')
		ORDER BY created_at DESC, number DESC LIMIT 1`, contactID, category, since.UnixMilli())
	if err != nil || len(all) == 0 {
		return ticket.Ticket{}, false, err
	}
	return all[0], true, nil
}

// SaveTicket implements ticket.Tx.
func (d deskTx) SaveTicket(_ context.Context, k ticket.Ticket) (ticket.Ticket, error) {
	if k.Number == 0 {
		var err error
		if k.Number, err = d.next("ticket"); err != nil {
			return ticket.Ticket{}, err
		}
	}
	d.index.tickets[k.ID] = true
	err := d.row(`INSERT INTO tickets (`+ticketColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 0, 1)
		ON CONFLICT (id) DO UPDATE SET contact_id = excluded.contact_id, subject = excluded.subject, type = excluded.type,
			category = excluded.category, state = excluded.state, priority = excluded.priority, queue = excluded.queue,
			assignee_id = excluded.assignee_id, language = excluded.language, updated_at = excluded.updated_at,
			merged_into = excluded.merged_into, solved_at = excluded.solved_at, closed_at = excluded.closed_at,
			reopen_count = excluded.reopen_count, version = tickets.version + 1
		RETURNING number, last_pos, version`, []any{
		k.ID, k.Number, k.ContactID, k.Subject, k.Type, k.Category, k.State, k.Priority, k.Queue, k.AssigneeID, k.Language,
		k.Channel, k.CreatedAt.UnixMilli(), k.UpdatedAt.UnixMilli(), orNull(k.MergedInto), msOf(k.SolvedAt), msOf(k.ClosedAt), k.Reopened,
	}, &k.Number, &k.LastPos, &k.Version)
	return k, err
}

// AddEvents implements ticket.Tx.
func (d deskTx) AddEvents(_ context.Context, ticketID string, events ...call.TimelineEvent) error {
	return addEvents(d.tx, "ticket_events", "ticket_id", ticketID, events)
}
