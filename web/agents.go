package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"pickup/account"
	"pickup/queue"
)

// AgentNow is an agent as he stands.
type AgentNow struct {
	ID          string    `json:"id"`
	Login       string    `json:"login"`
	Name        string    `json:"name"`
	State       string    `json:"state" enum:"offline,not_ready,ready,reserved,connecting,talking,holding,consulting,conference,dialing,wrap_up,unreachable"`
	Reason      string    `json:"reason"`
	Since       MaybeTime `json:"since"`
	Devices     int       `json:"devices" doc:"Phones of his that can be rung."`
	CallID      string    `json:"call_id"`
	Load        int       `json:"load" doc:"Of his 100: the weights of the written work that he does; a call takes all of it."`
	WrapUpUntil MaybeTime `json:"wrap_up_until"`
	NextState   string    `json:"next_state" doc:"Applied after the call or the wrap-up; empty when none."`

	Limits []ChannelLimit `json:"limits" nullable:"false" doc:"What he takes of each channel at a time."`
}

type (
	putStateInput struct {
		IDInput
		Body struct {
			State  string `json:"state" enum:"ready,not_ready,offline"`
			Reason string `json:"reason,omitempty" maxLength:"64"`
		}
	}
	agentOutput = oneOutput[AgentNow]
)

func (s *Server) agentOperations(api huma.API) {
	register(api, act{
		id: "list-agents", method: http.MethodGet, path: "/api/v1/agents", tag: "agents", rule: everyone,
		summary: "Agents as they stand; an agent sees himself",
	}, s.listAgents)
	register(api, act{
		id: "get-agent", method: http.MethodGet, path: "/api/v1/agents/{id}", tag: "agents", rule: everyone,
		summary: "One agent as he stands", errors: []int{http.StatusNotFound},
	}, s.getAgent)
	register(api, act{
		id: "put-agent-state", method: http.MethodPut, path: "/api/v1/agents/{id}/state", tag: "agents", rule: agentOrManage,
		summary: "Change the state of an agent", errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.putAgentState)
	register(api, act{
		id: "end-wrap-up", method: http.MethodPost, path: "/api/v1/agents/{id}/wrap-up/end", tag: "agents", rule: agentOrManage,
		summary: "End a wrap-up early", errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.endWrapUp)
}

func (s *Server) listAgents(ctx context.Context, _ *noInput) (*listOutput[AgentNow], error) {
	only := mine(ctx)
	var views []queue.AgentView
	for _, v := range s.parts.Queue.Agents() {
		if only == "" || v.ID == only {
			views = append(views, v)
		}
	}
	return page(views, "", showAgent), nil
}

func showAgent(v queue.AgentView) AgentNow {
	return AgentNow{
		ID: string(v.ID), Login: v.Login, Name: v.Name, State: string(v.State), Reason: v.Reason, Since: at(v.Since),
		Devices: v.Devices, CallID: string(v.CallID), WrapUpUntil: at(v.WrapUpUntil), NextState: string(v.NextState),
		Load: loadOf(v), Limits: showLimits(v.Limits),
	}
}

// loadOf is how much of an agent's 100 is in use.
func loadOf(v queue.AgentView) int {
	if v.CallID != "" {
		return 100
	}
	return v.Load
}

func (s *Server) agentView(agent account.ID) (queue.AgentView, bool) {
	for _, v := range s.parts.Queue.Agents() {
		if v.ID == agent {
			return v, true
		}
	}
	return queue.AgentView{}, false
}

func (s *Server) getAgent(ctx context.Context, in *IDInput) (*agentOutput, error) {
	if err := own(ctx, account.ID(in.ID)); err != nil {
		return nil, err
	}
	return s.showAgentByID(account.ID(in.ID))
}

func (s *Server) showAgentByID(agent account.ID) (*agentOutput, error) {
	v, ok := s.agentView(agent)
	if !ok {
		return nil, problem(http.StatusNotFound, "", "There is no such agent.", "path.id")
	}
	return &agentOutput{showAgent(v)}, nil
}

func (s *Server) putAgentState(ctx context.Context, in *putStateInput) (*agentOutput, error) {
	agent := account.ID(in.ID)
	if err := own(ctx, agent); err != nil {
		return nil, err
	}
	if err := s.parts.Queue.SetState(ctx, agent, queue.AgentState(in.Body.State), in.Body.Reason); err != nil {
		return nil, s.fail(ctx, "set the state of an agent", err)
	}
	return s.showAgentByID(agent)
}

func (s *Server) endWrapUp(ctx context.Context, in *IDInput) (*agentOutput, error) {
	agent := account.ID(in.ID)
	if err := own(ctx, agent); err != nil {
		return nil, err
	}
	if err := s.parts.Queue.EndWrapUp(ctx, agent); err != nil {
		return nil, s.fail(ctx, "end a wrap-up", err)
	}
	return s.showAgentByID(agent)
}
