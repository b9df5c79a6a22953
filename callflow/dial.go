package callflow

import (
	"context"
	"time"

	"pickup/call"
	"pickup/callback"
	"pickup/internal/id"
	"pickup/internal/logkey"
	"pickup/media"
	"pickup/queue"
)

// dial rings the devices of an offer's agent.
func (s *Session) dial(o queue.Offer) {
	var legs []call.LegRecord
	for _, to := range s.mgr.devices.Devices(o.Agent) {
		inv := Invitation{
			LegID: call.LegID(id.New()), CallID: s.id, To: to,
			FromUser: s.m.rec.From.User, FromDisplay: displayFor(s.m.rec), Queue: s.m.rec.Queue, Language: s.m.rec.Language,
		}
		if s.m.rec.Direction == call.Outbound {
			inv.FromUser = s.m.rec.To.User
		}
		inv.Codec = s.playerCodec()
		leg, err := s.mgr.dialers[to.Kind].Dial(context.Background(), inv)
		if err != nil {
			s.log.Warn("device not reached", logkey.Agent, string(o.Agent), "device", to.Display, logkey.Err, err)
			continue
		}
		s.legs[leg.ID()] = leg
		s.bindAgent(leg)
		legs = append(legs, call.LegRecord{
			ID: leg.ID(), Kind: "agent", AgentID: o.Agent, Device: to.Display, StartedAt: time.Now(),
		})
	}
	s.answer(dialed{o.ID, legs})
}

// playerCodec is what the player's line speaks, empty without one.
func (s *Session) playerCodec() string {
	if s.player == nil {
		return ""
	}
	return s.player.Media().Codec()
}

func (s *Session) bindAgent(l Leg) {
	leg := l.ID()
	s.view.owns(leg)
	l.Bind(func(e LegEvent) { s.send(agentSaid{e}) })
	l.Media().Bind(func(e media.Event) { s.send(heard{leg, e}) })
}

// displayFor is what an agent's phone shows: who, and for which queue.
func displayFor(r call.Record) string {
	who := r.From
	if r.Direction == call.Outbound {
		who = r.To
	}
	name := who.User
	if who.Display != "" {
		name = who.Display
	}
	if name == "" {
		name = "anonymous"
	}
	if r.Queue == "" {
		return name
	}
	return name + " (" + r.Queue + ")"
}

// dialPlayer rings a player whom we promised to call back.
func (s *Session) dialPlayer(c callback.Callback) { s.dialPlayerAt(addressOf(c), c.Queue, c.Language) }

// dialPlayerAt rings a player for a queue, whose number he is shown.
func (s *Session) dialPlayerAt(to Address, queue, language string) {
	d := s.mgr.dialers[to.Kind]
	if d == nil {
		s.answer(playerDialed{err: ErrNoRoute})
		return
	}
	q, _ := s.mgr.queue.Has(queue)
	leg, err := d.Dial(context.Background(), Invitation{
		LegID: call.LegID(id.New()), CallID: s.id, To: to, FromUser: queue, CallerID: q.CallerID, FromDisplay: queue, Queue: queue, Language: language,
	})
	if err != nil {
		s.answer(playerDialed{err: err})
		return
	}
	s.bindPlayer(leg)
	s.answer(playerDialed{leg: call.LegRecord{ID: leg.ID(), Kind: "player", StartedAt: time.Now()}})
}
