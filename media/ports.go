package media

import (
	"net/netip"
	"sync"
	"time"
)

// ports hands out pairs of ports: RTP on the even one, RTCP on the next
// (RFC 3550 section 11). The pair that was released first is used again first, and
// none before its quarantine is over, so that packets for an ended call do not
// reach the next one.
type ports struct {
	listen     func(netip.AddrPort) (endpoint, error)
	first      int           // even
	quarantine time.Duration // after a release

	mu   sync.Mutex
	idle []idlePair // a ring, by the time of release
	head int        // the oldest
	free int        // in idle
}

// idlePair is a pair that nobody uses.
type idlePair struct {
	index int
	until time.Time // in quarantine; zero: it is not
}

// newPorts covers first to last, inclusive.
func newPorts(first, last int, quarantine time.Duration, listen func(netip.AddrPort) (endpoint, error)) *ports {
	even := first + first%2
	pairs := max(0, (last-even+1)/2)
	p := &ports{listen: listen, first: even, quarantine: quarantine, idle: make([]idlePair, pairs), free: pairs}
	for i := range p.idle {
		p.idle[i].index = i
	}
	return p
}

// pair is an open pair of sockets.
type pair struct {
	rtp, rtcp endpoint
	index     int
}

// open returns the pair that is idle for the longest time. Ports that another
// process holds are passed over. Those of IPv6 have the same numbers. It returns
// ErrNoPorts after a full round, and when all that are idle are in quarantine.
func (p *ports) open(v6 bool) (pair, error) {
	all := netip.IPv4Unspecified()
	if v6 {
		all = netip.IPv6Unspecified()
	}
	for range len(p.idle) {
		index, ok := p.take()
		if !ok {
			break
		}
		rtp, err := p.listen(netip.AddrPortFrom(all, uint16(p.first+2*index)))
		if err != nil {
			p.release(index, 0)
			continue
		}
		rtcp, err := p.listen(netip.AddrPortFrom(all, uint16(p.first+2*index+1)))
		if err != nil {
			_ = rtp.Close()
			p.release(index, 0)
			continue
		}
		return pair{rtp, rtcp, index}, nil
	}
	return pair{}, ErrNoPorts
}

// take reserves the index that is idle for the longest time.
func (p *ports) take() (int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free == 0 || !p.idle[p.head].until.IsZero() && time.Now().Before(p.idle[p.head].until) {
		return 0, false
	}
	index := p.idle[p.head].index
	p.head = (p.head + 1) % len(p.idle)
	p.free--
	return index, true
}

// release gives an index back, after a quarantine.
func (p *ports) release(index int, quarantine time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	idle := idlePair{index: index}
	if quarantine > 0 {
		idle.until = time.Now().Add(quarantine)
	}
	p.idle[(p.head+p.free)%len(p.idle)] = idle
	p.free++
}

// close closes both sockets of a pair. Its ports are free after the quarantine.
func (p *ports) close(o pair) {
	_ = o.rtp.Close()
	_ = o.rtcp.Close()
	p.release(o.index, p.quarantine)
}
