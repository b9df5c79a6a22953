//go:build linux

// Package relay is the measure of what it costs to relay RTP: the barest relay
// that can be written, and the benchmarks of ours beside it.
package relay

import (
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Bare relays packets between phones on 127.0.0.1, two by two: one locked
// thread, epoll, and the bare system calls recvfrom and sendto, that ask for no
// address and look at nothing.
type Bare struct {
	epoll, end int
	fds, ports []int
	to         []unix.RawSockaddrInet4
	run        sync.WaitGroup
}

// NewBare relays between the ports phones[2i] and phones[2i+1], each way, until
// Close.
func NewBare(phones []int) (*Bare, error) {
	b := &Bare{to: make([]unix.RawSockaddrInet4, len(phones))}
	var err error
	if b.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("bare relay: %w", err)
	}
	if b.end, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("bare relay: %w", err)
	}
	if err := b.watch(b.end, -1); err != nil {
		return nil, err
	}
	for i, port := range phones {
		b.to[i] = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: uint16(port>>8 | port&0xFF<<8), Addr: [4]byte{127, 0, 0, 1}} //nolint:gosec // a port
		if err := b.open(i); err != nil {
			return nil, err
		}
	}
	b.run.Go(b.relay)
	return b, nil
}

// Ports returns the relay's port for each phone.
func (b *Bare) Ports() []int { return b.ports }

// Close ends the relay.
func (b *Bare) Close() {
	_, _ = unix.Write(b.end, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	b.run.Wait()
	for _, fd := range append(b.fds, b.epoll, b.end) {
		_ = unix.Close(fd)
	}
}

func (b *Bare) watch(fd int, index int32) error {
	if err := unix.EpollCtl(b.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: index}); err != nil {
		return fmt.Errorf("bare relay: %w", err)
	}
	return nil
}

// open makes the socket of one phone.
func (b *Bare) open(i int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("bare relay: %w", err)
	}
	b.fds = append(b.fds, fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return fmt.Errorf("bare relay: %w", err)
	}
	at, err := unix.Getsockname(fd)
	if err != nil {
		return fmt.Errorf("bare relay: %w", err)
	}
	b.ports = append(b.ports, at.(*unix.SockaddrInet4).Port)
	return b.watch(fd, int32(i)) //nolint:gosec // few
}

// relay is the thread.
func (b *Bare) relay() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	events, buf := make([]unix.EpollEvent, 128), make([]byte, 1500)
	for {
		n, _ := unix.EpollWait(b.epoll, events, -1)
		for _, ev := range events[:max(0, n)] {
			if ev.Fd < 0 {
				return
			}
			b.one(int(ev.Fd), buf)
		}
	}
}

// one relays a packet of phone i.
func (b *Bare) one(i int, buf []byte) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(b.fds[i]), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0, 0)
	if errno == 0 {
		_, _, _ = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(b.fds[i^1]), uintptr(unsafe.Pointer(&buf[0])), n, 0,
			uintptr(unsafe.Pointer(&b.to[i^1])), unix.SizeofSockaddrInet4)
	}
}
