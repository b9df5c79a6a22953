package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"pickup/call"
	"pickup/internal/id"
	"pickup/ticket"
	"pickup/ticket/chat"
)

// mailVisitor puts what a visitor is mailed into the outbox, in the transaction
// of his conversation, on a mail thread of his ticket. ok is false where no
// mailbox sends.
func (s *server) mailVisitor(ctx context.Context, tx ticket.DeskTx, m chat.Mail) (ok bool, err error) {
	boxes, err := s.store.Mailboxes(ctx)
	if err != nil {
		return false, fmt.Errorf("mail a visitor: %w", err)
	}
	box, ok := sender(boxes, m.Queue)
	if !ok {
		return false, nil
	}
	thread, err := mailThread(ctx, tx, box, m)
	if err != nil {
		return false, fmt.Errorf("mail a visitor: %w", err)
	}
	_, err = ticket.Post(ctx, tx, s.tickets(), ticket.Actor{}, ticket.Outgoing{
		TicketID: m.TicketID, Interaction: thread, Kind: ticket.MessageSystem, Text: m.Text, ExpectedLast: -1, Automatic: true,
		Subject: m.Subject, To: m.To,
	}, m.At)
	if err != nil {
		return false, fmt.Errorf("mail a visitor: %w", err)
	}
	return true, nil
}

// sender is the mailbox that writes for a queue: its own, else the first.
func sender(boxes []ticket.Mailbox, queue string) (ticket.Mailbox, bool) {
	boxes = slices.DeleteFunc(slices.Clone(boxes), func(b ticket.Mailbox) bool { return !b.Enabled || b.SMTP.Host == "" })
	if i := slices.IndexFunc(boxes, func(b ticket.Mailbox) bool { return strings.EqualFold(b.Queue, queue) }); i >= 0 {
		return boxes[i], true
	}
	if len(boxes) == 0 {
		return ticket.Mailbox{}, false
	}
	return boxes[0], true
}

// mailThread returns the thread of mail that the ticket has with an address, or
// begins one.
func mailThread(ctx context.Context, tx ticket.DeskTx, box ticket.Mailbox, m chat.Mail) (string, error) {
	all, err := tx.Interactions(ctx, m.TicketID)
	if err != nil {
		return "", err
	}
	var contact string
	for _, i := range all {
		if i.Channel == call.ChannelEmail && i.MailboxID == box.ID && (strings.EqualFold(i.To, m.To) || strings.EqualFold(i.From, m.To)) {
			return i.ID, nil
		}
		if i.Channel == call.ChannelChat {
			contact = i.ContactID
		}
	}
	thread := ticket.Interaction{
		ID: id.New(), Channel: call.ChannelEmail, Direction: call.Outbound, ContactID: contact, TicketID: m.TicketID, Queue: m.Queue,
		Subject: m.Subject, From: box.Address, To: m.To, Language: m.Language, MailboxID: box.ID, StartedAt: m.At,
	}
	return thread.ID, tx.SaveInteraction(ctx, thread)
}
