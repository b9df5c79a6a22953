package media_test

import (
	"encoding/binary"
	"log/slog"
	"math"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pickup/media"
)

// wire is a Socket whose packets the test hands over one by one.
type wire struct {
	at      netip.AddrPort
	in      chan []byte
	from    netip.AddrPort
	done    chan struct{}
	written *atomic.Uint64
	told    chan struct{} // a packet was written; nil: nobody waits
}

func (w *wire) ReadBatch(batch []media.Datagram) (int, error) {
	select {
	case p := <-w.in:
		batch[0].N, batch[0].From = copy(batch[0].Buf, p), w.from
		return 1, nil
	case <-w.done:
		return 0, media.ErrClosed
	}
}

func (w *wire) Write([]byte, netip.AddrPort) error {
	w.written.Add(1)
	if w.told != nil {
		w.told <- struct{}{}
	}
	return nil
}

func (w *wire) LocalAddr() netip.AddrPort { return w.at }

func (w *wire) Close() error {
	select {
	case <-w.done:
	default:
		close(w.done)
	}
	return nil
}

// wires is an engine on such sockets; Run is not called, so nothing ticks.
type wires struct {
	engine  *media.Engine
	byPort  map[uint16]*wire
	written atomic.Uint64
	told    chan struct{}
}

