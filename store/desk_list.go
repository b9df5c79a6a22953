package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/ticket"
)

// Order of a list of tickets, newest first.
type Order string

// The orders.
const (
	ByCreated Order = "" // by when they began
	ByUpdated Order = "updated"
)

// TicketFilter chooses tickets. Empty fields choose all.
type TicketFilter struct {
	States       []ticket.State
	ContactID    string
	AssigneeID   string
	Unassigned   bool       // nobody has it
	Agent        account.ID // assigned to him, or he handled an interaction of it, or among Also
	Also         []string   // ids of tickets that Agent may see besides, for what he holds now
	Number       int64
	Category     string
	Queue        string
	Channel      call.Channel // by which it began
	Priorities   []int
	Tags         []string // has all of them
	WaitingForUs bool     // a message of the customer has no answer
	Text         string   // words of the ticket or its messages; among the newest MaxFound that have them
	From, To     time.Time
	Order        Order
	Page
}

// group appends conditions joined by " OR " or " AND ".
func (f *filter) group(join string, parts func(*filter)) {
	g := filter{args: f.args}
	parts(&g)
	f.args = g.args
	f.conditions = append(f.conditions, "("+strings.Join(g.conditions, join)+")")
}

// tickets turns a filter into conditions, its order and its page.
func (s *Store) tickets(c TicketFilter) (f filter, tail string, err error) {
	in(&f, "state", c.States)
	f.equal("contact_id", c.ContactID)
	f.equal("assignee_id", c.AssigneeID)
	if c.Unassigned {
		f.add("assignee_id = ''")
	}
	f.mine(c.Agent, c.Also)
	if c.Number != 0 {
		f.add("number = ?", c.Number)
	}
	f.equal("category", c.Category)
	f.equal("queue", c.Queue)
	f.equal("channel", string(c.Channel))
	if len(c.Priorities) > 0 {
		f.group(" OR ", func(one *filter) {
			for _, p := range c.Priorities {
				one.add("priority = ?", p)
			}
		})
	}
	for _, t := range c.Tags {
		f.add("id IN (SELECT t.ticket_id FROM ticket_tags t JOIN tags g ON g.id = t.tag_id WHERE g.name = ?)", t)
	}
	if c.WaitingForUs {
		f.add("id IN (SELECT ticket_id FROM interactions WHERE waiting_since IS NOT NULL)")
	}
	if c.Text != "" {
		const before, after = "id IN (SELECT ticket_id FROM search_docs WHERE id IN (", "))"
		f.group(" OR ", func(one *filter) {
			s.found(one, before, c.Text, c.Agent, after)
			if c.Agent != "" && len(c.Also) > 0 { // the index knows the tickets of agents, and not what they hold now
				one.group(" AND ", func(both *filter) {
					s.found(both, before, c.Text, "", after)
					in(both, "id", c.Also)
				})
			}
		})
	}
	at := "created_at"
	if c.Order == ByUpdated {
		at = "updated_at"
	}
	f.between(at, c.From, c.To)
	tail, err = f.page(c.Page, at)
	return f, tail, err
}

// Tickets returns tickets with their tags, newest first, and the cursor of the
// next page, which belongs to the order.
func (s *Store) Tickets(ctx context.Context, c TicketFilter) ([]ticket.Ticket, string, error) {
	f, tail, err := s.tickets(c)
	if err != nil {
		return nil, "", err
	}
	all, err := list(ctx, s.read, scanTicket, `SELECT `+ticketColumns+` FROM tickets`+tail, f.args...)
	if err != nil {
		return nil, "", failed("read tickets", err)
	}
	all, next := Cut(all, c.Page, func(k ticket.Ticket) (time.Time, string) {
		if c.Order == ByUpdated {
			return k.UpdatedAt, k.ID
		}
		return k.CreatedAt, k.ID
	})
	return all, next, failed("read the tags of tickets", s.fillTags(ctx, all))
}

// pair is two texts of a row.
type pair struct{ key, value string }

func scanPair(row scanner) (p pair, err error) { err = row.Scan(&p.key, &p.value); return p, err }

// ticketIDs are the ids of tickets; a page has MaxLimit at most.
func ticketIDs(all []ticket.Ticket) []string {
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	return ids
}

func (s *Store) fillTags(ctx context.Context, all []ticket.Ticket) error {
	if len(all) == 0 {
		return nil
	}
	var f filter
	in(&f, "t.ticket_id", ticketIDs(all))
	rows, err := list(ctx, s.read, scanPair, `SELECT t.ticket_id, g.name FROM ticket_tags t JOIN tags g ON g.id = t.tag_id`+f.where(), f.args...)
	if err != nil {
		return err
	}
	tags := map[string][]string{}
	for _, r := range rows {
		tags[r.key] = append(tags[r.key], r.value)
	}
	for i := range all {
		all[i].Tags = tags[all[i].ID]
		slices.Sort(all[i].Tags)
	}
	return nil
}

