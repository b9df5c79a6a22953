package sip_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/callflow"
	"pickup/media"
	"pickup/sip"
	"pickup/sip/locate"
)

// memory is the sip.Store of the tests.
type memory struct {
	mu       sync.Mutex
	users    map[string]account.User
	bindings map[string]account.Binding
	trunks   []sip.Trunk
}

func (m *memory) UserByLogin(_ context.Context, login string) (account.User, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, ok := m.users[login]
	return u, ok, nil
}

func (m *memory) SaveBinding(_ context.Context, b account.Binding) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bindings[b.AOR+" "+b.Key] = b
	return nil
}

func (m *memory) DropBinding(_ context.Context, aor, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.bindings, aor+" "+key)
	return nil
}

func (m *memory) Bindings(context.Context) ([]account.Binding, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []account.Binding
	for _, b := range m.bindings {
		out = append(out, b)
	}
	return out, nil
}

// add makes n users LOGIN-0, LOGIN-1, ...
func (m *memory) add(login string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range n {
		u := m.users[login]
		u.Login = fmt.Sprintf("%s-%d", login, i)
		u.HA1MD5, u.HA1SHA256 = account.HA1(u.Login, "pickup", "secret")
		m.users[u.Login] = u
	}
}

// stored counts the bindings.
func (m *memory) stored() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.bindings)
}

func (m *memory) Trunks(context.Context) ([]sip.Trunk, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.trunks, nil
}

// flowOfCalls is the callflow.Handler of the tests: what comes in is put on
// channels, nothing is answered by itself.
type flowOfCalls struct {
	calls    chan callflow.Inbound
	presence chan int
	refusal  atomic.Pointer[callflow.Refusal]
	panics   atomic.Bool
}

func (h *flowOfCalls) Routable(user string, a account.ID) bool {
	if strings.HasPrefix(user, "*") {
		return user == "*45" && a != ""
	}
	return user == "support" || user == "welcome"
}

func (h *flowOfCalls) Accept(in callflow.Inbound) *callflow.Refusal {
	if h.panics.Load() {
		panic("handler of the test")
	}
	if r := h.refusal.Load(); r != nil {
		return r
	}
	h.calls <- in
	return nil
}

func (h *flowOfCalls) Presence(_ account.ID, p callflow.Presence) { h.presence <- p.Devices }

// edge is a running Server with one user, 1001.
type edge struct {
	*sip.Server
	t     testing.TB
	h     *flowOfCalls
	store *memory
}

// noNames knows addresses only.
func noNames(ctx context.Context, host string, port int, transport string) (locate.Set, error) {
	if _, err := netip.ParseAddr(host); err != nil {
		return locate.Set{}, locate.ErrNotFound
	}
	return (&locate.Resolver{}).Locate(ctx, host, port, transport)
}

func startEdge(t testing.TB, change func(*sip.Config)) *edge {
	t.Helper()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	loop := func(netip.Addr) netip.Addr { return netip.MustParseAddr("127.0.0.1") }
	m, err := media.New(media.Config{FirstPort: 41000, LastPort: 48999, LocalAddr: loop}, log)
	if err != nil {
		t.Fatal(err)
	}
	store := &memory{users: map[string]account.User{}, bindings: map[string]account.Binding{}}
	u := account.User{ID: "u1001", Login: "1001", Active: true, Role: account.RoleAgent, Demo: true}
	u.HA1MD5, u.HA1SHA256 = account.HA1("1001", "pickup", "demo-1001")
	store.users["1001"] = u
	cfg := sip.Config{Listen: "127.0.0.1:0", LocalAddr: loop, GuardTrusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Locate: noNames}
	if change != nil {
		change(&cfg)
	}
	s, err := sip.NewServer(cfg, m, store, log)
	if err != nil {
		t.Fatal(err)
	}
	e := &edge{Server: s, t: t, h: &flowOfCalls{calls: make(chan callflow.Inbound, 100), presence: make(chan int, 100)}, store: store}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = m.Run(ctx) })
	wg.Go(func() { _ = s.Serve(ctx, e.h) })
	t.Cleanup(func() { stop(); wg.Wait() })
	e.phone().await("OPTIONS", 200) // serving
	return e
}

