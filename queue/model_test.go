package queue_test

import (
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

// Whatever happens, the engine does what the naive list does, every entry ends
// exactly once and no agent has two offers.
func TestCoreEqualsNaiveModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newPair(t, rt)
		actions := []func(*rapid.T){
			m.join, m.join, m.join, m.answer, m.answer, m.bridge, m.bridge, m.miss, m.miss, m.deferOffer, m.final, m.final, m.final,
			m.lost, m.leave, m.hangup, m.hangup, m.set, m.reach, m.sleep, m.sleep,
			m.console, m.answerText, m.answerText, m.answerText, m.missText, m.lostText, m.hangupText, m.hangupText, m.park, m.resume,
			m.claim, m.transfer, m.priority,
		}
		for range rapid.IntRange(1, 80).Draw(rt, "steps") {
			actions[rapid.IntRange(0, len(actions)-1).Draw(rt, "action")](rt)
			m.compare(rt)
		}
	})
}

// pair is the engine and the naive model side by side.
type pair struct {
	t     *testing.T
	r     *rig
	n     *naive
	offer map[account.ID]queue.OfferID // the reservation of each agent
	text  map[queue.ItemID]queue.OfferID
	seen  int
	items int
}

func newPair(t *testing.T, rt *rapid.T) *pair {
	ids := []account.ID{"a", "b", "c", "d"}
	n := &naive{chosen: map[string]queue.Strategy{}, ranks: map[string]map[account.ID]int{}, wrap: time.Duration(rapid.IntRange(0, 1).Draw(rt, "wrap")) * 7 * time.Second}
	var queues []queue.QueueConfig
	for _, name := range []string{"support", "payments"} {
		q := queue.QueueConfig{ID: name, Name: name, Enabled: true, WrapUp: n.wrap}
		q.Strategy = queue.Strategy(rapid.SampledFrom(queue.Strategies()).Draw(rt, "strategy"))
		n.chosen[name] = q.Strategy
		n.ranks[name] = map[account.ID]int{}
		for _, id := range ids {
			if rank := rapid.IntRange(0, 3).Draw(rt, "rank"); rank > 0 {
				q.Members = append(q.Members, queue.Member{Agent: id, Rank: rank})
				n.ranks[name][id] = rank
			}
		}
		queues = append(queues, q)
	}
	agents := auto(ids...)
	for i, id := range ids {
		skill := rapid.IntRange(1, 3).Draw(rt, "skill")
		agents[i].Skills = map[string]int{"x": skill}
		n.agents = append(n.agents, &nAgent{id: id, skill: skill, state: "offline"})
	}
	r := newRig(t, queue.Config{MaxMissed: 2}, queues, agents...)
	m := &pair{t: t, r: r, n: n, offer: map[account.ID]queue.OfferID{}, text: map[queue.ItemID]queue.OfferID{}}
	for _, a := range n.agents {
		m.n.now += time.Second
		m.r.sleep(time.Second)
		m.both(queue.Event{Kind: queue.EventReachable, Agent: a.id, Devices: 1}, func() { m.n.reach(a, 1, 0) })
		if rapid.IntRange(0, 3).Draw(rt, "console") > 0 {
			m.both(queue.Event{Kind: queue.EventConsole, Agent: a.id, On: true}, func() { m.n.setConsole(a, true) })
		}
	}
	return m
}

// both applies an event to the engine and its mirror to the model.
func (m *pair) both(ev queue.Event, mirror func()) queue.Effect {
	m.n.step(mirror)
	return m.r.do(ev)
}

func (m *pair) compare(rt *rapid.T) {
	told := append([]string(nil), m.collect()...)
	want := append([]string(nil), m.n.said...)
	m.n.said = nil
	sort.Strings(told)
	sort.Strings(want)
	if got, want := strings.Join(told, "\n"), strings.Join(want, "\n"); got != want {
		rt.Fatalf("told:\n%s\nwant:\n%s", got, want)
	}
	if got, want := m.state(), m.n.state(); got != want {
		rt.Fatalf("state:\n%s\nwant:\n%s\n%s", got, want, m.r.c.Fingerprint())
	}
	if s := m.n.stuck(); s != "" {
		rt.Fatal(s)
	}
	m.invariants(rt)
	m.r.conserved("support")
	m.r.conserved("payments")
	for id, times := range m.r.closed {
		if times != 1 || len(m.r.ended(id)) != 1 {
			rt.Fatalf("%s ended %v, closed %d times", id, m.r.ended(id), times)
		}
	}
}

