package email

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/charset"
)

// walker goes through the parts of a mail and sorts them: text to show, HTML to
// show, files, and the report of a bounce.
type walker struct {
	mail   *Mail
	keep   Keep
	parts  int
	texts  []string
	htmls  []string
	failed error // of keep: the mail is not read
}

// entity takes one part. A part that cannot be read marks the mail as damaged.
func (w *walker) entity(e *message.Entity, depth int) {
	if w.parts++; w.parts > maxParts || depth > maxNesting {
		w.mail.Damaged = true
		return
	}
	kind, params, err := e.Header.ContentType()
	if err != nil || kind == "" {
		kind = "text/plain"
	}
	if boundary := params["boundary"]; strings.HasPrefix(kind, "multipart/") && (boundary == "" || len(boundary) > maxBoundary) {
		w.mail.Damaged, kind = true, "text/plain"
	} else if parts := e.MultipartReader(); parts != nil {
		w.multipart(parts, kind, depth)
		return
	}
	disposition, dparams, _ := e.Header.ContentDisposition()
	name := fileName(dparams["filename"], params["name"])
	shown := disposition != "attachment" && name == ""
	switch {
	case kind == "message/delivery-status" || kind == "message/global-delivery-status": // RFC 6533 3
		w.report(w.some(e.Body, maxReport))
	case shown && kind == "text/plain":
		w.texts = append(w.texts, w.text(e.Body, params["charset"]))
	case shown && kind == "text/html":
		w.htmls = append(w.htmls, w.text(e.Body, params["charset"]))
	default:
		w.file(e, kind, name, disposition)
	}
}

// some reads the first n bytes of a part.
func (w *walker) some(r io.Reader, n int64) []byte {
	body, err := io.ReadAll(io.LimitReader(r, n))
	if err != nil {
		w.mail.Damaged = true // what was read is kept
	}
	return body
}

// text reads a part that is shown.
func (w *walker) text(r io.Reader, cs string) string {
	body := w.some(r, maxSource)
	return shorten(decoded(body, cs), len(body) == maxSource)
}

// file keeps a part that is not shown. What can be read of it is kept.
func (w *walker) file(e *message.Entity, kind, name, disposition string) {
	body := bufio.NewReaderSize(&untilFault{r: e.Body, damaged: &w.mail.Damaged}, maxReport)
	head, _ := body.Peek(maxReport)
	if returned(kind) {
		if w.mail.Bounce != nil && w.mail.Bounce.MessageID == "" {
			w.mail.Bounce.MessageID = idIn(head)
		}
	}
	id := firstID(e.Header.Get("Content-Id"))
	f := File{
		Name: cmpName(name, kind, len(w.mail.Files)+1), ContentID: id, Inline: id != "" && disposition != "attachment",
		MIME: contentType(name, kind, head),
	}
	if f.SHA256, f.Size, w.failed = w.keep(body); w.failed != nil {
		w.failed = fmt.Errorf("keep an attachment: %w", w.failed)
		return
	}
	w.mail.Files = append(w.mail.Files, f)
}

// returned reports whether a part may be the mail that came back, or its header
// (RFC 3462 2, RFC 6533 4 and 5).
func returned(kind string) bool {
	switch kind {
	case "message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global", "message/global-headers":
		return true
	}
	return false
}

// untilFault reads until the first fault, which it notes.
type untilFault struct {
	r       io.Reader
	damaged *bool
}

// Read implements io.Reader.
func (u *untilFault) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		*u.damaged, err = true, io.EOF
	}
	return n, err
}

// multipart takes the parts of one. Of alternatives only the best plain and the
// best HTML form are shown.
func (w *walker) multipart(parts message.MultipartReader, kind string, depth int) {
	texts, htmls := len(w.texts), len(w.htmls)
	if kind == "multipart/report" && w.mail.Bounce == nil {
		w.mail.Bounce = &Bounce{}
	}
	for {
		part, err := parts.NextPart()
		if part == nil || err != nil && !forgivable(err) {
			if !errors.Is(err, io.EOF) {
				w.mail.Damaged = true
			}
			break
		}
		w.entity(part, depth+1)
		if w.parts > maxParts || w.failed != nil {
			break
		}
	}
	if kind == "multipart/alternative" {
		w.texts = lastOf(w.texts, texts)
		w.htmls = lastOf(w.htmls, htmls)
	}
}

