package web

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"pickup/ticket"
)

// DuplicateInfo is a ticket that may be the same matter as another.
type DuplicateInfo struct {
	Ticket  TicketValue `json:"ticket"`
	Score   int         `json:"score" minimum:"70" maximum:"120"`
	Reasons []string    `json:"reasons" nullable:"false"`
}

// DraftInfo is what a user writes and has not sent.
type DraftInfo struct {
	Kind      string    `json:"kind" enum:"agent,note"`
	Body      string    `json:"body"`
	UpdatedAt MaybeTime `json:"updated_at"`
}

// WatcherInfo is who has a ticket open.
type WatcherInfo struct {
	UserID string    `json:"user_id"`
	Name   string    `json:"name"`
	Typing bool      `json:"typing"`
	Since  MaybeTime `json:"since"`
}

// CategoryInfo is a kind of matter.
type CategoryInfo struct {
	Name        string `json:"name"`
	MinPriority int    `json:"min_priority" doc:"A ticket of it has at least this priority."`
	Skill       string `json:"skill" doc:"An agent needs it to be offered such a ticket; empty: none."`
}

func (s *Server) deskMoreOperations(api huma.API, one string, conflict []int) {
	writes := agentOrManage
	missing := []int{http.StatusNotFound}
	register(api, act{
		id: "link-ticket", method: http.MethodPut, path: one + "/links/{other}", tag: "tickets", rule: writes, errors: conflict,
		summary: "Tie this ticket to another",
	}, func(ctx context.Context, in *linkInput) (*noOutput, error) { return s.tie(ctx, in, s.parts.Desk.Link) })
	register(api, act{
		id: "unlink-ticket", method: http.MethodDelete, path: one + "/links/{other}", tag: "tickets", rule: writes, errors: conflict,
		summary: "Take a tie away",
	}, func(ctx context.Context, in *linkInput) (*noOutput, error) {
		return s.tie(ctx, in, s.parts.Desk.Unlink)
	})
	register(api, act{
		id: "list-drafts", method: http.MethodGet, path: one + "/drafts", tag: "tickets", rule: writes, errors: missing,
		summary: "What you left unsent on a ticket",
	}, s.listDrafts)
	register(api, act{
		id: "save-draft", method: http.MethodPut, path: one + "/drafts/{kind}", tag: "tickets", rule: writes, errors: missing,
		summary: "Keep what you write; an empty text drops it",
	}, s.saveDraft)
	register(api, act{
		id: "watch-ticket", method: http.MethodPost, path: one + "/watchers", tag: "tickets", rule: everyone, errors: missing,
		summary: "Say every 10 seconds that a page shows the ticket; returns who else does",
	}, s.watchTicket)
	register(api, act{
		id: "leave-ticket", method: http.MethodDelete, path: one + "/watchers/{page}", tag: "tickets", rule: everyone,
		summary: "Say that a page was closed",
	}, func(ctx context.Context, in *leaveInput) (*noOutput, error) {
		s.parts.Watchers.Leave(in.ID, in.Page, who(ctx).user.ID)
		return &noOutput{}, nil
	})
	register(api, act{
		id: "list-categories", method: http.MethodGet, path: "/api/v1/categories", tag: "tickets", rule: everyone, summary: "Kinds of matters",
	}, func(context.Context, *noInput) (*listOutput[CategoryInfo], error) {
		return page(ticket.Categories(), "", func(c ticket.Category) CategoryInfo { return CategoryInfo{c.Name, c.MinPriority, c.Skill} }), nil
	})
	register(api, act{
		id: "merge-contact", method: http.MethodPost, path: "/api/v1/contacts/{id}/merge", tag: "contacts", rule: writes, errors: conflict,
		summary: "Make this contact part of another",
	}, s.mergeContact)
	register(api, act{
		id: "unmerge-contact", method: http.MethodPost, path: "/api/v1/contacts/{id}/unmerge", tag: "contacts", rule: manages, errors: conflict,
		summary: "Take a merge of this contact back, within 24 hours",
	}, func(ctx context.Context, in *IDInput) (*noOutput, error) {
		if err := s.parts.Desk.UnmergeContacts(ctx, by(ctx), in.ID); err != nil {
			return nil, s.deskFail(ctx, "unmerge contacts", err)
		}
		return &noOutput{}, nil
	})
}

