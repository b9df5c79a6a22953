package storetest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/callback"
	"pickup/queue"
	"pickup/recording"
	"pickup/store"
)

// Memory is a store made of Go maps. Every act is one critical section, and
// nothing outlives it. Its methods may be called from any goroutine; what they
// promise is written at store.Store.
type Memory struct {
	mu        sync.Mutex
	closed    bool
	people    people
	site      site
	routing   routing
	calls     map[call.ID]*callRow
	callbacks map[string]callback.Callback
	attempts  map[string]callback.Attempt
	records   map[recording.ID]recording.Row
	desk      desk
	chats     chats
	inbox     inbox
	access    []recording.Access
	audits    []store.Audit
}

// people is the rows about users.
type people struct {
	users    map[account.ID]account.User
	skills   map[account.ID]map[string]int
	limits   map[account.ID]map[call.Channel]queue.Limit
	sessions map[string]account.Session
	tokens   map[string]account.Token
	bindings map[[2]string]account.Binding
	states   map[account.ID]queue.AgentView
}

// site is the rows that an administrator sets up.
type site struct {
	meta   map[string]string
	rules  callback.Rules
	queues map[string]queue.QueueConfig
	trunks map[string]store.Trunk
	hours  map[string]store.Hours
}

// routing is the rows of the queue.
type routing struct {
	items        map[queue.ItemID]*itemRow
	reservations map[queue.OfferID]*reservationRow
	journal      []queue.Decision
}

// NewMemory makes an empty store.
func NewMemory() *Memory {
	return &Memory{
		people: people{
			users: map[account.ID]account.User{}, skills: map[account.ID]map[string]int{},
			limits: map[account.ID]map[call.Channel]queue.Limit{}, sessions: map[string]account.Session{},
			tokens: map[string]account.Token{}, bindings: map[[2]string]account.Binding{}, states: map[account.ID]queue.AgentView{},
		},
		inbox:     newInbox(),
		site:      site{meta: map[string]string{}, queues: map[string]queue.QueueConfig{}, trunks: map[string]store.Trunk{}, hours: map[string]store.Hours{}},
		routing:   routing{items: map[queue.ItemID]*itemRow{}, reservations: map[queue.OfferID]*reservationRow{}},
		calls:     map[call.ID]*callRow{},
		callbacks: map[string]callback.Callback{},
		attempts:  map[string]callback.Attempt{},
		records:   map[recording.ID]recording.Row{},
		desk:      newDesk(),
		chats:     newChats(),
	}
}

// act runs a change; a closed store refuses it.
func (m *Memory) act(ctx context.Context, fn func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return store.ErrClosed
	}
	return fn()
}

// Ping reports whether the store is open.
func (m *Memory) Ping(ctx context.Context) error { return m.act(ctx, func() error { return nil }) }

// Close refuses what comes later.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// stamp is a time as a store keeps it: milliseconds, UTC.
func stamp(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}

// stampAll is stamp for several fields.
func stampAll(times ...*time.Time) {
	for _, t := range times {
		*t = stamp(*t)
	}
}

// sorted returns the values of a map in order.
func sorted[K comparable, V any](rows map[K]V, order func(a, b V) int) []V {
	return slices.SortedFunc(maps.Values(rows), order)
}

// newestFirst cuts a page out of rows.
func newestFirst[T any](rows []T, p store.Page, key func(T) (time.Time, string)) ([]T, string, error) {
	after := func(at time.Time, id string) bool { return true }
	if p.After != "" {
		ms, cursor, err := store.ParseCursor(p.After)
		if err != nil {
			return nil, "", err
		}
		after = func(at time.Time, id string) bool {
			return at.UnixMilli() < ms || at.UnixMilli() == ms && id < cursor
		}
	}
	slices.SortFunc(rows, func(a, b T) int {
		atA, idA := key(a)
		atB, idB := key(b)
		return cmp.Or(atB.Compare(atA), cmp.Compare(idB, idA))
	})
	rows = slices.DeleteFunc(rows, func(r T) bool { return !after(key(r)) })
	rows, next := store.Cut(rows, p, key)
	return rows, next, nil
}

// is reports whether a filter's field lets a value through.
func is[T ~string](want, got T) bool { return want == "" || want == got }

// oneOf reports whether a filter's list lets a value through.
func oneOf[T comparable](want []T, got T) bool { return len(want) == 0 || slices.Contains(want, got) }

// within reports whether a time is in [from, to); zero ends are open.
func within(t, from, to time.Time) bool {
	return (from.IsZero() || t.UnixMilli() >= from.UnixMilli()) && (to.IsZero() || t.UnixMilli() < to.UnixMilli())
}
