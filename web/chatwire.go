package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"pickup/account"
	"pickup/queue"
	"pickup/ticket"
	"pickup/ticket/chat"
	"pickup/ticket/work"
)

// ChatFile is a file of a chat message.
type ChatFile struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	MIME string `json:"mime"`
	Size int64  `json:"size" doc:"Bytes."`
}

// ChatEvent is one line of a conversation. Fields that its type does not have are left out.
type ChatEvent struct {
	Type     string     `json:"type" enum:"message,state,assignment,read,call"`
	Seq      int64      `json:"seq" doc:"Rises by one in the conversation, without gaps."`
	At       Time       `json:"at"`
	By       string     `json:"by,omitempty" enum:"visitor,agent,system" doc:"Who spoke, read, or asks for a call."`
	ID       string     `json:"id,omitempty" doc:"Of the message."`
	Text     string     `json:"text,omitempty"`
	ClientID string     `json:"client_id,omitempty" doc:"Chosen by the page that sent it."`
	Files    []ChatFile `json:"files,omitempty"`
	AgentID  string     `json:"agent_id,omitempty" doc:"Told to the console only."`
	Agent    string     `json:"agent,omitempty" doc:"Name of who wrote or answers; in an assignment, empty: nobody any more."`
	State    string     `json:"state,omitempty" enum:"waiting,open,idle,ended"`
	Reason   string     `json:"reason,omitempty" doc:"Why the state came: visitor, agent, idle, left, closed, full, transfer, or an end reason."`
	UpTo     int64      `json:"up_to,omitempty" doc:"Read up to this number."`
}

// showChatEvent writes an event for a page; inside adds what only the console
// may know.
func (s *Server) showChatEvent(e *chat.Event, inside bool) ChatEvent {
	out := ChatEvent{Type: string(e.Kind), Seq: e.Seq, At: Time(e.At)}
	switch e.Kind {
	case chat.KindMessage:
		m := &e.Message
		out.ID, out.Text, out.ClientID, out.By = m.ID, m.Text, m.ClientID, "system"
		switch m.Kind {
		case ticket.MessageCustomer:
			out.By = "visitor"
		case ticket.MessageAgent, ticket.MessageBot:
			out.By, out.Agent = "agent", s.agentName(account.ID(m.AuthorID), "")
			if inside {
				out.AgentID = m.AuthorID
			}
		}
		for i := range m.Attachments {
			out.Files = append(out.Files, showFile(&m.Attachments[i]))
		}
	case chat.KindState:
		out.State, out.Reason = string(e.State), e.Reason
	case chat.KindAssignment:
		out.Agent = e.AgentName
		if inside {
			out.AgentID = string(e.Agent)
		}
	case chat.KindRead:
		out.By, out.UpTo = string(e.Side), e.UpTo
	case chat.KindCall:
		out.By = string(e.Side)
	}
	return out
}

func showFile(a *ticket.Attachment) ChatFile {
	return ChatFile{ID: a.ID, Name: a.Name, MIME: a.MIME, Size: a.Size}
}

// chatPlace is where a visitor stands.
type chatPlace struct {
	Type           string `json:"type"`
	Position       int    `json:"position"` // 1 is next
	EstimateLowMS  int64  `json:"eta_low_ms"`
	EstimateHighMS int64  `json:"eta_high_ms"` // 0 and 0: nothing can be said
	AgentsOnDuty   int    `json:"agents_on_duty"`
}

func showPlace(p chat.Place) chatPlace {
	return chatPlace{
		Type: "queue", Position: p.Position, EstimateLowMS: p.EstimateLow.Milliseconds(),
		EstimateHighMS: p.EstimateHigh.Milliseconds(), AgentsOnDuty: p.AgentsOnDuty,
	}
}

// chatFrame writes a frame for a visitor's page; nil: it is not for him.
func (s *Server) chatFrame(f *chat.Frame, claims chat.Claims) any {
	switch f.Kind {
	case chat.FrameEvent:
		return s.showChatEvent(&f.Event, false)
	case chat.FrameSynced:
		out := map[string]any{"type": "synced", "seq": f.Seq, "state": f.State}
		if token := s.parts.Chats.Refreshed(claims, time.Now()); token != "" {
			out["token"] = token
		}
		return out
	case chat.FrameAccepted:
		return map[string]any{"type": "accepted", "client_id": f.ClientID, "seq": f.Seq}
	case chat.FrameRefused:
		_, code, _ := chatFault(f.Err)
		return map[string]any{"type": "refused", "client_id": f.ClientID, "code": code}
	case chat.FrameTyping:
		return map[string]any{"type": "typing", "by": f.Side}
	case chat.FramePlace:
		return showPlace(f.Place)
	case chat.FramePong:
		return map[string]any{"type": "pong"}
	}
	return nil
}

