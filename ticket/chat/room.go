package chat

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"runtime/debug"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/logkey"
	"pickup/internal/mailbox"
	"pickup/ticket/work"
)

const chatChannel = call.ChannelChat

// newVisitor makes the id of a visitor.
func newVisitor() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails, crypto/rand
	return base64.RawURLEncoding.EncodeToString(b)
}

// room is one live conversation. What follows box belongs to its goroutine.
type room struct {
	rooms *Rooms
	cfg   *Config
	id    string
	log   *slog.Logger
	box   *mailbox.Box[func()]
	done  chan struct{} // closed when the owner has gone

	life   context.Context
	conv   Conversation
	events []Event // all of them, ascending
	links  map[*Link]struct{}

	pending []op // what is to be written, in order
	writing bool

	item    work.Item
	queued  bool       // the board has it
	retryAt time.Time  // when the board is asked again; zero: it took it, or is not to
	agent   account.ID // who answers, as the board says: it may not be durable yet
	lost    account.ID // who answered until his line was lost, while nobody has taken it; "": nobody
	shown   account.ID // who is offered it now
	voice   call.ID    // the call it goes on with; "": none
	ending  bool
	over    bool // the end is durable: the owner leaves

	seenAt   time.Time // when the visitor was here last
	online   bool
	activity time.Time     // when somebody last did something
	cut      time.Duration // of the silence since, how long the visitor's line was away
	typed    map[Side]time.Time
	place    Place
	placeAt  time.Time // when the place is looked at next
	mailAt   time.Time // no mail before
	allow    bucket
}

// op is one write: act runs in the store's transaction, done on the owner when
// it is durable and its events were told.
type op struct {
	act  func(ctx context.Context, tx Tx) error
	done func(error)
}

func newRoom(r *Rooms, id string) *room {
	return &room{
		rooms: r, cfg: &r.cfg, id: id, log: r.log.With(logkey.Chat, id),
		box: mailbox.New[func()](), done: make(chan struct{}), links: map[*Link]struct{}{}, typed: map[Side]time.Time{},
	}
}

// run owns the room until the conversation has ended or life ends.
func (m *room) run(life context.Context) {
	defer m.leave()
	m.life = life
	if !m.load() || m.conv.State == StateEnded {
		return
	}
	now := time.Now()
	// Our own absence was a cut too: the silence begins anew.
	m.seenAt, m.online, m.activity, m.agent, m.lost = now, true, now, m.conv.AgentID, lostBy(m.events)
	m.allow = newBucket(sayBurst, sayEachSecond, now)
	m.enqueue()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var spare []func()
	for !m.over {
		if at, ok := m.next(); ok {
			timer.Reset(max(0, time.Until(at)))
		} else {
			timer.Stop()
		}
		select {
		case <-life.Done():
			return
		case <-timer.C:
			m.guard(func() { m.tick(time.Now()) })
		case <-m.box.Ready():
			spare = m.box.Take(spare)
			for _, act := range spare {
				m.guard(act)
			}
		}
	}
}

// leave ends the room: links are told that nothing comes any more.
func (m *room) leave() {
	m.box.Close()
	for l := range m.links {
		l.cut(nil)
	}
	close(m.done)
}

// guard keeps a fault in one act from ending the conversation.
func (m *room) guard(act func()) {
	defer func() {
		if fault := recover(); fault != nil {
			m.log.Error("an act in a chat panicked", logkey.Err, fault, "stack", string(debug.Stack()))
		}
	}()
	act()
}

// retryStore is the pause after a store that did not answer.
const retryStore = time.Second

// load reads the conversation. Nobody is told anything before.
func (m *room) load() bool {
	for {
		conv, events, err := m.readAfter(0)
		if err == nil {
			m.conv, m.events = conv, events
			return true
		}
		m.log.Error("a chat could not be read", logkey.Err, err)
		select {
		case <-m.life.Done():
			return false
		case <-time.After(retryStore):
		}
	}
}

// readAfter reads the conversation and its events above a number.
func (m *room) readAfter(after int64) (Conversation, []Event, error) {
	conv, err := m.rooms.store.Conversation(m.life, m.id)
	if err != nil {
		return conv, nil, err
	}
	var all []Event
	for {
		page, err := m.rooms.store.ChatEvents(m.life, m.id, after, pageEvents)
		if err != nil {
			return conv, nil, err
		}
		all = append(all, page...)
		if len(page) < pageEvents {
			return conv, all, nil
		}
		after = page[len(page)-1].Seq
	}
}

// last is the number of the newest event that was told.
func (m *room) last() int64 {
	if n := len(m.events); n > 0 {
		return m.events[n-1].Seq
	}
	return 0
}

// write has an op written after those before it.
func (m *room) write(o op) {
	m.pending = append(m.pending, o)
	m.writeNext()
}

// reload tells what was written from elsewhere.
func (m *room) reload() {
	if len(m.pending) == 0 { // else a write to come reads it
		m.write(op{})
	}
}

// writeNext starts the next write: a child writes, reads what the store made of
// it, and reports back. Reading it back makes the numbers the store's, whoever
// else wrote meanwhile.
func (m *room) writeNext() {
	if m.writing || len(m.pending) == 0 {
		return
	}
	o := m.pending[0]
	m.pending = m.pending[1:]
	m.writing = true
	after := m.last()
	m.rooms.running.Go(func() {
		var err error
		if o.act != nil {
			err = m.rooms.store.Chat(m.life, func(tx Tx) error { return o.act(m.life, tx) })
		}
		conv, fresh, readErr := m.readAfter(after)
		for readErr != nil && m.life.Err() == nil {
			m.log.Error("a chat could not be read", logkey.Err, readErr)
			select {
			case <-m.life.Done():
			case <-time.After(retryStore):
			}
			conv, fresh, readErr = m.readAfter(after)
		}
		if readErr == nil {
			m.box.Put(func() { m.wrote(o, err, conv, fresh) })
		}
	})
}

// wrote tells what is durable now.
func (m *room) wrote(o op, err error, conv Conversation, fresh []Event) {
	m.writing = false
	m.conv = conv
	m.follow()
	for i := range fresh {
		m.tell(fresh[i])
	}
	if o.done != nil {
		o.done(err)
	} else if err != nil {
		m.log.Error("a chat could not be written", logkey.Err, err)
	}
	m.writeNext()
}

// tell gives a durable event to everybody.
func (m *room) tell(e Event) {
	m.events = append(m.events, e)
	if e.Kind == KindMessage {
		m.active(e.At)
	}
	for l := range m.links {
		l.put(Frame{Kind: FrameEvent, Event: e})
	}
	m.change("event")
}

// broadcast tells every link something that is forgotten.
func (m *room) broadcast(f Frame) {
	for l := range m.links {
		l.put(f)
	}
}

// change tells the agents' screens.
func (m *room) change(kind string) {
	agent := cmp.Or(m.agent, m.conv.AgentID, m.lost)
	m.cfg.OnChange(Change{ID: m.id, Ticket: m.conv.Interaction.TicketID, Agent: agent, Kind: kind, Seq: m.last()})
}

// view copies the room.
func (m *room) view() View {
	v := View{Conversation: m.conv, AgentName: m.cfg.AgentName(m.agent), Online: m.online, Live: true}
	v.AgentID, v.LostBy, v.CallID = m.agent, m.lost, m.voice
	if !m.online {
		v.OfflineSince = m.seenAt
	}
	return v
}
