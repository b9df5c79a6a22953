package ticket

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pickup/account"
	"pickup/call"
	"pickup/internal/id"
)

// New is a ticket that a person opens.
type New struct {
	ContactID   string // "": that of the interaction
	Interaction string // the call, chat or thread that it comes from, which joins it; "": none
	Subject     string
	Category    string // "": by the queue
	Priority    int    // the category may raise it; PriorityNormal is not the zero value
	Queue       string
	AssigneeID  account.ID
	Language    string // "": the contact's
	Note        string // "": none
	Tags        []string
}

// Change is an edit of a ticket. A nil field stays as it is.
type Change struct {
	State      *State
	Priority   *int // 0..3, needs a Reason
	Category   *string
	AssigneeID *account.ID // "" gives it back to its queue
	Queue      *string
	Subject    *string
	Language   *string
	Tags       *[]string // all of them
	Reason     string    // of the change, shown in the timeline
}

// Limits of what people write.
const (
	MaxSubject = 400 // bytes
	MaxTags    = 50
	maxTag     = 60 // bytes
)

// Create opens a ticket. With an Interaction it takes that over, with its calls
// and messages, from the ticket it was on.
func (d *Desk) Create(ctx context.Context, by Actor, n New) (t Ticket, err error) {
	err = d.Act(ctx, func(tx DeskTx) error {
		t, err = create(ctx, tx, d.policy, by, n, story{at: d.now(), actor: string(by.ID)})
		return err
	})
	return t, err
}

func create(ctx context.Context, tx DeskTx, p Policy, by Actor, n New, told story) (Ticket, error) {
	var thread Interaction
	if n.Interaction != "" {
		var ok bool
		var err error
		if thread, ok, err = tx.Interaction(ctx, n.Interaction); err != nil {
			return Ticket{}, err
		} else if !ok {
			return Ticket{}, fmt.Errorf("interaction %s: %w", n.Interaction, ErrNotFound)
		}
	}
	contact, ok, err := tx.Contact(ctx, cmp.Or(n.ContactID, thread.ContactID))
	if err != nil {
		return Ticket{}, err
	}
	if !ok {
		return Ticket{}, &FieldError{"contact_id", n.ContactID, "must be a contact, or that of the interaction"}
	}
	n.Queue = cmp.Or(n.Queue, thread.Queue)
	category, err := checkCategory(cmp.Or(n.Category, p.CategoryOf(n.Queue)))
	if err != nil {
		return Ticket{}, err
	}
	if err := checkPriority(n.Priority); err != nil {
		return Ticket{}, err
	}
	if err := checkSubject(n.Subject); err != nil {
		return Ticket{}, err
	}
	tags, err := Tags(n.Tags)
	if err != nil {
		return Ticket{}, err
	}
	t := Ticket{
		ID: id.New(), ContactID: contact.ID, Subject: clean(strings.TrimSpace(n.Subject)), Type: TypeCase, Category: category.Name,
		State: StateOpen, Priority: max(n.Priority, category.MinPriority), Queue: n.Queue, AssigneeID: string(n.AssigneeID),
		Language: cmp.Or(n.Language, contact.Language, p.language()), Channel: call.ChannelTicket,
		CreatedAt: told.at, UpdatedAt: told.at,
	}
	if thread.ID != "" {
		t.Type, t.Channel = string(thread.Channel), thread.Channel
	}
	if t.AssigneeID == "" {
		t.State = StateNew
	}
	told.created(t)
	if t, err = tx.SaveTicket(ctx, t); err != nil {
		return Ticket{}, fmt.Errorf("save a ticket: %w", err)
	}
	if err := tx.AddEvents(ctx, t.ID, told.lines...); err != nil {
		return Ticket{}, fmt.Errorf("timeline of ticket %s: %w", t.ID, err)
	}
	if len(tags) > 0 {
		if err := tx.SetTags(ctx, t.ID, tags); err != nil {
			return Ticket{}, fmt.Errorf("tags of ticket %s: %w", t.ID, err)
		}
		t.Tags = tags
	}
	if thread.ID != "" {
		if err := attach(ctx, tx, by, thread, t, "created", told); err != nil {
			return Ticket{}, err
		}
	}
	if strings.TrimSpace(n.Note) != "" {
		m, err := Post(ctx, tx, p, by, Outgoing{TicketID: t.ID, Kind: MessageNote, Text: n.Note, ExpectedLast: -1}, told.at)
		if err != nil {
			return Ticket{}, err
		}
		t.LastPos = m.Pos
	}
	return t, nil
}

