//go:build e2e && verify

package test

import "time"

// Sizes of make verify.
func loadSize() (agents, calls int) { return 20, 200 }

const kills = 20

// Rounds of the corpus of mails, and kills while mail comes and goes.
const (
	mailRounds = 5
	mailKills  = 34
)

// chatCut is how long the line between two who chat is cut.
const chatCut = 5 * time.Minute
