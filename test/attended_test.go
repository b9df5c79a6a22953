//go:build e2e

package test

import (
	"fmt"
	"testing"
	"time"
)

// A Linphone holds its player, asks a colleague on a second line and joins the
// two by a REFER that replaces the second (RFC 3515, RFC 3891): the player goes on
// with the colleague, and both lines of the Linphone are hung up.
func TestLinphoneTransfersAttended(t *testing.T) {
	s := &trio{server: startServer(t, "PICKUP_RECORDING_NOTICE=false", "PICKUP_SIP_TRACE=true")}
	first := startLinphone(t, "1001", firstTone, "-a")
	first.do(fmt.Sprintf("register sip:1001@%s sip:%s;transport=udp demo-1001", s.sip, s.sip))
	s.agents(1, "ready")
	s.player = startBaresip(t, softphone{account: playerAccount("alice", "PCMU"), hz: playerTone, run: []string{"/dial sip:support@" + s.sip}})
	wait(t, 20*time.Second, "the call is talking", func() (bool, string) {
		calls := s.list("/api/v1/calls?state=live")
		if len(calls) == 0 {
			return false, "no live call"
		}
		s.id = calls[0].str("id")
		return calls[0].str("state") == "talking", calls[0].str("state")
	})
	s.second = startBaresip(t, softphone{account: agentAccount(s.server, "1002", "PCMA"), hz: secondTone})
	wait(t, 10*time.Second, "1002 is registered", func() (bool, string) { return s.metric("pickup_sip_bindings") == 2, "" })
	s.pass(1500 * time.Millisecond)
	first.do("pause")
	s.talks("he holds the player", func(talk object) bool { return talk.str("state") == "held" })
	first.do("call sip:1002@" + s.sip)
	s.talks("he consults", func(talk object) bool {
		parties := talk["parties"].([]any)
		return len(parties) == 1 && object(parties[0].(map[string]any))["talking"] == true
	})
	first.do("transfer 1 --to-call 2")
	s.talks("the colleague has the player", with("1002"))
	if n := s.traced("REFER sip:", "Replaces="); n == 0 {
		t.Error("no REFER with Replaces was seen")
	}
	wait(t, 10*time.Second, "his lines are hung up", func() (bool, string) {
		n := s.metric("pickup_sip_dialogs")
		return n == 2, fmt.Sprint(n)
	})
	s.player.quit()
	s.second.quit()
	if ended := s.ended(1, 10*time.Second)[0]; ended.str("end_reason") != "answered" {
		t.Errorf("got %v", ended)
	}
	if got := phases(s.player.heardInAll(t), 8000); got != "1 2" {
		t.Errorf("the player heard %q", got)
	}
}
