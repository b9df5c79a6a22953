package sip_test

import (
	"slices"
	"strings"
	"testing"

	"pickup/call"
	"pickup/callflow"
	"pickup/sip"
)

// UDP carries messages as long as TCP does: requests with what stands in their
// body, and responses.
func TestDatagramsOfSixtyThousandBytes(t *testing.T) {
	filler := "X-Long: " + strings.Repeat("a", 60000)
	e := startEdge(t, nil)
	p := e.phone()
	p.send(p.text(message{method: "INVITE", callID: "long", body: offer, extra: []string{filler}}))
	in := e.inbound()
	ch := events(in.Leg)
	in.Leg.Answer()
	ok := p.response()
	if status(ok) != 200 || in.SIPCallID != "long" || in.From.ReachBack != "alice@udp:"+p.addr() {
		t.Fatalf("got %+v, %.300s", in, ok)
	}
	p.send(p.text(message{method: "ACK", callID: "long", to: header(ok, "To"), extra: []string{filler}}))
	expect(t, ch, callflow.LegAnswered, patience)
	in.Leg.End(call.Cause{})
	p.reply(p.request("BYE"), 200, "", filler)
	expect(t, ch, callflow.LegFinal, patience)

	forged := p.text(message{method: "OPTIONS", callID: "placeholder@pickup.invalid"})
	p.send(forged) // it is nobody's place
	if m := p.response(); status(m) != 200 || header(m, "Call-ID") != "placeholder@pickup.invalid" {
		t.Errorf("got %s", m)
	}
}

// What a source makes us keep is bounded in bytes: a long message costs as much
// as several short ones, with a To-tag too.
func TestLongMessagesCostMore(t *testing.T) {
	long := []string{"X-Long: " + strings.Repeat("a", 60000)}
	tests := map[string]struct {
		m    message
		want []int // of three; each costs 7 tokens of 20, or 8 where it may open a dialog
	}{
		"new":         {message{method: "OPTIONS", extra: long}, []int{200, 200, 503}},
		"in a dialog": {message{method: "INFO", to: "<sip:support@127.0.0.1>;tag=none", extra: long}, []int{481, 481, 503}},
		"short":       {message{method: "OPTIONS"}, []int{200, 200, 200}},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			e := startEdge(t, func(c *sip.Config) { c.GuardTrusted = nil; c.GuardRate = 1; c.GuardBurst = 20 })
			p := e.phone()
			var got []int
			for range 3 {
				p.send(p.text(c.m))
				got = append(got, status(p.response()))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
