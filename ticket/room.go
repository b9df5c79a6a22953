package ticket

import (
	"context"
	"maps"
	"slices"
	"time"
)

// Desk is what people do with tickets. Its methods may be called from any
// goroutine; each is one durable act of the store.
type Desk struct {
	store    Store
	policy   Policy
	now      func() time.Time
	onChange func(topic, id string)
}

// NewDesk makes a Desk. onChange, which may be nil, is told after each act which
// objects it changed: topics ticket, interaction, message and contact. It is
// called by the goroutine of the act and must not wait.
func NewDesk(s Store, p Policy, now func() time.Time, onChange func(topic, id string)) *Desk {
	if onChange == nil {
		onChange = func(string, string) {}
	}
	return &Desk{store: s, policy: p.withDefaults(), now: now, onChange: onChange}
}

// Policy returns the policy with its defaults filled.
func (d *Desk) Policy() Policy { return d.policy }

// Look runs act on one committed state; act writes nothing.
func (d *Desk) Look(ctx context.Context, act func(DeskTx) error) error {
	return d.store.LookDesk(ctx, act)
}

// Act runs act in one durable transaction and announces what it changed.
func (d *Desk) Act(ctx context.Context, act func(DeskTx) error) error {
	var changed touched
	err := d.store.Desk(ctx, func(tx DeskTx) error {
		changed = touched{} // it may run twice
		return act(watchedTx{DeskTx: tx, touched: changed})
	})
	if err != nil {
		return err
	}
	for _, c := range slices.SortedFunc(maps.Keys(changed), compareChange) {
		d.onChange(c.topic, c.id)
	}
	return nil
}

// Receive is the function Receive as an act of its own.
func (d *Desk) Receive(ctx context.Context, in Incoming) (r Received, err error) {
	err = d.Act(ctx, func(tx DeskTx) error {
		r, err = Receive(ctx, tx, d.policy, in)
		return err
	})
	return r, err
}

// Reply is the function Post as an act of its own, now.
func (d *Desk) Reply(ctx context.Context, by Actor, out Outgoing) (m Message, err error) {
	err = d.Act(ctx, func(tx DeskTx) error {
		m, err = Post(ctx, tx, d.policy, by, out, d.now())
		return err
	})
	return m, err
}
