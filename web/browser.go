package web

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"pickup/call"
	"pickup/callflow"
	"pickup/internal/id"
	"pickup/internal/logkey"
	"pickup/media"
)

// Limits of browser calls.
const (
	maxSDP       = 64 << 10         // bytes of an offer
	callbackRing = 25 * time.Second // how long a callback rings where the session sets no time
	pageKept     = 10 * time.Minute // a page without call and stream is remembered so long
	maxSources   = 20_000           // sources whose rate is remembered at once
)

// BrowserCalls are the pages that have, or had, a call. It is the dialer of
// callbacks to browsers (callflow.Dialer for callflow.AddressBrowser). Its
// methods may be called from any goroutine; it runs none.
type BrowserCalls struct {
	engine *media.Engine
	log    *slog.Logger

	mu      sync.Mutex
	pages   map[call.ID]*browserPage // by the call they began with
	limits  map[netip.Addr]*rate.Limiter
	cleaned time.Time
}

// NewBrowserCalls makes a BrowserCalls over a media engine.
func NewBrowserCalls(m *media.Engine, log *slog.Logger) *BrowserCalls {
	return &BrowserCalls{
		engine: m, log: log, pages: make(map[call.ID]*browserPage), limits: make(map[netip.Addr]*rate.Limiter),
	}
}

// browserPage is a page with a call, or with the promise of one.
type browserPage struct {
	first  call.ID // the call it began with: what a callback rings
	resume string  // hash of its token's secret

	mu      sync.Mutex
	current call.ID     // the call of now
	leg     *browserLeg // of current; nil: none
	ringing *browserLeg // a callback that waits to be taken
	rings   call.ID     // its call
	offered time.Time   // when it began to ring
	streams map[chan struct{}]struct{}
	seen    time.Time
}

// wake makes every stream of the page look again. The lock is held.
func (p *browserPage) wake() {
	for s := range p.streams {
		select {
		case s <- struct{}{}:
		default:
		}
	}
}

// subscribe adds a stream.
func (p *browserPage) subscribe() (wake chan struct{}, done func()) {
	wake = make(chan struct{}, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.streams[wake] = struct{}{}
	p.seen = time.Now()
	return wake, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.streams, wake)
		p.seen = time.Now()
	}
}

// page returns the page of a call, or nil.
func (b *BrowserCalls) page(first call.ID) *browserPage {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pages[first]
}

// remember returns the page of a call, which it makes when there is none.
func (b *BrowserCalls) remember(first call.ID, resume string) *browserPage {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Sub(b.cleaned) > time.Minute {
		b.cleaned = now
		b.forget(now)
	}
	p := b.pages[first]
	if p == nil {
		p = &browserPage{first: first, current: first, resume: resume, streams: make(map[chan struct{}]struct{}), seen: now}
		b.pages[first] = p
	}
	return p
}

// forget drops pages that nobody looks at, and rates of sources that are calm.
func (b *BrowserCalls) forget(now time.Time) {
	for first, p := range b.pages {
		p.mu.Lock()
		idle := p.leg == nil && p.ringing == nil && len(p.streams) == 0 && now.Sub(p.seen) > pageKept
		p.mu.Unlock()
		if idle {
			delete(b.pages, first)
		}
	}
	for source, l := range b.limits {
		if l.TokensAt(now) >= float64(l.Burst()) {
			delete(b.limits, source)
		}
	}
}

// allowed counts a request of source; false when it makes too many.
func (b *BrowserCalls) allowed(source netip.Addr, perSecond float64, burst int) bool {
	if source.Is6() { // one household has a /64
		if p, err := source.Prefix(64); err == nil {
			source = p.Addr()
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.limits[source]
	if l == nil {
		if len(b.limits) >= maxSources {
			clear(b.limits)
		}
		l = rate.NewLimiter(rate.Limit(perSecond), burst)
		b.limits[source] = l
	}
	return l.Allow()
}

// open makes a leg with its media; codec is that of the other side, where it is known.
func (b *BrowserCalls) open(legID call.LegID, peer netip.Addr, codec string) (*browserLeg, error) {
	m, err := b.engine.NewBrowserLeg(media.LegOptions{ID: legID, Peer: peer, Prefer: codec})
	if err != nil {
		return nil, err
	}
	return &browserLeg{id: legID, media: m}, nil
}

// hold makes l the page's leg in the call id.
func (p *browserPage) hold(l *browserLeg, id call.ID) {
	l.join(p)
	p.mu.Lock()
	p.leg, p.current = l, id
	p.seen = time.Now()
	p.wake()
	p.mu.Unlock()
	if l.isOver() { // it ended before it was known here
		p.drop(l)
	}
}

// drop forgets l where it is the page's leg, or rings there.
func (p *browserPage) drop(l *browserLeg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.leg == l {
		p.leg = nil
	}
	if p.ringing == l {
		p.ringing = nil
	}
	p.seen = time.Now()
	p.wake()
}

// newLegID names a leg.
func newLegID() call.LegID { return call.LegID(id.New()) }

// Route implements callflow.Dialer: a page that is away may be back when its
// turn comes.
func (b *BrowserCalls) Route(callflow.Address) error { return nil }

// Dial implements callflow.Dialer: the page of the call inv.To.Value shows that
// it is called, and takes it by an offer under its resume token. It fails with
// 408 after inv.Timeout, or 25 s where that is 0. callflow.ErrNoRoute when no
// such page is open.
func (b *BrowserCalls) Dial(_ context.Context, inv callflow.Invitation) (callflow.Leg, error) {
	p := b.page(call.ID(inv.To.Value))
	if p == nil {
		return nil, callflow.ErrNoRoute
	}
	p.mu.Lock()
	busy := p.leg != nil || p.ringing != nil
	gone := len(p.streams) == 0 && time.Since(p.seen) > callbackRing
	p.mu.Unlock()
	if gone {
		return nil, callflow.ErrNoRoute
	}
	l, err := b.open(inv.LegID, netip.Addr{}, inv.Codec)
	if err != nil {
		return nil, err
	}
	if busy {
		l.fail(486, "Busy Here")
		return l, nil
	}
	limit := inv.Timeout
	if limit == 0 {
		limit = callbackRing
	}
	l.join(p)
	l.ring(limit)
	p.mu.Lock()
	p.ringing, p.rings, p.offered = l, inv.CallID, time.Now()
	p.wake()
	p.mu.Unlock()
	b.log.Info("callback rings in a browser", slog.String(logkey.Call, string(inv.CallID)), slog.String(logkey.Leg, string(inv.LegID)))
	return l, nil
}
