package store

import (
	"context"
	"strings"

	"pickup/account"
	"pickup/ticket"
)

// Sizes of the parts in which an old database is indexed.
const (
	oldTickets = 200 // tickets in a transaction
	oldDocs    = 100 // documents in a statement
)

// IndexOld indexes what was stored by a version that had no search, in parts; a
// process that dies goes on where it was. It is called once when the database
// was opened.
func (s *Store) IndexOld(ctx context.Context) error {
	for {
		n := 0
		err := s.act(ctx, "index the tickets of an older version", func(t *tx) (err error) {
			n, err = indexSome(t)
			return err
		})
		if err != nil || n < oldTickets {
			return err
		}
	}
}

// indexSome indexes the next tickets that have no document, and returns how many.
func indexSome(t *tx) (int, error) {
	var after string
	err := t.row(`SELECT COALESCE(MAX(object_id), '') FROM search_docs WHERE kind = 'ticket'`, nil, &after)
	if err != nil {
		return 0, err
	}
	all, err := list(t.ctx, t, scanTicket, `SELECT `+ticketColumns+` FROM tickets WHERE id > $1
		AND NOT EXISTS (SELECT 1 FROM search_docs WHERE kind = 'ticket' AND object_id = tickets.id AND locale = '')
		ORDER BY id LIMIT $2`, after, oldTickets)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	docs, err := oldDocsOf(t, all)
	if err != nil {
		return 0, err
	}
	return len(all), fillDocs(t, docs)
}

// oldDocsOf are the documents of tickets and of their messages.
func oldDocsOf(t *tx, all []ticket.Ticket) ([]Doc, error) {
	ids, contacts := ticketIDs(all), make([]string, len(all))
	for i := range all {
		contacts[i] = all[i].ContactID
	}
	owners := map[string][]account.ID{}
	for i := range all {
		if a := all[i].AssigneeID; a != "" {
			owners[all[i].ID] = append(owners[all[i].ID], account.ID(a))
		}
	}
	var f filter
	in(&f, "ticket_id", ids)
	handlers, err := list(t.ctx, t, scanPair, `SELECT DISTINCT ticket_id, handled_by FROM interactions`+f.where()+` AND handled_by <> ''`, f.args...)
	if err != nil {
		return nil, err
	}
	for _, h := range handlers {
		owners[h.key] = append(owners[h.key], account.ID(h.value))
	}
	tags, err := list(t.ctx, t, scanPair, `SELECT k.ticket_id, g.name FROM ticket_tags k JOIN tags g ON g.id = k.tag_id`+f.where(), f.args...)
	if err != nil {
		return nil, err
	}
	for _, g := range tags {
		for i := range all {
			if all[i].ID == g.key {
				all[i].Tags = append(all[i].Tags, g.value)
			}
		}
	}
	people, known, err := whoAre(t, contacts)
	if err != nil {
		return nil, err
	}
	docs := make([]Doc, 0, 10*len(all))
	for _, k := range all {
		owners[k.ID] = sortedOnce(owners[k.ID])
		docs = append(docs, ticketDoc(k, people[k.ContactID], known[k.ContactID], owners[k.ID]))
	}
	said, err := list(t.ctx, t, scanMessage, `SELECT `+messageColumns+` FROM messages`+f.where()+` ORDER BY pos`, f.args...)
	if err != nil {
		return nil, err
	}
	for _, m := range said {
		docs = append(docs, messageDoc(m, owners[m.TicketID]))
	}
	return docs, nil
}

// whoAre reads contacts and what they are known by.
func whoAre(t *tx, contacts []string) (map[string]ticket.Contact, map[string][]ticket.Identity, error) {
	people, known := map[string]ticket.Contact{}, map[string][]ticket.Identity{}
	var f filter
	in(&f, "id", contacts)
	rows, err := list(t.ctx, t, scanContact, `SELECT `+contactColumns+` FROM contacts`+f.where(), f.args...)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range rows {
		people[c.ID] = c
	}
	f = filter{}
	in(&f, "contact_id", contacts)
	addresses, err := list(t.ctx, t, func(row scanner) (a [3]string, err error) {
		err = row.Scan(&a[0], &a[1], &a[2])
		return a, err
	}, `SELECT contact_id, kind, value_norm FROM contact_identities`+f.where()+` ORDER BY created_at, id`, f.args...)
	for _, a := range addresses {
		known[a[0]] = append(known[a[0]], ticket.Identity{Kind: a[1], Value: a[2]})
	}
	return people, known, err
}

// fillDocs stores documents that are not there yet: all rows, then all words.
func fillDocs(t *tx, docs []Doc) error {
	var last int64
	if err := t.row(`UPDATE counters SET value = value + $1 WHERE name = 'search' RETURNING value`, []any{len(docs)}, &last); err != nil {
		return err
	}
	next := last - int64(len(docs)) + 1
	for _, row := range [...]struct {
		batch int
		query func(n int) string
		args  func(docID int64, d Doc) []any
	}{
		{oldDocs, docRows, func(docID int64, d Doc) []any {
			return []any{docID, d.Kind, d.ID, d.TicketID, d.Locale, strings.Join(ownerWords(d.Owners), " ")}
		}},
		{t.dialect.Search.Batch, t.dialect.Search.Put, func(docID int64, d Doc) []any { return t.words(docID, d, ownerWords(d.Owners)) }},
	} {
		for at := 0; at < len(docs); {
			n := row.batch
			if len(docs)-at < n {
				n = 1 // few texts of statements, which are prepared
			}
			var args []any
			for i := range n {
				args = append(args, row.args(next+int64(at+i), docs[at+i])...)
			}
			if _, err := t.exec(row.query(n), args...); err != nil {
				return err
			}
			at += n
		}
	}
	return nil
}

// docRows is the statement that inserts n rows of documents.
func docRows(n int) string {
	return `INSERT INTO search_docs (id, kind, object_id, ticket_id, locale, owners) VALUES ` + rowsOf(n, 6)
}
