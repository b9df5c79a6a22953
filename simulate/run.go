package simulate

import (
	"container/heap"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

// Outcome is what became of one piece of work.
type Outcome struct {
	Work
	Waited   time.Duration  // until an agent had it, it ended, or the run did
	Reason   call.EndReason // "" where it had not ended when the run did
	Answered bool           // an agent had it
	Agent    account.ID     // who; "": nobody
	Expected time.Duration  // what the queue expected when it began to wait; 0: nothing was said
}

// Result is what a run leads to.
type Result struct {
	Outcomes []Outcome // in the order in which they came
	Usage    []Usage   // by agent id
	End      time.Time // of the last event
}

// Usage is how an agent spent the run.
type Usage struct {
	Agent account.ID
	Busy  time.Duration // on a call, its ring and wrap-up, or with written work in hand
	Idle  time.Duration // ready, with nothing at all
	Calls int           // answered
	Texts int           // chats, messages and tickets that he had
}

// overtime bounds how long after the last arrival a run goes on.
const overtime = 48 * time.Hour

// Run lets work come to a site until all is done. It fails where the site or the
// work cannot be used, and when ctx ends.
func Run(ctx context.Context, site Site, work []Work) (Result, error) {
	d, err := newDriver(site, work)
	if err != nil {
		return Result{}, err
	}
	for n := 0; d.step(); n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
	}
	return d.result(), nil
}

// job is a piece of work on its way.
type job struct {
	Outcome
	id      queue.ItemID
	offer   queue.OfferID // the last one
	ended   bool
	active  bool
	left    time.Duration // of its handling
	since   time.Time     // when active began
	version int           // of the plan to end it
}

// happening is one thing to come.
type happening struct {
	at  time.Time
	seq int
	do  func()
}

// driver plays players and agents against a Core.
type driver struct {
	core     *queue.Core
	now      time.Time
	last     time.Time // nothing after it
	coming   agenda
	seq      int
	jobs     []*job // in the order in which they come
	byID     map[queue.ItemID]*job
	clocks   map[account.ID]*clock
	wrapping map[account.ID]time.Time
}

func newDriver(site Site, work []Work) (*driver, error) {
	if err := site.Rules.Check(); err != nil {
		return nil, err
	}
	if len(work) > MaxWork {
		return nil, fmt.Errorf("simulate: work: at most %d, got %d", MaxWork, len(work))
	}
	names := map[string]bool{}
	for _, q := range site.Queues {
		names[lower(q.Name)] = true
	}
	d := &driver{byID: map[queue.ItemID]*job{}, clocks: map[account.ID]*clock{}, wrapping: map[account.ID]time.Time{}}
	site.Rules.OnChange, site.Rules.OfferIDs = nil, nil
	d.core = queue.NewCore(site.Rules)
	work = slices.Clone(work)
	slices.SortStableFunc(work, func(a, b Work) int { return a.At.Compare(b.At) })
	for i, w := range work {
		switch {
		case !names[lower(w.Queue)]:
			return nil, fmt.Errorf("simulate: work: no queue %q", w.Queue)
		case w.Handling < 0 || w.Patience < 0 || w.PickUp < 0 || w.WrapUp < 0:
			return nil, fmt.Errorf("simulate: work at %s: times must be 0 or more", w.At.Format(time.RFC3339))
		}
		j := &job{Outcome: Outcome{Work: w}, id: queue.ItemID("w" + strconv.Itoa(i)), left: w.Handling}
		d.jobs = append(d.jobs, j)
		d.byID[j.id] = j
	}
	d.begin(site)
	return d, nil
}

