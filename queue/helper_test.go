package queue_test

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

var epoch = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// rig drives a Core with a clock of its own and remembers what it said. Offers
// are committed at once unless hold is set.
type rig struct {
	t      testing.TB
	c      *queue.Core
	now    time.Time
	hold   bool // the store does not answer
	held   []queue.OfferID
	offers []queue.Offer // in the order in which they left
	notes  map[queue.ItemID][]queue.Notice
	decs   []queue.Decision
	alarms []string
	closed map[queue.ItemID]int
}

func newRig(t testing.TB, cfg queue.Config, queues []queue.QueueConfig, agents ...queue.AgentConfig) *rig {
	r := &rig{
		t: t, c: queue.NewCore(cfg), now: epoch,
		notes: map[queue.ItemID][]queue.Notice{}, closed: map[queue.ItemID]int{},
	}
	r.do(queue.Event{Kind: queue.EventConfigure, Queues: queues, Agents: agents})
	return r
}

// support is a queue with the named members, all of rank 1.
func support(members ...account.ID) queue.QueueConfig {
	q := queue.QueueConfig{ID: "q1", Name: "support", Enabled: true, Target: 30 * time.Second}
	for _, m := range members {
		q.Members = append(q.Members, queue.Member{Agent: m, Rank: 1})
	}
	return q
}

func auto(ids ...account.ID) []queue.AgentConfig {
	var out []queue.AgentConfig
	for _, id := range ids {
		out = append(out, queue.AgentConfig{ID: id, Login: string(id), AutoReady: true})
	}
	return out
}

// simple is one queue with agents who are ready, a millisecond apart.
func simple(t testing.TB, cfg queue.Config, change func(*queue.QueueConfig), ids ...account.ID) *rig {
	q := support(ids...)
	if change != nil {
		change(&q)
	}
	r := newRig(t, cfg, []queue.QueueConfig{q}, auto(ids...)...)
	for _, id := range ids {
		r.now = r.now.Add(time.Millisecond)
		r.do(queue.Event{Kind: queue.EventReachable, Agent: id, Devices: 1})
	}
	return r
}

// do applies an event and answers its commits.
func (r *rig) do(ev queue.Event) queue.Effect {
	var reply queue.Effect
	var commits []queue.OfferID
	for _, e := range r.c.Apply(r.now, ev) {
		switch e.Kind {
		case queue.EffectReply:
			reply = e
		case queue.EffectNotice:
			r.notes[e.Item] = append(r.notes[e.Item], e.Notice)
			if e.Notice.Kind == queue.NoticeOffer {
				r.offers = append(r.offers, e.Notice.Offer)
			}
		case queue.EffectCommit:
			r.decs = append(r.decs, e.Decision)
			if e.Decision.Kind == queue.DecisionOffer {
				commits = append(commits, e.Decision.Offer)
			}
		case queue.EffectClose:
			r.closed[e.Item]++
		case queue.EffectAlarm:
			r.alarms = append(r.alarms, e.Text)
		}
	}
	if r.hold {
		r.held = append(r.held, commits...)
		return reply
	}
	for _, o := range commits {
		r.do(queue.Event{Kind: queue.EventCommitted, Offer: o})
	}
	return reply
}

// answerStore lets the held commits return.
func (r *rig) answerStore(err error) {
	r.hold = false
	held := r.held
	r.held = nil
	for _, o := range held {
		r.do(queue.Event{Kind: queue.EventCommitted, Offer: o, Err: err})
	}
}

// sleep lets time pass; timers fire at their own time.
func (r *rig) sleep(d time.Duration) {
	end := r.now.Add(d)
	for {
		at, ok := r.c.Next()
		if !ok || at.After(end) {
			break
		}
		if at.After(r.now) {
			r.now = at
		}
		r.do(queue.Event{Kind: queue.EventTick})
	}
	r.now = end
}

func (r *rig) join(id queue.ItemID, change ...func(*queue.Item)) queue.Effect {
	it := queue.Item{ID: id, Channel: call.ChannelCall, Queue: "support", Priority: 1, CountsAsOffered: true, CallID: call.ID("c-" + id)}
	for _, c := range change {
		c(&it)
	}
	return r.do(queue.Event{Kind: queue.EventJoin, Item: it})
}

