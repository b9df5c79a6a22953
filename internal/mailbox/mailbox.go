// Package mailbox is the inbox of a goroutine that owns a live thing.
//
// A send never waits, so that a notification can go up from an engine to a
// session without a chance of deadlock; the owner takes everything that has
// gathered at once. Its size is bounded by what can happen to one thing, not
// by a channel's capacity.
package mailbox

import "sync"

// Box carries messages of type T to one owner. The zero value is not usable;
// call New. Put may be called from any goroutine, Take from the owner's only.
type Box[T any] struct {
	mu     sync.Mutex
	queue  []T
	closed bool
	wake   chan struct{}
}

// New returns an empty box.
func New[T any]() *Box[T] {
	return &Box[T]{wake: make(chan struct{}, 1)}
}

// Put adds m. It reports false, and keeps nothing, once the box is closed: the
// owner is gone.
func (b *Box[T]) Put(m T) bool {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return false
	}
	b.queue = append(b.queue, m)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return true
}

// Ready is signalled when there is something to take. One signal may stand for
// several messages, and a signal may find the box empty.
func (b *Box[T]) Ready() <-chan struct{} { return b.wake }

// Take returns all that has gathered, oldest first, reusing spare for the next
// messages. Pass the slice that the previous Take returned, or nil.
func (b *Box[T]) Take(spare []T) []T {
	clear(spare)
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.queue
	b.queue = spare[:0]
	return got
}

// Close refuses further messages and returns those that nobody took, so that
// the owner can answer waiting requests before it leaves.
func (b *Box[T]) Close() []T {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	got := b.queue
	b.queue = nil
	return got
}
