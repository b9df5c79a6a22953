package store_test

import (
	"testing"
	"time"

	"pickup/store"
)

// A cursor that can be read is one that we would write, and nothing else is
// taken.
func FuzzParseCursor(f *testing.F) {
	f.Add(store.Cursor(time.UnixMilli(1), "a"))
	f.Add("zzzzzzzzzzzzzzzzzzzzzz.x")
	f.Fuzz(func(t *testing.T, s string) {
		ms, id, err := store.ParseCursor(s)
		if err != nil {
			return
		}
		if again, same, err := store.ParseCursor(store.Cursor(time.UnixMilli(ms), id)); err != nil || again != ms || same != id {
			t.Errorf("%q: %d %q, then %d %q, %v", s, ms, id, again, same, err)
		}
	})
}
