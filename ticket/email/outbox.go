package email

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
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
// is one mail for its reader. Short of a crash it is given once: a stop waits for
// the server's answer, and a result that the store did not take is kept until it
// does.
func (e *Engine) sendAll(ctx context.Context) (again bool, err error) {
	due, err := e.store.Outbox(ctx, time.Now(), batch)
	if err != nil {
		return false, fmt.Errorf("read the outbox: %w", err)
	}
	byBox := map[string][]ticket.OutMail{}
	for _, out := range due {
		byBox[out.MailboxID] = append(byBox[out.MailboxID], out)
	}
	var settled atomic.Int64
	var boxes sync.WaitGroup // a server that is slow does not hold up another's mail
	for _, mails := range byBox {
		boxes.Go(func() { settled.Add(e.sendOf(ctx, mails)) })
	}
	boxes.Wait()
	return len(due) == batch && settled.Load() > 0, nil
}

// sendOf sends the mails of one mailbox in turn, and returns for how many it is
// stored what became of them. When its server cannot be reached the others are
// not tried either: it counts as an attempt of each.
func (e *Engine) sendOf(ctx context.Context, mails []ticket.OutMail) (settled int64) {
	var down error
	for _, out := range mails {
		failed, err := e.sendOne(ctx, out, down)
		if ctx.Err() != nil {
			return settled
		}
		if err != nil {
			e.log.Error("send a mail", "mail", out.ID, logkey.Err, err)
			continue
		}
		settled++
		if errors.Is(failed, errConnect) {
			down = failed
		}
	}
	return settled
}

// tried is one attempt of a mail.
type tried struct {
	out    ticket.OutMail
	m      ticket.Message
	t      ticket.Ticket
	final  bool
	failed error // why it was not sent
}

// sendOne makes one attempt, which fails at once when the server is down, and
// stores what became of it: failed says why it was not sent. Where an attempt was
// made whose result is not stored, it makes no other.
func (e *Engine) sendOne(ctx context.Context, out ticket.OutMail, down error) (failed, err error) {
	e.mu.Lock()
	a := e.unstored[out.ID]
	e.mu.Unlock()
	if a == nil {
		if a, err = e.try(ctx, out, down); err != nil || a == nil {
			return nil, err
		}
	}
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin) // a stop waits for it
	defer cancel()
	err = e.store.Desk(keep, func(tx ticket.DeskTx) error { return e.settle(keep, tx, a.out, a.m, a.t, a.final, a.failed) })
	e.mu.Lock()
	if err != nil {
		e.unstored[out.ID] = a
	} else {
		delete(e.unstored, out.ID)
	}
	e.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("settle a mail of the outbox: %w", err)
	}
	e.settled(a.out, a.final, a.failed)
	e.cfg.OnSent(a.t.ID, a.m.ID)
	return a.failed, nil
}

// try marks a mail as being sent and gives it to the server. nil: it is not known
// what became of it, as the engine stops; the next start goes on.
func (e *Engine) try(ctx context.Context, out ticket.OutMail, down error) (*tried, error) {
	out.State = outSending
	out.Attempts++
	a := &tried{}
	err := e.store.Desk(ctx, func(tx ticket.DeskTx) error {
		var ok bool
		var err error
		if a.m, ok, err = tx.Message(ctx, out.MessageID); err == nil && ok {
			a.t, ok, err = tx.Ticket(ctx, a.m.TicketID)
		}
		if err != nil {
			return err
		}
		if !ok { // nothing to send, and nowhere to say so
			out.State, out.LastError = outFailed, "its message is gone"
		}
		return tx.SaveMail(ctx, out)
	})
	if err != nil {
		return nil, fmt.Errorf("take a mail from the outbox: %w", err)
	}
	if out.State == outFailed {
		e.add(func(c *Counts) { c.Failed++ })
		return nil, fmt.Errorf("message %s of a mail: %w", out.MessageID, ticket.ErrNotFound)
	}
	a.out, a.failed = out, down
	if down == nil {
		a.final, a.failed = e.attempt(ctx, out, a.m, a.t)
	}
	if ctx.Err() != nil && a.failed != nil && !answered(a.failed) {
		return nil, nil
	}
	return a, nil
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
	from := box.Address
	if strings.HasPrefix(m.ClientID, acknowledging) {
		from = "" // so that no machine answers it (RFC 3834 3.3)
	}
	return deliver(ctx, box, e.cfg.TLS, from, out.To, content.Bytes())
}

// next says when a mail that failed is tried again; more is false when it is given
// up.
func next(out ticket.OutMail, final bool, now time.Time) (at time.Time, more bool) {
	wait, more := backoff(out.Attempts)
	return now.Add(wait), more && !final
}

// settled counts and logs the result of an attempt.
func (e *Engine) settled(out ticket.OutMail, final bool, failed error) {
	at, more := next(out, final, time.Now())
	switch {
	case failed == nil:
		e.add(func(c *Counts) { c.Sent++ })
	case more:
		e.log.Warn("a mail was not sent", "mail", out.ID, "attempts", out.Attempts, "next", at, logkey.Err, failed)
	default:
		e.add(func(c *Counts) { c.Failed++ })
		e.log.Error("a mail was given up", "mail", out.ID, "attempts", out.Attempts, logkey.Err, failed)
	}
}

// settle stores the result of an attempt, in a transaction that may run twice.
// One that failed for good is told in the ticket, which is ours again.
func (e *Engine) settle(
	ctx context.Context, tx ticket.DeskTx, out ticket.OutMail, m ticket.Message, t ticket.Ticket, final bool, failed error,
) error {
	now := time.Now()
	if failed == nil {
		if was, ok, err := tx.OutMailOf(ctx, m.ID); err != nil || ok && was.State == string(ticket.StatusBounced) {
			return err // its report was faster
		}
		out.State, out.LastError = outSent, ""
		return errors.Join(tx.SaveMail(ctx, out), tx.SetStatus(ctx, m.ID, ticket.StatusSent))
	}
	out.LastError = failed.Error()
	if at, more := next(out, final, now); more {
		out.State, out.NextAt = outQueued, at
		return tx.SaveMail(ctx, out)
	}
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
