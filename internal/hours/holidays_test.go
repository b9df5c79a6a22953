package hours_test

import (
	"slices"
	"testing"
	"time"

	"pickup/internal/hours"
)

func TestHolidaysOfFrance(t *testing.T) {
	for year, want := range map[int][]string{
		2026: {
			"2026-01-01", "2026-04-06", "2026-05-01", "2026-05-08", "2026-05-14", "2026-05-25", "2026-07-14", "2026-08-15",
			"2026-11-01", "2026-11-11", "2026-12-25",
		},
		2008: { // Ascension on the first of May
			"2008-01-01", "2008-03-24", "2008-05-01", "2008-05-08", "2008-05-12", "2008-07-14", "2008-08-15", "2008-11-01",
			"2008-11-11", "2008-12-25",
		},
	} {
		if got := hours.Holidays("FR", year); !slices.Equal(got, want) {
			t.Errorf("%d: got %v, want %v", year, got, want)
		}
	}
	if got := hours.Holidays("US", 2026); got != nil {
		t.Errorf("got %v of a country that is not known", got)
	}
}

// Easter Monday is a Monday between 23 March and 26 April, each year.
func TestEasterMondayIsAMonday(t *testing.T) {
	for year := 1900; year < 2200; year++ {
		monday, err := time.Parse(time.DateOnly, hours.Holidays("FR", year)[1])
		if err != nil {
			t.Fatal(err)
		}
		first, last := time.Date(year, 3, 23, 0, 0, 0, 0, time.UTC), time.Date(year, 4, 26, 0, 0, 0, 0, time.UTC)
		if monday.Weekday() != time.Monday || monday.Before(first) || monday.After(last) {
			t.Errorf("%d: %s", year, monday)
		}
	}
}
