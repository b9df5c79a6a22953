package storetest

import (
	"context"
	"slices"

	"pickup/account"
	"pickup/ticket"
)

// has reports whether a ticket is an agent's.
func (d *desk) has(agent account.ID, k ticket.Ticket) bool {
	if agent == "" || account.ID(k.AssigneeID) == agent {
		return true
	}
	for _, i := range d.interactions {
		if i.TicketID == k.ID && i.HandledBy == agent {
			return true
		}
	}
	return false
}

// TicketAgents implements Full.
func (m *Memory) TicketAgents(ctx context.Context, ticketID string) ([]account.ID, error) {
	return m.agentsOf(ctx, func(k ticket.Ticket) bool { return k.ID == ticketID }, func(i ticket.Interaction) bool { return i.TicketID == ticketID })
}

// ContactAgents implements Full.
func (m *Memory) ContactAgents(ctx context.Context, contactID string) ([]account.ID, error) {
	return m.agentsOf(ctx, func(k ticket.Ticket) bool { return k.ContactID == contactID },
		func(i ticket.Interaction) bool { return i.ContactID == contactID })
}

func (m *Memory) agentsOf(ctx context.Context, has func(ticket.Ticket) bool, handled func(ticket.Interaction) bool) (all []account.ID, err error) {
	err = m.act(ctx, func() error {
		for _, k := range m.desk.tickets {
			if has(k) && k.AssigneeID != "" {
				all = append(all, account.ID(k.AssigneeID))
			}
		}
		for _, i := range m.desk.interactions {
			if handled(i) && i.HandledBy != "" {
				all = append(all, i.HandledBy)
			}
		}
		slices.Sort(all)
		all = slices.Compact(all)
		return nil
	})
	return all, err
}
