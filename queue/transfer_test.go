package queue_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

// duo is support with a and b, and payments with b alone; b knows security.
func duo(t *testing.T) *rig {
	payments := queue.QueueConfig{ID: "q2", Name: "payments", Enabled: true, Members: []queue.Member{{Agent: "b", Rank: 1}}}
	agents := auto("a", "b")
	agents[1].Skills = map[string]int{"security": 3}
	agents[0].Limits = map[call.Channel]queue.Limit{call.ChannelSocial: {}}
	r := newRig(t, everyone, []queue.QueueConfig{support("a", "b"), payments}, agents...)
	for _, id := range []account.ID{"a", "b"} {
		r.now = r.now.Add(time.Millisecond)
		r.console(id, true)
	}
	return r
}

// held is duo where a has an item, and b nothing.
func held(t *testing.T, ch call.Channel) *rig {
	r := duo(t)
	r.set("b", queue.AgentNotReady, "")
	r.text("w", ch)
	if ch == call.ChannelChat {
		r.talk("w")
	}
	r.wantItem("w", "active")
	r.set("b", queue.AgentReady, "")
	return r
}

func TestTransferToAgent(t *testing.T) {
	to := func(a account.ID) queue.Destination { return queue.Destination{Agent: a, By: "1001"} }
	give := func(t *testing.T, r *rig, d queue.Destination) {
		t.Helper()
		if err := r.hand("w", d); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]func(*testing.T){
		"a chat is offered to him at once, with the reason, and who gave it is free": func(t *testing.T) {
			r := held(t, call.ChannelChat)
			key := r.last("w").Item.Key
			r.sleep(5 * time.Minute)
			give(t, r, to("b"))
			r.wantDesk("a", " =0")
			r.wantDesk("b", "w? =0")
			o := r.last("w")
			if o.Item.Key != key || !strings.HasPrefix(o.Why, "transferred by 1001 to this agent, ") {
				t.Errorf("key %d, want %d; why %q", o.Item.Key, key, o.Why)
			}
			r.talk("w")
			r.wantDesk("b", "w =33")
		},
		"a mail is his at once": func(t *testing.T) {
			r := held(t, call.ChannelEmail)
			give(t, r, to("b"))
			r.wantDesk("a", " =0")
			r.wantDesk("b", "w =34")
		},
		"he refuses: it goes to everybody, who had it last": func(t *testing.T) {
			r := held(t, call.ChannelChat)
			give(t, r, to("b"))
			r.missed(r.last("w").ID, call.OutcomeRejected)
			r.wantDesk("a", "w? =0")
			if why := r.last("w").Why; !strings.HasPrefix(why, "transferred by 1001, ") || !strings.HasSuffix(why, "all others tried") {
				t.Errorf("why %q", why)
			}
		},
		"he is full: it waits for him alone, then for everybody": func(t *testing.T) {
			r := held(t, call.ChannelChat)
			for _, id := range []queue.ItemID{"x", "y", "z"} {
				r.chat(id)
				if err := r.hand(id, to("b")); err != nil && r.last(id).Agent != "b" {
					t.Fatal(err)
				}
				r.talk(id)
			}
			r.wantDesk("b", "x y z =99")
			give(t, r, to("b"))
			r.wantDesk("a", " =0")
			r.wantItem("w", "waiting")
			r.sleep(59 * time.Second)
			r.wantItem("w", "waiting")
			r.sleep(time.Second)
			r.wantDesk("a", "w? =0")
		},
		"he is full: it is his when he has room": func(t *testing.T) {
			r := held(t, call.ChannelEmail)
			r.set("a", queue.AgentNotReady, "")
			r.mail("x")
			r.wantDesk("b", "x =34")
			r.set("a", queue.AgentReady, "")
			give(t, r, to("b"))
			r.sleep(29 * time.Minute)
			r.wantItem("w", "waiting")
			r.mail("y") // a takes what is everybody's
			r.wantDesk("a", "y =34")
			r.end("x")
			r.wantDesk("b", "w =34")
		},
		"he is not ready: it waits for everybody at once": func(t *testing.T) {
			r := held(t, call.ChannelChat)
			r.set("b", queue.AgentNotReady, "lunch")
			give(t, r, to("b"))
			r.wantDesk("a", "w? =0")
		},
		"his console closes while it waits for him": func(t *testing.T) {
			r := held(t, call.ChannelEmail)
			r.set("a", queue.AgentNotReady, "")
			r.mail("x")
			give(t, r, to("b"))
			r.set("a", queue.AgentReady, "")
			r.wantItem("w", "waiting")
			r.console("b", false)
			r.wantDesk("a", "w =34")
		},
		"what waits goes to him before older work": func(t *testing.T) {
			r := duo(t)
			r.set("a", queue.AgentNotReady, "")
			r.set("b", queue.AgentNotReady, "")
			r.mail("old")
			r.sleep(time.Second)
			r.mail("w")
			give(t, r, to("b"))
			r.set("b", queue.AgentReady, "")
			r.wantDesk("b", "old =34") // he was not there: it waits for everybody
			r.end("old")
			r.wantDesk("b", "w =34")
		},
		"an offer that is on its way is given to another": func(t *testing.T) {
			r := duo(t)
			r.set("b", queue.AgentNotReady, "")
			r.hold = true
			r.chat("w")
			r.set("b", queue.AgentReady, "")
			give(t, r, to("b"))
			r.answerStore(nil)
			r.wantDesk("a", " =0")
			r.wantDesk("b", "w? =0")
		},
		"the next transfer takes the wish away": func(t *testing.T) {
			r := held(t, call.ChannelChat)
			r.set("b", queue.AgentNotReady, "")
			give(t, r, to("b"))
			r.talk("w")
			give(t, r, queue.Destination{By: "1001"})
			r.set("b", queue.AgentReady, "")
			r.wantDesk("a", "w? =0")
			if why := r.last("w").Why; strings.Contains(why, "to this agent") {
				t.Errorf("why %q", why)
			}
		},
	} {
		t.Run(name, test)
	}
}

