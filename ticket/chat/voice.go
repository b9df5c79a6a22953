package chat

import (
	"context"
	"errors"

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
// more: his conversation ends. One that is answered stays open beside the call,
// and leaves its agent's load, so that he can take it.
func (r *Rooms) GoneToCall(id string) {
	if m := r.room(id, false); m != nil {
		m.box.Put(m.goneToCall)
	}
}

func (m *room) goneToCall() {
	if m.ending {
		return
	}
	if m.agent == "" {
		m.finish("call", call.EndExitKey, nil)
		return
	}
	if !m.queued {
		return
	}
	if _, err := m.rooms.board.Leave(m.life, m.item.ID, call.EndAnswered); err != nil {
		if !errors.Is(err, work.ErrGone) && m.life.Err() == nil {
			m.log.Error("a chat did not leave its agent's load", logkey.Err, err)
		}
		return
	}
	m.queued = false
}
