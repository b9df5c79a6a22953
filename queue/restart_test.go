package queue_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pickup/call"
	"pickup/queue"
)

// What joins again after a restart, from the facts that were stored, waits in
// the order in which it waited.
func TestRestartRestoresTheOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		before := newRig(t, queue.Config{}, []queue.QueueConfig{support()})
		facts := map[queue.ItemID]queue.Item{}
		for i := range rapid.IntRange(1, 20).Draw(rt, "items") {
			it := queue.Item{
				ID: queue.ItemID(fmt.Sprintf("i%d", i)), Queue: "support", Priority: rapid.IntRange(0, 3).Draw(rt, "priority"),
				Channel: rapid.SampledFrom([]call.Channel{call.ChannelChat, call.ChannelEmail, call.ChannelTicket}).Draw(rt, "channel"),
				DueAt:   before.now.Add(time.Duration(rapid.IntRange(0, 600).Draw(rt, "due")) * time.Second),
			}
			it = before.do(queue.Event{Kind: queue.EventJoin, Item: it}).Joined
			facts[it.ID] = it
			before.sleep(time.Duration(rapid.IntRange(0, 200).Draw(rt, "pause")) * time.Second)
		}
		after := newRig(t, queue.Config{}, []queue.QueueConfig{support()})
		after.now = before.now
		for _, it := range facts { // in any order
			after.do(queue.Event{Kind: queue.EventJoin, Item: queue.Item{
				ID: it.ID, Queue: it.Queue, Priority: it.Priority, Channel: it.Channel, DueAt: it.DueAt, EnqueuedAt: it.EnqueuedAt,
			}})
		}
		// What was promoted while it waited has an older key than what is
		// promoted at the restart; kinds are compared apart.
		was, is := ids(before.c.Waiting("", 0)), ids(after.c.Waiting("", 0))
		if was != is {
			rt.Fatalf("order: got\n%s, want\n%s", is, was)
		}
	})
}

// ids lists what waits, deferred items apart.
func ids(all []queue.WaitingItem) string {
	live, deferred := "", ""
	for _, w := range all {
		if w.Channel == call.ChannelChat {
			live += " " + string(w.ID)
		} else {
			deferred += " " + string(w.ID)
		}
	}
	return live + " |" + deferred
}
