package queue_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"pickup/account"
	"pickup/queue"
)

// A long line, thinned at random places, comes out in its order.
func TestLongLineKeepsItsOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := simple(t, queue.Config{}, nil, "a")
		r.set("a", queue.AgentNotReady, "")
		keys := map[queue.ItemID]int64{}
		for i := range rapid.IntRange(1, 120).Draw(rt, "items") {
			id := queue.ItemID(fmt.Sprintf("i%03d", i))
			keys[id] = int64(rapid.IntRange(1, 40).Draw(rt, "key"))
			r.join(id, func(it *queue.Item) { it.Key = keys[id] })
		}
		for id := range keys {
			if rapid.Bool().Draw(rt, "leaves") {
				r.leave(id)
				delete(keys, id)
			}
		}
		var want []queue.ItemID
		for id := range keys {
			want = append(want, id)
		}
		slices.SortFunc(want, func(a, b queue.ItemID) int { return cmp.Or(cmp.Compare(keys[a], keys[b]), cmp.Compare(a, b)) })
		r.set("a", queue.AgentReady, "")
		for _, id := range want {
			if got := r.offers[len(r.offers)-1].Item.ID; got != id {
				rt.Fatalf("got %s, want %s", got, id)
			}
			r.hangup(r.talk(id).ID)
		}
	})
}

// Many idle agents, of whom some go away, are asked longest idle first.
func TestManyIdleAgentsKeepTheirOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var ids []account.ID
		for i := range rapid.IntRange(1, 60).Draw(rt, "agents") {
			ids = append(ids, account.ID(fmt.Sprintf("a%02d", i)))
		}
		ids = rapid.Permutation(ids).Draw(rt, "order")
		r := simple(t, queue.Config{}, nil, ids...)
		var stay []account.ID
		for _, id := range ids {
			if rapid.Bool().Draw(rt, "leaves") {
				r.set(id, queue.AgentNotReady, "")
			} else {
				stay = append(stay, id)
			}
		}
		for i, id := range stay {
			item := queue.ItemID(fmt.Sprintf("i%02d", i))
			r.join(item)
			r.wantAsked(item, string(id)+" ")
		}
	})
}
