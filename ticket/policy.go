package ticket

import (
	"strings"
	"time"
)

// Policy of tickets.
type Policy struct {
	MissedAfter time.Duration // an abandoned wait of at least this opens a missed-call ticket; 0: 20s
	LinkWithin  time.Duration // an open ticket younger than this is continued; 0: 72h
	CloseAfter  time.Duration // a solved ticket is closed after this without a reply; 0: 96h
	Country     string        // of numbers without a prefix; "": "FR"
	// Categories names the category of a ticket by its queue, in lower case; a
	// queue that it does not name is CategoryOther. nil: the demonstration's
	// queues, security, verification and payments. It is not changed any more.
	Categories map[string]string
}

// UndoWithin is how long a merge can be undone.
const UndoWithin = 24 * time.Hour

// withDefaults fills what is not set.
func (p Policy) withDefaults() Policy {
	if p.MissedAfter == 0 {
		p.MissedAfter = 20 * time.Second
	}
	if p.LinkWithin == 0 {
		p.LinkWithin = 72 * time.Hour
	}
	if p.CloseAfter == 0 {
		p.CloseAfter = 96 * time.Hour
	}
	if p.Country == "" {
		p.Country = "FR"
	}
	if p.Categories == nil {
		p.Categories = map[string]string{
			"security": CategorySecurity, "verification": CategoryIdentity, "payments": CategoryWithdrawal,
		}
	}
	return p
}

// CategoryOf names the category of what comes in by a queue.
func (p Policy) CategoryOf(queue string) string {
	c, _ := CategoryOf(p.withDefaults().Categories[strings.ToLower(queue)])
	return c.Name
}
