package callflow

import (
	"cmp"
	"slices"
	"time"

	"pickup/call"
	"pickup/queue"
)

// A rule of overflow takes a caller out of a queue (telephony 1.3, 1.9): to another
// queue with the same call and key, to the offer of a callback, to voicemail, or
// to a last sentence. Nobody is hung up without hearing why.

// exit is a way out of a queue, and why it is taken.
type exit struct {
	reason call.EndReason
	way    queue.Way
}

// insteadWait is how long we wait for a key after the offer of something else.
const insteadWait = 6 * time.Second

// onOverflow: a rule wants a caller who waits elsewhere.
func (m *machine) onOverflow(reason call.EndReason, w queue.Way) {
	if m.finished || m.playerOver || !m.inQueue || m.bridged || m.winner != "" || m.overflow != nil {
		return
	}
	m.note("overflow", "queue", m.rec.Queue, "reason", string(reason), "to", wayName(w))
	if m.confirming || !m.noticeDone && w.Kind != queue.WayQueue { // what is being done, or said, comes first
		m.overflow = &exit{reason, w}
		return
	}
	m.take(w, reason)
}

// overflowed takes the way that waited for something else to be over.
func (m *machine) overflowed() {
	x := m.overflow
	m.overflow = nil
	if x != nil && m.inQueue && !m.finished && !m.playerOver && m.winner == "" {
		m.take(x.way, x.reason)
	}
}

// wayName is a way as it stands in the timeline.
func wayName(w queue.Way) string {
	if w.Kind == queue.WayQueue {
		return "queue " + w.Queue
	}
	return string(w.Kind)
}

// take leads the caller on. He is in a queue, or was refused at its door.
func (m *machine) take(w queue.Way, reason call.EndReason) {
	switch w.Kind {
	case queue.WayQueue:
		m.hop(w.Queue, reason)
	case queue.WayCallback:
		m.offerInstead(reason)
	case queue.WayVoicemail:
		m.leaveFor(reason)
		m.startVoicemail(cmp.Or(w.Queue, m.rec.Queue), reason)
	case queue.WayMessage, queue.WayNone:
		m.leaveFor(reason)
		m.goodbye(reason, cmp.Or(w.Prompt, promptFor(reason)))
	}
}

// hop leads to another queue: the same call, with its key. Five times, and to no
// queue twice; what goes in a circle ends at voicemail (R26).
func (m *machine) hop(to string, reason call.EndReason) {
	m.hops = append(m.hops, m.rec.Queue)
	if len(m.hops) > queue.MaxHops || slices.Contains(m.hops, to) {
		m.note("overflow_loop", "queue", to)
		m.take(queue.Way{Kind: queue.WayVoicemail}, reason)
		return
	}
	m.leaveFor(reason)
	m.do(rejoin{item: m.itemFor(to, false)})
}

// leaveFor takes the caller out of his queue, if he is in one.
func (m *machine) leaveFor(reason call.EndReason) {
	m.stopInstead()
	m.leave(reason)
	m.endAllOffers(elsewhere)
	m.do(stopTimer{timerAnnounce})
}

// onWayFound: a queue has refused him; this is where its rules lead.
func (m *machine) onWayFound(f wayFound) {
	if m.finished || m.playerOver {
		return
	}
	reason, prompt := refusedBy(f.err)
	if !f.way.Set() {
		m.goodbye(reason, prompt)
		return
	}
	m.note("overflow", "queue", m.rec.Queue, "reason", string(reason), "to", wayName(f.way))
	m.take(f.way, reason)
}

// offerInstead offers a callback, or a message, in place of what cannot be. Who
// can be called back nowhere leaves a message.
func (m *machine) offerInstead(reason call.EndReason) {
	if m.rec.From.ReachBack == "" || m.outbound() {
		m.take(queue.Way{Kind: queue.WayVoicemail}, reason)
		return
	}
	m.instead, m.insteadSaid = reason, 0
	if m.rec.State == call.StateNew {
		m.to(call.EventMenuEntered)
	}
	m.note("instead_offered", "reason", string(reason))
	m.sayInstead()
}

func (m *machine) sayInstead() {
	m.insteadSaid++
	m.do(play{tokenInstead, []string{promptFor(m.instead), promptInstead}})
	m.do(setTimer{timerInstead, 30 * time.Second}) // moved when it was heard
}

func (m *machine) stopInstead() {
	if m.instead != "" {
		m.instead = ""
		m.do(stopTimer{timerInstead})
	}
}

// onInsteadKey: 1 is a callback, 2 a message.
func (m *machine) onInsteadKey(digit rune) {
	switch digit {
	case '1':
		m.do(stopTimer{timerInstead})
		if m.inQueue && m.rec.From.Kind == call.PartyTrunk { // he says at which number, and waits meanwhile
			m.stopInstead()
			m.pressCallback()
			return
		}
		m.wantCallback()
	case '2':
		m.take(queue.Way{Kind: queue.WayVoicemail}, m.instead)
	}
}

// onInsteadSilence: no key came. It is offered once more. Then who only waits
// after hours goes on waiting, for he is never cut (R17); who may not wait any
// longer hears so.
func (m *machine) onInsteadSilence() {
	reason := m.instead
	switch {
	case reason == "" || m.confirming:
	case m.insteadSaid < 2:
		m.sayInstead()
	case m.inQueue && reason == call.EndClosed:
		m.stopInstead()
		m.note("instead_declined")
		m.say(promptPleaseWait)
	default:
		m.stopInstead()
		m.note("instead_declined")
		m.take(queue.Way{}, reason)
	}
}
