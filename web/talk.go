package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pickup/call"
	"pickup/callflow"
	"pickup/queue"
	"pickup/store"
)

// problemOperation says that an operation does not fit the state of a call.
const problemOperation = "urn:pickup:problem:operation"

// TalkParty is somebody in a call beside the player and the agent who has him.
type TalkParty struct {
	Kind    string `json:"kind" enum:"consult,transfer,return,pick_up,conference,monitor"`
	Name    string `json:"name" doc:"Login of an agent, or a number; the name of a queue that is consulted, until an agent of it has answered."`
	AgentID string `json:"agent_id"`
	Talking bool   `json:"talking" doc:"False: he is being rung."`
	Queue   string `json:"queue" doc:"The queue that was consulted and gave him, or is asked for somebody; empty for all others."`
	Place   int    `json:"place" doc:"Of a queue that is consulted: the place in its line while nobody is rung; 1 is next, 0 for all others."`
	Listens string `json:"listens" enum:"listen,whisper,barge," doc:"How a supervisor takes part; empty for all others."`
}

// TalkInfo is who hears whom in a live call.
type TalkInfo struct {
	CallID  string      `json:"call_id"`
	State   string      `json:"state"`
	AgentID string      `json:"agent_id"`
	Agent   string      `json:"agent" doc:"Login, or the number, of who has the player; empty while nobody has."`
	Held    bool        `json:"held"`
	Muted   bool        `json:"muted"`
	Paused  bool        `json:"paused" doc:"The recording is paused."`
	Masked  bool        `json:"masked" doc:"The player's keys reach neither the agent nor the recording."`
	Aside   bool        `json:"aside" doc:"The agent talks to who is consulted, and the player hears music."`
	Left    bool        `json:"left" doc:"The player has left; people of ours still talk."`
	Parties []TalkParty `json:"parties" nullable:"false"`
}

// ParkedCall is a player who waits in an orbit.
type ParkedCall struct {
	ID       string `json:"id"`
	From     string `json:"from"`
	Queue    string `json:"queue"`
	TicketID string `json:"ticket_id"`
	By       string `json:"by" doc:"Login of who parked him."`
	Since    Time   `json:"since"`
}

// TalkTarget is an agent whom a call can be given to.
type TalkTarget struct {
	Login string `json:"login"`
	Name  string `json:"name"`
	State string `json:"state"`
	Free  bool   `json:"free" doc:"He can be rung now."`
}

// OperateInput is an operation on a call.
type OperateInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Operation string `json:"operation" enum:"hold,retrieve,mute,unmute,pause_recording,resume_recording,mask,unmask,transfer,consult,toggle,complete,cancel,conference,park,pick_up,listen,whisper,barge,take_over,leave"`
		To        string `json:"to,omitempty" maxLength:"64" doc:"Of transfer and consult: the login of an agent, the name of a queue, or a telephone number."`
	}
}

func (s *Server) talkOperations(api huma.API) {
	register(api, act{
		id: "get-talk", method: http.MethodGet, path: "/api/v1/calls/{id}/talk", tag: "calls", rule: everyone,
		summary: "Who hears whom in a live call", errors: []int{http.StatusNotFound},
	}, s.getTalk)
	register(api, act{
		id: "operate-call", method: http.MethodPost, path: "/api/v1/calls/{id}/talk", tag: "calls", rule: agentOrManage,
		summary: "Hold, transfer, consult, conference, park: what an agent does with his call; listen, whisper, barge, take over: what a supervisor does with any",
		errors:  []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
	}, s.operateCall)
	register(api, act{
		id: "create-call", method: http.MethodPost, path: "/api/v1/calls", tag: "calls", rule: agentOrManage, status: http.StatusCreated,
		summary: "Call a player about a ticket: your own phone rings first, then his number is dialled for the ticket's queue",
		errors:  []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
	}, s.createCall)
	register(api, act{
		id: "list-parked", method: http.MethodGet, path: "/api/v1/parked", tag: "calls", rule: agentOrManage,
		summary: "Players who are parked, who waits longest first: every agent may pick them up",
	}, s.listParked)
	register(api, act{
		id: "list-targets", method: http.MethodGet, path: "/api/v1/targets", tag: "calls", rule: agentOrManage,
		summary: "Agents whom a call can be given to",
	}, s.listTargets)
}

