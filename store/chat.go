package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
	"pickup/ticket"
	"pickup/ticket/chat"
	"pickup/ticket/work"
)

// chatTx is the running transaction as conversations see it.
type chatTx struct{ deskTx }

// Chat implements chat.Store.
func (s *Store) Chat(ctx context.Context, act func(chat.Tx) error) error {
	return s.act(ctx, "change a chat", func(t *tx) error {
		d := newDeskTx(t)
		if err := act(chatTx{d}); err != nil {
			return err
		}
		return d.index.flush(t)
	})
}

const chatColumns = `id, open_key, visitor_id, name, email, player_id, tier, page, state, agent_id, preferred_id, visitor_read, agent_read,
	mailed_seq, mailed_at, transcripts`

func scanChat(row scanner) (c chat.Chat, err error) {
	err = row.Scan(&c.ID, &c.Key, &c.VisitorID, &c.Name, &c.Email, &c.PlayerID, &c.Tier, &c.Page, &c.State, &c.AgentID, &c.Preferred,
		&c.VisitorRead, &c.AgentRead, &c.MailedSeq, moment{&c.MailedAt}, &c.Transcripts)
	return c, err
}

// Chat implements chat.Tx.
func (t chatTx) Chat(ctx context.Context, id string) (chat.Chat, bool, error) {
	return alone(list(ctx, t, scanChat, `SELECT `+chatColumns+` FROM chats WHERE id = $1`, id))
}

// ChatByKey implements chat.Tx.
func (t chatTx) ChatByKey(ctx context.Context, key string) (chat.Chat, bool, error) {
	return alone(list(ctx, t, scanChat, `SELECT `+chatColumns+` FROM chats WHERE open_key = $1`, key))
}

