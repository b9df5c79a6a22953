package web_test

import (
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"pickup/web"
)

func TestAnUnbuiltConsoleSaysHowToBuildIt(t *testing.T) {
	s := open(t)
	r := s.nobody().do("GET", "/", nil)
	if r.status != 200 || !strings.Contains(string(r.body), "make build") {
		t.Fatalf("got %d %s", r.status, r.body)
	}
}

func TestTheConsoleIsServedWithItsHeaders(t *testing.T) {
	files := fstest.MapFS{
		"index.html":            {Data: []byte("console")},
		"call.html":             {Data: []byte("page of the player")},
		"assets/app-1a2b.js":    {Data: []byte("plain")},
		"assets/app-1a2b.js.br": {Data: []byte("brotli")},
		"assets/app-1a2b.js.gz": {Data: []byte("gzip")},
	}
	s := open(t, withUI(files))
	h := s.server.Handler()
	const immutable = "public, max-age=31536000, immutable"
	for name, c := range map[string]struct {
		path, accept     string
		status           int
		body, cache, enc string
	}{
		"the console":             {"/", "", 200, "console", "no-cache", ""},
		"a page of its router":    {"/queues/support", "", 200, "console", "no-cache", ""},
		"the player's page":       {"/call", "", 200, "page of the player", "no-cache", ""},
		"an asset":                {"/assets/app-1a2b.js", "", 200, "plain", immutable, ""},
		"an asset, brotli":        {"/assets/app-1a2b.js", "gzip, br", 200, "brotli", immutable, "br"},
		"an asset, gzip":          {"/assets/app-1a2b.js", "gzip;q=0.5, br;q=0", 200, "gzip", immutable, "gzip"},
		"an asset that is gone":   {"/assets/app-old.js", "", 404, "", "no-store", ""},
		"a file that is none":     {"/robots.txt", "", 404, "", "no-store", ""},
		"an address of the API":   {"/w/none", "", 404, "", "no-store", ""},
		"a way out of the folder": {"/../../etc/passwd", "", 200, "console", "no-cache", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := get(h, c.path, "Accept-Encoding", c.accept)
			if w.Code == http.StatusMovedPermanently || w.Code == http.StatusTemporaryRedirect { // the mux cleans the path first
				w = get(h, w.Header().Get("Location"))
				if strings.Contains(w.Body.String(), "root:") {
					t.Fatal("left the folder")
				}
				return
			}
			if w.Code != c.status || c.body != "" && w.Body.String() != c.body || w.Header().Get("Cache-Control") != c.cache ||
				w.Header().Get("Content-Encoding") != c.enc {
				t.Fatalf("got %d %q %v", w.Code, w.Body, w.Header())
			}
			csp := w.Header().Get("Content-Security-Policy")
			if !strings.Contains(csp, "default-src 'self'") || strings.Contains(csp, "unsafe-eval") || w.Header().Get("X-Content-Type-Options") != "nosniff" ||
				w.Header().Get("Server") != "Pickup" {
				t.Errorf("headers: %v", w.Header())
			}
		})
	}
	first := get(h, "/")
	if again := get(h, "/", "If-None-Match", first.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("unchanged page: got %d", again.Code)
	}
}

func TestReadinessHealthAndMetrics(t *testing.T) {
	s := open(t)
	c := s.nobody()
	if r := c.do("GET", "/healthz", nil); r.status != 200 {
		t.Fatalf("got %d", r.status)
	}
	if r := c.do("GET", "/readyz", nil); r.status != 503 {
		t.Fatalf("starting: got %d", r.status)
	}
	s.server.SetReady(true)
	if r := c.do("GET", "/readyz", nil); r.status != 200 {
		t.Fatalf("got %d", r.status)
	}
	r := c.do("GET", "/metrics", nil)
	for _, want := range []string{`pickup_queue_waiting{queue="support"} 0`, `pickup_agents{state="offline"} 2`, "pickup_http_request_seconds_count"} {
		if !strings.Contains(string(r.body), want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	r = c.do("GET", "/openapi.json", nil)
	var doc struct{ OpenAPI string }
	r.json(t, &doc)
	if doc.OpenAPI != "3.1.0" {
		t.Fatalf("got %+v", doc)
	}
}

func TestSettingsThatCannotWorkAreNamed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	for key, cfg := range map[string]web.Config{
		"http.listen":          {Listen: taken.Addr().String()},
		"http.allowed_origins": {Listen: "127.0.0.1:0", AllowedOrigins: []string{"example.org"}},
	} {
		t.Run(key, func(t *testing.T) {
			_, err := web.NewServer(cfg, web.Parts{Browser: web.NewBrowserCalls(nil, nil)}, slog.New(slog.DiscardHandler))
			if err == nil || !strings.HasPrefix(err.Error(), key+": ") {
				t.Fatalf("got %v, want %s named", err, key)
			}
		})
	}
}
