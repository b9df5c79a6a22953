package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"pickup/account"
	"pickup/call"
	"pickup/store"
	"pickup/ticket"
)

// TicketRow is a ticket in a list.
type TicketRow struct {
	ID         string    `json:"id"`
	Number     int64     `json:"number"`
	Subject    string    `json:"subject"`
	Type       string    `json:"type"`
	Category   string    `json:"category"`
	State      string    `json:"state" enum:"new,open,pending_customer,on_hold,solved,closed,merged"`
	Priority   int       `json:"priority"`
	Queue      string    `json:"queue"`
	Channel    string    `json:"channel"`
	Language   string    `json:"language"`
	ContactID  string    `json:"contact_id"`
	Contact    string    `json:"contact_name"`
	AssigneeID string    `json:"assignee_id"`
	Calls      []string  `json:"calls" nullable:"false" doc:"Ids, oldest first."`
	Recordings []string  `json:"recordings" nullable:"false" doc:"Ids, oldest first."`
	CreatedAt  MaybeTime `json:"created_at"`
	UpdatedAt  MaybeTime `json:"updated_at"`
}

// TicketStory is a ticket with its timeline.
type TicketStory struct {
	TicketRow
	Timeline []Event `json:"timeline" nullable:"false"`
}

// ContactIdentity is an address by which a contact is known.
type ContactIdentity struct {
	Kind     string `json:"kind"`
	Value    string `json:"value"`
	Verified bool   `json:"verified"`
}

// ContactTouch is one time that a contact reached us, or we him.
type ContactTouch struct {
	ID         string    `json:"id" doc:"Of the call."`
	Channel    string    `json:"channel"`
	Direction  string    `json:"direction"`
	TicketID   string    `json:"ticket_id"`
	Queue      string    `json:"queue"`
	StartedAt  MaybeTime `json:"started_at"`
	AnsweredAt MaybeTime `json:"answered_at"`
	EndedAt    MaybeTime `json:"ended_at"`
	EndReason  string    `json:"end_reason"`
	AgentID    string    `json:"agent_id"`
}

// ContactStory is a contact with what we know of him.
type ContactStory struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	Language     string            `json:"language"`
	CreatedAt    MaybeTime         `json:"created_at"`
	Identities   []ContactIdentity `json:"identities" nullable:"false"`
	Interactions []ContactTouch    `json:"interactions" nullable:"false" doc:"Newest first."`
}

type listTicketsInput struct {
	PageInput
	State     string `query:"state" enum:"new,open,pending_customer,on_hold,solved,closed,merged"`
	ContactID string `query:"contact_id" maxLength:"64"`
	Queue     string `query:"queue" maxLength:"64"`
}

func (s *Server) ticketOperations(api huma.API) {
	register(api, act{
		id: "list-tickets", method: http.MethodGet, path: "/api/v1/tickets", tag: "tickets", rule: everyone,
		summary: "Tickets, newest first",
	}, s.listTickets)
	register(api, act{
		id: "get-ticket", method: http.MethodGet, path: "/api/v1/tickets/{id}", tag: "tickets", rule: everyone,
		summary: "One ticket with its timeline", errors: []int{http.StatusNotFound},
	}, s.getTicket)
	register(api, act{
		id: "get-contact", method: http.MethodGet, path: "/api/v1/contacts/{id}", tag: "tickets", rule: everyone,
		summary: "A contact; an agent sees those he has a ticket of", errors: []int{http.StatusNotFound},
	}, s.getContact)
}

func (s *Server) listTickets(ctx context.Context, in *listTicketsInput) (*listOutput[TicketRow], error) {
	f := store.TicketFilter{
		ContactID: in.ContactID, AssigneeID: string(mine(ctx)), Queue: in.Queue, Page: store.Page{Limit: in.Limit, After: in.After},
	}
	if in.State != "" {
		f.States = []ticket.State{ticket.State(in.State)}
	}
	rows, next, err := s.parts.Store.Tickets(ctx, f)
	if err != nil {
		return nil, s.fail(ctx, "list tickets", err)
	}
	details := make([]store.TicketDetail, 0, len(rows))
	for _, t := range rows {
		d, err := s.parts.Store.Ticket(ctx, t.ID)
		if err != nil {
			return nil, s.fail(ctx, "read a ticket", err)
		}
		details = append(details, d)
	}
	return page(details, next, showTicket), nil
}

func showTicket(d store.TicketDetail) TicketRow {
	t := d.Ticket
	return TicketRow{
		ID: t.ID, Number: t.Number, Subject: t.Subject, Type: t.Type, Category: t.Category, State: string(t.State),
		Priority: t.Priority, Queue: t.Queue, Channel: string(t.Channel), Language: t.Language, ContactID: t.ContactID,
		Contact: d.Contact.Name, AssigneeID: t.AssigneeID, Calls: callIDs(d.Calls), Recordings: append([]string{}, d.Recordings...),
		CreatedAt: at(t.CreatedAt), UpdatedAt: at(t.UpdatedAt),
	}
}

func callIDs(ids []call.ID) []string {
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		out = append(out, string(id))
	}
	return out
}

func (s *Server) getTicket(ctx context.Context, in *IDInput) (*oneOutput[TicketStory], error) {
	d, err := s.parts.Store.Ticket(ctx, in.ID)
	if err != nil {
		return nil, s.fail(ctx, "read a ticket", err)
	}
	if err := own(ctx, account.ID(d.Ticket.AssigneeID)); err != nil {
		return nil, err
	}
	return &oneOutput[TicketStory]{TicketStory{showTicket(d), showEvents(d.Events)}}, nil
}

func (s *Server) getContact(ctx context.Context, in *IDInput) (*oneOutput[ContactStory], error) {
	if only := mine(ctx); only != "" {
		f := store.TicketFilter{ContactID: in.ID, AssigneeID: string(only), Page: store.Page{Limit: 1}}
		rows, _, err := s.parts.Store.Tickets(ctx, f)
		if err != nil {
			return nil, s.fail(ctx, "list tickets", err)
		}
		if len(rows) == 0 {
			return nil, problem(http.StatusForbidden, "", "Agents see what is theirs.", "")
		}
	}
	d, err := s.parts.Store.Contact(ctx, in.ID)
	if err != nil {
		return nil, s.fail(ctx, "read a contact", err)
	}
	return &oneOutput[ContactStory]{showContact(d)}, nil
}

func showContact(d store.ContactDetail) ContactStory {
	c := ContactStory{
		ID: d.Contact.ID, Name: d.Contact.Name, Language: d.Contact.Language, CreatedAt: at(d.Contact.CreatedAt),
		Identities: []ContactIdentity{}, Interactions: []ContactTouch{},
	}
	for _, i := range d.Identities {
		c.Identities = append(c.Identities, ContactIdentity{i.Kind, i.Value, i.Verified})
	}
	for _, i := range d.Interactions {
		c.Interactions = append(c.Interactions, ContactTouch{
			ID: i.ID, Channel: string(i.Channel), Direction: string(i.Direction), TicketID: i.TicketID, Queue: i.Queue,
			StartedAt: at(i.StartedAt), AnsweredAt: at(i.AnsweredAt), EndedAt: at(i.EndedAt), EndReason: string(i.EndReason),
			AgentID: string(i.HandledBy),
		})
	}
	return c
}
