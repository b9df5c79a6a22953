package email

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/charset"
	"github.com/emersion/go-message/mail"
)

// ErrUnreadable is returned for bytes of which not even a header can be read.
var ErrUnreadable = errors.New("email: unreadable mail")

// Parse reads a raw mail. Faults inside are forgiven (Damaged): what can be read
// is returned, and text of an unknown charset is read as Windows-1252. trusted is
// the authserv-id of our own mail server ("": none), whose
// Authentication-Results count.
func Parse(raw []byte, trusted string) (m *Mail, err error) {
	defer func() {
		if r := recover(); r != nil {
			m, err = nil, fmt.Errorf("%w: %v", ErrUnreadable, r)
		}
	}()
	raw = trimEnvelope(raw)
	entity, err := message.ReadWithOptions(bytes.NewReader(raw), &message.ReadOptions{MaxHeaderBytes: maxHeader})
	if entity == nil || err != nil && !forgivable(err) {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if entity.Header.Len() == 0 {
		return nil, fmt.Errorf("%w: no header", ErrUnreadable)
	}
	m = &Mail{Damaged: err != nil}
	head, body := split(raw)
	m.SHA256, m.BodySHA256 = sum(raw), sum(body)
	m.header(mail.Header{Header: entity.Header}, head, body)
	w := walker{mail: m}
	w.entity(entity, 0)
	w.finish()
	m.classify(entity.Header, trusted)
	return m, nil
}

// forgivable reports whether go-message still gave an entity.
func forgivable(err error) bool {
	return message.IsUnknownCharset(err) || message.IsUnknownEncoding(err)
}

// trimEnvelope removes what mailbox formats put before the header.
func trimEnvelope(raw []byte) []byte {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(raw, []byte("From ")) {
		if end := bytes.IndexByte(raw, '\n'); end >= 0 {
			raw = raw[end+1:]
		}
	}
	return raw
}

// split parts a mail at the first empty line.
func split(raw []byte) (head, body []byte) {
	for _, empty := range []string{"\r\n\r\n", "\n\n"} {
		if i := bytes.Index(raw, []byte(empty)); i >= 0 {
			if j := bytes.Index(raw, []byte("\n\n")); empty == "\r\n\r\n" && j >= 0 && j < i {
				continue
			}
			return raw[:i], raw[i+len(empty):]
		}
	}
	return raw, nil
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// header reads the fields that the desk needs.
func (m *Mail) header(h mail.Header, head, body []byte) {
	if id := firstID(h.Get("Message-Id")); id != "" {
		m.MessageID = id
	} else {
		m.MessageID, m.Synthetic = "synth-"+sum(append(append([]byte{}, head...), body...)), true
	}
	m.InReplyTo, m.References = ids(h.Get("In-Reply-To")), ids(h.Get("References"))
	if from := addresses(h, "From"); len(from) > 0 {
		m.From = from[0]
	} else if sender := addresses(h, "Sender"); len(sender) > 0 {
		m.From = sender[0]
	}
	if reply := addresses(h, "Reply-To"); len(reply) > 0 {
		m.ReplyTo = reply[0]
	}
	m.To, m.Cc = addresses(h, "To"), addresses(h, "Cc")
	for _, key := range []string{"Delivered-To", "X-Original-To", "Envelope-To"} {
		for f := h.FieldsByKey(key); f.Next(); {
			if a, ok := plainAddress(f.Value()); ok {
				m.Delivered = append(m.Delivered, a)
			}
		}
	}
	m.Subject = oneLine(decodeWords(h.Get("Subject")))
	if at, err := h.Date(); err == nil {
		m.Date = at.UTC()
	}
}

// decodeWords resolves encoded words (RFC 2047), and reads what is raw 8-bit as
// UTF-8, else as Windows-1252.
func decodeWords(s string) string {
	dec := mime.WordDecoder{CharsetReader: charset.Reader}
	if out, err := dec.DecodeHeader(s); err == nil {
		s = out
	}
	return valid(s)
}

// valid returns s as UTF-8.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	r, err := charset.Reader("windows-1252", strings.NewReader(s))
	if err != nil {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	out, err := io.ReadAll(r)
	if err != nil {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return string(out)
}

// oneLine makes a header value safe to show: one line, no control characters.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
}

// addresses reads an address list. A list that breaks the grammar gives the
// first thing in it that looks like an address.
func addresses(h mail.Header, key string) []Address {
	var out []Address
	for f := h.FieldsByKey(key); f.Next(); {
		list, err := mail.ParseAddressList(f.Value())
		if err != nil {
			if a, ok := plainAddress(f.Value()); ok {
				out = append(out, Address{Email: a})
			}
			continue
		}
		for _, a := range list {
			if email, ok := plainAddress(a.Address); ok {
				out = append(out, Address{Name: oneLine(valid(a.Name)), Email: email})
			}
		}
	}
	return out
}

// plainAddress finds an address in a text.
func plainAddress(s string) (string, bool) {
	s = decodeWords(s)
	if open := strings.LastIndexByte(s, '<'); open >= 0 {
		s, _, _ = strings.Cut(s[open+1:], ">")
	}
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;<>()\"", r) }) {
		local, domain, ok := strings.Cut(word, "@")
		if ok && local != "" && domain != "" && len(word) <= maxAddress && !strings.ContainsFunc(word, unicode.IsControl) && !strings.Contains(domain, "@") {
			return local + "@" + strings.ToLower(domain), true
		}
	}
	return "", false
}

// ids returns the Message-IDs of a field, without angle brackets.
func ids(s string) []string {
	var out []string
	for len(out) < maxIDs {
		_, rest, ok := strings.Cut(s, "<")
		if !ok {
			break
		}
		id, after, ok := strings.Cut(rest, ">")
		if !ok {
			break
		}
		if id = strings.Join(strings.Fields(id), ""); id != "" && len(id) <= 998 {
			out = append(out, id)
		}
		s = after
	}
	return out
}

// firstID returns the only Message-ID of a field, with or without brackets.
func firstID(s string) string {
	if all := ids(s); len(all) > 0 {
		return all[0]
	}
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 998 || strings.ContainsAny(s, " \t<>") {
		return ""
	}
	return s
}
