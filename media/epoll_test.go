//go:build linux && (amd64 || arm64)

package media_test

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pickup/media"
)

// unread is a poller that nobody runs yet.
func unread(t testing.TB, threads int) media.TestPoller {
	t.Helper()
	p, err := media.NewTestPoller(threads)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// polled is a poller that runs until the test ends.
func polled(t testing.TB, threads int) media.TestPoller {
	t.Helper()
	p := unread(t, threads)
	var wg sync.WaitGroup
	wg.Go(p.Run)
	t.Cleanup(func() { p.Close(); wg.Wait() })
	return p
}

// echo opens a socket that sends back what comes, and returns how much came.
func echo(t testing.TB, p media.TestPoller, at string) (media.TestEndpoint, *atomic.Int64) {
	t.Helper()
	s, err := p.Open(netip.MustParseAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	var came atomic.Int64
	if err := s.Serve(func(b []byte, from netip.AddrPort) {
		came.Add(1)
		_ = s.Write(b, from)
	}); err != nil {
		t.Fatal(err)
	}
	return s, &came
}

// dialUDP is a client of a socket; a packet that does not come back fails.
func dialUDP(t testing.TB, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func ask(t testing.TB, c *net.UDPConn, text string) {
	t.Helper()
	buf := make([]byte, 100)
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	n, err := c.Read(buf)
	if err != nil || string(buf[:n]) != text {
		t.Fatalf("got %q %v, want %q", buf[:n], err, text)
	}
}

func TestSocketsOfBothFamiliesAreRead(t *testing.T) {
	p := polled(t, 1)
	for _, at := range []string{"127.0.0.1:0", "[::1]:0"} {
		s, _ := echo(t, p, at)
		ask(t, dialUDP(t, s.LocalAddr()), "hello")
		if got := s.LocalAddr().Addr().String(); netip.MustParseAddrPort(at).Addr().String() != got {
			t.Errorf("bound to %s, want %s", got, at)
		}
		other := netip.MustParseAddrPort("[::1]:9")
		if s.LocalAddr().Addr().Is6() {
			other = netip.MustParseAddrPort("127.0.0.1:9")
		}
		if err := s.Write([]byte("x"), other); err == nil {
			t.Errorf("%s sends to %s", at, other)
		}
		if err := s.Write(nil, s.LocalAddr()); err == nil {
			t.Error("an empty packet is sent")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err == nil {
			t.Error("closed twice")
		}
		if err := s.Write([]byte("x"), s.LocalAddr()); err == nil {
			t.Error("a closed socket sends")
		}
		if err := s.Serve(func([]byte, netip.AddrPort) {}); err == nil {
			t.Error("a closed socket is read")
		}
	}
}

func TestWhatCameBeforeRunIsRead(t *testing.T) {
	p := unread(t, 1)
	s, came := echo(t, p, "127.0.0.1:0")
	if _, err := dialUDP(t, s.LocalAddr()).Write([]byte("early")); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(p.Run)
	eventually(t, "the packet", func() bool { return came.Load() == 1 })
	_ = s.Close()
	p.Close()
	wg.Wait()
}

// An ICMP error, here of a port without listener, is no end.
func TestAPeerThatRefusesStopsNothing(t *testing.T) {
	p := polled(t, 1)
	s, _ := echo(t, p, "127.0.0.1:0")
	gone := dialUDP(t, s.LocalAddr())
	nobody := gone.LocalAddr().(*net.UDPAddr).AddrPort()
	_ = gone.Close()
	for range 10 {
		_ = s.Write([]byte("anybody there?"), nobody)
	}
	ask(t, dialUDP(t, s.LocalAddr()), "still here")
}

// A port is closed and opened again by the thousand, with packets under way to
// whoever has it: each socket gets what was sent to it, and never another's.
func TestSocketsComeAndGoUnderTraffic(t *testing.T) {
	const workers, rounds = 8, 250
	p := unread(t, 2)
	var moving, wg sync.WaitGroup
	moving.Go(p.RunMoving)
	for w := range workers {
		wg.Go(func() {
			for r := range rounds {
				want := fmt.Sprintf("%d/%d", w, r)
				s, err := p.Open(netip.MustParseAddrPort("127.0.0.1:0"))
				if err != nil {
					t.Error(err)
					return
				}
				got := make(chan struct{}, 3)
				err = s.Serve(func(b []byte, from netip.AddrPort) {
					if string(b) != want {
						t.Errorf("socket %s got %q from %v", want, b, from)
					}
					got <- struct{}{}
				})
				if err != nil {
					t.Error(err)
				}
				for range 2 {
					_ = s.Write([]byte(want), s.LocalAddr())
				}
				<-got // the other may still be under way
				_ = s.Close()
				_ = s.Write([]byte("late"), s.LocalAddr())
			}
		})
	}
	wg.Wait()
	p.Close()
	moving.Wait()
	if n := p.Sockets(); n != 0 {
		t.Errorf("%d sockets are left", n)
	}
	if n := p.Failed(); n != 0 {
		t.Errorf("%d reads failed", n)
	}
}

// A socket is closed by who is called with its packet.
func TestClosedByItsOwnReceiver(t *testing.T) {
	p := polled(t, 1)
	s, err := p.Open(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	if err := s.Serve(func([]byte, netip.AddrPort) { closed <- s.Close() }); err != nil {
		t.Fatal(err)
	}
	_ = s.Write([]byte("x"), s.LocalAddr())
	if err := <-closed; err != nil {
		t.Error(err)
	}
	ask2, _ := echo(t, p, "127.0.0.1:0")
	ask(t, dialUDP(t, ask2.LocalAddr()), "the next one is read")
}

// A thread that is nearly full gives half of its sockets away, once it is so
// for a while, and new sockets go where there is room.
func TestAFullThreadIsRelieved(t *testing.T) {
	p := unread(t, 2)
	var clients []*net.UDPConn
	for range 10 {
		s, _ := echo(t, p, "127.0.0.1:0")
		clients = append(clients, dialUDP(t, s.LocalAddr()))
	}
	for _, step := range []struct {
		busy time.Duration // of a second
		want string        // sockets of each thread
	}{
		{900 * time.Millisecond, "[10]"}, // a stall
		{100 * time.Millisecond, "[10]"},
		{900 * time.Millisecond, "[10]"},
		{850 * time.Millisecond, "[5 5]"},
		{850 * time.Millisecond, "[5 5]"},
	} {
		p.Window(step.busy)
		if got := fmt.Sprint(p.Spread()); got != step.want {
			t.Fatalf("after a second with %v of work: %v, want %v", step.busy, got, step.want)
		}
	}
	echo(t, p, "127.0.0.1:0")
	if got := fmt.Sprint(p.Spread()); got != "[5 6]" {
		t.Errorf("a new socket went to the full thread: %v", got)
	}
	var wg sync.WaitGroup
	wg.Go(p.Run)
	for i, c := range clients {
		ask(t, c, fmt.Sprint("after the move ", i))
	}
	p.Close()
	wg.Wait()
}

func TestReadAndWriteAllocateNothing(t *testing.T) {
	p := polled(t, 1)
	told := make(chan struct{}, 1)
	s, err := p.Open(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(func([]byte, netip.AddrPort) { told <- struct{}{} }); err != nil {
		t.Fatal(err)
	}
	packet, to := audioPacket(8), s.LocalAddr()
	if got := leastAllocations(500, func() {
		_ = s.Write(packet, to)
		<-told
	}); got != 0 {
		t.Errorf("%v allocations a packet", got)
	}
}
