package callflow

import (
	"cmp"
	"errors"
	"strconv"
	"time"

	"pickup/call"
	"pickup/media"
	"pickup/queue"
)

// errLater says that an operation is answered when its effect is.
var errLater = errors.New("later")

// onOperation does what somebody asked for, or says why not.
func (m *machine) onOperation(op operationAsked) {
	err := m.perform(op.Operation, op.ticket)
	if !errors.Is(err, errLater) {
		m.done(op.ticket, err)
	}
}

// refusal says that an operation does not fit.
func (m *machine) refusal(op Operation, why string) error {
	return &OperationError{Kind: op.Kind, State: m.rec.State, Why: why}
}

func (m *machine) perform(op Operation, ticket uint64) error {
	if m.finished {
		return ErrEnded
	}
	switch op.Kind {
	case OpPickUp:
		return m.pickUp(op, ticket)
	case OpListen, OpWhisper, OpBarge, OpTakeOver, OpLeave:
		return m.supervise(op, ticket)
	}
	if !m.bridged || m.winner == "" || m.rec.State != call.StateTalking && m.rec.State != call.StateHeld {
		return m.refusal(op, "nobody has the player")
	}
	if m.orphan {
		return m.refusal(op, "the player has left")
	}
	switch op.Kind {
	case OpHold:
		m.hold(op.ByLogin)
	case OpRetrieve:
		if m.aside {
			return m.refusal(op, "a consultation goes on")
		}
		m.retrieve(op.ByLogin)
	case OpMute, OpUnmute:
		m.mute(op.Kind == OpMute)
	case OpPauseRecording, OpResumeRecording:
		m.pauseRecording(op.Kind == OpPauseRecording)
	case OpMask:
		m.mask(op.ByLogin)
	case OpUnmask:
		m.unmask(op.ByLogin)
	default:
		return m.move(op, ticket)
	}
	return nil
}

// move is the operations that bring in somebody else.
func (m *machine) move(op Operation, ticket uint64) error {
	p := m.target()
	if (op.Kind == OpTransfer || op.Kind == OpPark) && m.partyAs(partyGuest) != nil {
		return m.refusal(op, "a conference goes on; who hangs up leaves it to the others")
	}
	switch op.Kind {
	case OpTransfer:
		if p != nil {
			return m.refusal(op, "somebody is being rung or consulted")
		}
		if op.To.Queue != "" {
			m.moving = &moving{op, ticket}
			m.do(rejoin{item: m.itemFor(op.To.Queue, false)})
			return errLater
		}
		return m.ringFor(partyTarget, op, ticket)
	case OpConsult:
		if p != nil {
			return m.refusal(op, "somebody is being rung or consulted")
		}
		m.hold(op.ByLogin)
		if op.To.Queue != "" {
			m.seekFor(&party{kind: partyConsult, to: op.To, by: byOf(op.By, op.ByLogin), ticket: ticket})
			return errLater
		}
		return m.ringFor(partyConsult, op, ticket)
	case OpPark:
		if p != nil {
			return m.refusal(op, "somebody is being rung or consulted")
		}
		m.park(op)
		return nil
	}
	if p == nil || p.kind != partyConsult {
		return m.refusal(op, "nobody is consulted")
	}
	if op.Kind != OpCancel && !p.talking && (p.seek == nil || op.Kind == OpConference) {
		return m.refusal(op, "who is consulted has not answered")
	}
	return m.consulted(op, p)
}

// consulted is what is done with somebody who is consulted.
func (m *machine) consulted(op Operation, p *party) error {
	switch op.Kind {
	case OpToggle:
		if p.near != "" {
			return m.refusal(op, "the consultation is on another line of the phone")
		}
		if !p.talking {
			m.lookAway(op.ByLogin, p)
			return nil
		}
		m.aside = !m.aside
		if m.aside {
			m.hold(op.ByLogin)
		} else {
			m.do(legMusic{p.leg, true})
			m.retrieve(op.ByLogin)
		}
		m.arrange()
	case OpComplete:
		m.succeed("Transferred")
	case OpCancel:
		m.aside = false
		m.note("consult_cancelled", "to", p.to.name())
		m.do(stopTimer{timerTarget})
		m.dismiss(p, call.Cause{Status: 200, Text: "Consultation ended"})
		m.endNear(p)
		m.retrieve(op.ByLogin)
		m.arrange()
	case OpConference:
		p.kind, m.aside = partyGuest, false
		m.endNear(p)
		m.note("conference", "to", p.to.name(), "by", op.ByLogin)
		m.do(tellEngaged{p.id, queue.AgentConference})
		m.retrieve(op.ByLogin)
		m.arrange()
	}
	return nil
}

