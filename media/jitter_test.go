package media

import (
	"math"
	"math/rand/v2"
	"testing"
)

// sine is n samples of a tone from sample at on.
func sine(hz float64, at, n int) []int16 {
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(at+i)/8000))
	}
	return out
}

// traced plays a stream of 20 ms packets of a tone into a buffer; delay says when
// packet i comes after it was due, in samples, below 0: never. It returns what is
// heard and the buffer.
func traced(frames int, delay func(i int) int) ([]int16, *jitterBuffer) {
	b := &jitterBuffer{}
	const base = uint32(4294960000) // timestamps wrap soon
	type arrival struct{ at, i int }
	var all []arrival
	for i := range frames {
		if d := delay(i); d >= 0 {
			all = append(all, arrival{(i+1)*frameSamples + d, i})
		}
	}
	var out []int16
	var frame [frameSamples]int16
	for clock := 0; clock < (frames+12)*frameSamples; clock += frameSamples {
		for len(all) > 0 {
			least := 0
			for k := range all {
				if all[k].at < all[least].at {
					least = k
				}
			}
			if all[least].at > clock {
				break
			}
			a := all[least]
			all = append(all[:least], all[least+1:]...)
			b.put(7, base+uint32(a.i*frameSamples), uint32(a.at), sine(400, a.i*frameSamples, frameSamples))
		}
		if b.get(&frame, uint32(clock)) {
			out = append(out, frame[:]...)
		}
	}
	return out[:frames*frameSamples], b
}

// share is how much of the energy of pcm is the tone of 400 Hz, in the mean of
// stretches of 100 ms: a change of the delay is a change of phase.
func share(pcm []int16) float64 {
	const stretch = 800
	sum, n := 0.0, 0
	for ; len(pcm) >= stretch; pcm = pcm[stretch:] {
		sum += goertzel(pcm[:stretch])
		n++
	}
	return sum / float64(n)
}

func goertzel(pcm []int16) float64 {
	c := 2 * math.Cos(2*math.Pi*400/8000)
	var s1, s2, energy float64
	for _, v := range pcm {
		s1, s2 = float64(v)+c*s1-s2, s1
		energy += float64(v) * float64(v)
	}
	return 2 * (s1*s1 + s2*s2 - c*s1*s2) / (energy*float64(len(pcm)) + 1)
}

func TestJitterBuffer(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	for name, c := range map[string]struct {
		delay func(i int) int
		share float64 // of the tone, whole
		late  uint64
		lost  uint64 // frames concealed for want of a packet, at the most
		most  int32  // delay in samples at the end, at the most
	}{
		"a steady stream":        {delay: func(int) int { return 5 }, share: 0.99, most: 200},
		"pairs out of order":     {delay: func(i int) int { return 170 * (i % 2) }, share: 0.98, lost: 1, most: 600},
		"jitter of 60 ms":        {delay: func(int) int { return dice.IntN(480) }, share: 0.90, lost: 6, most: 700},
		"one in twenty is lost":  {delay: func(i int) int { return -(1 - min(1, i%20)) }, share: 0.95, lost: 25, most: 200},
		"a burst after a stall":  {delay: func(i int) int { return max(0, 1200-(i-100)*160) * min(1, max(0, i-99)) }, share: 0.60, lost: 10, most: 1600},
		"late beyond all bounds": {delay: func(i int) int { return 4000 * (1 - min(1, i%50)) }, share: 0.80, lost: 60, most: 1600, late: 5},
	} {
		t.Run(name, func(t *testing.T) {
			out, b := traced(400, c.delay)
			if got := share(out); got < c.share {
				t.Errorf("tone: got %.3f of the energy, want %.2f", got, c.share)
			}
			if b.lost > c.lost+12 || b.late < c.late {
				t.Errorf("lost %d, late %d, grown %d, shrunk %d", b.lost, b.late, b.grown, b.shrunk)
			}
			if got := b.target(); got > c.most {
				t.Errorf("delay at the end: %d samples, want %d at most", got, c.most)
			}
			t.Logf("tone %.3f, received %d, late %d, lost %d, grown %d, shrunk %d, target %d", share(out), b.received, b.late, b.lost, b.grown, b.shrunk, b.target())
		})
	}
}

