//go:build e2e

package test

import (
	"encoding/json"
	"math"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestBrowserPlayerTalksToBaresipAgent: Chromium on /call with a fake
// microphone hears the agent, and both are on the recording.
func TestBrowserPlayerTalksToBaresipAgent(t *testing.T) { browserTalks(t, "PCMU") }

// browserTalks runs one call of a browser's player with a softphone of a codec.
func browserTalks(t *testing.T, codec string) {
	t.Helper()
	need(t, "node", "chromium")
	const playerHz, agentHz = 1000, 1700
	s := startServer(t)
	startBaresip(t, softphone{account: agentAccount(s, "1001", codec), hz: agentHz})
	s.agents(1, "ready")
	dir := t.TempDir()
	mic := filepath.Join(dir, "mic.wav")
	writeWAV(t, mic, 48000, tone(playerHz, 48000, 48000*10))
	out, err := exec.Command("node", "browser.mjs", "http://"+s.http, mic, "12", filepath.Join(dir, "call.png")).Output()
	if err != nil {
		t.Fatalf("browser: %v %s", err, out)
	}
	var saw struct {
		Heard    []struct{ Hz, DB float64 } `json:"heard"`
		Problems []string                   `json:"problems"`
	}
	if err := json.Unmarshal(out, &saw); err != nil {
		t.Fatalf("browser said %s: %v", out, err)
	}
	if len(saw.Problems) > 0 {
		t.Errorf("errors on the page: %v", saw.Problems)
	}
	// The first seconds are the notice; the agent's tone holds the rest.
	last := saw.Heard[max(0, len(saw.Heard)-50):]
	good := 0
	for _, h := range last {
		if math.Abs(h.Hz-agentHz) < 30 {
			good++
		}
	}
	t.Logf("the browser heard the agent in %d of %d frames", good, len(last))
	if len(last) < 50 || good*100 < 95*len(last) {
		t.Errorf("heard the agent in %d of %d frames, want 95 %%", good, len(last))
	}
	ended := s.ended(1, 15*time.Second)[0]
	if got := ended.str("end_reason"); got != "answered" {
		t.Errorf("end_reason: got %s, want answered", got)
	}
	checkRecording(t, s.audio(ended.str("recording_id")), playerHz, agentHz, 4*time.Second)
}

// TestBrowserPlayerTalksToBrowserAgent: the player's page against the phone of
// the console (JsSIP over /sip): both hear the other, also after a reload of the
// page and after hold; the call, its ticket and its recording open; a promise
// rings on the page.
func TestBrowserPlayerTalksToBrowserAgent(t *testing.T) {
	need(t, "node", "chromium", "sox")
	s := startServer(t)
	out, err := exec.Command("node", "../web/ui/mock/talk.mjs", "http://"+s.http).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("talk.mjs: %v", err)
	}
}
