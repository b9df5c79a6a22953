//go:build e2e && !verify

package test

import "time"

// Sizes of make test.
func loadSize() (agents, calls int) { return 5, 12 }

const kills = 2

// Rounds of the corpus of mails, and kills while mail comes and goes.
const (
	mailRounds = 1
	mailKills  = 10
)

// chatCut is how long the line between two who chat is cut.
const chatCut = 30 * time.Second
