package sqlite_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"pickup/store/sqlite"
)

func TestOpenMigratesAndOpensAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?#%.db")
	for range 2 {
		s, err := sqlite.Open(t.Context(), path, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
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
}
