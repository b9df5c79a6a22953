package queue_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

// memory is a store that takes wait for each batch and answers err.
type memory struct {
	mu   sync.Mutex
	wait time.Duration
	err  error
	decs []queue.Decision
	most int // largest batch
}

func (m *memory) CommitDecisions(ctx context.Context, ds []queue.Decision) []error {
	m.mu.Lock()
	wait, err := m.wait, m.err
	m.most = max(m.most, len(ds))
	m.mu.Unlock()
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	errs := make([]error, len(ds))
	for i, d := range ds {
		errs[i] = err
		if err == nil {
			m.decs = append(m.decs, d)
		}
	}
	return errs
}

// start runs a Domain with one queue and agents who are ready until the test
// ends.
func start(t *testing.T, cfg queue.Config, store queue.Store, ids ...account.ID) (*queue.Domain, func()) {
	t.Helper()
	d, err := queue.New(cfg, store, discard())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := d.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	if err := d.Configure(ctx, []queue.QueueConfig{support(ids...)}, auto(ids...)); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		d.SetReachable(id, 1)
	}
	return d, func() { cancel(); <-done }
}

func aCall(id queue.ItemID) queue.Item {
	return queue.Item{ID: id, Channel: call.ChannelCall, Queue: "Support", Priority: 1, CountsAsOffered: true}
}

func TestDomainServesACallFromJoinToTheNextOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		store := &memory{}
		d, stop := start(t, queue.Config{}, store, "a")
		defer stop()
		en, err := d.Join(ctx, aCall("i1"))
		if err != nil {
			t.Fatal(err)
		}
		n := <-en.Notices()
		if n.Kind != queue.NoticeOffer || n.Offer.Agent != "a" || n.Offer.Uncommitted || n.Offer.RingTime != 12*time.Second {
			t.Fatalf("got %+v, want a committed offer to a", n)
		}
		d.Ringing(n.Offer.ID)
		if won, err := d.Answered(ctx, n.Offer.ID); !won || err != nil {
			t.Fatalf("Answered: got %v %v, want true", won, err)
		}
		d.Bridged(n.Offer.ID)
		synctest.Wait()
		if s := d.Agents()[0].State; s != queue.AgentTalking {
			t.Errorf("state: got %s, want talking", s)
		}
		d.Release(n.Offer.ID, call.EndAnswered)
		d.Final(n.Offer.ID)
		if _, open := <-en.Notices(); open {
			t.Error("notices are open after Release")
		}
		synctest.Wait()
		if s := d.Agents()[0].State; s != queue.AgentReady {
			t.Errorf("state: got %s, want ready", s)
		}
	})
}
