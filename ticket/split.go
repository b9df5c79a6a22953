package ticket

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"pickup/call"
	"pickup/internal/id"
)

// Split opens a ticket out of another: the message and those after it in its
// mail thread or ended chat go there, into an interaction of their own, and the
// two tickets are linked as related. subject "" is that of the old one. ErrState
// for a chat that is going on, and for a message of no thread.
func (d *Desk) Split(ctx context.Context, by Actor, messageID, subject string) (t Ticket, err error) {
	err = d.Act(ctx, func(tx DeskTx) error {
		t, err = split(ctx, tx, by, messageID, subject, story{at: d.now(), actor: string(by.ID)})
		return err
	})
	return t, err
}

func split(ctx context.Context, tx DeskTx, by Actor, messageID, subject string, told story) (Ticket, error) {
	m, ok, err := tx.Message(ctx, messageID)
	if err != nil {
		return Ticket{}, err
	}
	if !ok {
		return Ticket{}, fmt.Errorf("message %s: %w", messageID, ErrNotFound)
	}
	old, err := editable(ctx, tx, m.TicketID)
	if err != nil {
		return Ticket{}, err
	}
	thread, ok, err := tx.Interaction(ctx, m.InteractionID)
	if err != nil {
		return Ticket{}, err
	}
	if !ok || thread.Channel == call.ChannelChat && thread.EndedAt.IsZero() {
		return Ticket{}, fmt.Errorf("%w: only a mail thread or an ended chat is split", ErrState)
	}
	t := Ticket{
		ID: id.New(), ContactID: cmp.Or(thread.ContactID, old.ContactID), Subject: cmp.Or(clean(subject), old.Subject), Type: old.Type,
		Category: old.Category, State: StateOpen, Priority: old.Priority, Queue: old.Queue, AssigneeID: string(by.ID),
		Language: old.Language, Channel: thread.Channel, CreatedAt: told.at, UpdatedAt: told.at,
	}
	if err := checkSubject(t.Subject); err != nil {
		return Ticket{}, err
	}
	began := story{at: told.at, actor: told.actor}
	began.created(t, "split_from", old.ID, "message_id", m.ID)
	if t, err = tx.SaveTicket(ctx, t); err != nil {
		return Ticket{}, fmt.Errorf("save a ticket: %w", err)
	}
	part, rest := divide(thread, t.ID, m)
	for _, i := range [2]Interaction{part, rest} {
		if err := tx.SaveInteraction(ctx, i); err != nil {
			return Ticket{}, fmt.Errorf("save interaction %s: %w", i.ID, err)
		}
	}
	if err := tx.MoveMessages(ctx, rest.ID, part.ID, t.ID, m.Seq); err != nil {
		return Ticket{}, fmt.Errorf("move messages to ticket %s: %w", t.ID, err)
	}
	if err := tx.LinkTickets(ctx, Link{From: t.ID, To: old.ID, Kind: LinkRelated, At: told.at}); err != nil {
		return Ticket{}, fmt.Errorf("link ticket %s: %w", t.ID, err)
	}
	told.tell("split", "ticket", t.ID, "number", strconv.FormatInt(t.Number, 10), "message_id", m.ID)
	if err := tx.AddEvents(ctx, t.ID, began.lines...); err != nil {
		return Ticket{}, fmt.Errorf("timeline of ticket %s: %w", t.ID, err)
	}
	if err := tx.AddEvents(ctx, old.ID, told.lines...); err != nil {
		return Ticket{}, fmt.Errorf("timeline of ticket %s: %w", old.ID, err)
	}
	stored, _, err := tx.Ticket(ctx, t.ID)
	return stored, err
}

// divide makes two interactions of one: the part from m on, and the rest, which
// keeps the reply times of the past.
func divide(thread Interaction, ticketID string, m Message) (part, rest Interaction) {
	part, rest = thread, thread
	part.ID, part.TicketID, part.StartedAt = id.New(), ticketID, m.CreatedAt
	part.QueuedAt, part.AnsweredAt, part.HandledBy = m.CreatedAt, time.Time{}, ""
	part.FirstReply, part.Replies, part.ReplySum, part.ReplyMax, part.Version = 0, 0, 0, 0, 0
	switch {
	case thread.WaitingSince.IsZero():
		part.QueuedAt = time.Time{} // no reply is owed
	case !thread.WaitingSince.Before(m.CreatedAt):
		rest.WaitingSince = time.Time{} // what is owed went with the part
	case m.Kind == MessageCustomer:
		part.WaitingSince = m.CreatedAt
	default:
		part.QueuedAt, part.WaitingSince = time.Time{}, time.Time{}
	}
	return part, rest
}

