package ticket

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pickup/internal/id"
)

// Merge makes the loser part of the winner: its interactions, messages, calls
// and tags go there, the higher priority stands, and replies to it follow. It can
// be undone for UndoWithin. ErrImmutable when one of them is closed or merged.
func (d *Desk) Merge(ctx context.Context, by Actor, winnerID, loserID string) (t Ticket, err error) {
	err = d.Act(ctx, func(tx DeskTx) error {
		t, err = merge(ctx, tx, by, winnerID, loserID, story{at: d.now(), actor: string(by.ID)})
		return err
	})
	return t, err
}

func merge(ctx context.Context, tx DeskTx, by Actor, winnerID, loserID string, told story) (Ticket, error) {
	if winnerID == loserID {
		return Ticket{}, fmt.Errorf("%w: a ticket is not merged with itself", ErrState)
	}
	winner, err := editable(ctx, tx, winnerID)
	if err != nil {
		return Ticket{}, err
	}
	loser, err := editable(ctx, tx, loserID)
	if err != nil {
		return Ticket{}, err
	}
	m := Merge{
		ID: id.New(), Kind: MergeTicket, WinnerID: winner.ID, LoserID: loser.ID, By: by.ID, Reason: "manual", At: told.at,
		Before: [2]Standing{winner.standing(), loser.standing()},
	}
	if m.Moved, err = tx.MoveTicket(ctx, loser.ID, winner.ID); err != nil {
		return Ticket{}, fmt.Errorf("move ticket %s: %w", loser.ID, err)
	}
	lost := story{at: told.at, actor: told.actor}
	lost.tell("merged", "into", winner.ID, "number", strconv.FormatInt(winner.Number, 10))
	told.tell("merged_from", "ticket", loser.ID, "number", strconv.FormatInt(loser.Number, 10),
		"interactions", strings.Join(m.Moved.Interactions, " "), "messages", strings.Join(m.Moved.Messages, " "))
	if err := lost.move(&loser, StateMerged, "merge"); err != nil {
		return Ticket{}, err
	}
	loser.MergedInto, loser.UpdatedAt = winner.ID, later(loser.UpdatedAt, told.at)
	if err := told.absorb(&winner, m.Before[1]); err != nil {
		return Ticket{}, err
	}
	if winner.Tags, err = Tags(append(slices.Clone(winner.Tags), loser.Tags...)); err != nil {
		return Ticket{}, err
	}
	m.After = winner.standing()
	if winner, err = put(ctx, tx, winner, told, m.Before[0].Tags); err != nil {
		return Ticket{}, err
	}
	if _, err = put(ctx, tx, loser, lost, loser.Tags); err != nil {
		return Ticket{}, err
	}
	return winner, tx.SaveMerge(ctx, m)
}

// absorb changes the winner by what the loser was.
func (s *story) absorb(winner *Ticket, loser Standing) error {
	if loser.Priority > winner.Priority {
		s.changed("priority", strconv.Itoa(winner.Priority), strconv.Itoa(loser.Priority), "merge")
		winner.Priority = loser.Priority
	}
	if winner.AssigneeID == "" {
		s.changed("assignee", "", loser.Assignee, "merge")
		winner.AssigneeID = loser.Assignee
	}
	if (loser.State == StateNew || loser.State == StateOpen) && winner.State != StateNew {
		if err := s.move(winner, StateOpen, "merge"); err != nil {
			return err
		}
	}
	winner.UpdatedAt = later(winner.UpdatedAt, s.at)
	return nil
}

// put saves a ticket, its tags when they changed, and its story.
func put(ctx context.Context, tx DeskTx, t Ticket, told story, before []string) (Ticket, error) {
	saved, err := tx.SaveTicket(ctx, t)
	if err != nil {
		return Ticket{}, fmt.Errorf("save ticket %s: %w", t.ID, err)
	}
	if !slices.Equal(before, t.Tags) {
		if err := tx.SetTags(ctx, t.ID, t.Tags); err != nil {
			return Ticket{}, fmt.Errorf("tags of ticket %s: %w", t.ID, err)
		}
	}
	saved.Tags = t.Tags
	return saved, tx.AddEvents(ctx, t.ID, told.lines...)
}

