package queue_test

import (
	"fmt"
	"math/rand/v2"
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
	rapid.Check(t, func(rt *rapid.T) { newPair(t, drawn{rt}, newTally()).run(drawn{rt}, 80) })
}

// The same, so often that each rule of the order has decided many times.
func TestEveryRuleOfTheOrderDecides(t *testing.T) {
	all := newTally()
	for seed := uint64(1); all.events < modelEvents && !t.Failed(); seed++ {
		rt := thrown{t, rand.New(rand.NewPCG(seed, 1)), seed}
		newPair(t, rt, all).run(rt, 300)
	}
	all.report(t)
}

// run does so many things at most, drawn at random, and compares after each.
func (m *pair) run(rt dice, most int) {
	actions := m.actions()
	for range rt.roll(1, most, "steps") {
		actions[rt.roll(0, len(actions)-1, "action")](rt)
		m.compare(rt)
	}
}

func (m *pair) actions() []func(dice) {
	switch m.kind {
	case 4: // calls come one by one, and there is time for each
		return []func(dice){
			m.join, m.join, m.serveOne, m.serveOne, m.serveOne, m.serveOne, m.answer, m.bridge, m.hangup, m.final, m.sleep, m.sleep, m.miss, m.set,
			m.reach, m.priority,
		}
	case 5: // conversations go on
		return []func(dice){
			m.join, m.join, m.join, m.answerText, m.answerText, m.answerText, m.answerText, m.hangupText, m.hangupText, m.sleep, m.missText, m.park, m.resume,
			m.console, m.answer, m.bridge, m.hangup, m.final, m.final,
		}
	}
	return []func(dice){
		m.join, m.join, m.join, m.answer, m.answer, m.bridge, m.bridge, m.miss, m.miss, m.deferOffer, m.final, m.final, m.final,
		m.lost, m.leave, m.hangup, m.hangup, m.set, m.reach, m.sleep, m.sleep,
		m.console, m.answerText, m.answerText, m.answerText, m.missText, m.lostText, m.hangupText, m.hangupText, m.park, m.resume,
		m.claim, m.transfer, m.priority,
	}
}

// dice is where a run gets its numbers from.
type dice interface {
	roll(least, most int, what string) int
	Fatalf(format string, args ...any)
	Fatal(args ...any)
}

// drawn numbers are few and small, and get fewer and smaller when something fails.
type drawn struct{ *rapid.T }

func (d drawn) roll(least, most int, what string) int {
	return rapid.IntRange(least, most).Draw(d.T, what)
}

// thrown numbers are all as likely.
type thrown struct {
	*testing.T
	r    *rand.Rand
	seed uint64
}

func (d thrown) roll(least, most int, _ string) int { return least + d.r.IntN(most-least+1) }

func (d thrown) Fatalf(format string, args ...any) {
	d.T.Helper()
	d.T.Fatalf("seed %d: "+format, append([]any{d.seed}, args...)...)
}

func oneOf[T any](rt dice, all []T, what string) T { return all[rt.roll(0, len(all)-1, what)] }

// pair is the engine and the naive model side by side.
type pair struct {
	t     *testing.T
	r     *rig
	n     *naive
	offer map[account.ID]queue.OfferID // the reservation of each agent
	text  map[queue.ItemID]queue.OfferID
	kind  int // of world: 0 asks for skills and waits for members, 1 has most of calls, 2 of chats and mails, 3 of all, 4 is quiet, 5 has many chats
	seen  int
	items int
	story []string // for who looks for a difference
}

