package ticket

import (
	"cmp"
	"context"
	"time"

	"pickup/call"
)

// Topics of what the desk changes.
const (
	TopicTicket      = "ticket"
	TopicInteraction = "interaction"
	TopicMessage     = "message"
	TopicContact     = "contact"
)

// change is one object that an act changed.
type change struct{ topic, id string }

func compareChange(a, b change) int {
	return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.id, b.id))
}

// touched are the objects that an act changed.
type touched map[change]bool

func (t touched) add(topic, id string) {
	if id != "" {
		t[change{topic, id}] = true
	}
}

// watchedTx is a transaction that notes what is changed.
type watchedTx struct {
	DeskTx
	touched touched
}

func (w watchedTx) AddContact(ctx context.Context, c Contact, ids ...Identity) error {
	w.touched.add(TopicContact, c.ID)
	return w.DeskTx.AddContact(ctx, c, ids...)
}

func (w watchedTx) SaveContact(ctx context.Context, c Contact, at time.Time) error {
	w.touched.add(TopicContact, c.ID)
	return w.DeskTx.SaveContact(ctx, c, at)
}

func (w watchedTx) AddIdentity(ctx context.Context, contactID string, i Identity, at time.Time) error {
	w.touched.add(TopicContact, contactID)
	return w.DeskTx.AddIdentity(ctx, contactID, i, at)
}

func (w watchedTx) SaveTicket(ctx context.Context, t Ticket) (Ticket, error) {
	w.touched.add(TopicTicket, t.ID)
	return w.DeskTx.SaveTicket(ctx, t)
}

func (w watchedTx) AddEvents(ctx context.Context, ticketID string, events ...call.TimelineEvent) error {
	w.touched.add(TopicTicket, ticketID)
	return w.DeskTx.AddEvents(ctx, ticketID, events...)
}

func (w watchedTx) SetTags(ctx context.Context, ticketID string, tags []string) error {
	w.touched.add(TopicTicket, ticketID)
	return w.DeskTx.SetTags(ctx, ticketID, tags)
}

func (w watchedTx) LinkTickets(ctx context.Context, l Link) error {
	w.touched.add(TopicTicket, l.From)
	w.touched.add(TopicTicket, l.To)
	return w.DeskTx.LinkTickets(ctx, l)
}

func (w watchedTx) UnlinkTickets(ctx context.Context, l Link) error {
	w.touched.add(TopicTicket, l.From)
	w.touched.add(TopicTicket, l.To)
	return w.DeskTx.UnlinkTickets(ctx, l)
}

func (w watchedTx) SaveInteraction(ctx context.Context, i Interaction) error {
	w.touched.add(TopicInteraction, i.ID)
	return w.DeskTx.SaveInteraction(ctx, i)
}

func (w watchedTx) AddMessage(ctx context.Context, m Message) (Message, bool, error) {
	stored, again, err := w.DeskTx.AddMessage(ctx, m)
	if err == nil && !again {
		w.touched.add(TopicMessage, stored.ID)
		w.touched.add(TopicTicket, stored.TicketID)
	}
	return stored, again, err
}

func (w watchedTx) SetStatus(ctx context.Context, messageID string, s MessageStatus) error {
	w.touched.add(TopicMessage, messageID)
	return w.DeskTx.SetStatus(ctx, messageID, s)
}

func (w watchedTx) MoveTicket(ctx context.Context, from, to string) (Moved, error) {
	m, err := w.DeskTx.MoveTicket(ctx, from, to)
	w.moved(m)
	return m, err
}

func (w watchedTx) MoveContact(ctx context.Context, from, to string) (Moved, error) {
	m, err := w.DeskTx.MoveContact(ctx, from, to)
	w.moved(m)
	return m, err
}

func (w watchedTx) MoveBack(ctx context.Context, m Moved) error {
	w.moved(m)
	return w.DeskTx.MoveBack(ctx, m)
}

// moved notes who lost, who gained, and what of theirs is shown by itself.
func (w watchedTx) moved(m Moved) {
	topic := TopicTicket
	if m.Kind == MergeContact {
		topic = TopicContact
	}
	w.touched.add(topic, m.From)
	w.touched.add(topic, m.To)
	for _, i := range m.Interactions {
		w.touched.add(TopicInteraction, i)
	}
	for _, t := range m.Tickets {
		w.touched.add(TopicTicket, t)
	}
}

func (w watchedTx) MoveMessages(ctx context.Context, fromInteraction, toInteraction, toTicket string, from int64) error {
	w.touched.add(TopicInteraction, fromInteraction)
	w.touched.add(TopicInteraction, toInteraction)
	w.touched.add(TopicTicket, toTicket)
	return w.DeskTx.MoveMessages(ctx, fromInteraction, toInteraction, toTicket, from)
}
