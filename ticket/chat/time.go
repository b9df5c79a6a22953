package chat

import (
	"context"
	"time"

	"pickup/ticket"
)

// next is when the room has something to do by itself.
func (m *room) next() (first time.Time, ok bool) {
	look := func(at time.Time) {
		if !ok || at.Before(first) {
			first, ok = at, true
		}
	}
	if m.ending {
		return first, false
	}
	if m.online {
		look(m.seenAt.Add(m.cfg.OfflineAfter))
	}
	if at, due := m.mailDue(); due {
		look(at)
	}
	if !m.retryAt.IsZero() {
		look(m.retryAt)
	}
	if m.agent == "" {
		look(m.seenAt.Add(m.cfg.KeepPlace))
		if m.queued && len(m.links) > 0 {
			look(m.placeAt)
		}
		return first, ok
	}
	if m.silent() {
		if m.conv.State == StateOpen {
			look(m.activity.Add(m.cfg.IdleWarning))
		} else {
			look(m.activity.Add(m.cfg.IdleClose))
		}
	}
	return first, ok
}

// silent reports whether the rules of silence hold: an agent answers, and we
// owe no reply.
func (m *room) silent() bool {
	return m.agent != "" && m.conv.Interaction.WaitingSince.IsZero() && !m.writing && len(m.pending) == 0 &&
		(m.conv.State == StateOpen || m.conv.State == StateIdle)
}

// tick does what is due at now.
func (m *room) tick(now time.Time) {
	if m.ending {
		return
	}
	if m.online && !now.Before(m.seenAt.Add(m.cfg.OfflineAfter)) {
		m.online = false
		m.change("presence")
	}
	if m.agent == "" && !now.Before(m.seenAt.Add(m.cfg.KeepPlace)) {
		m.finish("left", "", nil)
		return
	}
	if at, due := m.mailDue(); due && !now.Before(at) {
		m.mailUnread(now)
	}
	if !m.retryAt.IsZero() && !now.Before(m.retryAt) {
		m.enqueue()
	}
	if m.agent == "" && m.queued && !now.Before(m.placeAt) {
		m.tellPlace(now)
	}
	if m.silent() {
		switch {
		case m.conv.State == StateOpen && !now.Before(m.activity.Add(m.cfg.IdleWarning)):
			m.warn(now)
		case m.conv.State == StateIdle && !now.Before(m.activity.Add(m.cfg.IdleClose)):
			m.finish(reasonIdle, "", nil)
		}
	}
}

// tellPlace tells who waits where he stands, when it changed.
func (m *room) tellPlace(now time.Time) {
	m.placeAt = now.Add(m.cfg.PlaceEvery)
	p := m.item.PlaceNow()
	place := Place{
		Position: p.Position, EstimateLow: p.EstimateLow, EstimateHigh: p.EstimateHigh, AgentsOnDuty: p.AgentsOnDuty,
	}
	if place == m.place {
		return
	}
	m.place = place
	m.broadcast(Frame{Kind: FramePlace, Place: place})
}

// warn asks the visitor whether he is there.
func (m *room) warn(now time.Time) {
	m.write(op{act: func(ctx context.Context, tx Tx) error {
		c, i, err := m.rows(ctx, tx)
		if err != nil || c.State != StateOpen || !i.WaitingSince.IsZero() {
			return err
		}
		c.State = StateIdle
		if err := tx.SaveChat(ctx, c); err != nil {
			return err
		}
		_, err = tx.AddChatEvent(ctx, m.id, Event{At: now, Kind: KindState, State: StateIdle, Reason: reasonIdle})
		return err
	}})
}

// unmailed are the messages to a visitor that he has neither read nor got by mail.
func (m *room) unmailed() []ticket.Message {
	var all []ticket.Message
	have := max(m.conv.VisitorRead, m.conv.MailedSeq)
	for i := range m.events {
		e := &m.events[i]
		if e.Seq > have && e.Kind == KindMessage && e.Message.Kind == ticket.MessageAgent {
			all = append(all, e.Message)
		}
	}
	return all
}

// mailDue says when what he has not read goes to him by mail.
func (m *room) mailDue() (time.Time, bool) {
	if m.cfg.Mail == nil || m.conv.Email == "" || m.online || m.writing || len(m.unmailed()) == 0 {
		return time.Time{}, false
	}
	at := m.seenAt.Add(m.cfg.MailAfter)
	for _, no := range []time.Time{m.mailAt, m.conv.MailedAt.Add(m.cfg.MailGap)} {
		if no.After(at) {
			at = no
		}
	}
	return at, true
}
