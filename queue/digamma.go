package queue

import "math"

// digamma is psi(x), the derivative of ln Gamma(x), for x above 0: the
// recurrence psi(x) = psi(x+1) - 1/x up to 10, then its asymptotic series
// (Abramowitz and Stegun 6.3.5, 6.3.18), to 1e-13.
func digamma(x float64) float64 {
	shift := 0.0
	for ; x < 10; x++ {
		shift -= 1 / x
	}
	y := 1 / (x * x)
	series := y * (1.0/12 - y*(1.0/120-y*(1.0/252-y*(1.0/240-y*(1.0/132)))))
	return shift + math.Log(x) - 1/(2*x) - series
}
