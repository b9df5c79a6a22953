package ticket

import (
	"context"
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Security of a connection to a mail server.
const (
	SecurityTLS      = "tls"
	SecurityStartTLS = "starttls"
	SecurityNone     = "none" // loopback and test networks
)

// maxAddress is the length of a mail address (RFC 5321 4.5.3.1.3).
const maxAddress = 254

// MailServer is one mail server as a mailbox uses it.
type MailServer struct {
	Host     string
	Port     int // 0: the one of the protocol and Security
	Security string
	User     string // "": no sign-in
	Password string
}

// Mailbox is one address of support: where its mail is fetched and sent.
type Mailbox struct {
	ID         string
	Name       string   // display name of what we send
	Address    string   // what we send from
	Aliases    []string // other addresses whose mail comes here
	Queue      string   // where its mail waits
	Language   string   // "fr" or "en", where the mail does not tell
	Enabled    bool
	IMAP       MailServer
	Folder     string     // "": INBOX
	SMTP       MailServer // Host "": sends nothing
	AuthServID string     // of our mail server, whose Authentication-Results count (RFC 8601)
	// Signatures by language, plain text, below each reply.
	Signatures  map[string]string
	Acknowledge bool // the first mail of a matter is acknowledged with its number
	Version     int64
}

// Check returns a *FieldError for the first field that cannot be used.
func (b Mailbox) Check() error {
	for i, a := range append([]string{b.Address}, b.Aliases...) {
		field := "address"
		if i > 0 {
			field = fmt.Sprintf("aliases[%d]", i-1)
		}
		if got, err := mail.ParseAddress(a); err != nil || got.Address != a || len(a) > maxAddress {
			return &FieldError{field, a, "must be a mail address without a name, at most 254 letters"}
		}
	}
	switch {
	case b.Queue == "":
		return &FieldError{"queue", "", "must name a queue"}
	case b.Language != "fr" && b.Language != "en":
		return &FieldError{"language", b.Language, "must be fr or en"}
	case strings.ContainsAny(b.Name, "\r\n\x00"):
		return &FieldError{"name", b.Name, "must be one line"}
	}
	for field, s := range map[string]MailServer{"imap": b.IMAP, "smtp": b.SMTP} {
		if err := s.check(field, field == "imap"); err != nil {
			return err
		}
	}
	return nil
}

func (s MailServer) check(field string, needed bool) error {
	switch {
	case s.Host == "" && !needed:
		return nil
	case s.Host == "" || strings.ContainsAny(s.Host, " /:@\r\n"):
		return &FieldError{field + ".host", s.Host, "must be a host name or an IPv4 address"}
	case s.Port < 0 || s.Port > 65535:
		return &FieldError{field + ".port", strconv.Itoa(s.Port), "must be between 0 and 65535"}
	case !slices.Contains([]string{SecurityTLS, SecurityStartTLS, SecurityNone}, s.Security):
		return &FieldError{field + ".security", s.Security, "must be tls, starttls or none"}
	}
	return nil
}

// Ours reports whether an address is one of the mailbox, with or without the
// part that names a ticket.
func (b Mailbox) Ours(address string) bool {
	local, domain, _ := strings.Cut(strings.ToLower(address), "@")
	local, _, _ = strings.Cut(local, "+")
	for _, a := range append([]string{b.Address}, b.Aliases...) {
		if strings.EqualFold(a, local+"@"+domain) {
			return true
		}
	}
	return false
}

// MailboxHealth is how the connection of a mailbox does.
type MailboxHealth struct {
	Well  bool
	Since time.Time
	Error string
}

// MailPosition is how far a mailbox was fetched (RFC 9051 2.3.1.1).
type MailPosition struct {
	UIDValidity uint32 // of the folder; another value means that all UIDs are new
	LastUID     uint32 // greatest that was fetched
}

// RawMail is a mail that was fetched: its bytes are in the file store.
type RawMail struct {
	ID          string
	MailboxID   string
	UIDValidity uint32
	UID         uint32
	SHA256      string // hex
	Size        int64  // bytes
	ArrivedAt   time.Time
	Attempts    int // times that filing it failed
	LastError   string
}

// Inbox keeps the mail that was fetched until it is filed. Writes return when
// they are durable.
type Inbox interface {
	// MailPosition is zero for a mailbox that was never fetched.
	MailPosition(ctx context.Context, mailboxID string) (MailPosition, error)
	// KeepRaw stores a fetched mail and the new position in one act. A mail of
	// that mailbox, UIDVALIDITY and UID that is there already stays as it is.
	KeepRaw(ctx context.Context, r RawMail, p MailPosition) error
	// UnfiledMail returns what is not filed yet, fewest attempts first, then oldest.
	UnfiledMail(ctx context.Context, limit int) ([]RawMail, error)
	// RawFiled marks a mail as filed, or, with a reason, counts a failed attempt.
	RawFiled(ctx context.Context, id string, failed string) error
}
