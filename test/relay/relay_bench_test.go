// Package relay_test measures what it costs to relay RTP: two bare baselines,
// the bridge, and the bridge with the real recorder, by turns in one run.
package relay_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pickup/call"
	"pickup/media"
	"pickup/recording"
)

// The load of BenchmarkRelay: streams of 50 packets a second from a process of
// its own, so that the CPU time of this one is the relay's.
const (
	relayStreams = 100
	relayWarm    = time.Second // not measured: files are made, addresses learnt
	relayTime    = 3 * time.Second
	relayRounds  = 3
	relayDriver  = "PICKUP_RELAY_DRIVER"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// TestMain is the driver's main function too.
func TestMain(m *testing.M) {
	if os.Getenv(relayDriver) != "" {
		driveRelay()
		return
	}
	os.Exit(m.Run())
}

// relayMode sets up one way to relay: it gets the phones' ports, of which 2i and
// 2i+1 talk, and returns its own ports in the same order.
type relayMode struct {
	name  string
	setup func(b *testing.B, phones []int) (ports []int, stop func())
}

var relayModes = []relayMode{
	{"goroutine", goroutineRelay},
	{"epoll", epollRelay},
	{"bridge", func(b *testing.B, phones []int) ([]int, func()) { return bridgeRelay(b, phones, nil, "8") }},
	{"bridge-recorded", func(b *testing.B, phones []int) ([]int, func()) { return recordedRelay(b, phones, "8") }},
	{"bridge-recorded-transcoded", func(b *testing.B, phones []int) ([]int, func()) { return recordedRelay(b, phones, "0") }},
}

// BenchmarkRelay measures CPU microseconds for each relayed packet (receive and
// send) by getrusage, of two baselines and of the bridge, by turns, and the
// ratio of each to the bare relay with one goroutine for each socket.
func BenchmarkRelay(b *testing.B) {
	driver := startDriver(b)
	cost := map[string][]float64{}
	lost := map[string]int{}
	for range relayRounds {
		for _, m := range relayModes {
			us, missing := driver.measure(b, m)
			cost[m.name] = append(cost[m.name], us)
			lost[m.name] += missing
		}
	}
	median := func(name string) float64 { slices.Sort(cost[name]); return cost[name][relayRounds/2] }
	for _, m := range relayModes {
		b.Run(m.name, func(b *testing.B) {
			for b.Loop() { // the figures were taken above, by turns
				continue
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(m.name), "cpu-us/packet")
			b.ReportMetric(median(m.name)/median("goroutine"), "x-goroutine")
			b.ReportMetric(float64(lost[m.name]), "lost")
		})
	}
}

// driver is the process that plays the phones.
type driver struct {
	in     io.Writer
	out    *bufio.Scanner
	phones []int
}

func startDriver(b *testing.B) *driver {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), relayDriver+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	d := &driver{in: in, out: bufio.NewScanner(out)}
	d.phones = d.numbers(b)
	return d
}

func (d *driver) numbers(b *testing.B) []int {
	b.Helper()
	if !d.out.Scan() {
		b.Fatal("the driver is gone")
	}
	return readNumbers(d.out.Text())
}

func readNumbers(line string) []int {
	var all []int
	for f := range strings.FieldsSeq(line) {
		n, _ := strconv.Atoi(f)
		all = append(all, n)
	}
	return all
}

func (d *driver) measure(b *testing.B, m relayMode) (us float64, lost int) {
	b.Helper()
	ports, stop := m.setup(b, d.phones)
	defer stop()
	_, _ = fmt.Fprintln(d.in, strings.Trim(fmt.Sprint(ports), "[]"))
	d.numbers(b) // it is warm
	before := cpuTime()
	_, _ = fmt.Fprintln(d.in)
	result := d.numbers(b) // sent, received
	if len(result) != 2 || result[1] == 0 {
		b.Fatalf("%s relayed nothing: %v", m.name, result)
	}
	return float64((cpuTime() - before).Nanoseconds()) / 1000 / float64(result[1]), result[0] - result[1]
}

func cpuTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// driveRelay is the main function of the driver.
func driveRelay() {
	var conns []*net.UDPConn
	var ports []int
	var received atomic.Int64
	for range relayStreams {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return
		}
		conns, ports = append(conns, c), append(ports, c.LocalAddr().(*net.UDPAddr).Port)
		go func() {
			buf := make([]byte, 1500)
			for {
				if n, _, err := c.ReadFromUDPAddrPort(buf); err != nil {
					return
				} else if n == 172 {
					received.Add(1)
				}
			}
		}()
	}
	fmt.Println(strings.Trim(fmt.Sprint(ports), "[]"))
	packets := make([][]byte, relayStreams)
	for i := range packets {
		packets[i] = audioPacket(8)
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		to := readNumbers(in.Text())
		for i := range packets { // a port above 65535 is one to speak mu-law to
			packets[i][1] = 8
			if to[i] > 1<<16 {
				packets[i][1], to[i] = 0, to[i]-1<<16
			}
		}
		for _, length := range []time.Duration{relayWarm, relayTime} {
			received.Store(0)
			sent := sendAll(conns, packets, to, length)
			for last := int64(-1); last != received.Load(); { // what is under way
				last = received.Load()
				time.Sleep(100 * time.Millisecond)
			}
			fmt.Println(sent, received.Load())
			if length == relayWarm && !in.Scan() {
				return
			}
		}
	}
}

// sendAll sends for a while and spreads the streams over each 20 ms.
func sendAll(conns []*net.UDPConn, packets [][]byte, to []int, length time.Duration) int {
	sent, begin := 0, time.Now()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for time.Since(begin) < length {
		<-ticker.C
		due := int(time.Since(begin) * relayStreams / (20 * time.Millisecond))
		for ; sent < due; sent++ {
			i := sent % relayStreams
			next(packets[i])
			_, _ = conns[i].WriteToUDPAddrPort(packets[i], netip.AddrPortFrom(loopback, uint16(to[i])))
		}
	}
	return sent
}

// goroutineRelay is the first baseline: a goroutine for each socket, and
// nothing but ReadFromUDPAddrPort and WriteToUDPAddrPort.
func goroutineRelay(b *testing.B, phones []int) ([]int, func()) {
	b.Helper()
	var conns []*net.UDPConn
	var ports []int
	for range phones {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{})
		if err != nil {
			b.Fatal(err)
		}
		_ = c.SetReadBuffer(256 << 10)
		conns, ports = append(conns, c), append(ports, c.LocalAddr().(*net.UDPAddr).Port)
	}
	var wg sync.WaitGroup
	for i, c := range conns {
		out, to := conns[i^1], netip.AddrPortFrom(loopback, uint16(phones[i^1]))
		wg.Go(func() {
			buf := make([]byte, 1500)
			for {
				n, _, err := c.ReadFromUDPAddrPort(buf)
				if err != nil {
					return
				}
				_, _ = out.WriteToUDPAddrPort(buf[:n], to)
			}
		})
	}
	return ports, func() {
		for _, c := range conns {
			_ = c.Close()
		}
		wg.Wait()
	}
}

// epollRelay is the second baseline: one thread, epoll, recvfrom and sendto.
func epollRelay(b *testing.B, phones []int) ([]int, func()) {
	b.Helper()
	poll, err := unix.EpollCreate1(0)
	if err != nil {
		b.Fatal(err)
	}
	var fds, ports []int
	for i := range phones {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			b.Fatal(err)
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{}); err != nil {
			b.Fatal(err)
		}
		at, _ := unix.Getsockname(fd)
		fds, ports = append(fds, fd), append(ports, at.(*unix.SockaddrInet4).Port)
		if err := unix.EpollCtl(poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}); err != nil {
			b.Fatal(err)
		}
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		events, buf := make([]unix.EpollEvent, 128), make([]byte, 1500)
		to := make([]unix.SockaddrInet4, len(phones))
		for i, p := range phones {
			to[i] = unix.SockaddrInet4{Port: p, Addr: [4]byte{127, 0, 0, 1}}
		}
		for !stop.Load() {
			n, _ := unix.EpollWait(poll, events, 20)
			for _, ev := range events[:max(0, n)] {
				i := int(ev.Fd)
				if got, _, err := unix.Recvfrom(fds[i], buf, 0); err == nil {
					_ = unix.Sendto(fds[i^1], buf[:got], 0, &to[i^1])
				}
			}
		}
	})
	return ports, func() {
		stop.Store(true)
		wg.Wait()
		for _, fd := range append(fds, poll) {
			_ = unix.Close(fd)
		}
	}
}

