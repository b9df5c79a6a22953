package media

import "math"

// Keys as tones in the audio (ITU-T Q.23), found as ITU-T Q.24 wants it: a key of
// 40 ms counts, one of 23 ms does not, a pause of 40 ms parts two keys and one of
// 10 ms does not; 1.5 % beside its frequency a tone counts, 3.5 % beside it does
// not.
var (
	toneRows    = [4]float64{697, 770, 852, 941}     // Hz
	toneColumns = [4]float64{1209, 1336, 1477, 1633} // Hz
)

// toneKeys are the event codes of RFC 4733 by row and column.
var toneKeys = [4][4]byte{{1, 2, 3, 12}, {4, 5, 6, 13}, {7, 8, 9, 14}, {10, 0, 11, 15}}

// The audio is looked at through windows that overlap by half, so that a tone of
// 40 ms fills four of them whatever its beginning, and one of 23 ms at most three.
const (
	toneHop    = 51 // samples: 6.4 ms
	toneWindow = 2 * toneHop
	toneHits   = 4 // windows in a row until a key is told
	toneMisses = 6 // windows in a row without it until the key is over
)

// toneLimits are what a window must show to hold a key.
type toneLimits struct {
	level   float64 // of the weaker tone: power of a sine, samples squared
	share   float64 // of the energy that the two tones have, 0 to 1
	higher  float64 // the high tone's power over the low one's, at most (reverse twist)
	lower   float64 // the low tone's power over the high one's, at most (twist)
	stand   float64 // a tone's power over every other of its group, at least
	maximum float64 // distance from the frequency, as a share of it
}

// decibels is a ratio of powers.
func decibels(db float64) float64 { return math.Pow(10, db/10) }

// toneFull is the power of a sine of 0 dBm0: that of 3.14 dBm0 is the largest of
// mu-law (ITU-T G.711 table 5), 32124.
var toneFull = 32124 * 32124 / 2 / decibels(3.14)

// keyLimits are those of Q.24 (AT&T: 0 to -25 dBm0 a tone, twist 8 dB, reverse
// twist 4 dB) with what a tone at the edge of its frequencies loses in a window.
// suspectLimits are far wider: what may be a piece of a key.
var (
	keyLimits = toneLimits{
		level: toneFull * decibels(-28), share: 0.71, higher: decibels(5.5), lower: decibels(10.5), stand: decibels(6), maximum: 0.025,
	}
	suspectLimits = toneLimits{
		level: toneFull * decibels(-45), share: 0.5, higher: decibels(12), lower: decibels(14), stand: decibels(3),
	}
)

// toneBin is one of the eight frequencies.
type toneBin struct {
	coefficient float64    // 2 cos w
	step        complex128 // e^-jw
	hop         complex128 // e^jw over a hop
	tolerance   float64    // phase over a hop at the limit of the frequency
}

// toneBins are the rows, then the columns.
var toneBins = makeToneBins()

func makeToneBins() (bins [8]toneBin) {
	for i := range bins {
		hz := toneRows[i%4]
		if i >= 4 {
			hz = toneColumns[i-4]
		}
		w := 2 * math.Pi * hz / clockRate
		bins[i] = toneBin{
			coefficient: 2 * math.Cos(w),
			step:        complex(math.Cos(w), -math.Sin(w)),
			hop:         complex(math.Cos(w*toneHop), math.Sin(w*toneHop)),
			tolerance:   w * toneHop * keyLimits.maximum,
		}
	}
	return bins
}

// toneDetector finds keys in linear audio at 8 kHz, by Goertzel's algorithm. It
// compares not only how strong the tones are but by how much their phase moves
// from window to window: that is their frequency to a few hertz, and a voice that
// looks like two tones for a moment does not keep it. The zero value is ready; it
// does not allocate and belongs to one goroutine.
type toneDetector struct {
	s1, s2 [8]float64 // of the half window that is being filled
	energy float64
	filled int

	halves  [2][8]complex128 // the last two, the older first; phase at their end
	powers  [2]float64
	windows [2][8]complex128 // the last two

	key    byte          // that the last hits showed
	hits   int           // windows in a row
	drift  [2]complex128 // of row and column: sum of the steps beside what is right
	on     bool          // current is being pressed
	now    byte          // the key that was told last
	misses int           // windows since it was seen
}

