//go:build e2e && !verify

package test

// Sizes of make test.
func loadSize() (agents, calls int) { return 5, 12 }

const kills = 2
