package store

import (
	"context"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/ticket"
)

// WorkToDo is what waits for somebody at the desk: what a queue must hold after
// a start.
type WorkToDo struct {
	Mails   []MailToDo      // threads whose customer waits for an answer, by since when
	Tickets []ticket.Ticket // new or open, nobody's, without anything that waits by itself; by when they began
}

// MailToDo is a thread that waits, with its ticket.
type MailToDo struct {
	Interaction ticket.Interaction
	Ticket      ticket.Ticket
}

// maxWork is how much of each kind NeedsWork returns.
const maxWork = 10_000

// live are the conditions by which an interaction is, or has, an entry of the
// queue of its own.
const live = `(i.ended_at IS NULL AND i.channel IN ('call', 'callback', 'chat')
	OR i.waiting_since IS NOT NULL AND i.channel IN ('email', 'social', 'web_form'))`

// NeedsWork returns the threads of mail (and of other deferred channels) that
// owe a reply, and the tickets that wait for somebody by themselves.
func (s *Store) NeedsWork(ctx context.Context) (WorkToDo, error) {
	var w WorkToDo
	threads, err := list(ctx, s.read, scanInteraction, `SELECT `+interactionColumns+` FROM interactions
		WHERE waiting_since IS NOT NULL AND channel IN ('email', 'social', 'web_form') ORDER BY waiting_since, id LIMIT $1`, maxWork)
	if err != nil {
		return WorkToDo{}, failed("read the threads that wait", err)
	}
	tickets, err := list(ctx, s.read, scanTicket, `SELECT `+ticketColumns+` FROM tickets WHERE id IN (SELECT ticket_id FROM interactions
		WHERE waiting_since IS NOT NULL AND channel IN ('email', 'social', 'web_form'))`)
	if err != nil {
		return WorkToDo{}, failed("read the tickets of threads that wait", err)
	}
	byID := make(map[string]ticket.Ticket, len(tickets))
	for _, k := range tickets {
		byID[k.ID] = k
	}
	for _, i := range threads {
		w.Mails = append(w.Mails, MailToDo{Interaction: i, Ticket: byID[i.TicketID]})
	}
	w.Tickets, err = list(ctx, s.read, scanTicket, `SELECT `+ticketColumns+` FROM tickets
		WHERE state IN ('new', 'open') AND assignee_id = ''
			AND NOT EXISTS (SELECT 1 FROM interactions i WHERE i.ticket_id = tickets.id AND `+live+`)
			AND NOT EXISTS (SELECT 1 FROM callbacks b WHERE b.ticket_id = tickets.id AND b.ended_at IS NULL)
		ORDER BY created_at, id LIMIT $1`, maxWork)
	return w, failed("read the tickets that wait", err)
}

// InteractionFilter chooses interactions. Empty fields choose all.
type InteractionFilter struct {
	Channels  []call.Channel
	Queue     string
	Handler   account.ID // who answered
	ContactID string
	TicketID  string
	Direction call.Direction
	Open      bool      // has not ended
	Waiting   bool      // owes a reply
	From, To  time.Time // of the start: [From, To)
	Queued    bool      // From and To are of the entry into the queue
	Page
}

func (f *filter) interactions(c InteractionFilter) {
	in(f, "channel", c.Channels)
	f.equal("queue", c.Queue)
	f.equal("handled_by", string(c.Handler))
	f.equal("contact_id", c.ContactID)
	f.equal("ticket_id", c.TicketID)
	f.equal("direction", string(c.Direction))
	if c.Open {
		f.add("ended_at IS NULL")
	}
	if c.Waiting {
		f.add("waiting_since IS NOT NULL")
	}
	if c.Queued {
		f.add("queued_at IS NOT NULL")
		f.between("queued_at", c.From, c.To)
	} else {
		f.between("started_at", c.From, c.To)
	}
}

// Interactions returns interactions, newest start first, and the cursor of the
// next page.
func (s *Store) Interactions(ctx context.Context, c InteractionFilter) ([]ticket.Interaction, string, error) {
	var f filter
	f.interactions(c)
	tail, err := f.page(c.Page, "started_at")
	if err != nil {
		return nil, "", err
	}
	all, err := list(ctx, s.read, scanInteraction, `SELECT `+interactionColumns+` FROM interactions`+tail, f.args...)
	all, next := Cut(all, c.Page, func(i ticket.Interaction) (time.Time, string) { return i.StartedAt, i.ID })
	return all, next, failed("read interactions", err)
}

