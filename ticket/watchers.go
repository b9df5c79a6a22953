package ticket

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"pickup/account"
)

// How long a heartbeat counts. A page sends one every HeartbeatEvery.
const (
	HeartbeatEvery = 10 * time.Second
	watchFor       = 25 * time.Second
)

// Presence is one user who has a ticket open.
type Presence struct {
	UserID account.ID
	Name   string
	Typing bool
	Since  time.Time // he opened it
}

// Watchers knows who views and who writes on which ticket, in memory. A user
// with several pages is there once, and types when one of them does. Its methods
// may be called from any goroutine.
type Watchers struct {
	now      func() time.Time
	onChange func(ticketID string)

	mu      sync.Mutex
	tickets map[string]map[watch]beat
}

// watch is one page of one user.
type watch struct {
	user account.ID
	page string
}

// beat is the last sign of a page.
type beat struct {
	name   string
	typing bool
	since  time.Time
	last   time.Time
}

// NewWatchers makes an empty list. onChange, which may be nil, is told of each
// ticket whose list became another; it is called outside of any lock.
func NewWatchers(now func() time.Time, onChange func(ticketID string)) *Watchers {
	if onChange == nil {
		onChange = func(string) {}
	}
	return &Watchers{now: now, onChange: onChange, tickets: map[string]map[watch]beat{}}
}

// Beat is the heartbeat of a page that shows a ticket. It returns who is there.
func (w *Watchers) Beat(ticketID, page string, who Actor, typing bool) []Presence {
	w.mu.Lock()
	now := w.now()
	w.expire(ticketID, now)
	pages := w.tickets[ticketID]
	if pages == nil {
		pages = map[watch]beat{}
		w.tickets[ticketID] = pages
	}
	key := watch{who.ID, page}
	b, known := pages[key]
	changed := !known || b.typing != typing
	if !known {
		b.since = now
	}
	b.name, b.typing, b.last = who.Name, typing, now
	pages[key] = b
	all := present(pages)
	w.mu.Unlock()
	if changed {
		w.onChange(ticketID)
	}
	return all
}

// Leave says that a page was closed.
func (w *Watchers) Leave(ticketID, page string, user account.ID) {
	w.mu.Lock()
	_, known := w.tickets[ticketID][watch{user, page}]
	delete(w.tickets[ticketID], watch{user, page})
	if len(w.tickets[ticketID]) == 0 {
		delete(w.tickets, ticketID)
	}
	w.mu.Unlock()
	if known {
		w.onChange(ticketID)
	}
}

// On returns who has the ticket open, by who came first.
func (w *Watchers) On(ticketID string) []Presence {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expire(ticketID, w.now())
	return present(w.tickets[ticketID])
}

// Sweep forgets the pages that were not heard of for 25 seconds. It is called
// every few seconds, so that who stays sees who left.
func (w *Watchers) Sweep() {
	w.mu.Lock()
	now := w.now()
	var changed []string
	for t := range w.tickets {
		if w.expire(t, now) {
			changed = append(changed, t)
		}
	}
	w.mu.Unlock()
	slices.Sort(changed)
	for _, t := range changed {
		w.onChange(t)
	}
}

// expire forgets the silent pages of one ticket.
func (w *Watchers) expire(ticketID string, now time.Time) (changed bool) {
	for key, b := range w.tickets[ticketID] {
		if now.Sub(b.last) >= watchFor {
			delete(w.tickets[ticketID], key)
			changed = true
		}
	}
	if len(w.tickets[ticketID]) == 0 {
		delete(w.tickets, ticketID)
	}
	return changed
}

// present lists users, each once.
func present(pages map[watch]beat) []Presence {
	users := map[account.ID]Presence{}
	for key, b := range pages {
		p, known := users[key.user]
		if !known || b.since.Before(p.Since) {
			p.Since = b.since
		}
		p.UserID, p.Name, p.Typing = key.user, b.name, p.Typing || b.typing
		users[key.user] = p
	}
	all := make([]Presence, 0, len(users))
	for _, p := range users {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Presence) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.UserID, b.UserID))
	})
	return all
}
