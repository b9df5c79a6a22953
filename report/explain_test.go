package report_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"pickup/report"
)

func TestTheChainSaysWhyThisAgentAndNotTheOthers(t *testing.T) {
	members := func(queue string, at time.Time) ([]report.Standing, error) {
		if queue != "support" {
			return nil, errors.New("another queue")
		}
		first := report.Standing{Agent: "a1", Login: "1001", State: "ready", Since: noon}
		if at.After(noon.Add(sec(10))) {
			first.State, first.Why, first.Since = "not_ready", "no_answer", noon.Add(sec(13))
		}
		return []report.Standing{
			first,
			{Agent: "a2", Login: "1002", State: "ready", Rank: 1, Since: noon},
			{Agent: "a3", Login: "1003", State: "talking", Since: noon},
			{Agent: "a4", Login: "1004"},
			{Agent: "a5", Login: "1005", State: "ready", Lacks: "german", Since: noon},
			{Agent: "a6", Login: "1006", State: "ready", Since: noon},
		}, nil
	}
	var lines []report.Line
	for _, n := range log() {
		if n.Item == "i1" {
			lines = append(lines, n)
		}
	}
	steps, err := report.Explain(lines, members)
	if err != nil {
		t.Fatal(err)
	}
	var what []string
	for _, s := range steps {
		what = append(what, s.What)
	}
	want := []string{"joined", "offered", "again", "offer_ended", "offered", "answered", "bridged", "ended", "offer_ended"}
	if !reflect.DeepEqual(what, want) {
		t.Fatalf("got %v, want %v", what, want)
	}
	if got, want := steps[1].Passed, []report.Passed{
		{"1002", "rank 1, after 0"},
		{"1003", "talking since 12:00:00"},
		{"1004", "not signed in"},
		{"1005", "lacks the skill german"},
		{"1006", "ready since 12:00:00: the rule of the offer chose the other"},
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("first offer:\n got %v\nwant %v", got, want)
	}
	if got := steps[4].Passed[0]; got != (report.Passed{"1001", "not ready (no_answer) since 12:00:13"}) {
		t.Errorf("second offer: got %v", got)
	}
	if _, err := report.Explain([]report.Line{{Kind: "offer", Queue: "x"}}, members); err == nil {
		t.Error("who stood how is not known, and nothing was said of it")
	}
}

func TestWhoSaidNoIsPassed(t *testing.T) {
	members := func(string, time.Time) ([]report.Standing, error) {
		return []report.Standing{{Agent: "a1", Login: "1001", State: "ready"}, {Agent: "a2", Login: "1002", State: "ready"}}, nil
	}
	steps, err := report.Explain([]report.Line{
		{Kind: "offer", Agent: "a1"}, {Kind: "release", Agent: "a1", Outcome: "rejected"}, {Kind: "offer", Agent: "a2"},
	}, members)
	if err != nil || len(steps) != 3 || steps[2].Passed[0].Why != "said no to it before (rejected)" {
		t.Errorf("got %+v, %v", steps, err)
	}
}