// editable returns a ticket that is neither closed nor merged.
func editable(ctx context.Context, tx CaseTx, ticketID string) (Ticket, error) {
	t, ok, err := tx.Ticket(ctx, ticketID)
	switch {
	case err != nil:
	case !ok:
		err = fmt.Errorf("ticket %s: %w", ticketID, ErrNotFound)
	case t.State.Immutable():
		err = fmt.Errorf("%w: ticket %d is %s", ErrImmutable, t.Number, t.State)
	}
	return t, err
}

// standing is what a merge may change in t.
func (t Ticket) standing() Standing {
	return Standing{
		State: t.State, Priority: t.Priority, Assignee: t.AssigneeID, Tags: slices.Clone(t.Tags), SolvedAt: t.SolvedAt, Reopened: t.Reopened,
	}
}

// Unmerge takes the newest merge of a loser back: what came from it returns,
// with what was written since in its chats and threads; the winner's state,
// priority, assignee and tags are as before, unless somebody changed them since.
// ErrTooLate after UndoWithin; ErrState when the winner was merged itself (undo
// that first) and ErrImmutable when it is closed.
func (d *Desk) Unmerge(ctx context.Context, by Actor, loserID string) (t Ticket, err error) {
	err = d.Act(ctx, func(tx DeskTx) error {
		t, err = unmerge(ctx, tx, loserID, story{at: d.now(), actor: string(by.ID)})
		return err
	})
	return t, err
}

func unmerge(ctx context.Context, tx DeskTx, loserID string, told story) (Ticket, error) {
	m, err := undoable(ctx, tx, MergeTicket, loserID, told)
	if err != nil {
		return Ticket{}, err
	}
	winner, ok, err := tx.Ticket(ctx, m.WinnerID)
	if err != nil {
		return Ticket{}, err
	}
	loser, found, err := tx.Ticket(ctx, m.LoserID)
	switch {
	case err != nil:
		return Ticket{}, err
	case !ok || !found || loser.State != StateMerged:
		return Ticket{}, fmt.Errorf("ticket %s: %w", loserID, ErrNotFound)
	case winner.State == StateMerged:
		return Ticket{}, fmt.Errorf("%w: ticket %d was merged since", ErrState, winner.Number)
	case winner.State == StateClosed:
		return Ticket{}, fmt.Errorf("%w: ticket %d is closed", ErrImmutable, winner.Number)
	}
	if err := tx.MoveBack(ctx, m.Moved); err != nil {
		return Ticket{}, fmt.Errorf("move back to ticket %s: %w", loserID, err)
	}
	had := winner.Tags
	told.tell("unmerged_from", "ticket", loser.ID, "number", strconv.FormatInt(loser.Number, 10))
	told.restore(&winner, m)
	back := story{at: told.at, actor: told.actor}
	back.tell("unmerged", "from", winner.ID, "number", strconv.FormatInt(winner.Number, 10))
	was := m.Before[1]
	back.changed("state", string(loser.State), string(was.State), "undo")
	loser.State, loser.SolvedAt, loser.Reopened, loser.MergedInto = was.State, was.SolvedAt, was.Reopened, ""
	loser.UpdatedAt = later(loser.UpdatedAt, told.at)
	if _, err = put(ctx, tx, winner, told, had); err != nil {
		return Ticket{}, err
	}
	if loser, err = put(ctx, tx, loser, back, loser.Tags); err != nil {
		return Ticket{}, err
	}
	m.UndoneAt = told.at
	return loser, tx.SaveMerge(ctx, m)
}

