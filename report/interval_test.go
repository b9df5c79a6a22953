package report_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pickup/report"
)

func place(t interface{ Fatal(...any) }, name string) *time.Location {
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestDaysOfAPlaceAreAsLongAsItsClockSays(t *testing.T) {
	for name, c := range map[string]struct {
		place string
		day   time.Time // its noon, UTC
		every report.Interval
		parts int
		long  time.Duration
		first string
		last  string
	}{
		"an ordinary day":        {"Europe/Paris", time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC), report.Half, 48, 24 * time.Hour, "2026-03-05T00:00:00+01:00", "2026-03-05T23:30:00+01:00"},
		"clocks go forward":      {"Europe/Paris", time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC), report.Half, 46, 23 * time.Hour, "2026-03-29T00:00:00+01:00", "2026-03-29T23:30:00+02:00"},
		"clocks go back":         {"Europe/Paris", time.Date(2026, 10, 25, 12, 0, 0, 0, time.UTC), report.Quarter, 100, 25 * time.Hour, "2026-10-25T00:00:00+02:00", "2026-10-25T23:45:00+01:00"},
		"at midnight forward":    {"America/Santiago", time.Date(2026, 9, 6, 15, 0, 0, 0, time.UTC), report.Hour, 23, 23 * time.Hour, "2026-09-06T01:00:00-03:00", "2026-09-06T23:00:00-03:00"},
		"at midnight back":       {"America/Havana", time.Date(2026, 11, 1, 17, 0, 0, 0, time.UTC), report.Hour, 25, 25 * time.Hour, "2026-11-01T00:00:00-04:00", "2026-11-01T23:00:00-05:00"},
		"half an hour of change": {"Australia/Lord_Howe", time.Date(2026, 4, 5, 2, 0, 0, 0, time.UTC), report.Half, 49, 24*time.Hour + 30*time.Minute, "2026-04-05T00:00:00+11:00", "2026-04-05T23:30:00+10:30"},
		"quarters of an offset":  {"Asia/Kathmandu", time.Date(2026, 4, 5, 6, 0, 0, 0, time.UTC), report.Hour, 24, 24 * time.Hour, "2026-04-05T00:00:00+05:45", "2026-04-05T23:00:00+05:45"},
	} {
		where := place(t, c.place)
		days, _, err := report.Cut(c.day.Add(-36*time.Hour), c.day.Add(36*time.Hour), report.Day, where, 10)
		if err != nil {
			t.Fatal(err)
		}
		var day report.Part
		for _, p := range days {
			if p.Has(c.day) {
				day = p
			}
		}
		parts, next, err := report.Cut(day.From, day.To, c.every, where, 200)
		if err != nil || !next.IsZero() || len(parts) != c.parts || day.To.Sub(day.From) != c.long {
			t.Errorf("%s: got %d parts of %v (%v, %v), want %d of %v", name, len(parts), day.To.Sub(day.From), next, err, c.parts, c.long)
			continue
		}
		first, last := parts[0].From.In(where).Format(time.RFC3339), parts[len(parts)-1].From.In(where).Format(time.RFC3339)
		if first != c.first || last != c.last {
			t.Errorf("%s: got %s to %s, want %s to %s", name, first, last, c.first, c.last)
		}
	}
}

// Whatever window, interval and place: the parts follow each other without a gap,
// fill the window, begin at a round time of the place's clock, and pages are cut
// at the same places.
func TestPartsFillTheWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		where := place(t, rapid.SampledFrom([]string{"Europe/Paris", "UTC", "America/Havana", "America/Santiago", "Asia/Kathmandu", "Africa/Cairo"}).Draw(t, "place"))
		from := time.UnixMilli(rapid.Int64Range(1_700_000_000_000, 1_900_000_000_000).Draw(t, "from"))
		to := from.Add(time.Duration(rapid.Int64Range(1, int64(9*24*time.Hour)).Draw(t, "length")))
		every := rapid.SampledFrom(report.Intervals()).Draw(t, "every")
		all, next, err := report.Cut(from, to, every, where, 10_000)
		if err != nil || !next.IsZero() || !all[0].From.Equal(from) || !all[len(all)-1].To.Equal(to) {
			t.Fatalf("got %v, %v, %v", all, next, err)
		}
		for i, p := range all {
			if !p.From.Before(p.To) || i > 0 && !p.From.Equal(all[i-1].To) {
				t.Fatalf("part %d is %v after %v", i, p, all[max(0, i-1)])
			}
			if m := p.From.In(where).Minute(); i > 0 && every == report.Quarter && m%15 != 0 {
				t.Fatalf("part %d begins at minute %d", i, m)
			}
		}
		var paged []report.Part
		for at := from; !at.IsZero(); {
			var some []report.Part
			if some, at, err = report.Cut(at, to, every, where, 7); err != nil {
				t.Fatal(err)
			}
			paged = append(paged, some...)
		}
		if len(paged) != len(all) {
			t.Fatalf("%d parts in pages, %d at once", len(paged), len(all))
		}
	})
}

func TestWindowsThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		to    time.Time
		every report.Interval
	}{"empty": {noon, report.Half}, "too long": {noon.Add(report.MaxWindow + 1), report.Half}, "no interval": {noon.Add(time.Hour), "7m"}} {
		if _, _, err := report.Cut(noon, c.to, c.every, time.UTC, 10); !errors.Is(err, report.ErrInterval) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
