package sip_test

import (
	"strings"
	"testing"
	"time"

	"pickup/call"
	"pickup/callflow"
)

const requires100rel = "Require: 100rel"

// reliably reads the reliable 183 to an INVITE and returns it with its RAck.
func (p *phone) reliably(within time.Duration) (progress, rack string) {
	p.t.Helper()
	m := p.read(within)
	if status(m) == 100 {
		m = p.read(within)
	}
	if status(m) != 183 || header(m, "Require") != "100rel" || header(m, "RSeq") == "" || !strings.Contains(m, "m=audio") {
		p.t.Fatalf("got %s, want a reliable 183", m)
	}
	return m, "RAck: " + header(m, "RSeq") + " " + header(m, "CSeq")
}

// prack is a PRACK in the early dialog of a response.
func (p *phone) prack(response string, cseq int, rack, body string) string {
	return p.text(message{method: "PRACK", callID: header(response, "Call-ID"), to: header(response, "To"), cseq: cseq, extra: []string{rack}, body: body})
}

// A caller who requires reliable provisional responses hears our answer in 183;
// the 200 waits for his PRACK and repeats no description (RFC 3262 3, RFC 6337 2.2).
func TestCallerWhoRequires100rel(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		p := e.plug("127.0.0.1:7001")
		p.send(p.text(message{method: "INVITE", callID: "r1", body: offer, extra: []string{requires100rel}}))
		in := e.inbound()
		ch := events(in.Leg)
		in.Leg.Answer()
		progress, rack := p.reliably(patience)
		for _, pause := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second} { // it was lost
			began := time.Now()
			if again := p.read(patience); again != progress || time.Since(began) != pause {
				t.Fatalf("after %v got %s", time.Since(began), again)
			}
		}
		p.send(p.prack(progress, 2, "RAck: 1 7 INVITE", "")) // of nothing
		if m := p.response(); status(m) != 481 {
			t.Fatalf("a strange PRACK: got %s", m)
		}
		p.send(p.prack(progress, 3, rack, ""))
		got := map[string]string{}
		for range 2 {
			m := p.response()
			got[strings.Fields(header(m, "CSeq"))[1]] = m
		}
		if status(got["PRACK"]) != 200 {
			t.Errorf("PRACK: got %s", got["PRACK"])
		}
		ok := got["INVITE"]
		if status(ok) != 200 || strings.Contains(ok, "m=audio") || header(ok, "To") != header(progress, "To") {
			t.Fatalf("INVITE: got %s", ok)
		}
		p.send(p.in("ACK", ok, 1))
		expect(t, ch, callflow.LegAnswered, patience)
		p.send(p.prack(progress, 4, rack, "")) // again, by a new request
		if m := p.response(); status(m) != 481 {
			t.Errorf("PRACK after the call is up: got %s", m)
		}
		p.send(p.in("BYE", ok, 5))
		p.response()
		expect(t, ch, callflow.LegHungUp, patience)
	})
}

// The INVITE had no offer: ours goes in the 183 and his answer comes in the
// PRACK; then the audio can flow.
func TestDelayedOfferIsAnsweredInPRACK(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		final  int
	}{
		"a usable answer":  {offer, 200},
		"none":             {"", 488},
		"no codec of ours": {strings.ReplaceAll(strings.ReplaceAll(offer, "8 0 101", "96 101"), "101 telephone-event", "96 iLBC"), 488},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				p := e.plug("127.0.0.1:7001")
				p.send(p.text(message{method: "INVITE", callID: "r2", extra: []string{requires100rel}}))
				in := e.inbound()
				ch := events(in.Leg)
				in.Leg.Answer()
				progress, rack := p.reliably(patience)
				p.send(p.prack(progress, 2, rack, c.answer))
				if m := p.response(); status(m) != 200 || strings.Fields(header(m, "CSeq"))[1] != "PRACK" {
					t.Fatalf("PRACK: got %s", m)
				}
				m := p.response()
				if status(m) != c.final || strings.Contains(m, "m=audio") {
					t.Fatalf("INVITE: got %s", m)
				}
				p.send(p.in("ACK", m, 1))
				if c.final != 200 {
					expect(t, ch, callflow.LegHungUp, patience)
					expect(t, ch, callflow.LegFinal, patience)
					return
				}
				expect(t, ch, callflow.LegAnswered, patience)
				if !in.Leg.Media().Ready() {
					t.Error("no audio can flow")
				}
			})
		})
	}
}

