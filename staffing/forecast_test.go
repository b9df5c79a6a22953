package staffing_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pickup/staffing"
)

// monday is the first day of the calls; now is eight weeks later.
var (
	paris, _ = time.LoadLocation("Europe/Paris")
	monday   = time.Date(2026, 3, 2, 0, 0, 0, 0, paris)
	now      = monday.AddDate(0, 0, 56)
)

// shape is the calls that a site expects in the quarter at a time: a working day,
// less at the weekend.
func shape(at time.Time) float64 {
	l := at.In(paris)
	hour := float64(l.Hour()) + float64(l.Minute())/60
	if hour < 8 || hour >= 20 {
		return 0
	}
	x := 12 + 8*math.Sin((hour-8)/12*math.Pi)
	if l.Weekday() == time.Saturday || l.Weekday() == time.Sunday {
		x /= 2
	}
	return x
}

func counts(from, to time.Time, f func(time.Time) int) []staffing.Count {
	var all []staffing.Count
	for at := from; at.Before(to); at = at.Add(staffing.Quarter) {
		if n := f(at); n > 0 {
			all = append(all, staffing.Count{Start: at.UTC(), Calls: n})
		}
	}
	return all
}

// poisson draws by the product of uniform numbers (Knuth).
func poisson(r *rand.Rand, mean float64) int {
	n, p := 0, r.Float64()
	for p > math.Exp(-mean) {
		p *= r.Float64()
		n++
	}
	return n
}

// A site of which every week is the same is foretold to the call, over the change
// to summer time too.
func TestForecastOfEqualWeeks(t *testing.T) {
	f := staffing.Forecaster{Location: paris}
	past := counts(monday, now, func(at time.Time) int { return int(shape(at)) })
	for _, p := range f.Points(past, now, now, now.AddDate(0, 0, 7)) {
		want := float64(int(shape(p.Start)) + int(shape(p.Start.Add(staffing.Quarter))))
		if math.Abs(p.Calls-want) > 1e-9 || p.Low > want || p.High < want || p.Samples < 5 {
			t.Fatalf("%s: got %+v, want %g", p.Start, p, want)
		}
	}
	if wape, ok := f.Error(past, now, 7); !ok || wape > 1e-9 {
		t.Errorf("got an error of %g, %t", wape, ok)
	}
}

// Of calls by chance the range holds about as many as it says, and the error is
// near that of chance alone.
func TestForecastOfChance(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	past := counts(monday, now.AddDate(0, 0, 7), func(at time.Time) int { return poisson(r, shape(at)) })
	f := staffing.Forecaster{Location: paris}
	in, all, off, came, chance := 0, 0, 0.0, 0.0, 0.0
	for day := range 7 {
		until := now.AddDate(0, 0, day)
		for _, p := range f.Points(past, until, until, until.AddDate(0, 0, 1)) {
			mean := shape(p.Start) + shape(p.Start.Add(staffing.Quarter))
			if mean == 0 {
				continue
			}
			actual := 0.0
			for _, c := range past {
				if !c.Start.Before(p.Start) && c.Start.Before(p.Start.Add(30*time.Minute)) {
					actual += float64(c.Calls)
				}
			}
			all++
			if actual >= p.Low && actual <= p.High {
				in++
			}
			off, came, chance = off+math.Abs(actual-p.Calls), came+actual, chance+math.Abs(actual-mean)
		}
	}
	if share := float64(in) / float64(all); share < .72 || share > .9 {
		t.Errorf("%.2f of %d in the range of 80 %%", share, all)
	}
	if off/came > 1.2*chance/came {
		t.Errorf("error %.3f, that of chance alone %.3f", off/came, chance/came)
	}
	t.Logf("WAPE %.3f, chance alone %.3f, %.2f in the range", off/came, chance/came, float64(in)/float64(all))
}

func TestForecastForgets(t *testing.T) {
	f := staffing.Forecaster{Location: paris}
	past := counts(monday, now, func(at time.Time) int {
		if at.Before(now.AddDate(0, 0, -21)) {
			return 10
		}
		return 20
	})
	p := f.Points(past, now, now, now.Add(time.Minute))[0]
	if p.Calls < 30 || p.Calls > 36 { // 2 x 10 for five weeks, 2 x 20 for three
		t.Errorf("got %g, want nearer to 40 than to 20", p.Calls)
	}
}

