package media

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// tickLength is the length of one frame, and the period of every ticker.
const tickLength = 20 * time.Millisecond

// maxCatchUp is how many missed ticks are played at once after a stall; what is
// older is skipped, and the timestamps tell.
const maxCatchUp = 5

// shard is one ticker and the legs that it feeds.
type shard struct {
	engine *Engine
	mu     sync.Mutex             // of writers of legs
	legs   atomic.Pointer[[]*Leg] // never changed in place

	conferences atomic.Pointer[[]*Conference] // never changed in place
}

func newShard(e *Engine) *shard {
	s := &shard{engine: e}
	s.legs.Store(&[]*Leg{})
	s.conferences.Store(&[]*Conference{})
	return s
}

func (s *shard) addConference(c *Conference) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := append(slices.Clone(*s.conferences.Load()), c)
	s.conferences.Store(&all)
}

func (s *shard) removeConference(c *Conference) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(*s.conferences.Load()), func(other *Conference) bool { return other == c })
	s.conferences.Store(&all)
}

func (s *shard) add(l *Leg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	legs := append(slices.Clone(*s.legs.Load()), l)
	s.legs.Store(&legs)
}

func (s *shard) remove(l *Leg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	legs := slices.DeleteFunc(slices.Clone(*s.legs.Load()), func(other *Leg) bool { return other == l })
	s.legs.Store(&legs)
}

// tick is one moment of a shard: the same for all its listeners.
type tick struct {
	number uint64        // since the engine's epoch
	at     time.Duration // when it was due
	clock  uint32        // in samples
	packet []byte        // scratch: a header and a frame
}

// run plays a frame to every leg each 20 ms until ctx ends. The number of a
// tick follows from the clock, so all shards are at the same place of the
// music, and timestamps do not drift.
func (s *shard) run(ctx context.Context) {
	ticker := time.NewTicker(tickLength)
	defer ticker.Stop()
	t := tick{packet: newPacket()}
	done := uint64(s.engine.now() / tickLength)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		due := uint64(s.engine.now() / tickLength)
		if due > done+maxCatchUp {
			done = due - 1
		}
		for done < due {
			done++
			t.number, t.at = done, time.Duration(done)*tickLength
			t.clock = samples(t.at)
			s.play(&t)
		}
	}
}

func (s *shard) play(t *tick) {
	for _, l := range *s.legs.Load() {
		l.tick(t)
	}
	for _, c := range *s.conferences.Load() {
		c.mix(t)
	}
}
