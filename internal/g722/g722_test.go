package g722_test

import (
	"math"
	"os"
	"testing"

	"pickup/internal/g722"
)

// sweep is a sine from one frequency to another at rate Hz, of a peak.
func sweep(from, to, peak float64, rate, samples int) []int16 {
	out := make([]int16, samples)
	phase := 0.0
	for i := range out {
		hz := from + (to-from)*float64(i)/float64(samples)
		phase += 2 * math.Pi * hz / float64(rate)
		out[i] = int16(math.Round(peak * math.Sin(phase)))
	}
	return out
}

// snr is the signal to noise ratio in dB of got against want, delayed by lag.
func snr(want, got []int16, lag int) float64 {
	var signal, noise float64
	for i := 800; i+lag < len(got) && i < len(want); i++ {
		d := float64(got[i+lag]) - float64(want[i])
		signal += float64(want[i]) * float64(want[i])
		noise += d * d
	}
	return 10 * math.Log10(signal/noise)
}

func TestTonesPassWideBand(t *testing.T) {
	for hz, least := range map[float64]float64{200: 55, 440: 50, 1000: 42, 2000: 42, 3300: 32, 5000: 20, 6500: 22} {
		pcm := sweep(hz, hz, 8000, g722.RateWide, 16000)
		code, got := make([]byte, 8000), make([]int16, 16000)
		if n := g722.NewEncoder().Encode(code, pcm); n != 8000 {
			t.Fatalf("%d bytes", n)
		}
		if n := g722.NewDecoder().Decode(got, code); n != 16000 {
			t.Fatalf("%d samples", n)
		}
		if db := snr(pcm, got, 22); db < least { // 22 samples: the two filters
			t.Errorf("%.0f Hz: %.1f dB, want %.0f", hz, db, least)
		}
	}
}

func TestTonesPassNarrowBand(t *testing.T) {
	for hz, least := range map[float64]float64{200: 30, 440: 30, 1000: 25, 2000: 20, 3300: 18} {
		pcm := sweep(hz, hz, 8000, g722.RateNarrow, 8000)
		code, got := make([]byte, 8000), make([]int16, 8000)
		g722.NewEncoder().EncodeNarrow(code, pcm)
		g722.NewDecoder().DecodeNarrow(got, code)
		if db := snr(pcm, got, 0); db < least {
			t.Errorf("%.0f Hz: %.1f dB, want %.0f", hz, db, least)
		}
	}
}

// What one rate encodes the other decodes, at the same level.
func TestTheRatesMeet(t *testing.T) {
	level := func(pcm []int16) float64 {
		sum := 0.0
		for _, v := range pcm[len(pcm)/4:] {
			sum += float64(v) * float64(v)
		}
		return 10 * math.Log10(sum/float64(len(pcm)*3/4))
	}
	code := make([]byte, 8000)
	wide, narrow := make([]int16, 16000), make([]int16, 8000)
	pcm := sweep(700, 700, 8000, g722.RateNarrow, 8000)
	g722.NewEncoder().EncodeNarrow(code, pcm)
	g722.NewDecoder().Decode(wide, code)
	if d := level(wide) - level(pcm); math.Abs(d) > 0.5 {
		t.Errorf("8 kHz in, 16 kHz out: %.2f dB louder", d)
	}
	pcm = sweep(700, 700, 8000, g722.RateWide, 16000)
	g722.NewEncoder().Encode(code, pcm)
	g722.NewDecoder().DecodeNarrow(narrow, code)
	if d := level(narrow) - level(pcm); math.Abs(d) > 0.5 {
		t.Errorf("16 kHz in, 8 kHz out: %.2f dB louder", d)
	}
}

// testdata/sweep.g722 was made from the same sweep by another implementation
// (FFmpeg 5.1, -c:a g722 -trellis 0), and sweep.s16 is its decoding of that.
func TestAnotherImplementationIsUnderstoodToTheBit(t *testing.T) {
	code := read(t, "testdata/sweep.g722")
	want := read(t, "testdata/sweep.s16")
	got := make([]int16, 2*len(code))
	g722.NewDecoder().Decode(got, code)
	if len(want) != 2*len(got) {
		t.Fatalf("%d samples, want %d", len(got), len(want)/2)
	}
	for i, v := range got {
		if w := int16(uint16(want[2*i]) | uint16(want[2*i+1])<<8); v != w {
			t.Fatalf("sample %d: got %d, want %d", i, v, w)
		}
	}
	ours := make([]byte, len(code))
	g722.NewEncoder().Encode(ours, sweep(50, 7000, 12000, g722.RateWide, 16000))
	for i := range ours {
		if ours[i] != code[i] {
			t.Fatalf("byte %d: we write %#x, the other %#x", i, ours[i], code[i])
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNothingIsAllocated(t *testing.T) {
	e, d := g722.NewEncoder(), g722.NewDecoder()
	pcm, code := sweep(100, 3000, 8000, 8000, 160), make([]byte, 160)
	if n := testing.AllocsPerRun(100, func() { e.EncodeNarrow(code, pcm); d.DecodeNarrow(pcm, code) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

// Any bytes decode, within 16 bits, and silence after them calms the decoder.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{0, 255, 3, 17})
	f.Fuzz(func(t *testing.T, code []byte) {
		d := g722.NewDecoder()
		pcm := make([]int16, 2*len(code))
		if n := d.Decode(pcm, code); n != 2*len(code) {
			t.Errorf("%d samples of %d bytes", n, len(code))
		}
		silence, out := make([]byte, 4000), make([]int16, 4000)
		g722.NewEncoder().EncodeNarrow(silence, make([]int16, 4000))
		d.DecodeNarrow(out, silence)
		for _, v := range out[3900:] {
			if v > 2000 || v < -2000 {
				t.Fatalf("%d in silence after %x", v, code)
			}
		}
	})
}

// FuzzEncode: any audio encodes, and what is decoded stays near it once the
// scale factors have followed.
func FuzzEncode(f *testing.F) {
	f.Add(int16(30000), int16(-30000), uint8(3))
	f.Fuzz(func(_ *testing.T, a, b int16, period uint8) {
		pcm := make([]int16, 1600)
		for i := range pcm {
			pcm[i] = a
			if i/(int(period)+1)%2 == 1 {
				pcm[i] = b
			}
		}
		code, out := make([]byte, 800), make([]int16, 1600)
		g722.NewEncoder().Encode(code, pcm)
		g722.NewDecoder().Decode(out, code)
	})
}

func BenchmarkEncodeNarrow20ms(b *testing.B) {
	e := g722.NewEncoder()
	pcm, code := sweep(100, 3000, 8000, 8000, 160), make([]byte, 160)
	b.ReportAllocs()
	for b.Loop() {
		e.EncodeNarrow(code, pcm)
	}
}

func BenchmarkDecodeNarrow20ms(b *testing.B) {
	e, d := g722.NewEncoder(), g722.NewDecoder()
	pcm, code := sweep(100, 3000, 8000, 8000, 160), make([]byte, 160)
	e.EncodeNarrow(code, pcm)
	b.ReportAllocs()
	for b.Loop() {
		d.DecodeNarrow(pcm, code)
	}
}
