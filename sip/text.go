package sip

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"unicode"
)

// newTag returns 64 random bits as a tag (RFC 3261 19.3).
func newTag() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// newBranch returns a branch of ours (RFC 3261 8.1.1.7).
func newBranch() string {
	var b [12]byte
	_, _ = rand.Read(b[:])
	return "z9hG4bK" + hex.EncodeToString(b[:])
}

// clean takes control characters out of text that came from outside, so that it
// can be logged, stored and shown.
func clean(s string) string {
	if strings.IndexFunc(s, unicode.IsControl) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}

// quoteDisplay makes a string of ours safe as a display name: no control
// characters, quotes and backslashes escaped (sipgo adds the outer quotes).
func quoteDisplay(s string) string {
	s = clean(s)
	s = strings.ReplaceAll(s, `\`, `\\`)
	return strings.ReplaceAll(s, `"`, `\"`)
}

// escapeUser escapes what may not stand in the user part of a URI.
func escapeUser(s string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.!~*'()&=+$,/", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

// unescapeUser undoes %HH; a broken escape stays as it is. Control characters
// are removed.
func unescapeUser(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return clean(s)
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if v, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				b.WriteByte(v[0])
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return clean(strings.ToValidUTF8(b.String(), ""))
}

func lower(s string) string { return strings.ToLower(s) }

// hasTag reports whether the value of a From or To header carries a tag.
func hasTag(value string) bool {
	_, params, ok := strings.Cut(value, ">")
	if !ok {
		params = value
	}
	return strings.Contains(strings.ToLower(strings.ReplaceAll(params, " ", "")), ";tag=")
}
