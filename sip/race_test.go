package sip_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"pickup/call"
	"pickup/callflow"
	"pickup/sip"
)

// ring dials the only device of 1001.
func (e *edge) ring(p *phone) (callflow.Leg, chan callflow.LegEvent) {
	e.t.Helper()
	if m := p.register("1001", "demo-1001"); status(m) != 200 {
		e.t.Fatalf("got %s", m)
	}
	l, err := e.Dialer(callflow.AddressDevice).Dial(e.t.Context(), callflow.Invitation{LegID: "leg1", CallID: "call1", To: e.Devices("u1001")[0], FromUser: "alice"})
	if err != nil {
		e.t.Fatal(err)
	}
	return l, events(l)
}

func TestCancelWaitsForTheFirstProvisionalAndSaysWhy(t *testing.T) {
	e := startEdge(t, nil)
	p := e.phone()
	l, ch := e.ring(p)
	invite := p.request("INVITE")
	l.End(call.Cause{Status: 200, Text: "Call completed elsewhere"})
	if m := p.read(300 * time.Millisecond); strings.HasPrefix(m, "CANCEL") {
		t.Fatal("CANCEL before any 1xx")
	}
	p.reply(invite, 180, "")
	cancel := p.request("CANCEL")
	if header(cancel, "Reason") != `SIP;cause=200;text="Call completed elsewhere"` || header(cancel, "Via") != header(invite, "Via") {
		t.Errorf("got %s", cancel)
	}
	p.reply(cancel, 200, "")
	p.reply(invite, 487, "")
	p.request("ACK")
	expect(t, ch, callflow.LegFailed, patience)
	expect(t, ch, callflow.LegFinal, patience)
}

func TestAnswerThatCrossesOurCancelIsReportedAndCanBeEnded(t *testing.T) {
	e := startEdge(t, nil)
	p := e.phone()
	l, ch := e.ring(p)
	invite := p.request("INVITE")
	p.reply(invite, 180, "")
	expect(t, ch, callflow.LegRinging, patience)
	l.End(call.Cause{Text: "caller left"})
	p.request("CANCEL")
	p.reply(invite, 200, offer)
	expect(t, ch, callflow.LegAnswered, patience)
	p.request("ACK")
	p.reply(invite, 200, offer) // the ACK was lost
	p.request("ACK")
	p.reply(invite, 200, offer, "X-Fork: 1") // same tag: only an ACK
	p.request("ACK")
	l.End(call.Cause{Text: "caller left"})
	bye := p.request("BYE")
	p.reply(bye, 200, "")
	expect(t, ch, callflow.LegFinal, patience)
}

func TestSecondAnswerOfAForkGetsAckAndBye(t *testing.T) {
	e := startEdge(t, nil)
	p := e.phone()
	_, ch := e.ring(p)
	invite := p.request("INVITE")
	p.reply(invite, 200, offer)
	expect(t, ch, callflow.LegAnswered, patience)
	p.request("ACK")
	fork := strings.Replace(invite, "\r\nTo: ", "\r\nTo: ", 1)
	to := header(invite, "To")
	p.reply(strings.Replace(fork, "To: "+to, "To: "+to+";tag=other", 1), 200, offer)
	ack := p.request("ACK")
	bye := p.request("BYE")
	if !strings.Contains(header(ack, "To"), "tag=other") || !strings.Contains(header(bye, "To"), "tag=other") {
		t.Errorf("got %s and %s", ack, bye)
	}
}

// byeOf is the BYE of a device in the dialog of an INVITE of ours.
func (p *phone) byeOf(invite string) string {
	return p.text(message{
		method: "BYE", user: "x", callID: header(invite, "Call-ID"), to: header(invite, "From"),
		from: header(invite, "To") + ";tag=dev", cseq: 1,
	})
}

