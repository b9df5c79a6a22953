package media_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"pickup/internal/g711"
	"pickup/media"
)

// listenWith is how the engines of the tests read their sockets: as the default, and
// then those over sockets once more with a goroutine for each.
var listenWith media.ListenFunc

// overSockets begins the names of tests in which phones talk over real sockets.
const overSockets = "Each|Who|Bridge|Roles|Ports|Keys|Play|Prompts|AStranger|AnEngine|Hold|ANewOffer|SRTP|Forged|NoSequence|Reports|OneStream"

func TestMain(m *testing.M) {
	code := m.Run()
	once := false // benchmarks and fuzzing name their engine
	for _, name := range []string{"test.bench", "test.fuzz", "test.list"} {
		once = once || flag.Lookup(name).Value.String() != ""
	}
	if code == 0 && !once {
		fmt.Println("and with a goroutine for each socket:")
		listenWith = media.ListenUDP
		if only := flag.Lookup("test.run").Value; only.String() == "" {
			_ = only.Set("^Test(" + overSockets + ")")
		}
		code = m.Run()
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}

func TestPortsAreExhaustedAndFreed(t *testing.T) {
	cfg := config(t, 3)
	cfg.PortQuarantine = -1
	e := start(t, cfg)
	var legs []*media.Leg
	for {
		l, err := e.NewLeg(media.LegOptions{Peer: loopback})
		if err != nil {
			if !errors.Is(err, media.ErrNoPorts) {
				t.Fatal(err)
			}
			break
		}
		legs = append(legs, l)
	}
	if len(legs) == 0 || len(legs) > 3 {
		t.Fatalf("%d legs on 3 pairs", len(legs))
	}
	legs[0].Close()
	legs[0].Close() // twice is allowed
	l, err := e.NewLeg(media.LegOptions{Peer: loopback})
	if err != nil {
		t.Fatalf("after a pair was freed: %v", err)
	}
	l.Close()
	for _, l := range legs {
		l.Close()
	}
	if n := e.Counters().Legs; n != 0 {
		t.Errorf("%d legs left", n)
	}
}

func TestPortsTakenByOthersArePassedOver(t *testing.T) {
	cfg := config(t, 3)
	var taken []*net.UDPConn
	for _, port := range []int{cfg.FirstPort, cfg.FirstPort + 3} { // an RTP port, and the RTCP port of the next pair
		c, err := net.ListenUDP("udp4", &net.UDPAddr{Port: port})
		if err == nil {
			taken = append(taken, c)
		}
	}
	defer func() {
		for _, c := range taken {
			_ = c.Close()
		}
	}()
	e := start(t, cfg)
	l := newLeg(t, e)
	offer, err := l.Offer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := portOf(t, offer); got != cfg.FirstPort+4 {
		t.Errorf("got port %d, want %d", got, cfg.FirstPort+4)
	}
}

func TestKeysAreToldOnceAndPassed(t *testing.T) {
	e := start(t, config(t, 8))
	player, agent := newPhone(t, g711.PCMA), newPhone(t, g711.PCMU)
	lp, la := connect(t, e, player), connect(t, e, agent)
	told := listen(la)
	masked := func(side media.Side, digit rune) bool { return side != media.Agent || digit != '*' }
	bridge := media.NewBridge(lp, la, nil, masked)
	defer bridge.Close()
	agent.send(make([]int16, 160))

	key := func(code byte, stamp uint32, packets, ends int, lost map[int]bool) {
		for i := range packets + ends {
			d := uint16(min(i+1, packets) * 160)
			payload := []byte{code, 10, byte(d >> 8), byte(d)}
			if i >= packets {
				payload[1] |= 0x80
			}
			if lost[i] {
				agent.seq++
				continue
			}
			agent.write(101, i == 0, stamp, payload)
		}
	}
	key(1, 1000, 5, 3, nil)
	key(2, 3000, 5, 3, map[int]bool{0: true, 5: true, 6: true, 7: true}) // start and ends lost
	key(2, 5000, 5, 3, map[int]bool{5: true, 6: true, 7: true})          // the same key again, known by its marker
	key(10, 7000, 5, 3, nil)                                             // the star is masked
	agent.write(101, false, 5000, []byte{2, 0x8a, 3, 32})                // late, of an older key
	agent.write(101, false, 9000, []byte{16, 0x8a, 3, 32})               // no key: a flash
	key(11, 11000, 3, 1, nil)
	eventually(t, "keys", func() bool { return len(told.digits()) >= 5 })
	if got := told.digits(); got != "122*#" {
		t.Errorf("told %q", got)
	}

	eventually(t, "keys at the player", func() bool { return countType(player.packets(), 101) >= 8+4+5+4 })
	last := player.packets()
	var codes []byte
	var stamps []uint32
	for i, p := range last {
		if i > 0 && int16(p.seq-last[i-1].seq) <= 0 {
			t.Errorf("sequence %d after %d", p.seq, last[i-1].seq)
		}
		if p.pt != 101 {
			continue
		}
		if len(stamps) == 0 || stamps[len(stamps)-1] != p.stamp {
			codes, stamps = append(codes, p.payload[0]), append(stamps, p.stamp)
		}
	}
	if string(codes) != string([]byte{1, 2, 2, 11}) {
		t.Errorf("player got keys %v", codes)
	}
}

func TestKeysThatWeSend(t *testing.T) {
	e := start(t, config(t, 8))
	p := newPhone(t, g711.PCMA)
	l := connect(t, e, p)
	l.SendDTMF('4')
	l.SendDTMF('x') // no key
	l.SendDTMF('#')
	eventually(t, "two keys", func() bool { return countType(p.packets(), 101) == 20 })
	perKey := map[uint32][]packet{}
	for _, k := range p.packets() {
		if k.pt == 101 {
			perKey[k.stamp] = append(perKey[k.stamp], k)
		}
	}
	if len(perKey) != 2 {
		t.Fatalf("%d events", len(perKey))
	}
	for stamp, all := range perKey {
		last := all[len(all)-1]
		if !all[0].marker || all[1].marker || last.payload[1]&0x80 == 0 || last.payload[2] != 5 || last.payload[3] != 0 {
			t.Errorf("event %d: first %+v, last %+v", stamp, all[0], last)
		}
		if code := all[0].payload[0]; code != 4 && code != 11 {
			t.Errorf("code %d", code)
		}
	}
}

func TestPlayIsCutByPlayAndStop(t *testing.T) {
	e := start(t, config(t, 8))
	p := newPhone(t, g711.PCMA)
	l := connect(t, e, p)
	l.Play("one", "en", "long")
	told := listen(l) // what came before is delivered too
	l.Play("two", "en", "long")
	l.Stop()
	l.Play("three", "en", "unknown")
	l.Stop() // may find it ended already
	eventually(t, "all told", func() bool { return len(told.of(media.EventPlayed)) == 3 })
	for i, want := range []string{"one", "two", "three"} {
		got := told.of(media.EventPlayed)[i]
		if got.Token != want || i < 2 && !got.Cut {
			t.Errorf("event %d: %+v", i, got)
		}
	}
}

func TestPromptsPlayInOrderAndMusicGoesOn(t *testing.T) {
	e := start(t, config(t, 8))
	p := newPhone(t, g711.PCMU)
	l := connect(t, e, p)
	told := listen(l)
	l.Music(true)
	l.Play("x", "en", "short", "long")
	eventually(t, "second prompt", func() bool { return power(p.heard(10), 1100) > 0.9 })
	first := p.packets()[:10]
	var pcm []int16
	for _, k := range first {
		s := make([]int16, len(k.payload))
		g711.Decode(k.pt, s, k.payload)
		pcm = append(pcm, s...)
	}
	if got := power(pcm, 900); got < 0.9 {
		t.Errorf("the first prompt has %.2f of its tone", got)
	}
	eventually(t, "played", func() bool { e := told.of(media.EventPlayed); return len(e) == 1 && !e[0].Cut })
	eventually(t, "music", func() bool { return power(p.heard(10), 700) > 0.9 })
}

// A stranger at a high rate gets nothing, reaches nobody and is counted.
// strangeSeq is the sequence number by which a stranger is known.
const strangeSeq = 30000

func TestAStrangerIsShutOut(t *testing.T) {
	e := start(t, config(t, 8))
	player, agent := newPhone(t, g711.PCMA), newPhone(t, g711.PCMU)
	lp, la := connect(t, e, player), connect(t, e, agent)
	tap := &recordTap{}
	bridge := media.NewBridge(lp, la, tap, nil)
	defer bridge.Close()
	stranger := newPhoneAt(t, g711.PCMA, "127.0.0.2") // another host: the phone's own is believed after a second
	stranger.to, stranger.seq = player.to, strangeSeq
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		payload := stranger.raw(8, false, 0, make([]byte, 160))
		for {
			select {
			case <-stop:
				return
			default:
				_, _ = stranger.conn.WriteToUDP(payload, stranger.to)
			}
		}
	})
	eventually(t, "strangers", func() bool { return e.Counters().Strangers > 1000 }) // before the phone's first packet
	eventually(t, "the phone is heard", func() bool {                                // again and again: a flood fills the socket's buffer
		player.send(make([]int16, 160))
		return len(agent.packets()) > 0
	})
	eventually(t, "strangers", func() bool { return e.Counters().Strangers > 5000 })
	eventually(t, "the phone hears", func() bool {
		agent.send(make([]int16, 160))
		return len(player.packets()) > 0
	})
	close(stop)
	wg.Wait()
	if n := len(stranger.packets()); n != 0 {
		t.Errorf("the stranger got %d packets", n)
	}
	for _, p := range agent.packets() {
		if p.payload[0] == 0 && p.pt == g711.PCMU && len(agent.packets()) > 1 {
			t.Errorf("%d packets came through", len(agent.packets()))
			break
		}
	}
	tap.mu.Lock()
	defer tap.mu.Unlock()
	for _, p := range tap.got {
		if p.side == int(media.Player) && p.seq == strangeSeq {
			t.Error("the tap heard the stranger")
		}
	}
}

