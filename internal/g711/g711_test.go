package g711_test

import (
	"testing"

	"pickup/internal/g711"
)

// Rows of ITU-T G.711 tables 1 and 2 (decoder output), shifted to 16 bits.
func TestDecodeMatchesTheStandard(t *testing.T) {
	cases := map[string]struct {
		law  uint8
		b    byte
		want int16
	}{
		"A-law smallest positive":      {g711.PCMA, 0xD5, 8},
		"A-law smallest negative":      {g711.PCMA, 0x55, -8},
		"A-law largest positive":       {g711.PCMA, 0xAA, 32256},
		"A-law largest negative":       {g711.PCMA, 0x2A, -32256},
		"A-law first of segment two":   {g711.PCMA, 0xC5, 8 + 256},
		"mu-law positive zero":         {g711.PCMU, 0xFF, 0},
		"mu-law negative zero":         {g711.PCMU, 0x7F, 0},
		"mu-law largest positive":      {g711.PCMU, 0x80, 32124},
		"mu-law largest negative":      {g711.PCMU, 0x00, -32124},
		"mu-law first of segment two":  {g711.PCMU, 0xEF, 132},
		"mu-law first of segment five": {g711.PCMU, 0xBF, 1980},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := g711.DecodeByte(c.law, c.b); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

// What a law decodes it encodes to the same byte, but for the mu-law negative
// zero, which has a positive twin.
func TestEncodeInvertsDecode(t *testing.T) {
	for _, law := range []uint8{g711.PCMA, g711.PCMU} {
		for i := range 256 {
			b := byte(i)
			got := g711.EncodeSample(law, g711.DecodeByte(law, b))
			if got != b && !(law == g711.PCMU && b == 0x7F) {
				t.Errorf("law %d: byte %#02x came back as %#02x", law, b, got)
			}
		}
	}
}

// The error of a code is at most half its step, so it grows with the sample as
// the standard's signal to noise ratio says.
func TestEncodingErrorIsWithinHalfAStep(t *testing.T) {
	for _, law := range []uint8{g711.PCMA, g711.PCMU} {
		for s := -32000; s <= 32000; s += 7 {
			got := int(g711.DecodeByte(law, g711.EncodeSample(law, int16(s))))
			magnitude := max(s, -s)
			allowed := max(16, magnitude/32+8)
			if d := got - s; d > allowed || d < -allowed {
				t.Fatalf("law %d: sample %d became %d", law, s, got)
			}
		}
	}
}

// Rows of ITU-T G.711 table 3: mu-law value number to A-law value number.
func TestMuToAMatchesTable3(t *testing.T) {
	rows := map[int]int{
		0: 1, 1: 1, 2: 2, 15: 8, 16: 9, 23: 16, 31: 24, 32: 25, 33: 27, 34: 29, 35: 31, 36: 33, 47: 44,
		48: 46, 49: 48, 63: 62, 64: 64, 79: 79, 80: 80, 81: 82, 95: 96, 96: 97, 127: 128,
	}
	for mu, a := range rows {
		for _, sign := range []byte{0x80, 0} {
			p := []byte{^byte(mu)&0x7F | sign}
			g711.Convert(p, g711.PCMU, g711.PCMA)
			if got, want := p[0], (byte(a-1)|sign)^0x55; got != want {
				t.Errorf("mu-law value %d sign %#x: got %#02x, want %#02x", mu, sign, got, want)
			}
		}
	}
}

// Rows of ITU-T G.711 table 4: A-law value number to mu-law value number.
func TestAToMuMatchesTable4(t *testing.T) {
	rows := map[int]int{
		1: 1, 2: 3, 8: 15, 9: 16, 24: 31, 25: 32, 26: 32, 27: 33, 31: 35, 32: 35, 33: 36, 44: 47, 45: 48,
		46: 48, 47: 49, 48: 49, 49: 50, 62: 63, 63: 64, 64: 64, 65: 65, 79: 79, 80: 80, 81: 80, 82: 81, 128: 127,
	}
	for a, mu := range rows {
		for _, sign := range []byte{0x80, 0} {
			p := []byte{(byte(a-1) | sign) ^ 0x55}
			g711.Convert(p, g711.PCMA, g711.PCMU)
			if got, want := p[0], ^byte(mu)&0x7F|sign; got != want {
				t.Errorf("A-law value %d sign %#x: got %#02x, want %#02x", a, sign, got, want)
			}
		}
	}
}

// The direct conversion never strays more than one step from the linear one.
func TestDirectConversionIsNextToTheLinearOne(t *testing.T) {
	for _, from := range []uint8{g711.PCMA, g711.PCMU} {
		to := g711.PCMA - from
		for i := range 256 {
			p := []byte{byte(i)}
			g711.Convert(p, from, to)
			was, is := int(g711.DecodeByte(from, byte(i))), int(g711.DecodeByte(to, p[0]))
			if d := max(was-is, is-was); d > max(16, max(was, -was)/20) {
				t.Errorf("law %d byte %#02x: %d became %d", from, i, was, is)
			}
		}
	}
}

func TestSilenceIsTheSmallestStep(t *testing.T) {
	for _, law := range []uint8{g711.PCMA, g711.PCMU} {
		if got := g711.DecodeByte(law, g711.Silence(law)); got < 0 || got > 8 {
			t.Errorf("law %d: silence decodes to %d", law, got)
		}
	}
}

func TestSlicesOfUnequalLengthStopAtTheShorter(t *testing.T) {
	if n := g711.Decode(g711.PCMA, make([]int16, 3), make([]byte, 5)); n != 3 {
		t.Errorf("Decode: got %d, want 3", n)
	}
	if n := g711.Encode(g711.PCMU, make([]byte, 5), make([]int16, 4)); n != 4 {
		t.Errorf("Encode: got %d, want 4", n)
	}
}

func BenchmarkConvert160(b *testing.B) {
	p := make([]byte, 160)
	b.ReportAllocs()
	for b.Loop() {
		g711.Convert(p, g711.PCMA, g711.PCMU)
	}
}

func BenchmarkEncode160(b *testing.B) {
	p, s := make([]byte, 160), make([]int16, 160)
	b.ReportAllocs()
	for b.Loop() {
		g711.Encode(g711.PCMA, p, s)
	}
}
