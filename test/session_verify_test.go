//go:build e2e && verify

package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A player of sipp with a session timer. EXPIRES is his wish; THEN what he does
// when the call is up.
const timerXML = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="timer">
<send retrans="500"><![CDATA[
INVITE sip:support@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:USER@players.example>;tag=[pid]p[call_number]
To: <sip:support@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:USER@[local_ip]:[local_port]>
Max-Forwards: 70
Allow: INVITE, ACK, BYE, CANCEL, UPDATE
Supported: timer
Session-Expires: EXPIRES
Content-Type: application/sdp
Content-Length: [len]

v=0
o=player 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 0
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000

]]></send>
<recv response="100" optional="true"/>
<recv response="200" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[last_From:]
[last_To:]
[last_Call-ID:]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
THEN
<recv request="BYE" timeout="100000"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
`

const updateThenSilence = `<recv request="UPDATE" timeout="100000"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
Require: timer
Session-Expires: 90;refresher=uas
Content-Length: 0

]]></send>
`

// sipp has a session timer of 90 s: one player should refresh and does not, the
// other has us to refresh, then takes it over and does not. Both are hung up a
// little before the session expires (RFC 4028 10), and their records say why.
func TestSippSessionTimers(t *testing.T) {
	s := startServer(t, "PICKUP_RECORDING_NOTICE=false")
	dir := t.TempDir()
	play := func(name, expires, then string) (func() error, string) {
		xml := strings.NewReplacer("USER", name, "EXPIRES", expires, "THEN", then).Replace(timerXML)
		return sipp(t, dir, name, xml, "-p", fmt.Sprint(freePort(t)), "-mp", fmt.Sprint(freePort(t)), "-m", "1", s.sip)
	}
	lazy, lazyLog := play("lazy", "90;refresher=uac", "")
	ours, oursLog := play("ours", "90;refresher=uas", updateThenSilence)
	for name, done := range map[string]func() error{"lazy": lazy, "ours": ours} {
		if err := done(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	after := func(log string, from, to func(sippSeen) bool) time.Duration {
		t.Helper()
		var a, b time.Time
		for _, m := range sippTrace(t, log) {
			switch {
			case a.IsZero() && from(m):
				a = m.at
			case b.IsZero() && !a.IsZero() && to(m):
				b = m.at
			}
		}
		if a.IsZero() || b.IsZero() {
			t.Fatalf("%s: not both messages", log)
		}
		return b.Sub(a)
	}
	method := func(name string) func(sippSeen) bool {
		return func(m sippSeen) bool { return !m.sent && m.m.method() == name }
	}
	ok := func(m sippSeen) bool { return !m.sent && m.m.status() == 200 }
	near := func(what string, got, want time.Duration) {
		t.Helper()
		t.Logf("%s after %v", what, got)
		if (got - want).Abs() > 2*time.Second {
			t.Errorf("%s after %v, want %v", what, got, want)
		}
	}
	near("BYE to who does not refresh", after(lazyLog, ok, method("BYE")), 60*time.Second)
	near("our UPDATE", after(oursLog, ok, method("UPDATE")), 45*time.Second)
	near("BYE after his refresher failed", after(oursLog, method("UPDATE"), method("BYE")), 60*time.Second)
	for _, c := range s.ended(2, 10*time.Second) {
		var story struct {
			Legs []struct {
				Cause  string
				Status int
			}
		}
		s.call("GET", "/api/v1/calls/"+c.str("id"), nil, &story, 200)
		if len(story.Legs) != 1 || story.Legs[0].Status != 408 || story.Legs[0].Cause != "session expired" {
			t.Errorf("legs of %s: %+v", c.str("from"), story.Legs)
		}
	}
	if n := s.metric("pickup_sip_legs_dead_total"); n != 2 {
		t.Errorf("%v legs dead", n)
	}
}

// Linphone asks for a session timer and keeps it: a talk of a minute and a half
// outlives an interval of 90 s.
func TestLinphoneKeepsItsSessionTimer(t *testing.T) {
	const playerHz, agentHz = 1000, 1700
	s := startServer(t, "PICKUP_SIP_TRACE=true")
	agent := startBaresip(t, softphone{account: agentAccount(s, "1001", "PCMU"), hz: agentHz})
	s.agents(1, "ready")
	player := startLinphoneWith(t, "alice", playerHz, "session_expires_enabled=1\nsession_expires_value=90\nsession_expires_min_value=90\nsession_expires_refresher=uac\n")
	player.do("call sip:support@" + s.sip)
	s.talkOf(95*time.Second, func() { player.do("terminate") })
	asked := s.traced("INVITE sip:support", "Session-Expires: 90") + s.traced("INVITE sip:support", "x: 90")
	refreshed := s.traced("SIP/2.0 200", "Session-Expires: 90", "UPDATE\n") + s.traced("SIP/2.0 200", "Session-Expires: 90", "INVITE\n") - 1
	t.Logf("asked for in %d INVITE, refreshed %d times", asked, refreshed)
	if asked == 0 || refreshed < 1 {
		files, _ := filepath.Glob(filepath.Join(s.dir, "trace", "*"))
		for _, f := range files {
			b, _ := os.ReadFile(f)
			t.Logf("%.6000s", b)
		}
		t.Errorf("asked for in %d INVITE, refreshed %d times", asked, refreshed)
	}
	player.quit()
	agent.quit()
}
