package simulate_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"pickup/call"
	"pickup/queue"
	"pickup/simulate"
)

// calls is a stream of calls alone.
func calls(agents int, rho float64, shape simulate.Shape) simulate.Stream {
	return simulate.Stream{
		Queue: "support", Channel: call.ChannelCall, PerHour: rho * float64(agents) * 15, Priority: 1,
		Handling: simulate.Spread{Mean: 4 * time.Minute, Shape: shape}, Patience: simulate.Spread{Mean: 3 * time.Minute},
		PickUp: simulate.Spread{Least: time.Second, Mean: 2 * time.Second},
	}
}

// shifts sends the agents from the 80th on away in each second hour.
func shifts(site *simulate.Site, hours int) {
	for i, a := range site.Agents {
		for h := range hours {
			if i < 80 && h > 0 {
				break
			}
			site.Presence = append(site.Presence, simulate.Presence{
				Agent: a.ID, At: start.Add(time.Duration(h)*time.Hour + time.Duration(i)*time.Millisecond),
				Ready: i < 80 || h%2 == 0, Phone: true,
			})
		}
	}
}

// errors are the squared errors of predictions.
type errors struct{ squares, waits float64 }

func (e *errors) add(said, was time.Duration) {
	d := (said - was).Seconds()
	e.squares += d * d
	e.waits += was.Seconds()
}

// relative is the root of the mean square over the mean wait.
func (e *errors) relative(n int) float64 {
	return math.Sqrt(e.squares/float64(n)) / (e.waits / float64(n))
}

var alphas = []float64{.02, .05, .1, .2, .3, .5, 1}

// The estimate of the wait against exponential averages of the waits of those
// who were answered before, the best of seven. Both know what a server knows:
// what has happened. Counted are the calls that had to wait and were answered,
// the first hour apart.
func TestEstimateAgainstPastWaits(t *testing.T) {
	swing := calls(100, 1.0, simulate.ShapeExponential)
	swing.Swing, swing.Period = .35, 2*time.Hour
	const hours = 8
	for name, c := range map[string]struct {
		agents int
		stream simulate.Stream
		shifts bool
	}{
		"100 agents, load 1.1, patience 180 s": {100, calls(100, 1.1, simulate.ShapeExponential), false},
		"20 agents, load 1.2":                  {20, calls(20, 1.2, simulate.ShapeExponential), false},
		"arrivals swing by 35 % over 2 h":      {100, swing, false},
		"staff 100 and 80 by the hour":         {100, calls(100, .95, simulate.ShapeLognormal), true},
	} {
		var ours errors
		past := make([]errors, len(alphas))
		n := 0
		for seed := range uint64(estimateSeeds) {
			site := floor(c.agents, queue.Config{})
			if c.shifts {
				shifts(&site, hours)
			}
			work, err := simulate.Draw([]simulate.Stream{c.stream}, start, hours*time.Hour, seed+1)
			if err != nil {
				t.Fatal(err)
			}
			r, err := simulate.Run(t.Context(), site, work)
			if err != nil {
				t.Fatal(err)
			}
			averages := pastWaits(r)
			for i, o := range r.Outcomes {
				if !o.Answered || o.Expected == 0 || o.At.Sub(start) < time.Hour {
					continue
				}
				n++
				ours.add(o.Expected, o.Waited)
				for k := range alphas {
					past[k].add(averages[i][k], o.Waited)
				}
			}
		}
		best := math.Inf(1)
		for k := range past {
			best = min(best, past[k].relative(n))
		}
		got := ours.relative(n)
		t.Logf("%s: %d waits of %.0f s in the mean, relative RMSE %.3f, past waits %.3f: %.0f %% less", name, n, ours.waits/float64(n), got, best, 100*(1-got/best))
		if n < 1000 || got > .8*best {
			t.Errorf("%s: got %.3f, want at least 20 %% below %.3f", name, got, best)
		}
	}
}

// pastWaits returns for each call the averages of the waits, by each alpha, of
// those who were answered before it came.
func pastWaits(r simulate.Result) [][]time.Duration {
	type answer struct {
		at   time.Time
		wait time.Duration
	}
	var answers []answer
	for _, o := range r.Outcomes {
		if o.Answered {
			answers = append(answers, answer{o.At.Add(o.Waited), o.Waited})
		}
	}
	slices.SortFunc(answers, func(a, b answer) int { return a.at.Compare(b.at) })
	now := make([]time.Duration, len(alphas))
	all := make([][]time.Duration, len(r.Outcomes))
	next := 0
	for i, o := range r.Outcomes {
		for ; next < len(answers) && answers[next].at.Before(o.At); next++ {
			for k, alpha := range alphas {
				now[k] += time.Duration(alpha * float64(answers[next].wait-now[k]))
			}
		}
		all[i] = slices.Clone(now)
	}
	return all
}
