//go:build sqlite_fts5

package email_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"pickup/store"
	"pickup/store/sqlite"
)

// What needs a database runs only where the tests are built for one: the others
// need no cgo.

func openSQLite(t *testing.T) *store.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "pickup.db"), slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { must(t, st.Close()) })
	return st
}

func TestEachMailIsInTheTicketOfItsNameOnSQLite(t *testing.T) { fileEachMail(t, openSQLite(t)) }

func TestAMailIsFiledOnceWhateverIsRepeatedOnSQLite(t *testing.T) { fileTwice(t, openSQLite(t)) }