// collect returns the notices since the last call and learns the offers.
func (m *pair) collect() []string {
	var told []string
	for _, o := range m.r.offers[m.seen:] {
		if m.n.find(o.Item.ID).text() {
			m.text[o.Item.ID] = o.ID
		} else {
			m.offer[o.Agent] = o.ID
		}
	}
	m.seen = len(m.r.offers)
	for id, notes := range m.r.notes {
		for _, x := range notes {
			switch x.Kind {
			case queue.NoticeOffer:
				told = append(told, fmt.Sprintf("offer %s %s", id, x.Offer.Agent))
			case queue.NoticeWithdraw:
				told = append(told, fmt.Sprintf("withdraw %s", id))
			case queue.NoticeParked:
				told = append(told, fmt.Sprintf("parked %s", id))
			case queue.NoticeResumed:
				told = append(told, fmt.Sprintf("resumed %s", id))
			}
		}
		delete(m.r.notes, id)
	}
	return told
}

func (m *pair) state() string {
	var out []string
	for i := range m.items {
		id := queue.ItemID(fmt.Sprintf("i%03d", i+1))
		if s, class := m.r.c.ItemState(id); s != "" {
			out = append(out, fmt.Sprintf("%s %s %d", id, s, class))
		}
	}
	for _, a := range m.n.agents {
		v, _ := m.r.c.AgentView(a.id)
		out = append(out, fmt.Sprintf("%s %s", a.id, v.State))
	}
	sort.Strings(out)
	return strings.Join(out, "\n")
}

// reserved draws an agent who has a reservation; nil: nobody has.
func (m *pair) reserved(rt *rapid.T) *nAgent {
	var with []*nAgent
	for _, a := range m.n.agents {
		if a.res != nil {
			with = append(with, a)
		}
	}
	if len(with) == 0 {
		return nil
	}
	return with[rapid.IntRange(0, len(with)-1).Draw(rt, "agent")]
}

func (m *pair) join(rt *rapid.T) {
	m.items++
	it := queue.Item{
		ID: queue.ItemID(fmt.Sprintf("i%03d", m.items)), Queue: rapid.SampledFrom([]string{"support", "Payments"}).Draw(rt, "queue"),
		Channel: rapid.SampledFrom([]call.Channel{
			call.ChannelCall, call.ChannelCall, call.ChannelCallback, call.ChannelChat, call.ChannelChat, call.ChannelEmail, call.ChannelSocial,
		}).Draw(rt, "channel"),
		Key: int64(rapid.IntRange(1, 6).Draw(rt, "key")), CountsAsOffered: true, Priority: 1,
		DueAt: m.r.now.Add(time.Duration(rapid.IntRange(0, 60).Draw(rt, "due")) * time.Second),
		Needs: []queue.Need{{Skill: "x", Level: rapid.IntRange(0, 3).Draw(rt, "level")}},
	}
	x := &nItem{
		id: it.ID, queue: strings.ToLower(it.Queue), key: it.Key, class: 1, need: max(1, it.Needs[0].Level), state: "waiting",
		tries: map[account.ID]int{}, joined: m.n.now, channel: it.Channel, priority: 1, due: it.DueAt.Sub(epoch),
	}
	if x.deferred() {
		x.class = 2
	}
	if s := rapid.IntRange(-9, 9).Draw(rt, "later"); s > 0 {
		it.NotBefore = m.r.now.Add(time.Duration(s) * time.Second)
		x.notBefore, x.state = m.n.now+time.Duration(s)*time.Second, "parked"
	}
	m.both(queue.Event{Kind: queue.EventJoin, Item: it}, func() {
		m.n.items = append(m.n.items, x)
		m.n.requeue(x)
	})
}

func (m *pair) answer(rt *rapid.T) {
	a := m.reserved(rt)
	if a == nil {
		return
	}
	o, want := m.offer[a.id], false
	if got := m.both(queue.Event{Kind: queue.EventAnswered, Offer: o}, func() { want = m.n.answered(a) }).OK; got != want {
		rt.Fatalf("answered: got %v, want %v", got, want)
	}
}

func (m *pair) bridge(rt *rapid.T) {
	a := m.reserved(rt)
	if a == nil {
		return
	}
	m.both(queue.Event{Kind: queue.EventBridged, Offer: m.offer[a.id]}, func() {
		if a.res.phase == "accepted" {
			a.res.item.before = a.res.item.bridged
			a.fails = 0
			a.res.phase, a.res.talked, a.res.item.state, a.res.item.bridged = "talking", true, "talking", true
		}
	})
}

