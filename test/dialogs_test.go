//go:build e2e

package test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// player runs a scenario of sipp as a player, n times at once.
func (s *server) player(t *testing.T, name string, n int, parts ...string) []sippSeen {
	t.Helper()
	return s.playerFor(t, name, n, "20s", parts...)
}

// playerFor is player with the longest time that the scenario may take.
func (s *server) playerFor(t *testing.T, name string, n int, limit string, parts ...string) []sippSeen {
	t.Helper()
	done, trace := sipp(t, t.TempDir(), name, sippScenario(name, parts...), "-p", fmt.Sprint(freePort(t)), "-mp", fmt.Sprint(freePort(t)),
		"-m", fmt.Sprint(n), "-r", "20", "-timeout", limit, "-timeout_error", s.sip)
	if err := done(); err != nil {
		t.Fatalf("sipp %s: %v", name, err)
	}
	return sippTrace(t, trace)
}

// nothingLeft waits until no dialog is left and nothing panicked.
func (s *server) nothingLeft(t *testing.T) {
	t.Helper()
	wait(t, 40*time.Second, "no dialog is left", func() (bool, string) {
		n := s.metric("pickup_sip_dialogs")
		return n == 0, fmt.Sprint(n)
	})
}

// count of the messages of a trace that begin so and have that CSeq method.
func countSeen(seen []sippSeen, sent bool, start, method string) (n int) {
	for _, m := range seen {
		if m.sent == sent && strings.HasPrefix(m.m.start, start) && strings.HasSuffix(m.m.get("cseq"), " "+method) {
			n++
		}
	}
	return n
}

// Players of sipp: reliable provisional responses with and without an offer in
// the INVITE, UPDATE before the answer, and a storm of re-INVITEs.
func TestSippDialogsOfPlayers(t *testing.T) {
	s := startServer(t, "PICKUP_RECORDING_NOTICE=false")
	bye := func(cseq string) string {
		return "<pause milliseconds=\"300\"/>\n" + sippAsk("BYE", cseq, "", "", true) + `<recv response="200"/>` + "\n"
	}
	rack := "RAck: [$rseq] 1 INVITE"
	t.Run("PRACK", func(t *testing.T) {
		seen := s.player(t, "prack", 5,
			sippAsk("INVITE", "1", "Require: 100rel", sippSDP(1), false), sipp100, sippRSeq,
			sippAsk("PRACK", "2", rack, "", true), `<recv response="200"/>`+"\n", sipp200,
			sippAsk("ACK", "1", "", "", true), bye("3"))
		if n := countSeen(seen, false, "SIP/2.0 200", "PRACK"); n != 5 {
			t.Errorf("%d PRACKs answered, want 5", n)
		}
		for _, m := range seen {
			if !m.sent && m.m.status() == 200 && strings.HasSuffix(m.m.get("cseq"), "INVITE") && strings.Contains(m.m.body, "m=") {
				t.Errorf("the 200 repeats the description: %s", m.m.body)
			}
		}
	})
	t.Run("delayed offer and UPDATE", func(t *testing.T) {
		s.player(t, "delayed", 5,
			sippAsk("INVITE", "1", "Require: 100rel", "", false), sipp100, sippRSeq,
			sippAsk("PRACK", "2", rack, sippSDP(1), true), `<recv response="200"/>`+"\n", sipp200,
			sippAsk("ACK", "1", "", "", true),
			sippAsk("UPDATE", "3", "", sippSDP(2), true), `<recv response="200"/>`+"\n", bye("4"))
	})
	t.Run("a storm of re-INVITEs", func(t *testing.T) {
		parts := []string{sippAsk("INVITE", "1", "", sippSDP(1), false), sipp100, sipp180, sipp200, sippAsk("ACK", "1", "", "", true)}
		for n := 2; n < 62; n += 3 { // the second one comes before the ACK of the first: 491
			body := sippSDP(n)
			if n%2 == 0 {
				body = strings.Replace(body, "a=rtpmap", "a=sendonly\na=rtpmap", 1)
			}
			parts = append(parts, sippAsk("INVITE", fmt.Sprint(n), "", body, true), sipp100, sipp200,
				sippAsk("INVITE", fmt.Sprint(n+1), "", body, true), sipp100, `<recv response="491"/>`+"\n",
				strings.Replace(sippAsk("ACK", fmt.Sprint(n+1), "", "", true), "branch=[branch]", "branch=[branch-3]", 1),
				sippAsk("ACK", fmt.Sprint(n), "", "", true))
		}
		began := time.Now()
		seen := s.player(t, "storm", 20, append(parts, bye("90"))...)
		ok, busy := countSeen(seen, false, "SIP/2.0 200", "INVITE"), countSeen(seen, false, "SIP/2.0 491", "INVITE")
		t.Logf("20 calls of 20 re-INVITEs in %v: %d answered, %d refused with 491", time.Since(began).Round(time.Millisecond), ok, busy)
		if ok < 20*21 || busy < 20*20 {
			t.Errorf("%d answered, %d refused", ok, busy)
		}
	})
	s.nothingLeft(t)
}

