package callflow

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/media"
	"pickup/queue"
)

// The model check of the offer protocol: one caller, two agents, three devices
// (two of them one agent's), and every interleaving of what they and the
// network can do, against the real machine of a call and the real core of the
// queue. A state is reached by replaying its path, so nothing needs to be
// copied and nothing in the product exists for the check.

// phase is where a device's dialog stands, seen from the wire.
type phase int

const (
	invited  phase = iota // the INVITE is at the device, or on its way
	ringing               // it sent 180
	sent200               // it answered; the 200 is on its way to us
	up                    // we have the 200 and sent the ACK
	dead                  // nothing came for 3 s; a late answer would get ACK and BYE
	finalled              // nothing is outstanding
)

// device is one dialog with a phone.
type device struct {
	leg       call.LegID
	phone     string
	agent     account.ID
	phase     phase
	cancelled bool // our CANCEL is on its way
	bye       bool // our BYE is on its way
	ready     bool // its media is up
}

// fault is a defect that is put in on purpose, to prove that the check sees it.
type fault int

const (
	faultNone         fault = iota
	faultFreeOnCancel       // the agent is freed when CANCEL is sent
	faultSecondInvite       // a device gets two INVITEs
	faultWinTwice           // a late 200 is accepted although the item has a winner
)

// world is one run of machine, core and phones.
type world struct {
	fault               fault
	m                   *machine
	core                *queue.Core
	now                 time.Time
	item                queue.ItemID
	devices             []*device
	pending             []input
	timers              map[timerKind]bool
	callerUp, callerBye bool
	noticePlayed        bool
	offers              int
	bridges             int // standing
	wins                int // standing
	closed              bool
	finished            bool
	broken              string
	legSeq              int
}

const (
	agentA    account.ID = "A"
	agentB    account.ID = "B"
	maxOffers            = 4 // two rounds of two agents
)

var phones = map[account.ID][]string{agentA: {"a1", "a2"}, agentB: {"b1"}}

func newWorld(f fault) *world { return newWorldOf(f, queue.StrategyLongestIdle) }

func newWorldOf(f fault, s queue.Strategy) *world {
	w := &world{fault: f, now: time.Unix(1_700_000_000, 0), timers: map[timerKind]bool{}, callerUp: true}
	w.core = queue.NewCore(queue.Config{MaxMissed: -1})
	members := []queue.Member{{Agent: agentA, Rank: 1}, {Agent: agentB, Rank: 1}}
	w.core.Apply(w.now, queue.Event{
		Kind:   queue.EventConfigure,
		Queues: []queue.QueueConfig{{ID: "q", Name: "support", Enabled: true, Target: 30 * time.Second, Strategy: s, Members: members}},
		Agents: []queue.AgentConfig{{ID: agentA, Login: "A"}, {ID: agentB, Login: "B"}},
	})
	for _, a := range []account.ID{agentA, agentB} {
		w.apply(queue.Event{Kind: queue.EventReachable, Agent: a, Devices: len(phones[a])})
		w.apply(queue.Event{Kind: queue.EventSetState, Agent: a, State: queue.AgentReady})
	}
	rec := call.Record{ID: "c", Direction: call.Inbound, Queue: "support", State: call.StateNew, ItemID: "i", Language: "fr"}
	w.m = &machine{cfg: Config{Notice: true}.withDefaults(), rec: rec, player: "p", playerReady: true}
	w.feed(started{})
	return w
}

// apply gives the core an event and handles what comes of it; it returns the reply.
func (w *world) apply(ev queue.Event) (reply queue.Effect) {
	for _, e := range slices.Clone(w.core.Apply(w.now, ev)) {
		switch e.Kind {
		case queue.EffectReply:
			reply = e
		case queue.EffectNotice:
			if e.Notice.Kind == queue.NoticeOffer {
				w.offers++
			}
			w.pending = append(w.pending, noticed{e.Notice})
		case queue.EffectCommit:
			if e.Decision.Kind == queue.DecisionOffer {
				w.apply(queue.Event{Kind: queue.EventCommitted, Offer: e.Decision.Offer})
			}
		case queue.EffectAlarm:
			w.fail("alarm of the queue: %s", e.Text)
		}
	}
	return reply
}

