package web_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"pickup/account"
	"pickup/queue"
	"pickup/ticket"
	"pickup/ticket/chat"
	"pickup/ticket/work"
	"pickup/web"
)

// key is a key of a new conversation.
func key(n int) string { return fmt.Sprintf("0123456789abcdefghij%02d", n) }

// opened opens a chat and returns the visitor's client.
func (s *site) opened(n int, change ...func(map[string]any)) (*client, web.ChatOpened) {
	s.t.Helper()
	body := map[string]any{"key": key(n), "queue": "support", "language": "fr", "name": "Zoé", "text": "Bonjour"}
	for _, c := range change {
		c(body)
	}
	r := s.nobody().do("POST", "/w/v1/chats", body)
	if r.status != http.StatusCreated {
		s.t.Fatalf("got %d %s", r.status, r.body)
	}
	var o web.ChatOpened
	r.json(s.t, &o)
	return s.nobody().with("Authorization", "Bearer "+o.Token), o
}

// answered lets an agent answer a chat.
func (s *site) answered(chatID, login string) *client {
	s.t.Helper()
	c := s.as(login)
	agent := s.users[login].ID
	s.t.Cleanup(s.board.Present(agent))
	eventually(s.t, "his console", func() bool { return s.queue.SetState(s.t.Context(), agent, queue.AgentReady, "") == nil })
	item := "chat-" + chatID
	eventually(s.t, "the offer", func() bool {
		i, err := s.board.Get(s.t.Context(), queue.ItemID(item))
		return err == nil && i.State == work.Offered && i.Agent == agent
	})
	if r := c.do("POST", "/api/v1/work/"+item+"/accept", nil); r.status != http.StatusOK {
		s.t.Fatalf("accept: %d %s", r.status, r.body)
	}
	return c
}

