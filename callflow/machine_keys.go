package callflow

import (
	"cmp"
	"errors"

	"pickup/call"
	"pickup/callback"
	"pickup/media"
	"pickup/queue"
)

// Tokens of what is played, so that the end of one sentence is not taken for
// that of another.
const (
	tokenNotice   = "notice"
	tokenGreeting = "greeting"
	tokenPlace    = "place"
	tokenWait     = "wait"
	tokenMenu     = "menu"
	tokenGoodbye  = "goodbye"
	tokenHello    = "hello"
	tokenKey      = "key"
)

// onHeard: an event of the media of a leg.
func (m *machine) onHeard(h heard) {
	if h.leg != m.player {
		m.onAgentHeard(h)
		return
	}
	switch h.event.Kind {
	case media.EventReady:
		m.playerReady = true
		m.tryBridge()
	case media.EventDTMF:
		m.onPlayerKey(h.event.Digit)
	case media.EventPlayed:
		m.onPlayed(h.event.Token, h.event.Cut)
	case media.EventDead:
		m.lineLost()
	case media.EventAlive:
		m.lineBack()
	case media.EventSilent:
		m.note("player_silent")
	case media.EventHeard:
		m.note("player_heard")
	case media.EventRemoteHold, media.EventRemoteUnhold: // a player may hold us: nothing changes
	}
}

// onAgentHeard: media of an agent's leg.
func (m *machine) onAgentHeard(h heard) {
	o, l := m.legOf(h.leg)
	if o == nil {
		return
	}
	mine := h.leg == m.winnerLeg
	switch h.event.Kind {
	case media.EventReady:
		l.ready = true
		if p := m.partyOf(o); p != nil && p.leg == h.leg {
			m.partyTalks(p)
			return
		}
		m.tryBridge()
	case media.EventDTMF:
		if mine {
			m.onAgentKey(h.event.Digit)
		}
	case media.EventRemoteHold:
		if mine && m.bridged && !m.aside {
			m.hold(o.offer.AgentLogin)
		}
	case media.EventRemoteUnhold:
		if mine && m.bridged && !m.aside {
			m.retrieve(o.offer.AgentLogin)
		}
	case media.EventDead:
		if p := m.partyOf(o); p != nil && p.leg == h.leg {
			l.failed = true
			m.partyFailed(p, "line dead")
			return
		}
		if mine {
			m.note("agent_line_dead", "agent", o.offer.AgentLogin)
			l.failed = true
			m.agentLost(o, call.OutcomeUnreachable)
		}
	case media.EventSilent:
		if mine {
			m.note("agent_silent", "agent", o.offer.AgentLogin)
		}
	case media.EventHeard:
		if mine {
			m.note("agent_heard", "agent", o.offer.AgentLogin)
		}
	case media.EventAlive, media.EventPlayed:
	}
}

// onPlayed: a sentence ended, or was cut.
func (m *machine) onPlayed(token string, cut bool) {
	switch token {
	case tokenNotice:
		if m.noticeDone {
			return
		}
		if m.winner == "" && m.rec.State.InQueue() && !cut {
			m.afterNotice()
		}
		m.noticeHeard()
	case tokenGreeting:
		if m.rec.State == call.StateWaiting && !cut {
			m.do(sayPlace{tokenPlace})
		}
	case tokenMenu:
		if m.rec.State == call.StateMenu {
			m.do(setTimer{timerMenu, m.menuWait()})
		}
	case tokenGoodbye:
		if m.rec.State == call.StateAnnouncing && !cut {
			m.farewell()
		}
	}
}

// afterNotice says what waited for the end of the notice, else what follows it.
func (m *machine) afterNotice() {
	switch {
	case m.unsaid != "":
		m.do(play{tokenKey, []string{m.unsaid}})
		m.unsaid = ""
	case m.outbound():
		m.do(play{tokenKey, []string{promptConnecting}})
	case m.rec.State == call.StateWaiting:
		m.do(play{tokenGreeting, []string{cmp.Or(m.cfg.Greetings[m.rec.Queue], promptGreeting)}})
	}
}

