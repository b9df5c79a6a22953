package media

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-audio/wav"

	"pickup/internal/g711"
)

// keyed is a key as tones: levels in dBm0 of the low and the high tone, off by a
// share of the frequencies.
type keyed struct {
	code      byte
	low, high float64
	off       float64
	samples   int
}

// amplitude of a sine of a level in dBm0.
func amplitude(dbm float64) float64 { return math.Sqrt(2 * toneFull * decibels(dbm)) }

// tones are the samples of a key.
func (k keyed) tones() []float64 {
	out := make([]float64, k.samples)
	for row, keys := range toneKeys {
		for column, code := range keys {
			if code != k.code {
				continue
			}
			l, h := toneRows[row]*(1+k.off), toneColumns[column]*(1+k.off)
			for i := range out {
				t := 2 * math.Pi * float64(i) / clockRate
				out[i] = amplitude(k.low)*math.Sin(l*t) + amplitude(k.high)*math.Sin(h*t)
			}
		}
	}
	return out
}

// asHeard is samples after a law, with noise snr dB below the power of signal;
// 0: without.
func asHeard(pcm []float64, law uint8, noise float64, dice *rand.Rand) []int16 {
	out := make([]int16, len(pcm))
	for i, v := range pcm {
		v += noise * dice.NormFloat64()
		out[i] = g711.DecodeByte(law, g711.EncodeSample(law, int16(min(max(v, -32768), 32767))))
	}
	return out
}

// detected are the keys that a detector tells in audio.
func detected(pcm []int16) string {
	var d toneDetector
	var keys strings.Builder
	for len(pcm) > 0 {
		n, full := d.take(pcm)
		pcm = pcm[n:]
		if !full {
			continue
		}
		if code, told, _ := d.look(); told {
			keys.WriteByte(dtmfDigits[code])
		}
	}
	return keys.String()
}

func silence(samples int) []float64 { return make([]float64, samples) }

const ms = clockRate / 1000

// The limits of ITU-T Q.24: every key at 11 beginnings within a half
// window, so that no alignment is luck.
func TestKeysAsTones(t *testing.T) {
	for name, c := range map[string]struct {
		key   keyed
		snr   float64 // dB; 0: no noise
		heard bool
	}{
		"40 ms at -10 dBm0":                {keyed{low: -10, high: -10, samples: 40 * ms}, 0, true},
		"40 ms at -10 dBm0, SNR 15 dB":     {keyed{low: -10, high: -10, samples: 40 * ms}, 15, true},
		"100 ms at -25 dBm0":               {keyed{low: -25, high: -25, samples: 100 * ms}, 0, true},
		"40 ms at 0 dBm0":                  {keyed{low: 0, high: 0, samples: 40 * ms}, 0, true},
		"at -55 dBm0":                      {keyed{low: -55, high: -55, samples: 100 * ms}, 0, false},
		"23 ms":                            {keyed{low: -10, high: -10, samples: 23 * ms}, 0, false},
		"twist 8 dB":                       {keyed{low: -8, high: -16, samples: 40 * ms}, 0, true},
		"reverse twist 4 dB":               {keyed{low: -14, high: -10, samples: 40 * ms}, 0, true},
		"twist 14 dB":                      {keyed{low: -6, high: -20, samples: 100 * ms}, 0, false},
		"reverse twist 12 dB":              {keyed{low: -20, high: -8, samples: 100 * ms}, 0, false},
		"1.5 % higher":                     {keyed{low: -10, high: -10, off: 0.015, samples: 40 * ms}, 0, true},
		"1.5 % lower":                      {keyed{low: -10, high: -10, off: -0.015, samples: 40 * ms}, 0, true},
		"1.5 % higher, SNR 15 dB, twist 4": {keyed{low: -8, high: -12, off: 0.015, samples: 50 * ms}, 15, true},
		"3.5 % higher":                     {keyed{low: -10, high: -10, off: 0.035, samples: 100 * ms}, 0, false},
		"3.5 % lower":                      {keyed{low: -10, high: -10, off: -0.035, samples: 100 * ms}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			dice := rand.New(rand.NewPCG(1, 2))
			wrong := 0
			for code := range dtmfDigits {
				for begin := 0; begin < toneHop; begin += 5 {
					k := c.key
					k.code = byte(code)
					noise := 0.0
					if c.snr != 0 {
						noise = math.Sqrt(toneFull * (decibels(k.low) + decibels(k.high)) / decibels(c.snr))
					}
					want := ""
					if c.heard {
						want = dtmfDigits[code : code+1]
					}
					pcm := append(append(silence(200+begin), k.tones()...), silence(500)...)
					if detected(asHeard(pcm, g711.PCMA, noise, dice)) != want {
						wrong++
					}
				}
			}
			if wrong > 0 {
				t.Errorf("%d of %d wrong", wrong, len(dtmfDigits)*11)
			}
		})
	}
}

