package work

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"pickup/account"
	"pickup/internal/logkey"
	"pickup/internal/mailbox"
	"pickup/queue"
)

// keepTrials is how many showings of one item are remembered.
const keepTrials = 50

// Board is the written work of a site. Its methods may be called from any
// goroutine.
type Board struct {
	cfg   Config
	queue *queue.Domain
	store Store
	log   *slog.Logger
	box   *mailbox.Box[func()]
	done  chan struct{} // closed when the owner has gone

	// What follows belongs to the goroutine of Run.
	life     context.Context
	pieces   map[queue.ItemID]*piece
	shown    map[queue.ItemID]*piece            // those of pieces that are offered, or were claimed
	tickets  map[string]map[queue.ItemID]*piece // pieces by ticket
	consoles map[account.ID]*console
	gone     map[queue.ItemID]time.Time // when pieces left the board: older facts do not bring them back
	refused  map[queue.ItemID]bool      // whose queue did not take them, as was logged
	sweeping bool                       // a child reads the facts
	again    bool                       // they changed meanwhile
	asked    time.Time                  // when they were read last
	wanted   time.Time                  // when they are to be read; zero: with the next sweep
	children sync.WaitGroup
}

// piece is one item on the board.
type piece struct {
	Item
	offer    queue.OfferID
	joinedAt time.Time
	watch    func(Note) // nil: nobody
}

// New makes a Board; nothing happens before Run.
func New(cfg Config, q *queue.Domain, store Store, log *slog.Logger) *Board {
	return &Board{
		cfg: cfg.withDefaults(), queue: q, store: store, log: log,
		box: mailbox.New[func()](), done: make(chan struct{}),
		pieces: map[queue.ItemID]*piece{}, shown: map[queue.ItemID]*piece{}, tickets: map[string]map[queue.ItemID]*piece{},
		consoles: map[account.ID]*console{}, gone: map[queue.ItemID]time.Time{}, refused: map[queue.ItemID]bool{},
	}
}

// Run owns the board until ctx ends. What waits stays in the queue. It must be
// called once, while the queue runs.
func (b *Board) Run(ctx context.Context) error {
	b.life = ctx
	defer b.children.Wait()
	defer close(b.done)
	defer b.box.Close()
	sweep := time.NewTicker(b.cfg.SweepEvery)
	defer sweep.Stop()
	deadline := time.NewTimer(time.Hour)
	defer deadline.Stop()
	b.sweep()
	var spare []func()
	for {
		if at, ok := b.next(); ok {
			deadline.Reset(max(0, time.Until(at)))
		} else {
			deadline.Stop()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-sweep.C:
			b.sweep()
		case <-deadline.C:
			b.expire(time.Now())
		case <-b.box.Ready():
			spare = b.box.Take(spare)
			for _, act := range spare {
				b.guard(act)
			}
		}
	}
}

// guard keeps a fault in one act from ending the work of everybody.
func (b *Board) guard(act func()) {
	defer func() {
		if fault := recover(); fault != nil {
			b.log.Error("an act on the board panicked", logkey.Err, fault, "stack", string(debug.Stack()))
		}
	}()
	act()
}

// ask runs fn on the owner and waits for what it returns.
func ask[T any](ctx context.Context, b *Board, fn func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	reply := make(chan answer, 1)
	var none T
	ok := b.box.Put(func() {
		a := answer{err: errors.New("work: the act panicked")}
		defer func() { reply <- a }()
		a.value, a.err = fn()
	})
	if !ok {
		return none, ErrStopped
	}
	select {
	case a := <-reply:
		return a.value, a.err
	case <-b.done:
		return none, ErrStopped
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// next is when something is due: an offer that nobody answers, a console that
// stays closed.
func (b *Board) next() (first time.Time, ok bool) {
	look := func(at time.Time) {
		if !at.IsZero() && (!ok || at.Before(first)) {
			first, ok = at, true
		}
	}
	for _, p := range b.shown {
		look(p.Deadline)
	}
	for _, c := range b.consoles {
		look(c.due)
	}
	look(b.wanted)
	return first, ok
}

// changed tells the screens of p.
func (b *Board) changed(p *piece, agent account.ID) {
	b.cfg.OnChange(Change{Item: p.ID, Agent: agent, Queue: p.Queue})
}

// tell tells the owner of the task.
func (p *piece) tell(n Note) {
	if p.watch != nil {
		p.watch(n)
	}
}

// view copies a piece.
func (p *piece) view() Item {
	v := p.Item
	v.Trials = append([]Trial(nil), p.Trials...)
	if p.entry != nil && (p.State == Waiting || p.State == Offered) {
		v.Place = p.entry.Place()
	}
	return v
}

// tried writes what became of the running offer of p.
func (p *piece) tried(outcome, reason string) {
	if n := len(p.Trials); n > 0 && p.Trials[n-1].Outcome == "" {
		p.Trials[n-1].Outcome, p.Trials[n-1].Reason = outcome, reason
	}
}

// add puts p on the board.
func (b *Board) add(p *piece) {
	b.pieces[p.ID] = p
	of := b.tickets[p.TicketID]
	if of == nil {
		of = map[queue.ItemID]*piece{}
		b.tickets[p.TicketID] = of
	}
	of[p.ID] = p
}

// drop takes p off the board.
func (b *Board) drop(p *piece) {
	delete(b.pieces, p.ID)
	delete(b.shown, p.ID)
	b.gone[p.ID] = time.Now()
	b.leaveTicket(p)
}

func (b *Board) leaveTicket(p *piece) {
	of := b.tickets[p.TicketID]
	if delete(of, p.ID); len(of) == 0 {
		delete(b.tickets, p.TicketID)
	}
}

// show notes that p is shown to an agent until a deadline; zero: until the queue
// says more.
func (b *Board) show(p *piece, agent account.ID, offer queue.OfferID, deadline time.Time) {
	p.State, p.Agent, p.offer, p.Deadline = Offered, agent, offer, deadline
	b.shown[p.ID] = p
}

// wait makes p wait again; it returns who had it.
func (b *Board) wait(p *piece) account.ID {
	had := p.Agent
	delete(b.shown, p.ID)
	p.State, p.Agent, p.offer, p.Deadline, p.TakenAt = Waiting, "", "", time.Time{}, time.Time{}
	return had
}
