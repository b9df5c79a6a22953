package fold_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pickup/internal/fold"
)

func TestText(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"accents of French":             {"Bloqué à l’Étape — ça, où, naïve", "bloque a l’etape — ca, ou, naive"},
		"accents as marks of their own": {"ve\u0301rification", "verification"},
		"two letters in one":            {"Cœur, Æther, straße", "coeur, aether, strasse"},
		"letters with a stroke":         {"Łódź Øre Đ", "lodz ore d"},
		"Vietnamese":                    {"Nguyễn Thị Hằng", "nguyen thi hang"},
		"other scripts keep letters":    {"ПРИВЕТ", "привет"},
		"what is broken stays one":      {"a\xffb", "a\uFFFDb"},
		"nothing":                       {"", ""},
	} {
		if got := fold.Text(c.in); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestWords(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"punctuation parts words": {"Retrait n°12-34: l'argent*?", []string{"retrait", "n", "12", "34", "l", "argent"}},
		"operators are no words":  {`"a" OR (b) NEAR/2 *`, []string{"a", "or", "b", "near", "2"}},
		"nothing":                 {" \t?!", nil},
	} {
		if got := fold.Words(c.in); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("Bloqué … vérification")
	f.Add(strings.Repeat("é\u0301", 100))
	f.Fuzz(func(t *testing.T, s string) {
		for _, w := range fold.Words(s) {
			if w == "" || len(w) > 64 || !utf8.ValidString(w) || strings.ContainsFunc(w, func(r rune) bool {
				return !unicode.IsLetter(r) && !unicode.IsDigit(r)
			}) {
				t.Fatalf("%q has the word %q", s, w)
			}
			if again := fold.Words(w); len(again) > 1 {
				t.Fatalf("the word %q is %q when it is folded again", w, again)
			}
		}
	})
}

func BenchmarkWords(b *testing.B) {
	text := strings.Repeat("Mon compte est bloqué depuis la vérification d’identité. ", 20)
	b.ReportAllocs()
	for b.Loop() {
		fold.Words(text)
	}
}
