package web_test

import (
	"encoding/binary"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pickup/web"
)

// The outline has the highest value of each part and side, is known again by its
// tag, and is told to whom the audio is told.
func TestTheOutlineOfARecording(t *testing.T) {
	s := open(t)
	row := s.recorded(s.users["1001"].ID)
	audio := make([]byte, 44+32000)
	set := func(frame, side int, v int16) {
		binary.LittleEndian.PutUint16(audio[44+4*frame+2*side:], uint16(v)) //nolint:gosec // its bits are what they are
	}
	set(0, 0, -32768)   // the player, at the start
	set(3999, 1, 12800) // the agent, at the end of the first half
	set(4000, 0, 256)
	set(7999, 1, -256)
	must(t, os.WriteFile(filepath.Join(s.dir, row.Path), audio, 0o600))
	path := "/api/v1/recordings/" + string(row.ID) + "/peaks"
	agent := s.as("1001")
	r := agent.do("GET", path+"?buckets=2", nil)
	var got web.Peaks
	r.json(t, &got)
	if r.status != http.StatusOK || got.DurationMS != 1000 || !slices.Equal(got.Left, []int{255, 2}) || !slices.Equal(got.Right, []int{100, 2}) {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	tag := r.header.Get("ETag")
	if r = agent.with("If-None-Match", tag).do("GET", path+"?buckets=2", nil); tag == "" || r.status != http.StatusNotModified {
		t.Fatalf("known: got %d, tag %q", r.status, tag)
	}
	if r = agent.with("If-None-Match", tag).do("GET", path, nil); r.status != http.StatusOK {
		t.Fatalf("another division: got %d", r.status)
	}
	for login, want := range map[string]int{"1002": http.StatusForbidden, "2001": http.StatusOK, "3001": http.StatusOK} {
		if r := s.as(login).do("GET", path, nil); r.status != want {
			t.Errorf("%s: got %d, want %d", login, r.status, want)
		}
	}
	if r := s.nobody().do("GET", path, nil); r.status != http.StatusUnauthorized {
		t.Errorf("nobody: got %d", r.status)
	}
	must(t, os.Truncate(filepath.Join(s.dir, row.Path), 30)) // less than a header
	r = agent.do("GET", path+"?buckets=2", nil)
	r.json(t, &got)
	if r.status != http.StatusOK || !slices.Equal(got.Left, []int{0, 0}) {
		t.Errorf("cut short: got %d %s", r.status, r.body)
	}
}
