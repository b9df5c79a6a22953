package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"github.com/danielgtaylor/huma/v2"

	"pickup/ticket/chat"
)

// Close codes of a chat's socket (RFC 6455 7.4.2: 4000 to 4999 are ours).
const (
	closeToken    = 4401 // get a new token: POST /w/v1/chats
	closeRate     = 4429 // come back later
	closeDraining = 4503 // the server stops: come back at once
)

// Times of a chat's socket.
const (
	helloLimit  = 10 * time.Second // from the handshake to hello
	socketQuiet = 90 * time.Second // a page pings three times in this
	frameLimit  = 32 << 10         // bytes of a frame
)

func (s *Server) chatSocketOperation(api huma.API, mux *patternMux) {
	a := act{
		id: "chat-socket", method: http.MethodGet, path: "/w/v1/chats/{id}/ws", tag: "chat",
		summary: `The conversation over a WebSocket, one JSON object a frame. The page sends {"type":"hello","token","last_seq"} first, then ` +
			`send {client_id, text, files}, typing, read {seq}, ping, end. It gets the events above last_seq, then synced, then events as they come; ` +
			`accepted and refused of a client_id, typing, queue {position, eta_low_ms, eta_high_ms}, pong. ` +
			`Close codes: 4401 get a new token, 4429 wait, 4503 come back at once, 1000 the conversation has ended.`,
	}
	describePlain(api, a, []*huma.Param{text("path", "id", "Of the conversation.", true)}, map[string]string{"101": ""})
	mux.HandleFunc(a.method+" "+a.path, s.chatSocket)
}

// pageFrame is what a page sends.
type pageFrame struct {
	Type     string   `json:"type"`
	Token    string   `json:"token"`
	LastSeq  int64    `json:"last_seq"`
	ClientID string   `json:"client_id"`
	Text     string   `json:"text"`
	Files    []string `json:"files"`
	Seq      int64    `json:"seq"`
}

// chatSocket serves the socket of one page until either side leaves.
func (s *Server) chatSocket(w http.ResponseWriter, r *http.Request) {
	leave, ok := s.chats.enter(sourceOf(r.Context()), s.cfg.ChatSockets)
	if !ok {
		writeProblem(w, s.failChat(r.Context(), "open a socket", chat.ErrRate))
		return
	}
	defer leave()
	s.chats.running.Add(1)
	defer s.chats.running.Done()
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // the Origin was judged by withCORS
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		return // Accept has answered
	}
	defer c.CloseNow() //nolint:errcheck // closed with a code already
	c.SetReadLimit(frameLimit)
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	link, claims, code, reason := s.greet(r.Context(), c, r.PathValue("id"))
	if link == nil {
		_ = c.Close(code, reason) // the page may be gone
		return
	}
	defer link.Close()
	// The library cuts the connection when the context of a read or write ends.
	// When the server stops the page is to be told so first.
	reading, stop := context.WithCancel(context.WithoutCancel(r.Context()))
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		readPage(reading, c, link)
	}()
	code, reason = s.writePage(r.Context(), c, link, claims, gone)
	_ = c.Close(code, reason) // the page may be gone
	stop()
	<-gone
}

// greet lets a page in. Without a link it returns how the socket is closed.
func (s *Server) greet(ctx context.Context, c *websocket.Conn, id string) (*chat.Link, chat.Claims, websocket.StatusCode, string) {
	hello, err := readFrame(ctx, c, helloLimit)
	if err != nil || hello.Type != "hello" {
		return nil, chat.Claims{}, closeToken, "hello"
	}
	claims, err := s.parts.Chats.Signer().Read(hello.Token, time.Now())
	if err != nil || claims.Chat != id {
		return nil, claims, closeToken, "token"
	}
	link, err := s.parts.Chats.Attach(ctx, id, hello.LastSeq)
	switch {
	case errors.Is(err, chat.ErrNotFound):
		return nil, claims, closeToken, "no such conversation"
	case err != nil:
		return nil, claims, closeDraining, "try again"
	}
	return link, claims, 0, ""
}

// readFrame reads one frame of a page.
func readFrame(ctx context.Context, c *websocket.Conn, limit time.Duration) (f pageFrame, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	kind, raw, err := c.Read(ctx)
	if err != nil {
		return f, err
	}
	if kind != websocket.MessageText {
		return f, errors.New("not text")
	}
	return f, json.Unmarshal(raw, &f)
}

// readPage carries the frames of a page to its link until one cannot be read.
func readPage(ctx context.Context, c *websocket.Conn, link *chat.Link) {
	for {
		f, err := readFrame(ctx, c, socketQuiet)
		if err != nil {
			return
		}
		switch f.Type {
		case "send":
			link.Send(f.ClientID, f.Text, f.Files)
		case "typing":
			link.Typing()
		case "read":
			link.Read(f.Seq)
		case "ping":
			link.Ping()
		case "end":
			link.End()
		}
	}
}

// writePage carries the frames of a link to its page.
func (s *Server) writePage(
	ctx context.Context, c *websocket.Conn, link *chat.Link, claims chat.Claims, gone <-chan struct{},
) (websocket.StatusCode, string) {
	var spare []chat.Frame
	ended := false
	flush := func() error {
		spare = link.Take(spare)
		for i := range spare {
			f := &spare[i]
			ended = ended || f.Kind == chat.FrameEvent && f.Event.Kind == chat.KindState && f.Event.State == chat.StateEnded ||
				f.Kind == chat.FrameSynced && f.State == chat.StateEnded
			out := s.chatFrame(f, claims)
			if out == nil {
				continue
			}
			if err := writeFrame(ctx, c, out); err != nil {
				return err
			}
		}
		return nil
	}
	for {
		select {
		case <-gone:
			return websocket.StatusNormalClosure, ""
		case <-ctx.Done():
			return closeDraining, "the server stops"
		case <-link.Ready():
			if err := flush(); err != nil {
				return websocket.StatusGoingAway, ""
			}
		case <-link.Done():
			if err := flush(); err != nil {
				return websocket.StatusGoingAway, ""
			}
			switch {
			case errors.Is(link.Cause(), chat.ErrRate):
				return closeRate, "too fast"
			case ended:
				return websocket.StatusNormalClosure, "ended"
			}
			return closeDraining, "try again"
		}
	}
}

func writeFrame(ctx context.Context, c *websocket.Conn, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeLimit)
	defer cancel()
	return c.Write(ctx, websocket.MessageText, text)
}
