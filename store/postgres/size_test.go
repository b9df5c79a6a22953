//go:build !verify

package postgres_test

// The site that TestBenchDesk generates, small.
const (
	benchTickets  = 1_000
	benchMessages = 10_000
	benchStrict   = false
	reportRuns    = 8
)
