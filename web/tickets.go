package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

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
	MergedInto string    `json:"merged_into" doc:"Id of the ticket that took it over."`
	Tags       []string  `json:"tags" nullable:"false"`
	Waiting    MaybeTime `json:"waiting_since" doc:"Oldest message of the customer without an answer."`
	Channels   []string  `json:"channels" nullable:"false" doc:"Of its interactions."`
	Calls      []string  `json:"calls" nullable:"false" doc:"Ids, oldest first."`
	Recordings []string  `json:"recordings" nullable:"false" doc:"Ids, oldest first."`
	LastPos    int64     `json:"last_pos" doc:"Of its newest message: what expected_last is compared with."`
	Version    int64     `json:"version" doc:"What an edit says it was made on."`
	CreatedAt  MaybeTime `json:"created_at"`
	UpdatedAt  MaybeTime `json:"updated_at"`
}

// TicketStory is a ticket with its timeline.
type TicketStory struct {
	TicketRow
	Timeline     []Event         `json:"timeline" nullable:"false"`
	Interactions []ContactTouch  `json:"interactions" nullable:"false" doc:"Oldest first."`
	Messages     []TicketMessage `json:"messages" nullable:"false" doc:"The newest 500, oldest first."`
	Links        []TicketTie     `json:"links" nullable:"false"`
	Merged       []TicketValue   `json:"merged" nullable:"false" doc:"Tickets that it took over; number and state only of one that is not his to see."`

	People map[string]string `json:"people" nullable:"false" doc:"Names of the users that the story speaks of, by id."`
}

// TicketTie is a link to another ticket.
type TicketTie struct {
	TicketID string `json:"ticket_id"`
	Number   int64  `json:"number"`
	Subject  string `json:"subject"`
	State    string `json:"state"`
	Kind     string `json:"kind" enum:"duplicate,parent,related,follow_up"`
	Here     bool   `json:"here" doc:"The link leads from this ticket to the other; else the other way."`
}

// ContactIdentity is an address by which a contact is known.
type ContactIdentity struct {
	Kind     string `json:"kind"`
	Value    string `json:"value"`
	Verified bool   `json:"verified"`

	Undeliverable string `json:"undeliverable" doc:"Why mail to it comes back for good; empty: it arrives, as far as is known."`
}

// ContactTouch is one time that a contact reached us, or we him.
type ContactTouch struct {
	ID         string    `json:"id" doc:"Of the call, chat or thread."`
	Channel    string    `json:"channel"`
	Direction  string    `json:"direction"`
	TicketID   string    `json:"ticket_id"`
	Queue      string    `json:"queue"`
	StartedAt  MaybeTime `json:"started_at"`
	AnsweredAt MaybeTime `json:"answered_at"`
	EndedAt    MaybeTime `json:"ended_at"`
	EndReason  string    `json:"end_reason"`
	AgentID    string    `json:"agent_id"`

	Subject      string    `json:"subject" doc:"Of a mail thread."`
	FirstReplyMS int64     `json:"first_reply_ms" doc:"0: none yet."`
	WaitingSince MaybeTime `json:"waiting_since"`

	Undeliverable string `json:"undeliverable" doc:"Of a mail thread in a ticket: why mail to its address comes back for good."`
}

// ContactRef names a contact.
type ContactRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// ContactStory is a contact with what we know of him.
type ContactStory struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	Language     string            `json:"language"`
	CreatedAt    MaybeTime         `json:"created_at"`
	Identities   []ContactIdentity `json:"identities" nullable:"false"`
	Interactions []ContactTouch    `json:"interactions" nullable:"false" doc:"Newest first."`
	Merged       []ContactRef      `json:"merged" nullable:"false" doc:"Contacts that he took over."`
}

