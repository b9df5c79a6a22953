package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"pickup/account"
	"pickup/call"
	"pickup/store"
	"pickup/ticket"
)

// problemVersion and problemUnseen say why an edit or a message was not taken.
const (
	problemVersion = "urn:pickup:problem:version"
	problemUnseen  = "urn:pickup:problem:unseen-messages"
)

// TicketMessage is something said in writing.
type TicketMessage struct {
	ID            string           `json:"id"`
	Pos           int64            `json:"pos" doc:"Place among all messages of the site, ascending."`
	Seq           int64            `json:"seq" doc:"Place in its chat or thread, from 1; 0 for a note without one."`
	InteractionID string           `json:"interaction_id"`
	TicketID      string           `json:"ticket_id"`
	Kind          string           `json:"kind" enum:"customer,agent,bot,note,system"`
	AuthorID      string           `json:"author_id"`
	Text          string           `json:"text"`
	Quoted        string           `json:"quoted" doc:"What a mail quotes."`
	HTML          string           `json:"html" doc:"Sanitised; empty when it was plain. Pictures elsewhere stand in data-remote."`
	Automatic     bool             `json:"automatic" doc:"Sent by a machine: no reply is owed."`
	Status        string           `json:"status" enum:"stored,queued,sent,read,failed,bounced"`
	Attachments   []AttachmentInfo `json:"attachments" nullable:"false"`
	CreatedAt     MaybeTime        `json:"created_at"`
}

// AttachmentInfo is a file of a message. Its bytes are at /api/v1/files/{id}.
type AttachmentInfo struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	MIME   string `json:"mime"`
	Size   int64  `json:"size"`
	Inline bool   `json:"inline" doc:"A picture inside the HTML of a mail."`
}

func showMessage(m ticket.Message) TicketMessage {
	out := TicketMessage{
		ID: m.ID, Pos: m.Pos, Seq: m.Seq, InteractionID: m.InteractionID, TicketID: m.TicketID, Kind: string(m.Kind), AuthorID: m.AuthorID,
		Text: m.Text, Quoted: m.Quoted, HTML: m.HTML, Automatic: m.Automatic, Status: string(m.Status),
		Attachments: []AttachmentInfo{}, CreatedAt: at(m.CreatedAt),
	}
	for _, a := range m.Attachments {
		out.Attachments = append(out.Attachments, AttachmentInfo{a.ID, a.Name, a.MIME, a.Size, a.ContentID != ""})
	}
	return out
}

// TicketValue is a ticket as an edit leaves it.
type TicketValue struct {
	ID         string    `json:"id"`
	Number     int64     `json:"number"`
	Subject    string    `json:"subject"`
	Type       string    `json:"type"`
	Category   string    `json:"category"`
	State      string    `json:"state" enum:"new,open,pending_customer,on_hold,solved,closed,merged"`
	Priority   int       `json:"priority" minimum:"0" maximum:"3"`
	Queue      string    `json:"queue"`
	AssigneeID string    `json:"assignee_id"`
	ContactID  string    `json:"contact_id"`
	Language   string    `json:"language"`
	Channel    string    `json:"channel"`
	MergedInto string    `json:"merged_into"`
	Tags       []string  `json:"tags" nullable:"false"`
	LastPos    int64     `json:"last_pos" doc:"Of its newest message: what expected_last is compared with."`
	Version    int64     `json:"version" doc:"What an edit says it was made on."`
	CreatedAt  MaybeTime `json:"created_at"`
	UpdatedAt  MaybeTime `json:"updated_at"`
}

func showValue(t ticket.Ticket) TicketValue {
	return TicketValue{
		ID: t.ID, Number: t.Number, Subject: t.Subject, Type: t.Type, Category: t.Category, State: string(t.State), Priority: t.Priority,
		Queue: t.Queue, AssigneeID: t.AssigneeID, ContactID: t.ContactID, Language: t.Language, Channel: string(t.Channel),
		MergedInto: t.MergedInto, Tags: append([]string{}, t.Tags...), LastPos: t.LastPos, Version: t.Version,
		CreatedAt: at(t.CreatedAt), UpdatedAt: at(t.UpdatedAt),
	}
}

// by is the actor of a request as the desk knows him.
func by(ctx context.Context) ticket.Actor {
	u := who(ctx).user
	return ticket.Actor{ID: u.ID, Name: u.Name}
}

