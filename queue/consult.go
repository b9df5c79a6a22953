package queue

import "context"

// A consultation of a queue is an item of the queue like a call: it has a place
// in the same order, and is offered to one free agent after the other. Its owner
// is the call of the agent who asks; nobody is on the line for it, so no figure,
// no maximum length and no maximum wait count it.

// adopt makes the player's entry of a consultation: its agent gets the player, or
// who asked leaves him in the line, at the place that the consultation has. While
// nobody has answered, the clock of the queue starts now.
func (c *Core) adopt(id ItemID) error {
	e := c.items[id]
	if e == nil || !e.Consult {
		return ErrGone
	}
	waits := e.counted
	c.countWaiting(e, false)
	held := e.inHands
	c.countHeld(e, false)
	from := e.tally()
	e.Consult, e.as, e.met = false, "", false
	e.slot = slotOf(&e.Item)
	to := e.tally()
	from.MovedOut++
	from.Live--
	to.MovedIn++
	to.Live++
	if !e.bridged {
		e.EnqueuedAt, e.enqueued = c.now, c.ns
		c.armOver(e)
	}
	c.countWaiting(e, waits)
	c.countHeld(e, held)
	c.decideItem(DecisionUpdate, e)
	if r := e.current; r != nil {
		c.touchAgent(r.agent)
		c.settle(r.agent)
	}
	return nil
}

// consulting changes what the agent of a consultation is shown as.
func (c *Core) consulting(r *reservation, as AgentState) {
	e := r.item
	if r.state != resAccepted || !r.talked || !e.Consult || e.as == as {
		return
	}
	e.as = as
	e.met = e.met || as == AgentConference
	c.settle(r.agent)
}

// Adopt makes the player's entry of a consultation (Item.Consult): it keeps its
// place, its agent, and the offer that runs. From then on it counts in the
// figures. ErrGone when there is no such consultation any more.
func (d *Domain) Adopt(ctx context.Context, item ItemID) error {
	_, err := d.ask(ctx, message{event: Event{Kind: EventAdopt, ItemID: item}})
	return err
}

// Consulting says what the agent of a consultation that talks is shown as:
// AgentConsulting, or AgentConference once he talks to the player too.
func (d *Domain) Consulting(o OfferID, as AgentState) {
	d.tell(Event{Kind: EventConsulting, Offer: o, State: as})
}
