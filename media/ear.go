package media

import (
	"sync/atomic"
	"time"

	"pickup/internal/g711"
)

// InbandDTMF says whether keys are looked for as tones in the audio of a leg.
type InbandDTMF string

// The values.
const (
	InbandAuto   InbandDTMF = "auto"   // where telephone-event was not agreed on (RFC 4733); browsers never
	InbandAlways InbandDTMF = "always" // for peers that agree on it and do not use it
	InbandOff    InbandDTMF = "off"
)

// valid reports whether i is one of the values, or empty.
func (i InbandDTMF) valid() bool {
	return i == "" || i == InbandAuto || i == InbandAlways || i == InbandOff
}

// wanted reports whether keys in the audio are told under some terms.
func (i InbandDTMF) wanted(t *terms) bool {
	return i == InbandAlways || i == InbandAuto && t.event == 0
}

const (
	// maskDelay is how long a masked leg's audio is kept back, so that the
	// beginning of a key, before it could be told from speech, is silenced too:
	// the first window that lies within it ends at most 153 samples after it.
	maskDelay = 240 // samples: 30 ms
	// maskTail is silenced after a window that may hold a piece of a key.
	maskTail = 2 * toneHop
	// sameKeyTwice is how near a key in the audio and one by an event are one:
	// some peers send both.
	sameKeyTwice = 500 * time.Millisecond
	// toneGap is the longest step between two packets over which a key goes on:
	// two lost packets.
	toneGap = 3 * frameSamples
)

// ear listens to what a peer says, for his keys as tones, and hides them while
// they are masked. Only legs that need it have one. What is not atomic belongs to
// the reader of the leg.
type ear struct {
	masked atomic.Bool // his keys reach nobody he talks to
	inband atomic.Bool // keys as tones are told

	detector toneDetector
	begun    bool
	next     uint32 // the timestamp that follows what was heard, in samples
	ssrc     uint32
	told     byte          // code of the last key found
	toldAt   time.Duration // 0: none yet

	hiding bool // masked, or a key that began then is still being pressed
	line   [maskDelay]int16
	at     int // in line
	quiet  int // samples that are silenced yet
	pcm    [packetSize]int16
}

// Mask hides the keys of the leg's peer, on, or no longer: then a telephone-event
// (RFC 4733) is not passed on, and a tone in his audio is silence for who talks
// with him, for the tap and for a conference. EventDTMF tells of them all the same,
// and of tones too where Config.InbandDTMF is off. His audio comes 30 ms later
// while it is on, and is not relayed but decoded and encoded again where it is not
// of G.711. When Mask(true) has returned, what it hides is hidden.
func (l *Leg) Mask(on bool) {
	l.mu.Lock()
	e := l.ear.Load()
	if e == nil && on {
		e = &ear{}
		l.ear.Store(e)
	}
	l.mu.Unlock()
	if e == nil {
		return
	}
	e.masked.Store(on)
	l.in.quiesce()
}

// Masked reports whether the keys of the leg's peer are hidden.
func (l *Leg) Masked() bool {
	e := l.ear.Load()
	return e != nil && e.masked.Load()
}

// giveEar gives the leg an ear when its terms want one. The caller holds l.mu.
func (l *Leg) giveEar(t *terms) {
	wanted := l.browser == nil && l.inband.wanted(t)
	e := l.ear.Load()
	if e == nil && wanted {
		e = &ear{}
		e.inband.Store(true)
		l.ear.Store(e)
		return
	}
	if e != nil {
		e.inband.Store(wanted)
	}
}

// attend reports whether the audio at hand must be heard. What is masked begins with
// it.
func (e *ear) attend() bool {
	if e.masked.Load() && !e.hiding {
		clear(e.line[:])
		e.at, e.quiet, e.hiding = 0, 0, true
	}
	return e.hiding || e.inband.Load()
}

