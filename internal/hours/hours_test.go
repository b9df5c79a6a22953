package hours_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"pickup/internal/hours"
)

func paris(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func everyDay(spans ...[2]int) (days [7][][2]int) {
	for i := range days {
		days[i] = spans
	}
	return days
}

func TestHoursNext(t *testing.T) {
	office := everyDay([2]int{8 * 60, 21 * 60})
	weekdays := everyDay([2]int{600, 780}, [2]int{840, 1200}) // France, not asked for
	weekdays[0], weekdays[6] = nil, nil
	night := everyDay([2]int{150, 180}) // 02:30 to 03:00
	late := everyDay()
	late[5] = [][2]int{{22 * 60, 26 * 60}} // Friday 22:00 to Saturday 02:00
	broken := everyDay([2]int{600, 600}, [2]int{-5, 60}, [2]int{700, 600}, [2]int{0, 9999})
	for name, c := range map[string]struct {
		days     [7][][2]int
		at, want string // want "": never
	}{
		"inside is now":                                {office, "2026-03-10T12:00:00+01:00", "2026-03-10T12:00:00+01:00"},
		"the first minute is inside":                   {office, "2026-03-10T08:00:00+01:00", "2026-03-10T08:00:00+01:00"},
		"the last is not":                              {office, "2026-03-10T21:00:00+01:00", "2026-03-11T08:00:00+01:00"},
		"seconds before the morning wait for it":       {office, "2026-03-10T07:59:59+01:00", "2026-03-10T08:00:00+01:00"},
		"midday is a pause":                            {weekdays, "2026-03-10T13:10:30+01:00", "2026-03-10T14:00:00+01:00"},
		"Friday evening waits for Monday":              {weekdays, "2026-03-13T20:00:00+01:00", "2026-03-16T10:00:00+01:00"},
		"an evening may reach into the next day":       {late, "2026-03-14T01:59:00+01:00", "2026-03-14T01:59:00+01:00"},
		"and ends there":                               {late, "2026-03-14T02:00:00+01:00", "2026-03-20T22:00:00+01:00"},
		"over the change to summer time":               {office, "2026-03-28T22:00:00+01:00", "2026-03-29T08:00:00+02:00"},
		"over the change to winter time":               {office, "2026-10-24T22:00:00+02:00", "2026-10-25T08:00:00+01:00"},
		"an hour that is skipped is no time":           {night, "2026-03-29T01:00:00+01:00", "2026-03-30T02:30:00+02:00"},
		"an hour that comes twice is allowed first":    {night, "2026-10-25T01:00:00+02:00", "2026-10-25T02:30:00+02:00"},
		"and again":                                    {night, "2026-10-25T02:05:00+01:00", "2026-10-25T02:30:00+01:00"},
		"a week without hours is never":                {everyDay(), "2026-03-10T12:00:00+01:00", ""},
		"intervals that are none hold nothing":         {broken, "2026-03-10T12:00:00+01:00", ""},
		"a span may begin in the hour that is skipped": {everyDay([2]int{150, 300}), "2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"},
	} {
		t.Run(name, func(t *testing.T) {
			h := &hours.Hours{Location: paris(t), Days: c.days}
			got, want := h.Next(at(c.at)), at(c.want)
			if !got.Equal(want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
	var always *hours.Hours
	if got := always.Next(noon); !got.Equal(noon) {
		t.Errorf("no hours: got %v, want now", got)
	}
	utc := &hours.Hours{Days: office}
	if got := utc.Next(at("2026-03-10T06:00:00Z")); !got.Equal(at("2026-03-10T08:00:00Z")) {
		t.Errorf("without a place it is not UTC: %v", got)
	}
}

var noon = at("2026-03-10T12:00:00Z")

func at(text string) (moment time.Time) { moment, _ = time.Parse(time.RFC3339, text); return moment }

func TestOpenSaysUntilWhen(t *testing.T) {
	office := everyDay([2]int{540, 750}, [2]int{810, 1080}) // 09:00-12:30, 13:30-18:00
	office[0], office[6] = nil, nil
	night := everyDay()
	night[6] = [][2]int{{22 * 60, 28 * 60}} // Saturday 22:00 to Sunday 04:00
	round := everyDay([2]int{0, 1440})
	seam := everyDay([2]int{540, 600}, [2]int{600, 660})
	christmas := []string{"2026-12-24", "2026-12-25"}
	for name, c := range map[string]struct {
		days   [7][][2]int
		closed []string
		at     string
		open   bool
		next   string // "": does not change
	}{
		"in the morning until the pause":                {office, nil, "2026-03-10T10:00:00+01:00", true, "2026-03-10T12:30:00+01:00"},
		"in the pause until its end":                    {office, nil, "2026-03-10T12:30:00+01:00", false, "2026-03-10T13:30:00+01:00"},
		"in the last second until the next":             {office, nil, "2026-03-10T17:59:59+01:00", true, "2026-03-10T18:00:00+01:00"},
		"over a weekend":                                {office, nil, "2026-03-13T18:00:00+01:00", false, "2026-03-16T09:00:00+01:00"},
		"over holidays and the weekend after them":      {office, christmas, "2026-12-23T18:00:00+01:00", false, "2026-12-28T09:00:00+01:00"},
		"on a holiday at a time that is open else":      {office, christmas, "2026-12-24T10:00:00+01:00", false, "2026-12-28T09:00:00+01:00"},
		"the eve of a holiday runs past midnight":       {round, []string{"2026-12-25"}, "2026-12-24T23:00:00+01:00", true, "2026-12-25T00:00:00+01:00"},
		"a night loses an hour in spring":               {night, nil, "2026-03-28T23:00:00+01:00", true, "2026-03-29T04:00:00+02:00"},
		"and has one more in autumn":                    {night, nil, "2026-10-24T23:00:00+02:00", true, "2026-10-25T04:00:00+01:00"},
		"the morning after the change is on time":       {office, nil, "2026-03-29T12:00:00+02:00", false, "2026-03-30T09:00:00+02:00"},
		"an interval that ends in the skipped hour":     {everyDay([2]int{60, 150}), nil, "2026-03-29T01:30:00+01:00", true, "2026-03-29T03:00:00+02:00"},
		"an interval in the hour that comes twice ends": {everyDay([2]int{120, 150}), nil, "2026-10-25T02:10:00+02:00", true, "2026-10-25T02:30:00+02:00"},
		"and begins again":                              {everyDay([2]int{120, 150}), nil, "2026-10-25T02:40:00+02:00", false, "2026-10-25T02:00:00+01:00"},
		"a day and night never ends":                    {round, nil, "2026-03-10T10:00:00+01:00", true, ""},
		"intervals that touch are one":                  {seam, nil, "2026-03-10T09:30:00+01:00", true, "2026-03-10T11:00:00+01:00"},
		"no hours never begin":                          {everyDay(), nil, "2026-03-10T10:00:00+01:00", false, ""},
		"the eve's night goes on over a closed day":     {night, []string{"2026-03-15"}, "2026-03-15T01:00:00+01:00", true, "2026-03-15T04:00:00+01:00"},
	} {
		t.Run(name, func(t *testing.T) {
			h := &hours.Hours{Location: paris(t), Days: c.days, Closed: c.closed}
			open, next := h.Open(at(c.at))
			if open != c.open || !next.Equal(at(c.next)) {
				t.Errorf("got %v until %v, want %v until %s", open, next, c.open, c.next)
			}
		})
	}
	var always *hours.Hours
	if open, next := always.Open(noon); !open || !next.IsZero() {
		t.Errorf("no hours: got %v until %v, want always", open, next)
	}
}

func TestNewRefusesWhatIsNoCalendar(t *testing.T) {
	for name, c := range map[string]struct {
		zone   string
		days   [7][][2]int
		closed []string
		ok     bool
	}{
		"an office":                {"Europe/Paris", everyDay([2]int{540, 1080}), []string{"2026-12-25"}, true},
		"no zone is UTC":           {"", everyDay(), nil, true},
		"a zone that is none":      {"Europe/Atlantis", everyDay(), nil, false},
		"the zone of this machine": {"Local", everyDay(), nil, false},
		"an end before the start":  {"UTC", everyDay([2]int{600, 540}), nil, false},
		"a minute before midnight": {"UTC", everyDay([2]int{-1, 540}), nil, false},
		"a day that never is":      {"UTC", everyDay(), []string{"2026-02-30"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := hours.New(c.zone, c.days, c.closed); (err == nil) != c.ok {
				t.Errorf("got error %v, want one: %v", err, !c.ok)
			}
		})
	}
}

// Next is the first allowed instant: a model that looks at every minute finds
// the same, on days when the clocks change too.
func TestHoursNextIsTheFirstAllowedMinute(t *testing.T) {
	zone := paris(t)
	rapid.Check(t, func(t *rapid.T) {
		h := &hours.Hours{Location: zone}
		for d := range h.Days {
			for range rapid.IntRange(0, 2).Draw(t, "spans") {
				from := rapid.IntRange(0, 1439).Draw(t, "from")
				h.Days[d] = append(h.Days[d], [2]int{from, from + rapid.IntRange(1, 600).Draw(t, "length")})
			}
		}
		base := rapid.SampledFrom([]string{"2026-03-28T12:00:00Z", "2026-10-24T12:00:00Z", "2026-06-01T00:00:00Z"}).Draw(t, "around")
		start := at(base).Add(time.Duration(rapid.IntRange(0, 2880).Draw(t, "minutes")) * time.Minute)
		got := h.Next(start)
		model := start
		for i := 0; !h.Allows(model); i++ {
			if i > 9*1440 {
				model = time.Time{}
				break
			}
			model = model.Add(time.Minute)
		}
		if !got.Equal(model) {
			t.Fatalf("from %v: got %v, the model %v with %v", start, got, model, h.Days)
		}
	})
}
