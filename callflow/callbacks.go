package callflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"pickup/call"
	"pickup/callback"
	"pickup/internal/id"
	"pickup/internal/logkey"
	"pickup/queue"
)

// How long a promise rests whose player is on the line, and one that met a full
// server.
const (
	onlineRest  = 15 * time.Second
	refusedRest = time.Minute
)

// callbackLease is how long a reservation for a callback may last: ring the
// player 25 s, ask him 10 s, ring the agent 12 s, and 8 s.
const callbackLease = 55 * time.Second

// runner owns the offers of callbacks that wait. A callback has no session
// while it waits; when an agent is reserved for it, a session is started and
// takes over the entry. Every open callback has one owner: its entry here, a
// live session, or a write on its way; reconcile.go watches that.
type runner struct {
	mgr *Manager

	mu       sync.Mutex
	waiting  map[string]*queue.Entry      // by callback id; nil while it joins
	byTarget map[string]callback.Callback // the open callback of a target
	held     map[string]int               // by callback id: writes and starts that are under way
	outside  map[string]bool              // by callback id: open, and its queue does not take it
	quiet    bool                         // Recover is at work: nothing is looked after

	repaired atomic.Int64 // promises that only the sweep brought back
}

func newRunner(m *Manager) *runner {
	return &runner{
		mgr: m, waiting: map[string]*queue.Entry{}, byTarget: map[string]callback.Callback{},
		held: map[string]int{}, outside: map[string]bool{},
	}
}

// add puts a stored callback in the queue, at the place it keeps, unless it is
// there. It rests there until the hours of the queue and of callbacks allow it.
// It reports whether the callback waits now and did not before.
func (r *runner) add(c callback.Callback) bool {
	r.mu.Lock()
	_, there := r.waiting[c.ID]
	if !there {
		r.waiting[c.ID] = nil
	}
	r.mu.Unlock()
	if there {
		return false
	}
	if err := r.route(c); errors.Is(err, ErrNoTrunk) {
		r.keepOut(c, err)
		return false
	}
	if c.Detail == callback.DetailNoTrunk {
		r.say(&c, "")
	}
	item := queue.Item{
		ID: queue.ItemID(id.New()), Channel: call.ChannelCallback, Queue: c.Queue, CallbackID: c.ID, Language: c.Language,
		Player: c.Player, Priority: c.Priority, Key: c.Key, EnqueuedAt: c.EnqueuedAt, NotBefore: c.NotBefore,
		Lease: callbackLease, CountsAsOffered: true,
	}
	if due := r.mgr.book.Due(c, later(c.NotBefore, time.Now())); due.After(time.Now()) {
		item.NotBefore = due
	}
	entry, err := r.mgr.queue.Join(r.mgr.life, item)
	r.mu.Lock()
	_, wanted := r.waiting[c.ID] // it may have been cancelled meanwhile
	switch {
	case err != nil: // it stays open, is shown on the list, and the sweep tries again
		delete(r.waiting, c.ID)
		r.outside[c.ID] = true
	case wanted:
		r.waiting[c.ID] = entry
		r.byTarget[c.Target] = c
		delete(r.outside, c.ID)
	}
	r.mu.Unlock()
	r.mgr.cfg.OnChange("callback", c.ID)
	switch {
	case err != nil:
		r.mgr.logOf(c).Error("callback does not wait", logkey.Err, err)
	case wanted:
		r.mgr.aside(func(ctx context.Context) { r.wait(ctx, c, entry) })
	default:
		r.mgr.leaveQuietly(entry, call.EndCallbackCancelled)
	}
	return err == nil && wanted
}