// hear takes the payload of one packet of G.711, which it silences in place where it
// holds masked keys. It returns the key that began in it, or 0.
func (e *ear) hear(payload []byte, h *header, law uint8, keys *digitDetector, now time.Duration) rune {
	if !e.attend() {
		return 0
	}
	hiding := e.hiding
	if !e.follows(h.ssrc, h.timestamp, len(payload)) {
		if hiding {
			fill(payload, g711.Silence(law))
		}
		return 0
	}
	n := g711.Decode(law, e.pcm[:], payload)
	digit := e.find(e.pcm[:n], keys, now)
	if hiding {
		g711.Encode(law, payload, e.pcm[:n])
	}
	return digit
}

// hearDecoded is hear for what was decoded from another codec; at is its timestamp
// in samples.
func (e *ear) hearDecoded(pcm []int16, at, ssrc uint32, keys *digitDetector, now time.Duration) rune {
	switch {
	case len(pcm) == 0:
		return 0
	case e.follows(ssrc, at, len(pcm)):
		return e.find(pcm, keys, now)
	case e.hiding:
		clear(pcm)
	}
	return 0
}

// find looks for keys in linear audio and hides them in place. It returns one that
// began and is to be told, or 0.
func (e *ear) find(pcm []int16, keys *digitDetector, now time.Duration) rune {
	code, found, suspect := e.listen(pcm)
	masked := e.masked.Load()
	e.hiding = e.hiding && (masked || suspect || e.detector.on || e.quiet > 0)
	if !found || e.twice(code, keys, now) || !masked && !e.inband.Load() {
		return 0
	}
	e.told, e.toldAt = code, now
	return rune(dtmfDigits[code])
}

// hearCoded has the ear hear a packet of another codec than G.711. It is decoded
// for that, and who passes it on takes what was decoded: as it came it is not
// passed on while keys are hidden.
func (l *Leg) hearCoded(e *ear, payload []byte, h *header, k kind, now time.Duration) rune {
	s := &l.in.speech
	pcm, at := s.take(l, k, h, payload)
	s.kept, s.keptAt, s.keeps = pcm, at, true
	l.in.hidden = e.hiding
	return e.hearDecoded(pcm, at, h.ssrc, &l.in.digits, now)
}

// follows reports whether audio comes in its turn; what comes late does not. After a
// long gap, or from another source, it is the beginning.
func (e *ear) follows(ssrc, at uint32, samples int) bool {
	step := int32(at - e.next)
	switch {
	case !e.begun || e.ssrc != ssrc || step > toneGap || step < -clockRate:
		e.detector = toneDetector{}
	case step < 0:
		return false
	}
	e.begun, e.ssrc, e.next = true, ssrc, at+uint32(samples)
	return true
}

// listen looks for keys in samples; while hiding it replaces them by those of
// maskDelay before, with silence for what may be a piece of a key.
func (e *ear) listen(pcm []int16) (code byte, found, suspect bool) {
	for len(pcm) > 0 {
		n, full := e.detector.take(pcm)
		if e.hiding {
			e.delay(pcm[:n])
		}
		pcm = pcm[n:]
		if !full {
			continue
		}
		c, told, maybe := e.detector.look()
		if told {
			code, found = c, true
		}
		if maybe {
			suspect = true
			clear(e.line[:])
			e.quiet = maskTail
		}
	}
	return code, found, suspect
}

// delay exchanges samples for those of maskDelay before.
func (e *ear) delay(pcm []int16) {
	for i, v := range pcm {
		if e.quiet > 0 {
			e.quiet--
			v = 0
		}
		pcm[i], e.line[e.at] = e.line[e.at], v
		if e.at++; e.at == maskDelay {
			e.at = 0
		}
	}
}

// twice reports whether a key in the audio came as an event too.
func (e *ear) twice(code byte, keys *digitDetector, now time.Duration) bool {
	return keys.begun && keys.code == code && now-keys.at < sameKeyTwice
}

// known reports whether a key that comes as an event was told from the audio.
func (e *ear) known(code byte, now time.Duration) bool {
	return e.toldAt != 0 && e.told == code && now-e.toldAt < sameKeyTwice
}

func fill(p []byte, b byte) {
	for i := range p {
		p[i] = b
	}
}