// TicketHead is what a list shows of a ticket beside the ticket.
type TicketHead struct {
	Contact      string // his name
	WaitingSince time.Time
	Channels     []call.Channel // of its interactions, sorted
	Calls        []call.ID      // oldest first
	Recordings   []string       // ids, oldest first
}

// TicketHeads returns the heads of the tickets of one page by ticket id, with a
// few queries for all of them.
func (s *Store) TicketHeads(ctx context.Context, all []ticket.Ticket) (map[string]TicketHead, error) {
	heads := make(map[string]TicketHead, len(all))
	if len(all) == 0 {
		return heads, nil
	}
	contacts := make([]string, len(all))
	for i := range all {
		contacts[i] = all[i].ContactID
	}
	var f filter
	in(&f, "id", contacts)
	rows, err := list(ctx, s.read, scanPair, `SELECT id, name FROM contacts`+f.where(), f.args...)
	if err != nil {
		return nil, failed("read the contacts of tickets", err)
	}
	names := make(map[string]string, len(rows))
	for _, r := range rows {
		names[r.key] = r.value
	}
	for i := range all {
		heads[all[i].ID] = TicketHead{Contact: names[all[i].ContactID]}
	}
	if err := s.headThreads(ctx, ticketIDs(all), heads); err != nil {
		return nil, failed("read the interactions of tickets", err)
	}
	return heads, failed("read the calls of tickets", s.headCalls(ctx, ticketIDs(all), heads))
}

func (s *Store) headThreads(ctx context.Context, ids []string, heads map[string]TicketHead) error {
	type row struct {
		ticket  string
		channel call.Channel
		waiting time.Time
	}
	var f filter
	in(&f, "ticket_id", ids)
	rows, err := list(ctx, s.read, func(sc scanner) (r row, err error) {
		err = sc.Scan(&r.ticket, &r.channel, moment{&r.waiting})
		return r, err
	}, `SELECT ticket_id, channel, MIN(waiting_since) FROM interactions`+f.where()+` GROUP BY ticket_id, channel ORDER BY ticket_id, channel`,
		f.args...)
	for _, r := range rows {
		h := heads[r.ticket]
		h.Channels = append(h.Channels, r.channel)
		if !r.waiting.IsZero() && (h.WaitingSince.IsZero() || r.waiting.Before(h.WaitingSince)) {
			h.WaitingSince = r.waiting
		}
		heads[r.ticket] = h
	}
	return err
}

func (s *Store) headCalls(ctx context.Context, ids []string, heads map[string]TicketHead) error {
	type row struct{ ticket, call, recording string }
	var f filter
	in(&f, "c.ticket_id", ids)
	rows, err := list(ctx, s.read, func(sc scanner) (r row, err error) {
		err = sc.Scan(&r.ticket, &r.call, &r.recording)
		return r, err
	}, `SELECT c.ticket_id, c.id, COALESCE(r.id, '') FROM calls c LEFT JOIN recordings r ON r.call_id = c.id`+f.where()+
		` ORDER BY c.arrived_at, c.id, r.started_at, r.id`, f.args...)
	for _, r := range rows {
		h := heads[r.ticket]
		if n := len(h.Calls); n == 0 || h.Calls[n-1] != call.ID(r.call) {
			h.Calls = append(h.Calls, call.ID(r.call))
		}
		if r.recording != "" {
			h.Recordings = append(h.Recordings, r.recording)
		}
		heads[r.ticket] = h
	}
	return err
}

// TicketDetail is a ticket with its story.
type TicketDetail struct {
	Ticket       ticket.Ticket
	Contact      ticket.Contact
	Interactions []ticket.Interaction // oldest first
	Messages     []ticket.Message     // by Pos, the newest MaxMessages
	Links        []ticket.Link        // either way, oldest first
	Merged       []ticket.Ticket      // that it took over, by number
	Calls        []call.ID            // oldest first
	Recordings   []string             // ids, oldest first
	Events       []call.TimelineEvent // of it and of those it took over, by time
	// Undeliverable says of addresses of its mail threads, in lower case, why mail
	// to them comes back for good.
	Undeliverable map[string]string
}

// MaxMessages is how many messages a ticket shows; earlier ones are read by
// Messages.
const MaxMessages = 500

