package queue_test

import (
	"fmt"
	"slices"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

// nText is one text item of an agent.
type nText struct {
	item   *nItem
	agent  *nAgent
	phase  string // open, connecting, active, aside
	byCall bool
	auto   bool

	leaseEnds time.Duration
}

var nLimits = map[call.Channel]queue.Limit{
	call.ChannelChat: {Max: 3, Weight: 33}, call.ChannelEmail: {Max: 1, Parked: 3, Weight: 34}, call.ChannelSocial: {Max: 4, Parked: 4, Weight: 25},
}

func (it *nItem) text() bool { return nLimits[it.channel].Weight > 0 }

func (it *nItem) deferred() bool { return it.text() && it.channel != call.ChannelChat }

func (a *nAgent) open() *nText {
	for _, t := range a.text {
		if t.phase == "open" {
			return t
		}
	}
	return nil
}

// load is the weight of what is active, and how many are of a channel.
func (a *nAgent) load(ch call.Channel) (weight, n int) {
	for _, t := range a.text {
		if t.phase == "active" || t.phase == "connecting" {
			weight += nLimits[t.item.channel].Weight
			if t.item.channel == ch {
				n++
			}
		}
	}
	return weight, n
}

func (a *nAgent) room(ch call.Channel) bool {
	w, n := a.load(ch)
	if t := a.open(); t != nil {
		w += nLimits[t.item.channel].Weight
		if t.item.channel == ch {
			n++
		}
	}
	return n < nLimits[ch].Max && w+nLimits[ch].Weight <= 100
}

func (a *nAgent) holdsPromoted() bool {
	return slices.ContainsFunc(a.text, func(t *nText) bool {
		return t.item.promoted && (t.phase == "active" || t.phase == "connecting")
	})
}

// idleNow: he has nothing at all to do.
func (a *nAgent) idleNow(now time.Duration) bool {
	w, _ := a.load("")
	return a.ready() && a.res == nil && a.wrapUntil == 0 && now >= a.delayed && a.open() == nil && w == 0
}

func (a *nAgent) ready() bool {
	return a.state == "ready" && (a.console || a.devices > 0 && !a.unreachable)
}

// textFree: he can be given something of a channel.
func (a *nAgent) textFree(now time.Duration, ch call.Channel) bool {
	return a.console && a.state == "ready" && a.res == nil && a.wrapUntil == 0 && now >= a.delayed && a.open() == nil && a.room(ch)
}

// mayTake reports whether an item can go to an agent now.
func (n *naive) mayTake(a *nAgent, it *nItem) bool {
	if !n.can(a, it) {
		return false
	}
	if it.own == nil && it.class != 0 && n.member(a, it).Delay > n.now-it.joined {
		return false
	}
	if !it.text() {
		return a.free(n.now) && (it.own == nil || it.own == a)
	}
	if !a.textFree(n.now, it.channel) || it.own != nil && it.own != a {
		return false
	}
	if it.own == a {
		return true // his own: no share is asked
	}
	ready, idle, holders := 0, 0, 0
	for _, x := range n.agents {
		if x.ready() {
			ready++
		}
		if x.idleNow(n.now) {
			idle++
		}
		if x.holdsPromoted() {
			holders++
		}
	}
	w, _ := a.load("")
	switch {
	case !it.deferred() || it.class == 0:
		return true
	case it.promoted:
		return a.holdsPromoted() || holders < max(1, ready*20/100)
	}
	return w > 0 || idle > min(max(1, ready*10/100), ready-1)
}

// stuck names an item that waits while an agent could have it.
func (n *naive) stuck() string {
	for _, it := range n.items {
		for _, a := range n.agents {
			if it.state == "waiting" && n.mayTake(a, it) {
				return fmt.Sprintf("%s waits, %s could have it", it.id, a.id)
			}
		}
	}
	return ""
}

// packedKey is what the choice for text goes by, least first.
func (n *naive) packedKey(it *nItem, a *nAgent) []int64 {
	w, _ := a.load("")
	_, chats := a.load(call.ChannelChat)
	if n.spread {
		return []int64{int64(it.tries[a.id]), int64(n.ranks[it.queue][a.id]), int64(w), int64(len(a.recent)), int64(a.idle)}
	}
	soft := int64(0)
	if it.channel == call.ChannelChat && chats >= 2 {
		soft = 1
	}
	return []int64{int64(it.tries[a.id]), int64(n.ranks[it.queue][a.id]), soft, int64(-w), int64(len(a.recent)), int64(a.idle)}
}

// fresh is what must change before an agent is looked at again.
func (n *naive) fresh(a *nAgent) string {
	w, _ := a.load("")
	key := fmt.Sprint(w, len(a.recent), a.idle)
	return fmt.Sprint(a.free(n.now), a.textFree(n.now, call.ChannelChat), a.textFree(n.now, call.ChannelEmail), a.textFree(n.now, call.ChannelSocial), key)
}

func (n *naive) offerText(it *nItem, a *nAgent, auto bool) {
	t := &nText{item: it, agent: a, phase: "open", auto: auto, leaseEnds: n.now + 28*time.Second}
	a.text = append(a.text, t)
	it.state, it.res, it.held = "offered", nil, t
	n.said = append(n.said, fmt.Sprintf("offer %s %s", it.id, a.id))
	n.made = append(n.made, t)
}

// takeOver is the return of the store for what needs no answer.
func (n *naive) takeOver(t *nText) {
	if t.phase != "open" || t.item.held != t {
		return
	}
	t.phase, t.item.state, t.item.bridged = "active", "active", true
	t.agent.recent = append(t.agent.recent, n.now)
}

// drop takes an item off its agent's desk.
func (n *naive) drop(t *nText) {
	a := t.agent
	counted := t.phase == "active" || t.phase == "connecting"
	a.text = slices.DeleteFunc(a.text, func(x *nText) bool { return x == t })
	if w, _ := a.load(""); counted && w == 0 {
		a.idle = n.now
	}
	if t.item.held == t {
		t.item.held = nil
	}
}

func (n *naive) answeredText(t *nText) bool {
	a := t.agent
	if t.phase != "open" {
		return true // it is his
	}
	t.phase, t.item.state = "connecting", "connecting"
	a.rejected, a.missedChat = 0, 0
	if a.console {
		a.recent = append(a.recent, n.now)
	}
	return true
}

func (n *naive) missedText(t *nText, out call.Outcome, front bool) {
	a, it := t.agent, t.item
	switch out {
	case call.OutcomeMissed:
		a.missedChat++
		a.idle = n.now
		it.tries[a.id]++
		if a.missedChat >= 2 {
			a.state, a.person = "not_ready", false
		}
	case call.OutcomeRejected:
		a.rejected++
		a.foreign = false
		a.idle = n.now
		it.tries[a.id]++
		if a.rejected >= 2 {
			a.state, a.person = "not_ready", false
		} else {
			a.delayed = n.now + 10*time.Second
		}
	case call.OutcomeBusy:
		a.foreign = false
		a.delayed = n.now + 15*time.Second
	case call.OutcomeUnreachable:
		it.tries[a.id]++
	}
	n.drop(t)
	if front {
		it.class, it.notBefore = 0, 0
	}
	n.requeue(it)
}

func (n *naive) lostText(t *nText, out call.Outcome) {
	if t.phase == "open" {
		n.missedText(t, out, true)
		return
	}
	if out == call.OutcomeRejected || out == call.OutcomeMissed {
		t.item.tries[t.agent.id]++
	}
	n.drop(t)
	t.item.class, t.item.notBefore = 0, 0
	n.requeue(t.item)
}

func (n *naive) withdrawText(a *nAgent) {
	if t := a.open(); t != nil {
		n.said = append(n.said, fmt.Sprintf("withdraw %s", t.item.id))
		n.drop(t)
		n.requeue(t.item)
	}
}

// interrupt parks what an agent has when he answers a call.
func (n *naive) interrupt(a *nAgent) {
	for _, t := range a.text {
		if t.phase == "active" && t.item.deferred() {
			n.aside(t, true)
		}
	}
	if a.console {
		a.recent = append(a.recent, n.now)
	}
}

func (n *naive) aside(t *nText, byCall bool) {
	t.phase, t.item.state, t.byCall = "aside", "aside", byCall
	if byCall {
		n.tally.count("interruption")
	}
	if w, _ := t.agent.load(""); w == 0 {
		t.agent.idle = n.now
	}
	n.said = append(n.said, fmt.Sprintf("parked %s", t.item.id))
}

func (n *naive) takeUp(t *nText) {
	t.phase, t.item.state, t.byCall = "active", "active", false
	n.said = append(n.said, fmt.Sprintf("resumed %s", t.item.id))
}

// resumeAll takes up what calls parked that are over.
func (n *naive) resumeAll() {
	for _, a := range n.agents {
		for _, t := range a.text {
			if t.byCall && a.res == nil && a.wrapUntil == 0 && a.room(t.item.channel) {
				n.takeUp(t)
			}
		}
	}
}

func (n *naive) promote(it *nItem) {
	it.promoted, it.class = true, 1
	it.key = epoch.UnixMilli() + (n.now + 2*time.Minute).Milliseconds()
}

func (n *naive) park(t *nText) bool {
	parked := 0
	for _, x := range t.agent.text {
		if x.phase == "aside" && !x.byCall && x.item.channel == t.item.channel {
			parked++
		}
	}
	switch {
	case t.phase == "open":
		return false
	case t.phase == "aside":
		return true
	case parked >= nLimits[t.item.channel].Parked:
		return false
	}
	n.aside(t, false)
	return true
}

func (n *naive) resume(t *nText) bool {
	a := t.agent
	switch {
	case t.phase == "open":
		return false
	case t.phase != "aside":
		return true
	case a.res != nil || a.wrapUntil != 0 || !a.room(t.item.channel):
		return false
	}
	n.takeUp(t)
	return true
}

func (n *naive) claim(it *nItem, a *nAgent) bool {
	if it.state != "waiting" && it.state != "parked" || !n.can(a, it) || a.res != nil || a.wrapUntil != 0 || a.open() != nil {
		return false
	}
	_, chats := a.load(call.ChannelChat)
	switch {
	case it.text() && !a.room(it.channel):
		return false
	case !it.text() && (a.devices == 0 || a.unreachable || chats > 0):
		return false
	case it.text():
		n.offerText(it, a, true)
	default:
		n.offer(it, a)
	}
	return true
}

func (n *naive) transfer(it *nItem, to queue.Destination) bool {
	var had, target *nAgent
	dest := to.Queue
	if dest == "" {
		dest = it.queue
	}
	asked := 0
	if to.Skill != "" {
		asked = max(to.Level, 1)
	}
	could := func(a *nAgent) bool {
		_, member := n.ranks[dest][a.id]
		return member && n.able(a, it, dest, asked, n.now-it.joined)
	}
	for _, a := range n.agents {
		if a.id == to.Agent {
			target = a
		}
	}
	switch {
	case it.state == "ended" || !it.text() && (it.state == "connecting" || it.state == "talking"):
		return false
	case target != nil && (!it.text() || !could(target) || it.held != nil && it.held.agent == target):
		return false
	case target == nil && asked > 0 && !slices.ContainsFunc(n.agents, could):
		return false
	case it.held != nil:
		had = it.held.agent
		n.said = append(n.said, fmt.Sprintf("withdraw %s", it.id))
		n.drop(it.held)
	}
	ringing := n.asked(it)
	for _, a := range ringing {
		n.said = append(n.said, fmt.Sprintf("withdraw %s", it.id))
		n.releasing(a)
	}
	it.tries = map[account.ID]int{}
	if had != nil {
		it.tries[had.id]++
	}
	for _, a := range ringing {
		it.tries[a.id]++
	}
	it.queue, it.asked, it.prefer = dest, asked, target
	if target != nil {
		it.notBefore = 0
		it.preferUntil = n.now + 30*time.Minute
		if it.channel == call.ChannelChat {
			it.preferUntil = n.now + time.Minute
		}
	}
	if to.Fresh {
		it.promoted, it.joined = false, n.now
		it.class, it.key = 1, n.keyNow(30*time.Second, it)
		switch {
		case it.channel == call.ChannelChat:
			it.key = n.keyNow(2*time.Minute, it)
		case it.deferred():
			it.class, it.key, it.due = 2, n.keyNow(4*time.Hour, it), n.now+4*time.Hour
		}
		if n.fifo {
			it.class, it.key = 1, epoch.UnixMilli()+n.now.Milliseconds()
		}
	}
	n.requeue(it)
	return true
}

// servesFor reports whether an item may wait for an agent alone.
func (a *nAgent) servesFor(it *nItem) bool {
	if a.state == "not_ready" {
		return false
	}
	if it.text() {
		return a.forText()
	}
	busy := a.res != nil || a.wrapUntil != 0
	if s := a.shown(); !busy && (s == "offline" || s == "unreachable") {
		return false
	}
	return !a.console || busy || a.devices > 0 && !a.unreachable
}

// shown is what screens show of an agent who has no call.
func (a *nAgent) shown() string {
	switch {
	case a.state == "ready" && a.devices+a.silent == 0 && !a.console:
		return "offline"
	case a.state == "ready" && (a.unreachable || a.devices == 0 && a.silent > 0):
		return "unreachable"
	}
	return a.state
}

// forText reports whether text may wait for an agent alone.
func (a *nAgent) forText() bool { return a.console && a.state == "ready" }

func (n *naive) keyNow(target time.Duration, it *nItem) int64 {
	return epoch.UnixMilli() + (n.now + target).Milliseconds() - int64(it.priority-1)*60_000
}

func (n *naive) setConsole(a *nAgent, open bool) {
	if a.console == open {
		return
	}
	a.console = open
	if !open {
		n.withdrawText(a)
	}
	switch {
	case a.devices+a.silent > 0:
	case open:
		n.plugged(a)
	default:
		n.unplugged(a)
	}
}
