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

// naive is the queue as a beginner would write it: lists, no heaps, every
// decision by looking at everything. It knows offers by their agent.
type naive struct {
	now    time.Duration
	agents []*nAgent
	items  []*nItem
	ranks  map[string]map[account.ID]int // queue, agent
	wrap   time.Duration
	said   []string // what was told, to be compared
}

type nAgent struct {
	id                        account.ID
	skill                     int
	state                     string // chosen: ready, not_ready, offline
	unreachable               bool
	devices                   int
	idle, delayed             time.Duration
	missed, rejected, dropped int
	person                    bool
	res                       *nRes
	wrapUntil                 time.Duration // 0: none
	next                      string
	nextPerson                bool
}

type nRes struct {
	item                    *nItem
	phase                   string // offered, accepted, talking, wrapped, releasing
	final, won, talked      bool
	undo                    func()
	leaseEnds, reaped       time.Duration
	blame                   bool
	missedBefore, rejBefore int
}

type nItem struct {
	id        queue.ItemID
	queue     string
	class     int
	key       int64
	need      int
	state     string // waiting, parked, offered, connecting, talking, ended
	notBefore time.Duration
	tries     map[account.ID]int
	res       *nRes // current
	joined    time.Duration
	bridged   bool
}

func (n *naive) agent(id account.ID) *nAgent {
	for _, a := range n.agents {
		if a.id == id {
			return a
		}
	}
	return nil
}

func (a *nAgent) free(now time.Duration) bool {
	return a.state == "ready" && !a.unreachable && a.devices > 0 && a.res == nil && a.wrapUntil == 0 && now >= a.delayed
}

func (n *naive) can(a *nAgent, it *nItem) bool {
	_, member := n.ranks[it.queue][a.id]
	return member && a.skill >= it.need
}

// step runs f and then makes the offers that became possible: first for the
// items that began to wait, then for the agents who became free.
func (n *naive) step(f func()) {
	waited, wasFree := map[*nItem]bool{}, map[*nAgent]bool{}
	for _, it := range n.items {
		waited[it] = it.state == "waiting"
	}
	for _, a := range n.agents {
		wasFree[a] = a.free(n.now)
	}
	f()
	for {
		var best *nItem
		for _, it := range n.items {
			if it.state == "waiting" && !waited[it] && (best == nil || less(it, best)) {
				best = it
			}
		}
		if best == nil {
			break
		}
		waited[best] = true
		var pick *nAgent
		for _, a := range n.agents {
			if a.free(n.now) && n.can(a, best) && (pick == nil || n.better(best, a, pick)) {
				pick = a
			}
		}
		if pick != nil {
			n.offer(best, pick)
		}
	}
	for {
		var a *nAgent
		for _, x := range n.agents {
			if x.free(n.now) && !wasFree[x] && (a == nil || x.idle < a.idle || x.idle == a.idle && x.id < a.id) {
				a = x
			}
		}
		if a == nil {
			return
		}
		wasFree[a] = true
		var pick *nItem
		for _, it := range n.items {
			if it.state != "waiting" || !n.can(a, it) {
				continue
			}
			r1 := n.ranks[it.queue][a.id]
			if pick == nil || r1 < n.ranks[pick.queue][a.id] || r1 == n.ranks[pick.queue][a.id] && less(it, pick) {
				pick = it
			}
		}
		if pick != nil {
			n.offer(pick, a)
		}
	}
}

func less(a, b *nItem) bool {
	return a.class < b.class || a.class == b.class && (a.key < b.key || a.key == b.key && a.id < b.id)
}

func (n *naive) better(it *nItem, a, b *nAgent) bool {
	ka := []int64{int64(it.tries[a.id]), int64(n.ranks[it.queue][a.id]), int64(a.idle)}
	kb := []int64{int64(it.tries[b.id]), int64(n.ranks[it.queue][b.id]), int64(b.idle)}
	for i := range ka {
		if ka[i] != kb[i] {
			return ka[i] < kb[i]
		}
	}
	return a.id < b.id
}

func (n *naive) offer(it *nItem, a *nAgent) {
	r := &nRes{item: it, phase: "offered", leaseEnds: n.now + 20*time.Second}
	it.state, it.res, a.res = "offered", r, r
	n.said = append(n.said, fmt.Sprintf("offer %s %s", it.id, a.id))
}

