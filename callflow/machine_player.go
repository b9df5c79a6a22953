package callflow

import (
	"cmp"
	"time"

	"pickup/call"
	"pickup/callback"
	"pickup/queue"
)

// onStarted: an inbound call is answered and enters its menu or its queue; a
// called-back player is dialled once the attempt is stored.
func (m *machine) onStarted() {
	if m.own != nil {
		m.startOwn()
		return
	}
	if m.outbound() {
		m.startAttempt()
		return
	}
	if m.diverted != "" {
		m.note("arrived", "queue", m.rec.Queue, "diverted_from", m.diverted)
	} else {
		m.note("arrived", "queue", m.rec.Queue)
	}
	m.do(answerPlayer{})
	m.playerUp = true
	m.rec.MediaAt = m.at
	if m.menu != nil {
		m.to(call.EventMenuEntered)
		m.note("menu")
		m.sayMenu()
		return
	}
	m.join(m.rec.Queue)
}

// join enters a queue: the wait starts now.
func (m *machine) join(name string) {
	m.rec.Queue = name
	m.do(stopTimer{timerMenu})
	if m.promise != nil {
		m.returned()
		return
	}
	item := queue.Item{
		ID: queue.ItemID(m.rec.ItemID), Channel: call.ChannelCall, Queue: name, CallID: m.rec.ID,
		Language: m.rec.Language, Player: m.rec.From.User, Priority: 1, EnqueuedAt: m.at, CountsAsOffered: true, TicketID: m.rec.TicketID,
	}
	if m.preferred != "" {
		item.Preferred, item.PreferredUntil = m.preferred, m.at.Add(preferFor)
	}
	if c := m.callback; c != nil { // he came back by himself: the place of his callback is his
		item.Key, item.EnqueuedAt = c.Key, c.EnqueuedAt
	}
	m.do(joinQueue{item})
}

// onJoined: the item waits, or the queue refused it.
func (m *machine) onJoined(j joined) {
	if j.err != nil {
		reason, prompt := refusedBy(j.err)
		m.note("refused", "reason", string(reason))
		m.goodbye(reason, prompt)
		return
	}
	m.inQueue = true
	m.key, m.priority = j.item.Key, j.item.Priority
	m.rec.EnqueuedAt = m.at
	m.to(call.EventJoined)
	m.note("joined", "queue", m.rec.Queue)
	m.musicOn = true
	m.do(music{true})
	greeting := cmp.Or(m.cfg.Greetings[m.rec.Queue], promptGreeting)
	if !m.cfg.Notice {
		m.do(play{tokenGreeting, []string{greeting}})
		m.noticeHeard()
		return
	}
	// The notice comes first: an agent who is free waits for it, and for nothing else.
	m.noticeDone = false
	m.do(play{tokenNotice, []string{promptNotice}})
}

// onPlayer: an event of the player's signalling.
func (m *machine) onPlayer(e LegEvent) {
	if e.Leg != m.player {
		return
	}
	switch e.Kind {
	case LegRinging:
		m.note("player_ringing")
	case LegAnswered:
		if m.own != nil && !m.playerUp && !m.playerOver {
			m.ownAnswered()
			return
		}
		if m.outbound() && !m.playerUp && !m.playerOver {
			m.onPlayerPicked()
		}
	case LegFailed:
		m.playerOver = true
		m.onPlayerFailed(e.Status)
	case LegHungUp:
		m.playerOver = true
		if e.Status != 0 {
			m.playerCause = call.Cause{Status: e.Status, Text: e.Text}
		}
		if e.Status == statusVanished {
			m.note("player_vanished", "why", e.Text)
		}
		m.onPlayerGone()
	case LegDTMF:
		m.onPlayerKey(e.Digit)
	case LegAway:
		m.lineLost()
	case LegMicrophone:
		if !m.playerOver && !m.finished && (e.Text == MicrophoneLost || e.Text == MicrophoneBack) {
			m.note(e.Text)
		}
	case LegFinal:
		m.playerOver = true
		m.playerDone = true
		m.onPlayerGone()
	}
}

// statusVanished is that of a LegHungUp whose peer said nothing: the edge found
// him gone (RFC 4028 10, or no answer to an OPTIONS).
const statusVanished = 408

// onPlayerGone: the player hung up, or his leg is over by another way.
func (m *machine) onPlayerGone() {
	if m.finished || m.leaving {
		return
	}
	m.do(stopPlay{})
	if m.orphan {
		return
	}
	switch {
	case m.own != nil && m.rec.BridgedAt.IsZero():
		m.ownFailed("hung up")
	case m.bridged && m.orphaned():
	case m.bridged:
		m.release(m.talkReason(), call.Cause{Status: 200, Text: "Caller hung up"})
		m.conclude(call.EndAnswered)
	case m.outbound():
		m.calledBackPlayerGone()
	default:
		m.leaving = m.inQueue
		m.leave(m.blame)
		m.winner, m.winnerLeg = "", ""
		m.endAllOffers(call.Cause{Status: 487, Text: "Caller left"})
		if !m.leaving { // in a menu, or during a last sentence
			m.conclude(m.goneReason())
		}
	}
}

