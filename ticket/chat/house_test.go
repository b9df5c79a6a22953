package chat_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
	"pickup/store/storetest"
	"pickup/ticket"
	"pickup/ticket/chat"
	"pickup/ticket/work"
)

// house is a queue, a board and rooms on a store in memory, in virtual time. The
// agents are a1 (Anna) and a2 (Bruno).
type house struct {
	t     testing.TB
	store *storetest.Memory
	queue *queue.Domain
	board *work.Board
	rooms *chat.Rooms
	cfg   chat.Config

	mu      sync.Mutex
	changes []chat.Change
	mails   []chat.Mail
	noMail  bool

	opened int
	stop   []func()
}

// live runs a story in a house.
func live(t *testing.T, cfg chat.Config, story func(h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, cfg)
		h.start()
		story(h)
		h.end()
	})
}

func newHouse(t testing.TB, cfg chat.Config) *house {
	h := &house{t: t, store: storetest.NewMemory(), cfg: cfg}
	h.cfg.AgentName = func(id account.ID) string { return map[account.ID]string{"a1": "Anna", "a2": "Bruno"}[id] }
	h.cfg.OnChange = func(c chat.Change) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.changes = append(h.changes, c)
	}
	h.cfg.Mail = func(_ context.Context, _ ticket.DeskTx, m chat.Mail) (bool, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if !h.noMail {
			h.mails = append(h.mails, m)
		}
		return !h.noMail, nil
	}
	return h
}

// start opens the house: after end it is the next process on the same store.
func (h *house) start() {
	h.t.Helper()
	log := slog.New(slog.DiscardHandler)
	var err error
	h.queue, err = queue.New(queue.Config{ReservePercent: -1}, h.store, log)
	h.must(err)
	h.board = work.New(work.Config{}, h.queue, h.store, log)
	h.rooms, err = chat.New(h.cfg, h.store, h.board, chat.NewSigner([]byte("0123456789abcdef0123456789abcdef")), log)
	h.must(err)
	h.must(h.store.RecoverQueue(context.Background(), time.Now()))
	h.run(h.queue.Run)
	members := []queue.Member{{Agent: "a1"}, {Agent: "a2"}}
	h.must(h.queue.Configure(context.Background(), []queue.QueueConfig{
		{ID: "q1", Name: "support", Enabled: true, Members: members},
		{ID: "q2", Name: "payments", Enabled: true, Members: members[1:]},
		{ID: "q3", Name: "shut", Enabled: false},
	}, []queue.AgentConfig{
		{ID: "a1", Login: "1001", Name: "Anna", AutoReady: true}, {ID: "a2", Login: "1002", Name: "Bruno", AutoReady: true},
	}))
	h.run(h.board.Run)
	h.run(h.rooms.Run)
}

func (h *house) run(part func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- part(ctx) }()
	h.stop = append(h.stop, func() {
		cancel()
		h.must(<-done)
	})
}

// end closes the house, the inner parts last.
func (h *house) end() {
	h.t.Helper()
	for len(h.stop) > 0 {
		last := len(h.stop) - 1
		h.stop[last]()
		h.stop = h.stop[:last]
	}
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// open opens a conversation.
func (h *house) open(change ...func(*chat.Opening)) chat.Opened {
	h.t.Helper()
	h.opened++
	o := chat.Opening{Key: fmt.Sprint("key-", h.opened), Queue: "support", Language: "fr", Name: "Zoé", Text: "Bonjour"}
	for _, c := range change {
		c(&o)
	}
	got, err := h.rooms.Open(context.Background(), o)
	h.must(err)
	synctest.Wait()
	return got
}

// answered opens a conversation that a1 answers.
func (h *house) answered(change ...func(*chat.Opening)) string {
	h.t.Helper()
	h.board.Present("a1")
	id := h.open(change...).ID
	_, err := h.board.Accept(context.Background(), work.ChatItem(id), "a1")
	h.must(err)
	synctest.Wait()
	return id
}

// agent says something for a1.
func (h *house) agent(id, clientID, text string) error {
	_, _, err := h.rooms.Say(context.Background(), id, chat.Said{
		Side: chat.Agent, Actor: ticket.Actor{ID: "a1", Name: "Anna"}, ClientID: clientID, Text: text,
	})
	return err
}

func (h *house) visitor(id, clientID, text string) error {
	_, _, err := h.rooms.Say(context.Background(), id, chat.Said{Side: chat.Visitor, ClientID: clientID, Text: text})
	return err
}

func (h *house) view(id string) chat.View {
	h.t.Helper()
	synctest.Wait()
	v, err := h.rooms.View(context.Background(), id)
	h.must(err)
	return v
}

// events returns what is stored, its numbers checked.
func (h *house) events(id string) []chat.Event {
	h.t.Helper()
	synctest.Wait()
	all, err := h.store.ChatEvents(context.Background(), id, 0, 100_000)
	h.must(err)
	for i, e := range all {
		if e.Seq != int64(i+1) {
			h.t.Fatalf("event %d has number %d", i+1, e.Seq)
		}
	}
	return all
}

// story writes events in short.
func story(events []chat.Event) []string {
	var all []string
	for _, e := range events {
		switch e.Kind {
		case chat.KindMessage:
			all = append(all, string(e.Message.Kind)+": "+e.Message.Text)
		case chat.KindState:
			all = append(all, "state "+string(e.State)+" "+e.Reason)
		case chat.KindAssignment:
			all = append(all, "agent "+e.AgentName)
		case chat.KindRead:
			all = append(all, fmt.Sprint(e.Side, " read ", e.UpTo))
		case chat.KindCall:
			all = append(all, fmt.Sprint(e.Side, " calls"))
		}
	}
	return all
}

func (h *house) wants(id string, want ...string) {
	h.t.Helper()
	if got := story(h.events(id)); fmt.Sprint(got) != fmt.Sprint(want) {
		h.t.Errorf("got\n%q, want\n%q", got, want)
	}
}

// ends checks how the entry of the queue and the interaction ended.
func (h *house) ends(id string, reason call.EndReason) {
	h.t.Helper()
	if v := h.view(id); v.State != chat.StateEnded || v.Interaction.EndReason != reason || v.Interaction.EndedAt.IsZero() {
		h.t.Fatalf("got %s %q, want it ended as %q", v.State, v.Interaction.EndReason, reason)
	}
	if _, err := h.board.Get(context.Background(), work.ChatItem(id)); !errors.Is(err, work.ErrGone) {
		h.t.Fatalf("its work is still there: %v", err)
	}
}

// ping keeps a visitor present for a while.
func ping(l *chat.Link, d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		l.Ping()
		time.Sleep(min(10*time.Second, time.Until(end)))
	}
	l.Ping()
	synctest.Wait()
}

// frames takes what a link has.
func frames(l *chat.Link) []chat.Frame {
	synctest.Wait()
	return append([]chat.Frame(nil), l.Take(nil)...)
}

// sent are the mails that left.
func (h *house) sent() []chat.Mail {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]chat.Mail(nil), h.mails...)
}