func newWires(t testing.TB, told chan struct{}, change ...func(*media.Config)) *wires {
	t.Helper()
	w := &wires{byPort: map[uint16]*wire{}, told: told}
	cfg := media.Config{
		FirstPort: 2000, LastPort: 60000, Shards: 1, Music: tone(700, 8000),
		LocalAddr: func(netip.Addr) netip.Addr { return loopback },
		Listen: func(at netip.AddrPort) (media.Socket, error) {
			s := &wire{at: at, in: make(chan []byte), done: make(chan struct{}), written: &w.written, told: told}
			w.byPort[at.Port()] = s
			return s, nil
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	e, err := media.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	w.engine = e
	return w
}

// leg makes a leg with a phone of one codec at a port, and returns its wire. more
// are further lines of its description.
func (w *wires) leg(t testing.TB, codec string, more ...string) (*media.Leg, *wire) {
	t.Helper()
	l := newLeg(t, w.engine)
	answer, err := l.Answer(t.Context(), []byte(head+"m=audio 4000 RTP/AVP "+codec+" 101\r\na=rtpmap:101 telephone-event/8000\r\n"+strings.Join(more, "")))
	if err != nil {
		t.Fatal(err)
	}
	s := w.byPort[uint16(portOf(t, answer))]
	s.from = netip.AddrPortFrom(loopback, 4000)
	return l, s
}

// ringTap copies payloads to a ring, as a recorder does.
type ringTap struct {
	at   [2]int
	ring [2][1 << 14]byte
}

func (r *ringTap) Packet(side int, _ uint8, _ uint16, _ uint32, _ time.Duration, payload []byte) {
	at := r.at[side]
	if at+len(payload) > len(r.ring[side]) {
		at = 0
	}
	r.at[side] = at + copy(r.ring[side][at:], payload)
}

// next moves a packet on by one frame.
func next(p []byte) {
	binary.BigEndian.PutUint16(p[2:], binary.BigEndian.Uint16(p[2:])+1)
	binary.BigEndian.PutUint32(p[4:], binary.BigEndian.Uint32(p[4:])+160)
}

func audioPacket(pt byte) []byte {
	p := make([]byte, 172)
	p[0], p[1], p[11] = 0x80, pt, 7
	return p
}

// leastAllocations is the least of a few measurements: the count is that of
// the whole process, and what an earlier test leaves behind only adds to it.
func leastAllocations(runs int, f func()) float64 {
	least := math.Inf(1)
	for range 5 {
		least = min(least, testing.AllocsPerRun(runs, f))
	}
	return least
}

func TestTheBridgeAllocatesNothing(t *testing.T) {
	for name, agentCodec := range map[string]string{"equal laws": "8", "converted laws": "0"} {
		t.Run(name, func(t *testing.T) {
			told := make(chan struct{})
			w := newWires(t, told)
			lp, player := w.leg(t, "8")
			la, _ := w.leg(t, agentCodec)
			bridge := media.NewBridge(lp, la, &ringTap{}, nil)
			defer bridge.Close()
			p := audioPacket(8)
			if got := leastAllocations(500, func() {
				next(p)
				player.in <- p
				<-told
			}); got != 0 {
				t.Errorf("%v allocations a packet", got)
			}
		})
	}
}

func TestMusicAndPromptsAllocateNothing(t *testing.T) {
	w := newWires(t, nil)
	for range 50 {
		l, _ := w.leg(t, "8")
		l.Music(true)
	}
	n := uint64(0)
	if got := leastAllocations(200, func() { n++; w.engine.TickNow(n) }); got > 1 { // the test's own tick
		t.Errorf("%v allocations for 50 listeners", got)
	}
	if got := w.written.Load(); got < 50*200 {
		t.Errorf("%d packets", got)
	}
}

func TestAnEngineAtWorkAllocatesNothing(t *testing.T) {
	e := start(t, config(t, 128))
	var legs []*media.Leg
	for range 50 {
		p := newPhone(t, 8)
		l := connect(t, e, p)
		l.Music(true)
		legs = append(legs, l)
		_ = p.conn.Close() // nobody listens: what is measured is ours
	}
	sent := func() (n uint64) {
		for _, l := range legs {
			n += l.Quality().PacketsOut
		}
		return n
	}
	eventually(t, "music", func() bool { return sent() > 500 })
	least := math.Inf(1)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		first := sent()
		eventually(t, "more music", func() bool { return sent() > first+1000 })
		runtime.ReadMemStats(&after)
		least = min(least, float64(after.Mallocs-before.Mallocs)/float64(sent()-first))
	}
	if least > 0.02 {
		t.Errorf("%.3f allocations a packet", least)
	}
}

func benchmarkBridge(b *testing.B, agentCodec string, tap media.Tap) {
	told := make(chan struct{})
	w := newWires(b, told)
	lp, player := w.leg(b, "8")
	la, _ := w.leg(b, agentCodec)
	bridge := media.NewBridge(lp, la, tap, nil)
	defer bridge.Close()
	p := audioPacket(8)
	b.ReportAllocs()
	for b.Loop() {
		next(p)
		player.in <- p
		<-told
	}
}

// The bridge alone, without system calls; two channel operations of the
// benchmark are in each figure.
func BenchmarkBridgeRelay(b *testing.B) {
	b.Run("plain", func(b *testing.B) { benchmarkBridge(b, "8", nil) })
	b.Run("tap", func(b *testing.B) { benchmarkBridge(b, "8", &ringTap{}) })
	b.Run("tap-transcoded", func(b *testing.B) { benchmarkBridge(b, "0", &ringTap{}) })
}

func BenchmarkMusicTick1000Listeners(b *testing.B) {
	w := newWires(b, nil)
	for i := range 1000 {
		l, _ := w.leg(b, []string{"0", "8"}[i%2])
		l.Music(true)
	}
	b.ReportAllocs()
	n := uint64(0)
	for b.Loop() {
		n++
		w.engine.TickNow(n)
	}
}

func FuzzPacket(f *testing.F) {
	f.Add(audioPacket(8))
	f.Add([]byte{0xB2, 0x65, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0xBE, 0xDE, 0, 1, 1, 2, 3, 4, 5, 6, 7, 1})
	f.Add([]byte{0x81, 200, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, p []byte) {
		media.WalkRTCP(p)
		h, ok := media.ParseHeader(p)
		if !ok {
			return
		}
		start, end := h.Payload()
		if start < 12 || end > len(p) || start >= end {
			t.Fatalf("payload %d to %d of %d", start, end, len(p))
		}
		media.ParseEvent(p[start:end])
	})
}

func FuzzBrowserAnswer(f *testing.F) {
	f.Add([]byte(head + "a=fingerprint:sha-256 00\r\na=ice-ufrag:a\r\na=ice-pwd:b\r\nm=audio 9 UDP/TLS/RTP/SAVPF 8 0\r\na=mid:0\r\na=rtcp-mux\r\na=setup:actpass\r\n"))
	e := start(f, config(f, 8))
	f.Fuzz(func(t *testing.T, offer []byte) {
		l, err := e.NewBrowserLeg(media.LegOptions{Peer: loopback})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, _ = l.Answer(t.Context(), offer)
	})
}
