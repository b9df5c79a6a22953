package staffing

import "math"

// MaxAgents is the most agents that anything here is computed for.
const MaxAgents = 100_000

// ErlangB returns the share of calls that n lines without a queue turn away at
// an offered load of a erlangs (ITU-T E.600): 1 for no line, 0 for no load. It
// takes n steps, each of positive terms alone, so it is exact to rounding for
// any n. A load that is negative or no number is no load.
func ErlangB(n int, a float64) float64 { return 1 / inverseB(n, a) }

// inverseB is 1/B: its recursion inv(k) = 1 + inv(k-1) k/a cannot cancel. It may
// be +Inf, where B is below the smallest number.
func inverseB(n int, a float64) float64 {
	if !(a > 0) {
		if n <= 0 {
			return 1
		}
		return math.Inf(1)
	}
	inv := 1.0
	for k := 1; k <= n; k++ {
		inv = 1 + inv*float64(k)/a
		if math.IsInf(inv, 1) {
			return inv
		}
	}
	return inv
}

// ErlangC returns the share of calls that wait for one of n agents when nobody
// gives up, at an offered load of a erlangs. It is 1 where the load is at least
// n: the line then grows without end.
func ErlangC(n int, a float64) float64 {
	if !(a > 0) {
		if n > 0 {
			return 0
		}
		return 1
	}
	if a >= float64(n) {
		return 1
	}
	b := ErlangB(n, a)
	return b / (1 - a/float64(n)*(1-b))
}
