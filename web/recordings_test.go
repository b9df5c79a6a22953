package web_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/id"
	"pickup/recording"
	"pickup/web"
)

// recorded leaves a stored recording of a second.
func (s *site) recorded(agent account.ID) recording.Row {
	s.t.Helper()
	audio := make([]byte, 44+32000)
	copy(audio, "RIFF")
	for i := range audio[44:] {
		audio[44+i] = byte(i / 7)
	}
	sum := sha256.Sum256(audio)
	now := time.Now()
	row := recording.Row{
		ID: recording.ID(id.New()), CallID: call.ID(id.New()), AgentID: agent, Queue: "support", State: recording.StateStored,
		SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(audio)), Duration: time.Second, StartedAt: now.Add(-time.Second), EndedAt: now,
	}
	row.Path = filepath.Join("2026", "01", "02", string(row.ID)+".wav")
	must(s.t, os.MkdirAll(filepath.Dir(filepath.Join(s.dir, row.Path)), 0o755))
	must(s.t, os.WriteFile(filepath.Join(s.dir, row.Path), audio, 0o600))
	must(s.t, s.store.SaveRecording(s.t.Context(), row))
	return row
}

func TestEachPlayOfARecordingIsLogged(t *testing.T) {
	s := open(t)
	row := s.recorded(s.users["1001"].ID)
	path := "/api/v1/recordings/" + string(row.ID) + "/audio"
	agent := s.as("1001")
	whole := agent.do("GET", path, nil)
	if whole.status != 200 || int64(len(whole.body)) != row.Bytes || whole.header.Get("Content-Type") != "audio/wav" ||
		whole.header.Get("Accept-Ranges") != "bytes" || string(whole.body[:4]) != "RIFF" {
		t.Fatalf("got %d, %d bytes, %v", whole.status, len(whole.body), whole.header)
	}
	part := s.as("3001").with("Range", "bytes=3244-6443").do("GET", path, nil)
	if part.status != http.StatusPartialContent || !slices.Equal(part.body, whole.body[3244:6444]) ||
		part.header.Get("Content-Range") != "bytes 3244-6443/"+strconv.FormatInt(row.Bytes, 10) {
		t.Fatalf("got %d, %d bytes, %v", part.status, len(part.body), part.header)
	}
	if r := agent.with("Range", "bytes=99999999-").do("GET", path, nil); r.status != http.StatusRequestedRangeNotSatisfiable {
		t.Fatalf("behind the end: got %d", r.status)
	}
	if r := s.as("1002").do("GET", path, nil); r.status != http.StatusForbidden {
		t.Fatalf("another's: got %d", r.status)
	}
	if r := s.nobody().do("GET", path, nil); r.status != http.StatusUnauthorized {
		t.Fatalf("nobody: got %d", r.status)
	}
	log, err := s.store.AccessLog(t.Context(), string(row.ID))
	must(t, err)
	var actions []string
	for _, a := range log {
		actions = append(actions, a.Action)
	}
	if !slices.Equal(actions, []string{"play", "range", "range", "denied"}) {
		t.Fatalf("got %v", actions)
	}
	if a := log[1]; a.FromMS != 100 || a.ToMS != 200 || a.UserID != s.users["3001"].ID || a.IP != "127.0.0.1" {
		t.Fatalf("got %+v", a)
	}
	if a := log[3]; a.UserID != s.users["1002"].ID {
		t.Fatalf("got %+v", a)
	}
}

func TestRecordingsAreListedToWhoMayHearThem(t *testing.T) {
	s := open(t)
	row := s.recorded(s.users["1001"].ID)
	s.recorded(s.users["1002"].ID)
	got := list[web.RecordingRow](s.as("1001"), "/api/v1/recordings")
	if len(got) != 1 || got[0].ID != string(row.ID) || got[0].SHA256 != row.SHA256 || got[0].DurationMS != row.Duration.Milliseconds() {
		t.Fatalf("got %+v", got)
	}
	if all := list[web.RecordingRow](s.as("2001"), "/api/v1/recordings?limit=10"); len(all) != 2 {
		t.Fatalf("got %d", len(all))
	}
	if r := s.as("1002").do("GET", "/api/v1/recordings/"+string(row.ID), nil); r.status != http.StatusForbidden {
		t.Fatalf("got %d", r.status)
	}
}
