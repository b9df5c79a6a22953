package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/callback"
	"pickup/callflow"
	"pickup/internal/fanout"
	"pickup/internal/filestore"
	"pickup/internal/id"
	"pickup/media"
	"pickup/queue"
	"pickup/recording"
	"pickup/store/storetest"
	"pickup/ticket"
	"pickup/ticket/chat"
	"pickup/ticket/work"
	"pickup/web"
	"pickup/web/password"
)

// site is a call centre of real engines on a store in memory, with its HTTP edge.
type site struct {
	t        *testing.T
	store    *storetest.Memory
	queue    *queue.Domain
	calls    *callflow.Manager
	recorder *recording.Recorder
	hub      *fanout.Hub
	board    *work.Board
	chats    *chat.Rooms
	server   *web.Server
	desk     *ticket.Desk
	url      string
	dir      string                  // of recordings
	users    map[string]account.User // by login
}

// the people of the site; each has the password "secret-<login>"
var people = map[string]account.Role{
	"1001": account.RoleAgent, "1002": account.RoleAgent, "2001": account.RoleSupervisor, "3001": account.RoleReviewer, "admin": account.RoleAdmin,
}

// option changes a site before it starts.
type option func(*web.Config, *web.Parts)

// noDevices says that no agent has a phone.
type noDevices struct{}

func (noDevices) Devices(account.ID) []callflow.Address { return nil }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, options ...option) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), store: storetest.NewMemory(), hub: fanout.New(nil), users: map[string]account.User{}}
	log := slog.New(slog.DiscardHandler)
	ctx := t.Context()
	for login, role := range people {
		phc, err := password.HashDemo("secret-" + login)
		must(t, err)
		u := account.User{
			ID: account.ID(id.New()), Login: login, Name: "Name of " + login, Role: role, Language: "en", Active: true, PasswordHash: phc,
			CreatedAt: time.Now(),
		}
		must(t, s.store.UpsertUser(ctx, u))
		s.users[login] = u
	}
	must(t, s.store.UpsertQueue(ctx, queue.QueueConfig{
		ID: id.New(), Name: "support", Enabled: true, Target: 30 * time.Second, TargetPercent: 80, MaxLength: 3,
		Members: []queue.Member{{Agent: s.users["1001"].ID}, {Agent: s.users["1002"].ID}},
	}))
	var err error
	s.queue, err = queue.New(queue.Config{OnChange: func(c queue.Change) { s.hub.Publish(c.Topic, c.ID, nil) }}, s.store, log)
	must(t, err)
	s.recorder, err = recording.New(recording.Config{Dir: s.dir, Reserve: 1}, s.store, log)
	must(t, err)
	engine, err := media.New(media.Config{
		FirstPort: 21000, LastPort: 21999, LocalAddr: func(netip.Addr) netip.Addr { return netip.MustParseAddr("127.0.0.1") },
	}, log)
	must(t, err)
	browser := web.NewBrowserCalls(engine, log)
	s.calls, err = callflow.New(callflow.Config{OnChange: func(topic, id string) { s.hub.Publish(topic, id, nil) }}, callflow.Parts{
		Queue: s.queue, Recorder: s.recorder, Book: callback.NewBook(callback.Config{}, s.store), Store: s.store, Devices: noDevices{},
		Dialers: map[callflow.AddressKind]callflow.Dialer{callflow.AddressBrowser: browser}, Log: log,
	})
	must(t, err)
	s.board = work.New(work.Config{}, s.queue, s.store, log)
	s.chats, err = chat.New(chat.Config{
		AgentName: func(id account.ID) string { return s.named(id) },
		OnChange: func(c chat.Change) {
			s.hub.Publish("chat", c.ID, map[string]any{"agent_id": string(c.Agent), "kind": c.Kind, "last_seq": c.Seq})
		},
	}, s.store, s.board, chat.NewSigner([]byte("0123456789abcdef0123456789abcdef")), log)
	must(t, err)
	files, err := filestore.Open(t.TempDir())
	must(t, err)
	cfg := web.Config{Listen: "127.0.0.1:0"}
	parts := web.Parts{
		Board: s.board, Chats: s.chats, Files: files,
		Queue: s.queue, Calls: s.calls, Store: s.store, Recorder: s.recorder, Hub: s.hub, Browser: browser, Handler: s.calls,
		Reconfigure: s.configure, Desk: ticket.NewDesk(s.store, ticket.Policy{}, time.Now, nil), Watchers: ticket.NewWatchers(time.Now, nil),
		History: &history{Memory: s.store},
	}
	s.desk = parts.Desk
	for _, o := range options {
		o(&cfg, &parts)
	}
	s.server, err = web.NewServer(cfg, parts, log)
	must(t, err)
	s.url = "http://" + s.server.Addr()
	s.start(engine.Run, s.recorder.Run, s.queue.Run, s.board.Run, s.chats.Run, s.calls.Run, s.server.Run)
	must(t, s.configure(ctx))
	return s
}

// named is the name of an agent.
func (s *site) named(agent account.ID) string {
	for _, u := range s.users {
		if u.ID == agent {
			return u.Name
		}
	}
	return ""
}

