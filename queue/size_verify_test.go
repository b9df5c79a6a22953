//go:build verify

package queue_test

// The full sizes of the searches, for `make verify`.
const (
	modelEvents = 1_000_000
	modelRule   = 1_000
)