func (w *world) fail(format string, args ...any) {
	if w.broken == "" {
		w.broken = fmt.Sprintf(format, args...)
	}
}

// feed steps the machine and does its effects, until nothing is pending.
func (w *world) feed(in input) {
	w.pending = append([]input{in}, w.pending...)
	for len(w.pending) > 0 {
		next := w.pending[0]
		w.pending = w.pending[1:]
		var answers []input
		for _, e := range w.m.step(w.now, next) {
			if a := w.do(e); a != nil {
				answers = append(answers, a)
			}
		}
		w.pending = append(answers, w.pending...)
	}
}

// do does one effect as the session does it.
func (w *world) do(e effect) input {
	switch e := e.(type) {
	case joinQueue:
		r := w.apply(queue.Event{Kind: queue.EventJoin, Item: e.item})
		w.item = r.Joined.ID
		return joined{r.Joined, r.Err}
	case leaveQueue:
		return left{w.apply(queue.Event{Kind: queue.EventLeave, ItemID: w.item, Reason: e.reason}).Reason}
	case askWin:
		ok := w.apply(queue.Event{Kind: queue.EventAnswered, Offer: e.offer}).OK || w.fault == faultWinTwice
		if ok {
			w.wins++
		}
		return won{e.offer, e.leg, ok}
	case dialDevices:
		return w.dial(e.offer)
	case endLeg:
		w.end(e.leg)
	case endPlayer:
		w.callerBye = true
	case tellRinging:
		w.apply(queue.Event{Kind: queue.EventRinging, Offer: e.offer})
	case tellMissed:
		w.apply(queue.Event{Kind: queue.EventMissed, Offer: e.offer, Outcome: e.outcome})
		if w.fault == faultFreeOnCancel {
			w.apply(queue.Event{Kind: queue.EventFinal, Offer: e.offer})
		}
	case tellFinal:
		w.apply(queue.Event{Kind: queue.EventFinal, Offer: e.offer})
	case tellBridged:
		w.apply(queue.Event{Kind: queue.EventBridged, Offer: e.offer})
	case tellLost:
		w.wins--
		w.apply(queue.Event{Kind: queue.EventAgentLost, Offer: e.offer, Outcome: e.outcome})
	case tellRelease:
		w.wins--
		w.apply(queue.Event{Kind: queue.EventRelease, Offer: e.offer, Reason: e.reason})
	case bridge:
		w.bridges++
		return recorded{}
	case unbridge:
		w.bridges--
	case setTimer:
		w.timers[e.timer] = true
	case stopTimer:
		delete(w.timers, e.timer)
	case closeSession:
		w.closed = true
	case finish:
		w.finished = true
	}
	return nil
}

// dial sends an INVITE to each device of the offer's agent.
func (w *world) dial(o queue.Offer) input {
	d := dialed{offer: o.ID}
	targets := phones[o.Agent]
	if w.fault == faultSecondInvite {
		targets = append(slices.Clone(targets), targets[0])
	}
	for _, p := range targets {
		w.legSeq++
		id := call.LegID(fmt.Sprintf("l%d", w.legSeq))
		w.devices = append(w.devices, &device{leg: id, phone: p, agent: o.Agent})
		d.legs = append(d.legs, call.LegRecord{ID: id, AgentID: o.Agent, StartedAt: w.now.Add(-5 * time.Second)})
	}
	return d
}

func (w *world) end(leg call.LegID) {
	for _, d := range w.devices {
		if d.leg == leg {
			if d.phase == up {
				d.bye = true
			} else {
				d.cancelled = true
			}
		}
	}
}

// choice is one thing that can happen next.
type choice struct {
	name string
	do   func()
}