func newPair(t *testing.T, rt dice, tally *tally) *pair {
	ids := []account.ID{"a", "b", "c", "d", "e"}
	n := &naive{
		tally: tally, queues: map[string]queue.QueueConfig{}, ranks: map[string]map[account.ID]int{},
		wrap: time.Duration(rt.roll(0, 1, "wrap")) * 7 * time.Second,
	}
	var queues []queue.QueueConfig
	kind := []int{0, 1, 2, 3, 3, 3, 4, 4, 4, 4, 4, 5, 5}[rt.roll(0, 12, "kind")]
	for _, name := range []string{"support", "payments"} {
		q := aQueue(rt, name, ids)
		if kind > 0 {
			plain(rt, &q, ids)
		}
		if kind == 4 {
			q.Strategy = oneOf(rt, rare, "strategy")
		}
		q.WrapUp = n.wrap
		n.queues[name], n.ranks[name] = q, map[account.ID]int{}
		for _, m := range q.Members {
			n.ranks[name][m.Agent] = m.Rank
		}
		queues = append(queues, q)
	}
	agents := auto(ids...)
	for i, id := range ids {
		agents[i].Skills = map[string]int{"x": rt.roll(1, 3, "skill")}
		for _, skill := range []string{"y", queue.LanguagePrefix + "fr", queue.LanguagePrefix + "en"} {
			if level := rt.roll(-1, 3, skill); level > 0 {
				agents[i].Skills[skill] = level
			}
		}
		n.agents = append(n.agents, &nAgent{id: id, skills: agents[i].Skills, state: "offline"})
	}
	r := newRig(t, queue.Config{MaxMissed: 2}, queues, agents...)
	m := &pair{t: t, r: r, n: n, kind: kind, offer: map[account.ID]queue.OfferID{}, text: map[queue.ItemID]queue.OfferID{}}
	for _, a := range n.agents {
		d := seconds(rt.roll(0, 1, "later"))
		m.n.now += d
		m.r.sleep(d)
		m.both(queue.Event{Kind: queue.EventReachable, Agent: a.id, Devices: 1}, func() { m.n.reach(a, 1, 0) })
		if rt.roll(0, 3, "console") > 0 {
			m.both(queue.Event{Kind: queue.EventConsole, Agent: a.id, On: true}, func() { m.n.setConsole(a, true) })
		}
	}
	return m
}