// ringFor rings whom op names, as kind.
func (m *machine) ringFor(kind partyRole, op Operation, ticket uint64) error {
	if op.To.Agent != "" && op.To.Agent == m.rec.AgentID {
		if kind == partyConsult {
			m.retrieve(op.ByLogin)
		}
		return m.refusal(op, "he has the player already")
	}
	m.invite(&party{kind: kind, to: op.To, by: byOf(op.By, op.ByLogin), ticket: ticket})
	return errLater
}

// hold: the player hears music and nobody hears him.
func (m *machine) hold(by string) {
	if m.rec.State != call.StateTalking {
		return
	}
	m.to(call.EventHeld)
	m.heldSince = m.at
	m.do(tellHeld{m.winner, true})
	m.note("held", "by", by)
	m.do(setTimer{timerHold, m.cfg.HoldReminder})
	m.arrange()
}

// retrieve takes the player off hold; nothing when he is not held.
func (m *machine) retrieve(by string) {
	if m.rec.State != call.StateHeld {
		return
	}
	m.to(call.EventRetrieved)
	m.endHold()
	m.do(stopTimer{timerHold})
	m.do(tellHeld{m.winner, false})
	m.note("retrieved", "by", by)
	m.arrange()
}

// holdReminder: the player has been held for long; the agent hears it.
func (m *machine) holdReminder() {
	if m.rec.State != call.StateHeld {
		return
	}
	held := m.at.Sub(m.heldSince)
	m.note("hold_reminder", "held_s", strconv.Itoa(int(held/time.Second)))
	m.do(tone{m.winnerLeg})
	m.do(setTimer{timerHold, m.cfg.HoldReminder})
}

// mute: nobody hears the agent.
func (m *machine) mute(on bool) {
	if m.muted == on {
		return
	}
	m.muted = on
	if on {
		m.note("muted")
	} else {
		m.note("unmuted")
	}
	m.arrange()
}

// pauseRecording stops or continues the recording of the talk, for what must not
// be kept.
func (m *machine) pauseRecording(on bool) {
	if m.tonePaused == on {
		return
	}
	m.tonePaused = on
	m.do(pause{on})
	if on {
		m.note("recording_paused")
		m.do(playAgent{m.winnerLeg, []string{promptPaused}})
	} else {
		m.note("recording_resumed")
		m.do(playAgent{m.winnerLeg, []string{promptResumed}})
	}
}

// mask hides the player's keys from who talks to him and from the recorder. They
// are counted, and nothing more is kept of them.
func (m *machine) mask(by string) {
	if m.masked {
		return
	}
	m.masked, m.hiddenKeys = true, 0
	m.do(maskKeys{true})
	m.note("keys_masked", "by", by)
	m.do(tone{m.winnerLeg})
}

// unmask shows them again; by is "" when the agent is gone who hid them.
func (m *machine) unmask(by string) {
	if !m.masked {
		return
	}
	m.masked = false
	m.do(maskKeys{false})
	m.note("keys_unmasked", "by", by, "keys", strconv.Itoa(m.hiddenKeys))
	if m.winnerLeg != "" {
		m.do(tone{m.winnerLeg})
	}
}

// moving is a transfer to a queue whose answer is awaited.
type moving struct {
	op     Operation
	ticket uint64
}

// itemFor is the entry of this call in another queue, or again in its own: with
// the place it had, and at the front when it comes back because nobody took it.
func (m *machine) itemFor(name string, front bool) queue.Item {
	return queue.Item{
		Channel: call.ChannelCall, Queue: name, CallID: m.rec.ID, Language: m.rec.Language, Player: m.theirs().User,
		Priority: max(m.priority, 1), Key: m.key, Front: front, CountsAsOffered: !front, TicketID: m.rec.TicketID,
	}
}

// theirs is the party that is not ours.
func (m *machine) theirs() call.Party {
	if m.rec.Direction == call.Outbound {
		return m.rec.To
	}
	return m.rec.From
}

// requeue sends the player to the front of the queue that he came from: who had
// him is gone, or whom he was given to did not answer.
func (m *machine) requeue() {
	m.do(stopTimer{timerTarget})
	m.do(rejoin{item: m.itemFor(m.rec.Queue, true)})
}

