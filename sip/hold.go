package sip

import (
	"bytes"
	"strings"

	"pickup/callflow"
)

// described notes whether a description of the peer puts us on hold, and tells
// it on the change. Before the answer it waits for that.
func (l *leg) described(sdp []byte) {
	l.held = holds(sdp)
	l.tellHold()
}

// answered tells the answer, and that the peer holds us from the first.
func (l *leg) answered(status int, text string) {
	l.confirmed = true
	l.tell(callflow.LegAnswered, status, text)
	l.tellHold()
}

func (l *leg) tellHold() {
	if !l.confirmed || l.held == l.heldTold {
		return
	}
	l.heldTold = l.held
	if l.held {
		l.tell(callflow.LegHeld, 0, "")
	} else {
		l.tell(callflow.LegRetrieved, 0, "")
	}
}

// holds reports a description whose first audio stream wants none of ours: it is
// sendonly or inactive (RFC 3264 8.4), or sent to 0.0.0.0 or :: (RFC 2543 B.5).
func holds(sdp []byte) bool {
	var session, audio stream
	at := &session
	found := false
	for line := range bytes.Lines(sdp) {
		text := strings.TrimSpace(string(line))
		kind, value, ok := strings.Cut(text, "=")
		switch {
		case !ok:
		case kind == "m":
			if found {
				return audio.over(session).held()
			}
			at = &stream{}
			f := strings.Fields(value)
			if len(f) > 1 && strings.EqualFold(f[0], "audio") && f[1] != "0" {
				at, found = &audio, true
			}
		default:
			at.take(kind, value)
		}
	}
	return found && audio.over(session).held()
}

// stream is what a level of a description says of direction and address.
type stream struct{ direction, address string }

func (s *stream) take(kind, value string) {
	switch value = strings.TrimSpace(value); {
	case kind == "a" && (value == "sendrecv" || value == "sendonly" || value == "recvonly" || value == "inactive"):
		s.direction = value
	case kind == "c":
		if f := strings.Fields(value); len(f) == 3 {
			s.address = f[2]
		}
	}
}

// over fills what s leaves open from the session level.
func (s stream) over(session stream) stream {
	if s.direction == "" {
		s.direction = session.direction
	}
	if s.address == "" {
		s.address = session.address
	}
	return s
}

func (s stream) held() bool {
	return s.direction == "sendonly" || s.direction == "inactive" || s.address == "0.0.0.0" || s.address == "::"
}
