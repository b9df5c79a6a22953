package report_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pickup/call"
	"pickup/report"
)

// noon is the instant at which the tests' stories begin.
var noon = time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)

const target = 30 * time.Second

func sec(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// entry entered at noon, waited so long and ended so; an answered one was bridged.
func entry(wait float64, reason call.EndReason) report.Entry {
	e := report.Entry{Queue: "support", Channel: call.ChannelCall, EnteredAt: noon, Wait: sec(wait), Reason: reason}
	if reason.CountsAnswered() || reason == "" {
		e.BridgedAt = noon.Add(e.Wait)
	}
	if reason != "" {
		e.EndedAt = noon.Add(e.Wait + time.Minute)
	}
	return e
}

// day is a day counted by hand: 6 answered (4 within 30 s, of which one held and
// left, one still talks), 4 abandoned (2 short, 1 within the target, 1 beyond), 1
// overflowed, 1 callback, 1 waits, and one who had waited before.
func day() *report.Sums {
	s := &report.Sums{}
	for _, e := range []report.Entry{
		entry(10, call.EndAnswered), entry(30, call.EndAnswered), entry(31, call.EndAnswered), entry(90, call.EndAnswered),
		entry(20, call.EndAbandonedOnHold), entry(5, ""),
		entry(1, call.EndShortAbandoned), entry(4, call.EndShortAbandoned), entry(15, call.EndAbandonedRinging), entry(60, call.EndAbandoned),
		entry(120, call.EndOverflowTime), entry(50, call.EndCallbackRequested),
		{Queue: "support", Channel: call.ChannelCall, EnteredAt: noon, Wait: sec(8)},
		{Queue: "support", Channel: call.ChannelCall, EnteredAt: noon, Wait: sec(99), Again: true, Reason: call.EndAnswered},
	} {
		s.AddEntry(&e, target)
	}
	for n, outcome := range map[call.Outcome]int{
		call.OutcomeAnswered: 6, call.OutcomeMissed: 2, call.OutcomeRejected: 1, call.OutcomeBusy: 1, call.OutcomeWithdrawn: 2,
	} {
		for range outcome {
			s.AddOffer(&report.Offer{Outcome: n.String()})
		}
	}
	for _, h := range []report.Handling{
		{ReleasedAt: noon, Talk: sec(100), Wrap: sec(20)},
		{ReleasedAt: noon, Talk: sec(200), Hold: sec(40), Holds: 2, LongestHold: sec(30), Wrap: sec(30)},
		{ReleasedAt: noon, Talk: sec(60), Dial: sec(10)},
		{ReleasedAt: noon, Dial: sec(25)}, // nobody answered: not handled
		{Talk: sec(1000)},                 // lasts
	} {
		s.AddHandling(&h)
	}
	for _, f := range []report.CallFacts{
		{Bridged: true, EndedBy: report.ByAgent, PromisedAt: noon, PromiseLow: sec(30), PromiseHigh: sec(90), ActualWait: sec(50)},
		{Bridged: true, Blind: 1, External: 1, PromisedAt: noon, PromiseLow: sec(0), PromiseHigh: sec(30), ActualWait: sec(45)},
		{Bridged: true, Attended: 1, Consults: 1},
		{Bridged: true, Conferences: 1, Abnormal: true, PromisedAt: noon, PromiseLow: sec(60), PromiseHigh: sec(120), ActualWait: sec(90)},
		{PromisedAt: noon, PromiseHigh: sec(60)}, // left before the bridge
	} {
		s.AddCall(&f)
	}
	for _, c := range []report.Callback{
		{ConfirmedAt: noon, ReachedAt: noon.Add(sec(300)), Attempts: 1},
		{ConfirmedAt: noon, ReachedAt: noon.Add(sec(900)), WindowTo: noon.Add(sec(600)), Attempts: 2},
		{ConfirmedAt: noon, EndedAt: noon.Add(time.Hour), Attempts: 3},
		{ConfirmedAt: noon},
	} {
		s.AddCallback(&c)
	}
	for state, d := range map[string]float64{
		"talking": 3000, "holding": 300, "wrap_up": 300, "ready": 800, "reserved": 100, "not_ready": 1500, "offline": 9999, "unreachable": 9,
	} {
		s.AddState(state, sec(d))
	}
	return s
}

func TestEachFormulaGivesWhatWasCountedByHand(t *testing.T) {
	s := day()
	for name, c := range map[string]struct {
		got  report.Value
		want float64
	}{
		"service level: 4 of 6+4+1-2":          {report.ServiceLevel(s), 100 * 4.0 / 9},
		"strict: 4 of 13":                      {report.ServiceLevelStrict(s), 100 * 4.0 / 13},
		"inclusive: 4+3 of 6+4":                {report.ServiceLevelInclusive(s), 70},
		"neutral: 4 of 6+1":                    {report.ServiceLevelNeutral(s), 100 * 4.0 / 7},
		"answered only: 4 of 6":                {report.ServiceLevelAnswered(s), 100 * 4.0 / 6},
		"ASA: 10+30+31+90+20+5 of 6":           {report.ASA(s), 186_000.0 / 6},
		"average wait: 186+80+120+50+8 of 13":  {report.AverageWait(s), 444_000.0 / 13},
		"p50 of 5 10 20 30 31 90":              {report.WaitPercentile(s, 50), 20_000},
		"p90":                                  {report.WaitPercentile(s, 90), 90_000},
		"longest":                              {report.LongestWait(s), 90_000},
		"abandon rate: 4-2 of 13-2":            {report.AbandonRate(s), 100 * 2.0 / 11},
		"raw: 4 of 13":                         {report.AbandonRateRaw(s), 100 * 4.0 / 13},
		"time to abandon: 1+4+15+60 of 4":      {report.TimeToAbandon(s), 20_000},
		"overflow: 1 of 13":                    {report.OverflowRate(s), 100.0 / 13},
		"callback rate: 1 of 13":               {report.CallbackRate(s), 100.0 / 13},
		"answer rate: 6 of 12":                 {report.AnswerRate(s), 50},
		"missed: 2 of 12-2":                    {report.MissedRate(s), 20},
		"talk: 100+200+60 of 3":                {report.MeanTalk(s), 120_000},
		"hold per call: 40 of 3":               {report.MeanHold(s), 40_000.0 / 3},
		"hold per held call: 40 of 1":          {report.MeanHoldHeld(s), 40_000},
		"longest hold":                         {report.LongestHold(s), 30_000},
		"holds: 2 of 3":                        {report.HoldsPerCall(s), 2.0 / 3},
		"wrap-up: 50 of 3":                     {report.MeanWrapUp(s), 50_000.0 / 3},
		"AHT: 360+40+50+10 of 3":               {report.AHT(s), 460_000.0 / 3},
		"occupancy: 3600 of 3600+900":          {report.Occupancy(s), 80},
		"utilisation: 3600 of 6000":            {report.Utilisation(s), 60},
		"adherence":                            {report.Adherence(sec(54), sec(60)), 90},
		"conformance":                          {report.Conformance(sec(66), sec(60)), 110},
		"transfers: 2 of 4":                    {report.TransferRate(s), 50},
		"blind: 1 of 4":                        {report.BlindTransferRate(s), 25},
		"attended: 1 of 4":                     {report.AttendedTransferRate(s), 25},
		"external: 1 of 4":                     {report.ExternalTransferRate(s), 25},
		"consults: 1 of 4":                     {report.ConsultRate(s), 25},
		"conferences: 1 of 4":                  {report.ConferenceRate(s), 25},
		"agent hung up: 1 of 4":                {report.AgentHungUpRate(s), 25},
		"abnormal: 1 of 4":                     {report.AbnormalEndRate(s), 25},
		"blocked":                              {report.BlockedRate(3, 60), 5},
		"estimate: median of 10, 30, 0":        {report.EstimateError(s), 10_000},
		"kept: 50<=90 and 90<=120, not 45<=30": {report.EstimateKept(s), 100 * 2.0 / 3},
		"callback level: 1 of 4":               {report.CallbackServiceLevel(s), 25},
		"callbacks reached: 2 of 4":            {report.CallbackReached(s), 50},
		"attempts of the reached: 1+2 of 2":    {report.AttemptsPerSuccess(s), 1.5},
		"time to callback: 300+900 of 2":       {report.TimeToCallback(s), 600_000},
	} {
		if got := c.got.Float(); math.Abs(got-c.want) > 1e-9 || !c.got.Known() {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// Without anything to count a figure is unknown, and no number.
func TestNothingIsNotZero(t *testing.T) {
	for _, f := range append(report.QueueFigures(), report.AgentFigures()...) {
		v := f.Of(&report.Sums{})
		if v.Known() != (v.Unit == report.Number) || v.Float() != 0 || v.Unit != report.Number && v.Text() != "" {
			t.Errorf("%s of nothing: got %+v, known %t, %q", f.Name, v, v.Known(), v.Text())
		}
	}
}

func TestEachFigureIsDescribedOnce(t *testing.T) {
	for name, all := range map[string][]report.Figure{"queue": report.QueueFigures(), "agent": report.AgentFigures()} {
		seen := map[string]bool{}
		for _, f := range all {
			if seen[f.Name] || f.Formula == "" {
				t.Errorf("%s: %s is there twice, or has no formula", name, f.Name)
			}
			seen[f.Name] = true
			if source, ok := report.SourceOf(f.Items); f.Items != "" && (!ok || source != f.Source || source.Attribution() == "") {
				t.Errorf("%s: the items of %s are of %q, the figure is of %q", name, f.Name, source, f.Source)
			}
		}
	}
}

// anySums draws facts, adds each to whole and to one of the parts.
func anySums(t *rapid.T, whole *report.Sums, parts []*report.Sums) {
	for range rapid.IntRange(0, 40).Draw(t, "facts") {
		part := parts[rapid.IntRange(0, len(parts)-1).Draw(t, "part")]
		reason := rapid.SampledFrom(append([]call.EndReason{""}, call.Reasons[:]...)).Draw(t, "reason")
		e := entry(float64(rapid.IntRange(0, 100).Draw(t, "wait")), reason)
		if reason == "" && rapid.Bool().Draw(t, "waits") {
			e.BridgedAt = time.Time{}
		}
		e.Again = rapid.IntRange(0, 9).Draw(t, "again") == 0
		f := report.CallFacts{
			Bridged: rapid.Bool().Draw(t, "bridged"), PromisedAt: noon, PromiseHigh: sec(float64(rapid.IntRange(0, 99).Draw(t, "high"))),
			ActualWait: e.Wait,
		}
		for _, s := range []*report.Sums{whole, part} {
			s.AddEntry(&e, target)
			s.AddCall(&f)
			s.AddOffer(&report.Offer{Outcome: call.OutcomeMissed.String()})
			s.AddState("ready", e.Wait)
		}
	}
}

// The sums of parts, added, are the sums of the whole: whatever figure is made of
// them is the same.
func TestPartsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole, parts := &report.Sums{}, []*report.Sums{{}, {}, {}}
		anySums(t, whole, parts)
		sum := &report.Sums{}
		for _, p := range parts {
			sum.Add(p)
		}
		if !sum.Same(whole) {
			t.Fatalf("the parts are %+v, the whole is %+v", sum, whole)
		}
		for _, f := range append(report.QueueFigures(), report.AgentFigures()...) {
			if a, b := f.Of(sum), f.Of(whole); a != b {
				t.Fatalf("%s: got %v, want %v", f.Name, a, b)
			}
		}
		if parts := report.Parts(whole); parts != whole.N[report.Offered] {
			t.Fatalf("offered %d, its parts %d", whole.N[report.Offered], parts)
		}
	})
}

// Each count of the sums is the number of entries that its predicate lists.
func TestACountIsItsList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s report.Sums
		listed := map[report.Count]int64{}
		for n := range rapid.IntRange(0, 30).Draw(t, "entries") {
			e := entry(float64(rapid.IntRange(0, 60).Draw(t, fmt.Sprint("wait", n))), rapid.SampledFrom(append([]call.EndReason{""}, call.Reasons[:]...)).Draw(t, "reason"))
			e.Again = rapid.IntRange(0, 9).Draw(t, "again") == 0
			s.AddEntry(&e, target)
			for _, c := range report.CountsOf(report.SourceEntries) {
				if e.Counts(c, target) {
					listed[c]++
				}
			}
		}
		for _, c := range report.CountsOf(report.SourceEntries) {
			if s.N[c] != listed[c] {
				t.Fatalf("%s: the figure is %d, %d are listed", c, s.N[c], listed[c])
			}
		}
	})
}

