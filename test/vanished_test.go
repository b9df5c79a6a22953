//go:build e2e

package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// traced counts the messages of the SIP trace whose text contains all of these.
func (s *server) traced(parts ...string) (n int) {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "trace", "*"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, m := range strings.Split(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n\n") {
			all := true
			for _, p := range parts {
				all = all && strings.Contains(m, p)
			}
			if all {
				n++
			}
		}
	}
	return n
}

// A phone that never sent a packet has forgotten its call, as after a fall of
// its power. It is asked, the call ends, and its record says why.
func TestSilentPhoneThatForgotItsCallIsFound(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := startServer(t, "PICKUP_SIP_SESSION_PROBE=10s", "PICKUP_RECORDING_NOTICE=false")
	faithful, forgetful := newPhone(t, "alice", s.sip), newPhone(t, "bob", s.sip)
	faithful.silent, forgetful.silent, forgetful.forgets = true, true, true
	kept, err := faithful.dial("support")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := forgetful.dial("support"); err != nil {
		t.Fatal(err)
	}
	ended := s.ended(1, 30*time.Second)[0]
	if !strings.Contains(ended.str("from"), "bob") || ended.str("end_reason") != "abandoned" {
		t.Fatalf("got %v", ended)
	}
	var story struct {
		Legs []struct {
			Kind, Cause string
			Status      int
		}
		Timeline []struct{ Kind string }
	}
	s.call("GET", "/api/v1/calls/"+ended.str("id"), nil, &story, 200)
	if len(story.Legs) != 1 || story.Legs[0].Status != 408 || story.Legs[0].Cause != "the phone does not know the call any more" {
		t.Errorf("legs: %+v", story.Legs)
	}
	if !strings.Contains(fmt.Sprint(story.Timeline), "player_vanished") {
		t.Errorf("timeline: %+v", story.Timeline)
	}
	if n := s.metric("pickup_sip_legs_dead_total"); n != 1 {
		t.Errorf("%v legs dead", n)
	}
	wait(t, 40*time.Second, "the other phone is asked twice", func() (bool, string) {
		faithful.mu.Lock()
		defer faithful.mu.Unlock()
		return faithful.asked >= 2, fmt.Sprint(faithful.asked)
	})
	select {
	case <-kept.hungUp:
		t.Error("the phone that answers was hung up")
	default:
	}
}

// A Linphone that holds sends nothing that could be judged: it is asked, answers,
// and the talk goes on when it takes the call back.
func TestLinphoneOnHoldIsAskedAndStays(t *testing.T) {
	const playerHz, agentHz = 1000, 1700
	s := startServer(t, "PICKUP_SIP_SESSION_PROBE=10s", "PICKUP_SIP_TRACE=true")
	agent := startLinphone(t, "1001", agentHz, "-a")
	agent.do(fmt.Sprintf("register sip:1001@%s sip:%s;transport=udp demo-1001", s.sip, s.sip))
	s.agents(1, "ready")
	player := startBaresip(t, softphone{
		account: playerAccount("bob", "PCMA"), hz: playerHz, run: []string{"/dial sip:support@" + s.sip},
	})
	state := func(want string) {
		t.Helper()
		wait(t, 20*time.Second, "the call is "+want, func() (bool, string) {
			calls := s.list("/api/v1/calls?state=live")
			return len(calls) == 1 && calls[0].str("state") == want, fmt.Sprint(calls)
		})
	}
	state("talking")
	agent.do("pause")
	state("held")
	wait(t, 30*time.Second, "an OPTIONS in the dialog, answered", func() (bool, string) {
		n := s.traced("SIP/2.0 200", "\nCSeq: 2 OPTIONS") // 1 is the INVITE, or a dialog of its own
		return n > 0, fmt.Sprint(n)
	})
	state("held")
	agent.do("resume")
	state("talking")
	player.quit()
	if ended := s.ended(1, 15*time.Second)[0]; ended.str("end_reason") != "answered" {
		t.Errorf("got %v", ended)
	}
}