// An agent answers and hangs up in the same instant: his 200 and his BYE are
// served by different goroutines, and UDP may turn them round or lose the 200.
func TestByeThatOvertakesIts200EndsTheCall(t *testing.T) {
	tests := map[string]struct {
		end    bool // we cancelled before
		answer bool // the 200 comes
		wants  []callflow.LegEventKind
	}{
		"the 200 comes after it":              {answer: true, wants: []callflow.LegEventKind{callflow.LegAnswered, callflow.LegHungUp, callflow.LegFinal}},
		"the 200 comes after it, and CANCEL":  {end: true, answer: true, wants: []callflow.LegEventKind{callflow.LegAnswered, callflow.LegHungUp, callflow.LegFinal}},
		"the 200 is lost":                     {wants: []callflow.LegEventKind{callflow.LegFailed, callflow.LegFinal}},
		"the 200 is lost, and we have CANCEL": {end: true, wants: []callflow.LegEventKind{callflow.LegFinal}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := startEdge(t, nil)
			p := e.phone()
			l, ch := e.ring(p)
			invite := p.request("INVITE")
			p.reply(invite, 180, "")
			expect(t, ch, callflow.LegRinging, patience)
			cancel := ""
			if test.end {
				l.End(call.Cause{Text: "caller left"})
				cancel = p.request("CANCEL")
			}
			p.send(p.byeOf(invite))
			if m := p.response(); status(m) != 200 {
				t.Fatalf("BYE: %s", m)
			}
			if test.answer {
				p.reply(invite, 200, offer)
				p.request("ACK")
			} else {
				if cancel == "" {
					cancel = p.request("CANCEL")
				}
				p.reply(cancel, 481, "")
			}
			for _, kind := range test.wants {
				expect(t, ch, kind, patience)
			}
			until(t, "the dialog is forgotten", func() bool { return e.Metrics().Dialogs == 0 })
		})
	}
}

func TestDeviceThatSaysNothingIsUnreachable(t *testing.T) {
	e := startEdge(t, nil)
	p := e.phone()
	_, ch := e.ring(p)
	<-e.h.presence
	invite := p.request("INVITE")
	if ev := expect(t, ch, callflow.LegFailed, patience); ev.Status != 408 {
		t.Errorf("got %+v", ev)
	}
	if n := <-e.h.presence; n != 0 {
		t.Errorf("presence %d after a failed call", n)
	}
	p.reply(invite, 200, offer) // too late
	p.request("ACK")
	bye := p.request("BYE")
	p.reply(bye, 200, "")
	expect(t, ch, callflow.LegFinal, patience)
}

func TestInviteWithoutOfferIsOfferedIn200(t *testing.T) {
	e := startEdge(t, nil)
	p := e.phone()
	p.send(p.text(message{method: "INVITE", callID: "late-offer"}))
	in := e.inbound()
	ch := events(in.Leg)
	in.Leg.Answer()
	ok := p.response()
	if !strings.Contains(ok, "m=audio") {
		t.Fatalf("got %s", ok)
	}
	p.send(p.text(message{method: "ACK", callID: "late-offer", to: header(ok, "To"), body: offer}))
	expect(t, ch, callflow.LegAnswered, patience)
	p.send(p.text(message{method: "INVITE", callID: "late-offer", to: header(ok, "To"), cseq: 2}))
	again := p.response()
	if status(again) != 200 || !strings.Contains(again, "m=audio") {
		t.Fatalf("re-INVITE: %s", again)
	}
	p.send(p.text(message{method: "INVITE", callID: "late-offer", to: header(ok, "To"), cseq: 3, body: offer}))
	for m := p.response(); status(m) != 491; m = p.response() {
		if !strings.Contains(header(m, "CSeq"), "2 INVITE") {
			t.Fatalf("got %s, want 491", m)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	tests := map[string]struct {
		m    message
		want int
		has  string
	}{
		"unknown queue":              {message{method: "INVITE", user: "nobody", body: offer}, 404, ""},
		"agent by number":            {message{method: "INVITE", user: "1001", body: offer}, 404, ""},
		"feature code without proof": {message{method: "INVITE", user: "*45", body: offer}, 401, "WWW-Authenticate: Digest realm=\"pickup\""},
		"unknown feature code":       {message{method: "INVITE", user: "*99", body: offer}, 401, ""},
		"no common codec":            {message{method: "INVITE", body: strings.Replace(offer, "8 0 101", "18", 1)}, 488, "Warning: 305 pickup \"Incompatible media format\""},
		"not SDP":                    {message{method: "INVITE", body: "hello"}, 488, "Warning: 399 pickup \"Session description not usable\""},
		"required extension":         {message{method: "INVITE", extra: []string{"Require: precondition"}}, 420, "Unsupported: precondition"},
		"unknown dialog":             {message{method: "BYE", to: "<sip:x@y>;tag=nope"}, 481, ""},
		"BYE without tag":            {message{method: "BYE"}, 481, ""},
		"MESSAGE":                    {message{method: "MESSAGE"}, 405, "Allow: INVITE"},
		"REFER":                      {message{method: "REFER"}, 403, ""},
		"SUBSCRIBE":                  {message{method: "SUBSCRIBE", extra: []string{"Event: presence"}}, 489, ""},
		"body of another type":       {message{method: "INVITE", extra: []string{"Content-Type: text/plain"}, body: "x"}, 415, "Accept: application/sdp"},
		"compressed body":            {message{method: "INVITE", extra: []string{"Content-Encoding: gzip"}, body: offer}, 415, "Accept-Encoding: identity"},
		"Accept without SDP":         {message{method: "INVITE", extra: []string{"Accept: text/plain"}, body: offer}, 406, ""},
		"session of one second":      {message{method: "INVITE", extra: []string{"Session-Expires: 1"}, body: offer}, 422, "Min-SE: 90"},
		"two From":                   {message{method: "OPTIONS", extra: []string{"From: <sip:b@c>;tag=2"}}, 400, ""},
		"two Contacts in INVITE":     {message{method: "INVITE", extra: []string{"Contact: <sip:b@c>"}}, 400, ""},
		"CANCEL of nothing":          {message{method: "CANCEL"}, 481, ""},
		"unknown method":             {message{method: "DANCE"}, 405, "Allow: INVITE"},
		"REGISTER without proof":     {message{method: "REGISTER", user: "1001"}, 401, ""},
		"REGISTER of a user we lack": {message{method: "REGISTER", user: "4444"}, 401, ""},
	}
	e := startEdge(t, nil)
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			p := e.phone()
			p.t = t
			p.send(p.text(c.m))
			m := p.response()
			if status(m) != c.want || !strings.Contains(m, c.has) {
				t.Errorf("got %s, want %d with %q", m, c.want, c.has)
			}
		})
	}
}

