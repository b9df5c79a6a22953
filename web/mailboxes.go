package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pickup/internal/id"
	"pickup/store"
	"pickup/ticket"
)

// probeWithin is how long the test of a mailbox may take.
const probeWithin = 30 * time.Second

// Mail fetches and sends; *email.Engine is it.
type Mail interface {
	// Health returns how each enabled mailbox does, by id; one that was not tried
	// yet is missing.
	Health() map[string]ticket.MailboxHealth
	// Reload says that mailboxes were edited.
	Reload()
	// Probe tries a mailbox; the error names the server at fault.
	Probe(ctx context.Context, box ticket.Mailbox) error
}

// MailServerSettings is one mail server as a mailbox uses it.
type MailServerSettings struct {
	Host     string `json:"host,omitempty" maxLength:"253" doc:"Name or IPv4 address; a mailbox without SMTP sends nothing."`
	Port     int    `json:"port,omitempty" minimum:"0" maximum:"65535" doc:"0: that of the protocol."`
	Security string `json:"security,omitempty" enum:"tls,starttls,none" default:"tls" doc:"none is for loopback and test networks."`
	User     string `json:"user,omitempty" maxLength:"254" doc:"Empty: no sign-in."`
	Password string `json:"password,omitempty" maxLength:"1024" doc:"Never told; without it, it stays as it is, unless host, user or security change."`
}

// MailServerObject is a mail server as it is stored.
type MailServerObject struct {
	Host        string `json:"host"`
	Port        int    `json:"port"`
	Security    string `json:"security"`
	User        string `json:"user"`
	PasswordSet bool   `json:"password_set"`
}

type mailboxBody struct {
	Name        string             `json:"name,omitempty" maxLength:"128" doc:"Display name of what is sent."`
	Address     string             `json:"address" minLength:"3" maxLength:"254"`
	Aliases     []string           `json:"aliases,omitempty" maxItems:"100" doc:"Other addresses whose mail comes here."`
	Queue       string             `json:"queue" minLength:"1" maxLength:"64" doc:"Where its mail waits."`
	Language    string             `json:"language" enum:"fr,en" doc:"Where the mail does not tell."`
	Enabled     *bool              `json:"enabled,omitempty" default:"true" nullable:"false" doc:"Without it: true."`
	IMAP        MailServerSettings `json:"imap"`
	Folder      string             `json:"folder,omitempty" maxLength:"254" doc:"Without it: INBOX."`
	SMTP        MailServerSettings `json:"smtp,omitempty"`
	AuthServID  string             `json:"authserv_id,omitempty" maxLength:"253" doc:"How your mail server signs Authentication-Results (RFC 8601); only these prove a sender."`
	Signatures  map[string]string  `json:"signatures,omitempty" doc:"Plain text below each reply, by language."`
	Acknowledge bool               `json:"acknowledge,omitempty" doc:"The first mail of a matter is acknowledged with its number."`
}

// MailboxHealth is how the connection to a mailbox does.
type MailboxHealth struct {
	State string    `json:"state" enum:"off,connecting,well,down"`
	Since MaybeTime `json:"since"`
	Error string    `json:"error" doc:"What went wrong last, naming the server."`
}

// MailboxObject is one address of support.
type MailboxObject struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Address     string            `json:"address"`
	Aliases     []string          `json:"aliases" nullable:"false"`
	Queue       string            `json:"queue"`
	Language    string            `json:"language"`
	Enabled     bool              `json:"enabled"`
	IMAP        MailServerObject  `json:"imap"`
	Folder      string            `json:"folder"`
	SMTP        MailServerObject  `json:"smtp"`
	AuthServID  string            `json:"authserv_id"`
	Signatures  map[string]string `json:"signatures"`
	Acknowledge bool              `json:"acknowledge"`
	Version     int64             `json:"version"`
	Health      MailboxHealth     `json:"health"`
}

// MailboxTest is what the test of a mailbox found.
type MailboxTest struct {
	Well  bool   `json:"well"`
	Error string `json:"error" doc:"Names the server at fault; empty: it is well."`
}