// talkReason is answered, or abandoned on hold.
func (m *machine) talkReason() call.EndReason {
	switch {
	case m.outbound():
		return call.EndCallbackDone
	case m.rec.State == call.StateHeld:
		return call.EndAbandonedOnHold
	default:
		return call.EndAnswered
	}
}

// tryBridge joins player and agent as soon as both have media and the notice
// was heard.
func (m *machine) tryBridge() {
	o, l := m.legOf(m.winnerLeg)
	if m.winner == "" || m.bridged || o == nil || l == nil || !l.ready || !m.playerReady || m.away || !m.noticeDone {
		return
	}
	m.do(stopTimer{timerMedia})
	m.do(stopTimer{timerNotice})
	m.do(stopTimer{timerAnnounce})
	m.do(stopPlay{})
	m.bridged = true
	m.bridgedSince = m.at
	if m.masked { // a browser came back on a new leg
		m.do(maskKeys{true})
	}
	m.do(bridge{m.winnerLeg})
}

// onRecorded: the bridge stands and the recorder has started: the wait ends.
func (m *machine) onRecorded(id string) {
	if id != "" {
		m.rec.RecordingID = id
	}
	if m.rec.BridgedAt.IsZero() {
		m.rec.BridgedAt = m.at
	}
	m.to(call.EventBridged)
	m.do(tellBridged{m.winner})
	m.inQueue = false
	if m.outbound() {
		m.advanceCallback(callback.StateConnected)
	}
	m.note("bridged", "agent", string(m.rec.AgentID), "recording", m.rec.RecordingID)
	if len(m.parties) > 0 {
		m.arrange()
	}
}

// part ends the talk of the two sides and counts it.
func (m *machine) part() {
	if !m.bridged {
		return
	}
	m.bridged = false
	m.endHold()
	m.rec.Talk += m.at.Sub(m.bridgedSince)
	m.rec.ReleasedAt = m.at
	m.do(unbridge{})
}

// endHold counts a hold that ends.
func (m *machine) endHold() {
	if !m.heldSince.IsZero() {
		m.rec.Hold += m.at.Sub(m.heldSince)
		m.rec.Talk -= m.at.Sub(m.heldSince)
		m.heldSince = time.Time{}
	}
}

// release ends a talk: the agent goes to wrap-up.
func (m *machine) release(reason call.EndReason, cause call.Cause) {
	m.part()
	m.winnerLeg = ""
	m.unmask("")
	m.rec.EndReason = reason
	m.do(tellRelease{m.winner, reason})
	if m.outbound() && !m.handed {
		m.finishCallback(callback.ResultConnected)
	}
	m.winner, m.winnerLeg = "", ""
	m.endAllOffers(cause)
}

// onAgentHungUp: a device of an agent ended its dialog.
func (m *machine) onAgentHungUp(o *offerLegs, l *agentLeg) {
	l.failed, l.ending = true, true
	if m.parked != nil && m.parked.leg == l.record.ID {
		m.parked = nil
	}
	switch {
	case m.winnerLeg != l.record.ID:
		m.judge(o)
	case m.orphan:
		m.lastTalk()
	case m.bridged && m.succeed("Agent hung up"):
	case m.bridged && m.at.Sub(m.bridgedSince) < m.cfg.MisClick && !m.missedTwo && !m.playerOver:
		m.missedTwo = true
		m.note("agent_dump", "agent", o.offer.AgentLogin)
		m.agentLost(o, call.OutcomeRejected)
	case m.bridged:
		m.release(m.agentReason(), call.Cause{Status: 200, Text: "Agent hung up"})
		m.hangUpPlayer(call.Cause{Status: 200, Text: "Agent hung up"})
		m.conclude(call.EndAnswered)
	default: // before the bridge, while the notice is said perhaps: his phone works, he does not want to
		m.agentLost(o, call.OutcomeRejected)
	}
}

// agentReason is why a call ends that the agent ended: it was answered.
func (m *machine) agentReason() call.EndReason {
	if m.outbound() {
		return call.EndCallbackDone
	}
	return call.EndAnswered
}

