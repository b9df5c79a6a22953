package report_test

import (
	"testing"
	"time"

	"pickup/call"
	"pickup/report"
)

func event(s float64, kind string, detail ...string) call.TimelineEvent {
	e := call.TimelineEvent{At: noon.Add(sec(s)), Kind: kind, Detail: map[string]string{}}
	for i := 0; i+1 < len(detail); i += 2 {
		e.Detail[detail[i]] = detail[i+1]
	}
	return e
}

func TestTheStoryOfACallGivesItsFacts(t *testing.T) {
	bridge := event(20, "bridged", "agent", "a1")
	for name, c := range map[string]struct {
		events []call.TimelineEvent
		want   report.CallFacts
	}{
		"left before the bridge": {
			[]call.TimelineEvent{event(3, "estimate_told", "low_ms", "30000", "high_ms", "90000"), event(9, "ended", "reason", "abandoned", "by", "player")},
			report.CallFacts{EndedBy: "player", Reason: "abandoned", PromisedAt: noon.Add(sec(3)), PromiseLow: sec(30), PromiseHigh: sec(90)},
		},
		"the first estimate counts, and those before the bridge": {
			[]call.TimelineEvent{
				event(3, "estimate_told", "low_ms", "30000", "high_ms", "90000"), event(15, "estimate_told", "high_ms", "1"), bridge,
				event(99, "ended", "by", "agent"),
			},
			report.CallFacts{
				Bridged: true, Agent: "a1", EndedBy: "agent", PromisedAt: noon.Add(sec(3)), PromiseLow: sec(30), PromiseHigh: sec(90), ActualWait: sec(17),
			},
		},
		"two holds, the second until the end": {
			[]call.TimelineEvent{bridge, event(30, "held"), event(40, "retrieved"), event(50, "held"), event(51, "held"), event(75, "ended")},
			report.CallFacts{Bridged: true, Agent: "a1", EndedBy: "system", Holds: 2, Hold: sec(35), LongestHold: sec(25)},
		},
		"blind to an agent": {
			[]call.TimelineEvent{bridge, event(30, "held"), event(35, "transfer_ringing", "to", "1002"), event(40, "transfer_answered", "to", "1002"), event(41, "bridged", "agent", "a2"), event(60, "ended")},
			report.CallFacts{Bridged: true, Agent: "a1", EndedBy: "system", Holds: 1, Hold: sec(5), LongestHold: sec(5), Blind: 1},
		},
		"blind to a queue, and back because nobody took him": {
			[]call.TimelineEvent{bridge, event(40, "requeued", "queue", "payments", "by", "1001"), event(60, "requeued", "queue", "support", "by", ""), event(70, "ended")},
			report.CallFacts{Bridged: true, Agent: "a1", EndedBy: "system", Blind: 1},
		},
		"attended to a number": {
			[]call.TimelineEvent{bridge, event(30, "consult_ringing", "to", "+33123456789"), event(33, "consult_answered", "to", "+33123456789"), event(40, "transferred", "to", "+33123456789", "why", "completed"), event(90, "ended")},
			report.CallFacts{Bridged: true, Agent: "a1", EndedBy: "system", Consults: 1, Attended: 1, External: 1},
		},
		"the agent hung up while he who was asked still rang": {
			[]call.TimelineEvent{bridge, event(30, "consult_ringing", "to", "1002"), event(31, "transferred", "to", "1002", "why", "Agent hung up"), event(35, "transfer_answered", "to", "1002"), event(60, "ended")},
			report.CallFacts{Bridged: true, Agent: "a1", EndedBy: "system", Blind: 1},
		},
		"taken over by a supervisor, which is no transfer": {
			[]call.TimelineEvent{bridge, event(30, "transferred", "to", "2001", "why", "taken over"), event(60, "ended")},
			report.CallFacts{Bridged: true, Agent: "a1", EndedBy: "system"},
		},
		"a conference": {
			[]call.TimelineEvent{bridge, event(30, "consult_answered"), event(35, "conference", "to", "1002"), event(60, "ended")},
			report.CallFacts{Bridged: true, Agent: "a1", EndedBy: "system", Consults: 1, Conferences: 1},
		},
		"the agent's line died": {
			[]call.TimelineEvent{bridge, event(30, "agent_line_dead"), event(30, "agent_lost"), event(60, "ended")},
			report.CallFacts{Bridged: true, Agent: "a1", EndedBy: "system", Abnormal: true},
		},
		"our fault": {
			[]call.TimelineEvent{bridge, event(30, "ended", "reason", "failed_system")},
			report.CallFacts{Bridged: true, Agent: "a1", EndedBy: "system", Abnormal: true, Reason: call.EndFailedSystem},
		},
	} {
		last := c.events[len(c.events)-1]
		c.want.CallID, c.want.Queue, c.want.Direction, c.want.EndedAt = "c1", "support", call.Inbound, last.At
		got := report.FactsOf(&call.Record{ID: "c1", Queue: "support", Direction: call.Inbound}, c.events)
		if got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, c.want)
		}
	}
}

func TestHowFarAnEstimateWas(t *testing.T) {
	f := report.CallFacts{Bridged: true, PromisedAt: noon, PromiseLow: time.Minute, PromiseHigh: 3 * time.Minute, ActualWait: 30 * time.Second}
	if d, ok := f.Miss(); !ok || d != 90*time.Second {
		t.Errorf("got %v %t", d, ok)
	}
	f.Bridged = false
	if _, ok := f.Miss(); ok {
		t.Error("who was never bridged has no wait to compare")
	}
}
