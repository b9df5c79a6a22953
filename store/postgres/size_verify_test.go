//go:build verify

package postgres_test

// The site that TestBenchDesk generates, at full size.
const (
	benchTickets  = 100_000
	benchMessages = 1_000_000
	benchStrict   = true
	reportRuns    = 300
)
