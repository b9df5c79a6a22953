package callflow

import (
	"time"

	"pickup/call"
)

// A player whom we promised to call back calls again by himself (telephony
// 1.10, 1.11). Never both: he waits in the place of his callback, or keeps it
// and goes. Soon after the promise he is not asked.

// menuWait is how long we wait for a key after a sentence that asks for one.
func (m *machine) menuWait() time.Duration {
	if m.menu == nil || m.menu.Wait == 0 || m.askedKeep {
		return 5 * time.Second
	}
	return m.menu.Wait
}

// returned decides what becomes of the promise of a player who is here.
func (m *machine) returned() {
	if m.at.Sub(m.promise.ConfirmedAt) < m.cfg.Supersede {
		m.takePlace()
		return
	}
	if m.rec.State == call.StateNew {
		m.to(call.EventMenuEntered)
	}
	m.askedKeep, m.menuSaid = true, 0
	m.note("callback_stands", "callback", m.promise.ID)
	m.sayMenu()
}

// onKeepKey: 1 keeps the callback and ends the call, 2 waits in its place.
func (m *machine) onKeepKey(digit rune) {
	switch digit {
	case '1':
		m.note("callback_kept", "callback", m.promise.ID)
		m.goodbye(call.EndExitKey, promptLater)
	case '2':
		m.takePlace()
	default:
		m.do(play{tokenMenu, []string{promptInvalid, promptKeep}})
	}
}

// takePlace ends the promise; its place in the line is his.
func (m *machine) takePlace() {
	m.do(stopTimer{timerMenu})
	m.do(supersede{*m.promise})
}

// onSuperseded: the promise is over, or it was dialled in the same instant and
// he waits as anybody does.
func (m *machine) onSuperseded(ok bool) {
	promise := m.promise
	m.promise, m.askedKeep = nil, false
	if m.finished || m.playerOver {
		return
	}
	if ok {
		m.callback = promise
		m.note("callback_superseded", "callback", promise.ID)
	}
	m.join(m.rec.Queue)
}
