package queue

import (
	"cmp"
	"context"
	"time"

	"pickup/account"
	"pickup/call"
)

// ask sends a request to the owner and waits for the answer. When ctx ends
// first the request may still be applied.
func (d *Domain) ask(ctx context.Context, m message) (Effect, error) {
	m.reply = make(chan Effect, 1)
	reply := m.reply
	if err := ctx.Err(); err != nil {
		return Effect{}, err
	}
	if !d.box.Put(m) {
		return Effect{}, ErrStopped
	}
	select {
	case got := <-reply:
		return got, got.Err
	case <-ctx.Done():
		return Effect{}, ctx.Err()
	}
}

// tell sends a fact to the owner; after the end nobody is there to hear it.
func (d *Domain) tell(ev Event) { d.box.Put(message{event: ev}) }

// Configure replaces queues and agents. It applies to the next offer; running
// offers and calls keep their parameters. Agents keep their state.
func (d *Domain) Configure(ctx context.Context, queues []QueueConfig, agents []AgentConfig) error {
	_, err := d.ask(ctx, message{event: Event{Kind: EventConfigure, Queues: queues, Agents: agents}})
	return err
}

// RestoreAgents gives agents the state they had before a restart (only
// not_ready with its reason, and a ready that a person chose, are taken over).
func (d *Domain) RestoreAgents(ctx context.Context, states map[account.ID]AgentView) error {
	_, err := d.ask(ctx, message{event: Event{Kind: EventRestore, States: states}})
	return err
}

// Join puts an item in its queue. Outside the queue's hours who arrives on the
// line gets ErrClosed; callbacks, and who has a place already, wait. Errors:
// ErrUnknownQueue, ErrFull, ErrClosed, ErrStopped.
func (d *Domain) Join(ctx context.Context, item Item) (*Entry, error) {
	room := 4
	switch q, _ := d.Has(item.Queue); {
	case laneOf(item.Channel).text():
		room = 16
	case item.Channel == call.ChannelCall && q.Strategy.several():
		room = 2*cmp.Or(q.RingMost, ringMost) + 1
	}
	en := &Entry{item: item, notices: make(chan Notice, room)}
	if _, err := d.ask(ctx, message{event: Event{Kind: EventJoin, Item: item, Room: room}, entry: en}); err != nil {
		if ctx.Err() != nil { // it may have joined after all: nobody waits there
			d.tell(Event{Kind: EventLeave, ItemID: item.ID})
		}
		return nil, err
	}
	return en, nil // the owner wrote en.item before it answered
}

// Ringing: the first device of the offer rings.
func (d *Domain) Ringing(o OfferID) {
	d.tell(Event{Kind: EventRinging, Offer: o})
}

// Answered asks whether o wins its item: a device of the agent answered.
// True: the item had no winner, the agent is connecting, any other offer of the
// item is withdrawn (its owner gets NoticeWithdraw). A withdrawn or missed
// offer whose legs are not final may still win (rescue). False: hang that leg up.
func (d *Domain) Answered(ctx context.Context, o OfferID) (bool, error) {
	got, err := d.ask(ctx, message{event: Event{Kind: EventAnswered, Offer: o}})
	return got.OK, err
}

// Missed ends an offer without a winner; the item goes back to its place at
// once, with its key. The agent is judged by outcome (telephony rules: missed
// and rejected count, busy delays 15 s, unreachable until SetReachable, ...).
// He stays reserved (releasing) until Final.
func (d *Domain) Missed(o OfferID, outcome call.Outcome) {
	d.tell(Event{Kind: EventMissed, Offer: o, Outcome: outcome})
}

// Defer ends an offer without judging the agent, and offers the item no sooner
// than notBefore (a callback whose player did not answer). front moves the
// item to class 0.
func (d *Domain) Defer(o OfferID, notBefore time.Time) {
	d.tell(Event{Kind: EventDefer, Offer: o, At: notBefore})
}

// Final: every leg to the agent under o has its final response, or its BYE was
// answered, or timed out. Only now can he get another offer. Idempotent.
func (d *Domain) Final(o OfferID) {
	d.tell(Event{Kind: EventFinal, Offer: o})
}

// Bridged: the winner o and the player are joined: the wait ends.
func (d *Domain) Bridged(o OfferID) {
	d.tell(Event{Kind: EventBridged, Offer: o})
}

