package configs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// errWAV is the base of what DecodeWAV refuses.
var errWAV = errors.New("not a usable prompt")

// DecodeWAV returns the samples of a mono PCM16 WAV file and their rate in Hz.
// It is strict: prompts are 8 or 16 kHz, and their chunks lie within the file.
func DecodeWAV(data []byte) (samples []int16, rate int, err error) {
	if len(data) < 12 || string(data[:4]) != "RIFF" || string(data[8:12]) != "WAVE" {
		return nil, 0, fmt.Errorf("%w: no RIFF header", errWAV)
	}
	known := false
	for rest := data[12:]; len(rest) >= 8; {
		name, size := string(rest[:4]), int64(binary.LittleEndian.Uint32(rest[4:]))
		body := rest[8:]
		if size > int64(len(body)) {
			return nil, 0, fmt.Errorf("%w: chunk %q is cut", errWAV, name)
		}
		switch name {
		case "fmt ":
			if size < 16 {
				return nil, 0, fmt.Errorf("%w: short format", errWAV)
			}
			format := binary.LittleEndian.Uint16(body)
			channels := binary.LittleEndian.Uint16(body[2:])
			bits := binary.LittleEndian.Uint16(body[14:])
			rate = int(binary.LittleEndian.Uint32(body[4:]))
			if format != 1 || channels != 1 || bits != 16 || (rate != 8000 && rate != 16000) {
				return nil, 0, fmt.Errorf("%w: must be PCM16, mono, 8 or 16 kHz", errWAV)
			}
			known = true
		case "data":
			if !known {
				return nil, 0, fmt.Errorf("%w: data before format", errWAV)
			}
			samples = make([]int16, size/2)
			for i := range samples {
				samples[i] = int16(binary.LittleEndian.Uint16(body[2*i:]))
			}
			return samples, rate, nil
		}
		rest = body[min(size+size%2, int64(len(body))):]
	}
	return nil, 0, fmt.Errorf("%w: no data", errWAV)
}

// Telephone returns 16 kHz speech at 8 kHz: a low-pass of 63 taps (windowed
// sinc, 3.6 kHz) against aliasing, then every second sample.
func Telephone(wide []int16) []int16 {
	const half = 31
	taps := lowPass(half, 3600.0/16000)
	narrow := make([]int16, (len(wide)+1)/2)
	for i := range narrow {
		sum := 0.0
		for k, tap := range taps {
			if j := 2*i + k - half; j >= 0 && j < len(wide) {
				sum += tap * float64(wide[j])
			}
		}
		narrow[i] = int16(max(math.MinInt16, min(math.MaxInt16, math.Round(sum))))
	}
	return narrow
}

// lowPass returns 2*half+1 taps of a Blackman-windowed sinc; cutoff is in
// cycles per sample. The taps sum to 1.
func lowPass(half int, cutoff float64) []float64 {
	taps := make([]float64, 2*half+1)
	sum := 0.0
	for i := range taps {
		n := float64(i - half)
		sinc := 2 * cutoff
		if n != 0 {
			sinc = math.Sin(2*math.Pi*cutoff*n) / (math.Pi * n)
		}
		phase := 2 * math.Pi * float64(i) / float64(2*half)
		taps[i] = sinc * (0.42 - 0.5*math.Cos(phase) + 0.08*math.Cos(2*phase))
		sum += taps[i]
	}
	for i := range taps {
		taps[i] /= sum
	}
	return taps
}

// Speech returns a prompt as 8 kHz mono PCM16, the form in which phones hear
// it. dir is SitePrompt's; a site's own file that is not a usable WAV is passed
// over for the shipped one, and err says so.
func Speech(dir, language, id string) (pcm []int16, ok bool, err error) {
	wav, ok := SitePrompt(dir, language, id)
	if !ok {
		return nil, false, nil
	}
	samples, rate, err := DecodeWAV(wav)
	if err != nil {
		err = fmt.Errorf("prompt %s/%s of the site: %w", language, id, err)
		shipped, _ := Prompt(language, id)
		var broken error
		if samples, rate, broken = DecodeWAV(shipped); broken != nil {
			return nil, false, broken
		}
	}
	if rate == 16000 {
		samples = Telephone(samples)
	}
	return samples, true, err
}
