package callflow

import (
	"context"
	"time"

	"pickup/call"
	"pickup/internal/id"
	"pickup/internal/logkey"
	"pickup/queue"
)

// An agent consults a queue: an item of its own (queue.Item.Consult) waits there
// at the player's place, and takes a free agent by the queue's order. Until one
// has answered, who asks hears music and his place; he may talk to the player
// meanwhile, give up, or leave the player in that place.

// seekSoon is how long who consults a queue waits before he is told his place:
// where an agent is free he hears nothing of it.
const seekSoon = 3 * time.Second

// seeking says of a party that it is a queue that is consulted.
type seeking struct {
	queue string
	item  queue.Item
}

// sought: the answer to seek.
type sought struct {
	item queue.Item
	err  error
}

// soughtNotice: the queue said something about the item of a consultation, or of
// one that the player has got.
type soughtNotice struct {
	item queue.ItemID
	queue.Notice
}

// The effects of a consultation of a queue.
type (
	seek       struct{ item queue.Item } // answers sought
	unseek     struct{ item queue.ItemID }
	adopt      struct{ item queue.ItemID } // the player's entry from now on
	sayPlaceTo struct {
		item queue.ItemID
		leg  call.LegID
	}
)

func (sought) isInput()       {}
func (soughtNotice) isInput() {}

func (seek) isEffect()       {}
func (unseek) isEffect()     {}
func (adopt) isEffect()      {}
func (sayPlaceTo) isEffect() {}

// seekFor asks a queue for somebody to consult.
func (m *machine) seekFor(p *party) {
	item := m.itemFor(p.to.Queue, false)
	item.Consult = true
	p.seek = &seeking{queue: p.to.Queue, item: item}
	m.parties = append(m.parties, p)
	m.do(seek{item})
}

// asking is the consultation of a queue that nobody has answered, or nil.
func (m *machine) asking() *party {
	for _, p := range m.parties {
		if p.kind == partyConsult && p.seek != nil && p.o == nil {
			return p
		}
	}
	return nil
}

// soughtBy finds the party whose item it is.
func (m *machine) soughtBy(item queue.ItemID) *party {
	for _, p := range m.parties {
		if p.seek != nil && p.seek.item.ID == item {
			return p
		}
	}
	return nil
}

// ear is the leg on which the agent waits for whom he consults.
func (m *machine) ear(p *party) call.LegID {
	if p.near != "" {
		return p.near
	}
	return m.winnerLeg
}

// onSought: the consultation waits in the queue, or was refused.
func (m *machine) onSought(in sought) {
	p := m.asking()
	if p == nil || p.ticket == 0 { // given up in the same instant
		if in.err == nil {
			m.do(unseek{in.item.ID})
		}
		return
	}
	ticket := p.ticket
	p.ticket = 0
	if in.err != nil {
		m.drop(p)
		m.note("not_engaged", "to", p.to.name(), "why", in.err.Error())
		m.done(ticket, in.err)
		m.unanswered(p)
		return
	}
	p.seek.item = in.item
	m.note("consult_waiting", "queue", p.seek.queue, "by", p.by.Login)
	m.do(legMusic{m.ear(p), true})
	m.do(setTimer{timerTarget, seekSoon})
	m.done(ticket, nil)
}

// onSoughtNotice: an agent is offered to who consults, or not any more.
func (m *machine) onSoughtNotice(n soughtNotice) {
	if m.rec.ItemID == string(n.item) { // the player has its place meanwhile
		m.onNotice(n.Notice)
		return
	}
	p := m.soughtBy(n.item)
	switch n.Kind {
	case queue.NoticeOffer:
		if p == nil || p.o != nil || m.finished {
			m.do(tellMissed{n.Offer.ID, call.OutcomeWithdrawn, false})
			m.do(tellFinal{n.Offer.ID})
			return
		}
		m.seekRings(p, n.Offer)
	case queue.NoticeWithdraw:
		m.withdraw(n.Offer.ID)
		m.seekAgain(p)
	case queue.NoticeEnd:
		if p != nil && p.o == nil {
			m.seekOver(p, string(n.Reason))
		}
	case queue.NoticeParked, queue.NoticeResumed: // of text alone
	}
}

