package web_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pickup/call"
	"pickup/callback"
	"pickup/callflow"
	"pickup/internal/id"
	"pickup/queue"
	"pickup/web"
)

// offer is what a browser sends, G.711 only. Nobody answers at its address.
const offer = "v=0\r\no=- 4611 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=msid-semantic: WMS\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 8 0 126\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:Ab1d\r\n" +
	"a=ice-pwd:0123456789abcdef01234567\r\na=ice-options:trickle\r\na=fingerprint:sha-256 " +
	"12:34:56:78:9A:BC:DE:F0:12:34:56:78:9A:BC:DE:F0:12:34:56:78:9A:BC:DE:F0:12:34:56:78:9A:BC:DE:F0\r\n" +
	"a=setup:actpass\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n" +
	"a=rtpmap:126 telephone-event/8000\r\na=fmtp:126 0-15\r\na=ssrc:1234 cname:x\r\n"

// pageOfPlayer is a page that has called.
type pageOfPlayer struct {
	*client
	place, token string
}

func (s *site) page() *client { return s.nobody().with("Content-Type", "application/sdp") }

func (c *client) call(path string) *pageOfPlayer {
	c.s.t.Helper()
	r := c.do("POST", path, offer)
	if r.status != http.StatusCreated || r.header.Get("Content-Type") != "application/sdp" || !strings.Contains(string(r.body), "a=setup:passive") {
		c.s.t.Fatalf("got %d %s", r.status, r.body)
	}
	return &pageOfPlayer{c, r.header.Get("Location"), r.header.Get("Pickup-Resume")}
}

// state reads the stream up to an event of that name and state.
func (l *listener) state(name, state string) map[string]any {
	l.t.Helper()
	for {
		e, ok := l.next()
		if !ok {
			l.t.Fatalf("the stream ended before %s %s", name, state)
		}
		data := map[string]any{}
		must(l.t, json.Unmarshal([]byte(e.data), &data))
		if e.name == name && (state == "" || data["state"] == state) {
			return data
		}
	}
}

func (s *site) onlyLive() callflow.View {
	s.t.Helper()
	all := s.calls.AllLive()
	if len(all) != 1 {
		s.t.Fatalf("got %d live calls, want 1", len(all))
	}
	return all[0]
}

func TestABrowserCallsWaitsAndHangsUp(t *testing.T) {
	s := open(t)
	p := s.page().call("/w/v1/calls?queue=Support&lang=fr")
	v := s.onlyLive()
	if v.Record.Queue != "support" || v.Record.Language != "fr" || v.Record.From.Kind != call.PartyBrowser {
		t.Fatalf("got %+v", v.Record)
	}
	events := p.listen(p.place + "/events")
	data := events.state("state", "waiting")
	if data["position"] != 1.0 || data["callback_offered"] != true || data["agents_on_duty"] != 0.0 {
		t.Fatalf("got %v", data)
	}
	rows := list[web.CallRow](s.as("admin"), "/api/v1/calls?state=live")
	if len(rows) != 1 || rows[0].ID != string(v.Record.ID) || rows[0].State != "waiting" {
		t.Fatalf("got %+v", rows)
	}
	if r := p.do("PATCH", p.place, offer); r.status != 200 || !strings.Contains(string(r.body), "m=audio") {
		t.Fatalf("new offer: %d %s", r.status, r.body)
	}
	if r := p.do("DELETE", p.place, nil); r.status != http.StatusNoContent {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	if data = events.state("ended", "ended"); data["end_reason"] != "short_abandoned" {
		t.Fatalf("got %v", data)
	}
	if _, more := events.next(); more {
		t.Fatal("the stream goes on after the end")
	}
	for _, method := range []string{"PATCH", "DELETE"} {
		if r := p.do(method, p.place, offer); r.status == 200 || r.status >= 500 {
			t.Errorf("%s after the end: %d", method, r.status)
		}
	}
}

func TestOffersThatCannotBeTakenAreRefused(t *testing.T) {
	s := open(t)
	const path = "/w/v1/calls?queue=support"
	for name, c := range map[string]struct {
		kind, path, body string
		status           int
		field            string
	}{
		"an unknown queue":    {"application/sdp", "/w/v1/calls?queue=none", offer, 404, "query.queue"},
		"no queue":            {"application/sdp", "/w/v1/calls", offer, 422, "query.queue"},
		"another type":        {"application/json", path, offer, 415, "header.Content-Type"},
		"no body":             {"application/sdp", path, "", 400, "body"},
		"too large":           {"application/sdp", path, strings.Repeat("x", 64<<10+1), 413, "body"},
		"rubbish":             {"application/sdp", path, "rubbish", 400, "body"},
		"no codec in common":  {"application/sdp", path, strings.NewReplacer("SAVPF 8 0 126", "SAVPF 111", "PCMA/8000", "X", "a=rtpmap:8 ", "a=rtpmap:111 ").Replace(offer), 422, "body"},
		"a token of nobody":   {"application/sdp", "/w/v1/calls?resume=" + id.New() + ".x", offer, 404, "query.resume"},
		"a token of no shape": {"application/sdp", "/w/v1/calls?resume=x", offer, 404, "query.resume"},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.nobody().with("Content-Type", c.kind).do("POST", c.path, c.body)
			if r.status != c.status || !strings.Contains(string(r.body), `"location":"`+c.field+`"`) {
				t.Fatalf("got %d %s", r.status, r.body)
			}
		})
	}
	if live := s.calls.AllLive(); len(live) != 0 {
		t.Fatalf("%d calls were started", len(live))
	}
}

