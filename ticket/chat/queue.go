package chat

import (
	"context"
	"errors"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/logkey"
	"pickup/queue"
	"pickup/ticket"
	"pickup/ticket/work"
)

// enqueue puts the conversation on the board.
func (m *room) enqueue() {
	m.retryAt = time.Time{}
	i := m.conv.Interaction
	t := work.Task{
		Channel: chatChannel, InteractionID: m.id, TicketID: i.TicketID, Queue: i.Queue, Category: m.conv.Ticket.Category,
		Priority: m.conv.Ticket.Priority, Language: i.Language, Player: m.conv.Name, Subject: m.conv.Ticket.Subject,
		Since: i.QueuedAt, Preferred: m.conv.Preferred, Holder: m.conv.AgentID, LostBy: m.lost, Wish: m.conv.Wish,
	}
	item, err := m.rooms.board.Enqueue(m.life, t, func(n work.Note) { m.box.Put(func() { m.note(n) }) })
	switch {
	case err == nil:
		m.item, m.queued = item, true
	case errors.Is(err, queue.ErrFull):
		m.finish("full", call.EndOverflowFull, nil)
	case errors.Is(err, queue.ErrClosed), errors.Is(err, queue.ErrUnknownQueue):
		m.finish("closed", call.EndClosed, nil)
	case m.life.Err() == nil && !errors.Is(err, work.ErrStopped):
		m.retryAt = time.Now().Add(retryQueue)
		m.log.Error("a chat cannot wait in its queue", logkey.Err, err)
	}
}

// retryQueue is the pause after a queue that did not take the conversation.
const retryQueue = 10 * time.Second

// note is what the board says of the conversation.
func (m *room) note(n work.Note) {
	switch n.Kind {
	case work.NoteAssigned:
		m.lost, m.shown = "", ""
		if m.agent != n.Agent || m.conv.AgentID != n.Agent {
			m.assign(n.Agent, "")
		}
	case work.NoteOffered:
		m.shown = n.Agent
	case work.NoteReturned:
		m.shown = ""
		switch {
		case n.Lost:
			m.lost = n.Agent
			m.assign("", reasonLost)
		case n.Held:
			m.assign("", "")
		case n.Agent == m.lost:
			m.lost = ""
			m.change("assignment")
		}
	case work.NoteMoved:
		m.moved(n.Queue)
	case work.NoteTicket:
		m.reload()
	case work.NoteEnded:
		m.queued = false
		switch {
		case m.agent == "":
			m.finish(string(n.Reason), n.Reason, nil)
		default:
			m.finish(reasonAgent, call.EndAnswered, nil)
		}
	}
}

// assign makes an agent the one who answers; "" makes it nobody, for a reason.
func (m *room) assign(agent account.ID, reason string) {
	if m.ending {
		return
	}
	m.agent = agent
	m.active(time.Now())
	m.place = Place{}
	name := m.cfg.AgentName(agent)
	m.write(op{act: func(ctx context.Context, tx Tx) error {
		now := time.Now()
		c, i, err := m.rows(ctx, tx)
		if err != nil {
			return err
		}
		c.AgentID, c.State = agent, StateOpen
		if agent == "" {
			c.State = StateWaiting
		}
		if err := tx.SaveChat(ctx, c); err != nil {
			return err
		}
		for _, e := range []Event{
			{At: now, Kind: KindAssignment, Agent: agent, AgentName: name}, {At: now, Kind: KindState, State: c.State, Reason: reason},
		} {
			if _, err := tx.AddChatEvent(ctx, m.id, e); err != nil {
				return err
			}
		}
		return m.assignTicket(ctx, tx, i.TicketID, agent, now)
	}})
}

// assignTicket makes the ticket of a conversation its agent's, and open.
func (m *room) assignTicket(ctx context.Context, tx Tx, ticketID string, agent account.ID, now time.Time) error {
	t, ok, err := tx.Ticket(ctx, ticketID)
	if err != nil || !ok || agent == "" {
		return err
	}
	was := t
	switch t.State {
	case ticket.StateNew, ticket.StatePending, ticket.StateOnHold:
		t.State = ticket.StateOpen
	case ticket.StateOpen:
	default:
		return nil
	}
	t.AssigneeID, t.UpdatedAt = string(agent), now
	if was.AssigneeID == t.AssigneeID && was.State == t.State {
		return nil
	}
	if _, err := tx.SaveTicket(ctx, t); err != nil {
		return err
	}
	return tx.AddEvents(ctx, t.ID, call.TimelineEvent{At: now, Kind: "assignee_changed", Actor: string(agent), Detail: map[string]string{
		"from": was.AssigneeID, "to": t.AssigneeID, "reason": "chat", "interaction_id": m.id,
	}})
}

// moved: the conversation waits in another queue.
func (m *room) moved(name string) {
	m.agent, m.lost, m.shown = "", "", ""
	m.write(op{act: func(ctx context.Context, tx Tx) error {
		c, i, err := m.rows(ctx, tx)
		if err != nil {
			return err
		}
		had := c.AgentID
		i.Queue, c.AgentID, c.State = name, "", StateWaiting
		if err := tx.SaveInteraction(ctx, i); err != nil {
			return err
		}
		if err := tx.SaveChat(ctx, c); err != nil {
			return err
		}
		now := time.Now()
		events := []Event{{At: now, Kind: KindState, State: StateWaiting, Reason: "transfer"}}
		if had != "" {
			events = append(events, Event{At: now, Kind: KindAssignment})
		}
		for _, e := range events {
			if _, err := tx.AddChatEvent(ctx, m.id, e); err != nil {
				return err
			}
		}
		return nil
	}})
}

// rows reads the conversation inside a transaction.
func (m *room) rows(ctx context.Context, tx Tx) (Chat, ticket.Interaction, error) {
	c, ok, err := tx.Chat(ctx, m.id)
	if err != nil || !ok {
		return c, ticket.Interaction{}, errors.Join(err, missing(ok))
	}
	i, ok, err := tx.Interaction(ctx, m.id)
	return c, i, errors.Join(err, missing(ok))
}

func missing(ok bool) error {
	if ok {
		return nil
	}
	return ErrNotFound
}

// follow keeps the item true to the ticket: it may have been merged into another,
// or have another priority.
func (m *room) follow() {
	if m.queued && (m.item.TicketID != m.conv.Interaction.TicketID || m.item.Category != m.conv.Ticket.Category) {
		m.enqueue() // it is there: the board notes what changed
	}
	if p := m.conv.Ticket.Priority; m.queued && m.item.Priority != p {
		m.item.Priority = p
		if _, err := m.rooms.board.SetPriority(m.life, m.item.ID, p); err != nil && m.life.Err() == nil {
			m.log.Warn("the priority of a chat could not be changed", logkey.Err, err)
		}
	}
}
