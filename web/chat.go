package web

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/time/rate"

	"pickup/call"
	"pickup/ticket/chat"
)

// Limits of what one address may do in chats, beside those of a conversation
// (Config has those of opening one, and of sockets).
const (
	chatAskRate  = 10.0 // other requests a second
	chatAskBurst = 100
	pollWait     = 25 * time.Second
)

// chatDoor is the part of the edge in front of the chats.
type chatDoor struct {
	mu      sync.Mutex
	opens   map[netip.Addr]*rate.Limiter
	asks    map[netip.Addr]*rate.Limiter
	sockets map[netip.Addr]int
	running sync.WaitGroup // sockets
}

func newChatDoor() *chatDoor {
	return &chatDoor{
		opens: map[netip.Addr]*rate.Limiter{}, asks: map[netip.Addr]*rate.Limiter{}, sockets: map[netip.Addr]int{},
	}
}

// household is the address that limits count by: of IPv6 one household has a /64.
func household(a netip.Addr) netip.Addr {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// allowed counts one act of an address; false when it makes too many.
func (d *chatDoor) allowed(limits map[netip.Addr]*rate.Limiter, a netip.Addr, perSecond float64, burst int) bool {
	a = household(a)
	d.mu.Lock()
	defer d.mu.Unlock()
	l := limits[a]
	if l == nil {
		if len(limits) >= maxSources {
			clear(limits)
		}
		l = rate.NewLimiter(rate.Limit(perSecond), burst)
		limits[a] = l
	}
	return l.Allow()
}

// enter counts a socket of an address; leave says that it ended. ok is false
// when it has too many.
func (d *chatDoor) enter(a netip.Addr, most int) (leave func(), ok bool) {
	a = household(a)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sockets[a] >= most {
		return nil, false
	}
	d.sockets[a]++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.sockets[a]--; d.sockets[a] == 0 {
			delete(d.sockets, a)
		}
	}, true
}

// ChatOpened is a conversation as the page that opened it needs it.
type ChatOpened struct {
	ID           string `json:"id"`
	Token        string `json:"token" doc:"Opens the conversation for a day; hello and answers bring newer ones. To be kept in the page's storage."`
	State        string `json:"state" enum:"waiting,open,idle,ended"`
	Queue        string `json:"queue"`
	Language     string `json:"language"`
	TicketNumber int64  `json:"ticket_number" doc:"The reference that the visitor is told."`
	LastSeq      int64  `json:"last_seq"`
	Verified     bool   `json:"verified" doc:"The operator's site said who he is."`
}

type openChatInput struct {
	TokenInput
	Body struct {
		Key      string `json:"key" minLength:"22" maxLength:"64" pattern:"^[A-Za-z0-9_-]+$" doc:"Random, at least 128 bits, chosen once for each new conversation: a repetition after a cut opens none twice. As secret as the token."`
		Queue    string `json:"queue" maxLength:"64"`
		Language string `json:"language,omitempty" enum:"fr,en,"`
		Name     string `json:"name,omitempty" maxLength:"200"`
		Email    string `json:"email,omitempty" maxLength:"254"`
		Identity string `json:"identity,omitempty" maxLength:"4096" doc:"JSON Web Token (HS256) of the operator's site: player_id, exp; name, email, tier, locale."`
		Text     string `json:"text,omitempty" maxLength:"16000" doc:"The first message; none is needed with call."`
		Call     string `json:"call,omitempty" maxLength:"200" doc:"Pickup-Resume of a call from this page that goes on: the conversation is on its ticket."`
		Page     string `json:"page,omitempty" maxLength:"2000" doc:"Address of the page."`
	}
}

type chatOpenedOutput struct {
	Status int
	Body   ChatOpened
}

