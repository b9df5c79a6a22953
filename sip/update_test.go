package sip_test

import (
	"strings"
	"testing"
	"time"

	"pickup/callflow"
	"pickup/sip"
)

// UPDATE in a call that is up follows the rules of a re-INVITE (RFC 3311 5.2).
func TestUpdateInACall(t *testing.T) {
	for name, c := range map[string]struct {
		open func(e *virtualEdge, p *phone, ok string) // what is open before
		body string
		want int
		has  string
	}{
		"nothing is open": {nil, offer, 200, "m=audio"},
		"a refresh":       {nil, "", 200, ""},
		"our offer is open": {func(_ *virtualEdge, p *phone, ok string) {
			p.send(p.text(message{method: "INVITE", callID: "u1", to: header(ok, "To"), cseq: 2})) // asks for our offer, and gives no ACK
			p.response()
		}, offer, 491, ""},
		"our offer is open, a refresh": {func(_ *virtualEdge, p *phone, ok string) {
			p.send(p.text(message{method: "INVITE", callID: "u1", to: header(ok, "To"), cseq: 2}))
			p.response()
		}, "", 200, ""},
		"our re-INVITE is open": {func(_ *virtualEdge, p *phone, _ string) {
			if m := p.wait(time.Hour); !strings.HasPrefix(m, "INVITE ") {
				p.t.Fatalf("got %s", m)
			}
		}, offer, 491, ""},
		"no codec of ours": {nil, strings.ReplaceAll(offer, "8 0 101", "96"), 488, ""},
		"no description":   {nil, "v=0\r\n", 488, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(c *sip.Config) { c.ProbeEvery = 100 * time.Hour }, func(t *testing.T, e *virtualEdge) {
				p := e.plug("127.0.0.1:7001")
				ok, _, _ := e.talking(p, "u1", "Supported: timer", "Session-Expires: 1000;refresher=uas", "Allow: INVITE, ACK, BYE")
				if c.open != nil {
					c.open(e, p, ok)
				}
				p.send(p.text(message{method: "UPDATE", callID: "u1", to: header(ok, "To"), cseq: 9, body: c.body}))
				m := p.response()
				for !strings.HasSuffix(header(m, "CSeq"), "UPDATE") { // our 200 again
					m = p.response()
				}
				if status(m) != c.want || !strings.Contains(m, c.has) || (c.body == "" && strings.Contains(m, "m=audio")) {
					t.Errorf("got %s", m)
				}
			})
		})
	}
}

// A peer who holds from his first description on is told to hold, after the answer.
func TestHoldFromTheFirstDescription(t *testing.T) {
	held := offer + "a=sendonly\r\n"
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		p := e.plug("127.0.0.1:7001")
		p.send(p.text(message{method: "INVITE", callID: "h1", body: held}))
		in := e.inbound()
		ch := events(in.Leg)
		in.Leg.Answer()
		ok := p.response()
		p.send(p.in("ACK", ok, 1))
		expect(t, ch, callflow.LegAnswered, patience)
		expect(t, ch, callflow.LegHeld, patience)
		for _, c := range []struct {
			body string
			kind callflow.LegEventKind
		}{
			{offer, callflow.LegRetrieved},
			{strings.Replace(offer, "c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0", 1), callflow.LegHeld},
			{offer + "a=inactive\r\n", 0}, // held as before
			{offer + "a=recvonly\r\n", callflow.LegRetrieved},
		} {
			p.send(p.text(message{method: "UPDATE", callID: "h1", to: header(ok, "To"), cseq: 10 + p.n, body: c.body}))
			if m := p.response(); status(m) != 200 {
				t.Fatalf("got %s", m)
			}
			if c.kind != 0 {
				expect(t, ch, c.kind, patience)
			}
		}

		invite, out := e.dialled(e.plug("127.0.0.1:7002"))
		device := e.plug("127.0.0.1:7002")
		device.reply(invite, 200, held)
		expect(t, out, callflow.LegAnswered, patience)
		expect(t, out, callflow.LegHeld, patience)
		select {
		case ev := <-ch:
			t.Errorf("got %+v", ev)
		default:
		}
	})
}

// A name at which a phone registered is ours in its Refer-To.
func TestReferToTheNameOfTheSite(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		k := e.agentTalks("127.0.0.1:7001")
		refer := func() string {
			k.send(k.in("REFER", "Refer-To: <sip:payments@PBX.example>", "Refer-Sub: false"))
			return k.response()
		}
		if m := refer(); status(m) != 403 {
			t.Fatalf("got %s", m)
		}
		p := e.plug("127.0.0.1:7002")
		p.user = "1001"
		m := message{method: "REGISTER", user: "1001", callID: "named", to: "<sip:1001@pbx.example>"}
		p.send(p.text(m))
		m.extra = []string{credentials(header(p.response(), "WWW-Authenticate"), "1001", "demo-1001", "REGISTER", "sip:1001@127.0.0.1", 1)}
		m.cseq = 2
		p.send(p.text(m))
		if got := p.response(); status(got) != 200 {
			t.Fatalf("got %s", got)
		}
		k.send(k.in("REFER", "Refer-To: <sip:payments@PBX.example>"))
		expect(t, k.ch, callflow.LegRefer, patience)
	})
}