// Edit changes fields of a ticket that is at the version given, else it returns
// a *VersionError. A closed or merged ticket is ErrImmutable, a state that does
// not follow ErrState. A new category may raise the priority, with an event of
// its own. The version of the ticket is one more afterwards, also when nothing
// differs.
func (d *Desk) Edit(ctx context.Context, by Actor, ticketID string, version int64, c Change) (t Ticket, err error) {
	err = d.Act(ctx, func(tx DeskTx) error {
		t, err = edit(ctx, tx, ticketID, version, c, story{at: d.now(), actor: string(by.ID)})
		return err
	})
	return t, err
}

func edit(ctx context.Context, tx DeskTx, ticketID string, version int64, c Change, told story) (Ticket, error) {
	t, ok, err := tx.Ticket(ctx, ticketID)
	if err != nil {
		return Ticket{}, err
	}
	if !ok {
		return Ticket{}, fmt.Errorf("ticket %s: %w", ticketID, ErrNotFound)
	}
	if t.Version != version {
		return Ticket{}, &VersionError{Got: version, Now: t.Version}
	}
	if t.State.Immutable() {
		return Ticket{}, fmt.Errorf("%w: ticket %d is %s", ErrImmutable, t.Number, t.State)
	}
	if err := c.apply(&t, &told); err != nil {
		return Ticket{}, err
	}
	tags := t.Tags
	if c.Tags != nil {
		if tags, err = Tags(*c.Tags); err != nil {
			return Ticket{}, err
		}
		told.changed("tags", strings.Join(t.Tags, ", "), strings.Join(tags, ", "), c.Reason)
		if err := tx.SetTags(ctx, t.ID, tags); err != nil {
			return Ticket{}, fmt.Errorf("tags of ticket %s: %w", t.ID, err)
		}
	}
	t.UpdatedAt = later(t.UpdatedAt, told.at)
	if t, err = tx.SaveTicket(ctx, t); err != nil {
		return Ticket{}, fmt.Errorf("save ticket %s: %w", t.ID, err)
	}
	t.Tags = tags
	if len(told.lines) > 0 {
		err = tx.AddEvents(ctx, t.ID, told.lines...)
	}
	return t, err
}

// apply changes the fields of a ticket that are its own.
func (c Change) apply(t *Ticket, told *story) error {
	text := func(field string, at *string, to *string) {
		if to != nil {
			value := clean(strings.TrimSpace(*to))
			told.changed(field, *at, value, c.Reason)
			*at = value
		}
	}
	if c.Subject != nil {
		if err := checkSubject(*c.Subject); err != nil {
			return err
		}
	}
	text("subject", &t.Subject, c.Subject)
	text("queue", &t.Queue, c.Queue)
	text("language", &t.Language, c.Language)
	if c.AssigneeID != nil {
		to := string(*c.AssigneeID)
		text("assignee", &t.AssigneeID, &to)
	}
	if c.Priority != nil && *c.Priority != t.Priority {
		if err := checkPriority(*c.Priority); err != nil {
			return err
		}
		if strings.TrimSpace(c.Reason) == "" {
			return &FieldError{"reason", "", "a change of priority has a reason"}
		}
		told.changed("priority", strconv.Itoa(t.Priority), strconv.Itoa(*c.Priority), c.Reason)
		t.Priority = *c.Priority
	}
	if c.Category != nil && *c.Category != t.Category {
		category, err := checkCategory(*c.Category)
		if err != nil {
			return err
		}
		told.changed("category", t.Category, category.Name, c.Reason)
		t.Category = category.Name
		if c.Priority == nil { // a manual choice of the same moment stands
			told.raise(t, "category")
		}
	}
	if c.State != nil {
		if *c.State == StateMerged || *c.State == StateClosed || *c.State == StateNew && t.State != StateNew {
			return fmt.Errorf("%w: nobody sets %s by hand", ErrState, *c.State)
		}
		return told.move(t, *c.State, c.Reason)
	}
	return nil
}

// Tags returns tags as they are kept: trimmed, sorted, once each. A
// *FieldError when there are more than MaxTags, or one is longer than 60 bytes.
func Tags(tags []string) ([]string, error) {
	var kept []string
	for _, t := range tags {
		t = clean(strings.Join(strings.Fields(t), " "))
		if len(t) > maxTag {
			return nil, &FieldError{"tags", t, "60 bytes at most"}
		}
		if t != "" {
			kept = append(kept, t)
		}
	}
	slices.Sort(kept)
	kept = slices.Compact(kept)
	if len(kept) > MaxTags {
		return nil, &FieldError{"tags", strconv.Itoa(len(kept)), "50 at most"}
	}
	return kept, nil
}

