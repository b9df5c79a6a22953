package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"pickup/callflow"
	"pickup/sip/locate"
)

// errTrunksFull says that every trunk of a number has its calls.
var errTrunksFull = errors.New("sip: every trunk for the number is full")

// trunks are the trunks in the order in which they are tried, and what limits
// their calls. Its methods may be called from any goroutine.
type trunks struct {
	mu      sync.Mutex
	lines   []*line
	limits  map[string]*limit // by name: they outlive a change of the trunk
	wg      sync.WaitGroup    // goroutines of lines
	started bool              // lines work

	refused, failovers atomic.Uint64
}

// limit counts the calls of one trunk. Guarded by trunks.mu.
type limit struct {
	calls  int
	tokens float64
	at     time.Time // tokens were counted
}

// allow takes one token of a bucket that fills by rate a second.
func (m *limit) allow(rate float64, now time.Time) bool {
	most := max(1, rate)
	if m.at.IsZero() {
		m.tokens = most
	} else {
		m.tokens = min(most, m.tokens+rate*now.Sub(m.at).Seconds())
	}
	m.at = now
	if m.tokens < 1 {
		return false
	}
	m.tokens--
	return true
}

// ReloadTrunks takes over what the store says of the trunks. Calls that go on
// count where they were begun; a trunk that did not change keeps what is known
// of it, its registration too.
func (s *Server) ReloadTrunks(ctx context.Context) error {
	all, err := s.store.Trunks(ctx)
	if err != nil {
		return fmt.Errorf("load trunks: %w", err)
	}
	slices.SortStableFunc(all, func(a, b Trunk) int { return a.Rank - b.Rank })
	t := &s.trunks
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.life.Err() != nil {
		return nil
	}
	was := t.lines
	t.lines = make([]*line, 0, len(all))
	for _, k := range all {
		i := slices.IndexFunc(was, func(n *line) bool { return reflect.DeepEqual(n.Trunk, k) })
		if i >= 0 {
			t.lines = append(t.lines, was[i])
			was = slices.Delete(slices.Clone(was), i, i+1)
			continue
		}
		t.lines = append(t.lines, s.newLine(k))
	}
	for _, n := range was {
		n.stop()
	}
	if t.started {
		for _, n := range t.lines {
			n.begin()
		}
	}
	return nil
}

// startTrunks sets the lines to work, as soon as requests go out by our socket.
func (s *Server) startTrunks() {
	if !s.canSend() {
		return
	}
	t := &s.trunks
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.life.Err() != nil {
		return
	}
	t.started = true
	for _, n := range t.lines {
		n.begin()
	}
}

// canSend waits until requests go out by our UDP socket; false: the server ends.
func (s *Server) canSend() bool {
	select {
	case <-s.udp.read:
		return s.life.Err() == nil
	case <-s.life.Done():
		return false
	}
}

// of returns the trunk that a source is, or nil. Of several at one address the one
// with the port of the source is preferred, and one that is not disabled.
func (t *trunks) of(source netip.AddrPort) *Trunk {
	t.mu.Lock()
	lines := t.lines
	t.mu.Unlock()
	var found *line
	best := 0
	for _, n := range lines {
		if fit := n.fits(source); fit > best {
			found, best = n, fit
		}
	}
	if found == nil {
		return nil
	}
	k := found.Trunk
	return &k
}

// enter counts a call of a trunk; false: it has as many as it may, or they come
// too fast.
func (t *trunks) enter(k *Trunk) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.limits[k.Name]
	if m == nil {
		if t.limits == nil {
			t.limits = map[string]*limit{}
		}
		m = &limit{}
		t.limits[k.Name] = m
	}
	if (k.MaxCalls > 0 && m.calls >= k.MaxCalls) || (k.Rate > 0 && !m.allow(k.Rate, time.Now())) {
		t.refused.Add(1)
		return false
	}
	m.calls++
	return true
}

