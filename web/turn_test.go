package web_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pickup/web"
)

func withTURN(t web.TURN) option {
	return func(c *web.Config, _ *web.Parts) { c.TURN = t }
}

var relays = []string{"stun:relay.example.org", "turn:relay.example.org:3478?transport=udp", "turns:relay.example.org:5349"}

var linkField = regexp.MustCompile(`^<([^>]+)>; rel="ice-server"(?:; username="([^"]*)"; credential="([^"]*)"; credential-type="password")?$`)

// relayLinks reads the Link fields of an answer.
func relayLinks(t *testing.T, h http.Header) (urls []string, username, credential string) {
	t.Helper()
	for _, field := range h.Values("Link") {
		m := linkField.FindStringSubmatch(field)
		if m == nil {
			t.Fatalf("not a Link of RFC 9725: %s", field)
		}
		urls = append(urls, m[1])
		if strings.HasPrefix(m[1], "stun:") != (m[2] == "") {
			t.Errorf("credentials of %s: %q", m[1], m[2])
		}
		if m[2] != "" {
			username, credential = m[2], m[3]
		}
	}
	return urls, username, credential
}

// checkTimed checks credentials as a relay does that shares the secret.
func checkTimed(t *testing.T, secret, username, credential string, life time.Duration) {
	t.Helper()
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(username))
	if want := base64.StdEncoding.EncodeToString(mac.Sum(nil)); credential != want {
		t.Errorf("credential of %s: got %s, want %s", username, credential, want)
	}
	expiry, _, ok := strings.Cut(username, ":")
	at, err := strconv.ParseInt(expiry, 10, 64)
	if left := time.Until(time.Unix(at, 0)); !ok || err != nil || left > life || left < life-10*time.Second {
		t.Errorf("username %s: good for %v, want %v", username, left, life)
	}
}

func TestAPageIsToldOfRelaysWithItsAnswer(t *testing.T) {
	s := open(t, withTURN(web.TURN{URLs: relays, Secret: "between us", Lifetime: time.Hour}))
	c := s.page()
	for _, path := range []string{"/w/v1/calls?queue=none", "/w/v1/calls?queue=support&resume=x.y"} {
		if r := c.do("POST", path, offer); r.status == http.StatusCreated || r.header.Get("Link") != "" {
			t.Errorf("%s: %d tells of relays: %s", path, r.status, r.header.Get("Link"))
		}
	}
	r := c.do("POST", "/w/v1/calls?queue=support", offer)
	urls, username, credential := relayLinks(t, r.header)
	if strings.Join(urls, " ") != strings.Join(relays, " ") {
		t.Errorf("got %v, want %v", urls, relays)
	}
	checkTimed(t, "between us", username, credential, time.Hour)
	// An offer that restarts ICE gets them anew: the first may have expired.
	r = c.do("PATCH", r.header.Get("Location"), offer)
	if urls, username, credential = relayLinks(t, r.header); len(urls) != len(relays) {
		t.Errorf("restart: got %v", urls)
	}
	checkTimed(t, "between us", username, credential, time.Hour)
}

func TestAPageTellsOfItsMicrophone(t *testing.T) {
	s := open(t)
	p := s.page().call("/w/v1/calls?queue=support")
	id := s.onlyLive().Record.ID
	say := s.nobody().with("Content-Type", "application/json")
	for _, c := range []struct {
		body   string
		status int
	}{
		{`{"lost":true}`, 204},
		{`{"lost":true}`, 204},
		{`{"lost":false}`, 204},
		{`{}`, 422},
		{`{"lost":1}`, 422},
		{`rubbish`, 422},
		{`{"x":"` + strings.Repeat("x", 2000) + `"}`, 413},
	} {
		if r := say.do("POST", p.place+"/microphone", c.body); r.status != c.status {
			t.Errorf("%.20s: got %d %s, want %d", c.body, r.status, r.body, c.status)
		}
	}
	if r := p.do("DELETE", p.place, nil); r.status != http.StatusNoContent {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	p.listen(p.place+"/events").state("ended", "ended")
	_, events, err := s.store.Call(t.Context(), id)
	must(t, err)
	var kinds []string
	for _, e := range events {
		if strings.HasPrefix(e.Kind, "microphone_") {
			kinds = append(kinds, e.Kind)
		}
	}
	if got := strings.Join(kinds, " "); got != "microphone_lost microphone_back" {
		t.Errorf("the timeline says %q", got)
	}
}

func TestAnAgentIsToldOfRelays(t *testing.T) {
	s := open(t, withTURN(web.TURN{URLs: relays, Secret: "between us"}))
	got := list[web.ICEServer](s.as("1001"), "/api/v1/ice-servers")
	if len(got) != 1 || len(got[0].URLs) != len(relays) {
		t.Fatalf("got %+v", got)
	}
	checkTimed(t, "between us", got[0].Username, got[0].Credential, 12*time.Hour)
	if !strings.HasSuffix(got[0].Username, ":"+string(s.users["1001"].ID)) {
		t.Errorf("the relay cannot tell whose it is: %s", got[0].Username)
	}
}

func TestFixedCredentialsAndNoRelay(t *testing.T) {
	s := open(t, withTURN(web.TURN{URLs: relays[1:2], Username: "u", Password: "p"}))
	r := s.page().do("POST", "/w/v1/calls?queue=support", offer)
	if _, username, credential := relayLinks(t, r.header); username != "u" || credential != "p" {
		t.Errorf("got %q %q", username, credential)
	}
	s = open(t)
	if r = s.page().do("POST", "/w/v1/calls?queue=support", offer); r.status != http.StatusCreated || r.header.Get("Link") != "" {
		t.Errorf("got %d %s", r.status, r.header.Get("Link"))
	}
	if got := list[web.ICEServer](s.as("admin"), "/api/v1/ice-servers"); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}
