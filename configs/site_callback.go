package configs

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// SiteCallbacks say whom the site calls back, and when. What the file leaves out
// has the default; the whole replaces what was stored.
type SiteCallbacks struct {
	Allowed   []string                       `koanf:"allowed"`   // countries (FR) and beginnings of numbers (+33); empty: every country
	Denied    []string                       `koanf:"denied"`    // beginnings of numbers
	Special   bool                           `koanf:"special"`   // premium, satellite and other special lines too
	PerDay    int                            `koanf:"per_day"`   // 0: callback.per_day
	Hours     []string                       `koanf:"hours"`     // "08:00-21:00"; empty: callback.hours
	Offer     *SiteOffer                     `koanf:"offer"`     // nil: the defaults
	Blocked   []SiteBlock                    `koanf:"blocked"`   // numbers that are not called back
	Countries map[string]SiteCallbackCountry `koanf:"countries"` // by country; "*": all others
}

// SiteOffer is when a caller who waits is told of the callback; one of them
// suffices, 0 is never by that.
type SiteOffer struct {
	Estimate time.Duration `koanf:"estimate"` // his estimate is longer
	Waited   time.Duration `koanf:"waited"`   // he has waited so long
	Closing  time.Duration `koanf:"closing"`  // the queue closes within this
}

// SiteBlock is a number that is not called back.
type SiteBlock struct {
	Number string `koanf:"number"` // E.164, or its beginning with a final *
	Until  string `koanf:"until"`  // RFC 3339, or a day; "": for ever
	Note   string `koanf:"note"`
}

// SiteCallbackCountry is when numbers of a country are called.
type SiteCallbackCountry struct {
	Hours    []string            `koanf:"hours"`    // of calls that were asked for; empty: those of all
	Unasked  map[string][]string `koanf:"unasked"`  // of the others, by weekday, mon to sun
	Holidays bool                `koanf:"holidays"` // unasked: not on public holidays
	Limit    int                 `koanf:"limit"`    // unasked: calls of a number within period; 0: no limit
	Period   time.Duration       `koanf:"period"`
}

// country is ISO 3166-1 alpha-2.
var country = regexp.MustCompile(`^[A-Z]{2}$`)

func (s *Site) checkCallbacks(f *Faults) {
	c := s.Callbacks
	if c == nil {
		return
	}
	for i, a := range c.Allowed {
		if !country.MatchString(a) && !e164.MatchString(a) {
			f.add(fmt.Sprintf("callbacks.allowed[%d]", i), a, "must be a country as FR, or the beginning of a number as +33")
		}
	}
	checkPrefixes(f, "callbacks.denied", c.Denied)
	between(f, "callbacks.per_day", c.PerDay, 0, 1000)
	checkSpans(f, "callbacks.hours", c.Hours)
	if o := c.Offer; o != nil {
		within(f, "callbacks.offer.estimate", o.Estimate, 0, time.Hour)
		within(f, "callbacks.offer.waited", o.Waited, 0, time.Hour)
		within(f, "callbacks.offer.closing", o.Closing, 0, 24*time.Hour)
	}
	for i, b := range c.Blocked {
		path := fmt.Sprintf("callbacks.blocked[%d]", i)
		if b.Number == "" || len(b.Number) > 64 {
			f.add(path+".number", b.Number, "must be a number, or its beginning with a final *, of 64 characters at most")
		}
		if _, err := b.End(); err != nil {
			f.add(path+".until", b.Until, "must be a day as 2026-12-31, or an RFC 3339 time")
		}
		if len(b.Note) > 200 {
			f.add(path+".note", b.Note, "must be 200 characters at most")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Countries)) {
		path := "callbacks.countries." + name
		if name != "*" && !country.MatchString(name) {
			f.add(path, name, "must be a country as FR, or *")
		}
		one := c.Countries[name]
		checkSpans(f, path+".hours", one.Hours)
		for _, day := range slices.Sorted(maps.Keys(one.Unasked)) {
			oneOf(f, path+".unasked", day, "mon", "tue", "wed", "thu", "fri", "sat", "sun")
			checkSpans(f, path+".unasked."+day, one.Unasked[day])
		}
		between(f, path+".limit", one.Limit, 0, 1000)
		within(f, path+".period", one.Period, 0, 366*24*time.Hour)
		if one.Limit > 0 && one.Period == 0 {
			f.add(path+".period", one.Period, "must be set, because %s.limit is", path)
		}
	}
}

// End is when a block ends: the zero time is never; a day counts to its end, UTC.
func (b SiteBlock) End() (time.Time, error) {
	if b.Until == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, strings.TrimSpace(b.Until)); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	return time.Parse(time.RFC3339, b.Until)
}
