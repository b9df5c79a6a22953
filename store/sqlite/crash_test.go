//go:build sqlite_fts5

package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pickup/call"
	"pickup/callflow"
	"pickup/recording"
	"pickup/store"
	"pickup/store/sqlite"
)

// crashChild is set in the process that is to be killed: the database file.
const crashChild = "PICKUP_TEST_CRASH_DB"

// crashWrites says what it writes: "desk", or calls.
const crashWrites = "PICKUP_TEST_CRASH_WRITES"

// TestMain is the child too: it writes until it is killed.
func TestMain(m *testing.M) {
	if path := os.Getenv(crashChild); path != "" {
		write := writeOne
		if os.Getenv(crashWrites) == "desk" {
			write = writeDesk
		}
		fmt.Fprintln(os.Stderr, writeForever(path, os.Getenv("PICKUP_TEST_CRASH_ROUND"), write))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForever writes on eight goroutines and says each thing on stdout once it
// was acknowledged.
func writeForever(path, round string, write func(*store.Store, string) error) error {
	s, err := sqlite.Open(context.Background(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	var mu sync.Mutex
	failed := make(chan error, 8)
	for w := range 8 {
		go func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("c-%s-%d-%d", round, w, n)
				if err := write(s, id); err != nil {
					failed <- err
					return
				}
				mu.Lock()
				fmt.Println(id)
				mu.Unlock()
			}
		}()
	}
	return <-failed
}

// writeOne ends one call with a recording, and logs an access to it.
func writeOne(s *store.Store, id string) error {
	now := time.Now()
	r := call.Record{
		ID: call.ID(id), Direction: call.Inbound, From: call.Party{URI: "sip:" + id + "@192.0.2.1", User: id}, Queue: "support",
		State: call.StateTalking, ArrivedAt: now, EnqueuedAt: now, BridgedAt: now,
	}
	if err := s.SaveCall(context.Background(), r, call.TimelineEvent{At: now, Kind: "joined"}); err != nil {
		return err
	}
	r.EndReason, r.EndedAt = call.EndAnswered, now
	row := recording.Row{ID: recording.ID("r" + id), CallID: r.ID, State: recording.StateIncomplete, Path: id, StartedAt: now}
	if _, err := s.EndCall(context.Background(), callflow.Ending{Record: r, Recording: &row}); err != nil {
		return err
	}
	return s.LogAccess(context.Background(), recording.Access{At: now, UserID: "u", Action: "play", ObjectID: id})
}

// However often the process is killed in the middle of its commits, the
// database is whole and everything that was acknowledged is there.
func TestKilledTwentyTimesLosesNothingAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pickup.db")
	var acknowledged []string
	for round := range 20 {
		acknowledged = append(acknowledged, killAfter(t, path, "calls", round, 25+round*7)...)
		verify(t, path, acknowledged)
	}
	t.Logf("%d acknowledged calls over 20 kills", len(acknowledged))
}

// killAfter runs the child until it has acknowledged some writes, kills it, and
// returns all that it acknowledged.
func killAfter(t *testing.T, path, what string, round, acks int) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), crashChild+"="+path, fmt.Sprintf("PICKUP_TEST_CRASH_ROUND=%d", round), crashWrites+"="+what)
	stderr := &strings.Builder{}
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ids []string
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // a line without its end was not acknowledged
			break
		}
		ids = append(ids, strings.TrimSpace(line))
		if len(ids) == acks {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait()
	if len(ids) < acks {
		t.Fatalf("round %d: the child ended by itself after %d writes: %s", round, len(ids), stderr)
	}
	return ids
}

func verify(t *testing.T, path string, acknowledged []string) {
	t.Helper()
	var sound string
	if err := raw(t, path).QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&sound); err != nil || sound != "ok" {
		t.Fatalf("integrity: %q %v", sound, err)
	}
	s := open(t, path)
	defer s.Close()
	if err := s.VerifyAccessLog(t.Context()); err != nil {
		t.Fatal(err)
	}
	accessed, err := s.AccessLog(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	logged := make(map[string]bool, len(accessed))
	for _, a := range accessed {
		logged[a.ObjectID] = true
	}
	for _, id := range acknowledged {
		r, events, err := s.Call(t.Context(), call.ID(id))
		if err != nil || r.State != call.StateEnded || r.TicketID == "" || len(events) != 1 || !logged[id] {
			t.Fatalf("call %s: %v %+v, %d events, access logged %v", id, err, r, len(events), logged[id])
		}
		if _, err := s.Recording(t.Context(), recording.ID("r"+id)); err != nil {
			t.Fatalf("recording of call %s: %v", id, err)
		}
	}
}
