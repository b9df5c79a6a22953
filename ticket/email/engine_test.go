package email_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"pickup/store"
	"pickup/store/storetest"
	"pickup/ticket"
	"pickup/ticket/email"
)

// patience is how long anything here may take on a busy machine.
const patience = 90 * time.Second

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s: not in %s", what, patience)
		}
	}
}

// imapHost is an IMAP server of one user in memory.
type imapHost struct {
	user   *imapmemserver.User
	mem    *imapmemserver.Server
	server *imapserver.Server
	port   int
	caps   imap.CapSet
	wrap   func(imapserver.Session) imapserver.Session
}

func openIMAP(t *testing.T) *imapHost {
	t.Helper()
	return openIMAPOf(t, imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIdle: {}}, func(s imapserver.Session) imapserver.Session { return s })
}

func openIMAPOf(t *testing.T, caps imap.CapSet, wrap func(imapserver.Session) imapserver.Session) *imapHost {
	t.Helper()
	h := &imapHost{caps: caps, wrap: wrap, user: imapmemserver.NewUser("u", "p"), mem: imapmemserver.New()}
	must(t, h.user.Create("INBOX", nil))
	h.mem.AddUser(h.user)
	h.start(t)
	return h
}

func (h *imapHost) start(t *testing.T) {
	t.Helper()
	h.server = imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return h.wrap(h.mem.NewSession()), nil, nil
		},
		Caps: h.caps, InsecureAuth: true,
	})
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(h.port))
	must(t, err)
	h.port = l.Addr().(*net.TCPAddr).Port
	server := h.server
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
}

func (h *imapHost) put(t *testing.T, raw string) {
	t.Helper()
	_, err := h.user.Append("INBOX", literal{strings.NewReader(raw)}, &imap.AppendOptions{})
	must(t, err)
}

type literal struct{ *strings.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }

// smtpHost takes mail and answers as it is told.
type smtpHost struct {
	mu    sync.Mutex
	mails []string // envelope and content
	given int      // contents that came to their end, answered or not
	say   func(command string) string
	port  int
}

// hangUp as an answer is none: the connection is closed.
const hangUp = "hang up"

// openSMTP starts one. say answers a command; "" is the usual answer.
func openSMTP(t *testing.T, say func(command string) string) *smtpHost {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	h := &smtpHost{say: say, port: l.Addr().(*net.TCPAddr).Port}
	var links sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); links.Wait() })
	links.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			links.Go(func() { h.serve(c) })
		}
	})
	return h
}

func (h *smtpHost) serve(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	r := bufio.NewReader(c)
	answer := func(command, usual string) bool {
		if h.say != nil { // it may wait
			if other := h.say(command); other != "" {
				usual = other
			}
		}
		if usual == hangUp {
			_ = c.Close()
			return false
		}
		_, err := fmt.Fprintf(c, "%s\r\n", usual)
		return err == nil && usual[0] < '4'
	}
	answer("greeting", "220 smtp.example ready")
	envelope := ""
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); {
		case verb == "EHLO":
			answer(line, "250-smtp.example\r\n250 8BITMIME")
		case strings.HasPrefix(verb, "MAIL"):
			envelope = line
			answer(line, "250 ok")
		case strings.HasPrefix(verb, "RCPT"):
			envelope += "\n" + line
			answer(line, "250 ok")
		case verb == "DATA":
			answer(line, "354 go on")
			content := ""
			for content == "" || !strings.HasSuffix(content, "\r\n.\r\n") {
				more, err := r.ReadString('\n')
				if err != nil {
					return
				}
				content += more
			}
			h.mu.Lock()
			h.given++
			h.mu.Unlock()
			if answer("content", "250 taken") {
				h.mu.Lock()
				h.mails = append(h.mails, envelope+"\n"+content)
				h.mu.Unlock()
			}
		case verb == "QUIT":
			answer(line, "221 bye")
			return
		default:
			answer(line, "502 what?")
		}
	}
}

func (h *smtpHost) taken() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string{}, h.mails...)
}

// contents is how many mails came to the server, whatever it answered.
func (h *smtpHost) contents() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.given
}

// running is an engine of one mailbox that runs.
type running struct {
	*desk
	filedNow chan email.Filed
	stop     func() // has it stop
	end      func() // stops it, and waits until it has stopped
}

