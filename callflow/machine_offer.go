package callflow

import (
	"slices"
	"strconv"
	"time"

	"pickup/call"
	"pickup/queue"
)

// elsewhere is the cause with which losing legs end, so that no phone lists a
// missed call (RFC 3326).
var elsewhere = call.Cause{Status: 200, Text: "Call completed elsewhere"}

// parkedMax is how long an agent who answered waits for the store to take the
// callback that was asked for before. A store that is later than this must not
// cost the player an agent who is there.
const parkedMax = time.Second

// onNotice: the queue offers an agent, takes an offer back, or ends the item.
func (m *machine) onNotice(n queue.Notice) {
	switch n.Kind {
	case queue.NoticeOffer:
		m.onOffer(n.Offer)
	case queue.NoticeWithdraw:
		m.withdraw(n.Offer.ID)
	case queue.NoticeEnd:
		m.onQueueEnded(n.Reason)
	}
}

// onOffer rings every device of an agent, unless the player is not there.
func (m *machine) onOffer(o queue.Offer) {
	if m.playerOver || m.finished || !m.inQueue || m.winner != "" { // or another agent who was asked answered
		m.do(tellMissed{o.ID, call.OutcomeWithdrawn, false})
		m.do(tellFinal{o.ID})
		return
	}
	if m.away { // his place is kept, but there is nobody to connect now
		m.do(tellDefer{o.ID, m.at.Add(5 * time.Second)})
		m.do(tellFinal{o.ID})
		return
	}
	if m.outbound() && !m.pressed {
		m.reserve(o)
		return
	}
	m.ring(o)
}

// ring dials the devices of the offer's agent.
func (m *machine) ring(o queue.Offer) {
	m.offers = append(m.offers, &offerLegs{
		offer: o, legs: map[call.LegID]*agentLeg{}, dialing: true, ringEnds: m.at.Add(o.RingTime),
	})
	m.rec.Why = o.Why
	if m.rec.OfferedAt.IsZero() {
		m.rec.OfferedAt = m.at
	}
	if m.rec.State != call.StateOffered { // else others ring already
		m.to(call.EventOffered)
	}
	m.note("offered", "agent", o.AgentLogin, "why", o.Why)
	if m.current == "" {
		m.current = o.ID
		m.do(setTimer{timerRing, o.RingTime})
	}
	m.do(dialDevices{o})
}

// onDialed: the INVITEs are on their way.
func (m *machine) onDialed(d dialed) {
	o := m.offer(d.offer)
	if o == nil {
		return
	}
	o.dialing = false
	for _, leg := range d.legs {
		o.legs[leg.ID] = &agentLeg{record: leg}
		o.order = append(o.order, leg.ID)
	}
	if o.over { // withdrawn meanwhile
		m.endOffer(o, elsewhere)
	}
	m.judge(o)
}

// offer finds an offer whose legs are not all final.
func (m *machine) offer(id queue.OfferID) *offerLegs {
	for _, o := range m.offers {
		if o.offer.ID == id {
			return o
		}
	}
	return nil
}

// legOf finds an agent's leg and its offer.
func (m *machine) legOf(id call.LegID) (*offerLegs, *agentLeg) {
	for _, o := range m.offers {
		if l := o.legs[id]; l != nil {
			return o, l
		}
	}
	return nil, nil
}

// onAgent: an event of the signalling of an agent's device.
func (m *machine) onAgent(e LegEvent) {
	o, l := m.legOf(e.Leg)
	if o == nil {
		return
	}
	p := m.partyOf(o)
	switch e.Kind {
	case LegRinging:
		m.onRinging(o, l)
	case LegAnswered:
		if p != nil {
			m.onPartyPicked(p, o, l)
			return
		}
		if l.near {
			return // we answered it
		}
		m.onPicked(o, l)
	case LegFailed:
		m.onDeviceFailed(o, l, e)
	case LegHungUp:
		l.record.EndedAt = m.at
		if e.Status != 0 {
			l.record.Cause = call.Cause{Status: e.Status, Text: e.Text}
		}
		if e.Status == statusVanished && m.winnerLeg == l.record.ID {
			l.failed, l.ending = true, true
			m.note("agent_line_dead", "agent", o.offer.AgentLogin, "why", e.Text)
			m.agentLost(o, call.OutcomeUnreachable)
			return
		}
		if p != nil {
			m.onPartyHungUp(p, l)
			return
		}
		if l.near && m.winnerLeg != e.Leg {
			l.failed, l.ending = true, true
			if p := m.partyAs(partyConsult); p != nil && p.near == e.Leg {
				m.nearEnded(p)
			}
			m.judge(o)
			return
		}
		m.onAgentHungUp(o, l)
	case LegDTMF:
		m.onAgentKey(e.Digit)
	case LegFinal:
		l.final = true
		l.failed = true
		if l.record.EndedAt.IsZero() {
			l.record.EndedAt = m.at
		}
		m.judge(o)
	case LegHeld, LegRetrieved, LegRefer: // the media says so too; the session takes the REFER
	case LegMicrophone, LegAway: // an agent's browser says nothing by this; its media decides
	}
}

