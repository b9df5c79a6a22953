//go:build !sqlite_fts5

package sqlite_test

import (
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"pickup/store/sqlite"
)

// A binary without the tag sqlite_fts5 refuses to serve and says how to build it.
func TestBinaryWithoutFTS5Refuses(t *testing.T) {
	_, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "pickup.db"), slog.New(slog.DiscardHandler))
	if !errors.Is(err, sqlite.ErrNoFTS5) || !strings.Contains(err.Error(), "make build") {
		t.Fatalf("got %v, want a sentence that names make build", err)
	}
}
