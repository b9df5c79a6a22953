package chat

import (
	"context"
	"slices"
	"time"

	"pickup/account"
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
		look(m.seenAt.Add(m.patience()))
		if m.queued && len(m.links) > 0 {
			look(m.placeAt)
		}
		return first, ok
	}
	if m.silent() {
		at, _ := m.silenceDue()
		look(at)
	}
	return first, ok
}

// patience is how long a visitor who is away while nobody answers keeps his
// conversation: who was answered once does not lose it by a cut of both lines.
func (m *room) patience() time.Duration {
	if m.agent != "" || answered(m.events) {
		return max(m.cfg.KeepPlace, m.cfg.IdleClose)
	}
	return m.cfg.KeepPlace
}

// silent reports whether the rules of silence hold: an agent answers, we owe no
// reply, and they do not talk.
func (m *room) silent() bool {
	return m.agent != "" && m.voice == "" && m.conv.Interaction.WaitingSince.IsZero() && !m.writing && len(m.pending) == 0 &&
		(m.conv.State == StateOpen || m.conv.State == StateIdle)
}

// silenceDue is when the rules of silence do something next, and whether that is
// the end. Silence is what the visitor did not say while he could: the time of a
// cut does not count, one that lasts as long as silence may ends it, and who is
// asked has the time between the two to answer.
func (m *room) silenceDue() (at time.Time, end bool) {
	quiet := m.activity.Add(m.cut)
	switch {
	case !m.online:
		return later(m.activity, m.seenAt).Add(m.cfg.IdleClose), true
	case m.conv.State == StateOpen:
		return quiet.Add(m.cfg.IdleWarning), false
	}
	return later(quiet.Add(m.cfg.IdleClose), askedAt(m.events).Add(m.cfg.IdleClose-m.cfg.IdleWarning)), true
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// askedAt is when the visitor was last asked whether he is there.
func askedAt(events []Event) time.Time {
	for i := len(events) - 1; i >= 0; i-- {
		if events[i].Kind == KindState && events[i].State == StateIdle {
			return events[i].At
		}
	}
	return time.Time{}
}

// answered reports whether an agent took the conversation once.
func answered(events []Event) bool {
	return slices.ContainsFunc(events, func(e Event) bool { return e.Kind == KindAssignment && e.Agent != "" })
}

// lostBy is who answered until his line was lost, "" when that is not why the
// conversation waits.
func lostBy(events []Event) account.ID {
	waits := false
	for i := len(events) - 1; i >= 0; i-- {
		switch e := &events[i]; {
		case e.Kind == KindState && !waits:
			if e.State != StateWaiting || e.Reason != reasonLost {
				return ""
			}
			waits = true
		case e.Kind == KindAssignment && e.Agent != "":
			return e.Agent
		}
	}
	return ""
}

// answers reports whether an agent is the one to write: he answers, or did until
// his line was lost and nobody else is shown it.
func (m *room) answers(agent account.ID) bool {
	return agent == m.agent || m.agent == "" && agent == m.lost && (m.shown == "" || m.shown == agent)
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
	if m.agent == "" && !now.Before(m.seenAt.Add(m.patience())) {
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
	if !m.silent() {
		return
	}
	switch at, end := m.silenceDue(); {
	case now.Before(at):
	case end:
		m.finish(reasonIdle, "", nil)
	default:
		m.warn(now)
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
