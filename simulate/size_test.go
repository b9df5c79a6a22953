//go:build !verify

package simulate_test

// How many seeds the table of policies is made of.
const seeds = 3

// How many the estimate is measured with.
const estimateSeeds = 1
