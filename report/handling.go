package report

import (
	"strconv"
	"time"

	"pickup/account"
)

// HandlingID names the handling that an agent began at an instant.
func HandlingID(agent account.ID, at time.Time) string {
	return string(agent) + "." + strconv.FormatInt(at.UnixMilli(), 36)
}

// Begins reports whether an agent who goes from one state to another begins with
// another call: work that follows none, or a wrap-up.
func Begins(from, to string) bool {
	return Works(to) && (!Works(from) || from == "wrap_up" && to != "wrap_up")
}

// Goes tells an open handling that its agent leaves a state in which he was
// since, for another at an instant. It reports whether the handling goes on; one
// that does not has its EndedAt.
func (h *Handling) Goes(from string, since time.Time, to string, at time.Time) bool {
	h.spend(from, max(0, at.Sub(since)))
	if Works(to) && !Begins(from, to) {
		h.enter(to, at)
		return true
	}
	if h.ReleasedAt.IsZero() {
		h.ReleasedAt = at
	}
	h.EndedAt = at
	return false
}

// enter is what follows from the state alone that an agent goes to.
func (h *Handling) enter(state string, at time.Time) {
	switch {
	case state == "holding":
		h.Holds++
	case state == "wrap_up" && h.ReleasedAt.IsZero():
		h.ReleasedAt = at
	}
}

// Begin is an agent's new handling, which begins with a state.
func Begin(agent account.ID, state string, at time.Time) Handling {
	h := Handling{ID: HandlingID(agent, at), Agent: agent, StartedAt: at}
	h.enter(state, at)
	return h
}

func (h *Handling) spend(state string, d time.Duration) {
	switch state {
	case "talking", "conference":
		h.Talk += d
	case "holding":
		h.Hold += d
		h.LongestHold = max(h.LongestHold, d)
	case "wrap_up":
		h.Wrap += d
	case "dialing":
		h.Dial += d
	case "consulting":
		h.Consult += d
	}
}
