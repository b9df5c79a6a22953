package store

import (
	"context"
	"slices"
	"strings"

	"pickup/account"
	"pickup/ticket"
)

// mine appends that an agent has a ticket, or it is among others that he may see:
// the one rule of what a list shows him.
func (f *filter) mine(agent account.ID, also []string) {
	if agent == "" {
		return
	}
	rule, args := "assignee_id = ? OR id IN (SELECT ticket_id FROM interactions WHERE handled_by = ?)", []any{string(agent), string(agent)}
	if len(also) > 0 {
		rule += " OR id IN (?" + strings.Repeat(", ?", len(also)-1) + ")"
		for _, id := range also {
			args = append(args, id)
		}
	}
	f.add("("+rule+")", args...)
}

// Of reports whether the ticket is an agent's: TicketFilter.Agent for one.
func (d TicketDetail) Of(agent account.ID) bool {
	return account.ID(d.Ticket.AssigneeID) == agent ||
		slices.ContainsFunc(d.Interactions, func(i ticket.Interaction) bool { return i.HandledBy == agent })
}

// TicketOf reports whether a ticket is an agent's, as TicketDetail.Of does, or
// ErrNotFound.
func (s *Store) TicketOf(ctx context.Context, ticketID string, agent account.ID) (bool, error) {
	yes, err := first(ctx, s.read, func(row scanner) (n int, err error) { err = row.Scan(&n); return n, err },
		`SELECT CASE WHEN assignee_id = $1 OR EXISTS (SELECT 1 FROM interactions WHERE ticket_id = tickets.id AND handled_by = $1)
		THEN 1 ELSE 0 END FROM tickets WHERE id = $2`, agent, ticketID)
	return yes == 1 && agent != "", failed("read whose a ticket is", err)
}

// TicketAgents returns to whom a ticket is assigned and who handled something of
// it.
func (s *Store) TicketAgents(ctx context.Context, ticketID string) ([]account.ID, error) {
	return s.agents(ctx, "id", "ticket_id", ticketID)
}

// ContactAgents returns to whom tickets of a contact are assigned, and who handled
// something of him.
func (s *Store) ContactAgents(ctx context.Context, contactID string) ([]account.ID, error) {
	return s.agents(ctx, "contact_id", "contact_id", contactID)
}

func (s *Store) agents(ctx context.Context, ofTicket, ofInteraction, id string) ([]account.ID, error) {
	all, err := list(ctx, s.read, scanText, `SELECT assignee_id FROM tickets WHERE `+ofTicket+` = $1 AND assignee_id <> ''
		UNION SELECT handled_by FROM interactions WHERE `+ofInteraction+` = $1 AND handled_by <> '' ORDER BY 1`, id)
	agents := make([]account.ID, len(all))
	for i, a := range all {
		agents[i] = account.ID(a)
	}
	return agents, failed("read whose something is", err)
}
