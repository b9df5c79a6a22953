//go:build !verify

package queue_test

// The sizes of the searches by chance: those of every run. The full ones are in
// size_verify_test.go.
const (
	modelEvents = 8_000
	modelRule   = 0 // how often each rule of the order decided, at least
)
