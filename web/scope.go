package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"pickup/account"
	"pickup/call"
	"pickup/callback"
	"pickup/queue"
	"pickup/store"
	"pickup/ticket"
	"pickup/ticket/chat"
	"pickup/ticket/work"
)

// What somebody may see is decided here, once for items, lists, searches, files
// and the stream of events. Who sees all (supervisors, reviewers, administrators)
// sees all; an agent sees what is his:
//
//   - a call, and its recording, that he took, and the call that rings at him;
//   - a ticket that is assigned to him, of which he handled something, of which he
//     holds or is offered work, or whose contact calls him;
//   - a chat that he answers or is offered, and those of tickets assigned to him;
//   - a contact of whom he sees a ticket for more than a call, or who calls him;
//   - a file of a ticket or a chat that he sees, and what he uploaded himself;
//   - work that he has, and what waits in a queue of his;
//   - a callback of a call that he took.
//
// He changes what he sees, but for what is only offered to him or rings at him:
// that is his when he took it.

// right is what somebody may do with an object.
type right int

const (
	mayRead right = iota
	mayWrite
)

// errNotTheirs refuses an agent what belongs to another.
func errNotTheirs() error {
	return problem(http.StatusForbidden, "", "Agents see what is theirs.", "")
}

// mine returns the id to filter a list by: that of an agent, "" for who sees all.
func mine(ctx context.Context) account.ID {
	if a := who(ctx); !a.user.Role.SeesAll() {
		return a.user.ID
	}
	return ""
}

// own refuses an agent what belongs to another.
func own(ctx context.Context, owner account.ID) error {
	if me := mine(ctx); me == "" || owner == me {
		return nil
	}
	return errNotTheirs()
}

// ownCall is own for a call: his is also the one that rings at him.
func (s *Server) ownCall(ctx context.Context, r *call.Record) error {
	if me := mine(ctx); me != "" && s.hasCall(me, r.ID) {
		return nil
	}
	return own(ctx, r.AgentID)
}

// hasCall reports whether an agent has a call, or it rings at him.
func (s *Server) hasCall(agent account.ID, id call.ID) bool {
	v, ok := s.agentView(agent)
	return ok && v.CallID == id
}

// isCalled reports whether a contact calls an agent: it rings at him, or for
// mayWrite they talk; or they talked and he wraps up, when he says which ticket it
// belongs to.
func (s *Server) isCalled(ctx context.Context, agent account.ID, contactID string, want right) bool {
	a, ok := s.agentView(agent)
	if contactID == "" || !ok {
		return false
	}
	if a.CallID == "" {
		if a.State != queue.AgentWrapUp {
			return false
		}
		last, _, err := s.parts.Store.Calls(ctx, store.CallFilter{AgentID: agent, Page: store.Page{Limit: 1}})
		return err == nil && len(last) == 1 && last[0].ContactID == contactID
	}
	v, ok := s.parts.Calls.Live(a.CallID)
	if !ok || want == mayWrite && (v.Record.AgentID != agent || v.Record.BridgedAt.IsZero()) {
		return false
	}
	if v.Record.ContactID == contactID {
		return true
	}
	matter, err := s.suggested(ctx, v.Record)
	return err == nil && matter.Contact.ID == contactID
}

// held are the tickets of which an agent holds, or is offered, work.
func (s *Server) held(agent account.ID) []string {
	if agent == "" || s.parts.Board == nil {
		return nil
	}
	return s.parts.Board.TicketsOf(agent)
}

// ofTicket reports whether an agent may read or change a ticket.
func (s *Server) ofTicket(ctx context.Context, agent account.ID, t *ticket.Ticket, want right) (bool, error) {
	if account.ID(t.AssigneeID) == agent {
		return true, nil
	}
	if s.parts.Board != nil {
		how := s.parts.Board.Holding(agent, t.ID)
		if how == work.Holds || how == work.IsOffered && want == mayRead {
			return true, nil
		}
	}
	if s.isCalled(ctx, agent, t.ContactID, want) {
		return true, nil
	}
	return s.parts.Store.TicketOf(ctx, t.ID, agent)
}

// mayTicket refuses the actor of ctx a ticket that is not his to read or change.
// What the role may do at all is the rule of the operation.
func (s *Server) mayTicket(ctx context.Context, t *ticket.Ticket, want right) error {
	me := mine(ctx)
	if me == "" {
		return nil
	}
	yes, err := s.ofTicket(ctx, me, t, want)
	if err != nil {
		return s.fail(ctx, "read whose a ticket is", err)
	}
	if !yes {
		return errNotTheirs()
	}
	return nil
}

// theTicket returns a ticket that the actor may read or change.
func (s *Server) theTicket(ctx context.Context, id string, want right) (ticket.Ticket, error) {
	t, err := s.parts.Store.TicketByID(ctx, id)
	if err != nil {
		return ticket.Ticket{}, s.fail(ctx, "read a ticket", err)
	}
	return t, s.mayTicket(ctx, &t, want)
}