// begin configures the Core and plans everything that is known beforehand.
func (d *driver) begin(site Site) {
	there := map[account.ID]bool{}
	for _, p := range site.Presence {
		there[p.Agent] = true
		if d.now.IsZero() || p.At.Before(d.now) {
			d.now = p.At
		}
	}
	if len(d.jobs) > 0 {
		if first := d.jobs[0].At; d.now.IsZero() || first.Before(d.now) {
			d.now = first
		}
		d.last = d.jobs[len(d.jobs)-1].At.Add(overtime)
	}
	d.do(queue.Event{Kind: queue.EventConfigure, Queues: site.Queues, Agents: site.Agents})
	for i, a := range site.Agents {
		d.clocks[a.ID] = &clock{since: d.now, usage: Usage{Agent: a.ID}}
		if !there[a.ID] {
			// One after the other, so that who is idle the longest is told.
			d.plan(d.now.Add(time.Duration(i)), func() { d.arrive(Presence{Agent: a.ID, Ready: true, Phone: true, Console: true}) })
		}
	}
	presence := slices.Clone(site.Presence)
	slices.SortStableFunc(presence, func(a, b Presence) int { return a.At.Compare(b.At) })
	for _, p := range presence {
		d.plan(p.At, func() { d.arrive(p) })
	}
	for _, j := range d.jobs {
		d.plan(j.At, func() { d.join(j) })
	}
}

// step lets the next thing happen; false when there is none.
func (d *driver) step() bool {
	tick, timed := d.core.Next()
	if len(d.coming) == 0 && (!timed || d.allEnded()) {
		return false
	}
	if timed && (len(d.coming) == 0 || !tick.After(d.coming[0].at)) {
		if tick.After(d.last) {
			return false
		}
		d.now = later(d.now, tick)
		d.do(queue.Event{Kind: queue.EventTick})
		return true
	}
	h := heap.Pop(&d.coming).(happening)
	if h.at.After(d.last) && d.allEnded() {
		return false
	}
	d.now = later(d.now, h.at)
	h.do()
	return true
}

func (d *driver) allEnded() bool { return len(d.byID) == 0 }

func (d *driver) plan(at time.Time, do func()) {
	d.seq++
	heap.Push(&d.coming, happening{at: at, seq: d.seq, do: do})
}

// do applies an event, answers what it wants of the store, and plays what is told.
func (d *driver) do(ev queue.Event) queue.Effect {
	var reply queue.Effect
	var commits []queue.OfferID
	var notices []queue.Notice
	var touched []account.ID
	for _, e := range d.core.Apply(d.now, ev) {
		switch e.Kind {
		case queue.EffectReply:
			reply = e
		case queue.EffectNotice:
			n := e.Notice
			n.Offer.Item.ID = e.Item // of an End too
			notices = append(notices, n)
		case queue.EffectCommit:
			if e.Decision.Kind == queue.DecisionOffer {
				commits = append(commits, e.Decision.Offer)
			}
			if e.Decision.Agent != "" {
				touched = append(touched, e.Decision.Agent)
			}
			d.note(&e.Decision)
		}
	}
	for _, a := range touched {
		d.measure(a)
	}
	for _, o := range commits {
		d.do(queue.Event{Kind: queue.EventCommitted, Offer: o})
	}
	for _, n := range notices {
		d.told(n)
	}
	return reply
}

// note keeps what was decided about a job.
func (d *driver) note(x *queue.Decision) {
	j := d.byID[x.Item.ID]
	switch {
	case j == nil:
	case x.Kind == queue.DecisionBridged && !j.Answered:
		j.Answered, j.Agent, j.Waited = true, x.Agent, d.now.Sub(j.At)
	case x.Kind == queue.DecisionEnd:
		j.Reason, j.ended = x.Reason, true
		if !j.Answered {
			j.Waited = d.now.Sub(j.At)
		}
		delete(d.byID, j.id)
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// agenda is a heap of what is to come.
type agenda []happening

// Len implements heap.Interface, as do the others.
func (a agenda) Len() int { return len(a) }

// Less is by time, then in the order in which things were planned.
func (a agenda) Less(i, j int) bool {
	if !a[i].at.Equal(a[j].at) {
		return a[i].at.Before(a[j].at)
	}
	return a[i].seq < a[j].seq
}

// Swap changes two.
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

// Push adds one.
func (a *agenda) Push(x any) { *a = append(*a, x.(happening)) }

// Pop takes the last one.
func (a *agenda) Pop() any {
	last := len(*a) - 1
	h := (*a)[last]
	(*a)[last] = happening{}
	*a = (*a)[:last]
	return h
}
