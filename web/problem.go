package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pickup/callback"
	"pickup/internal/logkey"
	"pickup/queue"
	"pickup/recording"
	"pickup/store"
)

// Types of problem documents (RFC 9457 3.1.1), for programs; "about:blank" is
// meant where there is none.
const (
	problemRefused     = "urn:pickup:problem:agent-state-refused"
	problemOpen        = "urn:pickup:problem:callback-open"
	problemUnreachable = "urn:pickup:problem:unreachable"
	problemTooMany     = "urn:pickup:problem:too-many-callbacks"
	problemSignIn      = "urn:pickup:problem:sign-in"
	problemOrigin      = "urn:pickup:problem:origin"
)

// problem makes a problem document. field, "" for none, is where the fault is:
// "body.login", "query.window", "path.id".
func problem(status int, kind, detail, field string) *huma.ErrorModel {
	m := &huma.ErrorModel{Type: kind, Title: http.StatusText(status), Status: status, Detail: detail}
	if field != "" {
		m.Errors = []*huma.ErrorDetail{{Location: field, Message: detail}}
	}
	return m
}

// retry adds Retry-After, in whole seconds, at least one.
func retry(m *huma.ErrorModel, after time.Duration) error {
	seconds := int((after + time.Second - 1) / time.Second)
	return huma.ErrorWithHeaders(m, http.Header{"Retry-After": {strconv.Itoa(max(seconds, 1))}})
}

// fail turns an engine's error into a problem document. What the caller cannot
// know stays in the log.
func (s *Server) fail(ctx context.Context, doing string, err error) error {
	var refused *queue.RefusedError
	var network *net.OpError // the database does not answer: it is another server
	switch {
	case errors.As(err, &refused):
		return problem(http.StatusConflict, problemRefused, "From "+string(refused.State)+" to "+string(refused.Want)+": "+refused.Why, "body.state")
	case errors.Is(err, store.ErrNotFound), errors.Is(err, recording.ErrNotFound), errors.Is(err, callback.ErrNotFound),
		errors.Is(err, queue.ErrUnknownAgent), errors.Is(err, queue.ErrUnknownQueue), errors.Is(err, queue.ErrGone):
		return problem(http.StatusNotFound, "", "There is no such thing, or it is gone.", "")
	case errors.Is(err, store.ErrConflict):
		return problem(http.StatusConflict, "", "It conflicts with one that exists.", "")
	case errors.Is(err, store.ErrCursor):
		return problem(http.StatusUnprocessableEntity, "", "The cursor is not one of ours.", "query.after")
	case errors.Is(err, callback.ErrOpen):
		return problem(http.StatusConflict, problemOpen, "A callback is already open for this person.", "")
	case callback.RefusalOf(err) != "":
		return problem(http.StatusUnprocessableEntity, problemUnreachable, "The rules of callbacks refuse it: "+string(callback.RefusalOf(err))+".", "body.to")
	case errors.Is(err, callback.ErrUnreachable):
		return problem(http.StatusUnprocessableEntity, problemUnreachable, "There is no way to reach this person.", "body.to")
	case errors.Is(err, callback.ErrTooMany):
		return problem(http.StatusTooManyRequests, problemTooMany, "Too many callbacks were asked for this person today.", "")
	case errors.Is(err, callback.ErrState):
		return problem(http.StatusConflict, "", "It is not possible in this state.", "")
	case errors.Is(err, queue.ErrStopped), errors.Is(err, store.ErrClosed):
		return retry(problem(http.StatusServiceUnavailable, "", "The server is stopping.", ""), 5*time.Second)
	case ctx.Err() != nil:
		return problem(http.StatusServiceUnavailable, "", "The request was ended.", "")
	case errors.As(err, &network):
		s.log.WarnContext(ctx, "the store cannot be reached", slog.String("doing", doing), slog.Any(logkey.Err, err))
		return retry(problem(http.StatusServiceUnavailable, "", "The database cannot be reached now; try again soon.", ""), 2*time.Second)
	}
	s.log.ErrorContext(ctx, "request failed", slog.String("doing", doing), slog.Any(logkey.Err, err))
	return problem(http.StatusInternalServerError, "", "Something went wrong on our side; the log says what.", "")
}

// writeProblem answers a request that does not pass huma.
func writeProblem(w http.ResponseWriter, err error) {
	var head huma.HeadersError
	if errors.As(err, &head) {
		for name, values := range head.GetHeaders() {
			w.Header()[name] = values
		}
	}
	var m *huma.ErrorModel
	if !errors.As(err, &m) {
		m = problem(http.StatusInternalServerError, "", "Something went wrong on our side; the log says what.", "")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(m.Status)
	_ = json.NewEncoder(w).Encode(m) // the peer is gone: nothing to be done
}

// withoutValues is a huma.Transformer: a problem document does not repeat what
// was sent, which may be a password.
func withoutValues(_ huma.Context, _ string, v any) (any, error) {
	if m, ok := v.(*huma.ErrorModel); ok {
		for _, d := range m.Errors {
			d.Value = nil
		}
	}
	return v, nil
}