// The delay that a bad minute needed is given back in silence afterwards.
func TestJitterBufferShrinksAgain(t *testing.T) {
	b := &jitterBuffer{}
	var frame [frameSamples]int16
	silence := make([]int16, frameSamples)
	clock := uint32(0)
	for i := range uint32(3000) {
		clock += frameSamples
		late := uint32(0)
		if i < 100 && i%3 == 0 {
			late = 800
		}
		b.put(1, i*frameSamples, clock+late, silence)
		b.get(&frame, clock)
	}
	if got := int32(clock) - int32(b.pos); got > 4*frameSamples {
		t.Errorf("after a quiet minute %d samples of delay are left (grown %d, shrunk %d)", got, b.grown, b.shrunk)
	}
}

func TestJitterBufferStopsAndBeginsAnew(t *testing.T) {
	b := &jitterBuffer{}
	var frame [frameSamples]int16
	clock := uint32(1000)
	for i := range uint32(10) {
		b.put(1, 5000+i*frameSamples, clock, sine(400, int(i)*frameSamples, frameSamples))
		b.get(&frame, clock)
		clock += frameSamples
	}
	says := 0
	for range 50 {
		if b.get(&frame, clock) {
			says++
		}
		clock += frameSamples
	}
	if says > 14 {
		t.Errorf("%d frames are made up for a peer who stopped", says)
	}
	b.put(2, 99_000_000, clock, sine(400, 0, frameSamples)) // another stream
	if !b.get(&frame, clock) || b.begun != true {
		t.Error("a new stream is not heard")
	}
}

// Concealment is better than silence and than the last frame again.
func TestConcealmentOfLoss(t *testing.T) {
	speech := make([]int16, 400*frameSamples) // a voice of 120 Hz with harmonics, swelling
	for i := range speech {
		x := float64(i) / 8000
		v := 0.0
		for h := 1.0; h < 12; h++ {
			v += math.Sin(2*math.Pi*120*h*x) / h
		}
		speech[i] = int16(5000 * v * (0.6 + 0.4*math.Sin(2*math.Pi*2*x)))
	}
	snr := func(made func(c *concealer, lost bool, frame *[frameSamples]int16)) float64 {
		c := &concealer{}
		var noise, signal float64
		for n := range 400 {
			var f [frameSamples]int16
			copy(f[:], speech[n*frameSamples:])
			lost := n > 10 && n%20 == 0
			made(c, lost, &f)
			if lost {
				for i, s := range f {
					want := float64(speech[n*frameSamples+i])
					signal += want * want
					noise += (float64(s) - want) * (float64(s) - want)
				}
			}
		}
		return 10 * math.Log10(signal/noise)
	}
	var last [frameSamples]int16
	silence := snr(func(_ *concealer, lost bool, f *[frameSamples]int16) {
		if lost {
			clear(f[:])
		}
	})
	again := snr(func(_ *concealer, lost bool, f *[frameSamples]int16) {
		if lost {
			*f = last
		}
		last = *f
	})
	ours := snr(func(c *concealer, lost bool, f *[frameSamples]int16) {
		if lost {
			c.missing(f)
		} else {
			c.heard(f)
		}
	})
	t.Logf("signal to noise of lost frames: silence %.1f dB, the frame before %.1f dB, ours %.1f dB", silence, again, ours)
	if ours < silence+3 || ours < again+3 {
		t.Errorf("concealment %.1f dB, silence %.1f, repetition %.1f", ours, silence, again)
	}
}

func FuzzJitterBuffer(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	f.Fuzz(func(t *testing.T, data []byte) {
		b := &jitterBuffer{}
		var frame [frameSamples]int16
		pcm := make([]int16, 255*8)
		clock := uint32(0)
		for len(data) >= 6 {
			stamp := uint32(data[0])<<24 | uint32(data[1])<<12 | uint32(data[2])*80
			clock += uint32(data[3]) * 16
			b.put(uint32(data[4]&1), stamp, clock, pcm[:int(data[5])*8])
			b.get(&frame, clock)
			if d := b.target(); d < 0 || d > jitterMost {
				t.Fatalf("delay %d", d)
			}
			data = data[6:]
		}
	})
}

func BenchmarkJitterBuffer(bench *testing.B) {
	b := &jitterBuffer{}
	var frame [frameSamples]int16
	pcm := sine(400, 0, frameSamples)
	bench.ReportAllocs()
	clock := uint32(0)
	for bench.Loop() {
		b.put(1, clock, clock, pcm)
		b.get(&frame, clock)
		clock += frameSamples
	}
}

func BenchmarkConcealment(bench *testing.B) {
	c := &concealer{}
	var frame [frameSamples]int16
	copy(frame[:], sine(400, 0, frameSamples))
	bench.ReportAllocs()
	for bench.Loop() {
		c.heard(&frame)
		c.missing(&frame)
	}
}
