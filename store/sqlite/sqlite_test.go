//go:build sqlite_fts5

package sqlite_test

import (
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/mattn/go-sqlite3"

	"pickup/recording"
	"pickup/store"
	"pickup/store/sqlite"
	"pickup/store/storetest"
)

func open(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// raw opens the file beside the store, as a person with a shell would.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Full { return open(t, filepath.Join(t.TempDir(), "pickup.db")) })
}

func TestPast(t *testing.T) {
	storetest.RunPast(t, func(t *testing.T) storetest.PastStore { return open(t, filepath.Join(t.TempDir(), "pickup.db")) })
}

func TestOpenAgainFindsWhatWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?#%é.db")
	for range 2 {
		s := open(t, path)
		if err := s.SetMeta(t.Context(), "realm", "pickup"); err != nil {
			t.Fatal(err)
		}
		if v, ok, err := s.Meta(t.Context(), "realm"); v != "pickup" || !ok || err != nil {
			t.Fatalf("got %q %v %v", v, ok, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
}

func TestOpenNamesTheFileItCannotMake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "pickup.db")
	_, err := sqlite.Open(t.Context(), path, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Fatalf("got %v, want an error that names %s", err, path)
	}
}

// The write connection waits for the disk at each commit, readers cannot write.
func TestConnectionsAreSetAsPromised(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pickup.db")
	s := open(t, path)
	defer s.Close()
	var mode string
	if err := raw(t, path).QueryRowContext(t.Context(), `PRAGMA journal_mode`).Scan(&mode); err != nil || mode != "wal" {
		t.Fatalf("got journal mode %q %v", mode, err)
	}
}

// A database that is locked longer than the wait is an error to that caller, and
// the store goes on afterwards.
func TestLockedDatabaseIsAnErrorAndThenGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pickup.db")
	s := open(t, path)
	defer s.Close()
	conn, err := raw(t, path).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	if err := s.SetMeta(t.Context(), "k", "v"); err == nil {
		t.Fatal("a write to a locked database was taken")
	}
	if _, err := conn.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	if err := s.SetMeta(t.Context(), "k", "v"); err != nil {
		t.Fatal(err)
	}
}

// A disk that is full is an error to the caller, never a panic; what was
// acknowledged stays, and smaller writes are taken again when there is room.
func TestFullDiskIsAnErrorAndThenGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pickup.db")
	s, fill := openLimited(t, path)
	defer s.Close()
	if err := s.SetMeta(t.Context(), "before", "v"); err != nil {
		t.Fatal(err)
	}
	fill(true)
	big := strings.Repeat("x", 1<<20)
	if err := s.SetMeta(t.Context(), "big", big); err == nil {
		t.Fatal("a write to a full disk was taken")
	}
	fill(false)
	if err := s.SetMeta(t.Context(), "after", big); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bool{"before": true, "big": false, "after": true} {
		if _, ok, err := s.Meta(t.Context(), key); ok != want || err != nil {
			t.Errorf("%s: got %v %v, want %v", key, ok, err, want)
		}
	}
}

func TestAChangedAccessLogIsFound(t *testing.T) {
	for name, tamper := range map[string]string{
		"a row was changed":    `UPDATE access_log SET user_id = 'nobody' WHERE seq = 2`,
		"a row was taken out":  `DELETE FROM access_log WHERE seq = 2`,
		"the last is gone":     `DELETE FROM access_log WHERE seq = 3`,
		"the first is gone":    `DELETE FROM access_log WHERE seq = 1`,
		"a row was renumbered": `UPDATE access_log SET seq = 9 WHERE seq = 3`,
		"a hash was changed":   `UPDATE access_log SET hash = 'x' WHERE seq = 3`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pickup.db")
			s := open(t, path)
			defer s.Close()
			for range 3 {
				if err := s.LogAccess(t.Context(), recording.Access{UserID: "u", Action: "play", ObjectID: "r"}); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.VerifyAccessLog(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := raw(t, path).ExecContext(t.Context(), tamper); err != nil {
				t.Fatal(err)
			}
			if err := s.VerifyAccessLog(t.Context()); !errors.Is(err, store.ErrChain) {
				t.Fatalf("got %v, want %v", err, store.ErrChain)
			}
		})
	}
}

func BenchmarkSetMeta(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "pickup.db"))
	defer s.Close()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := s.SetMeta(b.Context(), "k", "v"); err != nil {
				b.Error(err)
			}
		}
	})
}
