//go:build e2e

package test

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The scenarios of sipp: agents register from the port where they answer, ring,
// answer and hang up after talkTime; players wait until they are hung up.
const (
	registerXML = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="register">
<send retrans="500"><![CDATA[
REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[remote_ip]>;tag=[call_number]
To: <sip:[field0]@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 REGISTER
Contact: <sip:[field0]@[local_ip]:[local_port]>
Max-Forwards: 70
Expires: 3600
Content-Length: 0

]]></send>
<recv response="100" optional="true"/>
<recv response="401" auth="true"/>
<send retrans="500"><![CDATA[
REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[remote_ip]>;tag=[call_number]
To: <sip:[field0]@[remote_ip]>
Call-ID: [call_id]
CSeq: 2 REGISTER
Contact: <sip:[field0]@[local_ip]:[local_port]>
Max-Forwards: 70
Expires: 3600
[field1]
Content-Length: 0

]]></send>
<recv response="100" optional="true"/>
<recv response="200"/>
</scenario>
`
	agentXML = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="agent">
<recv request="OPTIONS" optional="true" next="9"/>
<recv request="INVITE" crlf="true" rrs="true"/>
<send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_From:]
[last_To:];tag=[pid]a[call_number]
[last_Call-ID:]
[last_CSeq:]
[last_Record-Route:]
Contact: <sip:[local_ip]:[local_port]>
Content-Length: 0

]]></send>
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]a[call_number]
[last_Call-ID:]
[last_CSeq:]
[last_Record-Route:]
Contact: <sip:[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=agent 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000

]]></send>
<recv request="ACK" crlf="true"/>
<pause milliseconds="5000"/>
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: [$to];tag=[pid]a[call_number]
To: [$from]
[last_Call-ID:]
CSeq: 1 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200" next="10"/>
<label id="9"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]o[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
<label id="10"/>
</scenario>
`
	playerXML = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="player">
<send retrans="500"><![CDATA[
INVITE sip:support@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:USER@players.example>;tag=[pid]p[call_number]
To: <sip:support@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:USER@[local_ip]:[local_port]>
Max-Forwards: 70
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
<recv response="180" optional="true"/>
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
<recv request="BYE" timeout="40000"/>
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
)

// sipp runs one scenario and returns a function that waits for its end.
func sipp(t testing.TB, dir, name, xml string, args ...string) (done func() error, trace string) {
	t.Helper()
	need(t, "sipp")
	file := filepath.Join(dir, name+".xml")
	if err := os.WriteFile(file, []byte(xml), 0o600); err != nil {
		t.Fatal(err)
	}
	trace = filepath.Join(dir, name+".log")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	args = append([]string{
		"-sf", file, "-i", "127.0.0.1", "-nostdin", "-trace_msg", "-message_file", trace, "-trace_err",
		"-error_file", filepath.Join(dir, name+".err"),
	}, args...)
	cmd := exec.CommandContext(ctx, "sipp", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TERM=xterm")
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() { result <- cmd.Wait() }()
	t.Cleanup(func() {
		cancel()
		if t.Failed() {
			if b, err := os.ReadFile(filepath.Join(dir, name+".err")); err == nil {
				t.Logf("sipp %s:\n%s", name, b[:min(len(b), 3000)])
			}
		}
	})
	return func() error { return <-result }, trace
}

// sippSeen is one message of a sipp trace.
type sippSeen struct {
	at   time.Time
	sent bool
	m    sipMessage
}

var sippMark = regexp.MustCompile(`(?m)^-+ (\S+)\s+(\S+)\n(\S+) message (sent|received)[^\n]*\n`)

// sippTrace reads a message file of sipp.
func sippTrace(t testing.TB, file string) []sippSeen {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	marks := sippMark.FindAllStringSubmatchIndex(text, -1)
	var out []sippSeen
	for i, m := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		at, err := time.ParseInLocation("2006-01-02 15:04:05.999999", text[m[2]:m[3]]+" "+text[m[4]:m[5]], time.Local)
		if err != nil {
			t.Fatalf("%s: time %q: %v", file, text[m[0]:m[1]], err)
		}
		body := strings.TrimLeft(text[m[1]:end], "\r\n")
		body = strings.ReplaceAll(strings.ReplaceAll(body, "\r\n", "\n"), "\n", "\r\n")
		if msg, ok := parseMessage([]byte(body + "\r\n\r\n")); ok {
			out = append(out, sippSeen{at: at, sent: text[m[8]:m[9]] == "sent", m: msg})
		}
	}
	return out
}

func userOf(header string) string {
	u := strings.TrimPrefix(uriOf(header), "sip:")
	u, _, _ = strings.Cut(u, "@")
	return u
}

// agentsFile is what the register scenario reads.
func agentsFile(t testing.TB, dir string, n int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("SEQUENTIAL\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "%d;[authentication username=%d password=demo-%d];\n", 1000+i, 1000+i, 1000+i)
	}
	file := filepath.Join(dir, "agents.csv")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestSippLoad(t *testing.T) {
	agents, calls := loadSize()
	s := startServer(t, fmt.Sprintf("PICKUP_DEMO_AGENTS=%d", agents), "PICKUP_RECORDING_NOTICE=false")
	dir := t.TempDir()
	agentPort := fmt.Sprint(freePort(t))
	register, _ := sipp(t, dir, "register", registerXML, "-p", agentPort, "-inf", agentsFile(t, dir, agents), "-m", fmt.Sprint(agents),
		"-r", "20", s.sip)
	if err := register(); err != nil {
		t.Fatalf("registering: %v", err)
	}
	// sipp cannot rewrite From and To of a UAS by itself: variables hold them.
	uas := strings.Replace(agentXML, `<recv request="INVITE" crlf="true" rrs="true"/>`, `<recv request="INVITE" crlf="true" rrs="true"><action>
  <ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>
</action>
</recv>`, 1)
	_, agentLog := sipp(t, dir, "agent", uas, "-p", agentPort, "-mp", "26000", s.sip)
	s.agents(agents, "ready")
	players, playerLog := sipp(t, dir, "player", strings.ReplaceAll(playerXML, "USER", "player[call_number]"),
		"-p", fmt.Sprint(freePort(t)), "-mp", "27000", "-m", fmt.Sprint(calls), "-r", "4", "-l", "400", s.sip)
	if err := players(); err != nil {
		t.Fatalf("players: %v", err)
	}
	ended := s.ended(calls, 30*time.Second)
	checkLoad(t, s, ended, sippTrace(t, playerLog), sippTrace(t, agentLog), calls)
}

// checkLoad compares what the API says with what sipp saw.
func checkLoad(t *testing.T, s *server, ended []object, players, agents []sippSeen, calls int) {
	t.Helper()
	contacts, tickets := map[string]bool{}, map[string]bool{}
	waits, callers := map[string]float64{}, map[string]string{}
	for _, c := range ended {
		if got := c.str("end_reason"); got != "answered" {
			t.Errorf("call of %s ended %s", c.str("from"), got)
		}
		if c.str("recording_id") == "" || c.str("ticket_id") == "" {
			t.Errorf("call of %s has recording %q, ticket %q", c.str("from"), c.str("recording_id"), c.str("ticket_id"))
		}
		tickets[c.str("ticket_id")] = true
		from := strings.TrimPrefix(c.str("from"), "sip:")
		from, _, _ = strings.Cut(from, "@")
		waits[from] = c.num("wait_ms")
		callers[c.str("id")] = from
	}
	for _, k := range s.list("/api/v1/tickets") {
		contacts[k.str("contact_id")] = true
	}
	if len(ended) != calls || len(tickets) != calls || len(contacts) != calls {
		t.Errorf("got %d calls, %d tickets, %d contacts, want %d of each", len(ended), len(tickets), len(contacts), calls)
	}
	checkWaits(t, waits, players, agents)
	checkOneDialog(t, agents)
	talks := talksOf(agents)
	bad, worst := 0, 0.0
	rows := s.list("/api/v1/recordings")
	for _, r := range rows {
		diff := math.Abs(r.num("duration_ms") - talks[callers[r.str("call_id")]])
		worst = max(worst, diff)
		if diff > 100 {
			bad++
			t.Logf("recording %s: %v ms, sipp talked %.0f ms", r.str("id"), r.num("duration_ms"), talks[callers[r.str("call_id")]])
		}
	}
	t.Logf("%d recordings, the largest differs by %.1f ms from sipp's talk", len(rows), worst)
	if len(rows) != calls || bad > 0 {
		t.Errorf("%d recordings, %d of them more than 100 ms from sipp's talk; want %d and 0", len(rows), bad, calls)
	}
}

// checkWaits compares sipp's agent 200 minus player 200 with the API.
func checkWaits(t *testing.T, waits map[string]float64, players, agents []sippSeen) {
	t.Helper()
	began := map[string]time.Time{}
	for _, p := range players {
		if !p.sent && p.m.status() == 200 && strings.HasSuffix(p.m.get("cseq"), "INVITE") {
			if u := userOf(p.m.get("from")); began[u].IsZero() {
				began[u] = p.at
			}
		}
	}
	worst, compared := 0.0, 0
	for _, a := range agents {
		if !a.sent || a.m.status() != 200 || !strings.HasSuffix(a.m.get("cseq"), "INVITE") {
			continue
		}
		u := userOf(a.m.get("from"))
		if began[u].IsZero() {
			t.Errorf("agent answered %q, who is no player", u)
			continue
		}
		diff := math.Abs(float64(a.at.Sub(began[u]).Microseconds())/1000 - waits[u])
		worst = max(worst, diff)
		compared++
		if diff > 50 {
			t.Errorf("wait of %s: sipp %s, API %.0f ms", u, a.at.Sub(began[u]), waits[u])
		}
	}
	t.Logf("%d waits compared, largest difference %.1f ms", compared, worst)
	if compared < len(waits) {
		t.Errorf("compared %d waits of %d", compared, len(waits))
	}
}

// talksOf is how long sipp's agents talked with each player, in ms: from their
// 200 to their BYE.
func talksOf(agents []sippSeen) map[string]float64 {
	type talk struct{ from, to time.Time }
	talks, users := map[string]talk{}, map[string]string{}
	for _, a := range agents {
		id := a.m.get("call-id")
		switch {
		case a.sent && a.m.status() == 200 && strings.HasSuffix(a.m.get("cseq"), "INVITE") && talks[id].from.IsZero():
			talks[id] = talk{from: a.at}
			users[id] = userOf(a.m.get("from"))
		case a.sent && a.m.method() == "BYE" && talks[id].to.IsZero():
			talks[id] = talk{talks[id].from, a.at}
		}
	}
	out := map[string]float64{}
	for id, k := range talks {
		out[users[id]] = float64(k.to.Sub(k.from).Microseconds()) / 1000
	}
	return out
}

// checkOneDialog counts dialogs at the agents' side: none may hold two.
func checkOneDialog(t *testing.T, agents []sippSeen) {
	t.Helper()
	open := map[string]map[string]bool{} // device -> Call-IDs
	owner := map[string]string{}
	most := 0
	for _, a := range agents {
		callID := a.m.get("call-id")
		switch {
		case !a.sent && a.m.method() == "INVITE" && owner[callID] == "":
			device := userOf(strings.Fields(a.m.start)[1])
			owner[callID] = device
			if open[device] == nil {
				open[device] = map[string]bool{}
			}
			open[device][callID] = true
			if most = max(most, len(open[device])); len(open[device]) > 1 {
				t.Errorf("device %s holds %d dialogs at %s", device, len(open[device]), a.at)
			}
		case a.sent && a.m.method() == "BYE", a.sent && a.m.status() >= 300:
			delete(open[owner[callID]], callID)
		}
	}
	t.Logf("%d INVITEs to %d devices, at most %d dialog on one", len(owner), len(open), most)
}

func TestTwentyCallsOfOneUserAreOneContactAndOneTicket(t *testing.T) {
	s := startServer(t, "PICKUP_RECORDING_NOTICE=false")
	agent := newPhone(t, "1001", s.sip)
	agent.register("demo-1001")
	s.agents(1, "ready")
	player := newPhone(t, "same", s.sip)
	const calls = 20
	for n := 1; n <= calls; n++ {
		d, err := player.dial("support")
		if err != nil {
			t.Fatal(err)
		}
		wait(t, 10*time.Second, "talking", func() (bool, string) {
			live := s.list("/api/v1/calls?state=live")
			return len(live) == 1 && live[0].str("state") == "talking", fmt.Sprint(live)
		})
		player.bye(d)
		s.ended(n, 10*time.Second)
	}
	tickets := s.list("/api/v1/tickets")
	if len(tickets) != 1 {
		t.Fatalf("got %d tickets, want 1", len(tickets))
	}
	var one object
	s.call("GET", "/api/v1/tickets/"+tickets[0].str("id"), nil, &one, 200)
	if got, _ := one["calls"].([]any); len(got) != calls {
		t.Errorf("the ticket has %d calls, want %d", len(got), calls)
	}
}
