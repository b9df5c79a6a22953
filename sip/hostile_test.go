package sip_test

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pickup/sip"
)

// hostile changes a good request; want are the final statuses that are right,
// 0 is "no answer". What RFC 4475 has is in torture_test.go.
var hostile = map[string]struct {
	m      message
	change func(string) string
	udp    []int
	tcp    []int // nil: as by UDP
}{
	"a header of 20,000 bytes":  {message{method: "OPTIONS", extra: []string{"Subject: " + strings.Repeat("a", 20000)}}, nil, []int{200}, nil},
	"a header of 60,000 bytes":  {message{method: "OPTIONS", extra: []string{"Subject: " + strings.Repeat("a", 60000)}}, nil, []int{200}, nil},
	"a message beyond 64 KiB":   {message{method: "OPTIONS", extra: []string{"Subject: " + strings.Repeat("a", 64500)}}, nil, []int{200, 513}, nil},
	"sixty Via":                 {message{method: "OPTIONS"}, vias(60), []int{200}, nil},
	"a hundred Via":             {message{method: "OPTIONS"}, vias(100), []int{400}, nil},
	"two thousand Via":          {message{method: "OPTIONS"}, vias(2000), []int{400}, nil},
	"a thousand Via in one":     {message{method: "OPTIONS"}, viaList(1000), []int{400}, nil},
	"two hundred headers":       {message{method: "OPTIONS", extra: slices.Repeat([]string{"X-A: b"}, 200)}, nil, []int{400}, nil},
	"a thousand empty headers":  {message{method: "OPTIONS", extra: slices.Repeat([]string{":"}, 1000)}, nil, []int{400}, nil},
	"a header without colon":    {message{method: "OPTIONS", extra: []string{"no colon here"}}, nil, []int{200, 400}, nil},
	"multipart in multipart":    {message{method: "INVITE", extra: []string{"Content-Type: multipart/mixed;boundary=a"}, body: nested(40)}, nil, []int{415}, nil},
	"multipart without end":     {message{method: "INVITE", extra: []string{"Content-Type: multipart/mixed"}, body: "--a\r\n--a\r\n"}, nil, []int{415}, nil},
	"folded headers":            {message{method: "OPTIONS", extra: []string{"Subject: a\r\n b\r\n\tc"}}, nil, []int{200}, nil},
	"a header folded 20,000 x":  {message{method: "OPTIONS", extra: []string{"Subject: a" + strings.Repeat("\r\n b", 15000)}}, nil, []int{200}, nil},
	"To folded 3,000 times":     {message{method: "OPTIONS"}, edit("\r\nTo: <", "\r\nTo: "+strings.Repeat("\r\n ", 3000)+"<"), []int{200, 400}, nil},
	"folding before the first":  {message{method: "OPTIONS"}, edit(" SIP/2.0\r\n", " SIP/2.0\r\n folded\r\n"), []int{200, 400}, nil},
	"NUL in a display name":     {message{method: "OPTIONS", from: "\"a\x00b\" <sip:a@b>;tag=1"}, nil, []int{200, 400}, nil},
	"NUL in a user part":        {message{method: "INVITE", from: "<sip:a\x00b@c>;tag=1", body: offer}, nil, []int{400}, nil},
	"NUL in a Call-ID":          {message{method: "OPTIONS", callID: "a\x00b"}, nil, []int{200, 400}, nil},
	"NUL in the method":         {message{method: "OPT\x00IONS"}, nil, []int{0}, nil},
	"NUL in a header name":      {message{method: "OPTIONS", extra: []string{"X\x00Y: z"}}, nil, []int{200, 400}, nil},
	"nothing but NUL":           {message{method: "OPTIONS"}, func(string) string { return strings.Repeat("\x00", 500) }, []int{0}, nil},
	"broken UTF-8 in a name":    {message{method: "OPTIONS", from: "\"\xff\xfe\xc3\x28\" <sip:a@b>;tag=1"}, nil, []int{200}, nil},
	"broken UTF-8 in a user":    {message{method: "OPTIONS", from: "<sip:\xff\xfe@b>;tag=1"}, nil, []int{200, 400}, nil},
	"broken UTF-8 in a Call-ID": {message{method: "OPTIONS", callID: "\xff\xfe\xed\xa0\x80"}, nil, []int{200, 400}, nil},
	"text right to left":        {message{method: "OPTIONS", from: "\"\u202egnp.exe\" <sip:a@b>;tag=1"}, nil, []int{200}, nil},
	"negative CSeq":             {message{method: "OPTIONS"}, edit("CSeq: 1 ", "CSeq: -1 "), []int{400}, nil},
	"CSeq beyond 32 bits":       {message{method: "OPTIONS"}, edit("CSeq: 1 ", "CSeq: 4294967296 "), []int{400}, nil},
	"CSeq without method":       {message{method: "OPTIONS"}, edit("CSeq: 1 OPTIONS", "CSeq: 1"), []int{400}, nil},
	"CSeq of another method":    {message{method: "OPTIONS"}, edit("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"), []int{400}, nil},
	"two Call-IDs":              {message{method: "OPTIONS", extra: []string{"Call-ID: other"}}, nil, []int{400}, nil},
	"two Call-IDs, one compact": {message{method: "OPTIONS", extra: []string{"i: other"}}, nil, []int{400}, nil},
	"two CSeq":                  {message{method: "OPTIONS", extra: []string{"CSeq: 2 OPTIONS"}}, nil, []int{400}, nil},
	"OPTIONS at its last hop":   {message{method: "OPTIONS"}, edit("Max-Forwards: 70", "Max-Forwards: 0"), []int{483}, nil},
	"INVITE at its last hop":    {message{method: "INVITE", body: offer}, edit("Max-Forwards: 70", "Max-Forwards: 0"), []int{483}, nil},
	"REGISTER at its last hop":  {message{method: "REGISTER", user: "1001"}, edit("Max-Forwards: 70", "Max-Forwards: 0"), []int{483}, nil},
	"negative Max-Forwards":     {message{method: "OPTIONS"}, edit("Max-Forwards: 70", "Max-Forwards: -1"), []int{400}, nil},
	"Max-Forwards in words":     {message{method: "OPTIONS"}, edit("Max-Forwards: 70", "Max-Forwards: many"), []int{400}, nil},
	"a carriage return alone":   {message{method: "OPTIONS", extra: []string{"Subject: a\rVia: SIP/2.0/UDP evil"}}, nil, []int{400}, nil},
	"one in a From":             {message{method: "OPTIONS", from: "<sip:a@b>;tag=1\rX: y"}, nil, []int{400}, nil},
	"Content-Length too large":  {message{method: "OPTIONS"}, edit("Content-Length: 0", "Content-Length: 99"), []int{400}, []int{0}},
	"Content-Length too small":  {message{method: "OPTIONS", body: "12345678"}, edit("Content-Length: 8", "Content-Length: 1"), []int{200}, nil},
	"Content-Length negative":   {message{method: "OPTIONS"}, edit("Content-Length: 0", "Content-Length: -1"), []int{400}, nil},
	"Content-Length of a Tera":  {message{method: "OPTIONS"}, edit("Content-Length: 0", "Content-Length: 1099511627776"), []int{400, 513}, nil},
	"Content-Length of a Giga":  {message{method: "OPTIONS"}, edit("Content-Length: 0", "Content-Length: 1000000000"), []int{513}, nil},
	"two Content-Lengths":       {message{method: "OPTIONS", extra: []string{"Content-Length: 5"}}, nil, []int{400}, nil},
	"no Content-Length":         {message{method: "OPTIONS"}, edit("Content-Length: 0\r\n", ""), []int{200}, []int{400}},
	"a URI of 6,000 bytes":      {message{method: "INVITE", user: strings.Repeat("a", 6000), body: offer}, nil, []int{404}, nil},
	"a tag of 8,000 bytes":      {message{method: "OPTIONS", from: "<sip:a@b>;tag=" + strings.Repeat("t", 8000)}, nil, []int{200}, nil},
	"a thousand parameters":     {message{method: "OPTIONS", from: "<sip:a@b>;tag=1" + strings.Repeat(";p=q", 1000)}, nil, []int{200}, nil},
	"credentials of 8,000":      {message{method: "REGISTER", user: "1001", extra: []string{"Authorization: Digest username=\"" + strings.Repeat("u", 8000) + "\""}}, nil, []int{401}, nil},
	"a hundred credentials":     {message{method: "REGISTER", user: "1001", extra: slices.Repeat([]string{"Authorization: Digest username=\"1001\", realm=\"pickup\", nonce=\"n\", uri=\"u\", response=\"r\""}, 100)}, nil, []int{401}, nil},
	"a thousand media lines":    {message{method: "INVITE", body: offer + strings.Repeat("m=audio 9 RTP/AVP 8\r\n", 500)}, nil, []int{488}, []int{488}},
	"Record-Route to nowhere":   {message{method: "OPTIONS", extra: []string{"Record-Route: <sip:[::1;lr>"}}, nil, []int{200, 400}, nil},
	"Require of 3,000 names":    {message{method: "OPTIONS", extra: []string{"Require: " + strings.Repeat("x,", 3000)}}, nil, []int{420}, nil},
	"an HTTP request":           {message{method: "OPTIONS"}, func(string) string { return "GET / HTTP/1.1\r\nHost: x\r\n\r\n" }, []int{0}, nil},
	"a response nobody awaits":  {message{method: "OPTIONS"}, func(m string) string { return "SIP/2.0 200 OK\r\n" + m[strings.Index(m, "Via"):] }, []int{0}, nil},
}

