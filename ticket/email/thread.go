package email

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"pickup/call"
	"pickup/ticket"
)

// sameSubjectWithin is how old an open ticket may be that a mail continues by
// sender and subject alone.
const sameSubjectWithin = 7 * 24 * time.Hour

// place is where a mail belongs.
type place struct {
	ticketID    string
	interaction string // mail thread in that ticket; "": a new one
	followUpOf  string
	why         string // "address", "references", "number", "subject", "new"
	changed     bool   // the subject is another than the thread's: split?
}

var numberMark = regexp.MustCompile(`\[#([0-9]{1,18})\]`)

// find looks for the ticket of a mail, by what proves most first: an address
// that we signed, a mail it refers to, a number in the subject, and its subject
// with its sender. All but the first ask that the sender took part, so that who
// guesses a number or replies to a newsletter does not read another's matter.
func (f *filer) find(ctx context.Context, tx ticket.DeskTx, m *Mail, contact string) (place, error) {
	for _, by := range []func(context.Context, ticket.DeskTx, *Mail, string) (place, error){
		f.byAddress, f.byReferences, f.byNumber, f.bySubject,
	} {
		if p, err := by(ctx, tx, m, contact); err != nil || p.why != "" {
			return p, err
		}
	}
	return place{why: "new"}, nil
}

func (f *filer) byAddress(ctx context.Context, tx ticket.DeskTx, m *Mail, _ string) (place, error) {
	all := slices.Clone(m.Delivered)
	for _, a := range append(slices.Clone(m.To), m.Cc...) {
		all = append(all, a.Email)
	}
	for _, a := range all {
		number, ok := numberIn(f.box, f.secret, a)
		if !ok {
			continue
		}
		t, ok, err := tx.TicketNumber(ctx, number)
		if err != nil {
			return place{}, err
		}
		if ok {
			return f.in(ctx, tx, m, t, "address")
		}
	}
	return place{}, nil
}

func (f *filer) byReferences(ctx context.Context, tx ticket.DeskTx, m *Mail, contact string) (place, error) {
	refs := append(slices.Clone(m.InReplyTo), m.References...)
	if len(refs) == 0 {
		return place{}, nil
	}
	said, err := tx.MessagesByMailID(ctx, refs...)
	if err != nil {
		return place{}, err
	}
	for _, s := range said {
		t, ok, err := tx.Ticket(ctx, s.TicketID)
		if err != nil || !ok {
			return place{}, err
		}
		took, err := f.tookPart(ctx, tx, m, t, contact)
		if err != nil {
			return place{}, err
		}
		if took {
			return f.in(ctx, tx, m, t, "references")
		}
	}
	return place{}, nil
}

func (f *filer) byNumber(ctx context.Context, tx ticket.DeskTx, m *Mail, contact string) (place, error) {
	for _, mark := range numberMark.FindAllStringSubmatch(m.Subject, 4) {
		number, err := strconv.ParseInt(mark[1], 10, 64)
		if err != nil {
			continue
		}
		t, ok, err := tx.TicketNumber(ctx, number)
		if err != nil {
			return place{}, err
		}
		if !ok {
			continue
		}
		took, err := f.tookPart(ctx, tx, m, t, contact)
		if err != nil {
			return place{}, err
		}
		if took {
			return f.in(ctx, tx, m, t, "number")
		}
	}
	return place{}, nil
}

func (f *filer) bySubject(ctx context.Context, tx ticket.DeskTx, m *Mail, contact string) (place, error) {
	key := ticket.SubjectKey(m.Subject)
	if contact == "" || key == "" {
		return place{}, nil
	}
	open, err := tx.OpenTickets(ctx, contact)
	if err != nil {
		return place{}, err
	}
	for _, t := range open {
		if f.at.Sub(t.CreatedAt) >= sameSubjectWithin {
			continue
		}
		thread, ok, err := f.threadIn(ctx, tx, m, t.ID)
		if err != nil {
			return place{}, err
		}
		if ok && ticket.SubjectKey(thread.Subject) == key && strings.EqualFold(thread.From, m.From.Email) {
			return place{ticketID: t.ID, interaction: thread.ID, why: "subject"}, nil
		}
	}
	return place{}, nil
}

// in places a mail in a ticket. A reply under another subject than the thread's
// begins a new matter when the old one is over; while it is open an agent may
// split it. A mail that refers to none of ours and has our address is about that
// ticket, whatever its subject.
func (f *filer) in(ctx context.Context, tx ticket.DeskTx, m *Mail, t ticket.Ticket, why string) (place, error) {
	thread, ok, err := f.threadIn(ctx, tx, m, t.ID)
	if err != nil {
		return place{}, err
	}
	p := place{ticketID: t.ID, why: why}
	subject := t.Subject
	if ok {
		p.interaction, subject = thread.ID, thread.Subject
	}
	replies := len(m.InReplyTo) > 0 || len(m.References) > 0
	p.changed = replies && why != "number" && ticket.SubjectKey(m.Subject) != ticket.SubjectKey(subject)
	if p.changed && (t.State == ticket.StateSolved || t.State == ticket.StateClosed) {
		next, ok, err := ticket.FollowUp(ctx, tx, t.ID, t.ContactID, m.Subject)
		if err != nil || !ok {
			return place{followUpOf: t.ID, why: "new", changed: true}, err
		}
		thread, _, err := f.threadIn(ctx, tx, m, next.ID)
		return place{ticketID: next.ID, interaction: thread.ID, why: why}, err
	}
	return p, nil
}

// threadIn returns the newest mail thread of a ticket with this mailbox,
// that of the same sender first.
func (f *filer) threadIn(ctx context.Context, tx ticket.DeskTx, m *Mail, ticketID string) (ticket.Interaction, bool, error) {
	all, err := tx.Interactions(ctx, ticketID)
	if err != nil {
		return ticket.Interaction{}, false, err
	}
	var found ticket.Interaction
	for _, i := range slices.Backward(all) {
		if i.Channel != call.ChannelEmail || i.MailboxID != f.box.ID {
			continue
		}
		if strings.EqualFold(i.From, m.From.Email) || strings.EqualFold(i.To, m.From.Email) {
			return i, true, nil
		}
		if found.ID == "" {
			found = i
		}
	}
	return found, found.ID != "", nil
}

// tookPart reports whether the sender is the contact of the ticket, or wrote or
// got mail in it.
func (f *filer) tookPart(ctx context.Context, tx ticket.DeskTx, m *Mail, t ticket.Ticket, contact string) (bool, error) {
	if contact != "" && contact == t.ContactID {
		return true, nil
	}
	all, err := tx.Interactions(ctx, t.ID)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(all, func(i ticket.Interaction) bool {
		return i.Channel == call.ChannelEmail && (strings.EqualFold(i.From, m.From.Email) || strings.EqualFold(i.To, m.From.Email))
	}), nil
}
