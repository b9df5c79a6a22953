package e164_test

import (
	"strings"
	"testing"

	"pickup/internal/e164"
)

func TestNormalize(t *testing.T) {
	for name, c := range map[string]struct {
		text, country, want string
	}{
		"a national French number takes the country's prefix": {"0612345678", "FR", "+33612345678"},
		"an international number keeps its own":               {"+442079460000", "FR", "+442079460000"},
		"the prefix 00 is the plus of France":                 {"0033612345678", "FR", "+33612345678"},
		"a trunk may leave the plus out":                      {"33612345678", "FR", "+33612345678"},
		"separators do not count":                             {"06 12.34-56/78", "FR", "+33612345678"},
		"a narrow space does not count":                       {"06\u202f12\u00a034 56 78", "FR", "+33612345678"},
		"a tel URI is a number":                               {"tel:+33612345678", "FR", "+33612345678"},
		"the country may be in lower case":                    {"0612345678", "fr", "+33612345678"},
		"the country decides":                                 {"2125550123", "US", "+12125550123"},
		"an optional zero in parentheses is dropped":          {"+33 (0)6 12 34 56 78", "FR", "+33612345678"},
		"an extension is no number":                           {"1001", "FR", ""},
		"an emergency number has no E.164 form":               {"112", "FR", ""},
		"a name is no number":                                 {"alice", "FR", ""},
		"a name with a number in it is no number":             {"player0612345678", "FR", ""},
		"a vanity number is no number":                        {"1-800-FLOWERS", "US", ""},
		"an impossible number is refused":                     {"+33012345678", "FR", ""},
		"nothing is no number":                                {"", "FR", ""},
		"a plus inside is no number":                          {"0612+345678", "FR", ""},
		"a national number without a country is refused":      {"0612345678", "", ""},
		"an endless number is refused":                        {strings.Repeat("1", 500), "FR", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := e164.Normalize(c.text, c.country)
			if got != c.want || ok != (c.want != "") {
				t.Errorf("Normalize(%q, %q) = %q, %v, want %q", c.text, c.country, got, ok, c.want)
			}
		})
	}
}

// What Normalize returns is a fixed point, whatever the country.
func FuzzNormalize(f *testing.F) {
	f.Add("0612345678", "FR")
	f.Add("+1 (212) 555-0123", "")
	f.Add("tel:00", "ZZ")
	f.Fuzz(func(t *testing.T, text, country string) {
		got, ok := e164.Normalize(text, country)
		if !ok {
			if got != "" {
				t.Fatalf("refused %q but returned %q", text, got)
			}
			return
		}
		if len(got) < 5 || len(got) > 17 || got[0] != '+' {
			t.Fatalf("Normalize(%q, %q) = %q is not of E.164 form", text, country, got)
		}
		if again, ok := e164.Normalize(got, ""); !ok || again != got {
			t.Fatalf("Normalize(%q) = %q, %v, want the same again", got, again, ok)
		}
	})
}

func BenchmarkNormalize(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		e164.Normalize("0612345678", "FR")
	}
}
