package store

import (
	"context"
	"slices"

	"pickup/ticket"
)

// sets runs one statement for the rows whose column has one of ids, in parts
// that both engines take. The args are the first placeholders of query, which
// ends where the last condition begins.
func (t *tx) sets(query string, args []any, column string, ids []string) error {
	for len(ids) > 0 {
		part := ids[:min(len(ids), 500)]
		ids = ids[len(part):]
		f := filter{args: slices.Clone(args)}
		in(&f, column, part)
		if _, err := t.exec(query+f.conditions[0], f.args...); err != nil {
			return err
		}
	}
	return nil
}

// lastPos counts anew where a ticket stands after messages came or went.
func (t *tx) lastPos(ticketIDs ...string) error {
	for _, ticketID := range ticketIDs {
		_, err := t.exec(`UPDATE tickets SET last_pos = COALESCE((SELECT MAX(pos) FROM messages WHERE ticket_id = $1), 0) WHERE id = $1`,
			ticketID)
		if err != nil {
			return err
		}
	}
	return nil
}

// MoveTicket implements ticket.MergeTx.
func (d deskTx) MoveTicket(ctx context.Context, from, to string) (ticket.Moved, error) {
	d.index.moved[from], d.index.moved[to] = true, true
	m := ticket.Moved{Kind: ticket.MergeTicket, From: from, To: to}
	for _, move := range [...]struct {
		into  *[]string
		query string
	}{
		{&m.Interactions, `UPDATE interactions SET ticket_id = $1 WHERE ticket_id = $2 RETURNING id`},
		{&m.Callbacks, `UPDATE callbacks SET ticket_id = $1 WHERE ticket_id = $2 RETURNING id`},
		{&m.Messages, `UPDATE messages SET ticket_id = $1 WHERE ticket_id = $2 RETURNING id`},
	} {
		ids, err := list(ctx, d, scanText, move.query, to, from)
		if err != nil {
			return ticket.Moved{}, err
		}
		slices.Sort(ids)
		*move.into = ids
	}
	if _, err := d.exec(`UPDATE calls SET ticket_id = $1 WHERE ticket_id = $2`, to, from); err != nil {
		return ticket.Moved{}, err
	}
	return m, d.lastPos(from, to)
}

// MoveContact implements ticket.MergeTx. An identity that both have stays where
// it is on both sides; ContactOf follows the merge.
func (d deskTx) MoveContact(ctx context.Context, from, to string) (ticket.Moved, error) {
	d.index.contacts[to] = true
	m := ticket.Moved{Kind: ticket.MergeContact, From: from, To: to}
	var err error
	if m.Identities, err = identities(ctx, d, from); err != nil {
		return ticket.Moved{}, err
	}
	his, err := identities(ctx, d, to)
	if err != nil {
		return ticket.Moved{}, err
	}
	for _, i := range m.Identities {
		same := slices.IndexFunc(his, func(h ticket.Identity) bool { return h.Kind == i.Kind && h.Value == i.Value })
		if same < 0 {
			err = d.one(`UPDATE contact_identities SET contact_id = $1 WHERE contact_id = $2 AND kind = $3 AND value_norm = $4`,
				to, from, i.Kind, i.Value)
			if err != nil {
				return ticket.Moved{}, err
			}
			continue
		}
		m.Shared = append(m.Shared, his[same])
		if i.Verified {
			if err := d.prove(from, i, false); err != nil {
				return ticket.Moved{}, err
			}
			if err := d.prove(to, i, true); err != nil {
				return ticket.Moved{}, err
			}
		}
	}
	for _, move := range [...]struct {
		into  *[]string
		query string
	}{
		{&m.Tickets, `UPDATE tickets SET contact_id = $1, version = version + 1 WHERE contact_id = $2 RETURNING id`},
		{&m.Interactions, `UPDATE interactions SET contact_id = $1 WHERE contact_id = $2 RETURNING id`},
		{&m.Callbacks, `UPDATE callbacks SET contact_id = $1 WHERE contact_id = $2 AND (ended_at IS NOT NULL OR NOT EXISTS
			(SELECT 1 FROM callbacks other WHERE other.contact_id = $1 AND other.ended_at IS NULL)) RETURNING id`},
	} {
		ids, err := list(ctx, d, scanText, move.query, to, from)
		if err != nil {
			return ticket.Moved{}, err
		}
		slices.Sort(ids)
		*move.into = ids
	}
	_, err = d.exec(`UPDATE calls SET contact_id = $1 WHERE contact_id = $2`, to, from)
	return m, err
}

// prove sets or takes away the mark that an identity was proved.
func (d deskTx) prove(contactID string, i ticket.Identity, proved bool) error {
	_, err := d.exec(`UPDATE contact_identities SET verified_at = CASE WHEN $1 = 1 THEN created_at ELSE NULL END
		WHERE contact_id = $2 AND kind = $3 AND value_norm = $4`, flag(proved), contactID, i.Kind, i.Value)
	return err
}

