package queue

import (
	"slices"
	"time"

	"pickup/account"
)

// chosenTag marks the stored state of an agent whom a person made ready.
const chosenTag = "chosen"

// settle makes everything that follows from an agent's facts true: the state
// that screens show, his place among the idle, and the items kept for him.
func (c *Core) settle(a *agent) {
	if a.delayAt != 0 && a.delayAt <= c.ns {
		a.delayAt = 0
	}
	if a.console || a.atDesk || len(a.text) > 0 {
		c.settleText(a)
	}
	state, reason := a.display()
	tag := reason
	if tag == "" && a.person && a.chosen == AgentReady {
		tag = chosenTag
	}
	if state != a.shown || reason != a.shownReason {
		a.since = c.now
		c.touchAgent(a)
	}
	if state != a.shown || tag != a.workTag {
		d := c.decide(DecisionAgentState)
		d.Agent, d.State, d.StateReason = a.ID, state, tag
	}
	a.shown, a.shownReason, a.workTag = state, reason, tag
	c.countDuty(a)
	c.countFloor(a)
	if working := a.load > 0; working != a.working {
		if a.profile != nil {
			a.profile.idle.remove(a)
		}
		a.working = working
	}
	if a.profile != nil {
		switch in := a.profile.idle.has(a); {
		case a.available() && !in:
			a.profile.idle.push(a)
			if !a.fresh {
				a.fresh = true
				c.freed = append(c.freed, a)
			}
		case !a.available() && in:
			a.profile.idle.remove(a)
		}
	}
	if a.own != nil && a.own.len() > 0 {
		c.disown(a)
	}
}

// countDuty keeps the number of members on duty of his queues.
func (c *Core) countDuty(a *agent) {
	on := a.onDuty() && a.profile != nil
	if on == a.counted || a.profile == nil {
		return
	}
	a.counted = on
	for name := range a.profile.ranks {
		if q := c.lines[name]; q != nil {
			if on {
				q.duty++
			} else {
				q.duty--
			}
			c.touch(q)
		}
	}
}

// stop makes an agent not ready by a rule.
func (a *agent) stop(reason string) {
	a.chosen, a.reason, a.person = AgentNotReady, reason, false
}

func (c *Core) delay(a *agent, d time.Duration) {
	a.delayAt = c.ns + int64(d)
	c.arm(timer{at: a.delayAt, kind: timerDelay, who: a})
}

// setState is a person's choice.
func (c *Core) setState(id account.ID, state AgentState, reason string) error {
	a := c.agents[id]
	if a == nil || a.removed {
		return ErrUnknownAgent
	}
	refuse := func(why string) error {
		return &RefusedError{Agent: id, State: a.shown, Want: state, Why: why}
	}
	switch state {
	case AgentReady:
		if why := a.notReachable(); why != "" {
			return refuse(why)
		}
		reason = ""
	case AgentNotReady, AgentOffline:
	default:
		return refuse("a person chooses ready, not_ready or offline")
	}
	c.touchAgent(a)
	if a.inCall() {
		a.next, a.nextReason, a.nextPerson = state, reason, true
		if state == AgentReady && a.wrapping {
			c.endWrap(a)
		}
		return nil
	}
	c.choose(a, state, reason, true)
	if r := a.res; r != nil {
		r.judged = nil // his word counts, a late answer does not undo it
		if state != AgentReady {
			c.withdraw(r, true)
		}
	}
	if a.open != nil && state != AgentReady {
		c.withdraw(a.open, true)
	}
	c.settle(a)
	return nil
}

// choose sets what an agent is when nothing occupies him.
func (c *Core) choose(a *agent, state AgentState, reason string, person bool) {
	if state == AgentReady {
		if a.chosen != AgentReady || a.unreachable != "" {
			a.idle = c.ns
		}
		if person {
			a.missed, a.rejected, a.dropped, a.missedChat = 0, 0, 0, 0
			a.delayAt = 0
		}
	}
	if person {
		a.unreachable = ""
	}
	a.chosen, a.reason, a.person = state, reason, person
}

// stranger notes what is known of a user who is not an agent.
func (c *Core) stranger(id account.ID, change func(*stranger)) {
	s := c.strangers[id]
	change(&s)
	if s == (stranger{}) {
		delete(c.strangers, id)
		return
	}
	c.strangers[id] = s
}

// console says whether an agent's console is open.
func (c *Core) console(id account.ID, open bool) {
	a := c.agents[id]
	if a == nil {
		c.stranger(id, func(s *stranger) { s.console = open })
		return
	}
	if a.console == open {
		return
	}
	a.console = open
	c.touchAgent(a)
	if !open && a.open != nil {
		c.withdraw(a.open, true)
	}
	switch {
	case a.registered() > 0:
	case open:
		c.plugged(a)
	default:
		c.unplugged(a)
	}
	c.settle(a)
}

