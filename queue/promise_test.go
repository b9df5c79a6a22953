package queue_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pickup/queue"
)

// What was expected of a call is measured against what became of it, and shown.
func TestPromisesAreMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, stop := start(t, queue.Config{}, &memory{}, "a")
		defer stop()
		ctx := t.Context()
		for i := range 6 {
			served(t, d, queue.ItemID(fmt.Sprintf("s%d", i)), time.Minute)
		}
		if p := d.Queues()[0].Promise; p.Made != 0 {
			t.Errorf("got %+v, want no promise to who is served at once", p)
		}
		// One talks for 20 s, one waits: a minute was expected, 20 s it takes.
		first, err := d.Join(ctx, aCall("first"))
		if err != nil {
			t.Fatal(err)
		}
		talk := (<-first.Notices()).Offer.ID
		d.Answered(ctx, talk)
		d.Bridged(talk)
		second, err := d.Join(ctx, aCall("second"))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		d.Release(talk, "")
		d.Final(talk)
		next := (<-second.Notices()).Offer.ID
		d.Answered(ctx, next)
		d.Bridged(next)
		time.Sleep(6 * time.Second) // the sum is at most 5 s old
		d.SetState(ctx, "a", queue.AgentNotReady, "")
		d.Release(next, "")
		d.Final(next)
		synctest.Wait()
		v := d.Queues()[0]
		if p := v.Promise; p.Made != 1 || p.Kept != 1 || p.MedianError != 40*time.Second {
			t.Errorf("got %+v, want one that was kept, 40 s off", p)
		}
		if v.Servers != 0 || v.Handling.Round(time.Second) != 54*time.Second { // six of a minute, one of 20 s
			t.Errorf("got %g agents of %s", v.Servers, v.Handling)
		}
	})
}

// An agent who has just come counts as the others do; one who leaves after his
// call counts no more.
func TestWhoCountsAsServing(t *testing.T) {
	r := simple(t, queue.Config{}, nil, "a", "b")
	r.set("b", queue.AgentNotReady, "")
	for i := range 6 {
		id := queue.ItemID(fmt.Sprintf("s%d", i))
		r.join(id)
		o := r.talk(id)
		r.sleep(time.Minute)
		r.hangup(o.ID)
	}
	r.set("b", queue.AgentReady, "")
	for _, id := range []queue.ItemID{"x", "y"} {
		r.join(id)
		r.talk(id)
	}
	expect := func(id queue.ItemID, want time.Duration) {
		t.Helper()
		r.sleep(2 * time.Second) // rates are measured once a second
		r.join(id)
		if got, ok := r.c.Expected(id); !ok || got.Round(time.Second) != want {
			t.Errorf("got %s, %t, want %s", got, ok, want)
		}
		r.leave(id)
	}
	expect("both", 30*time.Second)
	r.set("b", queue.AgentNotReady, "break") // after his call
	expect("one", time.Minute)
}
