package sip

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/internal/logkey"
	"pickup/sip/locate"
)

// Times of a line.
const (
	locateWait  = 10 * time.Second // for one look-up
	locateRetry = 30 * time.Second // after one that failed; what was known stays
	avoidFor    = 30 * time.Second // an address that failed a call (RFC 3263 4.3), unless Retry-After says longer
	avoidMost   = 5 * time.Minute
	trunkWait   = 8 * time.Second // for the answer of one address to REGISTER or OPTIONS
)

// line is one trunk at work: a goroutine looks it up, keeps it registered and
// asks whether it is there. Its state is guarded by mu.
type line struct {
	Trunk
	server *Server
	log    *slog.Logger
	once   sync.Once
	life   context.Context // ends with the line
	stop   context.CancelFunc

	reg registration // of the goroutine

	mu      sync.Mutex
	set     locate.Set
	avoid   map[netip.AddrPort]time.Time // until then; the address is tried last
	silent  map[netip.AddrPort]bool      // gave no answer to OPTIONS
	health  string                       // "connecting", "well", "down", "unknown"
	since   time.Time
	err     string
	expires time.Time // of our registration
	flow    *flow     // of our registration, in use
}

// newLine makes a line. An address needs no look-up.
func (s *Server) newLine(t Trunk) *line {
	n := &line{
		Trunk: t, server: s, log: s.log.With("trunk", t.Name), health: "connecting", since: time.Now(),
		avoid: map[netip.AddrPort]time.Time{}, silent: map[netip.AddrPort]bool{},
	}
	n.life, n.stop = context.WithCancel(s.life)
	host, port := t.split()
	if _, err := netip.ParseAddr(host); err == nil {
		n.set, _ = (&locate.Resolver{}).Locate(n.life, host, port, t.transport())
		if !t.Register && t.Probe == 0 {
			n.health = "unknown"
		}
	}
	return n
}

// begin starts the goroutine of a line, once and where there is work for it.
// trunks.mu is held.
func (n *line) begin() {
	n.once.Do(func() {
		if !n.Disabled && (n.Register || n.Probe > 0 || n.set.Empty()) {
			n.server.trunks.wg.Go(n.run)
		}
	})
}

// run does what is due until the line ends; then the registration is taken back.
func (n *line) run() {
	ctx := n.life
	now := time.Now()
	never := now.Add(100 * 365 * 24 * time.Hour)
	locateAt, registerAt, probeAt := never, never, never
	if n.set.Empty() {
		locateAt = now
	} else {
		registerAt, probeAt = n.firstTimes(now, never)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case now := <-timer.C:
			if !locateAt.After(now) {
				known := n.located()
				locateAt = time.Now().Add(n.lookUp(ctx))
				if !known && n.located() {
					registerAt, probeAt = n.firstTimes(now, never)
				}
			}
			if !registerAt.After(now) {
				registerAt = time.Now().Add(n.register(ctx))
			}
			if !probeAt.After(now) {
				probeAt = time.Now().Add(n.ask(ctx))
			}
			timer.Reset(time.Until(slices.MinFunc([]time.Time{locateAt, registerAt, probeAt}, time.Time.Compare)))
		}
	}
	n.unregister()
}

// firstTimes spreads the first work of many trunks a little.
func (n *line) firstTimes(now, never time.Time) (registerAt, probeAt time.Time) {
	registerAt, probeAt = never, never
	if n.Register {
		registerAt = now
	}
	if n.Probe > 0 {
		probeAt = now
	}
	return registerAt, probeAt
}

// lookUp asks where the trunk is and returns when to ask again.
func (n *line) lookUp(ctx context.Context) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, locateWait)
	defer cancel()
	host, port := n.split()
	set, err := n.server.cfg.Locate(ctx, host, port, n.transport())
	if err != nil {
		n.log.Warn("host of a trunk not found", logkey.Err, err)
		if !n.located() {
			n.judge("down", err.Error())
		}
		return locateRetry
	}
	n.mu.Lock()
	n.set = set
	n.mu.Unlock()
	if !n.Register && n.Probe == 0 {
		n.judge("unknown", "")
	}
	return cmp.Or(set.TTL, 24*time.Hour)
}

// judge notes how the trunk does.
func (n *line) judge(health, why string) {
	n.mu.Lock()
	changed := n.health != health || n.err != why
	if n.health != health {
		n.since = time.Now()
	}
	n.health, n.err = health, why
	n.mu.Unlock()
	if changed {
		n.log.Info("trunk", logkey.State, health, logkey.Err, why)
	}
}

