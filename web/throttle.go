package web

import (
	"sync"
	"time"
)

// Limits of sign-in. A source is slowed down, never a login as such: the real
// agent at another address is not locked out.
const (
	freeTries    = 5                // of one source for one login, without delay
	maxDelay     = 5 * time.Minute  // between two tries
	sourceTries  = 100              // failures of one source in sourceWindow, whatever the logins
	sourceWindow = 15 * time.Minute // also how long a failure is remembered
	maxFailures  = 20_000           // remembered at once; beyond it the expired go, then all
)

// throttle counts refused sign-ins and says how long the next must wait. Its
// methods may be called from any goroutine.
type throttle struct {
	mu      sync.Mutex
	pairs   map[[2]string]*failures // by source and login
	sources map[string]*failures
}

type failures struct {
	n    int
	last time.Time
}

func newThrottle() *throttle {
	return &throttle{pairs: make(map[[2]string]*failures), sources: make(map[string]*failures)}
}

// wait returns how long source must wait before it may try login; 0: not at all.
func (t *throttle) wait(source, login string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	var wait time.Duration
	if f := t.pairs[[2]string{source, login}]; f != nil && f.n >= freeTries {
		delay := min(time.Second<<min(f.n-freeTries, 20), maxDelay)
		wait = max(wait, delay-now.Sub(f.last))
	}
	if f := t.sources[source]; f != nil && f.n >= sourceTries {
		wait = max(wait, sourceWindow-now.Sub(f.last))
	}
	return wait
}

// failed counts a refused try.
func (t *throttle) failed(source, login string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.pairs) >= maxFailures {
		for k, f := range t.pairs {
			if now.Sub(f.last) > sourceWindow {
				delete(t.pairs, k)
			}
		}
		if len(t.pairs) >= maxFailures {
			clear(t.pairs)
		}
	}
	if len(t.sources) >= maxFailures {
		clear(t.sources)
	}
	count(t.pairs, [2]string{source, login}, now)
	count(t.sources, source, now)
}

// succeeded forgets the failures of the pair. Those of the source stay: a
// guesser with an account of his own gains nothing.
func (t *throttle) succeeded(source, login string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.pairs, [2]string{source, login})
}

func count[K comparable](m map[K]*failures, key K, now time.Time) {
	f := m[key]
	if f == nil || now.Sub(f.last) > sourceWindow {
		f = &failures{}
		m[key] = f
	}
	f.n++
	f.last = now
}
