package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/id"
	"pickup/queue"
	"pickup/report"
	"pickup/store"
)

// Reports holds the tables that reports are made of to the event log: the real
// queue lives through random events, everything it decides is stored, and what
// report.Replay makes of the log alone must be what the tables say.
func Reports(t *testing.T, s *store.Store, runs int) {
	for seed := range runs {
		d := newDrive(t, s, uint64(seed))
		for range 150 {
			d.step()
		}
		d.compare()
	}
	RecoveredReports(t, s)
}

// RecoveredReports ends entries and offers as a crash does: the log knows of it.
func RecoveredReports(t *testing.T, s *store.Store) {
	d := newDrive(t, s, 4711)
	for range 60 {
		d.step()
	}
	must(t, s.RecoverQueue(t.Context(), d.now))
	d.compare()
}

// drive lets a queue live over a store.
type drive struct {
	t      *testing.T
	s      *store.Store
	core   *queue.Core
	random *rand.Rand
	from   time.Time
	now    time.Time
	agents []account.ID
	items  []queue.ItemID
	offers []queue.OfferID
}

func newDrive(t *testing.T, s *store.Store, seed uint64) *drive {
	d := &drive{t: t, s: s, random: rand.New(rand.NewPCG(seed, 9))}
	d.from = start.AddDate(0, 0, int(seed%100)) // each run has a day of its own
	d.now = d.from
	d.core = queue.NewCore(queue.Config{OfferIDs: func() queue.OfferID { return queue.OfferID(id.New()) }})
	q := queue.QueueConfig{ID: id.New(), Name: "support", Enabled: true, Target: 30 * time.Second, WrapUp: 20 * time.Second}
	var agents []queue.AgentConfig
	for n := range 3 {
		a := account.ID(id.New())
		d.agents = append(d.agents, a)
		agents = append(agents, queue.AgentConfig{ID: a, Login: fmt.Sprint(n), AutoReady: true})
		q.Members = append(q.Members, queue.Member{Agent: a, Rank: n})
		must(t, s.UpsertUser(t.Context(), account.User{ID: a, Login: string(a), Name: "A", Role: account.RoleAgent, Active: true, CreatedAt: start}))
	}
	other := q
	other.ID, other.Name, other.MaxLength = id.New(), "payments", 2
	d.apply(queue.Event{Kind: queue.EventConfigure, Queues: []queue.QueueConfig{q, other}, Agents: agents})
	for _, a := range d.agents {
		d.apply(queue.Event{Kind: queue.EventReachable, Agent: a, Devices: 1})
	}
	return d
}

// apply gives the queue an event and stores what it decides.
func (d *drive) apply(ev queue.Event) {
	var decisions []queue.Decision
	var committed []queue.Event
	for _, e := range d.core.Apply(d.now, ev) {
		switch e.Kind {
		case queue.EffectCommit:
			decisions = append(decisions, e.Decision)
			if e.Decision.Kind == queue.DecisionOffer {
				d.offers = append(d.offers, e.Decision.Offer)
				committed = append(committed, queue.Event{Kind: queue.EventCommitted, Offer: e.Decision.Offer})
			}
		case queue.EffectReply:
			if e.Joined.ID != "" {
				d.items = append(d.items, e.Joined.ID)
			}
		}
	}
	for i, err := range d.s.CommitDecisions(d.t.Context(), decisions) {
		if err != nil {
			d.t.Fatalf("%s: %v", decisions[i].Kind, err)
		}
	}
	for _, ev := range committed {
		d.apply(ev)
	}
}

// step lets some time pass and something happen; what cannot happen is ignored by
// the queue.
func (d *drive) step() {
	d.now = d.now.Add(time.Duration(d.random.IntN(9000)) * time.Millisecond)
	d.apply(queue.Event{Kind: queue.EventTick})
	r := d.random
	ev := queue.Event{Agent: d.agents[r.IntN(len(d.agents))]}
	if len(d.offers) > 0 {
		ev.Offer = d.offers[max(0, len(d.offers)-1-r.IntN(4))]
	}
	if len(d.items) > 0 {
		ev.ItemID = d.items[max(0, len(d.items)-1-r.IntN(5))]
	}
	ev.Kind = []queue.EventKind{
		queue.EventJoin, queue.EventJoin, queue.EventAnswered, queue.EventAnswered, queue.EventBridged, queue.EventBridged, queue.EventBridged,
		queue.EventHeld, queue.EventRelease, queue.EventFinal, queue.EventFinal, queue.EventMissed, queue.EventAgentLost, queue.EventLeave,
		queue.EventSetState, queue.EventEndWrapUp, queue.EventEngage, queue.EventEngaged, queue.EventDisengage, queue.EventWithdraw,
	}[r.IntN(20)]
	ev.On = r.IntN(2) == 0
	switch ev.Kind {
	case queue.EventJoin:
		ev.Item = queue.Item{
			ID: queue.ItemID(id.New()), Channel: call.ChannelCall, Queue: []string{"support", "payments"}[r.IntN(2)], CallID: call.ID(id.New()),
			Priority: 1, CountsAsOffered: r.IntN(5) > 0,
		}
		ev.Item.Front = !ev.Item.CountsAsOffered
	case queue.EventMissed, queue.EventAgentLost:
		ev.Outcome = []call.Outcome{call.OutcomeMissed, call.OutcomeRejected, call.OutcomeBusy, call.OutcomeUnreachable}[r.IntN(4)]
	case queue.EventSetState:
		ev.State = []queue.AgentState{queue.AgentReady, queue.AgentReady, queue.AgentNotReady}[r.IntN(3)]
	case queue.EventEngage, queue.EventEngaged:
		ev.State = []queue.AgentState{queue.AgentDialing, queue.AgentTalking, queue.AgentConsulting, queue.AgentConference}[r.IntN(4)]
		ev.Item.CallID = call.ID(id.New())
	case queue.EventDisengage:
		ev.Wrap = time.Duration(r.IntN(2)) * 10 * time.Second
	}
	d.apply(ev)
}

