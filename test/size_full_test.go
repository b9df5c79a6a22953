//go:build e2e && verify

package test

import "time"

// Sizes of make verify.
func loadSize() (agents, calls int) { return 20, 200 }

const kills = 20

// mailRounds is how often the corpus of mails is played.
const mailRounds = 5

// Kills at random moments of what the desk does.
const (
	deskKills     = 100 // each of mail, chat with upload, merge
	postgresKills = 10  // the same on PostgreSQL
)

// chatCut is how long the line between two who chat is cut.
const chatCut = 5 * time.Minute

// stormCalls is how many calls the agents of a storm get.
const (
	stormCalls  = 10_000
	stormAgents = 100
)

// enumerateTries is how often each request is sent for a user and for nobody.
const enumerateTries = 500

// relayKinds are the ways to the relay that are tried.
var relayKinds = []string{"udp", "tcp", "tls"}
