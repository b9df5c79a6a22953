package callflow

import (
	"strings"
	"time"

	"pickup/internal/e164"
)

// Number is where a dialled number leads.
type Number struct {
	To       string // dialled name of a queue or a menu
	Language string // of its callers; "": as they ask for
}

// SetNumbers replaces the numbers that lead to a queue or a menu, by their E.164
// form. Calls that go on keep their way. The map is not changed afterwards.
func (m *Manager) SetNumbers(numbers map[string]Number) { m.numbers.Store(&numbers) }

// destination is the dialled name of a queue or a menu that a dialled user leads
// to, lower case, and the language that goes with it. What is no number of ours
// leads to itself.
func (m *Manager) destination(user string) (name, language string) {
	user = strings.ToLower(user)
	numbers := m.numbers.Load()
	if numbers == nil || len(*numbers) == 0 || m.named(user) {
		return user, ""
	}
	user, _, _ = strings.Cut(user, ";") // parameters of a telephone number (RFC 3261 19.1.6)
	n, ok := (*numbers)["+"+strings.TrimPrefix(user, "+")]
	if !ok { // as it is written in the country of the site
		var full string
		if full, ok = e164.Normalize(user, m.cfg.Tickets.Country); ok {
			n, ok = (*numbers)[full]
		}
	}
	if !ok {
		return user, ""
	}
	return strings.ToLower(n.To), n.Language
}

// named reports whether a menu or a queue has the name.
func (m *Manager) named(name string) bool {
	if _, ok := m.cfg.Menus[name]; ok {
		return true
	}
	_, ok := m.queue.Has(name)
	return ok
}

// open reports whether a queue takes calls at an instant.
func (m *Manager) open(name string, at time.Time) bool {
	q, _ := m.queue.Has(name)
	return q.Hours.Allows(at)
}

// takes reports whether one who dials a queue or a menu can get into a queue at
// an instant.
func (m *Manager) takes(name string, at time.Time) bool {
	menu, ok := m.cfg.Menus[name]
	if !ok {
		return m.open(name, at)
	}
	for _, q := range menu.Queues {
		if m.open(q, at) {
			return true
		}
	}
	return m.open(menu.Default, at)
}
