package sip_test

import (
	"strings"
	"testing"
	"time"

	"pickup/call"
	"pickup/callflow"
	"pickup/sip"
)

// ringing answers an INVITE reliably, as one branch of it.
func (p *phone) ringing(invite, tag string, code int, rseq, body string) {
	p.t.Helper()
	to := header(invite, "To")
	p.reply(strings.Replace(invite, "To: "+to, "To: "+to+";tag="+tag, 1), code, body, requires100rel, "RSeq: "+rseq)
}

// ofBranch is an answer of one branch.
func (p *phone) ofBranch(invite, tag string, code int, body string) {
	p.t.Helper()
	to := header(invite, "To")
	p.reply(strings.Replace(invite, "To: "+to, "To: "+to+";tag="+tag, 1), code, body)
}

// A device rings reliably: each response is acknowledged once and in order, the
// answer of the first stands, and the ACK has the number of the INVITE.
func TestReliableResponsesOfADevice(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		p := e.plug("127.0.0.1:7001")
		invite, ch := e.dialled(p)
		if !strings.Contains(header(invite, "Supported"), "100rel") || !strings.Contains(header(invite, "Allow"), "PRACK") {
			t.Errorf("got %s", invite)
		}
		p.ringing(invite, "dev", 183, "776655", strings.Replace(offer, "8 0 101", "0 101", 1))
		prack := p.request("PRACK")
		if header(prack, "RAck") != "776655 1 INVITE" || header(prack, "CSeq") != "2 PRACK" || !strings.Contains(header(prack, "To"), "tag=dev") {
			t.Fatalf("got %s", prack)
		}
		p.reply(prack, 200, "")
		expect(t, ch, callflow.LegRinging, patience)
		p.ringing(invite, "dev", 183, "776655", "") // its retransmission
		p.ringing(invite, "dev", 180, "776657", "") // one is missing between
		if m := p.wait(5 * time.Second); m != "" {
			t.Fatalf("got %s", m)
		}
		p.ringing(invite, "dev", 180, "776656", "")
		if prack = p.request("PRACK"); header(prack, "RAck") != "776656 1 INVITE" || header(prack, "CSeq") != "3 PRACK" {
			t.Fatalf("got %s", prack)
		}
		expect(t, ch, callflow.LegRinging, patience)
		if again := p.request("PRACK"); again != prack { // unanswered
			t.Fatalf("got %s", again)
		}
		p.reply(prack, 200, "")
		p.reply(invite, 200, "")
		if ack := p.request("ACK"); header(ack, "CSeq") != "1 ACK" {
			t.Errorf("got %s", ack)
		}
		expect(t, ch, callflow.LegAnswered, patience)
	})
}

// The branches of a fork ring each with a description and a count of its own;
// whoever answers is heard, the other is hung up.
func TestForksThatRingReliably(t *testing.T) {
	for name, c := range map[string]struct {
		winner, body string
	}{
		"the first wins, his 200 is bare":          {"one", ""},
		"the second wins, his 200 is bare":         {"two", ""},
		"one wins whom nobody heard ring":          {"three", offer},
		"the second wins, his 200 holds an answer": {"two", offer}, // it is not read
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				p := e.plug("127.0.0.1:7001")
				invite, ch := e.dialled(p)
				for tag, rseq := range map[string]string{"one": "5", "two": "5"} {
					p.ringing(invite, tag, 183, rseq, strings.Replace(offer, "40000", map[string]string{"one": "40010", "two": "40020"}[tag], 1))
					p.reply(p.request("PRACK"), 200, "")
					expect(t, ch, callflow.LegRinging, patience)
				}
				p.ofBranch(invite, c.winner, 200, c.body)
				expect(t, ch, callflow.LegAnswered, patience)
				if ack := p.request("ACK"); !strings.Contains(header(ack, "To"), "tag="+c.winner) {
					t.Errorf("got %s", ack)
				}
				loser := map[string]string{"one": "two", "two": "one", "three": "one"}[c.winner]
				p.ofBranch(invite, loser, 200, "")
				if ack := p.request("ACK"); !strings.Contains(header(ack, "To"), "tag="+loser) || header(ack, "CSeq") != "1 ACK" {
					t.Errorf("got %s", ack)
				}
				bye := p.request("BYE")
				if !strings.Contains(header(bye, "To"), "tag="+loser) {
					t.Errorf("got %s", bye)
				}
				p.reply(bye, 200, "")
				p.ofBranch(invite, loser, 200, "") // the ACK was lost
				p.request("ACK")
			})
		})
	}
}

