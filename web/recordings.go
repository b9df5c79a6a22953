package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
	"pickup/recording"
	"pickup/store"
)

// The form of our recordings, for the access log: a header, then 8 kHz stereo
// PCM16.
const (
	wavHeader   = 44
	bytesPerMS  = 32
	noPlayRange = -1
)

// RecordingRow is a recording.
type RecordingRow struct {
	ID         string    `json:"id"`
	CallID     string    `json:"call_id"`
	AgentID    string    `json:"agent_id"`
	Queue      string    `json:"queue"`
	StartedAt  MaybeTime `json:"started_at"`
	EndedAt    MaybeTime `json:"ended_at"`
	DurationMS int64     `json:"duration_ms"`
	State      string    `json:"state" enum:"open,stored,incomplete,deleted"`
	Kind       string    `json:"kind" enum:"talk,voicemail,draft" doc:"draft: a message that its player recorded anew, or in which nothing was said."`
	Incomplete string    `json:"incomplete" doc:"What is missing; empty when nothing is."`
	Bytes      int64     `json:"bytes"`
	SHA256     string    `json:"sha256" doc:"Of the whole file; empty while it is being written."`
}

type listRecordingsInput struct {
	PageInput
	CallID  string `query:"call_id" maxLength:"64"`
	AgentID string `query:"agent_id" maxLength:"64"`
	Queue   string `query:"queue" maxLength:"64"`
	Kind    string `query:"kind" enum:"talk,voicemail,draft"`
}

func (s *Server) recordingOperations(api huma.API, mux *patternMux) {
	register(api, act{
		id: "list-recordings", method: http.MethodGet, path: "/api/v1/recordings", tag: "recordings", rule: everyone,
		summary: "Recordings, newest first",
	}, s.listRecordings)
	register(api, act{
		id: "get-recording", method: http.MethodGet, path: "/api/v1/recordings/{id}", tag: "recordings", rule: everyone,
		summary: "One recording", errors: []int{http.StatusNotFound},
	}, s.getRecording)
	audio := act{
		id: "get-recording-audio", method: http.MethodGet, path: "/api/v1/recordings/{id}/audio", tag: "recordings", rule: everyone,
		summary: "Its audio, WAV; range requests are answered. Each play is logged.",
	}
	describePlain(api, audio, []*huma.Param{text("path", "id", "", true), text("header", "Range", "RFC 9110 14.2", false)},
		map[string]string{"200": "audio/wav", "206": "audio/wav", "404": "", "416": ""})
	mux.Handle("GET "+audio.path, guarded(audio.rule, s.playRecording))
}

func (s *Server) listRecordings(ctx context.Context, in *listRecordingsInput) (*listOutput[RecordingRow], error) {
	f := store.RecordingFilter{
		AgentID: account.ID(in.AgentID), CallID: call.ID(in.CallID), Queue: in.Queue, Kind: recording.Kind(in.Kind), Page: store.Page{Limit: in.Limit, After: in.After},
	}
	if only := mine(ctx); only != "" {
		f.AgentID = only
	}
	rows, next, err := s.parts.Store.Recordings(ctx, f)
	if err != nil {
		return nil, s.fail(ctx, "list recordings", err)
	}
	return page(rows, next, showRecording), nil
}

// ownRecording is own for a recording: a message is that of all who serve its queue.
func (s *Server) ownRecording(ctx context.Context, row recording.Row) error {
	if me := mine(ctx); me != "" && row.Kind == recording.KindVoicemail {
		q, _ := s.parts.Queue.Has(row.Queue)
		if slices.ContainsFunc(q.Members, func(m queue.Member) bool { return m.Agent == me }) {
			return nil
		}
	}
	return own(ctx, row.AgentID)
}

