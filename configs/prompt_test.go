package configs_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-audio/wav"

	"pickup/configs"
)

func TestEveryPromptExistsInBothLanguages(t *testing.T) {
	ids := configs.PromptIDs()
	if len(ids) < 80 {
		t.Fatalf("got %d prompts, want 80 at least", len(ids))
	}
	for _, language := range configs.Languages() {
		texts, err := configs.Catalogue(language)
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(maps.Keys(texts)); !slices.Equal(got, ids) {
			t.Errorf("%s: catalogue and recordings differ:\n%q\n%q", language, got, ids)
		}
		files, err := filepath.Glob(filepath.Join("prompts", language, "*.wav"))
		if err != nil || len(files) != len(ids) {
			t.Errorf("%s: %d files for %d prompts (%v)", language, len(files), len(ids), err)
		}
	}
	if _, err := configs.Catalogue("xx"); err == nil {
		t.Error("an unknown language: got no error")
	}
}

func TestTheManifestIsTrue(t *testing.T) {
	m, err := configs.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	sum := func(b []byte) string { h := sha256.Sum256(b); return hex.EncodeToString(h[:]) }
	for _, language := range configs.Languages() {
		texts, err := configs.Catalogue(language)
		if err != nil {
			t.Fatal(err)
		}
		for id, p := range texts {
			entry := m.Prompts[language][id]
			if got, want := entry.TextSHA256, sum([]byte(p.Text)); got != want {
				t.Errorf("%s/%s: the recording speaks another text; run make prompts", language, id)
			}
			data, ok := configs.Prompt(language, id)
			if !ok || sum(data) != entry.WAVSHA256 {
				t.Errorf("%s/%s: the file is not the one of the manifest", language, id)
			}
		}
	}
}

func TestPromptsSoundAlike(t *testing.T) {
	for _, language := range configs.Languages() {
		for _, id := range configs.PromptIDs() {
			data, _ := configs.Prompt(language, id)
			d := wav.NewDecoder(bytes.NewReader(data))
			buf, err := d.FullPCMBuffer()
			if err != nil || d.SampleRate != 16000 || d.NumChans != 1 || d.BitDepth != 16 || d.WavAudioFormat != 1 {
				t.Errorf("%s/%s: %v, %d Hz, %d channels, %d bits, format %d", language, id, err, d.SampleRate, d.NumChans, d.BitDepth, d.WavAudioFormat)
				continue
			}
			seconds := float64(len(buf.Data)) / 16000
			sum, top := 0.0, 0.0
			for _, s := range buf.Data {
				sum += float64(s) * float64(s)
				top = max(top, math.Abs(float64(s)))
			}
			rms := 10 * math.Log10(sum/float64(len(buf.Data))/(32768*32768))
			peak := 20 * math.Log10(top/32768)
			if seconds < 0.4 || seconds > 15 {
				t.Errorf("%s/%s lasts %.1f s, want 0.4 to 15", language, id, seconds)
			}
			if rms < -24 || rms > -16 || peak > -1 {
				t.Errorf("%s/%s: RMS %.1f dBFS (want -24 to -16), peak %.1f dBFS (want at most -1)", language, id, rms, peak)
			}
			if id == "consent.notice" && seconds > 6 {
				t.Errorf("%s/%s lasts %.1f s: the bridge waits 6 s at most", language, id, seconds)
			}
		}
	}
}

