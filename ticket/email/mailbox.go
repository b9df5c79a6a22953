package email

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"strconv"
	"strings"

	"pickup/ticket"
)

// serverAddr returns host:port, with the port that belongs to the protocol.
func serverAddr(s ticket.MailServer, tls, plain int) string {
	port := s.Port
	if port == 0 {
		port = plain
		if s.Security == ticket.SecurityTLS {
			port = tls
		}
	}
	return net.JoinHostPort(s.Host, strconv.Itoa(port))
}

// ReplyAddress is the address to which replies about a ticket are asked for: it
// names the ticket, and a signature so that nobody can name another's.
func ReplyAddress(b ticket.Mailbox, secret []byte, ticketNumber int64) string {
	local, domain, _ := strings.Cut(b.Address, "@")
	n := strconv.FormatInt(ticketNumber, 10)
	return local + "+t" + n + "." + sign(secret, domain, n) + "@" + domain
}

// numberIn returns the ticket that a reply address names, if its signature holds.
func numberIn(b ticket.Mailbox, secret []byte, address string) (int64, bool) {
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
