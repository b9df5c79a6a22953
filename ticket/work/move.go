package work

import (
	"cmp"
	"context"
	"strings"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/logkey"
	"pickup/queue"
)

// Claim gives a waiting item to an agent who takes it by hand, before its turn.
// It is his when the queue has it on disk, a moment later. Errors: ErrGone,
// ErrTaken, queue.ErrNoRoom, queue.ErrNotAllowed, queue.ErrUnknownAgent.
func (b *Board) Claim(ctx context.Context, id queue.ItemID, agent account.ID) (Item, error) {
	return b.with(ctx, id, func(p *piece) error {
		switch {
		case p.holder() == agent:
			return nil
		case p.holder() != "":
			return ErrTaken
		}
		offer, err := b.queue.Claim(b.life, id, agent)
		if err != nil {
			return err
		}
		if p.offer != "" && p.offer != offer { // it was shown to somebody
			b.queue.Final(p.offer)
			p.tried("withdrawn", "")
			b.changed(p, p.Agent)
		}
		b.show(p, agent, offer, time.Time{})
		b.changed(p, agent)
		return nil
	})
}

// Park sets aside what agent works on; Resume takes it up again. "" is the
// system. Errors: ErrGone, ErrTaken, ErrState, queue.ErrNoRoom.
func (b *Board) Park(ctx context.Context, id queue.ItemID, agent account.ID) (Item, error) {
	return b.with(ctx, id, func(p *piece) error {
		if err := p.heldBy(agent); err != nil || p.State == Parked {
			return err
		}
		if err := b.queue.Park(b.life, p.offer); err != nil {
			return err
		}
		b.put(p, Parked)
		return nil
	})
}

// Resume takes up what was parked. Errors: as Park.
func (b *Board) Resume(ctx context.Context, id queue.ItemID, agent account.ID) (Item, error) {
	return b.with(ctx, id, func(p *piece) error {
		if err := p.heldBy(agent); err != nil || p.State == Active {
			return err
		}
		if err := b.queue.Resume(b.life, p.offer); err != nil {
			return err
		}
		b.put(p, Active)
		return nil
	})
}

// put changes how its agent holds p.
func (b *Board) put(p *piece, s State) {
	if p.State != s {
		p.State = s
		b.changed(p, p.Agent)
	}
}

// Transfer lets an item wait in a queue (another one or its own), for an agent or
// for who has a skill, with the key it has. agent must hold it, or be offered it;
// "" is the system, which may move anything. Nothing is stored: the fact has to
// say the same before the next start (ticket.Desk.HandOver). Errors: ErrGone,
// ErrTaken, those of queue.Domain.Transfer.
func (b *Board) Transfer(ctx context.Context, id queue.ItemID, agent account.ID, to queue.Destination) (Item, error) {
	return b.with(ctx, id, func(p *piece) error {
		if agent != "" && p.Agent != agent {
			return ErrTaken
		}
		name := cmp.Or(strings.ToLower(to.Queue), p.Queue)
		if err := b.queue.Transfer(b.life, id, to); err != nil {
			return err
		}
		if p.offer != "" {
			b.queue.Final(p.offer)
			p.tried("withdrawn", "transfer")
		}
		had := b.wait(p)
		p.LostBy = ""
		p.Queue, p.Wish = name, Wish{Agent: to.Agent, Skill: to.Skill, By: to.By}
		if to.Skill != "" {
			p.Wish.Level = max(to.Level, 1)
		}
		p.tell(Note{Kind: NoteMoved, Agent: had, Queue: name})
		b.changed(p, had)
		return nil
	})
}

// SetPriority moves an item to the place of another priority at once. Errors:
// ErrGone, queue.ErrPriority.
func (b *Board) SetPriority(ctx context.Context, id queue.ItemID, priority int) (Item, error) {
	return b.with(ctx, id, func(p *piece) error {
		if err := b.queue.SetPriority(b.life, id, priority); err != nil {
			return err
		}
		b.prioritised(p, priority)
		return nil
	})
}

// SetTicketPriority moves all that waits of a ticket.
func (b *Board) SetTicketPriority(ticketID string, priority int) {
	b.box.Put(func() {
		for _, p := range b.tickets[ticketID] {
			if p.Priority != priority {
				b.setPriority(p, priority)
			}
		}
	})
}

func (b *Board) setPriority(p *piece, priority int) {
	if err := b.queue.SetPriority(b.life, p.ID, priority); err != nil {
		if b.life.Err() == nil {
			b.log.Warn("a priority could not be changed", logkey.Item, string(p.ID), logkey.Err, err)
		}
		return
	}
	b.prioritised(p, priority)
}

// prioritised keeps the new place, by the formula of the key.
func (b *Board) prioritised(p *piece, priority int) {
	p.Key -= int64(priority-p.Priority) * time.Minute.Milliseconds()
	p.Priority = priority
	b.changed(p, p.Agent)
}

// lost lets a chat wait at the front again: its agent is gone.
func (b *Board) lost(p *piece) {
	p.tried("lost", "")
	b.queue.AgentLost(p.offer, call.OutcomeMissed)
	b.queue.Final(p.offer)
	p.Class = queue.ClassRepair
	p.LostBy = p.Agent
	b.returned(p)
}

// giveBack gives a chat that waits to who lost it, if he is here and it fits
// beside what he has; else it waits for anybody.
func (b *Board) giveBack(p *piece) {
	c := b.consoles[p.LostBy]
	if p.State != Waiting || c == nil || c.open == 0 {
		return
	}
	offer, err := b.queue.Claim(b.life, p.ID, p.LostBy)
	if err != nil {
		b.log.Info("a chat waits for another agent than who lost it", logkey.Item, string(p.ID), logkey.Agent, string(p.LostBy), logkey.Err, err)
		return
	}
	b.show(p, p.LostBy, offer, time.Time{})
	b.changed(p, p.LostBy)
}
