//go:build !verify && sqlite_fts5

package sqlite_test

// The site that TestBenchDesk generates, small.
const (
	benchTickets  = 1_000
	benchMessages = 10_000
	benchStrict   = false
	reportRuns    = 8
)
