package web_test

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pickup/web"
)

func TestSignInGivesACookieThatSignOutTakesAway(t *testing.T) {
	s := open(t)
	c := s.nobody()
	r := c.do("POST", "/api/v1/session", map[string]string{"login": "1001", "password": "secret-1001"})
	cookie := r.header.Get("Set-Cookie")
	for _, want := range []string{"pickup_session=", "HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("cookie %q lacks %s", cookie, want)
		}
	}
	if strings.Contains(cookie, "Secure") {
		t.Error("a Secure cookie over plain HTTP would be lost")
	}
	c = c.with("Cookie", strings.Split(cookie, ";")[0])
	var me struct{ Login, Role string }
	c.do("GET", "/api/v1/me", nil).json(t, &me)
	if me.Login != "1001" || me.Role != "agent" {
		t.Fatalf("got %+v", me)
	}
	if r = c.do("DELETE", "/api/v1/session", nil); r.status != http.StatusNoContent {
		t.Fatalf("sign out: %d", r.status)
	}
	if r = c.do("GET", "/api/v1/me", nil); r.status != http.StatusUnauthorized {
		t.Fatalf("signed out, got %d", r.status)
	}
}

func TestATokenActsAsItsUserUntilItIsRevoked(t *testing.T) {
	s := open(t)
	r := s.as("2001").do("POST", "/api/v1/tokens", map[string]any{"name": "wallboard", "life_ms": 60000})
	var token struct{ ID, Token string }
	r.json(t, &token)
	if r.status != http.StatusCreated || len(token.Token) < 40 {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	program := s.nobody().with("Authorization", "Bearer "+token.Token).with("Origin", "http://elsewhere.example")
	if r = program.do("GET", "/api/v1/users", nil); r.status != http.StatusOK {
		t.Fatalf("got %d", r.status)
	}
	if r = s.as("1001").do("DELETE", "/api/v1/tokens/"+token.ID, nil); r.status != http.StatusNotFound {
		t.Fatalf("another's token: got %d", r.status)
	}
	if r = program.do("DELETE", "/api/v1/tokens/"+token.ID, nil); r.status != http.StatusNoContent {
		t.Fatalf("got %d", r.status)
	}
	if r = program.do("GET", "/api/v1/users", nil); r.status != http.StatusUnauthorized {
		t.Fatalf("revoked, got %d", r.status)
	}
}

func TestChangesAskedForByAnotherSiteAreRefused(t *testing.T) {
	s := open(t)
	c := s.as("1001")
	host := strings.TrimPrefix(s.url, "http://")
	path := "/api/v1/agents/" + string(s.users["1001"].ID) + "/state"
	body := map[string]string{"state": "offline"}
	for name, k := range map[string]struct {
		header, value string
		want          int
	}{
		"a page of ours":          {"Origin", "http://" + host, 200},
		"a script without origin": {"Accept", "*/*", 200},
		"another site":            {"Origin", "http://evil.example", 403},
		"another site, by fetch":  {"Sec-Fetch-Site", "cross-site", 403},
		"another port of ours":    {"Sec-Fetch-Site", "same-site", 403},
		"nowhere":                 {"Origin", "null", 403},
	} {
		t.Run(name, func(t *testing.T) {
			if r := c.with(k.header, k.value).do("PUT", path, body); r.status != k.want {
				t.Errorf("got %d, want %d: %s", r.status, k.want, r.body)
			}
			if r := c.with(k.header, k.value).do("GET", "/api/v1/me", nil); r.status != 200 {
				t.Errorf("reading: got %d", r.status)
			}
			login := map[string]string{"login": "1001", "password": "secret-1001"}
			if r := s.nobody().with(k.header, k.value).do("POST", "/api/v1/session", login); (r.status == 403) != (k.want == 403) {
				t.Errorf("signing in: got %d", r.status)
			}
		})
	}
}

func TestAnUnknownUserLooksLikeAWrongPassword(t *testing.T) {
	s := open(t, func(c *web.Config, _ *web.Parts) { c.Demo = true })
	try := func(login string) (time.Duration, string) {
		start := time.Now()
		r := s.nobody().do("POST", "/api/v1/session", map[string]string{"login": login, "password": "wrong"})
		if r.status != http.StatusUnauthorized {
			t.Fatalf("%s: got %d", login, r.status)
		}
		took := time.Since(start)
		r.header.Del("Date")
		return took, string(r.body) + strings.Join(headerLines(r.header), "\n")
	}
	off := s.users["1002"]
	off.Active = false
	must(t, s.store.UpsertUser(t.Context(), off))
	phoneOnly := s.users["3001"] // has no password for the console
	phoneOnly.PasswordHash = ""
	must(t, s.store.UpsertUser(t.Context(), phoneOnly))
	least, text := map[string]time.Duration{}, ""
	agree := func() bool {
		for _, d := range least {
			if diff := d - least["nobody"]; diff.Abs() > 40*time.Millisecond {
				return false
			}
		}
		return true
	}
	// The least of some: what other work delayed is left out.
	for round := 0; round < 4 || round < 40 && !agree(); round++ {
		for _, login := range []string{"nobody", "1001", "1002", "3001"} {
			d, answer := try(login)
			if text == "" {
				text = answer
			}
			if answer != text {
				t.Fatalf("%s: got %q, another %q", login, answer, text)
			}
			if before, ok := least[login]; !ok || d < before {
				least[login] = d
			}
		}
	}
	if !agree() {
		t.Errorf("refused after %v", least)
	}
}

func TestARefusalWaitsForTheSameInstantsWhateverItCost(t *testing.T) {
	for after, want := range map[time.Duration]time.Duration{
		0: 250 * time.Millisecond, time.Millisecond: 249 * time.Millisecond, 249 * time.Millisecond: time.Millisecond,
		251 * time.Millisecond: 249 * time.Millisecond, 900 * time.Millisecond: 100 * time.Millisecond,
	} {
		if got := web.UntilRefusal(after); got != want {
			t.Errorf("known after %v: got %v, want %v", after, got, want)
		}
	}
}

func headerLines(h http.Header) []string {
	var lines []string
	for name, values := range h {
		lines = append(lines, name+": "+strings.Join(values, ","))
	}
	slices.Sort(lines)
	return lines
}

func TestGuessingIsSlowedDownForTheSourceAlone(t *testing.T) {
	s := open(t, func(c *web.Config, _ *web.Parts) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	guesser, agent := s.nobody().with("X-Forwarded-For", "198.51.100.9"), s.nobody().with("X-Forwarded-For", "203.0.113.4")
	statuses := []int{}
	var last reply
	for range 6 {
		last = guesser.do("POST", "/api/v1/session", map[string]string{"login": "1001", "password": "wrong"})
		statuses = append(statuses, last.status)
	}
	if !slices.Equal(statuses, []int{401, 401, 401, 401, 401, 429}) || last.header.Get("Retry-After") == "" {
		t.Fatalf("got %v, Retry-After %q", statuses, last.header.Get("Retry-After"))
	}
	right := map[string]string{"login": "1001", "password": "secret-1001"}
	if r := guesser.do("POST", "/api/v1/session", right); r.status != 429 {
		t.Fatalf("the guesser's right guess: got %d", r.status)
	}
	if r := agent.do("POST", "/api/v1/session", right); r.status != 204 {
		t.Fatalf("the agent elsewhere: got %d", r.status)
	}
}

func TestForwardedAddressesAreBelievedOfProxiesOnly(t *testing.T) {
	proxy := func(c *web.Config, _ *web.Parts) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8")}
	}
	for name, c := range map[string]struct {
		options   []option
		forwarded string
		want      string
		secure    bool
	}{
		"no proxy is trusted":           {nil, "198.51.100.9", "127.0.0.1", false},
		"one proxy":                     {[]option{proxy}, "198.51.100.9", "198.51.100.9", true},
		"what the client wrote himself": {[]option{proxy}, "1.2.3.4, 198.51.100.9", "198.51.100.9", true},
		"two proxies":                   {[]option{proxy}, "198.51.100.9, 10.1.1.1", "198.51.100.9", true},
		"rubbish":                       {[]option{proxy}, "rubbish", "127.0.0.1", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, c.options...)
			client := s.nobody().with("X-Forwarded-For", c.forwarded).with("X-Forwarded-Proto", "https")
			r := client.do("POST", "/api/v1/session", map[string]string{"login": "admin", "password": "secret-admin"})
			if r.status != 204 || strings.Contains(r.header.Get("Set-Cookie"), "Secure") != c.secure {
				t.Fatalf("got %d %v", r.status, r.header)
			}
			if (r.header.Get("Strict-Transport-Security") != "") != c.secure {
				t.Error("Strict-Transport-Security")
			}
			client = client.with("Cookie", strings.Split(r.header.Get("Set-Cookie"), ";")[0])
			client.do("PUT", "/api/v1/queues/x", map[string]any{"name": "x"})
			audits, err := s.store.Audits(t.Context(), "")
			must(t, err)
			if len(audits) != 1 || audits[0].IP != c.want {
				t.Fatalf("got %+v, want %s", audits, c.want)
			}
		})
	}
}
