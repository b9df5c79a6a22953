package callflow

import (
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/callback"
	"pickup/media"
	"pickup/queue"
)

// input is one thing that happened to a call. The machine is told of them one
// after the other, with the instant.
type input interface{ isInput() }

// The inputs of the machine.
type (
	// started: the session runs; the leg is bound (inbound), or an offer for a
	// callback is in hand (outbound).
	started struct{}
	// playerSaid and agentSaid: an event of the signalling.
	playerSaid struct{ LegEvent }
	agentSaid  struct{ LegEvent }
	// heard: an event of the media of a leg, the player's or an agent's.
	heard struct {
		leg   call.LegID
		event media.Event
	}
	// noticed: the queue said something about our item.
	noticed struct{ queue.Notice }
	// joined: the answer to joinQueue.
	joined struct {
		item queue.Item
		err  error
	}
	// dialed: the legs that dialDevices started; none if the agent has no device.
	dialed struct {
		offer queue.OfferID
		legs  []call.LegRecord
	}
	// won: the answer to askWin.
	won struct {
		offer queue.OfferID
		leg   call.LegID
		ok    bool
	}
	// left: the answer to leaveQueue.
	left struct{ reason call.EndReason }
	// recorded: the bridge stands; the talk is recorded under this id, or "".
	recorded struct{ id string }
	// expired: a timer ran out.
	expired struct{ timer timerKind }
	// confirmed: the answer to confirmCallback.
	confirmed struct {
		callback callback.Callback
		err      error
	}
	// attempted: the answer to beginAttempt: the attempt is stored, or the promise
	// as it stands when it may not be dialled now.
	attempted struct {
		callback callback.Callback
		attempt  string // its id
		err      error
	}
	// superseded: the answer to supersede: the promise is over and its place is
	// free, or it was dialled in the same instant.
	superseded struct{ ok bool }
	// playerDialed: the answer to dialPlayer.
	playerDialed struct {
		leg call.LegRecord
		err error
	}
	// resumed: a browser came back; its new leg is the player's now.
	resumed struct{ leg call.LegRecord }
	// operationAsked: somebody does something with the call; ticket is answered by
	// operated.
	operationAsked struct {
		Operation
		ticket uint64
	}
	// engaged: the answer to engage: the legs that ring, or why there are none.
	engaged struct {
		offer queue.OfferID
		legs  []call.LegRecord
		err   error
	}
	// rejoined: the answer to rejoin.
	rejoined struct {
		item queue.Item
		err  error
	}
	// asked: somebody asked for something by API or console.
	asked struct {
		want request
		by   account.ID
	}
)

// request is what may be asked of a call from outside.
type request int

const (
	wantCallback request = iota + 1 // a callback in place of waiting
	wantHangUp                      // end the call
	wantDrain                       // the server stops soon: offer a callback
	wantStop                        // the server stops now
	wantAbandon                     // the process ends: nothing can be promised any more
)

func (started) isInput()        {}
func (playerSaid) isInput()     {}
func (agentSaid) isInput()      {}
func (heard) isInput()          {}
func (noticed) isInput()        {}
func (joined) isInput()         {}
func (dialed) isInput()         {}
func (won) isInput()            {}
func (left) isInput()           {}
func (recorded) isInput()       {}
func (expired) isInput()        {}
func (confirmed) isInput()      {}
func (attempted) isInput()      {}
func (superseded) isInput()     {}
func (playerDialed) isInput()   {}
func (resumed) isInput()        {}
func (asked) isInput()          {}
func (operationAsked) isInput() {}
func (engaged) isInput()        {}
func (rejoined) isInput()       {}

// voice is one leg of an arrangement.
type voice struct {
	leg  call.LegID // "": the player's
	side media.Side
	role media.Role
}

// timerKind names the timers of a call. Each kind runs once at a time; setting
// it again moves it.
type timerKind int

const (
	timerRing     timerKind = iota // the agent's devices have rung long enough
	timerNotice                    // the bridge does not wait longer for the notice
	timerMedia                     // a picked-up leg has no media
	timerAnnounce                  // say the place again
	timerMenu                      // no key was pressed in the menu
	timerPlace                     // a lost player keeps his place no longer
	timerHuman                     // a called-back player did not press 1
	timerPlayer                    // a called-back player did not answer
	timerGoodbye                   // a last sentence must have ended
	timerParked                    // an answer has waited long enough for the store
	timerAttempt                   // the store is late with an attempt: the agent is given back
	timerTarget                    // who is rung for a transfer or a consultation did not answer
	timerHold                      // the agent is reminded of who he holds
	timerPark                      // nobody took a parked player
	timerCount
)

// effect is one thing that the machine wants done. The session does them in
// order; those that answer do so by an input.
type effect interface{ isEffect() }

