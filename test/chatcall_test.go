//go:build e2e

package test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestFromChatToCallAndFromCallToChat: in two Chromium browsers, the widget and
// the console: three clicks at most, both on one ticket, each hears the other,
// and the agent is left with no work that is none. A chat after the end goes on
// where the one before was.
func TestFromChatToCallAndFromCallToChat(t *testing.T) {
	need(t, "node", "chromium")
	s := startServer(t, "PICKUP_RECORDING_NOTICE=false")
	dir := t.TempDir()
	visitor, agent := filepath.Join(dir, "visitor.wav"), filepath.Join(dir, "agent.wav")
	writeWAV(t, visitor, 48000, tone(1000, 48000, 480000))
	writeWAV(t, agent, 48000, tone(2000, 48000, 480000))
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "chatcall.mjs", "http://"+s.http, visitor, agent, os.Getenv("PICKUP_TEST_PICTURES"))
	var out, faults bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &faults
	if err := cmd.Run(); err != nil {
		t.Fatalf("chatcall.mjs: %v\n%s", err, faults.String())
	}
	type tone struct{ Hertz, Decibels float64 }
	type way struct {
		Clicks         int
		Same           bool // ticket
		Left           int  // chats after the end
		Visitor, Agent tone
	}
	var saw struct {
		ToCall, ToChat way
		GoesOn         bool // after the end, on the same ticket
		Problems       []string
	}
	if err := json.Unmarshal(out.Bytes(), &saw); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	t.Logf("%+v", saw)
	if len(saw.Problems) > 0 {
		t.Errorf("errors on the pages: %v", saw.Problems)
	}
	if !saw.GoesOn {
		t.Error("a chat after the end is not on the ticket of the one before")
	}
	for name, w := range map[string]way{"from chat to call": saw.ToCall, "from call to chat": saw.ToChat} {
		if w.Clicks < 1 || w.Clicks > 3 || !w.Same || w.Left != 0 {
			t.Errorf("%s: got %+v, want at most 3 clicks, one ticket and no chat left", name, w)
		}
	}
}
