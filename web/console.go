package web

import (
	"bytes"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// policy is the Content-Security-Policy of our pages. Chromium does not count
// ws: as 'self' on every version, so both schemes are named.
const policy = "default-src 'self'; connect-src 'self' ws: wss:; media-src 'self' blob:; worker-src 'self'; " +
	"style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"

// mailPolicy is that of the empty frame in which the console shows a mail whose
// pictures the reader asked for: pictures from anywhere, and nothing else.
const mailPolicy = "default-src 'none'; img-src 'self' data: https: http:; style-src 'unsafe-inline'; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'self'"

const unbuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Pickup</title>
<h1>The console is not built</h1>
<p>This binary was built without the console. Run <code>make build</code> and start it again.
The API, the phones and <a href="/openapi.json">/openapi.json</a> work as they are.</p></html>
`

// withSafety sets the headers that every answer has.
func withSafety(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Server", "Pickup")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Frame-Options", "SAMEORIGIN")
		h.Set("Content-Security-Policy", policy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "microphone=(self), camera=(), geolocation=()")
		if secure(r.Context()) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// console serves the files of the built console. A path that names no file is
// a page of the console's own router.
func (s *Server) console(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeProblem(w, problem(http.StatusMethodNotAllowed, "", "Pages are only read.", ""))
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	for _, reserved := range []string{"api/", "w/", "sip/"} {
		if strings.HasPrefix(name+"/", reserved) {
			writeProblem(w, problem(http.StatusNotFound, "", "There is no such address.", ""))
			return
		}
	}
	if s.parts.UI == nil {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write([]byte(unbuilt)) // the client is gone: nothing to be done
		return
	}
	switch {
	case name == "":
		name = "index.html"
	case strings.HasPrefix(name, "assets/"):
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	case !isFile(s.parts.UI, name) && isFile(s.parts.UI, name+".html"):
		name += ".html"
	case !isFile(s.parts.UI, name) && path.Ext(name) == "":
		name = "index.html"
	}
	if name == "widget.js" {
		w.Header().Set("Cache-Control", "public, max-age=300")
		w.Header().Set("Access-Control-Allow-Origin", "*")
	}
	if name == "mail.html" {
		w.Header().Set("Content-Security-Policy", mailPolicy)
		w.Header().Set("Referrer-Policy", "no-referrer")
	}
	if w.Header().Get("Cache-Control") == "" {
		w.Header().Set("Cache-Control", "no-cache")
	}
	s.serveFile(w, r, name)
}

// serveFile sends a file, in a compressed form that the build left beside it
// when the client takes that.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request, name string) {
	content, encoding := []byte(nil), ""
	for _, form := range []struct{ ending, encoding string }{{".br", "br"}, {".gz", "gzip"}} {
		if takes(r, form.encoding) {
			if data, err := fs.ReadFile(s.parts.UI, name+form.ending); err == nil {
				content, encoding = data, form.encoding
				break
			}
		}
	}
	if content == nil {
		data, err := fs.ReadFile(s.parts.UI, name)
		if err != nil {
			w.Header().Set("Cache-Control", "no-cache")
			writeProblem(w, problem(http.StatusNotFound, "", "There is no such page.", ""))
			return
		}
		content = data
	}
	kind := mime.TypeByExtension(path.Ext(name))
	if kind == "" {
		kind = "application/octet-stream"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Add("Vary", "Accept-Encoding")
	if encoding != "" {
		w.Header().Set("Content-Encoding", encoding)
	}
	w.Header().Set("ETag", `"`+hashToken(string(content))[:32]+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// takes reports whether the client accepts a content coding (RFC 9110 12.5.3);
// a weight of zero is the only one looked at.
func takes(r *http.Request, encoding string) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(part, ";")
		if strings.TrimSpace(name) == encoding {
			w := strings.ReplaceAll(weight, " ", "")
			return w != "q=0" && w != "q=0.0" && w != "q=0.00" && w != "q=0.000"
		}
	}
	return false
}

func isFile(files fs.FS, name string) bool {
	info, err := fs.Stat(files, name)
	return err == nil && !info.IsDir()
}
