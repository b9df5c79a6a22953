package callflow

import (
	"cmp"
	"context"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/id"
	"pickup/queue"
)

// OutboundCall is a call that an agent makes to a player about a ticket.
type OutboundCall struct {
	By        account.ID
	Login     string // of By: his devices are rung first
	Number    string // E.164
	Queue     string // for which he calls: its number is shown, its rules hold
	TicketID  string
	ContactID string
	Language  string // of the player: "fr" or "en"
}

// Call rings the agent's devices and, when he answers, the number. It returns as
// soon as his devices ring. Errors: *Refusal (the server is full or stops),
// *queue.RefusedError (he has a call), ErrNoRoute (no device), ErrNoTrunk,
// queue.ErrUnknownAgent.
func (m *Manager) Call(ctx context.Context, o OutboundCall) (call.ID, error) {
	to, err := m.Target(o.Number)
	switch {
	case err != nil:
		return "", err
	case to.Number == "":
		return "", ErrNoTarget
	}
	rec := m.outboundRecord(o, to)
	reply := make(chan error, 1)
	s := newSession(m, &machine{cfg: m.cfg, rec: rec, own: &ownCall{by: byOf(o.By, o.Login), to: to}})
	s.ticket++
	s.m.own.ticket = s.ticket
	s.replies[s.ticket] = func(err error) { reply <- err }
	if r := m.admit(s); r != nil {
		return "", m.refuse(r)
	}
	m.spawn(func() { s.run(m.life) })
	select {
	case err := <-reply:
		if err != nil {
			return "", err
		}
		return rec.ID, nil
	case <-ctx.Done():
		return rec.ID, ctx.Err()
	}
}

// outboundRecord is the record of a call that an agent makes.
func (m *Manager) outboundRecord(o OutboundCall, to Target) call.Record {
	return call.Record{
		ID: call.ID(id.New()), Direction: call.Outbound, Queue: o.Queue, Language: cmp.Or(o.Language, m.cfg.Language), State: call.StateNew,
		From:      call.Party{Kind: call.PartyRegistered, URI: "queue:" + o.Queue, User: o.Queue},
		To:        call.Party{Kind: call.PartyTrunk, URI: "sip:" + to.Number, User: to.Number, ReachBack: to.Number},
		ContactID: o.ContactID, TicketID: o.TicketID, ArrivedAt: time.Now(), AgentID: o.By,
	}
}

// ownCall is what an agent wants who calls a player.
type ownCall struct {
	by     Target
	to     Target
	ticket uint64
	line   call.LegID // on which he is already; "": his phones are rung
}

// startOwn rings the agent who wants to call.
func (m *machine) startOwn() {
	m.note("calling", "agent", m.own.by.Login)
	p := &party{kind: partyOwn, to: m.own.by, by: m.own.by, ticket: m.own.ticket}
	if m.own.line == "" {
		m.invite(p)
		return
	}
	p.id = queue.OfferID("caller-" + string(m.rec.ID))
	m.parties = append(m.parties, p)
	m.do(takeLine{p.id, p.to, m.own.line})
}

// ownRefused: he cannot be rung: there is no call.
func (m *machine) ownRefused() {
	m.playerOver, m.playerDone = true, true
	if m.own.line != "" {
		m.do(endLeg{m.own.line, call.Cause{Status: 486, Text: "You have a call"}})
	}
	m.conclude(call.EndNotReached)
}

// ownPicked: the agent is on the line: the number is dialled. He hears music
// until it answers.
func (m *machine) ownPicked(p *party) {
	m.drop(p)
	m.winner, m.winnerLeg = p.id, p.leg
	m.rec.AgentID, m.rec.PickedAt = p.to.Agent, m.at
	m.do(stopTimer{timerTarget})
	m.do(legMusic{p.leg, true})
	m.to(call.EventDialed)
	m.note("dialing")
	m.do(dialNumber{m.own.to.Number})
	m.do(setTimer{timerPlayer, m.cfg.OutboundRing})
}

// ownAnswered: the player answered. He hears the recording notice before the two
// are joined.
func (m *machine) ownAnswered() {
	m.playerUp = true
	m.rec.MediaAt, m.rec.EnqueuedAt = m.at, time.Time{}
	m.do(stopTimer{timerPlayer})
	m.to(call.EventPicked)
	m.note("player_answered")
	if m.cfg.Notice {
		m.noticeDone = false
		m.do(play{tokenNotice, []string{promptNotice}})
		m.do(setTimer{timerNotice, m.cfg.NoticeMax})
		return
	}
	m.noticeHeard()
}

// ownFailed: the player did not answer, or hung up before the two were joined.
func (m *machine) ownFailed(why string) {
	if m.finished {
		return
	}
	m.note("player_failed", "why", why)
	if m.winner != "" {
		m.do(tone{m.winnerLeg})
		m.do(tellRelease{m.winner, call.EndNotReached})
	}
	m.winner, m.winnerLeg = "", ""
	m.endAllOffers(call.Cause{Status: 200, Text: "Not reached"})
	m.conclude(call.EndNotReached)
}
