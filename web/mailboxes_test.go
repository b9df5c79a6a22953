package web_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"pickup/ticket"
	"pickup/web"
)

// post is mail that is told what to say.
type post struct {
	health  map[string]ticket.MailboxHealth
	reloads int
	fault   error
	probed  []ticket.Mailbox
}

func (p *post) Health() map[string]ticket.MailboxHealth { return p.health }
func (p *post) Reload()                                 { p.reloads++ }

func (p *post) Probe(_ context.Context, b ticket.Mailbox) error {
	p.probed = append(p.probed, b)
	return p.fault
}

func withMail(p *post) option { return func(_ *web.Config, parts *web.Parts) { parts.Mail = p } }

// mailbox is the smallest body that is taken, with changes.
func mailbox(change map[string]any) map[string]any {
	b := map[string]any{
		"name": "Support", "address": "support@example.org", "queue": "support", "language": "fr",
		"imap": map[string]any{"host": "imap.example.org", "user": "u", "password": "hidden-one"},
		"smtp": map[string]any{"host": "smtp.example.org", "security": "starttls", "user": "u", "password": "hidden-two"},
	}
	maps.Copy(b, change)
	return b
}

// Administrators change mailboxes, supervisors read them.
func TestWhoMaySeeAndChangeMailboxes(t *testing.T) {
	s := open(t, withMail(&post{}))
	clients := map[string]*client{"nobody": s.nobody()}
	for login := range people {
		clients[login] = s.as(login)
	}
	for name, c := range map[string]struct {
		method, path                                   string
		body                                           any
		nobody, agent, supervisor, reviewer, administr int
	}{
		"list":             {"GET", "/api/v1/mailboxes", nil, 401, 403, 200, 403, 200},
		"make":             {"POST", "/api/v1/mailboxes", map[string]string{}, 401, 403, 403, 403, 422},
		"change":           {"PUT", "/api/v1/mailboxes/none", mailbox(nil), 401, 403, 403, 403, 404},
		"delete":           {"DELETE", "/api/v1/mailboxes/none", nil, 401, 403, 403, 403, 404},
		"test its servers": {"POST", "/api/v1/mailboxes/none/test", nil, 401, 403, 403, 403, 404},
	} {
		t.Run(name, func(t *testing.T) {
			for login, want := range map[string]int{
				"nobody": c.nobody, "1001": c.agent, "2001": c.supervisor, "3001": c.reviewer, "admin": c.administr,
			} {
				if r := clients[login].do(c.method, c.path, c.body); r.status != want {
					t.Errorf("%s: got %d, want %d: %s", login, r.status, want, r.body)
				}
			}
		})
	}
}

