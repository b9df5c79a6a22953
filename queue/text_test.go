package queue_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

// everyone is a site where nothing is kept in reserve.
var everyone = queue.Config{ReservePercent: -1, OverduePercent: -1}

// desk is simple with consoles: each agent has one and, where phones is set, a
// device too.
func desk(t testing.TB, cfg queue.Config, phones bool, ids ...account.ID) *rig {
	r := newRig(t, cfg, []queue.QueueConfig{support(ids...)}, auto(ids...)...)
	for _, id := range ids {
		r.now = r.now.Add(time.Millisecond)
		r.console(id, true)
		if phones {
			r.reach(id, 1)
		}
	}
	return r
}

func (r *rig) text(id queue.ItemID, ch call.Channel, change ...func(*queue.Item)) queue.Effect {
	return r.join(id, append([]func(*queue.Item){func(it *queue.Item) { it.Channel, it.CallID = ch, "" }}, change...)...)
}

func (r *rig) chat(id queue.ItemID) { r.t.Helper(); r.text(id, call.ChannelChat) }
func (r *rig) mail(id queue.ItemID) { r.t.Helper(); r.text(id, call.ChannelEmail) }

func (r *rig) end(id queue.ItemID) {
	r.t.Helper()
	r.hangup(r.last(id).ID)
}

