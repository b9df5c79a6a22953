// Package g722 is the wide-band speech codec of ITU-T G.722 at 64 kbit/s
// (mode 1), as RTP carries it (RFC 3551 section 4.5.2): one byte for two
// samples at 16 kHz, lower band in the low six bits. On the wire its RTP clock
// is 8000 Hz, an error of the standard that everybody keeps.
//
// Each coder also works at 8 kHz: the lower of the two bands is a signal of
// 0 to 4 kHz sampled at 8 kHz, so a telephone's audio needs neither the filter
// nor a change of rate, and costs half.
//
// Coders hold the state of one stream, and allocate nothing. They belong to one
// goroutine at a time, and must not be used at both rates.
package g722

// Rates of the linear audio, in Hz.
const (
	RateWide   = 16000
	RateNarrow = 8000
)

// Encoder turns linear audio into G.722. Make it by NewEncoder.
type Encoder struct {
	low, high band
	x         [24]int32 // of the transmit filter
}

// NewEncoder returns an encoder at the start of a stream.
func NewEncoder() *Encoder {
	e := new(Encoder)
	e.low.det, e.high.det = 32, 8
	return e
}

// Encode encodes samples at 16 kHz, and returns the number of bytes: half as
// many. A last odd sample is left out, and so is what dst has no room for.
func (e *Encoder) Encode(dst []byte, pcm []int16) int {
	n := min(len(dst), len(pcm)/2)
	for i := range n {
		low, high := e.split(int32(pcm[2*i]), int32(pcm[2*i+1]))
		dst[i] = e.encodeLow(low) | e.encodeHigh(high)<<6
	}
	return n
}

// EncodeNarrow encodes samples at 8 kHz, one byte each. The higher band is
// silent.
func (e *Encoder) EncodeNarrow(dst []byte, pcm []int16) int {
	n := min(len(dst), len(pcm))
	for i := range n {
		dst[i] = e.encodeLow(int32(pcm[i])>>1) | e.encodeHigh(0)<<6
	}
	return n
}

// split is the transmit quadrature mirror filter (clause 5.1).
func (e *Encoder) split(first, second int32) (low, high int32) {
	copy(e.x[:], e.x[2:])
	e.x[22], e.x[23] = first, second
	var odd, even int32
	for i, c := range qmfTaps {
		odd += e.x[2*i] * c
		even += e.x[2*i+1] * qmfTaps[11-i]
	}
	return (even + odd) >> 14, (even - odd) >> 14
}

// encodeLow quantizes a sample of the lower band with six bits (blocks 1L to 4L).
func (e *Encoder) encodeLow(x int32) byte {
	diff := saturate(x - e.low.s)
	size := diff
	if diff < 0 {
		size = -(diff + 1)
	}
	i := 1
	for i < len(q6) && size >= (q6[i]*e.low.det)>>12 {
		i++
	}
	code := ilp[i]
	if diff < 0 {
		code = iln[i]
	}
	four := code >> 2
	d := (e.low.det * qm4[four]) >> 15
	e.low.adaptLow(four)
	e.low.predict(d)
	return code
}

// encodeHigh quantizes a sample of the higher band with two bits (1H to 4H).
func (e *Encoder) encodeHigh(x int32) byte {
	diff := saturate(x - e.high.s)
	size := diff
	if diff < 0 {
		size = -(diff + 1)
	}
	i := 1
	if size >= (qh*e.high.det)>>12 {
		i = 2
	}
	code := ihp[i]
	if diff < 0 {
		code = ihn[i]
	}
	d := (e.high.det * qm2[code]) >> 15
	e.high.adaptHigh(code)
	e.high.predict(d)
	return code
}

// Decoder turns G.722 into linear audio. Make it by NewDecoder.
type Decoder struct {
	low, high band
	x         [24]int32 // of the receive filter
}

// NewDecoder returns a decoder at the start of a stream.
func NewDecoder() *Decoder {
	d := new(Decoder)
	d.low.det, d.high.det = 32, 8
	return d
}

// Decode decodes to 16 kHz, and returns the number of samples: two a byte.
// Any bytes are valid.
func (d *Decoder) Decode(pcm []int16, src []byte) int {
	n := min(len(pcm)/2, len(src))
	for i, code := range src[:n] {
		low := d.decodeLow(code & 0x3f)
		high := d.decodeHigh(code >> 6)
		pcm[2*i], pcm[2*i+1] = d.join(low, high)
	}
	return 2 * n
}

// DecodeNarrow decodes the lower band to 8 kHz, a sample a byte.
func (d *Decoder) DecodeNarrow(pcm []int16, src []byte) int {
	n := min(len(pcm), len(src))
	for i, code := range src[:n] {
		pcm[i] = int16(d.decodeLow(code&0x3f) << 1) //nolint:gosec // limited to 15 bits
	}
	return n
}

// decodeLow is blocks 2L to 6L.
func (d *Decoder) decodeLow(code byte) int32 {
	x := limit(d.low.s + (d.low.det*qm6[code])>>15)
	four := code >> 2
	diff := (d.low.det * qm4[four]) >> 15
	d.low.adaptLow(four)
	d.low.predict(diff)
	return x
}

// decodeHigh is blocks 2H to 6H.
func (d *Decoder) decodeHigh(code byte) int32 {
	diff := (d.high.det * qm2[code]) >> 15
	x := limit(d.high.s + diff)
	d.high.adaptHigh(code)
	d.high.predict(diff)
	return x
}

// limit is block LIMIT: 15 bits.
func limit(x int32) int32 { return min(max(x, -16384), 16383) }

// join is the receive quadrature mirror filter (clause 5.8).
func (d *Decoder) join(low, high int32) (first, second int16) {
	copy(d.x[:], d.x[2:])
	d.x[22], d.x[23] = low+high, low-high
	var odd, even int32
	for i, c := range qmfTaps {
		even += d.x[2*i] * c
		odd += d.x[2*i+1] * qmfTaps[11-i]
	}
	return int16(saturate(odd >> 11)), int16(saturate(even >> 11)) //nolint:gosec // saturated
}
