package callflow

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/id"
	"pickup/internal/logkey"
	"pickup/media"
	"pickup/queue"
)

// direct is an agent, or a number, whom a party of this call engages.
type direct struct {
	agent  account.ID // "": a number, or somebody who is no agent of the queues
	talked bool       // to the player: a wrap-up follows
}

// engage takes a party's agent and rings his devices, or dials his number.
func (s *Session) engage(e engage) {
	legs, err := s.ringParty(e)
	if err == nil && len(legs) == 0 {
		err = ErrNoRoute
	}
	if err != nil {
		s.disengage(e.offer)
		legs = nil
	}
	s.answer(engaged{e.offer, legs, err})
}

func (s *Session) ringParty(e engage) ([]call.LegRecord, error) {
	who := direct{}
	kind := "consult"
	if e.guest {
		kind = "monitor"
	}
	targets := []Address{{Kind: AddressNumber, Value: e.to.Number, Display: "trunk"}}
	if e.to.Agent == "" {
		kind = "external"
	} else {
		switch err := s.mgr.queue.Engage(context.Background(), e.to.Agent, s.id, e.as); {
		case err == nil:
			who.agent = e.to.Agent
		case e.guest && errors.Is(err, queue.ErrUnknownAgent): // a supervisor who serves no queue
		default:
			return nil, err
		}
		targets = s.mgr.devices.Devices(e.to.Agent)
	}
	s.direct[e.offer] = who
	var legs []call.LegRecord
	var last error
	for _, to := range targets {
		inv := Invitation{
			LegID: call.LegID(id.New()), CallID: s.id, To: to,
			FromUser: s.m.theirs().User, FromDisplay: displayFor(s.m.rec), Queue: s.m.rec.Queue, Language: s.m.rec.Language,
			Codec: s.playerCodec(),
		}
		if to.Kind == AddressNumber { // the trunk shows the number of the site
			q, _ := s.mgr.queue.Has(s.m.rec.Queue)
			inv.FromUser, inv.FromDisplay, inv.CallerID = s.m.rec.Queue, s.m.rec.Queue, q.CallerID
		}
		d := s.mgr.dialers[to.Kind]
		if d == nil {
			last = ErrNoRoute
			continue
		}
		leg, err := d.Dial(context.Background(), inv)
		if err != nil {
			last = err
			s.log.Warn("party not reached", logkey.Agent, string(e.to.Agent), "device", to.Display, logkey.Err, err)
			continue
		}
		s.legs[leg.ID()] = leg
		s.bindAgent(leg)
		legs = append(legs, call.LegRecord{ID: leg.ID(), Kind: kind, AgentID: e.to.Agent, Device: to.Display, StartedAt: time.Now()})
	}
	if len(legs) == 0 {
		return nil, last
	}
	return legs, nil
}

// disengage frees who was engaged under an id; he goes to wrap-up when he talked
// to the player.
func (s *Session) disengage(o queue.OfferID) {
	who, ok := s.direct[o]
	if !ok {
		return
	}
	delete(s.direct, o)
	if who.agent == "" {
		return
	}
	wrap := time.Duration(0)
	if who.talked {
		q, _ := s.mgr.queue.Has(s.m.rec.Queue)
		wrap = q.WrapUp
	}
	s.mgr.queue.Disengage(who.agent, wrap)
}

// doDirect does the effects that concern who is engaged by this call and not by
// an offer of the queue. It reports false for all others.
func (s *Session) doDirect(e effect) bool {
	switch e := e.(type) {
	case tellBridged:
		return s.showDirect(e.offer, queue.AgentTalking, true)
	case tellHeld:
		as := queue.AgentTalking
		if e.on {
			as = queue.AgentHolding
		}
		return s.showDirect(e.offer, as, false)
	case tellEngaged:
		if !s.showDirect(e.offer, e.as, e.as == queue.AgentConference) {
			s.mgr.queue.Consulting(e.offer, e.as)
		}
		return true
	case tellRelease:
		_, ok := s.direct[e.offer]
		return ok
	case tellFinal:
		_, ok := s.direct[e.offer]
		s.disengage(e.offer)
		return ok
	case engage:
		s.engage(e)
	case rejoin:
		s.rejoin(e.item)
	case dialNumber:
		s.dialPlayerAt(Address{Kind: AddressNumber, Value: e.number, Display: "trunk"}, s.m.rec.Queue, s.m.rec.Language)
	case dialledCode:
		s.dialled(e)
	case operated:
		if reply := s.replies[e.ticket]; reply != nil {
			delete(s.replies, e.ticket)
			reply(e.err)
		}
	default:
		return false
	}
	return true
}

func (s *Session) showDirect(o queue.OfferID, as queue.AgentState, talked bool) bool {
	who, ok := s.direct[o]
	if !ok {
		return false
	}
	who.talked = who.talked || talked
	s.direct[o] = who
	if who.agent != "" {
		s.mgr.queue.Engaged(who.agent, as)
	}
	return true
}

// rejoin puts the call into a queue again, under a new entry.
func (s *Session) rejoin(item queue.Item) {
	item.ID = queue.ItemID(id.New())
	entry, err := s.mgr.queue.Join(context.Background(), item)
	if err == nil {
		s.entry, s.adopted = entry, false
		item = entry.Item()
	}
	s.answer(rejoined{item, err})
}