// say plays one sentence; the recording notice is not cut for it.
func (m *machine) say(prompt string) {
	if m.noticeDone {
		m.do(play{tokenKey, []string{prompt}})
	} else {
		m.unsaid = prompt
	}
}

// noticeHeard: the recording notice is over: a waiting bridge may stand, and
// the place is said.
func (m *machine) noticeHeard() {
	if m.noticeDone {
		return
	}
	m.noticeDone = true
	m.do(stopTimer{timerNotice})
	if m.inQueue {
		m.do(setTimer{timerAnnounce, m.cfg.AnnounceEvery})
	}
	m.tryBridge()
}

// onPlayerKey: a key of the player.
func (m *machine) onPlayerKey(digit rune) {
	if m.finished || m.playerOver {
		return
	}
	if m.masked {
		m.hiddenKeys++
		return
	}
	switch {
	case m.rec.State == call.StateMenu && m.askedKeep:
		m.onKeepKey(digit)
	case m.rec.State == call.StateMenu:
		m.onMenuKey(digit)
	case m.rec.State == call.StateHumanCheck:
		if digit == '1' {
			m.onHuman()
		}
	case m.rec.State.InQueue():
		m.onWaitingKey(digit)
	}
}

// onWaitingKey: the keys while waiting.
func (m *machine) onWaitingKey(digit rune) {
	switch digit {
	case '1':
		m.wantCallback()
	case '2':
		if m.rec.Language == "fr" {
			m.rec.Language = "en"
		} else {
			m.rec.Language = "fr"
		}
		m.note("language", "language", m.rec.Language)
		m.say(promptLanguage)
	case '3':
		m.musicOn = !m.musicOn
		m.do(music{m.musicOn})
		if m.musicOn {
			m.say(promptMusicOn)
		} else {
			m.say(promptMusicOff)
		}
	case '0':
		if m.noticeDone {
			m.do(sayPlace{tokenPlace})
		}
	}
}

// sayMenu says what can be chosen.
func (m *machine) sayMenu() {
	m.menuSaid++
	prompt := promptKeep
	if !m.askedKeep {
		prompt = m.menu.Prompt
	}
	m.do(play{tokenMenu, []string{prompt}})
}

func (m *machine) onMenuKey(digit rune) {
	if m.menu.LanguageKey != 0 && digit == m.menu.LanguageKey {
		m.rec.Language = other(m.rec.Language)
		m.note("language", "language", m.rec.Language)
		m.do(stopTimer{timerMenu})
		m.sayMenu()
		return
	}
	if q, ok := m.menu.Queues[digit]; ok {
		m.note("menu_choice", "queue", q)
		m.join(q)
		return
	}
	m.do(play{tokenMenu, []string{promptInvalid, m.menu.Prompt}})
}

// other is the other one of our two languages.
func other(language string) string {
	if language == "fr" {
		return "en"
	}
	return "fr"
}

// onMenuSilence: no key came. The menu is said once more, then the default is taken.
func (m *machine) onMenuSilence() {
	if m.menuSaid < 2 {
		m.sayMenu()
		return
	}
	if m.askedKeep {
		m.takePlace()
		return
	}
	m.note("menu_silence", "queue", m.menu.Default)
	m.join(m.menu.Default)
}

// onAgentKey: a key of the agent in a call. What is a code, or may become one,
// never reaches the player; everything else does.
func (m *machine) onAgentKey(digit rune) {
	if !m.bridged {
		return
	}
	pass, code, arg := m.code.key(digit)
	to := call.LegID("") // the player
	if p := m.partyAs(partyConsult); m.aside && p != nil {
		to = p.leg
	}
	for _, d := range pass {
		m.do(sendDTMF{to, d})
	}
	if code == "" {
		return
	}
	o := m.offer(m.winner)
	if o == nil {
		return
	}
	m.do(dialledCode{codes[code].op(m), arg, o.offer.Agent, o.offer.AgentLogin})
}

