//go:build e2e

package test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestCallWithSRTP has two baresip with keys in their descriptions (RFC 4568).
// With srtp-mand a baresip hangs up where its audio is not encrypted.
func TestCallWithSRTP(t *testing.T) {
	const playerHz, agentHz = 1000, 1700
	for name, c := range map[string]struct {
		player, agent string // mediaenc of baresip, "": none
		server        string // media.srtp
	}{
		"everything is encrypted where the site requires it": {"srtp-mand", "srtp-mand", "required"},
		"an encrypted player and an agent in the clear":      {"srtp-mand", "", "offered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, "PICKUP_MEDIA_SRTP="+c.server)
			with := func(account, mode string) string {
				if mode == "" {
					return account
				}
				return account + ";mediaenc=" + mode
			}
			agent := startBaresip(t, softphone{
				account: with(agentAccount(s, "1001", "PCMU"), c.agent), hz: agentHz, settings: "module srtp.so\n",
			})
			s.agents(1, "ready")
			player := startBaresip(t, softphone{
				account: with(playerAccount("alice", "PCMA"), c.player), hz: playerHz, settings: "module srtp.so\n",
				run: []string{"/dial sip:support@" + s.sip},
			})
			wait(t, 20*time.Second, "the call is talking", func() (bool, string) {
				calls := s.list("/api/v1/calls?state=live")
				if len(calls) == 0 {
					return false, "no live call"
				}
				return calls[0].str("state") == "talking", calls[0].str("state")
			})
			began := time.Now()
			wait(t, 10*time.Second, "six seconds of talk", func() (bool, string) { return time.Since(began) > 6*time.Second, "" })
			player.quit()
			agent.quit()
			ended := s.ended(1, 10*time.Second)[0]
			checkHeard(t, "player", player.heard(t), agentHz, playerHz, 6*time.Second)
			checkHeard(t, "agent", agent.heard(t), playerHz, agentHz, 6*time.Second)
			checkRecording(t, s.audio(ended.str("recording_id")), playerHz, agentHz, 5500*time.Millisecond)
		})
	}
}

// TestAPhoneWithoutSRTPWhereItIsRequired is told 488.
func TestAPhoneWithoutSRTPWhereItIsRequired(t *testing.T) {
	s := startServer(t, "PICKUP_MEDIA_SRTP=required")
	p := newPhone(t, "bob", s.sip)
	if _, err := p.dial("support"); err == nil || !strings.Contains(fmt.Sprint(err), "488") {
		t.Errorf("got %v, want 488", err)
	}
}
