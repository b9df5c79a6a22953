package sip

import (
	"math/rand/v2"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// probe is what signalling knows of the life of a peer whose media says
// nothing. It belongs to the goroutine of its leg.
type probe struct {
	heardAt time.Time // the last request of his, or response to ours
	asking  bool      // an OPTIONS waits for its answer
	unsent  int       // how often in a row none could be sent
}

// mostUnsent is how often an OPTIONS may not be sent, for want of a connection,
// before the peer counts as gone.
const mostUnsent = 2

// heard notes a sign of life in the dialog.
func (l *leg) heard() { l.probe.heardAt, l.probe.unsent = time.Now(), 0 }

// watch begins when the dialog is up.
func (l *leg) watch() {
	l.heard()
	l.set(timerProbe, l.probeAfter())
}

// probeAfter is drawn, so that not all are asked at once.
func (l *leg) probeAfter() time.Duration {
	every := l.server.cfg.ProbeEvery
	return every - every/8 + rand.N(every/4) //nolint:gosec // spreads load, hides nothing
}

// ask sends an OPTIONS in the dialog to a peer whom RTP does not judge: he never
// sent any, or has us on hold. Any answer is a proof of life, but for those that
// say that there is no such call (RFC 3261 11, 12.2.1.2).
func (l *leg) ask() {
	l.set(timerProbe, l.probeAfter())
	if l.state != legUp || l.probe.asking || l.acc.waiting || l.media.Watched() ||
		time.Since(l.probe.heardAt) < l.server.cfg.ProbeEvery/2 {
		return
	}
	l.probe.asking = true
	l.follow()
	r := l.d.request(gosip.OPTIONS)
	r.AppendHeader(gosip.NewHeader("Accept", "application/sdp"))
	l.attempt(r, l.asked)
}

// asked takes the outcome of an OPTIONS; nil: there was no answer in 32 s.
func (l *leg) asked(res *gosip.Response, sent bool) {
	l.probe.asking = false
	switch {
	case l.state != legUp:
	case res != nil && res.StatusCode == 481:
		l.vanished("the phone does not know the call any more")
	case res != nil && res.StatusCode != 408:
		l.heard()
	case l.media.Watched() || time.Since(l.probe.heardAt) < lifetime: // life showed meanwhile
	case !sent:
		if l.probe.unsent++; l.probe.unsent >= mostUnsent {
			l.vanished("connection of the phone lost")
		}
	default:
		l.vanished("OPTIONS not answered")
	}
}