// SaveChat implements chat.Tx.
func (t chatTx) SaveChat(_ context.Context, c chat.Chat) error {
	_, err := t.exec(`INSERT INTO chats (`+chatColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, email = excluded.email, player_id = excluded.player_id, tier = excluded.tier,
			state = excluded.state, agent_id = excluded.agent_id, preferred_id = excluded.preferred_id, visitor_read = excluded.visitor_read,
			agent_read = excluded.agent_read, mailed_seq = excluded.mailed_seq, mailed_at = excluded.mailed_at, transcripts = excluded.transcripts`,
		c.ID, c.Key, c.VisitorID, c.Name, c.Email, c.PlayerID, c.Tier, c.Page, c.State, c.AgentID, c.Preferred, c.VisitorRead, c.AgentRead,
		c.MailedSeq, msOf(c.MailedAt), c.Transcripts)
	return err
}

// chatDetail is what an event holds, as it is stored.
type chatDetail struct {
	State     chat.State `json:"state,omitempty"`
	Reason    string     `json:"reason,omitempty"`
	Agent     account.ID `json:"agent,omitempty"`
	AgentName string     `json:"agent_name,omitempty"`
	Side      chat.Side  `json:"side,omitempty"`
	UpTo      int64      `json:"up_to,omitempty"`
}

// AddChatEvent implements chat.Tx.
func (t chatTx) AddChatEvent(_ context.Context, id string, e chat.Event) (chat.Event, error) {
	err := t.row(`UPDATE interactions SET last_seq = last_seq + 1 WHERE id = $1 RETURNING last_seq`, []any{id}, &e.Seq)
	if err != nil {
		return e, failed("count an event of chat "+id, err)
	}
	detail, err := text(chatDetail{e.State, e.Reason, e.Agent, e.AgentName, e.Side, e.UpTo})
	if err != nil {
		return e, err
	}
	_, err = t.exec(`INSERT INTO chat_events (interaction_id, seq, at, kind, detail) VALUES ($1, $2, $3, $4, $5)`,
		id, e.Seq, e.At.UnixMilli(), e.Kind, detail)
	return e, err
}

// Attachment implements chat.Tx.
func (t chatTx) Attachment(ctx context.Context, id string) (ticket.Attachment, bool, error) {
	return alone(list(ctx, t, scanAttachment, `SELECT `+attachmentColumns+` FROM attachments WHERE id = $1`, id))
}

func scanChatEvent(row scanner) (chat.Event, error) {
	var e chat.Event
	var d chatDetail
	err := row.Scan(&e.Seq, moment{&e.At}, &e.Kind, document{&d})
	e.State, e.Reason, e.Agent, e.AgentName, e.Side, e.UpTo = d.State, d.Reason, d.Agent, d.AgentName, d.Side, d.UpTo
	return e, err
}

// Conversation implements chat.Store.
func (s *Store) Conversation(ctx context.Context, id string) (c chat.Conversation, err error) {
	const doing = "read a chat"
	if c.Chat, err = first(ctx, s.read, scanChat, `SELECT `+chatColumns+` FROM chats WHERE id = $1`, id); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			err = ticket.ErrNotFound
		}
		return c, fmt.Errorf("%s: %w", doing, err)
	}
	c.Interaction, err = first(ctx, s.read, scanInteraction, `SELECT `+interactionColumns+` FROM interactions WHERE id = $1`, id)
	if err != nil {
		return c, failed(doing, err)
	}
	c.Ticket, _, err = ticketRow(ctx, s.read, `SELECT `+ticketColumns+` FROM tickets WHERE id = $1`, c.Interaction.TicketID)
	if err != nil {
		return c, failed(doing, err)
	}
	wishes, err := s.wishes(ctx, work.ChatItem(id))
	c.Wish = wishes[work.ChatItem(id)]
	return c, failed(doing, err)
}

// ChatEvents implements chat.Store. The last number is read first: what has a
// number up to it is there, whatever is written meanwhile.
func (s *Store) ChatEvents(ctx context.Context, id string, after int64, limit int) ([]chat.Event, error) {
	const doing = "read the events of a chat"
	last, err := first(ctx, s.read, func(row scanner) (n int64, err error) { err = row.Scan(&n); return n, err },
		`SELECT last_seq FROM interactions WHERE id = $1`, id)
	if errors.Is(err, sql.ErrNoRows) || err == nil && last <= after {
		return nil, nil
	}
	if err != nil {
		return nil, failed(doing, err)
	}
	said, err := messages(ctx, s.read, `WHERE interaction_id = $1 AND seq > $2 AND seq <= $3 AND kind <> 'note' ORDER BY seq LIMIT $4`,
		id, after, last, limit)
	if err != nil {
		return nil, failed(doing, err)
	}
	all, err := list(ctx, s.read, scanChatEvent, `SELECT seq, at, kind, detail FROM chat_events
		WHERE interaction_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4`, id, after, last, limit)
	if err != nil {
		return nil, failed(doing, err)
	}
	for _, m := range said {
		all = append(all, chat.Event{Seq: m.Seq, At: m.CreatedAt, Kind: chat.KindMessage, Message: m})
	}
	slices.SortFunc(all, func(a, b chat.Event) int { return int(a.Seq - b.Seq) })
	if len(all) > limit {
		all = all[:limit]
	}
	return all, nil
}

// OpenChats implements chat.Store.
func (s *Store) OpenChats(ctx context.Context) ([]string, error) {
	all, err := list(ctx, s.read, scanText, `SELECT c.id FROM chats c JOIN interactions i ON i.id = c.id
		WHERE c.state <> 'ended' ORDER BY i.started_at, c.id`)
	return all, failed("read the open chats", err)
}

// OpenTasks implements work.Store.
func (s *Store) OpenTasks(ctx context.Context) ([]work.Task, error) {
	const doing = "read the waiting work"
	todo, err := s.NeedsWork(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for ids := todo.contacts(); len(ids) > 0; {
		part := ids[:min(len(ids), 500)]
		ids = ids[len(part):]
		var f filter
		in(&f, "id", part)
		rows, err := list(ctx, s.read, scanContact, `SELECT `+contactColumns+` FROM contacts`+f.where(), f.args...)
		if err != nil {
			return nil, failed(doing, err)
		}
		for _, c := range rows {
			names[c.ID] = c.Name
		}
	}
	held, err := s.holders(ctx)
	if err != nil {
		return nil, failed(doing, err)
	}
	wishes, err := s.wishes(ctx, "")
	if err != nil {
		return nil, failed(doing, err)
	}
	return todo.Tasks(names, held, wishes), nil
}

// contacts are the ids of the customers of what waits, each once.
func (w *WorkToDo) contacts() []string {
	seen := map[string]bool{}
	for _, m := range w.Mails {
		seen[m.Ticket.ContactID] = true
	}
	for _, t := range w.Tickets {
		seen[t.ContactID] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// Tasks makes tasks of what waits: mails of tickets that we owe something in, and
// the tickets. names are those of contacts by id, held says who has an item,
// wishes what its last transfer asked for.
func (w *WorkToDo) Tasks(names map[string]string, held map[queue.ItemID]Holder, wishes map[queue.ItemID]work.Wish) []work.Task {
	var all []work.Task
	add := func(t ticket.Ticket, task work.Task) {
		task.TicketID, task.Category, task.Priority, task.Language = t.ID, t.Category, t.Priority, t.Language
		task.Player, task.Subject, task.Preferred = names[t.ContactID], t.Subject, account.ID(t.AssigneeID)
		if t.Queue != "" {
			task.Queue = t.Queue
		}
		h := held[task.ItemID()]
		task.Holder, task.Parked, task.Wish = h.Agent, h.Parked, wishes[task.ItemID()]
		all = append(all, task)
	}
	for _, m := range w.Mails {
		if m.Ticket.State == ticket.StateNew || m.Ticket.State == ticket.StateOpen {
			i := m.Interaction
			add(m.Ticket, work.Task{Channel: i.Channel, InteractionID: i.ID, Queue: i.Queue, Since: i.WaitingSince})
		}
	}
	for _, t := range w.Tickets {
		since := t.CreatedAt
		if t.State != ticket.StateNew {
			since = t.UpdatedAt // opened again, or given up
		}
		add(t, work.Task{Channel: call.ChannelTicket, Since: since})
	}
	return all
}

// Holder is who has an item of text.
type Holder struct {
	Agent  account.ID
	Parked bool
}

// holders returns who has which of the items of deferred text that have not ended.
func (s *Store) holders(ctx context.Context) (map[queue.ItemID]Holder, error) {
	var f filter
	in(&f, "channel", []call.Channel{call.ChannelEmail, call.ChannelSocial, call.ChannelWebForm, call.ChannelTicket})
	f.add("assignee_id <> ''")
	f.add("end_reason IS NULL")
	held := map[queue.ItemID]Holder{}
	_, err := list(ctx, s.read, func(row scanner) (id queue.ItemID, err error) {
		var h Holder
		var state string
		err = row.Scan(&id, &h.Agent, &state)
		h.Parked = state == "parked"
		held[id] = h
		return id, err
	}, `SELECT id, assignee_id, state FROM work_items`+f.where(), f.args...)
	return held, err
}
