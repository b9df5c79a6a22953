package sip

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"pickup/internal/logkey"
)

// TraceMessage is one SIP message of a call, secrets masked.
type TraceMessage struct {
	At        time.Time
	Direction string // "in" or "out"
	Transport string // "udp", "tcp", "tls", "ws", "wss"
	Peer      string // host:port
	Text      string
}

// Bounds of the trace in memory.
const (
	traceCalls    = 2000
	traceMessages = 200
)

// tracer writes one file for each Call-ID and keeps the newest calls in memory.
// The zero directory switches it off. Safe for any goroutine; a fault of the
// disk never reaches the call: it is logged once.
type tracer struct {
	dir string
	log *slog.Logger

	mu     sync.Mutex
	calls  map[string][]TraceMessage
	oldest []string
	failed bool
}

func newTracer(dir string, log *slog.Logger) *tracer {
	return &tracer{dir: dir, log: log, calls: map[string][]TraceMessage{}}
}

// secrets are the parts of a digest that help to guess a password.
var secrets = regexp.MustCompile(`(?i)\b(response|nonce|cnonce|opaque)\s*=\s*"[^"]*"`)

// mediaKeys are those of the audio: inline in a=crypto (RFC 4568 6.1), and the
// k= line that came before it (RFC 4566 5.12).
var mediaKeys = regexp.MustCompile(`(?im)(\binline:\s*|^k=)[^\s|;]+`)

// pressedKeys is the body of an INFO with a key: it may be one of a card number.
var pressedKeys = regexp.MustCompile(`(?is)\A(.*?\n(?:content-type|c)[ \t]*:[ \t]*application/dtmf[^\n]*\n(?:[^\r\n][^\n]*\n)*\r?\n).+`)

func mask(message []byte) string {
	message = pressedKeys.ReplaceAll(message, []byte(`${1}****`))
	message = secrets.ReplaceAll(message, []byte(`$1="****"`))
	return string(mediaKeys.ReplaceAll(message, []byte(`$1****`)))
}

// on reports whether messages are recorded: callers need not describe the peer
// of one that is not.
func (t *tracer) on() bool { return t.dir != "" }

// message records data.
func (t *tracer) message(direction, transport, peer string, data []byte) {
	if !t.on() {
		return
	}
	h, ok := scanHead(data)
	if !ok || h.callID == "" {
		return
	}
	m := TraceMessage{At: time.Now(), Direction: direction, Transport: transport, Peer: peer, Text: mask(data)}
	t.mu.Lock()
	defer t.mu.Unlock()
	list, known := t.calls[h.callID]
	if !known {
		t.oldest = append(t.oldest, h.callID)
		if len(t.oldest) > traceCalls {
			delete(t.calls, t.oldest[0])
			t.oldest = t.oldest[1:]
		}
	}
	if len(list) < traceMessages {
		t.calls[h.callID] = append(list, m)
	}
	t.write(h.callID, m)
}

// write appends to the file of the call. Its name is a hash: a Call-ID comes
// from outside.
func (t *tracer) write(callID string, m TraceMessage) {
	sum := sha256.Sum256([]byte(callID))
	name := filepath.Join(t.dir, hex.EncodeToString(sum[:12])+".sip")
	var b bytes.Buffer
	fmt.Fprintf(&b, "-- %s %s %s %s\n%s\n", m.At.UTC().Format(time.RFC3339Nano), m.Direction, m.Transport, m.Peer, m.Text)
	err := os.MkdirAll(t.dir, 0o700)
	if err == nil {
		var f *os.File
		if f, err = os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			_, err = f.Write(b.Bytes())
			_ = f.Close()
		}
	}
	if err != nil && !t.failed {
		t.failed = true
		t.log.Warn("sip trace cannot be written", logkey.Err, err)
	}
}

// Trace returns the messages of a Call-ID that are still in memory, oldest
// first; nil where sip.trace is off.
func (s *Server) Trace(callID string) []TraceMessage {
	s.trace.mu.Lock()
	defer s.trace.mu.Unlock()
	return append([]TraceMessage(nil), s.trace.calls[callID]...)
}
