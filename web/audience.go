package web

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/fanout"
	"pickup/recording"
	"pickup/store"
	"pickup/ticket/chat"
	"pickup/ticket/work"
)

// audience says which agents hear of an event, by the rules of scope.go. It is
// the same for every stream, so it is looked up once for all of them.
type audience struct {
	agents  []account.ID
	queue   string  // so do those who work in it
	contact string  // so does who is called by him
	holds   bool    // so does who holds work of that contact
	rings   call.ID // so does who has this call
}

// audiences remembers those of the newest events.
type audiences struct {
	mu    sync.Mutex
	bySeq map[uint64]*heard
}

type heard struct {
	once sync.Once
	audience
	err error
}

// keepAudiences is how many events are remembered: streams read them at about the
// same time.
const keepAudiences = 1024

// of returns the audience of an event. An error is forgotten: who asks again, asks
// the store again.
func (a *audiences) of(e fanout.Event, look func(context.Context, fanout.Event) (audience, error)) (*audience, error) {
	a.mu.Lock()
	if a.bySeq == nil || len(a.bySeq) >= keepAudiences {
		a.bySeq = map[uint64]*heard{}
	}
	h := a.bySeq[e.Seq]
	if h == nil {
		h = &heard{}
		a.bySeq[e.Seq] = h
	}
	a.mu.Unlock()
	h.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second) // that of no stream: they share it
		defer cancel()
		h.audience, h.err = look(ctx, e)
		if errors.Is(h.err, store.ErrNotFound) || errors.Is(h.err, chat.ErrNotFound) || errors.Is(h.err, work.ErrGone) {
			h.err = nil // gone: nobody's
		}
	})
	if h.err != nil {
		a.mu.Lock()
		if a.bySeq[e.Seq] == h {
			delete(a.bySeq, e.Seq)
		}
		a.mu.Unlock()
	}
	return &h.audience, h.err
}

// mayHear reports whether the one who listens may know of e.
func (s *Server) mayHear(ctx context.Context, e fanout.Event) (bool, error) {
	me := mine(ctx)
	if me == "" || e.Topic == "queue" {
		return true, nil
	}
	if owner, ok := e.Payload["agent_id"].(string); ok && account.ID(owner) == me {
		return true, nil
	}
	a, err := s.audiences.of(e, s.audienceOf)
	if err != nil {
		return false, err
	}
	switch {
	case slices.Contains(a.agents, me), a.queue != "" && s.worksIn(me, a.queue), a.rings != "" && s.hasCall(me, a.rings):
		return true, nil
	case a.contact == "":
		return false, nil
	case a.holds:
		return s.ofContact(ctx, me, a.contact, mayRead)
	}
	return s.isCalled(ctx, me, a.contact, mayRead), nil
}

// audienceOf looks up who hears of e.
func (s *Server) audienceOf(ctx context.Context, e fanout.Event) (audience, error) {
	switch e.Topic {
	case "agent":
		return audience{agents: []account.ID{account.ID(e.ObjectID)}}, nil
	case "call":
		a := audience{rings: call.ID(e.ObjectID)}
		owner, err := s.agentOfCall(ctx, call.ID(e.ObjectID))
		a.agents = []account.ID{owner}
		return a, err
	case "recording":
		row, err := s.parts.Store.Recording(ctx, recording.ID(e.ObjectID))
		return audience{agents: []account.ID{row.AgentID}}, err
	case "callback":
		c, err := s.parts.Store.Callback(ctx, e.ObjectID)
		if err != nil || c.CallID == "" {
			return audience{}, err
		}
		owner, err := s.agentOfCall(ctx, c.CallID)
		return audience{agents: []account.ID{owner}}, err
	case "work":
		name, _ := e.Payload["queue"].(string)
		return audience{queue: name}, nil
	case "chat":
		return s.audienceOfChat(ctx, e.ObjectID)
	case "ticket", "watchers":
		return s.audienceOfTicket(ctx, e.ObjectID)
	case "message":
		m, err := s.parts.Store.Message(ctx, e.ObjectID)
		if err != nil {
			return audience{}, err
		}
		return s.audienceOfTicket(ctx, m.TicketID)
	case "interaction":
		i, err := s.parts.Store.Interaction(ctx, e.ObjectID)
		if err != nil || i.TicketID == "" {
			return audience{agents: []account.ID{i.HandledBy}}, err
		}
		return s.audienceOfTicket(ctx, i.TicketID)
	case "contact":
		all, err := s.parts.Store.ContactAgents(ctx, e.ObjectID)
		return audience{agents: all, contact: e.ObjectID, holds: true}, err
	default:
		return audience{}, nil
	}
}

func (s *Server) agentOfCall(ctx context.Context, id call.ID) (account.ID, error) {
	if v, ok := s.parts.Calls.Live(id); ok {
		return v.Record.AgentID, nil
	}
	r, _, err := s.parts.Store.Call(ctx, id)
	return r.AgentID, err
}

func (s *Server) audienceOfTicket(ctx context.Context, id string) (audience, error) {
	t, err := s.parts.Store.TicketByID(ctx, id)
	if err != nil {
		return audience{}, err
	}
	a := audience{contact: t.ContactID}
	if a.agents, err = s.parts.Store.TicketAgents(ctx, id); err != nil {
		return audience{}, err
	}
	if s.parts.Board != nil {
		a.agents = append(a.agents, s.parts.Board.Holders(id)...)
	}
	return a, nil
}

func (s *Server) audienceOfChat(ctx context.Context, id string) (audience, error) {
	if s.parts.Chats == nil {
		return audience{}, nil
	}
	v, err := s.parts.Chats.View(ctx, id)
	if err != nil {
		return audience{}, err
	}
	a := audience{agents: []account.ID{v.AgentID, v.LostBy, account.ID(v.Ticket.AssigneeID)}}
	item, err := s.parts.Board.Get(ctx, work.ChatItem(id))
	if err == nil {
		a.agents = append(a.agents, item.Agent)
	}
	if errors.Is(err, work.ErrGone) {
		err = nil
	}
	return a, err
}