func (s *Server) chatOperations(api huma.API, mux *patternMux) {
	const one = "/w/v1/chats/{id}"
	faults := []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusGone, http.StatusTooManyRequests, http.StatusServiceUnavailable}
	register(api, act{
		id: "open-chat", method: http.MethodPost, path: "/w/v1/chats", tag: "chat", status: http.StatusCreated, errors: faults,
		summary: "Open a conversation with its first message, or come back to one: with the token of one that has not ended it is continued",
	}, s.openChat)
	register(api, act{
		id: "poll-chat", method: http.MethodGet, path: one + "/events", tag: "chat", errors: faults,
		summary: "Events above after, waiting for the first: the way without a socket",
	}, s.pollChat)
	register(api, act{
		id: "send-chat", method: http.MethodPost, path: one + "/messages", tag: "chat", errors: faults,
		summary: "Say something; one client_id is one message. The answer comes when it is durable",
	}, s.sendChat)
	register(api, act{
		id: "read-chat", method: http.MethodPost, path: one + "/read", tag: "chat", errors: faults, summary: "Say how far the visitor has read",
	}, s.readChat)
	register(api, act{
		id: "type-chat", method: http.MethodPost, path: one + "/typing", tag: "chat", errors: faults, summary: "The visitor types",
	}, s.typeChat)
	register(api, act{
		id: "end-chat", method: http.MethodPost, path: one + "/end", tag: "chat", errors: faults, summary: "End the conversation",
	}, s.endChat)
	register(api, act{
		id: "ask-call", method: http.MethodPost, path: one + "/call", tag: "chat", errors: faults,
		summary: "Go on by voice: POST /w/v1/calls with chat=TOKEN then calls the queue of the conversation, on its ticket and to its agent",
	}, s.askCall)
	register(api, act{
		id: "mail-chat", method: http.MethodPost, path: one + "/transcript", tag: "chat", errors: append(faults, http.StatusConflict),
		summary: "Have the conversation sent by mail; an address is taken where none is known",
	}, s.mailChat)
	s.chatSocketOperation(api, mux)
	s.chatFileOperations(api, mux)
}

// openChat serves POST /w/v1/chats.
func (s *Server) openChat(ctx context.Context, in *openChatInput) (*chatOpenedOutput, error) {
	now := time.Now()
	b := &in.Body
	o := chat.Opening{
		Key: b.Key, Queue: strings.ToLower(b.Queue), Language: b.Language, Name: b.Name, Email: strings.TrimSpace(b.Email), Page: b.Page,
		Text: b.Text,
	}
	if b.Identity != "" {
		who, err := chat.ReadIdentity(b.Identity, s.cfg.IdentitySecret, now)
		if err != nil {
			return nil, s.failChat(ctx, "read an identity", err)
		}
		o.Identity = who
	}
	if claims, err := s.readToken(in.Authorization, now); err == nil {
		out, err := s.continueChat(ctx, claims, &o, now)
		if out != nil || err != nil {
			return out, err
		}
	}
	var beside call.ID
	if b.Call != "" {
		rec, err := s.besideCall(b.Call)
		if err != nil {
			return nil, err
		}
		beside, o.TicketID, o.Preferred, o.Beside = rec.ID, rec.TicketID, rec.AgentID, true
		if o.Queue == "" {
			o.Queue = rec.Queue
		}
	}
	if q, ok := s.parts.Queue.Has(o.Queue); !ok || !q.Enabled {
		return nil, problem(http.StatusNotFound, "", "There is no such queue.", "body.queue")
	}
	if !s.chats.allowed(s.chats.opens, sourceOf(ctx), s.cfg.ChatRate, s.cfg.ChatBurst) {
		return nil, s.failChat(ctx, "open a chat", chat.ErrRate)
	}
	opened, err := s.parts.Chats.Open(ctx, o)
	if err != nil {
		return nil, s.failChat(ctx, "open a chat", err)
	}
	if beside != "" { // the call will leave its line on the same ticket
		s.parts.Calls.Link(beside, opened.Interaction.TicketID, opened.Interaction.ContactID)
		s.parts.Chats.Beside(opened.ID, beside)
		s.mayBeOver(beside)
	}
	status := http.StatusCreated
	if opened.Again {
		status = http.StatusOK
	}
	return &chatOpenedOutput{status, showOpened(&opened.Conversation, opened.Token)}, nil
}

// besideCall finds the live call of a page by its resume token.
func (s *Server) besideCall(token string) (call.Record, error) {
	_, secret, ok := strings.Cut(token, ".")
	v, live := s.parts.Calls.ByResume(hashToken(secret))
	if !ok || !live {
		return call.Record{}, problem(http.StatusNotFound, "", "There is no such call any more.", "body.call")
	}
	return v.Record, nil
}

