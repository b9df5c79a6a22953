package opus_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pickup/internal/g711"
	"pickup/media"
	"pickup/media/opus"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// wire is a media.Socket whose packets the test hands over one by one.
type wire struct {
	at   netip.AddrPort
	in   chan []byte
	out  *atomic.Uint64 // packets that were written
	done chan struct{}
}

func (w *wire) ReadBatch(batch []media.Datagram) (int, error) {
	select {
	case p := <-w.in:
		batch[0].N, batch[0].From = copy(batch[0].Buf, p), netip.AddrPortFrom(loopback, 4000)
		return 1, nil
	case <-w.done:
		return 0, media.ErrClosed
	}
}

func (w *wire) Write([]byte, netip.AddrPort) error { w.out.Add(1); return nil }
func (w *wire) LocalAddr() netip.AddrPort          { return w.at }
func (w *wire) Close() error                       { close(w.done); return nil }

// site is an engine on such sockets.
type site struct {
	engine  *media.Engine
	wires   map[uint16]*wire
	written atomic.Uint64
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{wires: map[uint16]*wire{}}
	var err error
	s.engine, err = media.New(media.Config{
		FirstPort: 2000, LastPort: 2100, Shards: 1, Codecs: []string{"pcma", "pcmu", "g722", "opus"}, Opus: opus.Coders{},
		LocalAddr: func(netip.Addr) netip.Addr { return loopback },
		Listen: func(at netip.AddrPort) (media.Socket, error) {
			w := &wire{at: at, in: make(chan []byte), out: &s.written, done: make(chan struct{})}
			s.wires[at.Port()] = w
			return w, nil
		},
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// leg makes a leg with a phone of one codec.
func (s *site) leg(t testing.TB, format string) (*media.Leg, *wire) {
	t.Helper()
	l, err := s.engine.NewLeg(media.LegOptions{Peer: loopback})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	answer, err := l.Answer(t.Context(), fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"+
		"m=audio 4000 RTP/AVP %s\r\na=rtpmap:111 opus/48000/2\r\n", format))
	if err != nil {
		t.Fatal(err)
	}
	var port uint16
	_, after, _ := bytes.Cut(answer, []byte("m=audio "))
	if _, err := fmt.Sscan(strings.Fields(string(after))[0], &port); err != nil {
		t.Fatal(err)
	}
	return l, s.wires[port]
}

// silentTap takes what it is given.
type silentTap struct{ packets atomic.Int64 }

func (s *silentTap) Packet(int, uint8, uint16, uint32, time.Duration, []byte) { s.packets.Add(1) }

// sender sends one packet after the other.
type sender struct {
	to      *wire
	packets [][]byte
	ticks   uint32
	n       int
	seq     uint16
	at      uint32
	buf     []byte
}

func newSender(t testing.TB, to *wire, format string) *sender {
	w := &sender{to: to, ticks: 160, buf: make([]byte, 0, 1500)}
	pcm := chirp(50 * frame)
	e, _ := coders(t)
	if w.packets = encodeAll(t, e, pcm); format == "111" {
		w.ticks = 960
	} else {
		for i := range w.packets {
			w.packets[i] = make([]byte, frame)
			g711.Encode(g711.PCMA, w.packets[i], pcm[i*frame:][:frame])
		}
	}
	var pt byte
	_, _ = fmt.Sscan(format, &pt)
	w.buf = append(w.buf, 0x80, pt, 0, 0, 0, 0, 0, 0, 0, 0, 0, pt)
	return w
}

func (w *sender) send() {
	w.seq++
	w.at += w.ticks
	binary.BigEndian.PutUint16(w.buf[2:], w.seq)
	binary.BigEndian.PutUint32(w.buf[4:], w.at)
	p := append(w.buf[:12], w.packets[w.n]...)
	w.n = (w.n + 1) % len(w.packets)
	w.to.in <- p
}

// A talk with Opus in real time, through the jitter buffer of a transcoded bridge,
// allocates nothing a packet.
func TestABridgeWithOpusAllocatesNothing(t *testing.T) {
	for name, formats := range map[string][2]string{
		"to A-law": {"111", "8"}, "from A-law": {"8", "111"}, "relayed and recorded": {"111", "111"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			ctx, stop := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { _ = s.engine.Run(ctx) })
			defer func() { stop(); running.Wait() }()
			lp, player := s.leg(t, formats[0])
			la, _ := s.leg(t, formats[1])
			tap := &silentTap{}
			b := media.NewBridge(lp, la, tap, nil)
			defer b.Close()
			from := newSender(t, player, formats[0])
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			second := func() {
				for range 50 {
					from.send()
					<-tick.C
				}
			}
			second() // makes the decoder
			before := s.written.Load()
			got := testing.AllocsPerRun(1, second)
			for i := 0; got >= 1 && i < 4; i++ { // the count is that of the whole process
				got = min(got, testing.AllocsPerRun(1, second))
			}
			if got >= 1 {
				t.Errorf("%v allocations in 50 packets", got)
			}
			if n := s.written.Load() - before; n < 90 || tap.packets.Load() < 140 {
				t.Errorf("%d packets went on, the tap got %d", n, tap.packets.Load())
			}
		})
	}
}

// BenchmarkBridge is one packet of 20 ms relayed through a recorded bridge, sockets
// apart: what is transcoded waits for its time, and is BenchmarkCoders.
func BenchmarkBridge(b *testing.B) {
	for _, formats := range [][2]string{{"8", "8"}, {"8", "0"}} {
		b.Run(formats[0]+"-to-"+formats[1], func(b *testing.B) {
			s := newSite(b)
			lp, player := s.leg(b, formats[0])
			la, _ := s.leg(b, formats[1])
			bridge := media.NewBridge(lp, la, &silentTap{}, nil)
			defer bridge.Close()
			from := newSender(b, player, formats[0])
			b.ReportAllocs()
			for b.Loop() {
				from.send()
				for was := s.written.Load(); s.written.Load() == was; {
					runtime.Gosched()
				}
			}
		})
	}
}
