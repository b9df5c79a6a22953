package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
	"pickup/ticket"
	"pickup/ticket/work"
)

// WorkRow is a piece of written work: a chat, a mail or a ticket.
type WorkRow struct {
	ID            string    `json:"id"`
	Channel       string    `json:"channel" enum:"chat,email,social,web_form,ticket"`
	State         string    `json:"state" enum:"waiting,offered,active,parked,ended"`
	Queue         string    `json:"queue"`
	InteractionID string    `json:"interaction_id"`
	TicketID      string    `json:"ticket_id"`
	Subject       string    `json:"subject"`
	Category      string    `json:"category"`
	Priority      int       `json:"priority"`
	Language      string    `json:"language"`
	Player        string    `json:"player"`
	Position      int       `json:"position" doc:"Place in the queue while it waits; 1 is next, 0: it does not wait."`
	Since         MaybeTime `json:"since" doc:"Since when the customer waits."`
	DueAt         MaybeTime `json:"due_at"`
	AgentID       string    `json:"agent_id" doc:"Whom it is offered to, or who has it."`
	Agent         string    `json:"agent"`
	TakenAt       MaybeTime `json:"taken_at"`
	OfferEndsAt   MaybeTime `json:"offer_ends_at" doc:"When an offer that nobody answers goes back."`
	Why           string    `json:"why" doc:"Why it was offered to this agent."`
	KeyMS         int64     `json:"key_ms" doc:"The place in the order: least first, within the class."`
	Class         int       `json:"class" doc:"0 to be repaired at once, 1 live, 2 deferred."`
}

// WorkTrial is one showing of an item to an agent.
type WorkTrial struct {
	At      MaybeTime `json:"at"`
	AgentID string    `json:"agent_id"`
	Agent   string    `json:"agent"`
	Why     string    `json:"why"`
	Outcome string    `json:"outcome" doc:"accepted, rejected, missed, withdrawn, lost, or why the agent could not be given it; empty while it is open."`
	Reason  string    `json:"reason"`
}

// WorkStory is a piece of work with how it was offered.
type WorkStory struct {
	WorkRow
	Offers    []WorkTrial `json:"offers" nullable:"false" doc:"Oldest first."`
	EndedAt   MaybeTime   `json:"ended_at"`
	EndReason string      `json:"end_reason"`
}

func (s *Server) showWork(i *work.Item) WorkRow {
	row := WorkRow{
		ID: string(i.ID), Channel: string(i.Channel), State: string(i.State), Queue: i.Queue, InteractionID: i.InteractionID,
		TicketID: i.TicketID, Subject: i.Subject, Category: i.Category, Priority: i.Priority, Language: i.Language, Player: i.Player,
		Position: i.Place.Position, Since: at(i.Since), DueAt: at(i.DueAt), AgentID: string(i.Agent), TakenAt: at(i.TakenAt),
		OfferEndsAt: at(i.Deadline), Why: i.Why, KeyMS: i.Key, Class: int(i.Class),
	}
	if i.Agent != "" {
		row.Agent = s.agentName(i.Agent, "")
	}
	return row
}

func (s *Server) showWorkStory(i *work.Item) WorkStory {
	story := WorkStory{WorkRow: s.showWork(i), Offers: []WorkTrial{}}
	for _, t := range i.Trials {
		story.Offers = append(story.Offers, WorkTrial{
			At: at(t.At), AgentID: string(t.Agent), Agent: s.agentName(t.Agent, ""), Why: t.Why, Outcome: t.Outcome, Reason: t.Reason,
		})
	}
	return story
}

type (
	listWorkInput struct {
		Channel string `query:"channel" enum:"chat,email,social,web_form,ticket"`
		State   string `query:"state" enum:"waiting,offered,active,parked"`
		Queue   string `query:"queue" maxLength:"64"`
		Limit   int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}
	rejectWorkInput struct {
		IDInput
		Body struct {
			Reason string `json:"reason,omitempty" maxLength:"200"`
		} `required:"false"`
	}
)

func (s *Server) workOperations(api huma.API) {
	const one = "/api/v1/work/{id}"
	gone := []int{http.StatusNotFound, http.StatusConflict}
	register(api, act{
		id: "list-work", method: http.MethodGet, path: "/api/v1/work", tag: "work", rule: everyone,
		summary: "Written work: what is offered, held, and waits, in order. An agent sees what is his and what waits in his queues",
	}, s.listWork)
	register(api, act{
		id: "get-work", method: http.MethodGet, path: one, tag: "work", rule: everyone, errors: gone[:1],
		summary: "One piece of work with each offer and its reason",
	}, s.getWork)
	verb := func(name, summary string, fn func(*work.Board, context.Context, queue.ItemID, account.ID) (work.Item, error)) {
		register(api, act{
			id: name + "-work", method: http.MethodPost, path: one + "/" + name, tag: "work", rule: agentOrManage, errors: gone, summary: summary,
		}, func(ctx context.Context, in *IDInput) (*oneOutput[WorkStory], error) {
			return s.onWork(ctx, in.ID, fn)
		})
	}
	verb("accept", "Take what is offered to me", (*work.Board).Accept)
	register(api, act{
		id: "done-work", method: http.MethodPost, path: one + "/done", tag: "work", rule: agentOrManage, errors: gone,
		summary: "What I hold is done. A ticket that nobody has taken is mine then; a mail that is not answered waits again",
	}, s.doneWork)
	verb("claim", "Take a waiting item by hand, before its turn", (*work.Board).Claim)
	verb("park", "Set aside what I work on", (*work.Board).Park)
	verb("resume", "Take up what I set aside", (*work.Board).Resume)
	register(api, act{
		id: "reject-work", method: http.MethodPost, path: one + "/reject", tag: "work", rule: agentOrManage, errors: gone,
		summary: "Give an offer back; it keeps its place",
	}, s.rejectWork)
	s.handoverOperations(api)
}

