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
