package simulate_test

import (
	"testing"
	"time"

	"pickup/queue"
	"pickup/simulate"
)

func TestScale(t *testing.T) {
	work, err := simulate.Draw(mixed(600, 0, 0), start, 4*time.Hour, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, percent := range []int{0, 50, 100, 150, 250} {
		got, want := len(simulate.Scale(work, percent)), len(work)*percent/100
		if got < want-100 || got > want+100 {
			t.Errorf("%d %%: got %d of %d", percent, got, len(work))
		}
	}
}

func TestMoreAndFewerAgents(t *testing.T) {
	site := floor(3, queue.Config{})
	site.Presence = []simulate.Presence{{Agent: "a000", At: start, Ready: true, Phone: true}}
	more, err := site.With("Support", 4)
	if err != nil || len(more.Agents) != 7 || len(more.Queues[0].Members) != 7 || len(more.Presence) != 3 {
		t.Errorf("got %d agents, %d members, %d presences, %v", len(more.Agents), len(more.Queues[0].Members), len(more.Presence), err)
	}
	if len(site.Agents) != 3 || len(site.Queues[0].Members) != 3 || len(site.Presence) != 1 {
		t.Error("the site itself has changed")
	}
	fewer, err := site.With("support", -2)
	if err != nil || len(fewer.Agents) != 1 || fewer.Agents[0].ID != "a000" || len(fewer.Queues[0].Members) != 1 {
		t.Errorf("got %+v, %v", fewer.Agents, err)
	}
	for name, n := range map[string]int{"none": 1, "support": -4} {
		if _, err := site.With(name, n); err == nil {
			t.Errorf("%s %d: no error", name, n)
		}
	}
}

func TestWhatCannotBeRun(t *testing.T) {
	work := []simulate.Work{{At: start, Queue: "other", Channel: "call"}}
	if _, err := simulate.Run(t.Context(), floor(1, queue.Config{}), work); err == nil {
		t.Error("work of a queue that is not there was taken")
	}
	if _, err := simulate.Run(t.Context(), floor(1, queue.Config{Placement: "heap"}), nil); err == nil {
		t.Error("rules that cannot be were taken")
	}
	for name, s := range map[string]simulate.Stream{
		"rate":     {PerHour: -1, Handling: simulate.Spread{Mean: time.Second}},
		"handling": {PerHour: 1},
		"swing":    {PerHour: 1, Swing: 2, Handling: simulate.Spread{Mean: time.Second}},
		"period":   {PerHour: 1, Swing: .5, Handling: simulate.Spread{Mean: time.Second}},
		"shape":    {PerHour: 1, Handling: simulate.Spread{Mean: time.Second, Shape: "round"}},
		"too much": {PerHour: 1_000_000, Handling: simulate.Spread{Mean: time.Second}},
	} {
		if _, err := simulate.Draw([]simulate.Stream{s}, start, 24*time.Hour, 1); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if r, err := simulate.Run(t.Context(), floor(2, queue.Config{}), nil); err != nil || len(r.Outcomes) != 0 {
		t.Errorf("a day without work: %+v, %v", r, err)
	}
}
