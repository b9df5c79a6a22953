//go:build e2e && verify

package test

import (
	"fmt"
	"path/filepath"
	"testing"
)

// TestAnAgentOutlivesHisNetwork is TestACallOutlivesItsNetwork with the phone of the console: JsSIP
// restarts ICE by a re-INVITE.
func TestAnAgentOutlivesHisNetwork(t *testing.T) {
	const playerHz, agentHz = 1000, 1700
	cert, key := certificate(t, t.TempDir(), relayHost(t))
	relay := startCoturn(t, cert, key)
	s := startServer(t, relay.settings(fmt.Sprintf("turn:%s:%d?transport=udp", relay.host, relay.port))...)
	mic := filepath.Join(t.TempDir(), "mic.wav")
	writeWAV(t, mic, 48000, tone(agentHz, 48000, 48000*10))
	var player *baresip
	saw := relayed(t, "consoleline.mjs", object{"base": s.base(), "mic": mic, "hz": playerHz}, map[string]func(){
		"CUT": relay.stop,
		"READY": func() {
			s.agents(1, "ready")
			player = startBaresip(t, softphone{account: playerAccount("alice", "PCMA"), hz: playerHz, run: []string{"/dial sip:support@" + s.sip}})
		},
	})
	if saw.str("first") != "relay" || saw.str("then") == "relay" || saw.num("peers") != 1 {
		t.Errorf("got %v, want first a relay, then another way, on one connection", saw)
	}
	player.quit()
	s.recordedToTheEnd(playerHz, agentHz)
}
