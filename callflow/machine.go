package callflow

import (
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/callback"
	"pickup/queue"
)

// machine is what a call decides: step takes an input and returns effects, and
// nothing else happens in it. It reads no clock, touches no leg and waits for
// nothing, so that every interleaving of inputs can be tried (telephony races).
type machine struct {
	cfg Config
	rec call.Record // state lives in rec.State and is changed by to alone

	player      call.LegID
	playerCause call.Cause // how his leg ended, when not by himself
	playerUp    bool       // answered and not over
	playerOver  bool       // hung up, failed, or ended by us
	playerDone  bool       // final: nothing of the player's leg is outstanding
	playerReady bool       // audio flows
	away        bool       // line lost; the place is kept

	inQueue   bool          // the item waits, is offered, or is connecting
	offers    []*offerLegs  // in the order in which they came
	current   queue.OfferID // being rung, or ""; of several, who was asked first
	winner    queue.OfferID // picked, or ""
	winnerLeg call.LegID
	bridged   bool

	noticeDone bool // recording notice heard, cut, or given up
	musicOn    bool
	tonePaused bool // recording paused by the agent
	masked     bool // the player's keys are hidden
	hiddenKeys int  // since then

	capture     *capture           // the dialog about the number of a callback
	captureNext bool               // it begins when the notice was heard
	confirming  bool               // a callback is being stored
	parked      *parkedPick        // an agent answered while it was
	overtaken   bool               // the store was too late: that answer was taken
	owed        *callback.Callback // stored; it enters the queue when the player's line is free
	promise     *callback.Callback // inbound: one that waits for who calls again
	askedKeep   bool               // he was asked whether to keep it
	unsaid      string             // sentence that waits for the end of the notice
	blame       call.EndReason     // why we end it, when the player does not; "": the queue says
	drained     bool               // a callback was offered because the server stops
	callback    *callback.Callback // outbound: the promise; inbound: the one confirmed
	handed      bool               // outbound: the runner knows how it ended, or has it back
	pressed     bool               // outbound: the player pressed 1
	asks        int                // outbound: how often he was asked
	missed      bool               // an agent did not take the call
	missedTwo   bool               // the agent hung up by mistake once already

	preferred account.ID // inbound: who should answer; "": anybody

	code     codeMatcher // *48 of the agent
	menu     *Menu
	menuSaid int

	diverted string     // who sent the call on to us, as a trunk says; "": nobody
	own      *ownCall   // an agent calls a player; nil: all other calls
	inner    *innerCall // an agent calls another; nil: all other calls
	parties  []*party   // beside the player and the winner
	partySeq int
	aside    bool    // the agent talks to who is consulted; the player hears music
	orphan   bool    // the player left; people of ours still talk
	muted    bool    // nobody hears the agent
	moving   *moving // a transfer to a queue that has not answered
	parkedBy Target
	backTo   Target // who is rung again when his leg is final
	key      int64  // of the place in the queue, kept over transfers
	priority int

	hops        []string       // queues that a rule of overflow led him out of
	overflow    *exit          // a way that waits for something else to be over
	instead     call.EndReason // why he is offered a callback or a message; "": he is not
	insteadSaid int
	message     *message // he leaves one

	bridgedSince time.Time
	heldSince    time.Time
	leaving      bool // the queue is asked why the call ends
	finished     bool
	closed       bool

	at  time.Time
	out []effect
}

// parkedPick is an answer that waits for the decision about a callback.
type parkedPick struct {
	offer queue.OfferID
	leg   call.LegID
}

// offerLegs are the legs to one agent for one offer. They are kept until each
// is final, also after the offer was withdrawn: only then is the agent free.
type offerLegs struct {
	offer   queue.Offer
	legs    map[call.LegID]*agentLeg
	order   []call.LegID
	dialing bool   // dialDevices has not answered yet
	direct  bool   // of a party, or of one who was: no offer of the queue
	seek    *party // an offer to who consults a queue; nil: all others
	over    bool   // missed, withdrawn, lost or released: the queue knows
	rang    bool
	best    call.Outcome

	ringEnds time.Time // of a call that came to us
}

// agentLeg is one device of the agent.
type agentLeg struct {
	record   call.LegRecord
	answered bool
	failed   bool
	ending   bool // End was called
	final    bool
	ready    bool
	near     bool // the line on which he consults somebody
}

