package sip_test

import (
	"strings"
	"testing"
	"time"

	"pickup/call"
	"pickup/callflow"
	"pickup/sip"
)

// wait reads for d until a message comes that is not an OPTIONS; those are
// answered. "": none came.
func (p *phone) wait(d time.Duration) string {
	for end := time.Now().Add(d); ; {
		m := p.read(time.Until(end))
		if !strings.HasPrefix(m, "OPTIONS ") {
			return m
		}
		p.reply(m, 200, "")
	}
}

// talking is a call of p that was answered and confirmed.
func (e *virtualEdge) talking(p *phone, callID string, extra ...string) (ok string, ch chan callflow.LegEvent, leg callflow.Leg) {
	e.t.Helper()
	p.send(p.text(message{method: "INVITE", callID: callID, body: offer, extra: extra}))
	in := e.inbound()
	ch = events(in.Leg)
	in.Leg.Answer()
	if ok = p.response(); status(ok) != 200 {
		e.t.Fatalf("got %s", ok)
	}
	p.send(p.text(message{method: "ACK", callID: callID, to: header(ok, "To")}))
	expect(e.t, ch, callflow.LegAnswered, patience)
	return ok, ch, in.Leg
}

// in is a request of p inside the dialog of ok.
func (p *phone) in(method, ok string, cseq int, extra ...string) string {
	m := message{method: method, callID: header(ok, "Call-ID"), to: header(ok, "To"), cseq: cseq, extra: extra}
	if method == "INVITE" {
		m.body = offer
	}
	return p.text(m)
}

func TestSessionTimerOfACallToUs(t *testing.T) {
	tests := map[string]struct {
		extra   []string
		expires string // of the 200
		require string
	}{
		"a caller without timers":                 {nil, "", ""},
		"one who could":                           {[]string{"Supported: timer"}, "1800;refresher=uas", "timer"},
		"one who could, in the compact form":      {[]string{"k: replaces, timer"}, "1800;refresher=uas", "timer"},
		"one who asks":                            {[]string{"Supported: timer", "Session-Expires: 600"}, "600;refresher=uac", "timer"},
		"one who asks, in the compact form":       {[]string{"k: timer", "x: 600"}, "600;refresher=uac", "timer"},
		"one who refreshes himself":               {[]string{"Supported: timer", "Session-Expires: 600;refresher=uac"}, "600;refresher=uac", "timer"},
		"one who leaves it to us":                 {[]string{"Supported: timer", "Session-Expires: 600 ; refresher = UAS"}, "600;refresher=uas", "timer"},
		"his proxy asks":                          {[]string{"Session-Expires: 600"}, "600;refresher=uas", ""},
		"more than we grant":                      {[]string{"Supported: timer", "Session-Expires: 7200"}, "1800;refresher=uac", "timer"},
		"more than we grant, and not less":        {[]string{"Supported: timer", "Session-Expires: 7200", "Min-SE: 3600"}, "3600;refresher=uac", "timer"},
		"he could, and would not have it shorter": {[]string{"Supported: timer", "Min-SE: 3600"}, "3600;refresher=uas", "timer"},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				ok, _, _ := e.talking(e.plug("127.0.0.1:7001"), "s1", c.extra...)
				if got := header(ok, "Session-Expires"); got != c.expires {
					t.Errorf("Session-Expires: got %q, want %q", got, c.expires)
				}
				if got := header(ok, "Require"); got != c.require {
					t.Errorf("Require: got %q, want %q", got, c.require)
				}
			})
		})
	}
}

