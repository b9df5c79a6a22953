//go:build e2e

package test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// person is somebody with a client of his own: a visitor without a session, or
// an agent with his console.
type person struct {
	t      testing.TB
	s      *server
	client *http.Client
	host   string // of the server, over its restarts
	token  string // of a visitor's page
}

func (s *server) visitor() *person {
	return &person{t: s.t, s: s, host: s.http, client: &http.Client{Timeout: 60 * time.Second}}
}

// agent signs in.
func (s *server) agent(login string) *person {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	p := &person{t: s.t, s: s, host: s.http, client: &http.Client{Jar: jar, Timeout: 60 * time.Second}}
	if status, text := p.do("POST", "/api/v1/session", object{"login": login, "password": "demo-" + login}, nil); status != http.StatusNoContent {
		s.t.Fatalf("sign in %s: %d %s", login, status, text)
	}
	return p
}

// try makes a request; the error says that no answer came.
func (p *person) try(method, path string, body, into any) (int, string, error) {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, "", err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, "http://"+p.host+path, r)
	if err != nil {
		return 0, "", err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, "", err
	}
	if into != nil && resp.StatusCode < 300 {
		err = json.Unmarshal(text, into)
	}
	return resp.StatusCode, string(text), err
}

// do is try that must get an answer.
func (p *person) do(method, path string, body, into any) (int, string) {
	p.t.Helper()
	status, text, err := p.try(method, path, body, into)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	return status, text
}

// want is do with a status.
func (p *person) want(status int, method, path string, body, into any) {
	p.t.Helper()
	if got, text := p.do(method, path, body, into); got != status {
		p.t.Fatalf("%s %s: got %d, want %d: %s", method, path, got, status, text)
	}
}

// console keeps an agent's event stream open, over restarts, until the test ends.
func (p *person) console() {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.host+"/api/v1/events", nil)
			if err != nil {
				return
			}
			if resp, err := (&http.Client{Jar: p.client.Jar}).Do(req); err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	})
	p.t.Cleanup(func() { cancel(); wg.Wait() })
}

// open opens a chat.
func (p *person) open(queue, text string) string {
	p.t.Helper()
	var o object
	body := object{
		"key": strings.ReplaceAll(fmt.Sprintf("key-%p-%d", p, time.Now().UnixNano()), "0x", "") + "-padding-padding", "queue": queue,
		"language": "fr", "name": "Zoé", "text": text,
	}
	p.want(http.StatusCreated, "POST", "/w/v1/chats", body, &o)
	var again object
	p.want(http.StatusOK, "POST", "/w/v1/chats", body, &again) // the answer was lost
	if again.str("id") != o.str("id") {
		p.t.Fatalf("one key opened two chats: %v and %v", o, again)
	}
	p.token = o.str("token")
	return o.str("id")
}

// offered waits until an agent is offered the chat.
func (p *person) offered(chat string) string {
	p.t.Helper()
	item := "chat-" + chat
	wait(p.t, 30*time.Second, "offer of the chat", func() (bool, string) {
		var o object
		status, text := p.do("GET", "/api/v1/work/"+item, nil, &o)
		return status == http.StatusOK && o.str("state") == "offered" && o.str("why") != "", text
	})
	return item
}

// events returns the events of a chat as the agent reads them.
func (p *person) events(chat string) []object {
	p.t.Helper()
	var all []object
	for after := 0.0; ; {
		var page struct{ Items []object }
		p.want(http.StatusOK, "GET", fmt.Sprintf("/api/v1/chats/%s/messages?after=%.0f", chat, after), nil, &page)
		if len(page.Items) == 0 {
			return all
		}
		all = append(all, page.Items...)
		after = page.Items[len(page.Items)-1].num("seq")
	}
}

// page is a visitor's page with a socket that comes back by itself.
type page struct {
	p      *person
	chat   string
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	seen    []object // events, by their order of arrival
	last    float64
	unsent  []object // frames without an acknowledgement
	refused []string
	conn    *websocket.Conn
	cut     bool // the network is away
}

