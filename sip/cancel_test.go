package sip_test

import (
	"fmt"
	"testing"
	"time"

	"pickup/callflow"
)

// The CANCEL is handled before its INVITE has got as far as its transaction.
func TestCancelThatOvertakesItsInviteWaitsForIt(t *testing.T) {
	tests := map[string]struct {
		user   string
		invite int // final response to the INVITE
	}{
		"an INVITE that would ring":           {"support", 487},
		"an INVITE that is refused meanwhile": {"nobody", 404},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			e := startEdge(t, nil)
			p := e.phone()
			m := message{method: "INVITE", user: c.user, callID: "late", branch: "z9hG4bKlate", body: offer}
			invite := p.text(m)
			m.method, m.body = "CANCEL", ""
			cancel := p.text(m)
			serveInvite := e.Arrive(invite, p.addr())
			serveCancel := e.Arrive(cancel, p.addr())
			cancelled := serveCancel()
			select {
			case got := <-cancelled:
				t.Fatalf("CANCEL answered with %d before its INVITE was served", got)
			case <-time.After(300 * time.Millisecond):
			}
			invited := serveInvite()
			if got := <-cancelled; got != 200 {
				t.Errorf("CANCEL: got %d, want 200", got)
			}
			if got := <-invited; got != c.invite {
				t.Errorf("INVITE: got %d, want %d", got, c.invite)
			}
			if c.invite == 487 {
				ch := events(e.inbound().Leg)
				expect(t, ch, callflow.LegHungUp, patience)
				expect(t, ch, callflow.LegFinal, patience)
			}
		})
	}
}

// However the two race inside the process, the call is over and both are
// answered.
func TestCancelRightBehindItsInvite(t *testing.T) {
	e := startEdge(t, nil)
	p := e.phone()
	for i := range 50 {
		m := message{method: "INVITE", callID: fmt.Sprintf("race%d", i), branch: fmt.Sprintf("z9hG4bKrace%d", i), body: offer}
		invite := p.text(m)
		m.method, m.body = "CANCEL", ""
		cancel := p.text(m)
		p.send(invite)
		p.send(cancel)
		got := map[string]int{}
		for got["INVITE"] == 0 || got["CANCEL"] == 0 {
			r := p.response()
			var n int
			var method string
			if _, err := fmt.Sscan(header(r, "CSeq"), &n, &method); err != nil {
				t.Fatal(err)
			}
			if header(r, "Call-ID") == m.callID {
				got[method] = status(r)
			}
		}
		if got["INVITE"] != 487 || got["CANCEL"] != 200 {
			t.Fatalf("got %v", got)
		}
		p.send(p.text(message{method: "ACK", callID: m.callID, branch: m.branch, to: m.to}))
		ch := events(e.inbound().Leg)
		expect(t, ch, callflow.LegHungUp, patience)
		expect(t, ch, callflow.LegFinal, patience)
	}
}
