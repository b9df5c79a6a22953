package callflow

import (
	"errors"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/logkey"
	"pickup/queue"
)

// refer makes of a REFER of an agent's phone (RFC 3515) the operation that it
// stands for: a blind transfer, or with Replaces the end of a consultation that
// he made with a second call. Only who has the player may; others get a 603.
func (s *Session) refer(e LegEvent) input {
	leg := s.legs[e.Leg]
	if leg == nil || e.Refer == nil {
		if s.player != nil && s.player.ID() == e.Leg {
			s.player.Referred(403, "Forbidden")
		}
		return nil
	}
	o, _ := s.m.legOf(e.Leg)
	if o == nil || s.m.winner != o.offer.ID {
		leg.Referred(603, "Not your call")
		return nil
	}
	op := Operation{Kind: OpTransfer, By: o.offer.Agent, ByLogin: o.offer.AgentLogin}
	if e.Refer.Replaces != nil {
		if p := s.m.partyAs(partyConsult); p == nil || e.Refer.ReplacesLeg == "" || e.Refer.ReplacesLeg != p.near {
			leg.Referred(481, "No such consultation")
			return nil
		}
		op.Kind = OpComplete
	} else {
		to, err := s.mgr.Target(e.Refer.Target)
		if err != nil {
			leg.Referred(referStatus(err))
			return nil
		}
		op.To = to
	}
	leg.Referred(100, "Trying")
	s.ticket++
	s.replies[s.ticket] = func(err error) {
		if err == nil {
			leg.Referred(200, "OK")
			return
		}
		s.log.Info("REFER refused", logkey.Err, err)
		leg.Referred(referStatus(err))
	}
	return operationAsked{op, s.ticket}
}

// referStatus is what a phone is told when a transfer cannot be made.
func referStatus(err error) (status int, text string) {
	var busy *queue.RefusedError
	var unfit *OperationError
	switch {
	case errors.Is(err, ErrNoTarget), errors.Is(err, queue.ErrUnknownQueue):
		return 404, "Not Found"
	case errors.As(err, &busy):
		return 486, "Busy Here"
	case errors.As(err, &unfit):
		return 491, "Request Pending"
	case errors.Is(err, ErrNoRoute), errors.Is(err, queue.ErrClosed):
		return 480, "Temporarily Unavailable"
	default:
		return 503, "Service Unavailable"
	}
}

// secondCall is what an agent's phone does who talks to a player and dials a
// colleague, a queue or a number on another line: a consultation, within the player's
// call. The phone joins the two with a REFER that replaces it.
type secondCall struct {
	leg Leg
	to  Target
	by  account.ID
}

func (secondCall) isInput() {}

// nearAsked: a second call of the agent came; its leg is answered.
type nearAsked struct {
	leg    call.LegRecord
	to     Target
	ticket uint64
}

func (nearAsked) isInput() {}

// takeSecond binds the leg of a second call and answers it.
func (s *Session) takeSecond(in secondCall) input {
	s.legs[in.leg.ID()] = in.leg
	s.bindAgent(in.leg)
	in.leg.Answer()
	s.ticket++
	s.replies[s.ticket] = func(err error) {
		if err != nil {
			s.log.Info("consultation refused", logkey.Err, err)
			status, text := referStatus(err)
			in.leg.End(call.Cause{Status: status, Text: text})
		}
	}
	return nearAsked{
		call.LegRecord{ID: in.leg.ID(), Kind: "consult", AgentID: in.by, Device: "second call", StartedAt: time.Now(), AnsweredAt: time.Now()}, in.to, s.ticket,
	}
}

// consultFrom gives the second call of an agent who talks to a player to that
// call. It reports false when he has none, or the name means nobody.
func (m *Manager) consultFrom(in *Inbound) bool {
	if in.Account == "" {
		return false
	}
	to, err := m.Target(in.To.User)
	if err != nil {
		return false
	}
	for _, s := range m.all() {
		if v := s.View(); v.AgentLogin == in.Login && v.Record.AgentID == in.Account && v.Record.State != call.StateEnded {
			return s.send(secondCall{in.Leg, to, in.Account})
		}
	}
	return false
}

// otherDevice is an agent who takes his talk to another of his phones: the leg
// of an INVITE that replaces the one he has (RFC 3891).
type otherDevice struct {
	leg      Leg
	replaces call.LegID
	by       account.ID
}

func (otherDevice) isInput() {}

// moved: an agent's talk goes on on another leg of his, which is answered.
type moved struct {
	from call.LegID
	leg  call.LegRecord
}

func (moved) isInput() {}

// replace gives an INVITE with Replaces to the call whose leg it replaces. It
// reports false when no talk of that agent has it.
func (m *Manager) replace(in *Inbound) bool {
	for _, s := range m.all() {
		if v := s.View(); in.Account != "" && v.AgentLogin == in.Login && v.Record.AgentID == in.Account {
			return s.send(otherDevice{in.Leg, in.Replaces, in.Account})
		}
	}
	return false
}

// moveTo answers the leg that replaces another.
func (s *Session) moveTo(in otherDevice) input {
	if s.m.winnerLeg != in.replaces {
		in.leg.End(call.Cause{Status: 481, Text: "No such call"})
		return nil
	}
	s.legs[in.leg.ID()] = in.leg
	s.bindAgent(in.leg)
	in.leg.Answer()
	return moved{in.replaces, call.LegRecord{
		ID: in.leg.ID(), Kind: "agent", AgentID: in.by, Device: "replaces", StartedAt: time.Now(), AnsweredAt: time.Now(),
	}}
}

// onMoved: the talk goes on on the agent's other device.
func (m *machine) onMoved(in moved) {
	o := m.offer(m.winner)
	if o == nil || m.winnerLeg != in.from || !m.bridged {
		return
	}
	old := o.legs[in.from]
	o.legs[in.leg.ID] = &agentLeg{record: in.leg, answered: true, ready: true, near: true}
	o.order = append(o.order, in.leg.ID)
	m.winnerLeg = in.leg.ID
	m.note("moved", "agent", o.offer.AgentLogin)
	m.arrange()
	m.end(old, call.Cause{Status: 200, Text: "Replaced"})
}

// onNear: the agent consults on a line of its own. The player's line is held by
// the phone itself.
func (m *machine) onNear(in nearAsked) {
	o := m.offer(m.winner)
	switch {
	case m.finished || o == nil || !m.bridged || m.orphan:
		m.done(in.ticket, ErrEnded)
		return
	case m.target() != nil:
		m.done(in.ticket, &OperationError{Kind: OpConsult, State: m.rec.State, Why: "somebody is being rung or consulted"})
		return
	}
	o.legs[in.leg.ID] = &agentLeg{record: in.leg, answered: true, near: true}
	o.order = append(o.order, in.leg.ID)
	p := &party{kind: partyConsult, to: in.to, by: byOf(o.offer.Agent, o.offer.AgentLogin), near: in.leg.ID, ticket: in.ticket}
	if in.to.Queue != "" {
		m.seekFor(p)
		return
	}
	m.invite(p)
}

// nearEnded: the agent hung the second call up: the consultation is over.
func (m *machine) nearEnded(p *party) {
	m.note("consult_cancelled", "to", p.to.name())
	m.do(stopTimer{timerTarget})
	m.dismiss(p, call.Cause{Status: 200, Text: "Consultation ended"})
}
