package queue_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pickup/call"
	"pickup/internal/hours"
	"pickup/queue"
)

// to is a way to another queue.
func to(name string) queue.Way { return queue.Way{Kind: queue.WayQueue, Queue: name} }

func TestOverflowTakesCallersOutOfAQueue(t *testing.T) {
	cases := map[string]func(t *testing.T){
		"the maximum wait leads elsewhere, and he waits on until his owner takes him out": func(t *testing.T) {
			r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.MaxWait, q.Overflow.Time = time.Minute, to("night") }, "a")
			r.set("a", queue.AgentNotReady, "")
			r.join("i1")
			r.sleep(time.Minute)
			if n := r.notices("i1"); n != "V(overflow_time:queue)" {
				t.Fatalf("got %s, want V(overflow_time:queue)", n)
			}
			r.set("a", queue.AgentReady, "")
			r.wantAsked("i1", "a ") // free in time: he is served all the same
			r.do(queue.Event{Kind: queue.EventLeave, ItemID: "i1", Reason: call.EndOverflowTime})
			if got := r.ended("i1"); len(got) != 1 || got[0] != call.EndOverflowTime {
				t.Errorf("ended %v, want overflow_time once", got)
			}
			r.conserved("support")
		},
		"who is offered when the maximum wait passes gets his chance first": func(t *testing.T) {
			r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.MaxWait, q.Overflow.Time = 5*time.Second, to("night") }, "a")
			r.join("i1")
			r.sleep(6 * time.Second)
			r.missed(r.last("i1").ID, call.OutcomeMissed)
			r.sleep(time.Hour)
			if n := r.notices("i1"); n != "OV(overflow_time:queue)" {
				t.Errorf("got %s, want OV(overflow_time:queue)", n)
			}
		},
		"nobody is there, and nobody is expected": func(t *testing.T) {
			r := simple(t, queue.Config{}, func(q *queue.QueueConfig) {
				q.Overflow = queue.Overflow{LeaveWhenEmpty: true, NoAgent: queue.Way{Kind: queue.WayVoicemail}}
			}, "a")
			r.join("i1")
			r.missed(r.last("i1").ID, call.OutcomeBusy)
			r.offer(queue.EventFinal, r.last("i1").ID)
			r.join("back", func(it *queue.Item) { it.Channel = call.ChannelCallback })
			r.reach("a", 0)
			r.sleep(59 * time.Second)
			if n := r.notices("i1"); strings.Contains(n, "V") {
				t.Fatalf("after 59 s: %s", n)
			}
			r.sleep(time.Second)
			if n := r.notices("i1"); !strings.HasSuffix(n, "V(overflow_no_agent:voicemail)") {
				t.Errorf("after 60 s: %s", n)
			}
			if n := r.notices("back"); strings.Contains(n, "V") {
				t.Errorf("a promise was led away: %s", n)
			}
			if e := r.join("i2"); !errors.Is(e.Err, queue.ErrNoAgent) {
				t.Errorf("who comes now: %v, want ErrNoAgent", e.Err)
			}
			if got := r.ended("i2"); len(got) != 1 || got[0] != call.EndOverflowNoAgent {
				t.Errorf("i2 ended %v, want overflow_no_agent", got)
			}
			r.reach("a", 1)
			if e := r.join("i3"); e.Err != nil {
				t.Errorf("somebody is there again: %v", e.Err)
			}
			r.conserved("support")
		},
		"an agent on a break is there": func(t *testing.T) {
			r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.Overflow.LeaveWhenEmpty = true }, "a")
			r.set("a", queue.AgentNotReady, "lunch")
			r.join("i1")
			r.sleep(time.Hour)
			r.wantItem("i1", "waiting")
		},
		"a sign-in that is expected within the maximum wait is waited for (R18)": func(t *testing.T) {
			var staffed hours.Hours
			r := simple(t, queue.Config{}, func(q *queue.QueueConfig) {
				q.MaxWait = time.Hour
				q.Overflow = queue.Overflow{LeaveWhenEmpty: true, Staffed: &staffed}
			})
			at := r.now.Add(30 * time.Minute).UTC()
			minute := at.Hour()*60 + at.Minute()
			for i := range staffed.Days {
				staffed.Days[i] = [][2]int{{minute, minute + 5}}
			}
			r.join("i1")
			r.sleep(34 * time.Minute) // they are late, but it is their time
			r.wantItem("i1", "waiting")
			r.sleep(4 * time.Minute) // nobody came, and the next time is tomorrow
			if n := r.notices("i1"); n != "E(overflow_no_agent)" {
				t.Errorf("got %s, want E(overflow_no_agent)", n)
			}
		},
		"an estimate above the limit turns away at the door": func(t *testing.T) {
			r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.Overflow.EstimateAbove = time.Minute }, "a")
			for i := range 6 { // calls of two minutes
				id := queue.ItemID(fmt.Sprint("done", i))
				r.join(id)
				o := r.talk(id)
				r.sleep(2 * time.Minute)
				r.hangup(o.ID)
			}
			r.join("talks")
			r.talk("talks")
			for i := 0; ; i++ {
				e := r.join(queue.ItemID(fmt.Sprint("waits", i)))
				if errors.Is(e.Err, queue.ErrLong) && i > 0 {
					break
				}
				if e.Err != nil || i > 10 {
					t.Fatalf("caller %d: %v, want ErrLong at last", i, e.Err)
				}
			}
			r.conserved("support")
		},
		"at closing time who waits is offered something, by the rule (R17)": func(t *testing.T) {
			r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { office(q); q.Overflow.Closing = queue.Way{Kind: queue.WayCallback} }, "a")
			r.set("a", queue.AgentNotReady, "")
			r.join("i1")
			r.sleep(2 * time.Hour)
			if n := r.notices("i1"); n != "V(closed:callback)" {
				t.Errorf("got %s, want V(closed:callback)", n)
			}
			r.wantItem("i1", "waiting")
		},
		"a queue that is disabled drains to its target (R14)": func(t *testing.T) {
			with := func(q *queue.QueueConfig) { q.Overflow.Closed = to("night") }
			r := simple(t, queue.Config{}, with, "a")
			r.join("offered")
			r.join("waiting")
			off := support("a")
			with(&off)
			off.Enabled = false
			r.do(queue.Event{Kind: queue.EventConfigure, Queues: []queue.QueueConfig{off}, Agents: auto("a")})
			if n := r.notices("waiting"); n != "V(closed:queue)" {
				t.Errorf("waiting: got %s, want V(closed:queue)", n)
			}
			r.missed(r.last("offered").ID, call.OutcomeMissed)
			if n := r.notices("offered"); n != "OV(closed:queue)" {
				t.Errorf("offered: got %s, want OV(closed:queue)", n)
			}
			r.conserved("support")
		},
	}
	for name, test := range cases {
		t.Run(name, test)
	}
}

