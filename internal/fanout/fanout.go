// Package fanout carries "something changed" from one publisher to many
// readers: the console, the wallboard, a page that shows its own call.
//
// The last events stay in a ring and readers keep a cursor into it, so a
// publisher never waits for a reader, and a reader that comes back with the
// number of the last event it saw misses none. Who was away for longer than
// the ring remembers is told to load everything anew.
//
// A Hub starts no goroutine.
package fanout

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Ring is how many events a Hub remembers.
const Ring = 10_000

// ErrClosed is what Next returns once the hub is closed.
var ErrClosed = errors.New("fanout: closed")

// Event is one change. It must not be altered after Publish: all readers share it.
type Event struct {
	Seq      uint64 // rises by one; the first of a run is above all of the runs before
	At       time.Time
	Topic    string // "queue", "agent", "call", "recording", "ticket", "callback"
	ObjectID string
	Payload  map[string]any // further fields for the reader, or nil
}

// Hub is where events meet their readers. Its methods may be called from any
// goroutine. The zero value is not usable; call New.
type Hub struct {
	mu      sync.Mutex
	now     func() time.Time
	ring    []Event
	next    uint64 // number of the next event
	first   uint64 // number of the first event of this run
	readers map[*Reader]struct{}
	closed  bool
}

// New returns a Hub whose numbers start at the microseconds of the Unix time,
// so that they rise from one run of the program to the next. now tells the
// time; nil is time.Now.
func New(now func() time.Time) *Hub {
	if now == nil {
		now = time.Now
	}
	start := uint64(max(now().UnixMicro(), 1))
	return &Hub{
		now: now, ring: make([]Event, 0, 64), next: start, first: start,
		readers: make(map[*Reader]struct{}),
	}
}

// Publish adds an event and returns its number. It never waits for a reader.
// After Close it does nothing and returns 0.
func (h *Hub) Publish(topic, objectID string, payload map[string]any) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return 0
	}
	e := Event{Seq: h.next, At: h.now(), Topic: topic, ObjectID: objectID, Payload: payload}
	if len(h.ring) < Ring {
		h.ring = append(h.ring, e)
	} else {
		h.ring[(e.Seq-h.first)%Ring] = e
	}
	h.next++
	for r := range h.readers {
		r.signal()
	}
	return e.Seq
}

// Last returns the number of the newest event. Before the first event of this
// run it is one less than that event's number will be.
func (h *Hub) Last() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.next - 1
}

// Readers returns how many readers there are.
func (h *Hub) Readers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.readers)
}

// Close ends every reader and refuses further events. It may be called twice.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for r := range h.readers {
		r.signal()
	}
}

// Subscribe returns a reader of the events after number after; 0 means from
// now on. Call Close on it.
func (h *Hub) Subscribe(after uint64) *Reader {
	r := &Reader{hub: h, wake: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	r.cursor = after + 1
	if after == 0 {
		r.cursor = h.next
	}
	h.readers[r] = struct{}{}
	r.signal()
	return r
}

// Reader is one reader's cursor. Next is for one goroutine at a time.
type Reader struct {
	hub    *Hub
	cursor uint64 // number of the next event to read
	wake   chan struct{}
}

// Batch is what Next returns: events in order, at least one, or Reset.
type Batch struct {
	Events []Event
	// Reset: events between the cursor and Seq are not remembered (too old, or
	// of another run). The reader goes on after Seq; who shows state loads it anew.
	Reset bool
	Seq   uint64
}

// Next waits for events. It returns ErrClosed after Hub.Close or Reader.Close,
// or the error of ctx.
func (r *Reader) Next(ctx context.Context) (Batch, error) {
	for {
		b, ok, err := r.take()
		if ok || err != nil {
			return b, err
		}
		select {
		case <-r.wake:
		case <-ctx.Done():
			return Batch{}, ctx.Err()
		}
	}
}

// Close ends the reader.
func (r *Reader) Close() {
	r.hub.mu.Lock()
	delete(r.hub.readers, r)
	r.hub.mu.Unlock()
	r.signal()
}

// take returns what is there. ok is false when there is nothing.
func (r *Reader) take() (b Batch, ok bool, err error) {
	h := r.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, open := h.readers[r]; h.closed || !open {
		return Batch{}, false, ErrClosed
	}
	oldest := h.next - uint64(len(h.ring))
	if r.cursor < oldest || r.cursor > h.next {
		r.cursor = h.next
		return Batch{Reset: true, Seq: h.next - 1}, true, nil
	}
	if r.cursor == h.next {
		return Batch{}, false, nil
	}
	for ; r.cursor < h.next; r.cursor++ {
		b.Events = append(b.Events, h.ring[(r.cursor-h.first)%Ring])
	}
	b.Seq = h.next - 1
	return b, true, nil
}

func (r *Reader) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
