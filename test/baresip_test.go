//go:build e2e

package test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// baresip is one running softphone.
type baresip struct {
	cmd  *exec.Cmd
	dir  string
	log  *lockedBuffer
	done chan struct{}
	keys io.Writer // its standard input
}

// command types a command, as "/hold".
func (b *baresip) command(line string) { _, _ = io.WriteString(b.keys, line+"\n") }

// softphone describes a baresip to run.
type softphone struct {
	account string   // the line of its accounts file
	hz      float64  // what it says
	says    []int16  // in place of a tone, at 8 kHz
	run     []string // commands at start, as "/dial sip:..."
	// settings are further lines of its config file.
	settings string
	v6       bool // it speaks IPv6, on ::1
}

// startBaresip runs a softphone that speaks one tone and keeps what it hears.
func startBaresip(t testing.TB, p softphone) *baresip {
	t.Helper()
	need(t, "baresip")
	b := &baresip{dir: t.TempDir(), log: &lockedBuffer{}, done: make(chan struct{})}
	wave := filepath.Join(b.dir, "say.wav")
	rate := 8000
	if strings.Contains(p.account, "G722") {
		rate = 16000 // its own way from 8 to 16 kHz lets nothing above 1.3 kHz pass
	}
	if p.says == nil {
		p.says = tone(p.hz, rate, 120*rate)
	}
	writeWAV(t, wave, rate, p.says)
	listen, host, version := freePort(t), "127.0.0.1", "-4"
	if p.v6 {
		host, version = "[::1]", "-6"
	}
	config := fmt.Sprintf(`poll_method epoll
sip_listen %s
call_local_timeout 120
call_max_calls 4
audio_path /usr/share/baresip
audio_player aubridge,sink
audio_source aufile,%s
audio_alert aubridge,alert
ausrc_srate %d
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
jitter_buffer_delay 2-4
rtp_stats yes
snd_path %s
module_path /usr/lib/baresip/modules
module g711.so
module g722.so
module opus.so
module aufile.so
module aubridge.so
module sndfile.so
module stdio.so
module_app account.so
module_app menu.so
%s`, fmt.Sprintf("%s:%d", host, listen), wave, rate, b.dir, p.settings)
	files := map[string]string{"config": config, "accounts": p.account + "\n", "contacts": ""}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"-f", b.dir, version}
	for _, c := range p.run {
		args = append(args, "-e", c)
	}
	b.cmd = exec.Command("baresip", args...)
	b.cmd.Dir = b.dir
	b.cmd.Stdout, b.cmd.Stderr = b.log, b.log
	stdin, err := b.cmd.StdinPipe() // an open standard input: at its end baresip quits
	if err != nil {
		t.Fatal(err)
	}
	b.keys = stdin
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = b.cmd.Wait(); close(b.done) }()
	t.Cleanup(func() {
		_ = stdin.Close()
		b.quit()
		if t.Failed() {
			text := b.log.String()
			t.Logf("baresip %s:\n%s", p.account, text[max(0, len(text)-3000):])
		}
	})
	return b
}

// quit hangs up and ends the softphone.
func (b *baresip) quit() {
	_ = b.cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-b.done:
	case <-time.After(5 * time.Second):
		_ = b.cmd.Process.Kill()
		<-b.done
	}
}

// heard is what the softphone decoded.
func (b *baresip) heard(t testing.TB) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(b.dir, "dump-*dec.wav"))
	if err != nil || len(files) == 0 {
		t.Fatalf("baresip kept no audio in %s: %v", b.dir, err)
	}
	data, err := os.ReadFile(files[len(files)-1])
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// heardInAll is what it decoded in all of its calls, one after the other.
func (b *baresip) heardInAll(t testing.TB) (pcm []float64) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(b.dir, "dump-*dec.wav"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files { // Glob sorts them: by time
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		channels, _ := readWAV(t, data)
		pcm = append(pcm, channels[0]...)
	}
	return pcm
}

// freePort returns a port of 127.0.0.1 that is free for UDP and for TCP, since a
// phone takes both. It is below those that the kernel gives to who asks for any,
// so no connection takes it before the phone does.
func freePort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := 10_000 + rand.IntN(10_000)
		address := fmt.Sprintf("127.0.0.1:%d", port)
		c, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		l, err := net.Listen("tcp", address)
		_ = c.Close()
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port from 10000 to 19999 is free")
	return 0
}

// agentAccount is the accounts line of an agent who answers at once.
func agentAccount(s *server, login, codec string) string {
	return fmt.Sprintf("<sip:%s@%s>;auth_pass=demo-%s;answermode=auto;regint=60;audio_codecs=%s;ptime=20", login, s.sip, login, codecOf(codec))
}

// codecOf is a codec as baresip writes it: with the rate of its audio and its channels.
func codecOf(name string) string {
	switch name {
	case "opus":
		return "opus/48000/2"
	case "G722":
		return "G722/16000/1"
	}
	return name + "/8000/1"
}

