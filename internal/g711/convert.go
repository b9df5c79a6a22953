package g711

// steps is a run of a conversion table of G.711: from the value number first
// on, count numbers map to to, to+rise, ... each standing for each numbers.
type steps struct{ count, to, each int }

// muToANumbers is ITU-T G.711 table 3 (mu-law to A-law): the decoder output
// value numbers 0 to 127 of mu-law as numbers 1 to 128 of A-law.
var muToANumbers = expand([]steps{
	{16, 1, 2},
	{8, 9, 1},
	{8, 17, 1},
	{1, 25, 1},
	{1, 27, 1},
	{1, 29, 1},
	{1, 31, 1},
	{12, 33, 1},
	{1, 46, 1},
	{15, 48, 1},
	{16, 64, 1},
	{1, 80, 1},
	{47, 82, 1},
})

// aToMuNumbers is ITU-T G.711 table 4 (A-law to mu-law): the decoder output
// value numbers 1 to 128 of A-law as numbers 0 to 127 of mu-law.
var aToMuNumbers = expand([]steps{
	{1, 1, 1},
	{1, 3, 1},
	{1, 5, 1},
	{1, 7, 1},
	{1, 9, 1},
	{1, 11, 1},
	{1, 13, 1},
	{1, 15, 1},
	{16, 16, 1},
	{8, 32, 2},
	{12, 36, 1},
	{4, 48, 2},
	{14, 50, 1},
	{2, 64, 2},
	{15, 65, 1},
	{2, 80, 2},
	{47, 81, 1},
})

func expand(runs []steps) [128]byte {
	var t [128]byte
	at := 0
	for _, r := range runs {
		for i := range r.count {
			t[at] = byte(r.to + i/r.each)
			at++
		}
	}
	return t
}

func makeMuToA() [256]byte {
	var t [256]byte
	for i := range t {
		b := byte(i)
		number := muToANumbers[^b&0x7F] - 1
		if b&0x80 != 0 { // positive
			t[i] = (number | 0x80) ^ 0x55
		} else {
			t[i] = number ^ 0x55
		}
	}
	return t
}

func makeAToMu() [256]byte {
	var t [256]byte
	for i := range t {
		b := byte(i) ^ 0x55
		number := aToMuNumbers[b&0x7F]
		t[i] = (b & 0x80) | (^number & 0x7F)
	}
	return t
}
