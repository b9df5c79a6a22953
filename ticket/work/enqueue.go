package work

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/logkey"
	"pickup/queue"
	"pickup/ticket"
)

// Enqueue puts a task on the board, unless it is there already: then its
// priority is brought up to date and watch takes the old one's place. watch,
// which may be nil, is told what becomes of it; it is called by the owner of the
// board and must not block. Errors: those of queue.Domain.Join, ErrStopped.
func (b *Board) Enqueue(ctx context.Context, t Task, watch func(Note)) (Item, error) {
	return ask(ctx, b, func() (Item, error) {
		p, err := b.enqueue(t, watch)
		if err != nil {
			return Item{}, err
		}
		return p.view(), nil
	})
}

func (b *Board) enqueue(t Task, watch func(Note)) (*piece, error) {
	id := t.ItemID()
	if p := b.pieces[id]; p != nil {
		if watch != nil {
			p.watch = watch
			if p.Agent != "" && p.State != Offered {
				p.tell(Note{Kind: NoteAssigned, Agent: p.Agent})
			}
		}
		b.refresh(p, t)
		return p, nil
	}
	p := &piece{Item: Item{ID: id, Task: t, State: Waiting}, watch: watch, joinedAt: time.Now()}
	entry, err := b.queue.Join(b.life, b.item(t))
	if err != nil {
		return nil, fmt.Errorf("enqueue %s: %w", id, err)
	}
	joined := entry.Item()
	p.entry, p.Key, p.Class, p.DueAt = entry, joined.Key, joined.Class, joined.DueAt
	b.add(p)
	if t.Holder != "" && t.Channel == call.ChannelChat {
		b.awaited(t.Holder)
	}
	b.children.Go(func() { b.listen(p, entry) })
	if t.LostBy != "" {
		b.giveBack(p)
	}
	b.changed(p, "")
	return p, nil
}

// urgentTarget is how soon a deferred item of priority 3 is to be answered; the
// others have the target of their queue and channel.
const urgentTarget = time.Hour

// item is what the queue gets of a task.
func (b *Board) item(t Task) queue.Item {
	it := queue.Item{
		ID: t.ItemID(), Channel: t.Channel, Queue: t.Queue, Language: t.Language, Player: t.Player, Priority: t.Priority,
		EnqueuedAt: t.Since, Needs: t.needs(), CountsAsOffered: t.Holder == "", TicketID: t.TicketID, InteractionID: t.InteractionID,
		DueAt: t.DueAt, Holder: t.Holder, Parked: t.Parked,
	}
	if !t.Channel.Live() && t.Priority >= ticket.PriorityUrgent {
		it.Target = urgentTarget
		if it.DueAt.IsZero() && !t.Since.IsZero() {
			it.DueAt = t.Since.Add(urgentTarget)
		}
	}
	preferred := t.Preferred
	if t.Wish.By != "" {
		preferred, it.By = t.Wish.Agent, t.Wish.By
	}
	if t.Wish.Skill != "" {
		it.Needs = append(it.Needs, queue.Need{Skill: t.Wish.Skill, Level: t.Wish.Level, Asked: true})
	}
	if preferred != "" {
		wait := b.cfg.PreferOther
		if t.Channel == call.ChannelChat {
			wait = b.cfg.PreferChat
		}
		it.Preferred, it.PreferredUntil = preferred, time.Now().Add(wait)
	}
	return it
}

// listen carries what the queue says of an item to the owner of the board.
func (b *Board) listen(p *piece, entry *queue.Entry) {
	for {
		select {
		case n, ok := <-entry.Notices():
			if !ok || !b.box.Put(func() { b.notice(p, entry, n) }) {
				return
			}
		case <-b.done:
			return
		}
	}
}

