//go:build e2e

package test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// refuses wants the binary to end with status 1 and name the setting on stderr.
func refuses(t *testing.T, env, want string) {
	t.Helper()
	cmd := exec.Command(program(t), "serve", "--demo")
	cmd.Env = append(os.Environ(), "PICKUP_DATA_DIR="+t.TempDir(), "PICKUP_SIP_LISTEN=127.0.0.1:0",
		"PICKUP_HTTP_LISTEN=127.0.0.1:0", "PICKUP_MEDIA_WEBRTC_PORT=0", env)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("exit: got %v, want status 1", err)
	}
	if !strings.Contains(stderr.String(), want) {
		t.Errorf("stderr does not name %s: %s", want, stderr.String())
	}
}

// TestSettingsThatCannotWorkAreRefusedAtTheStart: each names its setting.
func TestSettingsThatCannotWorkAreRefusedAtTheStart(t *testing.T) {
	busy := startServer(t)
	cases := map[string]struct{ env, want string }{
		"SIP port in use":       {"PICKUP_SIP_LISTEN=" + busy.sip, "sip.listen"},
		"HTTP port in use":      {"PICKUP_HTTP_LISTEN=" + busy.http, "http.listen"},
		"data dir not writable": {"PICKUP_DATA_DIR=/proc/none", "data.dir"},
		"bad value":             {"PICKUP_QUEUE_RING_TIME=soon", "queue.ring_time"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { refuses(t, c.env, c.want) })
	}
}
