package staffing_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pickup/staffing"
)

func TestNeeded(t *testing.T) {
	hour := staffing.Load{PerHour: 120, Handling: 5 * time.Minute}
	patient := hour
	patient.Patience = 2 * time.Minute
	level := staffing.Goal{Level: .8, Within: 30 * time.Second}
	for name, c := range map[string]struct {
		load staffing.Load
		goal staffing.Goal
		want int
	}{
		"80 in 30, nobody gives up": {hour, level, 14},
		"mean below 30 s":           {hour, staffing.Goal{MeanWait: 30 * time.Second}, 13},
		"both":                      {hour, staffing.Goal{MeanWait: 30 * time.Second, Level: .8, Within: 30 * time.Second}, 14},
		"80 in 30, some give up":    {patient, level, 12},
		"nothing comes":             {staffing.Load{Handling: time.Minute}, level, 0},
		"occupancy":                 {hour, staffing.Goal{Occupancy: .5}, 20},
	} {
		o, err := c.load.Needed(c.goal)
		if err != nil || o.Agents != c.want {
			t.Errorf("%s: got %d, %v, want %d", name, o.Agents, err, c.want)
		}
	}
}

func TestNeededIsTheLeast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		load := loads(t, rapid.Bool().Draw(t, "patient"))
		goal := staffing.Goal{Level: rapid.Float64Range(.1, .99).Draw(t, "level"), Within: time.Duration(rapid.IntRange(0, 300).Draw(t, "within")) * time.Second}
		o, err := load.Needed(goal)
		if err != nil {
			t.Fatal(err)
		}
		if load.PerHour > 0 && (!goal.Met(o) || goal.Met(load.With(o.Agents-1))) {
			t.Errorf("%d is not the least for %+v and %+v", o.Agents, load, goal)
		}
	})
}

func TestWhatCannotBeUsed(t *testing.T) {
	good := staffing.Load{PerHour: 100, Handling: time.Minute}
	goal := staffing.Goal{Level: .8, Within: 30 * time.Second}
	for want, c := range map[string]struct {
		load staffing.Load
		goal staffing.Goal
	}{
		"calls an hour: 0 to 10000000, got -1":            {staffing.Load{PerHour: -1, Handling: time.Minute}, goal},
		"handling: above 0":                               {staffing.Load{PerHour: 1}, goal},
		"patience: 0 to":                                  {staffing.Load{PerHour: 1, Handling: time.Minute, Patience: -1}, goal},
		"level: 0 (not asked) or above, below 1, got 1.5": {good, staffing.Goal{Level: 1.5}},
		"a goal needs":                                    {good, staffing.Goal{Within: time.Second}},
		"more than 100000 agents":                         {staffing.Load{PerHour: 10_000_000, Handling: time.Hour}, goal},
	} {
		if _, err := c.load.Needed(c.goal); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestScheduled(t *testing.T) {
	for _, c := range []struct {
		n, want   int
		shrinkage float64
	}{{9, 10, .1}, {10, 15, .3}, {7, 10, .3}, {0, 0, .3}, {5, 5, 0}, {5, 5, -1}, {5, 100, 1}, {19, 380, 2}} {
		if got := staffing.Scheduled(c.n, c.shrinkage); got != c.want {
			t.Errorf("%d at %g: got %d, want %d", c.n, c.shrinkage, got, c.want)
		}
	}
}

func TestCanMiss(t *testing.T) {
	for name, c := range map[string]struct {
		i    staffing.Interval
		want int
	}{
		"four more of fifty":    {staffing.Interval{Counted: 30, InTarget: 24, Coming: 20, Target: .8}, 4},
		"nothing came yet":      {staffing.Interval{Coming: 10, Target: .8}, 2},
		"nobody comes any more": {staffing.Interval{Counted: 10, InTarget: 8, Target: .8}, 0},
		"out of reach":          {staffing.Interval{Counted: 30, InTarget: 15, Coming: 10, Target: .8}, -7},
		"nothing at all":        {staffing.Interval{Target: .8}, 0},
	} {
		if got := c.i.CanMiss(); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
	i := staffing.Interval{Counted: 30, InTarget: 24, Coming: 10, Target: .8}
	near(t, "expected", i.Expected(.5), 29.0/40, 1e-12)
	none := staffing.Interval{}
	near(t, "none", none.Expected(.5), 1, 0)
}

// As many as it says may be missed, and not one more.
func TestCanMissIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counted := rapid.IntRange(0, 500).Draw(t, "counted")
		in := rapid.IntRange(0, counted).Draw(t, "in")
		coming := rapid.IntRange(0, 500).Draw(t, "coming")
		percent := rapid.IntRange(1, 100).Draw(t, "target")
		can := staffing.Interval{Counted: counted, InTarget: in, Coming: float64(coming), Target: float64(percent) / 100}.CanMiss()
		ok := func(missed int) bool { return (in+coming-missed)*100 >= percent*(counted+coming) }
		if !ok(can) || ok(can+1) {
			t.Errorf("%d of %d, %d coming, %d %%: %d", in, counted, coming, percent, can)
		}
	})
}
