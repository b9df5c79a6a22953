package opus_test

import (
	"math"
	"testing"

	"pickup/media"
	"pickup/media/opus"
)

const frame = 160 // samples of 20 ms

func tone(hz float64, samples int) []int16 {
	out := make([]int16, samples)
	for i := range out {
		out[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/8000))
	}
	return out
}

func coders(t testing.TB) (media.Encoder, media.Decoder) {
	t.Helper()
	e, err := opus.Coders{}.Encoder()
	if err != nil {
		t.Fatal(err)
	}
	d, err := opus.Coders{}.Decoder()
	if err != nil {
		t.Fatal(err)
	}
	return e, d
}

// encodeAll returns the packets of pcm.
func encodeAll(t testing.TB, e media.Encoder, pcm []int16) [][]byte {
	t.Helper()
	var out [][]byte
	for ; len(pcm) >= frame; pcm = pcm[frame:] {
		p := make([]byte, 400)
		n := e.Encode(p, pcm[:frame])
		if n == 0 {
			t.Fatal("a frame could not be encoded")
		}
		out = append(out, p[:n])
	}
	return out
}

// share is the part of the energy of pcm that is at hz.
func share(pcm []int16, hz float64) float64 {
	c := 2 * math.Cos(2*math.Pi*hz/8000)
	var s1, s2, energy float64
	for _, v := range pcm {
		s1, s2 = float64(v)+c*s1-s2, s1
		energy += float64(v) * float64(v)
	}
	if energy == 0 {
		return 0
	}
	return 2 * (s1*s1 + s2*s2 - c*s1*s2) / (energy * float64(len(pcm)))
}

// level is the effective value in dB of full scale.
func level(pcm []int16) float64 {
	sum := 1e-9
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return 10*math.Log10(sum/float64(len(pcm))) - 20*math.Log10(32768)
}

func TestTonesPass(t *testing.T) {
	for _, hz := range []float64{300, 440, 1000, 2000, 3000} {
		e, d := coders(t)
		pcm := tone(hz, 50*frame)
		var got []int16
		size := 0
		for _, p := range encodeAll(t, e, pcm) {
			var out [960]int16
			n, err := d.Decode(out[:], p)
			if err != nil || n != frame {
				t.Fatalf("%v Hz: %d samples, %v", hz, n, err)
			}
			got = append(got, out[:n]...)
			size += len(p)
		}
		got = got[10*frame:]
		if s, l := share(got, hz), level(got)-level(pcm); s < 0.97 || math.Abs(l) > 2 {
			t.Errorf("%v Hz: %.3f of the energy, %.1f dB louder", hz, s, l)
		}
		if rate := size * 8; rate > 32000 {
			t.Errorf("%v Hz: %d bit/s", hz, rate)
		}
	}
}

// chirp is a voice-like signal: harmonics of a pitch that moves, so that what is
// repeated differs from what is concealed.
func chirp(samples int) []int16 {
	out := make([]int16, samples)
	phase := 0.0
	for i := range out {
		at := float64(i) / 8000
		phase += 2 * math.Pi * (140 + 60*math.Sin(2*math.Pi*5*at)) / 8000
		v := 0.0
		for h := 1.0; h <= 12; h++ {
			v += math.Sin(h*phase) / h
		}
		out[i] = int16(6000 * v * (0.6 + 0.4*math.Sin(2*math.Pi*7*at)))
	}
	return out
}

// A lost packet is nearer to the truth by what the next one repeats of it than
// by concealment.
func TestLostPacketsAreRecoveredFromTheNext(t *testing.T) {
	pcm := chirp(200 * frame)
	e, _ := coders(t)
	packets := encodeAll(t, e, pcm)
	decode := func(lost func(i int) bool, recover bool) []int16 {
		_, d := coders(t)
		var out []int16
		for i, p := range packets {
			buf := make([]int16, 960)
			switch {
			case !lost(i):
				n, err := d.Decode(buf, p)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, buf[:n]...)
			case recover:
				d.Recover(buf[:frame], packets[i+1])
				out = append(out, buf[:frame]...)
			default:
				d.Conceal(buf[:frame])
				out = append(out, buf[:frame]...)
			}
		}
		return out
	}
	lost := func(i int) bool { return i > 20 && i%7 == 3 && i+1 < len(packets) }
	whole := decode(func(int) bool { return false }, false)
	fault := func(got []int16) float64 {
		var noise, signal float64
		for i := range whole {
			if !lost(i / frame) {
				continue
			}
			d := float64(got[i]) - float64(whole[i])
			noise += d * d
			signal += float64(whole[i]) * float64(whole[i])
		}
		return 10 * math.Log10(signal/noise)
	}
	recovered, concealed := fault(decode(lost, true)), fault(decode(lost, false))
	t.Logf("lost frames against the whole stream: recovered %.1f dB, concealed %.1f dB", recovered, concealed)
	if recovered < concealed+3 {
		t.Errorf("recovered %.1f dB, concealed %.1f dB; want 3 dB better", recovered, concealed)
	}
}

// A recording has every moment: silence is sent too.
func TestSilenceIsSent(t *testing.T) {
	e, _ := coders(t)
	for i, p := range encodeAll(t, e, make([]int16, 100*frame)) {
		if len(p) < 3 { // RFC 6716 3.2.1: one or two bytes are DTX
			t.Fatalf("frame %d of silence has %d bytes", i, len(p))
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	e, d := coders(t)
	pcm, payload, out := tone(1000, frame), make([]byte, 400), make([]int16, 960)
	if n := testing.AllocsPerRun(100, func() {
		size := e.Encode(payload, pcm)
		_, _ = d.Decode(out, payload[:size])
		d.Recover(out[:frame], payload[:size])
		d.Conceal(out[:frame])
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func FuzzDecode(f *testing.F) {
	e, _ := coders(f)
	for _, p := range encodeAll(f, e, chirp(5*frame)) {
		f.Add(p, p)
	}
	f.Add([]byte{0xff, 0x3f}, []byte{})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		_, d := coders(t)
		out := make([]int16, 960)
		for _, p := range [][]byte{first, second} {
			if n, _ := d.Decode(out, p); n < 0 || n > len(out) {
				t.Fatalf("%d samples of %x", n, p)
			}
			d.Recover(out[:frame], p)
			d.Conceal(out[:frame])
		}
	})
}

func BenchmarkEncode20ms(b *testing.B) {
	e, _ := coders(b)
	pcm, payload := chirp(50*frame), make([]byte, 400)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		at := i % 50 * frame
		e.Encode(payload, pcm[at:at+frame])
	}
}

func BenchmarkDecode20ms(b *testing.B) {
	e, d := coders(b)
	packets := encodeAll(b, e, chirp(50*frame))
	out := make([]int16, 960)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_, _ = d.Decode(out, packets[i%50])
	}
}
