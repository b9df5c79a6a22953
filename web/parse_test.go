package web_test

import (
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pickup/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWindowsOfFigures(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	must(t, err)
	now := time.Date(2026, 7, 1, 22, 30, 0, 0, time.UTC) // half past midnight in Paris
	for text, from := range map[string]time.Time{
		"today": time.Date(2026, 7, 1, 22, 0, 0, 0, time.UTC), "": time.Date(2026, 7, 1, 22, 0, 0, 0, time.UTC),
		"30m": now.Add(-30 * time.Minute), "2026-06-30T00:00:00+02:00..2026-07-01T00:00:00Z": time.Date(2026, 6, 29, 22, 0, 0, 0, time.UTC),
	} {
		if got, to, err := web.ParseWindow(text, now, paris); err != nil || !got.Equal(from) || !to.After(got) {
			t.Errorf("%q: got %v to %v, %v, want %v", text, got, to, err, from)
		}
	}
	for _, text := range []string{"-5m", "0s", "800h", "x", "..", "2026-01-02T00:00:00Z..2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z..2026-12-01T00:00:00Z"} {
		if _, _, err := web.ParseWindow(text, now, paris); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestPlayedRangesAreLoggedInMilliseconds(t *testing.T) {
	const size = 44 + 32000
	for header, want := range map[string]string{
		"bytes=0-": "0-1000", "bytes=44-": "0-1000", "bytes=3244-6443": "100-200", "bytes=-3200": "900-1000", "bytes=0-99999999": "0-1000",
		"bytes=0-1,5-6": "none", "lines=1-2": "none", "": "none", "bytes=9-1": "none", "bytes=x-": "none", "bytes=--5": "none",
	} {
		from, to, ok := web.PlayRange(header, size)
		got := "none"
		if ok {
			got = strconv.FormatInt(from, 10) + "-" + strconv.FormatInt(to, 10)
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", header, got, want)
		}
	}
}

func FuzzPlayRange(f *testing.F) {
	f.Add("bytes=3244-6443", int64(32044))
	f.Add("bytes=-5", int64(0))
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 || size > 1<<40 {
			return
		}
		if from, to, ok := web.PlayRange(header, size); ok && (from < 0 || to < 0) {
			t.Fatalf("got %d to %d", from, to)
		}
	})
}

func FuzzParseWindow(f *testing.F) {
	f.Add("today")
	f.Add("30m")
	f.Add("2026-01-01T00:00:00Z..2026-01-02T00:00:00Z")
	now := time.Date(2026, 7, 1, 22, 30, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		if from, to, err := web.ParseWindow(text, now, time.UTC); err == nil && (!from.Before(to) || to.Sub(from) > 32*24*time.Hour) {
			t.Fatalf("got %v to %v", from, to)
		}
	})
}

func TestTheDelayOfGuessesGrowsAndIsForgotten(t *testing.T) {
	th := web.NewThrottle()
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	var last time.Duration
	for n := range 20 {
		wait := th.Wait("a", "1001", now)
		if n < 5 && wait != 0 || n >= 5 && wait < last || wait > 5*time.Minute {
			t.Fatalf("try %d waits %v after %v", n, wait, last)
		}
		last = wait
		th.Failed("a", "1001", now)
	}
	if last != 5*time.Minute {
		t.Fatalf("got %v at last", last)
	}
	if th.Wait("b", "1001", now) != 0 || th.Wait("a", "1002", now) != 0 {
		t.Fatal("another source or login waits too")
	}
	if th.Wait("a", "1001", now.Add(5*time.Minute)) != 0 {
		t.Fatal("it waits for longer than it was told")
	}
	th.Succeeded("a", "1001")
	if th.Wait("a", "1001", now) != 0 {
		t.Fatal("a success is not the end of it")
	}
	for i := range 100 { // one password at many logins
		th.Failed("c", strconv.Itoa(i), now)
	}
	if th.Wait("c", "new", now) != 15*time.Minute || th.Wait("c", "new", now.Add(16*time.Minute)) != 0 {
		t.Fatal("a source that tries every login is not blocked for a while")
	}
}
