package simulate_test

import (
	"math"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
	"pickup/simulate"
)

// past records a run as the store would have it.
type past struct {
	queue.Past
	index map[queue.ItemID]int
	asked map[queue.OfferID]time.Time
	since map[queue.ItemID]time.Time // parked
}

func (p *past) decided(d *queue.Decision) {
	if p.index == nil {
		p.index, p.asked, p.since = map[queue.ItemID]int{}, map[queue.OfferID]time.Time{}, map[queue.ItemID]time.Time{}
	}
	if d.Kind == queue.DecisionAgentState {
		p.States = append(p.States, queue.PastState{Agent: d.Agent, At: d.At, State: d.State, Reason: d.StateReason})
		return
	}
	i, known := p.index[d.Item.ID]
	switch d.Kind {
	case queue.DecisionEnqueue:
		p.index[d.Item.ID] = len(p.Items)
		p.Items = append(p.Items, queue.PastItem{
			ID: d.Item.ID, Queue: d.Item.Queue, Channel: d.Item.Channel, Priority: d.Item.Priority, EnqueuedAt: d.Item.EnqueuedAt,
		})
	case queue.DecisionOffer:
		p.asked[d.Offer] = d.At
	}
	if !known {
		return
	}
	it := &p.Items[i]
	switch d.Kind {
	case queue.DecisionAccept:
		it.OfferedAt, it.Agent = p.asked[d.Offer], d.Agent
	case queue.DecisionBridged:
		it.BridgedAt = d.At
	case queue.DecisionEnd:
		it.EndedAt, it.Reason = d.At, d.Reason
	case queue.DecisionPark:
		p.since[it.ID] = d.At
	case queue.DecisionResume:
		it.Aside += d.At.Sub(p.since[it.ID])
	}
}

// recorded is a day with shifts, wrap-up, pick-up times and all channels.
func recorded(t *testing.T) (simulate.Site, past, simulate.Result) {
	t.Helper()
	site := floor(20, queue.Config{})
	site.Queues[0].WrapUp = 30 * time.Second
	for i, a := range site.Agents {
		from, to := time.Duration(i%3)*time.Hour, 8*time.Hour-time.Duration(i%2)*time.Hour
		site.Presence = append(
			site.Presence,
			simulate.Presence{Agent: a.ID, At: start.Add(from + time.Duration(i)*time.Second), Ready: true, Phone: true, Console: true},
			simulate.Presence{Agent: a.ID, At: start.Add(to)},
		)
	}
	streams := mixed(110, 40, 30)
	for i := range streams {
		streams[i].PickUp = simulate.Spread{Least: time.Second, Mean: 3 * time.Second}
	}
	work, err := simulate.Draw(streams, start, 7*time.Hour, 7)
	if err != nil {
		t.Fatal(err)
	}
	for i := range work {
		if i%3 == 0 {
			work[i].WrapUp = 10 * time.Second
		}
	}
	var p past
	site.Decided = p.decided
	r, err := simulate.Run(t.Context(), site, work)
	if err != nil {
		t.Fatal(err)
	}
	site.Decided, site.Presence = nil, nil
	return site, p, r
}

// The replay of a day under its own rules comes near what the day was.
func TestReplayOfADayIsTheDay(t *testing.T) {
	site, p, was := recorded(t)
	work, presence, left := simulate.Replay(p.Past, site.Queues, site.Agents)
	if left != (simulate.Left{}) || len(work) != len(was.Outcomes) {
		t.Fatalf("%d of %d, left %+v", len(work), len(was.Outcomes), left)
	}
	site.Presence = presence
	again, err := simulate.Run(t.Context(), site, work)
	if err != nil {
		t.Fatal(err)
	}
	real := simulate.Actual(p.Past, site.Queues)
	near(t, "occupancy as stored", 100*real.Occupancy(), 100*was.Occupancy(), 2)
	near(t, "occupancy again", 100*again.Occupancy(), 100*real.Occupancy(), 2)
	one, two := real.Figures(site.Queues), again.Figures(site.Queues)
	if len(one) != 3 || len(two) != 3 {
		t.Fatalf("got %d and %d rows", len(one), len(two))
	}
	for i := range one {
		a, b := one[i], two[i]
		if a.Offered != b.Offered || a.Channel != b.Channel {
			t.Errorf("%s: %d offered, then %d", a.Channel, a.Offered, b.Offered)
		}
		near(t, string(a.Channel)+" level", *b.Percent, *a.Percent, 2)
		near(t, string(a.Channel)+" mean wait", b.MeanWait.Seconds(), a.MeanWait.Seconds(), 3+.1*a.MeanWait.Seconds())
		near(t, string(a.Channel)+" abandoned", float64(b.Abandoned), float64(a.Abandoned), 5)
	}
}

