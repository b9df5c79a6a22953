package staffing_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pickup/staffing"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %.9g, want %.9g", what, got, want)
	}
}

func TestErlangBAndC(t *testing.T) {
	for _, c := range []struct {
		n       int
		a, want float64
	}{{10, 5, .018385}, {100, 90, .026957}, {50, 48, .083337}, {1, 1, .5}, {2, 1, .2}, {0, 3, 1}, {5, 0, 0}} {
		near(t, "B", staffing.ErlangB(c.n, c.a), c.want, 1e-6)
	}
	for _, c := range []struct {
		n       int
		a, want float64
	}{
		{10, 8, .409180},
		{14, 10, .174132},
		{13, 10, .285270},
		{5000, 4950, .366098},
		{50000, 49800, .268332},
		{10, 10, 1},
		{10, 11, 1},
		{0, 1, 1},
		{0, 0, 1},
		{3, 0, 0},
	} {
		near(t, "C", staffing.ErlangC(c.n, c.a), c.want, 1e-6)
	}
}

// The example of the text books: 100 calls in half an hour of 3 minutes.
func TestTheTextBook(t *testing.T) {
	load := staffing.Load{PerHour: 200, Handling: 3 * time.Minute}
	near(t, "erlangs", load.Erlangs(), 10, 1e-12)
	for n, want := range map[int]float64{11: .3896, 12: .6402, 13: .7956, 14: .8884, 15: .9415, 16: .9706} {
		o := load.With(n)
		near(t, "level", o.Level(20*time.Second), want, 5e-5)
	}
	o := load.With(14)
	near(t, "ASA", o.MeanWait.Seconds(), 7.84, .005)
	// Of the desk's dictionary: 120 calls an hour of 5 minutes.
	load = staffing.Load{PerHour: 120, Handling: 5 * time.Minute}
	o = load.With(13)
	near(t, "waits", o.Waits, .2853, 5e-5)
	near(t, "level", o.Level(30*time.Second), .789, 6e-4)
	near(t, "ASA", o.MeanWait.Seconds(), 28.5, .05)
	o = load.With(14)
	near(t, "level", o.Level(30*time.Second), .883, 6e-4)
}

// The table of Mandelbaum and Zeltyn: 48 calls a minute of one minute, 50 agents.
func TestMandelbaumAndZeltyn(t *testing.T) {
	load := staffing.Load{PerHour: 48 * 60, Handling: time.Minute}
	c := load.With(50)
	near(t, "C: ASA", c.MeanWait.Seconds(), 20.83, .005)
	near(t, "C: line", c.Line, 16.67, .005)
	near(t, "C: occupancy", c.Occupancy, .96, 1e-9)
	load.Patience = 2 * time.Minute
	a := load.With(50)
	near(t, "A: abandons", a.Abandons, .0309, 5e-5)
	near(t, "A: ASA", a.MeanWait.Seconds(), 3.71, .005)
	near(t, "A: line", a.Line, 2.97, .005)
	near(t, "A: occupancy", a.Occupancy, .930, 5e-4)
	near(t, "A: waits", a.Waits, .46777, 5e-6)
	near(t, "A: level", a.Level(20*time.Second), .9430, 5e-5)
	near(t, "A: beyond", a.Beyond(20*time.Second), .0321, 5e-5)
}

// naive is M/M/n+M by its balance equations, state by state.
func naive(lambda, mu, theta float64, n int) (waits, abandons, line float64) {
	p := []float64{1}
	sum := 1.0
	for k := 1; k < 200_000; k++ {
		out := float64(min(k, n))*mu + float64(max(k-n, 0))*theta
		next := p[k-1] * lambda / out
		p = append(p, next)
		sum += next
		if next > 1e250 {
			for i := range p {
				p[i] /= 1e250
			}
			sum /= 1e250
		}
		if k > n && next < sum*1e-18 {
			break
		}
	}
	for k := n; k < len(p); k++ {
		waits += p[k] / sum
		line += float64(k-n) * p[k] / sum
	}
	return waits, theta * line / lambda, line
}

func TestErlangAIsThatOfTheBalanceEquations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "n")
		rho := rapid.Float64Range(.05, 2).Draw(t, "rho")
		handling := rapid.IntRange(10, 1200).Draw(t, "handling")
		patience := rapid.IntRange(5, 7200).Draw(t, "patience")
		load := staffing.Load{
			PerHour: rho * float64(n) * 3600 / float64(handling), Handling: time.Duration(handling) * time.Second,
			Patience: time.Duration(patience) * time.Second,
		}
		o := load.With(n)
		waits, abandons, line := naive(load.PerHour/3600, 1/float64(handling), 1/float64(patience), n)
		if math.Abs(o.Waits-waits) > 1e-9 || math.Abs(o.Abandons-abandons) > 1e-9 || math.Abs(o.Line-line) > 1e-7*(1+line) {
			t.Errorf("got %g %g %g, want %g %g %g", o.Waits, o.Abandons, o.Line, waits, abandons, line)
		}
	})
}

func loads(t *rapid.T, patient bool) staffing.Load {
	l := staffing.Load{
		PerHour:  rapid.Float64Range(0, 20_000).Draw(t, "per hour"),
		Handling: time.Duration(rapid.IntRange(1, 3600).Draw(t, "handling")) * time.Second,
	}
	if !patient {
		l.Patience = time.Duration(rapid.IntRange(1, 36_000).Draw(t, "patience")) * time.Second
	}
	return l
}

