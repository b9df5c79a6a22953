// Package opus is Opus (RFC 6716) by libopus, for media: speech at 8 kHz mono,
// with in-band forward error correction and without discontinuous transmission,
// so that a recording has every moment. It is apart from media since it needs
// cgo; cmd hands it in.
//
// Coders hold the state of one stream, belong to one goroutine at a time, and
// allocate nothing once made. What they hold is memory of Go: nothing is to be
// closed.
package opus

import (
	"fmt"

	hraban "github.com/hraban/opus"

	"pickup/media"
)

// rate is that of the linear audio, in Hz.
const rate = 8000

// The encoder's settings. Complexity is of 0 to 10; loss is what the forward
// error correction is made for.
const (
	bitRate     = 24000 // bit/s
	complexity  = 2
	lossPercent = 10
)

// Coders makes coders; it satisfies media.OpusCoders.
type Coders struct{}

// Encoder returns an encoder at the start of a stream.
func (Coders) Encoder() (media.Encoder, error) {
	e, err := hraban.NewEncoder(rate, 1, hraban.AppVoIP)
	if err != nil {
		return nil, fmt.Errorf("make an Opus encoder: %w", err)
	}
	for name, err := range map[string]error{
		"bit rate": e.SetBitrate(bitRate), "complexity": e.SetComplexity(complexity),
		"error correction": e.SetInBandFEC(true), "expected loss": e.SetPacketLossPerc(lossPercent),
		"discontinuous transmission": e.SetDTX(false),
	} {
		if err != nil {
			return nil, fmt.Errorf("set the %s of an Opus encoder: %w", name, err)
		}
	}
	return encoder{e}, nil
}

// Decoder returns a decoder at the start of a stream.
func (Coders) Decoder() (media.Decoder, error) {
	d, err := hraban.NewDecoder(rate, 1)
	if err != nil {
		return nil, fmt.Errorf("make an Opus decoder: %w", err)
	}
	return decoder{d}, nil
}

type encoder struct{ e *hraban.Encoder }

// Encode implements media.Encoder. pcm is a frame of 2.5, 5, 10, 20, 40 or 60 ms.
func (e encoder) Encode(payload []byte, pcm []int16) int {
	n, err := e.e.Encode(pcm, payload)
	if err != nil {
		return 0
	}
	return n
}

type decoder struct{ d *hraban.Decoder }

// Decode implements media.Decoder.
func (d decoder) Decode(pcm []int16, payload []byte) (int, error) {
	n, err := d.d.Decode(payload, pcm[:len(pcm):len(pcm)]) // the binding goes by the capacity
	if err != nil {
		return 0, fmt.Errorf("decode Opus: %w", err)
	}
	return n, nil
}

// Recover implements media.Decoder by the forward error correction in next.
func (d decoder) Recover(pcm []int16, next []byte) {
	if d.d.DecodeFEC(next, pcm[:len(pcm):len(pcm)]) != nil {
		clear(pcm)
	}
}

// Conceal implements media.Decoder.
func (d decoder) Conceal(pcm []int16) {
	if d.d.DecodePLC(pcm[:len(pcm):len(pcm)]) != nil {
		clear(pcm)
	}
}
