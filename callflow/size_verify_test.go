//go:build verify

package callflow

// The full sizes of the searches, for `make verify`.
const (
	ModelStates = 40_000
	Storms      = 300
	CrashStorms = 60
)