// onTimer: a timer ran out.
func (m *machine) onTimer(t timerKind) {
	if m.finished {
		return
	}
	switch t {
	case timerRing:
		if o := m.offer(m.current); o != nil && !o.over && (m.parked == nil || m.parked.offer != m.current) {
			m.miss(o, o.timedOut())
			m.judge(o)
		}
	case timerNotice:
		m.noticeHeard()
	case timerMedia:
		if o, l := m.legOf(m.winnerLeg); o != nil && !m.bridged {
			m.mediaMissing(o, l)
		}
	case timerAnnounce:
		if m.rec.State == call.StateWaiting && !m.away {
			m.do(sayPlace{tokenPlace})
		}
		if m.inQueue {
			m.do(setTimer{timerAnnounce, m.cfg.AnnounceEvery})
		}
	case timerMenu:
		if m.rec.State == call.StateMenu {
			m.onMenuSilence()
		}
	case timerPlace:
		m.placeLost()
	case timerHuman:
		m.onNotHuman()
	case timerPlayer:
		if m.own != nil {
			m.hangUpPlayer(call.Cause{Text: "No answer"})
			m.ownFailed("no answer")
			return
		}
		m.hangUpPlayer(call.Cause{Text: "No answer"})
		m.endAttempt(callback.ResultNoAnswer)
	case timerGoodbye:
		m.farewell()
	case timerParked:
		m.unpark()
	case timerAttempt:
		m.attemptLate()
	case timerTarget:
		if p := m.target(); p != nil && !p.talking {
			m.partyFailed(p, "no answer")
		}
	case timerHold:
		m.holdReminder()
	case timerPark:
		m.parkTooLong()
	case timerCount:
	}
}

// mediaMissing: an agent picked up but audio cannot flow. If it is the agent's
// side that has none he is unreachable; if only the notice or the player's
// media is late, the wait goes on a little.
func (m *machine) mediaMissing(o *offerLegs, l *agentLeg) {
	if l.ready {
		m.do(setTimer{timerMedia, m.cfg.MediaWait})
		return
	}
	l.failed = true
	m.agentLost(o, call.OutcomeMedia)
}

// refusedBy translates an error of Join to an end reason and a last sentence.
func refusedBy(err error) (call.EndReason, string) {
	switch {
	case errors.Is(err, queue.ErrFull):
		return call.EndOverflowFull, promptFull
	case errors.Is(err, queue.ErrClosed):
		return call.EndClosed, promptClosed
	default:
		return call.EndFailedSystem, promptClosed
	}
}

// onAsked: somebody wants something of this call.
func (m *machine) onAsked(a asked) {
	if m.finished {
		return
	}
	switch a.want {
	case wantCallback:
		m.wantCallback()
	case wantHangUp:
		m.note("hung_up_by", "by", string(a.by))
		if a.by != "" {
			m.blame = call.EndWithdrawn
		}
		m.hangUpPlayer(call.Cause{Status: 200, Text: "Hung up"})
		m.onPlayerGone()
	case wantDrain:
		if m.rec.State.InQueue() && !m.drained && m.rec.From.ReachBack != "" {
			m.drained = true
			m.say(promptDraining)
		}
	case wantStop:
		m.stop()
	case wantAbandon:
		m.stopNow()
	}
}

// stop: the server ends now. Who waits gets a callback where he can be reached;
// who talks is hung up.
func (m *machine) stop() {
	m.blame = call.EndFailedSystem
	if m.rec.State.InQueue() && m.rec.From.ReachBack != "" && !m.outbound() {
		m.wantCallback()
		return
	}
	m.stopNow()
}

// stopNow ends the call, and blames nobody for it.
func (m *machine) stopNow() {
	m.blame = call.EndFailedSystem
	m.hangUpPlayer(call.Cause{Status: 503, Text: "Server stops"})
	m.onPlayerGone()
}
