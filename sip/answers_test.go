package sip_test

import (
	"strings"
	"testing"
	"time"

	"pickup/callflow"
)

// The table of telephony 1.7 at the edge: what a response of an agent's phone
// tells, whether the phone is out until it shows life, and that nothing is sent
// to where a 3xx points, nor a password to a phone that asks for one.
func TestEachResponseOfAPhone(t *testing.T) {
	for name, c := range map[string]struct {
		code     int
		extra    []string
		presence callflow.Presence // that follows; the zero value: gone
	}{
		"486": {code: 486, presence: callflow.Presence{Devices: 1}},
		"600": {code: 600, presence: callflow.Presence{Devices: 1}},
		"603": {code: 603, presence: callflow.Presence{Devices: 1}},
		"403": {code: 403, presence: callflow.Presence{Devices: 1}},
		"480": {code: 480, presence: callflow.Presence{Devices: 1}},
		"487": {code: 487, presence: callflow.Presence{Devices: 1}},
		"488": {code: 488, presence: callflow.Presence{Devices: 1}},
		"606": {code: 606, presence: callflow.Presence{Devices: 1}},
		"415": {code: 415, presence: callflow.Presence{Devices: 1}},
		"302": {code: 302, extra: []string{"Contact: <sip:0900@127.0.0.1:5099>"}, presence: callflow.Presence{Devices: 1}},
		"401": {code: 401, extra: []string{`WWW-Authenticate: Digest realm="pickup",nonce="n",algorithm=MD5`}, presence: callflow.Presence{Devices: 1}},
		"407": {code: 407, extra: []string{`Proxy-Authenticate: Digest realm="pickup",nonce="n",algorithm=MD5`}, presence: callflow.Presence{Devices: 1}},
		"404": {code: 404, presence: callflow.Presence{Silent: 1, Why: callflow.CauseNoResponse}},
		"408": {code: 408, presence: callflow.Presence{Silent: 1, Why: callflow.CauseNoResponse}},
		"410": {code: 410, presence: callflow.Presence{Silent: 1, Why: callflow.CauseNoResponse}},
		"500": {code: 500, presence: callflow.Presence{Silent: 1, Why: callflow.CauseNoResponse}},
		"503": {code: 503, presence: callflow.Presence{Silent: 1, Why: callflow.CauseNoResponse}},
		"430": {code: 430},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := startEdge(t, nil)
			p := e.phone()
			_, ch := e.ring(p)
			invite := p.request("INVITE")
			m := strings.Split(strings.SplitN(invite, "\r\n\r\n", 2)[1], "\r\n")
			if audio := m[indexOf(m, "m=audio")]; !strings.Contains(audio, " 8 ") || !strings.Contains(audio, " 0") {
				t.Errorf("the offer leaves out codecs that could be converted: %s", audio) // so 488 is not asked twice
			}
			p.reply(invite, c.code, "", c.extra...)
			p.request("ACK")
			if ev := expect(t, ch, callflow.LegFailed, patience); ev.Status != c.code {
				t.Errorf("got %+v", ev)
			}
			expect(t, ch, callflow.LegFinal, patience)
			until(t, "the presence that follows", func() bool { return e.Presence("u1001") == c.presence })
			if m := p.read(300 * time.Millisecond); strings.HasPrefix(m, "INVITE") {
				t.Errorf("another INVITE: %s", m)
			}
			if c.presence.Silent == 0 {
				return
			}
			if m := p.register("1001", "demo-1001"); status(m) != 200 {
				t.Fatalf("got %s", m)
			}
			until(t, "a REGISTER brings it back", func() bool { return e.Presence("u1001") == callflow.Presence{Devices: 1} })
		})
	}
}

// A phone that is out is back with its first answer to an OPTIONS, too.
func TestAPhoneThatIsOutComesBackByOPTIONS(t *testing.T) {
	e := startEdge(t, nil)
	p := e.phone()
	_, ch := e.ring(p)
	p.reply(p.request("INVITE"), 503, "")
	p.request("ACK")
	expect(t, ch, callflow.LegFailed, patience)
	expect(t, ch, callflow.LegFinal, patience)
	until(t, "it is out", func() bool { return e.Presence("u1001").Silent == 1 })
	p.reply(p.request("OPTIONS"), 200, "") // 5 s after its failure
	until(t, "it is back", func() bool { return e.Presence("u1001") == callflow.Presence{Devices: 1} })
}

func indexOf(lines []string, prefix string) int {
	for i, l := range lines {
		if strings.HasPrefix(l, prefix) {
			return i
		}
	}
	return 0
}
