package storetest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"pickup/store"
	"pickup/ticket"
)

// keepInteraction is an interaction as a store keeps it.
func keepInteraction(i ticket.Interaction) ticket.Interaction {
	stampAll(&i.StartedAt, &i.QueuedAt, &i.AnsweredAt, &i.EndedAt, &i.WaitingSince)
	i.FirstReply, i.ReplySum = i.FirstReply.Truncate(time.Millisecond), i.ReplySum.Truncate(time.Millisecond)
	i.ReplyMax = i.ReplyMax.Truncate(time.Millisecond)
	return i
}

// mergeInteraction is i as it is stored over what was there.
func (d *desk) mergeInteraction(i ticket.Interaction) ticket.Interaction {
	i = keepInteraction(i)
	i.Version = 1
	if old, ok := d.interactions[i.ID]; ok {
		i.Channel, i.Direction, i.StartedAt = old.Channel, old.Direction, old.StartedAt
		i.LastSeq, i.Version = max(i.LastSeq, old.LastSeq), old.Version+1
	}
	return i
}

// Interaction implements ticket.InteractionTx.
func (t *deskTx) Interaction(_ context.Context, id string) (ticket.Interaction, bool, error) {
	i, ok := t.interactions[id]
	return i, ok, nil
}

// SaveInteraction implements ticket.InteractionTx.
func (t *deskTx) SaveInteraction(_ context.Context, i ticket.Interaction) error {
	set(t, t.interactions, i.ID, t.mergeInteraction(i))
	return nil
}

// Interactions implements ticket.InteractionTx.
func (t *deskTx) Interactions(_ context.Context, ticketID string) ([]ticket.Interaction, error) {
	return t.threads(func(i ticket.Interaction) bool { return i.TicketID == ticketID }), nil
}

// threads returns interactions, oldest first.
func (d *desk) threads(match func(ticket.Interaction) bool) []ticket.Interaction {
	var all []ticket.Interaction
	for _, i := range d.interactions {
		if match(i) {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, func(a, b ticket.Interaction) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.ID, b.ID))
	})
	return all
}

func scopeOf(interactionID, ticketID string) string {
	if interactionID != "" {
		return interactionID
	}
	return "ticket:" + ticketID
}

// AddMessage implements ticket.MessageTx.
func (t *deskTx) AddMessage(ctx context.Context, m ticket.Message) (ticket.Message, bool, error) {
	if m.ClientID != "" {
		if old, ok, err := t.MessageByClient(ctx, m.InteractionID, m.TicketID, m.ClientID); ok || err != nil {
			return old, ok, err
		}
	}
	k, ok := t.tickets[m.TicketID]
	if !ok {
		return ticket.Message{}, false, store.ErrNotFound
	}
	m.Seq = 0
	if m.InteractionID != "" {
		i, ok := t.interactions[m.InteractionID]
		if !ok {
			return ticket.Message{}, false, store.ErrNotFound
		}
		i.LastSeq++
		m.Seq = i.LastSeq
		set(t, t.interactions, i.ID, i)
	}
	t.count(&t.pos)
	m.Pos = t.pos
	m.Attachments = slices.Clone(m.Attachments)
	for place := range m.Attachments {
		if err := t.attach(&m, place); err != nil {
			return ticket.Message{}, false, err
		}
	}
	kept := m
	kept.Attachments = nil
	stampAll(&kept.CreatedAt, &kept.EditedAt)
	set(t, t.messages, m.ID, kept)
	if m.ClientID != "" {
		set(t, t.clients, [2]string{scopeOf(m.InteractionID, m.TicketID), m.ClientID}, m.ID)
	}
	k.LastPos = m.Pos
	if kept.CreatedAt.After(k.UpdatedAt) {
		k.UpdatedAt = kept.CreatedAt
	}
	set(t, t.tickets, k.ID, k)
	return m, false, nil
}

func (t *deskTx) attach(m *ticket.Message, place int) error {
	a := &m.Attachments[place]
	row, ok := t.attachments[a.ID]
	switch {
	case ok && row.MessageID == "":
		*a = row.Attachment
	case ok:
		return store.ErrConflict
	case a.SHA256 == "":
		return &ticket.FieldError{Field: "attachments", Value: a.ID, Limit: "no uploaded file of that id waits for a message"}
	}
	a.MessageID, a.CreatedAt = m.ID, stamp(a.CreatedAt)
	set(t, t.attachments, a.ID, fileRow{*a, place})
	return nil
}

// AddAttachment implements ticket.MessageTx.
func (t *deskTx) AddAttachment(_ context.Context, a ticket.Attachment) error {
	if _, ok := t.attachments[a.ID]; ok {
		return store.ErrConflict
	}
	a.MessageID, a.CreatedAt = "", stamp(a.CreatedAt)
	set(t, t.attachments, a.ID, fileRow{a, 0})
	return nil
}

