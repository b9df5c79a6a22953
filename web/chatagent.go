package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pickup/ticket"
	"pickup/ticket/chat"
)

// ChatRow is a conversation as the console shows it.
type ChatRow struct {
	ID           string    `json:"id"`
	State        string    `json:"state" enum:"waiting,open,idle,ended"`
	TicketID     string    `json:"ticket_id"`
	TicketNumber int64     `json:"ticket_number"`
	Subject      string    `json:"subject"`
	Category     string    `json:"category"`
	Priority     int       `json:"priority"`
	ContactID    string    `json:"contact_id"`
	Queue        string    `json:"queue"`
	Language     string    `json:"language"`
	Name         string    `json:"name"`
	Email        string    `json:"email"`
	PlayerID     string    `json:"player_id" doc:"Said by the operator's site; empty for who is anonymous."`
	Tier         string    `json:"tier"`
	Page         string    `json:"page"`
	AgentID      string    `json:"agent_id" doc:"Who answers; empty while it waits."`
	Agent        string    `json:"agent"`
	LostBy       string    `json:"lost_by" doc:"Who answered until his line was lost. He may still write, and answers again when he is back before another takes it. Empty: nobody."`
	CallID       string    `json:"call_id" doc:"The live call by which they go on; it is no work in writing meanwhile. Empty: none."`
	Online       bool      `json:"online" doc:"The visitor's page answers."`
	OfflineSince MaybeTime `json:"offline_since"`
	LastSeq      int64     `json:"last_seq"`
	VisitorRead  int64     `json:"visitor_read"`
	AgentRead    int64     `json:"agent_read"`
	StartedAt    MaybeTime `json:"started_at"`
	AnsweredAt   MaybeTime `json:"answered_at" doc:"First message of an agent."`
	EndedAt      MaybeTime `json:"ended_at"`
	EndReason    string    `json:"end_reason"`
	WaitingSince MaybeTime `json:"waiting_since" doc:"Oldest message without an answer."`
	FirstReplyMS int64     `json:"first_reply_ms" doc:"0: none yet."`
	Replies      int       `json:"replies"`
	ReplyMeanMS  int64     `json:"reply_mean_ms"`
	ReplyMaxMS   int64     `json:"reply_max_ms"`
}

func showChat(v *chat.View) ChatRow {
	i, t := &v.Interaction, &v.Ticket
	row := ChatRow{
		ID: v.ID, State: string(v.State), TicketID: i.TicketID, TicketNumber: t.Number, Subject: t.Subject, Category: t.Category,
		Priority: t.Priority, ContactID: i.ContactID, Queue: i.Queue, Language: i.Language, Name: v.Name, Email: v.Email,
		PlayerID: v.PlayerID, Tier: v.Tier, Page: v.Page, AgentID: string(v.AgentID), Agent: v.AgentName, LostBy: string(v.LostBy), CallID: string(v.CallID), Online: v.Online,
		OfflineSince: at(v.OfflineSince), LastSeq: i.LastSeq, VisitorRead: v.VisitorRead, AgentRead: v.AgentRead,
		StartedAt: at(i.StartedAt), AnsweredAt: at(i.AnsweredAt), EndedAt: at(i.EndedAt), EndReason: string(i.EndReason),
		WaitingSince: at(i.WaitingSince), FirstReplyMS: i.FirstReply.Milliseconds(), Replies: i.Replies, ReplyMaxMS: i.ReplyMax.Milliseconds(),
	}
	if i.Replies > 0 {
		row.ReplyMeanMS = (i.ReplySum / time.Duration(i.Replies)).Milliseconds()
	}
	return row
}

type (
	chatEventsInput struct {
		IDInput
		After int64 `query:"after" minimum:"0" doc:"Events above this number."`
	}
	agentSayInput struct {
		IDInput
		Body ChatMessage
	}
	agentReadInput struct {
		IDInput
		Body ChatMark
	}
)