// choices lists what can happen in this state, in a fixed order.
func (w *world) choices() []choice {
	var list []choice
	add := func(name string, do func()) { list = append(list, choice{name, do}) }
	if w.callerUp {
		if w.callerBye {
			add("our BYE reaches the caller", func() { w.callerUp = false; w.callerDone(false) })
		}
		add("the caller hangs up", func() { w.callerUp = false; w.callerDone(true) })
	}
	if !w.noticePlayed && !w.finished {
		add("the notice ends", func() {
			w.noticePlayed = true
			w.feed(heard{"p", media.Event{Kind: media.EventPlayed, Token: tokenNotice}})
		})
	}
	for _, t := range []timerKind{timerRing, timerMedia, timerNotice} {
		if w.timers[t] {
			add(fmt.Sprintf("timer %d", t), func() { delete(w.timers, t); w.feed(expired{t}) })
		}
	}
	for _, d := range w.devices {
		w.deviceChoices(d, add)
	}
	return list
}

func (w *world) callerDone(hungUp bool) {
	if hungUp {
		w.feed(playerSaid{LegEvent{Leg: "p", Kind: LegHungUp}})
	}
	w.feed(playerSaid{LegEvent{Leg: "p", Kind: LegFinal}})
}

// deviceChoices lists what a phone and the network can do with its dialog.
func (w *world) deviceChoices(d *device, add func(string, func())) {
	name := func(what string) string { return d.phone + " " + what }
	switch d.phase {
	case invited, ringing:
		if d.phase == invited {
			add(name("rings"), func() { d.phase = ringing; w.say(d, LegRinging, 180) })
			if !d.cancelled {
				add(name("is dead"), func() { d.phase = dead; w.say(d, LegFailed, 408) })
			}
		}
		add(name("answers"), func() { d.phase = sent200 })
		add(name("rejects"), func() { d.phase = finalled; w.say(d, LegFailed, 603); w.say(d, LegFinal, 0) })
		if d.cancelled {
			add(name("gets CANCEL"), func() { d.phase = finalled; w.say(d, LegFailed, 487); w.say(d, LegFinal, 0) })
		}
	case sent200:
		add(name("200 arrives"), func() {
			d.phase, d.cancelled = up, false
			if w.fault == faultWinTwice { // the machine forgets that it has a winner, and so does the queue
				w.m.winner, w.m.inQueue = "", true
			}
			w.say(d, LegAnswered, 200)
		})
	case up:
		if !d.ready && !d.bye {
			add(name("has media"), func() { d.ready = true; w.feed(heard{d.leg, media.Event{Kind: media.EventReady}}) })
		}
		if d.bye {
			add(name("gets BYE"), func() { d.phase = finalled; w.say(d, LegFinal, 0) })
		}
		add(name("hangs up"), func() { d.phase = finalled; w.say(d, LegHungUp, 0); w.say(d, LegFinal, 0) })
	case dead:
		add(name("transaction ends"), func() { d.phase = finalled; w.say(d, LegFinal, 0) })
	case finalled:
	}
}

func (w *world) say(d *device, k LegEventKind, status int) {
	w.feed(agentSaid{LegEvent{Leg: d.leg, Kind: k, Status: status}})
}

// check holds the invariants.
func (w *world) check(terminal bool) {
	busy := map[string]int{}
	for _, d := range w.devices {
		if d.phase != finalled {
			if busy[d.phone]++; busy[d.phone] > 1 {
				w.fail("two INVITEs on device %s", d.phone)
			}
		}
	}
	if w.bridges > 1 || w.bridges < 0 {
		w.fail("%d bridges stand", w.bridges)
	}
	if w.wins > 1 {
		w.fail("%d legs won", w.wins)
	}
	talking := w.m.rec.State == call.StateTalking || w.m.rec.State == call.StateConnecting
	if talking != (w.m.winner != "") {
		w.fail("state %s with winner %q", w.m.rec.State, w.m.winner)
	}
	if (w.m.rec.State == call.StateTalking) != (w.bridges == 1) {
		w.fail("state %s with %d bridges", w.m.rec.State, w.bridges)
	}
	if !terminal {
		return
	}
	if !w.closed {
		w.fail("terminal, but the session is open")
	}
	fp := w.core.Fingerprint()
	for _, stuck := range []string{"res[", " reserved ", " connecting ", " talking "} {
		if strings.Contains(fp, stuck) {
			w.fail("terminal, but an agent is stuck:\n%s", fp)
		}
	}
}

