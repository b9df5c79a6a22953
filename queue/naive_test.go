package queue_test

import (
	"fmt"
	"sort"
	"strings"
	"time"

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
	item               *nItem
	phase              string // offered, accepted, talking, wrapped, releasing
	final, won, talked bool
	undo               func()
	leaseEnds, reaped  time.Duration
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
	if a.wrapUntil == 0 && (r.talked || a.next != "") {
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
