package callback

import (
	"context"
	"sync"
)

// keyed lets one caller at a time work on a key; the others wait, each no
// longer than his context. The mutex guards the map and is never held while
// somebody works. The zero value is ready.
type keyed struct {
	mu    sync.Mutex
	holds map[string]*hold
}

// hold is a key in use.
type hold struct {
	turn  chan struct{} // holds a token while the key is free
	users int           // who holds or waits
}

// lock waits for the key and returns what gives it back.
func (k *keyed) lock(ctx context.Context, key string) (unlock func(), err error) {
	k.mu.Lock()
	if k.holds == nil {
		k.holds = make(map[string]*hold)
	}
	h := k.holds[key]
	if h == nil {
		h = &hold{turn: make(chan struct{}, 1)}
		h.turn <- struct{}{}
		k.holds[key] = h
	}
	h.users++
	k.mu.Unlock()
	select {
	case <-h.turn:
		return func() {
			h.turn <- struct{}{}
			k.leave(key, h)
		}, nil
	case <-ctx.Done():
		k.leave(key, h)
		return nil, ctx.Err()
	}
}

// leave forgets a key that nobody uses any more.
func (k *keyed) leave(key string, h *hold) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if h.users--; h.users == 0 {
		delete(k.holds, key)
	}
}
