//go:build linux && (amd64 || arm64)

package media

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// epollEvents is how many sockets a thread asks for at a time.
const epollEvents = 128

// Pace of a busy thread: it looks for packets once in lookEvery, and finds
// several. Below so many packets a second it looks at once: a packet costs two
// wake-ups with a pause.
const (
	lookEvery = time.Millisecond
	pacedFrom = 2000
)

// threadNice is the niceness of a thread, setpriority(2): audio goes before what
// else the machine does.
const threadNice = -10

// epollThread is one thread of a poller with an epoll set of its own.
//
// An event names a slot and its generation. Who takes a socket out raises the
// generation of its slot, so that an event which was under way finds nobody,
// whoever has the slot and the descriptor by then.
type epollThread struct {
	pollSet
	poller *epollPoller
	load   atomic.Int32 // thousandths of its time that it was busy, in the last window

	mu    sync.Mutex // guards what follows, for a few loads and stores
	slots []epollSlot
	empty []int32 // indexes of slots without a socket
}

// epollSlot is the place of one socket.
type epollSlot struct {
	socket     *epollSocket
	generation int32
}

func newEpollThread(p *epollPoller) (*epollThread, error) {
	set, err := newPollSet()
	if err != nil {
		return nil, err
	}
	return &epollThread{pollSet: set, poller: p}, nil
}

// add has the socket read from now on.
func (t *epollThread) add(s *epollSocket) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.empty) == 0 {
		t.empty = append(t.empty, int32(len(t.slots))) //nolint:gosec // descriptors are fewer
		t.slots = append(t.slots, epollSlot{})
	}
	last := len(t.empty) - 1
	index := t.empty[last]
	slot := &t.slots[index]
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: index, Pad: slot.generation}
	if err := unix.EpollCtl(t.epoll, unix.EPOLL_CTL_ADD, s.fd, &event); err != nil {
		return fmt.Errorf("media: watch a socket: %w", err)
	}
	t.empty = t.empty[:last]
	slot.socket = s
	s.place.Store(&epollPlace{t, index})
	return nil
}

// remove takes a socket out, if it is here. Its descriptor must be open. It
// reports whether it was.
func (t *epollThread) remove(s *epollSocket, index int32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	slot := &t.slots[index]
	if slot.socket != s {
		return false
	}
	slot.socket = nil
	slot.generation++
	t.empty = append(t.empty, index)
	_ = unix.EpollCtl(t.epoll, unix.EPOLL_CTL_DEL, s.fd, nil)
	return true
}

// resolve puts the sockets of events into ready, nil for one that has gone, and
// reports whether the thread was woken to end.
func (t *epollThread) resolve(events []unix.EpollEvent, ready []*epollSocket) (ended bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range events {
		ready[i] = nil
		index := events[i].Fd
		if index == wakeSlot {
			ended = true
		} else if slot := &t.slots[index]; slot.generation == events[i].Pad {
			ready[i] = slot.socket
		}
	}
	return ended
}

// look is what a thread keeps from one look for packets to the next.
type look struct {
	events []unix.EpollEvent
	ready  []*epollSocket
	buf    []byte
	use    usage
}

func newLook() *look {
	return &look{
		events: make([]unix.EpollEvent, epollEvents), ready: make([]*epollSocket, epollEvents),
		buf: newPacket(), use: usage{since: time.Now()},
	}
}

// run reads until the thread is woken to end.
func (t *epollThread) run() {
	runtime.LockOSThread()                                 // until it ends, and the thread with it
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, threadNice) // refused without CAP_SYS_NICE: then as all others
	for l := newLook(); t.look(l); {
		continue
	}
}

// look waits for packets and takes one from each socket that has any. It
// reports false when the thread is to end.
func (t *epollThread) look(l *look) bool {
	n := t.wait(l.events, t.patience())
	woke := time.Now()
	if t.resolve(l.events[:n], l.ready) {
		return false
	}
	for _, s := range l.ready[:n] {
		if s != nil {
			s.read(l.buf)
		}
	}
	now := time.Now()
	if l.use.add(woke, now, n) {
		t.judge(&l.use, now)
	}
	if l.use.paced {
		rest(lookEvery - now.Sub(woke))
	}
	return true
}

// patience is how long to wait for packets, in ms: for ever once the load is 0.
func (t *epollThread) patience() int {
	if t.load.Load() > 0 {
		return int(loadWindow / time.Millisecond)
	}
	return -1
}

// rest leaves the processor for a while; what arrives waits in its socket.
func rest(length time.Duration) {
	if length > 0 {
		pause := unix.NsecToTimespec(int64(length))
		_ = unix.Nanosleep(&pause, nil) // a signal may end it early
	}
}

// usage is what a thread did in the window that runs.
type usage struct {
	since   time.Time
	busy    time.Duration
	packets int
	full    int  // windows with a high load, one after the other
	paced   bool // the last window had packets enough to wait for several
}

// add counts the time from woke to now, and what it was spent on. It reports
// whether the window is over.
func (u *usage) add(woke, now time.Time, packets int) bool {
	u.busy += now.Sub(woke)
	u.packets += packets
	return now.Sub(u.since) >= loadWindow
}

// close ends the window and returns its load, in thousandths.
func (u *usage) close(now time.Time) int32 {
	load := int32(1000 * u.busy / max(now.Sub(u.since), time.Nanosecond)) //nolint:gosec // at most 1000
	u.paced = float64(u.packets) >= pacedFrom*now.Sub(u.since).Seconds()
	u.since, u.busy, u.packets = now, 0, 0
	if u.full++; load < loadHigh {
		u.full = 0
	}
	return load
}

// judge ends a window, and gives half of the sockets away when the thread is
// nearly full.
func (t *epollThread) judge(u *usage, now time.Time) {
	t.load.Store(u.close(now))
	if u.full < loadPatience {
		return
	}
	if other := t.poller.relieve(t); other != nil {
		u.full = 0
		t.share(other)
	}
}

// share moves half of the sockets to another thread. Only the thread itself
// does it, between two looks: nobody reads the sockets meanwhile.
func (t *epollThread) share(other *epollThread) {
	t.mu.Lock()
	var all []*epollSocket
	for i := range t.slots {
		if s := t.slots[i].socket; s != nil {
			all = append(all, s)
		}
	}
	t.mu.Unlock()
	for _, s := range all[:len(all)/2] {
		s.move(t, other)
	}
}
