package queue_test

import (
	"fmt"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/hours"
	"pickup/queue"
)

// office opens a queue for an hour each day, from the epoch on.
func office(q *queue.QueueConfig) {
	q.Hours = &hours.Hours{}
	for d := range q.Hours.Days {
		q.Hours.Days[d] = [][2]int{{9 * 60, 10 * 60}}
	}
}

// Who gets what: ARCHITECTURE 5, telephony 1.5.
func TestOrder(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"the longest idle agent gets the call": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a", "b")
			r.join("i1")
			r.wantAsked("i1", "a ")
			r.talk("i1")
			r.sleep(time.Second)
			r.hangup(r.last("i1").ID)
			r.join("i2")
			r.wantAsked("i2", "b ")
		},
		"the better rank comes before the longer idle": func(t *testing.T) {
			r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.Members[0].Rank = 2 }, "a", "b")
			r.join("i1")
			r.wantAsked("i1", "b ")
		},
		"an agent takes his best ranked queue first, then the older key": func(t *testing.T) {
			q1, q2 := support(), queue.QueueConfig{ID: "q2", Name: "payments", Enabled: true}
			q1.Members = []queue.Member{{Agent: "a", Rank: 2}}
			q2.Members = []queue.Member{{Agent: "a", Rank: 1}}
			r := newRig(t, queue.Config{}, []queue.QueueConfig{q1, q2}, auto("a")...)
			r.join("old")
			r.sleep(time.Second)
			r.join("young", func(it *queue.Item) { it.Queue = "PAYMENTS" })
			r.do(queue.Event{Kind: queue.EventReachable, Agent: "a", Devices: 1})
			r.wantAsked("young", "a ")
			r.wantAsked("old", "")
		},
		"equal ranks share one line across queues by key": func(t *testing.T) {
			q1, q2 := support("a"), queue.QueueConfig{ID: "q2", Name: "payments", Enabled: true, Members: []queue.Member{{Agent: "a", Rank: 1}}}
			q2.Target = 10 * time.Second // shorter target: the key is earlier
			r := newRig(t, queue.Config{}, []queue.QueueConfig{q1, q2}, auto("a")...)
			r.join("i1")
			r.sleep(10 * time.Second)
			r.join("i2", func(it *queue.Item) { it.Queue = "payments" })
			r.do(queue.Event{Kind: queue.EventReachable, Agent: "a", Devices: 1})
			r.wantAsked("i2", "a ")
		},
		"a class goes before a key and the front before everything": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.console("a", true)
			r.set("a", queue.AgentNotReady, "")
			r.join("mail", func(it *queue.Item) { it.Channel = call.ChannelEmail; it.Key = 1 })
			r.join("call")
			r.join("front", func(it *queue.Item) { it.Front = true; it.Key = 1 << 60 })
			r.set("a", queue.AgentReady, "")
			for _, id := range []queue.ItemID{"front", "call", "mail"} {
				r.wantAsked(id, "a ")
				r.talk(id)
				r.hangup(r.last(id).ID)
			}
		},
		"the key is enqueued plus target minus a minute for each step of priority": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil)
			got := r.join("i1", func(it *queue.Item) { it.Priority = 3 }).Joined
			if want := epoch.UnixMilli() + 30_000 - 120_000; got.Key != want || got.Class != queue.ClassLive || !got.EnqueuedAt.Equal(epoch) {
				t.Errorf("got %+v, want key %d", got, want)
			}
		},
		"a callback keeps the key of its call": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.set("a", queue.AgentNotReady, "")
			r.join("live")
			r.join("back", func(it *queue.Item) { it.Channel = call.ChannelCallback; it.Key = epoch.UnixMilli() })
			r.set("a", queue.AgentReady, "")
			r.wantAsked("back", "a ")
		},
		"skills are required at their level": func(t *testing.T) {
			agents := auto("a", "b")
			agents[0].Skills = map[string]int{"fr": 2}
			agents[1].Skills = map[string]int{"fr": 3}
			r := newRig(t, queue.Config{}, []queue.QueueConfig{support("a", "b")}, agents...)
			r.do(queue.Event{Kind: queue.EventReachable, Agent: "a", Devices: 1})
			r.do(queue.Event{Kind: queue.EventReachable, Agent: "b", Devices: 1})
			fr := func(level int) func(*queue.Item) {
				return func(it *queue.Item) { it.Needs = []queue.Need{{Skill: "fr", Level: level}} }
			}
			r.join("i1", fr(4))
			r.join("i2", fr(3))
			r.join("i3", fr(2))
			r.wantAsked("i1", "")
			r.wantAsked("i2", "b ")
			r.wantAsked("i3", "a ") // no head-of-line blocking
		},
		"a preferred agent has the item to himself until the time is over": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a", "b")
			r.join("busy")
			r.talk("busy") // a talks
			r.join("i1", func(it *queue.Item) { it.Preferred = "a"; it.PreferredUntil = r.now.Add(20 * time.Second) })
			r.wantAsked("i1", "")
			r.sleep(19 * time.Second)
			r.wantAsked("i1", "")
			r.sleep(time.Second)
			r.wantAsked("i1", "b ")
		},
		"a preferred agent who becomes free takes his item before older ones": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("busy")
			o := r.talk("busy")
			r.join("old")
			r.sleep(time.Second)
			r.join("his", func(it *queue.Item) { it.Preferred = "a"; it.PreferredUntil = r.now.Add(20 * time.Second) })
			r.hangup(o.ID)
			r.wantAsked("his", "a ")
		},
		"an item preferred for an agent who goes away is everybody's": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a", "b")
			r.join("busy")
			r.talk("busy")
			r.join("i1", func(it *queue.Item) { it.Preferred = "a"; it.PreferredUntil = r.now.Add(20 * time.Second) })
			r.do(queue.Event{Kind: queue.EventReachable, Agent: "a", Devices: 0})
			r.do(queue.Event{Kind: queue.EventRelease, Offer: r.last("busy").ID})
			r.offer(queue.EventFinal, r.last("busy").ID)
			r.wantAsked("i1", "b ")
		},
		"who missed an item is asked again only after every other eligible agent": func(t *testing.T) {
			r := simple(t, queue.Config{MaxMissed: -1}, func(q *queue.QueueConfig) { q.Members[0].Rank = 0 }, "a", "b", "c")
			r.join("i1")
			for range 4 {
				o := r.last("i1")
				r.missed(o.ID, call.OutcomeMissed)
				r.offer(queue.EventFinal, o.ID)
			}
			r.wantAsked("i1", "a b c a b ") // at the fifth offer all were tried once, a twice
		},
		"an item is not offered before its time": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i1", func(it *queue.Item) { it.NotBefore = r.now.Add(10 * time.Second) })
			r.wantItem("i1", "parked")
			r.sleep(10*time.Second - 1)
			r.wantAsked("i1", "")
			r.sleep(1)
			r.wantAsked("i1", "a ")
		},
		"one agent has one offer and one item one agent": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a", "b")
			r.join("i1")
			r.join("i2")
			r.join("i3")
			if len(r.offers) != 2 || r.offers[0].Agent == r.offers[1].Agent {
				t.Errorf("got %d offers, want 2 to two agents", len(r.offers))
			}
			r.wantItem("i3", "waiting")
		},
		"the reason is told": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.sleep(7 * time.Second)
			r.join("i1")
			key := r.now.Add(30 * time.Second).UnixMilli()
			want := fmt.Sprintf("class 1, waited 0 s, target 30 s, priority 1, key %d, rank 1, longest idle: 7 s", key)
			if got := r.last("i1").Why; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			talk := r.talk("i1")
			r.join("i2", func(it *queue.Item) { it.Priority = 3 })
			r.sleep(12 * time.Second)
			key = r.now.Add(-12*time.Second + 30*time.Second - 2*time.Minute).UnixMilli()
			r.hangup(talk.ID)
			want = fmt.Sprintf("class 1, waited 12 s, target 30 s, priority 3, key %d, rank 1, longest idle: 0 s", key)
			if got := r.last("i2").Why; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		},
	} {
		t.Run(name, test)
	}
}

