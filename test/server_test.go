//go:build e2e

package test

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// need stops the test when a program of a Debian package is missing.
func need(t testing.TB, programs ...string) {
	t.Helper()
	var missing []string
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing = append(missing, p)
		}
	}
	if len(missing) > 0 {
		t.Fatalf("missing programs: %s (make deps installs them)", strings.Join(missing, ", "))
	}
}

// server is a running ./bin/pickup.
type server struct {
	t        testing.TB
	dir      string // data directory, kept over restarts
	cmd      *exec.Cmd
	sip      string // host:port
	http     string
	client   *http.Client
	log      *lockedBuffer
	exited   chan error
	readyIn  time.Duration
	extraEnv []string
}

// lockedBuffer is a log that is written and read at once.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// program is the binary under test: ./bin/pickup, or what PICKUP_TEST_BINARY names.
func program(t testing.TB) string {
	t.Helper()
	p, err := filepath.Abs(cmp.Or(os.Getenv("PICKUP_TEST_BINARY"), "../bin/pickup"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p); err != nil {
		t.Fatalf("%s is missing: run make build", p)
	}
	return p
}

var readyLine = regexp.MustCompile(`^ready sip=(\S+) http=(\S+)$`)

// startServer runs the demonstration in a directory of its own, on free ports.
// env are further settings, as PICKUP_A_B=c.
func startServer(t testing.TB, env ...string) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), extraEnv: env}
	s.start()
	t.Cleanup(func() {
		s.stop(syscall.SIGKILL)
		if t.Failed() {
			text := s.log.String()
			if len(text) > 12_000 {
				text = text[len(text)-12_000:]
			}
			t.Logf("log of the server:\n%s", text)
		}
	})
	return s
}

// start runs the binary and waits for its ready line.
func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command(program(s.t), "serve", "--demo")
	s.cmd.Env = append(os.Environ(),
		"PICKUP_DATA_DIR="+s.dir, "PICKUP_SIP_LISTEN=127.0.0.1:"+port(s.sip), "PICKUP_HTTP_LISTEN=127.0.0.1:"+port(s.http),
		"PICKUP_MEDIA_WEBRTC_PORT=0", "PICKUP_DEMO_WRAP_UP=0s", "PICKUP_CALLBACK_HOURS=00:00-24:00")
	s.cmd.Env = append(s.cmd.Env, s.extraEnv...)
	if s.log == nil {
		s.log = &lockedBuffer{}
	}
	s.cmd.Stderr = s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	exited := make(chan error, 1)
	s.exited = exited
	ready := make(chan []string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if m := readyLine.FindStringSubmatch(lines.Text()); m != nil {
				ready <- m
			}
		}
		exited <- s.cmd.Wait()
	}()
	select {
	case m := <-ready:
		s.sip, s.http, s.readyIn = m[1], m[2], time.Since(began)
	case err := <-exited:
		s.t.Fatalf("server ended before it was ready: %v\n%s", err, s.log.String())
	case <-time.After(20 * time.Second):
		s.t.Fatalf("server not ready in 20 s\n%s", s.log.String())
	}
	s.signIn("admin", "demo-admin")
}

// port is the port of an address that was in use before, or 0.
func port(addr string) string {
	if _, p, err := net.SplitHostPort(addr); err == nil {
		return p
	}
	return "0"
}

// stop ends the server and waits until it is gone.
func (s *server) stop(sig syscall.Signal) {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Signal(sig)
	select {
	case <-s.exited:
	case <-time.After(60 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
	s.cmd = nil
}

// base is the address of its HTTP port.
func (s *server) base() string {
	for _, e := range s.extraEnv {
		if strings.HasPrefix(e, "PICKUP_HTTP_TLS_CERT=") {
			return "https://" + s.http
		}
	}
	return "http://" + s.http
}

func (s *server) signIn(login, password string) {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	trust := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the certificate of a test
	s.client = &http.Client{Jar: jar, Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: trust}}
	s.call(http.MethodPost, "/api/v1/session", map[string]string{"login": login, "password": password}, nil, http.StatusNoContent)
}

// call makes an API request and wants a status.
func (s *server) call(method, path string, body, into any, want int) {
	s.t.Helper()
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, s.base()+path, r)
	if err != nil {
		s.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode != want {
		s.t.Fatalf("%s %s: got %d, want %d: %s", method, path, resp.StatusCode, want, text)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			s.t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
}

// object is one thing of the API.
type object map[string]any

func (o object) str(key string) string  { v, _ := o[key].(string); return v }
func (o object) num(key string) float64 { v, _ := o[key].(float64); return v }

// list reads every page of a list.
func (s *server) list(path string) []object {
	s.t.Helper()
	var all []object
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	after := ""
	for {
		var page struct {
			Items []object `json:"items"`
			Next  string   `json:"next"`
		}
		s.call(http.MethodGet, path+sep+"limit=200"+after, nil, &page, http.StatusOK)
		all = append(all, page.Items...)
		if page.Next == "" {
			return all
		}
		after = "&after=" + page.Next
	}
}

// wait polls until ok, and fails with what was last seen.
func wait(t testing.TB, limit time.Duration, what string, ok func() (bool, string)) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	last := ""
	for {
		good, seen := ok()
		if good {
			return
		}
		last = seen
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s: not in %s; last seen: %s", what, limit, last)
		}
	}
}

// agents waits until n agents are in a state.
func (s *server) agents(n int, state string) {
	s.t.Helper()
	wait(s.t, 20*time.Second, fmt.Sprintf("%d agents %s", n, state), func() (bool, string) {
		got := map[string]int{}
		for _, a := range s.list("/api/v1/agents") {
			got[a.str("state")+" "+a.str("reason")]++
			got[a.str("state")]++
		}
		return got[state] >= n, fmt.Sprint(got)
	})
}

// ended waits until n calls have ended and returns them.
func (s *server) ended(n int, limit time.Duration) []object {
	s.t.Helper()
	var calls []object
	wait(s.t, limit, fmt.Sprintf("%d calls ended", n), func() (bool, string) {
		calls = s.list("/api/v1/calls?state=ended")
		return len(calls) >= n, fmt.Sprint(len(calls))
	})
	return calls
}

// audio fetches a recording's file.
func (s *server) audio(id string) []byte {
	s.t.Helper()
	resp, err := s.client.Get(s.base() + "/api/v1/recordings/" + id + "/audio")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatalf("audio of %s: %d %v", id, resp.StatusCode, err)
	}
	return b
}

// metric reads one number of /metrics.
func (s *server) metric(name string) float64 {
	s.t.Helper()
	resp, err := s.client.Get(s.base() + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range strings.Split(string(b), "\n") {
		if v, ok := strings.CutPrefix(l, name+" "); ok {
			f, err := strconv.ParseFloat(v, 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return f
		}
	}
	s.t.Fatalf("no metric %s", name)
	return 0
}
