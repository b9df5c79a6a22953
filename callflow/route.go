package callflow

import (
	"context"

	"pickup/call"
	"pickup/callback"
	"pickup/internal/logkey"
)

// addressOf is where the player of a promise is rung.
func addressOf(c callback.Callback) Address {
	to := Address{Kind: AddressSIPSource, Value: c.Target}
	switch c.TargetKind {
	case callback.TargetNumber:
		to.Kind = AddressNumber
	case callback.TargetBrowser:
		to.Kind = AddressBrowser
	}
	return to
}

// partyKind is the kind of party that a target reaches.
func partyKind(k callback.TargetKind) call.PartyKind {
	switch k {
	case callback.TargetBrowser:
		return call.PartyBrowser
	case callback.TargetNumber:
		return call.PartyTrunk
	default:
		return call.PartyAnonymousSIP
	}
}

func partyURI(c callback.Callback) string {
	if c.Player == "" {
		return string(c.TargetKind) + ":" + c.ID
	}
	return "sip:" + c.Player
}

// route says why nothing could dial the player of a promise; nil: it can be
// tried.
func (r *runner) route(c callback.Callback) error {
	to := addressOf(c)
	d := r.mgr.dialers[to.Kind]
	if d == nil {
		return ErrNoRoute
	}
	return d.Route(to)
}

// keepOut lets a promise stand outside its queue, because nothing could dial
// it: no agent is kept for it, and no attempt is used. It is tried again by
// TrunksChanged and by the sweep.
func (r *runner) keepOut(c callback.Callback, why error) {
	r.mu.Lock()
	known := r.outside[c.ID]
	delete(r.waiting, c.ID)
	r.outside[c.ID] = true
	r.mu.Unlock()
	if c.Detail != callback.DetailNoTrunk {
		r.say(&c, callback.DetailNoTrunk)
	}
	if !known {
		r.mgr.logOf(c).Warn("callback rests until a trunk takes its number", logkey.Err, why)
		r.mgr.cfg.OnChange("callback", c.ID)
	}
}

// say stores why a promise does not go on. It is told beside: the promise
// stands whether or not its reason can be read.
func (r *runner) say(c *callback.Callback, detail string) {
	c.Detail = detail
	id := c.ID
	r.write(c.CallID, id, "reason of a callback", func(ctx context.Context) error {
		return unlessOver(r.mgr.book.Explain(ctx, id, detail))
	})
}

// TrunksChanged puts the promises in their queues that rest because nothing
// could dial them, where something can now. It is told when trunks were added
// or changed.
func (m *Manager) TrunksChanged(ctx context.Context) {
	r := m.callbacks
	r.mu.Lock()
	none := len(r.outside) == 0 || r.quiet
	r.mu.Unlock()
	if none {
		return
	}
	open, err := m.book.Standing(ctx)
	if err != nil { // the sweep will
		m.log.Error("callbacks that rest for want of a trunk are not looked at", logkey.Err, err)
		return
	}
	for _, c := range open {
		if r.route(c) == nil && !c.State.Running() && r.takeIn(c.ID) {
			r.add(c)
			r.letGo(c.ID)
		}
	}
}

// takeIn holds a promise that stands outside its queue, until letGo; false:
// somebody else has it.
func (r *runner) takeIn(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, waits := r.waiting[id]; waits || r.held[id] > 0 || !r.outside[id] {
		return false
	}
	delete(r.outside, id)
	r.held[id]++
	return true
}
