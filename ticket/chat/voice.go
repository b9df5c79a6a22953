package chat

import (
	"context"
	"errors"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/logkey"
	"pickup/ticket/work"
)

// Voice is what a call that goes on with a conversation needs to know.
type Voice struct {
	Queue     string
	Language  string
	TicketID  string
	ContactID string
	VisitorID string
	Agent     account.ID // who answered in writing; "": nobody
}

// ForCall tells what a call that goes on with a conversation needs. It changes
// nothing. Errors: ErrNotFound, those of the store.
func (r *Rooms) ForCall(ctx context.Context, id string) (Voice, error) {
	v, err := r.View(ctx, id)
	if err != nil {
		return Voice{}, err
	}
	i := v.Interaction
	return Voice{
		Queue: i.Queue, Language: i.Language, TicketID: i.TicketID, ContactID: i.ContactID, VisitorID: v.VisitorID, Agent: v.AgentID,
	}, nil
}

// GoneToCall says that the visitor calls. Who waited in writing waits there no
// more: his conversation ends. One that is answered stays open beside the call:
// it leaves its agent's load, so that he can take the call, no silence in it
// counts, and CallOver brings it back to him.
func (r *Rooms) GoneToCall(id string, on call.ID) {
	r.toCall(id, on, func(m *room) { m.goneToCall(on) })
}

// Beside says that a conversation began beside a call: no silence in it counts
// until CallOver.
func (r *Rooms) Beside(id string, on call.ID) {
	r.toCall(id, on, func(m *room) {
		if !m.ending {
			m.voice = on
			m.change("call")
		}
	})
}

// toCall tells the room of a conversation of its call.
func (r *Rooms) toCall(id string, on call.ID, act func(*room)) {
	r.mu.Lock()
	m := r.rooms[id]
	if m != nil {
		r.calls[on] = id
	}
	r.mu.Unlock()
	if m != nil {
		m.box.Put(func() { act(m) })
	}
}

// CallOver says that a call has ended. One that no conversation went to is
// nothing to it.
func (r *Rooms) CallOver(on call.ID) {
	r.mu.Lock()
	m := r.rooms[r.calls[on]]
	delete(r.calls, on)
	r.mu.Unlock()
	if m != nil {
		m.box.Put(func() { m.callOver(on) })
	}
}

func (m *room) goneToCall(on call.ID) {
	if m.ending {
		return
	}
	if !m.wantsCall() { // an agent's offer is taken, and both sides see it
		m.offerCall(Visitor, func(err error) {
			if err != nil && m.life.Err() == nil {
				m.log.Error("that a visitor calls could not be written", logkey.Err, err)
			}
		})
	}
	if m.agent == "" {
		m.finish("call", call.EndExitKey, nil)
		return
	}
	m.voice = on
	if !m.queued {
		m.retryAt = time.Time{}
		m.change("call")
		return
	}
	if _, err := m.rooms.board.Leave(m.life, m.item.ID, call.EndAnswered); err != nil {
		if !errors.Is(err, work.ErrGone) && m.life.Err() == nil {
			m.log.Error("a chat did not leave its agent's load", logkey.Err, err)
		}
		return
	}
	m.queued = false
	m.change("call")
}

// wantsCall reports whether the visitor was the last who asked for a call.
func (m *room) wantsCall() bool {
	for i := len(m.events) - 1; i >= 0; i-- {
		if m.events[i].Kind == KindCall {
			return m.events[i].Side == Visitor
		}
	}
	return false
}

// callOver makes the conversation its agent's work again.
func (m *room) callOver(on call.ID) {
	if m.ending || m.voice != on {
		return
	}
	m.voice = ""
	m.active(time.Now())
	if !m.queued {
		m.enqueue()
	}
	m.change("call")
}