// wait hands the entry to a session when its offer comes.
func (r *runner) wait(ctx context.Context, c callback.Callback, entry *queue.Entry) {
	for {
		select {
		case n, ok := <-entry.Notices():
			switch {
			case !ok:
				r.forget(c.ID, entry)
				return
			case n.Kind == queue.NoticeOffer:
				if r.rests(c, n.Offer.ID) {
					continue
				}
				if r.claim(c.ID) {
					r.start(ctx, c, entry, n.Offer)
					r.letGo(c.ID)
					return
				}
				r.mgr.queue.Missed(n.Offer.ID, call.OutcomeWithdrawn)
				r.mgr.queue.Final(n.Offer.ID)
			case n.Kind == queue.NoticeEnd:
				r.drop(c)
				r.end(c, "callback out of the queue", func(ctx context.Context) (callback.Callback, error) {
					return r.mgr.book.Cancel(ctx, c.ID, "supervisor")
				})
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// rests gives an offer back that comes at an hour at which the player may not be
// called: his turn came too late.
func (r *runner) rests(c callback.Callback, offer queue.OfferID) bool {
	now := time.Now()
	due := r.mgr.book.Due(c, now)
	if due.Equal(now) {
		return false
	}
	if due.IsZero() { // for a year: until somebody changes the hours
		due = now.Add(24 * time.Hour)
	}
	r.mgr.queue.Defer(offer, due)
	r.mgr.queue.Final(offer)
	return true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// watch gives up the promises that are past their last day and brings back
// those that nobody owns, once a minute, until ctx ends.
func (r *runner) watch(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	var suspects map[string]bool
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		gone, err := r.mgr.book.Expire(ctx)
		if err != nil {
			r.mgr.log.Error("callbacks not expired", logkey.Err, err)
		}
		for _, c := range gone {
			r.retire(c, call.EndCallbackExpired)
		}
		suspects = r.sweep(ctx, suspects)
	}
}

// claim takes a waiting callback for its session, and holds it until letGo;
// false when it was cancelled.
func (r *runner) claim(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.waiting[id]; !ok {
		return false
	}
	delete(r.waiting, id)
	r.held[id]++
	return true
}

// hold says that somebody is at work on a callback, until letGo.
func (r *runner) hold(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held[id]++
}

func (r *runner) letGo(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held[id]--; r.held[id] <= 0 {
		delete(r.held, id)
	}
}

// forget drops an entry that is closed, if it is still the callback's.
func (r *runner) forget(id string, entry *queue.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.waiting[id]; ok && e == entry {
		delete(r.waiting, id)
	}
}

// waits reports whether a callback is the runner's.
func (r *runner) waits(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.waiting[id]
	return ok
}

// drop forgets a callback that is over.
func (r *runner) drop(c callback.Callback) {
	r.mu.Lock()
	delete(r.waiting, c.ID)
	if r.byTarget[c.Target].ID == c.ID {
		delete(r.byTarget, c.Target)
	}
	r.mu.Unlock()
	r.mgr.cfg.OnChange("callback", c.ID)
}

// start dials a promise: an agent is reserved for it.
func (r *runner) start(ctx context.Context, c callback.Callback, entry *queue.Entry, offer queue.Offer) {
	now := time.Now()
	if errors.Is(r.route(c), ErrNoTrunk) { // its trunk is gone: it leaves the queue until there is one
		r.mgr.queue.Defer(offer.ID, now.Add(24*time.Hour))
		r.mgr.queue.Final(offer.ID)
		r.mgr.leaveQuietly(entry, call.EndCallbackFailed)
		r.add(c)
		return
	}
	if r.online(c.Target) { // he is talking to us: his phone is busy, and he is being asked
		r.putBack(c, entry, offer.ID, now.Add(onlineRest))
		return
	}
	rec := call.Record{
		ID: call.ID(id.New()), Direction: call.Outbound, Queue: c.Queue, Language: c.Language, State: call.StateNew,
		From:       call.Party{Kind: call.PartyRegistered, URI: "queue:" + c.Queue, User: c.Queue},
		To:         call.Party{Kind: partyKind(c.TargetKind), URI: partyURI(c), User: c.Player, ReachBack: c.Target},
		CallbackID: c.ID, ContactID: c.ContactID, TicketID: c.TicketID, ItemID: string(entry.ID()),
		ArrivedAt: now, EnqueuedAt: c.EnqueuedAt, Why: offer.Why, ResumeSHA256: r.token(ctx, c),
	}
	s := newSession(r.mgr, &machine{
		cfg: r.mgr.cfg, rec: rec, callback: &c, current: offer.ID,
		offers: []*offerLegs{{offer: offer, legs: map[call.LegID]*agentLeg{}}},
	})
	s.entry = entry
	if refusal := r.mgr.admit(s); refusal != nil { // full, or draining: then it waits for the next start
		r.putBack(c, entry, offer.ID, now.Add(refusedRest))
		return
	}
	r.mgr.spawn(func() { s.run(r.mgr.life) })
}

// finished writes how an attempt went, gives the agent back, and puts the
// promise in the queue again where its rules say so. entry is the item's.
func (r *runner) finished(id call.ID, f finishAttempt, entry *queue.Entry) {
	switch {
	case f.offer != "": // the agent is free at once; the item waits for the store's answer
		r.mgr.queue.Defer(f.offer, time.Now().Add(24*time.Hour))
	case f.result != callback.ResultConnected && entry != nil: // its agent left before: nobody would take the next offer
		r.mgr.leaveQuietly(entry, call.EndCallbackFailed)
		entry = nil
	}
	r.write(id, f.callback, "attempt", func(ctx context.Context) error {
		c, err := r.mgr.book.Finish(ctx, f.callback, f.result)
		if err != nil && !errors.Is(err, callback.ErrState) && !errors.Is(err, callback.ErrNotFound) {
			return err
		}
		if f.result == callback.ResultConnected {
			r.drop(c)
			return nil
		}
		if entry != nil {
			r.mgr.leaveQuietly(entry, call.EndCallbackFailed)
		}
		if c.Open() {
			r.add(c)
		} else {
			r.drop(c)
		}
		return nil
	})
}

// write stores something about a promise in the order of call id; until it is
// stored the promise has an owner.
func (r *runner) write(id call.ID, promise, what string, do func(ctx context.Context) error) {
	r.hold(promise)
	r.mgr.journal.put(write{what: what, call: id, do: func(ctx context.Context) error {
		err := do(ctx)
		if err == nil {
			r.letGo(promise)
		}
		return err
	}})
}

// end stores the end of a promise that was the runner's, by what end does. An
// attempt that runs for it came late to the store, from a session that had
// given up: nobody makes it, and it keeps nobody from the end.
func (r *runner) end(c callback.Callback, what string, end func(ctx context.Context) (callback.Callback, error)) {
	r.write(c.CallID, c.ID, what, func(ctx context.Context) error {
		got, err := end(ctx)
		if errors.Is(err, callback.ErrState) && got.State.Running() {
			if _, err = r.mgr.book.Void(ctx, c.ID, ""); err == nil {
				_, err = end(ctx)
			}
		}
		return unlessOver(err)
	})
}

// standing returns the promise that waits for a target, or nil: he has none,
// or is being dialled.
func (r *runner) standing(target string) *callback.Callback {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.byTarget[target]
	if _, waits := r.waiting[c.ID]; !ok || !waits {
		return nil
	}
	return &c
}

// supersede ends a promise because its player is on the line: its place is his
// at once, and the store is told beside. It is false when he is being dialled,
// or the promise is over.
func (r *runner) supersede(c callback.Callback) bool {
	r.mu.Lock()
	entry := r.waiting[c.ID]
	if entry != nil {
		delete(r.waiting, c.ID)
	}
	r.mu.Unlock()
	if entry == nil {
		return false
	}
	r.mgr.leaveQuietly(entry, call.EndCallbackCancelled)
	r.drop(c)
	r.end(c, "superseded callback", func(ctx context.Context) (callback.Callback, error) {
		return r.mgr.book.Supersede(ctx, c.ID)
	})
	return true
}

// cancel ends a promise that was stored while an agent answered in call id.
func (r *runner) cancel(id call.ID, promise string) {
	r.write(id, promise, "callback not needed", func(ctx context.Context) error {
		_, err := r.mgr.book.Cancel(ctx, promise, "agent")
		return unlessOver(err)
	})
}

// undo closes an attempt that was stored when its session, call id, had given
// up: nobody was dialled.
func (r *runner) undo(id call.ID, promise, attempt string) {
	r.write(id, promise, "attempt that nobody made", func(ctx context.Context) error {
		_, err := r.mgr.book.Void(ctx, promise, attempt)
		return unlessOver(err)
	})
}

// unlessOver drops the errors that no other try would mend.
func unlessOver(err error) error {
	if errors.Is(err, callback.ErrState) || errors.Is(err, callback.ErrNotFound) {
		return nil
	}
	return err
}

// online reports whether a player has called us by himself.
func (r *runner) online(target string) bool {
	return slices.ContainsFunc(r.mgr.all(), func(s *Session) bool { return s.reachBack() == target })
}

// giveBack takes back the entry of a promise that the session of call id did
// not dial.
func (r *runner) giveBack(id call.ID, g giveBack, entry *queue.Entry) {
	if entry == nil { // the queue has ended the item
		r.finished(id, finishAttempt{callback: g.callback.ID, result: callback.ResultUnknown}, nil)
		return
	}
	r.mgr.queue.Defer(g.offer, g.notBefore)
	if !g.callback.Open() {
		r.mgr.leaveQuietly(entry, call.EndCallbackExpired)
		r.drop(g.callback)
		return
	}
	r.again(g.callback, entry)
}

// putBack lets a promise rest whose session was not started.
func (r *runner) putBack(c callback.Callback, entry *queue.Entry, offer queue.OfferID, until time.Time) {
	r.mgr.queue.Defer(offer, until)
	r.mgr.queue.Final(offer)
	r.again(c, entry)
}

// again waits for the next offer of an entry.
func (r *runner) again(c callback.Callback, entry *queue.Entry) {
	r.mu.Lock()
	r.waiting[c.ID] = entry
	r.mu.Unlock()
	r.mgr.aside(func(ctx context.Context) { r.wait(ctx, c, entry) })
}

// token returns the hash with which the page of a browser callback comes back
// to it: that of the call it began with. A store that is late costs the page
// this, not the call.
func (r *runner) token(ctx context.Context, c callback.Callback) string {
	if c.TargetKind != callback.TargetBrowser {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	first, _, err := r.mgr.store.Call(ctx, call.ID(c.Target))
	if err != nil {
		r.mgr.logOf(c).Warn("page cannot come back to its callback", logkey.Err, err)
	}
	return first.ResumeSHA256
}

// retire takes a callback that is no longer open out of the queue.
func (r *runner) retire(c callback.Callback, reason call.EndReason) {
	r.mu.Lock()
	entry := r.waiting[c.ID]
	r.mu.Unlock()
	r.drop(c)
	if entry != nil {
		r.mgr.leaveQuietly(entry, reason)
	}
}

// CancelCallback ends a promise that nobody wants any more; by is "player",
// "agent" or "supervisor". Errors: callback.ErrNotFound, callback.ErrState
// while the player is being dialled.
func (m *Manager) CancelCallback(ctx context.Context, id, by string) (callback.Callback, error) {
	c, err := m.book.Cancel(ctx, id, by)
	if errors.Is(err, callback.ErrState) && c.State.Running() && m.callbacks.waits(id) {
		// It is no session's: the attempt came late to the store, and nobody makes it.
		if _, err = m.book.Void(ctx, id, ""); err == nil {
			c, err = m.book.Cancel(ctx, id, by)
		}
	}
	if err != nil {
		return c, err
	}
	m.callbacks.retire(c, call.EndCallbackCancelled)
	return c, nil
}

// AddCallback stores a promise that was asked for by API, without a live call,
// and puts it in its queue. Errors: those of callback.Book.Confirm, and
// queue.ErrUnknownQueue.
func (m *Manager) AddCallback(ctx context.Context, c callback.Callback) (callback.Callback, error) {
	q, ok := m.queue.Has(c.Queue)
	if !ok {
		return c, queue.ErrUnknownQueue
	}
	if err := m.callbacks.route(c); err != nil {
		return c, fmt.Errorf("%w: %w", callback.ErrUnreachable, err)
	}
	now := time.Now()
	if c.EnqueuedAt.IsZero() {
		c.EnqueuedAt = now
	}
	if c.Key == 0 {
		c.Key = c.EnqueuedAt.Add(q.Target).UnixMilli()
	}
	got, err := m.book.Confirm(ctx, c)
	if err != nil {
		return got, err
	}
	m.callbacks.add(got)
	return got, nil
}
