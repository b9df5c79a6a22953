package web

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pickup/internal/fanout"
)

func (s *Server) eventOperations(api huma.API, mux *patternMux) {
	a := act{
		id: "events", method: http.MethodGet, path: "/api/v1/events", tag: "events", rule: everyone,
		summary: "Changes as server-sent events. data: {seq, at, topic, object_id, ...}; topics queue, agent, call, recording, " +
			"ticket, watchers, message, interaction, contact, callback, work, chat, and reset: load everything anew. An agent gets his own and those of queues.",
	}
	describePlain(api, a, []*huma.Param{
		text("query", "after", "Number of the last event seen; those after it come first. Without it: from now on.", false),
		text("header", "Last-Event-ID", "The same, as browsers send it when they reconnect.", false),
	}, map[string]string{"200": "text/event-stream"})
	mux.Handle("GET "+a.path, guarded(a.rule, s.events))
}

// events serves the stream until the client leaves, signs out, or the server stops.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	after, ok := lastSeen(r)
	if !ok {
		writeProblem(w, problem(http.StatusUnprocessableEntity, "", "Not a number of an event.", "query.after"))
		return
	}
	reader := s.parts.Hub.Subscribe(after)
	defer reader.Close()
	defer s.consoleOpen(r.Context())()
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	out, err := openStream(w)
	if err != nil {
		return // the client is gone
	}
	for {
		batch, err := nextBatch(r.Context(), reader)
		switch {
		case errors.Is(err, context.DeadlineExceeded) && r.Context().Err() == nil:
			if a, err := s.identify(r); err != nil || a == nil {
				return // signed out meanwhile
			}
			err = out.comment("beat")
		case err != nil:
			return
		default:
			err = s.sendBatch(r.Context(), out, batch)
		}
		if err != nil {
			return
		}
	}
}

// lastSeen reads the number of the last event the client saw; 0: none.
func lastSeen(r *http.Request) (uint64, bool) {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.URL.Query().Get("after")
	}
	if text == "" {
		return 0, true
	}
	n, err := strconv.ParseUint(text, 10, 63)
	return n, err == nil
}

func nextBatch(ctx context.Context, r *fanout.Reader) (fanout.Batch, error) {
	ctx, cancel := context.WithTimeout(ctx, heartbeat)
	defer cancel()
	return r.Next(ctx)
}

func (s *Server) sendBatch(ctx context.Context, out *stream, b fanout.Batch) error {
	if b.Reset {
		data := map[string]any{"seq": b.Seq, "at": Time(time.Now()), "topic": "reset", "object_id": ""}
		if err := out.event(strconv.FormatUint(b.Seq, 10), "", data); err != nil {
			return err
		}
	}
	for _, e := range b.Events {
		hears, err := s.mayHear(ctx, e)
		if err != nil {
			return err // he comes back, and gets it then
		}
		if !hears {
			continue
		}
		data := map[string]any{}
		maps.Copy(data, e.Payload)
		data["seq"], data["at"], data["topic"], data["object_id"] = e.Seq, Time(e.At), e.Topic, e.ObjectID
		if err := out.event(strconv.FormatUint(e.Seq, 10), "", data); err != nil {
			return err
		}
	}
	return out.flush()
}
