package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

// Work is one call, chat or message that comes.
type Work struct {
	At       time.Time
	Queue    string // name, case-insensitive
	Channel  call.Channel
	Priority int // as queue.Item
	Needs    []queue.Need
	Language string
	Handling time.Duration // an agent works on it, wrap-up apart
	Patience time.Duration // who waits longer gives up; 0: never
	PickUp   time.Duration // from the offer until the agent answers it
	// WrapUp is how soon after the talk its agent says that he is ready again;
	// 0: he lets the wrap-up of the queue run.
	WrapUp time.Duration
}

// Presence is one change of what an agent is there for.
type Presence struct {
	Agent   account.ID
	At      time.Time
	Ready   bool // false: away. A call that he has goes on
	Phone   bool // he can be rung
	Console bool // he can be given written work
}

// Site is who works, and by which rules.
type Site struct {
	Rules    queue.Config
	Queues   []queue.QueueConfig
	Agents   []queue.AgentConfig
	Presence []Presence // in any order. An agent without any is there from the start, for everything
}

// Spread is a distribution of times: Least and a random part of mean Mean on it.
type Spread struct {
	Least, Mean time.Duration
	Shape       Shape
	Deviation   float64 // of ShapeLognormal: standard deviation over the mean; 0: 1
}

// Shape is the form of the random part of a Spread.
type Shape string

// The shapes.
const (
	ShapeExponential Shape = "exponential" // also ""
	ShapeLognormal   Shape = "lognormal"   // as talks are: many of middling length, a few long ones
	ShapeConstant    Shape = "constant"
)

// Shapes returns all of them, the default first.
func Shapes() []string {
	return []string{string(ShapeExponential), string(ShapeLognormal), string(ShapeConstant)}
}

// draw takes one time.
func (s Spread) draw(r *rand.Rand) time.Duration {
	x := 1.0
	switch s.Shape {
	case ShapeConstant:
	case ShapeLognormal:
		cv := s.Deviation
		if cv <= 0 {
			cv = 1
		}
		variance := math.Log(1 + cv*cv)
		x = math.Exp(r.NormFloat64()*math.Sqrt(variance) - variance/2)
	default:
		x = r.ExpFloat64()
	}
	return s.Least + time.Duration(x*float64(s.Mean))
}

// Stream is work of one kind that comes at random (Poisson).
type Stream struct {
	Queue    string
	Channel  call.Channel
	PerHour  float64 // mean over a Period
	Swing    float64 // 0 to 1: the rate goes up and down by this part of it
	Period   time.Duration
	Profile  []float64 // factors of the rate by hour from the start, the last one stays; none: 1
	Priority int
	Needs    []queue.Need
	Handling Spread
	Patience Spread // zero: nobody gives up
	PickUp   Spread
}

// MaxWork is the most that one run takes.
const MaxWork = 2_000_000

// Check says which value of s cannot be used.
func (s *Stream) Check() error {
	switch {
	case !(s.PerHour >= 0 && s.PerHour <= 1_000_000):
		return fmt.Errorf("simulate: per_hour of %s in %s: 0 to 1000000, got %g", s.Channel, s.Queue, s.PerHour)
	case !(s.Swing >= 0 && s.Swing <= 1):
		return fmt.Errorf("simulate: swing of %s in %s: 0 to 1, got %g", s.Channel, s.Queue, s.Swing)
	case s.Swing > 0 && s.Period <= 0:
		return fmt.Errorf("simulate: period of %s in %s: above 0 where there is a swing, got %s", s.Channel, s.Queue, s.Period)
	case s.Handling.Least < 0 || s.Handling.Mean < 0 || s.Handling.Least+s.Handling.Mean <= 0:
		return fmt.Errorf("simulate: handling of %s in %s: above 0, got %s and a mean of %s", s.Channel, s.Queue, s.Handling.Least, s.Handling.Mean)
	case s.Patience.Least < 0 || s.Patience.Mean < 0 || s.PickUp.Least < 0 || s.PickUp.Mean < 0:
		return fmt.Errorf("simulate: patience and pick_up of %s in %s: 0 or more", s.Channel, s.Queue)
	case slices.ContainsFunc(s.Profile, func(f float64) bool { return !(f >= 0 && f <= 100) }):
		return fmt.Errorf("simulate: profile of %s in %s: factors of 0 to 100, got %v", s.Channel, s.Queue, s.Profile)
	}
	for name, d := range map[string]Spread{"handling": s.Handling, "patience": s.Patience, "pick_up": s.PickUp} {
		if d.Shape != "" && !slices.Contains(Shapes(), string(d.Shape)) {
			return fmt.Errorf("simulate: shape of %s of %s in %s: one of %v, got %q", name, s.Channel, s.Queue, Shapes(), d.Shape)
		}
	}
	return nil
}

// rate is the calls an hour at a time since the start.
func (s *Stream) rate(at time.Duration) float64 {
	r := s.PerHour
	if n := len(s.Profile); n > 0 {
		r *= s.Profile[min(int(at/time.Hour), n-1)]
	}
	if s.Swing > 0 {
		r *= 1 + s.Swing*math.Sin(2*math.Pi*at.Seconds()/s.Period.Seconds())
	}
	return r
}

// most is a rate that is never exceeded.
func (s *Stream) most() float64 {
	top := 1.0
	if len(s.Profile) > 0 {
		top = slices.Max(s.Profile)
	}
	return s.PerHour * top * (1 + s.Swing)
}

// Draw makes the work that streams bring in length from start. Each stream has
// a source of its own, so that a change of one leaves the others as they are, and
// one seed is the same work under any rules. It fails where a stream cannot be
// used and where more than MaxWork would come.
func Draw(streams []Stream, start time.Time, length time.Duration, seed uint64) ([]Work, error) {
	var all []Work
	expected := 0.0
	for i := range streams {
		s := &streams[i]
		if err := s.Check(); err != nil {
			return nil, err
		}
		if expected += s.most() * length.Hours(); expected > MaxWork {
			return nil, fmt.Errorf("simulate: more than %d calls, chats and messages in %s", MaxWork, length)
		}
		r := rand.New(rand.NewPCG(seed, uint64(i)+1))
		top := s.most()
		if top <= 0 {
			continue
		}
		// A stream of the greatest rate, thinned (Lewis and Shedler 1979).
		for at := time.Duration(0); ; {
			at += time.Duration(r.ExpFloat64() / top * float64(time.Hour))
			if at >= length {
				break
			}
			keep := r.Float64()*top < s.rate(at)
			w := Work{
				At: start.Add(at), Queue: s.Queue, Channel: s.Channel, Priority: s.Priority, Needs: s.Needs,
				Handling: s.Handling.draw(r), PickUp: s.PickUp.draw(r),
			}
			if s.Patience.Least+s.Patience.Mean > 0 {
				w.Patience = max(s.Patience.draw(r), time.Millisecond)
			}
			if keep {
				all = append(all, w)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Work) int { return a.At.Compare(b.At) })
	return all, nil
}