// deskFail turns an error of the desk into a problem document.
func (s *Server) deskFail(ctx context.Context, doing string, err error) error {
	var version *ticket.VersionError
	var unseen *ticket.ConflictError
	var field *ticket.FieldError
	switch {
	case errors.As(err, &version):
		return problem(http.StatusConflict, problemVersion, version.Error(), "body.version")
	case errors.As(err, &unseen):
		return problem(http.StatusConflict, problemUnseen, unseen.Error(), "body.expected_last")
	case errors.As(err, &field):
		return problem(http.StatusUnprocessableEntity, "", field.Field+": "+field.Limit, "body."+field.Field)
	case errors.Is(err, ticket.ErrNotFound):
		return problem(http.StatusNotFound, "", "There is no such thing, or it is gone.", "")
	case errors.Is(err, ticket.ErrImmutable):
		return problem(http.StatusConflict, "", "The ticket is closed or merged.", "")
	case errors.Is(err, ticket.ErrTooLate):
		return problem(http.StatusConflict, "", "A merge can be undone for 24 hours.", "")
	case errors.Is(err, ticket.ErrState):
		return problem(http.StatusConflict, "", "It is not possible in this state.", "body.state")
	}
	return s.fail(ctx, doing, err)
}

// UnseenMessages is the answer to a message that would have crossed others.
type UnseenMessages struct {
	Status   int             `json:"status"`
	Type     string          `json:"type"`
	Title    string          `json:"title"`
	Detail   string          `json:"detail"`
	Messages []TicketMessage `json:"messages" nullable:"false" doc:"What came since, oldest first."`
}

// Error implements error; GetStatus implements huma.StatusError.
func (u *UnseenMessages) Error() string  { return u.Detail }
func (u *UnseenMessages) GetStatus() int { return u.Status }

// ContentType implements huma.ContentTypeFilter.
func (u *UnseenMessages) ContentType(string) string { return "application/problem+json" }

func (s *Server) deskOperations(api huma.API) {
	const one = "/api/v1/tickets/{id}"
	writes := agentOrManage
	conflict := []int{http.StatusNotFound, http.StatusConflict}
	register(api, act{
		id: "create-ticket", method: http.MethodPost, path: "/api/v1/tickets", tag: "tickets", rule: writes, status: http.StatusCreated,
		summary: "Open a ticket, of its own or from a call, chat or mail", errors: conflict,
	}, s.createTicket)
	register(api, act{
		id: "edit-ticket", method: http.MethodPatch, path: one, tag: "tickets", rule: writes, errors: conflict,
		summary: "Change a ticket; 409 when somebody else did first",
	}, s.editTicket)
	register(api, act{
		id: "list-messages", method: http.MethodGet, path: one + "/messages", tag: "tickets", rule: everyone,
		summary: "What was written, oldest first", errors: []int{http.StatusNotFound},
	}, s.listMessages)
	register(api, act{
		id: "post-message", method: http.MethodPost, path: one + "/messages", tag: "tickets", rule: writes, status: http.StatusCreated,
		summary: "Reply to the customer, or write a note; 409 carries what came between", errors: conflict,
	}, s.postMessage)
	register(api, act{
		id: "merge-ticket", method: http.MethodPost, path: one + "/merge", tag: "tickets", rule: writes, errors: conflict,
		summary: "Make this ticket part of another, which is returned",
	}, s.mergeTicket)
	register(api, act{
		id: "unmerge-ticket", method: http.MethodPost, path: one + "/unmerge", tag: "tickets", rule: writes, errors: conflict,
		summary: "Take a merge of this ticket back, within 24 hours",
	}, s.unmergeTicket)
	register(api, act{
		id: "split-ticket", method: http.MethodPost, path: one + "/split", tag: "tickets", rule: writes, errors: conflict, status: http.StatusCreated,
		summary: "Open a ticket from a message onward",
	}, s.splitTicket)
	register(api, act{
		id: "attach-interaction", method: http.MethodPost, path: one + "/interactions", tag: "tickets", rule: writes, errors: conflict,
		summary: "Move a call, chat or thread to this ticket",
	}, s.attachInteraction)
	register(api, act{
		id: "list-duplicates", method: http.MethodGet, path: one + "/duplicates", tag: "tickets", rule: everyone, errors: []int{http.StatusNotFound},
		summary: "Tickets that may be the same matter, likeliest first",
	}, s.listDuplicates)
	s.deskMoreOperations(api, one, conflict)
}

