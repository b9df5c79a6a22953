package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"time"

	"pickup/account"
	"pickup/internal/id"
	"pickup/ticket"
)

// deskTx is the running transaction as the desk's decisions see it. What they
// change is put into the search index by flush, before the commit.
type deskTx struct {
	*tx
	index *indexer
}

func newDeskTx(t *tx) deskTx { return deskTx{tx: t, index: newIndexer()} }

// Desk implements ticket.Store.
func (s *Store) Desk(ctx context.Context, act func(ticket.DeskTx) error) error {
	return s.act(ctx, "change the desk", func(t *tx) error {
		d := newDeskTx(t)
		if err := act(d); err != nil {
			return err
		}
		return d.index.flush(t)
	})
}

// LookDesk implements ticket.Store. It holds a connection of the read pool.
func (s *Store) LookDesk(ctx context.Context, act func(ticket.DeskTx) error) error {
	const doing = "look at the desk"
	conn, err := s.read.Conn(ctx)
	if err != nil {
		return failed(doing, err)
	}
	defer conn.Close() //nolint:errcheck // it goes back to its pool
	dialect := s.dialect
	dialect.Prepare = false // its statements would stay with the connection
	t := &tx{ctx: ctx, conn: conn, dialect: dialect}
	if err := t.run(dialect.BeginRead); err != nil {
		return failed(doing, err)
	}
	err = act(newDeskTx(t))
	if _, bad := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK"); bad != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // nobody gets it inside a transaction
	}
	return failed(doing, err)
}

// alone reads at most one row.
func alone[T any](rows []T, err error) (one T, ok bool, _ error) {
	if err != nil || len(rows) == 0 {
		return one, false, err
	}
	return rows[0], true, nil
}

// Contact implements ticket.PeopleTx.
func (d deskTx) Contact(ctx context.Context, contactID string) (ticket.Contact, bool, error) {
	return contactFollowed(ctx, d, contactID)
}

// contactFollowed reads a contact, or who took him over.
func contactFollowed(ctx context.Context, q querier, contactID string) (c ticket.Contact, ok bool, err error) {
	for range 100 {
		c, ok, err = contactRow(ctx, q, contactID)
		if err != nil || !ok || c.MergedInto == "" {
			return c, ok, err
		}
		contactID = c.MergedInto
	}
	return ticket.Contact{}, false, fmt.Errorf("contact %s was merged in a circle", contactID)
}

func contactRow(ctx context.Context, q querier, contactID string) (ticket.Contact, bool, error) {
	return alone(list(ctx, q, scanContact, `SELECT `+contactColumns+` FROM contacts WHERE id = $1`, contactID))
}

// MergedContact implements ticket.PeopleTx.
func (d deskTx) MergedContact(ctx context.Context, contactID string) (ticket.Contact, bool, error) {
	return contactRow(ctx, d, contactID)
}

// Identities implements ticket.PeopleTx.
func (d deskTx) Identities(ctx context.Context, contactID string) ([]ticket.Identity, error) {
	return identities(ctx, d, contactID)
}

func scanIdentity(row scanner) (i ticket.Identity, err error) {
	var verified time.Time
	err = row.Scan(&i.Kind, &i.Value, &i.Raw, moment{&verified}, &i.Undeliverable)
	i.Verified = !verified.IsZero()
	return i, err
}

func identities(ctx context.Context, q querier, contactID string) ([]ticket.Identity, error) {
	return list(ctx, q, scanIdentity, `SELECT kind, value_norm, value_raw, verified_at, undeliverable FROM contact_identities
		WHERE contact_id = $1 ORDER BY created_at, id`, contactID)
}

// AddIdentity implements ticket.PeopleTx.
func (d deskTx) AddIdentity(_ context.Context, contactID string, i ticket.Identity, at time.Time) error {
	d.index.contacts[contactID] = true
	var verified any
	if i.Verified {
		verified = at.UnixMilli()
	}
	_, err := d.exec(`INSERT INTO contact_identities (id, contact_id, kind, value_norm, value_raw, verified_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (contact_id, kind, value_norm) DO UPDATE SET
			verified_at = COALESCE(contact_identities.verified_at, excluded.verified_at)`,
		id.New(), contactID, i.Kind, i.Value, i.Raw, verified, at.UnixMilli())
	return err
}

// SaveContact implements ticket.PeopleTx.
func (d deskTx) SaveContact(_ context.Context, c ticket.Contact, at time.Time) error {
	d.index.contacts[c.ID] = true
	return d.one(`UPDATE contacts SET name = $1, language = $2, merged_into = $3, updated_at = $4, version = version + 1 WHERE id = $5`,
		c.Name, c.Language, orNull(c.MergedInto), at.UnixMilli(), c.ID)
}

// Ticket implements ticket.CaseTx.
func (d deskTx) Ticket(ctx context.Context, ticketID string) (ticket.Ticket, bool, error) {
	return ticketRow(ctx, d, `SELECT `+ticketColumns+` FROM tickets WHERE id = $1`, ticketID)
}

// TicketNumber implements ticket.CaseTx.
func (d deskTx) TicketNumber(ctx context.Context, number int64) (ticket.Ticket, bool, error) {
	return ticketRow(ctx, d, `SELECT `+ticketColumns+` FROM tickets WHERE number = $1`, number)
}

// ticketRow reads one ticket with its tags.
func ticketRow(ctx context.Context, q querier, query string, key any) (ticket.Ticket, bool, error) {
	k, ok, err := alone(list(ctx, q, scanTicket, query, key))
	if err != nil || !ok {
		return k, ok, err
	}
	k.Tags, err = tagsOf(ctx, q, k.ID)
	return k, true, err
}

