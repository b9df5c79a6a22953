package staffing

import (
	"fmt"
	"math"
	"time"
)

// Goal is what a number of agents has to reach. At least one of its parts must
// be set.
type Goal struct {
	Within   time.Duration // of Level
	Level    float64       // share of calls answered within Within: above 0 and below 1; 0: not asked
	MeanWait time.Duration // at most; 0: not asked
	Abandons float64       // at most, 0 to 1; 0: not asked
	// Occupancy is the most that may be asked of the agents, so that they can
	// breathe: above 0 to 1; 0: not asked.
	Occupancy float64
}

// Check says which value of g cannot be used, with its limit.
func (g Goal) Check() error {
	share := func(name string, v float64) error {
		if !(v >= 0 && v < 1) {
			return fmt.Errorf("staffing: %s: 0 (not asked) or above, below 1, got %g", name, v)
		}
		return nil
	}
	for name, v := range map[string]float64{"level": g.Level, "abandons": g.Abandons, "occupancy": g.Occupancy} {
		if err := share(name, v); err != nil {
			return err
		}
	}
	switch {
	case g.Within < 0 || g.Within > MaxHandling:
		return fmt.Errorf("staffing: within: 0 to %s, got %s", MaxHandling, g.Within)
	case g.MeanWait < 0:
		return fmt.Errorf("staffing: mean wait: 0 (not asked) or above, got %s", g.MeanWait)
	case g.Level == 0 && g.MeanWait == 0 && g.Abandons == 0 && g.Occupancy == 0:
		return fmt.Errorf("staffing: a goal needs a level, a mean wait, a share of abandons or an occupancy")
	}
	return nil
}

// Met reports whether o reaches g.
func (g Goal) Met(o Outlook) bool {
	switch {
	case !o.Stable:
		return false
	case g.Level > 0 && o.Level(g.Within) < g.Level:
		return false
	case g.MeanWait > 0 && o.MeanWait > g.MeanWait:
		return false
	case g.Abandons > 0 && o.Abandons > g.Abandons:
		return false
	case g.Occupancy > 0 && o.Occupancy > g.Occupancy:
		return false
	}
	return true
}

// Needed returns the fewest agents with whom l reaches g. It fails where l or g
// cannot be used, and where more than MaxAgents would be needed. Every part of a
// goal gets better with each agent more, so that the number is found by halving.
func (l Load) Needed(g Goal) (Outlook, error) {
	if err := l.Check(); err != nil {
		return Outlook{}, err
	}
	if err := g.Check(); err != nil {
		return Outlook{}, err
	}
	if l.PerHour == 0 {
		return l.With(0), nil
	}
	high := max(1, int(math.Min(math.Ceil(l.Erlangs()), MaxAgents)))
	low := 0 // not enough
	for !g.Met(l.With(high)) {
		if high == MaxAgents {
			return Outlook{}, fmt.Errorf("staffing: more than %d agents would be needed for %.1f erlangs", MaxAgents, l.Erlangs())
		}
		low, high = high, min(2*high, MaxAgents)
	}
	for high-low > 1 {
		if mid := (low + high) / 2; g.Met(l.With(mid)) {
			high = mid
		} else {
			low = mid
		}
	}
	return l.With(high), nil
}

// Scheduled returns how many people have to be on the plan so that n are at work,
// where a share shrinkage of paid time goes to breaks, training and absence:
// n / (1 - shrinkage), rounded up. shrinkage is 0 or more and below 1; what is
// outside is cut to 0 and 0.95.
func Scheduled(n int, shrinkage float64) int {
	if !(shrinkage > 0) {
		return n
	}
	// A hair less, so that 9 / (1 - 0.1) is ten and not eleven.
	return int(math.Ceil(float64(n)/(1-min(shrinkage, 0.95)) - 1e-9))
}

// Interval is how a stretch of time, such as this half hour, stands against a
// target share.
type Interval struct {
	Counted  int     // calls that count so far (queue.Figures: answered, abandoned and overflowed, without short abandons)
	InTarget int     // of these: answered in time
	Coming   float64 // calls that are still expected until its end
	Target   float64 // share to be answered in time, 0 to 1
}

// CanMiss returns how many more calls may be missed so that the interval still
// makes its target, if as many come as are expected: negative is by how many
// calls it is out of reach even if none is missed from here on.
func (i Interval) CanMiss() int {
	total := float64(i.Counted) + max(i.Coming, 0)
	allowed := (1 - i.Target) * total
	return int(math.Floor(allowed+1e-9)) - (i.Counted - i.InTarget)
}

// Expected returns the share in time at the end of the interval, if a share
// level of those who still come is answered in time; 1 when none counts.
func (i Interval) Expected(level float64) float64 {
	total := float64(i.Counted) + max(i.Coming, 0)
	if total <= 0 {
		return 1
	}
	return (float64(i.InTarget) + max(i.Coming, 0)*level) / total
}
