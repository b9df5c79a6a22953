package chat

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pickup/call"
	"pickup/internal/logkey"
	"pickup/ticket"
	"pickup/ticket/work"
)

// finish ends the conversation: once. reason is what the page is told, as how
// the entry of the queue ends ("": the queue says). answer, which may be nil, is
// called when it is durable.
func (m *room) finish(reason string, as call.EndReason, answer func(error)) {
	if m.ending {
		if answer != nil {
			m.write(op{done: answer}) // behind the end
		}
		return
	}
	m.ending = true
	answered := m.agent != ""
	if as == "" {
		as = endReason(answered)
	}
	if m.queued {
		m.queued = false
		got, err := m.rooms.board.Leave(m.life, m.item.ID, as)
		switch {
		case err == nil:
			as = got
		case errors.Is(err, work.ErrStopped), m.life.Err() != nil: // the next process ends it
			m.ending, m.queued = false, true
			if answer != nil {
				answer(ErrStopped)
			}
			return
		}
	}
	if as == "" {
		as = call.EndAbandoned
	}
	now := time.Now()
	m.write(op{
		act: func(ctx context.Context, tx Tx) error { return m.close(ctx, tx, reason, as, now) },
		done: func(err error) {
			if err != nil && m.life.Err() == nil {
				m.ending = false // the rules try again
				m.log.Error("the end of a chat could not be written", logkey.Err, err)
			} else {
				m.over = err == nil
				m.change("ended")
			}
			if answer != nil {
				answer(err)
			}
		},
	})
}

// close writes the end.
func (m *room) close(ctx context.Context, tx Tx, reason string, as call.EndReason, now time.Time) error {
	c, i, err := m.rows(ctx, tx)
	if err != nil || c.State == StateEnded {
		return err
	}
	if !m.online {
		if err := m.mail(ctx, tx, &c, i, now); err != nil {
			return err
		}
	}
	c.State = StateEnded
	i.EndedAt, i.EndReason = now, as
	if as.CountsAnswered() {
		i.HandledBy = c.AgentID
	}
	if err := tx.SaveInteraction(ctx, i); err != nil {
		return err
	}
	if err := tx.SaveChat(ctx, c); err != nil {
		return err
	}
	if _, err := tx.AddChatEvent(ctx, m.id, Event{At: now, Kind: KindState, State: StateEnded, Reason: reason}); err != nil {
		return err
	}
	detail := map[string]string{
		"interaction_id": m.id, "queue": i.Queue, "end_reason": string(as), "reason": reason,
		"duration_ms": strconv.FormatInt(now.Sub(i.StartedAt).Milliseconds(), 10),
		"events":      strconv.FormatInt(i.LastSeq, 10),
	}
	if !i.AnsweredAt.IsZero() {
		detail["first_reply_ms"] = strconv.FormatInt(i.FirstReply.Milliseconds(), 10)
	}
	return tx.AddEvents(ctx, i.TicketID, call.TimelineEvent{At: now, Kind: "chat", Actor: string(c.AgentID), Detail: detail})
}

// mailUnread mails what an absent visitor has not read.
func (m *room) mailUnread(now time.Time) {
	m.mailAt = now.Add(m.cfg.MailGap) // when it cannot be sent, it is not tried at once again
	m.write(op{
		act: func(ctx context.Context, tx Tx) error {
			c, i, err := m.rows(ctx, tx)
			if err != nil || c.State == StateEnded {
				return err
			}
			if err := m.mail(ctx, tx, &c, i, now); err != nil {
				return err
			}
			return tx.SaveChat(ctx, c)
		},
		done: func(err error) {
			if err != nil {
				m.log.Error("what a visitor has not read could not be mailed", logkey.Err, err)
				return
			}
			m.change("mailed")
		},
	})
}