// Ticket returns a ticket with its story, or ErrNotFound.
func (s *Store) Ticket(ctx context.Context, ticketID string) (TicketDetail, error) {
	var d TicketDetail
	var ok bool
	var err error
	if d.Ticket, ok, err = ticketRow(ctx, s.read, `SELECT `+ticketColumns+` FROM tickets WHERE id = $1`, ticketID); err != nil {
		return TicketDetail{}, failed("read a ticket", err)
	}
	if !ok {
		return TicketDetail{}, failed("read a ticket", ErrNotFound)
	}
	for _, part := range [...]func() error{
		func() error {
			d.Contact, err = first(ctx, s.read, scanContact, `SELECT `+contactColumns+` FROM contacts WHERE id = $1`, d.Ticket.ContactID)
			return err
		},
		func() error { d.Interactions, err = interactionsOf(ctx, s.read, ticketID); return err },
		func() error {
			d.Messages, err = messages(ctx, s.read, `WHERE ticket_id = $1 ORDER BY pos DESC LIMIT $2`, ticketID, MaxMessages)
			slices.Reverse(d.Messages)
			return err
		},
		func() error { d.Links, err = s.links(ctx, ticketID); return err },
		func() error {
			d.Merged, err = list(ctx, s.read, scanTicket, `SELECT `+ticketColumns+` FROM tickets WHERE merged_into = $1 ORDER BY number`, ticketID)
			return err
		},
		func() error { return s.ticketCalls(ctx, &d) },
		func() error { return s.ticketEvents(ctx, &d) },
		func() error {
			if len(MailAddresses(d.Interactions)) == 0 {
				return nil
			}
			return s.undeliverable(ctx, &d)
		},
	} {
		if err := part(); err != nil {
			return TicketDetail{}, failed("read the story of ticket "+ticketID, err)
		}
	}
	return d, nil
}

func (s *Store) links(ctx context.Context, ticketID string) ([]ticket.Link, error) {
	return list(ctx, s.read, func(row scanner) (l ticket.Link, err error) {
		err = row.Scan(&l.From, &l.To, &l.Kind, moment{&l.At})
		return l, err
	}, `SELECT from_id, to_id, kind, created_at FROM ticket_links WHERE from_id = $1 OR to_id = $1
		ORDER BY created_at, from_id, to_id, kind`, ticketID)
}

func (s *Store) ticketCalls(ctx context.Context, d *TicketDetail) error {
	heads := map[string]TicketHead{}
	err := s.headCalls(ctx, []string{d.Ticket.ID}, heads)
	d.Calls, d.Recordings = heads[d.Ticket.ID].Calls, heads[d.Ticket.ID].Recordings
	return err
}

func (s *Store) ticketEvents(ctx context.Context, d *TicketDetail) error {
	var f filter
	ids := []string{d.Ticket.ID}
	for _, m := range d.Merged[:min(len(d.Merged), MaxLimit)] {
		ids = append(ids, m.ID)
	}
	in(&f, "ticket_id", ids)
	query := `SELECT at, kind, actor, detail FROM ticket_events` + f.where()
	if len(ids) == 1 {
		query += ` ORDER BY seq`
	} else {
		query += ` ORDER BY at, ticket_id, seq`
	}
	var err error
	d.Events, err = list(ctx, s.read, scanEvent, query, f.args...)
	return err
}

// TicketByID returns a ticket without its story, merged or not, or ErrNotFound.
func (s *Store) TicketByID(ctx context.Context, ticketID string) (ticket.Ticket, error) {
	k, ok, err := ticketRow(ctx, s.read, `SELECT `+ticketColumns+` FROM tickets WHERE id = $1`, ticketID)
	if err == nil && !ok {
		err = ErrNotFound
	}
	return k, failed("read a ticket", err)
}

// TicketByNumber returns a ticket by the number that people use, or ErrNotFound.
func (s *Store) TicketByNumber(ctx context.Context, number int64) (ticket.Ticket, error) {
	k, ok, err := ticketRow(ctx, s.read, `SELECT `+ticketColumns+` FROM tickets WHERE number = $1`, number)
	if err == nil && !ok {
		err = ErrNotFound
	}
	return k, failed("read a ticket by its number", err)
}

// ContactFilter chooses contacts. An Identity with an empty Kind chooses all.
// Those who were merged into another are left out.
type ContactFilter struct {
	Identity ticket.Identity // Kind and Value
	Page
}