type createTicketInput struct {
	Body struct {
		ContactID   string   `json:"contact_id,omitempty" maxLength:"64" doc:"Without it: that of the interaction."`
		Interaction string   `json:"interaction_id,omitempty" maxLength:"64" doc:"The call, chat or thread that it comes from."`
		Subject     string   `json:"subject" maxLength:"400"`
		Category    string   `json:"category,omitempty" maxLength:"64" enum:"deposit,withdrawal,technical,account_security,identity_verification,dispute,responsible_gaming,other"`
		Priority    int      `json:"priority" required:"false" default:"1" minimum:"0" maximum:"3"`
		Queue       string   `json:"queue,omitempty" maxLength:"64"`
		Language    string   `json:"language,omitempty" enum:"fr,en"`
		Note        string   `json:"note,omitempty" maxLength:"65536"`
		Tags        []string `json:"tags,omitempty" maxItems:"50"`
		Mine        bool     `json:"mine" required:"false" doc:"It is assigned to who makes it."`
	}
}

func (s *Server) createTicket(ctx context.Context, in *createTicketInput) (*oneOutput[TicketValue], error) {
	b := in.Body
	n := ticket.New{
		ContactID: b.ContactID, Interaction: b.Interaction, Subject: b.Subject, Category: b.Category, Priority: b.Priority, Queue: b.Queue,
		Language: b.Language, Note: b.Note, Tags: b.Tags,
	}
	if b.Mine || !who(ctx).user.Role.SeesAll() {
		n.AssigneeID = who(ctx).user.ID
	}
	if b.Interaction != "" {
		if err := s.mayInteraction(ctx, b.Interaction); err != nil {
			return nil, err
		}
	}
	if b.ContactID != "" {
		if err := s.mayContact(ctx, b.ContactID, mayWrite); err != nil {
			return nil, err
		}
	}
	t, err := s.parts.Desk.Create(ctx, by(ctx), n)
	if err != nil {
		return nil, s.deskFail(ctx, "create a ticket", err)
	}
	return &oneOutput[TicketValue]{showValue(t)}, nil
}

type editTicketInput struct {
	IDInput
	Body struct {
		Version    int64     `json:"version" doc:"Of the ticket that was seen."`
		State      *string   `json:"state,omitempty" nullable:"false" enum:"open,pending_customer,on_hold,solved,closed"`
		Priority   *int      `json:"priority,omitempty" nullable:"false" minimum:"0" maximum:"3"`
		Category   *string   `json:"category,omitempty" nullable:"false" maxLength:"64"`
		AssigneeID *string   `json:"assignee_id,omitempty" nullable:"false" maxLength:"64" doc:"Empty: back to its queue."`
		Queue      *string   `json:"queue,omitempty" nullable:"false" maxLength:"64"`
		Subject    *string   `json:"subject,omitempty" nullable:"false" maxLength:"400"`
		Language   *string   `json:"language,omitempty" nullable:"false" enum:"fr,en"`
		Tags       *[]string `json:"tags,omitempty" nullable:"false" maxItems:"50"`
		Reason     string    `json:"reason,omitempty" maxLength:"1000" doc:"Shown in the timeline; a change of priority needs one."`
	}
}

func (s *Server) editTicket(ctx context.Context, in *editTicketInput) (*oneOutput[TicketValue], error) {
	if _, err := s.theTicket(ctx, in.ID, mayWrite); err != nil {
		return nil, err
	}
	b := in.Body
	c := ticket.Change{Priority: b.Priority, Category: b.Category, Queue: b.Queue, Subject: b.Subject, Language: b.Language, Tags: b.Tags, Reason: b.Reason}
	if b.State != nil {
		state := ticket.State(*b.State)
		c.State = &state
	}
	if b.AssigneeID != nil {
		id := account.ID(*b.AssigneeID)
		c.AssigneeID = &id
		if err := s.assignable(ctx, id); err != nil {
			return nil, err
		}
	}
	t, err := s.parts.Desk.Edit(ctx, by(ctx), in.ID, b.Version, c)
	if err != nil {
		return nil, s.deskFail(ctx, "edit a ticket", err)
	}
	return &oneOutput[TicketValue]{showValue(t)}, nil
}

