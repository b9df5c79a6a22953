package chat

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"pickup/call"
	"pickup/internal/logkey"
	"pickup/ticket"
	"pickup/ticket/work"
)

// sweepEvery is how often open conversations without a room are looked for.
const sweepEvery = time.Minute

// Rooms holds the live conversations of a site. Its methods may be called from
// any goroutine.
type Rooms struct {
	cfg    Config
	store  Store
	board  *work.Board
	signer *Signer
	log    *slog.Logger

	mu      sync.Mutex // guards rooms, calls and stopped, never held across a call
	rooms   map[string]*room
	calls   map[call.ID]string // live calls beside a conversation
	stopped bool
	life    context.Context // of the rooms: ends when Run returns
	end     context.CancelFunc
	running sync.WaitGroup
}

// New makes Rooms; nothing happens before Run.
func New(cfg Config, store Store, board *work.Board, signer *Signer, log *slog.Logger) (*Rooms, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	r := &Rooms{cfg: cfg.withDefaults(), store: store, board: board, signer: signer, log: log, rooms: map[string]*room{}, calls: map[call.ID]string{}}
	// Rooms outlive the requests that open them; Run ends them.
	r.life, r.end = context.WithCancel(context.Background())
	return r, nil
}

// Run takes up the conversations that an earlier process left open, and holds
// all of them until ctx ends. It must be called once, while the board runs.
func (r *Rooms) Run(ctx context.Context) error {
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	for {
		r.recover(ctx)
		select {
		case <-ctx.Done():
			r.mu.Lock()
			r.stopped = true
			r.mu.Unlock()
			r.end()
			r.running.Wait()
			return nil
		case <-sweep.C:
		}
	}
}

// recover opens a room for each open conversation that has none.
func (r *Rooms) recover(ctx context.Context) {
	ids, err := r.store.OpenChats(ctx)
	if err != nil {
		if ctx.Err() == nil {
			r.log.Error("the open chats could not be read", logkey.Err, err)
		}
		return
	}
	for _, id := range ids {
		r.room(id, true)
	}
}

// room returns the room of a conversation, which is made when start is set.
// nil: there is none, or we stop.
func (r *Rooms) room(id string, start bool) *room {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.rooms[id]; known != nil || !start || r.stopped {
		return known
	}
	made := newRoom(r, id)
	r.rooms[id] = made
	r.running.Go(func() {
		made.run(r.life)
		r.mu.Lock()
		delete(r.rooms, id)
		r.mu.Unlock()
	})
	return made
}

// Live returns how many conversations are open.
func (r *Rooms) Live() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.rooms)
}

// Signer returns what makes the tokens of pages.
func (r *Rooms) Signer() *Signer { return r.signer }

// Token makes a page's token for a conversation.
func (r *Rooms) Token(id, visitor string, now time.Time) string {
	return r.signer.Sign(Claims{Chat: id, Visitor: visitor, Expires: now.Add(r.cfg.TokenLife)})
}

// Refreshed returns a new token for one that has lived for half its life, "" for
// a younger one.
func (r *Rooms) Refreshed(c Claims, now time.Time) string {
	if c.Expires.Sub(now) > r.cfg.TokenLife/2 {
		return ""
	}
	return r.Token(c.Chat, c.Visitor, now)
}

// Conversation returns what is kept of one. Errors: ErrNotFound.
func (r *Rooms) Conversation(ctx context.Context, id string) (Conversation, error) {
	c, err := r.store.Conversation(ctx, id)
	if errors.Is(err, ticket.ErrNotFound) {
		return c, ErrNotFound
	}
	return c, err
}

// View returns a conversation as it is now. Errors: ErrNotFound.
func (r *Rooms) View(ctx context.Context, id string) (View, error) {
	v, err := inRoom(ctx, r, id, func(m *room) (View, error) { return m.view(), nil })
	if !errors.Is(err, ErrEnded) {
		return v, err
	}
	c, err := r.Conversation(ctx, id)
	return View{Conversation: c, AgentName: r.cfg.AgentName(c.AgentID)}, err
}

// Events returns the events above after, at most 500, from the store.
func (r *Rooms) Events(ctx context.Context, id string, after int64) ([]Event, error) {
	return r.store.ChatEvents(ctx, id, after, pageEvents)
}

// pageEvents is how many events a page of them has.
const pageEvents = 500

// Changed says that something was written to a conversation from elsewhere.
func (r *Rooms) Changed(id string) {
	if m := r.room(id, false); m != nil {
		m.box.Put(m.reload)
	}
}

// Said is one message on its way in.
type Said struct {
	Side     Side
	Actor    ticket.Actor // of an agent
	Anyone   bool         // the actor may answer though another agent does
	ClientID string
	Text     string
	Files    []string // ids of uploaded attachments
}