// A caller who refreshes is let be for hours; when he stops, the call ends a
// little before its session does, by BYE, and its cause says so.
func TestSessionThatIsNotRefreshedEnds(t *testing.T) {
	for _, method := range []string{"UPDATE", "INVITE"} {
		t.Run(method, func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				p := e.plug("127.0.0.1:7001")
				ok, ch, _ := e.talking(p, "s1", "Supported: timer", "Session-Expires: 1800;refresher=uac")
				cseq := 1
				for range 12 { // three hours
					if m := p.wait(15 * time.Minute); m != "" {
						t.Fatalf("got %s", m)
					}
					cseq++
					p.send(p.in(method, ok, cseq, "Supported: timer", "Session-Expires: 1800;refresher=uac"))
					if m := p.response(); status(m) != 200 || header(m, "Session-Expires") != "1800;refresher=uac" {
						t.Fatalf("got %s", m)
					}
					if method == "INVITE" {
						p.send(p.in("ACK", ok, cseq))
					}
				}
				began := time.Now()
				bye := p.wait(time.Hour)
				if took := time.Since(began); !strings.HasPrefix(bye, "BYE ") || took != 1768*time.Second {
					t.Fatalf("after %v got %s", took, bye)
				}
				if header(bye, "Reason") != `SIP;cause=408;text="session expired"` {
					t.Errorf("got %s", bye)
				}
				p.reply(bye, 200, "")
				if ev := expect(t, ch, callflow.LegHungUp, patience); ev.Status != 408 || ev.Text != "session expired" {
					t.Errorf("got %+v", ev)
				}
				expect(t, ch, callflow.LegFinal, patience)
				if n := e.Metrics().Dead; n != 1 {
					t.Errorf("%d vanished", n)
				}
			})
		})
	}
}

// Where we refresh it is by UPDATE with who takes it, else by re-INVITE, at half
// of the interval, for hours; who has gone meanwhile is found by it.
func TestWeRefreshTheSession(t *testing.T) {
	tests := map[string]struct {
		allow   string
		method  string
		refuses int // the answer to the refresh that ends the call; 0: silence
		why     string
	}{
		"a caller who takes UPDATE and forgets the call": {"INVITE, ACK, BYE, UPDATE", "UPDATE", 481, "session refresh not answered"},
		"a caller who takes UPDATE and falls silent":     {"INVITE, ACK, BYE, UPDATE", "UPDATE", 0, "session refresh not answered"},
		"a caller without UPDATE who forgets the call":   {"INVITE, ACK, BYE", "INVITE", 481, "session refresh not answered"},
		"a caller without UPDATE who falls silent":       {"INVITE, ACK, BYE", "INVITE", 0, "session refresh not answered"},
		"a caller who refuses each refresh":              {"INVITE, ACK, BYE, UPDATE", "UPDATE", 500, "session expired"},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			// RTP cannot tell, and OPTIONS would be quicker than the timer
			inVirtualTime(t, func(c *sip.Config) { c.ProbeEvery = 100 * time.Hour }, func(t *testing.T, e *virtualEdge) {
				p := e.plug("127.0.0.1:7001")
				_, ch, _ := e.talking(p, "s1", "Supported: timer", "Session-Expires: 1000;refresher=uas", "Allow: "+c.allow)
				for range 20 {
					began := time.Now()
					m := p.wait(time.Hour)
					if took := time.Since(began); !strings.HasPrefix(m, c.method+" ") || took != 500*time.Second {
						t.Fatalf("after %v got %s", took, m)
					}
					if header(m, "Session-Expires") != "1000;refresher=uac" || !strings.HasPrefix(header(m, "Supported"), "timer, ") {
						t.Errorf("got %s", m)
					}
					body := ""
					if c.method == "INVITE" {
						if body = offer; !strings.Contains(m, "m=audio") {
							t.Errorf("no offer in %s", m)
						}
					}
					p.reply(m, 200, body, "Require: timer", "Session-Expires: 1000;refresher=uac")
					if c.method == "INVITE" {
						ack := p.wait(time.Second)
						if !strings.HasPrefix(ack, "ACK ") || strings.Fields(header(ack, "CSeq"))[0] != strings.Fields(header(m, "CSeq"))[0] {
							t.Fatalf("got %s", ack)
						}
						p.reply(m, 200, body, "Require: timer", "Session-Expires: 1000;refresher=uac") // it was lost
						if ack := p.wait(time.Second); !strings.HasPrefix(ack, "ACK ") {
							t.Fatalf("got %s", ack)
						}
					}
				}
				var bye string
				for bye == "" {
					m := p.wait(time.Hour)
					switch {
					case m == "":
						t.Fatal("nothing came")
					case strings.HasPrefix(m, "BYE "):
						bye = m
					case strings.HasPrefix(m, c.method+" ") && c.refuses > 0:
						p.reply(m, c.refuses, "")
					}
				}
				p.reply(bye, 200, "")
				if ev := expect(t, ch, callflow.LegHungUp, patience); ev.Status != 408 || ev.Text != c.why {
					t.Errorf("got %+v", ev)
				}
				expect(t, ch, callflow.LegFinal, patience)
			})
		})
	}
}

