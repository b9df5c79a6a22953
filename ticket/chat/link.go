package chat

import (
	"context"
	"sync"
	"time"

	"pickup/internal/mailbox"
)

// maxBacklog is how many frames a link may be behind. One that is further
// behind is cut: it comes back with the last number it has.
const maxBacklog = 2 * maxEvents

// A link that has so many messages refused, less one a second, is cut.
const (
	refuseBurst      = 50
	refuseEachSecond = 1
)

// Link is one connection of a visitor's page to a conversation. Frames come in
// order; events without a gap. Take is for one goroutine at a time, the other
// methods for any.
type Link struct {
	room     *room
	frames   *mailbox.Box[Frame]
	patience bucket // owned by the room: how much more it may have refused

	mu      sync.Mutex
	backlog int
	cause   error
	closed  bool
	done    chan struct{} // closed when nothing comes any more
}

func newLink(m *room) *Link {
	return &Link{
		room: m, frames: mailbox.New[Frame](), done: make(chan struct{}), patience: newBucket(refuseBurst, refuseEachSecond, time.Now()),
	}
}

// Ready is signalled when there is something to take.
func (l *Link) Ready() <-chan struct{} { return l.frames.Ready() }

// Take returns the frames that have gathered, oldest first. Pass what the
// previous Take returned, or nil.
func (l *Link) Take(spare []Frame) []Frame {
	got := l.frames.Take(spare)
	l.mu.Lock()
	l.backlog -= len(got)
	l.mu.Unlock()
	return got
}

// Done is closed when nothing comes any more; what was put before can still be
// taken.
func (l *Link) Done() <-chan struct{} { return l.done }

// Cause says why: ErrRate when it was cut for being too fast, nil when the
// conversation ended, the server stops, or it was closed.
func (l *Link) Cause() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cause
}

// put gives the link a frame; one that is too far behind is cut.
func (l *Link) put(f Frame) {
	l.mu.Lock()
	over := l.backlog >= maxBacklog
	if !over {
		l.backlog++
	}
	l.mu.Unlock()
	if over {
		l.cut(nil)
		return
	}
	l.frames.Put(f)
}

// cut ends the link.
func (l *Link) cut(cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed, l.cause = true, cause
	close(l.done)
}

// Close says that the page is gone. The visitor counts as away when nothing
// else of him answers.
func (l *Link) Close() {
	l.cut(nil)
	if l.room != nil {
		l.room.box.Put(func() { delete(l.room.links, l) })
	}
}

// Send adds a message; FrameAccepted or FrameRefused of clientID says what
// became of it.
func (l *Link) Send(clientID, text string, files []string) {
	said := Said{Side: Visitor, ClientID: clientID, Text: text, Files: files}
	ok := l.room != nil && l.room.box.Put(func() {
		l.room.say(said, func(e Event, _ bool, err error) { l.answer(clientID, e, err) })
	})
	if !ok {
		l.put(Frame{Kind: FrameRefused, ClientID: clientID, Err: ErrEnded})
	}
}

// answer tells the page what became of its message. It runs on the room.
func (l *Link) answer(clientID string, e Event, err error) {
	if err == nil {
		l.put(Frame{Kind: FrameAccepted, ClientID: clientID, Event: e, Seq: e.Seq})
		return
	}
	l.put(Frame{Kind: FrameRefused, ClientID: clientID, Err: err})
	if !l.patience.take(time.Now()) {
		delete(l.room.links, l)
		l.cut(ErrRate)
	}
}

// act runs fn on the room, as a sign of life.
func (l *Link) act(fn func(m *room)) {
	if l.room != nil {
		l.room.box.Put(func() {
			l.room.touch()
			fn(l.room)
		})
	}
}

// Typing says that the visitor types.
func (l *Link) Typing() { l.act(func(m *room) { m.typing(Visitor) }) }

// Read says that the visitor has read up to a number.
func (l *Link) Read(upTo int64) { l.act(func(m *room) { m.read(Visitor, upTo) }) }

// Ping says that the page is there; FramePong answers.
func (l *Link) Ping() { l.act(func(*room) { l.put(Frame{Kind: FramePong}) }) }

// End ends the conversation for the visitor.
func (l *Link) End() { l.act(func(m *room) { m.finish(reasonVisitor, "", nil) }) }

// Attach joins a page to a conversation: events above after come first, then
// FrameSynced, then what happens. One that has ended gets its events and is
// done. Errors: ErrNotFound, ErrStopped, those of the store.
func (r *Rooms) Attach(ctx context.Context, id string, after int64) (*Link, error) {
	for range 2 {
		l, err := inRoom(ctx, r, id, func(m *room) (*Link, error) { return m.attach(after), nil })
		if err == nil {
			return l, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		c, err := r.Conversation(ctx, id)
		if err != nil {
			return nil, err
		}
		if c.State == StateEnded {
			return r.attachEnded(ctx, id, after)
		}
		if r.room(id, true) == nil {
			return nil, ErrStopped
		}
	}
	return nil, ErrStopped
}

// attachEnded is the link of a conversation that is over.
func (r *Rooms) attachEnded(ctx context.Context, id string, after int64) (*Link, error) {
	l := newLink(nil)
	for {
		page, err := r.store.ChatEvents(ctx, id, after, pageEvents)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			after = e.Seq
			l.put(Frame{Kind: FrameEvent, Event: e})
		}
		if len(page) < pageEvents {
			break
		}
	}
	l.put(Frame{Kind: FrameSynced, Seq: after, State: StateEnded})
	l.cut(nil)
	return l, nil
}

// attach joins a link on the room's goroutine.
func (m *room) attach(after int64) *Link {
	l := newLink(m)
	for i := range m.events {
		if m.events[i].Seq > after {
			l.put(Frame{Kind: FrameEvent, Event: m.events[i]})
		}
	}
	l.put(Frame{Kind: FrameSynced, Seq: m.last(), State: m.conv.State})
	if m.place.Position > 0 {
		l.put(Frame{Kind: FramePlace, Place: m.place})
	}
	m.links[l] = struct{}{}
	m.touch()
	m.placeAt = time.Time{}
	return l
}

// Polled is what a page without a socket gets.
type Polled struct {
	Events []Event
	State  State
	Place  Place
	Typing bool // the agent types
}

// Poll is the way of a page without a socket: it counts as a ping, and returns
// the events above after, waiting for the first of them up to wait. Errors: as
// Attach.
func (r *Rooms) Poll(ctx context.Context, id string, after int64, wait time.Duration) (Polled, error) {
	l, err := r.Attach(ctx, id, after)
	if err != nil {
		return Polled{}, err
	}
	defer l.Close()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	var p Polled
	synced := false
	take := func() {
		for _, f := range l.Take(nil) {
			switch f.Kind {
			case FrameEvent:
				p.Events = append(p.Events, f.Event)
				if f.Event.Kind == KindState {
					p.State = f.Event.State
				}
			case FrameSynced:
				synced, p.State = true, f.State
			case FramePlace:
				p.Place = f.Place
			case FrameTyping:
				p.Typing = true
			}
		}
	}
	for {
		take()
		if synced && (len(p.Events) > 0 || p.Typing) {
			return p, nil
		}
		select {
		case <-l.Ready():
		case <-l.Done():
			take()
			return p, nil
		case <-timer.C:
			take()
			return p, nil
		case <-ctx.Done():
			return p, ctx.Err()
		}
	}
}
