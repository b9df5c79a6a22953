package store

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"pickup/call"
	"pickup/ticket"
)

// SeenMail implements ticket.MailTx.
func (d deskTx) SeenMail(_ context.Context, m ticket.SeenMail) (bool, error) {
	n, err := d.exec(`INSERT INTO mail_seen (mailbox_id, message_id, body_sha256, verdict, stored_id, raw_sha256, delivered_to, seen_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (mailbox_id, message_id, body_sha256) DO NOTHING`,
		m.MailboxID, m.MessageID, m.BodySHA256, m.Verdict, m.StoredID, m.RawSHA256, m.DeliveredTo, m.At.UnixMilli())
	return n == 1, err
}

// SeenAs implements ticket.MailTx.
func (d deskTx) SeenAs(ctx context.Context, messageID string) ([]ticket.SeenMail, error) {
	return list(ctx, d, scanSeen, `SELECT mailbox_id, message_id, body_sha256, verdict, stored_id, raw_sha256, delivered_to, seen_at
		FROM mail_seen WHERE message_id = $1 ORDER BY seen_at, mailbox_id, body_sha256`, messageID)
}

func scanSeen(row scanner) (m ticket.SeenMail, err error) {
	err = row.Scan(&m.MailboxID, &m.MessageID, &m.BodySHA256, &m.Verdict, &m.StoredID, &m.RawSHA256, &m.DeliveredTo, moment{&m.At})
	return m, err
}

// MessagesByMailID implements ticket.MailTx.
func (d deskTx) MessagesByMailID(ctx context.Context, ids ...string) ([]ticket.Message, error) {
	var f filter
	f.conditions = append(f.conditions, "mail_message_id <> ''")
	f.oneOf("mail_message_id", ids)
	return messages(ctx, d, f.where()+` ORDER BY pos DESC`, f.args...)
}

const outboxColumns = `id, message_id, mail_message_id, mailbox_id, ticket_id, to_addr, subject, in_reply_to, refs, automatic, state,
	attempts, next_at, last_error, created_at`

func scanOutMail(row scanner) (m ticket.OutMail, err error) {
	err = row.Scan(&m.ID, &m.MessageID, &m.MailMessageID, &m.MailboxID, &m.TicketID, &m.To, &m.Subject, &m.InReplyTo,
		document{&m.References}, switched{&m.Automatic}, &m.State, &m.Attempts, moment{&m.NextAt}, &m.LastError, moment{&m.CreatedAt})
	if len(m.References) == 0 {
		m.References = nil
	}
	return m, err
}

// QueueMail implements ticket.MailTx.
func (d deskTx) QueueMail(_ context.Context, m ticket.OutMail) error {
	refs, err := text(append([]string{}, m.References...))
	if err != nil {
		return err
	}
	_, err = d.exec(`INSERT INTO mail_outbox (`+outboxColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		m.ID, m.MessageID, m.MailMessageID, m.MailboxID, m.TicketID, m.To, m.Subject, m.InReplyTo, refs, flag(m.Automatic), m.State,
		m.Attempts, m.NextAt.UnixMilli(), m.LastError, m.CreatedAt.UnixMilli())
	return err
}

// SaveMail implements ticket.MailTx.
func (d deskTx) SaveMail(_ context.Context, m ticket.OutMail) error {
	return d.one(`UPDATE mail_outbox SET state = $1, attempts = $2, next_at = $3, last_error = $4 WHERE id = $5`,
		m.State, m.Attempts, m.NextAt.UnixMilli(), m.LastError, m.ID)
}

// SetUndeliverable implements ticket.MailTx.
func (d deskTx) SetUndeliverable(_ context.Context, address, why string) error {
	_, err := d.exec(`UPDATE contact_identities SET undeliverable = $1 WHERE kind = 'email' AND value_norm = $2`, why, strings.ToLower(address))
	return err
}

// undeliverable fills TicketDetail.Undeliverable.
func (s *Store) undeliverable(ctx context.Context, d *TicketDetail) error {
	var f filter
	in(&f, "value_norm", MailAddresses(d.Interactions))
	f.conditions = append(f.conditions, "kind = 'email'", "undeliverable <> ''")
	found, err := list(ctx, s.read, func(row scanner) (i ticket.Identity, err error) {
		err = row.Scan(&i.Value, &i.Undeliverable)
		return i, err
	}, `SELECT value_norm, undeliverable FROM contact_identities`+f.where()+` ORDER BY created_at, id`, f.args...)
	for _, i := range found {
		if d.Undeliverable == nil {
			d.Undeliverable = map[string]string{}
		}
		d.Undeliverable[i.Value] = i.Undeliverable
	}
	return err
}

// MailAddresses are the addresses, in lower case, to which replies in threads go.
func MailAddresses(threads []ticket.Interaction) (all []string) {
	for _, i := range threads {
		if to := strings.ToLower(i.Theirs()); i.Channel == call.ChannelEmail && to != "" && !slices.Contains(all, to) {
			all = append(all, to)
		}
	}
	return all
}

// OutMailOf implements ticket.MailTx.
func (d deskTx) OutMailOf(ctx context.Context, messageID string) (ticket.OutMail, bool, error) {
	return alone(list(ctx, d, scanOutMail, `SELECT `+outboxColumns+` FROM mail_outbox WHERE message_id = $1`, messageID))
}

// Outbox returns the mails that wait to be sent and are due at an instant, the
// longest due first; those that were being sent when a process died are among
// them. A mailbox that is disabled holds its own; those of busy are left out. A
// limit of 0 is DefaultLimit.
func (s *Store) Outbox(ctx context.Context, due time.Time, limit int, busy ...string) ([]ticket.OutMail, error) {
	var f filter
	f.conditions = append(f.conditions, "state IN ('queued', 'sending')", "mailbox_id NOT IN (SELECT id FROM mailboxes WHERE enabled = 0)")
	f.add("next_at <= ?", due.UnixMilli())
	in(&f, "NOT mailbox_id", busy)
	all, err := list(ctx, s.read, scanOutMail, `SELECT `+outboxColumns+` FROM mail_outbox`+f.where()+
		` ORDER BY next_at, id LIMIT `+strconv.Itoa(Page{Limit: limit}.limit()), f.args...)
	return all, failed("read the outbox", err)
}
