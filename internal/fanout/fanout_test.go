package fanout_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"pickup/internal/fanout"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEventsArriveInOrderAndWithoutGaps(t *testing.T) {
	h := fanout.New(nil)
	const readers, events = 8, 2000
	var wg sync.WaitGroup
	for range readers {
		r := h.Subscribe(0)
		wg.Go(func() {
			defer r.Close()
			want := uint64(0)
			for n := 0; n < events; {
				b, err := r.Next(t.Context())
				if err != nil || b.Reset {
					t.Errorf("got %v, reset %v", err, b.Reset)
					return
				}
				for _, e := range b.Events {
					if want != 0 && e.Seq != want {
						t.Errorf("got number %d, want %d", e.Seq, want)
					}
					want = e.Seq + 1
					n++
				}
			}
		})
	}
	for i := range events {
		h.Publish("queue", strconv.Itoa(i), nil)
	}
	wg.Wait()
}

func TestAReaderThatComesBackMissesNothing(t *testing.T) {
	h := fanout.New(nil)
	first := h.Publish("queue", "a", nil)
	h.Publish("queue", "b", nil)
	r := h.Subscribe(first)
	defer r.Close()
	b, err := r.Next(t.Context())
	if err != nil || b.Reset || len(b.Events) != 1 || b.Events[0].ObjectID != "b" {
		t.Fatalf("got %+v, %v", b, err)
	}
}

func TestTooOldOrForeignNumbersResetTheReader(t *testing.T) {
	h := fanout.New(nil)
	first := h.Publish("queue", "0", nil)
	for i := range fanout.Ring + 10 {
		h.Publish("queue", strconv.Itoa(i), nil)
	}
	for name, after := range map[string]uint64{"too old": first, "of another run": 17, "of the future": h.Last() + 5} {
		t.Run(name, func(t *testing.T) {
			r := h.Subscribe(after)
			defer r.Close()
			b, err := r.Next(t.Context())
			if err != nil || !b.Reset || b.Seq != h.Last() {
				t.Fatalf("got %+v, %v", b, err)
			}
		})
	}
}

func TestNumbersRiseOverRestarts(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	one := fanout.New(func() time.Time { return at })
	var last uint64
	for range 100 {
		last = one.Publish("queue", "x", nil)
	}
	two := fanout.New(func() time.Time { return at.Add(time.Second) })
	if got := two.Publish("queue", "x", nil); got <= last {
		t.Fatalf("got %d, want more than %d", got, last)
	}
}

func TestCloseEndsWaitingReaders(t *testing.T) {
	h := fanout.New(nil)
	r := h.Subscribe(0)
	done := make(chan error, 1)
	go func() { _, err := r.Next(context.Background()); done <- err }()
	h.Close()
	if err := <-done; !errors.Is(err, fanout.ErrClosed) {
		t.Fatalf("got %v, want ErrClosed", err)
	}
	if got := h.Publish("queue", "x", nil); got != 0 {
		t.Fatalf("published %d after Close", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	open := fanout.New(nil)
	r2 := open.Subscribe(0)
	if _, err := r2.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
	r2.Close()
	if open.Readers() != 0 {
		t.Fatal("reader is still there")
	}
	if _, err := r2.Next(t.Context()); !errors.Is(err, fanout.ErrClosed) {
		t.Fatalf("got %v, want ErrClosed", err)
	}
}

// Whatever the order of publishing and reading, a reader sees each event once,
// or is told that it missed some.
func TestEveryEventOnceOrReset(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := fanout.New(nil)
		r := h.Subscribe(0)
		defer r.Close()
		expect := h.Last() + 1
		for _, n := range rapid.SliceOfN(rapid.SampledFrom([]int{1, 2, 500, fanout.Ring, fanout.Ring + 1}), 1, 5).Draw(t, "bursts") {
			for range n {
				h.Publish("call", "c", nil)
			}
			b, err := r.Next(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if b.Reset {
				if n <= fanout.Ring {
					t.Fatalf("reset after a burst of %d", n)
				}
			} else if len(b.Events) != n || b.Events[0].Seq != expect {
				t.Fatalf("got %d events from %d, want %d from %d", len(b.Events), b.Events[0].Seq, n, expect)
			}
			expect = b.Seq + 1
		}
	})
}

func BenchmarkPublish(b *testing.B) {
	h := fanout.New(nil)
	for range 100 {
		r := h.Subscribe(0)
		defer r.Close()
	}
	b.ReportAllocs()
	for b.Loop() {
		h.Publish("queue", "support", nil)
	}
}
