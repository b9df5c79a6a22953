package queue

import (
	"time"

	"pickup/account"
)

// How long an agent is left alone whom a call did not reach although his devices
// are there: the time in which a keep-alive would have judged them, doubled with
// each failure in a row.
const (
	reachAgain     = 30 * time.Second
	reachAgainMost = 5 * time.Minute
)

// reach is what is known of somebody's devices.
type reach struct {
	devices int    // can be rung
	silent  int    // registered, but cannot be
	why     string // why not
}

// registered is how many devices of the agent are there, rung or not.
func (a *agent) registered() int { return a.devices + a.silent }

// notReachable says why the agent cannot choose to be ready; "": he can.
func (a *agent) notReachable() string {
	switch {
	case a.devices > 0 || a.console:
		return ""
	case a.silent == 0:
		return "no device can be rung"
	case a.silentWhy == causeMicrophone:
		return "no microphone works"
	}
	return "no device answers"
}

// Why registered devices cannot be rung.
const (
	causeNoResponse = "no_response"
	causeMicrophone = "microphone"
)

// reachable says how the devices of an agent stand. What he chose stands while
// one is registered (telephony 1.4): those that do not answer make him
// unreachable, and he is back by himself with the first that does.
func (c *Core) reachable(id account.ID, now reach) {
	now.devices, now.silent = max(now.devices, 0), max(now.silent, 0)
	if now.silent == 0 {
		now.why = ""
	} else if now.why == "" {
		now.why = causeNoResponse
	}
	a := c.agents[id]
	if a == nil {
		c.stranger(id, func(s *stranger) { s.reach = now })
		return
	}
	was, rung := a.registered(), a.devices
	a.devices, a.silent, a.silentWhy = now.devices, now.silent, now.why
	c.touchAgent(a)
	switch {
	case a.registered() == 0 && was == 0:
		return
	case a.registered() == 0 && a.console:
		c.phonesGone(a)
	case a.registered() == 0:
		c.unplugged(a)
	default:
		if a.unreachable != "" && a.devices > 0 && a.devices >= rung {
			a.unreachable = ""
			a.idle = c.ns
		}
		if was > 0 && rung == 0 && a.devices > 0 {
			a.idle = c.ns // he was away
		}
		if was == 0 {
			c.plugged(a)
		}
	}
	c.settle(a)
}

// cutOff makes an agent unreachable because a call did not reach him. His devices
// say when they are back; where nothing is wrong with them by what they say, he is
// tried again after a time.
func (c *Core) cutOff(a *agent, why string) {
	a.unreachable = why
	wait := min(reachAgain<<min(a.fails, 8), reachAgainMost)
	a.fails++
	a.backAt = c.ns + int64(wait)
	c.arm(timer{at: a.backAt, kind: timerBack, who: a})
}

// tryAgain ends an unreachability that only a call has seen.
func (c *Core) tryAgain(a *agent) {
	a.backAt = 0
	if a.devices == 0 {
		return // his next device ends it
	}
	a.unreachable = ""
	a.idle = c.ns
	c.settle(a)
}
