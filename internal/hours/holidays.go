package hours

import (
	"slices"
	"time"
)

// HolidayCountries are those whose public holidays Holidays knows (ISO 3166-1
// alpha-2).
func HolidayCountries() []string { return []string{"FR"} }

// Holidays returns the public holidays of a country in a year, as time.DateOnly,
// in order; nothing for a country that is not among HolidayCountries.
//
// France: Code du travail L3133-1, the days of the whole country.
func Holidays(country string, year int) []string {
	if country != "FR" {
		return nil
	}
	easter := easterOf(year)
	var days []string
	for _, d := range []time.Time{
		date(year, time.January, 1), easter.AddDate(0, 0, 1), date(year, time.May, 1), date(year, time.May, 8),
		easter.AddDate(0, 0, 39), easter.AddDate(0, 0, 50), date(year, time.July, 14), date(year, time.August, 15),
		date(year, time.November, 1), date(year, time.November, 11), date(year, time.December, 25),
	} {
		days = append(days, d.Format(time.DateOnly))
	}
	slices.Sort(days) // Ascension may be the first of May
	return slices.Compact(days)
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// easterOf is Easter Sunday of the Gregorian calendar (Meeus, Jones and
// Butcher's algorithm; Astronomical Algorithms, chapter 8).
func easterOf(year int) time.Time {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	f := (b + 8) / 25
	g := (b - f + 1) / 3
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return date(year, time.Month(n/31), n%31+1)
}
