package queue_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pickup/call"
	"pickup/queue"
)

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