// key is the state that matters, as text.
func (w *world) key() string {
	var b strings.Builder
	b.WriteString(w.core.Fingerprint())
	m := w.m
	fmt.Fprintf(&b, "|%s over=%t done=%t q=%t br=%t two=%t notice=%t fin=%t win=%t cur=%t", m.rec.State, m.playerOver, m.playerDone,
		m.inQueue, m.bridged, m.missedTwo, m.noticeDone, m.finished, m.winner != "", m.current != "")
	for _, o := range m.offers {
		fmt.Fprintf(&b, ";%s over=%t rang=%t best=%d cur=%t win=%t", o.offer.Agent, o.over, o.rang, o.best, m.current == o.offer.ID, m.winner == o.offer.ID)
		for _, id := range o.order {
			l := o.legs[id]
			fmt.Fprintf(&b, ",%t%t%t%t%t%t", l.answered, l.failed, l.ending, l.final, l.ready, m.winnerLeg == id)
		}
	}
	for _, d := range w.devices {
		if d.phase != finalled {
			fmt.Fprintf(&b, ";%s %d %t%t%t", d.phone, d.phase, d.cancelled, d.bye, d.ready)
		}
	}
	fmt.Fprintf(&b, ";%t%t%t n=%d t=%t%t%t b=%d w=%d", w.callerUp, w.callerBye, w.noticePlayed, w.offers,
		w.timers[timerRing], w.timers[timerMedia], w.timers[timerNotice], w.bridges, w.wins)
	return b.String()
}

// explored is what a search found.
type explored struct {
	states, terminal int
	violation        string // of the first broken state, with its path
}

// explore tries every interleaving, shortest paths first, up to limit states (0: all),
// and stops at the first violation.
func explore(f fault, s queue.Strategy, limit int) explored {
	var out explored
	seen := map[string]bool{}
	frontier := [][]uint8{nil}
	for len(frontier) > 0 {
		path := frontier[0]
		frontier = frontier[1:]
		w := newWorldOf(f, s)
		var names []string
		for _, i := range path {
			c := w.choices()[i]
			names = append(names, c.name)
			c.do()
		}
		k := w.key()
		if seen[k] {
			continue
		}
		seen[k] = true
		out.states++
		next := w.choices()
		if w.offers > maxOffers {
			next = nil // a third round repeats the second
		}
		w.check(len(next) == 0 && w.offers <= maxOffers)
		if w.broken != "" {
			out.violation = fmt.Sprintf("%s\nafter: %s", w.broken, strings.Join(names, "; "))
			return out
		}
		if len(next) == 0 {
			out.terminal++
		}
		if limit > 0 && out.states >= limit {
			return out
		}
		for i := range next {
			frontier = append(frontier, append(slices.Clone(path), uint8(i)))
		}
	}
	return out
}

func TestEveryInterleavingOfTheOfferProtocolIsSafe(t *testing.T) {
	for s, size := range map[queue.Strategy]int{queue.StrategyLongestIdle: ModelStates, queue.StrategyRingAll: ModelStates / 2} {
		t.Run(string(s), func(t *testing.T) {
			got := explore(faultNone, s, size)
			if got.violation != "" {
				t.Fatalf("violation: %s", got.violation)
			}
			t.Logf("%d states, %d terminal, 0 violations", got.states, got.terminal)
			if got.states < size*3/4 {
				t.Errorf("got %d states, want at least %d", got.states, size*3/4)
			}
		})
	}
}

func TestTheModelCheckFindsSeededFaults(t *testing.T) {
	faults := map[string]fault{
		"agent freed when CANCEL is sent": faultFreeOnCancel,
		"second INVITE to one device":     faultSecondInvite,
		"late 200 accepted twice":         faultWinTwice,
	}
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			got := explore(f, queue.StrategyLongestIdle, 100_000)
			if got.violation == "" {
				t.Fatalf("not found in %d states", got.states)
			}
			t.Logf("found after %d states: %s", got.states, got.violation)
		})
	}
}