// Phones of sipp: reliable ringing with a description, and a 200 that crosses
// our CANCEL.
func TestSippDialogsOfPhones(t *testing.T) {
	s := startServer(t, "PICKUP_RECORDING_NOTICE=false", "PICKUP_QUEUE_RING_TIME=5s", "PICKUP_SIP_AUTO_ANSWER=true")
	dir := t.TempDir()
	port := fmt.Sprint(freePort(t))
	register, _ := sipp(t, dir, "register", registerXML, "-p", port, "-inf", agentsFile(t, dir, 1), "-m", "1", s.sip)
	if err := register(); err != nil {
		t.Fatalf("registering: %v", err)
	}
	s.agents(1, "ready")
	call := []string{sippAsk("INVITE", "1", "", sippSDP(1), false), sipp100, sipp180, sipp200, sippAsk("ACK", "1", "", "", true)}
	t.Run("reliable ringing", func(t *testing.T) {
		done, trace := sipp(t, dir, "reliable", sippScenario("reliable", sippInvited,
			sippTell("180 Ringing", "Require: 100rel\nRSeq: 41", "", true),
			`<recv request="PRACK"/>`+"\n", sippTell("200 OK", "", "", true),
			sippTell("183 Session Progress", "Require: 100rel\nRSeq: 42", sippSDP(1), false),
			`<recv request="PRACK"/>`+"\n", sippTell("200 OK", "", "", true),
			sippTell("200 OK", "", "", false), `<recv request="ACK"/>`+"\n",
			`<recv request="BYE" timeout="10000"/>`+"\n", sippTell("200 OK", "", "", true)),
			"-p", port, "-m", "1", "-timeout", "20s", "-timeout_error")
		s.player(t, "caller", 1, append(call, "<pause milliseconds=\"1500\"/>\n", sippAsk("BYE", "2", "", "", true), `<recv response="200"/>`+"\n")...)
		if err := done(); err != nil {
			t.Fatalf("the phone: %v", err)
		}
		var racks []string
		for _, m := range sippTrace(t, trace) {
			switch {
			case !m.sent && strings.HasPrefix(m.m.start, "PRACK "):
				racks = append(racks, m.m.get("rack"))
			case !m.sent && strings.HasPrefix(m.m.start, "INVITE ") && !strings.HasSuffix(m.m.get("call-info"), ";answer-after=0"):
				t.Errorf("the INVITE does not ask for an automatic answer: %q", m.m.get("call-info"))
			}
		}
		if got := strings.Join(racks, ", "); got != "41 1 INVITE, 42 1 INVITE" {
			t.Errorf("PRACKs: %s", got)
		}
		if ended := s.ended(1, 10*time.Second)[0]; ended.str("end_reason") != "answered" {
			t.Errorf("got %v", ended)
		}
	})
	s.agents(1, "ready")
	t.Run("200 after CANCEL", func(t *testing.T) {
		done, trace := sipp(t, dir, "late", sippScenario("late", sippInvited, sippTell("180 Ringing", "", "", true),
			`<recv request="CANCEL"/>`+"\n", sippTell("200 OK", "", "", true), sippTell("200 OK", "", sippSDP(1), false),
			`<recv request="ACK"/>`+"\n", `<recv request="BYE"/>`+"\n", sippTell("200 OK", "", "", true)),
			"-p", port, "-m", "1", "-timeout", "20s", "-timeout_error")
		s.player(t, "leaver", 1, append(call, "<pause milliseconds=\"1000\"/>\n", sippAsk("BYE", "2", "", "", true), `<recv response="200"/>`+"\n")...)
		if err := done(); err != nil {
			t.Fatalf("the phone: %v", err)
		}
		seen := sippTrace(t, trace)
		if countSeen(seen, false, "ACK", "ACK") != 1 || countSeen(seen, false, "BYE", "BYE") != 1 {
			t.Errorf("the late 200 was not ACKed and hung up")
		}
	})
	s.nothingLeft(t)
}