// recordedRelay is the bridge whose calls are recorded to disk, as the product
// does it: collector, writers, hashes and headers are in the figure.
func recordedRelay(b *testing.B, phones []int, oddCodec string) ([]int, func()) {
	b.Helper()
	store := &rows{}
	recorder, err := recording.New(recording.Config{Dir: b.TempDir()}, store, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { _ = recorder.Run(ctx) })
	started := 0
	ports, stop := bridgeRelay(b, phones, func() media.Tap {
		started++
		return recorder.Start(recording.StartInfo{CallID: call.ID(strconv.Itoa(started)), Queue: "support"})
	}, oddCodec)
	return ports, func() {
		stop()
		end() // closes what is open
		run.Wait()
		if stored, dropped := store.stored(); stored != started || dropped > 0 {
			b.Errorf("%d of %d recordings are whole, %d packets dropped", stored, started, dropped)
		}
	}
}

// rows is a recording.Store that counts.
type rows struct {
	mu    sync.Mutex
	final []recording.Row
}

func (r *rows) SaveRecording(_ context.Context, row recording.Row) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if row.State != recording.StateOpen {
		r.final = append(r.final, row)
	}
	return nil
}

func (*rows) Recording(context.Context, recording.ID) (recording.Row, error) {
	return recording.Row{}, recording.ErrNotFound
}

func (*rows) OpenRecordings(context.Context) ([]recording.Row, error) { return nil, nil }

func (*rows) LogAccess(context.Context, recording.Access) error { return nil }

func (r *rows) stored() (whole int, dropped uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range r.final {
		if row.State == recording.StateStored {
			whole++
		}
		dropped += row.Dropped
	}
	return whole, dropped
}

// bridgeRelay is ours. tap makes the tap of a call, nil: none. oddCodec is what
// the agents' phones speak.
func bridgeRelay(b *testing.B, phones []int, tap func() media.Tap, oddCodec string) ([]int, func()) {
	b.Helper()
	e, err := media.New(config(b, 2*len(phones)), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { _ = e.Run(ctx) })
	ports := make([]int, len(phones))
	legs := make([]*media.Leg, len(phones))
	for i, p := range phones {
		codec := "8"
		if i%2 == 1 {
			codec = oddCodec
		}
		l, err := e.NewLeg(media.LegOptions{ID: "l", Peer: loopback})
		if err != nil {
			b.Fatal(err)
		}
		answer, err := l.Answer(b.Context(), fmt.Appendf(nil,
			"v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP %s\r\n", p, codec))
		if err != nil {
			b.Fatal(err)
		}
		legs[i], ports[i] = l, portOf(b, answer)
		if codec == "0" {
			ports[i] += 1 << 16 // tells the driver
		}
	}
	var bridges []*media.Bridge
	for i := 0; i < len(legs); i += 2 {
		var t media.Tap
		if tap != nil {
			t = tap()
		}
		bridges = append(bridges, media.NewBridge(legs[i], legs[i+1], t, nil))
	}
	return ports, func() {
		for _, br := range bridges {
			br.Close()
		}
		for _, l := range legs {
			l.Close()
		}
		end()
		run.Wait()
	}
}

// config is that of an engine with a range of ports of its own and no prompts.
func config(b *testing.B, pairs int) media.Config {
	b.Helper()
	probe, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	first := probe.LocalAddr().(*net.UDPAddr).Port &^ 1
	_ = probe.Close()
	if first > 64000 {
		first -= 8000
	}
	return media.Config{
		FirstPort: first, LastPort: first + 2*pairs - 1,
		LocalAddr: func(netip.Addr) netip.Addr { return loopback },
		Prompt:    func(string, string) ([]int16, bool) { return nil, false },
		Music:     make([]int16, 8000),
		Shards:    1,
	}
}

// portOf returns the port of the audio line of a description.
func portOf(b *testing.B, sdp []byte) int {
	b.Helper()
	for line := range strings.SplitSeq(string(sdp), "\r\n") {
		var port int
		if n, _ := fmt.Sscanf(line, "m=audio %d", &port); n == 1 {
			return port
		}
	}
	b.Fatalf("no audio line in %q", sdp)
	return 0
}

// next moves a packet on by one frame.
func next(p []byte) {
	binary.BigEndian.PutUint16(p[2:], binary.BigEndian.Uint16(p[2:])+1)
	binary.BigEndian.PutUint32(p[4:], binary.BigEndian.Uint32(p[4:])+160)
}

// audioPacket is 20 ms of G.711.
func audioPacket(pt byte) []byte {
	p := make([]byte, 172)
	p[0], p[1], p[11] = 0x80, pt, 7
	return p
}