type listTicketsInput struct {
	PageInput
	State      string `query:"state" enum:"new,open,pending_customer,on_hold,solved,closed,merged"`
	ContactID  string `query:"contact_id" maxLength:"64"`
	Queue      string `query:"queue" maxLength:"64"`
	Category   string `query:"category" maxLength:"64"`
	Channel    string `query:"channel" enum:"call,callback,chat,email,social,web_form,ticket" doc:"By which it began."`
	AssigneeID string `query:"assignee_id" maxLength:"64" doc:"none: nobody has it."`
	Tag        string `query:"tag" maxLength:"64"`
	Waiting    bool   `query:"waiting" doc:"Only those whose customer waits for an answer."`
	Text       string `query:"q" maxLength:"400" doc:"Words of the ticket or its messages, without regard to case and accents; or its number."`
	Order      string `query:"order" enum:"created,updated" default:"created"`
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
	me := mine(ctx)
	f := store.TicketFilter{
		ContactID: in.ContactID, AssigneeID: in.AssigneeID, Agent: me, Also: s.held(me), Category: in.Category, Queue: in.Queue,
		Channel: call.Channel(in.Channel), WaitingForUs: in.Waiting, Text: in.Text, Page: store.Page{Limit: in.Limit, After: in.After},
	}
	if number, ok := ticketNumber(in.Text); ok {
		f.Number, f.Text = number, ""
	}
	if in.AssigneeID == "none" {
		f.AssigneeID, f.Unassigned = "", true
	}
	if in.State != "" {
		f.States = []ticket.State{ticket.State(in.State)}
	}
	if in.Tag != "" {
		f.Tags = []string{in.Tag}
	}
	if in.Order == "updated" {
		f.Order = store.ByUpdated
	}
	rows, next, err := s.parts.Store.Tickets(ctx, f)
	if err != nil {
		return nil, s.fail(ctx, "list tickets", err)
	}
	return s.ticketPage(ctx, rows, next)
}

// ticketPage is a page of tickets with their heads.
func (s *Server) ticketPage(ctx context.Context, rows []ticket.Ticket, next string) (*listOutput[TicketRow], error) {
	heads, err := s.parts.Store.TicketHeads(ctx, rows)
	if err != nil {
		return nil, s.fail(ctx, "read the heads of tickets", err)
	}
	return page(rows, next, func(t ticket.Ticket) TicketRow { return showTicket(&t, heads[t.ID]) }), nil
}

// ticketNumber reads a search for one ticket: 1042 or #1042.
func ticketNumber(text string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimPrefix(strings.TrimSpace(text), "#"), 10, 64)
	return n, err == nil && n > 0
}

