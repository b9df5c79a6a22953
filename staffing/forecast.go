package staffing

import (
	"fmt"
	"math"
	"time"
)

// Quarter is the stretch of time that calls are counted by.
const Quarter = 15 * time.Minute

// Count is what came to a queue in one Quarter.
type Count struct {
	Start     time.Time // a multiple of Quarter in UTC
	Calls     int       // entered the queue
	Abandoned int       // of these gave up
	Handled   int       // of these had an agent and are over
	Waited    time.Duration
	Work      time.Duration // of those handled, wrap-up apart
}

// Event is what makes more or fewer call than usual: a release, a tournament, a
// holiday. A past one is taken out of what is learnt, one to come is put in.
type Event struct {
	From, To time.Time
	Factor   float64 // above 0 to MaxFactor; 1.5: half as many again
}

// MaxFactor is the greatest factor of an Event.
const MaxFactor = 20

// Check says which value of e cannot be used.
func (e Event) Check() error {
	switch {
	case !e.From.Before(e.To):
		return fmt.Errorf("staffing: event: it must begin before it ends, got %s to %s", e.From.Format(time.RFC3339), e.To.Format(time.RFC3339))
	case !(e.Factor > 0 && e.Factor <= MaxFactor):
		return fmt.Errorf("staffing: event: factor above 0 and at most %d, got %g", MaxFactor, e.Factor)
	}
	return nil
}

// Point is the forecast of one step.
type Point struct {
	Start     time.Time
	Calls     float64 // expected
	Low, High float64 // 80 % of such steps are in between
	Samples   float64 // how many weeks it is made of, by their weights; 0: nothing is known
}

// Forecaster expects of a step what came at the same time of the same weekday in
// the weeks before, recent weeks the most. The clock is that of the site, so that
// a day of 23 or 25 hours shifts nothing.
type Forecaster struct {
	Step     time.Duration  // a multiple of Quarter; 0: half an hour
	HalfLife time.Duration  // after which a week counts half; 0: three weeks
	Location *time.Location // nil: UTC
	Events   []Event
}

const (
	week         = 7 * 24 * time.Hour
	mostWeeks    = 52
	bandWidth    = 1.2816 // of a normal distribution: 80 %
	leastWeight  = 1e-3
	todaysWeight = 20.0 // calls that a day needs until it says as much as the weeks before
)

// history is counts that can be asked for.
type history struct {
	f      Forecaster
	counts map[int64]int
	since  time.Time
	until  time.Time // nothing is known from here on
}

func (f Forecaster) history(counts []Count, until time.Time) history {
	if f.Step <= 0 {
		f.Step = 30 * time.Minute
	}
	if f.HalfLife <= 0 {
		f.HalfLife = 3 * week
	}
	if f.Location == nil {
		f.Location = time.UTC
	}
	h := history{f: f, counts: make(map[int64]int, len(counts)), until: until}
	for _, c := range counts {
		if !c.Start.Before(until) {
			continue
		}
		h.counts[c.Start.Unix()] += c.Calls
		if c.Calls > 0 && (h.since.IsZero() || c.Start.Before(h.since)) {
			h.since = c.Start
		}
	}
	return h
}

// in returns what came in the step at a time, without the effect of events.
func (h *history) in(at time.Time) float64 {
	n := 0
	for t := at; t.Before(at.Add(h.f.Step)); t = t.Add(Quarter) {
		n += h.counts[t.Unix()]
	}
	return float64(n) / h.f.factor(at)
}

// factor is the effect of the events on a step.
func (f *Forecaster) factor(at time.Time) float64 {
	x := 1.0
	for _, e := range f.Events {
		if from, to := later(e.From, at), earlier(e.To, at.Add(f.Step)); from.Before(to) && e.Check() == nil {
			part := to.Sub(from).Seconds() / f.Step.Seconds()
			x *= 1 + (e.Factor-1)*part
		}
	}
	return max(x, 1e-6)
}

// Points forecasts the steps that begin in [from, to) from counts of what came
// before until, which is now or, to try a forecast on the past, a time before it.
// Steps of the day of until are corrected by how that day differs so far.
func (f Forecaster) Points(counts []Count, until, from, to time.Time) []Point {
	h := f.history(counts, until)
	from = h.f.align(from)
	level, today := h.today()
	var points []Point
	for at := from; at.Before(to); at = at.Add(h.f.Step) {
		p := h.point(at)
		if sameDay(at.In(h.f.Location), today) {
			p.scale(level)
		}
		p.scale(h.f.factor(at))
		points = append(points, p)
	}
	return points
}

// align returns the begin of the step that t is in, by the clock of the site.
func (f *Forecaster) align(t time.Time) time.Time {
	l := t.In(f.Location)
	day := time.Date(l.Year(), l.Month(), l.Day(), 0, 0, 0, 0, f.Location)
	return day.Add(l.Sub(day).Truncate(f.Step))
}

