package ticket

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"pickup/internal/id"
)

// identify finds or makes the contact who wrote.
func (a *arrival) identify(ctx context.Context, tx DeskTx) error {
	ids := a.identities()
	if a.in.ContactID == "" && len(ids) == 0 && a.continued {
		c, ok, err := tx.Contact(ctx, a.thread.ContactID)
		if ok || err != nil {
			a.contact = c
			return err
		}
	}
	known, err := a.known(ctx, tx)
	if err != nil {
		return err
	}
	owners, err := provedBy(ctx, tx, ids)
	if err != nil {
		return err
	}
	if known.ID != "" && !has(owners, known.ID) {
		proved, err := proves(ctx, tx, known.ID)
		if err != nil {
			return err
		}
		if proved { // he is somebody already: what he proves besides stays with whom it is
			return a.welcome(ctx, tx, known, ids)
		}
		if len(owners) == 0 {
			return a.welcome(ctx, tx, known, ids)
		}
		owners = append(owners, known) // nobody until now: he is who the proof says
	}
	if len(owners) == 0 {
		return a.claimed(ctx, tx, ids)
	}
	winner := owners[0]
	for _, loser := range owners[1:] {
		if err := mergeContacts(ctx, tx, Actor{}, winner, loser, "verified", a.at); err != nil {
			return err
		}
	}
	return a.welcome(ctx, tx, winner, ids)
}

// identities are those of the message that name somebody.
func (a *arrival) identities() []Identity {
	var ids []Identity
	for _, i := range append([]Identity{a.in.From}, a.in.Also...) {
		if i.Kind != "" && i.Value != "" && !slices.ContainsFunc(ids, i.equal) {
			ids = append(ids, i)
		}
	}
	return ids
}

func (i Identity) equal(o Identity) bool { return i.Kind == o.Kind && i.Value == o.Value }

// known is the contact that the channel named, zero when it named none.
func (a *arrival) known(ctx context.Context, tx DeskTx) (Contact, error) {
	if a.in.ContactID == "" {
		return Contact{}, nil
	}
	c, ok, err := tx.Contact(ctx, a.in.ContactID)
	if err == nil && !ok {
		err = fmt.Errorf("contact %s: %w", a.in.ContactID, ErrNotFound)
	}
	return c, err
}

// provedBy returns who proved the verified ones of ids, oldest first.
func provedBy(ctx context.Context, tx DeskTx, ids []Identity) ([]Contact, error) {
	var owners []Contact
	for _, i := range ids {
		if !i.Verified {
			continue
		}
		c, ok, err := tx.ContactOf(ctx, i)
		if err != nil {
			return nil, err
		}
		if !ok || has(owners, c.ID) {
			continue
		}
		his, err := tx.Identities(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(his, func(h Identity) bool { return h.Verified && h.equal(i) }) {
			owners = append(owners, c)
		}
	}
	slices.SortStableFunc(owners, func(a, b Contact) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return owners, nil
}

func has(contacts []Contact, contactID string) bool {
	return slices.ContainsFunc(contacts, func(c Contact) bool { return c.ID == contactID })
}

// proves reports whether a contact proved any identity.
func proves(ctx context.Context, tx DeskTx, contactID string) (bool, error) {
	his, err := tx.Identities(ctx, contactID)
	return slices.ContainsFunc(his, func(i Identity) bool { return i.Verified }), err
}

// claimed finds who is known by one of ids without a proof, else makes a
// contact. Who proves an address does not become the contact of somebody who
// only claimed it and proved another.
func (a *arrival) claimed(ctx context.Context, tx DeskTx, ids []Identity) error {
	for _, i := range ids {
		c, ok, err := tx.ContactOf(ctx, i)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if i.Verified {
			other, err := proves(ctx, tx, c.ID)
			if err != nil {
				return err
			}
			if other {
				continue
			}
		}
		return a.welcome(ctx, tx, c, ids)
	}
	c := Contact{ID: id.New(), Name: a.in.Name, CreatedAt: a.at}
	a.contact = c
	c.Language = a.language()
	if c.Name == "" && len(ids) > 0 {
		c.Name = cmp.Or(ids[0].Raw, ids[0].Value)
	}
	if c.Name == "" || len(ids) > 0 && ids[0].Kind == "visitor" && a.in.Name == "" {
		c.Name = visitorName(c.Language)
	}
	a.contact = c
	return tx.AddContact(ctx, c, ids...)
}

// welcome takes c as the contact and notes what is new about him.
func (a *arrival) welcome(ctx context.Context, tx DeskTx, c Contact, ids []Identity) error {
	if a.in.Name != "" && (c.Name == "" || c.Name == visitorName(french) || c.Name == visitorName(english)) {
		c.Name = a.in.Name
		if err := tx.SaveContact(ctx, c, a.at); err != nil {
			return err
		}
	}
	a.contact = c
	his, err := tx.Identities(ctx, c.ID)
	if err != nil {
		return err
	}
	for _, i := range ids {
		known := slices.IndexFunc(his, i.equal)
		if known >= 0 && (his[known].Verified || !i.Verified) {
			continue
		}
		if i.Verified {
			owner, ok, err := tx.ContactOf(ctx, i)
			if err != nil {
				return err
			}
			if ok && owner.ID != c.ID {
				proved, err := provedBy(ctx, tx, []Identity{i})
				if err != nil {
					return err
				}
				i.Verified = len(proved) == 0
			}
		}
		if known >= 0 && !i.Verified {
			continue
		}
		if err := tx.AddIdentity(ctx, c.ID, i, a.at); err != nil {
			return err
		}
	}
	return nil
}

// mergeContacts makes the loser part of the winner.
func mergeContacts(ctx context.Context, tx DeskTx, by Actor, winner, loser Contact, reason string, at time.Time) error {
	if winner.ID == loser.ID {
		return fmt.Errorf("%w: a contact is not merged with himself", ErrState)
	}
	moved, err := tx.MoveContact(ctx, loser.ID, winner.ID)
	if err != nil {
		return fmt.Errorf("move contact %s: %w", loser.ID, err)
	}
	loser.MergedInto = winner.ID
	if err := tx.SaveContact(ctx, loser, at); err != nil {
		return fmt.Errorf("merge contact %s: %w", loser.ID, err)
	}
	told := story{at: at, actor: string(by.ID)}
	told.tell("contact_merged", "winner", winner.ID, "loser", loser.ID, "reason", reason)
	for _, t := range moved.Tickets {
		if err := tx.AddEvents(ctx, t, told.lines...); err != nil {
			return fmt.Errorf("timeline of ticket %s: %w", t, err)
		}
	}
	return tx.SaveMerge(ctx, Merge{
		ID: id.New(), Kind: MergeContact, WinnerID: winner.ID, LoserID: loser.ID, By: by.ID, Reason: reason, At: at, Moved: moved,
	})
}
