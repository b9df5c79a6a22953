// Package e164 turns what a phone or a person wrote as a number into the one
// form in which numbers are compared and stored: ITU-T E.164, "+33612345678".
//
// It holds pure functions and may be used from any goroutine. The metadata of
// the numbering plans is loaded at the first use (some milliseconds).
package e164

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// maxText is longer than any number that a person writes, with separators.
const maxText = 40

// Normalize returns the E.164 form of text, or false when text is not a number
// that can exist. country (ISO 3166-1 alpha-2, "FR") is that of numbers written
// without a prefix. Text with letters is a name and never a number, whatever
// digits it holds; a short number ("112", "1001") has no E.164 form.
func Normalize(text, country string) (string, bool) {
	text = strings.TrimSpace(text)
	text = strings.TrimPrefix(text, "tel:")
	if !numberLike(text) {
		return "", false
	}
	text = strings.ReplaceAll(text, "\u202f", " ") // the space of French typography
	number, err := phonenumbers.Parse(text, strings.ToUpper(country))
	if err != nil || !phonenumbers.IsValidNumber(number) {
		return "", false
	}
	return phonenumbers.Format(number, phonenumbers.E164), true
}

// numberLike reports whether text holds digits and the separators that people
// put between them (RFC 3966 5.1.1, and the space), and nothing else.
func numberLike(text string) bool {
	if text == "" || len(text) > maxText {
		return false
	}
	digits := 0
	for i, r := range text {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r == '+':
			if i != 0 {
				return false
			}
		case r == ' ', r == '-', r == '.', r == '(', r == ')', r == '/', r == '\u00a0', r == '\u202f':
		default:
			return false
		}
	}
	return digits >= 4
}