// seekRings rings the agent whom the queue chose.
func (m *machine) seekRings(p *party, o queue.Offer) {
	m.offers = append(m.offers, &offerLegs{offer: o, legs: map[call.LegID]*agentLeg{}, dialing: true, seek: p})
	m.note("consult_ringing", "to", o.AgentLogin, "by", p.by.Login, "why", o.Why)
	m.do(setTimer{timerTarget, o.RingTime})
	m.do(dialDevices{o})
}

// seekRing is the offer of a consultation that rings, or nil.
func (m *machine) seekRing(p *party) *offerLegs {
	for _, o := range m.offers {
		if o.seek == p && !o.over {
			return o
		}
	}
	return nil
}

// seekAgain: nobody is rung for a consultation; it waits in its place.
func (m *machine) seekAgain(p *party) {
	if p == nil || p.o != nil || m.seekRing(p) != nil || m.finished {
		return
	}
	m.do(setTimer{timerTarget, seekSoon})
}

// seekTimer: whoever is rung for a consultation did not answer, or who waits is
// told his place.
func (m *machine) seekTimer(p *party) {
	if o := m.seekRing(p); o != nil {
		m.miss(o, call.OutcomeMissed)
		m.judge(o)
		return
	}
	if p.near != "" || m.rec.State == call.StateHeld { // while he talks to the player he hears nothing of it
		m.do(sayPlaceTo{p.seek.item.ID, m.ear(p)})
	}
	m.do(setTimer{timerTarget, m.cfg.AnnounceEvery})
}

// seekPicked: a device of an agent answered a consultation: the queue says
// whether he is the one.
func (m *machine) seekPicked(o *offerLegs, l *agentLeg) {
	l.answered, l.ending = true, false
	l.record.AnsweredAt = m.at
	if p := o.seek; p.o != nil || m.finished || m.soughtBy(p.seek.item.ID) == nil {
		m.end(l, elsewhere)
		return
	}
	m.do(askWin{o.offer.ID, l.record.ID})
}

// seekWon: the queue answered whether he is.
func (m *machine) seekWon(o *offerLegs, l *agentLeg, w won) {
	p := o.seek
	if !w.ok || !l.answered || l.ending || l.final || p.o != nil || m.soughtBy(p.seek.item.ID) == nil {
		m.end(l, elsewhere)
		if w.ok {
			o.over = true
			m.do(tellLost{o.offer.ID, call.OutcomeUnreachable})
			m.judge(o)
		}
		return
	}
	o.over = false // missed, and rescued
	p.o, p.id, p.leg = o, o.offer.ID, l.record.ID
	p.to = Target{Agent: o.offer.Agent, Login: o.offer.AgentLogin}
	for _, other := range m.offers {
		if other.seek == p && other != o {
			other.over = true
			m.endOffer(other, elsewhere)
		}
	}
	for _, leg := range o.order {
		if leg != p.leg {
			m.end(o.legs[leg], elsewhere)
		}
	}
	m.do(setTimer{timerTarget, m.cfg.MediaWait})
	if l.ready {
		m.partyTalks(p)
	}
}

// seekLost: who answered a consultation is gone before he had media: the queue
// gives another.
func (m *machine) seekLost(p *party, why string) {
	outcome := call.OutcomeMedia
	if why == "hung up" { // his phone works, he does not want to
		outcome = call.OutcomeRejected
	}
	o := p.o
	m.note("consult_failed", "to", p.to.name(), "why", why)
	p.o, p.id, p.leg, p.to = nil, "", "", Target{Queue: p.seek.queue}
	o.over = true
	m.do(tellLost{o.offer.ID, outcome})
	m.endOffer(o, call.Cause{Status: 200, Text: "No media"})
	m.judge(o)
	m.seekAgain(p)
}

// lookAway lets who waits for a queue talk to the player meanwhile, and takes him
// back to waiting.
func (m *machine) lookAway(by string, p *party) {
	if m.rec.State == call.StateHeld {
		m.do(legMusic{m.winnerLeg, false})
		m.retrieve(by)
		return
	}
	m.hold(by)
	m.do(legMusic{m.ear(p), true})
}

// endSeek takes the item of a party out of the queue, or frees the agent who
// answered it. Nothing for all other parties.
func (m *machine) endSeek(p *party) {
	if p.seek == nil {
		return
	}
	if p.o != nil {
		m.do(tellRelease{p.id, call.EndAnswered})
		return
	}
	m.do(unseek{p.seek.item.ID})
	if p.near == "" && m.bridged {
		m.do(legMusic{m.winnerLeg, false})
	}
	for _, o := range m.offers {
		if o.seek == p && !o.over {
			o.over = true
			m.endOffer(o, call.Cause{Status: 487, Text: "Consultation ended"})
		}
	}
}