// patience bounds what must come: other processes may hold the cores.
const patience = 15 * time.Second

// until polls what another goroutine brings about.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

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

func (e *edge) inbound() callflow.Inbound {
	e.t.Helper()
	select {
	case in := <-e.h.calls:
		return in
	case <-time.After(patience):
		e.t.Fatal("no call came")
		return callflow.Inbound{}
	}
}

// events of a leg.
func events(l callflow.Leg) chan callflow.LegEvent {
	ch := make(chan callflow.LegEvent, 100)
	l.Bind(func(e callflow.LegEvent) { ch <- e })
	return ch
}

func expect(t testing.TB, ch chan callflow.LegEvent, kind callflow.LegEventKind, within time.Duration) callflow.LegEvent {
	t.Helper()
	select {
	case e := <-ch:
		if e.Kind != kind {
			t.Fatalf("got event %+v, want kind %d", e, kind)
		}
		return e
	case <-time.After(within):
		t.Fatalf("no event of kind %d", kind)
		return callflow.LegEvent{}
	}
}

func TestInboundCallIsAnsweredAndEnded(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			e := startEdge(t, nil)
			p := e.dial(network)
			m := message{method: "INVITE", callID: "call-1", body: offer}
			p.send(p.text(m))
			in := e.inbound()
			if in.To.User != "support" || in.From.User != "alice" || in.From.ReachBack != "alice@"+network+":"+p.addr() {
				t.Errorf("got %+v", in)
			}
			ch := events(in.Leg)
			in.Leg.Answer()
			ok := p.response()
			if status(ok) != 200 || !strings.Contains(ok, "m=audio") {
				t.Fatalf("got %s", ok)
			}
			to := header(ok, "To")
			p.send(p.text(message{method: "ACK", callID: "call-1", to: to}))
			expect(t, ch, callflow.LegAnswered, patience)
			p.send(p.text(message{method: "INFO", callID: "call-1", to: to, cseq: 2, extra: []string{"Content-Type: application/dtmf-relay"}, body: "Signal=1\r\nDuration=160\r\n"}))
			if m := p.response(); status(m) != 200 {
				t.Fatalf("INFO: %s", m)
			}
			if ev := expect(t, ch, callflow.LegDTMF, patience); ev.Digit != '1' {
				t.Errorf("got digit %q", ev.Digit)
			}
			p.send(p.text(message{method: "INVITE", callID: "call-1", to: to, cseq: 3, body: strings.ReplaceAll(offer, "o=- 1 1", "o=- 1 2") + "a=sendonly\r\n"}))
			if m := p.response(); status(m) != 200 || !strings.Contains(m, "a=recvonly") {
				t.Fatalf("hold: %s", m)
			}
			expect(t, ch, callflow.LegHeld, patience)
			p.send(p.text(message{method: "ACK", callID: "call-1", to: to, cseq: 3}))
			p.send(p.text(message{method: "BYE", callID: "call-1", to: to, cseq: 2}))
			if m := p.response(); status(m) != 500 {
				t.Fatalf("BYE with a lower CSeq: %s", m)
			}
			p.send(p.text(message{method: "BYE", callID: "call-1", to: to, cseq: 4}))
			if m := p.response(); status(m) != 200 {
				t.Fatalf("BYE: %s", m)
			}
			expect(t, ch, callflow.LegHungUp, patience)
			expect(t, ch, callflow.LegFinal, patience)
		})
	}
}

func TestCallerWhoCancelsGets487(t *testing.T) {
	e := startEdge(t, nil)
	p := e.phone()
	p.send(p.text(message{method: "INVITE", callID: "call-c", branch: "z9hG4bKx1", body: offer}))
	in := e.inbound()
	ch := events(in.Leg)
	p.send(p.text(message{method: "CANCEL", callID: "call-c", branch: "z9hG4bKx1"}))
	got := map[int]bool{status(p.response()): true, status(p.response()): true}
	if !got[200] || !got[487] {
		t.Errorf("got %v, want 200 and 487", got)
	}
	expect(t, ch, callflow.LegHungUp, patience)
	expect(t, ch, callflow.LegFinal, patience)
}

