package storetest

import (
	"cmp"
	"context"
	"slices"

	"pickup/call"
	"pickup/queue"
	"pickup/store"
	"pickup/ticket"
	"pickup/ticket/chat"
	"pickup/ticket/work"
)

// chats is the rows of conversations.
type chats struct {
	rows   map[string]chat.Chat
	events map[string][]chat.Event // by conversation
}

func newChats() chats {
	return chats{rows: map[string]chat.Chat{}, events: map[string][]chat.Event{}}
}

// chatTx is a deskTx that knows conversations too.
type chatTx struct{ *deskTx }

// Chat implements chat.Store.
func (m *Memory) Chat(ctx context.Context, act func(chat.Tx) error) error {
	return m.act(ctx, func() error {
		t := m.beginDesk()
		defer t.rollback() // nothing after a commit
		if err := act(chatTx{t}); err != nil {
			return err
		}
		t.commit()
		return nil
	})
}

// Chat implements chat.Tx.
func (t chatTx) Chat(_ context.Context, id string) (chat.Chat, bool, error) {
	c, ok := t.m.chats.rows[id]
	return c, ok, nil
}

// ChatByKey implements chat.Tx.
func (t chatTx) ChatByKey(_ context.Context, key string) (chat.Chat, bool, error) {
	for _, c := range t.m.chats.rows {
		if c.Key == key {
			return c, true, nil
		}
	}
	return chat.Chat{}, false, nil
}

// SaveChat implements chat.Tx.
func (t chatTx) SaveChat(ctx context.Context, c chat.Chat) error {
	c.MailedAt = stamp(c.MailedAt)
	if old, ok := t.m.chats.rows[c.ID]; ok {
		c.Key, c.VisitorID, c.Page = old.Key, old.VisitorID, old.Page
	} else if _, taken, _ := t.ChatByKey(ctx, c.Key); taken {
		return store.ErrConflict
	}
	set(t.deskTx, t.m.chats.rows, c.ID, c)
	return nil
}

// AddChatEvent implements chat.Tx.
func (t chatTx) AddChatEvent(_ context.Context, id string, e chat.Event) (chat.Event, error) {
	i, ok := t.interactions[id]
	if !ok {
		return e, store.ErrNotFound
	}
	i.LastSeq++
	set(t.deskTx, t.interactions, id, i)
	e.Seq, e.At = i.LastSeq, stamp(e.At)
	set(t.deskTx, t.m.chats.events, id, append(slices.Clone(t.m.chats.events[id]), e))
	return e, nil
}

// Attachment implements chat.Tx.
func (t chatTx) Attachment(_ context.Context, id string) (ticket.Attachment, bool, error) {
	row, ok := t.attachments[id]
	return row.Attachment, ok, nil
}

// Conversation implements chat.Store.
func (m *Memory) Conversation(ctx context.Context, id string) (c chat.Conversation, err error) {
	err = m.act(ctx, func() error {
		var ok bool
		if c.Chat, ok = m.chats.rows[id]; !ok {
			return ticket.ErrNotFound
		}
		c.Interaction = m.desk.interactions[id]
		c.Ticket = m.desk.tickets[c.Interaction.TicketID]
		c.Wish = m.wish(work.ChatItem(id))
		return nil
	})
	return c, err
}

// ChatEvents implements chat.Store.
func (m *Memory) ChatEvents(ctx context.Context, id string, after int64, limit int) (all []chat.Event, err error) {
	err = m.act(ctx, func() error {
		for _, e := range m.chats.events[id] {
			if e.Seq > after {
				all = append(all, e)
			}
		}
		for _, msg := range m.desk.messages {
			if msg.InteractionID == id && id != "" && msg.Seq > after && msg.Kind != ticket.MessageNote {
				all = append(all, chat.Event{Seq: msg.Seq, At: msg.CreatedAt, Kind: chat.KindMessage, Message: m.desk.message(msg)})
			}
		}
		slices.SortFunc(all, func(a, b chat.Event) int { return cmp.Compare(a.Seq, b.Seq) })
		all = all[:min(len(all), limit)]
		return nil
	})
	return all, err
}

// OpenChats implements chat.Store.
func (m *Memory) OpenChats(ctx context.Context) (ids []string, err error) {
	err = m.act(ctx, func() error {
		for _, c := range m.chats.rows {
			if c.State != chat.StateEnded {
				ids = append(ids, c.ID)
			}
		}
		slices.SortFunc(ids, func(a, b string) int {
			return cmp.Or(m.desk.interactions[a].StartedAt.Compare(m.desk.interactions[b].StartedAt), cmp.Compare(a, b))
		})
		return nil
	})
	return ids, err
}

// Worked implements work.Store.
func (m *Memory) Worked(ctx context.Context, itemID string) (w work.Worked, err error) {
	err = m.act(ctx, func() error {
		row := m.routing.items[queue.ItemID(itemID)]
		if row == nil || row.item.Channel == call.ChannelCall || row.item.Channel == call.ChannelCallback {
			return work.ErrGone
		}
		i := row.item
		w.ID, w.Channel, w.InteractionID, w.TicketID, w.Queue = i.ID, i.Channel, i.InteractionID, i.TicketID, i.Queue
		w.Priority, w.Language, w.Class, w.Key, w.Since = i.Priority, i.Language, i.Class, i.Key, i.EnqueuedAt
		w.Agent, w.EndedAt, w.Reason = row.holder, row.ended, row.reason
		at := map[queue.OfferID]int{}
		for _, d := range m.routing.journal {
			if d.Item.ID != i.ID {
				continue
			}
			n, known := at[d.Offer]
			switch {
			case d.Kind == queue.DecisionOffer:
				at[d.Offer] = len(w.Trials)
				w.Trials = append(w.Trials, work.Trial{At: stamp(d.At), Agent: d.Agent, Why: d.Why})
				w.Why = d.Why
			case known && d.Kind == queue.DecisionAccept:
				w.Trials[n].Outcome, w.TakenAt = work.OutcomeOf("accepted", ""), stamp(d.At)
			case known && d.Kind == queue.DecisionRelease:
				w.Trials[n].Outcome = work.OutcomeOf("released", d.Outcome.String())
			}
		}
		return nil
	})
	return w, err
}

// OpenTasks implements work.Store.
func (m *Memory) OpenTasks(ctx context.Context) ([]work.Task, error) {
	todo, err := m.NeedsWork(ctx)
	if err != nil {
		return nil, err
	}
	names, held, wishes := map[string]string{}, map[queue.ItemID]store.Holder{}, map[queue.ItemID]work.Wish{}
	err = m.act(ctx, func() error {
		for id, c := range m.desk.contacts {
			names[id] = c.Name
		}
		for id, row := range m.routing.items {
			if row.holder != "" && row.reason == "" && row.item.Channel != call.ChannelChat && row.item.Channel != call.ChannelCall {
				held[id] = store.Holder{Agent: row.holder, Parked: row.parked}
			}
			wishes[id] = m.wish(id)
		}
		return nil
	})
	return todo.Tasks(names, held, wishes), err
}

// wish is what the last transfer of an item asked for, which has not ended.
func (m *Memory) wish(id queue.ItemID) work.Wish {
	row, h := m.routing.items[id], m.desk.handovers[string(id)]
	if row == nil || row.reason != "" || h.ItemID == "" {
		return work.Wish{}
	}
	return work.Wish{Agent: h.Agent, Skill: h.Skill, Level: h.Level, By: h.By}
}
