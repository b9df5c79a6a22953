package callflow

import (
	"strings"

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