// Ends and limits: telephony 1.3, 1.9 R14.
func TestEnds(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"leaving soon is a short abandon, waiting or offered": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("offered")
			r.join("waiting")
			r.sleep(5*time.Second - 1)
			for _, id := range []queue.ItemID{"offered", "waiting"} {
				if got := r.leave(id); got != call.EndShortAbandoned {
					t.Errorf("%s: got %s, want short_abandoned", id, got)
				}
			}
		},
		"leaving later says where": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("offered")
			r.join("waiting")
			r.sleep(5 * time.Second)
			if got := r.leave("waiting"); got != call.EndAbandoned {
				t.Errorf("got %s, want abandoned", got)
			}
			if got := r.leave("offered"); got != call.EndAbandonedRinging {
				t.Errorf("got %s, want abandoned_ringing", got)
			}
			if n := r.notices("offered"); n != "O" {
				t.Errorf("notices: got %s, want no withdraw after Leave", n)
			}
			r.conserved("support")
		},
		"leaving between pick-up and bridge is abandoned at ringing": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i1")
			r.answered(r.last("i1").ID)
			if got := r.leave("i1"); got != call.EndAbandonedRinging {
				t.Errorf("got %s, want abandoned_ringing", got)
			}
		},
		"a reason given is the reason stored, once": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil)
			r.join("i1")
			r.do(queue.Event{Kind: queue.EventLeave, ItemID: "i1", Reason: call.EndExitKey})
			if e := r.do(queue.Event{Kind: queue.EventLeave, ItemID: "i1"}); e.Err != queue.ErrGone {
				t.Errorf("second Leave: got %v, want ErrGone", e.Err)
			}
			if got := r.ended("i1"); len(got) != 1 || got[0] != call.EndExitKey || r.closed["i1"] != 1 {
				t.Errorf("got %v closed %d, want exit_key once", got, r.closed["i1"])
			}
		},
		"the maximum wait ends a waiting item": func(t *testing.T) {
			r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.MaxWait = time.Minute })
			r.join("i1")
			r.sleep(time.Minute)
			if n := r.notices("i1"); n != "E(overflow_time)" || r.closed["i1"] != 1 {
				t.Errorf("got %s, want E(overflow_time)", n)
			}
		},
		"the maximum wait lets a running offer finish": func(t *testing.T) {
			r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.MaxWait = 5 * time.Second }, "a")
			r.join("i1")
			r.sleep(6 * time.Second)
			r.wantItem("i1", "offered")
			r.missed(r.last("i1").ID, call.OutcomeMissed)
			if n := r.notices("i1"); n != "OE(overflow_time)" {
				t.Errorf("got %s, want OE(overflow_time)", n)
			}
		},
		"a callback has no maximum wait": func(t *testing.T) {
			r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.MaxWait = time.Minute })
			r.join("i1", func(it *queue.Item) { it.Channel = call.ChannelCallback })
			r.sleep(time.Hour)
			r.wantItem("i1", "waiting")
		},
		"a full queue refuses, and the refusal is counted": func(t *testing.T) {
			r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.MaxLength = 1 }, "a")
			r.join("i1") // offered counts
			if e := r.join("i2"); e.Err != queue.ErrFull {
				t.Errorf("got %v, want ErrFull", e.Err)
			}
			if e := r.join("again", func(it *queue.Item) { it.CountsAsOffered = false }); e.Err != nil {
				t.Errorf("who had a place: got %v, want nil", e.Err)
			}
			if got := r.ended("i2"); len(got) != 1 || got[0] != call.EndOverflowFull {
				t.Errorf("got %v, want overflow_full", got)
			}
			r.conserved("support")
		},
		"unknown, closed and repeated are refused": func(t *testing.T) {
			r := newRig(t, queue.Config{}, []queue.QueueConfig{support(), {ID: "q2", Name: "Night"}})
			if e := r.join("i1", func(it *queue.Item) { it.Queue = "none" }); e.Err != queue.ErrUnknownQueue {
				t.Errorf("got %v, want ErrUnknownQueue", e.Err)
			}
			if e := r.join("i1", func(it *queue.Item) { it.Queue = "night" }); e.Err != queue.ErrClosed {
				t.Errorf("got %v, want ErrClosed", e.Err)
			}
			r.join("i1")
			if e := r.join("i1"); e.Err != queue.ErrGone {
				t.Errorf("got %v, want ErrGone", e.Err)
			}
		},
		"outside its hours a queue turns calls away, and that is counted": func(t *testing.T) {
			r := simple(t, queue.Config{}, office)
			r.sleep(time.Hour) // 10:00
			if e := r.join("i1"); e.Err != queue.ErrClosed {
				t.Errorf("got %v, want ErrClosed", e.Err)
			}
			if got := r.ended("i1"); len(got) != 1 || got[0] != call.EndClosed {
				t.Errorf("got %v, want closed", got)
			}
			if e := r.join("chat", func(it *queue.Item) { it.Channel = call.ChannelChat }); e.Err != queue.ErrClosed {
				t.Errorf("a chat: got %v, want ErrClosed", e.Err)
			}
			if e := r.join("again", func(it *queue.Item) { it.CountsAsOffered = false }); e.Err != nil {
				t.Errorf("who had a place: got %v, want nil", e.Err)
			}
			if e := r.join("back", func(it *queue.Item) { it.Channel = call.ChannelCallback }); e.Err != nil {
				t.Errorf("a callback: got %v, want nil", e.Err)
			}
			r.conserved("support")
			r.sleep(23 * time.Hour)
			if e := r.join("i2"); e.Err != nil {
				t.Errorf("the next morning: got %v, want nil", e.Err)
			}
			r.conserved("support")
		},
		"who waits at closing time is served (R17)": func(t *testing.T) {
			r := simple(t, queue.Config{}, office, "a")
			r.set("a", queue.AgentNotReady, "")
			r.join("i1")
			r.sleep(2 * time.Hour)
			r.wantItem("i1", "waiting")
			r.set("a", queue.AgentReady, "")
			r.wantAsked("i1", "a ")
			r.missed(r.last("i1").ID, call.OutcomeBusy)
			r.wantItem("i1", "waiting")
			r.conserved("support")
		},
		"a queue that is disabled drains (R14)": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a", "b")
			r.join("talking")
			r.talk("talking")
			r.join("offered")
			r.join("waiting")
			r.join("parked", func(it *queue.Item) { it.NotBefore = r.now.Add(time.Hour) })
			off := support("a", "b")
			off.Enabled = false
			r.do(queue.Event{Kind: queue.EventConfigure, Queues: []queue.QueueConfig{off}, Agents: auto("a", "b")})
			for id, want := range map[queue.ItemID]string{"talking": "talking", "offered": "offered", "waiting": "waiting", "parked": "parked"} {
				r.wantItem(id, want)
			}
			if e := r.join("late"); e.Err != queue.ErrClosed {
				t.Errorf("who comes now: got %v, want ErrClosed", e.Err)
			}
			r.conserved("support")
		},
		"a queue that is removed drains and then is gone": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("talking")
			o := r.talk("talking")
			r.join("waiting")
			r.do(queue.Event{Kind: queue.EventConfigure, Agents: auto("a")})
			r.wantItem("waiting", "waiting")
			r.hangup(o.ID)
			if _, ok := r.c.Tally("support"); !ok {
				t.Fatal("queue is gone while somebody waits")
			}
			r.hangup(r.talk("waiting").ID) // who waited is served by who was its agent
			if _, ok := r.c.Tally("support"); ok {
				t.Error("queue is still there")
			}
		},
		"a supervisor takes an item out": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("offered")
			r.join("waiting")
			for id, want := range map[queue.ItemID]string{
				"waiting": "E(withdrawn_by_supervisor)", "offered": "OWE(withdrawn_by_supervisor)",
			} {
				r.do(queue.Event{Kind: queue.EventWithdraw, ItemID: id})
				if n := r.notices(id); n != want {
					t.Errorf("%s: got %s, want %s", id, n, want)
				}
			}
		},
		"new members serve those who wait already": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil)
			r.do(queue.Event{Kind: queue.EventReachable, Agent: "a", Devices: 1}) // a phone without an agent, yet
			r.join("i1")
			r.do(queue.Event{Kind: queue.EventConfigure, Queues: []queue.QueueConfig{support("a")}, Agents: auto("a")})
			r.wantAsked("i1", "a ")
		},
		"a removed agent ends his call and is gone": func(t *testing.T) {
			r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.WrapUp = time.Second }, "a")
			r.join("i1")
			o := r.talk("i1")
			r.do(queue.Event{Kind: queue.EventConfigure, Queues: []queue.QueueConfig{support()}})
			if _, ok := r.c.AgentView("a"); ok {
				t.Error("removed agent is shown")
			}
			r.join("i2")
			r.hangup(o.ID)
			r.sleep(time.Minute)
			r.wantAsked("i2", "")
			if err := r.set("a", queue.AgentReady, ""); err != queue.ErrUnknownAgent {
				t.Errorf("got %v, want ErrUnknownAgent", err)
			}
		},
	} {
		t.Run(name, test)
	}
}

var _ = account.ID("")
