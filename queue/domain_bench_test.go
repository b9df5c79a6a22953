package queue_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

// Whole calls through the owner of the queue, from many goroutines at once:
// join, offer, answer, bridge, release, final, with a store that answers at
// once. The figure is what one owner can carry.
func BenchmarkDomainCalls(b *testing.B) {
	ids := make([]account.ID, 200)
	for i := range ids {
		ids[i] = account.ID(fmt.Sprintf("a%03d", i))
	}
	d, err := queue.New(queue.Config{}, &memory{}, discard())
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	}()
	if err := d.Configure(ctx, []queue.QueueConfig{support(ids...)}, auto(ids...)); err != nil {
		b.Fatal(err)
	}
	for _, id := range ids {
		d.SetReachable(id, 1)
	}
	var made atomic.Int64
	b.SetParallelism(50)
	b.ReportAllocs()
	began := time.Now()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			en, err := d.Join(ctx, aCall(queue.ItemID(fmt.Sprintf("c%09d", made.Add(1)))))
			if err != nil {
				b.Error(err)
				return
			}
			n := <-en.Notices()
			if won, err := d.Answered(ctx, n.Offer.ID); !won || err != nil {
				b.Errorf("Answered: got %v %v", won, err)
				return
			}
			d.Bridged(n.Offer.ID)
			d.Release(n.Offer.ID, call.EndAnswered)
			d.Final(n.Offer.ID)
		}
	})
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "calls/s")
}
