package queue

import (
	"math"
	"testing"
)

// Values of Abramowitz and Stegun, table 6.1 and 6.3.2.
func TestDigamma(t *testing.T) {
	for x, want := range map[float64]float64{1: -0.57721566490153286, 2: 0.42278433509846714, 0.5: -1.9635100260214235, 10: 2.2517525890667211, 1e6: 13.815510057964274} {
		if got := digamma(x); math.Abs(got-want) > 1e-12*math.Max(1, math.Abs(want)) {
			t.Errorf("psi(%g): got %.16g, want %.16g", x, got, want)
		}
	}
}

// In a long line the sum is computed at once; it is the sum.
func TestQueueLengthIsTheSum(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 65, 1000, 50_000} {
		for _, rate := range []float64{1e-12, 1e-9, 3e-6} {
			for _, theta := range []float64{0, 1e-14, 1e-11, 1e-9} {
				want := 0.0
				for i := range n + 1 {
					want += 1 / (rate + float64(i)*theta)
				}
				if got := queueLength(n, rate, theta); math.Abs(got-want) > 1e-7*want {
					t.Errorf("n %d, rate %g, theta %g: got %g, want %g", n, rate, theta, got, want)
				}
			}
		}
	}
}

func TestCalibration(t *testing.T) {
	var k calibration
	if f := k.factor(7); f != 1 {
		t.Errorf("got %g before anything was learnt", f)
	}
	for range 500 {
		k.learn(7, 1000, 1500)
		k.learn(60, 1000, 90_000)
	}
	if f := k.factor(9); math.Abs(f-1.5) > .01 { // of the same bucket
		t.Errorf("got %g, want 1.5", f)
	}
	if f := k.factor(60); f != mostFactor {
		t.Errorf("got %g, want the bound %g", f, mostFactor)
	}
	if f := k.factor(0); f != 1 {
		t.Errorf("got %g of another bucket", f)
	}
}