func TestASiteReplacesAPrompt(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "fr"), 0o755); err != nil {
		t.Fatal(err)
	}
	own := makeWAV(8000, 1, []int16{1, -2, 3})
	if err := os.WriteFile(filepath.Join(dir, "fr", "goodbye.wav"), own, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "fr", "closed.wav"), []byte("noise"), 0o600); err != nil {
		t.Fatal(err)
	}
	if pcm, ok, err := configs.Speech(dir, "fr", "goodbye"); !ok || err != nil || !slices.Equal(pcm, []int16{1, -2, 3}) {
		t.Errorf("own file: got %v %v %v", pcm, ok, err)
	}
	shipped, ok, err := configs.Speech("", "en", "goodbye")
	if !ok || err != nil || len(shipped) < 4000 {
		t.Errorf("shipped file: got %d samples, %v, %v", len(shipped), ok, err)
	}
	if pcm, ok, err := configs.Speech(dir, "en", "goodbye"); !ok || err != nil || !slices.Equal(pcm, shipped) {
		t.Errorf("other language: got %d samples, %v, %v", len(pcm), ok, err)
	}
	if pcm, ok, err := configs.Speech(dir, "fr", "closed"); !ok || err == nil || len(pcm) < 4000 {
		t.Errorf("broken own file: got %d samples, %v, %v; want the shipped one and an error", len(pcm), ok, err)
	}
	for _, id := range []string{"no.such", "../en/goodbye", "/etc/passwd", ""} {
		if _, ok, err := configs.Speech(dir, "fr", id); ok || err != nil {
			t.Errorf("%q: got %v %v", id, ok, err)
		}
	}
}

func TestTelephoneKeepsSpeechAndDropsWhatWouldAlias(t *testing.T) {
	level := func(hz float64) float64 {
		wide := make([]int16, 16000)
		for i := range wide {
			wide[i] = int16(10000 * math.Sin(2*math.Pi*hz*float64(i)/16000))
		}
		sum := 0.0
		narrow := configs.Telephone(wide)[100:7900]
		for _, s := range narrow {
			sum += float64(s) * float64(s)
		}
		return 10 * math.Log10(sum/float64(len(narrow))/(10000*10000/2))
	}
	tests := map[string]struct{ hz, least, most float64 }{
		"300 Hz":  {300, -0.1, 0.1},
		"1 kHz":   {1000, -0.1, 0.1},
		"3 kHz":   {3000, -1, 0.1},
		"4.4 kHz": {4400, -200, -35},
		"7 kHz":   {7000, -200, -60},
	}
	for name, test := range tests {
		if got := level(test.hz); got < test.least || got > test.most {
			t.Errorf("%s: got %.1f dB, want %.1f to %.1f", name, got, test.least, test.most)
		}
	}
}

// makeWAV writes a small PCM16 file.
func makeWAV(rate uint32, channels uint16, samples []int16) []byte {
	var b bytes.Buffer
	size := uint32(2 * len(samples))
	b.WriteString("RIFF")
	for _, v := range []any{36 + size, []byte("WAVEfmt "), uint32(16), uint16(1), channels, rate, rate * 2, uint16(2), uint16(16), []byte("data"), size, samples} {
		_ = binary.Write(&b, binary.LittleEndian, v)
	}
	return b.Bytes()
}

func TestDecodeWAVRefusesWhatIsNoPrompt(t *testing.T) {
	good := makeWAV(16000, 1, []int16{5, 6})
	if s, rate, err := configs.DecodeWAV(good); err != nil || rate != 16000 || !slices.Equal(s, []int16{5, 6}) {
		t.Fatalf("got %v %d %v", s, rate, err)
	}
	tests := map[string][]byte{
		"empty":      nil,
		"text":       []byte("hello, this is no sound at all"),
		"stereo":     makeWAV(16000, 2, []int16{1, 2}),
		"wrong rate": makeWAV(44100, 1, []int16{1}),
		"cut":        good[:len(good)-1],
		"no data":    good[:36],
	}
	for name, data := range tests {
		if _, _, err := configs.DecodeWAV(data); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func FuzzDecodeWAV(f *testing.F) {
	f.Add(makeWAV(16000, 1, []int16{1, 2, 3}))
	f.Add(makeWAV(8000, 1, nil))
	f.Add([]byte("RIFF\x04\x00\x00\x00WAVE"))
	f.Fuzz(func(t *testing.T, data []byte) {
		samples, _, err := configs.DecodeWAV(data)
		if err == nil && len(samples)*2 > len(data) {
			t.Errorf("%d samples from %d bytes", len(samples), len(data))
		}
	})
}

func BenchmarkTelephone(b *testing.B) {
	wide := make([]int16, 16000)
	b.ReportAllocs()
	for b.Loop() {
		configs.Telephone(wide)
	}
}
