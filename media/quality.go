package media

import (
	"math"
	"sync/atomic"
	"time"

	"pickup/call"
)

// receiveStats measures one incoming stream as RFC 3550 appendix A says. One
// goroutine writes, any may read.
type receiveStats struct {
	begun   bool
	ssrc    uint32
	base    uint32 // extended sequence number of the first packet of this SSRC
	extMax  atomic.Uint32
	transit int32
	jitter4 int32 // scaled by 16, as in A.8

	received atomic.Uint64 // of all SSRCs
	expected atomic.Uint64 // of all SSRCs
	before   uint64        // expected of earlier SSRCs
	jitter   atomic.Uint32 // ticks of the stream's clock
	scale    atomic.Uint32 // ticks in a sample at 8 kHz
	peerSSRC atomic.Uint32

	// For the next report (A.3), owned by the ticker.
	reportExpected, reportReceived uint64
}

// update takes one packet of a kind. It reports false for a repeated packet.
// Jitter is measured on speech, by the clock of its codec.
func (s *receiveStats) update(h *header, at time.Duration, k kind) bool {
	if k.speech() && s.scale.Load() != k.scale() {
		s.scale.Store(k.scale())
		s.transit = int32(samples(at)*k.scale() - h.timestamp)
	}
	arrival := samples(at) * s.scale.Load()
	if !s.begun || s.ssrc != h.ssrc {
		s.restart(h, arrival)
		return true
	}
	last := s.extMax.Load()
	step := int16(h.sequence - uint16(last))
	switch {
	case step == 0:
		return false
	case step > maxSequenceJump || step < -maxSequenceJump:
		s.restart(h, arrival)
		return true
	case step > 0:
		s.extMax.Store(last + uint32(step))
		s.expected.Store(s.before + uint64(last+uint32(step)-s.base) + 1)
	}
	s.received.Store(s.received.Load() + 1)
	if k.speech() {
		s.measure(arrival - h.timestamp)
	}
	return true
}

// restart begins a new source, keeping the sums.
func (s *receiveStats) restart(h *header, arrival uint32) {
	s.before = s.expected.Load()
	s.begun, s.ssrc, s.base = true, h.ssrc, 1<<16|uint32(h.sequence)
	s.extMax.Store(s.base)
	s.transit = int32(arrival - h.timestamp)
	s.peerSSRC.Store(h.ssrc)
	s.expected.Store(s.before + 1)
	s.received.Store(s.received.Load() + 1)
}

// measure is RFC 3550 A.8.
func (s *receiveStats) measure(transit uint32) {
	d := int32(transit) - s.transit
	s.transit = int32(transit)
	if d < 0 {
		d = -d
	}
	if d > clockRate*int32(s.scale.Load()) { // a talk spurt after silence, or a jump of the clock
		return
	}
	s.jitter4 += d - (s.jitter4+8)>>4
	s.jitter.Store(uint32(s.jitter4) >> 4)
}

// delayVariation is the interarrival jitter (RFC 3550 6.4.1).
func (s *receiveStats) delayVariation() time.Duration {
	return time.Duration(s.jitter.Load()) * time.Second / time.Duration(clockRate*max(s.scale.Load(), 1))
}

// lost returns the packets that were expected and never came.
func (s *receiveStats) lost() uint64 {
	expected, received := s.expected.Load(), s.received.Load()
	if expected <= received {
		return 0
	}
	return expected - received
}

// report returns the fraction lost since the previous report, in 1/256.
func (s *receiveStats) report() byte {
	expected, received := s.expected.Load(), s.received.Load()
	e, r := expected-s.reportExpected, received-s.reportReceived
	s.reportExpected, s.reportReceived = expected, received
	if e == 0 || r >= e {
		return 0
	}
	return byte((e - r) * 256 / e)
}

// Constants of the E-model for G.711 without loss concealment (ITU-T G.107
// with the values of G.113 appendix I).
const (
	eModelBase  = 93.2 // R without impairment, default values of G.107
	eModelBpl   = 4.3  // robustness against loss
	eModelReach = 95.0
)