// Fewer agents make the same day worse, more of them better.
func TestReplayWithOtherAgents(t *testing.T) {
	site, p, _ := recorded(t)
	level := func(n int) float64 {
		s := site
		s.Agents = site.Agents[:n]
		work, presence, _ := simulate.Replay(p.Past, s.Queues, s.Agents)
		s.Presence = presence
		r, err := simulate.Run(t.Context(), s, work)
		if err != nil {
			t.Fatal(err)
		}
		percent, _ := r.Level(call.ChannelCall, 30*time.Second)
		return percent
	}
	if few, all := level(14), level(20); few > all-10 {
		t.Errorf("14 agents %.1f %%, 20 agents %.1f %%", few, all)
	}
}

// What cannot be replayed is told, and what was not seen is supplied.
func TestReplayOfSingleEntries(t *testing.T) {
	site := floor(1, queue.Config{})
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	agent := account.ID("a000")
	item := func(id string, ch call.Channel, end int, reason call.EndReason) queue.PastItem {
		it := queue.PastItem{ID: queue.ItemID(id), Queue: "Support", Channel: ch, EnqueuedAt: at(0), Reason: reason}
		if end > 0 {
			it.EndedAt = at(end)
		}
		return it
	}
	answered := item("answered", call.ChannelCall, 100, call.EndAnswered)
	answered.OfferedAt, answered.BridgedAt, answered.Agent = at(5), at(10), agent
	gone := item("gone", call.ChannelCall, 9, call.EndAbandoned)
	gone.Queue = "removed"
	mail := item("mail", call.ChannelEmail, 500, call.EndAnswered)
	mail.OfferedAt, mail.BridgedAt, mail.Agent, mail.Aside = at(20), at(20), agent, 100*time.Second
	p := queue.Past{
		Items: []queue.PastItem{
			answered, item("left", call.ChannelCall, 40, call.EndAbandoned), item("back", call.ChannelCall, 30, call.EndCallbackRequested),
			mail, item("cb", call.ChannelCallback, 50, call.EndAnswered), item("closed", call.ChannelCall, 1, call.EndClosed),
			item("open", call.ChannelCall, 0, ""), gone,
		},
		States: []queue.PastState{
			{Agent: agent, At: at(-100), State: queue.AgentReady},
			{Agent: agent, At: at(10), State: queue.AgentTalking},
			{Agent: agent, At: at(100), State: queue.AgentWrapUp},
			{Agent: agent, At: at(112), State: queue.AgentReady},
			{Agent: agent, At: at(200), State: queue.AgentNotReady},
			{Agent: "other", At: at(0), State: queue.AgentReady},
		},
	}
	work, presence, left := simulate.Replay(p, site.Queues, site.Agents)
	if left != (simulate.Left{Open: 1, Closed: 1, Gone: 1}) {
		t.Errorf("left: got %+v", left)
	}
	if len(work) != 4 {
		t.Fatalf("got %d pieces of work", len(work))
	}
	if w := work[0]; w.Handling != 90*time.Second || w.PickUp != 5*time.Second || w.WrapUp != 12*time.Second || w.Patience <= 10*time.Second {
		t.Errorf("answered: got %+v", w)
	}
	if w := work[1]; w.Patience != 40*time.Second || w.Handling != 90*time.Second || w.Leaves != "" {
		t.Errorf("abandoned: got %+v", w)
	}
	if w := work[2]; w.Patience != 30*time.Second || w.Leaves != call.EndCallbackRequested {
		t.Errorf("callback: got %+v", w)
	}
	if w := work[3]; w.Handling != 380*time.Second || w.Patience != 0 {
		t.Errorf("mail: got %+v", w)
	}
	if len(presence) != 2 || !presence[0].Ready || !presence[0].Phone || !presence[0].Console || presence[0].At.After(at(0)) ||
		presence[1].Ready || !presence[1].At.Equal(at(200)) {
		t.Errorf("presence: got %+v", presence)
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %.2f, want %.2f", what, got, want)
	}
}
