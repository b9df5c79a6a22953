package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"pickup/internal/id"
	"pickup/internal/logkey"
	"pickup/internal/mailbox"
)

// Domain is a routing domain: all queues that share agents, and their owner.
// Its methods may be called from any goroutine; those without a context never
// wait, and are applied in the order in which one goroutine called them.
type Domain struct {
	store    Store
	log      *slog.Logger
	onChange func(Change)
	box      *mailbox.Box[message]
	done     chan struct{} // closed when the owner has gone

	index    atomic.Pointer[index] // what Has, Agents and Queues read
	counters counters

	// What follows belongs to the goroutine of Run.
	core    *Core
	entries map[ItemID]*Entry
	commits committer
	places  placeClock
}

// message is one event on its way to the owner.
type message struct {
	event Event
	entry *Entry      // EventJoin
	reply chan Effect // of capacity 1, or nil
	list  *listing    // no event: a question
}

// listing asks for what waits.
type listing struct {
	queue string
	limit int
	reply chan []WaitingItem // of capacity 1
}

// Counters of a Domain since it was made.
type Counters struct {
	Reaped       uint64 // offers and reservations that only the reaper ended; 0 when all is well
	CommitErrors uint64 // decisions that the store did not take
	LateCommits  uint64 // commits that took longer than a second
	LostNotices  uint64 // notices that found the owner of their item not reading
	CommitLate   bool   // at this moment a commit is late: nothing that must be durable should be promised
}

type counters struct {
	reaped, commitErrors, lateCommits, lostNotices atomic.Uint64
	late                                           atomic.Bool
}

// New makes a Domain; nothing happens before Run.
func New(cfg Config, store Store, log *slog.Logger) (*Domain, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if store == nil || log == nil {
		return nil, errors.New("queue: a store and a logger are required")
	}
	if cfg.OfferIDs == nil {
		cfg.OfferIDs = func() OfferID { return OfferID(id.New()) }
	}
	d := &Domain{
		store: store, log: log, onChange: cfg.OnChange,
		box:     mailbox.New[message](),
		done:    make(chan struct{}),
		core:    NewCore(cfg),
		entries: map[ItemID]*Entry{},
	}
	d.places.next = map[string]time.Time{}
	d.index.Store(&index{})
	return d, nil
}

// Counters returns a copy. It never waits.
func (d *Domain) Counters() Counters {
	return Counters{
		Reaped:       d.counters.reaped.Load(),
		CommitErrors: d.counters.commitErrors.Load(),
		LateCommits:  d.counters.lateCommits.Load(),
		LostNotices:  d.counters.lostNotices.Load(),
		CommitLate:   d.counters.late.Load(),
	}
}

// stopGrace is how long the store may take for the last decisions.
const stopGrace = 10 * time.Second

