package opus_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
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
	out  chan struct{} // a packet was written
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

func (w *wire) Write([]byte, netip.AddrPort) error { w.out <- struct{}{}; return nil }
func (w *wire) LocalAddr() netip.AddrPort          { return w.at }
func (w *wire) Close() error                       { close(w.done); return nil }

// site is an engine on such sockets, without tickers.
type site struct {
	engine *media.Engine
	wires  map[uint16]*wire
	out    chan struct{}
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{wires: map[uint16]*wire{}, out: make(chan struct{})}
	var err error
	s.engine, err = media.New(media.Config{
		FirstPort: 2000, LastPort: 2100, Shards: 1, Codecs: []string{"pcma", "pcmu", "g722", "opus"}, Opus: opus.Coders{},
		LocalAddr: func(netip.Addr) netip.Addr { return loopback },
		Listen: func(at netip.AddrPort) (media.Socket, error) {
			w := &wire{at: at, in: make(chan []byte), out: s.out, done: make(chan struct{})}
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
type silentTap struct{ packets int }

func (s *silentTap) Packet(int, uint8, uint16, uint32, time.Duration, []byte) { s.packets++ }

// sender sends one packet after the other and waits until it was passed on.
type sender struct {
	to      *wire
	out     chan struct{}
	packets [][]byte
	ticks   uint32
	n       int
	seq     uint16
	at      uint32
	buf     []byte
}

func newSender(t testing.TB, s *site, to *wire, format string) *sender {
	w := &sender{to: to, out: s.out, ticks: 160, buf: make([]byte, 0, 1500)}
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
	<-w.out
}

func TestABridgeWithOpusAllocatesNothing(t *testing.T) {
	for name, formats := range map[string][2]string{
		"to A-law": {"111", "8"}, "from A-law": {"8", "111"}, "relayed and recorded": {"111", "111"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			lp, player := s.leg(t, formats[0])
			la, _ := s.leg(t, formats[1])
			tap := &silentTap{}
			b := media.NewBridge(lp, la, tap, nil)
			defer b.Close()
			from := newSender(t, s, player, formats[0])
			from.send() // makes the decoder
			got := testing.AllocsPerRun(300, from.send)
			for range 4 { // the count is that of the whole process
				got = min(got, testing.AllocsPerRun(300, from.send))
			}
			if got != 0 {
				t.Errorf("%v allocations a packet", got)
			}
			if tap.packets < 1000 {
				t.Errorf("the tap got %d packets", tap.packets)
			}
		})
	}
}

// BenchmarkBridge is one packet of 20 ms through a recorded bridge, sockets apart.
func BenchmarkBridge(b *testing.B) {
	for _, formats := range [][2]string{{"8", "8"}, {"8", "0"}, {"111", "111"}, {"111", "8"}, {"8", "111"}, {"8", "9"}} {
		b.Run(formats[0]+"-to-"+formats[1], func(b *testing.B) {
			s := newSite(b)
			lp, player := s.leg(b, formats[0])
			la, _ := s.leg(b, formats[1])
			bridge := media.NewBridge(lp, la, &silentTap{}, nil)
			defer bridge.Close()
			from := newSender(b, s, player, formats[0])
			b.ReportAllocs()
			for b.Loop() {
				from.send()
			}
		})
	}
}