// UPDATE of a device that rings: its offer is taken once its answer came
// reliably, else ours is open (RFC 3311 5.2).
func TestUpdateOfADeviceThatRings(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		p := e.plug("127.0.0.1:7001")
		invite, ch := e.dialled(p)
		update := func(cseq int, body string) string {
			p.send(p.text(message{
				method: "UPDATE", user: "x", callID: header(invite, "Call-ID"), to: header(invite, "From"),
				from: header(invite, "To") + ";tag=dev", cseq: cseq, body: body,
			}))
			return p.response()
		}
		if m := update(1, offer); status(m) != 481 {
			t.Errorf("before any response: got %s", m)
		}
		p.ringing(invite, "dev", 180, "9", "")
		p.reply(p.request("PRACK"), 200, "")
		expect(t, ch, callflow.LegRinging, patience)
		if m := update(2, offer); status(m) != 491 {
			t.Errorf("before its answer: got %s", m)
		}
		p.ringing(invite, "dev", 183, "10", offer)
		p.reply(p.request("PRACK"), 200, "")
		expect(t, ch, callflow.LegRinging, patience)
		if m := update(3, strings.ReplaceAll(offer, "o=- 1 1", "o=- 1 2")); status(m) != 200 || !strings.Contains(m, "m=audio") {
			t.Errorf("after its answer: got %s", m)
		}
		if m := update(3, ""); status(m) != 500 {
			t.Errorf("a CSeq again: got %s", m)
		}
		p.reply(invite, 200, "")
		p.request("ACK")
		expect(t, ch, callflow.LegAnswered, patience)
		if m := update(3, ""); status(m) != 500 {
			t.Errorf("a CSeq again, in the call: got %s", m)
		}
		if m := update(4, ""); status(m) != 200 {
			t.Errorf("in the call: got %s", m)
		}
	})
}

// Our CANCEL crosses a reliable response: that is acknowledged all the same.
func TestReliableResponseAfterOurCancel(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		p := e.plug("127.0.0.1:7001")
		if m := p.register("1001", "demo-1001"); status(m) != 200 {
			t.Fatalf("got %s", m)
		}
		l, err := e.Dialer(callflow.AddressDevice).Dial(t.Context(), callflow.Invitation{LegID: "leg1", To: e.Devices("u1001")[0]})
		if err != nil {
			t.Fatal(err)
		}
		ch := events(l)
		invite := p.request("INVITE")
		l.End(call.Cause{Status: 487})
		p.ringing(invite, "dev", 183, "3", offer)
		got := map[string]string{}
		for range 2 {
			m := p.read(patience)
			method, _, _ := strings.Cut(m, " ")
			got[method] = m
			p.reply(m, 200, "")
		}
		if got["PRACK"] == "" || got["CANCEL"] == "" {
			t.Fatalf("got %v", got)
		}
		p.reply(invite, 487, "")
		p.request("ACK")
		expect(t, ch, callflow.LegFailed, patience)
		expect(t, ch, callflow.LegFinal, patience)
	})
}

// A trunk sends its announcements before the answer, reliably or not, and what
// its 200 says holds when it was not reliable.
func TestEarlyMediaOfATrunk(t *testing.T) {
	for name, reliable := range map[string]bool{"reliable": true, "unreliable": false} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				p := e.plug("127.0.0.1:7001")
				e.trunks(sip.Trunk{Name: "carrier", Address: p.addr(), Login: "we", Password: "secret", Realm: "carrier"})
				l, err := e.Dialer(callflow.AddressNumber).Dial(t.Context(), callflow.Invitation{
					LegID: "leg1", To: callflow.Address{Kind: callflow.AddressNumber, Value: "+33612345678"}, FromUser: "+33100000000",
				})
				if err != nil {
					t.Fatal(err)
				}
				ch := events(l)
				invite := p.request("INVITE")
				if reliable {
					p.ringing(invite, "dev", 183, "1", offer)
					prack := p.request("PRACK")
					p.reply(prack, 407, "", `Proxy-Authenticate: Digest realm="carrier", nonce="n1", algorithm=MD5`)
					if prack = p.request("PRACK"); !strings.Contains(header(prack, "Proxy-Authorization"), `username="we"`) || header(prack, "CSeq") != "3 PRACK" {
						t.Fatalf("got %s", prack)
					}
					p.reply(prack, 200, "")
				} else {
					p.reply(invite, 183, offer)
				}
				expect(t, ch, callflow.LegRinging, patience)
				if l.Media().Codec() != "PCMA" || l.Media().Ready() {
					t.Errorf("early: codec %q, ready %v", l.Media().Codec(), l.Media().Ready())
				}
				p.reply(invite, 200, strings.Replace(offer, "8 0 101", "0 101", 1))
				p.request("ACK")
				expect(t, ch, callflow.LegAnswered, patience)
				want := map[bool]string{true: "PCMA", false: "PCMU"}[reliable]
				if l.Media().Codec() != want || !l.Media().Ready() {
					t.Errorf("answered: codec %q, want %q, ready %v", l.Media().Codec(), want, l.Media().Ready())
				}
			})
		})
	}
}
