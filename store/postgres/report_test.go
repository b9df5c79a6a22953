package postgres_test

import (
	"testing"

	"pickup/internal/pgtest"
	"pickup/store/storetest"
)

// Whatever the queue decides, the event log alone gives the figures of the tables.
func TestReportsOfTablesAndLogAreTheSame(t *testing.T) {
	s := open(t, pgtest.Start(t).Database(t))
	defer s.Close()
	storetest.Reports(t, s, reportRuns)
}
