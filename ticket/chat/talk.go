package chat

import (
	"context"
	"errors"
	"time"

	"pickup/call"
	"pickup/ticket"
)

// What a visitor may say: what a page keeps while it is offline, 50 messages,
// comes at once.
const (
	sayBurst      = 60
	sayEachSecond = 2
)

// typingEvery is how often it is told that a side types.
const typingEvery = 3 * time.Second

// say takes a message. answer is called once, when it is durable or refused.
func (m *room) say(s Said, answer func(e Event, again bool, err error)) {
	if s.Side == Visitor {
		m.touch()
	}
	if e, ok := find(m.events, s); ok { // its acknowledgement was lost
		answer(e, true, nil)
		return
	}
	text, err := spoken(s.Text, s.Files)
	switch {
	case m.ending:
		err = ErrEnded
	case err != nil:
	case s.Side == Agent && !m.answers(s.Actor.ID) && !s.Anyone:
		err = ErrNotYours
	case len(m.events) >= maxEvents:
		err = ErrFull
	case s.Side == Visitor && !m.allow.take(time.Now()):
		err = ErrRate
	}
	if err != nil {
		answer(Event{}, false, err)
		return
	}
	now := time.Now()
	m.active(now)
	var again bool
	m.write(op{
		act: func(ctx context.Context, tx Tx) (err error) {
			again, err = m.store(ctx, tx, s, text, now)
			return err
		},
		done: func(err error) {
			if err != nil {
				answer(Event{}, false, err)
				return
			}
			e, ok := find(m.events, s)
			if !ok { // its ticket was closed meanwhile: it began another conversation
				answer(Event{}, false, ErrEnded)
				return
			}
			answer(e, again, nil)
		},
	})
}

// store writes a message.
func (m *room) store(ctx context.Context, tx Tx, s Said, text string, now time.Time) (again bool, err error) {
	c, i, err := m.rows(ctx, tx)
	if err != nil {
		return false, err
	}
	if c.State == StateEnded {
		return false, ErrEnded
	}
	if err := m.owns(ctx, tx, s); err != nil {
		return false, err
	}
	if s.Side == Agent {
		_, again, err = tx.MessageByClient(ctx, m.id, "", s.ClientID)
		if err != nil {
			return false, err
		}
		_, err = ticket.Post(ctx, tx, m.cfg.Tickets, s.Actor, ticket.Outgoing{
			TicketID: i.TicketID, Interaction: m.id, Kind: ticket.MessageAgent, Text: text, ClientID: s.ClientID,
			ExpectedLast: -1, Attachments: s.Files,
		}, now)
	} else {
		again, err = m.receive(ctx, tx, c, i, s, text, now)
	}
	if err != nil || again {
		return again, err
	}
	return false, m.awake(ctx, tx, now)
}

// owns refuses files that the one who speaks did not upload: the visitor those
// of his conversation, an agent his own.
func (m *room) owns(ctx context.Context, tx Tx, s Said) error {
	for _, id := range s.Files {
		a, ok, err := tx.Attachment(ctx, id)
		if err != nil {
			return err
		}
		owner := m.id
		if s.Side == Agent {
			owner = string(s.Actor.ID)
		}
		if !ok || a.OwnerID != owner {
			return ErrFile
		}
	}
	return nil
}

// receive files a message of the visitor.
func (m *room) receive(ctx context.Context, tx Tx, c Chat, i ticket.Interaction, s Said, text string, now time.Time) (bool, error) {
	if t, ok, err := tx.Ticket(ctx, i.TicketID); err != nil || ok && t.State == ticket.StateClosed {
		return false, errors.Join(err, ErrEnded) // what he says belongs to a new conversation
	}
	in := ticket.Incoming{
		Channel: chatChannel, Interaction: m.id, Queue: i.Queue, Language: i.Language, Name: c.Name,
		Message: ticket.Message{Kind: ticket.MessageCustomer, Text: text, ClientID: s.ClientID, CreatedAt: now},
	}
	in.From, in.Also = c.identities()
	for _, f := range s.Files {
		in.Message.Attachments = append(in.Message.Attachments, ticket.Attachment{ID: f})
	}
	got, err := ticket.Receive(ctx, tx, m.cfg.Tickets, in)
	return got.Again, err
}

// awake takes back that the visitor was asked whether he is there.
func (m *room) awake(ctx context.Context, tx Tx, now time.Time) error {
	c, ok, err := tx.Chat(ctx, m.id)
	if err != nil || !ok || c.State != StateIdle {
		return err
	}
	c.State = StateOpen
	if err := tx.SaveChat(ctx, c); err != nil {
		return err
	}
	_, err = tx.AddChatEvent(ctx, m.id, Event{At: now, Kind: KindState, State: StateOpen})
	return err
}

