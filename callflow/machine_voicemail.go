package callflow

import (
	"cmp"
	"strconv"
	"time"

	"pickup/call"
)

// A player leaves a message: greeting, tone, recording until #, silence or the
// limit; then he listens to it, records it anew or sends it. Whoever hangs up has
// sent what he said. What was recorded survives a crash as every recording does.

// messagePhase is where the message stands.
type messagePhase int

const (
	messageGreeting messagePhase = iota // hears what to do
	messageOpening                      // the recorder is being started
	messageRunning                      // he speaks
	messageClosing                      // the recorder is asked what there is
	messageReview                       // chooses what becomes of it
	messageHearing                      // listens to it
)

// message is what a player says for later.
type message struct {
	reason call.EndReason // why he cannot talk to somebody; "": he asked for it
	phase  messagePhase
	voiced time.Duration // of speech in what was recorded last
	heard  bool          // something was said
	said   int           // how often the choice was
}

const (
	// messageQuiet is how much silence ends a message; before the first word it is twice that.
	messageQuiet = 5 * time.Second
	// messageTick is how often silence is measured.
	messageTick = time.Second
	// messageLeast is how much speech makes a message.
	messageLeast = 500 * time.Millisecond
	// messageChoice is how long we wait for a key after the choice; then it is sent.
	messageChoice = 8 * time.Second
)

// startVoicemail lets the player leave a message for a queue.
func (m *machine) startVoicemail(name string, reason call.EndReason) {
	if m.playerOver || m.finished {
		m.conclude(cmp.Or(reason, call.EndAbandoned))
		return
	}
	if !m.cfg.Voicemail { // nothing can be recorded
		m.goodbye(cmp.Or(reason, call.EndClosed), promptFor(cmp.Or(reason, call.EndClosed)))
		return
	}
	m.rec.Queue = name
	m.to(call.EventVoicemail)
	m.message = &message{reason: reason}
	for _, t := range []timerKind{timerAnnounce, timerMenu, timerInstead, timerHuman} {
		m.do(stopTimer{t})
	}
	m.musicOn = false
	m.do(music{false})
	m.note("voicemail", "queue", name)
	m.do(play{tokenMessage, []string{promptMessageGreeting}})
	m.do(setTimer{timerMessage, 30 * time.Second})
}

// record begins a recording, after a tone.
func (m *machine) record() {
	m.message.phase, m.message.heard, m.message.voiced = messageOpening, false, 0
	m.do(stopPlay{})
	m.do(openMessage{})
}

// onMessageOpen: the recorder runs.
func (m *machine) onMessageOpen(id string) {
	if m.message == nil || m.finished {
		return
	}
	m.message.phase = messageRunning
	m.rec.RecordingID = id
	m.note("message_started", "recording", id)
	m.do(setTimer{timerMessage, m.cfg.MessageMax})
	m.do(setTimer{timerQuiet, messageTick})
}

// onQuiet: how long nothing was said, and whether something was.
func (m *machine) onQuiet(q quiet) {
	if m.message == nil || m.message.phase != messageRunning {
		return
	}
	m.message.heard = m.message.heard || q.spoken >= messageLeast
	limit := messageQuiet
	if !m.message.heard {
		limit *= 2
	}
	if q.since >= limit {
		m.closeMessage()
		return
	}
	m.do(setTimer{timerQuiet, messageTick})
}

// closeMessage ends the recording; messageOver says what is in it.
func (m *machine) closeMessage() {
	m.message.phase = messageClosing
	m.do(stopTimer{timerMessage})
	m.do(stopTimer{timerQuiet})
	m.do(closeMessage{})
}

// onMessageOver: what was recorded.
func (m *machine) onMessageOver(spoken time.Duration) {
	x := m.message
	if x == nil || m.finished {
		return
	}
	x.voiced = spoken
	m.note("message_recorded", "recording", m.rec.RecordingID, "speech_ms", strconv.FormatInt(spoken.Milliseconds(), 10))
	switch {
	case m.playerOver:
		m.messageEnds()
	case spoken < messageLeast:
		m.dropMessage()
		m.goodbye(m.emptyReason(), promptMessageEmpty)
	default:
		x.said = 0
		m.sayReview()
	}
}

// emptyReason is why a call ends whose player left no message.
func (m *machine) emptyReason() call.EndReason {
	return cmp.Or(m.message.reason, call.EndExitKey)
}

func (m *machine) sayReview() {
	m.message.phase = messageReview
	m.message.said++
	m.do(play{tokenReview, []string{promptMessageReview}})
	m.do(setTimer{timerMessage, 30 * time.Second})
}

// dropMessage makes a draft of what was recorded: nobody wants it.
func (m *machine) dropMessage() {
	if m.rec.RecordingID != "" {
		m.rec.RecordingID = ""
		m.do(dropMessage{})
	}
}

// onMessageKey: a key while a message is left.
func (m *machine) onMessageKey(digit rune) {
	x := m.message
	switch x.phase {
	case messageGreeting:
		if digit == '#' {
			m.record()
		}
	case messageRunning:
		if digit == '#' {
			m.closeMessage()
		}
	case messageReview, messageHearing:
		switch digit {
		case '1':
			x.phase = messageHearing
			m.do(stopTimer{timerMessage})
			m.do(hearMessage{tokenHearing})
		case '2':
			m.do(stopTimer{timerMessage})
			m.dropMessage()
			m.record()
		case '#', '3':
			m.sendMessage()
		}
	case messageOpening, messageClosing:
	}
}

// onMessagePlayed: a sentence, or his own words, ended.
func (m *machine) onMessagePlayed(token string, cut bool) {
	x := m.message
	switch {
	case x == nil || cut || m.finished:
	case token == tokenMessage && x.phase == messageGreeting:
		m.record()
	case token == tokenReview && x.phase == messageReview:
		m.do(setTimer{timerMessage, messageChoice})
	case token == tokenHearing && x.phase == messageHearing:
		m.sayReview()
	}
}

// onMessageTimer: the greeting was not heard, the message is as long as it may
// be, or no key came: who says nothing has sent it.
func (m *machine) onMessageTimer() {
	if m.message == nil {
		return
	}
	switch m.message.phase {
	case messageGreeting:
		m.record()
	case messageRunning:
		m.note("message_limit")
		m.closeMessage()
	case messageReview, messageHearing:
		if m.message.said < 2 {
			m.sayReview()
			return
		}
		m.sendMessage()
	case messageOpening, messageClosing:
	}
}

func (m *machine) sendMessage() {
	m.do(stopTimer{timerMessage})
	m.note("message_sent", "recording", m.rec.RecordingID)
	m.goodbye(call.EndVoicemail, promptMessageSent)
}

// messageGone: the player hung up. What he said is sent.
func (m *machine) messageGone() {
	switch m.message.phase {
	case messageRunning:
		m.closeMessage()
	case messageClosing:
	default:
		m.messageEnds()
	}
}

// messageEnds ends a call whose player hung up.
func (m *machine) messageEnds() {
	if m.message.voiced >= messageLeast {
		m.note("message_sent", "recording", m.rec.RecordingID)
		m.conclude(call.EndVoicemail)
		return
	}
	m.dropMessage()
	m.conclude(cmp.Or(m.blame, m.message.reason, call.EndAbandoned))
}