// Say adds a message and returns its event when it is durable; again tells that
// it was there already. Errors: ErrEnded, ErrText, ErrRate, ErrFull, ErrNotYours,
// ErrNotFound, ErrStopped, those of the store.
func (r *Rooms) Say(ctx context.Context, id string, s Said) (e Event, again bool, err error) {
	type answer struct {
		e     Event
		again bool
		err   error
	}
	reply := make(chan answer, 1)
	m := r.room(id, false)
	if m == nil || !m.box.Put(func() { m.say(s, func(e Event, again bool, err error) { reply <- answer{e, again, err} }) }) {
		return r.saidBefore(ctx, id, s)
	}
	select {
	case a := <-reply:
		return a.e, a.again, a.err
	case <-m.done:
		select {
		case a := <-reply:
			return a.e, a.again, a.err
		default:
			return r.saidBefore(ctx, id, s)
		}
	case <-ctx.Done():
		return Event{}, false, ctx.Err()
	}
}

// saidBefore answers for a conversation without a room: a message whose
// acknowledgement was lost is there, a new one is refused.
func (r *Rooms) saidBefore(ctx context.Context, id string, s Said) (Event, bool, error) {
	c, err := r.Conversation(ctx, id)
	if err != nil {
		return Event{}, false, err
	}
	for after := int64(0); ; {
		page, err := r.store.ChatEvents(ctx, id, after, pageEvents)
		if err != nil || len(page) == 0 {
			if err == nil && c.State != StateEnded {
				err = ErrStopped
			} else if err == nil {
				err = ErrEnded
			}
			return Event{}, false, err
		}
		if e, ok := find(page, s); ok {
			return e, true, nil
		}
		after = page[len(page)-1].Seq
	}
}

// find looks for a message that was said before.
func find(events []Event, s Said) (Event, bool) {
	want := ticket.MessageCustomer
	if s.Side == Agent {
		want = ticket.MessageAgent
	}
	for i := len(events) - 1; i >= 0; i-- {
		if m := &events[i].Message; events[i].Kind == KindMessage && m.ClientID == s.ClientID && s.ClientID != "" && m.Kind == want {
			return events[i], true
		}
	}
	return Event{}, false
}

// Read says that a side has read up to a number. Errors: ErrEnded, ErrStopped.
func (r *Rooms) Read(ctx context.Context, id string, side Side, upTo int64) error {
	_, err := inRoom(ctx, r, id, func(m *room) (struct{}, error) { m.read(side, upTo); return struct{}{}, nil })
	return err
}

// Typing says that a side types. It is forgotten when nobody listens.
func (r *Rooms) Typing(id string, side Side) {
	if m := r.room(id, false); m != nil {
		m.box.Put(func() { m.typing(side) })
	}
}

// End ends a conversation for a side; it returns when that is durable. One that
// has ended stays so.
func (r *Rooms) End(ctx context.Context, id string, side Side) error {
	m := r.room(id, false)
	if m == nil {
		_, err := r.Conversation(ctx, id)
		return err
	}
	reason := reasonVisitor
	if side == Agent {
		reason = reasonAgent
	}
	reply := make(chan error, 1)
	if !m.box.Put(func() { m.finish(reason, "", func(err error) { reply <- err }) }) {
		return nil
	}
	select {
	case err := <-reply:
		return err
	case <-m.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// OfferCall tells both sides that one wants to go on by voice. Errors: ErrEnded,
// ErrStopped.
func (r *Rooms) OfferCall(ctx context.Context, id string, side Side) error {
	reply := make(chan error, 1)
	_, err := inRoom(ctx, r, id, func(m *room) (struct{}, error) {
		m.offerCall(side, func(err error) { reply <- err })
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

// inRoom asks the owner of a room. Errors: ErrEnded when there is none.
func inRoom[T any](ctx context.Context, r *Rooms, id string, fn func(*room) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	var none T
	m := r.room(id, false)
	if m == nil {
		return none, ErrEnded
	}
	reply := make(chan answer, 1)
	ok := m.box.Put(func() {
		value, err := fn(m)
		reply <- answer{value, err}
	})
	if !ok {
		return none, ErrEnded
	}
	select {
	case a := <-reply:
		return a.value, a.err
	case <-m.done:
		return none, ErrEnded
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// Views returns the live conversations, oldest first.
func (r *Rooms) Views(ctx context.Context) ([]View, error) {
	r.mu.Lock()
	ids := make([]string, 0, len(r.rooms))
	for id := range r.rooms {
		ids = append(ids, id)
	}
	r.mu.Unlock()
	var all []View
	for _, id := range ids {
		v, err := inRoom(ctx, r, id, func(m *room) (View, error) { return m.view(), nil })
		switch {
		case errors.Is(err, ErrEnded):
			continue
		case err != nil:
			return nil, err
		}
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b View) int {
		return cmp.Or(a.Interaction.StartedAt.Compare(b.Interaction.StartedAt), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}