func edit(old, by string) func(string) string {
	return func(m string) string { return strings.Replace(m, old, by, 1) }
}

func vias(n int) func(string) string {
	return func(m string) string {
		return strings.Replace(m, "Max-Forwards", strings.Repeat("v: SIP/2.0/UDP h\r\n", n-1)+"Max-Forwards", 1)
	}
}

func viaList(n int) func(string) string {
	return func(m string) string {
		return strings.Replace(m, "\r\nMax-Forwards", strings.Repeat(", SIP/2.0/UDP h;branch=z9hG4bKq", n-1)+"\r\nMax-Forwards", 1)
	}
}

func nested(depth int) string {
	s := offer
	for range depth {
		s = "--a\r\nContent-Type: multipart/mixed;boundary=a\r\n\r\n" + s + "\r\n--a--\r\n"
	}
	return s
}

func TestHostileMessages(t *testing.T) {
	e := startEdge(t, nil)
	living := e.talking()
	for name, c := range hostile {
		for network, want := range map[string][]int{"udp": c.udp, "tcp": c.tcp} {
			if want == nil {
				want = c.udp
			}
			t.Run(name+" by "+network, func(t *testing.T) {
				p := e.dial(network)
				p.t = t
				text := c.m
				if text.callID != "" {
					text.callID += network
				}
				m := p.text(text)
				if c.change != nil {
					m = c.change(m)
				}
				p.send(m)
				wait := patience
				if want[0] == 0 {
					wait = 200 * time.Millisecond
				}
				answer := p.read(wait)
				for strings.HasPrefix(answer, "SIP/2.0 1") {
					answer = p.read(wait)
				}
				if !slices.Contains(want, status(answer)) {
					t.Errorf("got %.300q, want one of %v", answer, want)
				}
				if strings.Contains(strings.ReplaceAll(answer, "\r\n", ""), "\r") {
					t.Errorf("a carriage return went back: %q", answer)
				}
			})
		}
	}
	e.phone().await("OPTIONS", 200)
	e.dial("tcp").await("OPTIONS", 200)
	living.untouched(t)
	if n := e.Metrics().Panics; n != 0 {
		t.Errorf("%d panics", n)
	}
}

