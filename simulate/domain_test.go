package simulate_test

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pickup/call"
	"pickup/queue"
	"pickup/simulate"
)

// memory is a store that has everything at once.
type memory struct{}

func (memory) CommitDecisions(_ context.Context, all []queue.Decision) []error {
	return make([]error, len(all))
}

// The day of the first seed through the Domain that serves real calls, with a
// goroutine for each player in the virtual time of testing/synctest: everybody
// has the outcome that the simulation foretold.
func TestDayWithTheDomainItself(t *testing.T) {
	work, err := simulate.Draw(mixed(120, 60, 50), start, 8*time.Hour, 1)
	if err != nil {
		t.Fatal(err)
	}
	site := floor(20, queue.Config{})
	told, err := simulate.Run(t.Context(), site, work)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		outcomes := live(t, site, work)
		differ := 0
		for i, got := range outcomes {
			want := told.Outcomes[i]
			if got.Reason != want.Reason || (got.Waited-want.Waited).Abs() > time.Millisecond {
				if differ++; differ < 5 {
					t.Errorf("%s %d: got %s after %s, want %s after %s", want.Channel, i, got.Reason, got.Waited, want.Reason, want.Waited)
				}
			}
		}
		r := simulate.Result{Outcomes: outcomes}
		if level, _ := r.Level(call.ChannelCall, 30*time.Second); level < 95 {
			t.Errorf("got %.1f %%, want 95", level)
		}
	})
}

// live plays work against a Domain that runs; the day begins now.
func live(t *testing.T, site simulate.Site, work []simulate.Work) []simulate.Outcome {
	d, err := queue.New(site.Rules, memory{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var owner, players sync.WaitGroup
	owner.Go(func() { _ = d.Run(ctx) })
	if err := d.Configure(ctx, site.Queues, site.Agents); err != nil {
		t.Fatal(err)
	}
	begin := time.Now().Add(time.Microsecond)
	for _, a := range site.Agents {
		d.SetReachable(a.ID, 1)
		d.SetConsole(a.ID, true)
		if err := d.SetState(ctx, a.ID, queue.AgentReady, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Nanosecond)
	}
	outcomes := make([]simulate.Outcome, len(work))
	for i, w := range work {
		outcomes[i].Work = w
		players.Go(func() {
			time.Sleep(time.Until(begin.Add(w.At.Sub(start))))
			player{d: d, o: &outcomes[i], id: queue.ItemID("w" + strconv.Itoa(i))}.play(ctx)
		})
	}
	players.Wait()
	stop()
	owner.Wait()
	return outcomes
}

type player struct {
	d  *queue.Domain
	o  *simulate.Outcome
	id queue.ItemID
}

// play joins, waits, talks and leaves.
func (p player) play(ctx context.Context) {
	came := time.Now()
	en, err := p.d.Join(ctx, queue.Item{
		ID: p.id, Channel: p.o.Channel, Queue: p.o.Queue, Priority: p.o.Priority, CountsAsOffered: true,
	})
	if err != nil {
		return
	}
	var patience <-chan time.Time
	if p.o.Patience > 0 {
		patience = time.After(p.o.Patience)
	}
	var offer queue.Offer
	done := time.NewTimer(time.Hour)
	done.Stop()
	left, since := p.o.Handling, time.Time{}
	begin := func() { since = time.Now(); done.Reset(left) }
	for {
		select {
		case <-patience:
			p.o.Reason, _ = p.d.Leave(ctx, p.id, "")
			p.o.Waited = time.Since(came)
			if offer.ID != "" {
				p.d.Final(offer.ID)
			}
			return
		case n := <-en.Notices():
			switch n.Kind {
			case queue.NoticeOffer:
				offer = n.Offer
				if !offer.Accepted {
					time.Sleep(p.o.PickUp)
					if won, _ := p.d.Answered(ctx, offer.ID); !won {
						continue
					}
					p.d.Bridged(offer.ID)
				}
				patience, p.o.Waited = nil, time.Since(came)
				begin()
			case queue.NoticeParked:
				done.Stop()
				left -= time.Since(since)
			case queue.NoticeResumed:
				begin()
			}
		case <-done.C:
			p.d.Release(offer.ID, call.EndAnswered)
			p.d.Final(offer.ID)
			p.o.Reason, p.o.Answered = call.EndAnswered, true
			return
		}
	}
}
