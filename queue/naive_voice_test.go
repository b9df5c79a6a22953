package queue_test

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"pickup/call"
	"pickup/queue"
)

func (n *naive) offer(it *nItem, a *nAgent) {
	r := &nRes{item: it, phase: "offered", leaseEnds: n.now + 20*time.Second}
	it.state, it.res, a.res = "offered", nil, r
	n.turnOf(it, a)
	n.said = append(n.said, fmt.Sprintf("offer %s %s", it.id, a.id))
}

// requeue lets an item wait again, unless other agents are being asked for it.
func (n *naive) requeue(it *nItem) {
	if len(n.asked(it)) > 0 {
		return
	}
	it.res, it.own = nil, nil
	it.state, it.began = "waiting", true
	if it.notBefore > n.now {
		it.state = "parked"
		return
	}
	if it.deferred() && it.class == 2 && it.due <= n.now {
		n.promote(it)
	}
	if a := it.prefer; a != nil && it.preferUntil > n.now && it.tries[a.id] == 0 && a.servesFor(it) && n.can(a, it) {
		it.own = a
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
	a.chance.wrapped(n.now)
	switch {
	case a.devices+a.silent == 0 && !a.console:
		a.state, a.person = "offline", false
	case a.next != "":
		if a.next == "ready" && a.nextPerson {
			a.missed, a.rejected, a.dropped, a.delayed, a.missedChat = 0, 0, 0, 0, 0
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
		n.cutOff(a)
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
		if it.res != nil {
			return false
		}
		if r.undo != nil {
			r.undo()
		}
	default:
		return false
	}
	for _, b := range n.asked(it) {
		if b != a {
			n.said = append(n.said, fmt.Sprintf("withdraw %s", it.id))
			n.releasing(b)
			n.tally.count("loser of several")
		}
	}
	r.phase, r.won, it.state, it.res = "accepted", true, "connecting", r
	a.missed, a.rejected = 0, 0
	a.chance.answered = append(a.chance.answered, n.now)
	n.interrupt(a)
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
	for _, a := range n.asked(it) {
		n.releasing(a)
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
	if it.held != nil {
		n.drop(it.held)
	}
	it.state, it.res = "ended", nil
	return reason
}

func (n *naive) startWrap(a *nAgent) {
	a.chance.talked()
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
		n.cutOff(a)
	case call.OutcomeRejected:
		a.dropped++
		it.tries[a.id]++
		if was {
			it.bridged = it.before
		}
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
	if state == "ready" && a.devices == 0 && !a.console {
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
		a.missed, a.rejected, a.dropped, a.delayed, a.missedChat = 0, 0, 0, 0, 0
	} else {
		defer n.withdrawText(a)
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

func (n *naive) cutOff(a *nAgent) {
	a.unreachable = true
	a.back = n.now + min(30*time.Second<<min(a.fails, 8), 5*time.Minute)
	a.fails++
}

func (n *naive) reach(a *nAgent, devices, silent int) {
	was, rung := a.devices+a.silent, a.devices
	a.devices, a.silent = devices, silent
	switch all := devices + silent; {
	case all == 0 && was == 0:
	case all == 0 && a.console:
		a.unreachable = false
		if a.res != nil && !n.inCall(a) {
			a.res.undo = nil
			n.withdraw(a)
		}
	case all == 0:
		n.unplugged(a)
	default:
		if a.unreachable && devices > 0 && devices >= rung {
			a.unreachable, a.idle = false, n.now
		}
		if was > 0 && rung == 0 && devices > 0 {
			a.idle = n.now
		}
		if was == 0 {
			n.plugged(a)
		}
	}
}

func (n *naive) unplugged(a *nAgent) {
	if n.inCall(a) {
		a.next, a.nextPerson = "offline", false
		return
	}
	a.state, a.person, a.unreachable = "offline", false, false
	if a.res != nil {
		a.res.undo = nil
		n.withdraw(a)
	}
}

func (n *naive) plugged(a *nAgent) {
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
		if t := a.open(); t != nil {
			consider(t.leaseEnds, func() { n.withdrawText(a) })
		}
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
		if a.unreachable && a.back > n.now {
			consider(a.back, func() {
				if a.devices > 0 {
					a.unreachable, a.idle = false, n.now
				}
			})
		}
		if a.delayed > n.now {
			consider(a.delayed, func() {})
		}
	}
	for _, it := range n.items {
		n.timers(it, consider)
		if it.state == "parked" {
			consider(it.notBefore, func() { n.requeue(it) })
		}
		if it.state == "waiting" && it.own != nil {
			consider(it.preferUntil, func() { it.own, it.began = nil, true })
		}
		if it.state == "waiting" && it.deferred() && it.class == 2 {
			consider(it.due, func() { n.promote(it) })
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
		default:
			s = a.shown()
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
