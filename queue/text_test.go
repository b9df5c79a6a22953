package queue_test

import (
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
	return r.hand(id, queue.Destination{Queue: to, Fresh: fresh})
}

func (r *rig) hand(id queue.ItemID, to queue.Destination) error {
	return r.do(queue.Event{Kind: queue.EventTransfer, ItemID: id, To: to}).Err
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