// step tells the machine of an input at an instant and returns what to do.
func (m *machine) step(at time.Time, in input) []effect {
	m.at, m.out = at, nil
	if m.closed {
		return nil
	}
	switch in := in.(type) {
	case started:
		m.onStarted()
	case playerSaid:
		m.onPlayer(in.LegEvent)
	case agentSaid:
		m.onAgent(in.LegEvent)
	case heard:
		m.onHeard(in)
	case noticed:
		m.onNotice(in.Notice)
	case joined:
		m.onJoined(in)
	case dialed:
		m.onDialed(in)
	case won:
		m.onWon(in)
	case left:
		m.onLeft(in.reason)
	case recorded:
		m.onRecorded(in.id)
	case linked:
		m.onLinked(in)
	case expired:
		m.onTimer(in.timer)
	case confirmed:
		m.onConfirmed(in)
	case attempted:
		m.onAttempted(in)
	case checked:
		m.onChecked(in)
	case superseded:
		m.onSuperseded(in.ok)
	case playerDialed:
		m.onPlayerDialed(in)
	case agentVanished:
		m.onAgentVanished()
	case resumed:
		m.onResumed(in.leg)
	case asked:
		m.onAsked(in)
	case operationAsked:
		m.onOperation(in)
	case moved:
		m.onMoved(in)
	case nearAsked:
		m.onNear(in)
	case engaged:
		m.onEngaged(in)
	case prioritised:
		m.onPrioritised(in)
	case rejoined:
		m.onRejoined(in)
	case wayFound:
		m.onWayFound(in)
	case messageOpen:
		m.onMessageOpen(in.id)
	case messageOver:
		m.onMessageOver(in.spoken)
	case quiet:
		m.onQuiet(in)
	case sought:
		m.onSought(in)
	case soughtNotice:
		m.onSoughtNotice(in)
	}
	m.settle()
	return m.out
}

// do adds an effect.
func (m *machine) do(e effect) { m.out = append(m.out, e) }

// to moves the call's state. A transition that the table refuses changes
// nothing and is logged: late events end here.
func (m *machine) to(e call.Event) bool {
	next, err := m.rec.State.Next(e)
	if err != nil {
		m.do(complain{err})
		return false
	}
	m.rec.State = next
	return true
}

// note appends a line to the timeline and has the record saved with it.
func (m *machine) note(kind string, detail ...string) {
	ev := call.TimelineEvent{At: m.at, Kind: kind}
	if len(detail) > 1 {
		ev.Detail = make(map[string]string, len(detail)/2)
		for i := 0; i+1 < len(detail); i += 2 {
			ev.Detail[detail[i]] = detail[i+1]
		}
	}
	m.do(save{ev})
}

// settle ends the session when nothing is outstanding any more.
func (m *machine) settle() {
	if m.owed != nil && m.playerDone { // while he is on the line his phone would be busy
		m.do(queueCallback{*m.owed})
		m.owed = nil
	}
	if m.finished && !m.closed && m.playerDone && len(m.offers) == 0 {
		m.closed = true
		m.do(closeSession{})
	}
}

// conclude writes the end of the call, once.
func (m *machine) conclude(reason call.EndReason) {
	if m.finished {
		return
	}
	m.finished = true
	if m.rec.EndReason == "" {
		m.rec.EndReason = reason
	}
	m.rec.EndedAt = m.at
	m.to(call.EventEnded)
	for t := range timerCount {
		m.do(stopTimer{t})
	}
	if m.own != nil {
		m.playerDone = m.playerDone || m.player == "" // he was never dialled
	}
	if m.outbound() {
		m.playerDone = m.playerDone || m.player == "" // he was never dialled
		if !m.handed {                                // the queue has ended the item: not his attempt
			m.finishCallback(callback.ResultAgentFailed)
		}
	}
	m.note("ended", "reason", string(m.rec.EndReason))
	m.do(finish{})
}

// hangUpPlayer ends the player's leg.
func (m *machine) hangUpPlayer(cause call.Cause) {
	if !m.playerOver {
		m.playerOver = true
		m.do(endPlayer{cause})
	}
}

// leave takes the item out of the queue, when it is in one. reason "" lets the
// queue say which kind of abandon it was.
func (m *machine) leave(reason call.EndReason) {
	if m.inQueue {
		m.inQueue = false
		m.do(leaveQueue{reason})
	}
}

// onLeft: the item is out of the queue, and why.
func (m *machine) onLeft(reason call.EndReason) {
	m.rec.EndReason = reason
	if m.leaving {
		m.leaving = false
		m.conclude(reason)
	}
}

// outbound reports whether this call keeps a promise to call back.
func (m *machine) outbound() bool { return m.rec.Direction == call.Outbound && m.own == nil }
