package ticket

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pickup/call"
	"pickup/internal/id"
)

// arrival is an incoming message on its way to its place.
type arrival struct {
	p     Policy
	in    Incoming
	at    time.Time
	story story

	thread    Interaction
	continued bool // the interaction was there before
	contact   Contact
	ticket    Ticket
	fresh     bool   // the ticket is new
	follows   string // the closed ticket that the new one follows
}

// Receive files a message of a customer: it finds or makes the contact, the
// ticket and the interaction, stores the message and tells the timeline why.
//
// The contact is that of in.ContactID; else who proved one of the identities;
// else who claimed one; else a new one. Contacts who proved identities of one
// message are one person and are merged. The ticket is that of in.TicketID or of
// the interaction; else an open one of the contact in the same category that is
// younger than Policy.LinkWithin; else a new one. A reply opens a ticket that was
// pending, on hold or solved, unless it only says thank you (Gratitude) to a
// solved one; a closed ticket stays closed and gets a new one that follows it,
// or the one that does already, with an interaction of its own; a merged one is the one that took it over. An
// automatic message changes no state and is owed no reply.
//
// A client id that the interaction has already changes nothing (Again).
func Receive(ctx context.Context, tx DeskTx, p Policy, in Incoming) (Received, error) {
	if in.Message.CreatedAt.IsZero() {
		return Received{}, &FieldError{"created_at", "", "a message has a time"}
	}
	in.Subject, in.Name = clean(in.Subject), clean(in.Name)
	a := &arrival{p: p.withDefaults(), in: in, at: in.Message.CreatedAt, story: story{at: in.Message.CreatedAt}}
	if err := a.find(ctx, tx); err != nil {
		return Received{}, fmt.Errorf("receive a message: %w", err)
	}
	if again, ok, err := a.again(ctx, tx); err != nil || ok {
		return again, err
	}
	if err := a.identify(ctx, tx); err != nil {
		return Received{}, fmt.Errorf("contact of a message: %w", err)
	}
	if err := a.home(ctx, tx); err != nil {
		return Received{}, fmt.Errorf("ticket of a message: %w", err)
	}
	return a.file(ctx, tx)
}

// find looks up the interaction that the message continues.
func (a *arrival) find(ctx context.Context, tx DeskTx) (err error) {
	wanted := cmp.Or(a.in.Interaction, a.in.InteractionID)
	if wanted == "" {
		return nil
	}
	a.thread, a.continued, err = tx.Interaction(ctx, wanted)
	if err == nil && !a.continued && a.in.Interaction != "" {
		err = fmt.Errorf("interaction %s: %w", a.in.Interaction, ErrNotFound)
	}
	return err
}

// again returns where the message is when it came before.
func (a *arrival) again(ctx context.Context, tx DeskTx) (Received, bool, error) {
	if !a.continued || a.in.Message.ClientID == "" {
		return Received{}, false, nil
	}
	m, ok, err := tx.MessageByClient(ctx, a.thread.ID, "", a.in.Message.ClientID)
	if err != nil || !ok {
		return Received{}, false, err
	}
	r := Received{Interaction: a.thread, Message: m, Again: true}
	if r.Ticket, err = current(ctx, tx, m.TicketID); err != nil {
		return Received{}, false, err
	}
	r.Contact, _, err = tx.Contact(ctx, a.thread.ContactID)
	return r, true, err
}

// home decides which ticket the message belongs to, and changes it as a message
// of the customer does.
func (a *arrival) home(ctx context.Context, tx DeskTx) error {
	chosen := a.in.TicketID
	if chosen == "" && a.continued {
		chosen = a.thread.TicketID
	}
	switch {
	case a.in.NewTicket:
	case chosen != "":
		t, err := current(ctx, tx, chosen)
		if err != nil {
			return err
		}
		if t.State != StateClosed || a.in.Message.Automatic {
			a.ticket = t
			break
		}
		next, ok, err := FollowUp(ctx, tx, t.ID, a.contact.ID, a.in.Subject)
		if err != nil {
			return err
		}
		if ok {
			a.ticket = next
			return a.goOn(ctx, tx)
		}
		a.follows = t.ID
		a.in.Queue, a.in.Category = cmp.Or(a.in.Queue, t.Queue), cmp.Or(a.in.Category, t.Category)
		a.in.Subject = cmp.Or(a.in.Subject, t.Subject)
	case a.in.FollowUpOf == "":
		t, ok, err := tx.OpenTicket(ctx, a.contact.ID, a.category(), a.at.Add(-a.p.LinkWithin))
		if err != nil {
			return err
		}
		if ok {
			a.ticket = t
		}
	}
	if a.ticket.ID == "" {
		a.newTicket()
	}
	if a.continued && a.thread.TicketID != "" && a.thread.TicketID != a.ticket.ID {
		// Its messages stay where they are; this one begins a thread of its own.
		if t, err := current(ctx, tx, a.thread.TicketID); err != nil {
			return err
		} else if t.ID != a.ticket.ID {
			a.thread, a.continued = a.branch(), false
		}
	}
	return nil
}

