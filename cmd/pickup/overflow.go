package main

import (
	"fmt"
	"strings"

	"pickup/configs"
	"pickup/queue"
	"pickup/store"
)

// overflowOf is what a site file says of a queue's overflow; open names hours by
// their name.
func overflowOf(s configs.SiteQueue, open map[string]string) (queue.Overflow, error) {
	way := func(w configs.SiteWay) queue.Way {
		return queue.Way{Kind: queue.WayKind(w.Kind), Queue: strings.ToLower(w.Queue), Prompt: w.Prompt}
	}
	o := s.Overflow
	out := queue.Overflow{
		Time: way(o.Time), Full: way(o.Full), Estimate: way(o.Estimate), NoAgent: way(o.NoAgent), Closed: way(o.Closed), Closing: way(o.Closing),
		EstimateAbove: o.EstimateAbove, LeaveWhenEmpty: o.LeaveWhenEmpty, EmptyAfter: o.EmptyAfter, StaffedID: open[o.Staffed],
	}
	if o.Staffed != "" && out.StaffedID == "" {
		return out, fmt.Errorf("queues[%s].overflow.staffed: no hours %q", s.Name, o.Staffed)
	}
	return out, nil
}

// siteOverflow is overflowOf the other way.
func siteOverflow(o queue.Overflow, hours []store.Hours) configs.SiteOverflow {
	way := func(w queue.Way) configs.SiteWay {
		return configs.SiteWay{Kind: string(w.Kind), Queue: w.Queue, Prompt: w.Prompt}
	}
	out := configs.SiteOverflow{
		Time: way(o.Time), Full: way(o.Full), Estimate: way(o.Estimate), NoAgent: way(o.NoAgent), Closed: way(o.Closed), Closing: way(o.Closing),
		EstimateAbove: o.EstimateAbove, LeaveWhenEmpty: o.LeaveWhenEmpty, EmptyAfter: o.EmptyAfter,
	}
	for _, h := range hours {
		if h.ID == o.StaffedID {
			out.Staffed = h.Name
		}
	}
	return out
}

// checkOverflow refuses rules that lead in a circle over what is stored already
// and what is new.
func checkOverflow(have []queue.QueueConfig, fresh []queue.QueueConfig) error {
	all := append([]queue.QueueConfig(nil), fresh...)
	for _, old := range have {
		replaced := false
		for _, q := range fresh {
			replaced = replaced || q.ID == old.ID
		}
		if !replaced {
			all = append(all, old)
		}
	}
	return queue.CheckOverflow(all)
}