// mail puts what the visitor has not read on its way to him, and marks it.
func (m *room) mail(ctx context.Context, tx Tx, c *Chat, i ticket.Interaction, now time.Time) error {
	if m.cfg.Mail == nil || c.Email == "" {
		return nil
	}
	said, err := tx.Conversation(ctx, m.id, max(c.VisitorRead, c.MailedSeq))
	if err != nil {
		return err
	}
	var lines []string
	last := c.MailedSeq
	for _, msg := range said {
		if msg.Kind == ticket.MessageAgent {
			lines = append(lines, msg.Text)
			last = msg.Seq
		}
	}
	if len(lines) == 0 {
		return nil
	}
	ok, err := m.cfg.Mail(ctx, tx, Mail{
		TicketID: i.TicketID, Queue: i.Queue, Language: i.Language, To: c.Email, Name: c.Name, At: now,
		Subject: words(i.Language, "Notre réponse à votre message", "Our answer to your message"),
		Text: words(i.Language, "Bonjour,\n\nVous avez quitté la conversation avant notre réponse :\n\n",
			"Hello,\n\nYou left the conversation before our answer:\n\n") + strings.Join(lines, "\n\n") +
			words(i.Language, "\n\nVous pouvez répondre à ce message.", "\n\nYou can reply to this message."),
	})
	if err != nil || !ok {
		return err
	}
	c.MailedSeq, c.MailedAt = last, now
	return nil
}

// maxTranscripts is how many transcripts of one conversation are mailed.
const maxTranscripts = 3

// Transcript mails the whole conversation to the visitor; to, "" for the address
// that is known, becomes his address when none is. Errors: ErrNoMail, ErrRate,
// ErrNotFound, those of the store.
func (r *Rooms) Transcript(ctx context.Context, id, to string) error {
	var events []Event
	for after := int64(0); ; {
		page, err := r.store.ChatEvents(ctx, id, after, pageEvents)
		if err != nil {
			return err
		}
		events = append(events, page...)
		if len(page) < pageEvents {
			break
		}
		after = page[len(page)-1].Seq
	}
	err := r.store.Chat(ctx, func(tx Tx) error {
		c, ok, err := tx.Chat(ctx, id)
		if err != nil || !ok {
			return errors.Join(err, missing(ok))
		}
		i, ok, err := tx.Interaction(ctx, id)
		if err != nil || !ok {
			return errors.Join(err, missing(ok))
		}
		if c.Email == "" {
			if known, ok := emailOf(to); ok {
				c.Email = known.Value
			}
		}
		switch {
		case c.Email == "" || r.cfg.Mail == nil:
			return ErrNoMail
		case c.Transcripts >= maxTranscripts:
			return ErrRate
		}
		c.Transcripts++
		sent, err := r.cfg.Mail(ctx, tx, Mail{
			TicketID: i.TicketID, Queue: i.Queue, Language: i.Language, To: c.Email, Name: c.Name, At: time.Now(),
			Subject: words(i.Language, "Votre conversation", "Your conversation"), Text: transcript(events, i.Language),
		})
		if err != nil {
			return err
		}
		if !sent {
			return ErrNoMail
		}
		return tx.SaveChat(ctx, c)
	})
	if err == nil {
		r.Changed(id)
	}
	return err
}

// transcript is the text of a conversation.
func transcript(events []Event, language string) string {
	var b strings.Builder
	for i := range events {
		e := &events[i]
		if e.Kind != KindMessage {
			continue
		}
		who := words(language, "Vous", "You")
		switch e.Message.Kind {
		case ticket.MessageAgent, ticket.MessageBot:
			who = words(language, "Support", "Support")
		case ticket.MessageSystem:
			who = "–"
		}
		fmt.Fprintf(&b, "[%s] %s: %s\n", e.At.UTC().Format("2006-01-02 15:04"), who, e.Message.Text)
		for _, f := range e.Message.Attachments {
			fmt.Fprintf(&b, "  (%s)\n", f.Name)
		}
	}
	return b.String()
}