// Held: the agent of o holds the player, or retrieved him.
func (d *Domain) Held(o OfferID, on bool) {
	d.tell(Event{Kind: EventHeld, Offer: o, On: on})
}

// AgentLost: the winner's leg failed or hung up while the player stays. The
// item goes to class 0 and waits again; no retry delay. outcome says why:
// OutcomeMedia makes the agent unreachable(media), OutcomeUnreachable
// unreachable, OutcomeRejected is a hang-up of his before the bridge or within
// 2 s of it (second one: not_ready(dropped)). For an offer that nobody answered yet (a callback
// whose player is on the line) the agent is judged as by Missed.
func (d *Domain) AgentLost(o OfferID, outcome call.Outcome) {
	d.tell(Event{Kind: EventAgentLost, Offer: o, Outcome: outcome})
}

// Release: the talk of o is over (either side hung up); the item ends with
// reason (answered or abandoned_on_hold), the agent goes to wrap-up, and may be
// offered again when that and Final are through.
func (d *Domain) Release(o OfferID, reason call.EndReason) {
	d.tell(Event{Kind: EventRelease, Offer: o, Reason: reason})
}

// Leave ends an item that has no bridge: the player left, confirmed a callback,
// or was taken out. reason "" lets the queue say which kind of abandon it was:
// short_abandoned, abandoned, or abandoned_ringing. A running offer is withdrawn
// without blame (NoticeWithdraw is not sent: the caller of Leave cancels its
// own legs) and its agent keeps his idle rank. It returns the reason stored.
func (d *Domain) Leave(ctx context.Context, item ItemID, reason call.EndReason) (call.EndReason, error) {
	got, err := d.ask(ctx, message{event: Event{Kind: EventLeave, ItemID: item, Reason: reason}})
	return got.Reason, err
}

// SetState is a person's choice: ready, not_ready(reason) or offline. During a
// call it is kept and applied after wrap-up; in wrap-up ready ends it. Reserved:
// not_ready withdraws the offer. Errors: *RefusedError, ErrUnknownAgent.
func (d *Domain) SetState(ctx context.Context, agent account.ID, state AgentState, reason string) error {
	_, err := d.ask(ctx, message{event: Event{Kind: EventSetState, Agent: agent, State: state, StateReason: reason}})
	return err
}

// EndWrapUp ends a wrap-up early. Errors: *RefusedError when not in wrap-up.
func (d *Domain) EndWrapUp(ctx context.Context, agent account.ID) error {
	_, err := d.ask(ctx, message{event: Event{Kind: EventEndWrapUp, Agent: agent}})
	return err
}

// SetReachable says how many devices of the agent can be rung. From 0 to more:
// ready where AutoReady, and unreachable ends; to 0: offline.
func (d *Domain) SetReachable(agent account.ID, devices int) {
	d.SetPresence(agent, devices, 0, "")
}

// SetPresence says how many devices of the agent can be rung, and how many more
// are registered but cannot be, and why (no_response, microphone). Who has only
// such ones is unreachable until one can be rung: what he chose stands. Without
// any device he is as SetReachable says for 0.
func (d *Domain) SetPresence(agent account.ID, devices, silent int, why string) {
	d.tell(Event{Kind: EventReachable, Agent: agent, Devices: devices, Silent: silent, StateReason: why})
}

// Occupy: the agent's phone is in a call of its own (feature code, direct call).
func (d *Domain) Occupy(agent account.ID, busy bool) {
	d.tell(Event{Kind: EventOccupy, Agent: agent, On: busy})
}

// Engage takes an agent for a talk that comes from no queue (a transfer to him, a
// consultation, a conference, a call of his own) and shows him as as, in the call
// named. He may be
// ready, not ready or in wrap-up, which ends; he is offered nothing until
// Disengage. Errors: *RefusedError when he has a call or cannot be rung,
// ErrUnknownAgent for who is not an agent.
func (d *Domain) Engage(ctx context.Context, agent account.ID, in call.ID, as AgentState) error {
	_, err := d.ask(ctx, message{event: Event{Kind: EventEngage, Agent: agent, Item: Item{CallID: in}, State: as}})
	return err
}