func (n *naive) requeue(it *nItem) {
	it.res = nil
	it.state = "waiting"
	if it.notBefore > n.now {
		it.state = "parked"
	}
}

func (n *naive) releasing(a *nAgent) {
	r := a.res
	r.phase, r.reaped = "releasing", n.now+40*time.Second
	if r.item.res == r {
		r.item.res = nil
	}
	if r.final {
		n.freeAgent(a)
	}
}

func (n *naive) freeAgent(a *nAgent) {
	r := a.res
	a.res = nil
	if r.talked && a.wrapUntil == 0 {
		n.afterTalk(a)
	}
}

func (n *naive) afterTalk(a *nAgent) {
	switch {
	case a.devices == 0:
		a.state, a.person = "offline", false
	case a.next != "":
		if a.next == "ready" && a.nextPerson {
			a.missed, a.rejected, a.dropped, a.delayed = 0, 0, 0, 0
		}
		if a.nextPerson {
			a.unreachable = false
		}
		if a.next == "ready" && a.state != "ready" {
			_ = a // the idle time of the talk's end is kept
		}
		a.state, a.person = a.next, a.nextPerson
	}
	a.next, a.nextPerson = "", false
}

// apply mirrors one event; out names the outcome.
func (n *naive) missed(a *nAgent, out call.Outcome, front bool) {
	r := a.res
	it := r.item
	st, un, dl, idle, p := a.state, a.unreachable, a.delayed, a.idle, a.person
	tried := false
	switch out {
	case call.OutcomeMissed:
		a.missed++
		a.idle, tried = n.now, true
		if a.missed >= 2 {
			a.state, a.person = "not_ready", false
		}
	case call.OutcomeRejected:
		a.rejected++
		a.idle, tried = n.now, true
		if a.rejected >= 2 {
			a.state, a.person = "not_ready", false
		} else {
			a.delayed = n.now + 10*time.Second
		}
	case call.OutcomeBusy:
		a.delayed = n.now + 15*time.Second
	case call.OutcomeUnreachable:
		a.unreachable = true
	}
	if tried {
		it.tries[a.id]++
	}
	r.undo = func() {
		a.state, a.unreachable, a.delayed, a.idle, a.person = st, un, dl, idle, p
		if tried {
			it.tries[a.id]--
		}
	}
	if front {
		it.class = 0
		it.notBefore = 0
	}
	n.releasing(a)
	n.requeue(it)
}

func (n *naive) answered(a *nAgent) bool {
	r := a.res
	it := r.item
	if it.state == "ended" || r.won {
		return false
	}
	switch r.phase {
	case "offered":
	case "releasing":
		if it.res != nil && it.res.phase != "offered" {
			return false
		}
		if it.res != nil {
			for _, b := range n.agents {
				if b.res == it.res {
					n.said = append(n.said, fmt.Sprintf("withdraw %s", it.id))
					n.releasing(b)
					break
				}
			}
		}
		if r.undo != nil {
			r.undo()
		}
	default:
		return false
	}
	r.phase, r.won, it.state, it.res = "accepted", true, "connecting", r
	a.missed, a.rejected = 0, 0
	return true
}

func (n *naive) leave(it *nItem) call.EndReason {
	reason := call.EndAbandoned
	switch {
	case it.bridged:
		reason = call.EndAnswered
	case it.state == "connecting":
		reason = call.EndAbandonedRinging
	case n.now-it.joined < 5*time.Second:
		reason = call.EndShortAbandoned
	case it.state == "offered":
		reason = call.EndAbandonedRinging
	}
	for _, a := range n.agents {
		if a.res != nil && a.res == it.res {
			if it.state == "talking" {
				a.idle, a.dropped = n.now, 0
				n.startWrap(a)
			}
			n.releasing(a)
			break
		}
	}
	it.state, it.res = "ended", nil
	return reason
}

func (n *naive) startWrap(a *nAgent) {
	if n.wrap > 0 {
		a.wrapUntil = n.now + n.wrap
	}
}

