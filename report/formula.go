package report

import (
	"math"
	"time"
)

// Value is a figure with the parts it was made of. In is 0 when nothing counted:
// the figure is then unknown, not 0.
type Value struct {
	Of, In float64 // numerator, denominator; of a percentile: the value, and the number of values
	Unit   Unit
}

// Unit says how a Value reads.
type Unit string

// The units.
const (
	Number  Unit = "number"  // Of alone
	Percent Unit = "percent" // 100 x Of / In
	Millis  Unit = "ms"      // Of / In, in milliseconds
	Each    Unit = "each"    // Of / In, a plain ratio
	Exact   Unit = "exact"   // Of, in milliseconds: a percentile or a maximum of In values
)

// Known reports whether there is anything to say.
func (v Value) Known() bool { return v.Unit == Number || v.In > 0 }

// Float is the figure; 0 where it is not known.
func (v Value) Float() float64 {
	switch {
	case !v.Known():
		return 0
	case v.Unit == Percent:
		return 100 * v.Of / v.In
	case v.Unit == Millis, v.Unit == Each:
		return v.Of / v.In
	default:
		return v.Of
	}
}

func share(of, in int64) Value { return Value{float64(of), float64(in), Percent} }

func mean(sum time.Duration, n int64) Value { return Value{millisOf(sum), float64(n), Millis} }