func (m *machine) onRinging(o *offerLegs, l *agentLeg) {
	if l.record.RangAt.IsZero() {
		l.record.RangAt = m.at
	}
	if o.rang || o.over || o.direct {
		return
	}
	o.rang = true
	if m.rec.RangAt.IsZero() {
		m.rec.RangAt = m.at
	}
	m.do(tellRinging{o.offer.ID})
}

// onPicked: a device answered. The queue says whether it wins; a loser is hung
// up after its ACK (RFC 3261 13.2.2.4, RFC 3326).
func (m *machine) onPicked(o *offerLegs, l *agentLeg) {
	l.answered = true
	l.ending = false // a 200 that crossed our CANCEL is an open dialog: the queue decides (R7)
	l.record.AnsweredAt = m.at
	switch {
	case m.winner != "" || m.finished || !m.inQueue:
		m.end(l, elsewhere)
	case m.playerOver:
		m.end(l, call.Cause{Status: 487, Text: "Caller left"})
	case m.confirming: // the key was first: the callback decides
		if m.parked == nil {
			m.parked = &parkedPick{o.offer.ID, l.record.ID}
			m.do(setTimer{timerParked, parkedMax})
		} else {
			m.end(l, elsewhere)
		}
	default:
		m.do(askWin{o.offer.ID, l.record.ID})
	}
}

// onWon: the queue answered whether a leg wins the item.
func (m *machine) onWon(w won) {
	o, l := m.legOf(w.leg)
	if o == nil {
		return
	}
	if !w.ok || m.playerOver || !l.answered || l.ending || l.final {
		m.end(l, elsewhere)
		if w.ok { // won, but the leg or the player went in the same instant
			o.over = true
			m.do(tellLost{o.offer.ID, call.OutcomeUnreachable})
		}
		return
	}
	m.winner, m.winnerLeg, m.current = w.offer, w.leg, ""
	m.overtaken = m.confirming
	o.over = false
	m.rec.PickedAt = m.at
	m.rec.AgentID = o.offer.Agent
	m.rec.Why = o.offer.Why
	m.do(stopTimer{timerRing})
	for _, other := range m.offers { // every other device, of any agent
		if m.partyOf(other) != nil {
			continue
		}
		if other != o {
			other.over = true
		}
		for _, leg := range other.order {
			if leg != w.leg {
				m.end(other.legs[leg], elsewhere)
			}
		}
	}
	m.to(call.EventPicked)
	m.note("picked", "agent", o.offer.AgentLogin)
	m.do(setTimer{timerMedia, m.cfg.MediaWait})
	if !m.noticeDone {
		m.do(setTimer{timerNotice, m.cfg.NoticeMax})
	}
	m.tryBridge()
}

// onDeviceFailed: a device will not answer.
func (m *machine) onDeviceFailed(o *offerLegs, l *agentLeg, e LegEvent) {
	l.failed = true
	l.record.EndedAt = m.at
	l.record.Cause = call.Cause{Status: e.Status, Text: e.Text}
	if l.ending { // the answer to our CANCEL: neutral
		m.judge(o)
		return
	}
	out := outcomeOf(e.Status, m.at.Sub(l.record.StartedAt))
	if o.best == call.OutcomeNone || out < o.best {
		o.best = out
	}
	if out == call.OutcomeChallenged || out == call.OutcomeMedia { // an administrator is to look at it
		m.note("phone_fault", "agent", o.offer.AgentLogin, "status", strconv.Itoa(e.Status))
		m.do(blamePhone{l.record.Device, e.Status})
	}
	if out == call.OutcomeRejected { // he pressed reject on one of his devices
		m.endOffer(o, call.Cause{Text: "Rejected on another device"})
	}
	m.judge(o)
}