func TestMissingAckSendsThe200Again(t *testing.T) {
	e := startEdge(t, nil)
	p := e.phone()
	p.send(p.text(message{method: "INVITE", callID: "call-a", body: offer}))
	in := e.inbound()
	ch := events(in.Leg)
	in.Leg.Answer()
	first := p.response()
	again := p.response()
	if header(first, "To") != header(again, "To") {
		t.Error("another To-tag on the retransmission")
	}
	p.send(p.text(message{method: "ACK", callID: "call-a", to: header(first, "To")}))
	expect(t, ch, callflow.LegAnswered, patience)
	in.Leg.End(call.Cause{Status: 200, Text: "done"})
	bye := p.request("BYE")
	if !strings.HasPrefix(bye, "BYE sip:alice@"+p.addr()) || !strings.Contains(bye, `text="done"`) {
		t.Fatalf("got %s", bye)
	}
	p.reply(bye, 200, "")
	expect(t, ch, callflow.LegFinal, patience)
}

// reply answers a request.
func (p *phone) reply(request string, code int, body string, extra ...string) {
	p.t.Helper()
	lines := []string{fmt.Sprintf("SIP/2.0 %d X", code)}
	for line := range strings.SplitSeq(request, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		switch name {
		case "Via", "From", "Call-ID", "CSeq", "Record-Route":
			lines = append(lines, line)
		case "To":
			if !strings.Contains(line, ";tag=") && code > 100 {
				line += ";tag=dev"
			}
			lines = append(lines, line)
		}
	}
	lines = append(lines, "Contact: <sip:"+p.user+"@"+p.addr()+">")
	if body != "" {
		lines = append(lines, "Content-Type: application/sdp")
	}
	lines = append(lines, extra...)
	lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)), "", body)
	p.send(strings.Join(lines, "\r\n"))
}

// request reads the next request of that method, answering OPTIONS on the way.
func (p *phone) request(method string) string {
	p.t.Helper()
	for range 20 {
		m := p.read(patience)
		if m == "" {
			break
		}
		if strings.HasPrefix(m, method+" ") {
			return m
		}
		if strings.HasPrefix(m, "OPTIONS ") {
			p.reply(m, 200, "")
		}
	}
	p.t.Fatalf("no %s came", method)
	return ""
}

func TestRegisteredDeviceIsRungAndAnswers(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			e := startEdge(t, nil)
			p := e.dial(network)
			if m := p.register("1001", "demo-1001"); status(m) != 200 {
				t.Fatalf("got %s", m)
			}
			if n := <-e.h.presence; n != 1 {
				t.Fatalf("presence %d", n)
			}
			devices := e.Devices("u1001")
			if len(devices) != 1 {
				t.Fatalf("got %v", devices)
			}
			l, err := e.Dialer(callflow.AddressDevice).Dial(t.Context(), callflow.Invitation{
				LegID: "leg1", CallID: "call1", To: devices[0], FromUser: "alice", FromDisplay: "alice (support)", Queue: "support",
			})
			if err != nil {
				t.Fatal(err)
			}
			ch := events(l)
			invite := p.request("INVITE")
			if !strings.Contains(invite, `From: "alice (support)" <sip:alice@`) || header(invite, "X-Pickup-Call") != "call1" {
				t.Errorf("got %s", invite)
			}
			p.reply(invite, 180, "")
			expect(t, ch, callflow.LegRinging, patience)
			p.reply(invite, 200, strings.Replace(offer, "8 0 101", "8 101", 1))
			expect(t, ch, callflow.LegAnswered, patience)
			p.request("ACK")
			p.send(p.text(message{
				method: "BYE", user: "x", callID: header(invite, "Call-ID"), to: header(invite, "From"),
				from: header(invite, "To") + ";tag=dev", cseq: 1,
			}))
			if m := p.response(); status(m) != 200 {
				t.Fatalf("BYE: %s", m)
			}
			expect(t, ch, callflow.LegHungUp, patience)
			expect(t, ch, callflow.LegFinal, patience)
		})
	}
}