func TestWhileDrainingNoCallIsTaken(t *testing.T) {
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.calls.Drain(ctx)
	r := s.page().do("POST", "/w/v1/calls?queue=support", offer)
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
		t.Fatalf("got %d %s", r.status, r.body)
	}
}

func TestASourceThatCallsTooOftenWaits(t *testing.T) {
	s := open(t, func(c *web.Config, _ *web.Parts) { c.CallRate, c.CallBurst = 0.001, 2 })
	var last reply
	for range 3 {
		last = s.page().do("POST", "/w/v1/calls?queue=none", offer)
	}
	if last.status != http.StatusTooManyRequests || last.header.Get("Retry-After") == "" {
		t.Fatalf("got %d", last.status)
	}
}

func TestOtherOriginsCallOnlyWhenTheyAreAllowed(t *testing.T) {
	s := open(t, func(c *web.Config, _ *web.Parts) { c.AllowedOrigins = []string{"https://game.example"} })
	for from, want := range map[string]int{
		"https://game.example": 201, "https://evil.example": 403, "null": 403, s.url: 201, "": 201,
	} {
		c := s.page()
		if from != "" {
			c = c.with("Origin", from)
		}
		r := c.do("POST", "/w/v1/calls?queue=support", offer)
		if r.status != want {
			t.Errorf("%q: got %d, want %d", from, r.status, want)
		}
		if got := r.header.Get("Access-Control-Allow-Origin"); want == 201 && got != from {
			t.Errorf("%q: allowed origin %q", from, got)
		}
	}
	pre := s.nobody().with("Origin", "https://game.example").do("OPTIONS", "/w/v1/calls", nil)
	if pre.status != 204 || !strings.Contains(pre.header.Get("Access-Control-Allow-Methods"), "PATCH") ||
		!strings.Contains(pre.header.Get("Access-Control-Expose-Headers"), "Pickup-Resume") {
		t.Fatalf("got %d %v", pre.status, pre.header)
	}
}

func TestAReloadedPageComesBackToItsPlace(t *testing.T) {
	s := open(t)
	p := s.page().call("/w/v1/calls?queue=support")
	eventually(t, "the call waits", func() bool { return s.onlyLive().Record.State == call.StateWaiting })
	before := s.onlyLive()
	if r := p.do("POST", p.place+"/away", ""); r.status != http.StatusNoContent {
		t.Fatalf("got %d", r.status)
	}
	eventually(t, "away is known", func() bool { return s.onlyLive().Away })
	again := s.page().call("/w/v1/calls?resume=" + p.token)
	if again.place != p.place || again.token != p.token {
		t.Fatal("another place or token")
	}
	eventually(t, "the call waits again", func() bool { v := s.onlyLive(); return !v.Away && v.Record.State == call.StateWaiting })
	if after := s.onlyLive(); after.Record.ID != before.Record.ID || !after.Record.EnqueuedAt.Equal(before.Record.EnqueuedAt) {
		t.Fatalf("got %+v, want the call %s", after.Record, before.Record.ID)
	}
	head, _, _ := strings.Cut(p.token, ".")
	for name, path := range map[string]string{
		"a guessed place": "/w/v1/calls/" + head + ".0123", "the token as a place": "/w/v1/calls/" + p.token, "no secret": "/w/v1/calls/" + head,
	} {
		if r := p.do("DELETE", path, nil); r.status != http.StatusNotFound {
			t.Errorf("%s: got %d", name, r.status)
		}
	}
	if r := s.page().do("POST", "/w/v1/calls?resume="+head+".guessed", offer); r.status != http.StatusNotFound {
		t.Errorf("a guessed token: got %d", r.status)
	}
}