// CallInput is a call that an agent makes.
type CallInput struct {
	Body struct {
		TicketID string `json:"ticket_id" minLength:"1" maxLength:"64" doc:"The ticket that it is about: the call is kept there."`
		Number   string `json:"number" minLength:"3" maxLength:"40" doc:"In E.164, or as it is written in the country of the site."`
		Queue    string `json:"queue,omitempty" maxLength:"64" doc:"For which queue; empty: that of the ticket."`
	}
}

// CallMade is a call that has begun.
type CallMade struct {
	ID string `json:"id"`
}

func (s *Server) createCall(ctx context.Context, in *CallInput) (*oneOutput[CallMade], error) {
	t, err := s.theTicket(ctx, in.Body.TicketID, mayWrite)
	if err != nil {
		return nil, err
	}
	queueName := cmp.Or(in.Body.Queue, t.Queue)
	if _, ok := s.parts.Queue.Has(queueName); !ok {
		return nil, problem(http.StatusUnprocessableEntity, "", "queue: must be one of the site, got "+strconv.Quote(queueName)+".", "body.queue")
	}
	me := who(ctx).user
	id, err := s.parts.Calls.Call(ctx, callflow.OutboundCall{
		By: me.ID, Login: me.Login, Number: in.Body.Number, Queue: queueName, TicketID: t.ID, ContactID: t.ContactID, Language: t.Language,
	})
	if errors.Is(err, callflow.ErrNoTarget) {
		return nil, problem(http.StatusUnprocessableEntity, "", "number: must be a telephone number, got "+strconv.Quote(in.Body.Number)+".", "body.number")
	}
	if err != nil {
		return nil, s.talkFail(ctx, err)
	}
	return &oneOutput[CallMade]{CallMade{string(id)}}, nil
}

func (s *Server) getTalk(ctx context.Context, in *IDInput) (*oneOutput[TalkInfo], error) {
	v, ok := s.parts.Calls.Live(call.ID(in.ID))
	if !ok {
		return nil, s.fail(ctx, "read a call", store.ErrNotFound)
	}
	if err := s.ownCall(ctx, &v.Record); err != nil {
		return nil, err
	}
	return &oneOutput[TalkInfo]{showTalk(&v)}, nil
}

func showTalk(v *callflow.View) TalkInfo {
	t := TalkInfo{
		CallID: string(v.Record.ID), State: string(v.Record.State), AgentID: string(v.Record.AgentID), Agent: v.AgentLogin,
		Held: v.Record.State == call.StateHeld, Muted: v.Muted, Paused: v.Paused, Masked: v.Masked, Aside: v.Aside, Left: v.Orphan, Parties: []TalkParty{},
	}
	for _, p := range v.Parties {
		name := p.Login
		if name == "" {
			name = p.Number
		}
		if name == "" {
			name = p.Queue
		}
		t.Parties = append(t.Parties, TalkParty{p.Kind, name, string(p.Agent), p.Talking, p.Queue, p.Place().Position, string(p.Listens)})
	}
	return t
}

// supervision are the operations for who manages, in any call.
var supervision = []callflow.OperationKind{
	callflow.OpListen, callflow.OpWhisper, callflow.OpBarge, callflow.OpTakeOver, callflow.OpLeave,
}

// mayOperate says who may do what: an agent with the call that he has, anybody
// with a parked one, who manages with any.
func mayOperate(ctx context.Context, v *callflow.View, kind callflow.OperationKind) error {
	me := who(ctx).user
	switch {
	case slices.Contains(supervision, kind):
		if !me.Role.Manages() {
			return problem(http.StatusForbidden, "", "Only supervisors listen to the calls of others.", "body.operation")
		}
	case kind == callflow.OpPickUp:
	case me.Role.Manages():
	case v.AgentLogin != me.Login:
		return problem(http.StatusForbidden, "", "Only who has the player does this.", "")
	}
	return nil
}