// Who can never be given an item is named with what stands against it, and the
// item stays where it is.
func TestTransferRefused(t *testing.T) {
	for name, x := range map[string]struct {
		channel             call.Channel
		to                  queue.Destination
		field, limit, value string
	}{
		"not a member":      {call.ChannelChat, queue.Destination{Queue: "Payments", Agent: "a"}, "queue", "payments", "not a member"},
		"lacks the skill":   {call.ChannelChat, queue.Destination{Agent: "a", Skill: "security", Level: 2}, "skill", "security 2", "security 0"},
		"level too low":     {call.ChannelChat, queue.Destination{Agent: "b", Skill: "security", Level: 4}, "skill", "security 4", "security 3"},
		"nobody has it":     {call.ChannelChat, queue.Destination{Skill: "dispute"}, "skill", "dispute 1", "nobody in support who may have it"},
		"no such level":     {call.ChannelChat, queue.Destination{Skill: "security", Level: 6}, "level", "1 to 5", "6"},
		"takes none of it":  {call.ChannelSocial, queue.Destination{Agent: "a"}, "social.max", "0", "1"},
		"has it already":    {call.ChannelEmail, queue.Destination{Agent: "b"}, "agent", "another one than has it", "b"},
		"a call is carried": {call.ChannelCall, queue.Destination{Agent: "b"}, "channel", "written work", "call"},
	} {
		t.Run(name, func(t *testing.T) {
			r := duo(t)
			r.set("a", queue.AgentNotReady, "")
			r.text("w", x.channel)
			was := r.c.Fingerprint()
			err := r.hand("w", x.to)
			var u *queue.UnfitError
			if !errors.As(err, &u) || u.Field != x.field || u.Limit != x.limit || u.Value != x.value {
				t.Fatalf("got %v, want %s: limit %s, got %s", err, x.field, x.limit, x.value)
			}
			if got := r.c.Fingerprint(); got != was {
				t.Errorf("it moved:\n%s\nwas\n%s", got, was)
			}
		})
	}
	r := duo(t)
	r.chat("w")
	if err := r.hand("w", queue.Destination{Agent: "nobody"}); !errors.Is(err, queue.ErrUnknownAgent) {
		t.Errorf("got %v, want ErrUnknownAgent", err)
	}
}

func TestTransferToSkill(t *testing.T) {
	r := held(t, call.ChannelChat)
	if err := r.hand("w", queue.Destination{Skill: "security", Level: 2, By: "1001"}); err != nil {
		t.Fatal(err)
	}
	r.wantDesk("b", "w? =0")
	if why := r.last("w").Why; !strings.HasPrefix(why, "transferred by 1001, skill security 2, ") {
		t.Errorf("why %q", why)
	}
	r.missed(r.last("w").ID, call.OutcomeRejected)
	r.wantItem("w", "waiting") // a has not the skill
	if err := r.hand("w", queue.Destination{Queue: "support"}); err != nil {
		t.Fatal(err)
	}
	r.wantDesk("a", "w? =0") // the wish of the transfer before is gone
}
