//go:build e2e

package test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// linphone is one running linphonec: Linphone's console, driven line by line.
type linphone struct {
	t     testing.TB
	cmd   *exec.Cmd
	dir   string // its home and its working directory
	stdin io.WriteCloser
	log   *lockedBuffer
	done  chan struct{}
}

// startLinphone runs a Linphone with a home of its own, on free ports of the
// loopback, without video, STUN and sound card: it says one tone and keeps what
// it hears. Its codecs are Linphone's own choice.
func startLinphone(t testing.TB, user string, hz float64, flags ...string) *linphone {
	t.Helper()
	return startLinphoneWith(t, user, hz, "", flags...)
}

// startLinphoneWith adds lines to the section sip of its settings.
func startLinphoneWith(t testing.TB, user string, hz float64, settings string, flags ...string) *linphone {
	t.Helper()
	need(t, "linphonec")
	l := &linphone{t: t, dir: t.TempDir(), log: &lockedBuffer{}, done: make(chan struct{})}
	writeWAV(t, l.path("say.wav"), 8000, tone(hz, 8000, 120*8000))
	if err := os.MkdirAll(l.path(".local/share/linphone"), 0o700); err != nil { // it does not make the folder of its database
		t.Fatal(err)
	}
	config := fmt.Sprintf(`[sip]
use_ipv6=0
sip_port=%d
sip_tcp_port=0
sip_tls_port=0
bind_address=127.0.0.1
contact=sip:%s@127.0.0.1
guess_hostname=0
media_encryption=none
default_proxy=-1
%s
[net]
firewall_policy=0

[rtp]
audio_rtp_port=%d
bind_address=127.0.0.1

[video]
enabled=0
capture=0
display=0

[sound]
remote_ring=
`, freePort(t), user, settings, freePort(t))
	if err := os.WriteFile(l.path("linphonerc"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	l.cmd = exec.Command("linphonec", append([]string{"-c", "linphonerc"}, flags...)...)
	l.cmd.Dir = l.dir
	l.cmd.Env = append(os.Environ(), "HOME="+l.dir, "XDG_CONFIG_HOME=", "XDG_DATA_HOME=", "TERM=dumb")
	l.cmd.Stdout, l.cmd.Stderr = l.log, l.log
	stdin, err := l.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	l.stdin = stdin
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = l.cmd.Wait(); close(l.done) }()
	t.Cleanup(func() {
		l.quit()
		if t.Failed() {
			text := l.log.String()
			t.Logf("linphonec %s:\n%s", user, text[max(0, len(text)-3000):])
		}
	})
	l.do("soundcard use files")
	l.do("play say.wav")
	l.do("record heard.wav")
	return l
}

func (l *linphone) path(name string) string { return filepath.Join(l.dir, name) }

// do types a line at the console.
func (l *linphone) do(line string) {
	l.t.Helper()
	if _, err := io.WriteString(l.stdin, line+"\n"); err != nil {
		l.t.Fatalf("linphonec: %s: %v", line, err)
	}
}

// says waits for a text on the console.
func (l *linphone) says(text string) {
	l.t.Helper()
	wait(l.t, 20*time.Second, "linphonec says "+text, func() (bool, string) {
		return strings.Contains(l.log.String(), text), ""
	})
}

// quit ends Linphone, which hangs up and closes its files.
func (l *linphone) quit() {
	_, _ = io.WriteString(l.stdin, "quit\n")
	_ = l.stdin.Close()
	select {
	case <-l.done:
	case <-time.After(10 * time.Second):
		_ = l.cmd.Process.Kill()
		<-l.done
	}
}

// heard is what Linphone decoded.
func (l *linphone) heard() []byte {
	l.t.Helper()
	data, err := os.ReadFile(l.path("heard.wav"))
	if err != nil {
		l.t.Fatal(err)
	}
	return data
}

// TestLinphonePlayerTalksToBaresipAgent has Linphone dial a queue without any
// account.
func TestLinphonePlayerTalksToBaresipAgent(t *testing.T) {
	t.Parallel()
	const playerHz, agentHz = 1000, 1700
	s := startServer(t)
	agent := startBaresip(t, softphone{account: agentAccount(s, "1001", "PCMU"), hz: agentHz})
	s.agents(1, "ready")
	player := startLinphone(t, "alice", playerHz)
	player.do("call sip:support@" + s.sip)
	ended := s.talkOf(6*time.Second, func() {
		player.do("terminate")
	})
	player.quit()
	agent.quit()
	if from := ended.str("from"); !strings.Contains(from, "alice") {
		t.Errorf("from: got %s, want alice", from)
	}
	checkHeard(t, "player", player.heard(), agentHz, playerHz, 6*time.Second)
	checkHeard(t, "agent", agent.heard(t), playerHz, agentHz, 6*time.Second)
	checkRecording(t, s.audio(ended.str("recording_id")), playerHz, agentHz, 5500*time.Millisecond)
}

// TestLinphoneAgentAnswersBaresipPlayer registers Linphone with what the README
// says to enter: user, password, domain and UDP.
func TestLinphoneAgentAnswersBaresipPlayer(t *testing.T) {
	t.Parallel()
	const playerHz, agentHz = 1000, 1700
	s := startServer(t)
	agent := startLinphone(t, "1001", agentHz, "-a")
	agent.do(fmt.Sprintf("register sip:1001@%s sip:%s;transport=udp demo-1001", s.sip, s.sip))
	s.agents(1, "ready")
	player := startBaresip(t, softphone{
		account: playerAccount("bob", "PCMA"), hz: playerHz, run: []string{"/dial sip:support@" + s.sip},
	})
	ended := s.talkOf(6*time.Second, player.quit)
	agent.says("ended")
	agent.quit()
	if got := ended.str("agent_id"); got == "" {
		t.Errorf("no agent: %v", ended)
	}
	checkHeard(t, "player", player.heard(t), agentHz, playerHz, 6*time.Second)
	checkHeard(t, "agent", agent.heard(), playerHz, agentHz, 6*time.Second)
	checkRecording(t, s.audio(ended.str("recording_id")), playerHz, agentHz, 5500*time.Millisecond)
	s.agents(10, "offline") // it took its registration back
}

// talkOf waits for the one call to talk so long, has it hung up, and returns it
// ended, answered, with ticket and recording.
func (s *server) talkOf(long time.Duration, hangUp func()) object {
	s.t.Helper()
	wait(s.t, 20*time.Second, "the call is talking", func() (bool, string) {
		calls := s.list("/api/v1/calls?state=live")
		return len(calls) == 1 && calls[0].str("state") == "talking", fmt.Sprint(calls)
	})
	began := time.Now()
	wait(s.t, long+10*time.Second, "the talk", func() (bool, string) { return time.Since(began) > long, "" })
	hangUp()
	ended := s.ended(1, 15*time.Second)[0]
	if ended.str("end_reason") != "answered" || ended.str("ticket_id") == "" || ended.str("recording_id") == "" {
		s.t.Fatalf("got %v, want an answered call with ticket and recording", ended)
	}
	return ended
}