func TestWhoMayDoWhatWithWrittenWork(t *testing.T) {
	s := open(t)
	must(t, s.queue.SetState(t.Context(), s.users["1002"].ID, queue.AgentNotReady, "pause"))
	_, o := s.opened(1)
	s.answered(o.ID, "1001")
	item, say := "/api/v1/work/chat-"+o.ID, map[string]string{"client_id": "client-1", "text": "Bonjour"}
	var file web.ChatFile
	upload(t, s.as("1001"), "/api/v1/files", "a.txt", []byte("Réf. 42")).json(t, &file)
	clients := map[string]*client{"nobody": s.nobody()}
	for login := range people {
		clients[login] = s.as(login)
	}
	// mine is agent 1001, who answers; other is agent 1002.
	for name, c := range map[string]struct {
		method, path                                         string
		body                                                 any
		nobody, mine, other, supervisor, reviewer, administr int
	}{
		"list work":            {"GET", "/api/v1/work", nil, 401, 200, 200, 200, 200, 200},
		"one piece of work":    {"GET", item, nil, 401, 200, 403, 200, 200, 200},
		"unknown work":         {"GET", "/api/v1/work/none", nil, 401, 404, 404, 404, 404, 404},
		"accept it":            {"POST", item + "/accept", nil, 401, 200, 403, 409, 403, 409},
		"reject it":            {"POST", item + "/reject", map[string]string{}, 401, 409, 403, 409, 403, 409},
		"claim it":             {"POST", item + "/claim", nil, 401, 200, 403, 409, 403, 409},
		"park a chat":          {"POST", item + "/park", nil, 401, 409, 403, 409, 403, 409},
		"resume it":            {"POST", item + "/resume", nil, 401, 200, 403, 409, 403, 409},
		"end another's":        {"POST", "/api/v1/work/none/done", nil, 401, 404, 404, 404, 403, 404},
		"move it to nowhere":   {"POST", item + "/transfer", map[string]string{"queue": "none", "reason": "x"}, 401, 422, 422, 422, 403, 422},
		"give it to nobody":    {"POST", item + "/transfer", map[string]string{"agent_id": "none", "reason": "x"}, 401, 422, 422, 422, 403, 422},
		"give it for nothing":  {"POST", item + "/transfer", map[string]string{"queue": "support", "reason": " "}, 401, 422, 422, 422, 403, 422},
		"ask for what nobody":  {"POST", item + "/transfer", map[string]string{"skill": "none", "reason": "x"}, 401, 409, 403, 409, 403, 409},
		"where it may go":      {"GET", item + "/destinations", nil, 401, 200, 403, 200, 200, 200},
		"where nothing may go": {"GET", "/api/v1/work/none/destinations", nil, 401, 404, 404, 404, 404, 404},
		"list chats":           {"GET", "/api/v1/chats", nil, 401, 200, 200, 200, 200, 200},
		"one chat":             {"GET", "/api/v1/chats/" + o.ID, nil, 401, 200, 403, 200, 200, 200},
		"its events":           {"GET", "/api/v1/chats/" + o.ID + "/messages", nil, 401, 200, 403, 200, 200, 200},
		"an unknown chat":      {"GET", "/api/v1/chats/none", nil, 401, 404, 404, 404, 404, 404},
		"answer":               {"POST", "/api/v1/chats/" + o.ID + "/messages", say, 401, 200, 403, 200, 403, 200},
		"answer in an unknown": {"POST", "/api/v1/chats/none/messages", say, 401, 404, 404, 404, 403, 404},
		"type":                 {"POST", "/api/v1/chats/" + o.ID + "/typing", nil, 401, 204, 403, 204, 403, 204},
		"read":                 {"POST", "/api/v1/chats/" + o.ID + "/read", map[string]int{"seq": 1}, 401, 204, 403, 204, 403, 204},
		"offer a call":         {"POST", "/api/v1/chats/" + o.ID + "/call", nil, 401, 204, 403, 204, 403, 204},
		"end an unknown":       {"POST", "/api/v1/chats/none/end", nil, 401, 404, 404, 404, 403, 404},
		"a file":               {"GET", "/api/v1/files/" + file.ID, nil, 401, 200, 403, 200, 200, 200},
		"an unknown file":      {"GET", "/api/v1/files/none", nil, 401, 404, 404, 404, 404, 404},
		"upload nothing":       {"POST", "/api/v1/files", map[string]string{}, 401, 422, 422, 422, 403, 422},
	} {
		t.Run(name, func(t *testing.T) {
			for login, want := range map[string]int{
				"nobody": c.nobody, "1001": c.mine, "1002": c.other, "2001": c.supervisor, "3001": c.reviewer, "admin": c.administr,
			} {
				if r := clients[login].do(c.method, c.path, c.body); r.status != want {
					t.Errorf("%s: got %d, want %d: %s", login, r.status, want, r.body)
				}
			}
		})
	}
	for login, want := range map[string]int{"1001": 1, "1002": 0, "2001": 1, "3001": 1} {
		if got := list[web.WorkRow](clients[login], "/api/v1/work"); len(got) != want {
			t.Errorf("%s lists %d pieces of work, want %d", login, len(got), want)
		}
		if got := list[web.ChatRow](clients[login], "/api/v1/chats"); len(got) != want {
			t.Errorf("%s lists %d chats, want %d", login, len(got), want)
		}
	}
	story := struct{ Offers []web.WorkTrial }{}
	clients["1001"].do("GET", item, nil).json(t, &story)
	if len(story.Offers) != 1 || story.Offers[0].Why == "" || story.Offers[0].Outcome != "accepted" {
		t.Errorf("got %+v", story)
	}
	if r := clients["1001"].do("POST", "/api/v1/chats/"+o.ID+"/end", nil); r.status != http.StatusNoContent {
		t.Errorf("end: %d %s", r.status, r.body)
	}
	if r := clients["1001"].do("POST", "/api/v1/chats/"+o.ID+"/messages", map[string]string{"client_id": "client-2", "text": "trop tard"}); r.status != http.StatusGone {
		t.Errorf("after the end: %d %s", r.status, r.body)
	}
}