// restore gives the winner back what the merge changed and nobody since.
func (s *story) restore(winner *Ticket, m Merge) {
	before, after := m.Before[0], m.After
	if winner.Priority == after.Priority {
		s.changed("priority", strconv.Itoa(winner.Priority), strconv.Itoa(before.Priority), "undo")
		winner.Priority = before.Priority
	}
	if winner.AssigneeID == after.Assignee {
		s.changed("assignee", winner.AssigneeID, before.Assignee, "undo")
		winner.AssigneeID = before.Assignee
	}
	if winner.State == after.State && winner.SolvedAt.Equal(after.SolvedAt) && winner.Reopened == after.Reopened {
		s.changed("state", string(winner.State), string(before.State), "undo")
		winner.State, winner.SolvedAt, winner.Reopened = before.State, before.SolvedAt, before.Reopened
	}
	winner.Tags = slices.DeleteFunc(slices.Clone(winner.Tags), func(t string) bool {
		return slices.Contains(after.Tags, t) && !slices.Contains(before.Tags, t)
	})
	if len(winner.Tags) == 0 {
		winner.Tags = nil
	}
	winner.UpdatedAt = later(winner.UpdatedAt, s.at)
}

// undoable returns the merge that may still be undone.
func undoable(ctx context.Context, tx DeskTx, kind, loserID string, told story) (Merge, error) {
	m, ok, err := tx.LastMerge(ctx, kind, loserID)
	switch {
	case err != nil:
	case !ok:
		err = fmt.Errorf("a merge of %s %s: %w", kind, loserID, ErrNotFound)
	case told.at.Sub(m.At) > UndoWithin:
		err = ErrTooLate
	}
	return m, err
}

// MergeContacts makes the loser part of the winner: identities, tickets and
// interactions go there. It can be undone for UndoWithin.
func (d *Desk) MergeContacts(ctx context.Context, by Actor, winnerID, loserID string) error {
	return d.Act(ctx, func(tx DeskTx) error {
		both := [2]Contact{}
		for i, contactID := range [2]string{winnerID, loserID} {
			c, ok, err := tx.Contact(ctx, contactID)
			if err != nil {
				return err
			}
			if !ok {
				return fmt.Errorf("contact %s: %w", contactID, ErrNotFound)
			}
			if c.ID != contactID {
				return fmt.Errorf("%w: contact %s was merged", ErrState, contactID)
			}
			both[i] = c
		}
		return mergeContacts(ctx, tx, by, both[0], both[1], "manual", d.now())
	})
}

// UnmergeContacts takes the newest merge of a contact back. ErrTooLate after
// UndoWithin, ErrState when the winner was merged himself since.
func (d *Desk) UnmergeContacts(ctx context.Context, by Actor, loserID string) error {
	return d.Act(ctx, func(tx DeskTx) error {
		told := story{at: d.now(), actor: string(by.ID)}
		m, err := undoable(ctx, tx, MergeContact, loserID, told)
		if err != nil {
			return err
		}
		winner, ok, err := tx.Contact(ctx, m.WinnerID)
		if err != nil {
			return err
		}
		if !ok || winner.ID != m.WinnerID {
			return fmt.Errorf("%w: contact %s was merged since", ErrState, m.WinnerID)
		}
		loser, ok, err := tx.MergedContact(ctx, loserID)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("contact %s: %w", loserID, ErrNotFound)
		}
		loser.MergedInto = ""
		if err := tx.SaveContact(ctx, loser, told.at); err != nil {
			return fmt.Errorf("unmerge contact %s: %w", loserID, err)
		}
		if err := tx.MoveBack(ctx, m.Moved); err != nil {
			return fmt.Errorf("move back to contact %s: %w", loserID, err)
		}
		told.tell("contact_unmerged", "winner", m.WinnerID, "loser", loserID)
		for _, t := range m.Moved.Tickets {
			if err := tx.AddEvents(ctx, t, told.lines...); err != nil {
				return fmt.Errorf("timeline of ticket %s: %w", t, err)
			}
		}
		m.UndoneAt = told.at
		return tx.SaveMerge(ctx, m)
	})
}
