package queue

import "pickup/account"

// Spoil puts one fault of ours into c, by its name, for the test of the audit.
func (c *Core) Spoil(name string) {
	q := c.lines["support"]
	a := c.agents[account.ID("a")]
	switch name {
	case "live":
		q.live++
	case "duty":
		q.duty--
	case "held":
		q.held[callSlot]++
	case "text":
		q.text--
	case "waiting":
		e := q.ages[callSlot].head()
		q.ages[callSlot].remove(e)
	case "shown":
		a.shown = AgentTalking
	case "idle":
		a.profile.idle.remove(a)
	case "reservation":
		delete(c.offers, a.res.id)
	case "lease":
		a.res.leaseAt = c.ns - int64(1<<40)
	case "reaped":
		a.res.reapAt = c.ns - int64(1<<40)
	case "current":
		a.res.item.current = nil
	case "wrap":
		a.wrapAt = c.ns - int64(1<<40)
	}
}
