package callback_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pickup/callback"
)

// step is one durable act on a callback.
type step struct {
	name string
	do   func(ctx context.Context, b *callback.Book, id string) error
}

func begin(ctx context.Context, b *callback.Book, id string) error {
	_, _, err := b.Begin(ctx, id, "agent-1")
	return err
}

func advance(to callback.State) func(context.Context, *callback.Book, string) error {
	return func(ctx context.Context, b *callback.Book, id string) error {
		_, err := b.Advance(ctx, id, to)
		return err
	}
}

func finish(r callback.Result) func(context.Context, *callback.Book, string) error {
	return func(ctx context.Context, b *callback.Book, id string) error {
		_, err := b.Finish(ctx, id, r)
		return err
	}
}

func cancel(ctx context.Context, b *callback.Book, id string) error {
	_, err := b.Cancel(ctx, id, "player")
	return err
}

func supersede(ctx context.Context, b *callback.Book, id string) error {
	_, err := b.Supersede(ctx, id)
	return err
}

// after is what a restart finds of a callback that was in a state when the
// process died: what it is then, how many attempts count, and how many were made.
type after struct {
	state    callback.State
	counted  int
	attempts int
	wait     time.Duration // until it may be dialled again
}

// Each state of the Book, and each act that leaves it, cut before the store had
// it and after: no attempt is lost, none is made twice, none is counted that
// nobody answered for, and the place is kept.
func TestARestartAtEachState(t *testing.T) {
	toDialing := []step{{"begin", begin}}
	toHuman := append(toDialing[:1:1], step{"human_check", advance(callback.StateHumanCheck)})
	toConnecting := append(toDialing[:1:1], step{"connecting", advance(callback.StateConnecting)})
	toConnected := append(toDialing[:1:1], step{"connected", advance(callback.StateConnected)})
	toRetry := append(toDialing[:1:1], step{"busy", finish(callback.ResultBusy)})
	unknown := after{callback.StateRetryWait, 0, 1, time.Minute}
	kept := after{callback.StateDone, 1, 1, 0}
	waits := after{callback.StateQueued, 0, 0, 0}
	again := after{callback.StateRetryWait, 1, 1, 3 * time.Minute}
	for _, c := range []struct {
		way          []step
		next         step
		before, done after // the act was not stored; it was, and nobody was told
	}{
		{nil, step{"begin", begin}, waits, unknown},
		{nil, step{"cancel", cancel}, waits, after{callback.StateCancelled, 0, 0, 0}},
		{nil, step{"supersede", supersede}, waits, after{callback.StateSuperseded, 0, 0, 0}},
		{toDialing, step{"human_check", advance(callback.StateHumanCheck)}, unknown, unknown},
		{toDialing, step{"busy", finish(callback.ResultBusy)}, unknown, again},
		{toDialing, step{"no answer", finish(callback.ResultNoAnswer)}, unknown, after{callback.StateRetryWait, 1, 1, 10 * time.Minute}},
		{toDialing, step{"invalid", finish(callback.ResultInvalid)}, unknown, after{callback.StateFailed, 1, 1, 0}},
		{toHuman, step{"connecting", advance(callback.StateConnecting)}, unknown, unknown},
		{toHuman, step{"machine", finish(callback.ResultMachine)}, unknown, after{callback.StateRetryWait, 1, 1, 10 * time.Minute}},
		{toConnecting, step{"connected", advance(callback.StateConnected)}, unknown, kept},
		{toConnecting, step{"agent failed", finish(callback.ResultAgentFailed)}, unknown, after{callback.StateRetryWait, 0, 1, 3 * time.Minute}},
		{toConnected, step{"done", finish(callback.ResultConnected)}, kept, kept},
		{toRetry, step{"begin again", begin}, again, after{callback.StateRetryWait, 1, 2, time.Minute}},
		{toRetry, step{"cancel", cancel}, again, after{callback.StateCancelled, 1, 1, 0}},
		{toRetry, step{"supersede", supersede}, again, after{callback.StateSuperseded, 1, 1, 0}},
	} {
		for stored, want := range map[bool]after{false: c.before, true: c.done} {
			name := fmt.Sprintf("%d steps, then %s, stored %t", len(c.way), c.next.name, stored)
			t.Run(name, func(t *testing.T) { restart(t, c.way, c.next, stored, want) })
		}
	}
}

func restart(t *testing.T, way []step, next step, stored bool, want after) {
	d := newDesk(callback.Config{})
	id := d.confirmed(t, promise("+33612345678")).ID
	for _, s := range way {
		need(t, s.do(t.Context(), d.Book, id))
	}
	if c := d.store.callbacks[id]; c.State == callback.StateRetryWait && next.name == "begin again" {
		d.clock.set(c.NotBefore)
		want.wait = max(want.wait-3*time.Minute, 0)
		if stored {
			want.wait = time.Minute
		}
	}
	d.store.fail, d.store.deaf = !stored, stored
	must(t, next.do(t.Context(), d.Book, id), errDisk)
	d.store.fail, d.store.deaf = false, false

	book := callback.NewBook(callback.Config{Now: d.clock.now}, d.store) // after the crash
	for range 2 {                                                        // a restart in the middle of a restart changes nothing
		open, err := book.Recover(t.Context())
		need(t, err)
		c := d.store.callbacks[id]
		if c.State != want.state || c.Attempts != want.counted || c.Key != 1234567 || len(d.store.attempts) != want.attempts {
			t.Fatalf("got %s, %d counted of %d attempts, key %d; want %+v", c.State, c.Attempts, len(d.store.attempts), c.Key, want)
		}
		if c.Open() != (len(open) == 1) {
			t.Fatalf("%s, and %d stand", c.State, len(open))
		}
		if c.Open() && max(c.NotBefore.Sub(d.clock.at), 0) != want.wait {
			t.Fatalf("may be dialled in %s, want %s", c.NotBefore.Sub(d.clock.at), want.wait)
		}
		for _, a := range d.store.attempts {
			if a.EndedAt.IsZero() {
				t.Fatalf("attempt %+v is open", a)
			}
		}
	}
	if c := d.store.callbacks[id]; c.Open() { // and it goes on: one attempt, then no second one beside it
		d.clock.set(c.NotBefore)
		need(t, begin(t.Context(), book, id))
		must(t, begin(t.Context(), book, id), callback.ErrState)
	}
}
