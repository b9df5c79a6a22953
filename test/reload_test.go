//go:build e2e

package test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// TestAReloadKeepsThePlace: of two players in Chromium who wait, the first reloads
// his page: he is still first, in the same call, and is answered first. Then his
// microphone is unplugged and another plugged in: he and the call's story say so.
func TestAReloadKeepsThePlace(t *testing.T) {
	need(t, "node", "chromium")
	s := startServer(t)
	arg, err := json.Marshal(object{"base": s.base()})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "reload.mjs", string(arg))
	var faults lockedBuffer
	cmd.Stderr = &faults
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(90*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	var before []object
	talked := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		switch lines.Text() {
		case "READY":
			if before = s.list("/api/v1/calls?state=waiting"); len(before) != 2 {
				t.Errorf("%d calls wait, want the two of before", len(before))
			}
			startBaresip(t, softphone{account: agentAccount(s, "1001", "PCMU"), hz: 1700})
			fmt.Fprintln(stdin, "an agent is there")
		case "TALKING":
			talked = true
			said := s.timelineOf(s.list("/api/v1/calls?state=live"))
			for _, kind := range []string{"line_lost", "resumed", "microphone_lost", "microphone_back"} {
				if !slices.Contains(said, kind) {
					t.Errorf("the calls' stories lack %s: %v", kind, said)
				}
			}
			fmt.Fprintln(stdin, "enough")
		default:
			t.Log(lines.Text())
		}
	}
	if err := cmd.Wait(); err != nil || !talked {
		t.Fatalf("reload.mjs: %v\n%s", err, faults.String())
	}
}