// goOn lets a thread whose ticket was closed go on in the one that follows it.
func (a *arrival) goOn(ctx context.Context, tx DeskTx) error {
	if !a.continued || a.thread.TicketID == a.ticket.ID {
		return nil
	}
	all, err := tx.Interactions(ctx, a.ticket.ID)
	if err != nil {
		return err
	}
	t := &a.thread
	for _, i := range slices.Backward(all) {
		if i.Channel == t.Channel && i.MailboxID == t.MailboxID && i.From == t.From && i.To == t.To {
			a.thread = i
			return nil
		}
	}
	a.thread, a.continued = a.branch(), false
	return nil
}

// branch is a new interaction of the same two parties.
func (a *arrival) branch() Interaction {
	t := a.thread
	return Interaction{
		ID: id.New(), Channel: t.Channel, Direction: call.Inbound, Queue: t.Queue, Subject: t.Subject,
		From: t.From, To: t.To, Language: t.Language, MailboxID: t.MailboxID, StartedAt: a.at,
	}
}

func (a *arrival) category() string {
	if a.in.Category != "" {
		c, _ := CategoryOf(a.in.Category)
		return c.Name
	}
	return a.p.CategoryOf(a.in.Queue)
}

func (a *arrival) language() string {
	for _, l := range [...]string{a.in.Language, a.thread.Language, a.contact.Language} {
		if l == french || l == english {
			return l
		}
	}
	return a.p.language()
}

// newTicket opens the ticket that the message begins.
func (a *arrival) newTicket() {
	if a.follows == "" {
		a.follows = a.in.FollowUpOf
	}
	a.fresh = true
	category := a.category()
	c, _ := CategoryOf(category)
	a.ticket = Ticket{
		ID: id.New(), ContactID: a.contact.ID, Subject: subjectOf(a.in.Subject, a.in.Message.Text, a.language()),
		Type: string(a.in.Channel), Category: category, State: StateNew, Priority: max(PriorityNormal, c.MinPriority),
		Queue: a.in.Queue, Language: a.language(), Channel: a.in.Channel, CreatedAt: a.at, UpdatedAt: a.at,
	}
	a.story.created(a.ticket, "follows", a.follows)
}

// created tells how a ticket began.
func (s *story) created(t Ticket, more ...string) {
	c, _ := CategoryOf(t.Category)
	reason := ""
	if t.Priority == c.MinPriority && t.Priority > PriorityNormal {
		reason = "category"
	}
	s.tell("ticket_created", append([]string{
		"type", t.Type, "state", string(t.State), "category", t.Category, "priority", strconv.Itoa(t.Priority), "reason", reason,
	}, more...)...)
}

// owes reports whether the message is owed a reply.
func (a *arrival) owes() bool {
	k := a.in.Message.Kind
	return !a.in.Message.Automatic && (k == "" || k == MessageCustomer)
}

// wake changes the state of a ticket that was there as a reply does. It returns
// whether a reply is owed.
func (a *arrival) wake() (bool, error) {
	if !a.owes() {
		return false, nil
	}
	switch a.ticket.State {
	case StateSolved:
		if Gratitude(a.in.Message.Text, a.contact.Name) {
			a.story.tell("thanks", "state", string(StateSolved), "reason", "gratitude")
			return false, nil
		}
		return true, a.story.move(&a.ticket, StateOpen, "customer_reply")
	case StatePending, StateOnHold:
		return true, a.story.move(&a.ticket, StateOpen, "customer_reply")
	default:
		return true, nil
	}
}