// agentLost: the winner's leg is gone while the player stays: he is not
// dropped, and waits at the front of the queue.
func (m *machine) agentLost(o *offerLegs, outcome call.Outcome) {
	if m.orphan {
		m.lastTalk()
		return
	}
	if m.bridged && m.succeed("Agent lost") {
		return
	}
	m.part()
	m.do(stopTimer{timerMedia})
	m.do(stopTimer{timerNotice})
	m.winner, m.winnerLeg, m.muted = "", "", false
	m.unmask("")
	m.missed = true
	o.over = true
	if o.direct { // the queue had no part in it: he joins again, at the front
		m.note("agent_lost", "agent", o.offer.AgentLogin, "outcome", outcome.String())
		m.endOffer(o, call.Cause{Status: 200, Text: "Call lost"})
		m.judge(o)
		m.requeue()
		return
	}
	m.inQueue = true
	m.do(tellLost{o.offer.ID, outcome})
	m.to(call.EventAgentLost)
	m.note("agent_lost", "agent", o.offer.AgentLogin, "outcome", outcome.String())
	m.endOffer(o, call.Cause{Status: 200, Text: "Call lost"})
	m.judge(o)
	m.do(music{m.musicOn})
	m.say(promptPleaseWait)
}

// onQueueEnded: the queue ended the item by a rule: the longest wait is over,
// the queue was closed, or a supervisor took it out.
func (m *machine) onQueueEnded(reason call.EndReason) {
	m.inQueue = false
	if m.finished || m.bridged {
		return
	}
	m.endAllOffers(call.Cause{Status: 487, Text: "Caller left the queue"})
	if m.outbound() && !m.playerUp { // he has not heard of it
		m.hangUpPlayer(call.Cause{Text: "No agent"})
		m.endAttempt(callback.ResultAgentFailed)
		return
	}
	m.goodbye(reason, promptFor(reason))
}

// goodbye plays a last sentence and hangs up. The reason is the call's end.
func (m *machine) goodbye(reason call.EndReason, prompt string) {
	m.rec.EndReason = reason
	if m.playerOver {
		m.conclude(reason)
		return
	}
	m.to(call.EventAnnounced)
	m.endCapture()
	for _, t := range []timerKind{timerAnnounce, timerMenu, timerPlace, timerHuman} {
		m.do(stopTimer{t})
	}
	m.do(music{false})
	m.do(play{tokenGoodbye, []string{prompt, promptGoodbye}})
	m.do(setTimer{timerGoodbye, 15 * time.Second})
}

// farewell: the last sentence was heard.
func (m *machine) farewell() {
	m.hangUpPlayer(call.Cause{Status: 200, Text: "Goodbye"})
	m.conclude(m.rec.EndReason)
}

// lineLost: the player's line went dead, or his page was left. His place, or
// his agent, is kept for a while.
func (m *machine) lineLost() {
	if m.away || m.playerOver || m.finished {
		return
	}
	if m.rec.State == call.StateAnnouncing { // nobody hears the last sentence
		m.farewell()
		return
	}
	m.away = true
	m.note("line_lost")
	if m.bridged || m.winner != "" {
		m.do(setTimer{timerPlace, m.cfg.KeepAgent})
		return
	}
	if o := m.offer(m.current); o != nil && !o.over {
		o.over = true
		m.do(tellDefer{o.offer.ID, m.at.Add(5 * time.Second)})
		m.endOffer(o, call.Cause{Status: 200, Text: "Caller's line is lost"})
		m.noOffer(o.offer.ID)
		m.judge(o)
	}
	m.do(setTimer{timerPlace, m.cfg.KeepPlace})
}

// lineBack: packets come again on the same leg.
func (m *machine) lineBack() {
	if !m.away {
		return
	}
	m.away = false
	m.do(stopTimer{timerPlace})
	m.note("line_back")
	m.tryBridge()
}

// onResumed: a browser came back with its token: its new leg takes the place
// of the old one.
func (m *machine) onResumed(leg call.LegRecord) {
	if m.finished {
		m.do(complain{ErrEnded})
		return
	}
	m.player = leg.ID
	m.playerOver, m.playerDone, m.playerReady = false, false, false
	wasBridged := m.bridged
	m.away = false
	m.do(stopTimer{timerPlace})
	m.note("resumed")
	if wasBridged { // joined again when the new leg has media
		m.part()
		m.to(call.EventResumed)
		m.noticeDone = true
		m.do(music{true})
		return
	}
	m.do(music{m.musicOn})
	switch {
	case m.outbound() && !m.playerUp: // he came by his token before he took the call
		m.onPlayerPicked()
	case m.inQueue && !m.noticeDone: // its beginning went to the old leg
		m.do(play{tokenNotice, []string{promptNotice}})
	}
}

// placeLost: nobody came back in time.
func (m *machine) placeLost() {
	if !m.away || m.finished {
		return
	}
	m.note("line_given_up")
	m.hangUpPlayer(call.Cause{Status: 408, Text: "Media timeout"})
	m.onPlayerGone()
}