// load opens the page: it knows nothing but the token.
func (p *person) load(chat string) *page {
	ctx, cancel := context.WithCancel(context.Background())
	g := &page{p: p, chat: chat, cancel: cancel, done: make(chan struct{})}
	go g.run(ctx)
	p.t.Cleanup(g.close)
	return g
}

func (g *page) close() {
	g.cancel()
	<-g.done
}

func (g *page) run(ctx context.Context) {
	defer close(g.done)
	for ctx.Err() == nil {
		g.mu.Lock()
		away := g.cut
		g.mu.Unlock()
		if !away {
			g.session(ctx)
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// session is one life of the socket.
func (g *page) session(ctx context.Context) {
	c, _, err := websocket.Dial(ctx, "ws://"+g.p.host+"/w/v1/chats/"+g.chat+"/ws", nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	g.mu.Lock()
	hello := object{"type": "hello", "token": g.p.token, "last_seq": g.last}
	err = write(ctx, c, hello)
	for _, f := range g.unsent {
		if err == nil {
			err = write(ctx, c, f)
		}
	}
	g.conn = c
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		g.conn = nil
		g.mu.Unlock()
	}()
	for err == nil {
		var raw []byte
		if _, raw, err = c.Read(ctx); err != nil {
			return
		}
		var f object
		if json.Unmarshal(raw, &f) == nil {
			g.got(f)
		}
	}
}

func write(ctx context.Context, c *websocket.Conn, f object) error {
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return c.Write(ctx, websocket.MessageText, b)
}

// got takes one frame of the server.
func (g *page) got(f object) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch f.str("type") {
	case "message", "state", "assignment", "read", "call":
		g.seen = append(g.seen, f)
		g.last = f.num("seq")
	case "accepted", "refused":
		if f.str("type") == "refused" {
			g.refused = append(g.refused, f.str("code"))
		}
		for i, u := range g.unsent {
			if u.str("client_id") == f.str("client_id") && f.str("code") != "try_again" && f.str("code") != "rate" {
				g.unsent = append(g.unsent[:i:i], g.unsent[i+1:]...)
				break
			}
		}
	}
}

// say sends a message, now or when the socket is back.
func (g *page) say(clientID, text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := object{"type": "send", "client_id": clientID, "text": text}
	g.unsent = append(g.unsent, f)
	if g.conn != nil {
		_ = write(context.Background(), g.conn, f) // lost: the next session sends it again
	}
}

// away cuts the network, or mends it.
func (g *page) away(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cut = on
	if on && g.conn != nil {
		_ = g.conn.CloseNow()
	}
}

// messages are the texts that the page shows, with their numbers checked.
func (g *page) messages() ([]string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return texts(g.seen)
}

// texts returns the messages among events that must be numbered without a gap.
func texts(events []object) ([]string, error) {
	var all []string
	for i, e := range events {
		if e.num("seq") != float64(i+1) {
			return all, fmt.Errorf("event %d has number %.0f", i+1, e.num("seq"))
		}
		if e.str("type") == "message" {
			all = append(all, e.str("by")+": "+e.str("text"))
		}
	}
	return all, nil
}

func TestAVisitorIsAnsweredInWriting(t *testing.T) {
	s := startServer(t)
	agent, visitor := s.agent("1001"), s.visitor()
	agent.console()
	chat := visitor.open("support", "Bonjour, mon dépôt est bloqué")
	g := visitor.load(chat)
	item := agent.offered(chat)
	agent.want(http.StatusOK, "POST", "/api/v1/work/"+item+"/accept", object{}, nil)
	agent.want(http.StatusOK, "POST", "/api/v1/chats/"+chat+"/messages", object{"client_id": "agent-0001", "text": "Bonjour, je regarde."}, nil)
	agent.want(http.StatusOK, "POST", "/api/v1/chats/"+chat+"/messages", object{"client_id": "agent-0001", "text": "Bonjour, je regarde."}, nil)
	g.say("page-0001", "Merci")
	want := []string{"visitor: Bonjour, mon dépôt est bloqué", "agent: Bonjour, je regarde.", "visitor: Merci"}
	g.wants(want)
	other := s.agent("1002")
	if status, _ := other.do("GET", "/api/v1/chats/"+chat, nil, nil); status != http.StatusForbidden {
		t.Errorf("another agent reads it: %d", status)
	}
	var row object
	agent.want(http.StatusOK, "GET", "/api/v1/chats/"+chat, nil, &row)
	if row.str("state") != "open" || row["online"] != true || row.num("replies") != 1 {
		t.Errorf("got %v", row)
	}
	agent.want(http.StatusNoContent, "POST", "/api/v1/chats/"+chat+"/end", object{}, nil)
	wait(t, 20*time.Second, "end on the page", func() (bool, string) {
		g.mu.Lock()
		defer g.mu.Unlock()
		last := g.seen[len(g.seen)-1]
		return last.str("state") == "ended" && last.str("reason") == "agent", fmt.Sprint(last)
	})
	var ticket object
	agent.want(http.StatusOK, "GET", "/api/v1/tickets/"+row.str("ticket_id"), nil, &ticket)
	if ticket.str("assignee_id") == "" || ticket.str("channel") != "chat" || !strings.Contains(fmt.Sprint(ticket["timeline"]), "first_reply_ms") {
		t.Errorf("got %v", ticket)
	}
	if got, err := texts(agent.events(chat)); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the agent sees %q, %v", got, err)
	}
}

// wants waits until the page shows messages.
func (g *page) wants(want []string) {
	g.p.t.Helper()
	wait(g.p.t, 60*time.Second, fmt.Sprintf("%d messages on the page", len(want)), func() (bool, string) {
		got, err := g.messages()
		return err == nil && fmt.Sprint(got) == fmt.Sprint(want), fmt.Sprintf("%d: %q %v", len(got), got, err)
	})
}

// Twenty messages from each side while the network is cut, the server is
// killed, and the page is reloaded in two tabs: everybody has the same, in one
// order, nothing twice.
func TestNothingIsLostInAChatAndNothingComesTwice(t *testing.T) {
	const each = 20
	s := startServer(t)
	agent, visitor := s.agent("1001"), s.visitor()
	agent.console()
	chat := visitor.open("support", "premier")
	g := visitor.load(chat)
	item := agent.offered(chat)
	agent.want(http.StatusOK, "POST", "/api/v1/work/"+item+"/accept", object{}, nil)

	var wg sync.WaitGroup
	wg.Go(func() { // the agent sends again until he gets an answer
		for i := range each {
			body := object{"client_id": fmt.Sprintf("agent-%04d", i), "text": fmt.Sprintf("agent %d", i)}
			if err := agent.until("POST", "/api/v1/chats/"+chat+"/messages", body); err != nil {
				t.Error(err)
				return
			}
		}
	})
	wg.Go(func() {
		for i := range each {
			g.say(fmt.Sprintf("page-%04d", i), fmt.Sprintf("visitor %d", i))
			if i == each/2 {
				g.away(true)
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
	for range 3 {
		time.Sleep(300 * time.Millisecond)
		s.stop(syscall.SIGKILL)
		s.start()
	}
	wg.Wait()
	g.away(false)
	second := visitor.load(chat) // another tab, or a reload: it begins with nothing

	var want []string
	wait(t, 60*time.Second, "all that was said, stored", func() (bool, string) {
		got, err := texts(agent.events(chat))
		want = got
		return err == nil && len(got) == 2*each+1, fmt.Sprintf("%d %v", len(got), err)
	})
	count := map[string]int{}
	for _, m := range want {
		count[m]++
	}
	for i := range each {
		for _, m := range []string{fmt.Sprintf("agent: agent %d", i), fmt.Sprintf("visitor: visitor %d", i)} {
			if count[m] != 1 {
				t.Errorf("%q is there %d times", m, count[m])
			}
		}
	}
	g.wants(want)
	second.wants(want)
	inOrder(t, want, "agent: agent ")
	inOrder(t, want, "visitor: visitor ")
}

// inOrder checks that what one side said stands in the order in which it said it.
func inOrder(t *testing.T, all []string, prefix string) {
	t.Helper()
	next := 0
	for _, m := range all {
		if strings.HasPrefix(m, prefix) {
			if m != fmt.Sprint(prefix, next) {
				t.Errorf("%q stands where %d should", m, next)
			}
			next++
		}
	}
}

// until repeats a request until it is answered with success.
func (p *person) until(method, path string, body any) error {
	last := ""
	for range 600 {
		status, text, err := p.try(method, path, body, nil)
		if err == nil && status < 300 {
			return nil
		}
		last = fmt.Sprint(status, " ", text, " ", err)
		time.Sleep(100 * time.Millisecond)
	}
	return errors.New("never answered: " + last)
}

// Messages of both sides and uploads go on while the server is killed at random
// moments: what was acknowledged is there, and nothing is there twice.
func TestKilledAtRandomMomentsOfChatAndUpload(t *testing.T) {
	killedInChats(t, startServer(t), deskKills)
}

func killedInChats(t *testing.T, s *server, kills int) {
	t.Helper()
	agent, visitor := s.agent("1001"), s.visitor()
	agent.console()
	chat := visitor.open("support", "premier")
	item := agent.offered(chat)
	agent.want(http.StatusOK, "POST", "/api/v1/work/"+item+"/accept", object{}, nil)

	stop := make(chan struct{})
	var wg sync.WaitGroup
	said := map[string]*int{"agent": new(int), "visitor": new(int)}
	var spoken atomic.Int64
	talk := func(side string, p *person, path string) {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			body := object{"client_id": fmt.Sprintf("%s-%06d", side, n), "text": fmt.Sprintf("%s %d", side, n)}
			if err := p.until("POST", path, body); err != nil {
				t.Error(err)
				return
			}
			*said[side] = n + 1
			spoken.Add(1)
			time.Sleep(100 * time.Millisecond)
		}
	}
	wg.Go(func() { talk("agent", agent, "/api/v1/chats/"+chat+"/messages") })
	files := 0
	wg.Go(func() { // every fifth message of the visitor carries a file
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			body := object{"client_id": fmt.Sprintf("visitor-%06d", n), "text": fmt.Sprintf("visitor %d", n)}
			if n%5 == 0 {
				id, err := visitor.uploadUntil("/w/v1/chats/"+chat+"/files", fmt.Sprintf("note-%d.txt", n), fmt.Sprintf("contenu %d", n))
				if err != nil {
					t.Error(err)
					return
				}
				body["files"] = []string{id}
				files++
			}
			if err := visitor.until("POST", "/w/v1/chats/"+chat+"/messages", body); err != nil {
				t.Error(err)
				return
			}
			*said["visitor"] = n + 1
			spoken.Add(1)
			time.Sleep(600 * time.Millisecond) // within what a conversation allows
		}
	})
	s.killedAtRandom(kills, spoken.Load)
	close(stop)
	wg.Wait()

	events := agent.events(chat)
	got, err := texts(events)
	if err != nil {
		t.Fatal(err)
	}
	for side, n := range said {
		inOrder(t, got, side+": "+side+" ")
		count := 0
		for _, m := range got {
			if strings.HasPrefix(m, side+": "+side+" ") {
				count++
			}
		}
		if count != *n {
			t.Errorf("%d messages of the %s are stored, %d were acknowledged", count, side, *n)
		}
	}
	seen := 0
	for _, e := range events {
		list, _ := e["files"].([]any)
		for _, f := range list {
			seen++
			file := object(f.(map[string]any))
			status, text := agent.do("GET", "/api/v1/files/"+file.str("id"), nil, nil)
			if want := "contenu " + strings.TrimSuffix(strings.TrimPrefix(file.str("name"), "note-"), ".txt"); status != http.StatusOK || text != want {
				t.Errorf("%s: %d %q, want %q", file.str("name"), status, text, want)
			}
		}
	}
	if seen != files {
		t.Errorf("%d files are there, %d were sent", seen, files)
	}
	t.Logf("%d events, %d files over %d kills", len(events), seen, kills)
}

// uploadUntil uploads a file until an answer comes.
func (p *person) uploadUntil(path, name, content string) (string, error) {
	last := ""
	for range 600 {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		w, err := form.CreateFormFile("file", name)
		if err != nil {
			return "", err
		}
		if _, err := w.Write([]byte(content)); err != nil {
			return "", err
		}
		if err := form.Close(); err != nil {
			return "", err
		}
		req, err := http.NewRequest(http.MethodPost, "http://"+p.host+path, &body)
		if err != nil {
			return "", err
		}
		req.Header.Set("Content-Type", form.FormDataContentType())
		if p.token != "" {
			req.Header.Set("Authorization", "Bearer "+p.token)
		}
		if resp, err := p.client.Do(req); err == nil {
			var o object
			err = json.NewDecoder(resp.Body).Decode(&o)
			resp.Body.Close()
			if err == nil && resp.StatusCode == http.StatusCreated {
				return o.str("id"), nil
			}
			last = fmt.Sprint(resp.StatusCode, o, err)
		} else {
			last = err.Error()
		}
		time.Sleep(100 * time.Millisecond)
	}
	return "", errors.New("never uploaded: " + last)
}

func TestWhoPausesIsOfferedNoChat(t *testing.T) {
	s := startServer(t, "PICKUP_DEMO_AGENTS=1")
	agent, visitor := s.agent("1001"), s.visitor()
	agent.console()
	first := visitor.open("support", "un")
	item := agent.offered(first)
	agent.want(http.StatusOK, "POST", "/api/v1/work/"+item+"/accept", object{}, nil)
	var me object
	agent.want(http.StatusOK, "GET", "/api/v1/me", nil, &me)
	agent.want(http.StatusOK, "PUT", "/api/v1/agents/"+me.str("id")+"/state", object{"state": "not_ready", "reason": "pause"}, nil)
	other := s.visitor()
	second := other.open("support", "deux")
	admin := s.agent("admin")
	wait(t, 20*time.Second, "the second chat in the queue", func() (bool, string) {
		var waiting object
		_, text := admin.do("GET", "/api/v1/work/chat-"+second, nil, &waiting)
		return waiting.str("state") == "waiting" && waiting.num("position") == 1, text
	})
	agent.want(http.StatusOK, "PUT", "/api/v1/agents/"+me.str("id")+"/state", object{"state": "ready"}, nil)
	agent.offered(second) // one chat leaves room for another
}

// One agent with a desk phone and a console: who talks with him on the phone has
// him alone, a chat waits until then, and what he has in writing is in the list
// with its reason.
func TestAnAgentOnHisDeskPhoneIsOfferedNoChat(t *testing.T) {
	s := startServer(t, "PICKUP_DEMO_AGENTS=1", "PICKUP_RECORDING_NOTICE=false")
	desk := newPhone(t, "1001", s.sip)
	desk.register("demo-1001")
	s.agents(1, "ready")
	agent := s.agent("1001")
	agent.console()
	player := newPhone(t, "player", s.sip)
	d, err := player.dial("support")
	if err != nil {
		t.Fatal(err)
	}
	s.agents(1, "talking")
	visitor := s.visitor()
	chat := visitor.open("support", "Bonjour")
	admin := s.agent("admin")
	state := func() (object, string) {
		var o object
		_, text := admin.do("GET", "/api/v1/work/chat-"+chat, nil, &o)
		return o, text
	}
	wait(t, 20*time.Second, "the chat in the queue", func() (bool, string) {
		o, text := state()
		return o.str("state") == "waiting" && o.num("position") == 1, text
	})
	s.agents(1, "talking") // and he still talks
	if o, text := state(); o.str("state") != "waiting" {
		t.Fatalf("offered while he talks: %s", text)
	}
	player.bye(d)
	agent.offered(chat)
	o, text := state()
	offers, _ := o["offers"].([]any)
	if len(offers) == 0 || o.str("why") == "" {
		t.Errorf("got %s", text)
	}
}
