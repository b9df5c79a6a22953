//go:build sqlite_fts5

package sqlite_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"pickup/store/storetest"
)

// TestBenchDesk generates a site and measures search, a ticket and lists.
func TestBenchDesk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pickup.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	fill(t, path)
	generated := time.Since(began)
	s := open(t, path) // indexes
	defer s.Close()
	t.Logf("%d tickets, %d messages generated in %v, indexed in %v", benchTickets, benchMessages, generated.Round(time.Millisecond),
		(time.Since(began) - generated).Round(time.Millisecond))
	storetest.Measure(t, s, benchTickets, benchStrict)
}

// fill writes the rows beside the store, in one transaction that waits for no disk.
func fill(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous=OFF&_cache_size=-100000")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	err = storetest.Generate(t.Context(), func(ctx context.Context, query string, args ...any) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}, benchTickets, benchMessages)
	if err == nil {
		_, err = tx.Exec("ANALYZE")
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		t.Fatal(err)
	}
}