func (n *line) located() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.set.Empty()
}

// usable reports that nothing speaks against a call by the line.
func (n *line) usable() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.health != "down"
}

// fits reports how well a source is the trunk; 0: not at all.
func (n *line) fits(source netip.AddrPort) int {
	n.mu.Lock()
	set := n.set
	n.mu.Unlock()
	fit := 0
	if slices.ContainsFunc(n.Networks, func(p netip.Prefix) bool { return p.Contains(source.Addr()) }) {
		fit = 2
	}
	for _, t := range set.All() {
		switch {
		case t.Addr == source:
			fit = 4
		case t.Addr.Addr() == source.Addr():
			fit = max(fit, 2)
		}
	}
	if fit > 0 && n.Disabled {
		fit--
	}
	return fit
}

// order is the order of the addresses for one request: as SRV says, those that
// failed lately last, those of a family that we do not speak not at all.
func (n *line) order() []locate.Target {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	all := slices.DeleteFunc(n.set.Order(nil), func(t locate.Target) bool { return !n.server.speaks(t) })
	bad := func(t locate.Target) int {
		if n.silent[t.Addr] || n.avoid[t.Addr].After(now) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b locate.Target) int { return bad(a) - bad(b) })
	return all
}

// blame notes that an address failed.
func (n *line) blame(at netip.AddrPort, wait time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	for a, until := range n.avoid {
		if !until.After(now) {
			delete(n.avoid, a)
		}
	}
	n.avoid[at] = now.Add(min(avoidMost, max(avoidFor, wait)))
}

// snapshot is the state without the calls.
func (n *line) snapshot() TrunkState {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := TrunkState{Name: n.Name, Health: n.health, Since: n.since, Error: n.err, Expires: n.expires, Registered: n.expires.After(time.Now())}
	if n.Disabled {
		s.Health, s.Error = "off", ""
	}
	for _, t := range n.set.All() {
		s.Addresses = append(s.Addresses, describe(t))
	}
	return s
}

// ask sends OPTIONS to each address and returns when to do so again. Any answer
// but 503 shows that it works: a 404 or 405 comes of a proxy that knows no more.
func (n *line) ask(ctx context.Context) time.Duration {
	answered, last := 0, "no address"
	for _, t := range n.order() {
		res, err := n.options(ctx, t)
		ok := err == nil && res.StatusCode != 503 && res.StatusCode != 408
		switch {
		case ctx.Err() != nil:
			return n.Probe
		case ok:
			answered++
		case err != nil:
			last = describe(t) + ": " + err.Error()
		default:
			last = describe(t) + ": " + res.StartLine()
		}
		n.mu.Lock()
		n.silent[t.Addr] = !ok
		if ok {
			delete(n.avoid, t.Addr)
		}
		n.mu.Unlock()
	}
	n.mu.Lock()
	registered := !n.Register || n.expires.After(time.Now())
	n.mu.Unlock()
	switch {
	case answered == 0:
		n.judge("down", "OPTIONS: "+last)
		return min(n.Probe, locateRetry)
	case registered:
		n.judge("well", "")
	}
	return n.Probe - n.Probe/16 + rand.N(n.Probe/8+1) //nolint:gosec // spreads, hides nothing
}

func (n *line) options(ctx context.Context, t locate.Target) (*gosip.Response, error) {
	f, err := n.server.connect(ctx, t)
	if err != nil {
		return nil, err
	}
	d := dialog{server: n.server, callID: newTag() + newTag(), localTag: newTag(), flow: f, target: n.domain()}
	d.local = gosip.FromHeader{Params: gosip.NewParams(), Address: gosip.Uri{Scheme: "sip", User: "pickup", Host: n.server.hostFor(f)}}
	d.local.Params.Add("tag", d.localTag)
	d.remote = gosip.ToHeader{Address: n.domain(), Params: gosip.NewParams()}
	return n.server.roundTrip(ctx, &d, d.request(gosip.OPTIONS))
}

// roundTrip sends a request and returns its final response.
func (s *Server) roundTrip(ctx context.Context, d *dialog, r *gosip.Request) (*gosip.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, trunkWait)
	defer cancel()
	tx, err := d.send(ctx, r)
	if err != nil {
		return nil, err
	}
	defer tx.Terminate()
	for {
		select {
		case res := <-tx.Responses():
			if res.StatusCode >= 200 {
				return res, nil
			}
		case <-tx.Done():
			return nil, errNoAnswer
		case <-ctx.Done():
			return nil, errNoAnswer
		}
	}
}