// continueChat goes on with the conversation of a token; an anonymous one becomes
// that of the player who signed in. nil: it has ended, or is that of another
// player who used this browser, and a new one is opened, for the same visitor if
// neither is a player's.
func (s *Server) continueChat(ctx context.Context, claims chat.Claims, o *chat.Opening, now time.Time) (*chatOpenedOutput, error) {
	c, err := s.parts.Chats.Conversation(ctx, claims.Chat)
	if errors.Is(err, chat.ErrNotFound) || err == nil && (c.State == chat.StateEnded || c.VisitorID != claims.Visitor) {
		if o.Identity.PlayerID == "" && !c.Verified() {
			o.VisitorID = claims.Visitor
		}
		return nil, nil //nolint:nilnil // a new one
	}
	if err != nil {
		return nil, s.failChat(ctx, "read a chat", err)
	}
	if o.Identity.PlayerID != "" && o.Identity.PlayerID != c.PlayerID {
		err := s.parts.Chats.SignIn(ctx, c.ID, o.Identity)
		if errors.Is(err, chat.ErrOther) || errors.Is(err, chat.ErrEnded) {
			return nil, nil //nolint:nilnil // a new one
		}
		if err == nil {
			c, err = s.parts.Chats.Conversation(ctx, claims.Chat)
		}
		if err != nil {
			return nil, s.failChat(ctx, "sign in to a chat", err)
		}
	}
	if o.Text != "" {
		_, _, err := s.parts.Chats.Say(ctx, c.ID, chat.Said{Side: chat.Visitor, ClientID: o.Key, Text: o.Text})
		if errors.Is(err, chat.ErrEnded) {
			return nil, nil //nolint:nilnil // it ended at this moment
		}
		if err != nil {
			return nil, s.failChat(ctx, "continue a chat", err)
		}
		if c, err = s.parts.Chats.Conversation(ctx, claims.Chat); err != nil {
			return nil, s.failChat(ctx, "read a chat", err)
		}
	}
	return &chatOpenedOutput{http.StatusOK, showOpened(&c, s.parts.Chats.Token(c.ID, c.VisitorID, now))}, nil
}

func showOpened(c *chat.Conversation, token string) ChatOpened {
	return ChatOpened{
		ID: c.ID, Token: token, State: string(c.State), Queue: c.Interaction.Queue, Language: c.Interaction.Language,
		TicketNumber: c.Ticket.Number, LastSeq: c.Interaction.LastSeq, Verified: c.Verified(),
	}
}

// readToken reads the token of an Authorization header.
func (s *Server) readToken(header string, now time.Time) (chat.Claims, error) {
	token, ok := strings.CutPrefix(header, "Bearer ")
	if !ok {
		return chat.Claims{}, chat.ErrToken
	}
	return s.parts.Chats.Signer().Read(strings.TrimSpace(token), now)
}

// visitor lets the page of a conversation in.
func (s *Server) visitor(ctx context.Context, id, header string) (chat.Claims, error) {
	claims, err := s.readToken(header, time.Now())
	if err == nil && claims.Chat != id {
		err = chat.ErrToken
	}
	if err == nil && !s.chats.allowed(s.chats.asks, sourceOf(ctx), chatAskRate, chatAskBurst) {
		err = chat.ErrRate
	}
	if err != nil {
		return claims, s.failChat(ctx, "let a page in", err)
	}
	return claims, nil
}

type (
	// ChatInput names a conversation and shows the token of its page.
	ChatInput struct {
		IDInput
		TokenInput
	}
	pollChatInput struct {
		ChatInput
		After  int64 `query:"after" minimum:"0" doc:"Number of the last event the page has."`
		WaitMS int64 `query:"wait_ms" minimum:"0" maximum:"25000" default:"25000" doc:"How long to wait for the first event."`
	}
	// ChatPolled is what a page without a socket gets.
	ChatPolled struct {
		Events []ChatEvent `json:"events" nullable:"false"`
		State  string      `json:"state" enum:"waiting,open,idle,ended"`
		Queue  *chatPlace  `json:"queue,omitempty" doc:"While it waits."`
		Typing bool        `json:"typing" doc:"The agent types."`
		Token  string      `json:"token,omitempty" doc:"Replaces the page's token."`
	}
	sendChatInput struct {
		ChatInput
		Body ChatMessage
	}
	// ChatMessage is a message on its way in.
	ChatMessage struct {
		ClientID string   `json:"client_id" minLength:"8" maxLength:"64" doc:"Chosen by the page, unique in the conversation."`
		Text     string   `json:"text,omitempty" maxLength:"16000"`
		Files    []string `json:"files,omitempty" maxItems:"10" doc:"Ids of files that were uploaded."`
	}
	readChatInput struct {
		ChatInput
		Body ChatMark
	}
	// ChatMark says how far a side has read.
	ChatMark struct {
		Seq int64 `json:"seq" minimum:"1"`
	}
	mailChatInput struct {
		ChatInput
		Body struct {
			Email string `json:"email,omitempty" maxLength:"254"`
		}
	}
)