func TestRulesOfOverflowThatCannotWork(t *testing.T) {
	named := func(name string, o queue.Overflow) queue.QueueConfig {
		return queue.QueueConfig{Name: name, Overflow: o}
	}
	cases := map[string]struct {
		queues []queue.QueueConfig
		want   string // part of the error; "": none
	}{
		"no rules": {queues: []queue.QueueConfig{named("a", queue.Overflow{})}},
		"a chain": {queues: []queue.QueueConfig{
			named("a", queue.Overflow{Time: to("B"), Full: to("c")}), named("b", queue.Overflow{Full: to("c")}), named("c", queue.Overflow{}),
		}},
		"to itself": {[]queue.QueueConfig{named("a", queue.Overflow{Time: to("A")})}, "a > a"},
		"a circle by different rules": {[]queue.QueueConfig{
			named("a", queue.Overflow{Time: to("b")}), named("b", queue.Overflow{NoAgent: to("c")}), named("c", queue.Overflow{Closed: to("a")}),
		}, "a > b > c > a"},
		"an unknown queue": {[]queue.QueueConfig{named("a", queue.Overflow{Closing: to("x")})}, `overflow.closing.queue: "x"`},
		"an unknown kind":  {[]queue.QueueConfig{named("a", queue.Overflow{Full: queue.Way{Kind: "fax"}})}, "overflow.full.kind"},
		"a voicemail of a queue that is none": {
			[]queue.QueueConfig{named("a", queue.Overflow{Time: queue.Way{Kind: queue.WayVoicemail, Queue: "x"}})}, "overflow.time.queue",
		},
		"an estimate of 5 h": {[]queue.QueueConfig{named("a", queue.Overflow{EstimateAbove: 5 * time.Hour})}, "estimate_above: 5h0m0s"},
		"empty after 2 h":    {[]queue.QueueConfig{named("a", queue.Overflow{EmptyAfter: 2 * time.Hour})}, "empty_after"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := queue.CheckOverflow(c.queues)
			var fault *queue.OverflowError
			if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &fault) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// Whatever the rules, CheckOverflow refuses exactly those by which a call could
// come to a queue for the second time.
func TestCirclesAreFound(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(rt, "queues")
		var all []queue.QueueConfig
		next := make([][]int, n)
		for i := range n {
			o := queue.Overflow{}
			for _, w := range []*queue.Way{&o.Time, &o.Full, &o.NoAgent, &o.Closed} {
				if j := rapid.IntRange(0, 3*n).Draw(rt, "to"); j < n {
					*w = to(fmt.Sprint("q", j))
					next[i] = append(next[i], j)
				}
			}
			all = append(all, queue.QueueConfig{Name: fmt.Sprint("q", i), Overflow: o})
		}
		reach := make([][]bool, n) // by one step or more
		for i := range n {
			reach[i] = make([]bool, n)
			for _, j := range next[i] {
				reach[i][j] = true
			}
		}
		for k := range n {
			for i := range n {
				for j := range n {
					reach[i][j] = reach[i][j] || reach[i][k] && reach[k][j]
				}
			}
		}
		circle := false
		for i := range n {
			circle = circle || reach[i][i]
		}
		if err := queue.CheckOverflow(all); (err != nil) != circle {
			rt.Fatalf("%v: got %v, a circle %t", next, err, circle)
		}
	})
}

func TestOverflowIsStoredAsItIs(t *testing.T) {
	want := queue.Overflow{
		Time: to("b"), Full: queue.Way{Kind: queue.WayMessage, Prompt: "queue.full"}, EstimateAbove: time.Minute, LeaveWhenEmpty: true,
		EmptyAfter: 5 * time.Second, StaffedID: "h",
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got queue.Overflow
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %+v, %v", text, got, err)
	}
	if text, err := json.Marshal(queue.Overflow{}); err != nil || string(text) != "{}" {
		t.Errorf("no rule is written as %s, %v", text, err)
	}
}