// read moves a side's mark on. Going back is nothing.
func (m *room) read(side Side, upTo int64) {
	if side == Visitor {
		m.touch()
	}
	upTo = min(upTo, m.last())
	was := m.conv.VisitorRead
	if side == Agent {
		was = m.conv.AgentRead
	}
	if upTo <= was || m.ending || !m.unread(side, was, upTo) {
		return
	}
	m.write(op{act: func(ctx context.Context, tx Tx) error {
		c, ok, err := tx.Chat(ctx, m.id)
		if err != nil || !ok || c.State == StateEnded {
			return errors.Join(err, missing(ok))
		}
		mark := &c.VisitorRead
		if side == Agent {
			mark = &c.AgentRead
		}
		if upTo <= *mark {
			return nil
		}
		*mark = upTo
		if err := tx.SaveChat(ctx, c); err != nil {
			return err
		}
		if side == Visitor {
			if err := m.markRead(ctx, tx, was, upTo); err != nil {
				return err
			}
		}
		_, err = tx.AddChatEvent(ctx, m.id, Event{At: time.Now(), Kind: KindRead, Side: side, UpTo: upTo})
		return err
	}})
}

// unread reports whether there is a message of the other side in (from, to]:
// only then a mark says something.
func (m *room) unread(side Side, from, to int64) bool {
	for i := len(m.events) - 1; i >= 0 && m.events[i].Seq > from; i-- {
		e := &m.events[i]
		if e.Seq <= to && e.Kind == KindMessage && (e.Message.Kind == ticket.MessageCustomer) == (side == Agent) {
			return true
		}
	}
	return false
}

// markRead writes at each message to the visitor that he has read it.
func (m *room) markRead(ctx context.Context, tx Tx, from, to int64) error {
	said, err := tx.Conversation(ctx, m.id, from)
	if err != nil {
		return err
	}
	for _, msg := range said {
		if msg.Seq <= to && msg.Kind != ticket.MessageCustomer && msg.Kind != ticket.MessageNote && msg.Status != ticket.StatusRead {
			if err := tx.SetStatus(ctx, msg.ID, ticket.StatusRead); err != nil {
				return err
			}
		}
	}
	return nil
}

// typing tells that a side types, and forgets it.
func (m *room) typing(side Side) {
	now := time.Now()
	if m.ending || now.Sub(m.typed[side]) < typingEvery {
		return
	}
	m.typed[side] = now
	if side == Visitor {
		m.touch()
		m.change("typing")
		if m.conv.State == StateIdle {
			m.active(now)
			m.write(op{act: func(ctx context.Context, tx Tx) error { return m.awake(ctx, tx, now) }})
		}
		return
	}
	m.broadcast(Frame{Kind: FrameTyping, Side: Agent})
}

// touch notes that the visitor is here.
func (m *room) touch() {
	now := time.Now()
	if !m.online {
		m.online = true
		m.cut += now.Sub(m.seenAt)
		m.change("presence")
	}
	m.seenAt = now
}

// active notes that somebody did something: the silence begins anew.
func (m *room) active(at time.Time) { m.activity, m.cut = at, 0 }

// offerCall writes that a side wants to go on by voice.
func (m *room) offerCall(side Side, answer func(error)) {
	if m.ending {
		answer(ErrEnded)
		return
	}
	now := time.Now()
	m.write(op{
		act: func(ctx context.Context, tx Tx) error {
			_, i, err := m.rows(ctx, tx)
			if err != nil {
				return err
			}
			if _, err := tx.AddChatEvent(ctx, m.id, Event{At: now, Kind: KindCall, Side: side}); err != nil {
				return err
			}
			return tx.AddEvents(ctx, i.TicketID, call.TimelineEvent{At: now, Kind: "call_offered", Detail: map[string]string{
				"interaction_id": m.id, "by": string(side),
			}})
		},
		done: answer,
	})
}

// bucket lets bursts through and then so many a second.
type bucket struct {
	burst, eachSecond float64
	left              float64
	at                time.Time
}

// newBucket is full.
func newBucket(burst, eachSecond float64, now time.Time) bucket {
	return bucket{burst: burst, eachSecond: eachSecond, left: burst, at: now}
}

func (b *bucket) take(now time.Time) bool {
	b.left = min(b.burst, b.left+now.Sub(b.at).Seconds()*b.eachSecond)
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