func TestAnAgentSeesWhatWaitsInHisQueuesOnly(t *testing.T) {
	s := open(t)
	s.opened(1)
	item := func() int { return len(list[web.WorkRow](s.as("1001"), "/api/v1/work?state=waiting")) }
	eventually(t, "the chat in the list", func() bool { return item() == 1 })
	queues, err := s.store.Queues(t.Context())
	must(t, err)
	must(t, s.store.SetMembers(t.Context(), queues[0].ID, nil))
	must(t, s.configure(t.Context()))
	if item() != 0 {
		t.Error("he is no member, and sees it")
	}
	if got := list[web.WorkRow](s.as("2001"), "/api/v1/work?queue=support&channel=chat"); len(got) != 1 || got[0].Player != "Zoé" {
		t.Errorf("got %+v", got)
	}
}

func TestOpeningAChat(t *testing.T) {
	secret := []byte("the operator's secret, 32 bytes!")
	s := open(t, func(c *web.Config, _ *web.Parts) { c.IdentitySecret = secret })
	visitor, o := s.opened(1)
	if o.State != "waiting" || o.TicketNumber == 0 || o.LastSeq != 2 || o.Verified {
		t.Errorf("got %+v", o)
	}
	jwt := func(claims string) string {
		text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
		m := hmac.New(sha256.New, secret)
		m.Write([]byte(text))
		return text + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
	}
	player, signed := s.opened(2, func(b map[string]any) {
		b["identity"] = jwt(fmt.Sprintf(`{"player_id":"p-42","name":"Zoé","exp":%d}`, time.Now().Add(time.Minute).Unix()))
	})
	if !signed.Verified {
		t.Errorf("got %+v", signed)
	}
	body := func(change map[string]any) map[string]any {
		b := map[string]any{"key": key(3), "queue": "support", "text": "x"}
		for k, v := range change {
			b[k] = v
		}
		return b
	}
	for name, c := range map[string]struct {
		client *client
		body   map[string]any
		want   int
	}{
		"a queue that is none":     {s.nobody(), body(map[string]any{"queue": "none"}), 404},
		"a short key":              {s.nobody(), body(map[string]any{"key": "short"}), 422},
		"no text":                  {s.nobody(), body(map[string]any{"text": "  "}), 422},
		"an identity that is none": {s.nobody(), body(map[string]any{"identity": "a.b.c"}), 401},
		"an identity that is over": {s.nobody(), body(map[string]any{"identity": jwt(`{"player_id":"p","exp":1}`)}), 401},
		"a page of another site":   {s.nobody().with("Origin", "https://evil.example"), body(nil), 403},
		"the same again":           {s.nobody(), map[string]any{"key": key(1), "queue": "support", "text": "Bonjour"}, 200},
		"back with the token":      {visitor, map[string]any{"key": key(4), "queue": "support", "text": "Toujours là"}, 200},
		"a token that is none":     {s.nobody().with("Authorization", "Bearer x"), body(map[string]any{"key": key(5)}), 201},
		"another player, one page": {player, body(map[string]any{"key": key(6), "identity": jwt(fmt.Sprintf(`{"player_id":"p-7","exp":%d}`, time.Now().Add(time.Minute).Unix()))}), 201},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.client.do("POST", "/w/v1/chats", c.body)
			if r.status != c.want {
				t.Fatalf("got %d, want %d: %s", r.status, c.want, r.body)
			}
			var got web.ChatOpened
			if r.status == http.StatusOK {
				r.json(t, &got)
				if got.ID != o.ID {
					t.Errorf("got %s, want %s", got.ID, o.ID)
				}
			}
		})
	}
	for i := range 20 { // an address may not open without end
		if r := s.nobody().do("POST", "/w/v1/chats", body(map[string]any{"key": key(20 + i), "queue": "support"})); r.status == http.StatusTooManyRequests {
			if r.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			return
		}
	}
	t.Error("never too many")
}

