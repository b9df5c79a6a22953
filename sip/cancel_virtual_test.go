package sip_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pickup/callflow"
)

// The transaction has answered CANCEL and INVITE while the answer of the queue
// was on its way to the leg: there is no call, whatever the leg was told.
func TestCancelBetweenTheAnswerAndThe200(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		p := e.plug("127.0.0.1:7001")
		m := message{method: "INVITE", callID: "s1", branch: "z9hG4bKsame", body: offer}
		p.send(p.text(m))
		in := e.inbound()
		trying := p.read(patience)
		var got []callflow.LegEventKind
		hold, over := make(chan struct{}), make(chan struct{})
		in.Leg.Bind(func(ev callflow.LegEvent) {
			switch got = append(got, ev.Kind); ev.Kind {
			case callflow.LegDTMF:
				<-hold
			case callflow.LegFinal:
				close(over)
			}
		})
		p.send(p.text(message{
			method: "INFO", callID: "s1", to: header(trying, "To"), cseq: 2,
			extra: []string{"Content-Type: application/dtmf"}, body: "5",
		}))
		synctest.Wait() // the leg tells of the key and can do nothing else
		in.Leg.Answer()
		m.method, m.body = "CANCEL", ""
		p.send(p.text(m))
		synctest.Wait()
		close(hold)
		var final []int
		for r := p.read(patience); r != ""; r = p.read(patience) {
			switch {
			case !strings.HasPrefix(r, "SIP/2.0 "):
				t.Errorf("got %s", r)
			case strings.HasSuffix(header(r, "CSeq"), " INVITE") && status(r) >= 200:
				final = append(final, status(r))
			}
		}
		for _, n := range final {
			if n != 487 {
				t.Errorf("final responses to the INVITE: %v", final)
				break
			}
		}
		select {
		case <-over:
		default:
			t.Fatal("the leg lives on")
		}
		want := []callflow.LegEventKind{callflow.LegDTMF, callflow.LegHungUp, callflow.LegFinal}
		if len(got) != 3 || got[1] != want[1] || got[2] != want[2] {
			t.Errorf("got events %v, want %v", got, want)
		}
	})
}

// The same in a call that is up: the re-INVITE is over, and the call goes on.
func TestCancelOfAReinviteEndsNoCall(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		p := e.plug("127.0.0.1:7001")
		p.send(p.text(message{method: "INVITE", callID: "s1", body: offer}))
		in := e.inbound()
		hold := make(chan struct{})
		in.Leg.Bind(func(ev callflow.LegEvent) {
			if ev.Kind == callflow.LegDTMF {
				<-hold
			}
		})
		in.Leg.Answer()
		ok := p.response()
		p.send(p.in("ACK", ok, 1))
		p.send(p.text(message{
			method: "INFO", callID: "s1", to: header(ok, "To"), cseq: 2,
			extra: []string{"Content-Type: application/dtmf"}, body: "5",
		}))
		synctest.Wait()
		m := message{method: "INVITE", callID: "s1", to: header(ok, "To"), cseq: 3, branch: "z9hG4bKsame"} // our offer is asked for
		p.send(p.text(m))
		m.method = "CANCEL"
		synctest.Wait()
		p.send(p.text(m))
		synctest.Wait()
		close(hold)
		for r := p.read(patience); r != ""; r = p.read(patience) {
			if strings.HasPrefix(r, "BYE ") || strings.HasSuffix(header(r, "CSeq"), " INVITE") && status(r) >= 200 && status(r) != 487 {
				t.Fatalf("got %s", r)
			}
		}
		if m := p.wait(time.Minute); m != "" {
			t.Fatalf("got %s", m)
		}
		p.send(p.in("INVITE", ok, 4))
		if m := p.response(); status(m) != 200 {
			t.Errorf("the next re-INVITE: %s", m)
		}
	})
}
