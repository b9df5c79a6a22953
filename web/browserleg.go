package web

import (
	"sync"
	"time"

	"pickup/call"
	"pickup/callflow"
	"pickup/media"
)

// browserLeg is a browser's end of a call. It satisfies callflow.Leg: HTTP
// has said everything when it returns, so nothing of it ever waits.
type browserLeg struct {
	id    call.LegID
	media *media.Leg
	mu    sync.Mutex
	sink  func(callflow.LegEvent)
	early []callflow.LegEvent // told before Bind
	rings *time.Timer         // outbound: until it is given up; nil: answered or inbound
	rang  bool
	deaf  bool         // its page said that the microphone is gone
	over  bool         // LegFinal was told
	page  *browserPage // that it belongs to; nil: none yet
}

// ID implements callflow.Leg.
func (l *browserLeg) ID() call.LegID { return l.id }

// Media implements callflow.Leg.
func (l *browserLeg) Media() *media.Leg { return l.media }

// Bind implements callflow.Leg.
func (l *browserLeg) Bind(sink func(callflow.LegEvent)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sink = sink
	for _, e := range l.early {
		sink(e)
	}
	l.early = nil
}

// Answer implements callflow.Leg. The 201 of HTTP is the answer and needs no ACK.
func (l *browserLeg) Answer() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		l.tell(callflow.LegEvent{Kind: callflow.LegAnswered, Status: 200})
	}
}

// End implements callflow.Leg.
func (l *browserLeg) End(call.Cause) { l.finish() }

// Referred implements callflow.Leg. A browser sends no REFER: its page asks the API.
func (l *browserLeg) Referred(int, string) {}

// away says that the page was left.
func (l *browserLeg) away() { l.say(callflow.LegEvent{Kind: callflow.LegAway}) }

// microphone says that the page lost its microphone, or has one again. It is
// told once for each change.
func (l *browserLeg) microphone(lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over || l.deaf == lost {
		return
	}
	l.deaf = lost
	e := callflow.LegEvent{Kind: callflow.LegMicrophone, Text: callflow.MicrophoneBack}
	if lost {
		e.Text = callflow.MicrophoneLost
	}
	l.tell(e)
}

// hungUp says that the player hung up; the leg is over.
func (l *browserLeg) hungUp() {
	l.finish(callflow.LegEvent{Kind: callflow.LegHungUp})
}

// ring starts the time an outbound leg has to be taken.
func (l *browserLeg) ring(limit time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rings = time.AfterFunc(limit, func() { l.fail(408, "Request Timeout") })
}

// shown says, once, that a page shows the call that rings.
func (l *browserLeg) shown() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rings != nil && !l.rang && !l.over {
		l.rang = true
		l.tell(callflow.LegEvent{Kind: callflow.LegRinging, Status: 180})
	}
}

// taken says that the page answered a leg that rang. It is false when it is
// too late: given up, withdrawn, or taken already.
func (l *browserLeg) taken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over || l.rings == nil || !l.rings.Stop() {
		return false
	}
	l.rings = nil
	l.tell(callflow.LegEvent{Kind: callflow.LegAnswered, Status: 200})
	return true
}

// fail ends a leg that rings.
func (l *browserLeg) fail(status int, text string) {
	l.finish(callflow.LegEvent{Kind: callflow.LegFailed, Status: status, Text: text})
}

// say tells one event of a leg that is not over.
func (l *browserLeg) say(e callflow.LegEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		l.tell(e)
	}
}

// finish tells what led to the end, then LegFinal, and frees the media. Only
// the first call does anything.
func (l *browserLeg) finish(why ...callflow.LegEvent) {
	l.mu.Lock()
	if l.over {
		l.mu.Unlock()
		return
	}
	l.over = true // from here on nobody else tells anything
	if l.rings != nil {
		l.rings.Stop()
	}
	p := l.page
	l.mu.Unlock()
	if p != nil {
		p.drop(l)
	}
	l.mu.Lock()
	for _, e := range why {
		l.tell(e)
	}
	l.tell(callflow.LegEvent{Kind: callflow.LegFinal})
	l.mu.Unlock()
	l.media.Close()
}

// join says to which page the leg belongs.
func (l *browserLeg) join(p *browserPage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.page = p
}

func (l *browserLeg) isOver() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}

// tell hands an event to the session, or keeps it for Bind. The lock is held,
// so that events stay in order; sink never blocks.
func (l *browserLeg) tell(e callflow.LegEvent) {
	e.Leg, e.At = l.id, time.Now()
	if l.sink == nil {
		l.early = append(l.early, e)
		return
	}
	l.sink(e)
}
