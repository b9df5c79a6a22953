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

// CallRow is a call in a list.
type CallRow struct {
	ID          string    `json:"id"`
	SIPCallID   string    `json:"sip_call_id"`
	From        string    `json:"from" doc:"Address of who called."`
	FromUser    string    `json:"from_user"`
	FromDisplay string    `json:"from_display"`
	To          string    `json:"to"`
	Direction   string    `json:"direction" enum:"in,out,internal" doc:"internal: an agent called another; it has no queue and no ticket."`
	Language    string    `json:"language"`
	Queue       string    `json:"queue"`
	State       string    `json:"state"`
	EndReason   string    `json:"end_reason"`
	StartedAt   MaybeTime `json:"started_at"`
	EnqueuedAt  MaybeTime `json:"enqueued_at"`
	BridgedAt   MaybeTime `json:"bridged_at"`
	EndedAt     MaybeTime `json:"ended_at"`
	WaitMS      int64     `json:"wait_ms"`
	TalkMS      int64     `json:"talk_ms"`
	HoldMS      int64     `json:"hold_ms"`
	AgentID     string    `json:"agent_id"`
	ContactID   string    `json:"contact_id"`
	RecordingID string    `json:"recording_id"`
	TicketID    string    `json:"ticket_id"`
	CallbackID  string    `json:"callback_id"`
}

// Event is a line of a timeline.
type Event struct {
	At     Time              `json:"at"`
	Kind   string            `json:"kind"`
	Actor  string            `json:"actor" doc:"Id of the user who did it; empty: the system."`
	Detail map[string]string `json:"detail"`
}

// CallLeg is one phone or browser in a call.
type CallLeg struct {
	ID          string    `json:"id"`
	Kind        string    `json:"kind" enum:"player,agent"`
	AgentID     string    `json:"agent_id"`
	Device      string    `json:"device"`
	Transport   string    `json:"transport"`
	SIPCallID   string    `json:"sip_call_id"`
	StartedAt   MaybeTime `json:"started_at"`
	RangAt      MaybeTime `json:"rang_at"`
	AnsweredAt  MaybeTime `json:"answered_at"`
	EndedAt     MaybeTime `json:"ended_at"`
	Status      int       `json:"status" doc:"Final SIP status, 0 when there was none."`
	Cause       string    `json:"cause"`
	Codec       string    `json:"codec"`
	PacketsIn   uint64    `json:"packets_in"`
	PacketsOut  uint64    `json:"packets_out"`
	PacketsLost uint64    `json:"packets_lost"`
	JitterMS    float64   `json:"jitter_ms"`
	MOS         float64   `json:"mos" doc:"Estimated mean opinion score (ITU-T G.107) of the whole leg; 0 when nothing was received."`
	MOSLowest   float64   `json:"mos_lowest" doc:"That of the worst 5 s; 0 for a shorter leg."`
	MOSLast     float64   `json:"mos_last" doc:"That of the last 5 s that were whole."`
	MOSMean     float64   `json:"mos_mean" doc:"The mean of all stretches of 5 s."`
}

// CallStory is one call with all that happened in it.
type CallStory struct {
	CallRow
	Why      string    `json:"why" doc:"Why this agent."`
	Priority *int      `json:"priority,omitempty" minimum:"0" maximum:"3" doc:"Of a call that waits: 0 low to 3 urgent."`
	Legs     []CallLeg `json:"legs" nullable:"false"`
	Timeline []Event   `json:"timeline" nullable:"false"`
	SIPTrace []string  `json:"sip_trace,omitempty" doc:"SIP messages, for administrators, while sip.trace is on."`
}