// playerAccount is the accounts line of a player: he does not register.
func playerAccount(user, codec string) string {
	return fmt.Sprintf("<sip:%s@127.0.0.1>;regint=0;audio_codecs=%s;ptime=20", user, codecOf(codec))
}

func TestBaresipPlayerTalksToBaresipAgent(t *testing.T) {
	cases := map[string]struct{ player, agent, transport string }{
		"both with mu-law":                     {"PCMU", "PCMU", "udp"},
		"player with A-law, agent with mu-law": {"PCMA", "PCMU", "udp"},
		"both over TCP":                        {"PCMA", "PCMA", "tcp"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { talk(t, c.player, c.agent, c.transport) })
	}
}

// talk runs one call of two softphones and measures what each heard and what
// was recorded.
func talk(t *testing.T, playerCodec, agentCodec, transport string) {
	t.Parallel()
	const playerHz, agentHz = 1000, 1700
	s := startServer(t)
	by := func(account string) string { return strings.Replace(account, ">", ";transport="+transport+">", 1) }
	agent := startBaresip(t, softphone{account: by(agentAccount(s, "1001", agentCodec)), hz: agentHz})
	s.agents(1, "ready")
	player := startBaresip(t, softphone{
		account: by(playerAccount("alice", playerCodec)), hz: playerHz, run: []string{"/dial sip:support@" + s.sip + ";transport=" + transport},
	})
	var live object
	wait(t, 20*time.Second, "the call is talking", func() (bool, string) {
		calls := s.list("/api/v1/calls?state=live")
		if len(calls) == 0 {
			return false, "no live call"
		}
		live = calls[0]
		return live.str("state") == "talking", live.str("state")
	})
	began := time.Now()
	if got := s.metric("pickup_sip_connections"); transport == "tcp" && got < 2 {
		t.Errorf("got %.0f connections, want one of each phone", got)
	}
	wait(t, 10*time.Second, "six seconds of talk", func() (bool, string) {
		return time.Since(began) > 6*time.Second, ""
	})
	player.quit()
	agent.quit()
	ended := s.ended(1, 10*time.Second)[0]
	if got := ended.str("end_reason"); got != "answered" {
		t.Errorf("end_reason: got %s, want answered", got)
	}
	if ended.str("ticket_id") == "" || ended.str("recording_id") == "" {
		t.Fatalf("no ticket or recording: %v", ended)
	}
	checkHeard(t, "player", player.heard(t), agentHz, playerHz, 6*time.Second)
	checkHeard(t, "agent", agent.heard(t), playerHz, agentHz, 6*time.Second)
	checkRecording(t, s.audio(ended.str("recording_id")), playerHz, agentHz, 5500*time.Millisecond)
}

// checkHeard wants the other's tone in 95 % of the frames of the talk, which
// are the last ones that a softphone heard.
func checkHeard(t *testing.T, who string, data []byte, hz, own float64, talk time.Duration) {
	t.Helper()
	channels, rate := readWAV(t, data)
	pcm := channels[0]
	n := int(talk.Seconds()*float64(rate)) - rate/2
	if len(pcm) < n {
		t.Fatalf("%s kept %d samples, want %d", who, len(pcm), n)
	}
	// Past the end of the talk there may be up to half a second of silence.
	best := 0.0
	for cut := 0; cut <= rate/2; cut += rate / 10 {
		if len(pcm)-cut-n < 0 {
			break
		}
		share, _ := heard(pcm[len(pcm)-cut-n:len(pcm)-cut], rate, hz, own)
		best = max(best, share)
	}
	t.Logf("%s heard %.0f Hz in %.1f %% of the frames", who, hz, 100*best)
	if best < 0.95 {
		t.Errorf("%s: heard %.0f Hz in %.1f %% of the frames, want 95 %%", who, hz, 100*best)
	}
}

// checkRecording wants each channel to hold its own tone and the other's 40 dB
// lower.
func checkRecording(t *testing.T, data []byte, left, right float64, atLeast time.Duration) {
	t.Helper()
	channels, rate := readWAV(t, data)
	if len(channels) != 2 || rate != 8000 {
		t.Fatalf("recording has %d channels at %d Hz, want 2 at 8000", len(channels), rate)
	}
	if got := time.Duration(len(channels[0])) * time.Second / time.Duration(rate); got < atLeast {
		t.Errorf("recording is %s long, want at least %s", got, atLeast)
	}
	middle := channels[0][rate : len(channels[0])-rate]
	measure := func(name string, pcm []float64, own, other float64) {
		a, b := db(power(pcm, own, rate)), db(power(pcm, other, rate))
		t.Logf("%s: own %.1f dB, other %.1f dB", name, a, b)
		if a < -20 || a-b < 40 {
			t.Errorf("%s: own tone %.1f dB, other %.1f dB; want the other 40 dB lower", name, a, b)
		}
	}
	// One second at a time: a tone over a longer window would be smeared by drift.
	measure("left", middle[:rate], left, right)
	measure("right", channels[1][rate:2*rate], right, left)
}
