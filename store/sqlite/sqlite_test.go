package sqlite_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"pickup/store"
	"pickup/store/sqlite"
	"pickup/store/storetest"
)

func open(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Full { return open(t, filepath.Join(t.TempDir(), "pickup.db")) })
}
