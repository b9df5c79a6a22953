package callflow

import (
	"errors"
	"strconv"
	"time"

	"pickup/call"
	"pickup/callback"
	"pickup/queue"
)

// pressCallback: the player pressed the key. Who called from the telephone
// network says at which number; the others are called where they are.
func (m *machine) pressCallback() {
	switch {
	case m.outbound() || m.confirming || !m.rec.State.InQueue():
	case m.rec.From.Kind == call.PartyTrunk:
		m.startCapture()
	default:
		m.wantCallback()
	}
}

// wantCallback: the player is to be called back where his call came from, in
// place of waiting.
func (m *machine) wantCallback() {
	if m.rec.From.ReachBack == "" {
		return
	}
	proof := callback.ProofSource
	if m.rec.From.Kind == call.PartyTrunk { // a caller ID
		proof = ""
	}
	m.confirm("", proof)
}

// confirm asks for the promise. He stays in the queue until it is stored.
func (m *machine) confirm(number string, proof callback.Proof) {
	if m.outbound() || m.confirming || !m.rec.State.InQueue() {
		return
	}
	m.endCapture()
	m.confirming = true
	m.note("callback_requested")
	m.do(confirmCallback{number, proof})
}

// onConfirmed: the promise is stored, or it cannot be given.
func (m *machine) onConfirmed(c confirmed) {
	m.confirming = false
	parked := m.parked
	m.parked = nil
	m.do(stopTimer{timerParked})
	switch {
	case c.err == nil && m.answeredMeanwhile():
		m.do(dropCallback{c.callback.ID})
		return
	case c.err == nil && (m.finished || m.playerOver): // he left while it was stored: the promise stands
		m.rec.CallbackID = c.callback.ID
		m.owed = &c.callback
		return
	case m.finished || m.playerOver:
		return
	case c.err != nil && m.blame != "": // the server stops, and nothing could be promised
		m.stopNow()
		return
	}
	if c.err != nil {
		m.note("callback_refused", "error", callbackProblem(c.err))
		if errors.Is(c.err, callback.ErrOpen) {
			m.say(promptOpen)
		} else {
			m.say(promptNoCallback)
		}
		m.parked = parked
		m.unpark()
		return
	}
	m.rec.CallbackID = c.callback.ID
	m.callback = &c.callback
	m.note("callback_confirmed", "callback", c.callback.ID)
	m.leave(call.EndCallbackRequested)
	m.endAllOffers(call.Cause{Status: 200, Text: "Caller asked for a callback"})
	m.owed = &c.callback
	m.goodbye(call.EndCallbackRequested, promptConfirmed)
}

// answeredMeanwhile reports whether an agent has taken the player while the
// store was late with his callback: nobody needs it any more.
func (m *machine) answeredMeanwhile() bool { return m.overtaken && (m.winner != "" || m.finished) }

// unpark takes the answer of an agent who has waited for the store.
func (m *machine) unpark() {
	p := m.parked
	m.parked = nil
	if p == nil {
		return
	}
	if _, l := m.legOf(p.leg); l != nil && !l.final && !l.ending {
		m.do(askWin{p.offer, p.leg})
	}
}

// callbackProblem is a stable word for why a promise cannot be given.
func callbackProblem(err error) string {
	switch {
	case errors.Is(err, callback.ErrOpen):
		return "open"
	case errors.Is(err, callback.ErrUnreachable):
		return "unreachable"
	case errors.Is(err, callback.ErrTooMany):
		return "too_many"
	default:
		return "store"
	}
}

// startAttempt: an agent is reserved. The attempt is stored before the player
// is dialled, so that a crash cannot ring him twice for one promise.
func (m *machine) startAttempt() {
	m.inQueue = true
	m.note("reserved", "agent", m.offers[0].offer.AgentLogin)
	m.do(setTimer{timerAttempt, attemptMax})
	m.do(beginAttempt{m.callback.ID, m.offers[0].offer.Agent})
}

