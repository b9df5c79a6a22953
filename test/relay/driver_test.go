package relay_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

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
			// What is under way; hold music never ends, but has as many packets by then.
			for last := int64(-1); last != received.Load() && received.Load() < int64(sent); {
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
		due := int(time.Since(begin) * time.Duration(relayStreams) / (20 * time.Millisecond))
		for ; sent < due; sent++ {
			i := sent % relayStreams
			next(packets[i])
			_, _ = conns[i].WriteToUDPAddrPort(packets[i], netip.AddrPortFrom(loopback, uint16(to[i])))
		}
	}
	return sent
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