type mergeInput struct {
	IDInput
	Body struct {
		Into string `json:"into" minLength:"1" maxLength:"64" doc:"Id of what takes it over."`
	}
}

func (s *Server) mergeTicket(ctx context.Context, in *mergeInput) (*oneOutput[TicketValue], error) {
	for _, id := range []string{in.ID, in.Body.Into} {
		if _, err := s.theTicket(ctx, id, mayWrite); err != nil {
			return nil, err
		}
	}
	t, err := s.parts.Desk.Merge(ctx, by(ctx), in.Body.Into, in.ID)
	if err != nil {
		return nil, s.deskFail(ctx, "merge tickets", err)
	}
	return &oneOutput[TicketValue]{showValue(t)}, nil
}

func (s *Server) unmergeTicket(ctx context.Context, in *IDInput) (*oneOutput[TicketValue], error) {
	if _, err := s.theTicket(ctx, in.ID, mayWrite); err != nil {
		return nil, err
	}
	t, err := s.parts.Desk.Unmerge(ctx, by(ctx), in.ID)
	if err != nil {
		return nil, s.deskFail(ctx, "unmerge tickets", err)
	}
	return &oneOutput[TicketValue]{showValue(t)}, nil
}

type splitInput struct {
	IDInput
	Body struct {
		MessageID string `json:"message_id" minLength:"1" maxLength:"64" doc:"The first message of the new ticket."`
		Subject   string `json:"subject,omitempty" maxLength:"400" doc:"Without it: that of this ticket."`
	}
}

func (s *Server) splitTicket(ctx context.Context, in *splitInput) (*oneOutput[TicketValue], error) {
	if _, err := s.theTicket(ctx, in.ID, mayWrite); err != nil {
		return nil, err
	}
	err := s.parts.Desk.Act(ctx, func(tx ticket.DeskTx) error {
		m, ok, err := tx.Message(ctx, in.Body.MessageID)
		if err == nil && (!ok || m.TicketID != in.ID) {
			err = &ticket.FieldError{Field: "message_id", Value: in.Body.MessageID, Limit: "must be a message of this ticket"}
		}
		return err
	})
	if err != nil {
		return nil, s.deskFail(ctx, "read a message", err)
	}
	t, err := s.parts.Desk.Split(ctx, by(ctx), in.Body.MessageID, in.Body.Subject)
	if err != nil {
		return nil, s.deskFail(ctx, "split a ticket", err)
	}
	return &oneOutput[TicketValue]{showValue(t)}, nil
}

type attachInput struct {
	IDInput
	Body struct {
		Interaction string `json:"interaction_id" minLength:"1" maxLength:"64"`
	}
}

func (s *Server) attachInteraction(ctx context.Context, in *attachInput) (*oneOutput[TicketValue], error) {
	if _, err := s.theTicket(ctx, in.ID, mayWrite); err != nil {
		return nil, err
	}
	if err := s.mayInteraction(ctx, in.Body.Interaction); err != nil {
		return nil, err
	}
	t, err := s.parts.Desk.Attach(ctx, by(ctx), in.Body.Interaction, in.ID)
	if err != nil {
		return nil, s.deskFail(ctx, "attach an interaction", err)
	}
	return &oneOutput[TicketValue]{showValue(t)}, nil
}