// leave ends a call of a trunk; "" is none.
func (t *trunks) leave(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m := t.limits[name]; m != nil {
		m.calls = max(0, m.calls-1)
	}
}

// candidates are the lines that take a number: those that do well in the order
// of their rank, then, as a last resort, those that do not.
func (t *trunks) candidates(number string) []*line {
	t.mu.Lock()
	defer t.mu.Unlock()
	var well, down []*line
	for _, n := range t.lines {
		switch {
		case !n.takes(number) || !n.located():
		case n.usable():
			well = append(well, n)
		default:
			down = append(down, n)
		}
	}
	return append(well, down...)
}

// route says that no trunk takes a number, full or not.
func (t *trunks) route(number string) error {
	if number == "" {
		return callflow.ErrNoRoute
	}
	if len(t.candidates(number)) == 0 {
		return callflow.ErrNoTrunk
	}
	return nil
}

// ways are where one call can still go: the other addresses of its trunk, then
// the next trunks. It belongs to who dials.
type ways struct {
	trunks  *trunks
	lines   []*line // not tried yet
	line    *line   // entered; nil: none
	targets []locate.Target
	bits    int // of the addresses that are tried: the SDP is written for one IP version; 0: any
}

func (t *trunks) ways(number string) *ways { return &ways{trunks: t, lines: t.candidates(number)} }

// next returns where to go now. Its trunk is entered, the one before it left;
// false: there is no other, and none is entered.
func (w *ways) next() (locate.Target, bool) {
	for {
		if len(w.targets) > 0 {
			to := w.targets[0]
			w.targets = w.targets[1:]
			if w.bits == 0 {
				w.bits = to.Addr.Addr().BitLen()
			}
			if w.bits == to.Addr.Addr().BitLen() {
				return to, true
			}
			continue
		}
		w.leave()
		if len(w.lines) == 0 {
			return locate.Target{}, false
		}
		n := w.lines[0]
		w.lines = w.lines[1:]
		if w.trunks.enter(&n.Trunk) {
			w.line, w.targets = n, n.order()
		}
	}
}

// at is by which socket a UDP target is reached.
func (w *ways) at(to locate.Target) *endpoint {
	if to.Transport != "udp" {
		return nil
	}
	return w.line.server.endpointTo(to.Addr)
}

// leave gives the place in the trunk back.
func (w *ways) leave() {
	if w.line != nil {
		w.trunks.leave(w.line.Name)
		w.line = nil
	}
}

// more reports whether next may find another place.
func (w *ways) more() bool { return len(w.targets) > 0 || len(w.lines) > 0 }

// toNumber is the first way to a number; its trunk is entered.
func (s *Server) toNumber(number string) (destination, error) {
	number = numberUser(number)
	if err := s.trunks.route(number); err != nil {
		return destination{}, err
	}
	w := s.trunks.ways(number)
	to, ok := w.next()
	if !ok {
		return destination{}, errTrunksFull
	}
	return w.destination(number, to), nil
}

// destination is where the INVITE goes on one way.
func (w *ways) destination(number string, to locate.Target) destination {
	k := w.line.Trunk
	return destination{
		target: k.target(number, to), flow: &flow{transport: to.Transport, addr: to.Addr, host: to.Name, at: w.at(to)},
		trunk: &k, ways: w, number: number,
	}
}

// end stops every line and waits until each has taken its registration back.
func (t *trunks) end() {
	t.mu.Lock()
	for _, n := range t.lines {
		n.stop()
	}
	t.mu.Unlock()
	t.wg.Wait()
}

// Trunks returns how each trunk does, in the order in which they are tried.
func (s *Server) Trunks() []TrunkState {
	t := &s.trunks
	t.mu.Lock()
	lines := t.lines
	calls := map[string]int{}
	for name, m := range t.limits {
		calls[name] = m.calls
	}
	t.mu.Unlock()
	out := make([]TrunkState, 0, len(lines))
	for _, n := range lines {
		state := n.snapshot()
		state.Calls = calls[n.Name]
		out = append(out, state)
	}
	return out
}