// TextFigures returns the figures of one channel and queue ("": all) for what
// entered the queue in [from, to), against a target.
func (s *Store) TextFigures(ctx context.Context, channel call.Channel, queue string, from, to time.Time, target time.Duration) (ticket.Figures, error) {
	var f filter
	f.interactions(InteractionFilter{
		Channels: []call.Channel{channel}, Queue: queue, Direction: call.Inbound, From: from, To: to, Queued: true,
	})
	all, err := list(ctx, s.read, scanInteraction, `SELECT `+interactionColumns+` FROM interactions`+f.where(), f.args...)
	if err != nil {
		return ticket.Figures{}, failed("read the interactions of figures", err)
	}
	return ticket.Compute(all, target), nil
}

// Candidates implements ticket.Store.
func (s *Store) Candidates(ctx context.Context, ticketID string, since time.Time) (ticket.Candidate, []ticket.Candidate, error) {
	const most = 500
	one, ok, err := ticketRow(ctx, s.read, `SELECT `+ticketColumns+` FROM tickets WHERE id = $1`, ticketID)
	if err != nil {
		return ticket.Candidate{}, nil, failed("read a ticket", err)
	}
	if !ok {
		return ticket.Candidate{}, nil, failed("read a ticket", ticket.ErrNotFound)
	}
	his, err := list(ctx, s.read, scanTicket, `SELECT `+ticketColumns+` FROM tickets WHERE contact_id = $1 AND id <> $2
		AND state <> 'merged' ORDER BY created_at DESC, id DESC LIMIT $3`, one.ContactID, one.ID, most)
	if err != nil {
		return ticket.Candidate{}, nil, failed("read the tickets of a contact", err)
	}
	others, err := list(ctx, s.read, scanTicket, `SELECT `+ticketColumns+` FROM tickets WHERE category = $1 AND created_at > $2
		AND state IN ('new', 'open', 'pending_customer', 'on_hold') AND contact_id <> $3 ORDER BY created_at DESC, id DESC LIMIT $4`,
		one.Category, since.UnixMilli(), one.ContactID, most)
	if err != nil {
		return ticket.Candidate{}, nil, failed("read tickets of a category", err)
	}
	all := append([]ticket.Ticket{one}, append(his, others...)...)
	candidates, err := s.candidates(ctx, all)
	if err != nil {
		return ticket.Candidate{}, nil, failed("read what tickets are about", err)
	}
	return candidates[0], candidates[1:], nil
}

// candidates fills what the customers wrote first, and who proved who he is.
func (s *Store) candidates(ctx context.Context, all []ticket.Ticket) ([]ticket.Candidate, error) {
	texts, proved := map[string]string{}, map[string]bool{}
	for part := all; len(part) > 0; {
		some := part[:min(len(part), MaxLimit)]
		part = part[len(some):]
		var f filter
		in(&f, "ticket_id", ticketIDs(some))
		rows, err := list(ctx, s.read, scanPair, `SELECT ticket_id, body_text FROM messages WHERE pos IN
			(SELECT MIN(pos) FROM messages`+f.where()+` AND kind = 'customer' GROUP BY ticket_id)`, f.args...)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			texts[r.key] = r.value
		}
		contacts := make([]string, len(some))
		for i := range some {
			contacts[i] = some[i].ContactID
		}
		f = filter{}
		in(&f, "contact_id", contacts)
		who, err := list(ctx, s.read, scanText, `SELECT DISTINCT contact_id FROM contact_identities`+f.where()+` AND verified_at IS NOT NULL`,
			f.args...)
		if err != nil {
			return nil, err
		}
		for _, c := range who {
			proved[c] = true
		}
	}
	out := make([]ticket.Candidate, len(all))
	for i, k := range all {
		out[i] = ticket.Candidate{Ticket: k, Verified: proved[k.ContactID], Text: texts[k.ID]}
	}
	return out, nil
}
