package callflow_test

import (
	"context"
	"sync"
	"testing/synctest"
	"time"

	"pickup/call"
	"pickup/callflow"
	"pickup/media"
)

// phone is something that can be rung.
type phone struct {
	mu     sync.Mutex
	behave behaviour
	lines  []*line // every INVITE it got, in order
}

// now changes what the phone does from the next INVITE on.
func (p *phone) now(b behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behave = b
}

// last is the newest INVITE, or nil; rung is how many there were.
func (p *phone) last() *line {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.lines) == 0 {
		return nil
	}
	return p.lines[len(p.lines)-1]
}

func (p *phone) rung() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.lines)
}

// behaviour is what a phone does with an INVITE. It does not wait.
type behaviour func(*line)

// picksUp rings and answers after a while.
func picksUp(after time.Duration) behaviour {
	return func(l *line) {
		l.tell(callflow.LegEvent{Kind: callflow.LegRinging, Status: 180})
		time.AfterFunc(after, l.pickUp)
	}
}

// rings rings for ever.
func rings(l *line) { l.tell(callflow.LegEvent{Kind: callflow.LegRinging, Status: 180}) }

// refuses answers with a final response.
func refuses(status int) behaviour {
	return func(l *line) {
		time.AfterFunc(wire, func() { l.over(callflow.LegEvent{Kind: callflow.LegFailed, Status: status}) })
	}
}

// line is a dialog with a fake phone: a callflow.Leg with real media.
type line struct {
	id         call.LegID
	inbound    bool
	invitation callflow.Invitation
	media      *media.Leg
	begun      time.Time
	onEnd      func() // before End does anything
	answer     []byte // inbound: our SDP
	spoken     int    // packets that speak has sent

	mu       sync.Mutex
	sink     func(callflow.LegEvent)
	early    []callflow.LegEvent
	answered bool
	ending   bool
	ended    bool
	causes   []call.Cause // of every End
	referred []int        // answers to its REFERs
	endedAt  time.Time
}

func (l *line) ID() call.LegID    { return l.id }
func (l *line) Media() *media.Leg { return l.media }

func (l *line) Bind(sink func(callflow.LegEvent)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sink = sink
	for _, e := range l.early {
		sink(e)
	}
	l.early = nil
}

// tell gives the session an event, unless the leg is final.
func (l *line) tell(e callflow.LegEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.put(e)
}

func (l *line) put(e callflow.LegEvent) {
	if l.ended {
		return
	}
	e.Leg, e.At = l.id, time.Now()
	l.ended = e.Kind == callflow.LegFinal
	if l.ended {
		l.endedAt = time.Now()
	}
	if l.sink == nil {
		l.early = append(l.early, e)
		return
	}
	l.sink(e)
}

func (l *line) Answer() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered = true
	l.put(callflow.LegEvent{Kind: callflow.LegAnswered, Status: 200})
}

// pickUp answers an INVITE.
func (l *line) pickUp() {
	if _, err := l.media.Offer(context.Background()); err != nil {
		return // cancelled meanwhile
	}
	if l.media.Accept(description) != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ending || l.answered {
		return
	}
	l.answered = true
	l.put(callflow.LegEvent{Kind: callflow.LegAnswered, Status: 200})
}

// over tells how the dialog ended, then that nothing is outstanding.
func (l *line) over(e callflow.LegEvent) {
	l.mu.Lock()
	l.ending = true
	l.put(e)
	l.put(callflow.LegEvent{Kind: callflow.LegFinal})
	l.mu.Unlock()
	l.media.Close()
}

func (l *line) End(cause call.Cause) {
	if l.onEnd != nil {
		l.onEnd()
	}
	l.mu.Lock()
	l.causes = append(l.causes, cause)
	was, answered := l.ending, l.answered
	l.ending = true
	l.mu.Unlock()
	if was {
		return
	}
	time.AfterFunc(2*wire, func() {
		if answered {
			l.over(callflow.LegEvent{Kind: callflow.LegFinal})
		} else {
			l.over(callflow.LegEvent{Kind: callflow.LegFailed, Status: 487})
		}
	})
}

func (l *line) Referred(status int, _ string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.referred = append(l.referred, status)
}

// hangUp ends the dialog from the phone's side.
func (l *line) hangUp() { l.over(callflow.LegEvent{Kind: callflow.LegHungUp}) }

// press sends a key.
func (l *line) press(digit rune) { l.tell(callflow.LegEvent{Kind: callflow.LegDTMF, Digit: digit}) }

// away says that the page of a browser was left.
func (l *line) away() { l.tell(callflow.LegEvent{Kind: callflow.LegAway}) }

// gone reports whether nothing of the dialog is outstanding.
func (l *line) gone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// state of the dialog.
func (l *line) state() (answered, ended bool, cause call.Cause) {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.causes) > 0 {
		cause = l.causes[0]
	}
	return l.answered, l.ended, cause
}