func showTicket(t *ticket.Ticket, h store.TicketHead) TicketRow {
	channels := make([]string, 0, len(h.Channels))
	for _, c := range h.Channels {
		channels = append(channels, string(c))
	}
	return TicketRow{
		ID: t.ID, Number: t.Number, Subject: t.Subject, Type: t.Type, Category: t.Category, State: string(t.State),
		Priority: t.Priority, Queue: t.Queue, Channel: string(t.Channel), Language: t.Language, ContactID: t.ContactID,
		Contact: h.Contact, AssigneeID: t.AssigneeID, MergedInto: t.MergedInto, Tags: append([]string{}, t.Tags...),
		Waiting: at(h.WaitingSince), Channels: channels, Calls: callIDs(h.Calls), Recordings: append([]string{}, h.Recordings...),
		LastPos: t.LastPos, Version: t.Version, CreatedAt: at(t.CreatedAt), UpdatedAt: at(t.UpdatedAt),
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
	if err := s.mayTicket(ctx, &d.Ticket, mayRead); err != nil {
		return nil, err
	}
	h := store.TicketHead{Contact: d.Contact.Name, Calls: d.Calls, Recordings: d.Recordings}
	story := TicketStory{
		Timeline: showEvents(d.Events), Interactions: []ContactTouch{}, Messages: []TicketMessage{}, Links: []TicketTie{}, Merged: []TicketValue{},
	}
	for _, i := range d.Interactions {
		touch := showTouch(&i)
		touch.Undeliverable = d.Undeliverable[strings.ToLower(i.Theirs())]
		story.Interactions = append(story.Interactions, touch)
		if !slices.Contains(h.Channels, i.Channel) {
			h.Channels = append(h.Channels, i.Channel)
		}
		if w := i.WaitingSince; !w.IsZero() && (h.WaitingSince.IsZero() || w.Before(h.WaitingSince)) {
			h.WaitingSince = w
		}
	}
	for _, m := range d.Messages {
		story.Messages = append(story.Messages, showMessage(m))
	}
	for i := range d.Merged {
		story.Merged = append(story.Merged, s.showMerged(ctx, &d.Ticket, &d.Merged[i]))
	}
	if story.Links, err = s.showLinks(ctx, &d.Ticket, d.Links); err != nil {
		return nil, err
	}
	story.TicketRow = showTicket(&d.Ticket, h)
	story.People = s.peopleOf(ctx, d)
	return &oneOutput[TicketStory]{story}, nil
}

// peopleOf names the users of a ticket's story.
func (s *Server) peopleOf(ctx context.Context, d store.TicketDetail) map[string]string {
	ids := []string{d.Ticket.AssigneeID}
	for _, e := range d.Events {
		ids = append(ids, e.Actor)
		ids = append(ids, e.Detail["agent"])
		if e.Kind == "assignee_changed" {
			ids = append(ids, e.Detail["from"], e.Detail["to"])
		}
	}
	for _, m := range d.Messages {
		if m.Kind == ticket.MessageAgent || m.Kind == ticket.MessageNote {
			ids = append(ids, m.AuthorID)
		}
	}
	for _, i := range d.Interactions {
		ids = append(ids, string(i.HandledBy))
	}
	slices.Sort(ids)
	people := map[string]string{}
	for _, id := range slices.Compact(ids) {
		if id == "" {
			continue
		}
		name := s.agentName(account.ID(id), "")
		if name == "" {
			if u, err := s.parts.Store.UserByID(ctx, account.ID(id)); err == nil {
				name = u.Name
			}
		}
		if name != "" {
			people[id] = name
		}
	}
	return people
}

// showMerged is a ticket that another took over; of one that the actor may not see
// he learns the number and the state, as of one that is linked.
func (s *Server) showMerged(ctx context.Context, into, t *ticket.Ticket) TicketValue {
	if !s.mayNameTicket(ctx, into, t) {
		return TicketValue{ID: t.ID, Number: t.Number, State: string(t.State), MergedInto: t.MergedInto, Tags: []string{}}
	}
	return showValue(*t)
}

// showLinks names the tickets at the other end of links; of one that the actor may
// not see he learns the number and the state.
func (s *Server) showLinks(ctx context.Context, from *ticket.Ticket, links []ticket.Link) ([]TicketTie, error) {
	ties := make([]TicketTie, 0, len(links))
	for _, l := range links {
		tie := TicketTie{TicketID: l.To, Kind: l.Kind, Here: l.From == from.ID}
		if !tie.Here {
			tie.TicketID = l.From
		}
		other, err := s.parts.Store.TicketByID(ctx, tie.TicketID)
		if err != nil {
			return nil, s.fail(ctx, "read the links of a ticket", err)
		}
		tie.Number, tie.State = other.Number, string(other.State)
		if s.mayNameTicket(ctx, from, &other) {
			tie.Subject = other.Subject
		}
		ties = append(ties, tie)
	}
	return ties, nil
}

func (s *Server) getContact(ctx context.Context, in *IDInput) (*oneOutput[ContactStory], error) {
	if err := s.mayContact(ctx, in.ID, mayRead); err != nil {
		return nil, err
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
		Identities: []ContactIdentity{}, Interactions: []ContactTouch{}, Merged: []ContactRef{},
	}
	for _, i := range d.Identities {
		c.Identities = append(c.Identities, ContactIdentity{i.Kind, i.Value, i.Verified, i.Undeliverable})
	}
	for _, i := range d.Interactions {
		c.Interactions = append(c.Interactions, showTouch(&i))
	}
	for _, m := range d.Merged {
		c.Merged = append(c.Merged, ContactRef{m.ID, m.Name})
	}
	return c
}

func showTouch(i *ticket.Interaction) ContactTouch {
	return ContactTouch{
		ID: i.ID, Channel: string(i.Channel), Direction: string(i.Direction), TicketID: i.TicketID, Queue: i.Queue, Subject: i.Subject,
		StartedAt: at(i.StartedAt), AnsweredAt: at(i.AnsweredAt), EndedAt: at(i.EndedAt), EndReason: string(i.EndReason),
		AgentID: string(i.HandledBy), FirstReplyMS: i.FirstReply.Milliseconds(), WaitingSince: at(i.WaitingSince),
	}
}
