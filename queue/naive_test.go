package queue_test

import (
	"slices"
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
	queues map[string]queue.QueueConfig
	turn   int
	said   []string // what was told, to be compared
	made   []*nText // offers of text of this step, whose commits return after it
	rings  []*nItem // calls for which more agents may be asked in this step
	tally  *tally
}

type nAgent struct {
	id                        account.ID
	skills                    map[string]int
	state                     string // chosen: ready, not_ready, offline
	unreachable               bool
	devices, silent           int
	back                      time.Duration // when unreachable ends by itself; 0: not
	fails                     int
	idle, delayed             time.Duration
	missed, rejected, dropped int
	person                    bool
	res                       *nRes
	wrapUntil                 time.Duration // 0: none
	next                      string
	nextPerson                bool
	console                   bool
	text                      []*nText // oldest first
	recent                    []time.Duration
	missedChat                int
	chance                    nChance
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
	needs     []queue.Need
	any       queue.Requirement
	language  string
	state     string // waiting, parked, offered, connecting, talking, ended
	notBefore time.Duration
	tries     map[account.ID]int
	res       *nRes // the winner's
	round     int   // tries of who was asked first
	opening   bool
	stepAt    time.Duration
	joined    time.Duration
	bridged   bool
	before    bool // bridged, before the talk that goes on
	channel   call.Channel
	priority  int
	due       time.Duration
	promoted  bool
	held      *nText
	began     bool // to wait, in this step
	asked     int  // level that a transfer asks for; 0: none

	prefer      *nAgent // whom it was transferred to, until
	preferUntil time.Duration
	own         *nAgent // for whom alone it waits
}

func (a *nAgent) free(now time.Duration) bool {
	_, chats := a.load(call.ChannelChat)
	return a.state == "ready" && !a.unreachable && a.devices > 0 && a.res == nil && a.wrapUntil == 0 && now >= a.delayed &&
		a.open() == nil && chats == 0
}

func (n *naive) can(a *nAgent, it *nItem) bool {
	_, member := n.ranks[it.queue][a.id]
	return member && n.able(a, it, it.queue, it.asked, n.now-it.joined)
}

// step runs f, makes the offers that became possible, and lets the store
// answer for those that need nothing else.
func (n *naive) step(f func()) {
	outer := n.made
	n.made = nil
	n.match(f)
	made := n.made
	n.made = outer
	for _, t := range made {
		if t.auto {
			n.step(func() { n.takeOver(t) })
		}
	}
}

// match runs f and then makes the offers that became possible: first for the
// live items that began to wait, then for the agents who became free, then for
// deferred items.
func (n *naive) match(f func()) {
	waited, before := map[*nItem]bool{}, map[*nAgent]string{}
	for _, it := range n.items {
		waited[it] = it.state == "waiting"
	}
	for _, a := range n.agents {
		before[a] = n.fresh(a)
	}
	f()
	n.resumeAll()
	for _, it := range n.items {
		if it.own != nil && it.state == "waiting" && !it.own.servesFor(it) {
			it.own, it.began = nil, true
		}
		if it.began {
			waited[it], it.began = false, false
		}
	}
	for {
		it := n.least(func(it *nItem) bool { return !it.deferred() && !waited[it] })
		if it == nil {
			break
		}
		waited[it] = true
		n.place(it)
	}
	for {
		var a *nAgent
		for _, x := range n.agents {
			if before[x] != n.fresh(x) && (a == nil || longer(x, a)) {
				a = x
			}
		}
		if a == nil {
			break
		}
		n.serve(a)
		before[a] = n.fresh(a)
	}
	n.ringMore()
	looked := map[*nItem]bool{}
	for {
		it := n.least(func(it *nItem) bool { return it.deferred() && !looked[it] })
		if it == nil {
			return
		}
		looked[it] = true
		n.place(it)
	}
}

// least returns the first waiting item of those that ok accepts.
func (n *naive) least(ok func(*nItem) bool) *nItem {
	var best *nItem
	for _, it := range n.items {
		if it.state != "waiting" || !ok(it) {
			continue
		}
		if own := it.own != nil; best == nil || own != (best.own != nil) && own || own == (best.own != nil) && less(it, best) {
			best = it
		}
	}
	return best
}

// place offers an item to the best agent who may take it.
func (n *naive) place(it *nItem) {
	var pick *nAgent
	for _, a := range n.agents {
		if n.mayTake(a, it) && (pick == nil || n.better(it, a, pick)) {
			pick = a
		}
	}
	n.tally.placed(n, it, pick)
	if pick != nil {
		n.give(it, pick)
	}
}

// serve offers an agent the best item that he may take; none that a call could
// interrupt while there is a call.
func (n *naive) serve(a *nAgent) {
	var pick *nItem
	calls := false
	for _, it := range n.items {
		calls = calls || it.state == "waiting" && !it.text() && n.mayTake(a, it)
	}
	own := n.least(func(it *nItem) bool { return it.own == a && n.mayTake(a, it) && !it.deferred() })
	if own == nil && !calls {
		own = n.least(func(it *nItem) bool { return it.own == a && n.mayTake(a, it) })
	}
	if own != nil {
		n.tally.count("preferred")
		n.give(own, a)
		return
	}
	for _, it := range n.items {
		if it.state != "waiting" || !n.mayTake(a, it) || it.own != nil || calls && it.deferred() {
			continue
		}
		r1 := n.ranks[it.queue][a.id]
		if pick == nil || r1 < n.ranks[pick.queue][a.id] || r1 == n.ranks[pick.queue][a.id] && less(it, pick) {
			pick = it
		}
	}
	if pick != nil {
		n.tally.served(n, a, pick, calls)
		n.give(pick, a)
	}
}

func (n *naive) give(it *nItem, a *nAgent) {
	if it.text() {
		n.offerText(it, a, it.deferred())
	} else {
		alone := it.own == a
		it.own = nil
		n.offer(it, a)
		if n.mostRinging(it) > 1 {
			it.round = it.tries[a.id]
			if alone {
				it.stepAt = n.now + n.ringStep(it)
				return
			}
			it.opening, n.rings = true, append(n.rings, it)
		}
	}
}

// longer reports whether a is asked before b: no text work, then longer idle.
func longer(a, b *nAgent) bool {
	w1, _ := a.load("")
	w2, _ := b.load("")
	if (w1 > 0) != (w2 > 0) {
		return w1 == 0
	}
	return a.idle < b.idle || a.idle == b.idle && a.id < b.id
}

func less(a, b *nItem) bool {
	if a.class == b.class && a.key == b.key && (a.promoted || b.promoted) {
		if a.promoted != b.promoted {
			return b.promoted
		}
		if a.due != b.due {
			return a.due < b.due
		}
	}
	return a.class < b.class || a.class == b.class && (a.key < b.key || a.key == b.key && a.id < b.id)
}

// chance is what an agent is chosen by for an item, least first; the last is his id.
func (n *naive) chance(it *nItem, a *nAgent) []int64 {
	if it.text() {
		return append(n.packedKey(it, a), int64(a.id[0]))
	}
	w, _ := a.load("")
	rank := int64(n.ranks[it.queue][a.id])
	if n.queues[it.queue].Strategy == queue.StrategyWeightedRandom {
		rank = 0
	}
	return []int64{int64(it.tries[a.id]), rank, min(int64(w), 1), n.figure(it, a), int64(a.idle), int64(a.id[0])}
}

func (n *naive) better(it *nItem, a, b *nAgent) bool {
	return slices.Compare(n.chance(it, a), n.chance(it, b)) < 0
}