// point is the forecast of a step from the same time of the weeks before; where
// there is no such week, from the days before.
func (h *history) point(at time.Time) Point {
	if p := h.from(at, 7); p.Samples > 0 {
		return p
	}
	return h.from(at, 1)
}

// from makes a point of every step that is a multiple of days before at.
func (h *history) from(at time.Time, days int) Point {
	p := Point{Start: at}
	if h.since.IsZero() {
		return p
	}
	local := at.In(h.f.Location)
	var values, weights []float64
	for k := 1; k <= mostWeeks*7/days; k++ {
		t := local.AddDate(0, 0, -days*k)
		if t.Add(h.f.Step).After(h.until) {
			continue
		}
		w := math.Exp2(-at.Sub(t).Hours() / h.f.HalfLife.Hours())
		if t.Before(h.since) || w < leastWeight {
			break
		}
		values, weights = append(values, h.in(t)), append(weights, w)
	}
	p.set(values, weights)
	return p
}

// set makes the mean and the range of weighted values. A count scatters by its
// root at least (Poisson), by what the weeks show where that is more, and its
// mean is unsure by what it is made of.
func (p *Point) set(values, weights []float64) {
	var sum, total, squares float64
	for i, v := range values {
		sum += weights[i] * v
		total += weights[i]
		squares += weights[i] * weights[i]
	}
	if total == 0 {
		return
	}
	p.Calls = sum / total
	p.Samples = total * total / squares // Kish: as many equal ones
	shown := 0.0
	for i, v := range values {
		shown += weights[i] * (v - p.Calls) * (v - p.Calls)
	}
	variance := max(p.Calls, 0.25)
	if p.Samples > 1 {
		variance = max(variance, shown/total*p.Samples/(p.Samples-1))
	}
	off := bandWidth * math.Sqrt(variance*(1+1/p.Samples))
	p.Low, p.High = max(p.Calls-off, 0), p.Calls+off
}

func (p *Point) scale(x float64) {
	p.Calls, p.Low, p.High = p.Calls*x, p.Low*x, p.High*x
}

// today is by how much the day of until differs from what was expected of it so
// far: 1 in the morning, and the more its own the more calls came.
func (h *history) today() (level float64, day time.Time) {
	day = h.until.In(h.f.Location)
	midnight := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, h.f.Location)
	var came, expected float64
	for at := midnight; !at.Add(h.f.Step).After(h.until); at = at.Add(h.f.Step) {
		if p := h.point(at); p.Samples > 0 {
			came += h.in(at)
			expected += p.Calls
		}
	}
	return min(max((came+todaysWeight)/(expected+todaysWeight), 0.5), 2), day
}

func sameDay(a, b time.Time) bool { return a.YearDay() == b.YearDay() && a.Year() == b.Year() }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Error is the WAPE of a forecast of the last days before until, each day told
// from what came before it: the sum of the absolute differences of the steps over
// the sum of what came. false where nothing came or nothing could be told.
func (f Forecaster) Error(counts []Count, until time.Time, days int) (wape float64, ok bool) {
	h := f.history(counts, until)
	local := until.In(h.f.Location)
	var off, came float64
	for k := days; k >= 1; k-- {
		begin := time.Date(local.Year(), local.Month(), local.Day()-k, 0, 0, 0, 0, h.f.Location)
		for _, p := range f.Points(counts, begin, begin, begin.AddDate(0, 0, 1)) {
			if p.Samples > 0 {
				actual := h.in(p.Start) * h.f.factor(p.Start)
				off += math.Abs(actual - p.Calls)
				came += actual
			}
		}
	}
	if came == 0 {
		return 0, false
	}
	return off / came, true
}

// Means are the mean handling and patience of counts, recent ones the most, and
// without the wrap-up of the queue. Patience is the time waited by all over the
// number of those who gave up (the most likely mean where waits are cut off); 0:
// nobody did. Handling 0: nothing was handled.
func (f Forecaster) Means(counts []Count, until time.Time) (handling, patience time.Duration) {
	half := f.HalfLife
	if half <= 0 {
		half = 3 * week
	}
	var work, handled, waited, left float64
	for _, c := range counts {
		w := math.Exp2(-until.Sub(c.Start).Hours() / half.Hours())
		work += w * float64(c.Work)
		handled += w * float64(c.Handled)
		waited += w * float64(c.Waited)
		left += w * float64(c.Abandoned)
	}
	if handled > 0 {
		handling = time.Duration(work / handled).Round(time.Millisecond)
	}
	if left > 0 {
		patience = min(time.Duration(waited/left), MaxPatience).Round(time.Millisecond)
	}
	return handling, patience
}
