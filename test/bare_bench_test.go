//go:build e2e && verify

package test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"pickup/internal/id"
	"pickup/test/relay"
)

// bareRelay names the ports of phones to a process that is nothing but a bare
// relay.
const bareRelay = "PICKUP_BARE_RELAY"

// TestBareRelay is the main function of that process; else it does nothing.
func TestBareRelay(t *testing.T) {
	if os.Getenv(bareRelay) == "" {
		return
	}
	var phones []int
	for f := range strings.FieldsSeq(os.Getenv(bareRelay)) {
		port, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		phones = append(phones, port)
	}
	b, err := relay.NewBare(phones)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("ports", strings.Trim(fmt.Sprint(b.Ports()), "[]"))
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // until the test closes it
	b.Close()
}

// bareCall is what a second of one relayed call costs a bare relay, in CPU time,
// with so many calls between phones of the test, measured over a while.
func bareCall(t *testing.T, calls int, length time.Duration) time.Duration {
	t.Helper()
	var phones []*phone
	var ports []string
	for i := range 2 * calls {
		p := newPhone(t, fmt.Sprint("bare", i), "127.0.0.1:9")
		p.deaf = true
		phones = append(phones, p)
		ports = append(ports, strconv.Itoa(p.rtp.LocalAddr().(*net.UDPAddr).Port))
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestBareRelay$")
	cmd.Env = append(os.Environ(), bareRelay+"="+strings.Join(ports, " "))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = cmd.Wait() }()
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "ports ") {
		t.Fatalf("the bare relay says %q %v", line, err)
	}
	for i, port := range strings.Fields(line)[1:] {
		n, _ := strconv.Atoi(port)
		phones[i].talkTo(n)
	}
	rest(t, "the bare relay is warm", time.Second)
	heard := func() (n int64) {
		for _, p := range phones {
			n += p.heard.Load()
		}
		return n
	}
	used, began, packets := cpuOf(t, cmd.Process.Pid), time.Now(), heard()
	rest(t, "the bare relay is measured", length)
	used, packets = cpuOf(t, cmd.Process.Pid)-used, heard()-packets
	took := time.Since(began)
	for _, p := range phones {
		p.close()
	}
	if want := int64(took.Seconds() * 100 * float64(calls) * .98); packets < want {
		t.Fatalf("the bare relay carried %d packets, want %d: the machine is too busy for a figure", packets, want)
	}
	per := time.Duration(float64(used) / took.Seconds() / float64(calls))
	t.Logf("bare relay, %d calls: %v CPU a second and call, %.1f us a packet", calls, per, float64(used.Microseconds())/float64(packets))
	return per
}

// talkTo has the phone speak to a port of 127.0.0.1 without any signalling.
func (p *phone) talkTo(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := &dialog{callID: id.New(), media: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}, up: true, hungUp: make(chan struct{})}
	p.dialogs[d.callID] = d
}

// cpuOf is the CPU time that a process has used, in steps of 10 ms.
func cpuOf(t testing.TB, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		t.Fatalf("%q", b)
	}
	var ticks int64
	for _, f := range fields[11:13] { // utime and stime, proc(5)
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100
}