func (r *rig) offer(kind queue.EventKind, o queue.OfferID) queue.Effect {
	return r.do(queue.Event{Kind: kind, Offer: o})
}

func (r *rig) missed(o queue.OfferID, out call.Outcome) {
	r.do(queue.Event{Kind: queue.EventMissed, Offer: o, Outcome: out})
}

func (r *rig) answered(o queue.OfferID) bool { return r.offer(queue.EventAnswered, o).OK }

func (r *rig) leave(id queue.ItemID) call.EndReason {
	return r.do(queue.Event{Kind: queue.EventLeave, ItemID: id}).Reason
}

func (r *rig) set(a account.ID, s queue.AgentState, reason string) error {
	return r.do(queue.Event{Kind: queue.EventSetState, Agent: a, State: s, StateReason: reason}).Err
}

// talk brings the last offer of an item to a bridge.
func (r *rig) talk(id queue.ItemID) queue.Offer {
	r.t.Helper()
	o := r.last(id)
	if !r.answered(o.ID) {
		r.t.Fatalf("offer of %s did not win", id)
	}
	r.offer(queue.EventBridged, o.ID)
	return o
}

func (r *rig) hangup(o queue.OfferID) {
	r.do(queue.Event{Kind: queue.EventRelease, Offer: o, Reason: call.EndAnswered})
	r.offer(queue.EventFinal, o)
}

// last returns the last offer of an item.
func (r *rig) last(id queue.ItemID) queue.Offer {
	r.t.Helper()
	for _, o := range slices.Backward(r.offers) {
		if o.Item.ID == id {
			return o
		}
	}
	r.t.Fatalf("item %s was never offered", id)
	return queue.Offer{}
}

// asked lists who was offered an item, in order.
func (r *rig) asked(id queue.ItemID) string {
	out := ""
	for _, o := range r.offers {
		if o.Item.ID == id {
			out += string(o.Agent) + " "
		}
	}
	return out
}

func (r *rig) wantAsked(id queue.ItemID, want string) {
	r.t.Helper()
	if got := r.asked(id); got != want {
		r.t.Errorf("agents asked for %s: got %q, want %q", id, got, want)
	}
}

func (r *rig) wantState(a account.ID, want queue.AgentState, reason string) {
	r.t.Helper()
	v, _ := r.c.AgentView(a)
	if v.State != want || v.Reason != reason {
		r.t.Errorf("agent %s: got %s(%s), want %s(%s)", a, v.State, v.Reason, want, reason)
	}
}

func (r *rig) wantItem(id queue.ItemID, want string) {
	r.t.Helper()
	if got, _ := r.c.ItemState(id); got != want {
		r.t.Errorf("item %s: got %q, want %q", id, got, want)
	}
}

// notices lists the kinds of notice of an item: O, W, E(reason).
func (r *rig) notices(id queue.ItemID) string {
	out := ""
	for _, n := range r.notes[id] {
		switch n.Kind {
		case queue.NoticeOffer:
			out += "O"
		case queue.NoticeWithdraw:
			out += "W"
		case queue.NoticeParked:
			out += "P"
		case queue.NoticeResumed:
			out += "R"
		case queue.NoticeEnd:
			out += fmt.Sprintf("E(%s)", n.Reason)
		case queue.NoticeOverflow:
			out += fmt.Sprintf("V(%s:%s)", n.Reason, n.Way.Kind)
		}
	}
	return out
}

// ended returns the stored end reasons of an item.
func (r *rig) ended(id queue.ItemID) []call.EndReason {
	var out []call.EndReason
	for _, d := range r.decs {
		if d.Kind == queue.DecisionEnd && d.Item.ID == id {
			out = append(out, d.Reason)
		}
	}
	return out
}

// conserved checks offered + rejoined = ended + live.
func (r *rig) conserved(name string) {
	r.t.Helper()
	tally, ok := r.c.Tally(name)
	if !ok {
		return
	}
	sum := tally.Live
	for _, n := range tally.Ended {
		sum += n
	}
	if tally.Offered+tally.Rejoined+tally.MovedIn != sum+tally.MovedOut {
		r.t.Fatalf("not conserved: offered %d + rejoined %d, ended and live %d", tally.Offered, tally.Rejoined, sum)
	}
}
