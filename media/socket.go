package media

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// packetSize is the largest datagram that is read; RTP of a phone has 52 to
// 492 bytes, and nothing above the Ethernet MTU is of use.
const packetSize = 1500

// newPacket makes a buffer for one packet, with room behind it for what SRTP
// adds when the packet is sent on.
func newPacket() []byte { return make([]byte, packetSize, packetSize+srtpOverhead) }

// socketBuffer is the receive buffer asked of the kernel for each socket: more
// than a second of voice.
const socketBuffer = 256 << 10

// Datagram is a place for one received packet.
type Datagram struct {
	Buf  []byte         // where to read to
	N    int            // bytes that were read
	From netip.AddrPort // who sent them, an IPv4 address unmapped
}

// Socket is a datagram socket under a leg: the seam at which the engine below
// can change. ReadBatch is called by one goroutine, Write by several.
type Socket interface {
	// ReadBatch waits for at least one packet, fills the first n elements of
	// batch and returns n. It returns an error only when the socket is closed
	// or broken for good.
	ReadBatch(batch []Datagram) (n int, err error)
	// Write sends p to one address. It never waits: what the kernel does not
	// take is lost, and reported.
	Write(p []byte, to netip.AddrPort) error
	// LocalAddr returns the bound address.
	LocalAddr() netip.AddrPort
	// Close frees the port and ends ReadBatch with an error.
	Close() error
}

// ListenFunc opens a Socket on a local address.
type ListenFunc func(local netip.AddrPort) (Socket, error)

// udpSocket is a Socket on the standard library.
type udpSocket struct {
	conn  *net.UDPConn
	local netip.AddrPort
}

// ListenUDP opens a UDP socket over IPv4, or over IPv6 alone where local is of
// it. It is the ListenFunc of an Engine that names no other.
func ListenUDP(local netip.AddrPort) (Socket, error) {
	config := net.ListenConfig{Control: forbidBroadcast}
	network := "udp4"
	if local.Addr().Is6() {
		network = "udp6"
	}
	pc, err := config.ListenPacket(context.Background(), network, local.String())
	if err != nil {
		return nil, fmt.Errorf("open RTP socket: %w", err)
	}
	conn := pc.(*net.UDPConn)
	_ = conn.SetReadBuffer(socketBuffer) // the kernel's limit may be lower: still a socket
	at := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return &udpSocket{conn: conn, local: netip.AddrPortFrom(at.Addr().Unmap(), at.Port())}, nil
}

// forbidBroadcast undoes what the net package sets on every UDP socket, so that
// no description can make us send audio to the broadcast address of a subnet.
func forbidBroadcast(_, _ string, raw syscall.RawConn) error {
	return raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_BROADCAST, 0)
	})
}

func (s *udpSocket) ReadBatch(batch []Datagram) (int, error) {
	n, from, err := s.conn.ReadFromUDPAddrPort(batch[0].Buf)
	if err != nil {
		return 0, err
	}
	batch[0].N, batch[0].From = n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	return 1, nil
}

func (s *udpSocket) Write(p []byte, to netip.AddrPort) error {
	_, err := s.conn.WriteToUDPAddrPort(p, to)
	return err
}

func (s *udpSocket) LocalAddr() netip.AddrPort { return s.local }

func (s *udpSocket) Close() error { return s.conn.Close() }
