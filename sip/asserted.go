package sip

import (
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// asserted reads the caller whom a trunk vouches for (RFC 3325 9.1): the first
// P-Asserted-Identity with a user. ok is false where there is none, or where the
// caller wants it kept from us (RFC 3323, Privacy: id).
func asserted(r *gosip.Request) (user, display string, ok bool) {
	if hides(r) {
		return "", "", false
	}
	for _, h := range r.GetHeaders("P-Asserted-Identity") {
		if user, display = identityOf(h.Value()); user != "" {
			return user, display, true
		}
	}
	return "", "", false
}

// hides reports a caller who does not want to be known (RFC 3323 4.2, RFC 3325
// 9.3). What else his request says of him goes nowhere then.
func hides(r *gosip.Request) bool {
	for _, h := range r.GetHeaders("Privacy") {
		for v := range strings.SplitSeq(strings.ToLower(h.Value()), ";") {
			if v = strings.TrimSpace(v); v == "id" || v == "user" {
				return true
			}
		}
	}
	return false
}

// identityOf reads the first address of a list: its display name and the user or
// number of its URI; user is "" where it has none.
func identityOf(s string) (user, display string) {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, `"`) {
		var b strings.Builder
		i := 1
		for ; i < len(s) && s[i] != '"'; i++ {
			if s[i] == '\\' && i+1 < len(s) {
				i++
			}
			b.WriteByte(s[i])
		}
		if i >= len(s) {
			return "", ""
		}
		display, s = b.String(), s[i+1:]
	}
	before, uri, bracketed := strings.Cut(s, "<")
	switch {
	case !bracketed:
		uri, _, _ = strings.Cut(s, ",")
	case display == "":
		display = strings.TrimSpace(before)
	}
	uri, _, closed := strings.Cut(uri, ">")
	if bracketed != closed {
		return "", ""
	}
	scheme, rest, _ := strings.Cut(strings.TrimSpace(uri), ":")
	switch strings.ToLower(scheme) {
	case "tel":
		user, _, _ = strings.Cut(rest, ";")
	case "sip", "sips":
		name, _, found := strings.Cut(rest, "@")
		if !found {
			return "", ""
		}
		user, _, _ = strings.Cut(name, ":") // of a password
		user, _, _ = strings.Cut(user, ";") // of parameters of a number
	}
	return unescapeUser(user), clean(display)
}