func TestAVisitorWithoutASocket(t *testing.T) {
	s := open(t)
	visitor, o := s.opened(1)
	path := "/w/v1/chats/" + o.ID
	var p web.ChatPolled
	visitor.do("GET", path+"/events?after=0", nil).json(t, &p)
	if len(p.Events) != 2 || p.Events[0].By != "visitor" || p.Events[0].Text != "Bonjour" || p.State != "waiting" || p.Token != "" {
		t.Fatalf("got %+v", p)
	}
	agent := s.answered(o.ID, "1001")
	say := map[string]any{"client_id": "page-0001", "text": "Allô ?"}
	var e, again web.ChatEvent
	visitor.do("POST", path+"/messages", say).json(t, &e)
	visitor.do("POST", path+"/messages", say).json(t, &again)
	if e.Seq != 5 || e.ID != again.ID || again.Seq != 5 {
		t.Errorf("got %+v and %+v", e, again)
	}
	if r := agent.do("POST", "/api/v1/chats/"+o.ID+"/messages", map[string]string{"client_id": "agent-0001", "text": "Oui"}); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	visitor.do("GET", path+"/events?after=5", nil).json(t, &p)
	if len(p.Events) != 1 || p.Events[0].By != "agent" || p.Events[0].Agent != "Name of 1001" || p.Events[0].AgentID != "" {
		t.Errorf("got %+v", p)
	}
	for _, c := range []struct {
		path string
		body any
		want int
	}{
		{"/read", map[string]int{"seq": 6}, 204},
		{"/typing", nil, 204},
		{"/call", nil, 204},
		{"/transcript", map[string]string{}, 409},
		{"/end", nil, 204},
		{"/messages", map[string]any{"client_id": "page-0002", "text": "trop tard"}, 410},
		{"/messages", say, 200},
	} {
		if r := visitor.do("POST", path+c.path, c.body); r.status != c.want {
			t.Errorf("%s: got %d, want %d: %s", c.path, r.status, c.want, r.body)
		}
	}
	visitor.do("GET", path+"/events?after=6&wait_ms=0", nil).json(t, &p)
	if p.State != "ended" {
		t.Errorf("got %+v", p)
	}
	stranger, _ := s.opened(2)
	for name, c := range map[string]*client{"nobody": s.nobody(), "a stranger": stranger, "an agent's cookie": agent} {
		for _, path := range []string{path + "/events", path + "/files/x"} {
			if r := c.do("GET", path, nil); r.status != http.StatusUnauthorized {
				t.Errorf("%s %s: got %d", name, path, r.status)
			}
		}
	}
}

// socket opens a socket and says hello.
func (s *site) socket(chatID string, hello map[string]any) *websocket.Conn {
	s.t.Helper()
	c, _, err := websocket.Dial(s.t.Context(), "ws"+strings.TrimPrefix(s.url, "http")+"/w/v1/chats/"+chatID+"/ws", nil)
	must(s.t, err)
	s.t.Cleanup(func() { _ = c.CloseNow() })
	s.tell(c, hello)
	return c
}

func (s *site) tell(c *websocket.Conn, f map[string]any) {
	s.t.Helper()
	text, err := json.Marshal(f)
	must(s.t, err)
	must(s.t, c.Write(s.t.Context(), websocket.MessageText, text))
}

// hear reads frames until one of a type.
func (s *site) hear(c *websocket.Conn, kind string) map[string]any {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	for {
		_, text, err := c.Read(ctx)
		if err != nil {
			s.t.Fatalf("no %s: %v", kind, err)
		}
		var f map[string]any
		must(s.t, json.Unmarshal(text, &f))
		if f["type"] == kind {
			return f
		}
	}
}

