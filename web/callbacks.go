package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pickup/account"
	"pickup/call"
	"pickup/callback"
	"pickup/callflow"
	"pickup/store"
)

// CallbackRow is a promise to call back.
type CallbackRow struct {
	ID          string    `json:"id"`
	State       string    `json:"state" enum:"queued,due,reserving,dialing,human_check,connecting,connected,retry_wait,done,failed,expired,cancelled,superseded"`
	Detail      string    `json:"detail"`
	Kind        string    `json:"kind" enum:"keep_place,scheduled,abandoned,crash,dropped"`
	Queue       string    `json:"queue"`
	Target      string    `json:"target" doc:"Where it rings."`
	TargetKind  string    `json:"target_kind" enum:"number,sip_source,browser"`
	Player      string    `json:"player"`
	KeyMS       int64     `json:"key_ms" doc:"Its place in the queue: the key of the order, Unix milliseconds."`
	Attempts    int       `json:"attempts"`
	MaxAttempts int       `json:"max_attempts"`
	DueAt       MaybeTime `json:"due_at"`
	ExpiresAt   MaybeTime `json:"expires_at"`
	ConfirmedAt MaybeTime `json:"confirmed_at"`
	EndedAt     MaybeTime `json:"ended_at"`
	CallID      string    `json:"call_id"`
	ContactID   string    `json:"contact_id"`
	TicketID    string    `json:"ticket_id"`
}

// Window is when a callback may ring.
type Window struct {
	From Time `json:"from"`
	To   Time `json:"to"`
}

type (
	listCallbacksInput struct {
		PageInput
		Queue  string `query:"queue" maxLength:"64"`
		CallID string `query:"call_id" maxLength:"64"`
		State  string `query:"state" enum:"open,queued,due,reserving,dialing,human_check,connecting,connected,retry_wait,done,failed,expired,cancelled,superseded" doc:"open: every state of a promise that stands."`
	}
	newCallbackInput struct {
		Body struct {
			CallID string  `json:"call_id,omitempty" maxLength:"64" doc:"The player of this call; a live one keeps its place."`
			Queue  string  `json:"queue,omitempty" maxLength:"64"`
			To     string  `json:"to,omitempty" maxLength:"64" pattern:"^\\+[1-9][0-9]{3,14}$" doc:"E.164 number."`
			Window *Window `json:"window,omitempty" doc:"Not before and not after; without it as soon as an agent is free."`
		}
	}
)

func (s *Server) callbackOperations(api huma.API) {
	register(api, act{
		id: "list-callbacks", method: http.MethodGet, path: "/api/v1/callbacks", tag: "callbacks", rule: everyone,
		summary: "Callbacks, newest first; an agent sees those of his calls",
	}, s.listCallbacks)
	register(api, act{
		id: "create-callback", method: http.MethodPost, path: "/api/v1/callbacks", tag: "callbacks", rule: agentOrManage,
		summary: "Promise a callback: of a call, or to a number", status: http.StatusCreated,
		errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests},
	}, s.createCallback)
	register(api, act{
		id: "cancel-callback", method: http.MethodDelete, path: "/api/v1/callbacks/{id}", tag: "callbacks", rule: agentOrManage,
		summary: "Cancel a callback", status: http.StatusNoContent, errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.cancelCallback)
}

// openStates are those of a promise that stands.
func openStates() []callback.State {
	return []callback.State{
		callback.StateQueued, callback.StateDue, callback.StateReserving, callback.StateDialing, callback.StateHumanCheck,
		callback.StateConnecting, callback.StateConnected, callback.StateRetryWait,
	}
}

func (s *Server) listCallbacks(ctx context.Context, in *listCallbacksInput) (*listOutput[CallbackRow], error) {
	f := store.CallbackFilter{Queue: in.Queue, CallID: call.ID(in.CallID), Page: store.Page{Limit: in.Limit, After: in.After}}
	switch in.State {
	case "":
	case "open":
		f.States = openStates()
	default:
		f.States = []callback.State{callback.State(in.State)}
	}
	rows, next, err := s.parts.Store.Callbacks(ctx, f)
	if err != nil {
		return nil, s.fail(ctx, "list callbacks", err)
	}
	if mine(ctx) == "" {
		return page(rows, next, showCallback), nil
	}
	owned := rows[:0]
	for _, c := range rows {
		if s.ownsCallback(ctx, c) {
			owned = append(owned, c)
		}
	}
	return page(owned, next, showCallback), nil
}

func showCallback(c callback.Callback) CallbackRow {
	return CallbackRow{
		ID: c.ID, State: string(c.State), Detail: c.Detail, Kind: string(c.Kind), Queue: c.Queue, Target: c.Target,
		TargetKind: string(c.TargetKind), Player: c.Player, KeyMS: c.Key, Attempts: c.Attempts, MaxAttempts: c.MaxAttempts,
		DueAt: at(c.NotBefore), ExpiresAt: at(c.ExpiresAt), ConfirmedAt: at(c.ConfirmedAt), EndedAt: at(c.EndedAt),
		CallID: string(c.CallID), ContactID: c.ContactID, TicketID: c.TicketID,
	}
}