// desk writes what an agent has of text.
func (r *rig) desk(a account.ID) string {
	v, _ := r.c.AgentView(a)
	var out []string
	for _, w := range v.Text {
		s := string(w.Item)
		switch {
		case !w.Accepted:
			s += "?"
		case w.Parked:
			s += "-"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ") + fmt.Sprintf(" =%d", v.Load)
}

func (r *rig) wantDesk(a account.ID, want string) {
	r.t.Helper()
	if got := r.desk(a); got != want {
		r.t.Errorf("desk of %s: got %q, want %q", a, got, want)
	}
}

func (r *rig) park(o queue.OfferID) error   { return r.offer(queue.EventPark, o).Err }
func (r *rig) resume(o queue.OfferID) error { return r.offer(queue.EventResume, o).Err }

func (r *rig) claim(id queue.ItemID, a account.ID) queue.Effect {
	return r.do(queue.Event{Kind: queue.EventClaim, ItemID: id, Agent: a})
}

func (r *rig) transfer(id queue.ItemID, to string, fresh bool) error {
	return r.do(queue.Event{Kind: queue.EventTransfer, ItemID: id, Queue: to, On: fresh}).Err
}

// Who is reached by which lane.
func TestConsole(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"a console alone gets text and no call": func(t *testing.T) {
			r := desk(t, everyone, false, "a")
			r.wantState("a", queue.AgentReady, "")
			r.join("call")
			r.chat("chat")
			r.wantAsked("call", "")
			r.wantAsked("chat", "a ")
		},
		"a phone alone gets calls and no text": func(t *testing.T) {
			r := simple(t, everyone, nil, "a")
			r.chat("chat")
			r.mail("mail")
			r.join("call")
			r.wantAsked("call", "a ")
			r.wantAsked("chat", "")
			r.wantAsked("mail", "")
			r.leave("call")
			r.offer(queue.EventFinal, r.last("call").ID)
			r.console("a", true)
			r.wantAsked("chat", "a ")
		},
		"he is offline when he has neither": func(t *testing.T) {
			r := desk(t, everyone, true, "a")
			r.reach("a", 0)
			r.wantState("a", queue.AgentReady, "")
			r.reach("a", 1)
			r.console("a", false)
			r.wantState("a", queue.AgentReady, "")
			r.reach("a", 0)
			r.wantState("a", queue.AgentOffline, "")
			if err := r.set("a", queue.AgentReady, ""); err == nil {
				t.Error("ready without phone and console: got nil, want an error")
			}
			r.console("a", true)
			r.wantState("a", queue.AgentReady, "")
		},
		"what a person chose stands until both are gone": func(t *testing.T) {
			r := desk(t, everyone, true, "a")
			r.set("a", queue.AgentNotReady, "lunch")
			r.reach("a", 0)
			r.reach("a", 1)
			r.wantState("a", queue.AgentNotReady, "lunch")
			r.reach("a", 0)
			r.console("a", false)
			r.wantState("a", queue.AgentOffline, "")
		},
		"phones that cannot be rung do not stop text": func(t *testing.T) {
			r := desk(t, everyone, true, "a")
			r.join("call")
			o := r.last("call")
			r.missed(o.ID, call.OutcomeUnreachable)
			r.offer(queue.EventFinal, o.ID)
			r.wantState("a", queue.AgentUnreachable, "no_response")
			r.chat("chat")
			r.wantAsked("chat", "a ")
			r.wantAsked("call", "a ")
		},
		"an open chat goes to another when the console closes, an active one stays": func(t *testing.T) {
			r := desk(t, everyone, true, "a")
			r.chat("held")
			r.talk("held")
			r.chat("open")
			r.console("a", false)
			r.wantItem("held", "active")
			r.wantItem("open", "waiting")
			if got := r.notices("open"); got != "OW" {
				t.Errorf("got %s, want OW", got)
			}
		},
		"a console before its agent is known": func(t *testing.T) {
			r := desk(t, everyone, false, "a")
			r.console("b", true)
			r.do(queue.Event{Kind: queue.EventConfigure, Queues: []queue.QueueConfig{support("a", "b")}, Agents: auto("a", "b")})
			r.wantState("b", queue.AgentReady, "")
			r.do(queue.Event{Kind: queue.EventConfigure, Queues: []queue.QueueConfig{support("a")}, Agents: auto("a")})
			if _, ok := r.c.AgentView("b"); ok {
				t.Error("b is still there")
			}
		},
		"a removed agent keeps what he has until it ends": func(t *testing.T) {
			r := desk(t, everyone, false, "a")
			r.chat("chat")
			r.talk("chat")
			r.do(queue.Event{Kind: queue.EventConfigure, Queues: []queue.QueueConfig{support()}})
			r.chat("next")
			r.wantItem("chat", "active")
			r.wantItem("next", "waiting")
			r.end("chat")
			r.wantItem("next", "waiting")
		},
		"not ready keeps what he has and gets nothing new": func(t *testing.T) {
			r := desk(t, everyone, false, "a")
			r.mail("mail")
			r.set("a", queue.AgentNotReady, "lunch")
			r.chat("chat")
			r.wantDesk("a", "mail =34")
			r.wantItem("chat", "waiting")
			r.wantState("a", queue.AgentNotReady, "lunch")
		},
	} {
		t.Run(name, test)
	}
}

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

// Calls and text on one desk: desk 1.3, interrupt.
func TestInterrupt(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"a call, a chat and a mail go to one agent in the order of their keys, and the call interrupts the mail": func(t *testing.T) {
			r := desk(t, queue.Config{}, true, "a")
			r.set("a", queue.AgentNotReady, "")
			r.mail("mail")
			r.chat("chat")
			r.sleep(100 * time.Second)
			r.join("call") // key: now + 30 s; the chat's is now + 20 s
			r.set("a", queue.AgentReady, "")
			r.wantDesk("a", "chat? =0")
			r.talk("chat")
			r.wantDesk("a", "chat mail =67") // a chat keeps the call away, not the mail
			r.wantItem("call", "waiting")
			r.end("chat")
			r.wantAsked("call", "a ")
			r.wantDesk("a", "mail =34") // nothing moves at the offer
			o := r.talk("call")
			r.wantDesk("a", "mail- =0")
			r.wantItem("mail", "aside")
			r.hangup(o.ID)
			r.wantDesk("a", "mail =34")
			if got := r.notices("mail"); got != "OPR" {
				t.Errorf("notices: got %s, want OPR", got)
			}
			if why := o.Why; !strings.Contains(why, "interrupts text") {
				t.Errorf("why: got %q", why)
			}
		},
		"a missed call moves nothing": func(t *testing.T) {
			r := desk(t, everyone, true, "a")
			r.mail("mail")
			r.join("call")
			r.missed(r.last("call").ID, call.OutcomeMissed)
			r.offer(queue.EventFinal, r.last("call").ID)
			r.wantDesk("a", "mail =34")
			if got := r.notices("mail"); got != "O" {
				t.Errorf("notices: got %s, want O", got)
			}
		},
		"who has no text is asked before who would be interrupted": func(t *testing.T) {
			r := desk(t, everyone, true, "a", "b")
			r.mail("mail")
			r.sleep(time.Second)
			r.join("c1")
			r.wantAsked("c1", "b ")
			r.join("c2")
			r.wantAsked("c2", "a ")
		},
		"a mail does not go to who can take the call that waits": func(t *testing.T) {
			q1, q2 := support("a"), queue.QueueConfig{ID: "q2", Name: "mail", Enabled: true, Members: []queue.Member{{Agent: "a", Rank: 0}}}
			r := newRig(t, everyone, []queue.QueueConfig{q1, q2}, auto("a")...)
			r.console("a", true)
			r.reach("a", 1)
			r.set("a", queue.AgentNotReady, "")
			r.text("mail", call.ChannelEmail, func(it *queue.Item) { it.Queue = "mail"; it.Front = true })
			r.join("call")
			r.set("a", queue.AgentReady, "")
			r.wantAsked("call", "a ") // though the mail is of the better rank and class
			r.wantAsked("mail", "")
		},
		"what a call parked resumes after wrap-up, first in first": func(t *testing.T) {
			q := support("a")
			q.WrapUp = 5 * time.Second
			r := newRig(t, everyone, []queue.QueueConfig{q}, auto("a")...)
			r.console("a", true)
			r.reach("a", 1)
			r.mail("mail")
			r.text("social", call.ChannelSocial)
			r.join("call")
			o := r.talk("call")
			r.wantDesk("a", "mail- social- =0")
			if err := r.resume(r.last("mail").ID); !errors.Is(err, queue.ErrNoRoom) {
				t.Errorf("resume in a call: got %v, want ErrNoRoom", err)
			}
			r.hangup(o.ID)
			r.wantState("a", queue.AgentWrapUp, "")
			r.wantDesk("a", "mail- social- =0")
			r.text("ticket", call.ChannelTicket)
			r.wantItem("ticket", "waiting") // nothing comes in wrap-up
			r.sleep(5 * time.Second)
			r.wantDesk("a", "mail social ticket =93")
			if got := r.notices("social"); got != "OPR" {
				t.Errorf("notices: got %s, want OPR", got)
			}
		},
		"a second call before the first is over for the desk": func(t *testing.T) {
			r := desk(t, everyone, true, "a")
			r.mail("mail")
			r.join("c1")
			o := r.talk("c1")
			r.join("c2")
			r.hangup(o.ID)
			r.wantAsked("c2", "a ")
			r.wantDesk("a", "mail =34")
			r.talk("c2")
			r.wantDesk("a", "mail- =0")
		},
		"what he parked himself stays parked after a call": func(t *testing.T) {
			r := desk(t, everyone, true, "a")
			r.mail("m1")
			if err := r.park(r.last("m1").ID); err != nil {
				t.Fatal(err)
			}
			r.wantDesk("a", "m1- =0")
			r.mail("m2")
			r.wantDesk("a", "m1- m2 =34")
			r.join("c1")
			o := r.talk("c1")
			r.wantDesk("a", "m1- m2- =0")
			r.hangup(o.ID)
			r.wantDesk("a", "m1- m2 =34")
			if err := r.resume(r.last("m1").ID); !errors.Is(err, queue.ErrNoRoom) {
				t.Errorf("a second active mail: got %v, want ErrNoRoom", err)
			}
			r.end("m2")
			if err := r.resume(r.last("m1").ID); err != nil {
				t.Error(err)
			}
			r.wantDesk("a", "m1 =34")
		},
		"three are parked at most, a chat never": func(t *testing.T) {
			r := desk(t, everyone, false, "a")
			for _, id := range []queue.ItemID{"m1", "m2", "m3", "m4"} {
				r.mail(id)
				if err := r.park(r.last(id).ID); (err != nil) != (id == "m4") {
					t.Errorf("park %s: got %v", id, err)
				}
			}
			r.wantDesk("a", "m1- m2- m3- m4 =34")
			r.chat("c1")
			r.talk("c1")
			if err := r.park(r.last("c1").ID); !errors.Is(err, queue.ErrNoRoom) {
				t.Errorf("park a chat: got %v, want ErrNoRoom", err)
			}
			if err := r.park("nothing"); !errors.Is(err, queue.ErrGone) {
				t.Errorf("park nothing: got %v, want ErrGone", err)
			}
		},
		"a parked item can be ended": func(t *testing.T) {
			r := desk(t, everyone, true, "a")
			r.mail("m1")
			r.join("c1")
			r.talk("c1")
			r.end("m1")
			r.end("c1")
			r.wantDesk("a", " =0")
		},
		"an agent's loss of a chat puts it to the front": func(t *testing.T) {
			r := desk(t, everyone, false, "a", "b")
			r.chat("c1")
			r.talk("c1")
			r.set("a", queue.AgentNotReady, "")
			r.do(queue.Event{Kind: queue.EventAgentLost, Offer: r.last("c1").ID, Outcome: call.OutcomeUnreachable})
			r.wantAsked("c1", "a b ")
			if got := r.last("c1").Item.Class; got != queue.ClassRepair {
				t.Errorf("class: got %d, want repair", got)
			}
		},
	} {
		t.Run(name, test)
	}
}

