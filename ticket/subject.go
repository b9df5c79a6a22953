package ticket

import (
	"context"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxSubject is how many letters of a message make the subject of a ticket.
const maxSubject = 80

var (
	numberMark = regexp.MustCompile(`\[#([0-9]{1,18})\]`)
	// replyMarks are what mail programs put before a subject, in the languages of
	// players: reply, forward, their counters and our own number.
	replyMarks = regexp.MustCompile(`(?i)^(?:\s*(?:(?:re|réf|ref|fwd?|tr|aw|wg|sv|rv|res|enc|antw|odp|ynt|vs)\s*(?:\[\d+\])?\s*[:：]|\[#\d+\])\s*)+`)
)

// SubjectKey makes subjects comparable: without reply marks, our numbers, case
// and double spaces.
func SubjectKey(s string) string {
	s = replyMarks.ReplaceAllString(s, "")
	s = numberMark.ReplaceAllString(s, " ")
	return strings.ToLower(strings.Join(strings.Fields(s), " "))
}

// FollowUp returns the ticket in which the matter of a closed one goes on for a
// contact: the newest that follows it, or what took that over, and is not closed
// itself. Under a subject of its own a message is another matter: it goes on only
// in what follows under that subject. "": any.
func FollowUp(ctx context.Context, tx CaseTx, closed, contactID, subject string) (Ticket, bool, error) {
	all, err := tx.FollowUps(ctx, closed, contactID)
	if err != nil {
		return Ticket{}, false, err
	}
	for _, t := range all {
		if subject != "" && SubjectKey(t.Subject) != SubjectKey(subject) {
			continue
		}
		if t, err = current(ctx, tx, t.ID); err != nil {
			return Ticket{}, false, err
		}
		if t.State != StateClosed {
			return t, true, nil
		}
	}
	return Ticket{}, false, nil
}

// subjectOf is the subject of a new ticket: what he called it, else how his
// message begins.
func subjectOf(subject, text, lang string) string {
	for _, s := range [...]string{subject, text} {
		line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
		if line = strings.Join(strings.Fields(line), " "); line == "" {
			continue
		}
		if utf8.RuneCountInString(line) > maxSubject && s == text {
			line = string([]rune(line)[:maxSubject-1]) + "…"
		}
		return line
	}
	if lang == french {
		return "(sans objet)"
	}
	return "(no subject)"
}