func TestAMailboxIsMadeChangedTestedAndDeleted(t *testing.T) {
	since := time.Now().Add(-time.Minute)
	p := &post{health: map[string]ticket.MailboxHealth{}}
	s := open(t, withMail(p))
	admin := s.as("admin")
	r := admin.do("POST", "/api/v1/mailboxes", mailbox(map[string]any{"signatures": map[string]string{"fr": "L’équipe"}}))
	if r.status != http.StatusCreated {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	var b web.MailboxObject
	r.json(t, &b)
	if strings.Contains(string(r.body), "hidden") || !b.IMAP.PasswordSet || b.IMAP.Security != "tls" || b.SMTP.Security != "starttls" || !b.Enabled ||
		b.Signatures["fr"] != "L’équipe" || b.Health.State != "connecting" || b.Version != 1 {
		t.Errorf("made %+v from %s", b, r.body)
	}
	if p.reloads != 1 {
		t.Errorf("mail was told %d times", p.reloads)
	}

	keep := mailbox(map[string]any{"name": "Aide"})
	keep["imap"] = map[string]any{"host": "imap.example.org", "user": "u"}
	keep["smtp"] = map[string]any{}
	if r = admin.do("PUT", "/api/v1/mailboxes/"+b.ID, keep); r.status != http.StatusOK {
		t.Fatalf("changed: %d %s", r.status, r.body)
	}
	stored, err := s.store.Mailboxes(t.Context())
	must(t, err)
	if len(stored) != 1 || stored[0].Name != "Aide" || stored[0].IMAP.Password != "hidden-one" || stored[0].SMTP != (ticket.MailServer{}) {
		t.Errorf("stored %+v", stored)
	}

	p.health[b.ID] = ticket.MailboxHealth{Since: since, Error: "imap.host imap.example.org: refused"}
	got := list[web.MailboxObject](s.as("2001"), "/api/v1/mailboxes")
	if len(got) != 1 || got[0].Health.State != "down" || got[0].Health.Error == "" || got[0].Version != 2 {
		t.Errorf("listed %+v", got)
	}
	p.health[b.ID] = ticket.MailboxHealth{Well: true, Since: since}
	if got = list[web.MailboxObject](admin, "/api/v1/mailboxes"); got[0].Health.State != "well" {
		t.Errorf("listed %+v", got)
	}

	p.fault = errors.New("smtp.host smtp.example.org: sign-in as u: 535")
	var tested web.MailboxTest
	admin.do("POST", "/api/v1/mailboxes/"+b.ID+"/test", nil).json(t, &tested)
	if tested.Well || !strings.Contains(tested.Error, "smtp.host") {
		t.Errorf("tested %+v", tested)
	}
	p.fault = nil
	admin.do("POST", "/api/v1/mailboxes/"+b.ID+"/test", nil).json(t, &tested)
	if !tested.Well || tested.Error != "" || len(p.probed) != 2 || p.probed[1].IMAP.Password != "hidden-one" {
		t.Errorf("tested %+v, with %+v", tested, p.probed)
	}

	if r = admin.do("DELETE", "/api/v1/mailboxes/"+b.ID, nil); r.status != http.StatusNoContent || p.reloads != 3 {
		t.Errorf("deleted: %d, mail was told %d times", r.status, p.reloads)
	}
	if got = list[web.MailboxObject](admin, "/api/v1/mailboxes"); len(got) != 0 {
		t.Errorf("left %+v", got)
	}
}

func TestAMailboxThatCannotBeUsedNamesItsFault(t *testing.T) {
	s := open(t, withMail(&post{}))
	admin := s.as("admin")
	r := admin.do("POST", "/api/v1/mailboxes", mailbox(nil))
	var b web.MailboxObject
	r.json(t, &b)
	imap := func(change map[string]any) map[string]any {
		m := map[string]any{"host": "imap.example.org", "user": "u"}
		maps.Copy(m, change)
		return mailbox(map[string]any{"imap": m})
	}
	for name, c := range map[string]struct {
		method, path string
		body         map[string]any
		status       int
		field        string
	}{
		"an address that is none":       {"POST", "", mailbox(map[string]any{"address": "Support <a@b.org>"}), 422, "body.address"},
		"an alias that is none":         {"POST", "", mailbox(map[string]any{"address": "a@b.org", "aliases": []string{"x"}}), 422, "body.aliases[0]"},
		"an unknown queue":              {"POST", "", mailbox(map[string]any{"address": "a@b.org", "queue": "none"}), 422, "body.queue"},
		"no IMAP server":                {"POST", "", mailbox(map[string]any{"address": "a@b.org", "imap": map[string]any{}}), 422, "body.imap.host"},
		"a host that is an address":     {"POST", "", mailbox(map[string]any{"address": "a@b.org", "smtp": map[string]any{"host": "a:25"}}), 422, "body.smtp.host"},
		"a security that is none":       {"POST", "", mailbox(map[string]any{"address": "a@b.org", "smtp": map[string]any{"host": "a", "security": "x"}}), 422, "body.smtp.security"},
		"a name of two lines":           {"POST", "", mailbox(map[string]any{"address": "a@b.org", "name": "a\r\nBcc: b@c.org"}), 422, "body.name"},
		"an address that is taken":      {"POST", "", mailbox(nil), 409, "body.address"},
		"a password for another host":   {"PUT", "/" + b.ID, imap(map[string]any{"host": "imap.evil.org"}), 422, "body.imap.password"},
		"a password for another user":   {"PUT", "/" + b.ID, imap(map[string]any{"user": "v"}), 422, "body.imap.password"},
		"a password in the clear":       {"PUT", "/" + b.ID, imap(map[string]any{"security": "none"}), 422, "body.imap.password"},
		"a password for another sender": {"PUT", "/" + b.ID, mailbox(map[string]any{"smtp": map[string]any{"host": "x.org", "user": "u"}}), 422, "body.smtp.password"},
	} {
		t.Run(name, func(t *testing.T) {
			r := admin.do(c.method, "/api/v1/mailboxes"+c.path, c.body)
			if r.status != c.status || !strings.Contains(string(r.body), `"`+c.field+`"`) || strings.Contains(string(r.body), "hidden") {
				t.Errorf("got %d, %s", r.status, r.body)
			}
		})
	}
}
