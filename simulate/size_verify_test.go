//go:build verify

package simulate_test

const (
	seeds         = 20
	estimateSeeds = 8
)
