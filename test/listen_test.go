//go:build e2e

package test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// An agent on IPv6 and a player on IPv4 talk: a listener of its own takes IPv6.
func TestAgentOnIPv6TalksToPlayerOnIPv4(t *testing.T) {
	t.Parallel()
	const playerHz, agentHz = 1000, 1700
	six := fmt.Sprintf("[::1]:%d", freePort(t))
	s := startServer(t, "PICKUP_SIP_LISTENERS="+six)
	account := strings.ReplaceAll(agentAccount(s, "1001", "PCMA"), s.sip, six)
	agent := startBaresip(t, softphone{account: account, hz: agentHz, v6: true})
	s.agents(1, "ready")
	player := startBaresip(t, softphone{account: playerAccount("alice", "PCMU"), hz: playerHz, run: []string{"/dial sip:support@" + s.sip}})
	wait(t, 15*time.Second, "the call is talking", func() (bool, string) {
		calls := s.list("/api/v1/calls?state=live")
		return len(calls) == 1 && calls[0].str("state") == "talking", fmt.Sprint(calls)
	})
	began := time.Now()
	wait(t, 10*time.Second, "five seconds of talk", func() (bool, string) { return time.Since(began) > 5*time.Second, "" })
	agent.quit()
	ended := s.ended(1, 10*time.Second)[0]
	player.quit()
	checkHeard(t, "agent", agent.heard(t), playerHz, agentHz, 4*time.Second)
	checkRecording(t, s.audio(ended.str("recording_id")), playerHz, agentHz, 4500*time.Millisecond)
}
