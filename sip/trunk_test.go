package sip_test

import (
	"errors"
	"net/netip"
	"testing"

	"pickup/call"
	"pickup/callflow"
	"pickup/sip"
)

// trunks makes the edge take over trunks.
func (e *edge) trunks(all ...sip.Trunk) {
	e.t.Helper()
	e.store.mu.Lock()
	e.store.trunks = all
	e.store.mu.Unlock()
	if err := e.ReloadTrunks(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func TestWhoCallsFromATrunk(t *testing.T) {
	for name, c := range map[string]struct {
		trunk  sip.Trunk
		status int // 0: it reaches the handler
		kind   call.PartyKind
	}{
		"its networks are the trunk":  {sip.Trunk{Name: "carrier", Address: "192.0.2.1:5060", Networks: loopback}, 0, call.PartyTrunk},
		"its address is the trunk":    {sip.Trunk{Name: "carrier", Address: "127.0.0.1:5060"}, 0, call.PartyTrunk},
		"others are not":              {sip.Trunk{Name: "carrier", Address: "192.0.2.1:5060"}, 0, call.PartyAnonymousSIP},
		"a name is no source":         {sip.Trunk{Name: "carrier", Address: "sip.carrier.example:5060"}, 0, call.PartyAnonymousSIP},
		"a disabled trunk is refused": {sip.Trunk{Name: "carrier", Address: "127.0.0.1:5060", Disabled: true}, 403, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := startEdge(t, nil)
			e.trunks(c.trunk)
			p := e.phone()
			p.send(p.text(message{method: "INVITE", body: offer}))
			if c.status != 0 {
				if m := p.response(); status(m) != c.status {
					t.Fatalf("got %d, want %d", status(m), c.status)
				}
				return
			}
			in := e.inbound()
			if in.From.Kind != c.kind {
				t.Errorf("got a caller of kind %s, want %s", in.From.Kind, c.kind)
			}
			ch := events(in.Leg)
			in.Leg.End(call.Cause{Status: 486})
			expect(t, ch, callflow.LegFinal, patience)
		})
	}
}

// A trunk has so many calls and no more, whichever way they go; one that ended
// makes room.
func TestTrunkIsFull(t *testing.T) {
	e := startEdge(t, nil)
	carrier := e.phone()
	e.trunks(sip.Trunk{Name: "carrier", Address: carrier.addr(), Prefixes: []string{"+33"}, MaxCalls: 2})
	dial := func(leg call.LegID) (callflow.Leg, error) {
		return e.Dialer(callflow.AddressNumber).Dial(t.Context(), callflow.Invitation{
			LegID: leg, CallID: "call1", To: callflow.Address{Kind: callflow.AddressNumber, Value: "+33612345678"},
		})
	}
	p := e.phone()
	p.send(p.text(message{method: "INVITE", callID: "in-1", body: offer}))
	in := e.inbound()
	inEvents := events(in.Leg)
	out, err := dial("out-1")
	if err != nil {
		t.Fatal(err)
	}
	outEvents := events(out)
	invite := carrier.request("INVITE")

	full := e.phone()
	full.send(full.text(message{method: "INVITE", body: offer}))
	if m := full.response(); status(m) != 503 || header(m, "Retry-After") == "" {
		t.Fatalf("a third call: got %s, want 503 with Retry-After", m)
	}
	if _, err := dial("out-2"); err == nil || errors.Is(err, callflow.ErrNoRoute) {
		t.Fatalf("a third call out: got %v, want an error that is not for ever", err)
	}

	carrier.reply(invite, 486, "")
	expect(t, outEvents, callflow.LegFailed, patience)
	expect(t, outEvents, callflow.LegFinal, patience)
	if out, err = dial("out-3"); err != nil {
		t.Fatalf("a call has ended: got %v", err)
	}
	outEvents = events(out)
	invite = carrier.newInvite(invite)
	again := e.phone()
	again.send(again.text(message{method: "INVITE", body: offer}))
	if m := again.response(); status(m) != 503 {
		t.Fatalf("full again: got %d, want 503", status(m))
	}

	in.Leg.End(call.Cause{Status: 486})
	expect(t, inEvents, callflow.LegFinal, patience)
	last := e.phone()
	last.send(last.text(message{method: "INVITE", body: offer}))
	l := e.inbound().Leg
	lastEvents := events(l)
	l.End(call.Cause{Status: 486})
	expect(t, lastEvents, callflow.LegFinal, patience)
	carrier.reply(invite, 486, "")
	expect(t, outEvents, callflow.LegFailed, patience)
}

func TestWhichTrunkIsDialled(t *testing.T) {
	for name, c := range map[string]struct {
		trunks []sip.Trunk // Address is that of a carrier
		want   string      // user part of From at the carrier; "": none is dialled
	}{
		"the first whose prefix fits":    {[]sip.Trunk{{Prefixes: []string{"+44"}, FromUser: "a"}, {Prefixes: []string{"+33"}, FromUser: "b"}}, "b"},
		"no prefix takes all":            {[]sip.Trunk{{FromUser: "a"}}, "a"},
		"none whose prefix fits":         {[]sip.Trunk{{Prefixes: []string{"+44"}, FromUser: "a"}}, ""},
		"not one that is disabled":       {[]sip.Trunk{{FromUser: "a", Disabled: true}, {FromUser: "b"}}, "b"},
		"none of a number it denies":     {[]sip.Trunk{{Denied: []string{"+44", "+336"}, FromUser: "a"}, {FromUser: "b"}}, "b"},
		"the lowest rank":                {[]sip.Trunk{{Rank: 2, FromUser: "a"}, {Rank: 1, FromUser: "b"}}, "b"},
		"the next one when one is fast":  {[]sip.Trunk{{Name: "slow", FromUser: "a", Rate: 0.001}, {Name: "free", FromUser: "b"}}, "a b"},
		"the next one when one is full":  {[]sip.Trunk{{Name: "full", FromUser: "a", MaxCalls: 1}, {Name: "free", FromUser: "b"}}, "a b"},
		"none whose address is a name":   {[]sip.Trunk{{Address: "sip.carrier.example:5060", FromUser: "a"}}, ""},
		"nothing without any of a trunk": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := startEdge(t, nil)
			carrier := e.phone()
			for i := range c.trunks {
				if c.trunks[i].Address == "" {
					c.trunks[i].Address = carrier.addr()
				}
			}
			e.trunks(c.trunks...)
			want, last := c.want, ""
			for n := 0; n == 0 || want != ""; n++ {
				l, err := e.Dialer(callflow.AddressNumber).Dial(t.Context(), callflow.Invitation{
					LegID: call.LegID(rune('a' + n)), To: callflow.Address{Kind: callflow.AddressNumber, Value: "+33612345678"}, FromUser: "queue",
				})
				if want == "" {
					if !errors.Is(err, callflow.ErrNoTrunk) {
						t.Fatalf("got %v, want no trunk", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				events(l)
				m := carrier.newInvite(last)
				last = m
				carrier.reply(m, 180, "")
				if got := userOf(header(m, "From")); got != want[:1] {
					t.Errorf("dialled as %q, want %q", got, want[:1])
				}
				if want = want[1:]; want != "" {
					want = want[1:]
				}
			}
		})
	}
}

// newInvite reads the next INVITE that is not the last one again.
func (p *phone) newInvite(last string) string {
	p.t.Helper()
	for {
		if m := p.request("INVITE"); header(m, "Call-ID") != header(last, "Call-ID") {
			return m
		}
	}
}

// userOf is the user part of the address in a header.
func userOf(h string) string {
	var user string
	for i := range h {
		if h[i] == ':' && user == "" {
			for j := i + 1; j < len(h) && h[j] != '@'; j++ {
				user += string(h[j])
			}
		}
	}
	return user
}
