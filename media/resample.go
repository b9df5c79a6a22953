package media

import "math"

// The low-pass before samples are dropped: a windowed sinc that passes to
// 3.4 kHz and is 60 dB down from 4 kHz on, at 16 kHz.
const (
	filterTaps   = 95
	filterCutoff = 3700.0 / 16000
	filterBeta   = 5.65 // of the Kaiser window
)

var lowPass = makeLowPass()

func makeLowPass() [filterTaps]float64 {
	var taps [filterTaps]float64
	const middle = filterTaps / 2
	sum := 0.0
	for i := range taps {
		x := float64(i - middle)
		sinc := 2 * filterCutoff
		if x != 0 {
			sinc = math.Sin(2*math.Pi*filterCutoff*x) / (math.Pi * x)
		}
		r := x / (middle + 1)
		taps[i] = sinc * bessel0(filterBeta*math.Sqrt(1-r*r)) / bessel0(filterBeta)
		sum += taps[i]
	}
	for i := range taps {
		taps[i] /= sum
	}
	return taps
}

// bessel0 is the modified Bessel function of the first kind, order 0.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= (x / 2 / k) * (x / 2 / k)
		sum += term
	}
	return sum
}

// Downsample16to8 returns 16 kHz mono PCM at 8 kHz, half as many samples. What
// lies above 4 kHz is filtered out first. Outside of in is silence.
func Downsample16to8(in []int16) []int16 {
	return decimate(in, func(i int) float64 {
		if i < 0 || i >= len(in) {
			return 0
		}
		return float64(in[i])
	})
}

// DownsampleLoop16to8 is Downsample16to8 for a loop: the filter hears its end
// before its start, so that the seam stays smooth.
func DownsampleLoop16to8(in []int16) []int16 {
	return decimate(in, func(i int) float64 { return float64(in[(i%len(in)+len(in))%len(in)]) })
}

// decimate computes every second output of the filter. at gives samples
// outside of in.
func decimate(in []int16, at func(i int) float64) []int16 {
	const middle = filterTaps / 2
	if len(in) == 0 {
		return nil
	}
	out := make([]int16, len(in)/2)
	for n := range out {
		first := 2*n - middle
		sum := 0.0
		if first >= 0 && first+filterTaps <= len(in) {
			for k, s := range in[first : first+filterTaps] {
				sum += lowPass[k] * float64(s)
			}
		} else {
			for k := range lowPass {
				sum += lowPass[k] * at(first+k)
			}
		}
		out[n] = int16(math.Round(min(max(sum, math.MinInt16), math.MaxInt16)))
	}
	return out
}
