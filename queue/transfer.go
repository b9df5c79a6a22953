package queue

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"pickup/account"
)

// Destination is where an item is transferred to.
type Destination struct {
	Queue string     // name, case-insensitive; "": the one it is in
	Agent account.ID // of text: he gets it before anybody else, by the rule of a preferred agent; "": by the order
	Skill string     // asked for beside what the item needs anyway; "": none
	Level int        // of Skill, 1 to 5; 0: 1
	Fresh bool       // a new request: it enters now and waits behind all others
	By    string     // who gives it away, for the reason of the offers that follow
}

// transfer moves an item to a queue, an agent or a skill, where it waits.
func (c *Core) transfer(id ItemID, to Destination) error {
	e := c.items[id]
	if e == nil {
		return ErrGone
	}
	q := e.q
	if to.Queue != "" {
		q = c.lines[strings.ToLower(to.Queue)]
	}
	switch {
	case q == nil || q.removed:
		return ErrUnknownQueue
	case q.closed:
		return ErrClosed
	case !e.lane.text() && (e.state == itemConnecting || e.state == itemTalking):
		return ErrTaken
	case e.onLine() && q != e.q && q.MaxLength > 0 && q.waiting() >= q.MaxLength:
		return ErrFull
	}
	if err := c.fits(e, q, to); err != nil {
		return err
	}
	had := c.takeAway(e)
	c.move(e, q)
	e.Needs, e.Preferred, e.PreferredUntil, e.By = to.needs(e.Needs), to.Agent, time.Time{}, to.By
	c.boundPreferred(e)
	if to.Agent != "" {
		e.NotBefore = time.Time{}
	}
	if to.Fresh {
		c.renew(e)
	} else {
		c.needNow(e)
	}
	e.class = c.classOf(e)
	c.decideItem(DecisionUpdate, e)
	if had {
		c.decideItem(DecisionRequeue, e)
	}
	c.armOver(e)
	e.diverted = false
	c.armClosing(e)
	c.wait(e)
	return nil
}

// takeAway takes an item from the line it waits in, or from the agent who has
// it, or is asked, and reports whether there was one; he is asked last from now
// on.
func (c *Core) takeAway(e *entry) (had bool) {
	r := e.current
	if e.state == itemWaiting {
		c.unheap(e)
	}
	asked := e.live()
	c.detachAll(e, nil, true)
	e.current, e.others, e.state, e.parkAt = nil, nil, itemParked, -1
	c.countWaiting(e, false)
	c.countHeld(e, false)
	e.tries = nil
	for _, o := range asked {
		c.tried(e, o.agent)
	}
	return r != nil
}

// fits says why an item cannot be transferred: nobody has the skill that is asked
// for, or the agent can never be given it, as he is configured. Whether he is
// there, and has room, is no matter: it waits.
func (c *Core) fits(e *entry, q *line, to Destination) error {
	if to.Level < 0 || to.Level > 5 {
		return &UnfitError{Field: "level", Limit: "1 to 5", Value: strconv.Itoa(to.Level)}
	}
	needs, _ := q.asks(&e.Item, to.needs(e.Needs), c.ns-e.enqueued)
	if to.Agent == "" {
		if to.Skill == "" {
			return nil
		}
		for _, a := range c.agents {
			if !a.removed && a.profile != nil && a.lacks(q, e.lane, needs) == nil {
				return nil
			}
		}
		n := Need{Skill: to.Skill, Level: to.Level}
		return &UnfitError{Field: "skill", Limit: n.text(), Value: "nobody in " + q.key + " who may have it"}
	}
	a := c.agents[to.Agent]
	switch {
	case a == nil || a.removed:
		return ErrUnknownAgent
	case !e.lane.text():
		return &UnfitError{Agent: a.ID, Field: "channel", Limit: "written work", Value: string(e.Channel)}
	}
	if u := a.lacks(q, e.lane, needs); u != nil {
		return u
	}
	if e.current != nil && e.current.agent == a {
		return &UnfitError{Agent: a.ID, Field: "agent", Limit: "another one than has it", Value: a.Login}
	}
	return nil
}

// needs are those of an item with what the transfer asks for, last, in place of
// what the one before did.
func (to *Destination) needs(of []Need) []Need {
	needs := slices.DeleteFunc(slices.Clone(of), func(n Need) bool { return n.Asked })
	if to.Skill != "" {
		needs = append(needs, Need{Skill: to.Skill, Level: max(to.Level, 1), Asked: true})
	}
	return needs
}

func (n *Need) text() string { return n.Skill + " " + strconv.Itoa(max(n.Level, 1)) }

// lacks says what an agent will never have for an item, as he is configured.
func (a *agent) lacks(q *line, l lane, needs Requirement) *UnfitError {
	if a.profile == nil {
		return &UnfitError{Agent: a.ID, Field: "queue", Limit: q.key, Value: "a member of none"}
	}
	if _, member := a.profile.ranks[q.key]; !member {
		return &UnfitError{Agent: a.ID, Field: "queue", Limit: q.key, Value: "not a member"}
	}
	if _, met := needs.metBy(a.profile.skills); met {
		needs = nil
	}
	for _, n := range needs.first() {
		if has := a.profile.skills[n.Skill]; has < max(n.Level, 1) {
			return &UnfitError{Agent: a.ID, Field: "skill", Limit: n.text(), Value: n.Skill + " " + strconv.Itoa(has)}
		}
	}
	if l.text() && a.limits[l].Max < 1 {
		return &UnfitError{Agent: a.ID, Field: string(laneChannels[l]) + ".max", Limit: strconv.Itoa(a.limits[l].Max), Value: "1"}
	}
	return nil
}