// Contacts returns contacts, newest first, and the cursor of the next page.
func (s *Store) Contacts(ctx context.Context, c ContactFilter) ([]ticket.Contact, string, error) {
	var f filter
	f.conditions = append(f.conditions, "merged_into IS NULL")
	if c.Identity.Kind != "" {
		f.add("id IN (SELECT contact_id FROM contact_identities WHERE kind = ? AND value_norm = ?)", c.Identity.Kind, c.Identity.Value)
	}
	tail, err := f.page(c.Page, "created_at")
	if err != nil {
		return nil, "", err
	}
	all, err := list(ctx, s.read, scanContact, `SELECT `+contactColumns+` FROM contacts`+tail, f.args...)
	all, next := Cut(all, c.Page, func(c ticket.Contact) (time.Time, string) { return c.CreatedAt, c.ID })
	return all, next, failed("read contacts", err)
}

// Interaction is one attempt of a contact to reach us, or of us to reach him.
type Interaction = ticket.Interaction

// ContactDetail is a contact with what we know of him.
type ContactDetail struct {
	Contact      ticket.Contact
	Identities   []ticket.Identity
	Interactions []Interaction // newest first, MaxLimit at most
	Merged       []ticket.Contact
}

// Contact returns a contact with identities and interactions, or ErrNotFound. Of
// one who was merged it is the one who took him over.
func (s *Store) Contact(ctx context.Context, contactID string) (ContactDetail, error) {
	var d ContactDetail
	var ok bool
	var err error
	if d.Contact, ok, err = contactFollowed(ctx, s.read, contactID); err != nil {
		return ContactDetail{}, failed("read a contact", err)
	}
	if !ok {
		return ContactDetail{}, failed("read a contact", ErrNotFound)
	}
	if d.Identities, err = identities(ctx, s.read, d.Contact.ID); err != nil {
		return ContactDetail{}, failed("read the identities of a contact", err)
	}
	if d.Merged, err = list(ctx, s.read, scanContact, `SELECT `+contactColumns+` FROM contacts WHERE merged_into = $1
		ORDER BY created_at, id`, d.Contact.ID); err != nil {
		return ContactDetail{}, failed("read the contacts that one took over", err)
	}
	d.Interactions, err = list(ctx, s.read, scanInteraction, `SELECT `+interactionColumns+` FROM interactions
		WHERE contact_id = $1 ORDER BY started_at DESC, id DESC LIMIT 500`, d.Contact.ID)
	return d, failed("read the interactions of a contact", err)
}

// Interaction returns one, or ErrNotFound.
func (s *Store) Interaction(ctx context.Context, interactionID string) (ticket.Interaction, error) {
	i, err := first(ctx, s.read, scanInteraction, `SELECT `+interactionColumns+` FROM interactions WHERE id = $1`, interactionID)
	return i, failed("read an interaction", err)
}

// Messages returns messages of a ticket with Pos above after, ascending, limit
// at most (0: DefaultLimit).
func (s *Store) Messages(ctx context.Context, ticketID string, after int64, limit int) ([]ticket.Message, error) {
	all, err := messages(ctx, s.read, `WHERE ticket_id = $1 AND pos > $2 ORDER BY pos LIMIT $3`, ticketID, after, Page{Limit: limit}.limit())
	return all, failed("read messages", err)
}

// Message returns one, or ErrNotFound.
func (s *Store) Message(ctx context.Context, messageID string) (ticket.Message, error) {
	m, ok, err := alone(messages(ctx, s.read, `WHERE id = $1`, messageID))
	if err == nil && !ok {
		err = ErrNotFound
	}
	return m, failed("read a message", err)
}

// AttachmentDetail is a file with what it hangs on.
type AttachmentDetail struct {
	Attachment    ticket.Attachment
	TicketID      string // "" until a message carries it
	InteractionID string
	Kind          ticket.MessageKind // of the message: a note's file never leaves the house
}

// Attachment returns a file and what it hangs on, or ErrNotFound.
func (s *Store) Attachment(ctx context.Context, attachmentID string) (AttachmentDetail, error) {
	a, err := first(ctx, s.read, scanAttachment, `SELECT `+attachmentColumns+` FROM attachments WHERE id = $1`, attachmentID)
	if err != nil || a.MessageID == "" {
		return AttachmentDetail{Attachment: a}, failed("read an attachment", err)
	}
	m, err := first(ctx, s.read, scanMessage, `SELECT `+messageColumns+` FROM messages WHERE id = $1`, a.MessageID)
	if errors.Is(err, ErrNotFound) {
		return AttachmentDetail{Attachment: a}, nil
	}
	return AttachmentDetail{Attachment: a, TicketID: m.TicketID, InteractionID: m.InteractionID, Kind: m.Kind},
		failed("read the message of an attachment", err)
}
