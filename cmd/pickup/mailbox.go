package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"pickup/configs"
	"pickup/internal/id"
	"pickup/store"
	"pickup/ticket"
	"pickup/ticket/email"
)

// probeMailboxWithin is how long the test of a mailbox may take.
const probeMailboxWithin = 30 * time.Second

type mailboxCmd struct {
	List   mailboxListCmd   `cmd:"" help:"List the mailboxes."`
	Add    mailboxAddCmd    `cmd:"" aliases:"set" help:"Make a mailbox, or change what is named of it. A running server is told by a restart, or use the API."`
	Remove mailboxRemoveCmd `cmd:"" help:"Remove a mailbox; its mail stays."`
	Test   mailboxTestCmd   `cmd:"" help:"Sign in to the servers of a mailbox and say what is wrong."`
}

func mailboxes() listing[ticket.Mailbox] {
	return listing[ticket.Mailbox]{
		kind: "mailbox", columns: []string{"ADDRESS", "NAME", "ALIASES", "QUEUE", "LANGUAGE", "IMAP", "SMTP", "ACKNOWLEDGE", "ENABLED"},
		all: (*store.Store).Mailboxes,
		row: func(b ticket.Mailbox) []any {
			return []any{
				b.Address, b.Name, strings.Join(b.Aliases, ","), b.Queue, b.Language, writeServer(b.IMAP), writeServer(b.SMTP), b.Acknowledge, b.Enabled,
			}
		},
		key: func(b ticket.Mailbox) (id, name string) { return b.ID, b.Address },
	}
}

func writeServer(s ticket.MailServer) string {
	if s.Host == "" {
		return "-"
	}
	return fmt.Sprintf("%s@%s:%d/%s", s.User, s.Host, s.Port, s.Security)
}

type mailboxListCmd struct{}

// Run lists the mailboxes.
func (mailboxListCmd) Run(e *env) error { return mailboxes().print(e) }

type mailboxAddCmd struct {
	Address     string            `arg:"" help:"Mail address."`
	Name        *string           `help:"Display name of what is sent."`
	Aliases     *[]string         `help:"Other addresses whose mail comes here."`
	Queue       *string           `help:"Where its mail waits; a new mailbox needs it."`
	Language    *string           `help:"fr or en, where a mail does not tell; a new one has fr without it."`
	Enabled     *bool             `negatable:"" help:"Fetch its mail; a new one is enabled."`
	Folder      *string           `help:"IMAP folder; empty: INBOX."`
	AuthServID  *string           `name:"authserv-id" help:"How your mail server signs Authentication-Results."`
	Signatures  map[string]string `help:"Below each reply, by language, as fr=TEXT;en=TEXT."`
	Acknowledge *bool             `negatable:"" help:"Acknowledge the first mail of a matter with its number."`

	IMAPHost     *string `name:"imap-host" help:"Host it is fetched from; a new mailbox needs it."`
	IMAPPort     *int    `name:"imap-port" help:"0: 993, or 143 without TLS."`
	IMAPSecurity *string `name:"imap-security" help:"tls, starttls or none; a new one has tls without it."`
	IMAPUser     *string `name:"imap-user" help:"User."`
	IMAPPassword *string `name:"imap-password" help:"Password." env:"PICKUP_IMAP_PASSWORD"`
	SMTPHost     *string `name:"smtp-host" help:"Host it is sent by; empty: nothing is sent."`
	SMTPPort     *int    `name:"smtp-port" help:"0: 465 with TLS, else 587."`
	SMTPSecurity *string `name:"smtp-security" help:"tls, starttls or none; a new one has tls without it."`
	SMTPUser     *string `name:"smtp-user" help:"User."`
	SMTPPassword *string `name:"smtp-password" help:"Password." env:"PICKUP_SMTP_PASSWORD"`
}

// Run makes or changes a mailbox.
func (m mailboxAddCmd) Run(e *env) error {
	return e.withStore(func(ctx context.Context, _ *configs.Config, st *store.Store) error {
		b, ok, err := mailboxes().named(ctx, st, m.Address)
		if err != nil {
			return err
		}
		if !ok {
			b = ticket.Mailbox{ID: id.New(), Address: m.Address, Language: "fr", Enabled: true}
		}
		m.change(&b)
		if err := knownQueue(ctx, st, b.Queue); err != nil {
			return err
		}
		return saveMailbox(ctx, st, b)
	})
}

