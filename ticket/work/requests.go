package work

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

// Accept makes an offer the work of its agent. It is his already: no error.
// Errors: ErrGone, ErrTaken (offered to somebody else, or too late), ErrStopped.
func (b *Board) Accept(ctx context.Context, id queue.ItemID, agent account.ID) (Item, error) {
	return b.with(ctx, id, func(p *piece) error {
		switch {
		case p.holder() == agent:
			return nil
		case p.State != Offered || p.Agent != agent:
			return ErrTaken
		case p.Deadline.IsZero(): // claimed: it is on its way
			return nil
		}
		won, err := b.queue.Answered(b.life, p.offer)
		if err != nil {
			return err
		}
		if !won {
			b.queue.Final(p.offer)
			p.tried("withdrawn", "")
			b.returned(p)
			return ErrTaken
		}
		b.queue.Bridged(p.offer)
		b.take(p)
		return nil
	})
}

// Reject gives an offer back: the item keeps its place, the agent is offered
// nothing for a while. Errors: as Accept.
func (b *Board) Reject(ctx context.Context, id queue.ItemID, agent account.ID, reason string) (Item, error) {
	return b.with(ctx, id, func(p *piece) error {
		if p.State != Offered || p.Agent != agent || p.Deadline.IsZero() {
			return ErrTaken
		}
		p.tried("rejected", reason)
		b.queue.Missed(p.offer, call.OutcomeRejected)
		b.queue.Final(p.offer)
		b.returned(p)
		return nil
	})
}

// Done ends work that was done. agent must hold it; "" is the system, which may
// end anybody's. Errors: ErrGone, ErrTaken, ErrState when nobody holds it.
func (b *Board) Done(ctx context.Context, id queue.ItemID, agent account.ID) (Item, error) {
	return b.with(ctx, id, func(p *piece) error {
		if err := p.heldBy(agent); err != nil {
			return err
		}
		b.release(p, call.EndAnswered)
		p.tell(Note{Kind: NoteEnded, Agent: p.Agent, Reason: call.EndAnswered})
		b.changed(p, p.Agent)
		return nil
	})
}

// heldBy says why agent may not act on what he should hold; nil when he may.
func (p *piece) heldBy(agent account.ID) error {
	switch {
	case p.holder() == "":
		return ErrState
	case agent != "" && p.holder() != agent:
		return ErrTaken
	}
	return nil
}

// Leave ends a task from the customer's side: he left, or his talk is over.
// reason "" lets the queue say which kind of abandon it was; who was answered
// ends as answered. It returns the reason that was stored. Errors: ErrGone,
// ErrStopped.
func (b *Board) Leave(ctx context.Context, id queue.ItemID, reason call.EndReason) (call.EndReason, error) {
	return ask(ctx, b, func() (call.EndReason, error) {
		p := b.pieces[id]
		if p == nil {
			return "", ErrGone
		}
		agent := p.Agent
		if p.holder() != "" {
			if reason == "" {
				reason = call.EndAnswered
			}
			b.release(p, reason)
		} else {
			p.tried("withdrawn", "")
			reason = b.leave(p, reason)
		}
		b.changed(p, agent)
		return reason, nil
	})
}

// Get returns one piece of work. Errors: ErrGone, ErrStopped.
func (b *Board) Get(ctx context.Context, id queue.ItemID) (Item, error) {
	return b.with(ctx, id, func(*piece) error { return nil })
}

// Story returns one piece of work with every offer that is stored, also when it
// is on the board no more: then its state is Ended. Errors: ErrGone, ErrStopped,
// those of the store.
func (b *Board) Story(ctx context.Context, id queue.ItemID) (Worked, error) {
	stored, storeErr := b.store.Worked(ctx, string(id))
	item, err := b.Get(ctx, id)
	switch {
	case errors.Is(err, ErrGone):
		stored.State = Ended
		return stored, storeErr
	case err != nil:
		return Worked{}, err
	case storeErr != nil && !errors.Is(storeErr, ErrGone): // its row may be on its way
		return Worked{}, storeErr
	}
	// What happened before a restart is in the store alone, what an agent said of a
	// reject in the board alone.
	if before := len(stored.Trials) - len(item.Trials); before > 0 {
		item.Trials = append(stored.Trials[:before:before], item.Trials...)
	}
	return Worked{Item: item}, nil
}