// More agents are never worse, impatience only shortens the line, and shares
// are shares.
func TestWhatMoreAgentsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		load := loads(t, rapid.Bool().Draw(t, "patient"))
		n := rapid.IntRange(0, 20_000).Draw(t, "n")
		within := time.Duration(rapid.IntRange(0, 600).Draw(t, "within")) * time.Second
		o, more := load.With(n), load.With(n+1)
		const hair = 1e-9
		if o.Level(within) > more.Level(within)+hair || o.Waits < more.Waits-hair || o.Abandons < more.Abandons-hair ||
			more.MeanWait-time.Microsecond > o.MeanWait {
			t.Errorf("%+v, %d agents: %+v, then %+v", load, n, o, more)
		}
		for name, share := range map[string]float64{
			"level": o.Level(within), "waits": o.Waits, "abandons": o.Abandons, "occupancy": o.Occupancy, "beyond": o.Beyond(within),
		} {
			if !(share >= 0 && share <= 1) {
				t.Errorf("%s of %+v with %d: %g", name, load, n, share)
			}
		}
		if o.Level(within) > o.Level(within+time.Second)+hair {
			t.Error("the level falls with time")
		}
		b, c := staffing.ErlangB(n, load.Erlangs()), staffing.ErlangC(n, load.Erlangs())
		if b > c+hair || load.Patience > 0 && n > 0 && o.Waits > c+hair {
			t.Errorf("B %g, A %g, C %g of %d and %g", b, o.Waits, c, n, load.Erlangs())
		}
	})
}

// Without patience to lose Erlang A is Erlang C; with none at all it is Erlang B.
func TestLimitsOfPatience(t *testing.T) {
	for _, n := range []int{1, 14, 100, 5000, 50_000} {
		load := staffing.Load{PerHour: .97 * float64(n) * 12, Handling: 5 * time.Minute}
		c := load.With(n)
		load.Patience = staffing.MaxPatience
		a := load.With(n)
		near(t, "waits", a.Waits, c.Waits, 1e-3)
		near(t, "level", a.Level(30*time.Second), c.Level(30*time.Second), 1e-3)
		load.Patience = time.Nanosecond
		near(t, "abandons", load.With(n).Abandons, staffing.ErlangB(n, load.Erlangs()), 1e-6)
	}
}

func TestOverload(t *testing.T) {
	load := staffing.Load{PerHour: 120, Handling: 5 * time.Minute}
	for _, n := range []int{1, 9, 10} {
		o := load.With(n)
		if o.Stable || o.MeanWait != staffing.Endless || !math.IsInf(o.Line, 1) || o.Level(time.Hour) != 0 || o.Beyond(time.Hour) != 1 {
			t.Errorf("%d agents: got %+v, want it told as endless", n, o)
		}
	}
	// Who gives up keeps it finite: the fluid limit of a large site.
	load = staffing.Load{PerHour: 1.2 * 50_000 * 12, Handling: 5 * time.Minute, Patience: 10 * time.Minute}
	o := load.With(50_000)
	if !o.Stable {
		t.Error("not stable")
	}
	near(t, "abandons", o.Abandons, 1-1/1.2, 1e-6)
	near(t, "occupancy", o.Occupancy, 1, 1e-6)
	near(t, "offered wait", o.Beyond(100*time.Second), 1, 1e-3) // 600 ln 1.2 = 109.4 s
	near(t, "offered wait", o.Beyond(120*time.Second), 0, 1e-3)
	none := load.With(0)
	if none.Abandons != 1 || none.MeanWait != load.Patience || none.Level(time.Hour) != 0 {
		t.Errorf("without agents: got %+v", none)
	}
}

func FuzzOutlook(f *testing.F) {
	f.Add(120.0, int64(5*time.Minute), int64(2*time.Minute), 13, int64(30*time.Second))
	f.Add(1e7, int64(24*time.Hour), int64(1), 100_000, int64(math.MaxInt64))
	f.Add(math.NaN(), int64(-1), int64(0), -5, int64(-1))
	f.Add(math.Inf(1), int64(1), int64(1), 1, int64(0))
	f.Fuzz(func(t *testing.T, perHour float64, handling, patience int64, n int, within int64) {
		l := staffing.Load{PerHour: perHour, Handling: time.Duration(handling), Patience: time.Duration(patience)}
		o := l.With(n)
		if l.Check() != nil && (o.Stable || o.Level(0) != 0) {
			t.Errorf("%+v cannot be used, but %+v", l, o)
		}
		for _, share := range []float64{o.Level(time.Duration(within)), o.Beyond(time.Duration(within)), o.Waits, o.Abandons, o.Occupancy} {
			if !(share >= 0 && share <= 1) {
				t.Errorf("%+v, %d: %g is no share: %+v", l, n, share, o)
			}
		}
		if o.MeanWait < 0 || !(o.Line >= 0) {
			t.Errorf("%+v, %d: %+v", l, n, o)
		}
	})
}

func BenchmarkErlangA50000(b *testing.B) {
	load := staffing.Load{PerHour: 49_800 * 12, Handling: 5 * time.Minute, Patience: 3 * time.Minute}
	for b.Loop() {
		o := load.With(50_000)
		_ = o.Level(30 * time.Second)
	}
}
