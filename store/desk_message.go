package store

import (
	"context"
	"time"

	"pickup/ticket"
)

const interactionColumns = `id, channel, direction, contact_id, ticket_id, queue, subject, from_addr, to_addr, language, mailbox_id,
	started_at, queued_at, answered_at, ended_at, end_reason, handled_by, waiting_since, first_reply_ms, replies, reply_sum_ms,
	reply_max_ms, last_seq, version`

func scanInteraction(row scanner) (ticket.Interaction, error) {
	var i ticket.Interaction
	err := row.Scan(&i.ID, &i.Channel, &i.Direction, &i.ContactID, &i.TicketID, &i.Queue, &i.Subject, &i.From, &i.To, &i.Language,
		&i.MailboxID, moment{&i.StartedAt}, moment{&i.QueuedAt}, moment{&i.AnsweredAt}, moment{&i.EndedAt}, &i.EndReason, &i.HandledBy,
		moment{&i.WaitingSince}, span{&i.FirstReply, time.Millisecond}, &i.Replies, span{&i.ReplySum, time.Millisecond},
		span{&i.ReplyMax, time.Millisecond}, &i.LastSeq, &i.Version)
	return i, err
}

// Interaction implements ticket.InteractionTx.
func (d deskTx) Interaction(ctx context.Context, interactionID string) (ticket.Interaction, bool, error) {
	return alone(list(ctx, d, scanInteraction, `SELECT `+interactionColumns+` FROM interactions WHERE id = $1`, interactionID))
}

// Interactions implements ticket.InteractionTx.
func (d deskTx) Interactions(ctx context.Context, ticketID string) ([]ticket.Interaction, error) {
	return interactionsOf(ctx, d, ticketID)
}

func interactionsOf(ctx context.Context, q querier, ticketID string) ([]ticket.Interaction, error) {
	return list(ctx, q, scanInteraction, `SELECT `+interactionColumns+` FROM interactions WHERE ticket_id = $1
		ORDER BY started_at, id`, ticketID)
}

// SaveInteraction implements ticket.InteractionTx.
func (d deskTx) SaveInteraction(ctx context.Context, i ticket.Interaction) error {
	before, ok, err := d.Interaction(ctx, i.ID)
	if err != nil {
		return err
	}
	if !ok && i.HandledBy != "" || ok && (before.HandledBy != i.HandledBy || before.TicketID != i.TicketID) {
		d.index.tickets[i.TicketID] = true
		d.index.tickets[before.TicketID] = true
	}
	return writeInteraction(d.tx, i)
}

