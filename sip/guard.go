package sip

import (
	"net/netip"
	"sync"
	"time"
)

// guard is the flood guard: a bucket of new requests for each source address.
// Its methods may be called from any goroutine.
type guard struct {
	rate    float64 // tokens a second
	burst   float64
	trusted []netip.Prefix

	mu      sync.Mutex
	buckets map[netip.Addr]*bucket
	swept   time.Time
}

type bucket struct {
	tokens float64
	at     time.Time
}

// maxBuckets bounds the table; beyond it the oldest half is forgotten.
const maxBuckets = 1 << 16

func newGuard(rate, burst int, trusted []netip.Prefix) *guard {
	return &guard{rate: float64(rate), burst: float64(burst), trusted: trusted, buckets: map[netip.Addr]*bucket{}}
}

// allow takes a token of source; false means "answer 503".
func (g *guard) allow(source netip.Addr, now time.Time) bool {
	if g.rate <= 0 || g.trusts(source) {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep(now)
	b := g.buckets[source]
	if b == nil {
		b = &bucket{tokens: g.burst, at: now}
		g.buckets[source] = b
	}
	b.tokens = min(g.burst, b.tokens+now.Sub(b.at).Seconds()*g.rate)
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

func (g *guard) trusts(source netip.Addr) bool {
	for _, p := range g.trusted {
		if p.Contains(source) {
			return true
		}
	}
	return false
}

// sweep forgets full buckets once a minute, and everything when the table has
// outgrown its bound.
func (g *guard) sweep(now time.Time) {
	full := time.Duration(g.burst / g.rate * float64(time.Second))
	if now.Sub(g.swept) < time.Minute && len(g.buckets) < maxBuckets {
		return
	}
	g.swept = now
	for a, b := range g.buckets {
		if now.Sub(b.at) > full {
			delete(g.buckets, a)
		}
	}
	if len(g.buckets) >= maxBuckets {
		clear(g.buckets)
	}
}