// dialled is a call to the device of 1001, until its INVITE.
func (e *virtualEdge) dialled(p *phone) (invite string, ch chan callflow.LegEvent) {
	e.t.Helper()
	if m := p.register("1001", "demo-1001"); status(m) != 200 {
		e.t.Fatalf("got %s", m)
	}
	l, err := e.Dialer(callflow.AddressDevice).Dial(e.t.Context(), callflow.Invitation{LegID: "leg1", CallID: "call1", To: e.Devices("u1001")[0], FromUser: "alice"})
	if err != nil {
		e.t.Fatal(err)
	}
	return p.request("INVITE"), events(l)
}

func TestSessionTimerOfACallOfOurs(t *testing.T) {
	tests := map[string]struct {
		answer []string // headers of the 200
		after  time.Duration
		then   string // what comes after that time, when nobody refreshes
	}{
		"the device refreshes":         {[]string{"Require: timer", "Session-Expires: 300;refresher=uas"}, 268 * time.Second, "BYE "},
		"we refresh":                   {[]string{"Session-Expires: 300;refresher=uac", "Allow: INVITE, UPDATE"}, 150 * time.Second, "UPDATE "},
		"we refresh, by INVITE":        {[]string{"Session-Expires: 300;refresher=uac", "Allow: INVITE"}, 150 * time.Second, "INVITE "},
		"a device without timers":      {nil, 10 * time.Hour, ""},
		"a device that says too short": {[]string{"Session-Expires: 2;refresher=uac", "Allow: INVITE, UPDATE"}, 45 * time.Second, "UPDATE "},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				p := e.plug("127.0.0.1:7001")
				invite, ch := e.dialled(p)
				if header(invite, "Session-Expires") != "1800" || !strings.HasPrefix(header(invite, "Supported"), "timer, ") {
					t.Errorf("got %s", invite)
				}
				p.reply(invite, 200, offer, c.answer...)
				expect(t, ch, callflow.LegAnswered, patience)
				p.request("ACK")
				began := time.Now()
				m := p.wait(10 * time.Hour)
				if took := time.Since(began); took != c.after || !strings.HasPrefix(m, c.then) || c.then == "" && m != "" {
					t.Errorf("after %v got %s", took, m)
				}
			})
		})
	}
}

// A device to which our session is too short says how long it must be
// (RFC 4028 7.3), at the INVITE or at a refresh.
func TestSessionIntervalTooSmall(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		p := e.plug("127.0.0.1:7001")
		invite, ch := e.dialled(p)
		p.reply(invite, 422, "", "Min-SE: 2000")
		p.request("ACK")
		again := p.request("INVITE")
		if header(again, "Session-Expires") != "2000" || header(again, "Min-SE") != "2000" || !strings.HasPrefix(header(again, "CSeq"), "2 ") {
			t.Fatalf("got %s", again)
		}
		p.reply(again, 200, offer, "Session-Expires: 2000;refresher=uac", "Allow: INVITE, UPDATE")
		expect(t, ch, callflow.LegAnswered, patience)
		p.request("ACK")
		update := p.wait(time.Hour)
		p.reply(update, 422, "", "Min-SE: 3000")
		if update = p.wait(time.Minute); header(update, "Session-Expires") != "3000;refresher=uac" || header(update, "Min-SE") != "3000" {
			t.Fatalf("got %s", update)
		}
		p.reply(update, 491, "") // glare: it is our Call-ID
		began := time.Now()
		update = p.wait(time.Minute)
		if took := time.Since(began); !strings.HasPrefix(update, "UPDATE ") || took < 2100*time.Millisecond || took > 4*time.Second {
			t.Fatalf("after %v got %s", took, update)
		}
		p.reply(update, 405, "", "Allow: INVITE, ACK, BYE")
		reinvite := p.wait(time.Minute)
		if !strings.HasPrefix(reinvite, "INVITE ") {
			t.Fatalf("got %s", reinvite)
		}
		p.send(p.text(message{ // his own offer meanwhile
			method: "INVITE", user: "x", callID: header(invite, "Call-ID"), to: header(invite, "From"),
			from: header(invite, "To") + ";tag=dev", cseq: 7, body: offer,
		}))
		refused := p.response()
		if status(refused) != 491 {
			t.Errorf("got %s", refused)
		}
		p.send(p.text(message{
			method: "ACK", user: "x", callID: header(invite, "Call-ID"), to: header(refused, "To"), from: header(refused, "From"), cseq: 7,
			branch: strings.Split(strings.Split(header(refused, "Via"), "branch=")[1], ";")[0],
		}))
		p.reply(reinvite, 200, offer) // without timer: it does not expire any more
		for m := p.wait(10 * time.Hour); m != ""; m = p.wait(10 * time.Hour) {
			if !strings.HasPrefix(m, "ACK ") && !strings.HasPrefix(m, "INVITE ") {
				t.Fatalf("got %s", m)
			}
		}
	})
}

