//go:build linux && (amd64 || arm64)

package media

import (
	"net/netip"
	"time"
)

// TestPoller is a poller under the hands of a test.
type TestPoller struct {
	p   *epollPoller
	use *usage // of Window
}

// NewTestPoller makes one of at most so many threads.
func NewTestPoller(threads int) (TestPoller, error) {
	p, err := newPoller(threads)
	if err != nil {
		return TestPoller{}, err
	}
	return TestPoller{p.(*epollPoller), &usage{since: time.Now()}}, nil
}

func (t TestPoller) Run()           { t.p.run() }
func (t TestPoller) Close()         { t.p.close() }
func (t TestPoller) Failed() uint64 { return t.p.failed() }

// TestEndpoint is a socket of it.
type TestEndpoint struct{ *epollSocket }

// Serve has receive called with what comes.
func (e TestEndpoint) Serve(receive func(p []byte, from netip.AddrPort)) error {
	return e.serve(receive)
}

// Open binds a socket.
func (t TestPoller) Open(local netip.AddrPort) (TestEndpoint, error) {
	s, err := openEpollSocket(t.p, local)
	return TestEndpoint{s}, err
}

// Spread is how many sockets each thread reads.
func (t TestPoller) Spread() []int {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	var all []int
	for _, thread := range t.p.threads {
		thread.mu.Lock()
		n := 0
		for _, slot := range thread.slots {
			if slot.socket != nil {
				n++
			}
		}
		thread.mu.Unlock()
		all = append(all, n)
	}
	return all
}

// Sockets is how many are read.
func (t TestPoller) Sockets() (n int) {
	for _, of := range t.Spread() {
		n += of
	}
	return n
}

// RunMoving is Run with two threads that give half of their sockets to each
// other after each look.
func (t TestPoller) RunMoving() {
	t.p.mu.Lock()
	first := t.p.threads[0]
	second, err := t.p.grow()
	t.p.running = true
	for from, to := range map[*epollThread]*epollThread{first: second, second: first} {
		t.p.live.Go(func() {
			for l := newLook(); err == nil && from.look(l); {
				from.share(to)
			}
		})
	}
	t.p.mu.Unlock()
	<-t.p.done
	t.p.live.Wait()
	for _, thread := range t.p.threads {
		thread.free()
	}
}

// Window ends a window of the first thread with so much work in it. Only while
// nobody runs the threads.
func (t TestPoller) Window(busy time.Duration) {
	u := t.use
	now := u.since.Add(loadWindow)
	u.add(now.Add(-busy), now, 100)
	t.p.threads[0].judge(u, now)
}
