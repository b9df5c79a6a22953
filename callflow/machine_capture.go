package callflow

import (
	"slices"
	"time"

	"pickup/callback"
)

// A caller from the telephone network who wants to be called back says at which
// number (telephony 1.10): his caller ID is read back digit by digit, or he
// enters another one. He waits in his place meanwhile: an agent's answer ends the
// dialog, and a dialog that fails costs him nothing.

// Limits of the dialog.
const (
	captureWait  = 8 * time.Second // for a key after a sentence
	captureTries = 3               // numbers that are refused, or silences, until he simply waits on
	captureMax   = 17              // keys of a number: an international prefix and 15 digits (ITU-T E.164 6.2.1)
)

// capturing is where the dialog stands.
type capturing int

const (
	captureChecking capturing = iota // a number is looked at
	captureEntering                  // he enters one
	captureReading                   // one was read back: 1, 2 or 3
)

// capture is the dialog about the number of a callback.
type capture struct {
	step   capturing
	keys   []rune         // entered since the last start
	number string         // E.164: the one that is read back
	proof  callback.Proof // of number, once he has pressed 1
	tries  int
	heard  []string // what was said last, to be said again
}

// startCapture begins the dialog with the caller ID, where there is one.
func (m *machine) startCapture() {
	if !m.noticeDone { // it is never cut
		m.captureNext = true
		return
	}
	m.capture = &capture{step: captureChecking, proof: callback.ProofConfirmed}
	m.note("callback_number_asked")
	m.do(stopTimer{timerAnnounce})
	if m.rec.From.ReachBack == "" {
		m.enterNumber(promptEnter)
		return
	}
	m.do(checkNumber{m.rec.From.ReachBack})
}

// endCapture ends the dialog; whoever ends it says what follows.
func (m *machine) endCapture() {
	m.captureNext = false
	if m.capture == nil {
		return
	}
	m.capture = nil
	m.do(stopTimer{timerCapture})
	if m.inQueue && m.winner == "" {
		m.do(setTimer{timerAnnounce, m.cfg.AnnounceEvery})
	}
}

// leaveCapture ends the dialog without a callback: he waits on.
func (m *machine) leaveCapture() {
	m.note("callback_not_wanted")
	m.endCapture()
	m.do(play{tokenKey, []string{promptStay}})
}

// ask says something in the dialog and waits for a key.
func (c *capture) ask(m *machine, ids ...string) {
	c.heard = ids
	m.do(stopTimer{timerCapture})
	m.do(play{tokenCapture, ids})
}

func (m *machine) enterNumber(ids ...string) {
	c := m.capture
	c.step, c.keys, c.number, c.proof = captureEntering, nil, "", callback.ProofKeyed
	c.ask(m, ids...)
}

// onChecked: a number is one that we may dial, or why it is not. It is read back.
func (m *machine) onChecked(k checked) {
	c := m.capture
	if c == nil || c.step != captureChecking {
		return
	}
	if k.refusal == "" {
		c.step, c.number = captureReading, k.number
		c.ask(m, slices.Concat([]string{promptNumberIs}, digitPrompts(k.spoken), []string{promptNumberKeys})...)
		return
	}
	m.note("callback_number_refused", "reason", string(k.refusal))
	if c.proof == callback.ProofConfirmed { // his caller ID: he is not told of it
		m.enterNumber(promptEnter)
		return
	}
	if c.tries++; c.tries >= captureTries {
		m.leaveCapture()
		return
	}
	why := promptNumberRefused
	if k.refusal == callback.ReasonInvalid {
		why = promptNumberInvalid
	}
	m.enterNumber(why, promptEnter)
}

// digitPrompts are the words of a number, one after the other.
func digitPrompts(number string) []string {
	ids := make([]string, 0, len(number))
	for _, d := range number {
		if d >= '0' && d <= '9' {
			ids = append(ids, "digit."+string(d))
		}
	}
	return ids
}

// onCaptureKey: a key in the dialog.
func (m *machine) onCaptureKey(digit rune) {
	c := m.capture
	m.do(stopTimer{timerCapture})
	switch c.step {
	case captureReading:
		m.onNumberKey(digit)
	case captureEntering:
		switch {
		case digit == '#':
			m.checkEntered()
			return
		case digit == '*':
			c.keys = nil
			c.ask(m, promptEnter)
			return
		case len(c.keys) == 0:
			m.do(stopPlay{})
		}
		if digit >= '0' && digit <= '9' && len(c.keys) <= captureMax {
			c.keys = append(c.keys, digit)
		}
		m.do(setTimer{timerCapture, captureWait})
	case captureChecking:
	}
}

// onNumberKey: 1 confirms what was read back, 2 enters another number, 3 waits on.
func (m *machine) onNumberKey(digit rune) {
	c := m.capture
	switch digit {
	case '1':
		number, proof := c.number, c.proof
		m.endCapture()
		m.confirm(number, proof)
	case '2':
		m.enterNumber(promptEnter)
	case '3':
		m.leaveCapture()
	default:
		c.ask(m, append([]string{promptInvalid}, c.heard...)...)
	}
}

func (m *machine) checkEntered() {
	c := m.capture
	c.step = captureChecking
	m.do(stopPlay{})
	m.do(checkNumber{string(c.keys)})
}

// onCaptureSilence: no key came. A number that was entered without # counts; else
// what was said is said again, and then he waits on.
func (m *machine) onCaptureSilence() {
	c := m.capture
	switch {
	case c == nil || c.step == captureChecking:
	case c.step == captureEntering && len(c.keys) > 0:
		m.checkEntered()
	default:
		if c.tries++; c.tries >= captureTries {
			m.leaveCapture()
			return
		}
		c.ask(m, c.heard...)
	}
}
