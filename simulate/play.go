package simulate

import (
	"strings"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

func lower(name string) string { return strings.ToLower(name) }

// join lets a piece of work come.
func (d *driver) join(j *job) {
	reply := d.do(queue.Event{Kind: queue.EventJoin, Item: queue.Item{
		ID: j.id, Channel: j.Channel, Queue: j.Queue, Priority: j.Priority, Needs: j.Needs, Language: j.Language,
		EnqueuedAt: j.At, CountsAsOffered: true,
	}})
	if reply.Err != nil {
		delete(d.byID, j.id) // turned away; Decision said why
		j.ended = true
		return
	}
	j.Expected, _ = d.core.Expected(j.id)
	if j.Patience > 0 {
		d.plan(j.At.Add(j.Patience), func() { d.giveUp(j) })
	}
}

// giveUp ends the wait of who has no patience left.
func (d *driver) giveUp(j *job) {
	if j.ended || j.Answered {
		return
	}
	d.do(queue.Event{Kind: queue.EventLeave, ItemID: j.id})
	d.silent(j)
}

// silent says that no leg of the last offer of a job rings any more.
func (d *driver) silent(j *job) {
	if j.offer != "" && voice(j.Channel) {
		d.do(queue.Event{Kind: queue.EventFinal, Offer: j.offer})
	}
}

func voice(ch call.Channel) bool { return ch == call.ChannelCall || ch == call.ChannelCallback }

// told plays what the owner of an item does when he is told something.
func (d *driver) told(n queue.Notice) {
	j := d.byID[n.Offer.Item.ID]
	if j == nil {
		return
	}
	switch n.Kind {
	case queue.NoticeOffer:
		j.offer = n.Offer.ID
		if n.Offer.Accepted {
			d.work(j)
			return
		}
		d.plan(d.now.Add(j.PickUp), func() { d.pickUp(j, n.Offer.ID) })
	case queue.NoticeWithdraw:
		d.silent(j)
	case queue.NoticeParked:
		d.pause(j)
	case queue.NoticeResumed:
		d.work(j)
	}
}

// pickUp answers an offer, if it still stands.
func (d *driver) pickUp(j *job, offer queue.OfferID) {
	if j.ended || j.offer != offer {
		return
	}
	if !d.do(queue.Event{Kind: queue.EventAnswered, Offer: offer}).OK {
		return
	}
	d.do(queue.Event{Kind: queue.EventBridged, Offer: offer})
	d.work(j)
}

// work begins, or goes on.
func (d *driver) work(j *job) {
	j.active, j.since = true, d.now
	j.version++
	version := j.version
	d.plan(d.now.Add(j.left), func() {
		if j.version == version && !j.ended {
			d.finish(j)
		}
	})
}

// pause keeps what is left of the work for later.
func (d *driver) pause(j *job) {
	if j.active {
		j.active, j.left = false, max(j.left-d.now.Sub(j.since), 0)
		j.version++
	}
}

// finish ends the work of an agent on a job.
func (d *driver) finish(j *job) {
	agent := j.Agent
	d.do(queue.Event{Kind: queue.EventRelease, Offer: j.offer, Reason: call.EndAnswered})
	d.silent(j)
	if j.WrapUp <= 0 || !voice(j.Channel) {
		return
	}
	until := d.now.Add(j.WrapUp)
	d.wrapping[agent] = until
	d.plan(until, func() {
		if d.wrapping[agent].Equal(until) {
			delete(d.wrapping, agent)
			d.do(queue.Event{Kind: queue.EventEndWrapUp, Agent: agent}) // refused where it is over
		}
	})
}

// arrive changes what an agent is there for.
func (d *driver) arrive(p Presence) {
	phones := 0
	if p.Phone {
		phones = 1
	}
	state := queue.AgentNotReady
	if p.Ready {
		state = queue.AgentReady
	}
	d.do(queue.Event{Kind: queue.EventReachable, Agent: p.Agent, Devices: phones})
	d.do(queue.Event{Kind: queue.EventConsole, Agent: p.Agent, On: p.Console})
	d.do(queue.Event{Kind: queue.EventSetState, Agent: p.Agent, State: state})
	d.measure(p.Agent)
}

// clock measures an agent.
type clock struct {
	usage      Usage
	since      time.Time
	busy, idle bool
}

// measure adds up how an agent spent the time since he was looked at last.
func (d *driver) measure(id account.ID) {
	c := d.clocks[id]
	if c == nil {
		return
	}
	c.upTo(d.now)
	v, ok := d.core.AgentView(id)
	if !ok {
		c.busy, c.idle = false, false
		return
	}
	switch v.State {
	case queue.AgentReserved, queue.AgentConnecting, queue.AgentTalking, queue.AgentHolding, queue.AgentWrapUp:
		c.busy, c.idle = true, false
	default:
		c.busy = v.Load > 0
		c.idle = !c.busy && v.State == queue.AgentReady
	}
}

func (c *clock) upTo(now time.Time) {
	if spent := now.Sub(c.since); c.busy {
		c.usage.Busy += spent
	} else if c.idle {
		c.usage.Idle += spent
	}
	c.since = now
}