// writeInteraction inserts or updates; last_seq never becomes less.
func writeInteraction(t *tx, i ticket.Interaction) error {
	_, err := t.exec(`INSERT INTO interactions (`+interactionColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, 1)
		ON CONFLICT (id) DO UPDATE SET contact_id = excluded.contact_id, ticket_id = excluded.ticket_id, queue = excluded.queue,
			subject = excluded.subject, from_addr = excluded.from_addr, to_addr = excluded.to_addr, language = excluded.language,
			mailbox_id = excluded.mailbox_id, queued_at = excluded.queued_at, answered_at = excluded.answered_at,
			ended_at = excluded.ended_at, end_reason = excluded.end_reason, handled_by = excluded.handled_by,
			waiting_since = excluded.waiting_since, first_reply_ms = excluded.first_reply_ms, replies = excluded.replies,
			reply_sum_ms = excluded.reply_sum_ms, reply_max_ms = excluded.reply_max_ms,
			last_seq = CASE WHEN interactions.last_seq > excluded.last_seq THEN interactions.last_seq ELSE excluded.last_seq END,
			version = interactions.version + 1`,
		i.ID, i.Channel, i.Direction, i.ContactID, i.TicketID, i.Queue, i.Subject, i.From, i.To, i.Language, i.MailboxID,
		i.StartedAt.UnixMilli(), msOf(i.QueuedAt), msOf(i.AnsweredAt), msOf(i.EndedAt), i.EndReason, i.HandledBy,
		msOf(i.WaitingSince), i.FirstReply.Milliseconds(), i.Replies, i.ReplySum.Milliseconds(), i.ReplyMax.Milliseconds(), i.LastSeq)
	return err
}

const messageColumns = `id, pos, seq, interaction_id, ticket_id, kind, author_id, body_text, body_quoted, body_html, client_id,
	mail_message_id, automatic, status, created_at, edited_at`

func scanMessage(row scanner) (ticket.Message, error) {
	var m ticket.Message
	err := row.Scan(&m.ID, &m.Pos, &m.Seq, &m.InteractionID, &m.TicketID, &m.Kind, &m.AuthorID, &m.Text, &m.Quoted, &m.HTML, &m.ClientID,
		&m.MailMessageID, switched{&m.Automatic}, &m.Status, moment{&m.CreatedAt}, moment{&m.EditedAt})
	return m, err
}

// messages reads messages by the end of a query, with their attachments.
func messages(ctx context.Context, q querier, tail string, args ...any) ([]ticket.Message, error) {
	all, err := list(ctx, q, scanMessage, `SELECT `+messageColumns+` FROM messages `+tail, args...)
	if err != nil {
		return nil, err
	}
	return all, attachmentsOf(ctx, q, all)
}

const attachmentColumns = `id, message_id, name, mime, size, sha256, content_id, owner_id, created_at`

func scanAttachment(row scanner) (ticket.Attachment, error) {
	var a ticket.Attachment
	err := row.Scan(&a.ID, &a.MessageID, &a.Name, &a.MIME, &a.Size, &a.SHA256, &a.ContentID, &a.OwnerID, moment{&a.CreatedAt})
	return a, err
}

// attachmentsOf fills the attachments of messages.
func attachmentsOf(ctx context.Context, q querier, all []ticket.Message) error {
	at := make(map[string]int, len(all))
	ids := make([]string, 0, len(all))
	for i := range all {
		at[all[i].ID] = i
		ids = append(ids, all[i].ID)
	}
	for len(ids) > 0 {
		part := ids[:min(len(ids), 500)]
		ids = ids[len(part):]
		var f filter
		in(&f, "message_id", part)
		files, err := list(ctx, q, scanAttachment, `SELECT `+attachmentColumns+` FROM attachments`+f.where()+` ORDER BY message_id, place, id`,
			f.args...)
		if err != nil {
			return err
		}
		for _, a := range files {
			m := &all[at[a.MessageID]]
			m.Attachments = append(m.Attachments, a)
		}
	}
	return nil
}

// scopeOf is where a client id is unique.
func scopeOf(interactionID, ticketID string) string {
	if interactionID != "" {
		return interactionID
	}
	return "ticket:" + ticketID
}

// AddMessage implements ticket.MessageTx.
func (d deskTx) AddMessage(ctx context.Context, m ticket.Message) (ticket.Message, bool, error) {
	if m.ClientID != "" {
		old, ok, err := d.MessageByClient(ctx, m.InteractionID, m.TicketID, m.ClientID)
		if err != nil || ok {
			return old, ok, err
		}
	}
	var err error
	if m.Pos, err = d.next("message"); err != nil {
		return ticket.Message{}, false, err
	}
	m.Seq = 0
	if m.InteractionID != "" {
		err := d.row(`UPDATE interactions SET last_seq = last_seq + 1 WHERE id = $1 RETURNING last_seq`, []any{m.InteractionID}, &m.Seq)
		if err != nil {
			return ticket.Message{}, false, failed("count a message of interaction "+m.InteractionID, err)
		}
	}
	_, err = d.exec(`INSERT INTO messages (`+messageColumns+`, client_scope)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		m.ID, m.Pos, m.Seq, m.InteractionID, m.TicketID, m.Kind, m.AuthorID, m.Text, m.Quoted, m.HTML, m.ClientID, m.MailMessageID,
		flag(m.Automatic), m.Status, m.CreatedAt.UnixMilli(), msOf(m.EditedAt), scopeOf(m.InteractionID, m.TicketID))
	if err != nil {
		return ticket.Message{}, false, err
	}
	ms := m.CreatedAt.UnixMilli()
	err = d.one(`UPDATE tickets SET last_pos = $1, updated_at = CASE WHEN updated_at < $2 THEN $2 ELSE updated_at END WHERE id = $3`,
		m.Pos, ms, m.TicketID)
	if err != nil {
		return ticket.Message{}, false, err
	}
	for place := range m.Attachments {
		if err := d.attach(&m, place); err != nil {
			return ticket.Message{}, false, err
		}
	}
	d.index.messages = append(d.index.messages, m)
	return m, false, nil
}

