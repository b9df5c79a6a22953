package sip_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
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
