package recording_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pickup/recording"
)

// talk runs a whole recording on virtual time: every 20 ms, feed is called
// with the arrival clock, which starts somewhere.
func talk(t *testing.T, length time.Duration, feed func(r *recording.Recording, i int, at time.Duration)) (recording.Row, []int, []int) {
	t.Helper()
	var row recording.Row
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, recording.Config{Dir: dir}, newStore())
		defer s.close()
		started := time.Now()
		r := s.Start(recording.StartInfo{CallID: "call-1", AgentID: "agent-1", Queue: "support", At: started})
		for i := 0; time.Since(started) < length-20*time.Millisecond; i++ {
			time.Sleep(20 * time.Millisecond)
			feed(r, i, 7*time.Hour+time.Since(started))
		}
		time.Sleep(length - time.Since(started))
		row = r.Stop(t.Context())
		if stored, _ := s.store.Recording(t.Context(), r.ID()); stored != row {
			t.Errorf("stored %+v, returned %+v", stored, row)
		}
	})
	left, right := audio(t, filepath.Join(dir, row.Path))
	return row, left, right
}

func TestTalkIsStoredWhole(t *testing.T) {
	player := &voice{law: 8, side: 0, hz: 440, timestamp: 1<<32 - 1000, sequence: 65500}
	agent := &voice{law: 0, side: 1, hz: 1100, timestamp: 77}
	var dir string
	synctest.Test(t, func(t *testing.T) {
		st := newStore()
		s := newStudio(t, recording.Config{}, st)
		defer s.close()
		dir = s.dir
		started := time.Now()
		r := s.Start(recording.StartInfo{CallID: "call-1", AgentID: "agent-1", Queue: "support", At: started})
		for range 500 {
			time.Sleep(20 * time.Millisecond)
			at := 3*time.Hour + time.Since(started)
			player.send(r, at, 160)
			agent.send(r, at, 160)
		}
		row := r.Stop(t.Context())
		if row.State != recording.StateStored || row.Incomplete != "" || row.Dropped != 0 {
			t.Errorf("got %+v, want a stored recording", row)
		}
		if row.Duration != 10*time.Second || row.Bytes != 44+4*80000 || row.CallID != "call-1" {
			t.Errorf("got %+v, want 10 s", row)
		}
		path := filepath.Join(dir, row.Path)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != row.SHA256 {
			t.Errorf("the row's hash is not the file's")
		}
		left, right := audio(t, path)
		if share, other := heard(left, 440, 1100); share < 1 || other > 40 {
			t.Errorf("player heard in %v of the frames, agent at %v beside him", share, other)
		}
		if share, other := heard(right, 1100, 440); share < 1 || other > 40 {
			t.Errorf("agent heard in %v of the frames, player at %v beside him", share, other)
		}
		text, err = os.ReadFile(strings.TrimSuffix(path, ".wav") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var side map[string]any
		if err := json.Unmarshal(text, &side); err != nil {
			t.Fatal(err)
		}
		if side["call_id"] != "call-1" || side["sha256"] != row.SHA256 || side["queue"] != "support" || side["data_sha256"] == "" {
			t.Errorf("the sidecar says %s", text)
		}
		if again := r.Stop(t.Context()); again != row {
			t.Errorf("a second Stop gives %+v, want %+v", again, row)
		}
	})
}

// The journal may be late: what a recording holds is settled by its end.
func TestRecordingEndsWhenItIsEndedHoweverLateItIsStopped(t *testing.T) {
	player := &voice{law: 0, side: 0, hz: 440}
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, recording.Config{}, newStore())
		defer s.close()
		started := time.Now()
		r := s.Start(recording.StartInfo{CallID: "call-1", At: started})
		for i := range 200 {
			if i == 100 {
				r.End()
			}
			time.Sleep(20 * time.Millisecond)
			player.send(r, time.Since(started), 160)
		}
		stored, err := s.store.Recording(t.Context(), r.ID())
		if err != nil || stored.State != recording.StateStored || stored.Duration != 2*time.Second {
			t.Errorf("before Stop: %+v, %v; want 2 s stored", stored, err)
		}
		if row := r.Stop(t.Context()); row != stored {
			t.Errorf("Stop gives %+v, want %+v", row, stored)
		}
	})
}

// A store that is late with the rows of recordings that end keeps the audio of
// the others from nothing: their files are at most a second behind.
func TestRecordingsThatCloseDoNotDelayThoseThatRun(t *testing.T) {
	player := &voice{law: 0, side: 0, hz: 440}
	synctest.Test(t, func(t *testing.T) {
		st := &lateStore{store: newStore()}
		s := newStudioOn(t, recording.Config{}, st)
		defer s.close()
		started := time.Now()
		r := s.Start(recording.StartInfo{CallID: "call-1", At: started})
		for range 40 { // they end at once
			s.Start(recording.StartInfo{}).End()
		}
		for i := range 500 {
			time.Sleep(20 * time.Millisecond)
			player.send(r, time.Since(started), 160)
			if i%50 != 49 || i < 150 {
				continue
			}
			file, _, err := s.Open(t.Context(), r.ID())
			if err != nil {
				t.Fatalf("after %v: %v", time.Since(started), err)
			}
			size, err := file.Seek(0, io.SeekEnd)
			if err != nil {
				t.Fatal(err)
			}
			if behind := time.Since(started) - time.Duration((size-44)/4)*time.Second/8000; behind > time.Second {
				t.Errorf("after %v the file is %v behind", time.Since(started), behind)
			}
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// lateStore takes two seconds for the row of a recording that is closed.
type lateStore struct{ *store }

func (s *lateStore) SaveRecording(ctx context.Context, r recording.Row) error {
	if r.State != recording.StateOpen {
		time.Sleep(2 * time.Second)
	}
	return s.store.SaveRecording(ctx, r)
}
