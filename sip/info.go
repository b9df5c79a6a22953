package sip

import (
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/callflow"
)

// info takes a key pressed in the SIP way (JsSIP, old phones).
func (l *leg) info(q *request) {
	t := ""
	if h := q.ContentType(); h != nil {
		t, _, _ = strings.Cut(strings.ToLower(h.Value()), ";")
		t = strings.TrimSpace(t)
	}
	var digit rune
	switch t {
	case "application/dtmf-relay":
		digit = relayDigit(string(q.Body()))
	case "application/dtmf":
		digit = keyOf(strings.TrimSpace(string(q.Body())))
	case "":
		q.respond(q.response(200))
		return
	default:
		q.refuse(refuse(415, gosip.NewHeader("Accept", "application/dtmf-relay, application/dtmf")))
		return
	}
	if digit == 0 {
		q.refuse(refuse(400))
		return
	}
	q.respond(q.response(200))
	e := l.event(callflow.LegDTMF, 0, "")
	e.Digit = digit
	l.told.tell(e)
}

// relayDigit reads "Signal=5" of an application/dtmf-relay body; 0: no key.
func relayDigit(body string) rune {
	for line := range strings.Lines(body) {
		k, v, ok := strings.Cut(line, "=")
		if ok && strings.EqualFold(strings.TrimSpace(k), "signal") {
			return keyOf(strings.TrimSpace(v))
		}
	}
	return 0
}

// keyOf maps the text of a key to it; "10" and "11" are * and # (RFC 4733).
func keyOf(s string) rune {
	switch s {
	case "10":
		return '*'
	case "11":
		return '#'
	}
	if len(s) == 1 && strings.Contains("0123456789*#ABCDabcd", s) {
		return rune(strings.ToUpper(s)[0])
	}
	return 0
}
