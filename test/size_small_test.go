//go:build e2e && !verify

package test

import "time"

// Sizes of make test.
func loadSize() (agents, calls int) { return 5, 12 }

const kills = 2

// mailRounds is how often the corpus of mails is played.
const mailRounds = 1

// Kills at random moments of what the desk does.
const (
	deskKills     = 10 // each of mail, chat with upload, merge
	postgresKills = 3  // the same on PostgreSQL
)

// chatCut is how long the line between two who chat is cut.
const chatCut = 30 * time.Second

// stormCalls is how many calls the agents of a storm get.
const (
	stormCalls  = 320
	stormAgents = 10
)

// enumerateTries is how often each request is sent for a user and for nobody.
const enumerateTries = 50

// relayKinds are the ways to the relay that are tried.
var relayKinds = []string{"tls"}