func millisOf(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// part is the share of a time in another.
func part(of, in time.Duration) Value { return Value{millisOf(of), millisOf(in), Percent} }

// ServiceLevel is the headline, headline/1:
// answered with wait <= target / (answered + abandoned + overflowed - short abandoned).
// The wait ends at the bridge. Callbacks requested are in no denominator.
func ServiceLevel(s *Sums) Value {
	return share(s.N[AnsweredInTarget], s.N[Answered]+s.N[Abandoned]+s.N[Overflowed]-s.N[ShortAbandoned])
}

// ServiceLevelStrict is answered within the target / offered.
func ServiceLevelStrict(s *Sums) Value { return share(s.N[AnsweredInTarget], s.N[Offered]) }

// ServiceLevelInclusive counts who left within the target as served:
// (answered + abandoned, both within the target) / (answered + abandoned).
func ServiceLevelInclusive(s *Sums) Value {
	return share(s.N[AnsweredInTarget]+s.N[AbandonedInTarget], s.N[Answered]+s.N[Abandoned])
}

// ServiceLevelNeutral leaves out who left within the target:
// answered within the target / (answered + abandoned beyond it).
func ServiceLevelNeutral(s *Sums) Value {
	return share(s.N[AnsweredInTarget], s.N[Answered]+s.N[Abandoned]-s.N[AbandonedInTarget])
}

// ServiceLevelAnswered is answered within the target / answered.
func ServiceLevelAnswered(s *Sums) Value { return share(s.N[AnsweredInTarget], s.N[Answered]) }

// CallbackServiceLevel is callbacks connected within the promised window /
// callbacks confirmed.
func CallbackServiceLevel(s *Sums) Value {
	return share(s.N[CallbacksInWindow], s.N[CallbacksConfirmed])
}

// ASA is the average speed of answer: sum of the waits of the answered / answered.
func ASA(s *Sums) Value { return mean(s.WaitAnswered, s.N[Answered]) }

// AverageWait is over everybody: sum of all waits / offered.
func AverageWait(s *Sums) Value { return mean(s.WaitAll, s.N[Offered]) }

// WaitPercentile is the nearest-rank percentile p (1 to 100) of the waits of the
// answered, from the calls themselves.
func WaitPercentile(s *Sums, p int) Value {
	d, _ := percentile(s.waits, p)
	return Value{millisOf(d), float64(len(s.waits)), Exact}
}

// LongestWait is the longest wait of the answered.
func LongestWait(s *Sums) Value { return WaitPercentile(s, 100) }

// AbandonRate is (abandoned - short) / (offered - short).
func AbandonRate(s *Sums) Value {
	return share(s.N[Abandoned]-s.N[ShortAbandoned], s.N[Offered]-s.N[ShortAbandoned])
}

// AbandonRateRaw is abandoned / offered, short ones included.
func AbandonRateRaw(s *Sums) Value { return share(s.N[Abandoned], s.N[Offered]) }

// TimeToAbandon is the sum of the waits of the abandoned / abandoned.
func TimeToAbandon(s *Sums) Value { return mean(s.WaitAbandoned, s.N[Abandoned]) }

// OverflowRate is flow-outs / offered.
func OverflowRate(s *Sums) Value { return share(s.N[Overflowed], s.N[Offered]) }

// AnswerRate is offers answered / offers.
func AnswerRate(s *Sums) Value { return share(s.N[OffersAnswered], s.N[Offers]) }

// MissedRate (RONA, ring on no answer) is offers timed out / offers; those that
// were taken back, because the caller left or another agent won, are in neither.
func MissedRate(s *Sums) Value {
	return share(s.N[OffersMissed], s.N[Offers]-s.N[OffersWithdrawn])
}

// MeanTalk is the sum of the talk / handled.
func MeanTalk(s *Sums) Value { return mean(s.Talk, s.N[Handled]) }

// MeanHold is the sum of the holds / handled: per call.
func MeanHold(s *Sums) Value { return mean(s.Hold, s.N[Handled]) }

// MeanHoldHeld is the sum of the holds / handled in which the player was held: per
// held call.
func MeanHoldHeld(s *Sums) Value { return mean(s.Hold, s.N[HandledHeld]) }

// LongestHold is the longest single hold.
func LongestHold(s *Sums) Value {
	return Value{millisOf(s.LongestHold), float64(s.N[HandledHeld]), Exact}
}

// HoldsPerCall is the number of holds / handled.
func HoldsPerCall(s *Sums) Value { return Value{float64(s.Holds), float64(s.N[Handled]), Each} }

// MeanWrapUp (ACW) is the sum of t_wrap_end - t_release / handled.
func MeanWrapUp(s *Sums) Value { return mean(s.Wrap, s.N[Handled]) }

// AHT is the average handling time: (talk + hold + wrap-up, and dialling where the
// agent called) / handled.
func AHT(s *Sums) Value { return mean(s.Dial+s.Talk+s.Hold+s.Wrap, s.N[Handled]) }

// Occupancy is handling / (handling + idle ready).
func Occupancy(s *Sums) Value { return part(s.Handling, s.Handling+s.Idle) }

// Utilisation is handling / signed in. It is not occupancy: breaks count.
func Utilisation(s *Sums) Value { return part(s.Handling, s.SignedIn) }

// Adherence is the time in the scheduled state / scheduled time.
func Adherence(inState, scheduled time.Duration) Value { return part(inState, scheduled) }

// Conformance is the time worked / scheduled time; over 100 % is possible.
func Conformance(worked, scheduled time.Duration) Value { return part(worked, scheduled) }

// TransferRate is calls given away / calls that were bridged.
func TransferRate(s *Sums) Value { return share(s.N[Transferred], s.N[CallsEnded]) }

// BlindTransferRate is calls given away without a word / bridged.
func BlindTransferRate(s *Sums) Value { return share(s.N[TransferredBlnd], s.N[CallsEnded]) }

// AttendedTransferRate is calls given away after a consultation / bridged.
func AttendedTransferRate(s *Sums) Value { return share(s.N[TransferredAttd], s.N[CallsEnded]) }

// ExternalTransferRate is calls given away to a number / bridged.
func ExternalTransferRate(s *Sums) Value { return share(s.N[TransferredOut], s.N[CallsEnded]) }

// ConsultRate is calls in which somebody was consulted / bridged.
func ConsultRate(s *Sums) Value { return share(s.N[Consulted], s.N[CallsEnded]) }

// ConferenceRate is calls that became a conference / bridged.
func ConferenceRate(s *Sums) Value { return share(s.N[Conferenced], s.N[CallsEnded]) }

// AgentHungUpRate is calls that the agent released first / bridged.
func AgentHungUpRate(s *Sums) Value { return share(s.N[AgentHungUp], s.N[CallsEnded]) }

// AbnormalEndRate is calls with dead media, a failed leg or a restart / bridged.
func AbnormalEndRate(s *Sums) Value { return share(s.N[AbnormalEnd], s.N[CallsEnded]) }

// BlockedRate is attempts refused by 503, busy or full / attempts.
func BlockedRate(refused, attempts int64) Value { return share(refused, attempts) }

// EstimateError is the median of |promise - actual|, the promise being the middle
// of the range that was told.
func EstimateError(s *Sums) Value {
	d, _ := percentile(s.misses, 50)
	return Value{millisOf(d), float64(len(s.misses)), Exact}
}

// EstimateKept is estimates whose upper bound was kept / estimates told to players
// who were bridged.
func EstimateKept(s *Sums) Value { return share(s.N[PromiseKept], s.N[Promised]) }

// CallbackRate is callbacks confirmed / offered.
func CallbackRate(s *Sums) Value { return share(s.N[CallbackRequested], s.N[Offered]) }

// CallbackReached is callbacks that reached their player / confirmed.
func CallbackReached(s *Sums) Value { return share(s.N[CallbacksReached], s.N[CallbacksConfirmed]) }

// AttemptsPerSuccess is the attempts of the callbacks that were reached / reached.
func AttemptsPerSuccess(s *Sums) Value {
	return Value{float64(s.Attempts), float64(s.N[CallbacksReached]), Each}
}

// TimeToCallback is the sum of the times from confirmation to connection / reached.
func TimeToCallback(s *Sums) Value { return mean(s.ToCallback, s.N[CallbacksReached]) }

// RepeatRate is callers with two calls or more within a period / callers. times
// holds, for each caller, when he called, in order.
func RepeatRate(times map[string][]time.Time, within time.Duration) Value {
	var again int64
	for _, all := range times {
		for i := 1; i < len(all); i++ {
			if all[i].Sub(all[i-1]) <= within {
				again++
				break
			}
		}
	}
	return share(again, int64(len(times)))
}

// Kappa is Cohen's kappa of two raters of the same items, -1 to 1: (po - pe) /
// (1 - pe), po the share on which they agree, pe the share they would by chance
// (Cohen, Educ. Psychol. Meas. 20, 1960). ok is false without items, with lists of
// different length, and where chance alone agrees always.
func Kappa(a, b []string) (kappa float64, ok bool) {
	if len(a) == 0 || len(a) != len(b) {
		return 0, false
	}
	n := float64(len(a))
	var agree float64
	first, second := map[string]float64{}, map[string]float64{}
	for i := range a {
		if a[i] == b[i] {
			agree++
		}
		first[a[i]]++
		second[b[i]]++
	}
	var chance float64
	for k, v := range first {
		chance += v / n * second[k] / n
	}
	if chance >= 1 {
		return 0, false
	}
	return (agree/n - chance) / (1 - chance), true
}

// MeanAbsoluteDifference of scores to their reference; ok is false without any,
// or with lists of different length.
func MeanAbsoluteDifference(scores, reference []float64) (d float64, ok bool) {
	if len(scores) == 0 || len(scores) != len(reference) {
		return 0, false
	}
	for i := range scores {
		d += math.Abs(scores[i] - reference[i])
	}
	return d / float64(len(scores)), true
}