// closed reads until the socket is closed and returns the code.
func (s *site) closed(c *websocket.Conn) websocket.StatusCode {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	for {
		if _, _, err := c.Read(ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

func TestTheSocketOfAChat(t *testing.T) {
	s := open(t)
	_, o := s.opened(1)
	_, other := s.opened(2)
	for name, hello := range map[string]map[string]any{
		"no token":            {"type": "hello"},
		"another chat's":      {"type": "hello", "token": other.Token},
		"something else":      {"type": "send", "token": o.Token},
		"an agent's password": {"type": "hello", "token": "secret-1001"},
	} {
		if code := s.closed(s.socket(o.ID, hello)); code != 4401 {
			t.Errorf("%s: closed with %d, want 4401", name, code)
		}
	}
	c := s.socket(o.ID, map[string]any{"type": "hello", "token": o.Token, "last_seq": 1})
	if f := s.hear(c, "state"); f["seq"] != 2.0 || f["state"] != "waiting" {
		t.Errorf("got %v", f)
	}
	if f := s.hear(c, "synced"); f["seq"] != 2.0 || f["token"] != nil {
		t.Errorf("got %v", f)
	}
	if f := s.hear(c, "queue"); f["position"] != 1.0 {
		t.Errorf("got %v", f)
	}
	s.tell(c, map[string]any{"type": "ping"})
	s.hear(c, "pong")
	s.tell(c, map[string]any{"type": "send", "client_id": "page-0001", "text": "Allô ?"})
	if f := s.hear(c, "accepted"); f["client_id"] != "page-0001" || f["seq"] != 3.0 {
		t.Errorf("got %v", f)
	}
	s.tell(c, map[string]any{"type": "send", "client_id": "page-0002", "text": ""})
	if f := s.hear(c, "refused"); f["code"] != "text" {
		t.Errorf("got %v", f)
	}
	agent := s.answered(o.ID, "1001")
	if f := s.hear(c, "assignment"); f["agent"] != "Name of 1001" || f["agent_id"] != nil {
		t.Errorf("got %v", f)
	}
	agent.do("POST", "/api/v1/chats/"+o.ID+"/typing", nil)
	s.hear(c, "typing")
	agent.do("POST", "/api/v1/chats/"+o.ID+"/messages", map[string]string{"client_id": "agent-0001", "text": "Oui"})
	said := s.hear(c, "message")
	s.tell(c, map[string]any{"type": "read", "seq": said["seq"]})
	if f := s.hear(c, "read"); f["by"] != "visitor" || f["up_to"] != said["seq"] {
		t.Errorf("got %v", f)
	}
	s.tell(c, map[string]any{"type": "end"})
	if f := s.hear(c, "state"); f["state"] != "ended" || f["reason"] != "visitor" {
		t.Errorf("got %v", f)
	}
	if code := s.closed(c); code != websocket.StatusNormalClosure {
		t.Errorf("closed with %d", code)
	}
	late := s.socket(o.ID, map[string]any{"type": "hello", "token": o.Token})
	if f := s.hear(late, "synced"); f["state"] != "ended" {
		t.Errorf("got %v", f)
	}
	if code := s.closed(late); code != websocket.StatusNormalClosure {
		t.Errorf("closed with %d", code)
	}
}

func TestASocketIsToldToSlowDown(t *testing.T) {
	s := open(t)
	_, o := s.opened(1)
	c := s.socket(o.ID, map[string]any{"type": "hello", "token": o.Token})
	s.hear(c, "synced")
	for i := range 200 {
		text := fmt.Sprintf(`{"type":"send","client_id":"page-%04d","text":"spam"}`, i)
		if c.Write(t.Context(), websocket.MessageText, []byte(text)) != nil {
			break // cut already
		}
	}
	if code := s.closed(c); code != 4429 {
		t.Errorf("closed with %d, want 4429", code)
	}
}

func TestAnAgentHearsOfHisChatsOnly(t *testing.T) {
	s := open(t)
	_, o := s.opened(1)
	heard := map[string]chan string{}
	for _, login := range []string{"1001", "1002", "2001"} {
		heard[login] = s.chatEvents(login)
	}
	s.answered(o.ID, "1001")
	for _, login := range []string{"1001", "2001"} {
		select {
		case <-heard[login]:
		case <-time.After(20 * time.Second):
			t.Fatalf("%s heard nothing", login)
		}
	}
	select {
	case e := <-heard["1002"]:
		t.Errorf("another agent heard %s", e)
	default:
	}
}

// chatEvents listens to the stream of a user and tells events of the topic chat
// that have an agent.
func (s *site) chatEvents(login string) chan string {
	s.t.Helper()
	c := s.as(login)
	ctx, cancel := context.WithCancel(context.Background())
	req := c.request("GET", "/api/v1/events", nil).WithContext(ctx)
	answer, err := (&http.Client{Transport: c.http.Transport}).Do(req)
	must(s.t, err)
	out := make(chan string, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer answer.Body.Close()
		var all []byte
		buffer := make([]byte, 4096)
		for {
			n, err := answer.Body.Read(buffer)
			all = append(all, buffer[:n]...)
			for {
				line, rest, ok := bytes.Cut(all, []byte("\n"))
				if !ok {
					break
				}
				all = rest
				if bytes.Contains(line, []byte(`"topic":"chat"`)) && !bytes.Contains(line, []byte(`"agent_id":""`)) {
					select {
					case out <- string(line):
					default:
					}
				}
			}
			if err != nil {
				return
			}
		}
	}()
	s.t.Cleanup(func() { cancel(); <-done })
	return out
}

// upload sends a file as a form.
func upload(t *testing.T, c *client, path, name string, data []byte) reply {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	w, err := form.CreateFormFile("file", name)
	must(t, err)
	_, err = w.Write(data)
	must(t, err)
	must(t, form.Close())
	req := c.request("POST", path, body.String())
	req.Header.Set("Content-Type", form.FormDataContentType())
	answer, err := c.http.Do(req)
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	return reply{answer.StatusCode, answer.Header, text}
}

func TestFilesOfAChat(t *testing.T) {
	s := open(t)
	visitor, o := s.opened(1)
	stranger, _ := s.opened(2)
	path := "/w/v1/chats/" + o.ID + "/files"
	var picture bytes.Buffer
	must(t, png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 8, 8))))
	var f web.ChatFile
	r := upload(t, visitor, path, `..\..\évidence "1".jpg`, append(picture.Bytes(), "<script>"...))
	if r.json(t, &f); r.status != http.StatusCreated || f.Name != "évidence 1.png" || f.MIME != "image/png" || f.Size == 0 {
		t.Fatalf("got %d %+v", r.status, f)
	}
	for name, c := range map[string]struct {
		client *client
		data   []byte
		want   int
	}{
		"a page":             {visitor, []byte("<!DOCTYPE html><html>"), 415},
		"half a picture":     {visitor, picture.Bytes()[:40], 422},
		"more than 10 MB":    {visitor, bytes.Repeat([]byte("a"), 10<<20+1), 413},
		"much more":          {visitor, bytes.Repeat([]byte("a"), 12<<20), 413},
		"from a stranger":    {stranger, picture.Bytes(), 401},
		"without a token":    {s.nobody(), picture.Bytes(), 401},
		"from an agent here": {s.as("1001"), picture.Bytes(), 401},
	} {
		t.Run(name, func(t *testing.T) {
			if r := upload(t, c.client, path, "x", c.data); r.status != c.want {
				t.Errorf("got %d, want %d: %s", r.status, c.want, r.body)
			}
		})
	}
	var e web.ChatEvent
	visitor.do("POST", "/w/v1/chats/"+o.ID+"/messages", map[string]any{"client_id": "page-0001", "files": []string{f.ID}}).json(t, &e)
	if len(e.Files) != 1 || e.Files[0] != f {
		t.Errorf("got %+v", e)
	}
	agent := s.answered(o.ID, "1001")
	for name, c := range map[string]struct {
		client *client
		path   string
		want   int
	}{
		"the visitor":              {visitor, path + "/" + f.ID, 200},
		"a stranger":               {stranger, path + "/" + f.ID, 401},
		"the agent":                {agent, "/api/v1/files/" + f.ID, 200},
		"another agent":            {s.as("1002"), "/api/v1/files/" + f.ID, 403},
		"a reviewer":               {s.as("3001"), "/api/v1/files/" + f.ID, 200},
		"the visitor, a wrong one": {visitor, path + "/none", 404},
	} {
		r := c.client.do("GET", c.path, nil)
		if r.status != c.want {
			t.Errorf("%s: got %d, want %d: %s", name, r.status, c.want, r.body)
		}
		if r.status == http.StatusOK {
			h := r.header
			if h.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") ||
				!strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || h.Get("Content-Type") != "image/png" {
				t.Errorf("%s: %v", name, h)
			}
			if bytes.Contains(r.body, []byte("script")) {
				t.Error("what followed the picture is still there")
			}
		}
	}
	// A file of a note never leaves the house, though it belongs to the ticket.
	c, err := s.chats.Conversation(t.Context(), o.ID)
	must(t, err)
	var inside web.ChatFile
	upload(t, agent, "/api/v1/files", "a.txt", []byte("entre nous")).json(t, &inside)
	must(t, s.store.Desk(t.Context(), func(tx ticket.DeskTx) error {
		_, err := ticket.Post(t.Context(), tx, ticket.Policy{}, ticket.Actor{ID: s.users["1001"].ID}, ticket.Outgoing{
			TicketID: c.Ticket.ID, Kind: ticket.MessageNote, Text: "vu", ExpectedLast: -1, Attachments: []string{inside.ID},
		}, time.Now())
		return err
	}))
	if r := visitor.do("GET", path+"/"+inside.ID, nil); r.status != http.StatusNotFound {
		t.Errorf("the visitor reads a note's file: %d", r.status)
	}
	// An agent may not send what another uploaded.
	_, _, err = s.chats.Say(t.Context(), o.ID, chat.Said{
		Side: chat.Agent, Actor: ticket.Actor{ID: account.ID("somebody")}, Anyone: true, ClientID: "x", Files: []string{inside.ID},
	})
	if err == nil {
		t.Error("a file of another was sent")
	}
}

