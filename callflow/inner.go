package callflow

import (
	"cmp"
	"context"
	"errors"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/id"
	"pickup/queue"
)

// What an agent dials from his phone who talks to nobody: a colleague, or a
// number outside. Both make him busy for the queues.

// dialFrom takes such a call. Refusals: 404 for a name that means nobody, 403 with
// the rule that forbids it, 503 when full. Who has a call is told so (486) before
// anything rings.
func (m *Manager) dialFrom(in *Inbound) *Refusal {
	forbid := func(why string) *Refusal { return m.refuse(&Refusal{Status: 403, Text: why}) }
	to, err := m.Target(in.To.User)
	switch {
	case in.Account == "":
		return forbid("Forbidden")
	case errors.Is(err, ErrNoTrunk):
		return forbid("No trunk may dial that number")
	case err != nil:
		return m.refuse(&Refusal{Status: 404, Text: "Not Found"})
	case to.Agent == in.Account:
		return forbid("That is your own number")
	case to.Agent != "":
		return m.callColleague(in, to)
	}
	q, ok := m.homeQueue(in.Account)
	if !ok {
		return forbid("You serve no queue to call for")
	}
	return m.callOutside(in, to, q)
}

// homeQueue is the queue for which an agent calls who does not say: where his rank
// is the best, the first by name of several.
func (m *Manager) homeQueue(agent account.ID) (string, bool) {
	name, best := "", 0
	for _, v := range m.queue.Queues() { // by name
		if !v.Config.Enabled {
			continue
		}
		for _, one := range v.Config.Members {
			if one.Agent == agent && (name == "" || one.Rank < best) {
				name, best = v.Config.Name, one.Rank
			}
		}
	}
	return name, name != ""
}

// callOutside dials a number for an agent who is on the line already. The call is
// of the open ticket of who has that number, or of a new one.
func (m *Manager) callOutside(in *Inbound, to Target, queueName string) *Refusal {
	rec := m.outboundRecord(OutboundCall{By: in.Account, Login: in.Login, Queue: queueName, Language: in.Language}, to)
	rec.SIPCallID = in.SIPCallID
	s := newSession(m, &machine{cfg: m.cfg, rec: rec, own: &ownCall{by: byOf(in.Account, in.Login), to: to, line: in.Leg.ID()}})
	if r := m.admit(s); r != nil {
		return m.refuse(r)
	}
	s.legs[in.Leg.ID()] = in.Leg
	s.bindAgent(in.Leg)
	m.spawn(func() { s.run(m.life) })
	return nil
}

// callColleague rings an agent for another one.
func (m *Manager) callColleague(in *Inbound, to Target) *Refusal {
	from := in.From
	from.ReachBack = "" // nobody is called back
	rec := call.Record{
		ID: call.ID(id.New()), Direction: call.Internal, SIPCallID: in.SIPCallID, From: from,
		To:       call.Party{Kind: call.PartyRegistered, URI: in.To.URI, User: to.Login},
		Language: cmp.Or(in.Language, m.cfg.Language), State: call.StateNew, ArrivedAt: in.ArrivedAt,
	}
	s := newSession(m, &machine{
		cfg: m.cfg, rec: rec, player: in.Leg.ID(), noticeDone: true, inner: &innerCall{from: byOf(in.Account, in.Login), to: to},
	})
	if r := m.admit(s); r != nil {
		return m.refuse(r)
	}
	s.bindPlayer(in.Leg)
	m.spawn(func() { s.run(m.life) })
	return nil
}

// innerCall is a call between agents. Who calls stands where else the player does:
// nothing is recorded, and no ticket is left.
type innerCall struct {
	from, to Target
	id       queue.OfferID // of what engages who calls
}

// takeLine engages an agent who is on the line: nothing is rung; answers engaged.
type takeLine struct {
	offer queue.OfferID
	to    Target
	leg   call.LegID // "": the player's
}

func (takeLine) isEffect() {}

// takeLine does it. An agent's own leg is answered at once: he hears music until
// there is somebody to talk to.
func (s *Session) takeLine(e takeLine) {
	if err := s.mgr.queue.Engage(context.Background(), e.to.Agent, s.id, queue.AgentDialing); err != nil {
		s.answer(engaged{e.offer, nil, err})
		return
	}
	s.direct[e.offer] = direct{agent: e.to.Agent}
	if e.leg == "" {
		s.answer(engaged{e.offer, nil, nil})
		return
	}
	s.legs[e.leg].Answer()
	now := time.Now()
	s.answer(engaged{e.offer, []call.LegRecord{
		{ID: e.leg, Kind: "agent", AgentID: e.to.Agent, Device: "phone", StartedAt: now, AnsweredAt: now},
	}, nil})
}

// startInner engages who calls, and then who is called.
func (m *machine) startInner() {
	m.inner.id = queue.OfferID("caller-" + string(m.rec.ID))
	m.note("calling", "agent", m.inner.from.Login, "to", m.inner.to.Login)
	m.do(takeLine{m.inner.id, m.inner.from, ""})
}

// onCaller: who calls is engaged, or has a call.
func (m *machine) onCaller(err error) {
	if err != nil {
		m.note("not_engaged", "to", m.inner.from.Login, "why", err.Error())
		m.innerOver(referStatus(err))
		return
	}
	m.invite(&party{kind: partyTarget, to: m.inner.to})
}

// innerRings: the colleague's phones ring; who calls hears music.
func (m *machine) innerRings() {
	m.do(answerPlayer{})
	m.playerUp, m.musicOn = true, true
	m.rec.MediaAt = m.at
	m.do(music{true})
}

// innerOver ends a call between agents, whoever of them is still there.
func (m *machine) innerOver(status int, text string) {
	m.hangUpPlayer(call.Cause{Status: status, Text: text})
	m.endAllOffers(call.Cause{Status: 200, Text: text})
	m.conclude(m.goneReason())
}
