// Package moh renders the project's own hold music: a quiet piece of sixteen
// bars that loops without a seam, made for the ear of a telephone.
//
// The piece is computed from a fixed seed, so every run renders the same
// samples and no audio file of others is shipped. It has no state and starts
// no goroutine.
package moh

import (
	"math"
	"math/rand/v2"
)

// Rate is the sample rate of the music in Hz.
const Rate = 16000

// The form of the piece: 4/4 at 72 beats a minute. Its length is rounded to a
// whole number of 20 ms frames, so that it loops on a frame at any rate.
const (
	bars        = 16
	beatsPerBar = 4
	tempo       = 72 // beats a minute
	frame       = Rate / 50
	seed        = 20240229
)

// The level of the result: peak and root mean square in dB of full scale. The
// gain is that of the loudness; peaks above are bent, not cut.
const (
	peakDB = -9.0
	rmsDB  = -23.0
)

// length is that of the loop in samples: 53.34 s.
const length = (bars*beatsPerBar*60*Rate/tempo/frame + 1) * frame

// chords of the progression Am7-Fmaj7-C-G, as MIDI numbers. No note is below
// 170 Hz, where telephones are deaf.
var chords = [][]int{
	{57, 60, 64, 67},
	{53, 57, 60, 64},
	{55, 60, 64, 67},
	{55, 59, 62, 67},
}

// melody are the notes that the upper voice chooses from: A minor pentatonic.
var melody = []int{69, 72, 74, 76, 79, 81}

// Render returns the loop as 16-bit mono PCM at Rate. It takes some tenths of
// a second of CPU.
func Render() []int16 {
	s := song{mix: make([]float64, length)}
	random := rand.New(rand.NewPCG(seed, 1))
	beat := float64(length) / (bars * beatsPerBar)
	last := len(melody) / 2
	for bar := range bars {
		chord := chords[bar%len(chords)]
		at := float64(bar*beatsPerBar) * beat
		for _, n := range chord {
			s.pad(at, beatsPerBar*beat, hz(n), 0.16)
		}
		for eighth := range 2 * beatsPerBar { // a broken chord, never twice the same
			n := chord[(eighth+bar)%len(chord)]
			if eighth%3 == 2 {
				n += 12
			}
			loud := 0.22 + 0.1*random.Float64()
			s.pluck(at+float64(eighth)*beat/2+200*random.Float64(), hz(n), loud)
		}
		for quarter := range beatsPerBar {
			if random.IntN(5) < 2 {
				continue
			}
			last = min(max(last+random.IntN(3)-1, 0), len(melody)-1)
			s.pluck(at+float64(quarter)*beat+100*random.Float64(), hz(melody[last]), 0.35)
		}
	}
	return level(s.mix)
}

// hz returns the frequency of a MIDI note.
func hz(note int) float64 { return 440 * math.Pow(2, float64(note-69)/12) }

// song is a loop that notes are added to; what rings beyond its end goes on at
// its start.
type song struct{ mix []float64 }

// partial adds one sine of a note, shaped by envelope, by the recurrence
// sin(a+2b) = 2 cos(b) sin(a+b) - sin(a).
func (s *song) partial(at float64, samples int, freq, phase float64, envelope func(i int) float64) {
	if freq > 3300 {
		return
	}
	w := 2 * math.Pi * freq / Rate
	c := 2 * math.Cos(w)
	y1, y2 := math.Sin(phase-w), math.Sin(phase-2*w)
	place := int(at) % len(s.mix)
	for i := range samples {
		y := c*y1 - y2
		y1, y2 = y, y1
		s.mix[place] += y * envelope(i)
		if place++; place == len(s.mix) {
			place = 0
		}
	}
}

// pad is a slow chord note of two voices a little apart, so that it moves.
func (s *song) pad(at, samples, freq, loud float64) {
	const rise, fall = 0.35 * Rate, 0.7 * Rate
	n := int(samples + fall)
	for voice, detune := range []float64{0.9985, 1.0017} {
		for h := 1; h <= 4; h++ {
			amp := loud / math.Pow(float64(h), 1.6)
			s.partial(at, n, freq*detune*float64(h), float64(voice+h), func(i int) float64 {
				up := min(1, float64(i)/rise)
				down := min(1, float64(n-i)/fall)
				return amp * up * up * down * down
			})
		}
	}
}

// pluck is a note like a string's: its upper partials die first.
func (s *song) pluck(at, freq, loud float64) {
	const n = 2.2 * Rate
	for h := 1; h <= 6; h++ {
		decay := math.Exp(-(1.6 + 0.9*float64(h)) / Rate)
		amp := loud / math.Pow(float64(h), 1.2)
		s.partial(at, n, freq*float64(h), 0, func(i int) float64 {
			now := amp * min(1, float64(i)/80)
			amp *= decay
			return now * min(1, float64(n-i)/800)
		})
	}
}

// level brings the mix to its loudness and bends what is above the peak.
func level(mix []float64) []int16 {
	energy := 0.0
	for _, v := range mix {
		energy += v * v
	}
	gain := math.Pow(10, rmsDB/20) / math.Sqrt(energy/float64(len(mix)))
	peak := math.Pow(10, peakDB/20)
	knee := 0.6 * peak
	out := make([]int16, len(mix))
	for i, v := range mix {
		v *= gain
		if a := math.Abs(v); a > knee {
			v = math.Copysign(knee+(peak-knee)*math.Tanh((a-knee)/(peak-knee)), v)
		}
		out[i] = int16(math.Round(v * 32767))
	}
	return out
}
