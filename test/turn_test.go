//go:build e2e

package test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

const relaySecret = "between the relay and us"

// relayHost is an address of this machine that a browser sends to from itself:
// that of its network, else loopback.
func relayHost(t *testing.T) string {
	t.Helper()
	conn, err := net.Dial("udp4", "192.0.2.77:9") // nothing is sent
	if err != nil {
		return "127.0.0.1"
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).IP.String()
}

// coturn is a running relay (RFC 8656) with credentials by a shared secret.
type coturn struct {
	t         *testing.T
	cmd       *exec.Cmd
	host      string
	port, tls int
	log       lockedBuffer
}

func startCoturn(t *testing.T, cert, key string) *coturn {
	t.Helper()
	need(t, "turnserver")
	c := &coturn{t: t, host: relayHost(t), port: freePort(t), tls: freePort(t)}
	dir := t.TempDir()
	c.cmd = exec.Command("turnserver", "-n", "--listening-ip="+c.host, "--relay-ip="+c.host,
		fmt.Sprintf("--listening-port=%d", c.port), fmt.Sprintf("--tls-listening-port=%d", c.tls),
		"--use-auth-secret", "--static-auth-secret="+relaySecret, "--realm=pickup.example", "--allow-loopback-peers",
		"--cli-password=unused", "--no-cli", "--no-dtls", "--cert="+cert, "--pkey="+key, "--log-file=stdout", "--simple-log", "--verbose",
		"--pidfile="+filepath.Join(dir, "pid"), "--userdb="+filepath.Join(dir, "db"), "--min-port=41000", "--max-port=41999")
	c.cmd.Stdout, c.cmd.Stderr = &c.log, &c.log
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.stop()
		if t.Failed() {
			t.Logf("coturn:\n%s", lastOf(c.log.String(), 6000))
		}
	})
	for _, port := range []int{c.port, c.tls} {
		wait(t, 10*time.Second, "coturn listens", func() (bool, string) {
			conn, err := net.Dial("tcp", net.JoinHostPort(c.host, strconv.Itoa(port)))
			if err != nil {
				return false, err.Error()
			}
			return true, fmt.Sprint(conn.Close())
		})
	}
	return c
}

func (c *coturn) stop() {
	if c.cmd.ProcessState == nil {
		_ = c.cmd.Process.Signal(syscall.SIGKILL)
		_ = c.cmd.Wait()
	}
}

func lastOf(s string, n int) string { return s[max(0, len(s)-n):] }

// settings tell Pickup of the relay by one URL.
func (c *coturn) settings(url string) []string {
	return []string{"PICKUP_MEDIA_TURN_URLS=" + url, "PICKUP_MEDIA_TURN_SECRET=" + relaySecret}
}

// relayed runs a script with a browser behind a relay and returns what it saw.
// told is done at each word that it says, and answered.
func relayed(t *testing.T, script string, given object, told map[string]func()) object {
	t.Helper()
	need(t, "node", "chromium")
	arg, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", script, string(arg))
	var faults lockedBuffer
	cmd.Stderr = &faults
	timer := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var saw object
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if do, ok := told[lines.Text()]; ok {
			do()
			fmt.Fprintln(stdin, "done")
			continue
		}
		t.Logf("%s", lines.Text())
		if err := json.Unmarshal(lines.Bytes(), &saw); err != nil {
			t.Errorf("%v in %s", err, lines.Text())
		}
	}
	if err := cmd.Wait(); err != nil || saw == nil {
		t.Fatalf("%s: %v\n%s", script, err, faults.String())
	}
	if faults, _ := saw["problems"].([]any); len(faults) > 0 {
		t.Errorf("errors on the page: %v", faults)
	}
	return saw
}