func TestForecastOfEvents(t *testing.T) {
	event := staffing.Event{From: now.AddDate(0, 0, -7).Add(10 * time.Hour), To: now.AddDate(0, 0, -7).Add(12 * time.Hour), Factor: 3}
	past := counts(monday, now, func(at time.Time) int {
		n := 10
		if !at.Before(event.From) && at.Before(event.To) {
			n = 30
		}
		return n
	})
	coming := staffing.Event{From: now.Add(14 * time.Hour), To: now.Add(14*time.Hour + 15*time.Minute), Factor: 2}
	f := staffing.Forecaster{Location: paris, Events: []staffing.Event{event, coming}}
	points := f.Points(past, now, now, now.AddDate(0, 0, 1))
	for i, want := range map[int]float64{20: 20, 22: 20, 28: 30, 29: 20} {
		if got := points[i].Calls; math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: got %g, want %g", points[i].Start, got, want)
		}
	}
}

// A day that runs above what was expected goes on above it.
func TestForecastOfTheRestOfTheDay(t *testing.T) {
	noon := now.Add(12 * time.Hour)
	past := counts(monday, noon, func(at time.Time) int {
		if at.Before(now) {
			return 10
		}
		return 14
	})
	f := staffing.Forecaster{Location: paris}
	points := f.Points(past, noon, noon, noon.AddDate(0, 0, 1))
	if got := points[0].Calls; got < 26 || got > 28 {
		t.Errorf("the same day: got %g, want nearly 28", got)
	}
	if got := points[24].Calls; math.Abs(got-20) > 1e-9 {
		t.Errorf("the day after: got %g, want 20", got)
	}
}

func TestForecastOfNothing(t *testing.T) {
	f := staffing.Forecaster{}
	for _, p := range f.Points(nil, now, now, now.AddDate(0, 0, 1)) {
		if p.Calls != 0 || p.Samples != 0 {
			t.Fatalf("got %+v of no history", p)
		}
	}
	if _, ok := f.Error(nil, now, 7); ok {
		t.Error("an error of no history")
	}
	// Two days of history: of the days before.
	past := counts(now.AddDate(0, 0, -2), now, func(time.Time) int { return 3 })
	if p := f.Points(past, now, now, now.Add(time.Minute))[0]; math.Abs(p.Calls-6) > 1e-9 || p.Samples < 1.9 {
		t.Errorf("got %+v, want 6 of two days", p)
	}
}

func TestForecastIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		days := rapid.IntRange(1, 70).Draw(t, "days")
		past := counts(now.AddDate(0, 0, -days), now, func(time.Time) int { return r.IntN(9) })
		f := staffing.Forecaster{
			Step: staffing.Quarter * time.Duration(rapid.IntRange(1, 4).Draw(t, "step")), Location: paris,
			Events: []staffing.Event{{From: now.Add(-time.Hour), To: now.Add(5 * time.Hour), Factor: rapid.Float64Range(.1, 5).Draw(t, "factor")}},
		}
		before := time.Time{}
		for _, p := range f.Points(past, now, now, now.AddDate(0, 0, 2)) {
			if !(p.Low >= 0 && p.Low <= p.Calls && p.Calls <= p.High) || !before.Before(p.Start) {
				t.Fatalf("%+v after %s", p, before)
			}
			before = p.Start
		}
	})
}

func TestMeansOfThePast(t *testing.T) {
	f := staffing.Forecaster{}
	past := []staffing.Count{{Start: now.Add(-time.Hour), Calls: 10, Abandoned: 2, Handled: 8, Waited: 4 * time.Minute, Work: 40 * time.Minute}}
	if h, p := f.Means(past, now); h != 5*time.Minute || p != 2*time.Minute {
		t.Errorf("got %s and %s", h, p)
	}
	if h, p := f.Means(nil, now); h != 0 || p != 0 {
		t.Errorf("got %s and %s of nothing", h, p)
	}
}