// Attach moves a call, chat or thread with all its messages to another ticket:
// an agent chooses where what he handled belongs.
func (d *Desk) Attach(ctx context.Context, by Actor, interactionID, ticketID string) (t Ticket, err error) {
	err = d.Act(ctx, func(tx DeskTx) error {
		told := story{at: d.now(), actor: string(by.ID)}
		thread, ok, err := tx.Interaction(ctx, interactionID)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("interaction %s: %w", interactionID, ErrNotFound)
		}
		if t, err = editable(ctx, tx, ticketID); err != nil {
			return err
		}
		if err := attach(ctx, tx, by, thread, t, "chosen", told); err != nil {
			return err
		}
		t, _, err = tx.Ticket(ctx, ticketID)
		return err
	})
	return t, err
}

// attach points an interaction to a ticket and tells both.
func attach(ctx context.Context, tx DeskTx, by Actor, thread Interaction, t Ticket, reason string, told story) error {
	if thread.TicketID == t.ID {
		return nil
	}
	from := thread.TicketID
	err := tx.MoveBack(ctx, Moved{Kind: MergeTicket, From: t.ID, To: from, Interactions: []string{thread.ID}})
	if err != nil {
		return fmt.Errorf("move interaction %s: %w", thread.ID, err)
	}
	for _, side := range [2]string{from, t.ID} {
		if side == "" {
			continue
		}
		line := story{at: told.at, actor: string(by.ID)}
		line.tell("interaction_moved", "interaction_id", thread.ID, "channel", string(thread.Channel), "from", from, "to", t.ID, "reason", reason)
		if err := tx.AddEvents(ctx, side, line.lines...); err != nil {
			return fmt.Errorf("timeline of ticket %s: %w", side, err)
		}
	}
	return nil
}

// Link ties two tickets, and tells both timelines. A tie that is there stays.
func (d *Desk) Link(ctx context.Context, by Actor, from, to, kind string) error {
	return d.tie(ctx, by, Link{From: from, To: to, Kind: kind}, "linked", DeskTx.LinkTickets)
}

// Unlink takes a tie away, if it is there.
func (d *Desk) Unlink(ctx context.Context, by Actor, from, to, kind string) error {
	return d.tie(ctx, by, Link{From: from, To: to, Kind: kind}, "unlinked", DeskTx.UnlinkTickets)
}

func (d *Desk) tie(ctx context.Context, by Actor, l Link, what string, act func(DeskTx, context.Context, Link) error) error {
	switch l.Kind {
	case LinkDuplicate, LinkParent, LinkRelated, LinkFollowUp:
	default:
		return &FieldError{"kind", l.Kind, "duplicate, parent, related or follow_up"}
	}
	if l.From == l.To {
		return &FieldError{"to", l.To, "a ticket is not linked to itself"}
	}
	l.At = d.now()
	return d.Act(ctx, func(tx DeskTx) error {
		for _, ticketID := range [2]string{l.From, l.To} {
			if _, ok, err := tx.Ticket(ctx, ticketID); err != nil {
				return err
			} else if !ok {
				return fmt.Errorf("ticket %s: %w", ticketID, ErrNotFound)
			}
		}
		if err := act(tx, ctx, l); err != nil {
			return fmt.Errorf("link ticket %s: %w", l.From, err)
		}
		for _, ticketID := range [2]string{l.From, l.To} {
			told := story{at: l.At, actor: string(by.ID)}
			told.tell(what, "from", l.From, "to", l.To, "kind", l.Kind)
			if err := tx.AddEvents(ctx, ticketID, told.lines...); err != nil {
				return fmt.Errorf("timeline of ticket %s: %w", ticketID, err)
			}
		}
		return nil
	})
}
