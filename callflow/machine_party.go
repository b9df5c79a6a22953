package callflow

import (
	"slices"
	"strconv"

	"pickup/account"
	"pickup/call"
	"pickup/callback"
	"pickup/media"
	"pickup/queue"
)

// partyRole is why somebody is in a call beside the player and the agent who
// has him.
type partyRole int

const (
	partyConsult partyRole = iota + 1 // the agent asks him something; the player is held
	partyTarget                       // the player was given to him and hears music; he is rung
	partyBack                         // who gave the player away is rung, because the target did not answer
	partyPickUp                       // takes a parked player
	partyGuest                        // in the conference
	partyMonitor                      // a supervisor
	partyOwn                          // the agent who calls a player himself
)

var partyNames = map[partyRole]string{
	partyConsult: "consult", partyTarget: "transfer", partyBack: "return", partyPickUp: "pick_up", partyGuest: "conference", partyMonitor: "monitor",
	partyOwn: "own",
}

// party is somebody in the call beside the player and the agent who has him.
type party struct {
	kind    partyRole
	to      Target
	id      queue.OfferID // of what engages him; no offer of the queue
	o       *offerLegs    // his devices, from onEngaged on
	leg     call.LegID    // the one that answered; "" while he is rung
	talking bool          // it has media
	near    call.LegID    // consult: the line of the agent on which he does, when it is not the player's
	role    media.Role    // of a monitor
	by      Target        // who wanted it
	seek    *seeking      // he is, or will be, whom a queue gives
	ticket  uint64        // of the operation that began it; 0: none waits
}

// partyOf finds who is rung or talks on a leg of o.
func (m *machine) partyOf(o *offerLegs) *party {
	for _, p := range m.parties {
		if p.o == o {
			return p
		}
	}
	return nil
}

// partyAs finds the party of a kind, or nil: there is at most one but for guests
// and monitors.
func (m *machine) partyAs(kinds ...partyRole) *party {
	for _, p := range m.parties {
		if slices.Contains(kinds, p.kind) {
			return p
		}
	}
	return nil
}

// target is who is rung or consulted: one at a time.
func (m *machine) target() *party {
	return m.partyAs(partyConsult, partyTarget, partyBack, partyPickUp, partyOwn)
}

// invite engages a party and rings him. The answer is onEngaged.
func (m *machine) invite(p *party) {
	m.partySeq++
	p.id = queue.OfferID("direct-" + string(m.rec.ID) + "-" + strconv.Itoa(m.partySeq))
	m.parties = append(m.parties, p)
	as := queue.AgentDialing
	if p.kind != partyMonitor {
		as = queue.AgentReserved
	}
	m.do(engage{p.id, p.to, as, p.kind == partyMonitor})
}

// onEngaged: his devices are being rung, or he cannot be had.
func (m *machine) onEngaged(e engaged) {
	i := slices.IndexFunc(m.parties, func(p *party) bool { return p.id == e.offer })
	if i < 0 {
		return
	}
	p := m.parties[i]
	ticket := p.ticket
	p.ticket = 0
	if e.err != nil {
		m.parties = slices.Delete(m.parties, i, i+1)
		m.note("not_engaged", "to", p.to.name(), "why", e.err.Error())
		m.done(ticket, e.err)
		m.unanswered(p)
		return
	}
	p.o = &offerLegs{
		offer: queue.Offer{ID: p.id, Agent: p.to.Agent, AgentLogin: p.to.name(), RingTime: m.cfg.TransferRing},
		legs:  map[call.LegID]*agentLeg{}, direct: true,
	}
	for _, leg := range e.legs {
		p.o.legs[leg.ID] = &agentLeg{record: leg}
		p.o.order = append(p.o.order, leg.ID)
	}
	m.offers = append(m.offers, p.o)
	m.note(partyNames[p.kind]+"_ringing", "to", p.to.name(), "by", p.by.Login)
	if p.kind != partyMonitor {
		m.do(setTimer{timerTarget, m.cfg.TransferRing})
	}
	switch p.kind {
	case partyConsult:
		if p.near == "" {
			m.do(tone{m.winnerLeg})
		}
	case partyTarget, partyPickUp:
		m.giveAway("Transferred")
		m.to(call.EventTransferred)
	case partyBack, partyGuest, partyMonitor, partyOwn:
	}
	m.done(ticket, nil)
	m.judge(p.o)
}

// done answers who asked for an operation.
func (m *machine) done(ticket uint64, err error) {
	if ticket != 0 {
		m.do(operated{ticket, err})
	}
}

// giveAway frees the agent who has the player: talk is over for him. The player
// hears music.
func (m *machine) giveAway(cause string) {
	o := m.offer(m.winner)
	if o == nil {
		return
	}
	m.part()
	m.do(stopTimer{timerHold})
	m.do(tellRelease{m.winner, m.agentReason()})
	if m.outbound() && !m.handed {
		m.finishCallback(callback.ResultConnected)
	}
	m.winner, m.winnerLeg, m.muted = "", "", false
	m.unmask("")
	o.over = true
	m.musicOn = true
	m.do(music{true})
	m.endOffer(o, call.Cause{Status: 200, Text: cause})
	m.judge(o)
}

