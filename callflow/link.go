package callflow

import (
	"time"

	"pickup/call"
)

// preferFor is how long a call waits for the agent who should answer it.
const preferFor = 20 * time.Second

// linked says on which matter, and of which contact, a call goes on.
type linked struct{ ticketID, contactID string }

func (linked) isInput() {}

// Link puts a live call on a ticket: it will be its line when it ends. A contact
// of "" leaves that as it is. It reports false when the call is over.
func (m *Manager) Link(id call.ID, ticketID, contactID string) bool {
	m.mu.Lock()
	s := m.sessions[id]
	m.mu.Unlock()
	return s != nil && s.send(linked{ticketID, contactID})
}

// onLinked: somebody went on with the matter in writing.
func (m *machine) onLinked(in linked) {
	m.rec.TicketID = in.ticketID
	if in.contactID != "" {
		m.rec.ContactID = in.contactID
	}
	m.note("linked", "ticket_id", in.ticketID)
}
