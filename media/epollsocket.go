//go:build linux && (amd64 || arm64)

package media

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epollSocket is a UDP socket that an epollThread reads. Its methods may be
// called from any goroutine.
//
// The descriptor is closed when nobody is inside a system call on it any more:
// its number never stands for another socket under the hands of a writer.
type epollSocket struct {
	poller *epollPoller
	fd     int
	six    bool // AF_INET6
	local  netip.AddrPort

	users  atomic.Int32 // who is inside, and one for the owner; 0: the descriptor is closed
	closed atomic.Bool

	place   atomic.Pointer[epollPlace] // nil: not read yet
	receive receiver
}

// epollPlace is where a socket is read.
type epollPlace struct {
	thread *epollThread
	slot   int32
}

// openEpollSocket binds a socket of the family of local. One of IPv6 takes no
// IPv4, so that a pair of ports can be had in both.
func openEpollSocket(p *epollPoller, local netip.AddrPort) (*epollSocket, error) {
	s := &epollSocket{poller: p, six: local.Addr().Is6() && !local.Addr().Is4In6()}
	family := unix.AF_INET
	if s.six {
		family = unix.AF_INET6
	}
	var err error
	s.fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return nil, fmt.Errorf("open RTP socket: %w", err)
	}
	if err := s.bind(local); err != nil {
		_ = unix.Close(s.fd)
		return nil, fmt.Errorf("open RTP socket on %v: %w", local, err)
	}
	s.users.Store(1)
	return s, nil
}

// bind sets the options and the address. SO_BROADCAST stays off.
func (s *epollSocket) bind(local netip.AddrPort) error {
	_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer) // the kernel's limit may be lower: still a socket
	var at unix.Sockaddr
	if !s.six {
		at = &unix.SockaddrInet4{Port: int(local.Port()), Addr: local.Addr().Unmap().As4()}
	} else {
		if err := unix.SetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return err
		}
		at = &unix.SockaddrInet6{Port: int(local.Port()), Addr: local.Addr().As16()}
	}
	if err := unix.Bind(s.fd, at); err != nil {
		return err
	}
	bound, err := unix.Getsockname(s.fd)
	if err != nil {
		return err
	}
	switch bound := bound.(type) {
	case *unix.SockaddrInet4:
		s.local = netip.AddrPortFrom(netip.AddrFrom4(bound.Addr), uint16(bound.Port)) //nolint:gosec // a port
	case *unix.SockaddrInet6:
		s.local = netip.AddrPortFrom(netip.AddrFrom16(bound.Addr), uint16(bound.Port)) //nolint:gosec // a port
	}
	return nil
}

// enter reports whether the descriptor is open, and keeps it so until leave.
func (s *epollSocket) enter() bool {
	for !s.closed.Load() {
		n := s.users.Load()
		if n == 0 {
			return false
		}
		if s.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

func (s *epollSocket) leave() {
	if s.users.Add(-1) == 0 {
		_ = unix.Close(s.fd)
	}
}

// serve implements pushed.
func (s *epollSocket) serve(receive receiver) error {
	if !s.enter() {
		return ErrClosed
	}
	defer s.leave()
	s.receive = receive
	if err := s.poller.add(s); err != nil {
		return err
	}
	if s.closed.Load() { // meanwhile: Close did not see where it is read
		s.unplace()
	}
	return nil
}

// Close implements endpoint.
func (s *epollSocket) Close() error {
	if s.closed.Swap(true) {
		return ErrClosed
	}
	s.unplace()
	s.leave()
	return nil
}

// unplace takes the socket from its thread, wherever it moves meanwhile. The
// descriptor is open.
func (s *epollSocket) unplace() {
	for at := s.place.Load(); at != nil && !at.thread.remove(s, at.slot); {
		next := s.place.Load()
		if next == at { // who moves it sees that it is closed
			return
		}
		at = next
	}
}

// move gives the socket to another thread; its own one calls.
func (s *epollSocket) move(from, to *epollThread) {
	if !s.enter() {
		return
	}
	defer s.leave()
	at := s.place.Load()
	if at == nil || at.thread != from || !from.remove(s, at.slot) {
		return
	}
	if err := to.add(s); err != nil {
		s.poller.failures.Add(1)
		if err := from.add(s); err != nil { // it was there a moment ago
			s.poller.failures.Add(1)
		}
	}
	if s.closed.Load() {
		s.unplace()
	}
}

// LocalAddr implements endpoint.
func (s *epollSocket) LocalAddr() netip.AddrPort { return s.local }

// Write implements endpoint. It allocates nothing and leaves the processor to
// nobody: the call is short.
func (s *epollSocket) Write(p []byte, to netip.AddrPort) error {
	if len(p) == 0 {
		return unix.EINVAL
	}
	if !s.enter() {
		return ErrClosed
	}
	var at sockaddr
	size, ok := at.put(to, s.six)
	if !ok {
		s.leave()
		return unix.EAFNOSUPPORT
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&at)), size)
	s.leave()
	if errno != 0 {
		return errno
	}
	return nil
}

// read takes one packet; a thread calls. Level-triggered epoll tells of the
// next: few sockets ever hold two.
func (s *epollSocket) read(buf []byte) {
	if !s.enter() {
		return
	}
	var from sockaddr
	size := uint32(unsafe.Sizeof(from))
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)),
		unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&from)), uintptr(unsafe.Pointer(&size)))
	s.leave()
	switch errno {
	case 0:
		s.receive(buf[:n], from.addrPort())
	case unix.EAGAIN, unix.EINTR:
		// a bad checksum took it away, or a signal came first
	default: // an error of the network (ICMP) is told once, and gone with that
		s.poller.failures.Add(1)
	}
}

// sockaddr is the kernel's form of an address of either family; sockaddr_in is
// the shorter one: family, port, address.
type sockaddr struct {
	family uint16
	port   [2]byte // big-endian
	flow   [4]byte // of IPv6; the address of IPv4
	addr   [16]byte
	scope  uint32
}

// put writes an address for a socket of a family and returns its size. It
// reports false when the socket cannot send there.
func (a *sockaddr) put(to netip.AddrPort, six bool) (size uintptr, ok bool) {
	addr := to.Addr().Unmap()
	binary.BigEndian.PutUint16(a.port[:], to.Port())
	switch {
	case addr.Is4() && !six:
		a.family, a.flow = unix.AF_INET, addr.As4()
		return unix.SizeofSockaddrInet4, true
	case addr.Is6() && six:
		a.family, a.addr = unix.AF_INET6, addr.As16()
		return unix.SizeofSockaddrInet6, true
	}
	return 0, false
}

// addrPort reads what the kernel wrote.
func (a *sockaddr) addrPort() netip.AddrPort {
	port := binary.BigEndian.Uint16(a.port[:])
	if a.family == unix.AF_INET6 {
		return netip.AddrPortFrom(netip.AddrFrom16(a.addr).Unmap(), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom4(a.flow), port)
}