// reserve keeps another agent for a player who is being dialled, in the place of
// one who went: his phones ring when the player has pressed 1, as those of the
// first would have.
func (m *machine) reserve(o queue.Offer) {
	m.current = o.ID
	m.offers = append(m.offers, &offerLegs{offer: o, legs: map[call.LegID]*agentLeg{}})
	m.note("reserved", "agent", o.AgentLogin)
}

// attemptMax is how long an agent is kept for a player whose attempt the store
// has not taken yet.
const attemptMax = 5 * time.Second

// attemptLate: the store is late. The agent is given back; an attempt that is
// stored after that is undone.
func (m *machine) attemptLate() {
	if m.rec.State != call.StateNew {
		return
	}
	m.note("attempt_late")
	m.playerOver, m.playerDone = true, true
	m.handBack(*m.callback)
	m.conclude(call.EndFailedSystem)
}

func (m *machine) onAttempted(a attempted) {
	m.do(stopTimer{timerAttempt})
	if m.finished { // hung up, or stopped, before the store had it
		if a.err == nil {
			m.do(undoAttempt{a.callback.ID, a.attempt})
		}
		return
	}
	if a.err != nil { // not stored, or not allowed now: nobody is dialled
		m.do(complain{a.err})
		m.playerOver, m.playerDone = true, true
		if a.callback.ID == "" {
			a.callback = *m.callback
		}
		m.handBack(a.callback)
		m.conclude(call.EndFailedSystem)
		return
	}
	m.callback = &a.callback // with what became known of him since
	m.rec.ContactID, m.rec.TicketID = a.callback.ContactID, a.callback.TicketID
	m.to(call.EventDialed)
	m.note("dialing")
	m.do(setTimer{timerPlayer, m.cfg.CallbackRing})
	m.do(dialPlayer{*m.callback})
}

// handBack gives the reserved agent back without blame; the promise waits on.
func (m *machine) handBack(c callback.Callback) {
	g := giveBack{callback: c, notBefore: m.at.Add(time.Minute)}
	if c.NotBefore.After(g.notBefore) {
		g.notBefore = c.NotBefore
	}
	o := m.offer(m.current)
	if o != nil && !o.over {
		g.offer = o.offer.ID
		o.over = true
	}
	m.inQueue = false
	m.current = ""
	m.handed = true
	m.do(g)
	if o != nil {
		m.judge(o)
	}
}

func (m *machine) onPlayerDialed(p playerDialed) {
	m.player = p.leg.ID
	if p.err != nil && m.own != nil {
		m.playerOver, m.playerDone = true, true
		m.ownFailed(p.err.Error())
		return
	}
	if p.err != nil {
		m.do(complain{p.err})
		m.playerOver, m.playerDone = true, true
		m.endAttempt(unreached(p.err, m.callback.TargetKind))
		return
	}
	if m.finished { // the timer or a stop was first
		m.playerOver = true
		m.do(endPlayer{call.Cause{Text: "Cancelled"}})
	}
}

// unreached is what it means that a player could not even be dialled.
func unreached(err error, k callback.TargetKind) callback.Result {
	switch {
	case !errors.Is(err, ErrNoRoute): // our own want of a port: his attempts are not touched
		return callback.ResultUnknown
	case k == callback.TargetBrowser: // his page is gone, perhaps for a while
		return callback.ResultNoAnswer
	default:
		return callback.ResultInvalid
	}
}

// onPlayerPicked: somebody answered. He hears who calls and presses 1, which
// keeps voicemail from an agent. Whoever took the call on his page has clicked:
// no machine does (telephony 1.7).
func (m *machine) onPlayerPicked() {
	m.playerUp = true
	m.rec.MediaAt = m.at
	m.do(stopTimer{timerPlayer})
	m.to(call.EventPlayerAnswered)
	m.note("player_answered")
	if m.callback.TargetKind == callback.TargetBrowser {
		m.onHuman()
		return
	}
	m.advanceCallback(callback.StateHumanCheck)
	m.askHuman()
}