// start runs parts until the test ends, in the order of starting; they end in
// the reverse order.
func (s *site) start(runs ...func(context.Context) error) {
	for _, run := range runs {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- run(ctx) }()
		s.t.Cleanup(func() {
			cancel()
			select {
			case err := <-done:
				if err != nil {
					s.t.Errorf("run: %v", err)
				}
			case <-time.After(20 * time.Second):
				s.t.Error("a part does not end")
			}
		})
	}
}

// configure applies what is stored.
func (s *site) configure(ctx context.Context) error {
	queues, err := s.store.Queues(ctx)
	if err != nil {
		return err
	}
	users, err := s.store.Users(ctx)
	if err != nil {
		return err
	}
	var agents []queue.AgentConfig
	for _, u := range users {
		if u.Role == account.RoleAgent && u.Active {
			agents = append(agents, queue.AgentConfig{ID: u.ID, Login: u.Login, Name: u.Name})
		}
	}
	return s.queue.Configure(ctx, queues, agents)
}

// client is somebody with a cookie or a token, or nobody.
type client struct {
	s      *site
	http   *http.Client
	header http.Header
}

func (s *site) nobody() *client {
	transport := &http.Transport{DisableCompression: true}
	s.t.Cleanup(transport.CloseIdleConnections)
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{s: s, http: &http.Client{Transport: transport, CheckRedirect: noRedirect, Timeout: 20 * time.Second}, header: http.Header{}}
}

// as signs in with a cookie.
func (s *site) as(login string) *client {
	s.t.Helper()
	c := s.nobody()
	r := c.do("POST", "/api/v1/session", map[string]string{"login": login, "password": "secret-" + login})
	if r.status != http.StatusNoContent {
		s.t.Fatalf("sign in: %d %s", r.status, r.body)
	}
	c.header.Set("Cookie", strings.Split(r.header.Get("Set-Cookie"), ";")[0])
	return c
}

// with returns a client with one more header.
func (c *client) with(name, value string) *client {
	h := c.header.Clone()
	h.Set(name, value)
	return &client{s: c.s, http: c.http, header: h}
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) json(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal(r.body, into); err != nil {
		t.Fatalf("%v in %s", err, r.body)
	}
}

// request sends a body: nil, text (as it is), or a value as JSON.
func (c *client) request(method, path string, body any) *http.Request {
	c.s.t.Helper()
	var content io.Reader
	kind := ""
	switch b := body.(type) {
	case nil:
	case string:
		content = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		must(c.s.t, err)
		content, kind = bytes.NewReader(text), "application/json"
	}
	req, err := http.NewRequestWithContext(c.s.t.Context(), method, c.s.url+path, content)
	must(c.s.t, err)
	for name, values := range c.header {
		req.Header[name] = values
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	return req
}

func (c *client) do(method, path string, body any) reply {
	c.s.t.Helper()
	answer, err := c.http.Do(c.request(method, path, body))
	must(c.s.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(c.s.t, err)
	return reply{answer.StatusCode, answer.Header, text}
}

// list reads the items of a list.
func list[T any](c *client, path string) []T {
	c.s.t.Helper()
	r := c.do("GET", path, nil)
	if r.status != http.StatusOK {
		c.s.t.Fatalf("GET %s: %d %s", path, r.status, r.body)
	}
	var out struct{ Items []T }
	r.json(c.s.t, &out)
	return out.Items
}

// eventually waits for what another goroutine does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if ok() {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

// endedCall stores a call of an agent that is over, with its ticket.
func (s *site) endedCall(agent account.ID) call.Record {
	s.t.Helper()
	now := time.Now()
	r := call.Record{
		ID: call.ID(id.New()), Direction: call.Inbound, SIPCallID: id.New(), Queue: "support", Language: "en", State: call.StateEnded,
		EndReason: call.EndAnswered, AgentID: agent, From: call.Party{Kind: call.PartyAnonymousSIP, URI: "sip:" + string(agent) + "@127.0.0.1", User: string(agent)},
		To:        call.Party{URI: "sip:support@127.0.0.1", User: "support"},
		ArrivedAt: now.Add(-time.Minute), EnqueuedAt: now.Add(-time.Minute), BridgedAt: now.Add(-50 * time.Second), EndedAt: now, Talk: 50 * time.Second,
		Legs: []call.LegRecord{{ID: "leg-" + call.LegID(id.New()), Kind: "player", StartedAt: now.Add(-time.Minute)}},
	}
	must(s.t, s.store.SaveCall(s.t.Context(), r, call.TimelineEvent{At: now, Kind: "joined"}))
	linked, err := s.store.EndCall(s.t.Context(), callflow.Ending{Record: r})
	must(s.t, err)
	r.TicketID, r.ContactID = linked.Ticket.ID, linked.Contact.ID
	return r
}

// recorder is an httptest recorder for who needs no socket.
func get(h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// withUI serves files as the built console.
func withUI(files fs.FS) option { return func(_ *web.Config, p *web.Parts) { p.UI = files } }