// 500 keys of 40 ms with pauses of 40 ms, in white noise of 15 dB.
func TestKeysFollowEachOther(t *testing.T) {
	for _, law := range []uint8{g711.PCMA, g711.PCMU} {
		t.Run(fmt.Sprint("law ", law), func(t *testing.T) {
			dice := rand.New(rand.NewPCG(3, 4))
			var pcm []float64
			var want strings.Builder
			for range 500 {
				code := byte(dice.IntN(16))
				want.WriteByte(dtmfDigits[code])
				k := keyed{code: code, low: -12 + 6*dice.Float64(), high: -12 + 4*dice.Float64(), samples: 40*ms + dice.IntN(50)}
				pcm = append(append(pcm, k.tones()...), silence(40*ms+dice.IntN(50))...)
			}
			noise := math.Sqrt(2 * toneFull * decibels(-10) / decibels(15))
			if got := detected(asHeard(pcm, law, noise, dice)); got != want.String() {
				t.Errorf("got %d keys, want %d, or other ones", len(got), want.Len())
			}
		})
	}
}

func TestAShortGapPartsNoKey(t *testing.T) {
	k := keyed{code: 5, low: -10, high: -10, samples: 60 * ms}
	pcm := append(append(k.tones(), silence(10*ms)...), k.tones()...)
	pcm = append(pcm, silence(400)...)
	if got := detected(asHeard(pcm, g711.PCMA, 0, rand.New(rand.NewPCG(1, 1)))); got != "5" {
		t.Errorf("got %q, want one 5", got)
	}
}

// Our prompts are speech of both languages; a voice is no key. All of them are
// heard under the verify tag.
func TestPromptsHoldNoKeys(t *testing.T) { talkOff(t, 8, 1) }

// talkOff listens to one of step prompts, at some gains.
func talkOff(t *testing.T, step int, gains ...float64) {
	t.Helper()
	files, err := filepath.Glob("../configs/prompts/*/*.wav")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d prompts, %v", len(files), err)
	}
	seconds := 0.0
	for i := 0; i < len(files); i += step {
		pcm := readWAV(t, files[i])
		seconds += float64(len(pcm)) / clockRate
		for _, gain := range gains {
			said := make([]int16, len(pcm))
			for k, v := range pcm {
				said[k] = int16(min(max(gain*float64(v), -32768), 32767))
			}
			if got := detected(said); got != "" {
				t.Errorf("%s at %.1f: %q", files[i], gain, got)
			}
		}
	}
	t.Logf("%.0f s of speech, at %d levels", seconds, len(gains))
}

// readWAV returns a prompt at 8 kHz.
func readWAV(t *testing.T, name string) []int16 {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	buf, err := wav.NewDecoder(f).FullPCMBuffer()
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, len(buf.Data))
	for i, v := range buf.Data {
		pcm[i] = int16(v)
	}
	if buf.Format.SampleRate == 16000 {
		pcm = Downsample16to8(pcm)
	}
	return pcm
}