func (s *Server) pollChat(ctx context.Context, in *pollChatInput) (*oneOutput[ChatPolled], error) {
	claims, err := s.visitor(ctx, in.ID, in.Authorization)
	if err != nil {
		return nil, err
	}
	wait := min(time.Duration(in.WaitMS)*time.Millisecond, pollWait)
	p, err := s.parts.Chats.Poll(ctx, in.ID, in.After, wait)
	if err != nil {
		return nil, s.failChat(ctx, "poll a chat", err)
	}
	out := ChatPolled{
		Events: []ChatEvent{}, State: string(p.State), Typing: p.Typing, Token: s.parts.Chats.Refreshed(claims, time.Now()),
	}
	for i := range p.Events {
		out.Events = append(out.Events, s.showChatEvent(&p.Events[i], false))
	}
	if p.Place.Position > 0 {
		place := showPlace(p.Place)
		out.Queue = &place
	}
	return &oneOutput[ChatPolled]{out}, nil
}

func (s *Server) sendChat(ctx context.Context, in *sendChatInput) (*oneOutput[ChatEvent], error) {
	if _, err := s.visitor(ctx, in.ID, in.Authorization); err != nil {
		return nil, err
	}
	e, _, err := s.parts.Chats.Say(ctx, in.ID, chat.Said{
		Side: chat.Visitor, ClientID: in.Body.ClientID, Text: in.Body.Text, Files: in.Body.Files,
	})
	if err != nil {
		return nil, s.failChat(ctx, "say something in a chat", err)
	}
	return &oneOutput[ChatEvent]{s.showChatEvent(&e, false)}, nil
}

func (s *Server) readChat(ctx context.Context, in *readChatInput) (*noOutput, error) {
	if _, err := s.visitor(ctx, in.ID, in.Authorization); err != nil {
		return nil, err
	}
	if err := s.parts.Chats.Read(ctx, in.ID, chat.Visitor, in.Body.Seq); err != nil && !errors.Is(err, chat.ErrEnded) {
		return nil, s.failChat(ctx, "mark a chat as read", err)
	}
	return &noOutput{}, nil
}

func (s *Server) typeChat(ctx context.Context, in *ChatInput) (*noOutput, error) {
	if _, err := s.visitor(ctx, in.ID, in.Authorization); err != nil {
		return nil, err
	}
	s.parts.Chats.Typing(in.ID, chat.Visitor)
	return &noOutput{}, nil
}

func (s *Server) endChat(ctx context.Context, in *ChatInput) (*noOutput, error) {
	if _, err := s.visitor(ctx, in.ID, in.Authorization); err != nil {
		return nil, err
	}
	if err := s.parts.Chats.End(ctx, in.ID, chat.Visitor); err != nil {
		return nil, s.failChat(ctx, "end a chat", err)
	}
	return &noOutput{}, nil
}

func (s *Server) askCall(ctx context.Context, in *ChatInput) (*noOutput, error) {
	if _, err := s.visitor(ctx, in.ID, in.Authorization); err != nil {
		return nil, err
	}
	if err := s.parts.Chats.OfferCall(ctx, in.ID, chat.Visitor); err != nil {
		return nil, s.failChat(ctx, "ask for a call", err)
	}
	return &noOutput{}, nil
}

func (s *Server) mailChat(ctx context.Context, in *mailChatInput) (*noOutput, error) {
	if _, err := s.visitor(ctx, in.ID, in.Authorization); err != nil {
		return nil, err
	}
	if err := s.parts.Chats.Transcript(ctx, in.ID, in.Body.Email); err != nil {
		return nil, s.failChat(ctx, "mail a chat", err)
	}
	return &noOutput{}, nil
}