// file stores everything in the order in which rows name each other.
func (a *arrival) file(ctx context.Context, tx DeskTx) (Received, error) {
	before := a.ticket
	owed, err := a.wake()
	if err != nil {
		return Received{}, err
	}
	if a.fresh || !before.same(a.ticket) {
		if a.ticket, err = tx.SaveTicket(ctx, a.ticket); err != nil {
			return Received{}, fmt.Errorf("save a ticket: %w", err)
		}
	}
	if a.follows != "" {
		if err := tx.LinkTickets(ctx, Link{From: a.ticket.ID, To: a.follows, Kind: LinkFollowUp, At: a.at}); err != nil {
			return Received{}, fmt.Errorf("link a ticket: %w", err)
		}
	}
	if err := a.attach(ctx, tx, owed); err != nil {
		return Received{}, fmt.Errorf("save an interaction: %w", err)
	}
	m, again, err := tx.AddMessage(ctx, a.message())
	if err != nil {
		return Received{}, fmt.Errorf("store a message: %w", err)
	}
	if len(a.story.lines) > 0 {
		if err := tx.AddEvents(ctx, a.ticket.ID, a.story.lines...); err != nil {
			return Received{}, fmt.Errorf("timeline of ticket %s: %w", a.ticket.ID, err)
		}
	}
	a.thread.LastSeq = max(a.thread.LastSeq, m.Seq)
	if !again {
		a.ticket.LastPos = max(a.ticket.LastPos, m.Pos)
		a.ticket.UpdatedAt = later(a.ticket.UpdatedAt, a.at)
	}
	return Received{
		Contact: a.contact, Ticket: a.ticket, Interaction: a.thread, Message: m, NewTicket: a.fresh, Again: again,
	}, nil
}

// attach makes or continues the interaction.
func (a *arrival) attach(ctx context.Context, tx DeskTx, owed bool) error {
	t := &a.thread
	if !a.continued {
		begun := t.ID != "" // a branch
		if !begun {
			*t = Interaction{
				ID: cmp.Or(a.in.InteractionID, id.New()), Channel: a.in.Channel, Direction: call.Inbound,
				Queue: a.in.Queue, From: cmp.Or(a.in.From.Raw, a.in.From.Value), To: a.in.To, MailboxID: a.in.MailboxID, StartedAt: a.at,
			}
			if a.in.Channel == call.ChannelEmail {
				t.Subject = a.in.Subject
			}
		}
		t.Language = a.language()
		a.story.tell("interaction", "interaction_id", t.ID, "channel", string(t.Channel), "queue", t.Queue)
	}
	t.TicketID = a.ticket.ID
	t.ContactID = cmp.Or(t.ContactID, a.contact.ID)
	if owed {
		if t.QueuedAt.IsZero() {
			t.QueuedAt = a.at
		}
		if t.WaitingSince.IsZero() {
			t.WaitingSince = a.at
		}
		if t.Channel == call.ChannelEmail { // a thread goes on
			t.EndedAt, t.EndReason = time.Time{}, ""
		}
	}
	return tx.SaveInteraction(ctx, *t)
}

// message is what is stored.
func (a *arrival) message() Message {
	m := a.in.Message
	m.ID = cmp.Or(m.ID, id.New())
	m.InteractionID, m.TicketID = a.thread.ID, a.ticket.ID
	m.Kind, m.Status = cmp.Or(m.Kind, MessageCustomer), cmp.Or(m.Status, StatusStored)
	if m.Kind == MessageCustomer {
		m.AuthorID = a.contact.ID
	}
	m.Text, m.Quoted, m.HTML = clean(m.Text), clean(m.Quoted), clean(m.HTML)
	m.Attachments = slices.Clone(m.Attachments)
	for i := range m.Attachments {
		f := &m.Attachments[i]
		f.ID, f.MessageID = cmp.Or(f.ID, id.New()), m.ID
		if f.CreatedAt.IsZero() {
			f.CreatedAt = a.at
		}
	}
	return m
}

// current returns a ticket, or the one that took it over.
func current(ctx context.Context, tx CaseTx, ticketID string) (Ticket, error) {
	t, ok, err := tx.Ticket(ctx, ticketID)
	for hops := 0; err == nil && ok && t.State == StateMerged && hops < 100; hops++ {
		t, ok, err = tx.Ticket(ctx, t.MergedInto)
	}
	if err == nil && !ok {
		err = fmt.Errorf("ticket %s: %w", ticketID, ErrNotFound)
	}
	return t, err
}

// same reports whether nothing differs of what acts change in a ticket.
func (t Ticket) same(o Ticket) bool {
	return t.Subject == o.Subject && t.Type == o.Type && t.Category == o.Category && t.State == o.State && t.Priority == o.Priority &&
		t.Queue == o.Queue && t.AssigneeID == o.AssigneeID && t.MergedInto == o.MergedInto && t.ContactID == o.ContactID
}

// clean takes away what no store can hold: NUL, and bytes that are no UTF-8.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
