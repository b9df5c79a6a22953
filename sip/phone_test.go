package sip_test

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// phone is a small SIP user agent on a socket of its own.
type phone struct {
	t      testing.TB
	conn   net.Conn
	stream []byte
	user   string
	// contact is where it says that it listens; "": where it sends from.
	contact string
	params  string // of its Contact
	n       int
}

func (e *edge) phone() *phone {
	e.t.Helper()
	return e.dial("udp")
}

func (e *edge) dial(network string) *phone {
	e.t.Helper()
	c, err := net.Dial(network, e.Addr())
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = c.Close() })
	return &phone{t: e.t, conn: c, user: "alice"}
}

func (p *phone) addr() string { return p.conn.LocalAddr().String() }

func (p *phone) send(text string) {
	p.t.Helper()
	if _, err := p.conn.Write([]byte(text)); err != nil {
		p.t.Fatal(err)
	}
}

// read returns the next message, or "" when none comes within d.
func (p *phone) read(d time.Duration) string {
	p.t.Helper()
	buf := make([]byte, 65536)
	_ = p.conn.SetReadDeadline(time.Now().Add(d))
	for {
		if p.conn.LocalAddr().Network() == "tcp" {
			if i := bytes.Index(p.stream, []byte("\r\n\r\n")); i >= 0 {
				length, _ := strconv.Atoi(header(string(p.stream[:i+4]), "Content-Length"))
				if len(p.stream) >= i+4+length {
					m := string(p.stream[:i+4+length])
					p.stream = p.stream[i+4+length:]
					return m
				}
			}
		}
		n, err := p.conn.Read(buf)
		if err != nil {
			return ""
		}
		if p.conn.LocalAddr().Network() == "udp" {
			return string(buf[:n])
		}
		p.stream = append(p.stream, buf[:n]...)
	}
}

// response reads until a response of at least 200 comes.
func (p *phone) response() string {
	p.t.Helper()
	for range 10 {
		m := p.read(patience)
		if !strings.HasPrefix(m, "SIP/2.0 1") && strings.HasPrefix(m, "SIP/2.0 ") {
			return m
		}
		if m == "" {
			p.t.Fatal("no final response")
		}
	}
	p.t.Fatal("no final response")
	return ""
}

// responseTo reads until a final response to that request of a call comes: on a
// loaded machine others are sent again.
func (p *phone) responseTo(callID, method string) string {
	p.t.Helper()
	for {
		m := p.response()
		if header(m, "Call-ID") == callID && strings.HasSuffix(header(m, "CSeq"), " "+method) {
			return m
		}
	}
}

func status(m string) int {
	if len(m) < 12 {
		return 0
	}
	n, _ := strconv.Atoi(m[8:11])
	return n
}

func header(m, name string) string {
	for line := range strings.SplitSeq(m, "\r\n") {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(k, name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

const offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8 0 101\r\n" +
	"a=rtpmap:101 telephone-event/8000\r\n"

// message is a request as text. to, cseq and extra are optional.
type message struct {
	method, user, callID, to, from, branch string
	cseq                                   int
	extra                                  []string
	body                                   string
}

func (p *phone) text(m message) string {
	p.n++
	if m.user == "" {
		m.user = "support"
	}
	if m.callID == "" {
		m.callID = fmt.Sprintf("c%d-%d@test", time.Now().UnixNano(), p.n)
	}
	if m.to == "" {
		m.to = "<sip:" + m.user + "@127.0.0.1>"
	}
	if m.from == "" {
		m.from = "<sip:" + p.user + "@127.0.0.1>;tag=f1"
	}
	if m.cseq == 0 {
		m.cseq = 1
	}
	if m.branch == "" {
		m.branch = fmt.Sprintf("z9hG4bK%d-%d", time.Now().UnixNano(), p.n)
	}
	network := strings.ToUpper(p.conn.LocalAddr().Network())
	lines := []string{
		m.method + " sip:" + m.user + "@127.0.0.1 SIP/2.0",
		"Via: SIP/2.0/" + network + " " + p.addr() + ";branch=" + m.branch,
		"Max-Forwards: 70", "From: " + m.from, "To: " + m.to, "Call-ID: " + m.callID,
		fmt.Sprintf("CSeq: %d %s", m.cseq, m.method),
		"Contact: <sip:" + p.user + "@" + cmp.Or(p.contact, p.addr()) + ">" + p.params,
	}
	if m.body != "" && !strings.Contains(strings.Join(m.extra, "\n"), "Content-Type") {
		lines = append(lines, "Content-Type: application/sdp")
	}
	lines = append(lines, m.extra...)
	lines = append(lines, fmt.Sprintf("Content-Length: %d", len(m.body)), "", m.body)
	return strings.Join(lines, "\r\n")
}

// await sends a bare request and checks the status of the answer.
func (p *phone) await(method string, want int, extra ...string) string {
	p.t.Helper()
	p.send(p.text(message{method: method, extra: extra}))
	m := p.response()
	if status(m) != want {
		p.t.Fatalf("%s: got %d, want %d:\n%s", method, status(m), want, m)
	}
	return m
}

func hexMD5(s string) string {
	h := md5.Sum([]byte(s))
	return hex.EncodeToString(h[:])
}

var quoted = regexp.MustCompile(`(\w+)="([^"]*)"`)

// credentials answers a challenge as a phone does.
func credentials(challenge, login, password, method, uri string, nc int) string {
	part := map[string]string{}
	for _, m := range quoted.FindAllStringSubmatch(challenge, -1) {
		part[m[1]] = m[2]
	}
	ha1 := hexMD5(login + ":" + part["realm"] + ":" + password)
	count := fmt.Sprintf("%08x", nc)
	response := hexMD5(strings.Join([]string{ha1, part["nonce"], count, "abc", "auth", hexMD5(method + ":" + uri)}, ":"))
	return fmt.Sprintf(`Authorization: Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s", qop=auth, nc=%s, cnonce="abc", algorithm=MD5`,
		login, part["realm"], part["nonce"], uri, response, count)
}

// register registers the phone as login and returns the final response.
func (p *phone) register(login, password string, extra ...string) string {
	p.t.Helper()
	p.user = login
	m := message{
		method: "REGISTER", user: login, callID: "reg-" + login + p.addr(), cseq: p.n + 1,
		from: "<sip:" + login + "@127.0.0.1>;tag=r1", extra: extra,
	}
	p.send(p.text(m))
	first := p.response()
	if status(first) != 401 {
		return first
	}
	m.cseq, m.branch = p.n+1, ""
	m.extra = append([]string{credentials(header(first, "WWW-Authenticate"), login, password, "REGISTER", "sip:"+login+"@127.0.0.1", 1)}, extra...)
	p.send(p.text(m))
	return p.response()
}