// pair is who a bridge joins.
type pair struct {
	player, agent call.LegID // player is "" for the player, else who the agent talks to without him
}

// arrange has the legs hear each other: two by a bridge, which relays packets as
// they come, more by a conference.
func (s *Session) arrange(e arrange) {
	if two, ok := pairOf(e); ok {
		s.joinTwo(two, e.held && !e.private)
	} else {
		s.joinMany(e)
	}
	if s.player != nil {
		s.player.Media().Music(e.held || e.private)
	}
}

// pairOf says whether an arrangement is two legs that talk, or an agent who holds
// the player.
func pairOf(e arrange) (pair, bool) {
	if len(e.voices) != 2 {
		return pair{}, false
	}
	for i, v := range e.voices {
		if v.role != media.RoleTalk && !(v.role == media.RoleHeld && i == 0) {
			return pair{}, false
		}
	}
	if e.private { // the agent is the first, for he may be on another bridge as agent
		return pair{e.voices[1].leg, e.voices[0].leg}, true
	}
	return pair{e.voices[0].leg, e.voices[1].leg}, true
}

// joinTwo is a bridge of two legs.
func (s *Session) joinTwo(two pair, held bool) {
	if s.joint != nil && s.two == two {
		s.joint.Hold(held)
		return
	}
	player, agent := s.mediaOf(two.player), s.mediaOf(two.agent)
	if player == nil || agent == nil {
		return
	}
	joint, conf, left := s.joint, s.conf, s.joined()
	s.joint, s.two = s.newBridge(two), two
	s.joint.Hold(held)
	s.conf, s.members = nil, nil
	s.closeBoth(joint, conf)
	s.musicFor(left)
}

// joinMany is a conference.
func (s *Session) joinMany(e arrange) {
	left := s.joined()
	if s.conf == nil || s.confPrivate != e.private {
		joint, conf := s.joint, s.conf
		var tap media.Tap
		if s.tape != nil && !e.private {
			tap = s.tape
		}
		s.joint, s.conf, s.confPrivate = nil, media.NewConference(tap, s.keys), e.private
		s.members = map[call.LegID]*media.Member{}
		s.voice(e.voices) // before the old one lets them go: no gap
		s.closeBoth(joint, conf)
	} else {
		s.voice(e.voices)
	}
	s.musicFor(left)
}

// voice makes the conference have exactly these members.
func (s *Session) voice(voices []voice) {
	gone := maps.Clone(s.members)
	for _, v := range voices {
		delete(gone, v.leg)
		if m := s.members[v.leg]; m != nil {
			m.Set(v.role)
		} else if l := s.mediaOf(v.leg); l != nil {
			s.members[v.leg] = s.conf.Join(l, v.side, v.role)
		}
	}
	for leg, m := range gone {
		m.Leave()
		delete(s.members, leg)
	}
}

// joined is which legs hear others now.
func (s *Session) joined() []call.LegID {
	if s.conf != nil {
		return slices.Collect(maps.Keys(s.members))
	}
	if s.joint != nil {
		return []call.LegID{s.two.player, s.two.agent}
	}
	return nil
}

// musicFor gives music to those of legs who hear nobody any more: they wait.
func (s *Session) musicFor(legs []call.LegID) {
	now := s.joined()
	for _, leg := range legs {
		if l := s.mediaOf(leg); l != nil && leg != "" {
			l.Music(!slices.Contains(now, leg))
		}
	}
}

// joinNear joins an agent's second line with who is consulted on it.
func (s *Session) joinNear(e joinNear) {
	near, leg := s.mediaOf(e.near), s.mediaOf(e.leg)
	if near == nil || leg == nil {
		return
	}
	s.leaveNear()
	s.near = media.NewBridge(leg, near, nil, nil)
}

// leaveNear ends that.
func (s *Session) leaveNear() {
	if s.near != nil {
		s.near.Close()
		s.near = nil
	}
}

func (s *Session) closeBoth(joint *media.Bridge, conf *media.Conference) {
	if joint != nil {
		joint.Close()
	}
	if conf != nil {
		conf.Close()
	}
}

// keys says whose keys are passed on: the player's. Those of an agent go by the
// session, so that codes do not.
func (s *Session) keys(m *media.Member, _ rune) bool { return m.Side() == media.Player }

// mediaOf is the media of a leg; "" is the player's.
func (s *Session) mediaOf(leg call.LegID) *media.Leg {
	if leg == "" {
		if s.player == nil {
			return nil
		}
		return s.player.Media()
	}
	if l := s.legs[leg]; l != nil {
		return l.Media()
	}
	return nil
}

// newBridge joins two legs, with the recorder where one is the player's. Keys
// of an agent reach the player by the session, so that *48 does not.
func (s *Session) newBridge(two pair) *media.Bridge {
	var tap media.Tap
	if s.tape != nil && two.player == "" {
		tap = s.tape
	}
	return media.NewBridge(s.mediaOf(two.player), s.mediaOf(two.agent), tap, func(side media.Side, _ rune) bool {
		return side == media.Player
	})
}
