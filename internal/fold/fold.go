// Package fold makes text comparable: without case, accents and punctuation. It
// is what the search index and the search have in common, so both engines of the
// store find the same: "bloque verification" finds "bloqué … vérification".
//
// It covers the letters of Latin (Unicode blocks Latin-1, Extended-A, Extended-B
// and Extended Additional); of other scripts it takes case and combining marks
// away. It starts no goroutine and keeps no state.
package fold

import (
	"strings"
	"unicode"
)

// maxWord is how many bytes of a word count.
const maxWord = 64

// The base letters of two ranges of Unicode, one byte for each letter; a dot
// where there is none.
const (
	first, last = 0x00C0, 0x024F
	latin       = "aaaaaa.ceeeeiiiidnooooo.ouuuuy..aaaaaa.ceeeeiiiidnooooo.ouuuuy.y" +
		"aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii..jjkkkllllll." +
		".llnnnnnn.nnoooooo..rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs" +
		".................ff.............oo.............uu..............." +
		".............aaiioouuuuuuuuuu.aaaa....ggkkoooo..j...gg..nnaa...." +
		"aaaaeeeeiiiioooorrrruuuusstt..hh......aaeeooooooooyy............" +
		"................"
	firstMore, lastMore = 0x1E00, 0x1EFF
	more                = "aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmm" +
		"mmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvv" +
		"wwwwwwwwwwxxxxyyzzzzzzhtwy.s....aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee" +
		"eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy......"
)

// Text returns s in lower case without accents. What is no letter stays.
func Text(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		write(&b, r)
	}
	return b.String()
}

// Words returns the words of s, folded: runs of letters and digits. Of a longer
// word the first 64 bytes count.
func Words(s string) []string {
	var words []string
	for word := range strings.FieldsFuncSeq(Text(s), apart) {
		words = append(words, cut(word))
	}
	return words
}

// apart reports whether r stands between words.
func apart(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// cut shortens a word at the border of a letter.
func cut(word string) string {
	if len(word) <= maxWord {
		return word
	}
	end := 0
	for i := range word {
		if i > maxWord {
			break
		}
		end = i
	}
	return word[:end]
}

// write appends the folded form of a letter.
func write(b *strings.Builder, r rune) {
	switch {
	case 'A' <= r && r <= 'Z':
		b.WriteByte(byte(r - 'A' + 'a'))
	case r < 0x80:
		b.WriteByte(byte(r))
	case unicode.Is(unicode.Mn, r): // an accent of its own (Unicode NFD)
	default:
		b.WriteString(letter(r))
	}
}

// letter is the folded form of a letter beyond ASCII.
func letter(r rune) string {
	switch r {
	case 'ß', 'ẞ':
		return "ss"
	case 'æ', 'Æ', 'ǽ', 'Ǽ', 'ǣ', 'Ǣ':
		return "ae"
	case 'œ', 'Œ':
		return "oe"
	case 'þ', 'Þ':
		return "th"
	case 'ĳ', 'Ĳ':
		return "ij"
	case 'ﬁ':
		return "fi"
	case 'ﬂ':
		return "fl"
	}
	if first <= r && r <= last && latin[r-first] != '.' {
		return latin[r-first : r-first+1]
	}
	if firstMore <= r && r <= lastMore && more[r-firstMore] != '.' {
		return more[r-firstMore : r-firstMore+1]
	}
	return string(unicode.ToLower(r))
}
