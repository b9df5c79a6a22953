package queue_test

import (
	"errors"
	"testing"
	"time"

	"pickup/call"
	"pickup/queue"
)

// configure replaces the site.
func (r *rig) configure(q queue.QueueConfig, agents ...queue.AgentConfig) {
	r.do(queue.Event{Kind: queue.EventConfigure, Queues: []queue.QueueConfig{q}, Agents: agents})
}

// The races of telephony 1.9 between calls and those who change the site.
func TestRacesWithTheSite(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"R13 ready is refused while the phone is in a foreign call": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i")
			o := r.last("i").ID
			r.missed(o, call.OutcomeBusy)
			r.offer(queue.EventFinal, o)
			var refused *queue.RefusedError
			if err := r.set("a", queue.AgentReady, ""); !errors.As(err, &refused) {
				t.Errorf("got %v, want a RefusedError", err)
			}
			r.wantAsked("i", "a ")
			r.sleep(15 * time.Second)
			r.wantAsked("i", "a a ")
			if err := r.set("a", queue.AgentReady, ""); err != nil {
				t.Error(err)
			}
		},
		"R13 who does not take a chat is in no foreign call": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.console("a", true)
			r.text("c", call.ChannelChat)
			r.missed(r.last("c").ID, call.OutcomeBusy)
			if err := r.set("a", queue.AgentReady, ""); err != nil {
				t.Error(err)
			}
		},
		"R15 an offer keeps the parameters it left with": func(t *testing.T) {
			r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.WrapUp = 20 * time.Second }, "a")
			r.join("i")
			was := r.last("i")
			other := support("a")
			other.Target, other.WrapUp = 5*time.Second, 0
			r.configure(other, auto("a")...)
			if now := r.last("i"); now.ID != was.ID || now.RingTime != was.RingTime || now.Deadline != was.Deadline {
				t.Errorf("got %+v, want %+v", now, was)
			}
			if !r.answered(was.ID) {
				t.Error("the offer was lost")
			}
		},
		"R16 skills edited while reserved: the offer stands": func(t *testing.T) {
			able := auto("a")
			able[0].Skills = map[string]int{"french": 3}
			r := newRig(t, queue.Config{}, []queue.QueueConfig{support("a")}, able...)
			r.reach("a", 1)
			r.join("i", func(it *queue.Item) { it.Needs = []queue.Need{{Skill: "french", Level: 2}} })
			o := r.last("i").ID
			r.configure(support("a"), auto("a")...)
			if !r.answered(o) {
				t.Fatal("the offer does not stand")
			}
			r.offer(queue.EventBridged, o)
			r.wantState("a", queue.AgentTalking, "")
			r.hangup(o)
			r.join("j", func(it *queue.Item) { it.Needs = []queue.Need{{Skill: "french", Level: 2}} })
			r.wantAsked("j", "")
		},
		"R16 a member is taken out while reserved: the offer stands": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i")
			r.configure(support(), auto("a")...)
			if !r.answered(r.last("i").ID) {
				t.Error("the offer does not stand")
			}
		},
		"R12 a user is deleted while he talks: he is gone after it": func(t *testing.T) {
			r := simple(t, queue.Config{}, nil, "a")
			r.join("i")
			o := r.talk("i").ID
			r.configure(support(), auto("b")...)
			r.wantItem("i", "talking")
			r.hangup(o)
			if _, there := r.c.AgentView("a"); there {
				t.Error("he is still there")
			}
		},
	} {
		t.Run(name, test)
	}
}