// take takes samples up to the end of the half window that is being filled, and
// returns how many. full is set when that ends a window: look at it then.
func (d *toneDetector) take(pcm []int16) (n int, full bool) {
	n = min(len(pcm), toneHop-d.filled)
	var space [toneHop]float64
	x := space[:n]
	energy := 0.0
	for i, v := range pcm[:n] {
		x[i] = float64(v)
		energy += x[i] * x[i]
	}
	d.energy += energy
	for i := range toneBins {
		c, s1, s2 := toneBins[i].coefficient, d.s1[i], d.s2[i]
		for _, v := range x {
			s1, s2 = v+c*s1-s2, s1
		}
		d.s1[i], d.s2[i] = s1, s2
	}
	if d.filled += n; d.filled < toneHop {
		return n, false
	}
	d.halves[0], d.powers[0] = d.halves[1], d.powers[1]
	d.windows[0] = d.windows[1]
	for i := range toneBins {
		b := &toneBins[i]
		d.halves[1][i] = complex(d.s1[i], 0) - b.step*complex(d.s2[i], 0)
		d.windows[1][i] = b.hop*d.halves[0][i] + d.halves[1][i]
	}
	d.powers[1] = d.energy
	d.s1, d.s2, d.energy, d.filled = [8]float64{}, [8]float64{}, 0, 0
	return n, true
}

// look judges the window that has just ended. told is set when a key begins;
// suspect when the window may hold a piece of one.
func (d *toneDetector) look() (code byte, told, suspect bool) {
	row, column, ok, suspect := d.find()
	if !ok {
		d.hits = 0
		d.miss()
		return 0, false, suspect
	}
	key := toneKeys[row][column]
	if d.hits > 0 && key == d.key {
		d.hits++
		d.follow(0, row)
		d.follow(1, 4+column)
	} else {
		d.key, d.hits, d.drift = key, 1, [2]complex128{}
	}
	if d.on && key == d.now {
		d.misses = 0
		return 0, false, true
	}
	d.miss()
	if d.hits < toneHits || !d.steady(0, row) || !d.steady(1, 4+column) {
		return 0, false, true
	}
	d.on, d.now, d.misses = true, key, 0
	return key, true, true
}

// miss counts a window without the key that is being pressed.
func (d *toneDetector) miss() {
	if d.misses++; d.misses >= toneMisses {
		d.on = false
	}
}

// follow adds the step of a tone's phase from the window before.
func (d *toneDetector) follow(which, bin int) {
	before, now := d.windows[0][bin]*toneBins[bin].hop, d.windows[1][bin]
	d.drift[which] += now * complex(real(before), -imag(before))
}

// steady reports whether a tone has its frequency.
func (d *toneDetector) steady(which, bin int) bool {
	off := math.Atan2(imag(d.drift[which]), real(d.drift[which]))
	return math.Abs(off) <= toneBins[bin].tolerance
}

// find returns the strongest row and column of the window, whether they are a key
// and whether they may be a piece of one.
func (d *toneDetector) find() (row, column int, key, suspect bool) {
	energy := d.powers[0] + d.powers[1]
	if energy < 2*suspectLimits.level*toneWindow*suspectLimits.share {
		return 0, 0, false, false
	}
	var power [8]float64 // of a sine: its mean square, where it fills the window
	for i, y := range d.windows[1] {
		power[i] = 2 * (real(y)*real(y) + imag(y)*imag(y)) / (toneWindow * toneWindow)
	}
	row, low, otherLow := strongest(power[:4])
	column, high, otherHigh := strongest(power[4:])
	fits := func(l *toneLimits) bool {
		return min(low, high) >= l.level && (low+high)*toneWindow >= l.share*energy &&
			high <= low*l.higher && low <= high*l.lower && low >= otherLow*l.stand && high >= otherHigh*l.stand
	}
	return row, column, fits(&keyLimits), fits(&suspectLimits)
}

// strongest returns the place and the power of the strongest of four, and the
// power of the next.
func strongest(power []float64) (at int, most, next float64) {
	for i, p := range power {
		switch {
		case p > most:
			at, most, next = i, p, most
		case p > next:
			next = p
		}
	}
	return at, most, next
}
