package media

import "sync"

// EventKind says what happened to the media of a leg.
type EventKind int

// The kinds of event.
const (
	EventReady        EventKind = iota + 1 // audio can flow both ways; sent once, and again after a restart of ICE
	EventDTMF                              // one key was pressed: Digit; once per key (RFC 4733 2.5.1.4)
	EventPlayed                            // the prompts of Token ended, or were Cut
	EventDead                              // no RTP and RTCP for Config.LegDead, or ICE failed
	EventAlive                             // packets came again after EventDead
	EventRemoteHold                        // the peer put us on hold (sendonly, inactive, c=0.0.0.0)
	EventRemoteUnhold                      // the peer took us off hold
	EventSilent                            // a browser in a talk has sent no RTP for 3 s, while its line stands
	EventHeard                             // RTP came again after EventSilent
)

var eventNames = [...]string{"none", "ready", "dtmf", "played", "dead", "alive", "remote_hold", "remote_unhold", "silent", "heard"}

// String returns the name of k for logs.
func (k EventKind) String() string {
	if k < 0 || int(k) >= len(eventNames) {
		return "invalid"
	}
	return eventNames[k]
}

// Event of a leg's media.
type Event struct {
	Kind  EventKind
	Digit rune
	Token string
	Cut   bool
}

// eventQueue delivers events in order to one sink, and keeps them until there
// is one. The sink runs without a lock held, so it may call the leg.
type eventQueue struct {
	mu         sync.Mutex
	sink       func(Event)
	waiting    []Event
	delivering bool
}

func (q *eventQueue) bind(sink func(Event)) {
	q.mu.Lock()
	q.sink = sink
	q.mu.Unlock()
	q.deliver()
}

func (q *eventQueue) put(e Event) {
	q.mu.Lock()
	q.waiting = append(q.waiting, e)
	q.mu.Unlock()
	q.deliver()
}

// deliver hands over what waits, unless another goroutine is doing it.
func (q *eventQueue) deliver() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.delivering || q.sink == nil {
		return
	}
	q.delivering = true
	for len(q.waiting) > 0 {
		e := q.waiting[0]
		q.waiting = q.waiting[1:]
		q.mu.Unlock()
		q.sink(e)
		q.mu.Lock()
	}
	q.waiting, q.delivering = nil, false
}
