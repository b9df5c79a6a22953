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
	// ringBytes is the room of their payloads: the same 1.28 s, whatever their
	// length.
	ringBytes = ringSlots * 160
)

// packet is one RTP payload as it waits in a ring.
type packet struct {
	at        time.Duration
	timestamp uint32
	sequence  uint16
	law       uint8
	payload   []byte // in the ring's bytes
	end       uint64 // the bytes that were ever used, with this packet
}

// ring hands packets from one goroutine of the media path to the collector
// without a lock. One side writes, one side reads; what does not fit is the
// writer's loss. A payload lies in one piece: at the end of the bytes, what is
// too short for it is passed over.
type ring struct {
	head  atomic.Uint64 // next slot to write; owned by the media path
	used  uint64        // bytes ever used; the media path's
	_     [48]byte      // the two counters live on lines of their own
	tail  atomic.Uint64 // next slot to read; owned by the collector
	freed atomic.Uint64 // bytes ever freed; owned by the collector
	_     [48]byte
	slots [ringSlots]packet
	bytes [ringBytes]byte
}

// put copies a packet in, or reports that the ring is full. It never waits.
func (r *ring) put(law uint8, sequence uint16, timestamp uint32, at time.Duration, payload []byte) bool {
	head := r.head.Load()
	start := r.used
	if rest := ringBytes - start%ringBytes; rest < uint64(len(payload)) {
		start += rest
	}
	end := start + uint64(len(payload))
	if head-r.tail.Load() == ringSlots || end-r.freed.Load() > ringBytes {
		return false
	}
	p := &r.slots[head%ringSlots]
	p.at, p.timestamp, p.sequence, p.law, p.end = at, timestamp, sequence, law, end
	p.payload = r.bytes[start%ringBytes:][:len(payload)]
	copy(p.payload, payload)
	r.used = end
	r.head.Store(head + 1)
	return true
}

// next returns the oldest packet, or nil; done frees its place.
func (r *ring) next() *packet {
	tail := r.tail.Load()
	if tail == r.head.Load() {
		return nil
	}
	return &r.slots[tail%ringSlots]
}

func (r *ring) done() {
	tail := r.tail.Load()
	r.freed.Store(r.slots[tail%ringSlots].end)
	r.tail.Store(tail + 1)
}