// attach gives a message one of its files: a row that was uploaded, or a new one.
func (d deskTx) attach(m *ticket.Message, place int) error {
	a := &m.Attachments[place]
	n, err := d.exec(`UPDATE attachments SET message_id = $1, place = $2 WHERE id = $3 AND message_id = ''`, m.ID, place, a.ID)
	if err != nil {
		return err
	}
	if n == 1 {
		*a, err = first(d.ctx, d, scanAttachment, `SELECT `+attachmentColumns+` FROM attachments WHERE id = $1`, a.ID)
		return err
	}
	if a.SHA256 == "" { // named by its id alone, and not there to take
		return &ticket.FieldError{Field: "attachments", Value: a.ID, Limit: "no uploaded file of that id waits for a message"}
	}
	a.MessageID = m.ID
	return d.insertAttachment(*a, place)
}

func (d deskTx) insertAttachment(a ticket.Attachment, place int) error {
	_, err := d.exec(`INSERT INTO attachments (`+attachmentColumns+`, place) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		a.ID, a.MessageID, a.Name, a.MIME, a.Size, a.SHA256, a.ContentID, a.OwnerID, a.CreatedAt.UnixMilli(), place)
	return err
}

// AddAttachment implements ticket.MessageTx.
func (d deskTx) AddAttachment(_ context.Context, a ticket.Attachment) error {
	a.MessageID = ""
	return d.insertAttachment(a, 0)
}

// Message implements ticket.MessageTx.
func (d deskTx) Message(ctx context.Context, messageID string) (ticket.Message, bool, error) {
	return alone(messages(ctx, d, `WHERE id = $1`, messageID))
}

// MessageByClient implements ticket.MessageTx.
func (d deskTx) MessageByClient(ctx context.Context, interactionID, ticketID, clientID string) (ticket.Message, bool, error) {
	if clientID == "" {
		return ticket.Message{}, false, nil
	}
	return alone(messages(ctx, d, `WHERE client_scope = $1 AND client_id = $2 AND client_id <> ''`, scopeOf(interactionID, ticketID), clientID))
}

// Messages implements ticket.MessageTx.
func (d deskTx) Messages(ctx context.Context, ticketID string, after int64) ([]ticket.Message, error) {
	return messages(ctx, d, `WHERE ticket_id = $1 AND pos > $2 ORDER BY pos`, ticketID, after)
}

// Conversation implements ticket.MessageTx.
func (d deskTx) Conversation(ctx context.Context, interactionID string, after int64) ([]ticket.Message, error) {
	if interactionID == "" {
		return nil, nil
	}
	return messages(ctx, d, `WHERE interaction_id = $1 AND seq > $2 AND interaction_id <> '' ORDER BY seq`, interactionID, after)
}

// SetStatus implements ticket.MessageTx.
func (d deskTx) SetStatus(_ context.Context, messageID string, s ticket.MessageStatus) error {
	return d.one(`UPDATE messages SET status = $1 WHERE id = $2`, s, messageID)
}