func TestAChatGoesOnAsACallOnTheSameTicket(t *testing.T) {
	s := open(t)
	_, o := s.opened(1)
	agent := s.answered(o.ID, "1001")
	if r := agent.do("POST", "/api/v1/chats/"+o.ID+"/call", nil); r.status != http.StatusNoContent {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if r := s.page().do("POST", "/w/v1/calls?chat=x", offer); r.status != http.StatusUnauthorized {
		t.Errorf("with a token that is none: %d %s", r.status, r.body)
	}
	p := s.page().call("/w/v1/calls?chat=" + o.Token)
	c, err := s.chats.Conversation(t.Context(), o.ID)
	must(t, err)
	rec := s.onlyLive().Record
	if rec.TicketID != c.Ticket.ID || rec.ContactID != c.Interaction.ContactID || rec.Queue != "support" || rec.Language != "fr" {
		t.Errorf("got %+v", rec)
	}
	eventually(t, "the call waits", func() bool { return len(s.queue.Waiting("support", 0)) == 1 })
	waiting := s.queue.Waiting("support", 0)
	if len(waiting) != 1 || waiting[0].CallID != rec.ID || waiting[0].Preferred != s.users["1001"].ID {
		t.Errorf("got %+v", waiting)
	}
	eventually(t, "the chat out of his load", func() bool { return len(list[web.WorkRow](agent, "/api/v1/work")) == 0 })
	if got := list[web.ChatRow](agent, "/api/v1/chats"); len(got) != 1 || got[0].State != "open" {
		t.Errorf("got %+v", got)
	}
	p.do("DELETE", p.place, nil)
	eventually(t, "the call is over", func() bool { return len(s.calls.AllLive()) == 0 })
}

func TestACallGoesOnInWritingOnTheSameTicket(t *testing.T) {
	s := open(t)
	p := s.page().call("/w/v1/calls?queue=support&lang=fr")
	body := map[string]any{"key": key(1), "queue": "support", "call": p.token}
	r := s.nobody().do("POST", "/w/v1/chats", body)
	var o web.ChatOpened
	if r.json(t, &o); r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.body)
	}
	c, err := s.chats.Conversation(t.Context(), o.ID)
	must(t, err)
	eventually(t, "the call on the chat's ticket", func() bool {
		rec := s.onlyLive().Record
		return rec.TicketID == c.Ticket.ID && rec.ContactID == c.Interaction.ContactID
	})
	body["key"], body["call"] = key(2), p.token+"x"
	if r := s.nobody().do("POST", "/w/v1/chats", body); r.status != http.StatusNotFound {
		t.Errorf("of another's call: %d %s", r.status, r.body)
	}
	p.do("DELETE", p.place, nil)
	eventually(t, "the call is over", func() bool { return len(s.calls.AllLive()) == 0 })
}

