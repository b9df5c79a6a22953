package sip_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"

	"pickup/account"
	"pickup/call"
	"pickup/sip"
)

// from opens a phone at another host of the loopback network.
func (e *edge) from(host string) *phone {
	e.t.Helper()
	to, err := net.ResolveUDPAddr("udp4", e.Addr())
	if err != nil {
		e.t.Fatal(err)
	}
	c, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.ParseIP(host)}, to)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = c.Close() })
	return &phone{t: e.t, conn: c, user: "mallory"}
}

// A nonce serves its source alone, for five minutes, and no count of it twice;
// the URI that was signed must be the one that is asked for (RFC 7616 3.4.6, 5.4).
func TestNonce(t *testing.T) {
	u := account.User{ID: "u1001", Login: "1001", Active: true}
	u.HA1MD5, u.HA1SHA256 = account.HA1("1001", "pickup", "secret")
	here, there := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	begun := time.Now()
	const uri = "sip:pickup"
	for name, c := range map[string]struct {
		steps []string // "nc source after uri", each with its verdict
		want  []string
	}{
		"once":                      {[]string{"1 here"}, []string{"accepted"}},
		"the same again":            {[]string{"1 here", "1 here"}, []string{"accepted", "stale"}},
		"a growing count":           {[]string{"1 here", "2 here", "9 here"}, []string{"accepted", "accepted", "accepted"}},
		"a count that falls":        {[]string{"5 here", "4 here", "6 here"}, []string{"accepted", "stale", "accepted"}},
		"another source":            {[]string{"1 there"}, []string{"stale"}},
		"another source later":      {[]string{"1 here", "2 there", "2 here"}, []string{"accepted", "stale", "accepted"}},
		"old":                       {[]string{"1 here old"}, []string{"stale"}},
		"another URI than asked":    {[]string{"1 here uri"}, []string{"wrong"}},
		"another server's":          {[]string{"1 here foreign"}, []string{"stale"}},
		"a count that is no number": {[]string{"x here"}, []string{"stale"}},
		"another realm":             {[]string{"1 here realm"}, []string{"challenged"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := sip.NewDigest("pickup", "md5")
			challenge := d.Challenge(here, begun)
			for i, step := range c.steps {
				words := strings.Fields(step)
				asked, now, source, signed := uri, begun.Add(time.Second), here, challenge
				if words[1] == "there" {
					source = there
				}
				switch strings.Join(words[2:], "") {
				case "old":
					now = begun.Add(5 * time.Minute)
				case "uri":
					asked = "sip:other"
				case "foreign":
					signed = sip.NewDigest("pickup", "md5").Challenge(here, begun)
				case "realm":
					signed = strings.Replace(challenge, `realm="pickup"`, `realm="other"`, 1)
				}
				count := 0
				if words[0] != "x" {
					count = int(words[0][0] - '0')
				}
				header := strings.TrimPrefix(credentials(signed, "1001", "secret", "REGISTER", uri, count), "Authorization: ")
				if words[0] == "x" {
					header = strings.Replace(header, "nc=00000000", "nc=0000000x", 1)
					header = strings.Replace(header, `response="`, `response="0`, 1)
				}
				want := c.want[i]
				if words[0] == "x" {
					want = "wrong" // the count is signed too
				}
				if got := d.Check(header, u, true, "REGISTER", asked, source, now); got != want {
					t.Errorf("%s: got %s, want %s", step, got, want)
				}
			}
		})
	}
}

// Who floods is refused; others are served as before, and what belongs to a call
// passes from the flooder's own address.
func TestFloodOfOneSourceLeavesOthersAlone(t *testing.T) {
	e := startEdge(t, func(c *sip.Config) { c.GuardTrusted, c.GuardRate, c.GuardBurst = nil, 5, 20 })
	living := e.talking() // from 127.0.0.1
	flooder := e.from("127.0.0.2")
	refused := 0
	for range 100 {
		flooder.send(flooder.text(message{method: "INVITE", user: "nobody", body: offer}))
		if m := flooder.response(); status(m) == 503 && header(m, "Retry-After") != "" {
			refused++
		}
	}
	if refused < 60 {
		t.Errorf("%d of 100 refused", refused)
	}
	e.phone().await("OPTIONS", 200)
	p := living.phone
	for n := range 40 { // more than the burst
		p.send(p.text(message{method: "INFO", callID: living.callID, to: living.to, cseq: 10 + n}))
		if m := p.responseTo(living.callID, "INFO"); status(m) != 200 {
			t.Fatalf("INFO in the call: %s", m)
		}
	}
	living.untouched(t)
}