// promised leaves a page with the promise of a callback.
func (s *site) promised() (*pageOfPlayer, *listener, callback.Callback) {
	s.t.Helper()
	p := s.page().call("/w/v1/calls?queue=support")
	events := p.listen(p.place + "/events")
	events.state("state", "waiting")
	if r := p.do("POST", p.place+"/callback", nil); r.status != http.StatusCreated {
		s.t.Fatalf("got %d %s", r.status, r.body)
	}
	if data := events.state("state", "ended"); data["end_reason"] != "callback_requested" {
		s.t.Fatalf("got %v", data)
	}
	rows := list[struct{ ID string }](s.as("admin"), "/api/v1/callbacks?state=open")
	if len(rows) != 1 {
		s.t.Fatalf("got %d callbacks", len(rows))
	}
	c, err := s.store.Callback(s.t.Context(), rows[0].ID)
	must(s.t, err)
	return p, events, c
}

// agentReady makes 1001 take what comes.
func (s *site) agentReady() {
	s.t.Helper()
	s.queue.SetReachable(s.users["1001"].ID, 1)
	must(s.t, s.queue.SetState(s.t.Context(), s.users["1001"].ID, queue.AgentReady, ""))
}

func TestACallbackRingsOnThePageAndIsTaken(t *testing.T) {
	s := open(t)
	p, events, c := s.promised()
	if c.TargetKind != callback.TargetBrowser || string(c.CallID) != c.Target {
		t.Fatalf("got %+v", c)
	}
	if r := p.do("POST", p.place+"/callback", nil); r.status != http.StatusConflict {
		t.Fatalf("asked twice: got %d %s", r.status, r.body)
	}
	s.agentReady()
	if data := events.state("callback.ringing", ""); data["timeout_ms"].(float64) <= 0 {
		t.Fatalf("got %v", data)
	}
	taken := s.page().call("/w/v1/calls?resume=" + p.token)
	if taken.place != p.place {
		t.Fatal("another place")
	}
	events.state("state", "waiting") // the click was enough; no phone of the agent rings
	if r := p.do("DELETE", p.place, nil); r.status != http.StatusNoContent {
		t.Fatalf("got %d", r.status)
	}
	eventually(t, "the call is over", func() bool { return len(s.calls.AllLive()) == 0 })
	s.settled(c)
}

// standing reads the callback, which must not be over.
func (s *site) standing(c callback.Callback) callback.Callback {
	s.t.Helper()
	got, err := s.store.Callback(context.Background(), c.ID)
	must(s.t, err)
	if !got.Open() {
		s.t.Fatalf("the promise is over: %+v", got)
	}
	return got
}