// seekOver: the queue ended a consultation by a rule: the player is still held.
func (m *machine) seekOver(p *party, why string) {
	m.note("consult_failed", "to", p.to.name(), "why", why)
	m.dismiss(p, call.Cause{Text: "Queue closed"})
	m.do(stopTimer{timerTarget})
	if p.near != "" {
		m.endNear(p)
		return
	}
	m.do(tone{m.winnerLeg}) // he retrieves the player himself
}

// adoptFrom makes the item of a party the player's entry: what the queue says of
// it concerns him from now on.
func (m *machine) adoptFrom(p *party) {
	if p.seek == nil {
		return
	}
	it := p.seek.item
	m.rec.Queue, m.rec.ItemID = it.Queue, string(it.ID)
	m.key, m.priority = it.Key, it.Priority
	for _, o := range m.offers {
		if o.seek == p {
			o.seek = nil
		}
	}
	p.seek = nil
	m.do(adopt{it.ID})
}

// leaveInQueue makes a blind transfer of a consultation that nobody answered: the
// player waits in its place, and who is rung for it is rung for him. He who
// answered and has no media yet gets him as soon as he has.
func (m *machine) leaveInQueue(p *party, why string) {
	m.do(stopTimer{timerTarget})
	m.note("transferred", "by", p.by.Login, "to", "queue "+p.seek.queue, "why", why)
	m.endNear(p)
	m.aside = false
	ring := m.seekRing(p)
	picked := p.o != nil
	m.giveAway(why)
	if picked {
		m.to(call.EventTransferred)
		m.promote(p)
		m.do(setTimer{timerMedia, m.cfg.MediaWait})
		return
	}
	m.adoptFrom(p)
	m.drop(p)
	m.inQueue = true
	m.to(call.EventRequeued)
	m.note("requeued", "queue", m.rec.Queue, "by", p.by.Login)
	m.say(promptPleaseWait)
	m.do(setTimer{timerAnnounce, m.cfg.AnnounceEvery})
	if ring != nil {
		m.current = ring.offer.ID
		m.rec.Why = ring.offer.Why
		m.to(call.EventOffered)
		m.note("offered", "agent", ring.offer.AgentLogin, "why", ring.offer.Why)
		m.do(setTimer{timerRing, ring.offer.RingTime})
	}
}

// doSeek does the effects of a consultation of a queue. It reports false for all
// others.
func (s *Session) doSeek(e effect) bool {
	switch e := e.(type) {
	case seek:
		e.item.ID = queue.ItemID(id.New())
		entry, err := s.mgr.queue.Join(context.Background(), e.item)
		if err == nil {
			e.item = entry.Item()
			s.seeks[e.item.ID] = entry
			s.mgr.spawn(func() { s.listen(entry) })
		}
		s.answer(sought{e.item, err})
	case unseek:
		s.leaveSeek(e.item)
	case adopt:
		s.entry, s.adopted = s.seeks[e.item], true
		delete(s.seeks, e.item)
		if err := s.mgr.queue.Adopt(context.Background(), e.item); err != nil { // it has just ended: its notice says so
			s.log.Info("adopt", logkey.Err, err)
		}
	case sayPlaceTo:
		if l, entry := s.mediaOf(e.leg), s.seeks[e.item]; l != nil && entry != nil && e.leg != "" {
			if ids := placePrompts(entry.Place(), false); len(ids) > 0 {
				l.Play(tokenPlace, s.mgr.cfg.Language, ids...)
			}
		}
	default:
		return false
	}
	return true
}

func (s *Session) leaveSeek(item queue.ItemID) {
	if s.seeks[item] == nil {
		return
	}
	delete(s.seeks, item)
	if _, err := s.mgr.queue.Leave(context.Background(), item, ""); err != nil {
		s.log.Debug("leave", logkey.Err, err)
	}
}

// listen passes on what the queue says of the item of a consultation, in order,
// until the item or the call has ended.
func (s *Session) listen(entry *queue.Entry) {
	for {
		select {
		case n, ok := <-entry.Notices():
			if !ok {
				return
			}
			if !s.send(soughtNotice{entry.ID(), n}) {
				s.mgr.refuseOffer(n)
			}
		case <-s.done:
			s.mgr.refuseOffers(entry)
			return
		}
	}
}
