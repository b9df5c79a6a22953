package configs_test

import (
	"strings"
	"testing"
	"time"

	"pickup/configs"
)

func TestExampleScenarioIsRead(t *testing.T) {
	s, err := configs.LoadScenario("scenario.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if s.Length != 8*time.Hour || s.Seeds != 5 || len(s.Agents) != 3 || s.Agents[0].Count != 12 || len(s.Work) != 3 ||
		s.Work[0].Channel != "call" || *s.Work[0].Priority != 1 || s.Work[0].Handling.Mean != 270*time.Second || *s.Rules.Reserve != 10 {
		t.Errorf("got %+v", s)
	}
}

func TestWhatAScenarioCannotSay(t *testing.T) {
	const head = "queues: [{name: support}]\n"
	for want, text := range map[string]string{
		"queues":              "length: 1h",
		"length":              head + "length: 1s",
		"seeds":               head + "seeds: -1",
		"rules.placement":     head + "rules: {placement: heap}",
		"rules.order":         head + "rules: {order: none}",
		"rules.reserve":       head + "rules: {reserve: 101}",
		"agents[0].count":     head + "agents: [{count: 0}]",
		"agents[0].queues[0]": head + "agents: [{count: 1, queues: [other]}]",
		"agents[0].to":        head + "agents: [{count: 1, from: 2h, to: 1h}]",
		"agents[0].skills.x":  head + "agents: [{count: 1, skills: {x: 9}}]",
		"work[0].queue":       head + "work: [{queue: other, per_hour: 1, handling: {mean: 1m}}]",
		"work[0].channel":     head + "work: [{queue: support, channel: fax, per_hour: 1, handling: {mean: 1m}}]",
		"work[0].priority":    head + "work: [{queue: support, priority: 4, per_hour: 1, handling: {mean: 1m}}]",
		"work[0].skills.x":    head + "work: [{queue: support, skills: {x: 0}, per_hour: 1, handling: {mean: 1m}}]",
		"agents: 20000":       head + "agents: [{count: 10000}, {count: 10000}]",
		"nothing":             head + "nothing: 1",
	} {
		if _, err := configs.ParseScenario([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func FuzzScenario(f *testing.F) {
	f.Add("queues: [{name: support}]\nagents: [{count: 1}]\nwork: [{queue: support, per_hour: 1, handling: {mean: 1m}}]")
	f.Add("queues: 1\nrules: []")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := configs.ParseScenario([]byte(text))
		if err == nil && s.Check() != nil {
			t.Errorf("what was read does not pass its own check: %v", s.Check())
		}
	})
}
