package media_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pickup/internal/sdptest"
	"pickup/media"
)

// Every hostile description has the outcome that its standard asks for.
func TestHostileDescriptions(t *testing.T) {
	cfg := config(t, 4)
	cfg.PortQuarantine = -1
	e := start(t, cfg)
	seen := map[string]bool{}
	for _, c := range sdptest.Cases() {
		if seen[c.Name] {
			t.Fatalf("two cases %q", c.Name)
		}
		seen[c.Name] = true
		t.Run(c.Name, func(t *testing.T) {
			l := newLeg(t, e)
			defer l.Close()
			answer, err := l.Answer(t.Context(), []byte(c.Offer))
			if c.Status != 200 {
				if !errors.Is(err, media.ErrBadSDP) && !errors.Is(err, media.ErrNoCommonCodec) {
					t.Errorf("got %v and\n%s", err, answer)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkAnswer(t, c, string(answer))
		})
	}
	t.Logf("%d descriptions, each with its expected outcome", len(seen))
}

func checkAnswer(t *testing.T, c sdptest.Case, answer string) {
	t.Helper()
	if missing := sdptest.Missing(answer, c.Has); missing != "" {
		t.Errorf("the answer lacks %q:\n%s", missing, answer)
	}
	if i := strings.IndexFunc(strings.ReplaceAll(answer, "\r\n", ""), func(r rune) bool { return r < ' ' || r == utf8.RuneError }); i >= 0 {
		t.Errorf("control characters came back: %q", answer)
	}
	offered := strings.Count("\n"+strings.ReplaceAll(c.Offer, "\r", "\n"), "\nm=")
	if got := strings.Count(answer, "\r\nm="); got != offered { // RFC 3264 section 6
		t.Errorf("%d media of %d in the answer:\n%s", got, offered, answer)
	}
}