func showRecording(r recording.Row) RecordingRow {
	return RecordingRow{
		ID: string(r.ID), CallID: string(r.CallID), AgentID: string(r.AgentID), Queue: r.Queue, StartedAt: at(r.StartedAt),
		EndedAt: at(r.EndedAt), DurationMS: r.Duration.Milliseconds(), State: string(r.State), Kind: string(r.Kind.OrTalk()), Incomplete: r.Incomplete,
		Bytes: r.Bytes, SHA256: r.SHA256,
	}
}

func (s *Server) getRecording(ctx context.Context, in *IDInput) (*oneOutput[RecordingRow], error) {
	row, err := s.parts.Store.Recording(ctx, recording.ID(in.ID))
	if err != nil {
		return nil, s.fail(ctx, "read a recording", err)
	}
	if err := s.ownRecording(ctx, row); err != nil {
		return nil, err
	}
	return &oneOutput[RecordingRow]{showRecording(row)}, nil
}

// playRecording sends the audio. The row of the access log is durable before
// the first byte leaves, and so is that of a refusal.
func (s *Server) playRecording(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	row, err := s.parts.Store.Recording(ctx, recording.ID(r.PathValue("id")))
	if err != nil {
		writeProblem(w, s.fail(ctx, "read a recording", err))
		return
	}
	access := recording.Access{
		At: time.Now(), UserID: who(ctx).user.ID, Action: "play", ObjectID: string(row.ID), IP: sourceOf(ctx).String(),
		FromMS: noPlayRange, ToMS: noPlayRange,
	}
	refused := s.ownRecording(ctx, row)
	if refused != nil {
		access.Action = "denied"
	} else if from, to, ok := playRange(r.Header.Get("Range"), row.Bytes); ok {
		access.Action, access.FromMS, access.ToMS = "range", from, to
	}
	if err := s.parts.Store.LogAccess(ctx, access); err != nil {
		writeProblem(w, s.fail(ctx, "log an access", err))
		return
	}
	if refused != nil {
		writeProblem(w, refused)
		return
	}
	audio, row, err := s.parts.Recorder.Open(ctx, row.ID)
	if err != nil {
		writeProblem(w, s.fail(ctx, "open a recording", err))
		return
	}
	defer func() { _ = audio.Close() }() // read only: nothing can be lost
	w.Header().Set("Content-Type", "audio/wav")
	w.Header().Set("Cache-Control", "private, no-store")
	w.Header().Set("Content-Disposition", `inline; filename="`+string(row.ID)+`.wav"`)
	if row.SHA256 != "" {
		w.Header().Set("ETag", `"`+row.SHA256+`"`)
	}
	http.ServeContent(w, r, "", row.EndedAt, audio)
}

// playRange says which milliseconds a Range header with one range asks for. ok
// is false for anything else: then it counts as a play of the whole.
func playRange(header string, size int64) (fromMS, toMS int64, ok bool) {
	set, isBytes := strings.CutPrefix(header, "bytes=")
	first, last, hasDash := strings.Cut(set, "-")
	if !isBytes || !hasDash || strings.Contains(set, ",") {
		return 0, 0, false
	}
	from, err := strconv.ParseInt(strings.TrimSpace(first), 10, 64)
	if errors.Is(err, strconv.ErrSyntax) && first == "" { // the last n bytes
		n, err := strconv.ParseInt(strings.TrimSpace(last), 10, 64)
		if err != nil || n < 0 {
			return 0, 0, false
		}
		return msAt(max(size-n, 0)), msAt(size), true
	}
	if err != nil || from < 0 {
		return 0, 0, false
	}
	if strings.TrimSpace(last) == "" {
		return msAt(from), msAt(size), true
	}
	to, err := strconv.ParseInt(strings.TrimSpace(last), 10, 64)
	if err != nil || to < from {
		return 0, 0, false
	}
	return msAt(from), msAt(min(to, max(size, from)) + 1), true
}

// msAt is the time of a byte of the file.
func msAt(offset int64) int64 { return max(offset-wavHeader, 0) / bytesPerMS }