// promote makes a party the agent who has the player.
func (m *machine) promote(p *party) {
	m.adoptFrom(p)
	m.drop(p)
	m.winner, m.winnerLeg = p.id, p.leg
	if p.to.Agent != "" {
		m.rec.AgentID = p.to.Agent
	}
	m.do(stopTimer{timerTarget})
	m.tryBridge()
}

// drop takes a party off the list; his legs are somebody else's matter.
func (m *machine) drop(p *party) {
	m.parties = slices.DeleteFunc(m.parties, func(x *party) bool { return x == p })
}

// dismiss hangs a party up.
func (m *machine) dismiss(p *party, cause call.Cause) {
	m.drop(p)
	m.endSeek(p)
	if p.o != nil {
		p.o.over = true
		m.endOffer(p.o, cause)
		m.judge(p.o)
	}
}

// dismissAll hangs up every party that keep does not want.
func (m *machine) dismissAll(cause call.Cause, keep func(*party) bool) {
	for _, p := range slices.Clone(m.parties) {
		if keep == nil || !keep(p) {
			m.dismiss(p, cause)
		}
	}
}

// onPartyPicked: a device of a party answered; the others ring no more.
func (m *machine) onPartyPicked(p *party, o *offerLegs, l *agentLeg) {
	l.answered, l.ending = true, false
	l.record.AnsweredAt = m.at
	if p.leg != "" || m.finished {
		m.end(l, elsewhere)
		return
	}
	p.leg = l.record.ID
	for _, id := range o.order {
		if id != p.leg {
			m.end(o.legs[id], elsewhere)
		}
	}
	if l.ready {
		m.partyTalks(p)
	}
}

// partyTalks: a party answered and has media.
func (m *machine) partyTalks(p *party) {
	if p.talking || p.leg == "" {
		return
	}
	p.talking = true
	m.note(partyNames[p.kind]+"_answered", "to", p.to.name())
	switch p.kind {
	case partyConsult:
		m.do(stopTimer{timerTarget})
		if p.seek != nil {
			m.do(tellBridged{p.id})
			m.do(legMusic{m.ear(p), false})
		}
		if p.near == "" && m.rec.State != call.StateHeld { // he went back to the player, and changes over when he likes
			m.do(tellEngaged{p.id, queue.AgentConsulting})
			m.do(legMusic{p.leg, true})
			m.do(tone{m.winnerLeg})
			return
		}
		if p.near != "" {
			m.do(tellEngaged{p.id, queue.AgentConsulting})
			m.do(joinNear{p.near, p.leg})
			return
		}
		m.aside = true
		m.do(tellEngaged{p.id, queue.AgentConsulting})
		m.arrange()
	case partyTarget, partyBack, partyPickUp:
		m.promote(p)
	case partyOwn:
		m.ownPicked(p)
	case partyMonitor, partyGuest:
		m.arrange()
	}
}

// partyFailed: none of his devices will answer, or his line is gone.
func (m *machine) partyFailed(p *party, why string) {
	if p.seek != nil && !p.talking && p.kind == partyConsult {
		m.seekLost(p, why)
		return
	}
	talked := p.talking
	m.dismiss(p, call.Cause{Text: "No answer"})
	if talked {
		m.note(partyNames[p.kind]+"_left", "to", p.to.name())
	} else {
		m.note(partyNames[p.kind]+"_failed", "to", p.to.name(), "why", why)
	}
	m.unanswered(p)
}

// unanswered does what follows when a party is not there, or no more.
func (m *machine) unanswered(p *party) {
	if m.finished {
		return
	}
	switch p.kind {
	case partyConsult:
		m.do(stopTimer{timerTarget})
		m.aside = false
		m.endNear(p)
		if m.orphan { // he and the agent were the last
			m.lastTalk()
			return
		}
		m.arrange()
		if p.near != "" {
			return
		}
		if p.o != nil {
			m.do(tone{m.winnerLeg}) // the player is still held: he retrieves him himself
		} else {
			m.retrieve("")
		}
	case partyGuest:
		if m.orphan && m.partyAs(partyGuest) == nil {
			m.lastTalk()
			return
		}
		m.arrange()
	case partyTarget:
		if m.winner != "" { // he could not be had at all: nothing has happened
			return
		}
		if p.by.Agent == "" {
			m.requeue()
			return
		}
		m.giveBackTo(p.by)
	case partyBack:
		m.requeue()
	case partyPickUp:
		if m.rec.State == call.StateTransferring {
			m.to(call.EventParked)
			m.do(setTimer{timerPark, m.cfg.ParkMax}) // it may have run out meanwhile
		}
		m.do(stopTimer{timerTarget})
	case partyMonitor:
		m.arrange()
	case partyOwn:
		m.ownRefused()
	}
}

