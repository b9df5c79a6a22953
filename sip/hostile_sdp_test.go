package sip_test

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"pickup/call"
	"pickup/callflow"
	"pickup/internal/sdptest"
)

// Every hostile description, in an INVITE: what is refused is refused with the
// status of the table and nobody hears of the call; what is taken is a call
// that can be answered and ended. The call that is up all the while goes on.
func TestHostileDescriptionsInAnInvite(t *testing.T) {
	e := startEdge(t, nil)
	living := e.talking()
	p := e.dial("tcp") // any length
	cases := sdptest.Cases()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			p.t = t
			if c.Refused != 0 {
				p = e.dial("tcp") // the last one is closed after what was too long
				p.t = t
				defer func() { p = e.dial("tcp") }()
			}
			id := "sdp-" + strings.Map(wordOnly, c.Name)
			p.send(p.text(message{method: "INVITE", callID: id, body: c.Offer}))
			if c.Status == 200 {
				e.taken(p, id, c)
				return
			}
			if m := p.responseTo(id, "INVITE"); status(m) != cmp.Or(c.Refused, c.Status) {
				t.Errorf("got %s", m)
			}
			p.send(p.text(message{method: "ACK", callID: id}))
			select {
			case in := <-e.h.calls:
				in.Leg.End(call.Cause{Status: 480})
				t.Error("a call came of it")
			default:
			}
		})
	}
	e.phone().await("OPTIONS", 200)
	living.untouched(t)
	until(t, "nothing is left but the living call", func() bool { return e.Metrics().Dialogs == 1 })
	if n := e.Metrics().Panics; n != 0 {
		t.Errorf("%d panics", n)
	}
	t.Logf("%d descriptions, each with its expected outcome", len(cases))
}

func wordOnly(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return '-'
}

// taken answers the call that came of an INVITE and hangs it up.
func (e *edge) taken(p *phone, id string, c sdptest.Case) {
	p.t.Helper()
	in := e.inbound()
	ch := events(in.Leg)
	in.Leg.Answer()
	m := p.responseTo(id, "INVITE")
	if status(m) != 200 {
		p.t.Fatalf("got %s", m)
	}
	if line := sdptest.Missing(m, c.Has); line != "" {
		p.t.Errorf("the answer lacks %q: %s", line, m)
	}
	to := header(m, "To")
	p.send(p.text(message{method: "ACK", callID: id, to: to}))
	p.send(p.text(message{method: "BYE", callID: id, to: to, cseq: 2}))
	if m := p.responseTo(id, "BYE"); status(m) != 200 {
		p.t.Errorf("BYE: %s", m)
	}
	for _, kind := range []callflow.LegEventKind{callflow.LegAnswered, callflow.LegHungUp, callflow.LegFinal} {
		for got := (callflow.LegEvent{}); got.Kind != kind; {
			select {
			case got = <-ch:
				if got.Kind != kind && got.Kind != callflow.LegHeld { // an offer that holds us is told
					p.t.Fatalf("got event %+v, want kind %d", got, kind)
				}
			case <-time.After(patience):
				p.t.Fatalf("no event of kind %d", kind)
			}
		}
	}
}

// An INVITE without an offer gets ours, and the answer in its ACK is judged as
// an offer is: what cannot be used ends the call (RFC 3261 13.2.1).
func TestHostileAnswerToOurOfferEndsTheCall(t *testing.T) {
	e := startEdge(t, nil)
	living := e.talking()
	for name, answer := range map[string]string{
		"none":                    "",
		"no description":          "hello",
		"another codec":           strings.Replace(offer, "RTP/AVP 8 0 101", "RTP/AVP 99", 1),
		"refused audio":           strings.Replace(offer, "m=audio 40000", "m=audio 0", 1),
		"a group":                 strings.Replace(offer, "c=IN IP4 127.0.0.1", "c=IN IP4 224.1.1.1", 1),
		"audio at another place":  strings.Replace(offer, "m=audio", "m=video 9 RTP/AVP 31\r\nm=audio", 1),
		"NUL":                     strings.Replace(offer, "s=-", "s=\x00", 1),
		"keys that we never gave": strings.Replace(offer, "RTP/AVP", "RTP/SAVP", 1) + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			p := e.phone()
			p.t = t
			id := "late-" + strings.Map(wordOnly, name)
			p.send(p.text(message{method: "INVITE", callID: id}))
			in := e.inbound()
			ch := events(in.Leg)
			in.Leg.Answer()
			to := header(p.responseTo(id, "INVITE"), "To")
			p.send(p.text(message{method: "ACK", callID: id, to: to, body: answer}))
			if got := expect(t, ch, callflow.LegHungUp, patience); got.Status != 488 {
				t.Errorf("told %+v", got)
			}
			bye := p.request("BYE")
			if !strings.Contains(header(bye, "Reason"), "cause=488") {
				t.Errorf("got %q", bye)
			}
			p.reply(bye, 200, "")
			expect(t, ch, callflow.LegFinal, patience)
		})
	}
	living.untouched(t)
}