// mayNameTicket reports whether the actor may know what another ticket is called
// that one of his names: who sees it, and who has one of the same contact, whose
// page lists it.
func (s *Server) mayNameTicket(ctx context.Context, his, other *ticket.Ticket) bool {
	return his.ContactID == other.ContactID || s.mayTicket(ctx, other, mayRead) == nil
}

// mayInteraction says whether the actor may move an interaction: he handled it, or
// may change its ticket.
func (s *Server) mayInteraction(ctx context.Context, id string) error {
	i, err := s.parts.Store.Interaction(ctx, id)
	if err != nil {
		return s.fail(ctx, "read an interaction", err)
	}
	if i.HandledBy == who(ctx).user.ID {
		return nil
	}
	_, err = s.theTicket(ctx, i.TicketID, mayWrite)
	return err
}

// ofContact reports whether an agent may read or change a contact.
func (s *Server) ofContact(ctx context.Context, agent account.ID, contactID string, want right) (bool, error) {
	if s.isCalled(ctx, agent, contactID, want) {
		return true, nil
	}
	all, err := s.parts.Store.ContactAgents(ctx, contactID)
	if err != nil || slices.Contains(all, agent) {
		return err == nil, err
	}
	for _, id := range s.held(agent) {
		if want == mayWrite && s.parts.Board.Holding(agent, id) != work.Holds {
			continue
		}
		t, err := s.parts.Store.TicketByID(ctx, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return false, err
		case t.ContactID == contactID:
			return true, nil
		}
	}
	return false, nil
}

// mayContact refuses the actor of ctx a contact that is not his to read or change.
func (s *Server) mayContact(ctx context.Context, id string, want right) error {
	me := mine(ctx)
	if me == "" {
		return nil
	}
	yes, err := s.ofContact(ctx, me, id, want)
	if err != nil {
		return s.fail(ctx, "read whose a contact is", err)
	}
	if !yes {
		return errNotTheirs()
	}
	return nil
}

// ofChat reports whether an agent may read a conversation, or answer in it: he
// answers, or did until his line was lost and nobody has taken it; to read, he is
// offered it, or its ticket is assigned to him.
func (s *Server) ofChat(ctx context.Context, agent account.ID, v *chat.View, want right) bool {
	switch {
	case v.AgentID == agent, v.AgentID == "" && v.LostBy == agent:
		return true
	case want == mayWrite:
		return false
	case account.ID(v.Ticket.AssigneeID) == agent:
		return true
	}
	item, err := s.parts.Board.Get(ctx, work.ChatItem(v.ID))
	return err == nil && item.Agent == agent
}

// theChat returns a conversation if the actor may read it, or answer in it. Who
// manages may answer in any.
func (s *Server) theChat(ctx context.Context, id string, want right) (*chat.View, error) {
	v, err := s.parts.Chats.View(ctx, id)
	if err != nil {
		return nil, s.failChat(ctx, "read a chat", err)
	}
	u := who(ctx).user
	if want == mayRead && u.Role.SeesAll() || want == mayWrite && u.Role.Manages() || s.ofChat(ctx, u.ID, &v, want) {
		return &v, nil
	}
	return nil, errNotTheirs()
}

// mayReadFile refuses an agent what is not of his tickets or conversations, nor
// uploaded by himself.
func (s *Server) mayReadFile(ctx context.Context, f *store.AttachmentDetail) error {
	me := mine(ctx)
	if me == "" || f.Attachment.OwnerID == string(me) {
		return nil
	}
	if f.InteractionID != "" && s.parts.Chats != nil {
		if _, err := s.theChat(ctx, f.InteractionID, mayRead); err == nil {
			return nil
		}
	}
	if f.TicketID == "" {
		return errNotTheirs()
	}
	_, err := s.theTicket(ctx, f.TicketID, mayRead)
	return err
}

// worksIn reports whether an agent is a member of a queue.
func (s *Server) worksIn(agent account.ID, name string) bool {
	return slices.Contains(s.queuesOf(agent), strings.ToLower(name))
}

// mayWork refuses an agent what is neither his nor waits in a queue of his.
func (s *Server) mayWork(ctx context.Context, i *work.Item) error {
	me := mine(ctx)
	if me == "" || i.Agent == me || i.State == work.Waiting && s.worksIn(me, i.Queue) {
		return nil
	}
	return errNotTheirs()
}

// ownsCallback reports whether the agent who asks took the call of c.
func (s *Server) ownsCallback(ctx context.Context, c callback.Callback) bool {
	if c.CallID == "" {
		return false
	}
	r, _, err := s.parts.Store.Call(ctx, c.CallID)
	return err == nil && r.AgentID == who(ctx).user.ID
}
