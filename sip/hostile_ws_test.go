package sip_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"pickup/sip"
)

// Opcodes of RFC 6455 section 5.2, and the bits beside them.
const (
	wsContinue = 0x0
	wsText     = 0x1
	wsBinary   = 0x2
	wsClose    = 0x8
	wsPinging  = 0x9
	wsPonging  = 0xA
	wsLast     = 0x80 // FIN
	wsReserved = 0x40 // RSV1
)

// rawSocket is a WebSocket of which the test writes each byte itself.
type rawSocket struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (e *edge) rawSocket(t *testing.T, addr string) *rawSocket {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	s := &rawSocket{t: t, conn: c, in: bufio.NewReader(c)}
	s.write([]byte("GET / HTTP/1.1\r\nHost: " + addr + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"))
	res, err := http.ReadResponse(s.in, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: %v, %+v", err, res)
	}
	return s
}

func (s *rawSocket) write(b []byte) { _, _ = s.conn.Write(b) } // what is closed meanwhile is judged by what is read

// frame is a masked frame (with a mask of zeros) of that first byte.
func frame(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// read returns the next frame of the server; io.EOF: it has closed.
func (s *rawSocket) read(limit time.Duration) (opcode byte, payload string, err error) {
	_ = s.conn.SetReadDeadline(time.Now().Add(limit))
	var head [2]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return 0, "", err
	}
	n := int(head[1] & 0x7f)
	if n == 126 {
		var long [2]byte
		if _, err := io.ReadFull(s.in, long[:]); err != nil {
			return 0, "", err
		}
		n = int(binary.BigEndian.Uint16(long[:]))
	}
	b := make([]byte, n)
	_, err = io.ReadFull(s.in, b)
	return head[0] & 0xf, string(b), err
}

// outcome reads what comes of the frames that were sent: the status of a SIP
// answer, "pong", "closed" or "nothing".
func (s *rawSocket) outcome(limit time.Duration) string {
	for {
		opcode, payload, err := s.read(limit)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return "nothing"
		case err != nil || opcode == wsClose:
			return "closed"
		case opcode == wsPonging:
			return "pong"
		case strings.HasPrefix(payload, "SIP/2.0 "):
			return payload[8:11]
		}
	}
}

// What RFC 6455 forbids closes the connection and hurts nobody else; what it
// allows is served, however it is cut (RFC 7118: a message is one frame's, or
// that of its fragments).
func TestHostileWebSocketFrames(t *testing.T) {
	e := startEdge(t, func(c *sip.Config) { c.Limits.MessageTime = time.Second })
	living := e.talking()
	web := httptest.NewServer(http.HandlerFunc(e.ServeWS))
	t.Cleanup(web.Close)
	addr := strings.TrimPrefix(web.URL, "http://")
	options := "OPTIONS sip:support@x SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bKraw\r\nMax-Forwards: 70\r\nFrom: <sip:a@x>;tag=1\r\n" +
		"To: <sip:support@x>\r\nCall-ID: raw\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
	join := func(frames ...[]byte) (all []byte) {
		for _, f := range frames {
			all = append(all, f...)
		}
		return all
	}
	unmasked := frame(wsLast|wsText, options)
	unmasked = append(append([]byte{unmasked[0], unmasked[1] &^ 0x80}, unmasked[2:4]...), options...)
	endless := append([]byte{wsLast | wsText, 0x80 | 127}, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0)
	tests := map[string]struct {
		bytes []byte
		want  string
	}{
		"a message in text":            {frame(wsLast|wsText, options), "200"},
		"a message in bytes":           {frame(wsLast|wsBinary, options), "200"},
		"a message in three fragments": {join(frame(wsText, options[:10]), frame(wsContinue, options[10:90]), frame(wsLast|wsContinue, options[90:])), "200"},
		"a ping between fragments":     {join(frame(wsText, options[:10]), frame(wsLast|wsPinging, "x"), frame(wsLast|wsContinue, options[10:])), "pong"},
		"a fragment of each byte": {join(frame(wsText, options[:1]), func() (all []byte) {
			for _, c := range options[1:] {
				all = append(all, frame(wsContinue, string(c))...)
			}
			return all
		}(), frame(wsLast|wsContinue, "")), "200"},
		"empty frames before a message":  {join(frame(wsLast|wsText, ""), frame(wsLast|wsBinary, ""), frame(wsLast|wsText, options)), "200"},
		"a keep-alive before a message":  {join(frame(wsLast|wsText, "\r\n\r\n"), frame(wsLast|wsText, options)), "200"},
		"a ping":                         {frame(wsLast|wsPinging, "hello"), "pong"},
		"a pong that nobody asked for":   {join(frame(wsLast|wsPonging, "x"), frame(wsLast|wsText, options)), "200"},
		"nothing that is SIP":            {frame(wsLast|wsText, "hello"), "nothing"},
		"half a message":                 {frame(wsLast|wsText, options[:60]), "nothing"},
		"broken UTF-8 before a message":  {join(frame(wsLast|wsText, "\xff\xfe"), frame(wsLast|wsText, options)), "200"},
		"a body longer than it says":     {frame(wsLast|wsText, options+strings.Replace(options, "raw", "smuggled", 2)), "200"},
		"no mask":                        {unmasked, "closed"},
		"an opcode that is none":         {frame(wsLast|3, options), "closed"},
		"a control opcode that is none":  {frame(wsLast|0xB, ""), "closed"},
		"a reserved bit":                 {frame(wsLast|wsReserved|wsText, options), "closed"},
		"a ping in fragments":            {frame(wsPinging, "x"), "closed"},
		"a ping of 126 bytes":            {frame(wsLast|wsPinging, strings.Repeat("x", 126)), "closed"},
		"a rest without a beginning":     {frame(wsLast|wsContinue, options), "closed"},
		"a message within another":       {join(frame(wsText, options[:10]), frame(wsLast|wsText, options)), "closed"},
		"a message beyond 64 KiB":        {frame(wsLast|wsText, strings.Replace(options, "Max", "X: "+strings.Repeat("x", 70000)+"\r\nMax", 1)), "closed"},
		"fragments beyond 64 KiB":        {join(frame(wsText, options[:10]), frame(wsContinue, strings.Repeat("x", 60000)), frame(wsContinue, strings.Repeat("x", 60000))), "closed"},
		"a frame of 2^63 bytes":          {endless, "closed"},
		"a close":                        {frame(wsLast|wsClose, "\x03\xe8"), "closed"},
		"a close without a reason":       {frame(wsLast|wsClose, ""), "closed"},
		"a close of one byte":            {frame(wsLast|wsClose, "\x03"), "closed"},
		"an HTTP request in their place": {[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "closed"},
		"a TLS greeting in their place":  {[]byte{22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3}, "closed"},
		"bytes that mean nothing at all": {[]byte(strings.Repeat("\xff", 64)), "closed"},
		"half a frame":                   {frame(wsLast|wsText, options)[:40], "closed"},
		"a first fragment alone":         {frame(wsText, options), "closed"},
	}
	number := 100
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			s := e.rawSocket(t, addr)
			number++ // a transaction of its own, by the same length
			s.write(bytes.ReplaceAll(c.bytes, []byte("raw"), []byte(strconv.Itoa(number))))
			limit := patience
			if c.want == "nothing" {
				limit = 200 * time.Millisecond
			}
			if got := s.outcome(limit); got != c.want {
				t.Fatalf("got %s, want %s", got, c.want)
			}
			if c.want == "200" {
				if _, rest, err := s.read(100 * time.Millisecond); err == nil && strings.Contains(rest, "smuggled") {
					t.Errorf("the rest was taken for a message: %s", rest)
				}
			}
			_ = s.conn.Close()
			other := e.rawSocket(t, addr)
			number++
			other.write(frame(wsLast|wsText, strings.ReplaceAll(options, "raw", strconv.Itoa(number))))
			if got := other.outcome(patience); got != "200" {
				t.Errorf("another browser gets %s", got)
			}
		})
	}
	living.untouched(t)
	if n := e.Metrics().Panics; n != 0 {
		t.Errorf("%d panics", n)
	}
	until(t, "every connection is gone", func() bool { return e.Metrics().Connections == 0 })
}
