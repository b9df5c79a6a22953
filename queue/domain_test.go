package queue_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

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

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDomainRingsTheNextAgentWhenTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, stop := start(t, queue.Config{}, &memory{}, "a", "b")
		defer stop()
		en, _ := d.Join(t.Context(), aCall("i1"))
		began := time.Now()
		first := <-en.Notices()
		// The session never ends the offer: the lease of 20 s does.
		if n := <-en.Notices(); n.Kind != queue.NoticeWithdraw || n.Offer.ID != first.Offer.ID {
			t.Errorf("got %+v, want a withdraw", n)
		}
		if n := <-en.Notices(); n.Kind != queue.NoticeOffer || n.Offer.Agent != "b" {
			t.Errorf("got %+v, want an offer to b", n)
		}
		if took := time.Since(began); took != 20*time.Second {
			t.Errorf("took %s, want 20s", took)
		}
		if d.Counters().Reaped != 1 {
			t.Errorf("reaped: got %d, want 1", d.Counters().Reaped)
		}
	})
}

func TestDomainSlowStoreDelaysAnOfferFiftyMilliseconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{wait: 3 * time.Second}
		var logged bytes.Buffer
		d, err := queue.New(queue.Config{}, store, slog.New(slog.NewTextHandler(&logged, nil)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		d.Configure(ctx, []queue.QueueConfig{support("a")}, auto("a"))
		d.SetReachable("a", 1)
		began := time.Now()
		en, err := d.Join(ctx, aCall("i1"))
		if err != nil {
			t.Fatal(err)
		}
		n := <-en.Notices()
		if took := time.Since(began); !n.Offer.Uncommitted || took != 50*time.Millisecond {
			t.Errorf("got uncommitted %v after %s, want true after 50ms", n.Offer.Uncommitted, took)
		}
		if won, _ := d.Answered(ctx, n.Offer.ID); !won || time.Since(began) != 50*time.Millisecond {
			t.Error("an answer waited for the store")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if c := d.Counters(); !c.CommitLate || c.LateCommits != 1 {
			t.Errorf("got %+v, want a late commit", c)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if !strings.Contains(logged.String(), "store is late") {
			t.Errorf("no alarm in %s", logged.String())
		}
		if store.decs[len(store.decs)-1].Kind == "" || store.most < 2 {
			t.Errorf("what gathered is one batch: largest %d", store.most)
		}
	})
}

func TestDomainCallsGoOnWhenTheStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{err: errors.New("disk full")}
		d, stop := start(t, queue.Config{}, store, "a")
		defer stop()
		for _, id := range []queue.ItemID{"i1", "i2", "i3"} {
			en, err := d.Join(t.Context(), aCall(id))
			if err != nil {
				t.Fatal(err)
			}
			n := <-en.Notices()
			if !n.Offer.Uncommitted {
				t.Error("not marked uncommitted")
			}
			d.Answered(t.Context(), n.Offer.ID)
			d.Bridged(n.Offer.ID)
			d.Release(n.Offer.ID, call.EndAnswered)
			d.Final(n.Offer.ID)
		}
		synctest.Wait()
		if d.Counters().CommitErrors == 0 {
			t.Error("errors are not counted")
		}
	})
}

// panicking is a store with a fault.
type panicking struct{}

func (panicking) CommitDecisions(context.Context, []queue.Decision) []error { panic("fault") }

func TestDomainSurvivesAFaultOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, stop := start(t, queue.Config{}, panicking{}, "a")
		defer stop()
		en, _ := d.Join(t.Context(), aCall("i1"))
		if n := <-en.Notices(); n.Kind != queue.NoticeOffer {
			t.Errorf("got %+v, want an offer", n)
		}
	})
}

func TestDomainStopAnswersEverybodyAndCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{wait: 20 * time.Millisecond}
		d, stop := start(t, queue.Config{}, store, "a")
		en, _ := d.Join(t.Context(), aCall("i1"))
		n := <-en.Notices()
		d.Answered(t.Context(), n.Offer.ID)
		d.Bridged(n.Offer.ID)
		d.Release(n.Offer.ID, call.EndAnswered)
		waiting, _ := d.Join(t.Context(), aCall("i2"))
		stop()
		if _, open := <-waiting.Notices(); open {
			t.Error("notices are open after the end")
		}
		if _, err := d.Join(t.Context(), aCall("i3")); !errors.Is(err, queue.ErrStopped) {
			t.Errorf("got %v, want ErrStopped", err)
		}
		if err := d.SetState(t.Context(), "a", queue.AgentReady, ""); !errors.Is(err, queue.ErrStopped) {
			t.Errorf("got %v, want ErrStopped", err)
		}
		kinds := map[queue.DecisionKind]int{}
		for _, dec := range store.decs {
			kinds[dec.Kind]++
		}
		if kinds[queue.DecisionEnd] != 1 || kinds[queue.DecisionEnqueue] != 2 {
			t.Errorf("got %v, want everything committed", kinds)
		}
	})
}

func TestDomainStopDoesNotWaitForAStoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, stop := start(t, queue.Config{}, &memory{wait: time.Hour}, "a")
		d.Join(t.Context(), aCall("i1"))
		began := time.Now()
		stop()
		if took := time.Since(began); took > 11*time.Second {
			t.Errorf("stop took %s", took)
		}
	})
}

func TestDomainShowsAChangeToWhoMadeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes []queue.Change
		d, stop := start(t, queue.Config{OnChange: func(c queue.Change) { changes = append(changes, c) }}, &memory{}, "b", "a")
		defer stop()
		ctx := t.Context()
		if err := d.SetState(ctx, "a", queue.AgentNotReady, "lunch"); err != nil {
			t.Fatal(err)
		}
		if v := d.Agents(); len(v) != 2 || v[0].Login != "a" || v[0].State != queue.AgentNotReady || v[0].Reason != "lunch" || v[1].State != queue.AgentReady {
			t.Errorf("got %+v", v)
		}
		if q, ok := d.Has("SUPPORT"); !ok || q.Name != "support" {
			t.Errorf("got %+v %v", q, ok)
		}
		if _, ok := d.Has("none"); ok {
			t.Error("unknown queue")
		}
		var entries []*queue.Entry
		for _, id := range []queue.ItemID{"i1", "i2", "i3"} {
			en, err := d.Join(ctx, aCall(id))
			if err != nil {
				t.Fatal(err)
			}
			entries = append(entries, en)
			time.Sleep(time.Millisecond)
		}
		for i, want := range []int{1, 1, 2} { // i1 is offered to b
			if p := entries[i].Place(); p.Position != want || p.AgentsOnDuty != 2 {
				t.Errorf("place of %s: got %+v, want %d", entries[i].ID(), p, want)
			}
		}
		time.Sleep(time.Second)
		v := d.Queues()
		if len(v) != 1 || v[0].Waiting != 3 || v[0].LongestWait != time.Second+3*time.Millisecond || v[0].AgentsBusy != 1 || v[0].AgentsReady != 0 {
			t.Errorf("got %+v", v)
		}
		d.Leave(ctx, "i2", "")
		if p := entries[2].Place(); p.Position != 1 {
			t.Errorf("got %+v, want place 1", p)
		}
		if it := entries[0].Item(); it.Key == 0 || it.EnqueuedAt.IsZero() || it.Queue != "support" {
			t.Errorf("got %+v", it)
		}
		synctest.Wait()
		if len(changes) < 6 {
			t.Errorf("got %d changes", len(changes))
		}
	})
}

func TestDomainPlacesOfALongLineAreFreshSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, stop := start(t, queue.Config{}, &memory{})
		defer stop()
		var last *queue.Entry
		for i := range 500 {
			it := aCall(queue.ItemID(rune('A' + i)))
			it.Key = int64(i + 1)
			last, _ = d.Join(t.Context(), it)
		}
		time.Sleep(100 * time.Millisecond)
		if p := last.Place(); p.Position != 500 {
			t.Errorf("got %+v, want place 500", p)
		}
	})
}

func TestDomainNeverBlocksOnAnOwnerWhoDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, stop := start(t, queue.Config{MaxMissed: -1}, &memory{}, "a", "b")
		defer stop()
		en, _ := d.Join(t.Context(), aCall("i1"))
		time.Sleep(10 * time.Minute) // nobody reads: leases end, offers repeat
		if _, err := d.Join(t.Context(), aCall("i2")); err != nil {
			t.Fatal(err)
		}
		if err := d.Withdraw(t.Context(), "i1"); err != nil {
			t.Fatal(err)
		}
		var last queue.Notice
		for n := range en.Notices() {
			last = n
		}
		if last.Kind != queue.NoticeEnd || last.Reason != call.EndWithdrawn {
			t.Errorf("got %+v, want the end", last)
		}
		if d.Counters().LostNotices == 0 {
			t.Error("not counted")
		}
	})
}

func TestDomainJoinThatWasGivenUpLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := queue.New(queue.Config{}, &memory{}, discard())
		if err != nil {
			t.Fatal(err)
		}
		gone, giveUp := context.WithTimeout(t.Context(), time.Second)
		defer giveUp()
		if _, err := d.Join(gone, aCall("i1")); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		d.Configure(ctx, []queue.QueueConfig{support()}, nil)
		synctest.Wait()
		if v := d.Queues(); v[0].Waiting != 0 {
			t.Errorf("got %+v", v)
		}
		cancel()
		<-done
	})
}

func TestConfigIsChecked(t *testing.T) {
	for name, cfg := range map[string]queue.Config{
		"ring time":     {RingTime: time.Millisecond},
		"short abandon": {ShortAbandon: time.Hour},
		"max missed":    {MaxMissed: -2},
		"commit wait":   {CommitWait: time.Hour},
	} {
		if _, err := queue.New(cfg, &memory{}, discard()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Many goroutines at once: the race detector's turn, and everybody is served.
func TestDomainServesManyAtOnce(t *testing.T) {
	ids := []account.ID{"a", "b", "c", "d", "e"}
	d, stop := start(t, queue.Config{}, &memory{}, ids...)
	defer stop()
	ctx := t.Context()
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			en, err := d.Join(ctx, aCall(queue.ItemID(rune(0x4e00+i))))
			if err != nil {
				t.Error(err)
				return
			}
			n := <-en.Notices()
			d.Agents()
			d.Queues()
			en.Place()
			if won, err := d.Answered(ctx, n.Offer.ID); !won || err != nil {
				t.Errorf("got %v %v", won, err)
			}
			d.Bridged(n.Offer.ID)
			d.Release(n.Offer.ID, call.EndAnswered)
			d.Final(n.Offer.ID)
			if _, open := <-en.Notices(); open {
				t.Error("open")
			}
		})
	}
	wg.Wait()
	if c := d.Counters(); c.Reaped != 0 || c.LostNotices != 0 {
		t.Errorf("got %+v", c)
	}
}