// A phone that never sent a packet is asked whether its call is still there;
// silence, or a 481, ends it. What it answers else is a proof of life.
func TestPhoneThatNeverSentMediaIsAsked(t *testing.T) {
	tests := map[string]struct {
		answer int // to OPTIONS; 0: none
		why    string
	}{
		"it answers":                 {200, ""},
		"it cannot do OPTIONS":       {501, ""},
		"it is busy":                 {486, ""},
		"it has forgotten the call":  {481, "the phone does not know the call any more"},
		"it is gone":                 {0, "OPTIONS not answered"},
		"a proxy does not reach it":  {408, "OPTIONS not answered"},
		"it answers for the time on": {405, ""},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				p := e.plug("127.0.0.1:7001")
				_, ch, leg := e.talking(p, "s1")
				began := time.Now()
				bye := ""
				asked := 0
				for end := began.Add(2 * time.Hour); bye == "" && time.Now().Before(end); {
					m := p.read(time.Until(end))
					switch {
					case strings.HasPrefix(m, "BYE "):
						bye = m
					case strings.HasPrefix(m, "OPTIONS "):
						if asked++; c.answer > 0 {
							p.reply(m, c.answer, "")
						}
						if to := header(m, "To"); !strings.HasSuffix(to, ";tag=f1") {
							t.Fatalf("outside the dialog: %s", m)
						}
					}
				}
				if c.why == "" {
					if bye != "" || asked < 40 || asked > 80 {
						t.Errorf("asked %d times, then %q", asked, bye)
					}
					leg.End(call.Cause{})
					p.reply(p.request("BYE"), 200, "")
					expect(t, ch, callflow.LegFinal, patience)
					return
				}
				if took := time.Since(began); bye == "" || took > 150*time.Second+32*time.Second {
					t.Fatalf("after %v: %q", took, bye)
				}
				p.reply(bye, 200, "")
				if ev := expect(t, ch, callflow.LegHungUp, patience); ev.Status != 408 || ev.Text != c.why {
					t.Errorf("got %+v", ev)
				}
				expect(t, ch, callflow.LegFinal, patience)
			})
		})
	}
}

// Who sends RTP is judged by it and not asked; on hold he need not send, and is.
func TestOnlyWhomRTPDoesNotJudgeIsAsked(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		p := e.plug("127.0.0.1:7001")
		p.send(p.text(message{method: "INVITE", callID: "s1", body: offer}))
		in := e.inbound()
		ch := events(in.Leg)
		in.Leg.Answer()
		ok := p.response()
		p.send(p.text(message{method: "ACK", callID: "s1", to: header(ok, "To")}))
		expect(t, ch, callflow.LegAnswered, patience)
		e.packet(ok)
		if m := p.read(time.Hour); m != "" {
			t.Fatalf("got %s", m)
		}
		p.send(p.text(message{
			method: "INVITE", callID: "s1", to: header(ok, "To"), cseq: 2,
			body: strings.ReplaceAll(offer, "o=- 1 1", "o=- 1 2") + "a=sendonly\r\n",
		}))
		if m := p.response(); status(m) != 200 {
			t.Fatalf("hold: %s", m)
		}
		p.send(p.text(message{method: "ACK", callID: "s1", to: header(ok, "To"), cseq: 2}))
		if m := p.read(time.Hour); !strings.HasPrefix(m, "OPTIONS ") {
			t.Fatalf("got %s", m)
		}
	})
}
