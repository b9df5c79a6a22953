//go:build e2e && verify

package test

import "testing"

func TestBaresipSpeaksEveryPairOfCodecs(t *testing.T) {
	talks(t, map[string]codecs{
		"both with Opus":                       {"opus", "opus"},
		"player with A-law, agent with Opus":   {"PCMA", "opus"},
		"player with G.722, agent with mu-law": {"G722", "PCMU"},
		"player with mu-law, agent with G.722": {"PCMU", "G722"},
		"player with Opus, agent with G.722":   {"opus", "G722"},
	})
}

// A player's browser is answered with G.711, and a phone that has nothing but Opus
// hears it all the same.
func TestBrowserPlayerTalksToOpusAgent(t *testing.T) { browserTalks(t, "opus", "G.711") }
