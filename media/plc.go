package media

import "math"

// Lengths of the concealment, in samples of 8 kHz (ITU-T G.711 Appendix I).
const (
	pitchLeast   = 40  // 200 Hz
	pitchMost    = 120 // 66 Hz
	pitchMatch   = 160 // compared to find the period
	concealKeeps = pitchMost + pitchMatch + frameSamples
	concealLasts = 3 // frames of 20 ms until it is silent
)

// concealer makes up 20 ms of audio in place of a frame that did not come, from
// the last period of what was heard, so that a loss is hardly noticed: repeated
// with overlaps, and fading to silence within 60 ms (ITU-T G.711 Appendix I, with
// frames of 20 ms). The zero value is ready. It does not allocate.
type concealer struct {
	past   [concealKeeps]int16 // what was last heard, newest last
	period int                 // of the loss that runs
	lost   int                 // frames of it
	phase  int                 // in the period
}

func (c *concealer) reset() { *c = concealer{} }

// heard keeps a frame that came. The first one after a loss is faded in over
// what would have been made up.
func (c *concealer) heard(frame *[frameSamples]int16) {
	if c.lost > 0 {
		fade := min(c.period/4+c.lost*32, frameSamples/2)
		for i := range fade {
			w := float32(i+1) / float32(fade+1)
			frame[i] = int16(float32(frame[i])*w + float32(c.next())*(1-w))
		}
		c.lost = 0
	}
	c.keep(frame)
}

// keep appends a frame to the past.
func (c *concealer) keep(frame *[frameSamples]int16) {
	copy(c.past[:], c.past[frameSamples:])
	copy(c.past[concealKeeps-frameSamples:], frame[:])
}

// missing makes up a frame.
func (c *concealer) missing(frame *[frameSamples]int16) {
	if c.lost == 0 {
		c.period, c.phase = c.pitch(), 0
		c.smooth()
	}
	c.lost++
	for i := range frame {
		frame[i] = c.next()
	}
}

// next is the next sample made up.
func (c *concealer) next() int16 {
	s := c.past[concealKeeps-c.period+c.phase%c.period]
	c.phase++
	// 10 ms at full level, then falling to nothing at 60 ms.
	const full, end = frameSamples / 2, concealLasts * frameSamples
	n := c.phase - 1
	switch {
	case n < full:
		return s
	case n >= end:
		return 0
	}
	return int16(int(s) * (end - n) / (end - full))
}

// smooth makes the end of the last period flow into its beginning: a quarter of a
// period is overlapped with what stood before it.
func (c *concealer) smooth() {
	quarter := c.period / 4
	for i := range quarter {
		at := concealKeeps - quarter + i
		w := float32(i+1) / float32(quarter+1)
		c.past[at] = int16(float32(c.past[at])*(1-w) + float32(c.past[at-c.period])*w)
	}
}

// pitch is the period of what was last heard: the lag of the highest normalised
// cross-correlation, searched in steps of two and then around the best.
func (c *concealer) pitch() int {
	best, lag := float32(-1), pitchMost
	at := func(l int) float32 {
		end := c.past[concealKeeps-pitchMatch:]
		from := c.past[concealKeeps-pitchMatch-l:]
		var cross, energy float32
		for i := 0; i < pitchMatch; i += 2 {
			x, y := float32(end[i]), float32(from[i])
			cross += x * y
			energy += y * y
		}
		if energy < 1 {
			return 0
		}
		return cross / float32(math.Sqrt(float64(energy)))
	}
	for l := pitchLeast; l <= pitchMost; l += 2 {
		if v := at(l); v > best {
			best, lag = v, l
		}
	}
	for l := max(lag-1, pitchLeast); l <= min(lag+1, pitchMost); l++ {
		if v := at(l); v > best {
			best, lag = v, l
		}
	}
	return lag
}