func TestMergedRequestIsALoop(t *testing.T) {
	e := startEdge(t, nil)
	p := e.phone()
	p.send(p.text(message{method: "INVITE", callID: "merged", branch: "z9hG4bKm1", body: offer}))
	in := e.inbound()
	p.send(p.text(message{method: "INVITE", callID: "merged", branch: "z9hG4bKm2", body: offer}))
	if m := p.response(); status(m) != 482 {
		t.Errorf("got %s", m)
	}
	in.Leg.End(call.Cause{Status: 486})
	if m := p.response(); status(m) != 486 {
		t.Errorf("got %s", m)
	}
}

func TestHandlerThatPanicsGets500(t *testing.T) {
	e := startEdge(t, nil)
	e.h.panics.Store(true)
	p := e.phone()
	p.send(p.text(message{method: "INVITE", body: offer}))
	if m := p.response(); status(m) != 500 {
		t.Errorf("got %s", m)
	}
	until(t, "one panic, no dialog", func() bool { return e.Metrics().Panics == 1 && e.Metrics().Dialogs == 0 })
}

func TestRefusalCarriesRetryAfter(t *testing.T) {
	e := startEdge(t, nil)
	e.h.refusal.Store(&callflow.Refusal{Status: 503, RetryAfter: 7 * time.Second})
	p := e.phone()
	p.send(p.text(message{method: "INVITE", body: offer}))
	if m := p.response(); status(m) != 503 || header(m, "Retry-After") != "7" {
		t.Errorf("got %s", m)
	}
	e.Drain(t.Context())
	p.await("OPTIONS", 503)
}

func TestFloodIsRefused(t *testing.T) {
	e := startEdge(t, func(c *sip.Config) { c.GuardTrusted = nil; c.GuardRate = 1; c.GuardBurst = 5 })
	p := e.phone()
	refused := 0
	for range 10 {
		p.send(p.text(message{method: "OPTIONS"}))
		if m := p.response(); status(m) == 503 && header(m, "Retry-After") != "" {
			refused++
		}
	}
	if refused < 4 || int(e.Metrics().GuardRefused) != refused {
		t.Errorf("refused %d, counted %d", refused, e.Metrics().GuardRefused)
	}
}

