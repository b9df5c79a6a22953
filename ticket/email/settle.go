package email

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/textproto"
	"time"

	"pickup/call"
	"pickup/internal/id"
	"pickup/internal/logkey"
	"pickup/ticket"
)

const (
	stopWithin  = 20 * time.Second // for what is under way when the engine is told to stop
	settleEvery = time.Second      // while the store is away
)

// attempt is one try to send a mail, and what became of it.
type attempt struct {
	out     ticket.OutMail // as it was taken
	message ticket.Message
	ticket  ticket.Ticket
	final   bool  // trying again is of no use
	failed  error // why it was not sent; nil: it was
	stopped bool  // we were told to stop before the server had it: it does not count
}

// outlast returns a context that ends stopWithin after another.
func outlast(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, end := context.WithCancel(context.WithoutCancel(ctx))
	release := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(stopWithin, end)
		context.AfterFunc(longer, func() { timer.Stop() })
	})
	return longer, func() { release(); end() }
}

// answered reports whether an error is what a server said.
func answered(err error) bool {
	var said *textproto.Error
	return errors.As(err, &said)
}

// take marks a mail as being sent, in a transaction that may run twice. One that
// was being sent already is of a process that was killed: it may arrive twice.
func (a *attempt) take(ctx context.Context, tx ticket.DeskTx, out ticket.OutMail) error {
	m, ok, err := tx.Message(ctx, out.MessageID)
	if err == nil && ok {
		a.message = m
		a.ticket, ok, err = tx.Ticket(ctx, m.TicketID)
	}
	if err != nil {
		return err
	}
	if was := out.State; ok && was == outSending {
		if err := tx.AddEvents(ctx, a.ticket.ID, unanswered(out, "killed", "")); err != nil {
			return err
		}
	}
	out.State = outSending
	out.Attempts++
	if !ok { // nothing to send, and nowhere to say so
		out.State, out.LastError = outFailed, "its message is gone"
	}
	a.out = out
	return tx.SaveMail(ctx, out)
}

// unanswered tells a ticket that a mail is sent again though it may have arrived.
func unanswered(out ticket.OutMail, reason, detail string) call.TimelineEvent {
	return call.TimelineEvent{At: time.Now(), Kind: "mail_unanswered", Detail: map[string]string{
		"message_id": out.MessageID, "mail_message_id": out.MailMessageID, "reason": reason, "error": detail,
	}}
}

// keep remembers what became of a mail until that is stored.
func (e *Engine) keep(a attempt) {
	e.mu.Lock()
	e.unstored[a.out.ID] = a
	e.mu.Unlock()
}

// kept are the attempts that are not stored, by OutMail.ID.
func (e *Engine) kept() map[string]attempt {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.unstored)
}

// settleKept stores what became of mails whose end the store did not take.
func (e *Engine) settleKept(ctx context.Context) (failed error) {
	for _, a := range e.kept() {
		failed = errors.Join(failed, e.settleOne(ctx, a))
	}
	return failed
}

// settleLast is settleKept of an engine that stops: the store may come back.
func (e *Engine) settleLast(ctx context.Context) {
	ctx, end := outlast(ctx)
	defer end()
	for {
		err := e.settleKept(ctx)
		if err == nil {
			return
		}
		select {
		case <-time.After(settleEvery):
		case <-ctx.Done():
			for _, a := range e.kept() {
				e.log.Error("what became of a mail was not stored: the next start sends it again",
					"mail", a.out.ID, "message_id", a.out.MailMessageID, "sent", a.failed == nil, logkey.Err, err)
			}
			return
		}
	}
}

// settleOne stores what became of a mail; when it cannot, it is tried again soon.
func (e *Engine) settleOne(ctx context.Context, a attempt) error {
	if err := e.store.Desk(ctx, func(tx ticket.DeskTx) error { return e.settle(ctx, tx, a) }); err != nil {
		time.AfterFunc(settleEvery, e.Queued)
		return fmt.Errorf("settle a mail of the outbox: %w", err)
	}
	e.mu.Lock()
	_, first := e.unstored[a.out.ID]
	delete(e.unstored, a.out.ID)
	e.mu.Unlock()
	if a.stopped || !first {
		return nil
	}
	e.settled(a.out, a.final, a.failed)
	e.cfg.OnSent(a.ticket.ID, a.message.ID)
	return nil
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

// settle stores the result of an attempt, in a transaction that may run twice, and
// again after one whose commit was not answered. One that failed for good is told
// in the ticket, which is ours again.
func (e *Engine) settle(ctx context.Context, tx ticket.DeskTx, a attempt) error {
	out, m, t, now := a.out, a.message, a.ticket, time.Now()
	was, ok, err := tx.OutMailOf(ctx, m.ID)
	if err != nil || !ok || was.State != outSending || was.Attempts != out.Attempts { // done, or its report was faster
		return err
	}
	if a.failed == nil {
		out.State, out.LastError = outSent, ""
		return errors.Join(tx.SaveMail(ctx, out), tx.SetStatus(ctx, m.ID, ticket.StatusSent))
	}
	if a.stopped {
		out.State, out.Attempts = outQueued, out.Attempts-1
		return tx.SaveMail(ctx, out)
	}
	out.LastError = a.failed.Error()
	if errors.Is(a.failed, errUnanswered) {
		if err := tx.AddEvents(ctx, t.ID, unanswered(out, "no_answer", out.LastError)); err != nil {
			return err
		}
	}
	if at, more := next(out, a.final, now); more {
		out.State, out.NextAt = outQueued, at
		return tx.SaveMail(ctx, out)
	}
	out.State = outFailed
	if err := errors.Join(tx.SaveMail(ctx, out), tx.SetStatus(ctx, m.ID, ticket.StatusFailed)); err != nil {
		return err
	}
	if nobodyThere(statusOf(a.failed)) {
		if err := tx.SetUndeliverable(ctx, out.To, out.LastError); err != nil {
			return err
		}
	}
	_, _, err = tx.AddMessage(ctx, ticket.Message{
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
