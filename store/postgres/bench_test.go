package postgres_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"pickup/internal/pgtest"
	"pickup/store/storetest"
)

// TestBenchDesk generates a site and measures search, a ticket and lists.
func TestBenchDesk(t *testing.T) {
	url := pgtest.Start(t).Database(t)
	if err := open(t, url).Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	run := func(ctx context.Context, query string, args ...any) error {
		_, err := db.ExecContext(ctx, query, args...)
		return err
	}
	if err := run(t.Context(), "SET synchronous_commit = off"); err != nil {
		t.Fatal(err)
	}
	if err := storetest.Generate(t.Context(), run, benchTickets, benchMessages); err != nil {
		t.Fatal(err)
	}
	generated := time.Since(began)
	s := open(t, url) // indexes
	defer s.Close()
	t.Logf("%d tickets, %d messages generated in %v, indexed in %v", benchTickets, benchMessages, generated.Round(time.Millisecond),
		(time.Since(began) - generated).Round(time.Millisecond))
	if err := run(t.Context(), "ANALYZE"); err != nil { // the server does so by itself within minutes
		t.Fatal(err)
	}
	storetest.Measure(t, s, benchTickets, benchStrict)
}
