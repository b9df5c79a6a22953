package media

import "time"

// silentAfter is how long a browser in a talk may send no RTP while its line
// stands. It sends a packet each 20 ms, muted or not (G.711 without comfort
// noise): what is missing is its microphone, or the way to us alone.
const silentAfter = 3 * time.Second

// judgeVoice tells once that nothing is heard of a browser in a talk, though ICE
// and DTLS stand and it may send.
func (l *Leg) judgeVoice(t *terms, now time.Duration) {
	if t == nil || !t.receive || !l.ready.Load() || l.route.Load() == nil {
		l.in.voice.Store(int64(now)) // patience begins with the talk
		return
	}
	if now-time.Duration(l.in.voice.Load()) > silentAfter && l.in.silent.CompareAndSwap(false, true) {
		l.events.put(Event{Kind: EventSilent})
	}
}

// hear notes a packet of a browser. It is called on the media path.
func (l *Leg) hear(now time.Duration) {
	l.in.voice.Store(int64(now))
	if l.in.silent.Load() && l.in.silent.CompareAndSwap(true, false) {
		l.events.put(Event{Kind: EventHeard})
	}
}

// Silent reports whether nothing has been heard of a browser since EventSilent.
func (l *Leg) Silent() bool { return l.in.silent.Load() }