// Requests by hand.
func TestTextRequests(t *testing.T) {
	two := func(t *testing.T, cfg queue.Config, phones bool) *rig {
		q1, q2 := support("a", "b"), queue.QueueConfig{ID: "q2", Name: "payments", Enabled: true, Members: []queue.Member{{Agent: "b", Rank: 1}}}
		closed := queue.QueueConfig{ID: "q3", Name: "closed"}
		r := newRig(t, cfg, []queue.QueueConfig{q1, q2, closed}, auto("a", "b")...)
		for _, id := range []account.ID{"a", "b"} {
			r.console(id, true)
			if phones {
				r.reach(id, 1)
			}
		}
		return r
	}
	for name, test := range map[string]func(*testing.T){
		"an item is claimed before its turn, by who is not ready too": func(t *testing.T) {
			r := two(t, queue.Config{}, false)
			r.set("a", queue.AgentNotReady, "")
			r.set("b", queue.AgentNotReady, "")
			r.mail("m1")
			r.chat("c1")
			got := r.claim("m1", "a")
			if got.Err != nil || got.Offer != r.last("m1").ID {
				t.Fatalf("got %+v", got)
			}
			r.wantDesk("a", "m1 =34")
			if o := r.last("m1"); !o.Accepted || !strings.HasPrefix(o.Why, "claimed by hand") {
				t.Errorf("got %+v", o)
			}
			if got := r.claim("c1", "a"); got.Err != nil || !r.last("c1").Accepted {
				t.Errorf("a chat: got %v", got.Err)
			}
		},
		"a claim is refused": func(t *testing.T) {
			r := two(t, everyone, true)
			r.set("a", queue.AgentNotReady, "")
			r.set("b", queue.AgentNotReady, "")
			r.mail("m1")
			r.mail("m2")
			r.mail("m3")
			r.text("p1", call.ChannelEmail, func(it *queue.Item) { it.Queue = "payments" })
			r.claim("m1", "a")
			for name, c := range map[string]struct {
				item  queue.ItemID
				agent account.ID
				want  error
			}{
				"unknown item":       {"none", "a", queue.ErrGone},
				"unknown agent":      {"m2", "none", queue.ErrUnknownAgent},
				"somebody has it":    {"m1", "b", queue.ErrTaken},
				"his mail is active": {"m2", "a", queue.ErrNoRoom},
				"not a member":       {"p1", "a", queue.ErrNotAllowed},
			} {
				if got := r.claim(c.item, c.agent).Err; !errors.Is(got, c.want) {
					t.Errorf("%s: got %v, want %v", name, got, c.want)
				}
			}
			r.join("c1")
			r.claim("c1", "b")
			r.talk("c1")
			if got := r.claim("m3", "b").Err; !errors.Is(got, queue.ErrNoRoom) {
				t.Errorf("in a call: got %v, want ErrNoRoom", got)
			}
		},
		"a claimed call rings": func(t *testing.T) {
			r := two(t, everyone, true)
			r.set("a", queue.AgentNotReady, "")
			r.set("b", queue.AgentNotReady, "")
			r.join("c1")
			if got := r.claim("c1", "b"); got.Err != nil {
				t.Fatal(got.Err)
			}
			r.wantState("b", queue.AgentReserved, "")
			if o := r.last("c1"); o.Accepted || o.Agent != "b" {
				t.Errorf("got %+v", o)
			}
			r.talk("c1")
			r.join("c2")
			if got := r.claim("c2", "b").Err; !errors.Is(got, queue.ErrNoRoom) {
				t.Errorf("got %v, want ErrNoRoom", got)
			}
		},
		"a priority moves the place at once and is stored": func(t *testing.T) {
			r := two(t, everyone, true)
			r.set("a", queue.AgentNotReady, "")
			r.set("b", queue.AgentNotReady, "")
			r.join("c1")
			r.sleep(90 * time.Second)
			r.join("c2")
			set := func(p int) error { return r.do(queue.Event{Kind: queue.EventPriority, ItemID: "c2", Priority: p}).Err }
			if err := set(3); err != nil {
				t.Fatal(err)
			}
			w := r.c.Waiting("support", 0)
			if w[0].ID != "c2" || w[0].Position != 1 || w[0].Key != r.now.UnixMilli()+30_000-120_000 {
				t.Errorf("got %+v", w)
			}
			if d := r.decs[len(r.decs)-1]; d.Kind != queue.DecisionUpdate || d.Item.Priority != 3 || d.Item.Key != w[0].Key {
				t.Errorf("decision: got %+v", d)
			}
			for p, want := range map[int]error{4: queue.ErrPriority, -1: queue.ErrPriority, 3: nil} {
				if got := set(p); !errors.Is(got, want) {
					t.Errorf("priority %d: got %v, want %v", p, got, want)
				}
			}
			r.set("a", queue.AgentReady, "")
			r.wantAsked("c2", "a ")
		},
		"a transfer keeps the key, a new request does not": func(t *testing.T) {
			for _, fresh := range []bool{false, true} {
				r := two(t, everyone, false)
				r.set("b", queue.AgentNotReady, "")
				r.mail("m1")
				r.wantDesk("a", "m1 =34")
				key := r.last("m1").Item.Key
				r.sleep(time.Minute)
				if err := r.transfer("m1", "Payments", fresh); err != nil {
					t.Fatal(err)
				}
				r.wantDesk("a", " =0")
				if got := r.notices("m1"); got != "OW" {
					t.Errorf("got %s, want OW", got)
				}
				w := r.c.Waiting("payments", 0)
				if len(w) != 1 || (w[0].Key == key) == fresh {
					t.Errorf("fresh %t: got %+v, old key %d", fresh, w, key)
				}
				r.conserved("support")
				r.conserved("payments")
				r.set("b", queue.AgentReady, "")
				r.wantAsked("m1", "a b ")
				r.wantDesk("b", "m1 =34")
			}
		},
		"a transfer back to the queue asks another first": func(t *testing.T) {
			r := two(t, everyone, false)
			r.chat("c1")
			r.talk("c1")
			if err := r.transfer("c1", "support", false); err != nil {
				t.Fatal(err)
			}
			r.wantAsked("c1", "a b ")
		},
		"a waiting call is transferred, one in talk is not": func(t *testing.T) {
			r := two(t, everyone, true)
			r.join("c1")
			r.talk("c1")
			if err := r.transfer("c1", "payments", false); !errors.Is(err, queue.ErrTaken) {
				t.Errorf("got %v, want ErrTaken", err)
			}
			r.join("c2")
			o := r.last("c2")
			if err := r.transfer("c2", "payments", false); err != nil {
				t.Fatal(err)
			}
			r.offer(queue.EventFinal, o.ID)
			r.wantAsked("c2", "b b ")
			for to, want := range map[string]error{"none": queue.ErrUnknownQueue, "closed": queue.ErrClosed} {
				if err := r.transfer("c2", to, false); !errors.Is(err, want) {
					t.Errorf("%s: got %v, want %v", to, err, want)
				}
			}
			if err := r.transfer("none", "support", false); !errors.Is(err, queue.ErrGone) {
				t.Errorf("got %v, want ErrGone", err)
			}
			r.conserved("support")
			r.conserved("payments")
		},
		"an item is given back to who had it before a restart": func(t *testing.T) {
			r := two(t, everyone, false)
			r.set("a", queue.AgentNotReady, "")
			held := func(parked bool) func(*queue.Item) {
				return func(it *queue.Item) { it.Holder, it.Parked, it.CountsAsOffered = "a", parked, false }
			}
			r.text("m1", call.ChannelEmail, held(false))
			r.text("m2", call.ChannelEmail, held(true))
			r.text("m3", call.ChannelEmail, held(false)) // no room any more
			r.text("c1", call.ChannelChat, held(false))
			r.wantDesk("a", "m1 m2- m3- c1 =67")
			if o := r.last("m2"); !o.Accepted || !o.Parked {
				t.Errorf("got %+v", o)
			}
			r.end("m1")
			if err := r.resume(r.last("m3").ID); err != nil {
				t.Error(err)
			}
			r.text("gone", call.ChannelEmail, func(it *queue.Item) { it.Holder = "nobody" })
			r.wantAsked("gone", "b ")
			r.conserved("support")
		},
		"slots of an agent's text items are never used twice at once": func(t *testing.T) {
			r := two(t, everyone, false)
			r.set("b", queue.AgentNotReady, "")
			for i := range 9 {
				r.chat(queue.ItemID(fmt.Sprintf("c%d", i)))
			}
			used := map[string]queue.OfferID{}
			seen := 0
			for i := range 9 {
				id := queue.ItemID(fmt.Sprintf("c%d", i))
				for ; seen < len(r.decs); seen++ {
					d := r.decs[seen]
					key := fmt.Sprint(d.Agent, d.Slot)
					switch d.Kind {
					case queue.DecisionOffer:
						if used[key] != "" {
							t.Fatalf("slot %s of %s is used twice", key, used[key])
						}
						used[key] = d.Offer
					case queue.DecisionRelease:
						delete(used, key)
					}
				}
				r.talk(id)
				if i > 1 {
					r.end(queue.ItemID(fmt.Sprintf("c%d", i-2)))
				}
			}
		},
		"what nobody reads goes back to the queue": func(t *testing.T) {
			r := two(t, everyone, false)
			r.mail("m1")
			r.do(queue.Event{Kind: queue.EventUndelivered, Offer: r.last("m1").ID})
			r.wantItem("m1", "parked")
			r.wantDesk("a", " =0")
			r.sleep(time.Second)
			r.wantItem("m1", "active")
		},
		"what waits is listed in its order": func(t *testing.T) {
			r := two(t, everyone, false)
			r.set("a", queue.AgentNotReady, "")
			r.set("b", queue.AgentNotReady, "")
			r.mail("m1")
			r.text("m2", call.ChannelEmail, func(it *queue.Item) { it.Priority = 3; it.TicketID = "t2" })
			r.chat("c1")
			r.join("call")
			r.text("p1", call.ChannelEmail, func(it *queue.Item) { it.Queue = "payments" })
			var got []string
			for _, w := range r.c.Waiting("", 0) {
				got = append(got, fmt.Sprintf("%s %d", w.ID, w.Position))
			}
			if s := strings.Join(got, ", "); s != "call 1, c1 1, m2 1, m1 2, p1 1" {
				t.Errorf("got %s", s)
			}
			if w := r.c.Waiting("SUPPORT", 3); len(w) != 3 || w[2].TicketID != "t2" || !w[2].DueAt.Equal(epoch.Add(4*time.Hour)) {
				t.Errorf("got %+v", w)
			}
		},
		"figures are kept by channel": func(t *testing.T) {
			r := two(t, everyone, true)
			r.join("call")
			r.mail("m1")
			r.chat("c1")
			tally, _ := r.c.Tally("support")
			if tally.Offered != 3 || tally.Channels[call.ChannelEmail].Live != 1 || tally.Channels[call.ChannelCall].Offered != 1 {
				t.Errorf("got %+v", tally)
			}
		},
	} {
		t.Run(name, test)
	}
}
