package email

import (
	"strings"

	"pickup/internal/fold"
	"pickup/ticket"
)

// texts are what we say by ourselves, by language.
func says(language, key string) string {
	french := map[string]string{
		"unknown_sender":  "Expéditeur inconnu",
		"unreadable":      "Courriel illisible",
		"unreadable_text": "Ce courriel n’a pas pu être lu. L’original est joint.",
		"cut":             "[Ce courriel dépasse la taille permise : seul son début est ici. Le serveur de courriel garde l’ensemble.]",
		"acknowledged":    "Bonjour,\n\nNous avons bien reçu votre message. Sa référence est %d.\nUn conseiller vous répondra.\n",
		"failed":          "Le message n’a pas pu être envoyé : %s",
	}
	english := map[string]string{
		"unknown_sender":  "Unknown sender",
		"unreadable":      "Unreadable mail",
		"unreadable_text": "This mail could not be read. The original is attached.",
		"cut":             "[This mail is above the size that is taken: only its beginning is here. The mail server keeps the whole.]",
		"acknowledged":    "Hello,\n\nWe have received your message. Its reference is %d.\nAn agent will answer you.\n",
		"failed":          "The message could not be sent: %s",
	}
	if language == "fr" {
		return french[key]
	}
	return english[key]
}

// Words that one language has and the other has not.
const (
	frenchWords  = " le la les des une est je vous nous pas pour mon ma mes mais sur avec bonjour merci compte depuis retrait "
	englishWords = " the and is you my not for with this that have hello please thanks account since was are withdrawal "
)

// languageOf guesses in which of our languages a mail is written, by its common
// words; the mailbox decides where they do not.
func languageOf(m *Mail, box ticket.Mailbox) string {
	fr, en := 0, 0
	words := fold.Words(m.Subject + " " + m.Text)
	for _, w := range words[:min(len(words), 200)] {
		if strings.Contains(frenchWords, " "+w+" ") {
			fr++
		}
		if strings.Contains(englishWords, " "+w+" ") {
			en++
		}
	}
	switch {
	case fr > en+1:
		return "fr"
	case en > fr+1:
		return "en"
	}
	return box.Language
}