// chatFault tells a fault of a chat: the status, a code for programs ("try_again"
// where it is ours) and a sentence.
func chatFault(err error) (status int, code, text string) {
	switch {
	case errors.Is(err, chat.ErrNotFound), errors.Is(err, ticket.ErrNotFound):
		return http.StatusNotFound, "not_found", "There is no such conversation."
	case errors.Is(err, chat.ErrEnded):
		return http.StatusGone, "ended", "The conversation has ended."
	case errors.Is(err, chat.ErrToken):
		return http.StatusUnauthorized, "token", "The token is not valid, or no longer."
	case errors.Is(err, chat.ErrIdentity):
		return http.StatusUnauthorized, "identity", "The signed identity cannot be believed."
	case errors.Is(err, chat.ErrRate):
		return http.StatusTooManyRequests, "rate", "Too fast; wait a moment."
	case errors.Is(err, chat.ErrText):
		return http.StatusUnprocessableEntity, "text", "A message has text or files, and at most 4000 characters."
	case errors.Is(err, chat.ErrFull):
		return http.StatusServiceUnavailable, "full", "There are too many conversations, or this one is too long."
	case errors.Is(err, chat.ErrNotYours):
		return http.StatusForbidden, "not_yours", "Another agent answers."
	case errors.Is(err, chat.ErrNoMail):
		return http.StatusConflict, "no_mail", "There is no address, or no mailbox, to send it by mail."
	case errors.Is(err, chat.ErrFile):
		return http.StatusUnprocessableEntity, "file", "There is no such uploaded file of yours."
	case errors.Is(err, ticket.ErrImmutable):
		return http.StatusConflict, "closed", "Its ticket is closed."
	}
	return 0, "try_again", ""
}

// failChat is fail for what concerns chats and work.
func (s *Server) failChat(ctx context.Context, doing string, err error) error {
	if status, code, text := chatFault(err); status != 0 {
		m := problem(status, "urn:pickup:problem:chat-"+code, text, "")
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			return retry(m, 2*time.Second)
		}
		return m
	}
	return s.failWork(ctx, doing, err)
}

// failWork is fail for what concerns work.
func (s *Server) failWork(ctx context.Context, doing string, err error) error {
	var unfit *queue.UnfitError
	switch {
	case errors.As(err, &unfit):
		field := "body.agent_id"
		if unfit.Agent == "" {
			field = "body." + unfit.Field // the skill, or its level
		}
		return problem(http.StatusConflict, "urn:pickup:problem:transfer-refused", unfit.Error(), field)
	case errors.Is(err, work.ErrGone):
		return problem(http.StatusNotFound, "", "There is no such work any more.", "path.id")
	case errors.Is(err, work.ErrTaken), errors.Is(err, queue.ErrTaken):
		return problem(http.StatusConflict, "urn:pickup:problem:work-taken", "Another agent has it.", "")
	case errors.Is(err, work.ErrState):
		return problem(http.StatusConflict, "urn:pickup:problem:work-state", "Nobody holds it.", "")
	case errors.Is(err, queue.ErrNoRoom):
		return problem(http.StatusConflict, "urn:pickup:problem:no-room", "There is no room for it beside what you do.", "")
	case errors.Is(err, queue.ErrNotAllowed):
		return problem(http.StatusForbidden, "urn:pickup:problem:skill", "You are not a member of its queue, or a skill is missing.", "")
	case errors.Is(err, queue.ErrClosed):
		return problem(http.StatusConflict, "urn:pickup:problem:queue-closed", "The queue is closed.", "")
	case errors.Is(err, queue.ErrFull):
		return problem(http.StatusConflict, "urn:pickup:problem:queue-full", "The queue is full.", "")
	case errors.Is(err, work.ErrStopped), errors.Is(err, chat.ErrStopped):
		return retry(problem(http.StatusServiceUnavailable, "", "The server is stopping.", ""), 5*time.Second)
	}
	return s.fail(ctx, doing, err)
}

// TokenInput is the token of a visitor's page.
type TokenInput struct {
	Authorization string `header:"Authorization" maxLength:"1100" doc:"Bearer and the token that POST /w/v1/chats returned."`
}
