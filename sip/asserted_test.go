package sip_test

import (
	"testing"

	"pickup/sip"
)

// A trunk vouches for its caller by P-Asserted-Identity (RFC 3325); anybody else
// may write what he likes and is not believed.
func TestAssertedIdentityOfACaller(t *testing.T) {
	const anonymous = "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=f1"
	tests := map[string]struct {
		stranger      bool
		from          string
		extra         []string
		user, display string
	}{
		"of a trunk":                      {false, anonymous, []string{`P-Asserted-Identity: "Ada, L." <sip:+33612345678@carrier.example;user=phone>`}, "+33612345678", "Ada, L."},
		"as a number":                     {false, anonymous, []string{"P-Asserted-Identity: <tel:+33612345678;ext=3>"}, "+33612345678", ""},
		"without brackets":                {false, anonymous, []string{"P-Asserted-Identity: sip:+33612345678@carrier.example"}, "+33612345678", ""},
		"two of them":                     {false, anonymous, []string{`P-Asserted-Identity: "A<B" <sip:+33612345678@c>, <tel:+33699999999>`}, "+33612345678", "A<B"},
		"escaped":                         {false, anonymous, []string{"P-Asserted-Identity: <sip:%2B33612345678@c>"}, "+33612345678", ""},
		"of a caller who hides":           {false, anonymous, []string{"P-Asserted-Identity: <sip:+33612345678@c>", "Privacy: header; id"}, "anonymous", "Anonymous"},
		"with a privacy of none":          {false, anonymous, []string{"P-Asserted-Identity: <sip:+33612345678@c>", "Privacy: none"}, "+33612345678", ""},
		"of nobody":                       {false, anonymous, []string{"P-Asserted-Identity: <sip:carrier.example>"}, "anonymous", "Anonymous"},
		"broken":                          {false, anonymous, []string{`P-Asserted-Identity: "A <sip:`}, "anonymous", "Anonymous"},
		"none":                            {false, "<sip:+33611111111@c>;tag=f1", nil, "+33611111111", ""},
		"of somebody who is no trunk":     {true, "<sip:bob@c>;tag=f1", []string{"P-Asserted-Identity: <sip:+33612345678@c>"}, "bob", ""},
		"that breaks the line of a trunk": {false, anonymous, []string{"P-Asserted-Identity: <sip:%0D%0Aevil@c>"}, "evil", ""},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			e := startEdge(t, nil)
			carrier := e.phone()
			if !c.stranger {
				e.trunks(sip.Trunk{Name: "carrier", Address: carrier.addr()})
			}
			carrier.send(carrier.text(message{method: "INVITE", from: c.from, body: offer, extra: c.extra}))
			in := e.inbound()
			if in.From.User != c.user || in.From.Display != c.display {
				t.Errorf("got %q, %q", in.From.User, in.From.Display)
			}
			if !c.stranger && in.From.ReachBack != c.user {
				t.Errorf("reached back at %q", in.From.ReachBack)
			}
		})
	}
}
