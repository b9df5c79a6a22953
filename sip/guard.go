package sip

import (
	"net/netip"
	"sync"
	"time"
)

// guard is the flood guard: a bucket of new requests, and of the bytes of long
// messages, for each source address.
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

// freeBytes of a message cost nothing; each further as many cost a token, as a
// transaction keeps a request for 32 s. So a source holds rate * 32 s times as
// many bytes at the most, whatever it sends.
const freeBytes = 8192

// cost is how many tokens a message takes.
func cost(h *head, size int) int {
	n := size / freeBytes
	if h.request && opensDialog(h) {
		n++
	}
	return n
}

// allow takes n tokens of source, all that it may have where they are fewer;
// false means "answer 503".
func (g *guard) allow(source netip.Addr, n int, now time.Time) bool {
	if n == 0 || g.rate <= 0 || g.trusts(source) {
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
	price := min(float64(n), g.burst)
	if b.tokens < price {
		return false
	}
	b.tokens -= price
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
