package email

import (
	"bufio"
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

// Keep stores one attachment and returns its hash and size. An error of it ends
// the reading of the mail.
type Keep func(r io.Reader) (sha string, size int64, err error)

// Parse is Read of a mail in memory whose attachments are not kept.
func Parse(raw []byte, trusted string) (*Mail, error) {
	return Read(bytes.NewReader(raw), trusted, func(r io.Reader) (string, int64, error) {
		h := sha256.New()
		n, err := io.Copy(h, r)
		return hex.EncodeToString(h.Sum(nil)), n, err
	})
}

// Read reads a raw mail, attachments by way of keep: it holds some megabytes at
// most, however large the mail is. Faults inside are forgiven (Damaged): what can
// be read is returned, and text of an unknown charset is read as Windows-1252.
// trusted is the authserv-id of our own mail server ("": none), whose
// Authentication-Results count. Errors: ErrUnreadable, those of src and of keep.
func Read(src io.ReadSeeker, trusted string, keep Keep) (m *Mail, err error) {
	defer func() {
		if r := recover(); r != nil {
			m, err = nil, fmt.Errorf("%w: %v", ErrUnreadable, r)
		}
	}()
	begin, err := envelope(src)
	if err != nil {
		return nil, err
	}
	m = &Mail{}
	if err := m.sums(src, begin); err != nil {
		return nil, err
	}
	entity, err := m.open(src, begin)
	if err != nil {
		return nil, err
	}
	m.header(mail.Header{Header: entity.Header})
	w := walker{mail: m, keep: keep}
	w.entity(entity, 0)
	if w.failed != nil {
		return nil, w.failed
	}
	w.finish()
	m.classify(entity.Header, trusted)
	return m, nil
}

// open returns the mail as an entity. A header with lines that are none is read
// without them.
func (m *Mail) open(src io.ReadSeeker, begin int64) (*message.Entity, error) {
	options := &message.ReadOptions{MaxHeaderBytes: maxHeader}
	if _, err := src.Seek(begin, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read a mail: %w", err)
	}
	entity, err := message.ReadWithOptions(src, options)
	if entity == nil || err != nil && !forgivable(err) {
		m.Damaged = true
		if _, err := src.Seek(begin, io.SeekStart); err != nil {
			return nil, fmt.Errorf("read a mail: %w", err)
		}
		body := bufio.NewReader(src)
		entity, err = message.ReadWithOptions(io.MultiReader(bytes.NewReader(cleanHeader(body)), body), options)
	}
	if entity == nil || err != nil && !forgivable(err) {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if entity.Header.Len() == 0 {
		return nil, fmt.Errorf("%w: no header", ErrUnreadable)
	}
	m.Damaged = m.Damaged || err != nil
	return entity, nil
}

// cleanHeader reads a header and returns its lines that are fields, with an empty
// line after them; r is then at the body. What has no field at all gives none.
func cleanHeader(r *bufio.Reader) []byte {
	var out []byte
	in := false // the last line belonged to a field that is kept
	for read := 0; read < maxHeader; {
		line, err := r.ReadSlice('\n')
		read += len(line)
		text := bytes.TrimRight(line, "\r\n")
		switch folded := len(text) > 0 && (text[0] == ' ' || text[0] == '\t'); {
		case len(text) == 0:
			return append(out, '\r', '\n')
		case folded && !in:
		case folded:
			out = append(append(out, text...), '\r', '\n')
		default:
			name, _, ok := bytes.Cut(text, []byte(":"))
			name = bytes.TrimRight(name, " \t")
			in = ok && len(name) > 0 && !bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' })
			if in {
				out = append(append(out, text...), '\r', '\n')
			}
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			break
		}
	}
	return append(out, '\r', '\n')
}

// forgivable reports whether go-message still gave an entity.
func forgivable(err error) bool {
	return message.IsUnknownCharset(err) || message.IsUnknownEncoding(err)
}

// envelope returns where the header begins, after what mailbox formats put
// before it.
func envelope(src io.ReadSeeker) (int64, error) {
	head := make([]byte, 4096)
	n, err := io.ReadFull(src, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, fmt.Errorf("read a mail: %w", err)
	}
	rest := bytes.TrimPrefix(head[:n], []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(rest, []byte("From ")) {
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			rest = rest[end+1:]
		}
	}
	return int64(n - len(rest)), nil
}

// sums computes the hashes of the whole and of what follows the first empty line.
func (m *Mail) sums(src io.ReadSeeker, begin int64) error {
	if _, err := src.Seek(begin, io.SeekStart); err != nil {
		return fmt.Errorf("read a mail: %w", err)
	}
	whole, body := sha256.New(), sha256.New()
	r := bufio.NewReader(src)
	for fresh := true; ; { // fresh: at the begin of a line
		line, err := r.ReadSlice('\n')
		whole.Write(line)
		if fresh && len(bytes.TrimRight(line, "\r\n")) == 0 && err == nil {
			break
		}
		fresh = err == nil
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("read a mail: %w", err)
		}
	}
	if _, err := io.Copy(io.MultiWriter(whole, body), r); err != nil {
		return fmt.Errorf("read a mail: %w", err)
	}
	m.SHA256, m.BodySHA256 = hex.EncodeToString(whole.Sum(nil)), hex.EncodeToString(body.Sum(nil))
	return nil
}

// header reads the fields that the desk needs.
func (m *Mail) header(h mail.Header) {
	if id := firstID(h.Get("Message-Id")); id != "" {
		m.MessageID = id
	} else {
		m.MessageID, m.Synthetic = "synth-"+m.SHA256, true
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
	m.Subject = clip(oneLine(decodeWords(h.Get("Subject"))), maxSubject)
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

// clip keeps the first n bytes, at the border of a letter.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// ids returns the Message-IDs of a field, without angle brackets: of more than
// maxIDs the first and the newest.
func ids(s string) []string {
	var out []string
	for {
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
	if n := len(out); n > maxIDs {
		out = append(out[:1:1], out[n-maxIDs+1:]...)
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
