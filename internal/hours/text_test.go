package hours_test

import (
	"reflect"
	"testing"

	"pickup/internal/hours"
)

func TestParseDays(t *testing.T) {
	for name, c := range map[string]struct {
		text map[string][]string
		ok   bool
	}{
		"a week with a pause":              {map[string][]string{"mon": {"09:00-12:30", "13:30-18:00"}, "sun": {"10:00-24:00"}}, true},
		"nothing":                          {map[string][]string{}, true},
		"a day that is none":               {map[string][]string{"someday": {"09:00-10:00"}}, false},
		"an end before the beginning":      {map[string][]string{"mon": {"18:00-09:00"}}, false},
		"an interval of no length":         {map[string][]string{"mon": {"09:00-09:00"}}, false},
		"past the end of the day":          {map[string][]string{"mon": {"09:00-24:01"}}, false},
		"one time only":                    {map[string][]string{"mon": {"09:00"}}, false},
		"an hour that no clock shows":      {map[string][]string{"mon": {"09:00-25:00"}}, false},
		"a name beside the names of days":  {map[string][]string{"mon": {"09:00-10:00"}, "monday": nil}, false},
		"an interval in the form of a day": {map[string][]string{"mon": {"all day"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			days, err := hours.ParseDays(c.text)
			if (err == nil) != c.ok {
				t.Fatalf("got error %v, want one: %v", err, !c.ok)
			}
			if got := hours.FormatDays(days); c.ok && !reflect.DeepEqual(got, c.text) {
				t.Errorf("got %v, want %v", got, c.text)
			}
		})
	}
}

// What is read is an interval of a day, and is written as it would be read.
func FuzzParseSpan(f *testing.F) {
	for _, s := range []string{"09:00-18:00", "0:00-24:00", "24:00-24:00", " 7:05 - 8:00", "-", "١٢:٠٠-١٣:٠٠"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		span, err := hours.ParseSpan(text)
		if err != nil {
			return
		}
		if span[0] < 0 || span[0] >= span[1] || span[1] > 1440 {
			t.Fatalf("%q is read as %v", text, span)
		}
		week := [7][][2]int{{span}}
		if again, err := hours.ParseDays(hours.FormatDays(week)); err != nil || !reflect.DeepEqual(again, week) {
			t.Fatalf("%q is written as %v", text, hours.FormatDays(week))
		}
	})
}
