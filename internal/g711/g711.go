// Package g711 converts between linear PCM and the two companding laws of
// ITU-T G.711, A-law and mu-law, and directly from one law to the other.
//
// Everything is a table look-up: no branch, no allocation. The tables are
// computed once when the program starts and never change, so every function
// may be called from any goroutine. Samples are 16-bit linear PCM; a law's
// byte is as it stands in an RTP payload (A-law with its even bits inverted,
// mu-law with all bits inverted).
package g711

// The static RTP payload types of the laws (RFC 3551 section 6). They name a
// law wherever this package takes one.
const (
	PCMU uint8 = 0 // mu-law
	PCMA uint8 = 8 // A-law
)

// Linear names 16-bit linear samples, high byte first, among the laws (L16 of
// RFC 3551 section 4.5.11, at 8 kHz). It stands for audio of other codecs that
// was decoded, and never for a payload type on the wire.
const Linear uint8 = 11

// The bytes that stand for silence, the smallest positive step of each law.
const (
	SilencePCMU byte = 0xFF
	SilencePCMA byte = 0xD5
)

// Silence returns the byte of silence of law; anything but PCMA is mu-law.
func Silence(law uint8) byte {
	if law == PCMA {
		return SilencePCMA
	}
	return SilencePCMU
}

// Decode expands src, of law, into dst and returns the number of samples,
// which is the shorter of the two lengths. A sample of Linear is two bytes.
func Decode(law uint8, dst []int16, src []byte) int {
	if law == Linear {
		return decodeLinear(dst, src)
	}
	table := &decodeMu
	if law == PCMA {
		table = &decodeA
	}
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	for i, b := range src {
		dst[i] = table[b]
	}
	return n
}

func decodeLinear(dst []int16, src []byte) int {
	n := min(len(dst), len(src)/2)
	for i := range n {
		dst[i] = int16(uint16(src[2*i])<<8 | uint16(src[2*i+1])) //nolint:gosec // the bits are meant
	}
	return n
}

// Encode compresses src into dst by law and returns the number of bytes, which
// is the shorter of the two lengths; of Linear twice the samples.
func Encode(law uint8, dst []byte, src []int16) int {
	if law == Linear {
		return encodeLinear(dst, src)
	}
	table := encodeMu
	if law == PCMA {
		table = encodeA
	}
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	for i, s := range src {
		dst[i] = table[uint16(s)]
	}
	return n
}

func encodeLinear(dst []byte, src []int16) int {
	n := min(len(dst)/2, len(src))
	for i, v := range src[:n] {
		dst[2*i], dst[2*i+1] = byte(uint16(v)>>8), byte(v) //nolint:gosec // the bits are meant
	}
	return 2 * n
}

// Convert turns payload in place from one law into the other. It does nothing
// when the laws are equal. The conversion is that of ITU-T G.711 tables 3
// and 4, not one by way of linear samples.
func Convert(payload []byte, from, to uint8) {
	if from == to {
		return
	}
	table := &muToA
	if from == PCMA {
		table = &aToMu
	}
	for i, b := range payload {
		payload[i] = table[b]
	}
}

// DecodeByte returns the sample of one byte of law.
func DecodeByte(law uint8, b byte) int16 {
	if law == PCMA {
		return decodeA[b]
	}
	return decodeMu[b]
}

// EncodeSample returns the byte of law nearest to sample.
func EncodeSample(law uint8, sample int16) byte {
	if law == PCMA {
		return encodeA[uint16(sample)]
	}
	return encodeMu[uint16(sample)]
}
