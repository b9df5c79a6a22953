package recording

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"pickup/account"
	"pickup/call"
)

// StartInfo of a recording.
type StartInfo struct {
	CallID  call.ID
	AgentID account.ID
	Queue   string
	At      time.Time // when player and agent were joined: sample 0; zero: now
	Kind    Kind      // "": KindTalk
}

// span is a range of a recording in frames; to is -1 while it lasts.
type span struct{ from, to int64 }

// Recording is one talk being written. It satisfies media.Tap. Packet belongs
// to the media path, one goroutine for each side; the other methods may be
// called from any goroutine.
type Recording struct {
	info  StartInfo
	base  time.Time // sample 0 on our monotonic clock
	rings [2]*ring
	zero  atomic.Int64 // base on the clock of Packet's at; unset until the first packet

	full atomic.Uint64 // packets that found their ring full
	over atomic.Bool   // nothing is taken any more
	junk atomic.Bool   // Discard was called

	pausing sync.Mutex
	pauses  []span

	wake chan<- struct{} // of the collector
	stop chan time.Time  // one request to end
	done chan struct{}   // closed when row is final
	row  Row             // owned by the writer until done is closed

	// The collector's.
	line  timeline
	late  uint64
	lost  int64     // frames that the disk did not take in time
	endAt time.Time // when it was stopped; zero while it runs
	asked bool      // its file was asked for
	busy  bool      // a job is with the writer
	final bool      // and it is the last: everything is the writer's
	chunk []byte    // the audio of that job, lent by the collector

	// The writer's, while a job is with it.
	out output
}

// unset is a zero that no clock shows.
const unset = int64(-1 << 63)

func newRecording(id ID, info StartInfo) *Recording {
	now := time.Now()
	r := &Recording{
		info: info, base: now, rings: [2]*ring{new(ring), new(ring)},
		stop: make(chan time.Time, 1), done: make(chan struct{}),
	}
	// The caller's instant is the truth where it is near: it lies a moment back.
	if back := now.Sub(info.At); !info.At.IsZero() && back >= 0 && back < 2*time.Second {
		r.base = now.Add(-back)
	}
	if r.info.At.IsZero() {
		r.info.At = now
	}
	r.zero.Store(unset)
	r.line.pcm = make([]byte, 0, lineRoom)
	r.row = Row{
		ID: id, CallID: info.CallID, AgentID: info.AgentID, Queue: info.Queue, State: StateOpen,
		Path: pathOf(id, r.info.At), StartedAt: r.info.At, Kind: info.Kind.OrTalk(),
	}
	r.out.id = id
	return r
}

// ID of the recording.
func (r *Recording) ID() ID { return r.out.id }

// Discard says, before the end, that nobody wants the recording: it is kept as a
// KindDraft. Idempotent.
func (r *Recording) Discard() { r.junk.Store(true) }

// Packet is media.Tap's method: it copies the payload to a ring and returns.
func (r *Recording) Packet(side int, law uint8, sequence uint16, timestamp uint32, at time.Duration, payload []byte) {
	if side < 0 || side > 1 || len(payload) == 0 || r.over.Load() {
		return
	}
	if r.zero.Load() == unset { // the first packet of either side ties the two clocks
		r.zero.CompareAndSwap(unset, int64(at-time.Since(r.base)))
	}
	if len(payload) > maxPayload || !r.rings[side].put(law, sequence, timestamp, at, payload) {
		r.full.Add(1)
	}
}

// Pause replaces both channels by silence from now on while on is true; the
// range stands in the sidecar.
func (r *Recording) Pause(on bool) {
	now := frames(time.Since(r.base))
	r.pausing.Lock()
	defer r.pausing.Unlock()
	n := len(r.pauses)
	paused := n > 0 && r.pauses[n-1].to < 0
	switch {
	case on && !paused:
		r.pauses = append(r.pauses, span{from: now, to: -1})
	case !on && paused:
		r.pauses[n-1].to = now
	}
}

// paused returns the ranges so far; one that lasts reaches to end.
func (r *Recording) paused(end int64) []span {
	r.pausing.Lock()
	defer r.pausing.Unlock()
	spans := make([]span, 0, len(r.pauses))
	for _, s := range r.pauses {
		if s.to < 0 || s.to > end {
			s.to = end
		}
		if s.from < s.to {
			spans = append(spans, s)
		}
	}
	return spans
}

// End ends the recording now and waits for nothing: no later packet is in it, and
// it is closed soon. Stop tells what became of it. Called again, it does nothing.
func (r *Recording) End() {
	r.over.Store(true)
	select {
	case r.stop <- time.Now():
	default: // asked for already
	}
	select {
	case r.wake <- struct{}{}:
	default: // it is awake
	}
}

// Stop closes the recording: last bytes written, synced, hashed, sidecar and
// row stored. It ends now, if End was not called before. Stop waits for the
// closing, some milliseconds (and 0.3 s for each hour of audio), and returns the
// final row; the row as it stands when ctx ends first. The recording is closed
// all the same. Called again, it returns the same row.
func (r *Recording) Stop(ctx context.Context) Row {
	r.End()
	select {
	case <-r.done:
		return r.row
	case <-ctx.Done():
		return Row{
			ID: r.out.id, CallID: r.info.CallID, AgentID: r.info.AgentID, Queue: r.info.Queue,
			State: StateOpen, Path: pathOf(r.out.id, r.info.At), StartedAt: r.info.At, Kind: r.info.Kind.OrTalk(),
		}
	}
}

// collect takes what came since the last time and places it. now is the frame
// that is live; what lies more than a second past it is refused.
func (r *Recording) collect(now int64) {
	zero := r.zero.Load()
	for channel, ring := range r.rings {
		for p := ring.next(); p != nil; p = ring.next() {
			if !r.line.place(channel, p, frames(p.at-time.Duration(zero)), now+sampleRate) {
				r.late++
			}
			ring.done()
		}
	}
}
