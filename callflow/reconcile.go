package callflow

import (
	"context"
	"time"

	"pickup/call"
	"pickup/callback"
	"pickup/internal/logkey"
	"pickup/queue"
)

// sweepEvery is how often the open promises are compared with their owners.
const sweepEvery = time.Minute

// sweep brings back the promises that nobody owns: they are open in the store,
// and no entry waits for them, no session dials them and no write about them is
// on its way. That is a fault of ours, which must not cost anybody his place; it
// is counted. suspects are those that the last sweep found so: only who is found
// twice is brought back, because an owner may be about to say that he is one.
// Those whose queue did not take them are tried again, and not counted.
func (r *runner) sweep(ctx context.Context, suspects map[string]bool) map[string]bool {
	r.mu.Lock()
	quiet := r.quiet
	r.mu.Unlock()
	if quiet {
		return nil
	}
	open, err := r.mgr.book.Standing(ctx)
	if err != nil {
		r.mgr.log.Error("promises not compared with their owners", logkey.Err, err)
		return suspects
	}
	called := map[string]bool{}
	for _, s := range r.mgr.all() {
		called[s.promise()] = true
	}
	found, outside := map[string]bool{}, map[string]bool{}
	for _, c := range open {
		owned, refused := r.owned(c.ID)
		switch {
		case owned || called[c.ID]:
		case refused:
			outside[c.ID] = true
			r.bringBack(ctx, c)
		case !suspects[c.ID]:
			found[c.ID] = true
		case r.bringBack(ctx, c):
			r.repaired.Add(1)
			r.mgr.logOf(c).Error("a promise that nobody owned is back in its queue", logkey.State, string(c.State))
		}
	}
	r.mu.Lock()
	for id := range r.outside { // those that are over
		if !outside[id] {
			delete(r.outside, id)
		}
	}
	r.mu.Unlock()
	return found
}

// owned reports whether a promise waits or is being worked on, and whether its
// queue did not take it.
func (r *runner) owned(id string) (owned, outside bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, waits := r.waiting[id]
	return waits || r.held[id] > 0, r.outside[id]
}

// bringBack puts a promise that nobody owns in its queue. An attempt that still
// runs for it is nobody's, too.
func (r *runner) bringBack(ctx context.Context, c callback.Callback) bool {
	c, err := r.mgr.book.Void(ctx, c.ID, "")
	if err != nil {
		r.mgr.logOf(c).Error("promise not brought back", logkey.Err, err)
		return false
	}
	return c.Open() && r.add(c)
}

// pause stops the sweep while Recover puts the promises in their queues.
func (r *runner) pause(quiet bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.quiet = quiet
}

// leaveQuietly takes an item out of the queue that may have left by itself, and
// gives back an offer that came in that instant.
func (m *Manager) leaveQuietly(entry *queue.Entry, reason call.EndReason) {
	if _, err := m.queue.Leave(context.Background(), entry.ID(), reason); err != nil {
		m.log.Debug("leave", logkey.Item, string(entry.ID()), logkey.Err, err)
	}
	m.refuseOffers(entry)
}
