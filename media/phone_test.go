package media_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"pickup/call"
	"pickup/internal/g711"
	"pickup/media"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// patience is how long a test waits for what must come.
const patience = 5 * time.Second

// config is that of a test's engine, on a range of ports of its own.
func config(t testing.TB, pairs int) media.Config {
	t.Helper()
	probe, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	first := probe.LocalAddr().(*net.UDPAddr).Port &^ 1
	_ = probe.Close()
	if first > 64000 {
		first -= 8000
	}
	return media.Config{
		FirstPort: first, LastPort: first + 2*pairs - 1,
		LocalAddr: func(netip.Addr) netip.Addr { return loopback },
		Prompt:    testPrompt,
		Music:     tone(700, 8000*4),
		Shards:    1,
		Listen:    listenWith,
	}
}

// testPrompt knows "short" (200 ms of 900 Hz) and "long" (2 s of 1100 Hz).
func testPrompt(language, id string) ([]int16, bool) {
	switch id {
	case "short":
		return tone(900, 1600), true
	case "long":
		return tone(1100, 16000), true
	}
	return nil, false
}

// tone is a sine of hz at 8 kHz.
func tone(hz float64, samples int) []int16 {
	out := make([]int16, samples)
	for i := range out {
		out[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/8000))
	}
	return out
}

// power is the Goertzel power of hz in pcm, relative to all of its energy: 1 for
// a pure tone.
func power(pcm []int16, hz float64) float64 {
	c := 2 * math.Cos(2*math.Pi*hz/8000)
	var s1, s2, energy float64
	for _, v := range pcm {
		s1, s2 = float64(v)+c*s1-s2, s1
		energy += float64(v) * float64(v)
	}
	if energy == 0 {
		return 0
	}
	return 2 * (s1*s1 + s2*s2 - c*s1*s2) / (energy * float64(len(pcm)))
}

// start makes an engine that runs until the test ends.
func start(t testing.TB, cfg media.Config) *media.Engine {
	t.Helper()
	e, err := media.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := e.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() { stop(); wg.Wait() })
	return e
}

// packet is one RTP packet that a phone got.
type packet struct {
	marker  bool
	pt      uint8
	seq     uint16
	stamp   uint32
	ssrc    uint32
	payload []byte
}

func readPacket(p []byte) packet {
	return packet{
		marker: p[1]&0x80 != 0, pt: p[1] & 0x7f, seq: binary.BigEndian.Uint16(p[2:]),
		stamp: binary.BigEndian.Uint32(p[4:]), ssrc: binary.BigEndian.Uint32(p[8:]),
		payload: append([]byte(nil), p[12:]...),
	}
}

// phone is a phone of the test: a socket, and what came to it.
type phone struct {
	t    testing.TB
	conn *net.UDPConn
	to   *net.UDPAddr
	law  uint8
	seq  uint16
	at   uint32
	ssrc uint32

	mu  sync.Mutex
	got []packet
}

func newPhone(t testing.TB, law uint8) *phone {
	t.Helper()
	return newPhoneAt(t, law, "127.0.0.1")
}

// newPhoneAt makes a phone on a host of the loopback network.
func newPhoneAt(t testing.TB, law uint8, host string) *phone {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(host)})
	if err != nil {
		t.Fatal(err)
	}
	p := &phone{t: t, conn: conn, law: law, seq: 65500, at: 4294960000, ssrc: 0x1000 + uint32(law)}
	var wg sync.WaitGroup
	wg.Go(p.read)
	t.Cleanup(func() { _ = conn.Close(); wg.Wait() })
	return p
}

func (p *phone) read() {
	buf := make([]byte, 1500)
	for {
		n, err := p.conn.Read(buf)
		if err != nil {
			return
		}
		if n < 12 || buf[1] >= 192 && buf[1] <= 223 {
			continue
		}
		p.mu.Lock()
		p.got = append(p.got, readPacket(buf[:n]))
		p.mu.Unlock()
	}
}

func (p *phone) port() int { return p.conn.LocalAddr().(*net.UDPAddr).Port }

// sdp is the phone's description with its law first; more are further lines.
func (p *phone) sdp(more ...string) string {
	formats := "8 0 101"
	if p.law == g711.PCMU {
		formats = "0 101"
	}
	return fmt.Sprintf("v=0\r\no=phone 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP %s\r\n"+
		"a=rtpmap:101 telephone-event/8000\r\n%s", p.port(), formats, strings.Join(append(more, ""), "\r\n"))
}

// send sends one packet of audio, in the phone's law.
func (p *phone) send(pcm []int16) {
	payload := make([]byte, len(pcm))
	g711.Encode(p.law, payload, pcm)
	p.write(p.law, false, p.at, payload)
	p.at += uint32(len(pcm))
}

// write sends one packet as it is told.
func (p *phone) write(pt uint8, marker bool, stamp uint32, payload []byte) {
	p.t.Helper()
	if _, err := p.conn.WriteToUDP(p.raw(pt, marker, stamp, payload), p.to); err != nil {
		p.t.Fatal(err)
	}
}

func (p *phone) raw(pt uint8, marker bool, stamp uint32, payload []byte) []byte {
	b := make([]byte, 12, 12+len(payload))
	b[0], b[1] = 0x80, pt
	if marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], p.seq)
	binary.BigEndian.PutUint32(b[4:], stamp)
	binary.BigEndian.PutUint32(b[8:], p.ssrc)
	p.seq++
	return append(b, payload...)
}

// packets returns what came so far.
func (p *phone) packets() []packet {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]packet(nil), p.got...)
}

// heard returns the audio of the last n packets, decoded by their payload type.
func (p *phone) heard(n int) []int16 {
	var pcm []int16
	got := p.packets()
	for _, k := range got[max(0, len(got)-n):] {
		if k.pt == g711.PCMA || k.pt == g711.PCMU {
			s := make([]int16, len(k.payload))
			g711.Decode(k.pt, s, k.payload)
			pcm = append(pcm, s...)
		}
	}
	return pcm
}

// eventually waits until what is said is true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// portOf returns the port of the audio line of a description.
func portOf(t testing.TB, sdp []byte) int {
	t.Helper()
	for line := range strings.SplitSeq(string(sdp), "\r\n") {
		var port int
		if n, _ := fmt.Sscanf(line, "m=audio %d", &port); n == 1 {
			return port
		}
	}
	t.Fatalf("no audio line in %q", sdp)
	return 0
}

// connect makes a leg for a phone that offers, and tells the phone its port.
func connect(t testing.TB, e *media.Engine, p *phone) *media.Leg {
	t.Helper()
	l, err := e.NewLeg(media.LegOptions{ID: call.LegID(t.Name()), Peer: loopback})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	answer, err := l.Answer(t.Context(), []byte(p.sdp()))
	if err != nil {
		t.Fatal(err)
	}
	p.to = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: portOf(t, answer)}
	return l
}

// events collects what a leg tells.
type events struct {
	mu  sync.Mutex
	all []media.Event
}

func listen(l *media.Leg) *events {
	e := &events{}
	l.Bind(func(m media.Event) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.all = append(e.all, m)
	})
	return e
}

func (e *events) of(kind media.EventKind) []media.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []media.Event
	for _, m := range e.all {
		if m.Kind == kind {
			out = append(out, m)
		}
	}
	return out
}

// digits returns the keys that were told.
func (e *events) digits() string {
	var b strings.Builder
	for _, m := range e.of(media.EventDTMF) {
		b.WriteRune(m.Digit)
	}
	return b.String()
}