func (s *Server) callOperations(api huma.API) {
	register(api, act{
		id: "list-calls", method: http.MethodGet, path: "/api/v1/calls", tag: "calls", rule: everyone,
		summary: "Calls, newest first",
	}, s.listCalls)
	register(api, act{
		id: "get-call", method: http.MethodGet, path: "/api/v1/calls/{id}", tag: "calls", rule: everyone,
		summary: "One call with its timeline", errors: []int{http.StatusNotFound},
	}, s.getCall)
	register(api, act{
		id: "hang-up-call", method: http.MethodDelete, path: "/api/v1/calls/{id}", tag: "calls", rule: manages,
		summary: "End a live call", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, s.hangUpCall)
	register(api, act{
		id: "put-call-priority", method: http.MethodPut, path: "/api/v1/calls/{id}/priority", tag: "calls", rule: manages,
		summary: "Move a call that waits to the place of another priority", status: http.StatusNoContent,
		errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.putCallPriority)
}

func (s *Server) listCalls(ctx context.Context, in *CallsInput) (*listOutput[CallRow], error) {
	if in.SIPCall != "" {
		return s.listDialog(ctx, in.SIPCall)
	}
	f, err := s.callFilter(ctx, in)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	show := func(r call.Record) CallRow { return showCall(&r, now) }
	var rows []call.Record
	var next string
	if f.State == "live" && f.Entry == nil {
		rows, next, err = s.liveRows(f, in.State == "waiting")
	} else {
		rows, next, err = s.parts.Store.Calls(ctx, f)
	}
	if err != nil {
		return nil, s.fail(ctx, "list calls", err)
	}
	for i := range rows { // what is stored of a live call may be a moment old
		if v, ok := s.parts.Calls.Live(rows[i].ID); ok {
			rows[i] = v.Record
		}
	}
	if in.State == "waiting" { // a page of stored rows may then be short
		rows = slices.DeleteFunc(rows, func(r call.Record) bool { return !r.State.InQueue() })
	}
	return page(rows, next, show), nil
}

// listDialog lists the one call of a dialog, or none.
func (s *Server) listDialog(ctx context.Context, sipCallID string) (*listOutput[CallRow], error) {
	r, _, err := s.parts.Store.CallBySIPCallID(ctx, sipCallID)
	rows := []call.Record{r}
	if errors.Is(err, store.ErrNotFound) || err == nil && own(ctx, r.AgentID) != nil {
		rows, err = nil, nil
	}
	if err != nil {
		return nil, s.fail(ctx, "read a call", err)
	}
	return page(rows, "", func(r call.Record) CallRow {
		if v, ok := s.parts.Calls.Live(r.ID); ok {
			r = v.Record
		}
		return showCall(&r, time.Now())
	}), nil
}

// liveRows is a page of the live calls, newest first; waiting: of those in a queue.
func (s *Server) liveRows(f store.CallFilter, waiting bool) (rows []call.Record, next string, err error) {
	var beforeMS int64
	var beforeID string
	if f.After != "" {
		if beforeMS, beforeID, err = store.ParseCursor(f.After); err != nil {
			return nil, "", err
		}
	}
	for _, v := range s.parts.Calls.AllLive() {
		r := v.Record
		switch ms := r.ArrivedAt.UnixMilli(); {
		case !passes(&r, &f), waiting && !r.State.InQueue():
		case beforeID != "" && (ms > beforeMS || ms == beforeMS && string(r.ID) >= beforeID):
		default:
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b call.Record) int {
		return cmp.Or(cmp.Compare(b.ArrivedAt.UnixMilli(), a.ArrivedAt.UnixMilli()), cmp.Compare(b.ID, a.ID))
	})
	rows, next = store.Cut(rows, f.Page, func(r call.Record) (time.Time, string) { return r.ArrivedAt, string(r.ID) })
	return rows, next, nil
}

func showCall(r *call.Record, now time.Time) CallRow {
	return CallRow{
		ID: string(r.ID), SIPCallID: r.SIPCallID, From: r.From.URI, FromUser: r.From.User, FromDisplay: r.From.Display,
		To: cmp.Or(r.To.URI, r.To.User), Direction: string(r.Direction), Language: r.Language, Queue: r.Queue,
		State: string(r.State), EndReason: string(r.EndReason),
		StartedAt: at(r.ArrivedAt), EnqueuedAt: at(r.EnqueuedAt), BridgedAt: at(r.BridgedAt), EndedAt: at(r.EndedAt),
		WaitMS: r.Wait(now).Milliseconds(), TalkMS: talk(r, now).Milliseconds(), HoldMS: r.Hold.Milliseconds(),
		AgentID: string(r.AgentID), ContactID: r.ContactID, RecordingID: r.RecordingID, TicketID: r.TicketID, CallbackID: r.CallbackID,
	}
}

// talk is how long they have been talking; that of a live call runs. Until its
// first talk is over the record holds no more than the holds in it, taken off.
func talk(r *call.Record, now time.Time) time.Duration {
	if r.Talk <= 0 && !r.BridgedAt.IsZero() && r.EndedAt.IsZero() {
		return max(0, now.Sub(r.BridgedAt)+r.Talk)
	}
	return r.Talk
}

func (s *Server) getCall(ctx context.Context, in *IDInput) (*oneOutput[CallStory], error) {
	r, events, err := s.parts.Store.Call(ctx, call.ID(in.ID))
	v, live := s.parts.Calls.Live(call.ID(in.ID))
	if live && errors.Is(err, store.ErrNotFound) {
		err = nil // its first row is on its way
	}
	if err != nil {
		return nil, s.fail(ctx, "read a call", err)
	}
	if live {
		r = v.Record
	}
	if err := s.ownCall(ctx, &r); err != nil {
		return nil, err
	}
	story := CallStory{CallRow: showCall(&r, time.Now()), Why: r.Why, Legs: []CallLeg{}, Timeline: showEvents(events)}
	if live && r.State.InQueue() {
		story.Priority = &v.Priority
	}
	admin := who(ctx).user.Role.Administers()
	for i := range r.Legs {
		story.Legs = append(story.Legs, showLeg(&r.Legs[i]))
		if admin && s.parts.Trace != nil && r.Legs[i].SIPCallID != "" && r.Legs[i].SIPCallID != r.SIPCallID {
			story.SIPTrace = append(story.SIPTrace, s.parts.Trace(r.Legs[i].SIPCallID)...)
		}
	}
	if admin && s.parts.Trace != nil && r.SIPCallID != "" {
		story.SIPTrace = append(s.parts.Trace(r.SIPCallID), story.SIPTrace...)
	}
	return &oneOutput[CallStory]{story}, nil
}

func showEvents(events []call.TimelineEvent) []Event {
	out := make([]Event, 0, len(events))
	for _, e := range events {
		detail := e.Detail
		if detail == nil {
			detail = map[string]string{}
		}
		out = append(out, Event{Time(e.At), e.Kind, e.Actor, detail})
	}
	return out
}

func showLeg(l *call.LegRecord) CallLeg {
	return CallLeg{
		ID: string(l.ID), Kind: l.Kind, AgentID: string(l.AgentID), Device: l.Device, Transport: l.Transport, SIPCallID: l.SIPCallID,
		StartedAt: at(l.StartedAt), RangAt: at(l.RangAt), AnsweredAt: at(l.AnsweredAt), EndedAt: at(l.EndedAt),
		Status: l.Cause.Status, Cause: l.Cause.Text, Codec: l.Codec,
		PacketsIn: l.Quality.PacketsIn, PacketsOut: l.Quality.PacketsOut, PacketsLost: l.Quality.PacketsLost,
		JitterMS: float64(l.Quality.Jitter) / float64(time.Millisecond), MOS: l.Quality.MOS, MOSLowest: l.Quality.MOSLowest, MOSLast: l.Quality.MOSLast, MOSMean: l.Quality.MOSMean,
	}
}

// CallPriorityInput is where a waiting call is moved to, and why.
type CallPriorityInput struct {
	IDInput
	Body struct {
		Priority int    `json:"priority" minimum:"0" maximum:"3" doc:"0 low, 1 normal, 2 high, 3 urgent; each is worth a minute of waiting."`
		Reason   string `json:"reason" minLength:"3" maxLength:"500" doc:"For the timeline and the log of changes."`
	}
}

func (s *Server) putCallPriority(ctx context.Context, in *CallPriorityInput) (*noOutput, error) {
	me := who(ctx).user.ID
	before, err := s.parts.Calls.Reprioritise(ctx, call.ID(in.ID), in.Body.Priority, me, in.Body.Reason)
	switch {
	case errors.Is(err, callflow.ErrEnded):
		return nil, problem(http.StatusNotFound, "", "There is no such live call.", "path.id")
	case errors.Is(err, queue.ErrGone):
		return nil, problem(http.StatusConflict, "", "The call does not wait any more.", "path.id")
	case err != nil:
		return nil, s.fail(ctx, "move a call", err)
	}
	err = s.parts.Store.LogAudit(ctx, store.Audit{
		At: time.Now(), Actor: me, Action: "call.priority", ObjectKind: "call", ObjectID: in.ID, IP: sourceOf(ctx).String(),
		Detail: map[string]string{"from": strconv.Itoa(before), "to": strconv.Itoa(in.Body.Priority), "reason": in.Body.Reason},
	})
	if err != nil {
		return nil, s.fail(ctx, "log a change", err)
	}
	return &noOutput{}, nil
}

func (s *Server) hangUpCall(ctx context.Context, in *IDInput) (*noOutput, error) {
	err := s.parts.Calls.Hangup(ctx, call.ID(in.ID), who(ctx).user.ID)
	if errors.Is(err, callflow.ErrEnded) {
		return nil, problem(http.StatusNotFound, "", "There is no such live call.", "path.id")
	}
	if err != nil {
		return nil, s.fail(ctx, "end a call", err)
	}
	return &noOutput{}, nil
}
