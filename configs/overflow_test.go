package configs_test

import (
	"strings"
	"testing"
	"time"

	"pickup/configs"
)

func TestRulesOfOverflowInASiteFile(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"every rule": {"hours: [{name: day, days: {mon: ['09:00-18:00']}}]\nqueues:\n  - {name: a, overflow: {time: {kind: queue, queue: B}, full: {kind: voicemail, queue: b}, " +
			"estimate: {kind: callback}, no_agent: {kind: message, prompt: closed}, closed: {kind: voicemail}, closing: {kind: callback}, " +
			"estimate_above: 10m, leave_when_empty: true, empty_after: 30s, staffed: day}}\n  - {name: b}", ""},
		"an unknown kind":          {"queues: [{name: a, overflow: {time: {kind: fax}}}]", `queues[0].overflow.time.kind: "fax"`},
		"a queue without a kind":   {"queues: [{name: a, overflow: {time: {queue: a}}}]", "queues[0].overflow.time.kind"},
		"an unknown queue":         {"queues: [{name: a, overflow: {full: {kind: queue, queue: b}}}]", `queues[0].overflow.full.queue: "b"`},
		"a callback to a queue":    {"queues: [{name: a, overflow: {full: {kind: callback, queue: a}}}]", "queues[0].overflow.full.queue"},
		"a prompt that is none":    {"queues: [{name: a, overflow: {closed: {kind: message, prompt: nothing}}}]", "queues[0].overflow.closed.prompt"},
		"a prompt of a voicemail":  {"queues: [{name: a, overflow: {closed: {kind: voicemail, prompt: closed}}}]", "queues[0].overflow.closed.prompt"},
		"an estimate of 5 h":       {"queues: [{name: a, overflow: {estimate_above: 5h}}]", "queues[0].overflow.estimate_above"},
		"empty after 2 h":          {"queues: [{name: a, overflow: {empty_after: 2h}}]", "queues[0].overflow.empty_after"},
		"hours that are not there": {"queues: [{name: a, overflow: {staffed: day}}]", "queues[0].overflow.staffed"},
		"a circle": {
			"queues: [{name: a, overflow: {time: {kind: queue, queue: b}}}, {name: b, overflow: {full: {kind: queue, queue: A}}}]",
			`queues[0].overflow: "a > b > a"`,
		},
		"an unknown rule": {"queues: [{name: a, overflow: {times: {kind: callback}}}]", "the nearest is queues[0].overflow.time"},
	} {
		t.Run(name, func(t *testing.T) {
			site, err := configs.ParseSite([]byte(c.text))
			if c.want == "" {
				o := site.Queues[0].Overflow
				if err != nil || o.Time.Queue != "B" || o.EstimateAbove != 10*time.Minute || !o.LeaveWhenEmpty || o.Staffed != "day" {
					t.Errorf("got %+v, %v", o, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
