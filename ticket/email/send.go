package email

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/textproto"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-message/mail"
	"github.com/wneessen/go-mail/smtp"

	"pickup/internal/filestore"
	"pickup/ticket"
)

// backoff is how long a mail waits after each failed attempt; after the last it
// has failed.
func backoff(attempts int) (time.Duration, bool) {
	waits := [...]time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour}
	if attempts < 1 || attempts > len(waits) {
		return 0, false
	}
	return waits[attempts-1], true
}

// compose writes a mail of the outbox as it goes out (RFC 5322). Two calls with
// the same values write the same Message-ID and date: a retry is the same mail.
func compose(w io.Writer, box ticket.Mailbox, secret []byte, out ticket.OutMail, m ticket.Message, t ticket.Ticket, files *filestore.Store) error {
	var h mail.Header
	h.SetAddressList("From", []*mail.Address{{Name: box.Name, Address: box.Address}})
	h.SetAddressList("To", []*mail.Address{{Address: out.To}})
	h.SetAddressList("Reply-To", []*mail.Address{{Name: box.Name, Address: ReplyAddress(box, secret, t.Number)}})
	h.SetSubject(oneLine(out.Subject))
	h.SetDate(out.CreatedAt)
	h.SetMessageID(out.MailMessageID)
	if out.InReplyTo != "" {
		h.SetMsgIDList("In-Reply-To", []string{out.InReplyTo})
	}
	if len(out.References) > 0 {
		h.SetMsgIDList("References", out.References)
	}
	h.Set(loopHeader, m.ID)
	if out.Automatic {
		h.Set("Auto-Submitted", "auto-replied")
		h.Set("X-Auto-Response-Suppress", "All")
	}
	mw, err := mail.CreateWriter(w, h)
	if err != nil {
		return fmt.Errorf("compose a mail: %w", err)
	}
	var text mail.InlineHeader
	text.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	text.Set("Content-Transfer-Encoding", "quoted-printable")
	body, err := mw.CreateSingleInline(text)
	if err != nil {
		return fmt.Errorf("compose a mail: %w", err)
	}
	_, err = io.WriteString(body, strings.ReplaceAll(signed(m.Text, box.Signatures[t.Language]), "\n", "\r\n"))
	if err = errors.Join(err, body.Close()); err != nil {
		return fmt.Errorf("compose a mail: %w", err)
	}
	for _, a := range m.Attachments {
		if err := attach(mw, a, files); err != nil {
			return err
		}
	}
	if err := mw.Close(); err != nil {
		return fmt.Errorf("compose a mail: %w", err)
	}
	return nil
}

// signed puts a signature below a text (RFC 3676 4.3).
func signed(text, signature string) string {
	text = strings.TrimRight(text, "\n") + "\n"
	if signature = strings.TrimSpace(signature); signature != "" {
		text += "\n-- \n" + signature + "\n"
	}
	return text
}

func attach(mw *mail.Writer, a ticket.Attachment, files *filestore.Store) error {
	f, _, err := files.Get(a.SHA256)
	if err != nil {
		return fmt.Errorf("attachment %s: %w", a.Name, err)
	}
	defer f.Close() //nolint:errcheck // only read
	var h mail.AttachmentHeader
	kind, params, err := mime.ParseMediaType(a.MIME)
	if err != nil || strings.HasPrefix(kind, "multipart/") || strings.HasPrefix(kind, "message/") { // these may not be base64 (RFC 2045 6.4)
		kind, params = "application/octet-stream", nil
	}
	h.SetContentType(kind, params)
	h.SetFilename(oneLine(a.Name))
	h.Set("Content-Transfer-Encoding", "base64")
	w, err := mw.CreateAttachment(h)
	if err != nil {
		return fmt.Errorf("attachment %s: %w", a.Name, err)
	}
	_, err = io.Copy(w, f)
	if err = errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("attachment %s: %w", a.Name, err)
	}
	return nil
}

// errConnect says that the server could not be asked: it is not the mail's fault.
var errConnect = errors.New("no connection")

// errUnanswered says that the server had the whole mail and did not say whether it
// took it: it may arrive though it is sent again.
var errUnanswered = errors.New("no answer to the mail, which may have arrived")