// queuesOf are the queues that an agent is a member of.
func (s *Server) queuesOf(agent account.ID) []string {
	names := []string{}
	for _, q := range s.parts.Queue.Queues() {
		if slices.ContainsFunc(q.Config.Members, func(m queue.Member) bool { return m.Agent == agent }) {
			names = append(names, strings.ToLower(q.Config.Name))
		}
	}
	return names
}

func (s *Server) listWork(ctx context.Context, in *listWorkInput) (*listOutput[WorkRow], error) {
	f := work.Filter{Channel: call.Channel(in.Channel), Limit: in.Limit}
	if in.State != "" {
		f.States = []work.State{work.State(in.State)}
	}
	if in.Queue != "" {
		f.Queues = []string{strings.ToLower(in.Queue)}
	}
	if me := mine(ctx); me != "" {
		f.Agent = me
		own := s.queuesOf(me)
		if in.Queue != "" && !slices.Contains(own, f.Queues[0]) {
			own = []string{}
		} else if in.Queue != "" {
			own = f.Queues
		}
		f.Queues = own
	}
	items, err := s.parts.Board.List(ctx, f)
	if err != nil {
		return nil, s.failWork(ctx, "list work", err)
	}
	return page(items, "", func(i work.Item) WorkRow { return s.showWork(&i) }), nil
}

func (s *Server) getWork(ctx context.Context, in *IDInput) (*oneOutput[WorkStory], error) {
	w, err := s.parts.Board.Story(ctx, queue.ItemID(in.ID))
	if err != nil {
		return nil, s.failWork(ctx, "read work", err)
	}
	if err := s.mayWork(ctx, &w.Item); err != nil {
		return nil, err
	}
	story := s.showWorkStory(&w.Item)
	story.EndedAt, story.EndReason = at(w.EndedAt), string(w.Reason)
	return &oneOutput[WorkStory]{story}, nil
}

// onWork does what an agent decided about a piece of work.
func (s *Server) onWork(
	ctx context.Context, id string, fn func(*work.Board, context.Context, queue.ItemID, account.ID) (work.Item, error),
) (*oneOutput[WorkStory], error) {
	item, err := s.parts.Board.Get(ctx, queue.ItemID(id))
	if err != nil {
		return nil, s.failWork(ctx, "read work", err)
	}
	if err := s.mayWork(ctx, &item); err != nil {
		return nil, err
	}
	item, err = fn(s.parts.Board, ctx, queue.ItemID(id), who(ctx).user.ID)
	if err != nil {
		return nil, s.failWork(ctx, "decide about work", err)
	}
	return &oneOutput[WorkStory]{s.showWorkStory(&item)}, nil
}

// doneWork serves POST /api/v1/work/{id}/done.
func (s *Server) doneWork(ctx context.Context, in *IDInput) (*oneOutput[WorkStory], error) {
	return s.onWork(ctx, in.ID, func(b *work.Board, ctx context.Context, id queue.ItemID, agent account.ID) (work.Item, error) {
		item, err := b.Get(ctx, id)
		if err != nil {
			return item, err
		}
		if item.Channel == call.ChannelTicket && item.Agent == agent {
			if err := s.takeTicket(ctx, item.TicketID, agent); err != nil {
				return item, err
			}
		}
		return b.Done(ctx, id, agent)
	})
}

// takeTicket makes a ticket that nobody has an agent's.
func (s *Server) takeTicket(ctx context.Context, ticketID string, agent account.ID) error {
	for range 3 { // somebody may edit it at this moment
		d, err := s.parts.Store.Ticket(ctx, ticketID)
		if err != nil || d.Ticket.AssigneeID != "" || !d.Ticket.State.Open() {
			return err
		}
		by := ticket.Actor{ID: agent, Name: who(ctx).user.Name}
		_, err = s.parts.Desk.Edit(ctx, by, ticketID, d.Ticket.Version, ticket.Change{AssigneeID: &agent, Reason: "work"})
		var version *ticket.VersionError
		if !errors.As(err, &version) {
			return err
		}
	}
	return work.ErrTaken
}

func (s *Server) rejectWork(ctx context.Context, in *rejectWorkInput) (*oneOutput[WorkStory], error) {
	return s.onWork(ctx, in.ID, func(b *work.Board, ctx context.Context, id queue.ItemID, agent account.ID) (work.Item, error) {
		return b.Reject(ctx, id, agent, in.Body.Reason)
	})
}

// consoleOpen says that an agent's console listens; the function it returns,
// that it does no more.
func (s *Server) consoleOpen(ctx context.Context) (leave func()) {
	a := who(ctx)
	if s.parts.Board == nil || a.user.Role != account.RoleAgent {
		return func() {}
	}
	return s.parts.Board.Present(a.user.ID)
}
