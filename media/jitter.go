package media

import (
	"sync"
)

// Bounds of the delay that a jitter buffer adds, in samples of 8 kHz.
const (
	jitterLeast    = clockRate * 10 / 1000  // 10 ms: what comes between two ticks
	jitterMost     = clockRate * 200 / 1000 // 200 ms
	jitterRing     = 4096                   // half a second; a power of two
	jitterWindow   = clockRate * 4          // how long the fastest packet counts
	jitterSpare    = frameSamples * 3 / 2   // beyond its target a delay is shortened, in a quiet moment
	jitterTooMuch  = frameSamples * 4       // and this far beyond it in any
	jitterDecay    = clockRate / 1000 / 2   // of the measured jitter, each tick: half a millisecond
	quietLevel     = 200                    // mean of the samples of a quiet frame, of 32767
	jitterGapLimit = clockRate / 2          // a longer step in the timestamps is another talk
)

// jitterBuffer evens out the arrival of one stream of audio, linear at 8 kHz: it
// is put packets as they come, late, twice and out of order, and read 20 ms at a
// time. What is missing when it is due is concealed (ITU-T G.711 Appendix I).
//
// The delay follows the stream. A packet's transit is its arrival less its
// timestamp; the least of the last seconds is the path without queues, and how
// far the others are behind it is the jitter. The delay grows by a concealed
// frame when packets come too late, and shrinks by leaving out a quiet one.
//
// put is called by the reader of a leg, get by a ticker; a mutex is between
// them, held for the copy of a frame.
type jitterBuffer struct {
	mu   sync.Mutex
	pcm  [jitterRing]int16
	have [jitterRing]bool

	begun    bool
	ssrc     uint32
	pos      uint32   // timestamp of the next sample to be read
	newest   uint32   // that follows the newest sample put
	least    [2]int32 // least transit of this window and of the one before
	windowAt uint32   // when this window began
	jitter   int32    // behind the least, decaying peak
	spread   int32    // how far within a frame of ours a packet of theirs may begin

	conceal concealer

	received, late, lost, grown, shrunk uint64 // packets, packets, frames, frames, frames
}

// put takes the samples of one packet. clock is its arrival in samples of the
// engine's clock.
func (b *jitterBuffer) put(ssrc, stamp, clock uint32, pcm []int16) {
	if len(pcm) == 0 || len(pcm) > jitterRing/4 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	transit := int32(clock - stamp)
	b.spread = frameSamples - gcd(frameSamples, int32(len(pcm)))
	if !b.begun || b.ssrc != ssrc || b.jumped(stamp) {
		b.begin(ssrc, stamp, clock, transit)
	}
	b.received++
	b.measure(transit, clock)
	skip := 0
	if behind := int32(b.pos - stamp); behind > 0 { // its beginning is played already
		if int(behind) >= len(pcm) {
			b.late++
			return
		}
		skip = int(behind)
	}
	for i := skip; i < len(pcm); i++ {
		at := (stamp + uint32(i)) % jitterRing
		b.pcm[at], b.have[at] = pcm[i], true
	}
	if end := stamp + uint32(len(pcm)); int32(end-b.newest) > 0 {
		b.newest = end
	}
}

// jumped reports whether a timestamp is of another talk than what is buffered.
func (b *jitterBuffer) jumped(stamp uint32) bool {
	d := int32(stamp - b.pos)
	return d > jitterRing-jitterRing/4 || d < -jitterGapLimit
}

// begin starts anew with a stream.
func (b *jitterBuffer) begin(ssrc, stamp, clock uint32, transit int32) {
	clear(b.have[:])
	b.begun, b.ssrc, b.newest = true, ssrc, stamp
	b.least = [2]int32{transit, transit}
	b.windowAt = clock
	frames := (b.target() + frameSamples - 1) / frameSamples
	b.pos = stamp - uint32(frames*frameSamples) // frames of ours begin with theirs
}

func gcd(a, b int32) int32 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// measure takes the transit of a packet into account.
func (b *jitterBuffer) measure(transit int32, clock uint32) {
	if clock-b.windowAt > jitterWindow {
		b.least[1], b.least[0], b.windowAt = b.least[0], transit, clock
	}
	b.least[0] = min(b.least[0], transit)
	b.jitter = min(max(b.jitter, transit-b.path()), jitterMost)
}

// path is the least transit of the last seconds.
func (b *jitterBuffer) path() int32 { return min(b.least[0], b.least[1]) }

// target is the delay that the stream needs, in samples.
func (b *jitterBuffer) target() int32 { return min(b.jitter+b.spread+jitterLeast, jitterMost) }

// get reads the 20 ms that are due at clock into dst. It reports false when the
// stream is silent: nothing came for a while, and dst is not changed.
func (b *jitterBuffer) get(dst *[frameSamples]int16, clock uint32) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.begun {
		return false
	}
	if int32(b.pos-b.newest) > jitterMost { // the peer stopped; he begins anew
		b.begun = false
		b.conceal.reset()
		return false
	}
	b.jitter = max(b.jitter-jitterDecay, 0)
	due := clock - uint32(b.path()+b.target()) // the timestamp that should be heard now
	switch ahead := int32(b.pos - due); {
	case ahead > jitterLeast: // packets come later than they did: wait for them
		b.conceal.missing(dst)
		b.grown++
		return true
	case -ahead >= jitterTooMuch, -ahead >= jitterSpare && b.quiet():
		b.leaveOut()
	}
	missing := 0
	for i := range dst {
		at := (b.pos + uint32(i)) % jitterRing
		if b.have[at] {
			dst[i] = b.pcm[at]
		} else {
			dst[i] = 0
			missing++
		}
		b.have[at] = false
	}
	b.pos += frameSamples
	if missing > frameSamples/2 {
		b.lost++
		b.conceal.missing(dst)
		return true
	}
	b.conceal.heard(dst)
	return true
}

// leaveOut passes over the next frame. Its samples are forgotten: their places are
// those of samples to come, half a second later.
func (b *jitterBuffer) leaveOut() {
	for i := range uint32(frameSamples) {
		b.have[(b.pos+i)%jitterRing] = false
	}
	b.pos += frameSamples
	b.shrunk++
}

// quiet reports whether the next frame can be left out unheard.
func (b *jitterBuffer) quiet() bool {
	sum := 0
	for i := range uint32(frameSamples) {
		at := (b.pos + i) % jitterRing
		if !b.have[at] {
			return true
		}
		s := int(b.pcm[at])
		sum += max(s, -s)
	}
	return sum < quietLevel*frameSamples
}