// Run owns the queue until ctx ends; then it answers every waiting request with
// ErrStopped and commits what it decided. It must be called once.
func (d *Domain) Run(ctx context.Context) error {
	// The last commit outlives ctx.
	storeCtx, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	d.commits.start(storeCtx, d.store)
	deadline := stoppedTimer()
	defer deadline.Stop()
	d.places.timer = stoppedTimer()
	defer d.places.timer.Stop()
	defer d.commits.alarm.Stop()

	var spare []message
	for {
		d.commits.next()
		if at, ok := d.core.Next(); ok {
			deadline.Reset(max(0, time.Until(at)))
		} else {
			deadline.Stop()
		}
		select {
		case <-ctx.Done():
			d.stop(abandon)
			return nil
		case <-d.box.Ready():
			spare = d.box.Take(spare)
			for i := range spare {
				d.handle(&spare[i])
			}
		case errs := <-d.commits.results:
			d.committed(errs)
		case <-deadline.C:
			d.handle(&message{event: Event{Kind: EventTick}})
		case <-d.places.timer.C:
			d.refreshPlaces()
		case <-d.commits.alarm.C:
			d.counters.lateCommits.Add(1)
			d.counters.late.Store(true)
			d.log.Error("store is late: offers leave uncommitted", "decisions", len(d.commits.batch), "after", lateAfter)
		}
	}
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// handle applies one message and does what follows from it. A fault of the
// engine ends one event, not the queue.
func (d *Domain) handle(m *message) {
	defer func() {
		if p := recover(); p != nil {
			d.log.Error("fault in the queue: event dropped", logkey.Event, int(m.event.Kind), logkey.Err, p, "stack", string(debug.Stack()))
			m.answer(Effect{Err: fmt.Errorf("queue: internal fault: %v", p)})
		}
	}()
	if m.list != nil {
		m.list.reply <- d.core.Waiting(m.list.queue, m.list.limit)
		return
	}
	effects := d.core.Apply(time.Now(), m.event)
	if m.entry != nil && len(effects) > 0 {
		d.register(m.entry, effects)
	}
	if m.event.Kind == EventConfigure {
		d.publishIndex()
	}
	d.publish()
	var lost []OfferID
	for i := range effects {
		e := &effects[i]
		switch e.Kind {
		case EffectReply:
			if m.event.Kind == EventAudit {
				d.auditCells(e)
			}
			m.answer(*e)
		case EffectCommit:
			d.commits.pending = append(d.commits.pending, e.Decision)
		case EffectNotice:
			if !d.deliver(e) {
				lost = append(lost, e.Notice.Offer.ID)
			}
		case EffectClose:
			if en := d.entries[e.Item]; en != nil {
				delete(d.entries, e.Item)
				close(en.notices)
			}
		case EffectAlarm:
			d.counters.reaped.Add(1)
			d.log.Error(e.Text, logkey.Item, string(e.Item), logkey.Offer, string(e.Offer), logkey.Agent, string(e.Agent))
		}
	}
	for _, o := range lost { // not before the effects are done: Apply reuses them
		d.handle(&message{event: Event{Kind: EventUndelivered, Offer: o}})
	}
}

func (m *message) answer(e Effect) {
	if m.reply != nil {
		m.reply <- e
		m.reply = nil
	}
}

// register makes the entry of a joined item known before anything is told to it.
func (d *Domain) register(en *Entry, effects []Effect) {
	for i := range effects {
		if effects[i].Kind == EffectReply && effects[i].OK {
			en.item = effects[i].Joined
			d.entries[en.item.ID] = en
		}
	}
}

// deliver hands a notice to the owner of its item, without ever waiting. An
// Offer leaves only while each Withdraw and the End will find room behind it,
// so those never fail; it reports false when an Offer could not leave.
func (d *Domain) deliver(e *Effect) bool {
	en := d.entries[e.Item]
	if en == nil {
		return true
	}
	mustFit := e.Notice.Kind == NoticeWithdraw || e.Notice.Kind == NoticeEnd || e.Notice.Kind == NoticeOverflow
	// Behind an offer: its withdrawal and that of each other one, the overflow and the end.
	if room := max(1, d.core.offered(e.Item)) + 3; !mustFit && len(en.notices) > cap(en.notices)-room {
		d.counters.lostNotices.Add(1)
		return e.Notice.Kind != NoticeOffer
	}
	select {
	case en.notices <- e.Notice:
	default:
		d.counters.lostNotices.Add(1)
		d.log.Error("notice lost: the owner of the item does not read", logkey.Item, string(e.Item))
	}
	return true
}

// stop ends the owner: nobody is left waiting, nothing decided is lost.
func (d *Domain) stop(abandon context.CancelFunc) {
	left := d.box.Close()
	for i := range left {
		m := &left[i]
		if m.list != nil {
			m.list.reply <- nil
			continue
		}
		if m.reply != nil {
			m.answer(Effect{Err: ErrStopped})
			continue
		}
		d.handle(m) // the end of a talk is a fact, though we stop
	}
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	for d.commits.next(); d.commits.busy; d.commits.next() {
		select {
		case errs := <-d.commits.results:
			d.logErrors(errs)
			d.commits.done()
		case <-grace.C:
			abandon()
		}
	}
	close(d.commits.work)
	<-d.commits.gone
	for _, en := range d.entries {
		close(en.notices)
	}
	clear(d.entries)
	close(d.done)
}
