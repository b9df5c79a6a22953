//go:build e2e

package test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// scan runs a tool of sipvicious for at most limit and returns what it printed.
func scan(t *testing.T, limit time.Duration, tool string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir()) // where it keeps its sessions
	cmd.Dir, cmd.WaitDelay = t.TempDir(), time.Second
	out, err := cmd.CombinedOutput()
	if err != nil && ctx.Err() == nil {
		t.Errorf("%s: %v\n%s", tool, err, out)
	}
	return string(out)
}

// dictionary writes passwords to a file.
func dictionary(t *testing.T, words ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "words")
	if err := os.WriteFile(path, []byte(strings.Join(append(words, ""), "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// wrongWords are n passwords that are nobody's.
func wrongWords(n int) (words []string) {
	for i := range n {
		words = append(words, fmt.Sprintf("guess%d", i))
	}
	return words
}

// TestScannersFindNothing: the tools that scan the internet for SIP servers, all
// at once against a server with a call up. They find no password beyond the free
// tries and tell no user from a name that nobody has; the call goes on, and the
// agent registers as before.
func TestScannersFindNothing(t *testing.T) {
	need(t, "svmap", "svwar", "svcrack")
	s := startServer(t, "PICKUP_RECORDING_NOTICE=false")
	_, at, _ := net.SplitHostPort(s.sip)
	agent := newPhoneAt(t, "1001", s.sip, "127.0.0.2")
	agent.register("demo-1001")
	s.agents(1, "ready")
	player := newPhone(t, "player", s.sip)
	call, err := player.dial("support")
	if err != nil {
		t.Fatal(err)
	}
	s.inState(1, "talking")
	from, began := agent.heardBytes(), time.Now()

	// That it can find one: the second word is right.
	if out := scan(t, 20*time.Second, "svcrack", "-p", at, "-u", "1009", "-d", dictionary(t, "guess", "demo-1009"), "127.0.0.1"); !strings.Contains(out, "demo-1009") {
		t.Fatalf("svcrack does not work: %s", out)
	}
	words := dictionary(t, append(append(wrongWords(10), "demo-1001"), wrongWords(20)...)...)
	rows := map[string]string{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	run := func(name, tool string, args ...string) {
		wg.Go(func() {
			out := scan(t, 10*time.Second, tool, append(append([]string{"-p", at}, args...), "127.0.0.1")...)
			mu.Lock()
			defer mu.Unlock()
			rows[name] = out
		})
	}
	run("map", "svmap", "-P", "15460")
	run("crack", "svcrack", "-P", "15560", "-u", "1001", "-d", words, "--maximumtime=5")
	for i, method := range []string{"REGISTER", "INVITE", "OPTIONS"} {
		run(method, "svwar", "-P", fmt.Sprint(15660+100*i), "-m", method, "-e", "1001-1004,4401-4404", "--force", "--maximumtime=5")
	}
	wg.Wait()

	if out := rows["map"]; !regexp.MustCompile(`\| Pickup +\|`).MatchString(out) {
		t.Errorf("svmap finds another name than Pickup: %s", out)
	}
	if out := rows["crack"]; strings.Contains(out, "demo-1001") {
		t.Errorf("svcrack found the password: %s", out)
	}
	for _, method := range []string{"REGISTER", "INVITE", "OPTIONS"} {
		if users, others := foundOf(rows[method], "10"), foundOf(rows[method], "44"); users != others {
			t.Errorf("svwar by %s tells users from others:\n%s", method, rows[method])
		}
	}
	select {
	case <-call.hungUp:
		t.Error("the call was ended")
	default:
	}
	took := time.Since(began)
	if got := agent.heardBytes() - from; float64(got) < 0.95*8000*took.Seconds() {
		t.Errorf("the agent heard %d bytes in %v", got, took)
	}
	agent.register("demo-1001")
	player.bye(call)
	for _, name := range []string{"pickup_sip_panics_total", "pickup_call_panics_total"} {
		if n := s.metric(name); n != 0 {
			t.Errorf("%s is %v", name, n)
		}
	}
}

// foundOf lists what svwar says of the four names with a prefix, without the
// names.
func foundOf(out, prefix string) string {
	var found []string
	for _, m := range regexp.MustCompile(`(?m)^\| `+prefix+`0\d +\|(.*)\|$`).FindAllStringSubmatch(out, -1) {
		found = append(found, strings.TrimSpace(m[1]))
	}
	return strings.Join(found, ",")
}