// closed reads on until the server closes.
func (p *phone) closed() {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, p.conn); errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatal("the connection is still open")
	}
}

// After what has no certain end a stream cannot go on: the rest of it might be
// taken for a request.
func TestStreamIsClosedWhereItsFramingIsLost(t *testing.T) {
	e := startEdge(t, func(c *sip.Config) { c.Limits.MessageTime = time.Second })
	smuggled := func(p *phone) string { return p.text(message{method: "OPTIONS", callID: "smuggled"}) }
	tests := map[string]func(p *phone) string{
		"two Content-Lengths": func(p *phone) string {
			return p.text(message{method: "OPTIONS", extra: []string{"Content-Length: 5"}}) + smuggled(p)
		},
		"a Content-Length that is none": func(p *phone) string {
			return edit("Content-Length: 0", "Content-Length: x")(p.text(message{method: "OPTIONS"})) + smuggled(p)
		},
		"no Content-Length": func(p *phone) string {
			return edit("Content-Length: 0\r\n", "")(p.text(message{method: "OPTIONS"})) + smuggled(p)
		},
		"a Content-Length beyond the limit": func(p *phone) string {
			return edit("Content-Length: 0", "Content-Length: 70000")(p.text(message{method: "OPTIONS"})) + smuggled(p)
		},
		"a body longer than it says": func(p *phone) string {
			return edit("Content-Length: 8", "Content-Length: 1")(p.text(message{method: "OPTIONS", body: "12345678"}))
		},
		"a body that does not come": func(p *phone) string {
			return edit("Content-Length: 0", "Content-Length: 9999")(p.text(message{method: "OPTIONS"})) + smuggled(p)
		},
		"no end of the head": func(*phone) string { return "OPTIONS sip:x SIP/2.0\r\nSubject: " + strings.Repeat("a", 200000) },
		"no line end":        func(*phone) string { return strings.Repeat("a", 200000) },
		"HTTP":               func(*phone) string { return "GET / HTTP/1.1\r\n\r\n" },
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			p := e.dial("tcp")
			p.t = t
			go func() { _, _ = p.conn.Write([]byte(c(p))) }() // more than it may take
			for {
				m := p.read(patience)
				if m == "" {
					break
				}
				if header(m, "Call-ID") == "smuggled" {
					t.Fatalf("the rest was taken for a request: %s", m)
				}
			}
			p.closed()
		})
	}
}