func startEngine(t *testing.T, maxMail int64, imapPort, smtpPort int) *running {
	t.Helper()
	r := prepareEngine(t, storetest.NewMemory(), imapPort, smtpPort)
	r.start(email.Config{MaxMail: maxMail})
	return r
}

// prepareEngine is startEngine on a store, without the start.
func prepareEngine(t *testing.T, st storetest.Full, imapPort, smtpPort int) *running {
	t.Helper()
	r := &running{desk: openDesk(t, st), filedNow: make(chan email.Filed, 100)}
	server := func(port int) ticket.MailServer {
		return ticket.MailServer{Host: "127.0.0.1", Port: port, Security: ticket.SecurityNone}
	}
	must(t, r.store.DeleteMailbox(t.Context(), r.boxes[1].ID))
	box := &r.boxes[0]
	box.IMAP, box.SMTP, box.Acknowledge = server(imapPort), server(smtpPort), false
	box.IMAP.User, box.IMAP.Password = "u", "p"
	must(t, r.store.UpsertMailbox(t.Context(), *box))
	return r
}

// start runs an engine on the store, until the test ends or r.end is called.
func (r *running) start(cfg email.Config) {
	r.t.Helper()
	cfg.Secret, cfg.OnFiled = secret, func(f email.Filed) { r.filedNow <- f }
	var err error
	r.mail, err = email.New(cfg, r.store, r.files, slog.New(slog.DiscardHandler))
	must(r.t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context())) // the test's own ends before its cleanup
	done := make(chan error, 1)
	mail := r.mail
	go func() { done <- mail.Run(ctx) }()
	r.stop = cancel
	r.end = sync.OnceFunc(func() {
		cancel()
		must(r.t, <-done)
	})
	r.t.Cleanup(r.end)
}

func (r *running) next() email.Filed {
	r.t.Helper()
	select {
	case f := <-r.filedNow:
		return f
	case <-time.After(patience):
		r.t.Fatal("no mail was filed")
		return email.Filed{}
	}
}

// Mail is fetched as it comes, in order, over a break of the connection.
func TestMailIsFetchedAsItComes(t *testing.T) {
	h := openIMAP(t)
	h.put(t, "From: a@x.org\r\nMessage-ID: <1@x>\r\nSubject: One\r\n\r\nHello")
	r := startEngine(t, 0, h.port, 1)
	if got := r.next(); got.Verdict != email.VerdictFiled {
		t.Errorf("got %+v", got)
	}
	h.put(t, "From: a@x.org\r\nMessage-ID: <2@x>\r\nSubject: Two\r\n\r\nHello")
	second := r.next()
	if subject := r.ticket(second.TicketID).Ticket.Subject; subject != "Two" {
		t.Errorf("got %q", subject)
	}
	must(t, h.server.Close())
	eventually(t, "down", func() bool { return !r.mail.Health()[r.boxes[0].ID].Well })
	if fault := r.mail.Health()[r.boxes[0].ID].Error; !strings.Contains(fault, "imap.host 127.0.0.1") {
		t.Errorf("fault %q does not name the server", fault)
	}
	h.put(t, "From: a@x.org\r\nMessage-ID: <3@x>\r\nSubject: Three\r\n\r\nHello")
	h.start(t)
	if got := r.next(); r.ticket(got.TicketID).Ticket.Subject != "Three" {
		t.Errorf("got %+v", got)
	}
	eventually(t, "well", func() bool { return r.mail.Health()[r.boxes[0].ID].Well })
	if n := r.mail.Counts().Filed; n != 3 {
		t.Errorf("filed %d", n)
	}
}

// An edit of a mailbox takes effect, and one that is disabled is left alone.
func TestAnEditOfAMailboxTakesEffect(t *testing.T) {
	h := openIMAP(t)
	r := startEngine(t, 0, 1, 1)
	eventually(t, "down", func() bool { b, ok := r.mail.Health()[r.boxes[0].ID]; return ok && !b.Well })
	r.boxes[0].IMAP.Port = h.port
	must(t, r.store.UpsertMailbox(t.Context(), r.boxes[0]))
	h.put(t, "From: a@x.org\r\nMessage-ID: <1@x>\r\n\r\nHello")
	r.mail.Reload()
	r.next()
	r.boxes[0].Enabled = false
	must(t, r.store.UpsertMailbox(t.Context(), r.boxes[0]))
	r.mail.Reload()
	eventually(t, "off", func() bool { return len(r.mail.Health()) == 0 })
}

