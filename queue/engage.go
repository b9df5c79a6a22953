package queue

import (
	"time"

	"pickup/account"
	"pickup/call"
)

// engage takes an agent for a talk that comes from no queue: a transfer to him,
// a consultation, a conference, a call of his own. He is offered nothing until
// it is over. A wrap-up that runs ends: he goes on working.
func (c *Core) engage(id account.ID, in call.ID, as AgentState) error {
	a := c.agents[id]
	if a == nil || a.removed {
		return ErrUnknownAgent
	}
	refuse := func(why string) error { return &RefusedError{Agent: id, State: a.shown, Want: as, Why: why} }
	switch {
	case a.devices == 0:
		return refuse("no device can be rung")
	case a.unreachable != "":
		return refuse("his devices cannot be rung")
	case a.res != nil || a.elsewhere():
		return refuse("he has a call")
	case a.chosen == AgentOffline:
		return refuse("he is offline")
	}
	a.engaged, a.engagedIn = as, in
	if a.open != nil { // the written work that he is asked about is somebody else's
		c.withdraw(a.open, true)
	}
	if a.wrapping {
		c.endWrap(a)
	}
	c.touchAgent(a)
	c.settle(a)
	return nil
}

// engagedAs changes what an engaged agent is shown as. From the first state in
// which he talks, his interruptible written work rests.
func (c *Core) engagedAs(id account.ID, as AgentState) {
	a := c.agents[id]
	if a == nil || a.engaged == "" || a.engaged == as {
		return
	}
	a.engaged = as
	c.interrupt(a)
	c.settle(a)
}

// disengage frees an engaged agent. wrap is his wrap-up; 0: none.
func (c *Core) disengage(id account.ID, wrap time.Duration) {
	a := c.agents[id]
	if a == nil || a.engaged == "" {
		return
	}
	a.engaged, a.engagedIn = "", ""
	if wrap > 0 {
		a.idle = c.ns
		c.wrap(a, wrap)
	} else {
		c.afterTalk(a)
	}
	c.touchAgent(a)
	c.settle(a)
	c.forget(a)
}

// elsewhere reports whether his phone is in a call that no queue gave him.
func (a *agent) elsewhere() bool { return a.occupied || a.engaged != "" }
