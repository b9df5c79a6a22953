package relay_test

import (
	"net"
	"net/netip"
	"sync"
	"testing"

	"pickup/test/relay"
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

// epollRelay is the second baseline: relay.Bare.
func epollRelay(b *testing.B, phones []int) ([]int, func()) {
	b.Helper()
	bare, err := relay.NewBare(phones)
	if err != nil {
		b.Fatal(err)
	}
	return bare.Ports(), bare.Close
}