func (s *Server) createCallback(ctx context.Context, in *newCallbackInput) (*oneOutput[CallbackRow], error) {
	var c callback.Callback
	var err error
	b := &in.Body
	switch {
	case b.CallID != "" && b.To != "":
		return nil, problem(http.StatusUnprocessableEntity, "", "Give call_id, or queue and to, not both.", "body.to")
	case b.CallID != "":
		c, err = s.callbackOfCall(ctx, call.ID(b.CallID))
	case b.To == "":
		return nil, problem(http.StatusUnprocessableEntity, problemUnreachable, "Say whom to call: call_id, or queue and to.", "body.to")
	case b.Queue == "":
		return nil, problem(http.StatusUnprocessableEntity, "", "Say in which queue.", "body.queue")
	default:
		c, err = s.callbackToNumber(ctx, b.Queue, b.To, b.Window)
	}
	var refused huma.StatusError
	if errors.As(err, &refused) {
		return nil, err
	}
	if errors.Is(err, callflow.ErrEnded) {
		err = callback.ErrState
	}
	if err != nil {
		return nil, s.fail(ctx, "promise a callback", err)
	}
	return &oneOutput[CallbackRow]{showCallback(c)}, nil
}

// callbackOfCall promises to call the player of a call back: a live one leaves
// its place to the callback, for one that is over it is a new place.
func (s *Server) callbackOfCall(ctx context.Context, id call.ID) (callback.Callback, error) {
	if v, ok := s.parts.Calls.Live(id); ok {
		if err := own(ctx, v.Record.AgentID); err != nil {
			return callback.Callback{}, err
		}
		return s.parts.Calls.RequestCallback(ctx, id, who(ctx).user.ID)
	}
	r, _, err := s.parts.Store.Call(ctx, id)
	if err != nil {
		return callback.Callback{}, err
	}
	if err := own(ctx, r.AgentID); err != nil {
		return callback.Callback{}, err
	}
	if r.From.ReachBack == "" {
		return callback.Callback{}, callback.ErrUnreachable
	}
	kind := callback.KindScheduled
	if r.EndReason.CountsAbandoned() { // he did not ask for it: the strict table holds
		kind = callback.KindAbandoned
	}
	return s.parts.Calls.AddCallback(ctx, callback.Callback{
		CallID: r.ID, Queue: r.Queue, Language: r.Language, Player: r.From.User, ContactID: r.ContactID, TicketID: r.TicketID,
		TargetKind: targetKind(r.From.Kind), Target: r.From.ReachBack, Kind: kind, Priority: 1, Proof: callback.ProofStaff,
	})
}

// targetKind says how a party is reached again.
func targetKind(k call.PartyKind) callback.TargetKind {
	switch k {
	case call.PartyBrowser:
		return callback.TargetBrowser
	case call.PartyTrunk:
		return callback.TargetNumber
	default:
		return callback.TargetSIPSource
	}
}

func (s *Server) callbackToNumber(ctx context.Context, name, to string, w *Window) (callback.Callback, error) {
	if _, ok := s.parts.Queue.Has(name); !ok {
		return callback.Callback{}, problem(http.StatusNotFound, "", "There is no such queue.", "body.queue")
	}
	c := callback.Callback{
		Queue: name, Language: who(ctx).user.Language, Player: to, TargetKind: callback.TargetNumber, Target: to,
		Kind: callback.KindScheduled, Priority: 1, Proof: callback.ProofStaff,
	}
	if w != nil {
		c.WindowFrom, c.WindowTo = time.Time(w.From), time.Time(w.To)
		if !c.WindowFrom.Before(c.WindowTo) || c.WindowTo.Before(time.Now()) {
			return c, problem(http.StatusUnprocessableEntity, "", "The window must end in the future and after its start.", "body.window")
		}
	}
	return s.parts.Calls.AddCallback(ctx, c)
}

func (s *Server) cancelCallback(ctx context.Context, in *IDInput) (*noOutput, error) {
	by := "supervisor"
	if who(ctx).user.Role == account.RoleAgent {
		c, err := s.parts.Store.Callback(ctx, in.ID)
		if err != nil {
			return nil, s.fail(ctx, "read a callback", err)
		}
		if !s.ownsCallback(ctx, c) {
			return nil, problem(http.StatusForbidden, "", "Agents see what is theirs.", "")
		}
		by = "agent"
	}
	if _, err := s.parts.Calls.CancelCallback(ctx, in.ID, by); err != nil {
		return nil, s.fail(ctx, "cancel a callback", err)
	}
	return &noOutput{}, nil
}
