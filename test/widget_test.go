//go:build e2e

package test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTwoBrowsersChatOverCutsKillsAndReloads: the widget in one Chromium and the
// console in another, 20 messages a side, while the line is cut, the server is
// killed, the visitor's page is reloaded and opened a second time. Every page and
// the API show the same messages in the same order, each once.
func TestTwoBrowsersChatOverCutsKillsAndReloads(t *testing.T) {
	need(t, "node", "chromium")
	s := startServer(t)
	pictures := os.Getenv("PICKUP_TEST_PICTURES")
	cmd := exec.Command("node", "widget.mjs", s.http, strconv.Itoa(int(chatCut.Seconds())), pictures)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var faults lockedBuffer
	cmd.Stderr = &faults
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(chatCut+4*time.Minute, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	var saw map[string][]string
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		switch line := lines.Text(); {
		case line == "KILL":
			s.stop(syscall.SIGKILL)
			s.start()
			fmt.Fprintln(stdin, s.http)
		case strings.HasPrefix(line, "{"):
			if err := json.Unmarshal([]byte(line), &saw); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
		}
	}
	if err := cmd.Wait(); err != nil || saw == nil {
		t.Fatalf("widget.mjs: %v\n%s", err, faults.String())
	}
	if len(saw["problems"]) > 0 {
		t.Errorf("errors on the pages: %v", saw["problems"])
	}
	want := saw["api"]
	for _, who := range []string{"visitor", "second", "agent"} {
		if !slices.Equal(saw[who], want) {
			t.Errorf("%s sees %d messages %v,\nthe API has %d %v", who, len(saw[who]), saw[who], len(want), want)
		}
	}
	// Each side's own messages are in the order in which it wrote them, each once.
	for _, side := range []string{"v", "a"} {
		var own []string
		for _, m := range want {
			if strings.HasPrefix(m, side) {
				own = append(own, m)
			}
		}
		for i := range 20 {
			if m := side + strconv.Itoa(i+1); i >= len(own) || own[i] != m {
				t.Fatalf("messages of %s: %v", side, own)
			}
		}
		if len(own) != 20 {
			t.Errorf("%d messages of %s", len(own), side)
		}
	}
}