// outcomeOf translates a final response to what it says of the agent.
func outcomeOf(status int, after time.Duration) call.Outcome {
	switch {
	case status == 603 || status == 403:
		return call.OutcomeRejected
	case status == 486 || status == 600:
		return call.OutcomeBusy
	case status == 480 && after < 2*time.Second:
		return call.OutcomeDND
	case status == 480:
		return call.OutcomeMissed
	case status >= 300 && status < 400:
		return call.OutcomeForwarded
	case status == 488 || status == 606 || status == 415:
		return call.OutcomeMedia
	case status == 430:
		return call.OutcomeGone
	case status == 401 || status == 407:
		return call.OutcomeChallenged
	case status == 487:
		return call.OutcomeWithdrawn
	default:
		return call.OutcomeUnreachable
	}
}

// timedOut is what the devices say together when one of them rang for the whole
// ring time: the best of the legs (telephony 1.7). A phone that was busy, or told
// of do not disturb or of a forward, says more of its agent than one that rang.
func (o *offerLegs) timedOut() call.Outcome {
	if o.best != call.OutcomeNone && o.best < call.OutcomeMissed {
		return o.best
	}
	return call.OutcomeMissed
}

// judge closes an offer whose devices have all said no, and frees its agent
// when all legs are final.
func (m *machine) judge(o *offerLegs) {
	if o.dialing {
		return
	}
	id := o.offer.ID
	open, final := false, true
	for _, l := range o.legs {
		open = open || !l.failed && !l.ending
		final = final && l.final
	}
	if p := m.partyOf(o); p != nil && !o.over && !open {
		m.partyFailed(p, "all devices refused: "+o.best.String())
		return
	}
	if !o.over && !open && m.winner != id {
		best := o.best
		if best == call.OutcomeNone {
			best = call.OutcomeUnreachable
		}
		m.miss(o, best)
	}
	if o.over && final && m.offer(id) != nil {
		for _, leg := range o.order {
			m.rec.Legs = append(m.rec.Legs, o.legs[leg].record)
		}
		m.offers = slices.DeleteFunc(m.offers, func(x *offerLegs) bool { return x == o })
		m.do(tellFinal{id})
		if m.backTo.Agent != "" && m.backTo.Agent == o.offer.Agent && !m.finished {
			m.giveBackTo(m.backTo)
		}
	}
}

// miss ends an offer without a winner: the item goes back to its place.
func (m *machine) miss(o *offerLegs, outcome call.Outcome) {
	o.over = true
	m.missed = true
	m.do(tellMissed{o.offer.ID, outcome, m.pressed})
	m.note("offer_ended", "agent", o.offer.AgentLogin, "outcome", outcome.String())
	m.endOffer(o, call.Cause{Text: "No answer"})
	m.noOffer(o.offer.ID)
}

// noOffer: the offer rings no more; the call waits again, unless other agents are
// rung: the timer is that of who was asked before the others.
func (m *machine) noOffer(id queue.OfferID) {
	if m.current != id {
		return
	}
	m.current = ""
	for _, o := range m.offers {
		if m.rings(o) {
			m.current = o.offer.ID
			m.do(setTimer{timerRing, max(0, o.ringEnds.Sub(m.at))})
			return
		}
	}
	m.do(stopTimer{timerRing})
	if m.rec.State == call.StateOffered {
		m.to(call.EventOfferEnded)
	}
}

// rings reports whether an agent is being asked by an offer of the queue.
func (m *machine) rings(o *offerLegs) bool {
	return !o.over && !o.direct && m.winner != o.offer.ID && m.partyOf(o) == nil
}

// withdraw: the queue took an offer back.
func (m *machine) withdraw(id queue.OfferID) {
	o := m.offer(id)
	if o == nil || m.winner == id {
		return
	}
	if !o.over {
		o.over = true
		m.note("offer_ended", "agent", o.offer.AgentLogin, "outcome", call.OutcomeWithdrawn.String())
	}
	m.endOffer(o, elsewhere)
	m.noOffer(id)
	m.judge(o)
}

// endOffer cancels or hangs up every leg of an offer that is still open.
func (m *machine) endOffer(o *offerLegs, cause call.Cause) {
	for _, id := range o.order {
		m.end(o.legs[id], cause)
	}
}

// end finishes one leg of an agent. It may be called again: a late 200 that is
// not wanted needs its BYE.
func (m *machine) end(l *agentLeg, cause call.Cause) {
	if l.final || l.ending && !l.answered {
		return
	}
	l.ending = true
	m.do(endLeg{l.record.ID, cause})
}

// endAllOffers ends whatever rings or talks, because the player is gone.
func (m *machine) endAllOffers(cause call.Cause) {
	m.parties = nil
	for _, o := range m.offers {
		o.over = true
		m.endOffer(o, cause)
	}
	m.current, m.parked = "", nil
	m.do(stopTimer{timerRing})
	for _, o := range slices.Clone(m.offers) {
		m.judge(o)
	}
}