func TestRepeatCallers(t *testing.T) {
	times := map[string][]time.Time{
		"once": {noon}, "twice in an hour": {noon, noon.Add(time.Hour)}, "twice in three days": {noon, noon.Add(72 * time.Hour)},
		"thrice, the last two close": {noon, noon.Add(100 * time.Hour), noon.Add(101 * time.Hour)},
	}
	if got := report.RepeatRate(times, 24*time.Hour); got.Of != 2 || got.In != 4 {
		t.Errorf("within a day: got %v", got)
	}
	if got := report.RepeatRate(times, 7*24*time.Hour); got.Of != 3 {
		t.Errorf("within a week: got %v", got)
	}
}

func TestAgreementOfRaters(t *testing.T) {
	// 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: po 0.7, pe 0.5.
	var a, b []string
	for pair, n := range map[[2]string]int{{"y", "y"}: 20, {"y", "n"}: 5, {"n", "y"}: 10, {"n", "n"}: 15} {
		for range n {
			a, b = append(a, pair[0]), append(b, pair[1])
		}
	}
	if k, ok := report.Kappa(a, b); !ok || math.Abs(k-0.4) > 1e-9 {
		t.Errorf("got %v %t, want 0.4", k, ok)
	}
	for name, c := range map[string][2][]string{"nothing": {}, "chance alone": {{"y"}, {"y"}}, "different lengths": {{"y"}, {"y", "n"}}} {
		if _, ok := report.Kappa(c[0], c[1]); ok {
			t.Errorf("%s: a kappa was told", name)
		}
	}
	if d, ok := report.MeanAbsoluteDifference([]float64{80, 60}, []float64{70, 65}); !ok || d != 7.5 {
		t.Errorf("got %v %t, want 7.5", d, ok)
	}
	if _, ok := report.MeanAbsoluteDifference(nil, nil); ok {
		t.Error("a difference of nothing was told")
	}
}
