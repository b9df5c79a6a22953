package media_test

import (
	"math"
	"testing"

	"pickup/media"
	"pickup/media/moh"
)

func sine16(hz float64, n int) []int16 {
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(10000 * math.Sin(2*math.Pi*hz*float64(i)/16000))
	}
	return out
}

func rms(pcm []int16) float64 {
	sum := 0.0
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(1, len(pcm))))
}

func TestDownsampleKeepsTheBandAndDropsTheRest(t *testing.T) {
	cases := map[string]struct{ hz, leastDB, mostDB float64 }{
		"a voice passes":                {1000, -0.1, 0.1},
		"the end of the band passes":    {3300, -0.5, 0.5},
		"just above half the rate goes": {4100, -300, -50},
		"far above half the rate goes":  {6000, -300, -50},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			in := sine16(c.hz, 16000)
			out := media.Downsample16to8(in)
			if len(out) != 8000 {
				t.Fatalf("%d samples", len(out))
			}
			db := 20 * math.Log10(rms(out[100:7900])/rms(in)+1e-12)
			if db < c.leastDB || db > c.mostDB {
				t.Errorf("%.0f Hz comes out at %.2f dB", c.hz, db)
			}
		})
	}
}

func TestDownsampleOfOddAndEmpty(t *testing.T) {
	for n, want := range map[int]int{0: 0, 1: 0, 3: 1, 321: 160} {
		if got := len(media.Downsample16to8(make([]int16, n))); got != want {
			t.Errorf("%d samples: got %d, want %d", n, got, want)
		}
		if got := len(media.DownsampleLoop16to8(make([]int16, n))); got != want {
			t.Errorf("loop of %d samples: got %d, want %d", n, got, want)
		}
	}
}

func TestMusicLoopsWithoutASeamAt8kHz(t *testing.T) {
	pcm := media.DownsampleLoop16to8(moh.Render())
	if len(pcm)%160 != 0 {
		t.Errorf("%d samples are no whole number of frames", len(pcm))
	}
	largest := 0.0
	for i, v := range pcm[1:] {
		largest = max(largest, math.Abs(float64(v)-float64(pcm[i])))
	}
	if seam := math.Abs(float64(pcm[0]) - float64(pcm[len(pcm)-1])); seam > largest/4 {
		t.Errorf("step at the seam %.0f, largest inside %.0f", seam, largest)
	}
}