// virtual runs f with an engine on a network in memory, under virtual time.
func virtual(t *testing.T, f func(t *testing.T, e *media.Engine, n *media.MemoryNet)) {
	synctest.Test(t, func(t *testing.T) {
		n := media.NewMemoryNet()
		cfg := media.Config{
			FirstPort: 20000, LastPort: 20099, Listen: n.Listen, Shards: 1, Prompt: testPrompt, Music: tone(700, 8000),
			LocalAddr: func(netip.Addr) netip.Addr { return loopback },
		}
		e, err := media.New(cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = e.Run(ctx) })
		f(t, e, n)
		stop()
		wg.Wait()
	})
}

// memoryPhone is a phone on a network in memory.
type memoryPhone struct {
	media.Socket
	to  netip.AddrPort
	seq uint16
}

func newMemoryPhone(t *testing.T, n *media.MemoryNet, at string) *memoryPhone {
	t.Helper()
	s, err := n.Listen(netip.MustParseAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	return &memoryPhone{Socket: s}
}

func (m *memoryPhone) send() {
	m.seq++
	p := make([]byte, 172)
	p[0], p[1], p[2], p[3] = 0x80, 8, byte(m.seq>>8), byte(m.seq)
	stamp := uint32(m.seq) * 160
	p[4], p[5], p[6], p[7] = byte(stamp>>24), byte(stamp>>16), byte(stamp>>8), byte(stamp)
	_ = m.Write(p, m.to)
}

func offerOf(at string) []byte {
	a := netip.MustParseAddrPort(at)
	return []byte("v=0\r\no=x 1 1 IN IP4 " + a.Addr().String() + "\r\ns=-\r\nc=IN IP4 " + a.Addr().String() +
		"\r\nt=0 0\r\nm=audio " + at[len(a.Addr().String())+1:] + " RTP/AVP 8\r\n")
}

func TestALineIsDeadAfterTenSecondsAndComesBack(t *testing.T) {
	virtual(t, func(t *testing.T, e *media.Engine, n *media.MemoryNet) {
		p := newMemoryPhone(t, n, "127.0.0.1:4000")
		defer func() { _ = p.Close() }()
		l := newLeg(t, e)
		told := listen(l)
		answer, err := l.Answer(t.Context(), offerOf("127.0.0.1:4000"))
		if err != nil {
			t.Fatal(err)
		}
		p.to = netip.AddrPortFrom(loopback, uint16(portOf(t, answer)))

		time.Sleep(time.Minute)
		if len(told.of(media.EventDead)) != 0 {
			t.Error("a phone that never sent was judged")
		}
		p.send()
		time.Sleep(9 * time.Second)
		if len(told.of(media.EventDead)) != 0 {
			t.Error("dead after 9 s")
		}
		time.Sleep(2 * time.Second)
		if len(told.of(media.EventDead)) != 1 {
			t.Error("not dead after 11 s")
		}
		p.send()
		time.Sleep(time.Second)
		if len(told.of(media.EventAlive)) != 1 {
			t.Error("its return was not told")
		}
		if _, err := l.Answer(t.Context(), append(offerOf("127.0.0.1:4000"), "a=sendonly\r\n"...)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if len(told.of(media.EventDead)) != 1 {
			t.Error("a phone that holds us was judged")
		}
	})
}

// Only a host that the signalling vouches for moves the latch, and a third
// host is never sent to on the word of a description.
func TestTheLatch(t *testing.T) {
	virtual(t, func(t *testing.T, e *media.Engine, n *media.MemoryNet) {
		victim := newMemoryPhone(t, n, "203.0.113.9:4000")
		defer func() { _ = victim.Close() }()
		natted := newMemoryPhone(t, n, "198.51.100.7:9999")
		defer func() { _ = natted.Close() }()
		stranger := newMemoryPhone(t, n, "192.0.2.66:4000")
		defer func() { _ = stranger.Close() }()
		l, err := e.NewLeg(media.LegOptions{Peer: netip.MustParseAddr("198.51.100.7")})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := l.Answer(t.Context(), offerOf("203.0.113.9:4000"))
		if err != nil {
			t.Fatal(err)
		}
		to := netip.AddrPortFrom(loopback, uint16(portOf(t, answer)))
		natted.to, stranger.to = to, to
		l.Music(true)
		time.Sleep(10 * time.Second)
		if q := l.Quality(); q.PacketsOut != 0 {
			t.Fatalf("%d packets to a host that only the description names", q.PacketsOut)
		}
		stranger.send()
		natted.send()
		time.Sleep(time.Second)
		out := l.Quality().PacketsOut
		if out < 45 || out > 55 {
			t.Errorf("%d packets in the second after the phone spoke", out)
		}
		before := e.Counters().Strangers
		for range 50 {
			stranger.send()
			natted.send()
			time.Sleep(20 * time.Millisecond)
		}
		if got := e.Counters().Strangers - before; got != 50 {
			t.Errorf("%d strangers counted, want 50", got)
		}
		q := l.Quality()
		if q.PacketsIn != 51 {
			t.Errorf("%d packets taken, want 51", q.PacketsIn)
		}
	})
}

func TestTimestampsFollowTheClockForHours(t *testing.T) {
	virtual(t, func(t *testing.T, e *media.Engine, n *media.MemoryNet) {
		l := newLeg(t, e)
		if _, err := l.Answer(t.Context(), offerOf("127.0.0.1:4000")); err != nil {
			t.Fatal(err)
		}
		l.Music(true)
		time.Sleep(time.Hour)
		if got := l.Quality().PacketsOut; got < 180000-2 || got > 180000+2 {
			t.Errorf("%d packets in an hour, want 180000", got)
		}
	})
}

func TestQualityMeasuresLossAndJitter(t *testing.T) {
	virtual(t, func(t *testing.T, e *media.Engine, n *media.MemoryNet) {
		p := newMemoryPhone(t, n, "127.0.0.1:4000")
		defer func() { _ = p.Close() }()
		l := newLeg(t, e)
		answer, err := l.Answer(t.Context(), offerOf("127.0.0.1:4000"))
		if err != nil {
			t.Fatal(err)
		}
		p.to = netip.AddrPortFrom(loopback, uint16(portOf(t, answer)))
		if q := l.Quality(); q.MOS != 0 {
			t.Errorf("a score of nothing: %+v", q)
		}
		for range 500 {
			p.send()
			time.Sleep(20 * time.Millisecond)
		}
		good := l.Quality()
		if good.PacketsLost != 0 || good.Jitter > time.Millisecond || good.MOS < 4.3 {
			t.Errorf("a perfect line: %+v", good)
		}
		for i := range 500 {
			if i%20 == 0 {
				p.seq++ // lost
			}
			p.send()
			time.Sleep(time.Duration(10+20*(i%2)) * time.Millisecond)
		}
		bad := l.Quality()
		if bad.PacketsLost != 25 || bad.PacketsIn != 1000 {
			t.Errorf("loss: %+v", bad)
		}
		if bad.Jitter < 6*time.Millisecond || bad.Jitter > 14*time.Millisecond {
			t.Errorf("jitter %v, want about 10 ms", bad.Jitter)
		}
		if bad.MOS > 3.5 || bad.MOS < 1.5 {
			t.Errorf("score %.2f", bad.MOS)
		}
	})
}