func (s *Server) chatAgentOperations(api huma.API) {
	const one = "/api/v1/chats/{id}"
	faults := []int{http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusTooManyRequests}
	register(api, act{
		id: "list-chats", method: http.MethodGet, path: "/api/v1/chats", tag: "chats", rule: everyone,
		summary: "Conversations that have not ended, oldest first; an agent sees those he answers or is offered",
	}, s.listChats)
	register(api, act{
		id: "get-chat", method: http.MethodGet, path: one, tag: "chats", rule: everyone, errors: faults[:1], summary: "One conversation",
	}, s.getChat)
	register(api, act{
		id: "get-chat-events", method: http.MethodGet, path: one + "/messages", tag: "chats", rule: everyone, errors: faults[:1],
		summary: "What was said and happened, 500 events at most; the event stream says when there is more (topic chat)",
	}, s.getChatEvents)
	register(api, act{
		id: "say-in-chat", method: http.MethodPost, path: one + "/messages", tag: "chats", rule: agentOrManage, errors: faults,
		summary: "Answer; one client_id is one message. The answer comes when it is durable",
	}, s.agentSay)
	register(api, act{
		id: "read-in-chat", method: http.MethodPost, path: one + "/read", tag: "chats", rule: agentOrManage, errors: faults,
		summary: "Say how far the agent has read",
	}, s.agentRead)
	register(api, act{
		id: "type-in-chat", method: http.MethodPost, path: one + "/typing", tag: "chats", rule: agentOrManage, errors: faults[:1],
		summary: "The agent types",
	}, s.agentTypes)
	register(api, act{
		id: "end-in-chat", method: http.MethodPost, path: one + "/end", tag: "chats", rule: agentOrManage, errors: faults[:1],
		summary: "End the conversation; its ticket stays as it is",
	}, s.agentEnds)
	register(api, act{
		id: "offer-call", method: http.MethodPost, path: one + "/call", tag: "chats", rule: agentOrManage, errors: faults,
		summary: "Offer the visitor to go on by voice: his page calls the queue, on the same ticket and to the same agent",
	}, s.agentOffersCall)
}

func (s *Server) listChats(ctx context.Context, _ *noInput) (*listOutput[ChatRow], error) {
	only := mine(ctx)
	views, err := s.parts.Chats.Views(ctx)
	if err != nil {
		return nil, s.failChat(ctx, "list chats", err)
	}
	var seen []chat.View
	for i := range views {
		if v := &views[i]; only == "" || s.ofChat(ctx, only, v, mayRead) {
			seen = append(seen, *v)
		}
	}
	return page(seen, "", func(v chat.View) ChatRow { return showChat(&v) }), nil
}

func (s *Server) getChat(ctx context.Context, in *IDInput) (*oneOutput[ChatRow], error) {
	v, err := s.theChat(ctx, in.ID, mayRead)
	if err != nil {
		return nil, err
	}
	return &oneOutput[ChatRow]{showChat(v)}, nil
}

func (s *Server) getChatEvents(ctx context.Context, in *chatEventsInput) (*listOutput[ChatEvent], error) {
	if _, err := s.theChat(ctx, in.ID, mayRead); err != nil {
		return nil, err
	}
	events, err := s.parts.Chats.Events(ctx, in.ID, in.After)
	if err != nil {
		return nil, s.failChat(ctx, "read a chat", err)
	}
	return page(events, "", func(e chat.Event) ChatEvent { return s.showChatEvent(&e, true) }), nil
}

func (s *Server) agentSay(ctx context.Context, in *agentSayInput) (*oneOutput[ChatEvent], error) {
	if _, err := s.theChat(ctx, in.ID, mayWrite); err != nil {
		return nil, err
	}
	u := who(ctx).user
	e, _, err := s.parts.Chats.Say(ctx, in.ID, chat.Said{
		Side: chat.Agent, Actor: ticket.Actor{ID: u.ID, Name: u.Name}, Anyone: u.Role.Manages(),
		ClientID: in.Body.ClientID, Text: in.Body.Text, Files: in.Body.Files,
	})
	if err != nil {
		return nil, s.failChat(ctx, "answer in a chat", err)
	}
	return &oneOutput[ChatEvent]{s.showChatEvent(&e, true)}, nil
}

func (s *Server) agentRead(ctx context.Context, in *agentReadInput) (*noOutput, error) {
	if _, err := s.theChat(ctx, in.ID, mayWrite); err != nil {
		return nil, err
	}
	if err := s.parts.Chats.Read(ctx, in.ID, chat.Agent, in.Body.Seq); err != nil && !errors.Is(err, chat.ErrEnded) {
		return nil, s.failChat(ctx, "mark a chat as read", err)
	}
	return &noOutput{}, nil
}

func (s *Server) agentTypes(ctx context.Context, in *IDInput) (*noOutput, error) {
	if _, err := s.theChat(ctx, in.ID, mayWrite); err != nil {
		return nil, err
	}
	s.parts.Chats.Typing(in.ID, chat.Agent)
	return &noOutput{}, nil
}

func (s *Server) agentEnds(ctx context.Context, in *IDInput) (*noOutput, error) {
	if _, err := s.theChat(ctx, in.ID, mayWrite); err != nil {
		return nil, err
	}
	if err := s.parts.Chats.End(ctx, in.ID, chat.Agent); err != nil {
		return nil, s.failChat(ctx, "end a chat", err)
	}
	return &noOutput{}, nil
}

func (s *Server) agentOffersCall(ctx context.Context, in *IDInput) (*noOutput, error) {
	if _, err := s.theChat(ctx, in.ID, mayWrite); err != nil {
		return nil, err
	}
	if err := s.parts.Chats.OfferCall(ctx, in.ID, chat.Agent); err != nil {
		return nil, s.failChat(ctx, "offer a call", err)
	}
	return &noOutput{}, nil
}
