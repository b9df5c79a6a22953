package queue_test

import (
	"errors"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

func TestALimitThatCannotBeIsNamed(t *testing.T) {
	for name, x := range map[string]struct {
		channel             call.Channel
		limit               queue.Limit
		field, bound, value string // "": it can be
	}{
		"the default of a chat":   {call.ChannelChat, queue.DefaultLimit(call.ChannelChat), "", "", ""},
		"the default of a mail":   {call.ChannelEmail, queue.DefaultLimit(call.ChannelEmail), "", "", ""},
		"none of a channel":       {call.ChannelChat, queue.Limit{}, "", "", ""},
		"one that takes all":      {call.ChannelChat, queue.Limit{Max: 1, Weight: 100}, "", "", ""},
		"more than fit":           {call.ChannelChat, queue.Limit{Max: 4, Weight: 33}, "chat.max", "0 to 3 at weight 33 of 100", "4"},
		"more than fit, default":  {call.ChannelEmail, queue.Limit{Max: 3}, "email.max", "0 to 2 at weight 34 of 100", "3"},
		"less than none":          {call.ChannelTicket, queue.Limit{Max: -1}, "ticket.max", "0 to 2 at weight 34 of 100", "-1"},
		"too heavy":               {call.ChannelSocial, queue.Limit{Max: 1, Weight: 101}, "social.weight", "1 to 100", "101"},
		"lighter than nothing":    {call.ChannelSocial, queue.Limit{Max: 1, Weight: -5}, "social.weight", "1 to 100", "-5"},
		"a chat is not set aside": {call.ChannelChat, queue.Limit{Max: 1, Parked: 1}, "chat.parked", "0 to 0", "1"},
		"too many set aside":      {call.ChannelWebForm, queue.Limit{Max: 1, Parked: 51}, "web_form.parked", "0 to 50", "51"},
		"a call is exclusive": {
			call.ChannelCall, queue.Limit{Max: 2, Weight: 50}, "call", "chat, email, social, web_form or ticket (a call is exclusive)", "call",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := x.limit.Check(x.channel)
			if x.field == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			got, ok := errors.AsType[*queue.LimitError](err)
			if !ok || *got != (queue.LimitError{Field: x.field, Limit: x.bound, Value: x.value}) {
				t.Errorf("got %v, want %s: limit %s, got %s", err, x.field, x.bound, x.value)
			}
		})
	}
}

// A new limit holds from the moment on; what an agent has stays his.
func TestLimitsHoldAtOnce(t *testing.T) {
	agents := auto("a")
	r := newRig(t, everyone, []queue.QueueConfig{support("a")}, agents...)
	set := func(limits map[call.Channel]queue.Limit) {
		t.Helper()
		agents[0].Limits = limits
		r.do(queue.Event{Kind: queue.EventConfigure, Queues: []queue.QueueConfig{support("a")}, Agents: agents})
	}
	r.console("a", true)
	for _, id := range []queue.ItemID{"x", "y"} {
		r.chat(id)
		r.talk(id)
	}
	set(map[call.Channel]queue.Limit{call.ChannelChat: {Max: 2, Weight: 50}})
	r.chat("z")
	r.wantItem("z", "waiting")
	set(nil) // the default: three
	r.wantDesk("a", "x y z? =66")
	r.talk("z")
	set(map[call.Channel]queue.Limit{call.ChannelChat: {Max: 1, Weight: 50}})
	r.wantDesk("a", "x y z =99") // they stay his, at what they weighed
	r.chat("w")
	r.end("x")
	r.end("y")
	r.wantItem("w", "waiting")
	r.sleep(time.Second)
	r.end("z")
	r.wantDesk("a", "w? =0")
	r.talk("w")
	r.wantDesk("a", "w =50")
	if got := agentLimits(r, "a")[call.ChannelChat]; got != (queue.Limit{Max: 1, Weight: 50}) {
		t.Errorf("shown as %+v", got)
	}
	if got := agentLimits(r, "a")[call.ChannelEmail]; got != queue.DefaultLimit(call.ChannelEmail) {
		t.Errorf("mail shown as %+v", got)
	}
}

// After a restart the chat that waits may be offered before those that the agent
// had are known again: what he had is his, and is not set aside for it.
func TestAChatOfBeforeARestartGoesBeforeAnOffer(t *testing.T) {
	agents := auto("a")
	agents[0].Limits = map[call.Channel]queue.Limit{call.ChannelChat: {Max: 2, Weight: 50}}
	r := newRig(t, everyone, []queue.QueueConfig{support("a")}, agents...)
	r.console("a", true)
	had := func(it *queue.Item) { it.Holder = "a" }
	r.text("one", call.ChannelChat, had)
	r.chat("new")
	r.wantDesk("a", "one new? =50")
	r.text("two", call.ChannelChat, had)
	r.wantDesk("a", "one two =100")
	r.wantItem("new", "waiting")
	r.end("one")
	r.wantDesk("a", "two new? =50")
	// The limit was lowered meanwhile: they stay his all the same.
	r.text("three", call.ChannelChat, had)
	r.text("four", call.ChannelChat, had)
	r.wantDesk("a", "two three four =150")
	r.text("mail", call.ChannelEmail, had) // which nobody waits beside
	r.wantDesk("a", "two three four mail- =150")
}

func agentLimits(r *rig, id account.ID) map[call.Channel]queue.Limit {
	v, _ := r.c.AgentView(id)
	return v.Limits
}
