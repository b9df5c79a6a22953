package main

import (
	"database/sql"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pickup/store/sqlite"
	"pickup/store/storetest"
)

// The day of a queue that lived through random events agrees with its event log;
// a row that somebody changed, or took away, does not.
func TestFiguresOfADayAreHeldToTheLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pickup.db")
	st, err := sqlite.Open(t.Context(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	storetest.Reports(t, st, 1)
	day := time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)
	check := func() figureCheck {
		c, err := checkFigures(t.Context(), st, day, time.UTC, day.AddDate(0, 1, 0))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	var out strings.Builder
	if c := check(); len(c.Faults) != 0 || c.Offered == 0 || c.Day != "2026-03-05" || c.print(&out) != nil {
		t.Fatalf("got %+v", c)
	}
	db, err := sql.Open("sqlite3", "file:"+path+"?_busy_timeout=5000")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	change := func(query string) {
		if _, err := db.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	const one = ` WHERE id = (SELECT id FROM work_items WHERE end_reason IS NOT NULL ORDER BY entered_at, id LIMIT 1)`
	change(`UPDATE work_items SET entered_at = entered_at + 1` + one)
	if c := check(); len(c.Faults) != 1 || c.print(&out) == nil || !strings.Contains(out.String(), "FAULT entry") {
		t.Errorf("a changed row: got %+v", c)
	}
	change(`DELETE FROM work_items` + one)
	if c := check(); len(c.Faults) != 1 {
		t.Errorf("a row that is gone: got %+v", c)
	}
}

func TestTheCheckIsOnceANight(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	for now, want := range map[string]string{
		"2026-03-05T01:00:00Z": "2026-03-05T03:10:00+01:00", "2026-03-05T02:10:00Z": "2026-03-06T03:10:00+01:00",
		"2026-03-28T12:00:00Z": "2026-03-29T03:10:00+02:00", "2026-10-24T12:00:00Z": "2026-10-25T03:10:00+01:00",
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := nextCheck(at, paris).Format(time.RFC3339); got != want {
			t.Errorf("after %s: got %s, want %s", now, got, want)
		}
	}
}
