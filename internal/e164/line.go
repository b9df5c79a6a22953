package e164

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"
)

// Kind says what stands behind a number, as its numbering plan tells.
type Kind string

// The kinds of number.
const (
	KindFixed     Kind = "fixed"     // a line at a place
	KindMobile    Kind = "mobile"    // a mobile phone, or a number that may be either
	KindFree      Kind = "free"      // the called pays: nobody is reached at one
	KindPremium   Kind = "premium"   // the caller pays extra (premium rate, shared cost)
	KindSatellite Kind = "satellite" // +870, +881, +882, +883: satellite and international networks
	KindSpecial   Kind = "special"   // voicemail, pager, company-wide, personal and other numbers
)

// Line says what a number is. The zero value is that of what is no number.
type Line struct {
	Country string // ISO 3166-1 alpha-2; "": of the world (+800, +881, ...)
	Kind    Kind
	// Zones are the IANA names of the time zones in which its phone may be, by
	// the numbering plan, sorted; a mobile phone of a large country has several.
	// Empty: not known.
	Zones []string
}

// Look returns what an E.164 number is, or false when it is none that can exist.
func Look(number string) (Line, bool) {
	if !strings.HasPrefix(number, "+") || !numberLike(number) {
		return Line{}, false
	}
	n, err := phonenumbers.Parse(number, "")
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return Line{}, false
	}
	line := Line{Country: phonenumbers.GetRegionCodeForNumber(n), Kind: kindOf(n)}
	if len(line.Country) != 2 { // "001": no country's
		line.Country = ""
	}
	if line.Country != "" {
		line.Zones = zonesOf(n, number, line.Kind)
	}
	return line, true
}

// northAmerica is the country code whose mobile numbers are of an area, too.
const northAmerica = 1

// zonesOf are the zones of a number: of its area, and of a mobile phone, which
// may be anywhere in its country, all of that country code.
func zonesOf(n *phonenumbers.PhoneNumber, number string, kind Kind) []string {
	names, err := phonenumbers.GetTimezonesForNumber(n)
	if err != nil {
		return nil
	}
	if code := strconv.Itoa(int(n.GetCountryCode())); kind == KindMobile && n.GetCountryCode() != northAmerica && strings.HasPrefix(number, "+"+code) {
		all, err := phonenumbers.GetTimezonesForPrefix(code)
		if err == nil {
			names = append(slices.Clone(names), all...)
		}
	}
	var zones []string
	for _, z := range names {
		if _, err := time.LoadLocation(z); err == nil && strings.Contains(z, "/") && !strings.HasPrefix(z, "Etc/") {
			zones = append(zones, z)
		}
	}
	slices.Sort(zones)
	return slices.Compact(zones)
}

// satellites are the country codes of networks that are no country's
// (ITU-T E.164 Annex, list of assigned codes).
var satellites = [...]int32{870, 881, 882, 883}

func kindOf(n *phonenumbers.PhoneNumber) Kind {
	if slices.Contains(satellites[:], n.GetCountryCode()) {
		return KindSatellite
	}
	switch phonenumbers.GetNumberType(n) {
	case phonenumbers.FIXED_LINE:
		return KindFixed
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE, phonenumbers.VOIP:
		return KindMobile
	case phonenumbers.TOLL_FREE:
		return KindFree
	case phonenumbers.PREMIUM_RATE, phonenumbers.SHARED_COST:
		return KindPremium
	default:
		return KindSpecial
	}
}

// Regions reports whether a code is that of a country with a numbering plan
// (ISO 3166-1 alpha-2, upper case).
func Regions(code string) bool { return phonenumbers.GetCountryCodeForRegion(code) != 0 }

// CountryOf returns the country of a beginning such as a caller ID of ours, or
// fallback where it says none.
func CountryOf(number, fallback string) string {
	line, _ := Look(number)
	return cmp.Or(line.Country, fallback)
}

// Dialled is how a number is dialled and read in a country: as it is written
// there, else with 00 in place of the plus.
func Dialled(number, country string) string {
	n, err := phonenumbers.Parse(number, "")
	if err != nil || phonenumbers.GetRegionCodeForNumber(n) != strings.ToUpper(country) {
		return "00" + strings.TrimPrefix(number, "+")
	}
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phonenumbers.Format(n, phonenumbers.NATIONAL))
}
