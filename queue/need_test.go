package queue_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

func TestARequirementIsReadAsItIsWritten(t *testing.T) {
	for text, want := range map[string]queue.Requirement{
		"":                             nil,
		"payments":                     {{{Skill: "payments", Level: 1}}},
		"payments 3, chat 2? | vip":    {{{Skill: "payments", Level: 3}, {Skill: "chat", Level: 2, Optional: true}}, {{Skill: "vip", Level: 1}}},
		" language:fr 2 , payments ? ": {{{Skill: "language:fr", Level: 2}, {Skill: "payments", Level: 1, Optional: true}}},
		"a|b|c|d|e|f|g|h":              {{{Skill: "a", Level: 1}}, {{Skill: "b", Level: 1}}, {{Skill: "c", Level: 1}}, {{Skill: "d", Level: 1}}, {{Skill: "e", Level: 1}}, {{Skill: "f", Level: 1}}, {{Skill: "g", Level: 1}}, {{Skill: "h", Level: 1}}},
	} {
		got, err := queue.ParseRequirement(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %v %v, want %v", text, got, err, want)
		}
		again, err := queue.ParseRequirement(got.String())
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%q: written %q is read as %v %v", text, got.String(), again, err)
		}
	}
}

func TestWhatIsNoRequirementNamesTheField(t *testing.T) {
	for text, field := range map[string]string{
		"payments 6":            "[0][0].level",
		"a | payments x":        "[1][0].level",
		"a, b 2 3":              "[0][1]",
		"a || b":                "[1][0]",
		",":                     "[0][0]",
		"a? b":                  "[0][0].level",
		"a?b":                   "[0][0].skill",
		"a|b|c|d|e|f|g|h|i":     "",
		"a,b,c,d,e,f,g,h,i":     "[0]",
		strings.Repeat("a", 65): "[0][0].skill",
	} {
		_, err := queue.ParseRequirement(text)
		var e *queue.RequirementError
		if !errors.As(err, &e) || e.Field != field || e.Limit == "" || e.Value == "" {
			t.Errorf("%q: got %v, want a fault of %q with limit and value", text, err, field)
		}
	}
}

func FuzzParseRequirement(f *testing.F) {
	for _, s := range []string{"", "payments 3, chat 2? | vip", "a?", "a 6", "||", "language:fr 5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := queue.ParseRequirement(text)
		if err != nil {
			return
		}
		if err := r.Check(); err != nil {
			t.Fatalf("%q was read as what cannot be: %v", text, err)
		}
		again, err := queue.ParseRequirement(r.String())
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("%q is written %q and read as %v %v", text, r.String(), again, err)
		}
	})
}

// skilled is a queue with agents a, b, c of different skills.
func skilled(t *testing.T, change func(*queue.QueueConfig)) *rig {
	q := support("a", "b", "c")
	change(&q)
	agents := auto("a", "b", "c")
	agents[0].Skills = map[string]int{"payments": 2, "language:fr": 3}
	agents[1].Skills = map[string]int{"payments": 4, "language:en": 2}
	agents[2].Skills = map[string]int{"vip": 1, "language:fr": 1, "language:en": 5}
	r := newRig(t, queue.Config{}, []queue.QueueConfig{q}, agents...)
	for _, id := range []account.ID{"a", "b", "c"} {
		r.now = r.now.Add(time.Millisecond)
		r.do(queue.Event{Kind: queue.EventReachable, Agent: id, Devices: 1})
	}
	return r
}

func (r *rig) joins(it queue.Item) {
	r.t.Helper()
	if got := r.do(queue.Event{Kind: queue.EventJoin, Item: it}); got.Err != nil {
		r.t.Fatal(got.Err)
	}
}

