package configs

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
)

// PortRange is an inclusive range of UDP ports, written "20000-29999".
type PortRange struct {
	First, Last int
}

// UnmarshalText reads "first-last"; both ports are 1 to 65535 and at least two
// ports (one RTP and RTCP pair) are in the range.
func (p *PortRange) UnmarshalText(text []byte) error {
	first, last, ok := strings.Cut(string(text), "-")
	if !ok {
		return fmt.Errorf("must be first-last, as 20000-29999")
	}
	a, errA := strconv.Atoi(strings.TrimSpace(first))
	b, errB := strconv.Atoi(strings.TrimSpace(last))
	switch {
	case errA != nil || errB != nil:
		return fmt.Errorf("must be first-last, as 20000-29999")
	case a < 1 || b > 65535:
		return fmt.Errorf("must lie within 1-65535")
	case b <= a:
		return fmt.Errorf("must hold at least two ports, the lower one first")
	}
	*p = PortRange{First: a, Last: b}
	return nil
}

// String returns the range as it is written in the settings.
func (p PortRange) String() string { return fmt.Sprintf("%d-%d", p.First, p.Last) }

// Bytes is a size, written as a number of bytes or with KiB, MiB, GiB or TiB.
type Bytes int64

// UnmarshalText reads a size; it is never negative.
func (b *Bytes) UnmarshalText(text []byte) error {
	const limit = "must be a size of 0 or more, as 256MiB"
	s := strings.TrimSpace(string(text))
	unit := int64(1)
	for shift, suffix := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if rest, ok := strings.CutSuffix(s, suffix); ok {
			s, unit = strings.TrimSpace(rest), 1<<(10*(shift+1))
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return errors.New(limit)
	}
	*b = Bytes(n * unit)
	return nil
}

// Secret is a setting that may hold a password; it prints masked.
type Secret string

// UnmarshalText takes the text as it is.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret(text)
	return nil
}

// Reveal returns the text itself.
func (s Secret) Reveal() string { return string(s) }

// String returns the text with its password masked.
func (s Secret) String() string { return mask(string(s)) }

// mask hides the password of a URL, and all of what looks like none.
func mask(s string) string {
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return "****"
	}
	u.RawQuery = ""
	return u.Redacted()
}
