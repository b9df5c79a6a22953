package g711

// The tables. They are values of the program like any constant: computed once,
// never written again.
var (
	decodeA  = makeDecode(expandA)
	decodeMu = makeDecode(expandMu)
	encodeA  = makeEncode(compressA)
	encodeMu = makeEncode(compressMu)
	muToA    = makeMuToA()
	aToMu    = makeAToMu()
)

func makeDecode(expand func(byte) int16) [256]int16 {
	var t [256]int16
	for i := range t {
		t[i] = expand(byte(i))
	}
	return t
}

func makeEncode(compress func(int16) byte) *[65536]byte {
	t := new([65536]byte)
	for i := range t {
		t[i] = compress(int16(uint16(i)))
	}
	return t
}

// expandA is ITU-T G.711 table 1 with the 13-bit value shifted to 16 bits.
func expandA(b byte) int16 {
	b ^= 0x55
	segment, step := b>>4&7, int16(b&15)
	v := step<<4 + 8
	if segment > 0 {
		v = (v + 0x100) << (segment - 1)
	}
	if b&0x80 == 0 {
		return -v
	}
	return v
}

// expandMu is ITU-T G.711 table 2 with the 14-bit value shifted to 16 bits.
func expandMu(b byte) int16 {
	b = ^b
	v := (int16(b&15)<<3+0x84)<<(b>>4&7) - 0x84
	if b&0x80 != 0 {
		return -v
	}
	return v
}

// compressA is the encoder of ITU-T G.711 table 1a. Negative samples are taken
// as their one's complement, so that -1 falls in the smallest negative step.
func compressA(s int16) byte {
	sign, v := byte(0x80), int(s)>>3
	if s < 0 {
		sign, v = 0, -(int(s)>>3)-1
	}
	segment := segmentOf(v, 0x1F)
	step := v >> max(segment, 1) & 15
	return (sign | byte(segment<<4) | byte(step)) ^ 0x55
}

// compressMu is the encoder of ITU-T G.711 table 2a.
func compressMu(s int16) byte {
	const bias, clip = 0x21, 0x1FFF - 0x21
	sign, v := byte(0xFF), int(s)>>2
	if s < 0 {
		sign, v = 0x7F, -v
	}
	v = min(v, clip) + bias
	segment := segmentOf(v, 0x3F)
	return (byte(segment<<4) | byte(v>>(segment+1)&15)) ^ sign
}

// segmentOf returns the segment, 0 to 7, of v where the first one ends at end.
func segmentOf(v, end int) int {
	segment := 0
	for segment < 7 && v > end<<segment|(1<<segment-1) {
		segment++
	}
	return segment
}
