package e164_test

import (
	"slices"
	"testing"
	"time"

	"pickup/internal/e164"
)

func TestLook(t *testing.T) {
	for name, c := range map[string]struct {
		number, country string
		kind            e164.Kind
		zones           []string // some of them
	}{
		"a French mobile":              {"+33612345678", "FR", e164.KindMobile, []string{"Europe/Paris"}},
		"a French line":                {"+33145678900", "FR", e164.KindFixed, []string{"Europe/Paris"}},
		"a French premium number":      {"+33899123456", "FR", e164.KindPremium, nil},
		"a French free number":         {"+33801234567", "FR", e164.KindFree, nil},
		"Reunion has its own clock":    {"+262692123456", "RE", e164.KindMobile, []string{"Indian/Reunion"}},
		"New York":                     {"+12125550123", "US", e164.KindMobile, []string{"America/New_York"}},
		"Honolulu":                     {"+18085550123", "US", e164.KindMobile, []string{"Pacific/Honolulu"}},
		"an Australian mobile: many":   {"+61412345678", "AU", e164.KindMobile, []string{"Australia/Perth", "Australia/Sydney"}},
		"a British premium number":     {"+449098790879", "GB", e164.KindPremium, nil},
		"Iridium":                      {"+881612345678", "", e164.KindSatellite, nil},
		"Inmarsat":                     {"+870773111632", "", e164.KindSatellite, nil},
		"an international free number": {"+80012345678", "", e164.KindFree, nil},
	} {
		t.Run(name, func(t *testing.T) {
			line, ok := e164.Look(c.number)
			if !ok || line.Country != c.country || line.Kind != c.kind {
				t.Fatalf("got %+v, %t, want %s %s", line, ok, c.country, c.kind)
			}
			for _, z := range c.zones {
				if !slices.Contains(line.Zones, z) {
					t.Errorf("zones %v lack %s", line.Zones, z)
				}
			}
			for _, z := range line.Zones {
				if _, err := time.LoadLocation(z); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, none := range []string{"", "0612345678", "alice", "+33012345678", "+999123456789", "+3361234567890123"} {
		if line, ok := e164.Look(none); ok {
			t.Errorf("%q is %+v", none, line)
		}
	}
	if !e164.Regions("FR") || e164.Regions("ZZ") || e164.Regions("") {
		t.Error("FR is a country, ZZ is none")
	}
	if got := e164.CountryOf("+442079460000", "FR"); got != "GB" {
		t.Errorf("got %s, want GB", got)
	}
	for number, want := range map[string]string{"+33612345678": "0612345678", "+442079460000": "00442079460000", "+12125550123": "0012125550123"} {
		if got := e164.Dialled(number, "FR"); got != want {
			t.Errorf("%s is read %s, want %s", number, got, want)
		}
	}
	if got := e164.CountryOf("", "FR"); got != "FR" {
		t.Errorf("got %s, want FR", got)
	}
}

// Whatever text it is: no panic, and a country is two letters or none.
func FuzzLook(f *testing.F) {
	f.Add("+33612345678")
	f.Add("+881612345678")
	f.Fuzz(func(t *testing.T, text string) {
		line, ok := e164.Look(text)
		if !ok && (line.Country != "" || line.Kind != "" || line.Zones != nil) {
			t.Fatalf("%q: %+v", text, line)
		}
		if n := len(line.Country); n != 0 && n != 2 {
			t.Fatalf("%q: country %q", text, line.Country)
		}
	})
}
