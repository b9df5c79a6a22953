package moh_test

import (
	"math"
	"slices"
	"testing"

	"pickup/media/moh"
)

func TestMusicIsAQuietLoopForTelephones(t *testing.T) {
	pcm := moh.Render()
	if seconds := float64(len(pcm)) / moh.Rate; math.Abs(seconds-53.34) > 0.05 {
		t.Errorf("lasts %.2f s", seconds)
	}
	if len(pcm)%(moh.Rate/50) != 0 {
		t.Errorf("%d samples are no whole number of frames", len(pcm))
	}

	peak, largest, energy := 0.0, 0, 0.0
	for i, v := range pcm {
		peak = max(peak, math.Abs(float64(v)))
		energy += float64(v) * float64(v)
		if i > 0 {
			largest = max(largest, distance(v, pcm[i-1]))
		}
	}
	if db := 20 * math.Log10(peak/32768); db > -9+0.05 || db < -11 {
		t.Errorf("peak %.2f dBFS", db)
	}
	if db := 10 * math.Log10(energy/float64(len(pcm))/32768/32768); math.Abs(db+23) > 1 {
		t.Errorf("RMS %.2f dBFS", db)
	}
	if seam := distance(pcm[0], pcm[len(pcm)-1]); seam > largest/4 {
		t.Errorf("step at the seam %d, largest inside %d", seam, largest)
	}
}

func distance(a, b int16) int { return max(int(a)-int(b), int(b)-int(a)) }

// Every second is heard, and nearly all of it within a telephone's band.
func TestMusicNeverStops(t *testing.T) {
	pcm := moh.Render()
	for at := 0; at+moh.Rate <= len(pcm); at += moh.Rate {
		energy := 0.0
		for _, v := range pcm[at : at+moh.Rate] {
			energy += float64(v) * float64(v)
		}
		if db := 10 * math.Log10(energy/moh.Rate/32768/32768); db < -30 {
			t.Errorf("second %d has %.1f dBFS", at/moh.Rate, db)
		}
	}
	// First differences grow with the frequency: a bound on the energy above.
	var diff, energy float64
	for i, v := range pcm[1:] {
		d := float64(v) - float64(pcm[i])
		diff += d * d
		energy += float64(v) * float64(v)
	}
	mean := moh.Rate / math.Pi * math.Asin(math.Sqrt(diff/energy)/2)
	if mean < 200 || mean > 1500 {
		t.Errorf("mean frequency %.0f Hz", mean)
	}
}

func TestMusicIsTheSameEachTime(t *testing.T) {
	if !slices.Equal(moh.Render(), moh.Render()) {
		t.Error("two renderings differ")
	}
}

func BenchmarkRender(b *testing.B) {
	for b.Loop() {
		moh.Render()
	}
}
