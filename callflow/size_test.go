//go:build !verify

package callflow

// The sizes of the searches by chance and by force: those of every run. The
// full ones are in size_verify_test.go.
const (
	ModelStates = 6_000 // of the offer protocol; the slowest seeded fault needs 1,200
	Storms      = 12
	CrashStorms = 2
)