// UPDATE before the answer: with an offer only when the first is settled.
func TestUpdateBeforeTheAnswer(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		p := e.plug("127.0.0.1:7001")
		p.send(p.text(message{method: "INVITE", callID: "r3", body: offer, extra: []string{requires100rel}}))
		in := e.inbound()
		ch := events(in.Leg)
		progress, rack := p.reliably(patience) // the session has not answered: a second later
		update := func(cseq int, body string) string {
			p.send(p.text(message{method: "UPDATE", callID: "r3", to: header(progress, "To"), cseq: cseq, body: body}))
			return p.response()
		}
		if m := update(2, offer); status(m) != 500 || header(m, "Retry-After") == "" { // RFC 3311 5.2
			t.Errorf("before the PRACK: got %s", m)
		}
		p.send(p.prack(progress, 3, rack, strings.ReplaceAll(offer, "o=- 1 1", "o=- 1 2"))) // a second offer (RFC 3262 5)
		if m := p.response(); status(m) != 200 || !strings.Contains(m, "m=audio") {
			t.Fatalf("PRACK with an offer: got %s", m)
		}
		if m := update(4, ""); status(m) != 200 {
			t.Errorf("without an offer: got %s", m)
		}
		m := update(5, strings.ReplaceAll(offer, "o=- 1 1", "o=- 1 3")+"a=sendonly\r\n")
		if status(m) != 200 || !strings.Contains(m, "a=recvonly") {
			t.Fatalf("with an offer: got %s", m)
		}
		in.Leg.Answer()
		ok := p.response()
		if status(ok) != 200 || strings.Contains(ok, "m=audio") {
			t.Fatalf("got %s", ok)
		}
		p.send(p.in("ACK", ok, 1))
		expect(t, ch, callflow.LegAnswered, patience)
		expect(t, ch, callflow.LegHeld, patience)
		if m := update(6, strings.ReplaceAll(offer, "o=- 1 1", "o=- 1 4")); status(m) != 200 {
			t.Fatalf("in the call: got %s", m)
		}
		expect(t, ch, callflow.LegRetrieved, patience)
	})
}

// Without a PRACK the call is given up after 64*T1, with a 5xx (RFC 3262 3).
func TestNoPRACK(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		p := e.plug("127.0.0.1:7001")
		p.send(p.text(message{method: "INVITE", callID: "r4", body: offer, extra: []string{requires100rel}}))
		in := e.inbound()
		ch := events(in.Leg)
		in.Leg.Answer()
		began := time.Now()
		m := p.read(time.Minute)
		for status(m) < 200 && m != "" {
			m = p.read(time.Minute)
		}
		if took := time.Since(began); status(m) != 504 || took != 32*time.Second {
			t.Fatalf("after %v got %s", took, m)
		}
		expect(t, ch, callflow.LegHungUp, patience)
		expect(t, ch, callflow.LegFinal, patience)
	})
}

// The caller leaves, or we refuse, while the PRACK is outstanding.
func TestCallThatEndsBeforeItsPRACK(t *testing.T) {
	for _, who := range []string{"he cancels", "we refuse"} {
		t.Run(who, func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				p := e.plug("127.0.0.1:7001")
				m := message{method: "INVITE", callID: "r5", body: offer, branch: "z9hG4bKr5", extra: []string{requires100rel}}
				p.send(p.text(m))
				in := e.inbound()
				ch := events(in.Leg)
				progress, rack := p.reliably(patience)
				want := 486
				if who == "he cancels" {
					want = 487
					m.method, m.body, m.extra = "CANCEL", "", []string{`Reason: SIP;cause=200;text="Call completed elsewhere"`}
					p.send(p.text(m))
					if ev := expect(t, ch, callflow.LegHungUp, patience); !strings.Contains(ev.Text, "completed elsewhere") {
						t.Errorf("got %+v", ev)
					}
				} else {
					in.Leg.End(call.Cause{Status: 486})
				}
				expect(t, ch, callflow.LegFinal, patience)
				for range 3 {
					if got := p.response(); strings.HasSuffix(header(got, "CSeq"), "INVITE") {
						if status(got) != want {
							t.Errorf("got %s", got)
						}
						break
					}
				}
				p.send(p.text(message{method: "ACK", callID: "r5", branch: "z9hG4bKr5", to: header(progress, "To")}))
				p.send(p.prack(progress, 2, rack, ""))
				if got := p.response(); status(got) != 481 {
					t.Errorf("a late PRACK: got %s", got)
				}
			})
		})
	}
}

// One who only could is not made to: 180 after a second, unreliable, and again
// each minute.
func TestCallerWhoSupports100relIsToldThatItRings(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		p := e.plug("127.0.0.1:7001")
		p.send(p.text(message{method: "INVITE", callID: "r6", body: offer, extra: []string{"Supported: 100rel"}}))
		in := e.inbound()
		events(in.Leg)
		if m := p.read(patience); status(m) != 100 {
			t.Fatalf("got %s", m)
		}
		for _, pause := range []time.Duration{time.Second, time.Minute, time.Minute} {
			began := time.Now()
			m := p.read(2 * time.Minute)
			if took := time.Since(began); status(m) != 180 || header(m, "RSeq") != "" || strings.Contains(m, "m=audio") || took > pause || took < pause-200*time.Millisecond {
				t.Fatalf("after %v got %s", took, m)
			}
		}
		in.Leg.Answer()
		if m := p.response(); status(m) != 200 || !strings.Contains(m, "m=audio") {
			t.Fatalf("got %s", m)
		}
	})
}

func TestWhatRAckIsRefused(t *testing.T) {
	for name, rack := range map[string]string{
		"none":           "X-None: 1",
		"no method":      "RAck: 1 1",
		"no number":      "RAck: a 1 INVITE",
		"zero":           "RAck: 0 1 INVITE",
		"a negative one": "RAck: 1 -1 INVITE",
		"too large":      "RAck: 4294967296 1 INVITE",
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				p := e.plug("127.0.0.1:7001")
				p.send(p.text(message{method: "INVITE", callID: "r7", body: offer, extra: []string{requires100rel}}))
				events(e.inbound().Leg)
				progress, _ := p.reliably(patience)
				p.send(p.prack(progress, 2, rack, ""))
				if m := p.response(); status(m) != 400 {
					t.Errorf("got %s", m)
				}
			})
		})
	}
}
