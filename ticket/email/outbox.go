package email

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

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

// sendAll sends what is due, after it has stored what became of the mails before.
// A mail is marked as being sent before the server gets it. What the server
// answered is stored even when the engine is told to stop meanwhile, and kept in
// memory while the store is away: neither sends a mail twice. Left is a process
// that is killed between the answer and its commit, and an answer that is lost on
// its way (RFC 1047): such a mail is sent again, under the same Message-ID, so that
// it is one mail for its reader, and its ticket says so (mail_unanswered).
//
// Each mailbox sends by itself: a server that is slow does not hold up another's
// mail.
func (e *Engine) sendAll(ctx context.Context) (again bool, err error) {
	if err := e.settleKept(ctx); err != nil {
		e.log.Error("settle mails", logkey.Err, err)
	}
	e.mu.Lock()
	busy := slices.Sorted(maps.Keys(e.sending))
	e.mu.Unlock()
	due, err := e.store.Outbox(ctx, time.Now(), batch, busy...)
	if err != nil {
		return false, fmt.Errorf("read the outbox: %w", err)
	}
	kept := e.kept() // after the outbox was read: who sent meanwhile was busy
	byBox := map[string][]ticket.OutMail{}
	for _, out := range due {
		if _, ok := kept[out.ID]; ok {
			continue // it was given
		}
		byBox[out.MailboxID] = append(byBox[out.MailboxID], out)
	}
	for box, mails := range byBox {
		e.mu.Lock()
		e.sending[box] = true
		e.mu.Unlock()
		e.senders.Go(func() {
			settled := e.sendOf(ctx, mails)
			e.mu.Lock()
			delete(e.sending, box)
			e.mu.Unlock()
			if settled > 0 { // there may be more
				e.Queued()
			}
		})
	}
	return false, nil
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

// sendOne makes one attempt, which fails at once when the server is down, and
// stores what became of it: failed says why it was not sent.
func (e *Engine) sendOne(ctx context.Context, out ticket.OutMail, down error) (failed, err error) {
	if ctx.Err() != nil {
		return nil, nil
	}
	lasting, end := outlast(ctx)
	defer end()
	var a attempt
	if err := e.store.Desk(lasting, func(tx ticket.DeskTx) error { return a.take(lasting, tx, out) }); err != nil {
		return nil, fmt.Errorf("take a mail from the outbox: %w", err)
	}
	if a.out.State == outFailed {
		e.add(func(c *Counts) { c.Failed++ })
		return nil, fmt.Errorf("message %s of a mail: %w", out.MessageID, ticket.ErrNotFound)
	}
	if a.failed = down; down == nil {
		a.final, a.failed = e.try(ctx, &a)
	}
	if ctx.Err() != nil && a.failed != nil && !errors.Is(a.failed, errUnanswered) && !answered(a.failed) {
		a.stopped = true // by us, before the server had it
	}
	e.keep(a)
	return a.failed, e.settleOne(lasting, a)
}

// try composes a mail and gives it to the server.
func (e *Engine) try(ctx context.Context, a *attempt) (final bool, err error) {
	out, m, t := a.out, a.message, a.ticket
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

func (e *Engine) add(change func(*Counts)) {
	e.mu.Lock()
	change(&e.counts)
	e.mu.Unlock()
}
