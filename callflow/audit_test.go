package callflow_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pickup/call"
	"pickup/callflow"
	"pickup/queue"
)

// lostLegs is an edge whose legs nobody owns until they are ended.
type lostLegs struct {
	mu          sync.Mutex
	legs, ended []call.LegID
}

func (e *lostLegs) Legs() []call.LegID {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.legs)
}

func (e *lostLegs) EndLeg(id call.LegID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended, e.legs = append(e.ended, id), nil
}

// lose makes a leg that nobody owns.
func (e *lostLegs) lose(id call.LegID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.legs = []call.LegID{id}
}

// endedOnly reports whether this leg alone was ended.
func (e *lostLegs) endedOnly(id call.LegID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Equal(e.ended, []call.LegID{id})
}

// heldByNobody lets an item of a call that does not exist be offered to the agent,
// and takes it so far.
func (s *site) heldByNobody(answer, bridge bool) *queue.Entry {
	s.t.Helper()
	en, err := s.queue.Join(s.t.Context(), queue.Item{
		ID: "ghost-item", CallID: "ghost", Channel: call.ChannelCall, Queue: "support", Priority: 1, EnqueuedAt: time.Now(), CountsAsOffered: true,
	})
	s.must(err)
	n := <-en.Notices()
	if answer {
		if _, err := s.queue.Answered(s.t.Context(), n.Offer.ID); err != nil {
			s.t.Fatal(err)
		}
	}
	if bridge {
		s.queue.Bridged(n.Offer.ID)
	}
	return en
}

// Telephony 1.12: each violation, seeded, is repaired within three looks (15 s),
// counted and told.
func TestTheReconcilerRepairs(t *testing.T) {
	for name, c := range map[string]struct {
		seed func(s *site, e *lostLegs)
		well func(s *site, e *lostLegs) bool
	}{
		"an agent reserved for a call that is gone": {
			func(s *site, _ *lostLegs) { s.heldByNobody(false, false) },
			func(s *site, _ *lostLegs) bool { return s.state("1001") == queue.AgentReady },
		},
		"an agent connecting to nobody": {
			func(s *site, _ *lostLegs) { s.heldByNobody(true, false) },
			func(s *site, _ *lostLegs) bool { return s.state("1001") == queue.AgentReady },
		},
		"an agent talking to nobody": {
			func(s *site, _ *lostLegs) { s.heldByNobody(true, true) },
			func(s *site, _ *lostLegs) bool { return s.state("1001") == queue.AgentReady },
		},
		"an agent engaged in a call that is gone": {
			func(s *site, _ *lostLegs) {
				s.must(s.queue.Engage(s.t.Context(), "agent-1001", "ghost", queue.AgentConsulting))
			},
			func(s *site, _ *lostLegs) bool { return s.state("1001") == queue.AgentReady },
		},
		"an item that waits for a call that is gone": {
			func(s *site, _ *lostLegs) {
				s.must(s.queue.SetState(s.t.Context(), "agent-1001", queue.AgentNotReady, ""))
				_, err := s.queue.Join(s.t.Context(), queue.Item{ID: "i", CallID: "ghost", Channel: call.ChannelCall, Queue: "support", EnqueuedAt: time.Now(), CountsAsOffered: true})
				s.must(err)
			},
			func(s *site, _ *lostLegs) bool { return len(s.queue.Waiting("", 0)) == 0 },
		},
		"a leg that belongs to no call": {
			func(_ *site, e *lostLegs) { e.lose("orphan") },
			func(_ *site, e *lostLegs) bool { return e.endedOnly("orphan") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				edge := &lostLegs{}
				var told atomic.Int64
				s := newSite(t, options{edges: []callflow.Edge{edge}, calls: func(cfg *callflow.Config) {
					cfg.OnChange = func(topic, _ string) {
						if topic == "reconciled" {
							told.Add(1)
						}
					}
				}})
				s.agent("1001", rings)
				c.seed(s, edge)
				if c.well(s, edge) {
					t.Fatal("nothing is wrong")
				}
				time.Sleep(15 * time.Second)
				if !c.well(s, edge) {
					t.Error("it was not repaired")
				}
				if n := s.calls.Counts().Audited; n != 1 || told.Load() != 1 {
					t.Errorf("%d repairs counted, %d told, want 1", n, told.Load())
				}
				time.Sleep(time.Minute)
				if n := s.calls.Counts().Audited; n != 1 {
					t.Errorf("%d repairs after a minute more", n)
				}
			})
		})
	}
}

// Whatever goes on in order is no violation: a call that waits, rings, talks, is
// held, wraps up, a callback, a feature code.
func TestTheReconcilerLeavesAloneWhatIsWell(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{agents: 2, queue: func(q *queue.QueueConfig) { q.WrapUp = 20 * time.Second }, calls: func(cfg *callflow.Config) {
			cfg.OnChange = func(topic, what string) {
				if topic == "reconciled" {
					t.Error(what)
				}
			}
		}})
		s.agent("1001", picksUp(8*time.Second), rings)
		first := s.mustCall("support", "alice")
		time.Sleep(7 * time.Second)
		second := s.mustCall("support", "bob") // waits for its agent
		time.Sleep(time.Minute)
		first.hangUp()
		time.Sleep(40 * time.Second)
		second.hangUp()
		time.Sleep(time.Minute)
		if n := s.calls.Counts().Audited; n != 0 {
			t.Errorf("%d repairs", n)
		}
	})
}