// change sets what the command names.
func (m mailboxAddCmd) change(b *ticket.Mailbox) {
	set(&b.Name, m.Name)
	set(&b.Aliases, m.Aliases)
	set(&b.Queue, m.Queue)
	set(&b.Language, m.Language)
	set(&b.Enabled, m.Enabled)
	set(&b.Folder, m.Folder)
	set(&b.AuthServID, m.AuthServID)
	set(&b.Acknowledge, m.Acknowledge)
	if m.Signatures != nil {
		b.Signatures = m.Signatures
	}
	set(&b.IMAP.Host, m.IMAPHost)
	set(&b.IMAP.Port, m.IMAPPort)
	set(&b.IMAP.Security, m.IMAPSecurity)
	set(&b.IMAP.User, m.IMAPUser)
	set(&b.IMAP.Password, m.IMAPPassword)
	set(&b.SMTP.Host, m.SMTPHost)
	set(&b.SMTP.Port, m.SMTPPort)
	set(&b.SMTP.Security, m.SMTPSecurity)
	set(&b.SMTP.User, m.SMTPUser)
	set(&b.SMTP.Password, m.SMTPPassword)
	for _, s := range []*ticket.MailServer{&b.IMAP, &b.SMTP} {
		if s.Host != "" && s.Security == "" {
			s.Security = ticket.SecurityTLS
		}
	}
}

type mailboxRemoveCmd struct {
	Address string `arg:"" help:"Mail address."`
}

// Run removes a mailbox.
func (r mailboxRemoveCmd) Run(e *env) error {
	return mailboxes().on(e, r.Address, (*store.Store).DeleteMailbox)
}

type mailboxTestCmd struct {
	Address string `arg:"" help:"Mail address."`
}

// Run tries a mailbox.
func (x mailboxTestCmd) Run(e *env) error {
	return e.withStore(func(ctx context.Context, c *configs.Config, st *store.Store) error {
		b, ok, err := mailboxes().named(ctx, st, x.Address)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("no mailbox %q", x.Address)
		}
		if err := probeMailbox(ctx, c, b); err != nil {
			return err
		}
		_, err = fmt.Fprintf(e.stdout, "ok    mailbox %s\n", b.Address)
		return err
	})
}

func probeMailbox(ctx context.Context, c *configs.Config, b ticket.Mailbox) error {
	trust, err := mailTLS(c.Mail.CAFile)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, probeMailboxWithin)
	defer cancel()
	return email.Probe(ctx, b, trust)
}

// checkMailboxes tries every enabled mailbox.
func checkMailboxes(ctx context.Context, c *configs.Config, st *store.Store, check func(what string, err error)) {
	all, err := st.Mailboxes(ctx)
	if err != nil {
		check("mailboxes", err)
	}
	for _, b := range all {
		if b.Enabled {
			check("mailbox "+b.Address, probeMailbox(ctx, c, b))
		}
	}
}

// knownQueue refuses a queue that is not there.
func knownQueue(ctx context.Context, st *store.Store, name string) error {
	all, err := st.Queues(ctx)
	if err != nil {
		return err
	}
	for _, q := range all {
		if strings.EqualFold(q.Name, name) {
			return nil
		}
	}
	return fmt.Errorf("no queue %q", name)
}

func saveMailbox(ctx context.Context, st *store.Store, b ticket.Mailbox) error {
	if err := b.Check(); err != nil {
		return err
	}
	err := st.UpsertMailbox(ctx, b)
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("mailbox %s: another has this address: %w", b.Address, err)
	}
	return err
}

// applyMailboxes stores the mailboxes of a site file.
func applyMailboxes(ctx context.Context, st *store.Store, site configs.Site) error {
	have, err := st.Mailboxes(ctx)
	if err != nil {
		return err
	}
	known := map[string]ticket.Mailbox{}
	for _, b := range have {
		known[strings.ToLower(b.Address)] = b
	}
	for i, s := range site.Mailboxes {
		b, ok := known[strings.ToLower(s.Address)]
		if !ok {
			b.ID = id.New()
		}
		b.Name, b.Address, b.Aliases, b.Queue, b.Language = s.Name, s.Address, s.Aliases, s.Queue, s.Language
		b.Enabled, b.Folder, b.AuthServID, b.Signatures, b.Acknowledge = !s.Disabled, s.Folder, s.AuthServID, s.Signatures, s.Acknowledge
		b.IMAP, b.SMTP = siteServer(s.IMAP, b.IMAP), siteServer(s.SMTP, b.SMTP)
		if err := saveMailbox(ctx, st, b); err != nil {
			return fmt.Errorf("mailboxes[%d]: %w", i, err)
		}
	}
	return nil
}

// siteServer is a server of a site file; the stored password stays where the file
// has none.
func siteServer(s configs.SiteMailServer, stored ticket.MailServer) ticket.MailServer {
	out := ticket.MailServer(s)
	if s.Password == "" && s.Host == stored.Host {
		out.Password = stored.Password
	}
	return out
}
