package ticket

import (
	"strings"

	"pickup/internal/fold"
)

// thanks are words one of which a message of gratitude has.
const thanks = " merci mercii remercie remercions thanks thank thx ty cheers parfait super genial nickel great perfect awesome top "

// polite are the words that may stand beside them. A word of any other kind
// makes a message a matter again.
const polite = " a all ai aide amicalement answer au aussi avec avez beaucoup bcp best bien bon bonjour bonne bonsoir c ca cette ciao" +
	" cordialement cordially day de encore est et evening excellent excellente explanation fine fixed fonctionne fois for from got" +
	" good have hello help hi infiniment information informations infos is it j je journee kind la le les ma marche mille month" +
	" much nice ok of one pour quick rapide rapidite re received recu regards regle regler reponse reply resolu response salut" +
	" sincerely so soiree solved solution soon super support team the tout tous tres un une very vos votre vous we week" +
	" weekend well welcome with works worked you your yours l t s "

// maxThanks is how many words a message of gratitude has at most.
const maxThanks = 25

// Gratitude reports whether a text only says thank you: it has a word of thanks,
// no question, and otherwise words of politeness, or of the names given. Such a
// message leaves a solved ticket solved.
func Gratitude(text string, names ...string) bool {
	if strings.ContainsAny(text, "?？") {
		return false
	}
	words := fold.Words(text)
	if len(words) == 0 || len(words) > maxThanks {
		return false
	}
	own := " " + strings.Join(fold.Words(strings.Join(names, " ")), " ") + " "
	grateful := false
	for _, w := range words {
		w = " " + w + " "
		switch {
		case strings.Contains(thanks, w):
			grateful = true
		case strings.Contains(polite, w) || strings.Contains(own, w):
		default:
			return false
		}
	}
	return grateful
}