func (n *naive) lost(a *nAgent, out call.Outcome) {
	r := a.res
	it := r.item
	if r.phase == "offered" {
		n.missed(a, out, true)
		return
	}
	if r.phase != "accepted" && r.phase != "talking" {
		return
	}
	was := r.talked
	switch out {
	case call.OutcomeUnreachable:
		a.unreachable = true
	case call.OutcomeRejected:
		a.dropped++
		it.tries[a.id]++
		it.bridged = false
		r.talked = false
		a.idle = n.now
		if a.dropped >= 2 {
			a.state, a.person = "not_ready", false
		}
	default:
		if was {
			n.startWrap(a)
		}
	}
	if was && out != call.OutcomeRejected {
		a.idle = n.now
	}
	it.class, it.notBefore = 0, 0
	n.releasing(a)
	n.requeue(it)
}

func (n *naive) inCall(a *nAgent) bool {
	return a.wrapUntil != 0 || a.res != nil && (a.res.phase == "accepted" || a.res.phase == "talking" || a.res.talked)
}

func (n *naive) withdraw(a *nAgent) {
	if r := a.res; r != nil && r.phase == "offered" {
		n.said = append(n.said, fmt.Sprintf("withdraw %s", r.item.id))
		n.releasing(a)
		n.requeue(r.item)
	}
}

func (n *naive) set(a *nAgent, state string) bool {
	if state == "ready" && a.devices == 0 {
		return false
	}
	if n.inCall(a) {
		a.next, a.nextPerson = state, true
		if state == "ready" && a.wrapUntil != 0 {
			a.wrapUntil = 0
			if a.res == nil {
				n.afterTalk(a)
			}
		}
		return true
	}
	if state == "ready" {
		if a.state != "ready" || a.unreachable {
			a.idle = n.now
		}
		a.missed, a.rejected, a.dropped, a.delayed = 0, 0, 0, 0
	}
	a.unreachable = false
	a.state, a.person = state, true
	if a.res != nil {
		a.res.undo = nil
		if state != "ready" {
			n.withdraw(a)
		}
	}
	return true
}

func (n *naive) reach(a *nAgent, devices int) {
	was := a.devices
	a.devices = devices
	switch {
	case devices == 0 && was == 0:
	case devices == 0 && n.inCall(a):
		a.next, a.nextPerson = "offline", false
	case devices == 0:
		a.state, a.person, a.unreachable = "offline", false, false
		if a.res != nil {
			a.res.undo = nil
			n.withdraw(a)
		}
	default:
		if a.unreachable {
			a.unreachable, a.idle = false, n.now
		}
		if was > 0 {
			return
		}
		switch {
		case n.inCall(a):
			if a.next == "offline" && !a.nextPerson {
				a.next = "ready"
			}
		case a.person && a.state == "ready":
			a.idle = n.now
		case !a.person:
			a.state, a.idle = "ready", n.now
		}
	}
}

// tick applies the earliest things that are due until end, and reports false
// when there is none.
func (n *naive) tick(end time.Duration) bool {
	at, due := end+1, []func(){}
	consider := func(t time.Duration, f func()) {
		if t != 0 && t < at {
			at, due = t, nil
		}
		if t == at {
			due = append(due, f)
		}
	}
	for _, a := range n.agents {
		if a.res != nil && a.res.phase == "offered" {
			consider(a.res.leaseEnds, func() { n.withdraw(a) })
		}
		if a.res != nil && a.res.phase == "releasing" {
			consider(a.res.reaped, func() { n.freeAgent(a) })
		}
		if a.wrapUntil != 0 {
			consider(a.wrapUntil, func() {
				a.wrapUntil = 0
				if a.res == nil {
					n.afterTalk(a)
				}
			})
		}
		if a.delayed > n.now {
			consider(a.delayed, func() {})
		}
	}
	for _, it := range n.items {
		if it.state == "parked" {
			consider(it.notBefore, func() { n.requeue(it) })
		}
	}
	if at > end {
		return false
	}
	// The delay ends by time itself: who is free is asked before it moves.
	n.step(func() {
		n.now = max(n.now, at)
		for _, do := range due {
			do()
		}
	})
	return true
}

// state writes what a fingerprint of both can be compared by.
func (n *naive) state() string {
	var out []string
	for _, it := range n.items {
		if it.state != "ended" {
			out = append(out, fmt.Sprintf("%s %s %d", it.id, it.state, it.class))
		}
	}
	for _, a := range n.agents {
		s := a.state
		switch {
		case a.res != nil && a.res.phase == "offered":
			s = "reserved"
		case a.res != nil && a.res.phase == "accepted":
			s = "connecting"
		case a.res != nil && a.res.phase == "talking":
			s = "talking"
		case a.res != nil && !a.res.talked:
			s = "reserved"
		case a.res != nil || a.wrapUntil != 0:
			s = "wrap_up"
		case a.state == "ready" && a.devices == 0:
			s = "offline"
		case a.state == "ready" && a.unreachable:
			s = "unreachable"
		}
		out = append(out, fmt.Sprintf("%s %s", a.id, s))
	}
	sort.Strings(out)
	return strings.Join(out, "\n")
}

