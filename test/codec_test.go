//go:build e2e

package test

import "testing"

// Softphones with one codec each: what is equal is relayed, what differs is
// transcoded, and the recording has both sides.
func TestBaresipSpeaksOpusAndG722(t *testing.T) {
	talks(t, map[string]codecs{
		"player with Opus, agent with A-law": {"opus", "PCMA"},
		"both with G.722":                    {"G722", "G722"},
	})
}

// codecs are those of the two softphones of a talk.
type codecs struct{ player, agent string }

func talks(t *testing.T, cases map[string]codecs) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			talk(t, c.player, c.agent, "udp")
		})
	}
}