// compare holds the tables to the log.
func (d *drive) compare() {
	t, ctx := d.t, d.t.Context()
	t.Helper()
	to := d.now.Add(time.Second)
	var lines []report.Line
	must(t, d.s.EachLine(ctx, d.from, to, func(n report.Line) error { lines = append(lines, n); return nil }))
	log, table := report.Replay(lines, d.now), d.tables(to)
	faults, offered := report.Conservation(table.Entries, log.Entries, nil)
	if len(faults) > 0 || offered == 0 {
		t.Fatalf("%d offered, faults %+v", offered, faults)
	}
	byOffer := func(a, b report.Offer) int { return cmp.Compare(a.ID, b.ID) }
	slices.SortFunc(log.Offers, byOffer)
	slices.SortFunc(table.Offers, byOffer)
	same(t, "offers of tables and log", table.Offers, log.Offers)
	released := slices.DeleteFunc(log.Handlings, func(h report.Handling) bool { return h.ReleasedAt.IsZero() })
	byHandling := func(a, b report.Handling) int { return cmp.Compare(a.ID, b.ID) }
	slices.SortFunc(released, byHandling)
	slices.SortFunc(table.Handlings, byHandling)
	for i := range released {
		if i < len(table.Handlings) && !reflect.DeepEqual(table.Handlings[i], released[i]) {
			t.Fatalf("handling\n got %+v\nwant %+v", table.Handlings[i], released[i])
		}
	}
	if len(released) != len(table.Handlings) {
		t.Fatalf("%d handlings in the tables, %d by the log", len(table.Handlings), len(released))
	}
	for _, by := range []report.By{report.ByQueue, report.ByChannel, report.ByOfAgent} {
		a, b := d.rows(by, table, to), d.rows(by, log, to)
		if len(a) != len(b) {
			t.Fatalf("by %s: %d rows by the tables, %d by the log", by, len(a), len(b))
		}
		for i := range a {
			if a[i].Part != b[i].Part || a[i].Key != b[i].Key || !a[i].Sums.Same(&b[i].Sums) {
				t.Fatalf("by %s:\n tables %+v\n    log %+v", by, a[i], b[i])
			}
		}
	}
}

// tables reads the facts of a run.
func (d *drive) tables(to time.Time) (f report.Facts) {
	t, ctx, c := d.t, d.t.Context(), store.FactFilter{From: d.from, To: to}
	must(t, d.s.EachEntry(ctx, c, func(e report.Entry) error {
		e.Wait = report.Waited(e.EnteredAt, e.BridgedAt, e.EndedAt, d.now) // the store's now is another
		f.Entries = append(f.Entries, e)
		return nil
	}))
	must(t, d.s.EachOffer(ctx, c, func(o report.Offer) error { f.Offers = append(f.Offers, o); return nil }))
	must(t, d.s.EachHandling(ctx, c, func(h report.Handling) error { f.Handlings = append(f.Handlings, h); return nil }))
	for _, a := range d.agents {
		c.Agent = a
		must(t, d.s.EachSpan(ctx, c, func(s report.Span) error { f.Spans = append(f.Spans, s); return nil }))
	}
	return f
}

// rows makes the report of facts in quarters.
func (d *drive) rows(by report.By, f report.Facts, to time.Time) []report.Row {
	parts, _, err := report.Cut(d.from, to, report.Quarter, time.UTC, 1000)
	must(d.t, err)
	table := report.NewTable(by, parts, func(string, call.Channel) time.Duration { return 30 * time.Second })
	for i := range f.Entries {
		table.AddEntry(&f.Entries[i])
	}
	for i := range f.Offers {
		table.AddOffer(&f.Offers[i])
	}
	for i := range f.Handlings {
		table.AddHandling(&f.Handlings[i])
	}
	for i := range f.Spans {
		table.AddSpan(&f.Spans[i], d.now)
	}
	return table.Rows()
}
