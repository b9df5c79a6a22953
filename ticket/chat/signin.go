package chat

import (
	"context"
	"errors"
	"time"

	"pickup/call"
	"pickup/ticket"
)

// SignIn says that the anonymous visitor of a conversation signed in at the
// operator's site. He and what he wrote, with its ticket, join the contact of the
// player; the conversation goes on. Where he is that player already nothing
// changes. Errors: ErrOther, ErrEnded, ErrStopped, those of the store.
func (r *Rooms) SignIn(ctx context.Context, id string, who Identity) error {
	reply := make(chan error, 1)
	_, err := inRoom(ctx, r, id, func(m *room) (struct{}, error) {
		m.signIn(who, func(err error) { reply <- err })
		return struct{}{}, nil
	})
	if err != nil {
		return err
	}
	select {
	case err := <-reply:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-r.life.Done():
		return ErrStopped
	}
}

// ErrOther says that a conversation is another player's.
var ErrOther = errors.New("chat: the conversation is another player's")

func (m *room) signIn(who Identity, answer func(error)) {
	if m.ending {
		answer(ErrEnded)
		return
	}
	now := time.Now()
	m.write(op{
		act: func(ctx context.Context, tx Tx) error {
			c, i, err := m.rows(ctx, tx)
			switch {
			case err != nil:
				return err
			case c.PlayerID == who.PlayerID:
				return nil
			case c.PlayerID != "":
				return ErrOther
			}
			c.PlayerID, c.Tier = who.PlayerID, line(who.Tier, 40)
			if who.Name != "" {
				c.Name = line(who.Name, 100)
			}
			if _, ok := emailOf(who.Email); ok {
				c.Email = who.Email
			}
			player, also := who.identities()
			contact, err := ticket.Prove(ctx, tx, i.ContactID, c.Name, append([]ticket.Identity{player}, also...), now)
			if errors.Is(err, ticket.ErrState) {
				return ErrOther
			}
			if err != nil {
				return err
			}
			if err := tx.SaveChat(ctx, c); err != nil {
				return err
			}
			return tx.AddEvents(ctx, i.TicketID, call.TimelineEvent{At: now, Kind: "signed_in", Actor: "system", Detail: map[string]string{
				"interaction_id": m.id, "contact_id": contact.ID,
			}})
		},
		done: func(err error) {
			if err == nil {
				m.change("event")
			}
			answer(err)
		},
	})
}

// identities are what the operator's site signed of a player.
func (who *Identity) identities() (ticket.Identity, []ticket.Identity) {
	var also []ticket.Identity
	if email, ok := emailOf(who.Email); ok {
		email.Verified = true
		also = append(also, email)
	}
	return ticket.Identity{Kind: "player", Value: who.PlayerID, Raw: who.PlayerID, Verified: true}, also
}