// assignable refuses an assignee who does not exist or does not work any more.
func (s *Server) assignable(ctx context.Context, id account.ID) error {
	if id == "" {
		return nil
	}
	u, err := s.parts.Store.UserByID(ctx, id)
	if err != nil || !u.Active || u.Role == account.RoleReviewer {
		return problem(http.StatusUnprocessableEntity, "", "Nobody of that id takes tickets.", "body.assignee_id")
	}
	return nil
}

type listMessagesInput struct {
	IDInput
	AfterPos int64 `query:"after_pos" minimum:"0" doc:"Only messages with a greater pos."`
}

func (s *Server) listMessages(ctx context.Context, in *listMessagesInput) (*listOutput[TicketMessage], error) {
	if _, err := s.theTicket(ctx, in.ID, mayRead); err != nil {
		return nil, err
	}
	var all []ticket.Message
	for after := in.AfterPos; ; after = all[len(all)-1].Pos {
		some, err := s.parts.Store.Messages(ctx, in.ID, after, store.MaxLimit)
		if err != nil {
			return nil, s.fail(ctx, "read messages", err)
		}
		if all = append(all, some...); len(some) < store.MaxLimit {
			break
		}
	}
	return page(all, "", showMessage), nil
}

type postMessageInput struct {
	IDInput
	Body struct {
		Kind         string   `json:"kind" enum:"agent,note" doc:"agent: to the customer; note: among us."`
		Text         string   `json:"text" maxLength:"65536"`
		Interaction  string   `json:"interaction_id,omitempty" maxLength:"64" doc:"The thread that is answered; a note needs none."`
		ClientID     string   `json:"client_id" minLength:"8" maxLength:"64" doc:"Chosen by the page: sent twice, it is stored once."`
		ExpectedLast *int64   `json:"expected_last,omitempty" nullable:"false" minimum:"-1" doc:"last_pos of the ticket that was seen; -1: send anyway."`
		Attachments  []string `json:"attachments,omitempty" maxItems:"20" doc:"Ids of files that were uploaded."`
		State        string   `json:"state,omitempty" enum:"open,pending_customer,on_hold,solved" doc:"Of the ticket after it."`
	}
}

func (s *Server) postMessage(ctx context.Context, in *postMessageInput) (*oneOutput[TicketMessage], error) {
	if _, err := s.theTicket(ctx, in.ID, mayWrite); err != nil {
		return nil, err
	}
	b := in.Body
	out := ticket.Outgoing{
		TicketID: in.ID, Interaction: b.Interaction, Kind: ticket.MessageKind(b.Kind), Text: b.Text, ClientID: b.ClientID,
		ExpectedLast: -1, Attachments: b.Attachments, State: ticket.State(b.State),
	}
	if b.ExpectedLast != nil {
		out.ExpectedLast = *b.ExpectedLast
	}
	if out.Kind != ticket.MessageNote {
		if err := s.written(ctx, b.Interaction); err != nil {
			return nil, err
		}
	}
	m, err := s.parts.Desk.Reply(ctx, by(ctx), out)
	var unseen *ticket.ConflictError
	if errors.As(err, &unseen) {
		u := &UnseenMessages{
			Status: http.StatusConflict, Type: problemUnseen, Title: http.StatusText(http.StatusConflict),
			Detail: "Messages came that you have not seen.", Messages: []TicketMessage{},
		}
		for _, m := range unseen.New {
			u.Messages = append(u.Messages, showMessage(m))
		}
		return nil, u
	}
	if err != nil {
		return nil, s.deskFail(ctx, "post a message", err)
	}
	return &oneOutput[TicketMessage]{showMessage(m)}, nil
}

// written refuses a reply to a chat here: a chat has an order of its own, which
// its room keeps.
func (s *Server) written(ctx context.Context, interaction string) error {
	i, err := s.parts.Store.Interaction(ctx, interaction)
	if errors.Is(err, store.ErrNotFound) {
		return nil // the desk says which field is at fault
	}
	if err != nil {
		return s.fail(ctx, "read an interaction", err)
	}
	if i.Channel == call.ChannelChat {
		return problem(http.StatusUnprocessableEntity, "", "A chat is answered at /api/v1/chats.", "body.interaction_id")
	}
	return nil
}
