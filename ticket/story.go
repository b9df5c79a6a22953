package ticket

import (
	"strconv"
	"time"

	"pickup/call"
)

// story gathers the lines of one act for a ticket's timeline: what, when, by
// whom and why.
type story struct {
	at    time.Time
	actor string
	lines []call.TimelineEvent
}

// tell adds a line; details are keys and values in turn, "" values are left out.
func (s *story) tell(kind string, details ...string) {
	detail := map[string]string{}
	for i := 0; i+1 < len(details); i += 2 {
		if details[i+1] != "" {
			detail[details[i]] = details[i+1]
		}
	}
	s.lines = append(s.lines, call.TimelineEvent{At: s.at, Kind: kind, Actor: s.actor, Detail: detail})
}

// changed adds a line about a field, unless it is as before.
func (s *story) changed(field, from, to, reason string) {
	if from != to {
		s.lines = append(s.lines, call.TimelineEvent{
			At: s.at, Kind: field + "_changed", Actor: s.actor,
			Detail: map[string]string{"from": from, "to": to, "reason": reason},
		})
	}
}

// move changes the state of a ticket and tells so.
func (s *story) move(t *Ticket, to State, reason string) error {
	from := t.State
	if err := t.move(to, s.at); err != nil {
		return err
	}
	s.changed("state", string(from), string(to), reason)
	return nil
}

// raise lifts the priority of a ticket to the least of its category and tells
// so. It never lowers it.
func (s *story) raise(t *Ticket, reason string) {
	c, _ := CategoryOf(t.Category)
	if t.Priority < c.MinPriority && c.MinPriority > PriorityNormal {
		s.changed("priority", strconv.Itoa(t.Priority), strconv.Itoa(c.MinPriority), reason)
		t.Priority = c.MinPriority
	}
}
