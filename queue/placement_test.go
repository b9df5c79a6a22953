package queue_test

import (
	"strings"
	"testing"
	"time"

	"pickup/call"
	"pickup/queue"
)

// Capacity, packing, reserve, promotion: desk 1.3.
func TestTextPlacement(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"mail is the agent's without a choice, once it is stored": func(t *testing.T) {
			r := desk(t, everyone, false, "a")
			r.hold = true
			r.mail("mail")
			r.wantItem("mail", "offered")
			r.answerStore(nil)
			r.wantItem("mail", "active")
			if o := r.last("mail"); !o.Accepted {
				t.Errorf("got %+v, want accepted", o)
			}
			r.wantState("a", queue.AgentReady, "")
			r.end("mail")
			if got := r.ended("mail"); len(got) != 1 || got[0] != call.EndAnswered {
				t.Errorf("got %v, want answered", got)
			}
			r.wantDesk("a", " =0")
		},
		"three chats are the most": func(t *testing.T) {
			r := desk(t, everyone, false, "a")
			for _, id := range []queue.ItemID{"c1", "c2", "c3", "c4"} {
				r.chat(id)
				r.wantDesk("a", map[queue.ItemID]string{"c1": "c1? =0", "c2": "c1 c2? =33", "c3": "c1 c2 c3? =66", "c4": "c1 c2 c3 =99"}[id])
				if id != "c4" {
					r.talk(id)
				}
			}
			r.wantItem("c4", "waiting")
			r.end("c2")
			r.wantAsked("c4", "a ")
		},
		"one chat is shown at a time": func(t *testing.T) {
			r := desk(t, everyone, false, "a")
			r.chat("c1")
			r.chat("c2")
			r.wantItem("c2", "waiting")
			r.talk("c1")
			r.wantItem("c2", "offered")
		},
		"a mail fills the place of a chat": func(t *testing.T) {
			r := desk(t, everyone, false, "a")
			r.mail("m1")
			r.mail("m2")
			r.text("s1", call.ChannelSocial)
			r.text("t1", call.ChannelTicket)
			r.wantDesk("a", "m1 s1 t1 =93")
			r.wantItem("m2", "waiting")
			r.chat("c1")
			r.wantItem("c1", "waiting")
			r.end("t1")
			r.wantAsked("c1", "a ") // a chat goes before a mail
		},
		"limits of an agent are his own": func(t *testing.T) {
			agents := auto("a")
			agents[0].Limits = map[call.Channel]queue.Limit{call.ChannelChat: {Max: 1, Weight: 50}, call.ChannelEmail: {}}
			r := newRig(t, everyone, []queue.QueueConfig{support("a")}, agents...)
			r.console("a", true)
			r.mail("mail")
			r.chat("c1")
			r.talk("c1")
			r.chat("c2")
			r.wantDesk("a", "c1 =50")
			r.wantItem("mail", "waiting")
		},
		"text is packed on who has some, up to the soft limit of chats": func(t *testing.T) {
			r := desk(t, everyone, false, "a", "b", "c")
			for _, id := range []queue.ItemID{"c1", "c2", "c3", "c4", "c5", "c6", "c7"} {
				r.chat(id)
				r.talk(id)
			}
			for id, want := range map[queue.ItemID]string{"c1": "a ", "c2": "a ", "c3": "b ", "c4": "b ", "c5": "c ", "c6": "c ", "c7": "a "} {
				r.wantAsked(id, want)
			}
		},
		"who had fewer items in the last hour comes first": func(t *testing.T) {
			r := desk(t, everyone, false, "a", "b")
			r.chat("c1")
			r.talk("c1")
			r.end("c1")
			r.sleep(time.Second)
			r.chat("c2")
			r.wantAsked("c2", "b ")
			r.talk("c2")
			r.end("c2")
			r.sleep(time.Hour) // both have none again: a is idle for longer
			r.chat("c3")
			r.wantAsked("c3", "a ")
		},
		"a chat that was missed twice stops the agent": func(t *testing.T) {
			r := desk(t, everyone, false, "a")
			r.chat("c1")
			if o := r.last("c1"); o.RingTime != 20*time.Second {
				t.Errorf("ring time: got %s, want 20s", o.RingTime)
			}
			r.missed(r.last("c1").ID, call.OutcomeMissed)
			r.wantAsked("c1", "a a ")
			r.missed(r.last("c1").ID, call.OutcomeMissed)
			r.wantState("a", queue.AgentNotReady, "no_answer")
			r.wantItem("c1", "waiting")
		},
		"an answer between two missed chats clears the count": func(t *testing.T) {
			r := desk(t, everyone, false, "a")
			r.chat("c1")
			r.missed(r.last("c1").ID, call.OutcomeMissed)
			r.talk("c1")
			r.chat("c2")
			r.missed(r.last("c2").ID, call.OutcomeMissed)
			r.wantState("a", queue.AgentReady, "")
		},
		"a late answer of a missed chat does not win": func(t *testing.T) {
			r := desk(t, everyone, false, "a", "b")
			r.chat("c1")
			o := r.last("c1")
			r.missed(o.ID, call.OutcomeMissed)
			if r.answered(o.ID) {
				t.Error("got a winner, want none")
			}
			r.wantAsked("c1", "a b ")
			if o := r.talk("c1"); !r.answered(o.ID) {
				t.Error("who asks twice: got false, want true")
			}
		},
		"an idle agent is left in reserve": func(t *testing.T) {
			r := desk(t, queue.Config{}, true, "a", "b", "c")
			r.mail("m1")
			r.mail("m2")
			r.mail("m3")
			r.wantAsked("m1", "a ")
			r.wantAsked("m2", "b ")
			r.wantItem("m3", "waiting") // c is the reserve
			r.text("s1", call.ChannelSocial)
			r.wantAsked("s1", "a ") // who works already takes more
			r.chat("c1")
			r.wantAsked("c1", "a ") // the reserve is there for chats, but packing comes first
			r.talk("c1")
			r.end("m1")
			r.wantAsked("m3", "a ")
		},
		"the only ready agent is no reserve": func(t *testing.T) {
			r := desk(t, queue.Config{}, true, "a", "b")
			r.set("b", queue.AgentNotReady, "")
			r.mail("m1")
			r.wantAsked("m1", "a ")
			r.mail("m2")
			r.set("b", queue.AgentReady, "")
			r.wantItem("m2", "waiting")
			r.set("a", queue.AgentNotReady, "")
			r.wantAsked("m2", "b ")
		},
		"a mail past its deadline is live, with a key of then and two minutes": func(t *testing.T) {
			r := desk(t, queue.Config{}, true, "a", "b", "c")
			r.set("a", queue.AgentNotReady, "")
			r.mail("m1") // b, the only one beside the reserve
			due := r.now.Add(time.Hour)
			r.text("m2", call.ChannelEmail, func(it *queue.Item) { it.DueAt = due })
			r.wantItem("m2", "waiting")
			r.sleep(time.Hour - 1)
			r.wantItem("m2", "waiting")
			r.sleep(1)
			r.wantAsked("m2", "c ") // the reserve is not kept from it
			o := r.last("m2")
			if want := due.Add(2 * time.Minute).UnixMilli(); o.Item.Key != want || o.Item.Class != queue.ClassLive {
				t.Errorf("got key %d class %d, want %d and live", o.Item.Key, o.Item.Class, want)
			}
			if !strings.Contains(o.Why, "past its deadline") {
				t.Errorf("why: got %q", o.Why)
			}
		},
		"a share of the agents holds items past their deadline": func(t *testing.T) {
			r := desk(t, queue.Config{ReservePercent: -1}, true, "a", "b", "c", "d", "e", "f")
			r.set("f", queue.AgentNotReady, "")
			late := func(it *queue.Item) { it.DueAt = r.now }
			r.text("m1", call.ChannelEmail, late)
			r.text("m2", call.ChannelEmail, late)
			r.wantAsked("m1", "a ")
			r.wantItem("m2", "waiting") // 20 % of five is one
			r.text("t1", call.ChannelTicket, late)
			r.wantAsked("t1", "a ") // he has one already
			r.mail("m3")
			r.wantAsked("m3", "b ")
			r.end("t1")
			r.end("m1")
			r.wantAsked("m2", "a ")
		},
		"a promoted item keeps its place over a restart": func(t *testing.T) {
			r := desk(t, everyone, false, "a")
			r.set("a", queue.AgentNotReady, "")
			r.text("m1", call.ChannelEmail, func(it *queue.Item) { it.Class = queue.ClassLive; it.Key = 5; it.DueAt = epoch })
			r.text("m2", call.ChannelEmail, func(it *queue.Item) { it.Class = queue.ClassLive; it.Key = 4; it.DueAt = epoch })
			r.set("a", queue.AgentReady, "")
			r.wantAsked("m2", "a ")
			if got := r.last("m2").Item.Key; got != 4 {
				t.Errorf("key: got %d, want 4", got)
			}
		},
		"a preferred agent has text to himself for a while": func(t *testing.T) {
			r := desk(t, everyone, false, "a", "b")
			for _, id := range []queue.ItemID{"c1", "c2", "c3"} {
				r.text(id, call.ChannelChat, func(it *queue.Item) { it.Preferred = "a" })
				r.talk(id)
			}
			r.wantAsked("c3", "a ")
			r.text("c4", call.ChannelChat, func(it *queue.Item) { it.Preferred = "a"; it.PreferredUntil = r.now.Add(time.Hour) })
			r.text("m1", call.ChannelEmail, func(it *queue.Item) { it.Preferred = "a" })
			r.sleep(time.Minute - 1)
			r.wantItem("c4", "waiting")
			r.sleep(1)
			r.wantAsked("c4", "b ")
			r.sleep(29*time.Minute - 1)
			r.wantItem("m1", "waiting")
			r.talk("c4")
			r.sleep(1)
			r.wantAsked("m1", "b ")
		},
		"needs are relaxed with time": func(t *testing.T) {
			agents := auto("a", "b")
			agents[0].Skills = map[string]int{"fr": 2}
			r := newRig(t, everyone, []queue.QueueConfig{support("a", "b")}, agents...)
			r.console("a", true)
			r.console("b", true)
			r.set("a", queue.AgentNotReady, "")
			r.text("c1", call.ChannelChat, func(it *queue.Item) {
				it.Needs = []queue.Need{{Skill: "fr", Level: 4, Relax: []queue.Step{{After: 10 * time.Second, Level: 2}, {After: 20 * time.Second}}}}
			})
			r.sleep(9 * time.Second)
			r.set("a", queue.AgentReady, "")
			r.wantAsked("c1", "")
			r.sleep(time.Second)
			r.wantAsked("c1", "a ")
			if why := r.last("c1").Why; !strings.Contains(why, "skill fr 2") {
				t.Errorf("why: got %q", why)
			}
			r.set("a", queue.AgentNotReady, "")
			r.wantItem("c1", "waiting")
			r.sleep(10 * time.Second)
			r.wantAsked("c1", "a b ")
		},
		"needs are relaxed in the instant in which an item begins to wait again": func(t *testing.T) {
			q := support("a", "b")
			q.Relax.Level, q.Members[1].Delay = 2*time.Second, time.Second
			agents := auto("a", "b")
			agents[0].Skills = map[string]int{"fr": 1}
			r := newRig(t, queue.Config{}, []queue.QueueConfig{q}, agents...)
			r.do(queue.Event{Kind: queue.EventReachable, Agent: "a", Devices: 1})
			r.join("i1", func(it *queue.Item) {
				it.Needs = []queue.Need{{Skill: "fr", Level: 3}}
				it.NotBefore = r.now.Add(2 * time.Second)
			})
			r.sleep(2 * time.Second)
			r.wantAsked("i1", "a ")
		},
		"what is written is never turned away": func(t *testing.T) {
			q := support("a")
			q.MaxLength, q.MaxWait = 1, time.Minute
			office(&q)
			r := newRig(t, everyone, []queue.QueueConfig{q}, auto("a")...)
			r.sleep(2 * time.Hour) // closed
			r.mail("m1")
			r.mail("m2")
			r.sleep(time.Hour)
			r.wantItem("m2", "waiting")
		},
		"targets by channel and by item make the key": func(t *testing.T) {
			q := support()
			q.Targets = map[call.Channel]time.Duration{call.ChannelEmail: time.Hour}
			r := newRig(t, everyone, []queue.QueueConfig{q})
			for id, want := range map[queue.ItemID]time.Duration{"chat": 2 * time.Minute, "mail": time.Hour, "ticket": 4 * time.Hour, "own": time.Minute} {
				got := r.text(id, map[queue.ItemID]call.Channel{
					"chat": call.ChannelChat, "mail": call.ChannelEmail, "ticket": call.ChannelTicket, "own": call.ChannelEmail,
				}[id], func(it *queue.Item) {
					if id == "own" {
						it.Target = time.Minute
					}
				}).Joined
				if got.Key != epoch.Add(want).UnixMilli() {
					t.Errorf("%s: got key %d, want %s after entry", id, got.Key, want)
				}
				if id != "chat" && !got.DueAt.Equal(epoch.Add(want)) {
					t.Errorf("%s: got due %s, want %s after entry", id, got.DueAt, want)
				}
			}
		},
	} {
		t.Run(name, test)
	}
}
