package sip_test

import (
	"strings"
	"testing"
	"time"

	"pickup/call"
	"pickup/callflow"
)

// talk is an agent's phone in a call that we made to it.
type talk struct {
	*phone
	invite string
	ch     chan callflow.LegEvent
	leg    callflow.Leg
	cseq   int
}

func (e *virtualEdge) agentTalks(addr string) *talk {
	e.t.Helper()
	p := e.plug(addr)
	if m := p.register("1001", "demo-1001"); status(m) != 200 {
		e.t.Fatalf("got %s", m)
	}
	devices := e.Devices("u1001")
	l, err := e.Dialer(callflow.AddressDevice).Dial(e.t.Context(), callflow.Invitation{LegID: "leg1", CallID: "call1", To: devices[len(devices)-1], FromUser: "alice"})
	if err != nil {
		e.t.Fatal(err)
	}
	k := &talk{phone: p, ch: events(l), leg: l}
	k.invite = p.request("INVITE")
	p.reply(k.invite, 200, offer)
	expect(e.t, k.ch, callflow.LegAnswered, patience)
	p.request("ACK")
	return k
}

// text is a request of the phone in that call.
func (k *talk) in(method string, extra ...string) string {
	k.cseq++
	return k.text(message{
		method: method, user: "pickup", callID: header(k.invite, "Call-ID"), to: header(k.invite, "From"),
		from: header(k.invite, "To") + ";tag=dev", cseq: k.cseq, extra: extra,
	})
}

// notified reads a NOTIFY and answers it.
func (k *talk) notified(state, fragment string) string {
	k.t.Helper()
	m := k.wait(time.Minute)
	if !strings.HasPrefix(m, "NOTIFY ") {
		k.t.Fatalf("got %s, want NOTIFY", m)
	}
	if header(m, "Subscription-State") != state || !strings.HasSuffix(m, "\r\n\r\n"+fragment+"\r\n") ||
		!strings.HasPrefix(header(m, "Content-Type"), "message/sipfrag") || header(m, "Contact") == "" {
		k.t.Fatalf("got %s", m)
	}
	k.reply(m, 200, "")
	return m
}

// A blind transfer from an agent's phone: 202, NOTIFY 100, then how it ended
// (RFC 3515 2.4).
func TestReferOfAnAgent(t *testing.T) {
	for name, c := range map[string]struct {
		status   int
		text     string
		fragment string
	}{
		"it is done":   {200, "", "SIP/2.0 200 OK"},
		"it is busy":   {486, "", "SIP/2.0 486 Busy Here"},
		"with a text":  {404, "No such queue\r\nX: y", "SIP/2.0 404 No such queueX: y"},
		"not answered": {408, "", "SIP/2.0 408 Request Timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				k := e.agentTalks("127.0.0.1:7001")
				for i, event := range []string{"refer", "refer;id=3"} {
					k.send(k.in("REFER", "Refer-To: <sip:Payments@127.0.0.1>"))
					ev := expect(t, k.ch, callflow.LegRefer, patience)
					if ev.Refer.Target != "payments" || ev.Refer.Replaces != nil || ev.Refer.ReplacesLeg != "" {
						t.Errorf("got %+v", ev.Refer)
					}
					k.leg.Referred(100, "")
					if m := k.read(patience); status(m) != 202 || header(m, "Contact") == "" {
						t.Fatalf("got %s", m)
					}
					if m := k.notified("active;expires=60", "SIP/2.0 100 Trying"); header(m, "Event") != event {
						t.Errorf("got %s", m)
					}
					if i == 0 {
						k.send(k.in("REFER", "Refer-To: <sip:support@127.0.0.1>"))
						if m := k.response(); status(m) != 491 {
							t.Errorf("a second one: got %s", m)
						}
					}
					k.notified("active;expires=60", "SIP/2.0 100 Trying") // 50 s later
					k.leg.Referred(180, "")
					k.notified("active;expires=60", "SIP/2.0 180 Ringing")
					k.leg.Referred(c.status, c.text)
					k.notified("terminated;reason=noresource", c.fragment)
					k.leg.Referred(200, "") // too late
				}
				k.leg.End(call.Cause{})
				k.reply(k.request("BYE"), 200, "")
				expect(t, k.ch, callflow.LegFinal, patience)
			})
		})
	}
}

// What the session, or nobody, says to a REFER.
func TestReferThatIsNotAccepted(t *testing.T) {
	for name, c := range map[string]struct {
		status int // 0: no session says anything
		text   string
		want   string
		after  time.Duration
	}{
		"refused":            {403, "", "403 Forbidden", 0},
		"refused, with text": {404, "No such agent", "404 No such agent", 0},
		"no session":         {0, "", "603 Transfer not available", 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				k := e.agentTalks("127.0.0.1:7001")
				began := time.Now()
				k.send(k.in("REFER", "Refer-To: sip:payments@127.0.0.1"))
				expect(t, k.ch, callflow.LegRefer, patience)
				if c.status != 0 {
					k.leg.Referred(c.status, c.text)
				}
				m := k.response()
				if took := time.Since(began); !strings.HasPrefix(m, "SIP/2.0 "+c.want+"\r\n") || took < c.after || took > c.after+time.Second {
					t.Errorf("after %v got %s", took, m)
				}
				k.leg.Referred(200, "")
				if m := k.wait(10 * time.Second); m != "" {
					t.Errorf("got %s", m)
				}
			})
		})
	}
}

func TestWhatReferIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		extra []string
		want  int
	}{
		"without Refer-To":            {nil, 400},
		"with two":                    {[]string{"Refer-To: <sip:a@127.0.0.1>", "Refer-To: <sip:b@127.0.0.1>"}, 400},
		"with two in a line":          {[]string{"Refer-To: <sip:a@127.0.0.1>, <sip:b@127.0.0.1>"}, 400},
		"with two, one compact":       {[]string{"Refer-To: <sip:a@127.0.0.1>", "r: <sip:b@127.0.0.1>"}, 400},
		"to nobody":                   {[]string{"Refer-To: <sip:127.0.0.1>"}, 400},
		"to another site":             {[]string{"Refer-To: <sip:a@example.net>"}, 403},
		"to an address":               {[]string{"Refer-To: <sip:a@192.0.2.9>"}, 403},
		"to a page":                   {[]string{"Refer-To: <http://127.0.0.1/>"}, 416},
		"to no number":                {[]string{"Refer-To: <tel:;x=y>"}, 400},
		"with a BYE":                  {[]string{"Refer-To: <sip:a@127.0.0.1;method=BYE>"}, 400},
		"with Replaces without a tag": {[]string{"Refer-To: <sip:a@127.0.0.1?Replaces=x%3Bto-tag%3D1>"}, 400},
		"with an unknown extension":   {[]string{"Refer-To: <sip:a@127.0.0.1>", "Require: multiple-refer"}, 420},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				k := e.agentTalks("127.0.0.1:7001")
				k.send(k.in("REFER", c.extra...))
				if m := k.response(); status(m) != c.want {
					t.Errorf("got %s, want %d", m, c.want)
				}
			})
		})
	}
}

func TestHowReferToIsRead(t *testing.T) {
	for name, c := range map[string]struct{ to, target string }{
		"a number in tel":       {"Refer-To: <tel:+33-1-23-45>", "+3312345"},
		"the realm":             {"Refer-To: <sip:payments@pickup>", "payments"},
		"sips, and a port":      {"Refer-To: \"P, a\" <sips:payments@127.0.0.1:5061;transport=tls>", "payments"},
		"the compact form":      {"r: sip:payments@127.0.0.1", "payments"},
		"escaped":               {"Refer-To: <sip:%50ayments@127.0.0.1;method=INVITE>", "payments"},
		"without angle brakets": {"Refer-To: sip:payments@127.0.0.1;x=y", "payments"},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				k := e.agentTalks("127.0.0.1:7001")
				k.send(k.in("REFER", c.to, "Refer-Sub: false", "Require: norefersub"))
				if ev := expect(t, k.ch, callflow.LegRefer, patience); ev.Refer.Target != c.target {
					t.Errorf("got %+v", ev.Refer)
				}
				k.leg.Referred(100, "")
				if m := k.response(); status(m) != 202 || header(m, "Refer-Sub") != "false" { // RFC 4488 4
					t.Errorf("got %s", m)
				}
				k.leg.Referred(200, "")
				if m := k.wait(10 * time.Second); m != "" {
					t.Errorf("got %s", m)
				}
			})
		})
	}
}

// Toll fraud: a player or a stranger transfers nobody.
func TestReferOfWhoIsNoAgent(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		p := e.plug("127.0.0.1:7001")
		ok, _, _ := e.talking(p, "f1")
		p.send(p.in("REFER", ok, 2, "Refer-To: <sip:payments@127.0.0.1>"))
		if m := p.response(); status(m) != 403 {
			t.Errorf("of a player: got %s", m)
		}
		p.send(p.text(message{method: "REFER", extra: []string{"Refer-To: <sip:payments@127.0.0.1>"}}))
		if m := p.response(); status(m) != 403 {
			t.Errorf("outside a dialog: got %s", m)
		}
		k := e.agentTalks("127.0.0.1:7002")
		thief := e.plug("127.0.0.9:7003")
		thief.send(k.in("REFER", "Refer-To: <sip:payments@127.0.0.1>"))
		if m := thief.read(patience); status(m) != 481 {
			t.Errorf("from elsewhere: got %s", m)
		}
	})
}

// The agent hangs up while his REFER is open: nothing is left of it.
func TestReferEndsWithItsDialog(t *testing.T) {
	for name, accepted := range map[string]bool{"after 202": true, "before": false} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				k := e.agentTalks("127.0.0.1:7001")
				k.send(k.in("REFER", "Refer-To: <sip:payments@127.0.0.1>"))
				expect(t, k.ch, callflow.LegRefer, patience)
				if accepted {
					k.leg.Referred(100, "")
					k.response()
					k.notified("active;expires=60", "SIP/2.0 100 Trying")
				}
				k.send(k.in("BYE"))
				if m := k.response(); status(m) != 200 {
					t.Fatalf("got %s", m)
				}
				expect(t, k.ch, callflow.LegHungUp, patience)
				expect(t, k.ch, callflow.LegFinal, patience)
				if !accepted {
					if m := k.response(); status(m) != 481 {
						t.Errorf("the REFER: got %s", m)
					}
				}
				k.leg.Referred(200, "")
				if m := k.wait(2 * time.Minute); m != "" {
					t.Errorf("got %s", m)
				}
			})
		})
	}
}

// A phone that answers NOTIFY with 481 wants no more of them; the call goes on.
func TestPhoneThatWantsNoNotify(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		k := e.agentTalks("127.0.0.1:7001")
		k.send(k.in("REFER", "Refer-To: <sip:payments@127.0.0.1>"))
		expect(t, k.ch, callflow.LegRefer, patience)
		k.leg.Referred(100, "")
		k.response()
		k.reply(k.request("NOTIFY"), 481, "")
		if m := k.wait(2 * time.Minute); m != "" {
			t.Errorf("got %s", m)
		}
		k.leg.Referred(200, "")
		if m := k.wait(time.Second); m != "" {
			t.Errorf("got %s", m)
		}
		k.send(k.in("INFO"))
		if m := k.response(); status(m) != 200 {
			t.Errorf("got %s", m)
		}
	})
}