func scanText(row scanner) (s string, err error) { err = row.Scan(&s); return s, err }

func tagsOf(ctx context.Context, q querier, ticketID string) ([]string, error) {
	all, err := list(ctx, q, scanText, `SELECT g.name FROM ticket_tags t JOIN tags g ON g.id = t.tag_id WHERE t.ticket_id = $1`, ticketID)
	slices.Sort(all) // the engines may sort text differently
	return all, err
}

// OpenTickets implements ticket.CaseTx.
func (d deskTx) OpenTickets(ctx context.Context, contactID string) ([]ticket.Ticket, error) {
	return list(ctx, d, scanTicket, `SELECT `+ticketColumns+` FROM tickets
		WHERE contact_id = $1 AND state IN ('new', 'open', 'pending_customer', 'on_hold') ORDER BY created_at DESC, number DESC`, contactID)
}

// FollowUps implements ticket.CaseTx.
func (d deskTx) FollowUps(ctx context.Context, ticketID, contactID string) ([]ticket.Ticket, error) {
	return list(ctx, d, scanTicket, `WITH RECURSIVE later(id) AS (
			SELECT from_id FROM ticket_links WHERE to_id = $1 AND kind = 'follow_up'
			UNION SELECT l.from_id FROM ticket_links l JOIN later ON l.to_id = later.id WHERE l.kind = 'follow_up')
		SELECT `+ticketColumns+` FROM tickets WHERE id IN (SELECT id FROM later) AND contact_id = $2
		ORDER BY created_at DESC, number DESC`, ticketID, contactID)
}

// SolvedBefore implements ticket.CaseTx.
func (d deskTx) SolvedBefore(ctx context.Context, at time.Time, limit int) ([]ticket.Ticket, error) {
	return list(ctx, d, scanTicket, `SELECT `+ticketColumns+` FROM tickets WHERE state = 'solved' AND solved_at < $1
		ORDER BY solved_at, id LIMIT $2`, at.UnixMilli(), limit)
}

// SetTags implements ticket.CaseTx.
func (d deskTx) SetTags(ctx context.Context, ticketID string, tags []string) error {
	d.index.tickets[ticketID] = true
	tags, err := ticket.Tags(tags)
	if err != nil {
		return err
	}
	if _, err := d.exec(`DELETE FROM ticket_tags WHERE ticket_id = $1`, ticketID); err != nil {
		return err
	}
	for _, name := range tags {
		if _, err := d.exec(`INSERT INTO tags (id, name) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, id.New(), name); err != nil {
			return err
		}
		_, err := d.exec(`INSERT INTO ticket_tags (ticket_id, tag_id) SELECT $1, id FROM tags WHERE name = $2`, ticketID, name)
		if err != nil {
			return err
		}
	}
	return nil
}

// LinkTickets implements ticket.CaseTx.
func (d deskTx) LinkTickets(_ context.Context, l ticket.Link) error {
	_, err := d.exec(`INSERT INTO ticket_links (from_id, to_id, kind, created_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (from_id, to_id, kind) DO NOTHING`, l.From, l.To, l.Kind, l.At.UnixMilli())
	return err
}

// UnlinkTickets implements ticket.CaseTx.
func (d deskTx) UnlinkTickets(_ context.Context, l ticket.Link) error {
	_, err := d.exec(`DELETE FROM ticket_links WHERE from_id = $1 AND to_id = $2 AND kind = $3`, l.From, l.To, l.Kind)
	return err
}

// SaveDraft implements ticket.DraftTx.
func (d deskTx) SaveDraft(_ context.Context, r ticket.Draft) error {
	_, err := d.exec(`INSERT INTO drafts (ticket_id, user_id, kind, body, updated_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (ticket_id, user_id, kind) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at`,
		r.TicketID, r.UserID, r.Kind, r.Body, r.UpdatedAt.UnixMilli())
	return err
}

// Drafts implements ticket.DraftTx.
func (d deskTx) Drafts(ctx context.Context, ticketID string, user account.ID) ([]ticket.Draft, error) {
	all, err := list(ctx, d, func(row scanner) (r ticket.Draft, err error) {
		err = row.Scan(&r.TicketID, &r.UserID, &r.Kind, &r.Body, moment{&r.UpdatedAt})
		return r, err
	}, `WITH RECURSIVE chain (id) AS (
			SELECT id FROM tickets WHERE id = $1
			UNION SELECT t.id FROM tickets t JOIN chain c ON t.merged_into = c.id)
		SELECT ticket_id, user_id, kind, body, updated_at FROM drafts
		WHERE ticket_id IN (SELECT id FROM chain) AND user_id = $2
		ORDER BY kind, CASE WHEN ticket_id = $1 THEN 0 ELSE 1 END, updated_at DESC, ticket_id`, ticketID, user)
	return slices.CompactFunc(all, func(a, b ticket.Draft) bool { return a.Kind == b.Kind }), err
}

// DropDraft implements ticket.DraftTx.
func (d deskTx) DropDraft(ctx context.Context, ticketID string, user account.ID, kind ticket.MessageKind) error {
	all, err := d.Drafts(ctx, ticketID, user)
	for _, r := range all {
		if r.Kind == kind && err == nil {
			_, err = d.exec(`DELETE FROM drafts WHERE ticket_id = $1 AND user_id = $2 AND kind = $3`, r.TicketID, user, kind)
		}
	}
	return err
}