// notice is what the queue decided about p.
func (b *Board) notice(p *piece, entry *queue.Entry, n queue.Notice) {
	if b.pieces[p.ID] != p || p.entry != entry {
		if n.Kind == queue.NoticeOffer {
			b.queue.Final(n.Offer.ID) // it ended before the offer was read
		}
		return
	}
	switch n.Kind {
	case queue.NoticeOffer:
		b.offered(p, n)
	case queue.NoticeWithdraw:
		b.queue.Final(n.Offer.ID)
		if p.offer != n.Offer.ID {
			return
		}
		p.tried("withdrawn", "")
		b.returned(p)
	case queue.NoticeParked, queue.NoticeResumed:
		if p.offer == n.Offer.ID && p.holder() != "" {
			b.put(p, map[bool]State{true: Parked, false: Active}[n.Kind == queue.NoticeParked])
		}
	case queue.NoticeEnd:
		p.tried("withdrawn", "")
		agent := p.Agent
		b.drop(p)
		p.tell(Note{Kind: NoteEnded, Reason: n.Reason, Agent: agent})
		b.changed(p, agent)
	}
}

// offered shows p to an agent.
func (b *Board) offered(p *piece, n queue.Notice) {
	o := n.Offer
	if p.offer != "" && p.offer != o.ID { // a claim that came between
		p.tried("withdrawn", "")
	}
	b.show(p, o.Agent, o.ID, time.Now().Add(o.RingTime))
	p.Why = o.Why
	p.Trials = append(p.Trials, Trial{At: time.Now(), Agent: o.Agent, Why: o.Why})
	if extra := len(p.Trials) - keepTrials; extra > 0 {
		p.Trials = p.Trials[extra:]
	}
	if o.Accepted {
		b.take(p)
		if o.Parked {
			b.put(p, Parked)
		}
		return
	}
	b.queue.Ringing(o.ID)
	p.tell(Note{Kind: NoteOffered, Agent: o.Agent})
	b.changed(p, o.Agent)
}

// returned lets p wait again, and says so.
func (b *Board) returned(p *piece) {
	held := p.holder() != ""
	had := b.wait(p)
	if !held && had == p.LostBy {
		p.LostBy = "" // he was shown it again, and did not want it
	}
	p.tell(Note{Kind: NoteReturned, Agent: had, Held: held, Lost: held && p.LostBy == had})
	b.changed(p, had)
	if p.LostBy != "" { // who lost it came back while another was shown it
		b.giveBack(p)
	}
}

// take makes p the work of its agent: he won the offer.
func (b *Board) take(p *piece) {
	p.tried("accepted", "")
	delete(b.shown, p.ID)
	p.State, p.Deadline, p.TakenAt, p.LostBy = Active, time.Time{}, time.Now(), ""
	p.tell(Note{Kind: NoteAssigned, Agent: p.Agent})
	b.changed(p, p.Agent)
}

// expire ends what is due: offers that nobody answered, consoles that stayed
// closed.
func (b *Board) expire(now time.Time) {
	for _, p := range b.shown {
		if !p.Deadline.IsZero() && !p.Deadline.After(now) {
			p.tried("missed", "")
			b.queue.Missed(p.offer, call.OutcomeMissed)
			b.queue.Final(p.offer)
			b.returned(p)
		}
	}
	if !b.wanted.IsZero() && !b.wanted.After(now) {
		b.sweep()
	}
	for agent, c := range b.consoles {
		if !c.due.IsZero() && !c.due.After(now) {
			b.consoleDue(agent, c)
		}
	}
}

// refresh brings what the fact says now into a piece.
func (b *Board) refresh(p *piece, t Task) {
	if t.TicketID != p.TicketID { // it was merged into another
		b.leaveTicket(p)
		p.TicketID = t.TicketID
		b.add(p)
	}
	needs := !slices.EqualFunc(p.needs(), t.needs(), func(x, y queue.Need) bool { return x.Skill == y.Skill && x.Level == y.Level })
	p.Subject, p.Player, p.Category = t.Subject, t.Player, t.Category
	if needs && p.holder() == "" {
		b.rejoin(p)
	}
	if t.Priority != p.Priority {
		b.setPriority(p, t.Priority)
	}
}

// rejoin lets a piece that nobody holds wait in its place for agents of other
// skills: its category changed.
func (b *Board) rejoin(p *piece) {
	it := b.item(p.Task)
	it.Key, it.CountsAsOffered = p.Key, false
	if _, err := b.queue.Leave(b.life, p.ID, call.EndWithdrawn); err != nil {
		return // it ended at this moment: its notice is on the way
	}
	if p.offer != "" {
		b.queue.Final(p.offer)
		p.tried("withdrawn", "category")
	}
	had := b.wait(p)
	entry, err := b.queue.Join(b.life, it)
	if err != nil { // the next look at the facts tries again
		b.drop(p)
		p.tell(Note{Kind: NoteEnded, Agent: had, Reason: call.EndWithdrawn})
		return
	}
	p.entry = entry
	b.children.Go(func() { b.listen(p, entry) })
	p.tell(Note{Kind: NoteReturned, Agent: had})
	b.changed(p, had)
}