// Of a mail that is too large the beginning is filed, under its sender.
func TestAMailThatIsTooLargeIsFiledInPart(t *testing.T) {
	h := openIMAP(t)
	h.put(t, "From: a@x.org\r\nMessage-ID: <1@x>\r\nSubject: Big\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n--b\r\n"+
		"Content-Type: video/mp4; name=v.mp4\r\nContent-Transfer-Encoding: base64\r\n\r\n"+mebibytes(2)+"--b--\r\n")
	h.put(t, "From: a@x.org\r\nMessage-ID: <2@x>\r\nSubject: Small\r\n\r\nHello")
	r := startEngine(t, 1<<20, h.port, 1)
	big := r.ticket(r.next().TicketID)
	first := big.Messages[0]
	if big.Ticket.Subject != "Big" || !strings.HasPrefix(first.Text, "Hello") || !strings.Contains(first.Text, "dépasse la taille") || first.Kind != ticket.MessageCustomer {
		t.Errorf("filed %q with %q", big.Ticket.Subject, first.Text)
	}
	if got := r.ticket(r.next().TicketID).Ticket.Subject; got != "Small" {
		t.Errorf("then %q", got)
	}
}

// What a server answers decides what becomes of a mail.
func TestWhatBecomesOfAMailThatIsSent(t *testing.T) {
	for name, c := range map[string]struct {
		command, answer string
		status          ticket.MessageStatus
		state           string // of the outbox
	}{
		"taken":                       {"", "", ticket.StatusSent, "sent"},
		"a recipient is refused":      {"RCPT", "550 5.1.1 nobody", ticket.StatusFailed, "failed"},
		"content is refused":          {"content", "554 5.7.1 spam", ticket.StatusFailed, "failed"},
		"not now":                     {"RCPT", "451 4.7.1 later", ticket.StatusQueued, "queued"},
		"content is refused for now":  {"content", "452 4.2.2 full", ticket.StatusQueued, "queued"},
		"the server takes nobody now": {"greeting", "554 5.3.2 closed", ticket.StatusQueued, "queued"},
	} {
		t.Run(name, func(t *testing.T) {
			smtp := openSMTP(t, func(command string) string {
				if c.command != "" && strings.HasPrefix(command, c.command) {
					return c.answer
				}
				return ""
			})
			h := openIMAP(t)
			h.put(t, "From: a@x.org\r\nMessage-ID: <1@x>\r\nSubject: S\r\n\r\nHello")
			r := startEngine(t, 0, h.port, smtp.port)
			id := r.next().TicketID
			r.at = time.Now().Add(-time.Hour)
			r.act("reply", id)
			r.mail.Queued()
			eventually(t, name, func() bool {
				m := r.sent(id)
				out := r.outMail(m.ID)
				return m.Status == c.status && out.State == c.state && out.Attempts == 1
			})
			out := r.outMail(r.sent(id).ID)
			if c.state == "queued" && (time.Until(out.NextAt) < 30*time.Second || out.LastError == "") {
				t.Errorf("tried again at %s after %q", out.NextAt, out.LastError)
			}
			if c.state == "failed" {
				last := r.ticket(id)
				told := last.Messages[len(last.Messages)-1]
				if told.Kind != ticket.MessageSystem || !strings.Contains(told.Text, c.answer[4:9]) || last.Ticket.State != ticket.StateOpen {
					t.Errorf("told %q, ticket %s", told.Text, last.Ticket.State)
				}
			}
			if c.state != "sent" {
				return
			}
			got := smtp.taken()
			if len(got) != 1 || !strings.Contains(got[0], "MAIL FROM:<support@casino.example>") || !strings.Contains(got[0], "RCPT TO:<a@x.org>") ||
				!strings.Contains(got[0], "Message-Id: <m."+r.sent(id).ID+"@casino.example>") {
				t.Errorf("taken %q", got)
			}
		})
	}
}

func (d *desk) outMail(messageID string) (out ticket.OutMail) {
	d.t.Helper()
	must(d.t, d.store.Desk(d.t.Context(), func(tx ticket.DeskTx) (err error) {
		out, _, err = tx.OutMailOf(d.t.Context(), messageID)
		return err
	}))
	return out
}

