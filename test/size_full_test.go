//go:build e2e && verify

package test

// Sizes of make verify.
func loadSize() (agents, calls int) { return 20, 200 }

const kills = 20