// estimateMOS is the mean opinion score of ITU-T G.107 (annex B) for G.711:
// R = 93.2 - Id - Ie,eff, where Ie,eff = 95 Ppl / (Ppl + Bpl) for random loss
// of Ppl percent, and Id = 0.024 d + 0.11 (d - 177.3) beyond 177.3 ms, the
// usual fit of its delay term. d is the one-way delay in ms: half the round
// trip where RTCP told it, and a receiver's buffer of twice the jitter above
// one frame.
func estimateMOS(lossPercent float64, jitter, roundTrip time.Duration) float64 {
	d := (roundTrip/2 + 2*jitter + 20*time.Millisecond).Seconds() * 1000
	id := 0.024 * d
	if d > 177.3 {
		id += 0.11 * (d - 177.3)
	}
	r := eModelBase - id - eModelReach*lossPercent/(lossPercent+eModelBpl)
	switch {
	case r <= 0:
		return 1
	case r >= 100:
		return 4.5
	}
	return max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6)
}

// mosWindows are the estimates of stretches of 5 s, the period of the reports. The
// ticker writes, any may read.
type mosWindows struct {
	expected, received uint64 // of the stream, at the end of the last stretch; of the ticker

	lowest, last atomic.Uint32 // thousandths; 0: none
	sum          atomic.Uint64
	count        atomic.Uint64
}

// end closes a stretch. One in which nothing was due counts for nothing, but when
// silent says that something was: then it is as bad as can be.
func (w *mosWindows) end(s *receiveStats, roundTrip time.Duration, silent bool) {
	expected, received := s.expected.Load(), s.received.Load()
	due, came := expected-w.expected, received-w.received
	w.expected, w.received = expected, received
	loss := 0.0
	switch {
	case due == 0 && !silent:
		return
	case due == 0:
		loss = 100
	case came < due:
		loss = 100 * float64(due-came) / float64(due)
	}
	mos := uint32(math.Round(1000 * estimateMOS(loss, s.delayVariation(), roundTrip)))
	if least := w.lowest.Load(); least == 0 || mos < least {
		w.lowest.Store(mos)
	}
	w.last.Store(mos)
	w.sum.Add(uint64(mos))
	w.count.Add(1)
}

// mean is that of all stretches.
func (w *mosWindows) mean() float64 {
	n := w.count.Load()
	if n == 0 {
		return 0
	}
	return float64(w.sum.Load()) / float64(n) / 1000
}

// rate closes a stretch of 5 s. It is called by the ticker. Nothing is judged that
// the peer does not owe: while it lives it owes no packet, for it may be silent
// (RFC 3389).
func (l *Leg) rate(now time.Duration) {
	t := l.terms.Load()
	if t == nil || !l.ready.Load() {
		return
	}
	silent := t.judged && l.in.sent.Load() && !l.in.dead.Load() && now-time.Duration(l.in.life.Load()) >= rtcpEvery*tickLength
	l.in.mos.end(&l.in.stats, time.Duration(l.in.roundTrip.Load()), silent)
}

// Quality returns what was measured so far. It may be called at any time,
// after Close too.
func (l *Leg) Quality() call.Quality {
	s := &l.in.stats
	q := call.Quality{
		PacketsIn:   s.received.Load(),
		PacketsOut:  l.out.packets.Load(),
		PacketsLost: s.lost(),
		Jitter:      s.delayVariation(),
		MOSLowest:   float64(l.in.mos.lowest.Load()) / 1000,
		MOSLast:     float64(l.in.mos.last.Load()) / 1000,
		MOSMean:     l.in.mos.mean(),
	}
	if q.PacketsIn > 0 {
		loss := 100 * float64(q.PacketsLost) / float64(q.PacketsIn+q.PacketsLost)
		q.MOS = estimateMOS(loss, q.Jitter, time.Duration(l.in.roundTrip.Load()))
	}
	return q
}