// onRejoined: the player waits in a queue again, or cannot.
func (m *machine) onRejoined(r rejoined) {
	mv := m.moving
	m.moving = nil
	if r.err != nil {
		m.note("refused", "queue", r.item.Queue, "why", r.err.Error())
		if mv != nil { // he is still with his agent
			m.done(mv.ticket, r.err)
			return
		}
		reason, prompt := refusedBy(r.err)
		m.goodbye(reason, prompt)
		return
	}
	by := ""
	if mv != nil {
		by = mv.op.ByLogin
		m.dismissAll(call.Cause{Status: 200, Text: "Transferred"}, func(p *party) bool { return p.kind == partyMonitor })
		m.giveAway("Transferred")
	}
	m.rec.Queue, m.rec.ItemID = r.item.Queue, string(r.item.ID)
	m.key, m.priority = r.item.Key, r.item.Priority
	m.inQueue, m.musicOn = true, true
	m.to(call.EventRequeued)
	m.note("requeued", "queue", m.rec.Queue, "by", by)
	m.do(music{true})
	m.say(promptPleaseWait)
	m.do(setTimer{timerAnnounce, m.cfg.AnnounceEvery})
	if mv != nil {
		m.done(mv.ticket, nil)
	}
}

// park puts the player into an orbit; his agent is free.
func (m *machine) park(op Operation) {
	m.parkedBy = byOf(op.By, op.ByLogin)
	m.dismissAll(call.Cause{Status: 200, Text: "Parked"}, func(p *party) bool { return p.kind == partyMonitor })
	m.giveAway("Parked")
	m.to(call.EventParked)
	m.note("parked", "by", op.ByLogin)
	m.do(setTimer{timerPark, m.cfg.ParkMax})
}

// parkTooLong: nobody took him: who parked him is rung, else the queue has him.
func (m *machine) parkTooLong() {
	if m.rec.State != call.StateParked {
		return
	}
	m.note("park_timeout")
	m.to(call.EventTransferred)
	if m.parkedBy.Agent == "" {
		m.requeue()
		return
	}
	m.giveBackTo(m.parkedBy)
}

// pickUp rings who wants the parked player.
func (m *machine) pickUp(op Operation, ticket uint64) error {
	if m.rec.State != call.StateParked {
		return m.refusal(op, "the player is not parked")
	}
	if m.target() != nil {
		return m.refusal(op, "somebody takes him at this moment")
	}
	m.invite(&party{kind: partyPickUp, to: byOf(op.By, op.ByLogin), by: byOf(op.By, op.ByLogin), ticket: ticket})
	return errLater
}

// supervise is what a supervisor does in a call: it stays with the player through
// transfers.
func (m *machine) supervise(op Operation, ticket uint64) error {
	var p *party
	for _, x := range m.parties {
		if x.kind == partyMonitor && x.to.Agent == op.By {
			p = x
		}
	}
	if op.Kind == OpLeave || op.Kind == OpTakeOver {
		if p == nil || op.Kind == OpTakeOver && !p.talking {
			return m.refusal(op, "you do not listen to this call")
		}
		if op.Kind == OpLeave {
			m.note("monitor_left", "by", op.ByLogin)
			m.dismiss(p, call.Cause{Status: 200, Text: "Left"})
			m.arrange()
			return nil
		}
		return m.takeOver(op, p)
	}
	role := map[OperationKind]media.Role{OpListen: media.RoleListen, OpWhisper: media.RoleWhisper, OpBarge: media.RoleTalk}[op.Kind]
	if op.By == m.rec.AgentID && m.winner != "" {
		return m.refusal(op, "it is your own call")
	}
	m.note(string(op.Kind), "by", op.ByLogin)
	if p != nil {
		p.role = role
		m.arrange()
		return nil
	}
	m.invite(&party{kind: partyMonitor, to: byOf(op.By, op.ByLogin), by: byOf(op.By, op.ByLogin), role: role, ticket: ticket})
	return errLater
}

// takeOver gives the player to the supervisor; his agent is free.
func (m *machine) takeOver(op Operation, p *party) error {
	if !m.bridged || m.orphan {
		return m.refusal(op, "nobody has the player")
	}
	m.note("transferred", "by", op.ByLogin, "to", p.to.name(), "why", "taken over")
	m.dismissAll(call.Cause{Status: 200, Text: "Taken over"}, func(x *party) bool { return x == p || x.kind == partyMonitor || x.kind == partyGuest })
	m.aside = false
	m.giveAway("Taken over")
	m.to(call.EventTransferred)
	m.promote(p)
	return nil
}

// goneReason is why a call ends whose player leaves while nobody has him.
func (m *machine) goneReason() call.EndReason {
	if !m.rec.BridgedAt.IsZero() {
		return cmp.Or(m.blame, call.EndAnswered)
	}
	return cmp.Or(m.blame, call.EndAbandoned)
}