type (
	newMailboxInput struct{ Body mailboxBody }
	putMailboxInput struct {
		IDInput
		Body mailboxBody
	}
)

func (s *Server) mailboxOperations(api huma.API) {
	const path, one = "/api/v1/mailboxes", "/api/v1/mailboxes/{id}"
	register(api, act{
		id: "list-mailboxes", method: http.MethodGet, path: path, tag: "mailboxes", rule: manages,
		summary: "Mailboxes by address, and how each does",
	}, s.listMailboxes)
	register(api, act{
		id: "create-mailbox", method: http.MethodPost, path: path, tag: "mailboxes", rule: administers,
		summary: "Make a mailbox", status: http.StatusCreated, errors: []int{http.StatusConflict},
	}, s.createMailbox)
	register(api, act{
		id: "put-mailbox", method: http.MethodPut, path: one, tag: "mailboxes", rule: administers,
		summary: "Change a mailbox", errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.putMailbox)
	register(api, act{
		id: "delete-mailbox", method: http.MethodDelete, path: one, tag: "mailboxes", rule: administers,
		summary: "Delete a mailbox; its mail stays", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, s.deleteMailbox)
	register(api, act{
		id: "test-mailbox", method: http.MethodPost, path: one + "/test", tag: "mailboxes", rule: administers,
		summary: "Sign in to the servers of a mailbox, and say what is wrong", errors: []int{http.StatusNotFound},
	}, s.testMailbox)
}

func (s *Server) listMailboxes(ctx context.Context, _ *noInput) (*listOutput[MailboxObject], error) {
	all, err := s.parts.Store.Mailboxes(ctx)
	if err != nil {
		return nil, s.fail(ctx, "list mailboxes", err)
	}
	return page(all, "", s.showMailbox), nil
}

func (s *Server) showMailbox(b ticket.Mailbox) MailboxObject {
	signatures := b.Signatures
	if signatures == nil {
		signatures = map[string]string{}
	}
	return MailboxObject{
		ID: b.ID, Name: b.Name, Address: b.Address, Aliases: append([]string{}, b.Aliases...), Queue: b.Queue, Language: b.Language,
		Enabled: b.Enabled, IMAP: showMailServer(b.IMAP), Folder: b.Folder, SMTP: showMailServer(b.SMTP), AuthServID: b.AuthServID,
		Signatures: signatures, Acknowledge: b.Acknowledge, Version: b.Version, Health: s.mailboxHealth(b),
	}
}

func showMailServer(m ticket.MailServer) MailServerObject {
	return MailServerObject{Host: m.Host, Port: m.Port, Security: m.Security, User: m.User, PasswordSet: m.Password != ""}
}

func (s *Server) mailboxHealth(b ticket.Mailbox) MailboxHealth {
	if !b.Enabled || s.parts.Mail == nil {
		return MailboxHealth{State: "off"}
	}
	h, tried := s.parts.Mail.Health()[b.ID]
	switch {
	case !tried:
		return MailboxHealth{State: "connecting"}
	case h.Well:
		return MailboxHealth{State: "well", Since: at(h.Since)}
	default:
		return MailboxHealth{State: "down", Since: at(h.Since), Error: h.Error}
	}
}

func (s *Server) createMailbox(ctx context.Context, in *newMailboxInput) (*oneOutput[MailboxObject], error) {
	return s.saveMailbox(ctx, ticket.Mailbox{ID: id.New()}, in.Body, "mailbox.create")
}

func (s *Server) putMailbox(ctx context.Context, in *putMailboxInput) (*oneOutput[MailboxObject], error) {
	b, err := s.storedMailbox(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.saveMailbox(ctx, b, in.Body, "mailbox.update")
}

// storedMailbox returns the mailbox of an id, or a problem.
func (s *Server) storedMailbox(ctx context.Context, boxID string) (ticket.Mailbox, error) {
	all, err := s.parts.Store.Mailboxes(ctx)
	if err != nil {
		return ticket.Mailbox{}, s.fail(ctx, "list mailboxes", err)
	}
	for _, b := range all {
		if b.ID == boxID {
			return b, nil
		}
	}
	return ticket.Mailbox{}, problem(http.StatusNotFound, "", "There is no such mailbox.", "path.id")
}

func (s *Server) saveMailbox(ctx context.Context, b ticket.Mailbox, body mailboxBody, action string) (*oneOutput[MailboxObject], error) {
	if _, known, err := s.storedQueue(ctx, body.Queue); err != nil {
		return nil, s.fail(ctx, "read the queues", err)
	} else if !known {
		return nil, problem(http.StatusUnprocessableEntity, "", "No queue has this name: "+clip(body.Queue, 64), "body.queue")
	}
	b.Name, b.Address, b.Aliases, b.Queue, b.Language = body.Name, body.Address, body.Aliases, body.Queue, body.Language
	b.Enabled = body.Enabled == nil || *body.Enabled
	b.Folder, b.AuthServID, b.Signatures, b.Acknowledge = body.Folder, body.AuthServID, body.Signatures, body.Acknowledge
	var err error
	if b.IMAP, err = body.IMAP.over(b.IMAP, "body.imap.password"); err != nil {
		return nil, err
	}
	if b.SMTP, err = body.SMTP.over(b.SMTP, "body.smtp.password"); err != nil {
		return nil, err
	}
	if err := b.Check(); err != nil {
		return nil, s.deskFail(ctx, "check a mailbox", err)
	}
	err = s.changeMail(ctx, action, b.ID, func() error { return s.parts.Store.UpsertMailbox(ctx, b) })
	if errors.Is(err, store.ErrConflict) {
		return nil, problem(http.StatusConflict, "", "Another mailbox has this address.", "body.address")
	}
	if err != nil {
		return nil, s.fail(ctx, "save a mailbox", err)
	}
	b.Version++
	return &oneOutput[MailboxObject]{s.showMailbox(b)}, nil
}

// over returns the settings with the stored password where none is given. A
// password is not sent where it was not given for: not to another host, for
// another user, or in the clear when it was not before.
func (m MailServerSettings) over(stored ticket.MailServer, field string) (ticket.MailServer, error) {
	out := ticket.MailServer{Host: m.Host, Port: m.Port, Security: m.Security, User: m.User, Password: m.Password}
	switch {
	case m.Host == "":
		return ticket.MailServer{}, nil
	case m.Password != "" || m.User == "" || stored.Password == "":
		return out, nil
	case m.Host != stored.Host || m.User != stored.User || m.Security != stored.Security:
		return out, problem(http.StatusUnprocessableEntity, "", "Give the password again: host, user or security changed.", field)
	}
	out.Password = stored.Password
	return out, nil
}

// changeMail makes a change of a mailbox and tells the engine of mail.
func (s *Server) changeMail(ctx context.Context, action, boxID string, save func() error) error {
	err := s.change(ctx, action, "mailbox", boxID, save)
	if err == nil && s.parts.Mail != nil {
		s.parts.Mail.Reload()
	}
	return err
}

func (s *Server) deleteMailbox(ctx context.Context, in *IDInput) (*noOutput, error) {
	err := s.changeMail(ctx, "mailbox.delete", in.ID, func() error { return s.parts.Store.DeleteMailbox(ctx, in.ID) })
	if err != nil {
		return nil, s.fail(ctx, "delete a mailbox", err)
	}
	return &noOutput{}, nil
}

func (s *Server) testMailbox(ctx context.Context, in *IDInput) (*oneOutput[MailboxTest], error) {
	b, err := s.storedMailbox(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if s.parts.Mail == nil {
		return &oneOutput[MailboxTest]{MailboxTest{Error: "This server has no mail."}}, nil
	}
	within, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	if err := s.parts.Mail.Probe(within, b); err != nil {
		return &oneOutput[MailboxTest]{MailboxTest{Error: err.Error()}}, nil
	}
	return &oneOutput[MailboxTest]{MailboxTest{Well: true}}, nil
}
