package recording

import (
	"time"

	"pickup/internal/g711"
)

// Limits of the placement, in samples of 125 microseconds.
const (
	slipQuiet   = 5 * sampleRate / 1000   // a lasting error of this is corrected in a quiet packet
	slipAlways  = 12 * sampleRate / 1000  // and of this in any
	jumpFrom    = 60 * sampleRate / 1000  // a broken stream this far off begins anew
	jumpAlways  = sampleRate              // and so does any that is a second off
	lateFrom    = 200 * sampleRate / 1000 // a packet this late has nearly missed its place
	measureOver = 100                     // packets over which the least delay is sought
	quietBelow  = 400                     // greatest amplitude of a quiet packet
)

// lineRoom is the bytes of audio that a recording has room for from its start:
// what waits for late packets and for its turn. A stall makes it grow.
const lineRoom = sampleRate * frameBytes

// timeline is the audio of a recording from the first frame that has not been
// handed to the disk, and the placement of what is still to come. The collector
// owns it.
//
// A packet lies where its RTP timestamp says (RFC 3550 5.1): the first of a side
// anchors the side's timestamps to the arrival clock, and later ones follow by
// difference, so that jitter does not move them. Clocks of phones drift: the
// least delay over a while is kept near zero by small slips.
type timeline struct {
	first int64  // frame number of pcm[0]
	pcm   []byte // interleaved frames, silence where nothing came
	sides [2]side
}

// side is the placement of one channel.
type side struct {
	anchored  bool
	anchorTS  uint32
	anchorPos int64 // frame at which anchorTS lies
	lastTS    uint32
	lastSeq   uint16
	lastSize  int
	end       int64 // one past the last frame that was placed
	gap       int64 // silent frames between packets
	slips     int64 // sum of the corrections of drift: frames, positive = the phone's clock is slow
	jumps     int
	behind    int   // packets in a row that were late and did not catch up
	lastLate  int64 // frames
	seen      int   // packets since the least delay was reset
	least     int64 // frames
}

// place puts one packet where it belongs. arrival is the frame that was live
// when it came, limit the first frame past the live window. It returns false if
// a part of the packet came too late or lies outside.
func (t *timeline) place(channel int, p *packet, arrival, limit int64) bool {
	var samples [maxPayload]int16
	n := g711.Decode(p.law, samples[:], p.payload)
	pos := t.sides[channel].position(p, samples[:n], arrival-int64(n))
	if pos+int64(n) > limit {
		return false
	}
	ok := true
	from := 0
	if pos < t.first {
		ok = pos+int64(n) <= 0 || t.first == 0 // what was said before the bridge is nobody's loss
		from = int(min(t.first-pos, int64(n)))
	}
	if from == n {
		return ok
	}
	t.grow(pos + int64(n))
	at := int(pos+int64(from)-t.first)*frameBytes + channel*2
	for _, s := range samples[from:n] {
		t.pcm[at], t.pcm[at+1] = byte(s), byte(uint16(s)>>8) //nolint:gosec // the bits are meant
		at += frameBytes
	}
	t.sides[channel].cover(pos+int64(from), pos+int64(n))
	return ok
}

// grow makes the audio reach to frame end, with silence.
func (t *timeline) grow(end int64) {
	need := int(end-t.first) * frameBytes
	if need <= len(t.pcm) {
		return
	}
	if need <= cap(t.pcm) {
		was := len(t.pcm)
		t.pcm = t.pcm[:need]
		clear(t.pcm[was:])
		return
	}
	t.pcm = append(t.pcm, make([]byte, need-len(t.pcm))...)
}

// cut moves the audio before frame end to dst, with silence where nothing came.
func (t *timeline) cut(dst []byte, end int64) []byte {
	t.grow(end)
	n := int(end-t.first) * frameBytes
	dst = append(dst, t.pcm[:n]...)
	t.pcm = t.pcm[:copy(t.pcm, t.pcm[n:])]
	t.first = end
	return dst
}

// mute makes frames from to to silent, as far as they are still here.
func (t *timeline) mute(from, to int64) {
	from = max(from, t.first)
	to = min(to, t.first+int64(len(t.pcm)/frameBytes))
	if from < to {
		clear(t.pcm[(from-t.first)*frameBytes : (to-t.first)*frameBytes])
	}
}

// position returns the frame at which a packet lies; live is where it would lie
// if its way had taken no time.
func (s *side) position(p *packet, samples []int16, live int64) int64 {
	if !s.anchored {
		s.anchor(p, live)
		s.anchored = true
	}
	pos := s.anchorPos + int64(int32(p.timestamp-s.anchorTS)) //nolint:gosec // serial arithmetic
	late := live - pos                                        // delay against the anchor
	whole := int64(int32(p.timestamp-s.lastTS)) == int64(int16(p.sequence-s.lastSeq))*int64(s.lastSize)
	if far := max(late, -late); far > jumpAlways || far > jumpFrom && !whole || s.resumed(late) {
		s.anchor(p, live) // another source, or a sender that began anew
		s.jumps++
		pos, late = live, 0
	}
	s.lastTS, s.lastSeq, s.lastSize = p.timestamp, p.sequence, len(samples)
	pos += s.slip(late, samples)
	if p.timestamp-s.anchorTS > 1<<30 { // keep the difference far from its sign
		s.anchorTS, s.anchorPos = p.timestamp, pos
	}
	return pos
}

// resumed reports that a stream went on with its old timestamps after a pause:
// some packets in a row are as late as the first. After a stall of the network
// each would be less late than the one before.
func (s *side) resumed(late int64) bool {
	if late > lateFrom && late >= s.lastLate-slipAlways {
		s.behind++
	} else {
		s.behind = 0
	}
	s.lastLate = late
	return s.behind >= 5
}

// anchor ties the packet's timestamp to a frame.
func (s *side) anchor(p *packet, live int64) {
	s.anchorTS, s.anchorPos = p.timestamp, live
	s.seen, s.least, s.behind, s.lastLate = 0, 0, 0, 0
	s.lastTS, s.lastSeq, s.lastSize = p.timestamp, p.sequence, 0
}

// slip corrects the anchor and returns by how much. A packet that came early
// proves at once that the anchor itself was late; a delay that lasts is known
// when even the fastest packet of a while had it.
func (s *side) slip(late int64, samples []int16) int64 {
	if late < -slipQuiet {
		return s.move(late)
	}
	if s.seen == 0 || late < s.least {
		s.least = late
	}
	s.seen++
	if s.seen < measureOver {
		return 0
	}
	if s.least > slipAlways || s.least > slipQuiet && quiet(samples) {
		return s.move(s.least)
	}
	if s.least <= slipQuiet || s.seen > 3*measureOver {
		s.seen = 0
	}
	return 0
}

func (s *side) move(by int64) int64 {
	s.anchorPos += by
	s.slips += by
	s.seen, s.least = 0, 0
	return by
}

// cover notes that frames from to to came.
func (s *side) cover(from, to int64) {
	if from > s.end {
		s.gap += from - s.end
	}
	s.end = max(s.end, to)
}

func quiet(samples []int16) bool {
	for _, v := range samples {
		if v > quietBelow || v < -quietBelow {
			return false
		}
	}
	return true
}

// frames returns the number of whole frames in d.
func frames(d time.Duration) int64 { return int64(d / (time.Second / sampleRate)) }

// duration returns how long n frames last.
func duration(n int64) time.Duration { return time.Duration(n) * (time.Second / sampleRate) }
