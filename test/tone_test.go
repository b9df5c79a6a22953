//go:build e2e

package test

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"math"
	"os"
	"testing"

	"github.com/go-audio/wav"
)

// tone is a sine of amplitude 0.3 at rate Hz.
func tone(hz float64, rate, samples int) []int16 {
	out := make([]int16, samples)
	for i := range out {
		out[i] = int16(0.3 * 32767 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return out
}

// writeWAV writes a mono PCM16 file.
func writeWAV(t testing.TB, path string, rate int, pcm []int16) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("RIFF")
	put := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) }
	put(uint32(36 + 2*len(pcm)))
	b.WriteString("WAVEfmt ")
	put(uint32(16))
	put(uint16(1))
	put(uint16(1))
	put(uint32(rate))
	put(uint32(2 * rate))
	put(uint16(2))
	put(uint16(16))
	b.WriteString("data")
	put(uint32(2 * len(pcm)))
	put(pcm)
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// readWAV reads the channels of a PCM16 file.
func readWAV(t testing.TB, data []byte) (channels [][]float64, rate int) {
	t.Helper()
	d := wav.NewDecoder(bytes.NewReader(data))
	if !d.IsValidFile() {
		t.Fatalf("not a valid WAV (%d bytes)", len(data))
	}
	buf, err := d.FullPCMBuffer()
	if err != nil {
		t.Fatal(err)
	}
	n := buf.Format.NumChannels
	channels = make([][]float64, n)
	for i, v := range buf.Data {
		channels[i%n] = append(channels[i%n], float64(v)/32768)
	}
	return channels, buf.Format.SampleRate
}

// power is the share of one frequency in a frame, by Goertzel: a full-scale
// sine gives 1.
func power(frame []float64, hz float64, rate int) float64 {
	w := 2 * math.Pi * hz / float64(rate)
	c := 2 * math.Cos(w)
	var s1, s2 float64
	for _, x := range frame {
		s1, s2 = x+c*s1-s2, s1
	}
	p := s1*s1 + s2*s2 - c*s1*s2
	n := float64(len(frame))
	return 4 * p / (n * n)
}

// db turns a power into decibels.
func db(p float64) float64 { return 10 * math.Log10(p+1e-20) }

// heard is the share of 100 ms frames of pcm in which hz is at least -30 dB and
// louder than the other tone by 20 dB.
func heard(pcm []float64, rate int, hz, other float64) (share float64, frames int) {
	n := rate / 10
	good := 0
	for at := 0; at+n <= len(pcm); at += n {
		f := pcm[at : at+n]
		frames++
		if db(power(f, hz, rate)) > -30 && db(power(f, hz, rate)) > db(power(f, other, rate))+20 {
			good++
		}
	}
	if frames == 0 {
		return 0, 0
	}
	return float64(good) / float64(frames), frames
}

// md5Hex is the hash of digest authentication.
func md5Hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}
