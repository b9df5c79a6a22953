//go:build e2e

package test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestJsSIPAgentOverWSS: a phone of JsSIP in Chromium registers over wss on the
// HTTP port, is found after its page was reloaded, and takes a call of the queue:
// both hear each other and are recorded, before and after a hold; keys arrive by
// RFC 4733 and by INFO.
func TestJsSIPAgentOverWSS(t *testing.T) {
	need(t, "node", "chromium")
	const playerHz, agentHz = 1000, 1700
	cert, key := certificate(t, t.TempDir(), "127.0.0.1")
	s := startServer(t, "PICKUP_HTTP_TLS_CERT="+cert, "PICKUP_HTTP_TLS_KEY="+key)
	mic := filepath.Join(t.TempDir(), "mic.wav")
	writeWAV(t, mic, 48000, tone(agentHz, 48000, 48000*10))
	arg, err := json.Marshal(object{"base": s.base(), "login": "1001", "password": "demo-1001", "mic": mic, "hz": playerHz})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "jssip.mjs", string(arg))
	var faults lockedBuffer
	cmd.Stderr = &faults
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(90*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	var player *baresip
	for lines := bufio.NewScanner(out); lines.Scan(); {
		t.Log(lines.Text())
		switch lines.Text() {
		case "REGISTERED":
			s.agents(1, "ready")
			player = startBaresip(t, softphone{account: playerAccount("alice", "PCMA"), hz: playerHz, run: []string{"/dial sip:support@" + s.sip}})
		case "PRESSED by INFO":
			wait(t, 5*time.Second, "the recording was paused and resumed", func() (bool, string) {
				said := strings.Join(s.timelineOf(s.list("/api/v1/calls?state=live")), " ")
				return strings.Contains(said, "recording_paused") && strings.Contains(said, "recording_resumed"), said
			})
			player.quit()
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("jssip.mjs: %v\n%s", err, faults.String())
	}
	ended := s.ended(1, 15*time.Second)[0]
	if got := ended.str("end_reason"); got != "answered" {
		t.Errorf("end_reason: got %s, want answered", got)
	}
	checkRecording(t, s.audio(ended.str("recording_id")), playerHz, agentHz, 4*time.Second)
}

// timelineOf is what the timelines of calls say, in order.
func (s *server) timelineOf(calls []object) (kinds []string) {
	s.t.Helper()
	for _, c := range calls {
		var one struct {
			Timeline []object `json:"timeline"`
		}
		s.call(http.MethodGet, "/api/v1/calls/"+c.str("id"), nil, &one, http.StatusOK)
		for _, e := range one.Timeline {
			kinds = append(kinds, e.str("kind"))
		}
	}
	return kinds
}
