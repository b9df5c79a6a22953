package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/report"
	"pickup/store"
)

// CallsInput chooses calls of the list. Several conditions must all hold.
type CallsInput struct {
	PageInput
	State     string   `query:"state" enum:"live,waiting,ended" doc:"Without it: all. waiting: live, and in a queue."`
	Queue     string   `query:"queue" maxLength:"64"`
	AgentID   string   `query:"agent_id" maxLength:"64"`
	SIPCall   string   `query:"sip_call_id" maxLength:"256" doc:"The call of this dialog only; nothing else is looked at."`
	Contact   string   `query:"contact_id" maxLength:"64"`
	Direction string   `query:"direction" enum:"in,out,internal"`
	From      string   `query:"from" maxLength:"200" doc:"Part of the caller's address, letters of either case."`
	EndReason []string `query:"end_reason" maxItems:"20" doc:"One of these, separated by commas."`
	Window    string   `query:"window" maxLength:"100" doc:"today, a duration such as 30m, or FROM..TO, as for the queues. The time of arrival; with figure, answered or in_target the time of entering the queue, as the figures count."`
	Figure    string   `query:"figure" enum:"offered,answered,answered_in_target,abandoned,short_abandoned,overflowed,callback_requested" doc:"The calls that this figure of the queues counts: with the same window, as many as it says."`
	Answered  string   `query:"answered" enum:"true,false" doc:"Of the calls that entered a queue: those that were bridged, or were not yet."`
	InTarget  string   `query:"in_target" enum:"true,false" doc:"Of the answered: those within the target of their queue, or beyond it."`
}

// callFilter is what in says, for who asks.
func (s *Server) callFilter(ctx context.Context, in *CallsInput) (store.CallFilter, error) {
	f := store.CallFilter{
		State: in.State, Queue: strings.ToLower(in.Queue), AgentID: account.ID(in.AgentID), ContactID: in.Contact,
		Direction: call.Direction(in.Direction), Caller: in.From, Page: store.Page{Limit: in.Limit, After: in.After},
	}
	if in.State == "waiting" {
		f.State = "live"
	}
	if only := mine(ctx); only != "" {
		f.AgentID = only
	}
	for _, r := range in.EndReason {
		if !call.EndReason(r).Valid() {
			return f, problem(http.StatusUnprocessableEntity, "", "There is no such end reason: "+r, "query.end_reason")
		}
		f.EndReasons = append(f.EndReasons, call.EndReason(r))
	}
	if in.Window != "" {
		var err error
		if f.From, f.To, err = parseWindow(in.Window, time.Now(), s.cfg.Location); err != nil {
			return f, problem(http.StatusUnprocessableEntity, "", err.Error(), "query.window")
		}
	}
	figures := in.figures()
	if len(figures) == 0 {
		return f, nil
	}
	f.Entry = &store.EntryFilter{Queues: s.targets(f.Queue), From: f.From, To: f.To, Figures: figures}
	f.From, f.To, f.Queue = time.Time{}, time.Time{}, "" // the entry's, not the call's
	return f, nil
}

// figures are those that must count a call; nil when its entry does not matter.
func (in *CallsInput) figures() []report.Count {
	var some []report.Count
	if in.Figure != "" {
		some = append(some, report.Count(in.Figure))
	}
	switch in.Answered {
	case "true":
		some = append(some, report.Answered)
	case "false":
		some = append(some, report.NotAnswered)
	}
	switch in.InTarget {
	case "true":
		some = append(some, report.AnsweredInTarget)
	case "false":
		some = append(some, report.AnsweredLate)
	}
	return some
}

// targets are the queues that the list of queues shows, with the targets of its
// figures; of one queue when it is named.
func (s *Server) targets(name string) map[string]time.Duration {
	all := make(map[string]time.Duration)
	for _, q := range s.parts.Queue.Queues() {
		if name == "" || q.Config.Name == name {
			all[q.Config.Name] = q.Config.Target
		}
	}
	return all
}

// passes reports whether a live call is one of f, which asks for no entry.
func passes(r *call.Record, f *store.CallFilter) bool {
	if f.AgentID != "" && r.AgentID != f.AgentID || f.Queue != "" && r.Queue != f.Queue || f.ContactID != "" && r.ContactID != f.ContactID {
		return false
	}
	if f.Direction != "" && r.Direction != f.Direction || !store.MatchesCaller(r.From.URI, f.Caller) || len(f.EndReasons) > 0 {
		return false
	}
	return (f.From.IsZero() || !r.ArrivedAt.Before(f.From)) && (f.To.IsZero() || r.ArrivedAt.Before(f.To))
}