// MoveBack implements ticket.MergeTx.
func (d deskTx) MoveBack(ctx context.Context, m ticket.Moved) error {
	if m.Kind == ticket.MergeContact {
		return d.contactBack(ctx, m)
	}
	d.index.moved[m.From], d.index.moved[m.To] = true, true
	both := []any{m.From, m.To}
	for _, move := range [...]struct {
		query, column string
		ids           []string
	}{
		{`UPDATE messages SET ticket_id = $1 WHERE ticket_id = $2 AND `, "id", m.Messages},
		{`UPDATE messages SET ticket_id = $1 WHERE ticket_id = $2 AND `, "interaction_id", m.Interactions},
		{`UPDATE calls SET ticket_id = $1 WHERE ticket_id = $2 AND `, "id", m.Interactions},
		{`UPDATE interactions SET ticket_id = $1 WHERE ticket_id = $2 AND `, "id", m.Interactions},
		{`UPDATE callbacks SET ticket_id = $1 WHERE ticket_id = $2 AND `, "id", m.Callbacks},
	} {
		if err := d.sets(move.query, both, move.column, move.ids); err != nil {
			return err
		}
	}
	return d.lastPos(m.From, m.To)
}

// contactBack undoes MoveContact.
func (d deskTx) contactBack(ctx context.Context, m ticket.Moved) error {
	d.index.contacts[m.From], d.index.contacts[m.To] = true, true
	both := []any{m.From, m.To}
	for _, move := range [...]struct {
		query, column string
		ids           []string
	}{
		{`UPDATE tickets SET contact_id = $1, version = version + 1 WHERE contact_id = $2 AND `, "id", m.Tickets},
		{`UPDATE interactions SET contact_id = $1 WHERE contact_id = $2 AND `, "id", m.Interactions},
		{`UPDATE calls SET contact_id = $1 WHERE contact_id = $2 AND `, "id", m.Interactions},
		{`UPDATE interactions SET contact_id = $1 WHERE contact_id = $2 AND `, "ticket_id", m.Tickets},
		{`UPDATE calls SET contact_id = $1 WHERE contact_id = $2 AND `, "ticket_id", m.Tickets},
		{`UPDATE callbacks SET contact_id = $1 WHERE contact_id = $2 AND `, "id", m.Callbacks},
	} {
		if err := d.sets(move.query, both, move.column, move.ids); err != nil {
			return err
		}
	}
	for _, was := range m.Shared {
		if err := d.prove(m.To, was, was.Verified); err != nil {
			return err
		}
	}
	for _, i := range m.Identities {
		if slices.ContainsFunc(m.Shared, func(s ticket.Identity) bool { return s.Kind == i.Kind && s.Value == i.Value }) {
			if i.Verified {
				if err := d.prove(m.From, i, true); err != nil {
					return err
				}
			}
			continue
		}
		_, err := d.exec(`UPDATE contact_identities SET contact_id = $1 WHERE contact_id = $2 AND kind = $3 AND value_norm = $4`,
			m.From, m.To, i.Kind, i.Value)
		if err != nil {
			return err
		}
	}
	return nil
}

// MoveMessages implements ticket.MergeTx.
func (d deskTx) MoveMessages(ctx context.Context, fromInteraction, toInteraction, toTicket string, from int64) error {
	thread, ok, err := d.Interaction(ctx, fromInteraction)
	if err != nil {
		return err
	}
	if !ok {
		return ErrNotFound
	}
	_, err = d.exec(`UPDATE messages SET interaction_id = $1, ticket_id = $2 WHERE interaction_id = $3 AND seq >= $4`,
		toInteraction, toTicket, fromInteraction, from)
	if err != nil {
		return err
	}
	d.index.moved[thread.TicketID], d.index.moved[toTicket] = true, true
	return d.lastPos(thread.TicketID, toTicket)
}

// mergeDetail is what is stored of a merge beside its names.
type mergeDetail struct {
	Moved  ticket.Moved       `json:"moved"`
	Before [2]ticket.Standing `json:"before"`
	After  ticket.Standing    `json:"after"`
}

// SaveMerge implements ticket.MergeLog.
func (d deskTx) SaveMerge(_ context.Context, m ticket.Merge) error {
	detail, err := text(mergeDetail{Moved: m.Moved, Before: m.Before, After: m.After})
	if err != nil {
		return err
	}
	_, err = d.exec(`INSERT INTO merges (id, kind, winner_id, loser_id, by_id, reason, at, undone_at, detail)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET undone_at = excluded.undone_at`,
		m.ID, m.Kind, m.WinnerID, m.LoserID, m.By, m.Reason, m.At.UnixMilli(), msOf(m.UndoneAt), detail)
	return err
}

func scanMerge(row scanner) (m ticket.Merge, err error) {
	var detail mergeDetail
	err = row.Scan(&m.ID, &m.Kind, &m.WinnerID, &m.LoserID, &m.By, &m.Reason, moment{&m.At}, moment{&m.UndoneAt}, document{&detail})
	m.Moved, m.Before, m.After = detail.Moved, detail.Before, detail.After
	return m, err
}

// LastMerge implements ticket.MergeLog.
func (d deskTx) LastMerge(ctx context.Context, kind, loserID string) (ticket.Merge, bool, error) {
	return alone(list(ctx, d, scanMerge, `SELECT id, kind, winner_id, loser_id, by_id, reason, at, undone_at, detail FROM merges
		WHERE kind = $1 AND loser_id = $2 AND undone_at IS NULL ORDER BY at DESC, id DESC LIMIT 1`, kind, loserID))
}