// TestChromiumTalksThroughCoturn: a Chromium that may use nothing but the relay,
// by UDP, TCP and TLS, and an agent hear each other, and both are recorded.
func TestChromiumTalksThroughCoturn(t *testing.T) {
	const playerHz, agentHz = 1000, 1700
	cert, key := certificate(t, t.TempDir(), relayHost(t))
	relay := startCoturn(t, cert, key)
	urls := map[string]string{
		"udp": fmt.Sprintf("turn:%s:%d?transport=udp", relay.host, relay.port),
		"tcp": fmt.Sprintf("turn:%s:%d?transport=tcp", relay.host, relay.port),
		"tls": fmt.Sprintf("turns:%s:%d?transport=tcp", relay.host, relay.tls),
	}
	for _, name := range relayKinds {
		url := urls[name]
		t.Run(name, func(t *testing.T) {
			s := startServer(t, relay.settings(url)...)
			startBaresip(t, softphone{account: agentAccount(s, "1001", "PCMU"), hz: agentHz})
			s.agents(1, "ready")
			mic := filepath.Join(t.TempDir(), "mic.wav")
			writeWAV(t, mic, 48000, tone(playerHz, 48000, 48000*10))
			saw := relayed(t, "relay.mjs", object{"base": s.base(), "mic": mic, "hz": agentHz, "policy": "relay", "seconds": 4}, nil)
			if saw.str("type") != "relay" || saw.str("protocol") != name {
				t.Errorf("the pair in use: got %s by %s, want relay by %s", saw.str("type"), saw.str("protocol"), name)
			}
			ended := s.ended(1, 15*time.Second)[0]
			if got := ended.str("end_reason"); got != "answered" {
				t.Errorf("end_reason: got %s, want answered", got)
			}
			checkRecording(t, s.audio(ended.str("recording_id")), playerHz, agentHz, 3*time.Second)
		})
	}
}

// TestACallOutlivesItsNetwork: the relay that a Chromium talks through is killed,
// which leaves it no address of those it had. It finds another way by a restart of
// ICE, in the same call with the same agent, and both are recorded to the end.
func TestACallOutlivesItsNetwork(t *testing.T) {
	const playerHz, agentHz = 1000, 1700
	cert, key := certificate(t, t.TempDir(), relayHost(t))
	relay := startCoturn(t, cert, key)
	s := startServer(t, relay.settings(fmt.Sprintf("turn:%s:%d?transport=udp", relay.host, relay.port))...)
	startBaresip(t, softphone{account: agentAccount(s, "1001", "PCMU"), hz: agentHz})
	s.agents(1, "ready")
	mic := filepath.Join(t.TempDir(), "mic.wav")
	writeWAV(t, mic, 48000, tone(playerHz, 48000, 48000*10))
	saw := relayed(t, "relay.mjs", object{"base": s.base(), "mic": mic, "hz": agentHz, "policy": "relay", "seconds": 2, "cut": true}, map[string]func(){"CUT": relay.stop})
	if first, _ := saw["first"].(map[string]any); first["type"] != "relay" || saw.str("type") == "relay" || saw.num("peers") != 1 {
		t.Errorf("got %v, want first a relay, then another way, on one connection", saw)
	}
	s.recordedToTheEnd(playerHz, agentHz)
}

// recordedToTheEnd wants one call, and both tones in the second before the last.
func (s *server) recordedToTheEnd(playerHz, agentHz float64) {
	t := s.t
	t.Helper()
	ended := s.ended(1, 15*time.Second)[0]
	if got := ended.str("end_reason"); got != "answered" {
		t.Errorf("end_reason: got %s, want answered", got)
	}
	channels, rate := readWAV(t, s.audio(ended.str("recording_id")))
	for n, hz := range []float64{playerHz, agentHz} {
		c := channels[n]
		if got := db(power(c[len(c)-2*rate:len(c)-rate], hz, rate)); got < -20 {
			t.Errorf("channel %d ends with %.1f dB of %.0f Hz, want -20 or more", n, got, hz)
		}
	}
}