// Engaged changes what an engaged agent is shown as: he talks, consults, is in a
// conference. His written work rests from then on, as in a call.
func (d *Domain) Engaged(agent account.ID, as AgentState) {
	d.tell(Event{Kind: EventEngaged, Agent: agent, State: as})
}

// Disengage frees an engaged agent; call it when all his legs are final. wrap
// is the wrap-up that follows, 0 for none.
func (d *Domain) Disengage(agent account.ID, wrap time.Duration) {
	d.tell(Event{Kind: EventDisengage, Agent: agent, Wrap: wrap})
}

// Withdraw takes a waiting item out by hand (supervisor): End withdrawn_by_supervisor.
func (d *Domain) Withdraw(ctx context.Context, item ItemID) error {
	_, err := d.ask(ctx, message{event: Event{Kind: EventWithdraw, ItemID: item}})
	return err
}

// SetConsole says whether the agent's console is open, so that he can be given
// text work. From neither a device nor a console to one of them: ready where
// AutoReady; to neither: offline. What he holds stays his: take it from him by
// AgentLost or Transfer when he does not come back. A console that reloads
// should not be said closed for that time.
func (d *Domain) SetConsole(agent account.ID, open bool) {
	d.tell(Event{Kind: EventConsole, Agent: agent, On: open})
}

// Claim gives a waiting item to an agent who pulls it by hand, ready or not,
// before its turn and against the reserve; his skills, membership and capacity
// count. A text item is his when the store has it (Notice Offer with Accepted);
// a call rings him. Errors: ErrGone, ErrTaken, ErrUnknownAgent, ErrNotAllowed,
// ErrNoRoom (also while he has a call).
func (d *Domain) Claim(ctx context.Context, item ItemID, agent account.ID) (OfferID, error) {
	got, err := d.ask(ctx, message{event: Event{Kind: EventClaim, ItemID: item, Agent: agent}})
	return got.Offer, err
}

// SetPriority moves an item to the place of another priority, 0 to 3, by the
// formula of the key: a minute for each step. Errors: ErrGone, ErrPriority.
func (d *Domain) SetPriority(ctx context.Context, item ItemID, priority int) error {
	_, err := d.ask(ctx, message{event: Event{Kind: EventPriority, ItemID: item, Priority: priority}})
	return err
}

// Park sets an active text item aside: it stays the agent's and leaves room for
// another. Errors: ErrGone, ErrNoRoom (as many are parked as his limit allows).
func (d *Domain) Park(ctx context.Context, o OfferID) error {
	_, err := d.ask(ctx, message{event: Event{Kind: EventPark, Offer: o}})
	return err
}

// Resume makes a parked text item active again. What a call parked resumes by
// itself after wrap-up. Errors: ErrGone, ErrNoRoom (also while he has a call).
func (d *Domain) Resume(ctx context.Context, o OfferID) error {
	_, err := d.ask(ctx, message{event: Event{Kind: EventResume, Offer: o}})
	return err
}

// Transfer moves an item that waits, or that an agent has of text, to another
// queue, agent or skill, with the key it has. A running offer is withdrawn; who
// had it is asked last, and is free at once. Whether it can be is decided at that
// moment by what is configured. An agent who is there has it before anybody else:
// at once where he has room, else it waits for him for 60 s (chat) or 30 min
// (others) as for a preferred agent. Then, or when he is not ready or his console
// is closed, it waits for everybody of the queue. Errors: ErrGone,
// ErrUnknownQueue, ErrUnknownAgent, ErrClosed, ErrFull, ErrTaken (an agent talks),
// *UnfitError.
func (d *Domain) Transfer(ctx context.Context, item ItemID, to Destination) error {
	_, err := d.ask(ctx, message{event: Event{Kind: EventTransfer, ItemID: item, To: to}})
	return err
}

// Waiting returns what waits or is offered in a queue ("": in all), in order,
// limit at most (0: all). The owner is asked; nil after its end.
func (d *Domain) Waiting(queue string, limit int) []WaitingItem {
	reply := make(chan []WaitingItem, 1)
	if !d.box.Put(message{list: &listing{queue: queue, limit: limit, reply: reply}}) {
		return nil
	}
	select {
	case got := <-reply:
		return got
	case <-d.done:
		return nil
	}
}
