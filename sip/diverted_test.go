package sip_test

import (
	"strings"
	"testing"

	"pickup/call"
	"pickup/callflow"
	"pickup/sip"
)

func TestWhoDivertedACall(t *testing.T) {
	tests := map[string]struct {
		stranger bool
		extra    []string
		want     string
	}{
		"nobody":                        {false, nil, ""},
		"a number":                      {false, []string{"Diversion: <sip:+33800100200@c>;reason=no-answer;counter=1"}, "+33800100200"},
		"the latest of two":             {false, []string{`Diversion: "A, B" <sip:b@c>;reason=unconditional, <sip:a@c>`}, "b"},
		"two headers":                   {false, []string{"Diversion: <tel:+331;ext=2>", "Diversion: <sip:a@c>"}, "+331"},
		"one who hides":                 {false, []string{"Diversion: <sip:b@c>;privacy=full"}, ""},
		"one who does not":              {false, []string{"Diversion: <sip:b@c>;privacy=off"}, "b"},
		"a stranger is not believed":    {true, []string{"Diversion: <sip:b@c>"}, ""},
		"a broken one":                  {false, []string{`Diversion: "b <sip:`}, ""},
		"a line is not broken":          {false, []string{"Diversion: <sip:b%0D%0Ax@c>"}, "bx"},
		"by History-Info":               {false, []string{"History-Info: <sip:first@c>;index=1, <sip:second@c?Reason=SIP%3Bcause%3D302>;index=1.1, <sip:support@p>;index=1.1.1"}, "second"},
		"out of order":                  {false, []string{"History-Info: <sip:support@p>;index=1.10", "History-Info: <sip:second@c>;index=1.2;mp=1", "History-Info: <sip:first@c>;index=1"}, "second"},
		"only where it is now":          {false, []string{"History-Info: <sip:support@p>;index=1"}, ""},
		"passed on without a diversion": {false, []string{"History-Info: <sip:support@c>;index=1, <sip:support@p>;index=1.1"}, ""},
		"private history":               {false, []string{"History-Info: <sip:b@c?Privacy=history>;index=1, <sip:support@p>;index=1.1"}, ""},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			e := startEdge(t, nil)
			carrier := e.phone()
			if !c.stranger {
				e.trunks(sip.Trunk{Name: "carrier", Address: carrier.addr()})
			}
			carrier.send(carrier.text(message{method: "INVITE", from: "<sip:+33611111111@c>;tag=f1", body: offer, extra: c.extra}))
			if in := e.inbound(); in.DivertedFrom != c.want {
				t.Errorf("got %q, want %q", in.DivertedFrom, c.want)
			}
		})
	}
}

// A caller who hides is anonymous to us, though his carrier, or his phone, tells.
func TestCallerWhoHides(t *testing.T) {
	for privacy, hidden := range map[string]bool{"id": true, "user;critical": true, "none": false, "header": false} {
		t.Run(privacy, func(t *testing.T) {
			e := startEdge(t, nil)
			carrier := e.phone()
			e.trunks(sip.Trunk{Name: "carrier", Address: carrier.addr()})
			carrier.send(carrier.text(message{method: "INVITE", from: "\"Ada\" <sip:+33611111111@c>;tag=f1", body: offer, extra: []string{"Privacy: " + privacy}}))
			if in := e.inbound(); in.From.Anonymous() != hidden || strings.Contains(in.From.URI, "336") == hidden {
				t.Errorf("got %+v", in.From)
			}
			e.trunks()
			carrier.send(carrier.text(message{method: "INVITE", from: "\"Ada\" <sip:ada@c>;tag=f2", body: offer, extra: []string{"Privacy: " + privacy}}))
			if in := e.inbound(); in.From.Anonymous() != hidden || strings.Contains(in.From.URI, "ada") == hidden || in.From.ReachBack == "" {
				t.Errorf("of no trunk: got %+v", in.From)
			}
		})
	}
}

// What an INVITE to a device asks for: to hide the caller, to answer by itself.
func TestWhatADeviceIsAskedFor(t *testing.T) {
	for name, c := range map[string]struct {
		setting bool
		inv     callflow.Invitation
		auto    bool
		private bool
	}{
		"nothing":                  {false, callflow.Invitation{FromUser: "alice"}, false, false},
		"to answer by itself":      {false, callflow.Invitation{FromUser: "alice", AutoAnswer: true}, true, false},
		"by the setting":           {true, callflow.Invitation{FromUser: "alice"}, true, false},
		"to show no caller's name": {false, callflow.Invitation{FromUser: "anonymous", FromDisplay: "anonymous (support)"}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(cfg *sip.Config) { cfg.AutoAnswer = c.setting }, func(t *testing.T, e *virtualEdge) {
				p := e.plug("127.0.0.1:7001")
				if m := p.register("1001", "demo-1001"); status(m) != 200 {
					t.Fatalf("got %s", m)
				}
				c.inv.LegID, c.inv.To = "leg1", e.Devices("u1001")[0]
				l, err := e.Dialer(callflow.AddressDevice).Dial(t.Context(), c.inv)
				if err != nil {
					t.Fatal(err)
				}
				m := p.request("INVITE")
				auto := header(m, "Call-Info") == "<sip:127.0.0.1>;answer-after=0" && header(m, "Answer-Mode") == "Auto" &&
					header(m, "Alert-Info") == "<http://127.0.0.1/>;info=alert-autoanswer;delay=0"
				private := header(m, "Privacy") == "id" && strings.Contains(header(m, "From"), "<sip:anonymous@anonymous.invalid>")
				if auto != c.auto || private != c.private {
					t.Errorf("got %s", m)
				}
				l.End(call.Cause{})
				p.reply(m, 486, "")
			})
		})
	}
}

