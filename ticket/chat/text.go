package chat

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"pickup/ticket"
)

// clean takes out what a line on a screen must not hold: control characters
// but line ends and tabs, and what is no UTF-8.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.Is(unicode.Cc, r):
			return -1
		case r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069': // text that runs the other way than it seems
			return -1
		}
		return r
	}, s)
}

// spoken is a message as it is kept. Errors: ErrText.
func spoken(text string, files []string) (string, error) {
	text = strings.TrimSpace(clean(strings.ReplaceAll(text, "\r\n", "\n")))
	if text == "" && len(files) == 0 || utf8.RuneCountInString(text) > maxText || len(files) > maxFiles {
		return "", ErrText
	}
	return text, nil
}

// line is one line of text of at most n characters, for names and subjects.
func line(s string, n int) string {
	s = strings.Join(strings.Fields(clean(s)), " ")
	if r := []rune(s); len(r) > n {
		s = strings.TrimSpace(string(r[:n-1])) + "…"
	}
	return s
}

// emailOf is a mail address as an identity, lower case; ok is false when s is
// none.
func emailOf(s string) (ticket.Identity, bool) {
	a, err := mail.ParseAddress(s)
	if err != nil || len(a.Address) > 254 || a.Name != "" {
		return ticket.Identity{}, false
	}
	return ticket.Identity{Kind: "email", Value: strings.ToLower(a.Address), Raw: s}, true
}

const english = "en"

// words are what the server says in a conversation, by language.
func words(language, french, inEnglish string) string {
	if language == english {
		return inEnglish
	}
	return french
}