// message fills the attachments of a row.
func (d *desk) message(m ticket.Message) ticket.Message {
	var rows []fileRow
	for _, a := range d.attachments {
		if a.MessageID == m.ID {
			rows = append(rows, a)
		}
	}
	slices.SortFunc(rows, func(a, b fileRow) int { return cmp.Or(a.place-b.place, cmp.Compare(a.ID, b.ID)) })
	for _, r := range rows {
		m.Attachments = append(m.Attachments, r.Attachment)
	}
	return m
}

// said returns messages by Pos.
func (d *desk) said(match func(ticket.Message) bool) []ticket.Message {
	var all []ticket.Message
	for _, m := range d.messages {
		if match(m) {
			all = append(all, d.message(m))
		}
	}
	slices.SortFunc(all, func(a, b ticket.Message) int { return cmp.Compare(a.Pos, b.Pos) })
	return all
}

// Message implements ticket.MessageTx.
func (t *deskTx) Message(_ context.Context, id string) (ticket.Message, bool, error) {
	m, ok := t.messages[id]
	return t.message(m), ok, nil
}

// MessageByClient implements ticket.MessageTx.
func (t *deskTx) MessageByClient(ctx context.Context, interactionID, ticketID, clientID string) (ticket.Message, bool, error) {
	id, ok := t.clients[[2]string{scopeOf(interactionID, ticketID), clientID}]
	if !ok || clientID == "" {
		return ticket.Message{}, false, nil
	}
	return t.Message(ctx, id)
}

// Messages implements ticket.MessageTx.
func (t *deskTx) Messages(_ context.Context, ticketID string, after int64) ([]ticket.Message, error) {
	return t.said(func(m ticket.Message) bool { return m.TicketID == ticketID && m.Pos > after }), nil
}

// Conversation implements ticket.MessageTx.
func (t *deskTx) Conversation(_ context.Context, interactionID string, after int64) ([]ticket.Message, error) {
	all := t.said(func(m ticket.Message) bool {
		return interactionID != "" && m.InteractionID == interactionID && m.Seq > after
	})
	slices.SortFunc(all, func(a, b ticket.Message) int { return cmp.Compare(a.Seq, b.Seq) })
	return all, nil
}

// SetStatus implements ticket.MessageTx.
func (t *deskTx) SetStatus(_ context.Context, messageID string, s ticket.MessageStatus) error {
	m, ok := t.messages[messageID]
	if !ok {
		return store.ErrNotFound
	}
	m.Status = s
	set(t, t.messages, messageID, m)
	return nil
}

// SeenMail implements ticket.MailTx.
func (t *deskTx) SeenMail(_ context.Context, s ticket.SeenMail) (bool, error) {
	key := [3]string{s.MailboxID, s.MessageID, s.BodySHA256}
	if _, ok := t.seen[key]; ok {
		return false, nil
	}
	s.At = stamp(s.At)
	set(t, t.seen, key, s)
	return true, nil
}

// SeenAs implements ticket.MailTx.
func (t *deskTx) SeenAs(_ context.Context, messageID string) ([]ticket.SeenMail, error) {
	var all []ticket.SeenMail
	for _, s := range t.seen {
		if s.MessageID == messageID {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b ticket.SeenMail) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.MailboxID, b.MailboxID), cmp.Compare(a.BodySHA256, b.BodySHA256))
	})
	return all, nil
}

// MessagesByMailID implements ticket.MailTx.
func (t *deskTx) MessagesByMailID(_ context.Context, ids ...string) ([]ticket.Message, error) {
	all := t.said(func(m ticket.Message) bool { return m.MailMessageID != "" && slices.Contains(ids, m.MailMessageID) })
	slices.Reverse(all)
	return all, nil
}

func keepMail(m ticket.OutMail) ticket.OutMail {
	stampAll(&m.NextAt, &m.CreatedAt)
	m.References = slices.Clone(m.References)
	if len(m.References) == 0 {
		m.References = nil
	}
	return m
}

// QueueMail implements ticket.MailTx.
func (t *deskTx) QueueMail(_ context.Context, m ticket.OutMail) error {
	for _, other := range t.outbox {
		if other.ID == m.ID || other.MessageID == m.MessageID || other.MailMessageID == m.MailMessageID {
			return store.ErrConflict
		}
	}
	if _, ok := t.messages[m.MessageID]; !ok {
		return store.ErrNotFound
	}
	set(t, t.outbox, m.ID, keepMail(m))
	return nil
}

// SaveMail implements ticket.MailTx.
func (t *deskTx) SaveMail(_ context.Context, m ticket.OutMail) error {
	old, ok := t.outbox[m.ID]
	if !ok {
		return store.ErrNotFound
	}
	old.State, old.Attempts, old.NextAt, old.LastError = m.State, m.Attempts, stamp(m.NextAt), m.LastError
	set(t, t.outbox, m.ID, old)
	return nil
}

// OutMailOf implements ticket.MailTx.
func (t *deskTx) OutMailOf(_ context.Context, messageID string) (ticket.OutMail, bool, error) {
	for _, m := range t.outbox {
		if m.MessageID == messageID {
			return keepMail(m), true, nil
		}
	}
	return ticket.OutMail{}, false, nil
}
