package media

import (
	"fmt"
	"net/netip"
	"sync"
)

// memoryQueue is how many packets wait in a socket of a MemoryNet; more are
// lost, as they are in a kernel.
const memoryQueue = 256

// MemoryNet is a network of sockets made of channels, for tests under virtual
// time, where a read of a real socket would stop the clock. It loses nothing
// but what a full receiver cannot take, and delivers at once.
type MemoryNet struct {
	mu      sync.Mutex
	sockets map[netip.AddrPort]*memorySocket
}

// NewMemoryNet returns an empty network.
func NewMemoryNet() *MemoryNet {
	return &MemoryNet{sockets: make(map[netip.AddrPort]*memorySocket)}
}

// Listen opens a socket. An unspecified address stands for every address of
// its port; port 0 is refused.
func (m *MemoryNet) Listen(local netip.AddrPort) (Socket, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.sockets[local]; taken || local.Port() == 0 {
		return nil, fmt.Errorf("media: %v is in use", local)
	}
	s := &memorySocket{net: m, local: local, in: make(chan memoryPacket, memoryQueue), done: make(chan struct{})}
	m.sockets[local] = s
	return s, nil
}

func (m *MemoryNet) find(to netip.AddrPort) *memorySocket {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.sockets[to]; s != nil {
		return s
	}
	return m.sockets[netip.AddrPortFrom(netip.IPv4Unspecified(), to.Port())]
}

func (m *MemoryNet) forget(s *memorySocket) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sockets[s.local] == s {
		delete(m.sockets, s.local)
	}
}

type memoryPacket struct {
	data []byte
	from netip.AddrPort
}

type memorySocket struct {
	net   *MemoryNet
	local netip.AddrPort
	in    chan memoryPacket
	close sync.Once
	done  chan struct{}
}

func (s *memorySocket) ReadBatch(batch []Datagram) (int, error) {
	select {
	case p := <-s.in:
		batch[0].N, batch[0].From = copy(batch[0].Buf, p.data), p.from
		return 1, nil
	case <-s.done:
		return 0, ErrClosed
	}
}

// Write delivers a copy. The sender is seen as loopback when it is bound to
// every address.
func (s *memorySocket) Write(p []byte, to netip.AddrPort) error {
	peer := s.net.find(to)
	if peer == nil {
		return nil // nobody there: UDP does not say
	}
	from := s.local
	if from.Addr().IsUnspecified() {
		from = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), from.Port())
	}
	select {
	case peer.in <- memoryPacket{append([]byte(nil), p...), from}:
	default:
	}
	return nil
}

func (s *memorySocket) LocalAddr() netip.AddrPort { return s.local }

func (s *memorySocket) Close() error {
	s.close.Do(func() {
		s.net.forget(s)
		close(s.done)
	})
	return nil
}
