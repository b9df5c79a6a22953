package email

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/mail"
	"slices"
	"strconv"
	"strings"
)

// Security of a connection to a mail server.
const (
	SecurityTLS      = "tls"
	SecurityStartTLS = "starttls"
	SecurityNone     = "none" // loopback and test networks
)

// Server is one mail server as a mailbox uses it.
type Server struct {
	Host     string
	Port     int // 0: 993, 143, 465 or 587 by Security
	Security string
	User     string // "": no sign-in
	Password string
}

// Addr returns host:port, with the port that belongs to the kind of server.
func (s Server) Addr(tls, plain int) string {
	port := s.Port
	if port == 0 {
		port = plain
		if s.Security == SecurityTLS {
			port = tls
		}
	}
	return net.JoinHostPort(s.Host, strconv.Itoa(port))
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
	IMAP       Server
	Folder     string // "": INBOX
	SMTP       Server // Host "": sends nothing
	AuthServID string // of our mail server, whose Authentication-Results count (RFC 8601)
	// Signatures by language, plain text, below each reply.
	Signatures  map[string]string
	Acknowledge bool // the first mail of a matter is acknowledged with its number
	Version     int64
}

// FieldError says which field of a mailbox cannot be used, and why.
type FieldError struct{ Field, Value, Limit string }

func (e *FieldError) Error() string {
	return fmt.Sprintf("mailbox: %s is %q: %s", e.Field, e.Value, e.Limit)
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
	for field, s := range map[string]Server{"imap": b.IMAP, "smtp": b.SMTP} {
		if err := s.check(field, field == "imap"); err != nil {
			return err
		}
	}
	return nil
}

func (s Server) check(field string, needed bool) error {
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

// ReplyAddress is the address to which replies about a ticket are asked for: it
// names the ticket, and a signature so that nobody can name another's.
func (b Mailbox) ReplyAddress(secret []byte, ticketNumber int64) string {
	local, domain, _ := strings.Cut(b.Address, "@")
	n := strconv.FormatInt(ticketNumber, 10)
	return local + "+t" + n + "." + sign(secret, domain, n) + "@" + domain
}

// numberIn returns the ticket that a reply address names, if its signature holds.
func (b Mailbox) numberIn(secret []byte, address string) (int64, bool) {
	local, domain, _ := strings.Cut(strings.ToLower(address), "@")
	_, mark, ok := strings.Cut(local, "+t")
	if !ok || !b.Ours(address) {
		return 0, false
	}
	n, mac, ok := strings.Cut(mark, ".")
	number, err := strconv.ParseInt(n, 10, 64)
	if !ok || err != nil || !hmac.Equal([]byte(mac), []byte(sign(secret, domain, n))) {
		return 0, false
	}
	return number, true
}

// sign is 8 hex digits: 32 bits, against guessing by mail.
func sign(secret []byte, domain, number string) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("reply\x00" + strings.ToLower(domain) + "\x00" + number))
	return hex.EncodeToString(h.Sum(nil)[:4])
}