// The Reason of a peer (RFC 3326) is told, whichever message carries it.
func TestReasonOfThePeer(t *testing.T) {
	const reason = `Q.850;cause=17;text="busy"`
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		p := e.plug("127.0.0.1:7001")
		ok, ch, _ := e.talking(p, "r1")
		p.send(p.in("BYE", ok, 2, "Reason: "+reason))
		p.response()
		if ev := expect(t, ch, callflow.LegHungUp, patience); ev.Text != reason {
			t.Errorf("BYE: got %+v", ev)
		}
		invite, out := e.dialled(e.plug("127.0.0.1:7002"))
		device := e.plug("127.0.0.1:7002")
		device.reply(invite, 486, "", "Reason: "+reason)
		if ev := expect(t, out, callflow.LegFailed, patience); ev.Text != reason || ev.Status != 486 {
			t.Errorf("486: got %+v", ev)
		}
	})
}

// Keys by INFO in both ways, and what is no key.
func TestKeysByINFO(t *testing.T) {
	for name, c := range map[string]struct {
		kind, body string
		want       int
		digit      rune
	}{
		"relay":             {"application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", 200, '5'},
		"relay with spaces": {"application/dtmf-relay; charset=utf-8", "Signal= * \r\nDuration= 100\r\n", 200, '*'},
		"relay by number":   {"application/dtmf-relay", "Signal=11\n", 200, '#'},
		"plain":             {"application/dtmf", "7\r\n", 200, '7'},
		"plain by number":   {"Application/DTMF", "10", 200, '*'},
		"no key":            {"application/dtmf", "x", 400, 0},
		"nothing":           {"application/dtmf-relay", "Duration=160\r\n", 400, 0},
		"another kind":      {"application/json", "{}", 415, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				p := e.plug("127.0.0.1:7001")
				ok, ch, _ := e.talking(p, "k1")
				p.send(p.text(message{method: "INFO", callID: "k1", to: header(ok, "To"), cseq: 2, extra: []string{"Content-Type: " + c.kind}, body: c.body}))
				if m := p.response(); status(m) != c.want {
					t.Errorf("got %s", m)
				}
				if c.digit != 0 {
					if ev := expect(t, ch, callflow.LegDTMF, patience); ev.Digit != c.digit {
						t.Errorf("got %q", ev.Digit)
					}
				}
			})
		})
	}
}

// What we say that we can is what we do, in every message that says it.
func TestWhatWeSayThatWeCan(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		p := e.plug("127.0.0.1:7001")
		ok, _, _ := e.talking(p, "w1")
		options := p.await("OPTIONS", 200)
		p.send(p.in("OPTIONS", ok, 2))
		inDialog := p.response()
		invite, _ := e.dialled(e.plug("127.0.0.1:7002"))
		methods := map[string]int{} // what becomes of a method that is allowed: not 405 or 501
		for what, m := range map[string]string{"200 to INVITE": ok, "OPTIONS": options, "OPTIONS in a call": inDialog, "INVITE": invite} {
			for method := range strings.SplitSeq(header(m, "Allow"), ", ") {
				methods[method]++
			}
			for _, tag := range []string{"timer", "100rel", "replaces", "norefersub"} {
				if !strings.Contains(header(m, "Supported"), tag) {
					t.Errorf("%s does not say %s", what, tag)
				}
			}
		}
		for method, n := range methods {
			if n != 4 {
				t.Errorf("%s is said %d times of 4", method, n)
			}
			if method == "REGISTER" || method == "ACK" || method == "CANCEL" || method == "BYE" || method == "INVITE" {
				continue
			}
			p.send(p.text(message{method: method, callID: "w1", to: header(ok, "To"), cseq: 10 + len(method), extra: []string{"Refer-To: <sip:a@b>", "RAck: 1 1 INVITE"}}))
			if m := p.response(); status(m) == 405 || status(m) == 501 {
				t.Errorf("%s: got %s", method, m)
			}
		}
		for i, method := range []string{"NOTIFY", "SUBSCRIBE", "MESSAGE", "PUBLISH", "FOO"} {
			p.send(p.in(method, ok, 100+i))
			if m := p.response(); status(m) < 400 {
				t.Errorf("%s: got %s", method, m)
			}
		}
		for tag := range strings.SplitSeq(header(options, "Supported"), ", ") {
			if m := p.await("OPTIONS", 200, "Require: "+tag); header(m, "Unsupported") != "" {
				t.Errorf("got %s", m)
			}
		}
		if m := p.await("OPTIONS", 420, "Require: timer, precondition, gruu"); header(m, "Unsupported") != "precondition, gruu" {
			t.Errorf("got %s", m)
		}
	})
}
