package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/callflow"
)

// lookEvery is how often a stream reads its call; what concerns its own page
// is told at once.
const lookEvery = 500 * time.Millisecond

// errNotYet says that a call ended a moment ago, and its row is on its way.
var errNotYet = errors.New("web: the end of the call is not stored yet")

// callState is what a page shows of its call.
type callState struct {
	State           string `json:"state"` // of the call, or "callback" while a promise stands
	Queue           string `json:"queue"`
	Position        int    `json:"position"` // 1 is next; 0: not waiting
	EstimateLowMS   int64  `json:"estimate_low_ms"`
	EstimateHighMS  int64  `json:"estimate_high_ms"`
	AgentsOnDuty    int    `json:"agents_on_duty"`
	Agent           string `json:"agent"` // name of who answered
	CallbackOffered bool   `json:"callback_offered"`
	EndReason       string `json:"end_reason"`
	Silent          bool   `json:"silent"` // in a talk: nothing is heard of the page, though its line stands
	final           bool   // nothing comes after it
}

// browserEvents serves the stream of a page's call until nothing can come any more.
func (s *Server) browserEvents(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	p, err := s.pageOf(r)
	if err != nil {
		writeProblem(w, err)
		return
	}
	wake, done := p.subscribe()
	defer done()
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	out, err := openStream(w)
	if err != nil {
		return // the page is gone
	}
	look, beat := time.NewTicker(lookEvery), time.NewTicker(heartbeat)
	defer look.Stop()
	defer beat.Stop()
	told := teller{server: s, page: p, out: out}
	for {
		more, err := told.look(ctx)
		if err != nil || !more {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-look.C:
		case <-beat.C:
			if out.comment("beat") != nil {
				return
			}
		}
	}
}

// teller says on one stream what has changed since it last looked.
type teller struct {
	server  *Server
	page    *browserPage
	out     *stream
	last    callState
	ringing *browserLeg // the callback that was told to ring
	begun   bool
}

// look tells what is new. more is false when nothing can come any more.
func (t *teller) look(ctx context.Context) (more bool, err error) {
	p := t.page
	p.mu.Lock()
	current, ringing, left := p.current, p.ringing, callbackRing-time.Since(p.offered)
	silent := p.leg != nil && p.leg.media.Silent()
	p.mu.Unlock()
	if ringing != t.ringing {
		was := t.ringing
		t.ringing = ringing
		if err := t.tellRinging(was, left); err != nil {
			return false, err
		}
	}
	state, err := t.server.stateOf(ctx, current, p.first)
	if err != nil {
		return true, nil //nolint:nilerr // not stored yet, or the store is away for a moment: the next look tells
	}
	state.Silent = silent && !state.final
	if t.begun && state == t.last {
		return true, nil
	}
	t.begun, t.last = true, state
	name := "state"
	if state.final {
		name = "ended"
	}
	if err := t.out.event("", name, state); err != nil {
		return false, err
	}
	return !state.final, t.out.flush()
}

// tellRinging says that a callback rings, or rings no more.
func (t *teller) tellRinging(was *browserLeg, left time.Duration) error {
	if t.ringing != nil {
		t.ringing.shown()
		if err := t.out.event("", "callback.ringing", map[string]any{"timeout_ms": max(left, 0).Milliseconds()}); err != nil {
			return err
		}
		return t.out.flush()
	}
	t.page.mu.Lock()
	missed := t.page.leg != was
	t.page.mu.Unlock()
	if !missed {
		return nil
	}
	if err := t.out.event("", "callback", map[string]any{"type": "callback.missed", "state": "callback"}); err != nil {
		return err
	}
	return t.out.flush()
}

// stateOf says how the call of a page stands: live, a promise that is not kept
// yet, or over.
func (s *Server) stateOf(ctx context.Context, current, first call.ID) (callState, error) {
	if v, ok := s.parts.Calls.Live(current); ok {
		if v.Record.State == call.StateEnded {
			return callState{}, errNotYet // why it ended, and what was promised, is being written
		}
		return s.liveState(v), nil
	}
	rec, _, err := s.parts.Store.Call(ctx, current)
	if err != nil {
		return callState{}, err
	}
	if rec.EndReason == "" {
		return callState{}, errNotYet
	}
	c, promised, err := s.promiseOf(ctx, first)
	if err != nil {
		return callState{}, err
	}
	switch {
	case promised && c.Open():
		return callState{State: "ended", Queue: rec.Queue, EndReason: string(call.EndCallbackRequested)}, nil
	case promised && current == first:
		return callState{State: "ended", Queue: rec.Queue, EndReason: "callback_" + string(c.State), final: true}, nil
	default:
		return callState{State: "ended", Queue: rec.Queue, EndReason: string(rec.EndReason), final: true}, nil
	}
}

func (s *Server) liveState(v callflow.View) callState {
	r := v.Record
	st := callState{
		State: string(r.State), Queue: r.Queue, Position: v.Place.Position, AgentsOnDuty: v.Place.AgentsOnDuty,
		EstimateLowMS: v.Place.EstimateLow.Milliseconds(), EstimateHighMS: v.Place.EstimateHigh.Milliseconds(),
		CallbackOffered: r.State.InQueue() && r.From.ReachBack != "" && r.CallbackID == "" && r.Direction == call.Inbound,
	}
	switch r.State {
	case call.StateTalking, call.StateHeld, call.StateConnecting:
		st.Agent = s.agentName(r.AgentID, v.AgentLogin)
	}
	return st
}

// agentName is what a player is told of his agent: the name, never the login.
func (s *Server) agentName(id account.ID, login string) string {
	for _, a := range s.parts.Queue.Agents() {
		if a.ID == id || login != "" && a.Login == login {
			return a.Name
		}
	}
	return ""
}

// sendJSON answers a plain handler's request.
func sendJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone: nothing to be done
}