func checkCategory(name string) (Category, error) {
	c, ok := CategoryOf(name)
	if !ok {
		return Category{}, &FieldError{"category", name, "there is none of that name"}
	}
	return c, nil
}

func checkPriority(p int) error {
	if p < PriorityLow || p > PriorityUrgent {
		return &FieldError{"priority", strconv.Itoa(p), "0 to 3"}
	}
	return nil
}

func checkSubject(s string) error {
	if strings.TrimSpace(s) == "" || len(s) > MaxSubject {
		return &FieldError{"subject", s, "1 to 400 bytes"}
	}
	return nil
}

// CloseSolved closes the tickets that are solved for Policy.CloseAfter without a
// reply, and returns how many. It is called now and then.
func (d *Desk) CloseSolved(ctx context.Context) (closed int, err error) {
	const batch = 100
	for {
		n := 0
		err := d.Act(ctx, func(tx DeskTx) error {
			n, err = closeSome(ctx, tx, d.policy, story{at: d.now()}, batch)
			return err
		})
		closed += n
		if err != nil || n < batch {
			return closed, err
		}
	}
}

func closeSome(ctx context.Context, tx DeskTx, p Policy, told story, limit int) (int, error) {
	due, err := tx.SolvedBefore(ctx, told.at.Add(-p.CloseAfter), limit)
	if err != nil {
		return 0, err
	}
	for _, t := range due {
		told := story{at: told.at}
		if err := told.move(&t, StateClosed, "no_reply"); err != nil {
			return 0, err
		}
		t.UpdatedAt = later(t.UpdatedAt, told.at)
		if _, err := tx.SaveTicket(ctx, t); err != nil {
			return 0, fmt.Errorf("close ticket %s: %w", t.ID, err)
		}
		if err := tx.AddEvents(ctx, t.ID, told.lines...); err != nil {
			return 0, fmt.Errorf("timeline of ticket %s: %w", t.ID, err)
		}
	}
	return len(due), nil
}

// SaveDraft keeps what a user writes; an empty body drops it.
func (d *Desk) SaveDraft(ctx context.Context, draft Draft) error {
	if draft.Kind != MessageAgent && draft.Kind != MessageNote {
		return &FieldError{"kind", string(draft.Kind), "agent or note"}
	}
	draft.Body, draft.UpdatedAt = clean(draft.Body), d.now()
	return d.store.Desk(ctx, func(tx DeskTx) error {
		t, err := current(ctx, tx, draft.TicketID)
		if err != nil {
			return err
		}
		if strings.TrimSpace(draft.Body) == "" {
			return tx.DropDraft(ctx, t.ID, draft.UserID, draft.Kind)
		}
		if err := replaceDraft(ctx, tx, t.ID, draft.UserID, draft.Kind); err != nil {
			return err
		}
		kept := draft
		kept.TicketID = t.ID
		return tx.SaveDraft(ctx, kept)
	})
}

// replaceDraft takes away the draft of a merged ticket that was gone on with.
func replaceDraft(ctx context.Context, tx DraftTx, ticketID string, user account.ID, kind MessageKind) error {
	all, err := tx.Drafts(ctx, ticketID, user)
	for _, d := range all {
		if d.Kind == kind && d.TicketID != ticketID && err == nil {
			err = tx.DropDraft(ctx, ticketID, user, kind)
		}
	}
	return err
}

// Drafts returns what a user left on a ticket, or on the one that it was merged
// into.
func (d *Desk) Drafts(ctx context.Context, ticketID string, user account.ID) (drafts []Draft, err error) {
	err = d.store.LookDesk(ctx, func(tx DeskTx) error {
		t, err := current(ctx, tx, ticketID)
		if err == nil {
			drafts, err = tx.Drafts(ctx, t.ID, user)
		}
		return err
	})
	return drafts, err
}

// DropDraft takes a draft away, if it is there.
func (d *Desk) DropDraft(ctx context.Context, ticketID string, user account.ID, kind MessageKind) error {
	return d.store.Desk(ctx, func(tx DeskTx) error { return tx.DropDraft(ctx, ticketID, user, kind) })
}
