package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"pickup/account"
	"pickup/internal/logkey"
	"pickup/queue"
	"pickup/ticket"
	"pickup/ticket/work"
)

// WorkDestinations is where a piece of work may be transferred to.
type WorkDestinations struct {
	Queues []string           `json:"queues" nullable:"false" doc:"By name."`
	Agents []DestinationAgent `json:"agents" nullable:"false" doc:"By name; those who are a member of a queue."`
	Skills []DestinationSkill `json:"skills" nullable:"false" doc:"That somebody has, by name."`
}

// DestinationAgent is an agent to whom work may be given.
type DestinationAgent struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	State  string   `json:"state"`
	Queues []string `json:"queues" nullable:"false" doc:"Whose member he is."`
}

// DestinationSkill is a skill that may be asked for.
type DestinationSkill struct {
	Name  string `json:"name"`
	Level int    `json:"level" doc:"The highest that an agent has, 1 to 5."`
}

type transferWorkInput struct {
	IDInput
	Body struct {
		Queue      string `json:"queue,omitempty" maxLength:"64" doc:"Where it waits; without it where it is."`
		AgentID    string `json:"agent_id,omitempty" maxLength:"64" doc:"Who gets it before anybody else: at once where he has room, else it waits for him for a minute (chat) or half an hour, then for everybody. Not with a skill that he has not."`
		Skill      string `json:"skill,omitempty" maxLength:"64" doc:"Only who has it is offered it."`
		Level      int    `json:"level,omitempty" minimum:"0" maximum:"5" doc:"Of the skill, at least; without it 1."`
		Reason     string `json:"reason" minLength:"1" maxLength:"1000" doc:"In the ticket's timeline."`
		NewRequest bool   `json:"new_request,omitempty" doc:"It waits behind all others; else it keeps its place."`
	}
}

func (s *Server) handoverOperations(api huma.API) {
	const one = "/api/v1/work/{id}"
	gone := []int{http.StatusNotFound, http.StatusConflict}
	register(api, act{
		id: "list-work-destinations", method: http.MethodGet, path: one + "/destinations", tag: "work", rule: everyone, errors: gone[:1],
		summary: "To which queues, agents and skills a piece of work may be transferred",
	}, s.workDestinations)
	register(api, act{
		id: "transfer-work", method: http.MethodPost, path: one + "/transfer", tag: "work", rule: agentOrManage, errors: gone,
		summary: "Give it to a queue, an agent or a skill, with the reason; an agent what he has or is offered, who manages anything",
	}, s.transferWork)
}

// workDestinations serves GET /api/v1/work/{id}/destinations.
func (s *Server) workDestinations(ctx context.Context, in *IDInput) (*oneOutput[WorkDestinations], error) {
	item, err := s.parts.Board.Get(ctx, queue.ItemID(in.ID))
	if err != nil {
		return nil, s.failWork(ctx, "read work", err)
	}
	if err := s.mayWork(ctx, &item); err != nil {
		return nil, err
	}
	skills, err := s.parts.Store.Skills(ctx)
	if err != nil {
		return nil, s.fail(ctx, "read the skills", err)
	}
	out := WorkDestinations{Queues: []string{}, Agents: []DestinationAgent{}, Skills: []DestinationSkill{}}
	of := map[account.ID][]string{}
	for _, q := range s.parts.Queue.Queues() {
		name := strings.ToLower(q.Config.Name)
		out.Queues = append(out.Queues, name)
		for _, m := range q.Config.Members {
			of[m.Agent] = append(of[m.Agent], name)
		}
	}
	slices.Sort(out.Queues)
	best := map[string]int{}
	for _, a := range s.parts.Queue.Agents() {
		if len(of[a.ID]) == 0 {
			continue
		}
		slices.Sort(of[a.ID])
		out.Agents = append(out.Agents, DestinationAgent{string(a.ID), a.Name, string(a.State), of[a.ID]})
		for skill, level := range skills[a.ID] {
			best[skill] = max(best[skill], level)
		}
	}
	slices.SortFunc(out.Agents, func(a, b DestinationAgent) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	for skill, level := range best {
		out.Skills = append(out.Skills, DestinationSkill{skill, level})
	}
	slices.SortFunc(out.Skills, func(a, b DestinationSkill) int { return cmp.Compare(a.Name, b.Name) })
	return &oneOutput[WorkDestinations]{out}, nil
}

// transferWork serves POST /api/v1/work/{id}/transfer: the queue decides, then
// the ticket says so.
func (s *Server) transferWork(ctx context.Context, in *transferWorkInput) (*oneOutput[WorkStory], error) {
	b, u := &in.Body, who(ctx).user
	if err := ticket.CheckReason(b.Reason); err != nil {
		return nil, s.deskFail(ctx, "transfer work", err)
	}
	name := strings.ToLower(b.Queue)
	if _, ok := s.parts.Queue.Has(name); name != "" && !ok {
		return nil, problem(http.StatusUnprocessableEntity, "", "There is no such queue.", "body.queue")
	}
	if _, ok := s.agentView(account.ID(b.AgentID)); b.AgentID != "" && !ok {
		return nil, problem(http.StatusUnprocessableEntity, "", "There is no such agent.", "body.agent_id")
	}
	if b.Level > 0 && b.Skill == "" {
		return nil, problem(http.StatusUnprocessableEntity, "", "A level is of a skill.", "body.level")
	}
	to := queue.Destination{
		Queue: name, Agent: account.ID(b.AgentID), Skill: b.Skill, Level: b.Level, Fresh: b.NewRequest, By: u.Login,
	}
	return s.onWork(ctx, in.ID, func(board *work.Board, ctx context.Context, id queue.ItemID, agent account.ID) (work.Item, error) {
		was, err := board.Get(ctx, id)
		if err != nil {
			return was, err
		}
		if u.Role.Manages() {
			agent = ""
		}
		item, err := board.Transfer(ctx, id, agent, to)
		if err != nil {
			return item, err
		}
		// It is there: the timeline has to say so, also when who asked is gone.
		ctx = context.WithoutCancel(ctx)
		err = s.parts.Desk.HandOver(ctx, by(ctx), ticket.Handover{
			ItemID: string(id), TicketID: item.TicketID, InteractionID: item.InteractionID, Channel: item.Channel,
			From: strings.ToLower(was.Queue), Queue: item.Queue, Had: was.Agent, Agent: to.Agent, Skill: to.Skill, Level: item.Wish.Level,
			Fresh: to.Fresh, Reason: b.Reason, By: u.Login,
		})
		if err != nil {
			s.log.ErrorContext(ctx, "a transfer is not in the ticket", logkey.Item, in.ID, logkey.Ticket, item.TicketID, logkey.Err, err)
		}
		return item, err
	})
}
