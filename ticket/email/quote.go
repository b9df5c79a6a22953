package email

import (
	"html"
	"regexp"
	"strings"
)

// unquote parts a plain text into what is new and what it quotes: from the line
// that says who wrote on what day, or a separator of a mail program, or else the
// block of > lines at the end.
func unquote(text string) (fresh, quoted string) {
	text = strings.TrimSpace(text)
	lines := strings.Split(text, "\n")
	cut := len(lines)
	for i := range lines {
		if separator(lines, i) {
			cut = i
			break
		}
	}
	if cut == len(lines) { // quoted lines at the end without an introduction
		for cut > 0 && (strings.HasPrefix(strings.TrimSpace(lines[cut-1]), ">") || strings.TrimSpace(lines[cut-1]) == "") {
			cut--
		}
		if !strings.Contains(strings.Join(lines[cut:], "\n"), ">") {
			cut = len(lines)
		}
	}
	fresh = strings.TrimSpace(strings.Join(lines[:cut], "\n"))
	quoted = strings.TrimSpace(strings.Join(lines[cut:], "\n"))
	if fresh == "" { // somebody answered below the quotation: show it all
		return text, ""
	}
	return fresh, quoted
}

// separator reports whether line i begins the quoted part.
func separator(lines []string, i int) bool {
	line := strings.TrimSpace(lines[i])
	next := ""
	if i+1 < len(lines) {
		next = strings.TrimSpace(lines[i+1])
	}
	lower := strings.ToLower(line)
	switch {
	case line == "":
		return false
	case strings.HasPrefix(lower, "-----original message") || strings.HasPrefix(lower, "-----message d'origine") ||
		strings.HasPrefix(lower, "----- original message") || strings.HasPrefix(lower, "________________________________"):
		return true
	case wrote(lower) || wrote(lower+" "+strings.ToLower(next)): // programs break the line
		return true
	case (strings.HasPrefix(lower, "from:") || strings.HasPrefix(lower, "de :") || strings.HasPrefix(lower, "de:")) &&
		(strings.HasPrefix(strings.ToLower(next), "sent:") || strings.HasPrefix(strings.ToLower(next), "date:") ||
			strings.HasPrefix(strings.ToLower(next), "envoyé") || strings.HasPrefix(strings.ToLower(next), "date :")):
		return true
	}
	return false
}

// wrote reports whether a line says who wrote on what day.
func wrote(lower string) bool {
	lower = strings.TrimRight(lower, " \u00a0")
	begins := strings.HasPrefix(lower, "on ") || strings.HasPrefix(lower, "le ")
	for _, end := range []string{"wrote:", "a écrit :", "a écrit:", "a écrit\u00a0:", "a ecrit :", "a ecrit:"} {
		if begins && strings.HasSuffix(lower, end) {
			return true
		}
	}
	return false
}

var (
	hiddenHTML = regexp.MustCompile(`(?is)<(script|style|title)\b.*?(</(script|style|title)\s*>|$)|<!--.*?(-->|$)`)
	breakHTML  = regexp.MustCompile(`(?i)<(br|/p|/div|/tr|/li|/h[1-6]|/blockquote)\b[^>]*>`)
	anyHTML    = regexp.MustCompile(`(?s)<[^>]*>`)
	manyEmpty  = regexp.MustCompile(`\n[ \t\x{a0}]*\n(\s*\n)+`)
)

// plainOf returns the text of an HTML body, for lists, search and the index. It
// is never shown as HTML.
func plainOf(source string) string {
	source = hiddenHTML.ReplaceAllString(source, " ")
	source = breakHTML.ReplaceAllString(strings.NewReplacer("\r", " ", "\n", " ").Replace(source), "\n")
	text := html.UnescapeString(anyHTML.ReplaceAllString(source, ""))
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		b.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
	}
	return strings.TrimSpace(manyEmpty.ReplaceAllString(b.String(), "\n\n"))
}