// refreshEvery is how often the facts are read at most, however much changes.
const refreshEvery = time.Second

// sweep has a child read the facts.
func (b *Board) sweep() {
	b.wanted = time.Time{}
	if b.sweeping {
		b.again = true
		return
	}
	b.sweeping, b.again = true, false
	asked := time.Now()
	b.asked = asked
	b.children.Go(func() {
		tasks, err := b.store.OpenTasks(b.life)
		b.box.Put(func() { b.swept(asked, tasks, err) })
	})
}

// Refresh asks the board to look at the facts, within a second: a mail came, a
// ticket was assigned, answered or solved elsewhere.
func (b *Board) Refresh() { b.box.Put(b.want) }

func (b *Board) want() {
	if b.wanted.IsZero() {
		b.wanted = b.asked.Add(refreshEvery)
	}
}

// TicketChanged is Refresh, and tells the owners of tasks on that ticket.
func (b *Board) TicketChanged(ticketID string) {
	b.box.Put(func() {
		b.want()
		for _, p := range b.tickets[ticketID] {
			p.tell(Note{Kind: NoteTicket})
		}
	})
}

// swept makes the board agree with the facts as they were at asked.
func (b *Board) swept(asked time.Time, tasks []Task, err error) {
	b.sweeping = false
	if b.again {
		defer b.sweep()
	}
	if err != nil {
		if b.life.Err() == nil {
			b.log.Error("the waiting work could not be read", logkey.Err, err)
		}
		return
	}
	owed := make(map[queue.ItemID]bool, len(tasks))
	for i := range tasks {
		t := &tasks[i]
		id := t.ItemID()
		owed[id] = true
		if left, ok := b.gone[id]; ok && !left.Before(asked) {
			continue // done while the facts were read
		}
		_, err := b.enqueue(*t, nil)
		if err != nil && !b.refused[id] && !errors.Is(err, queue.ErrStopped) && b.life.Err() == nil {
			b.log.Warn("work cannot wait in its queue", logkey.Ticket, t.TicketID, logkey.Queue, t.Queue, logkey.Err, err)
		}
		if err != nil {
			b.refused[id] = true
		} else {
			delete(b.refused, id)
		}
	}
	maps.DeleteFunc(b.gone, func(_ queue.ItemID, left time.Time) bool { return left.Before(asked) })
	maps.DeleteFunc(b.refused, func(id queue.ItemID, _ bool) bool { return !owed[id] })
	for _, p := range b.pieces {
		if p.Channel != call.ChannelChat && !owed[p.ID] && p.joinedAt.Before(asked) {
			b.settle(p)
		}
	}
}

// settle ends a piece for which nothing is owed any more.
func (b *Board) settle(p *piece) {
	agent := p.Agent
	if p.State == Active || p.State == Parked {
		b.release(p, call.EndAnswered)
	} else {
		p.tried("withdrawn", "")
		b.leave(p, call.EndWithdrawn)
	}
	p.tell(Note{Kind: NoteEnded, Agent: agent, Reason: call.EndAnswered})
	b.changed(p, agent)
}

// release ends the work of the agent who holds p.
func (b *Board) release(p *piece, reason call.EndReason) {
	b.drop(p)
	b.queue.Release(p.offer, reason)
	b.queue.Final(p.offer)
}

// leave takes p, which nobody holds, out of the queue.
func (b *Board) leave(p *piece, reason call.EndReason) call.EndReason {
	b.drop(p)
	got, err := b.queue.Leave(b.life, p.ID, reason)
	if p.offer != "" {
		b.queue.Final(p.offer)
	}
	if err != nil {
		return reason // the queue ended it by itself meanwhile
	}
	return got
}

// holder is who has p; an offer is nobody's yet.
func (p *piece) holder() account.ID {
	if p.State == Active || p.State == Parked {
		return p.Agent
	}
	return ""
}