func TestASocketIsToldThatTheServerStops(t *testing.T) {
	s := open(t)
	_, o := s.opened(1)
	server, err := web.NewServer(web.Config{Listen: "127.0.0.1:0"}, web.Parts{
		Queue: s.queue, Calls: s.calls, Store: s.store, Recorder: s.recorder, Hub: s.hub, Browser: s.server.BrowserCalls(), Handler: s.calls,
		Board: s.board, Chats: s.chats,
	}, slog.New(slog.DiscardHandler))
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	s.url = "http://" + server.Addr()
	c := s.socket(o.ID, map[string]any{"type": "hello", "token": o.Token})
	s.hear(c, "synced")
	stop()
	if code := s.closed(c); code != 4503 {
		t.Errorf("closed with %d, want 4503", code)
	}
	must(t, <-done)
}

func TestATicketThatIsDoneIsHisWhoDidIt(t *testing.T) {
	s := open(t)
	r := s.endedCall("") // nobody has it
	must(t, s.store.Desk(t.Context(), func(tx ticket.DeskTx) error {
		k, _, err := tx.Ticket(t.Context(), r.TicketID)
		if err == nil {
			k.AssigneeID = ""
			_, err = tx.SaveTicket(t.Context(), k)
		}
		return err
	}))
	agent := s.users["1001"].ID
	t.Cleanup(s.board.Present(agent))
	eventually(t, "his console", func() bool { return s.queue.SetState(t.Context(), agent, queue.AgentReady, "") == nil })
	s.board.Refresh()
	c, item := s.as("1001"), "/api/v1/work/ticket-"+r.TicketID
	eventually(t, "the ticket is his work", func() bool {
		var row web.WorkRow
		answer := c.do("GET", item, nil)
		return answer.status == http.StatusOK && json.Unmarshal(answer.body, &row) == nil && row.State == "active"
	})
	if r := c.do("POST", item+"/done", nil); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	d, err := s.store.Ticket(t.Context(), r.TicketID)
	must(t, err)
	if d.Ticket.AssigneeID != string(agent) {
		t.Errorf("it is %q's", d.Ticket.AssigneeID)
	}
}

