package media

import (
	"net/netip"
	"sync"
)

// ports hands out pairs of ports: RTP on the even one, RTCP on the next
// (RFC 3550 section 11). A pair is used again as late as possible, so that
// packets for an ended call do not reach the next one.
type ports struct {
	listen func(netip.AddrPort) (endpoint, error)
	first  int // even
	pairs  int

	mu   sync.Mutex
	next int
	used map[int]bool // by index of the pair
}

// newPorts covers first to last, inclusive.
func newPorts(first, last int, listen func(netip.AddrPort) (endpoint, error)) *ports {
	even := first + first%2
	return &ports{listen: listen, first: even, pairs: max(0, (last-even+1)/2), used: make(map[int]bool)}
}

// pair is an open pair of sockets.
type pair struct {
	rtp, rtcp endpoint
	index     int
}

// open returns the next free pair. Ports that another process holds are
// passed over. It returns ErrNoPorts after a full round.
func (p *ports) open() (pair, error) {
	for range p.pairs {
		index, ok := p.take()
		if !ok {
			break
		}
		rtp, err := p.listen(netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(p.first+2*index)))
		if err != nil {
			p.release(index)
			continue
		}
		rtcp, err := p.listen(netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(p.first+2*index+1)))
		if err != nil {
			_ = rtp.Close()
			p.release(index)
			continue
		}
		return pair{rtp, rtcp, index}, nil
	}
	return pair{}, ErrNoPorts
}

// take reserves the next index that is not in use here.
func (p *ports) take() (int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.used) >= p.pairs {
		return 0, false
	}
	for p.used[p.next] {
		p.next = (p.next + 1) % p.pairs
	}
	index := p.next
	p.used[index] = true
	p.next = (p.next + 1) % p.pairs
	return index, true
}

func (p *ports) release(index int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.used, index)
}

// close closes both sockets of a pair and frees its ports.
func (p *ports) close(o pair) {
	_ = o.rtp.Close()
	_ = o.rtcp.Close()
	p.release(o.index)
}