func (s *Server) operateCall(ctx context.Context, in *OperateInput) (*oneOutput[TalkInfo], error) {
	id, kind, me := call.ID(in.ID), callflow.OperationKind(in.Body.Operation), who(ctx).user
	v, ok := s.parts.Calls.Live(id)
	if !ok {
		return nil, s.fail(ctx, "operate a call", store.ErrNotFound)
	}
	if err := mayOperate(ctx, &v, kind); err != nil {
		return nil, err
	}
	op := callflow.Operation{Kind: kind, By: me.ID, ByLogin: me.Login}
	if kind == callflow.OpTransfer || kind == callflow.OpConsult {
		to, err := s.parts.Calls.Target(in.Body.To)
		if err != nil {
			return nil, s.talkFail(ctx, err)
		}
		op.To = to
		if v.AgentLogin != me.Login { // a supervisor gives away what another has: who has it gets it back
			op.By, op.ByLogin = v.Record.AgentID, v.AgentLogin
		}
	}
	if slices.Contains(supervision, kind) { // before anybody hears anything
		err := s.parts.Store.LogAudit(ctx, store.Audit{
			At: time.Now(), Actor: me.ID, Action: "call." + in.Body.Operation, ObjectKind: "call", ObjectID: in.ID, IP: sourceOf(ctx).String(),
		})
		if err != nil {
			return nil, s.fail(ctx, "write the audit log", err)
		}
	}
	if err := s.parts.Calls.Operate(ctx, id, op); err != nil {
		return nil, s.talkFail(ctx, err)
	}
	if now, ok := s.parts.Calls.Live(id); ok {
		v = now
	}
	return &oneOutput[TalkInfo]{showTalk(&v)}, nil
}

// talkFail turns an error of an operation into a problem document.
func (s *Server) talkFail(ctx context.Context, err error) error {
	var unfit *callflow.OperationError
	var busy *queue.RefusedError
	var full *callflow.Refusal
	switch {
	case errors.As(err, &unfit):
		return problem(http.StatusConflict, problemOperation, "Not in state "+string(unfit.State)+": "+unfit.Why+".", "body.operation")
	case errors.As(err, &busy):
		return problem(http.StatusConflict, problemRefused, "The agent is "+string(busy.State)+": "+busy.Why+".", "body.to")
	case errors.As(err, &full):
		return retry(problem(http.StatusServiceUnavailable, "", "The server takes no more calls now.", ""), full.RetryAfter)
	case errors.Is(err, callflow.ErrEnded):
		return problem(http.StatusNotFound, "", "There is no such live call.", "path.id")
	case errors.Is(err, callflow.ErrNoTarget):
		return problem(http.StatusUnprocessableEntity, "", "to: must be the login of an agent, the name of a queue, or a telephone number.", "body.to")
	case errors.Is(err, callflow.ErrNoTrunk):
		return problem(http.StatusServiceUnavailable, "", "No trunk that is up takes that number.", "body.to")
	case errors.Is(err, callflow.ErrNoRoute):
		return problem(http.StatusConflict, problemRefused, "No device of his can be rung.", "body.to")
	case errors.Is(err, queue.ErrClosed):
		return problem(http.StatusConflict, problemRefused, "The queue is closed.", "body.to")
	case errors.Is(err, queue.ErrFull):
		return problem(http.StatusConflict, problemRefused, "The queue is full.", "body.to")
	}
	return s.fail(ctx, "operate a call", err)
}

func (s *Server) listParked(_ context.Context, _ *noInput) (*listOutput[ParkedCall], error) {
	var rows []ParkedCall
	for _, v := range s.parts.Calls.AllLive() {
		if v.Record.State != call.StateParked {
			continue
		}
		row := ParkedCall{
			ID: string(v.Record.ID), From: v.Record.From.User, Queue: v.Record.Queue, TicketID: v.Record.TicketID, Since: Time(v.Record.ReleasedAt),
		}
		for _, e := range slices.Backward(v.Timeline) {
			if e.Kind == "parked" {
				row.By, row.Since = e.Detail["by"], Time(e.At)
				break
			}
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b ParkedCall) int { return time.Time(a.Since).Compare(time.Time(b.Since)) })
	return page(rows, "", func(p ParkedCall) ParkedCall { return p }), nil
}

func (s *Server) listTargets(ctx context.Context, _ *noInput) (*listOutput[TalkTarget], error) {
	me := who(ctx).user.ID
	var rows []TalkTarget
	for _, a := range s.parts.Queue.Agents() {
		if a.ID == me || a.Devices == 0 {
			continue
		}
		rows = append(rows, TalkTarget{a.Login, a.Name, string(a.State), free(a.State)})
	}
	slices.SortFunc(rows, func(a, b TalkTarget) int {
		if a.Free != b.Free {
			if a.Free {
				return -1
			}
			return 1
		}
		if a.Login < b.Login {
			return -1
		}
		return 1
	})
	return page(rows, "", func(t TalkTarget) TalkTarget { return t }), nil
}

// free reports whether an agent in that state can be engaged.
func free(state queue.AgentState) bool {
	return state == queue.AgentReady || state == queue.AgentNotReady || state == queue.AgentWrapUp
}