// deliver gives one mail to the mailbox's server, from is its return path. final
// reports that trying again is of no use: the server said 5xx. When ctx ends it
// gives up, or waits stopWithin for the answer to a mail that the server has.
func deliver(ctx context.Context, box ticket.Mailbox, base *tls.Config, from, to string, content []byte) (final bool, err error) {
	c, err := connectSMTP(ctx, box, base)
	if err != nil {
		return false, fmt.Errorf("smtp.host %s: %w: %w", box.SMTP.Host, errConnect, err)
	}
	defer c.end()
	lasting, end := outlast(ctx)
	defer end()
	defer context.AfterFunc(lasting, c.end)()
	// Asked for without need, it may end at a server that has it not, and its
	// reports take another form (RFC 6531 3.2).
	c.SkipSMTPUTF8(ascii(from) && ascii(to))
	for _, step := range []func() error{
		func() error { return c.Mail("<" + from + ">") },
		func() error { return c.Rcpt("<" + to + ">") },
		func() error {
			w, err := c.Data()
			if err != nil {
				return err
			}
			if _, err = io.Copy(w, bytes.NewReader(content)); err != nil {
				return err
			}
			if !c.release() { // told to stop: without its end the server has no mail
				return ctx.Err()
			}
			if err = w.Close(); err != nil && !answered(err) {
				err = fmt.Errorf("%w: %w", errUnanswered, err)
			}
			return err
		},
	} {
		if err := step(); err != nil {
			return permanent(err), fmt.Errorf("smtp.host %s: %w", box.SMTP.Host, err)
		}
	}
	// It is taken. Who waits for the answer to this delays the note that it is, and
	// a crash meanwhile would send it again.
	_ = c.Text.PrintfLine("QUIT")
	return false, nil
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// smtpLink is a connection to a server that is signed in to.
type smtpLink struct {
	*smtp.Client
	end     func()      // closes it
	release func() bool // from its context; false: that has ended and closed it
}

// connectSMTP opens a connection, which is closed when ctx ends, and signs in.
func connectSMTP(ctx context.Context, box ticket.Mailbox, base *tls.Config) (_ *smtpLink, failed error) {
	s := box.SMTP
	if s.Host == "" {
		return nil, errors.New("smtp.host of the mailbox is not set")
	}
	dialer := &net.Dialer{Timeout: dialWithin}
	conn, err := dialer.DialContext(ctx, "tcp", serverAddr(s, 465, 587))
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	_ = conn.SetDeadline(time.Now().Add(5 * replyWithin))
	l := &smtpLink{release: context.AfterFunc(ctx, func() { _ = conn.Close() })}
	l.end = func() {
		l.release()
		_ = conn.Close()
	}
	defer func() {
		if failed != nil {
			l.end()
		}
	}()
	link := conn
	if s.Security == ticket.SecurityTLS {
		link = tls.Client(conn, tlsFor(base, s.Host))
	}
	if l.Client, err = smtp.NewClient(link, s.Host); err != nil {
		return nil, fmt.Errorf("greeting: %w", err)
	}
	_, domain, _ := strings.Cut(box.Address, "@")
	if err := greet(l.Client, s, base, domain); err != nil {
		return nil, err
	}
	return l, nil
}

// greet says hello, makes the connection safe and signs in.
func greet(c *smtp.Client, s ticket.MailServer, base *tls.Config, domain string) error {
	if err := c.Hello(domain); err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	if s.Security == ticket.SecurityStartTLS {
		if err := c.StartTLS(tlsFor(base, s.Host)); err != nil {
			return fmt.Errorf("starttls: %w", err)
		}
	}
	if s.User != "" {
		if err := c.Auth(smtp.PlainAuth("", s.User, s.Password, s.Host, s.Security == ticket.SecurityNone)); err != nil {
			return fmt.Errorf("sign-in as %s: %w", s.User, err)
		}
	}
	return nil
}

// statusOf is the enhanced status code of what a server said (RFC 2034), or "".
func statusOf(err error) string {
	var said *textproto.Error
	if !errors.As(err, &said) {
		return ""
	}
	code, _, _ := strings.Cut(strings.TrimSpace(said.Msg), " ")
	return code
}

// permanent reports whether a server refused for good (RFC 5321 4.2.1).
func permanent(err error) bool {
	var said *textproto.Error
	return errors.As(err, &said) && said.Code >= 500 && said.Code < 600 && said.Code != 530 && said.Code != 535
}