// giveBackTo rings who gave the player away, as soon as the leg on which he did
// is over: until then he cannot be engaged.
func (m *machine) giveBackTo(who Target) {
	for _, o := range m.offers {
		if o.offer.Agent == who.Agent {
			m.backTo = who
			return
		}
	}
	m.backTo = Target{}
	m.invite(&party{kind: partyBack, to: who, by: who})
}

// endNear hangs up the second line of an agent whose consultation is over.
func (m *machine) endNear(p *party) {
	if p.near == "" {
		return
	}
	if _, l := m.legOf(p.near); l != nil {
		m.end(l, call.Cause{Status: 200, Text: "Consultation ended"})
	}
}

// onPartyHungUp: a device of a party ended its dialog.
func (m *machine) onPartyHungUp(p *party, l *agentLeg) {
	l.failed, l.ending = true, true
	if p.leg == l.record.ID {
		m.partyFailed(p, "hung up")
	}
}

// succeed gives the player to who is left when the agent who has him goes: who
// is consulted, who is being rung for a consultation, or a guest of the
// conference. It reports false when there is nobody.
func (m *machine) succeed(why string) bool {
	p := m.partyAs(partyConsult, partyGuest)
	if p == nil || m.orphan {
		return false
	}
	from := m.offer(m.winner)
	if p.kind == partyConsult && !p.talking && p.seek != nil {
		m.leaveInQueue(p, why)
		return true
	}
	m.note("transferred", "by", from.offer.AgentLogin, "to", p.to.name(), "why", why)
	if p.kind == partyConsult && !p.talking { // he goes on ringing for the player
		p.kind = partyTarget
		m.giveAway(why)
		m.to(call.EventTransferred)
		return true
	}
	m.aside = false
	m.giveAway(why)
	m.to(call.EventTransferred)
	m.promote(p)
	return true
}

// lastTalk ends a talk of people of ours whose player left.
func (m *machine) lastTalk() {
	m.dismissAll(call.Cause{Status: 200, Text: "Caller left"}, nil)
	m.release(m.rec.EndReason, call.Cause{Status: 200, Text: "Caller left"})
	m.conclude(call.EndAnswered)
}

// orphaned: the player left while the agent talks to somebody else of ours: they
// stay connected, and are told. It reports false when nobody is left to talk to.
func (m *machine) orphaned() bool {
	p := m.partyAs(partyConsult)
	for _, g := range m.parties {
		if g.kind == partyGuest && g.to.Number != "" { // of a conference no one of ours alone is left
			p = g
		}
	}
	if p == nil || !p.talking || !m.bridged || p.near != "" {
		return false
	}
	m.rec.EndReason = m.talkReason()
	m.orphan, m.aside = true, true
	m.note("player_left")
	m.endHold()
	m.dismissAll(call.Cause{Status: 200, Text: "Caller left"}, func(x *party) bool { return x.kind == p.kind })
	m.arrange()
	m.do(playAgent{m.winnerLeg, []string{promptPlayerLeft}})
	return true
}

// arrange has the legs hear each other as the state of the call wants it.
func (m *machine) arrange() {
	if !m.bridged {
		return
	}
	a := arrange{private: m.aside || m.orphan, held: m.rec.State == call.StateHeld}
	if !a.private {
		v := voice{side: media.Player, role: media.RoleTalk}
		if a.held {
			v.role = media.RoleHeld
		}
		a.voices = append(a.voices, v)
	}
	own := voice{leg: m.winnerLeg, side: media.Agent, role: media.RoleTalk}
	if m.muted {
		own.role = media.RoleMuted
	}
	a.voices = append(a.voices, own)
	for _, p := range m.parties {
		if !p.talking {
			continue
		}
		v := voice{leg: p.leg, side: media.Agent, role: media.RoleTalk}
		switch {
		case p.kind == partyMonitor:
			v.role = p.role
		case p.near != "" && p.kind == partyConsult, p.kind == partyConsult && !m.aside:
			continue // he talks on another line, or waits with music
		}
		a.voices = append(a.voices, v)
	}
	m.do(a)
}

// talk is who hears whom, for screens.
func (m *machine) talk() Talk {
	t := Talk{Muted: m.muted, Paused: m.tonePaused, Masked: m.masked, Aside: m.aside, Orphan: m.orphan}
	for _, p := range m.parties {
		v := PartyView{Kind: partyNames[p.kind], Target: p.to, Talking: p.talking}
		if p.seek != nil {
			v.Queue, v.item = p.seek.queue, p.seek.item.ID
		}
		if p.kind == partyMonitor {
			v.Listens = map[media.Role]OperationKind{media.RoleListen: OpListen, media.RoleWhisper: OpWhisper, media.RoleTalk: OpBarge}[p.role]
		}
		t.Parties = append(t.Parties, v)
	}
	return t
}

// byOf names somebody by his account.
func byOf(id account.ID, login string) Target { return Target{Agent: id, Login: login} }