func (n *naive) find(id queue.ItemID) *nItem {
	for _, it := range n.items {
		if it.id == id {
			return it
		}
	}
	return nil
}

// Whatever happens, the engine does what the naive list does, every entry ends
// exactly once and no agent has two offers.
func TestCoreEqualsNaiveModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newPair(t, rt)
		actions := []func(*rapid.T){
			m.join, m.join, m.join, m.answer, m.answer, m.bridge, m.bridge, m.miss, m.miss, m.deferOffer, m.final, m.final, m.final,
			m.lost, m.leave, m.hangup, m.hangup, m.set, m.reach, m.sleep, m.sleep,
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
	seen  int
	items int
}

func newPair(t *testing.T, rt *rapid.T) *pair {
	ids := []account.ID{"a", "b", "c", "d"}
	n := &naive{ranks: map[string]map[account.ID]int{}, wrap: time.Duration(rapid.IntRange(0, 1).Draw(rt, "wrap")) * 7 * time.Second}
	var queues []queue.QueueConfig
	for _, name := range []string{"support", "payments"} {
		q := queue.QueueConfig{ID: name, Name: name, Enabled: true, WrapUp: n.wrap}
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
	m := &pair{t: t, r: r, n: n, offer: map[account.ID]queue.OfferID{}}
	for _, a := range n.agents {
		m.n.now += time.Second
		m.r.sleep(time.Second)
		m.both(queue.Event{Kind: queue.EventReachable, Agent: a.id, Devices: 1}, func() { m.n.reach(a, 1) })
	}
	return m
}

// both applies an event to the engine and its mirror to the model.
func (m *pair) both(ev queue.Event, mirror func()) queue.Effect {
	m.n.step(mirror)
	return m.r.do(ev)
}

func (m *pair) compare(rt *rapid.T) {
	var told []string
	for _, n := range m.collect() {
		told = append(told, n)
	}
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
		m.offer[o.Agent] = o.ID
	}
	m.seen = len(m.r.offers)
	for id, notes := range m.r.notes {
		for _, x := range notes {
			switch x.Kind {
			case queue.NoticeOffer:
				told = append(told, fmt.Sprintf("offer %s %s", id, x.Offer.Agent))
			case queue.NoticeWithdraw:
				told = append(told, fmt.Sprintf("withdraw %s", id))
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
		Channel: rapid.SampledFrom([]call.Channel{call.ChannelCall, call.ChannelCall, call.ChannelEmail}).Draw(rt, "channel"),
		Key:     int64(rapid.IntRange(1, 6).Draw(rt, "key")), CountsAsOffered: true,
		Needs: []queue.Need{{Skill: "x", Level: rapid.IntRange(0, 3).Draw(rt, "level")}},
	}
	x := &nItem{
		id: it.ID, queue: strings.ToLower(it.Queue), key: it.Key, class: 1, need: max(1, it.Needs[0].Level), state: "waiting",
		tries: map[account.ID]int{}, joined: m.n.now,
	}
	if it.Channel == call.ChannelEmail {
		x.class = 2
	}
	if s := rapid.IntRange(-9, 9).Draw(rt, "later"); s > 0 {
		it.NotBefore = m.r.now.Add(time.Duration(s) * time.Second)
		x.notBefore, x.state = m.n.now+time.Duration(s)*time.Second, "parked"
	}
	m.both(queue.Event{Kind: queue.EventJoin, Item: it}, func() { m.n.items = append(m.n.items, x) })
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
	m.both(queue.Event{Kind: queue.EventReachable, Agent: a.id, Devices: devices}, func() { m.n.reach(a, devices) })
}

func (m *pair) sleep(rt *rapid.T) {
	d := time.Duration(rapid.IntRange(1, 25_000).Draw(rt, "ms")) * time.Millisecond
	end := m.n.now + d
	for m.n.tick(end) {
	}
	m.n.step(func() { m.n.now = end })
	m.r.sleep(d)
}