func (m *pair) miss(rt *rapid.T) {
	a := m.reserved(rt)
	if a == nil {
		return
	}
	out := rapid.SampledFrom([]call.Outcome{
		call.OutcomeMissed, call.OutcomeRejected, call.OutcomeBusy, call.OutcomeUnreachable, call.OutcomeWithdrawn,
	}).Draw(rt, "outcome")
	m.both(queue.Event{Kind: queue.EventMissed, Offer: m.offer[a.id], Outcome: out}, func() {
		if a.res.phase == "offered" {
			m.n.missed(a, out, false)
		}
	})
}

func (m *pair) deferOffer(rt *rapid.T) {
	a := m.reserved(rt)
	if a == nil {
		return
	}
	d := time.Duration(rapid.IntRange(0, 20).Draw(rt, "rest")) * time.Second
	m.both(queue.Event{Kind: queue.EventDefer, Offer: m.offer[a.id], At: m.r.now.Add(d)}, func() {
		if a.res.phase == "offered" {
			it := a.res.item
			m.n.releasing(a)
			it.notBefore = m.n.now + d
			m.n.requeue(it)
		}
	})
}

func (m *pair) final(rt *rapid.T) {
	a := m.reserved(rt)
	if a == nil {
		return
	}
	m.both(queue.Event{Kind: queue.EventFinal, Offer: m.offer[a.id]}, func() {
		a.res.final = true
		if a.res.phase == "releasing" {
			m.n.freeAgent(a)
		}
	})
}

func (m *pair) lost(rt *rapid.T) {
	a := m.reserved(rt)
	if a == nil {
		return
	}
	out := rapid.SampledFrom([]call.Outcome{call.OutcomeRejected, call.OutcomeUnreachable, call.OutcomeNone}).Draw(rt, "outcome")
	m.both(queue.Event{Kind: queue.EventAgentLost, Offer: m.offer[a.id], Outcome: out}, func() { m.n.lost(a, out) })
}

func (m *pair) leave(rt *rapid.T) {
	if m.items == 0 {
		return
	}
	id := queue.ItemID(fmt.Sprintf("i%03d", rapid.IntRange(1, m.items).Draw(rt, "item")))
	it := m.n.find(id)
	want := call.EndReason("")
	got := m.both(queue.Event{Kind: queue.EventLeave, ItemID: id}, func() {
		if it.state != "ended" {
			want = m.n.leave(it)
		}
	})
	if got.Reason != want && !it.bridged {
		rt.Fatalf("reason: got %s, want %s", got.Reason, want)
	}
}

func (m *pair) hangup(rt *rapid.T) {
	a := m.reserved(rt)
	if a == nil {
		return
	}
	m.both(queue.Event{Kind: queue.EventRelease, Offer: m.offer[a.id], Reason: call.EndAnswered}, func() {
		r := a.res
		if r.phase != "accepted" && r.phase != "talking" {
			return
		}
		if r.talked {
			a.idle, a.dropped = m.n.now, 0
			m.n.startWrap(a)
		}
		m.n.releasing(a)
		r.item.state = "ended"
	})
}

func (m *pair) set(rt *rapid.T) {
	a := rapid.SampledFrom(m.n.agents).Draw(rt, "agent")
	s := rapid.SampledFrom([]queue.AgentState{queue.AgentReady, queue.AgentReady, queue.AgentNotReady, queue.AgentOffline}).Draw(rt, "state")
	ok := false
	got := m.both(queue.Event{Kind: queue.EventSetState, Agent: a.id, State: s}, func() { ok = m.n.set(a, string(s)) })
	if (got.Err == nil) != ok {
		rt.Fatalf("set %s: got %v, want ok %v", s, got.Err, ok)
	}
}

func (m *pair) reach(rt *rapid.T) {
	a := rapid.SampledFrom(m.n.agents).Draw(rt, "agent")
	devices := rapid.SampledFrom([]int{0, 1, 1, 2}).Draw(rt, "devices")
	silent := rapid.SampledFrom([]int{0, 0, 1}).Draw(rt, "silent")
	m.both(queue.Event{Kind: queue.EventReachable, Agent: a.id, Devices: devices, Silent: silent}, func() { m.n.reach(a, devices, silent) })
}

func (m *pair) sleep(rt *rapid.T) {
	d := time.Duration(rapid.IntRange(1, 25_000).Draw(rt, "ms")) * time.Millisecond
	end := m.n.now + d
	for m.n.tick(end) {
	}
	m.n.step(func() { m.n.now = end })
	m.r.sleep(d)
}
