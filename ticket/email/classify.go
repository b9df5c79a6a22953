package email

import (
	"strings"

	"github.com/emersion/go-message"
)

// loopHeader marks our own mails: it holds the id of the message.
const loopHeader = "X-Pickup-Message"

// classify says what kind of mail it is: a report of a delivery, an automatic
// one, our own, or written by a person.
func (m *Mail) classify(h message.Header, trusted string) {
	m.Loop = strings.TrimSpace(h.Get(loopHeader))
	m.Automatic = automatic(h)
	null := strings.TrimSpace(h.Get("Return-Path")) == "<>"
	kind, params, _ := h.ContentType()
	report := kind == "multipart/report" && strings.EqualFold(params["report-type"], "delivery-status")
	switch {
	case m.Bounce != nil && !report && m.Bounce.Status == "":
		m.Bounce = nil // a report of another kind, such as a read receipt
	case m.Bounce == nil && null && m.Automatic == "":
		m.Bounce = &Bounce{} // an old mail server's own words
	}
	if m.Bounce != nil && m.Bounce.MessageID == "" {
		for _, list := range [][]string{m.InReplyTo, m.References} {
			if len(list) > 0 {
				m.Bounce.MessageID = list[len(list)-1]
			}
		}
	}
	if m.Automatic == "" && null {
		m.Automatic = "Return-Path: <>"
	}
	m.Proved = proved(h, trusted, m.From.Email)
}

// automatic says why a mail was not written by a person (RFC 3834, RFC 2919,
// and what mail programs do), or "".
func automatic(h message.Header) string {
	if v := first(h, "Auto-Submitted"); v != "" && v != "no" {
		return "Auto-Submitted: " + v
	}
	switch v := first(h, "Precedence"); v {
	case "bulk", "junk", "auto_reply", "list":
		return "Precedence: " + v
	}
	for _, key := range []string{"X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Response-Suppress", "List-Id"} {
		if v := first(h, key); v != "" && v != "no" && v != "none" {
			return key
		}
	}
	return ""
}

// first returns the first word of a field, in lower case.
func first(h message.Header, key string) string {
	v, _, _ := strings.Cut(h.Get(key), ";")
	v = strings.ToLower(strings.TrimSpace(v))
	if key == "List-Id" || v == "" {
		return v
	}
	return strings.Fields(v)[0]
}

// proved reports whether the Authentication-Results that our own mail server
// wrote say dmarc=pass for the domain of the sender (RFC 8601 2.2). Only fields
// with its authserv-id count: anybody can write the others.
func proved(h message.Header, trusted, from string) bool {
	_, domain, ok := strings.Cut(from, "@")
	if trusted == "" || !ok {
		return false
	}
	for f := h.FieldsByKey("Authentication-Results"); f.Next(); {
		server, results, ok := strings.Cut(withoutComments(f.Value()), ";")
		if !ok {
			continue
		}
		name := strings.Fields(server)
		if len(name) == 0 || !strings.EqualFold(name[0], trusted) {
			continue
		}
		for result := range strings.SplitSeq(results, ";") {
			words := strings.Fields(strings.ToLower(result))
			if len(words) == 0 || words[0] != "dmarc=pass" {
				continue
			}
			for _, w := range words[1:] {
				if at, ok := strings.CutPrefix(w, "header.from="); ok && strings.Trim(at, `"`) == domain {
					return true
				}
			}
		}
		return false // only the newest field of our server, the first, counts
	}
	return false
}

// withoutComments removes the comments in round brackets (RFC 5322 3.2.2).
func withoutComments(s string) string {
	var b strings.Builder
	depth := 0
	for _, r := range s {
		switch {
		case r == '(':
			depth++
		case r == ')' && depth > 0:
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}