// seldom draws a number up to most, or in two of three cases 0.
func seldom(rt dice, most int, what string) int {
	return max(0, rt.roll(-2*most, most, what))
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// aQueue draws a queue: how it chooses, what it asks for, and for whom it waits.
func aQueue(rt dice, name string, ids []account.ID) queue.QueueConfig {
	q := queue.QueueConfig{
		ID: name, Name: name, Enabled: true, Strategy: queue.Strategy(oneOf(rt, queue.Strategies(), "strategy")),
		RingMost: rt.roll(2, 4, "most"), RingStep: seconds(rt.roll(0, 9, "step")),
		LanguageLevel: seldom(rt, 2, "language level"), Require: alternatives(rt),
		Relax: queue.Relax{
			Level: seconds(seldom(rt, 20, "relax level")), Optional: seconds(seldom(rt, 20, "relax optional")),
			Language: seconds(seldom(rt, 30, "relax language")),
		},
	}
	for _, id := range ids {
		if rank := rt.roll(0, 3, "rank"); rank > 0 {
			q.Members = append(q.Members, queue.Member{Agent: id, Rank: rank, Delay: seconds(seldom(rt, 12, "delay"))})
		}
	}
	return q
}

// plain makes a queue one of those where everybody does everything.
func plain(rt dice, q *queue.QueueConfig, ids []account.ID) {
	q.Require, q.LanguageLevel, q.Members = nil, 0, nil
	for _, id := range ids {
		q.Members = append(q.Members, queue.Member{Agent: id, Rank: rt.roll(8, 21, "rank") / 10})
	}
}

// rare are the strategies that decide seldom: others are asked before them.
var rare = []queue.Strategy{
	queue.StrategyLongestIdle, queue.StrategyLeastOccupied, queue.StrategyLeastOccupied, queue.StrategyFewestCalls, queue.StrategyRoundRobin,
	queue.StrategyMostSkilled, queue.StrategyProgressive,
}

// channels are those of what comes in, by kind of world.
var channels = [...][]call.Channel{
	{call.ChannelCall, call.ChannelCall, call.ChannelCallback, call.ChannelChat, call.ChannelChat, call.ChannelEmail, call.ChannelSocial},
	{call.ChannelCall, call.ChannelCall, call.ChannelCall, call.ChannelCall, call.ChannelCallback, call.ChannelEmail},
	{call.ChannelChat, call.ChannelChat, call.ChannelChat, call.ChannelSocial, call.ChannelEmail, call.ChannelSocial, call.ChannelCall},
	{call.ChannelCall, call.ChannelCall, call.ChannelChat, call.ChannelEmail, call.ChannelSocial},
	{call.ChannelCall},
	{call.ChannelChat, call.ChannelChat, call.ChannelChat, call.ChannelChat, call.ChannelEmail, call.ChannelCall},
}

// alternatives draws a requirement, in most cases none.
func alternatives(rt dice) (r queue.Requirement) {
	for range seldom(rt, 2, "alternatives") {
		var all []queue.Need
		for range rt.roll(1, 2, "needs") {
			all = append(all, aNeed(rt))
		}
		r = append(r, all)
	}
	return r
}

func aNeed(rt dice) queue.Need {
	return queue.Need{
		Skill: oneOf(rt, []string{"x", "y"}, "of"), Level: rt.roll(0, 3, "level"),
		Optional: (rt.roll(0, 1, "optional") == 1),
	}
}

// both applies an event to the engine and its mirror to the model.
func (m *pair) both(ev queue.Event, mirror func()) queue.Effect {
	m.n.tally.events++
	m.story = append(m.story, fmt.Sprintf("%s event %d: item %s%s offer %s agent %s, %s %s %s", m.n.now, ev.Kind, ev.Item.ID, ev.ItemID, ev.Offer,
		ev.Agent, ev.Outcome, ev.State, ev.Reason))
	m.n.step(mirror)
	return m.r.do(ev)
}

func (m *pair) compare(rt dice) {
	told := append([]string(nil), m.collect()...)
	want := append([]string(nil), m.n.said...)
	m.n.said = nil
	sort.Strings(told)
	sort.Strings(want)
	if got, want := strings.Join(told, "\n"), strings.Join(want, "\n"); got != want {
		rt.Fatalf("told:\n%s\nwant:\n%s\n%s\n%s", got, want, m.r.c.Fingerprint(), strings.Join(m.story, "\n"))
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
func (m *pair) reserved(rt dice) *nAgent {
	var with []*nAgent
	for _, a := range m.n.agents {
		if a.res != nil {
			with = append(with, a)
		}
	}
	if len(with) == 0 {
		return nil
	}
	return with[rt.roll(0, len(with)-1, "agent")]
}

func (m *pair) join(rt dice) {
	m.items++
	it := queue.Item{
		ID: queue.ItemID(fmt.Sprintf("i%03d", m.items)), Queue: oneOf(rt, []string{"support", "Payments"}, "queue"),
		Channel:         oneOf(rt, channels[m.kind], "channel"),
		CountsAsOffered: true, Priority: rt.roll(0, 3, "priority"),
		DueAt:    m.r.now.Add(time.Duration(rt.roll(0, 60, "due")) * time.Second),
		Language: oneOf(rt, []string{"", "fr", "en"}, "language"), Any: alternatives(rt),
	}
	it.Key = int64(rt.roll(5, 9, "key")-it.Priority) * time.Minute.Milliseconds()
	if m.kind > 0 {
		it.Any = nil
	}
	if m.kind == 4 {
		it.Needs = []queue.Need{{Skill: "x", Level: 1}}
	}
	if need := aNeed(rt); need.Level > 0 && m.kind == 0 {
		if s := seldom(rt, 20, "relax"); s > 0 {
			need.Relax = []queue.Step{{After: seconds(s), Level: rt.roll(0, need.Level-1, "relaxed")}}
		}
		it.Needs = []queue.Need{need}
	}
	x := &nItem{
		id: it.ID, queue: strings.ToLower(it.Queue), key: it.Key, class: 1, needs: it.Needs, any: it.Any, language: it.Language, state: "waiting",
		tries: map[account.ID]int{}, joined: m.n.now, channel: it.Channel, priority: it.Priority, due: it.DueAt.Sub(epoch),
	}
	if s := seldom(rt, 25, "prefer"); s > 0 && m.kind != 1 {
		x.prefer = oneOf(rt, m.n.agents, "preferred")
		it.Preferred, it.PreferredUntil = x.prefer.id, m.r.now.Add(seconds(s))
		x.preferUntil = m.n.now + seconds(s)
		if !x.text() {
			x.preferUntil = m.n.now + min(seconds(s), 20*time.Second)
		}
	}
	if x.deferred() {
		x.class = 2
	}
	if s := rt.roll(-9, 9, "later"); s > 0 {
		it.NotBefore = m.r.now.Add(time.Duration(s) * time.Second)
		x.notBefore, x.state = m.n.now+time.Duration(s)*time.Second, "parked"
	}
	m.both(queue.Event{Kind: queue.EventJoin, Item: it}, func() {
		m.n.items = append(m.n.items, x)
		m.n.requeue(x)
	})
}

// serveOne brings a call from wherever it stands to its end.
func (m *pair) serveOne(rt dice) {
	for _, do := range []func(dice){m.answer, m.bridge, m.sleep, m.hangup, m.final, m.set} {
		do(rt)
		m.compare(rt)
	}
}

func (m *pair) answer(rt dice) {
	a := m.reserved(rt)
	if a == nil {
		return
	}
	o, want := m.offer[a.id], false
	if got := m.both(queue.Event{Kind: queue.EventAnswered, Offer: o}, func() { want = m.n.answered(a) }).OK; got != want {
		rt.Fatalf("answered: got %v, want %v", got, want)
	}
}

func (m *pair) bridge(rt dice) {
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

func (m *pair) miss(rt dice) {
	a := m.reserved(rt)
	if a == nil {
		return
	}
	out := oneOf(rt, []call.Outcome{
		call.OutcomeMissed, call.OutcomeRejected, call.OutcomeBusy, call.OutcomeUnreachable, call.OutcomeWithdrawn,
	}, "outcome")
	m.both(queue.Event{Kind: queue.EventMissed, Offer: m.offer[a.id], Outcome: out}, func() {
		if a.res.phase == "offered" {
			m.n.missed(a, out, false)
		}
	})
}

func (m *pair) deferOffer(rt dice) {
	a := m.reserved(rt)
	if a == nil {
		return
	}
	d := time.Duration(rt.roll(0, 20, "rest")) * time.Second
	m.both(queue.Event{Kind: queue.EventDefer, Offer: m.offer[a.id], At: m.r.now.Add(d)}, func() {
		if a.res.phase == "offered" {
			it := a.res.item
			m.n.releasing(a)
			it.notBefore = m.n.now + d
			m.n.requeue(it)
		}
	})
}

func (m *pair) final(rt dice) {
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

func (m *pair) lost(rt dice) {
	a := m.reserved(rt)
	if a == nil {
		return
	}
	out := oneOf(rt, []call.Outcome{call.OutcomeRejected, call.OutcomeUnreachable, call.OutcomeNone}, "outcome")
	m.both(queue.Event{Kind: queue.EventAgentLost, Offer: m.offer[a.id], Outcome: out}, func() { m.n.lost(a, out) })
}

func (m *pair) leave(rt dice) {
	if m.items == 0 {
		return
	}
	id := queue.ItemID(fmt.Sprintf("i%03d", rt.roll(1, m.items, "item")))
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

func (m *pair) hangup(rt dice) {
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

func (m *pair) set(rt dice) {
	a := oneOf(rt, m.n.agents, "agent")
	s := oneOf(rt, []queue.AgentState{queue.AgentReady, queue.AgentReady, queue.AgentNotReady, queue.AgentOffline}, "state")
	ok := false
	got := m.both(queue.Event{Kind: queue.EventSetState, Agent: a.id, State: s}, func() { ok = m.n.set(a, string(s)) })
	if (got.Err == nil) != ok {
		rt.Fatalf("set %s: got %v, want ok %v", s, got.Err, ok)
	}
}

func (m *pair) reach(rt dice) {
	a := oneOf(rt, m.n.agents, "agent")
	devices := oneOf(rt, []int{0, 1, 1, 2}, "devices")
	silent := oneOf(rt, []int{0, 0, 1}, "silent")
	m.both(queue.Event{Kind: queue.EventReachable, Agent: a.id, Devices: devices, Silent: silent}, func() { m.n.reach(a, devices, silent) })
}

func (m *pair) sleep(rt dice) {
	d := time.Duration(rt.roll(1, 25_000, "ms")) * time.Millisecond
	end := m.n.now + d
	for m.n.tick(end) {
	}
	m.n.step(func() { m.n.now = end })
	m.r.sleep(d)
}
