package callflow

import (
	"context"
	"errors"
	"fmt"

	"pickup/account"
	"pickup/call"
	"pickup/internal/e164"
)

// OperationKind is what somebody does with a live call.
type OperationKind string

// The operations. All are state of the server: a phone only talks.
const (
	OpHold            OperationKind = "hold"             // the player hears music, nobody hears him
	OpRetrieve        OperationKind = "retrieve"         // and takes him back; nothing when he is not held
	OpMute            OperationKind = "mute"             // nobody hears the agent
	OpUnmute          OperationKind = "unmute"           //
	OpPauseRecording  OperationKind = "pause_recording"  // as *48
	OpResumeRecording OperationKind = "resume_recording" //
	OpMask            OperationKind = "mask"             // the player's keys reach neither the agent nor the recording: card, PIN, seed phrase; as *49
	OpUnmask          OperationKind = "unmask"           //
	OpTransfer        OperationKind = "transfer"         // blind: to a queue, an agent, a number
	OpConsult         OperationKind = "consult"          // the player is held, To is rung
	OpToggle          OperationKind = "toggle"           // talk to the player, or to who is consulted
	OpComplete        OperationKind = "complete"         // who is consulted gets the player
	OpCancel          OperationKind = "cancel"           // who is consulted, or rung, is hung up; the player is back
	OpConference      OperationKind = "conference"       // all talk: player, agent, who is consulted
	OpPark            OperationKind = "park"             // into an orbit; anybody takes him out
	OpPickUp          OperationKind = "pick_up"          // By is rung and gets who is parked
	OpListen          OperationKind = "listen"           // supervisor: hears all, heard by nobody
	OpWhisper         OperationKind = "whisper"          // supervisor: heard by the agents alone
	OpBarge           OperationKind = "barge"            // supervisor: heard by all
	OpTakeOver        OperationKind = "take_over"        // supervisor: he has the player now, the agent is free
	OpLeave           OperationKind = "leave"            // supervisor: ends listening
)

// Target is whom a player is given to, or who is consulted: one of the fields.
type Target struct {
	Queue  string
	Agent  account.ID
	Login  string // of Agent
	Number string // E.164, by a trunk
}

// name is what stands in the timeline.
func (t Target) name() string {
	switch {
	case t.Queue != "":
		return "queue " + t.Queue
	case t.Login != "":
		return t.Login
	default:
		return t.Number
	}
}

// Operation is one thing asked of a live call.
type Operation struct {
	Kind    OperationKind
	To      Target     // OpTransfer, OpConsult
	By      account.ID // who asks; "": the system
	ByLogin string
}

// OperationError says why an operation does not fit the state of the call.
type OperationError struct {
	Kind  OperationKind
	State call.State
	Why   string
}

// Error implements error.
func (e *OperationError) Error() string {
	return fmt.Sprintf("callflow: %s refused in state %s: %s", e.Kind, e.State, e.Why)
}

// ErrNoTarget says that a name leads to no queue, agent or number.
var ErrNoTarget = errors.New("callflow: no such queue, agent or number")

// Operate does op in a live call and returns when it is done, or has begun where
// it is somebody's turn to answer. Errors: ErrEnded, ErrNoTarget, ErrNoRoute,
// ErrNoTrunk, *OperationError, *queue.RefusedError (who is rung has a call),
// queue.ErrClosed, queue.ErrFull, queue.ErrUnknownQueue.
func (m *Manager) Operate(ctx context.Context, id call.ID, op Operation) error {
	s := m.session(id)
	if s == nil {
		return ErrEnded
	}
	reply := make(chan error, 1)
	if !s.send(operation{op, func(err error) { reply <- err }}) {
		return ErrEnded
	}
	select {
	case err := <-reply:
		return err
	case <-s.done:
		return ErrEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Target finds whom a dialled name means: the login of an agent, the name of a
// queue or a number of ours that leads to one, else a telephone number as it is
// written in the country of the site. ErrNoTarget, ErrNoTrunk.
func (m *Manager) Target(name string) (Target, error) {
	if id, ok := m.agentOf(name); ok {
		return Target{Agent: id, Login: name}, nil
	}
	user, _ := m.destination(name)
	if q, ok := m.queue.Has(user); ok && q.Enabled {
		return Target{Queue: q.Name}, nil
	}
	number, ok := e164.Normalize(name, m.cfg.Tickets.Country)
	if !ok {
		return Target{}, ErrNoTarget
	}
	d := m.dialers[AddressNumber]
	if d == nil {
		return Target{}, ErrNoTrunk
	}
	if err := d.Route(Address{Kind: AddressNumber, Value: number}); err != nil {
		return Target{}, err
	}
	return Target{Number: number}, nil
}

// agentOf finds an agent of the queues by his login.
func (m *Manager) agentOf(login string) (account.ID, bool) {
	for _, a := range m.queue.Agents() {
		if a.Login == login {
			return a.ID, true
		}
	}
	return "", false
}

// operation is an Operation with who waits for its answer; the session takes
// the reply off before the machine sees it.
type operation struct {
	Operation
	reply func(error)
}

func (operation) isInput() {}