// with runs fn on a piece and returns it as it is then.
func (b *Board) with(ctx context.Context, id queue.ItemID, fn func(*piece) error) (Item, error) {
	return ask(ctx, b, func() (Item, error) {
		p := b.pieces[id]
		if p == nil {
			return Item{}, ErrGone
		}
		err := fn(p)
		return p.view(), err
	})
}

// Filter chooses pieces of work. Empty fields choose all.
type Filter struct {
	// Agent: what he is offered, holds, or could take by hand: of Queues.
	Agent   account.ID
	Queues  []string // lower case; nil: all
	Channel call.Channel
	States  []State
	Limit   int // 0: all
}

// takes reports whether the filter lets p through.
func (f *Filter) takes(p *piece) bool {
	if f.Channel != "" && p.Channel != f.Channel || len(f.States) > 0 && !slices.Contains(f.States, p.State) {
		return false
	}
	inQueues := f.Queues == nil || slices.Contains(f.Queues, strings.ToLower(p.Queue))
	if f.Agent == "" {
		return inQueues
	}
	return p.Agent == f.Agent || p.State == Waiting && inQueues
}

// List returns the pieces that the filter lets through: first what is offered,
// then what is held, then what waits, each in the order of the queue.
func (b *Board) List(ctx context.Context, f Filter) ([]Item, error) {
	return ask(ctx, b, func() ([]Item, error) {
		var all []Item
		for _, p := range b.pieces {
			if f.takes(p) {
				all = append(all, p.view())
			}
		}
		slices.SortFunc(all, func(x, y Item) int {
			return cmp.Or(cmp.Compare(rank(x.State), rank(y.State)), cmp.Compare(x.Class, y.Class),
				cmp.Compare(x.Key, y.Key), cmp.Compare(x.ID, y.ID))
		})
		if f.Limit > 0 && len(all) > f.Limit {
			all = all[:f.Limit]
		}
		return all, nil
	})
}

// rank is the place of a state in a list.
func rank(s State) int {
	return slices.Index([]State{Offered, Active, Parked, Waiting}, s)
}

// Offers returns what agent is offered at this moment.
func (b *Board) Offers(ctx context.Context, agent account.ID) ([]Item, error) {
	return b.List(ctx, Filter{Agent: agent, Queues: []string{}, States: []State{Offered}})
}

// Holding is how an agent has work on a ticket.
type Holding int

const (
	HoldsNot  Holding = iota
	IsOffered         // it is shown to him
	Holds             // he accepted it
)

// Holding returns how an agent has work on a ticket.
func (b *Board) Holding(agent account.ID, ticketID string) Holding {
	// The owner answers at once, or has gone: there is nothing to cancel.
	how, _ := ask(context.Background(), b, func() (Holding, error) {
		how := HoldsNot
		for _, p := range b.tickets[ticketID] {
			switch {
			case p.holder() == agent:
				return Holds, nil
			case p.Agent == agent:
				how = IsOffered
			}
		}
		return how, nil
	})
	return how
}

// Holders returns who holds, or is offered, work on a ticket.
func (b *Board) Holders(ticketID string) []account.ID {
	all, _ := ask(context.Background(), b, func() (all []account.ID, _ error) {
		for _, p := range b.tickets[ticketID] {
			if p.Agent != "" {
				all = append(all, p.Agent)
			}
		}
		return all, nil
	})
	return all
}

// TicketsOf returns the tickets whose work an agent holds or is offered.
func (b *Board) TicketsOf(agent account.ID) []string {
	all, _ := ask(context.Background(), b, func() (all []string, _ error) {
		for _, p := range b.pieces {
			if p.Agent == agent && !slices.Contains(all, p.TicketID) {
				all = append(all, p.TicketID)
			}
		}
		return all, nil
	})
	return all
}