func (s *Server) listDuplicates(ctx context.Context, in *IDInput) (*listOutput[DuplicateInfo], error) {
	t, err := s.theTicket(ctx, in.ID, mayRead)
	if err != nil {
		return nil, err
	}
	all, err := s.parts.Desk.Duplicates(ctx, in.ID)
	if err != nil {
		return nil, s.deskFail(ctx, "look for duplicates", err)
	}
	all = slices.DeleteFunc(all, func(d ticket.Duplicate) bool { return !s.mayNameTicket(ctx, &t, &d.Ticket) })
	return page(all, "", func(d ticket.Duplicate) DuplicateInfo {
		return DuplicateInfo{showValue(d.Ticket), d.Score, append([]string{}, d.Reasons...)}
	}), nil
}

type linkInput struct {
	IDInput
	Other string `path:"other" maxLength:"64"`
	Kind  string `query:"kind" enum:"duplicate,parent,related,follow_up" default:"related"`
}

func (s *Server) tie(
	ctx context.Context, in *linkInput, act func(context.Context, ticket.Actor, string, string, string) error,
) (*noOutput, error) {
	for _, id := range []string{in.ID, in.Other} {
		if _, err := s.theTicket(ctx, id, mayWrite); err != nil {
			return nil, err
		}
	}
	if err := act(ctx, by(ctx), in.ID, in.Other, in.Kind); err != nil {
		return nil, s.deskFail(ctx, "link tickets", err)
	}
	return &noOutput{}, nil
}

func (s *Server) listDrafts(ctx context.Context, in *IDInput) (*listOutput[DraftInfo], error) {
	if _, err := s.theTicket(ctx, in.ID, mayRead); err != nil {
		return nil, err
	}
	all, err := s.parts.Desk.Drafts(ctx, in.ID, who(ctx).user.ID)
	if err != nil {
		return nil, s.deskFail(ctx, "read drafts", err)
	}
	return page(all, "", func(d ticket.Draft) DraftInfo { return DraftInfo{string(d.Kind), d.Body, at(d.UpdatedAt)} }), nil
}

type draftInput struct {
	IDInput
	Kind string `path:"kind" enum:"agent,note"`
	Body struct {
		Body string `json:"body" maxLength:"65536"`
	}
}

func (s *Server) saveDraft(ctx context.Context, in *draftInput) (*noOutput, error) {
	if _, err := s.theTicket(ctx, in.ID, mayWrite); err != nil {
		return nil, err
	}
	err := s.parts.Desk.SaveDraft(ctx, ticket.Draft{
		TicketID: in.ID, UserID: who(ctx).user.ID, Kind: ticket.MessageKind(in.Kind), Body: in.Body.Body,
	})
	if err != nil {
		return nil, s.deskFail(ctx, "save a draft", err)
	}
	return &noOutput{}, nil
}

type watchInput struct {
	IDInput
	Body struct {
		Page   string `json:"page" minLength:"1" maxLength:"64" doc:"Chosen by the page: one for each tab."`
		Typing bool   `json:"typing" required:"false"`
	}
}

type leaveInput struct {
	IDInput
	Page string `path:"page" maxLength:"64"`
}

func (s *Server) watchTicket(ctx context.Context, in *watchInput) (*listOutput[WatcherInfo], error) {
	if _, err := s.theTicket(ctx, in.ID, mayRead); err != nil {
		return nil, err
	}
	all := s.parts.Watchers.Beat(in.ID, in.Body.Page, by(ctx), in.Body.Typing)
	return page(all, "", func(p ticket.Presence) WatcherInfo {
		return WatcherInfo{string(p.UserID), p.Name, p.Typing, at(p.Since)}
	}), nil
}

func (s *Server) mergeContact(ctx context.Context, in *mergeInput) (*noOutput, error) {
	for _, id := range []string{in.ID, in.Body.Into} {
		if err := s.mayContact(ctx, id, mayWrite); err != nil {
			return nil, err
		}
	}
	if err := s.parts.Desk.MergeContacts(ctx, by(ctx), in.Body.Into, in.ID); err != nil {
		return nil, s.deskFail(ctx, "merge contacts", err)
	}
	return &noOutput{}, nil
}