// One byte now and then holds no connection for longer than a message may take.
func TestSlowStreamIsCut(t *testing.T) {
	e := startEdge(t, func(c *sip.Config) { c.Limits.MessageTime = 500 * time.Millisecond })
	p := e.dial("tcp")
	m := p.text(message{method: "OPTIONS"})
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for i := 0; i < len(m)-1; i++ {
			<-tick.C
			if _, err := p.conn.Write([]byte{m[i]}); err != nil {
				return
			}
		}
		t.Error("all but the last byte was taken")
	}()
	p.closed()
	<-cut
}

func TestIdleStreamIsClosedUnlessItIsUsed(t *testing.T) {
	e := startEdge(t, func(c *sip.Config) { c.Limits.IdleTime = 300 * time.Millisecond })
	used := e.dial("tcp")
	if m := used.register("1001", "demo-1001"); status(m) != 200 {
		t.Fatalf("got %s", m)
	}
	e.dial("tcp").closed()
	used.await("OPTIONS", 200)
}

// One source opens as many connections as it likes: newcomers are served, its
// idle ones make room, and those that are used stay.
func TestConnectionsOfOneSourceMakeRoom(t *testing.T) {
	e := startEdge(t, func(c *sip.Config) { c.Limits.SourceConnections = 4 })
	used := e.dial("tcp")
	if m := used.register("1001", "demo-1001"); status(m) != 200 {
		t.Fatalf("got %s", m)
	}
	var idle []*phone
	for range 20 {
		p := e.dial("tcp")
		p.await("OPTIONS", 200)
		idle = append(idle, p)
	}
	for _, p := range idle[:len(idle)-3] {
		p.closed()
	}
	idle[len(idle)-1].await("OPTIONS", 200)
	used.await("OPTIONS", 200)
	if m := e.Metrics(); m.Connections != 4 || m.ConnectionsEvicted != 17 {
		t.Errorf("got %+v", m)
	}
}

func TestConnectionsThatAreUsedAreNotEvicted(t *testing.T) {
	e := startEdge(t, func(c *sip.Config) { c.Limits.SourceConnections = 2 })
	a, b := e.dial("tcp"), e.dial("tcp")
	if m := a.register("1001", "demo-1001"); status(m) != 200 {
		t.Fatalf("got %s", m)
	}
	b.send(b.text(message{method: "INVITE", callID: "busy", body: offer}))
	ch := events(e.inbound().Leg)
	e.dial("tcp").closed()
	a.await("OPTIONS", 200)
	b.await("OPTIONS", 200)
	if n := e.Metrics().ConnectionsRefused; n != 1 {
		t.Errorf("%d refused", n)
	}
	b.send(b.text(message{method: "BYE", callID: "busy"})) // without tag: not the call's
	if m := b.response(); status(m) != 481 {
		t.Errorf("got %s", m)
	}
	_ = b.conn.Close()
	_ = ch
}

// The limit of the whole server works across sources.
func TestConnectionsOfAllSourcesMakeRoom(t *testing.T) {
	e := startEdge(t, func(c *sip.Config) { c.Listen = "0.0.0.0:0"; c.Limits.Connections = 3 })
	_, port, err := net.SplitHostPort(e.Addr())
	if err != nil {
		t.Fatal(err)
	}
	var all []*phone
	for i := range 6 { // each from another source
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(10+i))}}
		c, err := d.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		p := &phone{t: t, conn: c, user: "alice"}
		p.await("OPTIONS", 200)
		all = append(all, p)
	}
	all[0].closed()
	all[5].await("OPTIONS", 200)
	if m := e.Metrics(); m.Connections != 3 || m.ConnectionsEvicted != 3 {
		t.Errorf("got %+v", m)
	}
}

func TestLimitsThatCannotWorkAreNamed(t *testing.T) {
	tests := map[string]struct {
		limits sip.Limits
		want   string
	}{
		"short message":     {sip.Limits{MessageBytes: 10}, "sip.limits.message_bytes"},
		"long message":      {sip.Limits{MessageBytes: 70000}, "sip.limits.message_bytes"},
		"no headers":        {sip.Limits{Headers: -1}, "sip.limits.headers"},
		"many hops":         {sip.Limits{Vias: 71}, "sip.limits.vias"},
		"no connections":    {sip.Limits{Connections: -1}, "sip.limits.connections"},
		"none of a source":  {sip.Limits{SourceConnections: -1}, "sip.limits.source_connections"},
		"negative patience": {sip.Limits{MessageTime: -1}, "sip.limits.message_time"},
		"negative idleness": {sip.Limits{IdleTime: -1}, "sip.limits.idle_time"},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := sip.Config{Limits: c.limits}
			if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	cfg := sip.Config{}
	if err := cfg.Check(); err != nil || cfg.Limits.MessageBytes != 65535 || cfg.Limits.SourceConnections != 256 || cfg.Limits.MessageTime != 10*time.Second {
		t.Errorf("got %+v, %v", cfg.Limits, err)
	}
}