// phonesGone: all devices are gone; the console is open.
func (c *Core) phonesGone(a *agent) {
	a.unreachable = ""
	if a.res != nil && !a.inCall() {
		a.res.judged = nil
		c.withdraw(a.res, true)
	}
}

// unplugged: all devices are gone, and with them what a person chose.
func (c *Core) unplugged(a *agent) {
	if a.inCall() {
		a.next, a.nextReason, a.nextPerson = AgentOffline, "", false
		return
	}
	c.choose(a, AgentOffline, "", false)
	a.unreachable = ""
	if a.res != nil {
		a.res.judged = nil
		c.withdraw(a.res, true)
	}
}

// plugged: the first device came. Ready where the configuration says so, unless
// a person chose otherwise since the devices were gone.
func (c *Core) plugged(a *agent) {
	switch {
	case a.inCall():
		if a.next == AgentOffline && !a.nextPerson {
			a.next = ""
			if a.AutoReady {
				a.next = AgentReady
			}
		}
	case a.person && a.chosen == AgentReady:
		a.idle = c.ns
	case !a.person && a.AutoReady:
		c.choose(a, AgentReady, "", false)
		a.idle = c.ns
	}
}

// startWrap begins the timed wrap-up after r's talk.
func (c *Core) startWrap(r *reservation) {
	a := r.agent
	a.talkFrom, a.talkOffered, a.talkLine = r.wonAt, r.offeredAt, r.item.q
	if d := r.item.q.WrapUp; d > 0 {
		c.wrap(a, d)
	}
}

// wrap begins a wrap-up of d.
func (c *Core) wrap(a *agent, d time.Duration) {
	a.wrapping = true
	a.wrapAt = c.ns + int64(d)
	c.arm(timer{at: a.wrapAt, kind: timerWrap, who: a})
}

// endWrap ends the timed wrap-up. An agent whose legs are not final stays in
// wrap_up until they are.
func (c *Core) endWrap(a *agent) {
	a.wrapping, a.wrapAt = false, 0
	if a.res == nil {
		c.afterTalk(a)
	}
	c.touchAgent(a)
	c.settle(a)
	c.forget(a)
}

// endWrapUp is the agent's button.
func (c *Core) endWrapUp(id account.ID) error {
	a := c.agents[id]
	if a == nil || a.removed {
		return ErrUnknownAgent
	}
	if a.shown != AgentWrapUp {
		return &RefusedError{Agent: id, State: a.shown, Want: AgentReady, Why: "not in wrap-up"}
	}
	if a.wrapping {
		c.endWrap(a)
	}
	return nil
}

// afterTalk applies what was chosen during the call.
func (c *Core) afterTalk(a *agent) {
	if a.talkLine != nil {
		h := handling{agent: a, line: a.talkLine, at: c.ns, dur: c.ns - a.talkFrom}
		whole := h
		whole.dur = c.ns - a.talkOffered
		a.talkLine.stats.handled(whole)
		a.work = trimmed(append(a.work, h), c.ns, func(h handling) int64 { return h.at })
		a.talkLine = nil
	}
	idle := a.idle
	switch {
	case a.registered() == 0 && !a.console:
		c.choose(a, AgentOffline, "", false)
	case a.next != "":
		c.choose(a, a.next, a.nextReason, a.nextPerson)
	}
	if a.chosen == AgentReady && a.next == AgentReady {
		a.idle = idle
	}
	a.next, a.nextReason, a.nextPerson = "", "", false
}

// restore gives agents their state before a restart.
func (c *Core) restore(states map[account.ID]AgentView) {
	ids := make([]account.ID, 0, len(states))
	for id := range states {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		a, v := c.agents[id], states[id]
		switch {
		case a == nil || a.inCall():
			continue
		case v.State == AgentNotReady:
			c.choose(a, AgentNotReady, v.Reason, true)
		case v.Reason == chosenTag:
			c.choose(a, AgentReady, "", true)
		default:
			continue
		}
		if a.res != nil && a.chosen != AgentReady {
			c.withdraw(a.res, true)
		}
		if a.open != nil && a.chosen != AgentReady {
			c.withdraw(a.open, true)
		}
		c.settle(a)
	}
}

// forget drops an agent who was removed and is done.
func (c *Core) forget(a *agent) {
	if a.removed && a.res == nil && !a.wrapping && a.engaged == "" && len(a.text) == 0 && c.agents[a.ID] == a {
		delete(c.agents, a.ID)
	}
}
