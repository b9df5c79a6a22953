package relay_test

import (
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

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

// epollRelay is the second baseline: one locked thread, epoll, and the bare
// system calls recvfrom and sendto, that ask for no address and look for none.
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
	to := make([]unix.RawSockaddrInet4, len(phones))
	for i, p := range phones {
		to[i] = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: uint16(p>>8 | p&0xFF<<8), Addr: loopback.As4()}
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		events, buf := make([]unix.EpollEvent, 128), make([]byte, 1500)
		for !stop.Load() {
			n, _ := unix.EpollWait(poll, events, 20)
			for _, ev := range events[:max(0, n)] {
				i := int(ev.Fd)
				got, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fds[i]), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0, 0)
				if errno == 0 {
					_, _, _ = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fds[i^1]), uintptr(unsafe.Pointer(&buf[0])), got, 0,
						uintptr(unsafe.Pointer(&to[i^1])), unix.SizeofSockaddrInet4)
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