func requirement(t *testing.T, text string) queue.Requirement {
	t.Helper()
	r, err := queue.ParseRequirement(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWhoMayTakeACall(t *testing.T) {
	french := aCall("i1")
	french.Language = "fr"
	for name, c := range map[string]struct {
		change func(*testing.T, *queue.QueueConfig, *queue.Item)
		after  time.Duration
		want   string
	}{
		"either alternative of the queue will do": {func(t *testing.T, q *queue.QueueConfig, _ *queue.Item) {
			q.Require = requirement(t, "payments 5 | vip")
		}, 0, "c "},
		"what the call asks for is asked beside it": {func(t *testing.T, q *queue.QueueConfig, it *queue.Item) {
			q.Require, it.Any = requirement(t, "payments 3 | vip"), requirement(t, "language:en 2 | language:fr 3")
			it.Needs = []queue.Need{{Skill: "payments", Level: 1}}
		}, 0, "b "},
		"a level is dropped after its time": {func(t *testing.T, q *queue.QueueConfig, _ *queue.Item) {
			q.Require, q.Relax.Level = requirement(t, "payments 5"), 10*time.Second
		}, 10 * time.Second, "a "},
		"and not before": {func(t *testing.T, q *queue.QueueConfig, _ *queue.Item) {
			q.Require, q.Relax.Level = requirement(t, "payments 5"), 10*time.Second
		}, 10*time.Second - time.Millisecond, ""},
		"an optional skill is dropped after its time": {func(t *testing.T, q *queue.QueueConfig, _ *queue.Item) {
			q.Require, q.Relax.Optional = requirement(t, "payments 2, vip?"), 20*time.Second
		}, 20 * time.Second, "a "},
		"one that is not optional stays": {func(t *testing.T, q *queue.QueueConfig, _ *queue.Item) {
			q.Require, q.Relax.Optional = requirement(t, "payments 2, vip"), 20*time.Second
		}, time.Hour, ""},
		"the language is asked for": {func(t *testing.T, q *queue.QueueConfig, _ *queue.Item) {
			q.LanguageLevel = 1
			q.Members = q.Members[1:]
		}, 0, "c "},
		"and is never dropped, nor its level, unless the queue says so": {func(t *testing.T, q *queue.QueueConfig, _ *queue.Item) {
			q.LanguageLevel, q.Relax = 4, queue.Relax{Level: time.Second, Optional: time.Second}
		}, time.Hour, ""},
		"as this one does": {func(t *testing.T, q *queue.QueueConfig, _ *queue.Item) {
			q.LanguageLevel, q.Relax = 4, queue.Relax{Language: 30 * time.Second}
		}, 30 * time.Second, "a "},
		"a member with a delay comes later": {func(t *testing.T, q *queue.QueueConfig, _ *queue.Item) {
			for i := range q.Members {
				q.Members[i].Delay = time.Duration(30-10*i) * time.Second
			}
		}, 10 * time.Second, "c "},
		"but for a call that has to be repaired at once": {func(t *testing.T, q *queue.QueueConfig, it *queue.Item) {
			for i := range q.Members {
				q.Members[i].Delay = time.Minute
			}
			it.Front = true
		}, 0, "a "},
		"and one that waits for him": {func(t *testing.T, q *queue.QueueConfig, it *queue.Item) {
			for i := range q.Members {
				q.Members[i].Delay = time.Minute
			}
			it.Preferred, it.PreferredUntil = "b", epoch.Add(time.Minute)
		}, 0, "b "},
		"the most skilled is chosen where the queue says so": {func(t *testing.T, q *queue.QueueConfig, it *queue.Item) {
			q.Strategy, it.Needs = queue.StrategyMostSkilled, []queue.Need{{Skill: "payments", Level: 1}}
		}, 0, "b "},
	} {
		t.Run(name, func(t *testing.T) {
			it := french
			r := skilled(t, func(q *queue.QueueConfig) { c.change(t, q, &it) })
			r.joins(it)
			r.sleep(c.after)
			r.wantAsked("i1", c.want)
		})
	}
}

func TestADelayIsKeptByWrittenWorkTooAndNotByWhoPullsIt(t *testing.T) {
	r := simple(t, queue.Config{ReservePercent: -1}, func(q *queue.QueueConfig) { q.Members[0].Delay = time.Minute }, "a")
	r.do(queue.Event{Kind: queue.EventConsole, Agent: "a", On: true})
	for _, id := range []queue.ItemID{"m1", "m2"} {
		r.joins(queue.Item{ID: id, Channel: call.ChannelSocial, Queue: "support", Priority: 1, CountsAsOffered: true})
	}
	r.wantAsked("m1", "")
	if got := r.do(queue.Event{Kind: queue.EventClaim, ItemID: "m1", Agent: "a"}); got.Err != nil {
		t.Errorf("claim: %v", got.Err)
	}
	r.sleep(59 * time.Second)
	r.wantAsked("m2", "")
	r.sleep(time.Second)
	r.wantAsked("m2", "a ")
}