// lastOf keeps the last of what was added after n.
func lastOf(all []string, n int) []string {
	if len(all) > n+1 {
		return append(all[:n:n], all[len(all)-1])
	}
	return all
}

// finish joins what is shown.
func (w *walker) finish() {
	w.mail.HTML = strings.Join(w.htmls, "\n")
	text := strings.Join(w.texts, "\n\n")
	if strings.TrimSpace(text) == "" && w.mail.HTML != "" {
		text = plainOf(w.mail.HTML)
	}
	w.mail.Text, w.mail.Quoted = unquote(text)
}

// report reads a delivery status (RFC 3464): groups of fields, the first about
// the message and the others about one recipient each.
func (w *walker) report(body []byte) {
	b := w.mail.Bounce
	if b == nil {
		b = &Bounce{}
		w.mail.Bounce = b
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n") {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		value = oneLine(valid(value))
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "final-recipient", "original-recipient":
			if _, address, ok := strings.Cut(value, ";"); ok {
				value = address
			}
			if a, ok := plainAddress(value); ok && b.Recipient == "" {
				b.Recipient = a
			}
		case "status":
			b.Status = value
		case "action":
			if b.Action == "" || strings.EqualFold(value, "failed") {
				b.Action = strings.ToLower(value)
			}
		case "diagnostic-code":
			b.Reason = value
		}
	}
}

// idIn returns the Message-ID of the returned mail inside a report.
func idIn(body []byte) string {
	e, err := message.Read(io.MultiReader(bytes.NewReader(body), strings.NewReader("\r\n\r\n")))
	if e == nil || err != nil && !forgivable(err) {
		return ""
	}
	return firstID(e.Header.Get("Message-Id"))
}

// decoded returns a text as UTF-8 with Unix line ends. go-message converted it
// where it knew the charset.
func decoded(body []byte, cs string) string {
	text := string(body)
	if !utf8.ValidString(text) {
		if r, err := charset.Reader(cs, strings.NewReader(text)); err == nil && cs != "" {
			if out, err := io.ReadAll(r); err == nil && utf8.Valid(out) {
				text = string(out)
			}
		}
		text = valid(text)
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r", "\n"), "\x00", "")
}

// shorten keeps the first maxText bytes, at the border of a letter, and says that
// there is more.
func shorten(s string, more bool) string {
	if len(s) <= maxText && !more {
		return s
	}
	return clip(s, maxText) + "\n[...]"
}

// fileName returns the first usable name: without path, control characters and
// what file systems or headers mind.
func fileName(names ...string) string {
	for _, n := range names {
		n = decodeWords(n)
		n = path.Base(strings.ReplaceAll(n, `\`, "/"))
		n = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || strings.ContainsRune(`/\:*?"<>|`, r) {
				return '_'
			}
			return r
		}, n)
		n = strings.Trim(n, ". ")
		if n == "" || n == "_" {
			continue
		}
		if letters := []rune(n); len(letters) > maxFileName {
			ext := []rune(path.Ext(n))
			if len(ext) > 10 {
				ext = nil
			}
			n = string(letters[:maxFileName-len(ext)]) + string(ext)
		}
		return n
	}
	return ""
}

// cmpName names a file that has no name.
func cmpName(name, kind string, n int) string {
	if name != "" {
		return name
	}
	ext := ""
	if kind == "message/rfc822" {
		ext = ".eml"
	} else if all, err := mime.ExtensionsByType(kind); err == nil && len(all) > 0 {
		ext = all[0]
	}
	return "part-" + strconv.Itoa(n) + ext
}
