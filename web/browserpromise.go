package web

import (
	"context"
	"errors"
	"net/http"

	"pickup/call"
	"pickup/callback"
	"pickup/callflow"
	"pickup/store"
)

// browserCallback serves POST {Location}/callback.
func (s *Server) browserCallback(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	p, err := s.pageOf(r)
	if err != nil {
		writeProblem(w, err)
		return
	}
	p.mu.Lock()
	id := p.current
	p.mu.Unlock()
	c, err := s.parts.Calls.RequestCallback(ctx, id, "")
	if errors.Is(err, callflow.ErrEnded) {
		err = callback.ErrState
	}
	if err != nil {
		writeProblem(w, s.fail(ctx, "promise a callback", err))
		return
	}
	sendJSON(w, http.StatusCreated, map[string]any{"id": c.ID, "state": c.State, "queue": c.Queue})
}

// browserCancel serves DELETE {Location}/callback.
func (s *Server) browserCancel(w http.ResponseWriter, r *http.Request) {
	p, err := s.pageOf(r)
	if err == nil {
		err = s.cancelPromise(r.Context(), p)
	}
	if err != nil {
		writeProblem(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// cancelPromise ends the callback of a page; one that rings is declined, which
// ends it too.
func (s *Server) cancelPromise(ctx context.Context, p *browserPage) error {
	p.mu.Lock()
	ringing := p.ringing
	p.mu.Unlock()
	if ringing != nil {
		ringing.fail(603, "Decline")
		return nil
	}
	c, ok, err := s.promiseOf(ctx, p.first)
	switch {
	case err != nil:
		return s.fail(ctx, "read a callback", err)
	case !ok:
		return problem(http.StatusNotFound, "", "No callback was promised to this page.", "path.id")
	case !c.Open():
		return nil
	}
	if _, err = s.parts.Calls.CancelCallback(ctx, c.ID, "player"); err != nil {
		return s.fail(ctx, "cancel a callback", err)
	}
	return nil
}

// promiseOf returns the callback that a call left, or leaves at this moment. ok
// is false when there is none.
func (s *Server) promiseOf(ctx context.Context, first call.ID) (c callback.Callback, ok bool, err error) {
	var id string
	if v, live := s.parts.Calls.Live(first); live {
		id = v.Record.CallbackID
	}
	if id == "" {
		rec, _, err := s.parts.Store.Call(ctx, first)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return c, false, err
		}
		id = rec.CallbackID
	}
	if id == "" {
		return c, false, nil
	}
	c, err = s.parts.Store.Callback(ctx, id)
	return c, err == nil, err
}
