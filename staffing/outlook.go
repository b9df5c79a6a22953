package staffing

import (
	"fmt"
	"math"
	"time"
)

// Load is what comes to a queue.
type Load struct {
	PerHour  float64       // calls an hour, 0 or more
	Handling time.Duration // mean: talk, hold and wrap-up; above 0
	Patience time.Duration // mean time until a caller gives up; 0: nobody does (Erlang C)
}

// Bounds of a Load.
const (
	MaxPerHour  = 10_000_000
	MaxHandling = 24 * time.Hour
	MaxPatience = 10_000 * time.Hour
)

// Check says which value of l cannot be used, with its limit.
func (l Load) Check() error {
	switch {
	case !(l.PerHour >= 0 && l.PerHour <= MaxPerHour):
		return fmt.Errorf("staffing: calls an hour: 0 to %d, got %g", MaxPerHour, l.PerHour)
	case l.Handling <= 0 || l.Handling > MaxHandling:
		return fmt.Errorf("staffing: handling: above 0 and at most %s, got %s", MaxHandling, l.Handling)
	case l.Patience < 0 || l.Patience > MaxPatience:
		return fmt.Errorf("staffing: patience: 0 to %s, got %s", MaxPatience, l.Patience)
	}
	return nil
}

// Erlangs is the traffic a = lambda x AHT (telephony: one agent is busy for one
// hour an hour at one erlang).
func (l Load) Erlangs() float64 { return l.PerHour * l.Handling.Hours() }

// Endless is a mean wait that has no bound: the line grows for ever.
const Endless = time.Duration(math.MaxInt64)

// Outlook is what a load leads to with a number of agents, in the long run.
type Outlook struct {
	Agents    int
	Stable    bool          // false: more comes than they can do and nobody gives up; the line grows without end
	Waits     float64       // share of calls that wait, 0 to 1
	Abandons  float64       // share that gives up, 0 to 1
	MeanWait  time.Duration // over all calls, those who give up included; Endless when not Stable
	Line      float64       // mean number of those who wait; +Inf when not Stable
	Occupancy float64       // share of the agents' time on calls, 0 to 1

	lambda, mu, theta float64 // a second
	den               float64 // of Palm's integral, scaled by exp(-peak)
	f                 palm
}

// With returns the outlook of l with n agents. l must pass Check and n be 0 to
// MaxAgents, else the zero Outlook is returned, which is not Stable.
func (l Load) With(n int) Outlook {
	if l.Check() != nil || n < 0 || n > MaxAgents {
		return Outlook{MeanWait: Endless, Line: math.Inf(1)}
	}
	o := Outlook{Agents: n, Stable: true, lambda: l.PerHour / 3600, mu: 1 / l.Handling.Seconds()}
	if l.Patience > 0 {
		o.theta = 1 / l.Patience.Seconds()
	}
	switch {
	case o.lambda == 0:
		if n == 0 {
			o.Waits = 1
		}
	case o.theta == 0:
		o.erlangC(l.Erlangs())
	case n == 0:
		o.nobody(l)
	default:
		o.erlangA(l.Erlangs())
	}
	return o
}

// erlangC fills in the outlook of callers who never give up.
func (o *Outlook) erlangC(a float64) {
	o.Waits = ErlangC(o.Agents, a)
	if a >= float64(o.Agents) {
		o.Stable, o.MeanWait, o.Line, o.Occupancy = false, Endless, math.Inf(1), 1
		return
	}
	spare := float64(o.Agents)*o.mu - o.lambda
	o.MeanWait = seconds(o.Waits / spare)
	o.Line = o.lambda * o.Waits / spare
	o.Occupancy = a / float64(o.Agents)
}

// nobody fills in the outlook without an agent: who comes waits until he gives up.
func (o *Outlook) nobody(l Load) {
	o.Waits, o.Abandons, o.MeanWait, o.Line = 1, 1, l.Patience, o.lambda/o.theta
}

// erlangA fills in the outlook of M/M/n+M. In place of 1 + (lambda - n mu) J,
// which cancels, stands lambda times the integral of (1 - e^{-theta x}) f, which
// equals it by parts.
func (o *Outlook) erlangA(a float64) {
	o.f = newPalm(float64(o.Agents)*o.mu, o.lambda, o.theta)
	below := inverseB(o.Agents-1, a)
	if math.IsInf(below, 1) { // nobody ever waits
		o.Occupancy, o.den = a/float64(o.Agents), below
		return
	}
	j := o.f.integral(o.f.end, func(float64) float64 { return 1 })
	k := o.f.integral(o.f.end, func(x float64) float64 { return -math.Expm1(-o.theta*x) / o.theta })
	o.den = below*math.Exp(-o.f.peak) + o.lambda*j
	o.Waits = min(o.lambda*j/o.den, 1)
	wait := o.lambda * k / o.den
	o.MeanWait = seconds(wait)
	o.Line = o.lambda * wait
	o.Abandons = min(o.theta*wait, 1)
	o.Occupancy = min(a*(1-o.Abandons)/float64(o.Agents), 1)
}

// Level returns the share of all calls that are answered within t, 0 to 1: who
// gives up counts as not answered, however early. It is 0 without agents and
// where the line grows without end.
func (o *Outlook) Level(t time.Duration) float64 {
	switch {
	case o.Agents == 0 || !o.Stable:
		return 0
	case o.lambda == 0:
		return 1
	case t < 0:
		return 0
	case o.theta == 0:
		return 1 - o.Waits*math.Exp(-(float64(o.Agents)*o.mu-o.lambda)*t.Seconds())
	case math.IsInf(o.den, 1):
		return 1
	}
	within := o.f.integral(t.Seconds(), func(x float64) float64 { return math.Exp(-o.theta * x) })
	return min(max(1-o.Waits+o.lambda*within/o.den, 0), 1)
}

// Beyond returns the share of calls that would have to wait longer than t if
// they did not give up, P{V > t}.
func (o *Outlook) Beyond(t time.Duration) float64 {
	switch {
	case o.lambda == 0 && o.Agents > 0:
		return 0
	case o.Agents == 0 || !o.Stable:
		return 1
	case o.theta == 0:
		return o.Waits * math.Exp(-(float64(o.Agents)*o.mu-o.lambda)*max(t, 0).Seconds())
	case math.IsInf(o.den, 1):
		return 0
	}
	all := o.Waits
	within := o.lambda * o.f.integral(max(t, 0).Seconds(), func(float64) float64 { return 1 }) / o.den
	return max(all-within, 0)
}

// seconds makes a duration, Endless when it does not fit.
func seconds(s float64) time.Duration {
	if ns := s * float64(time.Second); ns < float64(math.MaxInt64) {
		return time.Duration(ns)
	}
	return Endless
}
