//go:build sqlite_fts5

package sqlite_test

import (
	"path/filepath"
	"testing"

	"pickup/store/storetest"
)

// Whatever the queue decides, the event log alone gives the figures of the tables.
func TestReportsOfTablesAndLogAreTheSame(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "pickup.db"))
	defer s.Close()
	storetest.Reports(t, s, reportRuns)
}