// The effects of the machine.
type (
	answerPlayer struct{}
	endPlayer    struct{ cause call.Cause }
	endLeg       struct {
		leg   call.LegID
		cause call.Cause
	}
	joinQueue   struct{ item queue.Item }
	leaveQueue  struct{ reason call.EndReason }    // answers left
	dialDevices struct{ offer queue.Offer }        // answers dialed
	dialPlayer  struct{ target callback.Callback } // answers playerDialed
	askWin      struct {
		offer queue.OfferID
		leg   call.LegID
	} // answers won
	tellRinging struct{ offer queue.OfferID }
	tellMissed  struct {
		offer   queue.OfferID
		outcome call.Outcome
		front   bool // the player is on the line by our doing: to the front
	}
	tellDefer struct {
		offer     queue.OfferID
		notBefore time.Time
	}
	tellFinal   struct{ offer queue.OfferID }
	tellBridged struct{ offer queue.OfferID }
	tellHeld    struct {
		offer queue.OfferID
		on    bool
	}
	tellLost struct {
		offer   queue.OfferID
		outcome call.Outcome
	}
	tellRelease struct {
		offer  queue.OfferID
		reason call.EndReason
	}
	bridge   struct{ leg call.LegID } // answers recorded
	unbridge struct{}
	// arrange has the legs hear each other: voices are one group, who is not in it
	// hears his own music. private: without the player and without the recorder.
	arrange struct {
		voices  []voice
		private bool
		held    bool // the player hears music; he is heard by the recorder alone
	}
	tone     struct{ leg call.LegID } // a short sign to an agent
	legMusic struct {
		leg call.LegID
		on  bool
	}
	pause    struct{ on bool } // of the recording
	maskKeys struct{ on bool } // of the player
	play     struct {
		token string
		ids   []string
	}
	playAgent struct {
		leg call.LegID
		ids []string
	}
	sayPlace struct{ token string } // place and estimate, read when it is said
	stopPlay struct{}
	music    struct{ on bool }
	sendDTMF struct {
		leg   call.LegID // "": the player's
		digit rune
	}
	// engage takes an agent, or a number, for a party and rings him; answers engaged.
	engage struct {
		offer queue.OfferID
		to    Target
		as    queue.AgentState
		guest bool // who is no agent of the queues may be rung too
	}
	dialNumber  struct{ number string } // answers playerDialed
	tellEngaged struct {
		offer queue.OfferID
		as    queue.AgentState
	}
	joinNear struct{ near, leg call.LegID } // the agent's second line and who is consulted
	rejoin   struct{ item queue.Item }      // answers rejoined
	operated struct {
		ticket uint64
		err    error
	}
	setTimer struct {
		timer timerKind
		after time.Duration
	}
	stopTimer       struct{ timer timerKind }
	confirmCallback struct{} // answers confirmed
	beginAttempt    struct { // answers attempted
		callback string
		agent    account.ID
	}
	undoAttempt struct{ callback, attempt string } // stored, and nobody makes it
	advance     struct {
		callback string
		to       callback.State
	}
	finishAttempt struct { // the runner re-queues or ends it
		callback string
		result   callback.Result
		offer    queue.OfferID // still reserved: deferred with it; "" when not
	}
	queueCallback struct{ callback callback.Callback } // to the runner
	giveBack      struct {                             // not dialled now: the entry is the runner's again
		callback  callback.Callback
		offer     queue.OfferID
		notBefore time.Time
	}
	supersede    struct{ callback callback.Callback } // answers superseded
	dropCallback struct{ callback string }            // nobody needs it: an agent was faster
	save         struct{ event call.TimelineEvent }
	finish       struct{} // the call is over: write its end
	closeSession struct{} // nothing is outstanding: the goroutine ends
	complain     struct{ err error }
	// blamePhone: an agent's phone is set up so that it can take no call of ours.
	blamePhone struct {
		device string
		status int
	}
)

func (answerPlayer) isEffect()    {}
func (endPlayer) isEffect()       {}
func (endLeg) isEffect()          {}
func (joinQueue) isEffect()       {}
func (leaveQueue) isEffect()      {}
func (dialDevices) isEffect()     {}
func (dialPlayer) isEffect()      {}
func (askWin) isEffect()          {}
func (tellRinging) isEffect()     {}
func (tellMissed) isEffect()      {}
func (tellDefer) isEffect()       {}
func (tellFinal) isEffect()       {}
func (tellBridged) isEffect()     {}
func (tellHeld) isEffect()        {}
func (tellLost) isEffect()        {}
func (tellRelease) isEffect()     {}
func (bridge) isEffect()          {}
func (unbridge) isEffect()        {}
func (arrange) isEffect()         {}
func (tone) isEffect()            {}
func (legMusic) isEffect()        {}
func (engage) isEffect()          {}
func (dialNumber) isEffect()      {}
func (tellEngaged) isEffect()     {}
func (joinNear) isEffect()        {}
func (rejoin) isEffect()          {}
func (operated) isEffect()        {}
func (pause) isEffect()           {}
func (maskKeys) isEffect()        {}
func (play) isEffect()            {}
func (playAgent) isEffect()       {}
func (sayPlace) isEffect()        {}
func (stopPlay) isEffect()        {}
func (music) isEffect()           {}
func (sendDTMF) isEffect()        {}
func (setTimer) isEffect()        {}
func (stopTimer) isEffect()       {}
func (confirmCallback) isEffect() {}
func (beginAttempt) isEffect()    {}
func (undoAttempt) isEffect()     {}
func (advance) isEffect()         {}
func (finishAttempt) isEffect()   {}
func (queueCallback) isEffect()   {}
func (giveBack) isEffect()        {}
func (supersede) isEffect()       {}
func (dropCallback) isEffect()    {}
func (save) isEffect()            {}
func (finish) isEffect()          {}
func (closeSession) isEffect()    {}
func (complain) isEffect()        {}
func (blamePhone) isEffect()      {}

// Inputs that the session takes itself before the machine sees them.
type (
	// wanted asks for a callback and wants the answer.
	wanted struct {
		by    account.ID
		reply chan<- confirmed
	}
	// comeBack is a browser's new leg for this call.
	comeBack struct{ leg Leg }
)

func (wanted) isInput()   {}
func (comeBack) isInput() {}
