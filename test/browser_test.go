//go:build e2e

package test

import (
	"encoding/json"
	"math"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// lawful is the name of a codec, one for both laws of G.711.
func lawful(codec string) string {
	if codec == "PCMA" || codec == "PCMU" {
		return "G.711"
	}
	return codec
}

// TestBrowserPlayerTalksToBaresipAgent: Chromium on /call with a fake
// microphone hears the agent, and both are on the recording.
func TestBrowserPlayerTalksToBaresipAgent(t *testing.T) { browserTalks(t, "PCMU", "G.711") }

// TestBrowserSpeaksOpusToAPhoneWithALaw: with Opus first for browsers the talk is
// transcoded both ways.
func TestBrowserSpeaksOpusToAPhoneWithALaw(t *testing.T) {
	browserTalks(t, "PCMA", "opus", "PICKUP_MEDIA_BROWSER_CODECS=opus,pcma,pcmu")
}

// browserTalks runs one call of a browser's player with a softphone of a codec. both
// hear the other, both are recorded, and the legs have the codecs wanted.
func browserTalks(t *testing.T, codec, browserCodec string, env ...string) {
	t.Helper()
	need(t, "node", "chromium")
	const playerHz, agentHz = 1000, 1700
	s := startServer(t, env...)
	agent := startBaresip(t, softphone{account: agentAccount(s, "1001", codec), hz: agentHz})
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
	agent.quit()
	checkHeard(t, "agent", agent.heard(t), playerHz, agentHz, 4*time.Second)
	s.checkLegs(ended.str("id"), browserCodec, lawful(codec))
}

// legs are those of a call's story.
func (s *server) legs(call string) []object {
	s.t.Helper()
	var story struct {
		Legs []object `json:"legs"`
	}
	s.call(http.MethodGet, "/api/v1/calls/"+call, nil, &story, http.StatusOK)
	return story.Legs
}

// checkLegs wants the legs of a call to have spoken codecs, and each to have been
// heard well.
func (s *server) checkLegs(call string, codecs ...string) {
	s.t.Helper()
	var spoken []string
	for i, l := range s.legs(call) {
		spoken = append(spoken, lawful(l.str("codec")))
		s.t.Logf("leg %d: %s, MOS %.2f, worst 5 s %.2f, lost %.0f of %.0f", i, l.str("codec"), l.num("mos"), l.num("mos_lowest"), l.num("packets_lost"), l.num("packets_in"))
		if l.num("mos") < 4 {
			s.t.Errorf("leg %d: a MOS of %.2f, want 4 or more", i, l.num("mos"))
		}
	}
	slices.Sort(spoken)
	slices.Sort(codecs)
	if !slices.Equal(spoken, codecs) {
		s.t.Errorf("the legs spoke %q, want %q", spoken, codecs)
	}
}

// TestBrowserPlayerTalksToBrowserAgent: the player's page against the phone of
// the console (JsSIP over /sip): both hear the other, also after a reload of the
// page and after hold; the call, its ticket and its recording open; a promise
// rings on the page.
func TestBrowserPlayerTalksToBrowserAgent(t *testing.T) { browsersTalk(t, "G.711") }

// TestBrowsersTalkInOpus: the same with Opus first; the agent is offered it first, as
// his player speaks it, and nothing is transcoded.
func TestBrowsersTalkInOpus(t *testing.T) {
	browsersTalk(t, "opus", "PICKUP_MEDIA_BROWSER_CODECS=opus,pcma,pcmu")
}

func browsersTalk(t *testing.T, codec string, env ...string) {
	t.Helper()
	need(t, "node", "chromium", "sox")
	s := startServer(t, env...)
	out, err := exec.Command("node", "../web/ui/mock/talk.mjs", "http://"+s.http).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("talk.mjs: %v", err)
	}
	for _, c := range s.list("/api/v1/calls?state=ended") {
		for _, l := range s.legs(c.str("id")) {
			if got := lawful(l.str("codec")); got != codec && l.num("packets_in") > 0 {
				t.Errorf("a leg of %s spoke %s, want %s", c.str("id"), got, codec)
			}
		}
	}
}
