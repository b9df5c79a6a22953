package ticket_test

import (
	"context"
	"errors"
	"time"

	"pickup/call"
	"pickup/ticket"
)

var errDisk = errors.New("disk failed")

// tx is a transaction of a store in memory. It fails at its failAt-th act.
type tx struct {
	ticket.DeskTx // what calls do not use
	contacts      map[string]ticket.Contact
	identities    map[string]string // kind:value to contact
	tickets       map[string]ticket.Ticket
	order         []string
	events        map[string][]call.TimelineEvent
	acts          int
	failAt        int
}

func newTx() *tx {
	return &tx{
		contacts: map[string]ticket.Contact{}, identities: map[string]string{},
		tickets: map[string]ticket.Ticket{}, events: map[string][]call.TimelineEvent{},
	}
}

func (x *tx) act() error {
	if x.acts++; x.acts == x.failAt {
		return errDisk
	}
	return nil
}

func (x *tx) ContactOf(_ context.Context, i ticket.Identity) (ticket.Contact, bool, error) {
	id, ok := x.identities[i.Kind+":"+i.Value]
	return x.contacts[id], ok, x.act()
}

func (x *tx) Contact(_ context.Context, id string) (ticket.Contact, bool, error) {
	c, ok := x.contacts[id]
	return c, ok, x.act()
}

func (x *tx) AddContact(_ context.Context, c ticket.Contact, ids ...ticket.Identity) error {
	x.contacts[c.ID] = c
	for _, i := range ids {
		key := i.Kind + ":" + i.Value
		if _, ok := x.identities[key]; ok {
			return errors.New("identity exists: " + key)
		}
		x.identities[key] = c.ID
	}
	return x.act()
}

func (x *tx) OpenTicket(_ context.Context, contactID, category string, since time.Time) (ticket.Ticket, bool, error) {
	var newest ticket.Ticket
	for _, id := range x.order {
		t := x.tickets[id]
		switch t.State {
		case ticket.StateNew, ticket.StateOpen, ticket.StatePending, ticket.StateOnHold:
		default:
			continue
		}
		if t.ContactID == contactID && t.Category == category && t.CreatedAt.After(since) && !t.CreatedAt.Before(newest.CreatedAt) {
			newest = t
		}
	}
	return newest, newest.ID != "", x.act()
}

func (x *tx) SaveTicket(_ context.Context, t ticket.Ticket) (ticket.Ticket, error) {
	if t.Number == 0 {
		t.Number = int64(len(x.tickets) + 1)
		x.order = append(x.order, t.ID)
	}
	x.tickets[t.ID] = t
	return t, x.act()
}

func (x *tx) AddEvents(_ context.Context, id string, events ...call.TimelineEvent) error {
	x.events[id] = append(x.events[id], events...)
	return x.act()
}