func TestUnparsableAndGarbage(t *testing.T) {
	e := startEdge(t, nil)
	p := e.phone()
	p.send("hello\r\n\r\n")
	p.send("\r\n\r\n")
	p.send(strings.Replace(p.text(message{method: "OPTIONS"}), "Content-Length: 0", "Content-Length: many", 1))
	if m := p.response(); status(m) != 400 || !strings.Contains(m, ";rport=") {
		t.Errorf("got %s", m)
	}
	p.send("\x00\x01\x00\x00\x21\x12\xa4\x42123456789012")
	if m := p.read(patience); len(m) != 32 || m[0] != 1 {
		t.Errorf("STUN: got %q", m)
	}
	if got := e.Metrics(); got.Dropped != 1 || got.BadRequest != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestRegistrar(t *testing.T) {
	e := startEdge(t, nil)
	p := e.phone()
	if m := p.register("1001", "wrong"); status(m) != 401 {
		t.Errorf("wrong password: %s", m)
	}
	if m := p.register("9999", "wrong"); status(m) != 401 {
		t.Errorf("unknown user: %s", m)
	}
	if m := p.register("1001", "demo-1001", "Expires: 10"); status(m) != 423 || header(m, "Min-Expires") != "60" {
		t.Errorf("short: %s", m)
	}
	if m := p.register("1001", "demo-1001", "Expires: 90000"); status(m) != 200 || !strings.Contains(header(m, "Contact"), ";expires=3600") {
		t.Errorf("long: %s", m)
	}
	if n := <-e.h.presence; n != 1 || e.store.stored() != 1 {
		t.Errorf("presence %d, stored %d", n, e.store.stored())
	}
	if m := p.register("1001", "demo-1001", "Expires: 0"); status(m) != 200 || header(m, "Contact") != "" {
		t.Errorf("unregister: %s", m)
	}
	if n := <-e.h.presence; n != 0 || e.store.stored() != 0 {
		t.Errorf("presence %d, stored %d", n, e.store.stored())
	}
}

func TestGuessingIsBlockedAfterTenTries(t *testing.T) {
	e := startEdge(t, nil)
	p := e.phone()
	for range 10 {
		if m := p.register("1001", "guess"); status(m) != 401 {
			t.Fatalf("got %s", m)
		}
	}
	if m := p.register("1001", "demo-1001"); status(m) != 403 {
		t.Errorf("got %s", m)
	}
}

func TestRequestsOfOneCallKeepTheirOrder(t *testing.T) {
	e := startEdge(t, nil)
	p := e.phone()
	for i := range 50 {
		id := "order-" + string(rune('a'+i%26)) + string(rune('a'+i/26))
		p.send(p.text(message{method: "INVITE", callID: id, body: offer}))
		in := e.inbound()
		ch := events(in.Leg)
		in.Leg.Answer()
		to := header(p.responseTo(id, "INVITE"), "To")
		p.send(p.text(message{method: "ACK", callID: id, to: to}))
		p.send(p.text(message{method: "BYE", callID: id, to: to, cseq: 2}))
		if m := p.responseTo(id, "BYE"); status(m) != 200 {
			t.Fatalf("got %s", m)
		}
		expect(t, ch, callflow.LegAnswered, patience)
		expect(t, ch, callflow.LegHungUp, patience)
		expect(t, ch, callflow.LegFinal, patience)
	}
}

func TestWebSocket(t *testing.T) {
	e := startEdge(t, nil)
	web := httptest.NewServer(http.HandlerFunc(e.ServeWS))
	t.Cleanup(web.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	url := "ws" + strings.TrimPrefix(web.URL, "http")
	foreign := &websocket.DialOptions{Subprotocols: []string{"sip"}, HTTPHeader: http.Header{"Origin": {"https://evil.example"}}}
	if _, res, err := websocket.Dial(ctx, url, foreign); err == nil || res.StatusCode != http.StatusForbidden {
		t.Fatalf("foreign origin: %v", err)
	}
	c, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{"sip"}, HTTPHeader: http.Header{"Origin": {web.URL}}})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(text string) string {
		if err := c.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
		for {
			_, m, err := c.Read(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(string(m), "SIP/2.0 ") && status(string(m)) >= 200 {
				return string(m)
			}
		}
	}
	register := func(extra, cseq string) string {
		return "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/WS abc.invalid;branch=z9hG4bKws" + cseq + "\r\nMax-Forwards: 69\r\n" +
			"To: <sip:1001@127.0.0.1>\r\nFrom: <sip:1001@127.0.0.1>;tag=w\r\nCall-ID: ws1\r\nCSeq: " + cseq + " REGISTER\r\n" +
			"Contact: <sip:x@abc.invalid;transport=ws>;reg-id=1;+sip.instance=\"<urn:uuid:11111111-2222-3333-4444-555555555555>\";expires=600\r\n" +
			"Supported: path, gruu, outbound\r\n" + extra + "Content-Length: 0\r\n\r\n"
	}
	first := ask(register("", "1"))
	if status(first) != 401 {
		t.Fatalf("got %s", first)
	}
	m := ask(register(credentials(header(first, "WWW-Authenticate"), "1001", "demo-1001", "REGISTER", "sip:127.0.0.1", 1)+"\r\n", "2"))
	if status(m) != 200 {
		t.Fatalf("got %s", m)
	}
	if n := <-e.h.presence; n != 1 {
		t.Fatalf("presence %d", n)
	}
	if d := e.Devices("u1001"); len(d) != 1 || d[0].Key != "<urn:uuid:11111111-2222-3333-4444-555555555555>;1" {
		t.Errorf("got %+v", d)
	}
	_ = c.CloseNow()
	if n := <-e.h.presence; n != 0 {
		t.Errorf("presence %d after the browser left", n)
	}
}