func (m *machine) askHuman() {
	m.asks++
	m.do(play{tokenHello, []string{promptHello}})
	m.do(setTimer{timerHuman, m.cfg.HumanCheck / 2})
}

// onNotHuman: 1 was not pressed. He is asked twice, then it is a machine.
func (m *machine) onNotHuman() {
	if m.rec.State != call.StateHumanCheck {
		return
	}
	if m.asks < 2 {
		m.askHuman()
		return
	}
	m.hangUpPlayer(call.Cause{Status: 200, Text: "Not confirmed"})
	m.endAttempt(callback.ResultMachine)
}

// onHuman: he pressed 1: the agent's devices ring, the player hears music.
func (m *machine) onHuman() {
	m.pressed = true
	m.noticeDone = !m.cfg.Notice
	m.do(stopTimer{timerHuman})
	m.advanceCallback(callback.StateConnecting)
	m.note("human")
	m.musicOn = true
	m.do(music{true})
	if m.cfg.Notice {
		m.do(play{tokenNotice, []string{promptNotice}}) // while the agent's phones ring
	} else {
		m.do(play{tokenKey, []string{promptConnecting}})
	}
	o := m.offer(m.current)
	if o == nil || o.over { // the reservation was taken back meanwhile: he waits at the front
		m.to(call.EventJoined)
		return
	}
	m.to(call.EventOffered)
	m.rec.OfferedAt = m.at
	m.note("offered", "agent", o.offer.AgentLogin, "why", o.offer.Why)
	o.dialing = true
	m.do(setTimer{timerRing, o.offer.RingTime})
	m.do(dialDevices{o.offer})
}

// onPlayerFailed: the player could not be reached.
func (m *machine) onPlayerFailed(status int) {
	if m.own != nil {
		m.ownFailed("status " + strconv.Itoa(status))
		return
	}
	if !m.outbound() || m.finished {
		return
	}
	m.note("player_failed")
	m.endAttempt(playerResult(status))
}

// playerResult translates a final response of a called-back player.
func playerResult(status int) callback.Result {
	switch status {
	case 486, 600:
		return callback.ResultBusy
	case 404, 410, 484, 604:
		return callback.ResultInvalid
	case 403, 603, 607, 608:
		return callback.ResultBlocked
	default:
		return callback.ResultNoAnswer
	}
}

// calledBackPlayerGone: the player hung up before the bridge.
func (m *machine) calledBackPlayerGone() {
	switch {
	case m.blame != "": // the server stops
		m.endAttempt(callback.ResultUnknown)
	case !m.pressed: // hung up on the question
		m.endAttempt(callback.ResultMachine)
	case m.missed: // he did not wait for another agent: not his attempt
		m.endAttempt(callback.ResultAgentFailed)
	default:
		m.endAttempt(callback.ResultNoAnswer)
	}
}

// endAttempt closes an attempt without a bridge: its agent is free at once,
// the promise is tried again or given up by its rules.
func (m *machine) endAttempt(result callback.Result) {
	if m.finished {
		return
	}
	o := m.offer(m.current)
	reserved := o != nil && !o.over
	f := finishAttempt{callback: m.callback.ID, result: result}
	if reserved {
		f.offer = o.offer.ID
		o.over = true
	}
	m.inQueue = false
	m.handed = true
	m.do(f)
	m.winner, m.winnerLeg = "", ""
	m.endAllOffers(call.Cause{Status: 487, Text: "Caller left"})
	m.rec.EndReason = call.EndCallbackFailed
	m.note("attempt_ended", "result", string(result))
	m.conclude(call.EndCallbackFailed)
}

func (m *machine) advanceCallback(to callback.State) {
	if m.callback != nil {
		m.do(advance{m.callback.ID, to})
	}
}

func (m *machine) finishCallback(r callback.Result) {
	if m.callback != nil {
		m.handed = true
		m.do(finishAttempt{callback: m.callback.ID, result: r})
	}
}
