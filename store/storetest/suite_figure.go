package storetest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pickup/call"
	"pickup/queue"
	"pickup/report"
	"pickup/store"
)

// figureCalls holds the lists of calls to the figures: whatever entries there
// are, a figure of report.Sums and the calls that its filter lists are as many.
func figureCalls(t *testing.T, s Full) {
	const n = 120
	ctx, random := t.Context(), rand.New(rand.NewPCG(1, 2))
	targets := map[string]time.Duration{"support": 30 * time.Second, "payments": 10 * time.Second}
	names := []string{"support", "payments", "closed-down"} // the last has no figures any more
	for n := range n {
		i := item(queue.ItemID(fmt.Sprintf("i%03d", n)))
		i.Consult = random.IntN(5) == 0 // an agent asked: in no figure
		i.Queue, i.EnqueuedAt = names[random.IntN(len(names))], at(time.Duration(random.IntN(5000))*time.Millisecond)
		r := record(i.CallID)
		r.Queue, r.ItemID, r.ArrivedAt, r.EnqueuedAt = i.Queue, string(i.ID), at(-time.Duration(n)*time.Second), i.EnqueuedAt
		must(t, s.SaveCall(ctx, r))
		decide(t, s, enqueued(i))
		wait := []time.Duration{time.Second, 10 * time.Second, 10*time.Second + time.Millisecond, 30 * time.Second, time.Minute}[random.IntN(5)]
		bridged, over := random.IntN(2) == 0, random.IntN(4) > 0
		if bridged {
			decide(t, s, queue.Decision{Kind: queue.DecisionBridged, At: i.EnqueuedAt.Add(wait), Item: i, QueueID: "q1"})
		}
		if over {
			end := ended(0, i, call.Reasons[random.IntN(len(call.Reasons))])
			end.At = i.EnqueuedAt.Add(wait + time.Second)
			decide(t, s, end)
		}
	}
	figures := report.CountsOf(report.SourceEntries)
	promised := item("promised") // is no call that came in
	promised.Channel, promised.CallbackID = call.ChannelCallback, "cb1"
	must(t, s.SaveCall(ctx, record(promised.CallID)))
	decide(t, s, enqueued(promised))
	for name, window := range map[string][2]time.Time{
		"all": {at(-time.Hour), at(time.Hour)}, "some": {at(time.Second), at(3 * time.Second)}, "none": {at(time.Hour), at(2 * time.Hour)},
	} {
		sum := map[report.Count]int{}
		for q, target := range targets {
			all, err := s.EndedEntries(ctx, q, window[0], window[1])
			must(t, err)
			for _, g := range figures {
				want := int(sumsOf(all, target).N[g])
				sum[g] += want
				one := store.EntryFilter{Queues: map[string]time.Duration{q: target}, From: window[0], To: window[1], Figures: []report.Count{g}}
				if got := listed(t, s, one); got != want {
					t.Errorf("%s of %s, window %s: the figure is %d, %d calls are listed", g, q, name, want, got)
				}
			}
		}
		for _, g := range figures {
			both := store.EntryFilter{Queues: targets, From: window[0], To: window[1], Figures: []report.Count{report.Offered, g}}
			if got := listed(t, s, both); got != sum[g] {
				t.Errorf("%s of both queues, window %s: the figures are %d, %d calls are listed", g, name, sum[g], got)
			}
		}
	}
	for name, e := range map[string]store.EntryFilter{
		"no queue": {}, "a figure that is none": {Queues: targets, Figures: []report.Count{"x"}},
		"figures that exclude each other": {Queues: targets, Figures: []report.Count{report.Answered, report.Abandoned}},
	} {
		if got := listed(t, s, e); got != 0 {
			t.Errorf("%s: %d calls are listed", name, got)
		}
	}
}

// listed counts the calls of a filter over its pages.
func listed(t *testing.T, s Full, e store.EntryFilter) (n int) {
	t.Helper()
	f := store.CallFilter{Entry: &e, Page: store.Page{Limit: 20}}
	for {
		rows, next, err := s.Calls(t.Context(), f)
		must(t, err)
		n += len(rows)
		if next == "" {
			return n
		}
		f.After = next
	}
}

// sumsOf are the sums of entries of one queue.
func sumsOf(all []report.Entry, target time.Duration) *report.Sums {
	s := &report.Sums{}
	for i := range all {
		s.AddEntry(&all[i], target)
	}
	return s
}
