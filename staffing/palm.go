package staffing

import "math"

// palm is f(x) = exp(g(x)), g(x) = lambda/theta (1 - e^{-theta x}) - n mu x: up
// to a factor the density of the wait that is offered to a caller who does not
// give up. g is concave; f is kept divided by its maximum exp(peak), which may
// be beyond every number.
type palm struct {
	nmu, lambda, theta float64
	peak               float64 // greatest g
	begin, end         float64 // outside f is below e^-depth of its maximum
}

const (
	depth  = 44 // e^-44 is below the rounding of a float64
	panels = 64
)

func newPalm(nmu, lambda, theta float64) palm {
	f := palm{nmu: nmu, lambda: lambda, theta: theta}
	top := 0.0
	if lambda > nmu {
		top = math.Log(lambda/nmu) / theta
	}
	f.peak = f.log(top)
	if f.log(0) < f.peak-depth {
		f.begin = f.crossing(0, top)
	}
	far := max(top, 1/nmu)
	for f.log(far) > f.peak-depth {
		far *= 2
	}
	f.end = f.crossing(far, top)
	return f
}

// log is g(x).
func (f *palm) log(x float64) float64 {
	return -f.lambda/f.theta*math.Expm1(-f.theta*x) - f.nmu*x
}

// crossing finds where g is depth below its peak, between out (beyond) and in.
func (f *palm) crossing(out, in float64) float64 {
	for range 60 {
		mid := (out + in) / 2
		if f.log(mid) < f.peak-depth {
			out = mid
		} else {
			in = mid
		}
	}
	return out
}

// Nodes and weights of Gauss and Legendre with eight points, of half the range.
var (
	gaussX = [4]float64{0.1834346424956498, 0.5255324099163290, 0.7966664774136267, 0.9602898564975363}
	gaussW = [4]float64{0.3626837833783620, 0.3137066458778873, 0.2223810344533745, 0.1012285362903763}
)

// integral of h f / exp(peak) from 0 to upTo. Because g is concave, f falls by a
// factor of e over no less than 1/depth of the range, so that the panels are
// narrow for it; up to where e^{-theta x} has faded they are narrow for that too.
func (f *palm) integral(upTo float64, h func(x float64) float64) float64 {
	end := min(upTo, f.end)
	faded := min(max(40/f.theta, f.begin), end)
	return f.gauss(f.begin, faded, h) + f.gauss(faded, end, h)
}

// gauss integrates from begin to end in panels.
func (f *palm) gauss(begin, end float64, h func(x float64) float64) float64 {
	if end <= begin {
		return 0
	}
	width := (end - begin) / panels
	sum := 0.0
	for p := range panels {
		mid := begin + (float64(p)+0.5)*width
		for i, x := range gaussX {
			for _, at := range [2]float64{mid - x*width/2, mid + x*width/2} {
				sum += gaussW[i] * h(at) * math.Exp(f.log(at)-f.peak)
			}
		}
	}
	return sum * width / 2
}
