package ticket

import (
	"strings"

	"pickup/call"
)

// Ticket types.
const (
	TypeCall      = "call"        // we talked
	TypeCase      = "case"        // a person opened it
	TypeMissed    = "missed_call" // he called and we did not talk: we owe a call
	TypeVoicemail = "voicemail"   // he left a message: we owe an answer
)

// The languages of tickets.
const (
	french  = "fr"
	english = "en"
)

// language returns the language of a call's ticket: the caller's, else the
// contact's, else that of the site's country.
func language(r call.Record, c Contact, p Policy) string {
	for _, l := range [...]string{r.Language, c.Language} {
		if l == french || l == english {
			return l
		}
	}
	return p.language()
}

// language is that of the site's country.
func (p Policy) language() string {
	if p.withDefaults().Country == "FR" {
		return french
	}
	return english
}

// subject returns the subject of a call's new ticket, in its language.
func subject(kind, lang, queue string) string {
	category := strings.ToLower(queue)
	if category == "" {
		category = "general"
	}
	switch {
	case kind == TypeVoicemail && lang == french:
		return "Message vocal – " + category
	case kind == TypeVoicemail:
		return "Voicemail – " + category
	case kind == TypeMissed && lang == french:
		return "Appel manqué – " + category
	case kind == TypeMissed:
		return "Missed call – " + category
	case lang == french:
		return "Appel – " + category
	default:
		return "Call – " + category
	}
}

// anonymousName is what a contact without any address is called.
func anonymousName(lang string) string {
	if lang == french {
		return "Appelant anonyme"
	}
	return "Anonymous caller"
}

// visitorName is what a contact is called who wrote and gave no name.
func visitorName(lang string) string {
	if lang == french {
		return "Visiteur"
	}
	return "Visitor"
}
