package sip_test

import (
	"strings"
	"testing"

	"pickup/call"
	"pickup/callflow"
)

const instance = `;+sip.instance="<urn:uuid:11111111-2222-3333-4444-555555555555>";reg-id=1`

// instanced registers p as one and the same device, from wherever it is.
func (p *phone) instanced() {
	p.t.Helper()
	p.params = instance
	m := p.register("1001", "demo-1001")
	if p.params = ""; status(m) != 200 {
		p.t.Fatalf("got %s", m)
	}
}

// A phone in a call lost its connection, or its NAT gave it another port; it has
// registered again. What we send in its dialog goes to where it is now.
func TestRequestsInADialogFollowTheDevice(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		for name, inbound := range map[string]bool{"that we rang": false, "that called us": true} {
			t.Run(network+" device "+name, func(t *testing.T) {
				e := startEdge(t, nil)
				p := e.dial(network)
				p.instanced()
				<-e.h.presence
				var l callflow.Leg
				var ch chan callflow.LegEvent
				if inbound {
					l, ch = p.callsAs1001(e)
				} else {
					var err error
					l, err = e.Dialer(callflow.AddressDevice).Dial(t.Context(), callflow.Invitation{LegID: "leg1", CallID: "call1", To: e.Devices("u1001")[0]})
					if err != nil {
						t.Fatal(err)
					}
					ch = events(l)
					p.reply(p.request("INVITE"), 200, offer)
					expect(t, ch, callflow.LegAnswered, patience)
					p.request("ACK")
				}
				if network == "tcp" {
					_ = p.conn.Close()
					<-e.h.presence
				}
				moved := e.dial(network)
				moved.instanced()
				l.End(call.Cause{Text: "done"})
				bye := moved.request("BYE")
				if !strings.Contains(bye, `text="done"`) {
					t.Errorf("got %s", bye)
				}
				moved.reply(bye, 200, "")
				expect(t, ch, callflow.LegFinal, patience)
			})
		}
	}
}

// callsAs1001 is a call of the registered phone, with its password.
func (p *phone) callsAs1001(e *edge) (callflow.Leg, chan callflow.LegEvent) {
	p.t.Helper()
	m := message{method: "INVITE", callID: "from-device", body: offer}
	p.send(p.text(m))
	first := p.response()
	if status(first) != 401 {
		p.t.Fatalf("got %s", first)
	}
	p.send(p.text(message{method: "ACK", callID: "from-device", to: header(first, "To"), branch: strings.Split(strings.Split(header(first, "Via"), "branch=")[1], ";")[0]}))
	m.cseq = 2
	m.extra = []string{credentials(header(first, "WWW-Authenticate"), "1001", "demo-1001", "INVITE", "sip:support@127.0.0.1", 1)}
	p.send(p.text(m))
	in := e.inbound()
	ch := events(in.Leg)
	in.Leg.Answer()
	ok := p.response()
	p.send(p.text(message{method: "ACK", callID: "from-device", to: header(ok, "To"), cseq: 2}))
	expect(p.t, ch, callflow.LegAnswered, patience)
	return in.Leg, ch
}
