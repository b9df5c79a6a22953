package recording

import (
	"sync/atomic"
	"time"
)

const (
	// ringSlots is how many packets of one side may wait for the collector:
	// 1.28 s of 20 ms packets, against a collector that comes every 100 ms.
	ringSlots = 64
	// maxPayload is the longest payload kept: 60 ms of G.711.
	maxPayload = 480
)

// packet is one RTP payload as it waits in a ring.
type packet struct {
	at        time.Duration
	timestamp uint32
	sequence  uint16
	size      uint16
	law       uint8
	payload   [maxPayload]byte
}

// ring hands packets from one goroutine of the media path to the collector
// without a lock. One side writes, one side reads; what does not fit is the
// writer's loss.
type ring struct {
	head  atomic.Uint64 // next slot to write; owned by the media path
	_     [56]byte      // the two counters live on lines of their own
	tail  atomic.Uint64 // next slot to read; owned by the collector
	_     [56]byte
	slots [ringSlots]packet
}

// put copies a packet in, or reports that the ring is full. It never waits.
func (r *ring) put(law uint8, sequence uint16, timestamp uint32, at time.Duration, payload []byte) bool {
	head := r.head.Load()
	if head-r.tail.Load() == ringSlots {
		return false
	}
	p := &r.slots[head%ringSlots]
	p.at, p.timestamp, p.sequence, p.law = at, timestamp, sequence, law
	p.size = uint16(copy(p.payload[:], payload)) //nolint:gosec // at most maxPayload
	r.head.Store(head + 1)
	return true
}

// next returns the oldest packet, or nil; done frees its slot.
func (r *ring) next() *packet {
	tail := r.tail.Load()
	if tail == r.head.Load() {
		return nil
	}
	return &r.slots[tail%ringSlots]
}

func (r *ring) done() { r.tail.Add(1) }
