package queue

import (
	"time"

	"pickup/account"
	"pickup/call"
)

// missed ends an offer without a winner; the item waits again at once.
func (c *Core) missed(r *reservation, outcome call.Outcome) {
	if r.state != resOffered {
		return
	}
	e := r.item
	c.judge(r, outcome)
	c.toReleasing(r, outcome)
	c.again(e)
}

// judge holds an outcome against the agent (telephony 1.5 to 1.7).
func (c *Core) judge(r *reservation, outcome call.Outcome) {
	a, e := r.agent, r.item
	r.judged = &judgement{
		chosen: a.chosen, reason: a.reason, person: a.person, unreachable: a.unreachable,
		missed: a.missed, rejected: a.rejected, delayAt: a.delayAt, idle: a.idle,
	}
	switch outcome {
	case call.OutcomeMissed:
		a.idle = c.ns
		c.tried(e, a)
		if c.tooManyMissed(e, a) {
			a.stop("no_answer")
		}
	case call.OutcomeRejected:
		a.rejected++
		a.foreign = false
		a.idle = c.ns
		c.tried(e, a)
		if a.rejected >= 2 {
			a.stop("declined")
		} else {
			c.delay(a, rejectDelay)
		}
	case call.OutcomeDND:
		c.tried(e, a)
		a.stop("dnd")
	case call.OutcomeForwarded:
		c.tried(e, a)
		a.stop("forwarded")
	case call.OutcomeBusy:
		a.foreign = !e.lane.text() // who does not take a chat is in no call elsewhere
		c.delay(a, busyDelay)
	case call.OutcomeUnreachable:
		c.unreached(e, a, "no_response")
	case call.OutcomeMedia:
		c.unreached(e, a, "media")
	case call.OutcomeChallenged:
		c.unreached(e, a, "asks_password")
	case call.OutcomeGone: // his other flow is rung next: nothing is held against him
	default:
		r.judged = nil
	}
}

// unreached: a call did not reach the agent's phones. With text that says
// nothing about them.
func (c *Core) unreached(e *entry, a *agent, why string) {
	if e.lane.text() {
		c.tried(e, a)
		return
	}
	c.cutOff(a, why)
}

// tooManyMissed counts a missed offer and reports whether it stops the agent.
func (c *Core) tooManyMissed(e *entry, a *agent) bool {
	if e.lane.text() {
		a.missedChat++
		return c.cfg.MaxMissedChat > 0 && a.missedChat >= c.cfg.MaxMissedChat
	}
	a.missed++
	return c.cfg.MaxMissed > 0 && a.missed >= c.cfg.MaxMissed
}

func (c *Core) tried(e *entry, a *agent) {
	if e.tries == nil {
		e.tries = make(map[account.ID]int, 1)
	}
	e.tries[a.ID]++
}

// deferOffer ends an offer without judging its agent; the item rests.
func (c *Core) deferOffer(r *reservation, until time.Time) {
	if r.state != resOffered {
		return
	}
	e := r.item
	c.toReleasing(r, call.OutcomeWithdrawn)
	e.NotBefore = until
	c.again(e)
}
