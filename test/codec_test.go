//go:build e2e

package test

import "testing"

// Softphones with one codec each: what is equal is relayed, what differs is
// transcoded, and the recording has both sides.
func TestBaresipSpeaksOpusAndG722(t *testing.T) {
	cases := map[string]struct{ player, agent string }{
		"both with Opus":                       {"opus", "opus"},
		"player with Opus, agent with A-law":   {"opus", "PCMA"},
		"both with G.722":                      {"G722", "G722"},
		"player with G.722, agent with mu-law": {"G722", "PCMU"},
		"player with A-law, agent with Opus":   {"PCMA", "opus"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			talk(t, c.player, c.agent, "udp")
		})
	}
}
