//go:build linux && (amd64 || arm64)

package media

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Load of the threads of an epollPoller.
const (
	// loadWindow is over how long the load of a thread is measured.
	loadWindow = time.Second
	// loadHigh is the part of its time, in thousandths, that a thread may be
	// busy before half of its sockets go to another one.
	loadHigh = 800
	// loadFree is below what part a thread is given new sockets.
	loadFree = 600
	// loadPatience is in how many windows, one after the other, a thread must
	// be busy: a moment's stall moves nothing.
	loadPatience = 2
)

// epollPoller reads its sockets on as few threads as keep up: the first takes
// all of them until it is nearly full. Waking a thread costs as much as the
// packet, and a busy thread finds several packets at each look.
type epollPoller struct {
	most     int // threads
	failures atomic.Uint64

	mu      sync.Mutex // guards what follows; before that of a thread
	threads []*epollThread
	running bool
	closed  bool
	live    sync.WaitGroup
	done    chan struct{}
}

// newPoller makes the epoll set of the first of at most so many threads.
func newPoller(threads int) (poller, error) {
	p := &epollPoller{most: threads, done: make(chan struct{})}
	if _, err := p.grow(); err != nil {
		return nil, err
	}
	return p, nil
}

// grow adds a thread. The caller holds p.mu, or is alone.
func (p *epollPoller) grow() (*epollThread, error) {
	t, err := newEpollThread(p)
	if err != nil {
		return nil, err
	}
	p.threads = append(p.threads, t)
	if p.running {
		p.live.Go(t.run)
	}
	return t, nil
}

// open implements poller.
func (p *epollPoller) open(local netip.AddrPort) (endpoint, error) { return openEpollSocket(p, local) }

// add has a socket read by the first thread with room, else by the one with
// most.
func (p *epollPoller) add(s *epollSocket) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	best := p.threads[0]
	for _, t := range p.threads {
		if load := t.load.Load(); load < loadFree {
			best = t
			break
		} else if load < best.load.Load() {
			best = t
		}
	}
	return best.add(s)
}

// run implements poller.
func (p *epollPoller) run() {
	p.mu.Lock()
	p.running = true
	if !p.closed {
		for _, t := range p.threads {
			p.live.Go(t.run)
		}
	}
	p.mu.Unlock()
	<-p.done
	p.live.Wait()
	for _, t := range p.threads { // closed: nobody adds one
		t.free()
	}
}

// close implements poller. Without run it frees what newPoller made.
func (p *epollPoller) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	close(p.done)
	for _, t := range p.threads {
		if p.running {
			t.wake()
		} else {
			t.free()
		}
	}
}

// failed implements poller.
func (p *epollPoller) failed() uint64 { return p.failures.Load() }

// relieve returns where a full thread may put half of its sockets, nil when
// every thread is full, there is one for each processor, or a new one cannot be
// made.
func (p *epollPoller) relieve(full *epollThread) *epollThread {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	for _, t := range p.threads {
		if t != full && t.load.Load() < loadHigh/2 {
			return t
		}
	}
	if len(p.threads) >= p.most {
		return nil
	}
	t, err := p.grow()
	if err != nil {
		p.failures.Add(1)
		return nil
	}
	return t
}

// pollSet is an epoll set and the event that ends the wait for it.
type pollSet struct{ epoll, event int }

// wakeSlot marks the event descriptor among the slots of sockets.
const wakeSlot = -1

// newPollSet opens both descriptors.
func newPollSet() (pollSet, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return pollSet{}, fmt.Errorf("media: make an epoll set: %w", err)
	}
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, event, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: wakeSlot})
	}
	if err != nil {
		_ = unix.Close(epoll)
		if event >= 0 {
			_ = unix.Close(event)
		}
		return pollSet{}, fmt.Errorf("media: make the event of an epoll set: %w", err)
	}
	return pollSet{epoll, event}, nil
}

// wait fills events, for timeout in ms at most, below 0 for ever.
func (s pollSet) wait(events []unix.EpollEvent, timeout int) int {
	n, err := unix.EpollWait(s.epoll, events, timeout)
	if err != nil { // EINTR: a signal of the runtime
		return 0
	}
	return n
}

// wake ends a wait, now and for good.
func (s pollSet) wake() { _, _ = unix.Write(s.event, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

func (s pollSet) free() {
	_ = unix.Close(s.epoll)
	_ = unix.Close(s.event)
}
