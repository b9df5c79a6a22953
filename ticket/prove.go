package ticket

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Prove says that a contact who was known by what anybody can say, or by the
// token of a page, has proved who he is. Whoever proved one of ids before takes
// him over, with his tickets and interactions; it is a merge as any other, and
// can be undone. Where nobody did, what he proved is added to him. Who is
// somebody already does not become another: ErrState. name fills an empty one.
func Prove(ctx context.Context, tx DeskTx, contactID, name string, ids []Identity, at time.Time) (Contact, error) {
	c, ok, err := tx.Contact(ctx, contactID)
	if err == nil && !ok {
		err = ErrNotFound
	}
	if err != nil {
		return Contact{}, fmt.Errorf("contact %s: %w", contactID, err)
	}
	owners, err := provedBy(ctx, tx, ids)
	if err != nil {
		return Contact{}, err
	}
	his, err := tx.Identities(ctx, c.ID)
	if err != nil {
		return Contact{}, err
	}
	if !has(owners, c.ID) && slices.ContainsFunc(his, func(i Identity) bool { return i.Verified && i.Kind != "visitor" }) {
		return Contact{}, fmt.Errorf("%w: contact %s is somebody already", ErrState, c.ID)
	}
	a := &arrival{in: Incoming{Name: clean(name)}, at: at}
	winner := c
	if len(owners) > 0 {
		winner = owners[0]
	}
	if !has(owners, c.ID) {
		owners = append(owners, c)
	}
	for _, loser := range owners {
		if loser.ID == winner.ID {
			continue
		}
		if err := mergeContacts(ctx, tx, Actor{}, winner, loser, "verified", at); err != nil {
			return Contact{}, err
		}
	}
	if err := a.welcome(ctx, tx, winner, ids); err != nil {
		return Contact{}, err
	}
	return a.contact, nil
}