// Nobody but the peer of a call, from where the call is, changes anything about
// it: whoever knows its Call-ID and tags gets 481, and the call goes on. We do
// not do Replaces (RFC 3891) nor, yet, REFER.
func TestStrangersCannotTouchACall(t *testing.T) {
	e := startEdge(t, nil)
	living := e.talking()
	stranger, same := e.from("127.0.0.2"), e.phone()
	_, tag, _ := strings.Cut(living.to, "tag=")
	for name, c := range map[string]struct {
		by   *phone
		m    message
		want int
	}{
		"BYE from elsewhere":       {stranger, message{method: "BYE", callID: living.callID, to: living.to, cseq: 20}, 481},
		"re-INVITE from elsewhere": {stranger, message{method: "INVITE", callID: living.callID, to: living.to, cseq: 21, body: offer}, 481},
		"UPDATE from elsewhere":    {stranger, message{method: "UPDATE", callID: living.callID, to: living.to, cseq: 22, body: offer}, 481},
		"INFO from elsewhere": {stranger, message{
			method: "INFO", callID: living.callID, to: living.to, cseq: 23, body: "Signal=1",
			extra: []string{"Content-Type: application/dtmf-relay"},
		}, 481},
		"BYE with another From-tag":  {same, message{method: "BYE", callID: living.callID, to: living.to, from: "<sip:alice@127.0.0.1>;tag=x", cseq: 24}, 481},
		"BYE with another To-tag":    {same, message{method: "BYE", callID: living.callID, to: "<sip:support@127.0.0.1>;tag=x", cseq: 25}, 481},
		"BYE with another Call-ID":   {same, message{method: "BYE", callID: "x", to: living.to, cseq: 26}, 481},
		"CANCEL from elsewhere":      {stranger, message{method: "CANCEL", callID: living.callID, cseq: 1}, 481},
		"Replaces that is required":  {stranger, message{method: "INVITE", body: offer, extra: []string{"Require: replaces", "Replaces: " + living.callID + ";to-tag=" + tag + ";from-tag=f1"}}, 401},
		"REFER in the call":          {stranger, message{method: "REFER", callID: living.callID, to: living.to, cseq: 27, extra: []string{"Refer-To: <sip:evil@192.0.2.9>"}}, 481},
		"REFER by the player":        {living.phone, message{method: "REFER", callID: living.callID, to: living.to, cseq: 28, extra: []string{"Refer-To: <sip:evil@192.0.2.9>"}}, 403},
		"REFER outside of a call":    {stranger, message{method: "REFER", extra: []string{"Refer-To: <sip:evil@192.0.2.9>"}}, 403},
		"a number of the world":      {stranger, message{method: "INVITE", user: "+33612345678", body: offer}, 404},
		"an agent's login":           {stranger, message{method: "INVITE", user: "1001", body: offer}, 404},
		"a code of agents":           {stranger, message{method: "INVITE", user: "*45", body: offer}, 401},
		"a MESSAGE":                  {stranger, message{method: "MESSAGE", user: "1001", body: "hello", extra: []string{"Content-Type: text/plain"}}, 405},
		"a REGISTER for another one": {stranger, message{method: "REGISTER", user: "1001", to: "<sip:1001@127.0.0.1>"}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			c.by.t = t
			if c.m.callID == "" {
				c.m.callID = "touch-" + strings.Map(wordOnly, name)
			}
			c.by.send(c.by.text(c.m))
			if m := c.by.responseTo(c.m.callID, c.m.method); status(m) != c.want {
				t.Errorf("got %s, want %d", m, c.want)
			}
			living.untouched(t)
		})
	}
	stranger.send(stranger.text(message{method: "INVITE", callID: "replacer", body: offer, extra: []string{"Replaces: " + living.callID + ";to-tag=" + tag + ";from-tag=f1"}}))
	if m := stranger.responseTo("replacer", "INVITE"); status(m) != 401 { // only who proves that the call is his
		t.Errorf("Replaces: got %s, want 401", m)
	}
	living.untouched(t)
}

// What a caller writes into his names reaches nobody with a control character,
// however it was written.
func TestNamesOfCallersHoldNoControlCharacters(t *testing.T) {
	e := startEdge(t, nil)
	p := e.phone()
	for name, from := range map[string]string{
		"a terminal's codes":     "\"\x1b[2J\x07Ada\" <sip:ada@127.0.0.1>;tag=1",
		"escapes in the user":    "\"Ada\" <sip:a%0d%0aVia%3a%00%1b@127.0.0.1>;tag=1",
		"C1 codes":               "\"Ada\u009b31m\" <sip:ada@127.0.0.1>;tag=1",
		"a tab and a backspace":  "\"A\td\ba\" <sip:ada@127.0.0.1>;tag=1",
		"SQL and a template":     "\"'; DROP TABLE calls; -- {{.}}\" <sip:ada@127.0.0.1>;tag=1",
		"HTML that would be run": "\"<script>alert(1)</script>\" <sip:ada@127.0.0.1>;tag=1",
	} {
		t.Run(name, func(t *testing.T) {
			p.t = t
			id := "name-" + strings.Map(wordOnly, name)
			p.send(p.text(message{method: "INVITE", callID: id, from: from, body: offer}))
			in := e.inbound()
			for _, text := range []string{in.From.User, in.From.Display, in.From.URI, in.From.ReachBack, in.To.Display, in.SIPCallID} {
				if strings.ContainsFunc(text, unicode.IsControl) {
					t.Errorf("%q", text)
				}
			}
			in.Leg.End(call.Cause{Status: 486})
			p.responseTo(id, "INVITE")
		})
	}
}

// Neither our answers nor our requests tell the version.
func TestNobodyLearnsOurVersion(t *testing.T) {
	e := startEdge(t, nil)
	p := e.phone()
	check := func(m string) {
		t.Helper()
		for _, name := range []string{"Server", "User-Agent"} {
			if v := header(m, name); v != "" && v != "Pickup" {
				t.Errorf("%s: %q", name, v)
			}
		}
	}
	check(p.await("OPTIONS", 200))
	check(p.await("SUBSCRIBE", 489))
	check(p.register("1001", "guess"))
	if m := p.register("1001", "demo-1001"); status(m) != 200 {
		t.Fatal(m)
	} else {
		check(m)
	}
	_, _ = e.ring(p)
	check(p.request("INVITE"))
}