func TestHowAQueueCanBeReached(t *testing.T) {
	s := open(t)
	agent := s.users["1001"].ID
	t.Cleanup(s.board.Present(agent))
	eventually(t, "his console", func() bool { return s.queue.SetState(t.Context(), agent, queue.AgentReady, "") == nil })
	var got web.QueueReach
	r := s.nobody().do("GET", "/w/v1/queues/Support", nil)
	if r.json(t, &got); r.status != http.StatusOK || !got.Open || got.Chat.AgentsOnDuty != 1 || got.Call.AgentsOnDuty != 0 || got.Name != "support" {
		t.Errorf("got %d %+v", r.status, got)
	}
	if r := s.nobody().do("GET", "/w/v1/queues/none", nil); r.status != http.StatusNotFound {
		t.Errorf("got %d", r.status)
	}
}

func TestWorkThatEndedTellsHowItWasOffered(t *testing.T) {
	s := open(t)
	_, o := s.opened(1)
	c := s.answered(o.ID, "1001")
	if r := c.do("POST", "/api/v1/chats/"+o.ID+"/end", nil); r.status != http.StatusNoContent {
		t.Fatalf("%d %s", r.status, r.body)
	}
	item := "/api/v1/work/chat-" + o.ID
	for login, want := range map[string]int{"1001": 200, "1002": 403, "2001": 200} {
		eventually(t, "the stored end for "+login, func() bool {
			var w web.WorkStory
			r := s.as(login).do("GET", item, nil)
			if want != http.StatusOK {
				return r.status == want
			}
			return r.status == want && json.Unmarshal(r.body, &w) == nil && w.State == "ended" && w.EndReason == "answered" &&
				len(w.Offers) == 1 && w.Offers[0].Why != "" && w.Offers[0].Outcome == "accepted"
		})
	}
}
