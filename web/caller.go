package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pickup/call"
	"pickup/store"
	"pickup/ticket"
)

// CallerInfo is who calls, as far as it is known before anybody answers.
type CallerInfo struct {
	CallID    string      `json:"call_id"`
	Match     string      `json:"match" enum:"exact,probable,unknown" doc:"exact: he proved the address he calls from; probable: it is one of his; unknown: nobody called like him."`
	Address   string      `json:"address" doc:"A number in E.164 where he has one, else his SIP address; empty when hidden."`
	ContactID string      `json:"contact_id"`
	Name      string      `json:"name"`
	Language  string      `json:"language"`
	TicketID  string      `json:"ticket_id" doc:"The ticket that the call will join; empty: a new one."`
	Open      []TicketRow `json:"open" nullable:"false" doc:"Tickets of his that are not done, newest first."`
	Calls24h  int         `json:"calls_24h" doc:"Calls of his within 24 hours, this one among them."`
	LastAgent string      `json:"last_agent" doc:"Name of who spoke or wrote with him last."`
}

func (s *Server) callerOperations(api huma.API) {
	register(api, act{
		id: "get-caller", method: http.MethodGet, path: "/api/v1/calls/{id}/caller", tag: "calls", rule: everyone,
		summary: "Who calls, and his open tickets: what is shown while the phone rings. An agent asks about calls that are his",
		errors:  []int{http.StatusNotFound},
	}, s.getCaller)
}

// callRecord returns the record of a call, live or ended.
func (s *Server) callRecord(ctx context.Context, id call.ID) (call.Record, error) {
	if v, ok := s.parts.Calls.Live(id); ok {
		return v.Record, nil
	}
	r, _, err := s.parts.Store.Call(ctx, id)
	return r, err
}

func (s *Server) getCaller(ctx context.Context, in *IDInput) (*oneOutput[CallerInfo], error) {
	r, err := s.callRecord(ctx, call.ID(in.ID))
	if err != nil {
		return nil, s.fail(ctx, "read a call", err)
	}
	if err := s.ownCall(ctx, &r); err != nil {
		return nil, err
	}
	info := CallerInfo{CallID: in.ID, Match: "unknown", Open: []TicketRow{}, Calls24h: 1}
	from, known := ticket.IdentityOf(r.From, s.parts.Desk.Policy().Country)
	if known && from.Kind != "visitor" {
		info.Address = from.Value
	}
	matter, err := s.suggested(ctx, r)
	if err != nil {
		return nil, err
	}
	if matter.Contact.ID == "" {
		return &oneOutput[CallerInfo]{info}, nil
	}
	info.ContactID, info.Name, info.Language, info.TicketID = matter.Contact.ID, matter.Contact.Name, matter.Contact.Language, matter.Ticket.ID
	info.Match = "probable"
	d, err := s.parts.Store.Contact(ctx, matter.Contact.ID)
	if err != nil {
		return nil, s.fail(ctx, "read a contact", err)
	}
	if slices.ContainsFunc(d.Identities, func(i ticket.Identity) bool { return i.Verified && i.Kind == from.Kind && i.Value == from.Value }) {
		info.Match = "exact"
	}
	for _, i := range d.Interactions {
		if info.LastAgent == "" && i.HandledBy != "" {
			info.LastAgent = s.agentName(i.HandledBy, "")
		}
		if i.Channel == call.ChannelCall && i.ID != in.ID && time.Since(i.StartedAt) < 24*time.Hour {
			info.Calls24h++
		}
	}
	rows, _, err := s.parts.Store.Tickets(ctx, store.TicketFilter{
		States:    []ticket.State{ticket.StateNew, ticket.StateOpen, ticket.StatePending, ticket.StateOnHold},
		ContactID: info.ContactID, Order: store.ByUpdated, Page: store.Page{Limit: 10},
	})
	if err != nil {
		return nil, s.fail(ctx, "list tickets", err)
	}
	open, err := s.ticketPage(ctx, rows, "")
	if err != nil {
		return nil, err
	}
	info.Open = append(info.Open, open.Body.Items...)
	return &oneOutput[CallerInfo]{info}, nil
}

// suggested is the matter that a call will join, and who calls; zero when he is
// not known.
func (s *Server) suggested(ctx context.Context, r call.Record) (matter ticket.Linked, err error) {
	err = s.parts.Desk.Look(ctx, func(tx ticket.DeskTx) error {
		matter, err = ticket.Suggest(ctx, tx, s.parts.Desk.Policy(), r)
		return err
	})
	if err != nil {
		return ticket.Linked{}, s.fail(ctx, "look for who calls", err)
	}
	return matter, nil
}