// A server that is away costs each mail one attempt in a round; after the last
// attempt the agent is told.
func TestAMailIsGivenUpAfterItsLastAttempt(t *testing.T) {
	r := startEngine(t, 0, 1, 1) // nobody listens there
	var ids []string
	for i := range 3 {
		got := r.receive("From: a@x.org\r\nMessage-ID: <" + strconv.Itoa(i) + "@x>\r\nSubject: S" + strconv.Itoa(i) + "\r\n\r\nHello")
		r.at = time.Now().Add(-time.Hour)
		r.act("reply", got)
		ids = append(ids, got)
	}
	r.mail.Queued()
	attempts := func(id string) int { return r.outMail(r.sent(id).ID).Attempts }
	eventually(t, "first attempts", func() bool { return attempts(ids[0]) == 1 && attempts(ids[1]) == 1 && attempts(ids[2]) == 1 })
	for try := 2; try <= 6; try++ {
		for _, id := range ids { // time goes by
			out := r.outMail(r.sent(id).ID)
			out.NextAt = time.Now().Add(-time.Second)
			must(t, r.store.Desk(t.Context(), func(tx ticket.DeskTx) error { return tx.SaveMail(t.Context(), out) }))
		}
		r.mail.Queued()
		eventually(t, fmt.Sprintf("attempt %d", try), func() bool { return attempts(ids[0]) == try && attempts(ids[2]) == try })
	}
	eventually(t, "given up", func() bool { return r.mail.Counts().Failed == 3 })
	for _, id := range ids {
		one := r.ticket(id)
		last := one.Messages[len(one.Messages)-1]
		if r.sent(id).Status != ticket.StatusFailed || last.Kind != ticket.MessageSystem || !strings.Contains(last.Text, "smtp.host 127.0.0.1") || one.Ticket.State != ticket.StateOpen {
			t.Errorf("%s: %q", one.Ticket.State, last.Text)
		}
	}
}

// receive files a mail past the running engine and returns its ticket.
func (r *running) receive(raw string) string {
	r.t.Helper()
	return r.receiveIn(0, raw)
}

func (r *running) receiveIn(box int, raw string) string {
	r.t.Helper()
	r.uid++
	sha, size, err := r.files.Put(strings.NewReader(raw), 1<<20)
	must(r.t, err)
	must(r.t, r.store.KeepRaw(r.t.Context(), ticket.RawMail{
		ID: strconv.Itoa(int(r.uid)), MailboxID: r.boxes[box].ID, UIDValidity: 1, UID: r.uid, SHA256: sha, Size: size, ArrivedAt: time.Now(),
	}, ticket.MailPosition{UIDValidity: 1, LastUID: r.uid}))
	must(r.t, r.mail.FileAll(r.t.Context()))
	return r.next().TicketID
}

// The test of a mailbox names the server at fault.
func TestTheTestOfAMailboxNamesTheServerAtFault(t *testing.T) {
	h := openIMAP(t)
	smtp := openSMTP(t, nil)
	box := ticket.Mailbox{
		Address: "support@casino.example",
		IMAP:    ticket.MailServer{Host: "127.0.0.1", Port: h.port, Security: ticket.SecurityNone, User: "u", Password: "p"},
		SMTP:    ticket.MailServer{Host: "127.0.0.1", Port: smtp.port, Security: ticket.SecurityNone},
	}
	must(t, email.Probe(t.Context(), box, nil))
	for name, c := range map[string]struct {
		change      func(*ticket.Mailbox)
		want, never string
	}{
		"another password": {func(b *ticket.Mailbox) { b.IMAP.Password = "hidden" }, "imap.host 127.0.0.1: sign-in as u", "hidden"},
		"another folder":   {func(b *ticket.Mailbox) { b.Folder = "Nowhere" }, "imap.host 127.0.0.1: open Nowhere", "smtp.host"},
		"nobody there":     {func(b *ticket.Mailbox) { b.SMTP.Port = 1 }, "smtp.host 127.0.0.1: connect", "imap.host"},
		"no TLS there":     {func(b *ticket.Mailbox) { b.SMTP.Security = ticket.SecurityStartTLS }, "smtp.host 127.0.0.1: starttls", "imap.host"},
	} {
		t.Run(name, func(t *testing.T) {
			b := box
			c.change(&b)
			err := email.Probe(t.Context(), b, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), c.never) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	if err := email.Probe(t.Context(), ticket.Mailbox{}, nil); err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nothing to try: %v", err)
	}
}