func TestHangingUpNeverCancelsAPromise(t *testing.T) {
	s := open(t)
	p, events, c := s.promised()
	for range 2 { // nothing is left to hang up
		if r := p.do("DELETE", p.place, nil); r.status != http.StatusNoContent {
			t.Fatalf("got %d", r.status)
		}
	}
	s.standing(c)
	s.agentReady()
	events.state("callback.ringing", "")
	if r := p.do("DELETE", p.place, nil); r.status != http.StatusNoContent { // not now
		t.Fatalf("got %d", r.status)
	}
	s.settled(c)
	if got := s.standing(c); got.State != callback.StateRetryWait || got.Attempts != 1 {
		t.Fatalf("got %+v", got)
	}
	if r := p.do("DELETE", p.place+"/callback", nil); r.status != http.StatusNoContent {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	if data := events.state("ended", "ended"); data["end_reason"] != "callback_cancelled" {
		t.Fatalf("got %v", data)
	}
}

func TestACallbackThatRingsIsCancelledByThePage(t *testing.T) {
	s := open(t)
	p, events, c := s.promised()
	s.agentReady()
	events.state("callback.ringing", "")
	if r := p.do("DELETE", p.place+"/callback", nil); r.status != http.StatusNoContent {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	s.settled(c)
	if data := events.state("ended", "ended"); data["end_reason"] != "callback_failed" {
		t.Fatalf("got %v", data)
	}
}

func TestWhatWasNeverPromisedIsNotCancelled(t *testing.T) {
	s := open(t)
	p := s.page().call("/w/v1/calls?queue=support")
	if r := p.do("DELETE", p.place+"/callback", nil); r.status != http.StatusNotFound {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	eventually(t, "the call waits", func() bool { return s.onlyLive().Record.State == call.StateWaiting })
	if r := p.do("DELETE", p.place+"x/callback", nil); r.status != http.StatusNotFound {
		t.Fatalf("a guessed place: got %d", r.status)
	}
}

// lingering are calls of which one that has ended is still shown as live, as it
// is for the moment in which its end is written.
type lingering struct {
	web.Calls
	on    atomic.Bool
	looks atomic.Int64
}

func (l *lingering) Live(id call.ID) (callflow.View, bool) {
	v, ok := l.Calls.Live(id)
	if !ok && l.on.Load() {
		l.looks.Add(1)
		return callflow.View{Record: call.Record{ID: id, Queue: "support", State: call.StateEnded}}, true
	}
	return v, ok
}

// A page that is told of an end without its reason would take a promised
// callback for a call that failed.
func TestAnEndIsToldWithItsReasonOrNotYet(t *testing.T) {
	var calls *lingering
	s := open(t, func(_ *web.Config, p *web.Parts) {
		calls = &lingering{Calls: p.Calls}
		p.Calls = calls
	})
	p := s.page().call("/w/v1/calls?queue=support")
	events := p.listen(p.place + "/events")
	events.state("state", "waiting")
	calls.on.Store(true)
	if r := p.do("POST", p.place+"/callback", nil); r.status != http.StatusCreated {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	eventually(t, "the stream looked twice at the end", func() bool { return calls.looks.Load() >= 2 })
	calls.on.Store(false)
	if data := events.state("state", "ended"); data["end_reason"] != "callback_requested" {
		t.Errorf("got %v", data)
	}
}

// settled waits until the attempt of a callback is over.
func (s *site) settled(c callback.Callback) {
	s.t.Helper()
	eventually(s.t, "the attempt is over", func() bool {
		got, err := s.store.Callback(context.Background(), c.ID)
		return err == nil && (got.State == callback.StateRetryWait || !got.Open())
	})
}

func TestAPromiseIsCancelledByThePage(t *testing.T) {
	s := open(t)
	p, events, c := s.promised()
	for range 2 { // once more: it is over, and that is well
		if r := p.do("DELETE", p.place+"/callback", nil); r.status != http.StatusNoContent {
			t.Fatalf("got %d %s", r.status, r.body)
		}
	}
	if data := events.state("ended", "ended"); data["end_reason"] != "callback_cancelled" {
		t.Fatalf("got %v", data)
	}
	got, err := s.store.Callback(t.Context(), c.ID)
	if err != nil || got.State != callback.StateCancelled {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestACallThatACrashCutBeginsAgainUnderItsToken(t *testing.T) {
	s := open(t)
	sum := sha256.Sum256([]byte("secret"))
	r := call.Record{
		ID: call.ID(id.New()), Direction: call.Inbound, Queue: "support", State: call.StateEnded, EndReason: call.EndFailedSystem,
		From: call.Party{Kind: call.PartyBrowser, URI: "browser:127.0.0.1"}, ResumeSHA256: hex.EncodeToString(sum[:]),
		ArrivedAt: time.Now().Add(-time.Minute), EnqueuedAt: time.Now().Add(-time.Minute), EndedAt: time.Now(),
	}
	must(t, s.store.SaveCall(t.Context(), r))
	_, err := s.store.EndCall(t.Context(), callflow.Ending{Record: r})
	must(t, err)
	p := s.page().call("/w/v1/calls?resume=" + string(r.ID) + ".secret")
	if p.token != string(r.ID)+".secret" {
		t.Fatalf("got token %q", p.token)
	}
	p.listen(p.place+"/events").state("state", "waiting")
}
