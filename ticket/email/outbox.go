package email

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"pickup/call"
	"pickup/internal/id"
	"pickup/internal/logkey"
	"pickup/ticket"
)

// States of a mail in the outbox.
const (
	outQueued  = "queued"
	outSending = "sending"
	outSent    = "sent"
	outFailed  = "failed"
)

// sendAll sends what is due. A mail is marked as being sent before the server
// gets it: after a crash it is sent again, under the same Message-ID, so that it
// is one mail for its reader.
func (e *Engine) sendAll(ctx context.Context) (again bool, err error) {
	due, err := e.store.Outbox(ctx, time.Now(), batch)
	if err != nil {
		return false, fmt.Errorf("read the outbox: %w", err)
	}
	for _, out := range due {
		if err := e.sendOne(ctx, out); err != nil {
			return false, err
		}
		if ctx.Err() != nil {
			return false, nil
		}
	}
	return len(due) == batch, nil
}

// sendOne makes one attempt and stores what became of it.
func (e *Engine) sendOne(ctx context.Context, out ticket.OutMail) error {
	out.State = outSending
	out.Attempts++
	var m ticket.Message
	var t ticket.Ticket
	err := e.store.Desk(ctx, func(tx ticket.DeskTx) error {
		var ok bool
		var err error
		if m, ok, err = tx.Message(ctx, out.MessageID); err == nil && ok {
			t, ok, err = tx.Ticket(ctx, m.TicketID)
		}
		if err == nil && !ok {
			err = fmt.Errorf("message %s: %w", out.MessageID, ticket.ErrNotFound)
		}
		return errors.Join(err, tx.SaveMail(ctx, out))
	})
	if err != nil {
		return fmt.Errorf("take a mail from the outbox: %w", err)
	}
	final, sending := e.attempt(ctx, out, m, t)
	if ctx.Err() != nil {
		return nil // it is still marked as being sent: the next start goes on
	}
	err = e.store.Desk(ctx, func(tx ticket.DeskTx) error { return e.settle(ctx, tx, out, m, t, final, sending) })
	if err != nil {
		return fmt.Errorf("settle a mail of the outbox: %w", err)
	}
	e.cfg.OnSent(t.ID, m.ID)
	return nil
}

// attempt composes a mail and gives it to the server.
func (e *Engine) attempt(ctx context.Context, out ticket.OutMail, m ticket.Message, t ticket.Ticket) (final bool, err error) {
	box, ok := e.mailbox(out.MailboxID)
	if !ok {
		return true, errors.New("its mailbox was deleted")
	}
	var content bytes.Buffer
	if err := compose(&content, box, e.cfg.Secret, out, m, t, e.files); err != nil {
		return false, err
	}
	return deliver(ctx, box, e.cfg.TLS, out.To, content.Bytes())
}

// settle stores the result of an attempt. One that failed for good is told in
// the ticket, which is ours again.
func (e *Engine) settle(
	ctx context.Context, tx ticket.DeskTx, out ticket.OutMail, m ticket.Message, t ticket.Ticket, final bool, failed error,
) error {
	now := time.Now()
	if failed == nil {
		e.add(func(c *Counts) { c.Sent++ })
		out.State, out.LastError = outSent, ""
		return errors.Join(tx.SaveMail(ctx, out), tx.SetStatus(ctx, m.ID, ticket.StatusSent))
	}
	wait, more := backoff(out.Attempts)
	out.LastError = failed.Error()
	if more && !final {
		out.State, out.NextAt = outQueued, now.Add(wait)
		e.log.Warn("a mail was not sent", "mail", out.ID, "attempts", out.Attempts, "next", out.NextAt, logkey.Err, failed)
		return tx.SaveMail(ctx, out)
	}
	e.add(func(c *Counts) { c.Failed++ })
	e.log.Error("a mail was given up", "mail", out.ID, "attempts", out.Attempts, logkey.Err, failed)
	out.State = outFailed
	if err := errors.Join(tx.SaveMail(ctx, out), tx.SetStatus(ctx, m.ID, ticket.StatusFailed)); err != nil {
		return err
	}
	_, _, err := tx.AddMessage(ctx, ticket.Message{
		ID: id.New(), TicketID: t.ID, InteractionID: m.InteractionID, Kind: ticket.MessageSystem, Automatic: true,
		Text:   fmt.Sprintf(says(cmp.Or(t.Language, "en"), "failed"), out.LastError),
		Status: ticket.StatusStored, ClientID: "failed-" + out.ID, CreatedAt: now,
	})
	if err != nil {
		return err
	}
	events := []call.TimelineEvent{{At: now, Kind: "mail_failed", Detail: map[string]string{"message_id": m.ID, "reason": out.LastError}}}
	if fresh, ok, err := tx.Ticket(ctx, t.ID); err != nil {
		return err
	} else if ok && fresh.State == ticket.StatePending {
		fresh.State = ticket.StateOpen
		if _, err := tx.SaveTicket(ctx, fresh); err != nil {
			return err
		}
		events = append(events, call.TimelineEvent{At: now, Kind: "state_changed", Detail: map[string]string{
			"from": string(ticket.StatePending), "to": string(ticket.StateOpen), "reason": "mail_failed",
		}})
	}
	return tx.AddEvents(ctx, t.ID, events...)
}

func (e *Engine) add(change func(*Counts)) {
	e.mu.Lock()
	change(&e.counts)
	e.mu.Unlock()
}
