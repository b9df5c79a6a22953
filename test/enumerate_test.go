//go:build e2e

package test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"pickup/account"
	"pickup/internal/id"
)

// asker sends requests of its own from one address.
type asker struct {
	t    *testing.T
	conn net.Conn
}

func newAsker(t *testing.T, host, server string) *asker {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp4", server)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.ParseIP(host)}, to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &asker{t: t, conn: c}
}

// ask sends a request about a user and returns the final answer, and how long
// it took to come.
func (a *asker) ask(method, user string, cseq int, extra string) (sipMessage, time.Duration) {
	a.t.Helper()
	callID, server := id.New(), a.conn.RemoteAddr().String()
	text := fmt.Sprintf("%[1]s sip:%[2]s@%[3]s SIP/2.0\r\nVia: SIP/2.0/UDP %[4]s;branch=z9hG4bK%[5]s;rport\r\nMax-Forwards: 70\r\n"+
		"From: <sip:%[2]s@%[3]s>;tag=a\r\nTo: <sip:%[2]s@%[3]s>\r\nCall-ID: %[5]s\r\nCSeq: %[6]d %[1]s\r\nContact: <sip:%[2]s@%[4]s>\r\n"+
		"%[7]sContent-Length: 0\r\n\r\n", method, user, server, a.conn.LocalAddr(), callID, cseq, extra)
	began := time.Now()
	if _, err := a.conn.Write([]byte(text)); err != nil {
		a.t.Fatal(err)
	}
	buf := make([]byte, 65536)
	_ = a.conn.SetReadDeadline(began.Add(10 * time.Second))
	for {
		n, err := a.conn.Read(buf)
		if err != nil {
			a.t.Fatalf("%s of %s: %v", method, user, err)
		}
		if m, ok := parseMessage(buf[:n]); ok && m.get("call-id") == callID && m.status() >= 200 {
			return m, time.Since(began)
		}
	}
}

// proof is a wrong answer to a challenge.
func proof(challenge, user, uri string) string {
	_, nonce, _ := strings.Cut(challenge, `nonce="`)
	nonce, _, _ = strings.Cut(nonce, `"`)
	ha1, _ := account.HA1(user, "pickup", "no such password")
	response := md5Hex(strings.Join([]string{ha1, nonce, "00000001", "abc", "auth", md5Hex("REGISTER:" + uri)}, ":"))
	return fmt.Sprintf("Authorization: Digest username=\"%s\", realm=\"pickup\", nonce=\"%s\", uri=\"%s\", response=\"%s\", algorithm=MD5, "+
		"qop=auth, nc=00000001, cnonce=\"abc\"\r\n", user, nonce, uri, response)
}

// likeness is an answer without what differs from one to the next.
func likeness(m sipMessage) string {
	out := []string{m.start}
	for name, values := range m.headers {
		value := strings.Join(values, " ")
		switch name {
		case "via", "from", "to", "call-id", "cseq":
			value = ""
		case "www-authenticate":
			before, after, _ := strings.Cut(value, `nonce="`)
			_, after, _ = strings.Cut(after, `"`)
			value = before + after
		}
		out = append(out, name+": "+value)
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// TestUsersAreNotToldFromOthers: whatever is asked about a user is answered with
// the status and headers, and in the time, of a name that nobody has.
func TestUsersAreNotToldFromOthers(t *testing.T) {
	s := startServer(t, "PICKUP_SIP_GUARD_RATE=100000", "PICKUP_SIP_GUARD_BURST=1000000")
	plain := newAsker(t, "127.0.0.1", s.sip)
	uri := "sip:1001@" + s.sip
	methods := map[string]func(user string, n int) (sipMessage, time.Duration){
		"REGISTER with a wrong password": func(user string, n int) (sipMessage, time.Duration) {
			a := newAsker(t, fmt.Sprintf("127.0.3.%d", 1+n/5), s.sip) // five of ten free tries of each
			defer func() { _ = a.conn.Close() }()
			challenge, _ := a.ask("REGISTER", user, 1, "")
			return a.ask("REGISTER", user, 2, proof(challenge.get("www-authenticate"), user, strings.Replace(uri, "1001", user, 1)))
		},
	}
	for _, method := range []string{"REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE"} {
		extra := ""
		if method == "SUBSCRIBE" {
			extra = "Event: presence\r\nExpires: 600\r\n"
		}
		methods[method] = func(user string, _ int) (sipMessage, time.Duration) { return plain.ask(method, user, 1, extra) }
	}
	for method, ask := range methods {
		t.Run(method, func(t *testing.T) {
			times, seen := map[string][]time.Duration{}, map[string]string{}
			users := []string{"1001", "4401"}
			for n := range enumerateTries {
				for _, user := range users {
					m, took := ask(user, n)
					times[user], seen[user] = append(times[user], took), likeness(m)
				}
				slices.Reverse(users) // neither is always the first
			}
			if seen["1001"] != seen["4401"] {
				t.Errorf("a user is answered\n%s\nnobody\n%s", seen["1001"], seen["4401"])
			}
			user, nobody := middle(times["1001"]), middle(times["4401"])
			t.Logf("median of %d: %v for a user, %v for nobody; %s", enumerateTries, user, nobody, strings.SplitN(seen["1001"], "\n", 2)[0])
			if diff := (user - nobody).Abs(); diff >= 5*time.Millisecond {
				t.Errorf("%v of difference", diff)
			}
		})
	}
}

func middle(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
