package password_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"pickup/web/password"
)

func TestAPasswordMatchesItsOwnHashOnly(t *testing.T) {
	for name, hash := range map[string]func(string) (string, error){"full": password.Hash, "demo": password.HashDemo} {
		t.Run(name, func(t *testing.T) {
			phc, err := hash("correct horse")
			if err != nil || !strings.HasPrefix(phc, "$argon2id$v=19$") {
				t.Fatalf("got %q, %v", phc, err)
			}
			for try, want := range map[string]bool{"correct horse": true, "correct hors": false, "": false} {
				if got, err := password.Verify(phc, try); got != want || err != nil {
					t.Errorf("%q: got %v, %v, want %v", try, got, err, want)
				}
			}
		})
	}
}

func TestStoredTextThatIsNoneOfOursIsRefused(t *testing.T) {
	for name, phc := range map[string]string{
		"empty":           "",
		"plain":           "secret",
		"other function":  "$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0$c2FsdHNhbHRzYWx0c2FsdHNhbHQ",
		"too much memory": "$argon2id$v=19$m=4000000,t=1,p=1$c2FsdHNhbHRzYWx0$c2FsdHNhbHRzYWx0c2FsdHNhbHQ",
		"no passes":       "$argon2id$v=19$m=64,t=0,p=1$c2FsdHNhbHRzYWx0$c2FsdHNhbHRzYWx0c2FsdHNhbHQ",
		"no threads":      "$argon2id$v=19$m=64,t=1,p=0$c2FsdHNhbHRzYWx0$c2FsdHNhbHRzYWx0c2FsdHNhbHQ",
		"short key":       "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0$c2Fs",
		"bad salt":        "$argon2id$v=19$m=64,t=1,p=1$****$c2FsdHNhbHRzYWx0c2FsdHNhbHQ",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := password.Verify(phc, "x"); !errors.Is(err, password.ErrMalformed) {
				t.Fatalf("got %v, want ErrMalformed", err)
			}
		})
	}
}

func TestNoHashTakesTheTimeOfAHash(t *testing.T) {
	h := password.New()
	phc, err := h.Hash(t.Context(), "right")
	if err != nil {
		t.Fatal(err)
	}
	best := func(phc string) time.Duration {
		shortest := time.Hour
		for range 5 {
			at := time.Now()
			if ok, err := h.Verify(t.Context(), phc, "wrong"); ok || err != nil {
				t.Fatalf("got %v, %v", ok, err)
			}
			shortest = min(shortest, time.Since(at))
		}
		return shortest
	}
	wrong, unknown := best(phc), best("")
	if unknown < wrong/2 || unknown > 2*wrong {
		t.Fatalf("unknown user %v, wrong password %v", unknown, wrong)
	}
}

func TestAnEndedRequestDoesNotWaitForASlot(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := password.New()
	for range 20 { // a free slot may win the race with the ended context
		if _, err := h.Verify(ctx, "", "x"); errors.Is(err, context.Canceled) {
			return
		}
	}
	t.Fatal("the context is never looked at")
}

func FuzzVerify(f *testing.F) {
	f.Add("$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0$c2FsdHNhbHRzYWx0c2FsdHNhbHQ")
	f.Fuzz(func(t *testing.T, phc string) {
		if len(phc) > 200 || strings.Contains(phc, "m=") && !strings.Contains(phc, "m=64,t=1,") {
			return // the cost is bounded, but too high for fuzzing
		}
		_, _ = password.Verify(phc, "x")
	})
}

func BenchmarkVerify(b *testing.B) {
	phc, err := password.Hash("x")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = password.Verify(phc, "x")
	}
}
