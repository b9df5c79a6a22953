package chat_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"pickup/ticket"
	"pickup/ticket/chat"
	"pickup/ticket/work"
)

// lossyPage is a visitor's page behind a bad network: frames are lost in both
// directions, and it comes back with the last number it has.
type lossyPage struct {
	h      *house
	chat   string
	link   *chat.Link
	last   int64
	seen   []string // messages as they are shown
	unsent []string // in order, without an acknowledgement
	deaf   bool     // what it sends is lost, until it comes back
}

// join opens the socket and sends again what has no acknowledgement.
func (p *lossyPage) join() {
	if p.link != nil {
		return
	}
	l, err := p.h.rooms.Attach(context.Background(), p.chat, p.last)
	p.h.must(err)
	p.link, p.deaf = l, false
	for _, m := range p.unsent {
		l.Send(m, m, nil)
	}
}

// say sends a message, or keeps it while the socket is away. lost: from here on
// nothing that this socket sends arrives.
func (p *lossyPage) say(m string, lost bool) {
	p.unsent = append(p.unsent, m)
	p.deaf = p.deaf || lost
	if p.link != nil && !p.deaf {
		p.link.Send(m, m, nil)
	}
}

// cut ends the socket. What was on its way down is lost, unless it is read.
func (p *lossyPage) cut(read bool) {
	if p.link == nil {
		return
	}
	if read {
		p.read()
	}
	p.link.Close()
	p.link = nil
}

// read shows what arrived.
func (p *lossyPage) read() {
	if p.link == nil {
		return
	}
	for _, f := range frames(p.link) {
		switch f.Kind {
		case chat.FrameEvent:
			if f.Event.Seq != p.last+1 {
				p.h.t.Fatalf("after %d comes %d", p.last, f.Event.Seq)
			}
			p.last = f.Event.Seq
			if f.Event.Kind == chat.KindMessage {
				p.seen = append(p.seen, f.Event.Message.Text)
			}
		case chat.FrameAccepted:
			for i, m := range p.unsent {
				if m == f.ClientID {
					p.unsent = append(p.unsent[:i:i], p.unsent[i+1:]...)
					break
				}
			}
		case chat.FrameRefused:
			p.h.t.Fatalf("%s was refused: %v", f.ClientID, f.Err)
		}
	}
}

// Twenty messages from each side over networks that lose whatever they like,
// with two tabs, and the process replaced in between: in the end everybody has
// the same messages in one order, each once, each side's in the order in which
// it said them.
func TestNoLossAndNoDoublesOverAnyNetwork(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := &plan{steps: rapid.SliceOfN(rapid.Byte(), 50, 600).Draw(r, "plan")}
		synctest.Test(t, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("the plan was %v", p.steps)
				}
			}()
			overAnyNetwork(t, p)
		})
	})
}

// plan is what chance decides. When it is used up it goes round.
type plan struct {
	steps []byte
	at    int
}

func (p *plan) pick(n int) int {
	b := p.steps[p.at%len(p.steps)]
	p.at++
	return (int(b) + p.at/len(p.steps)) % n
}

func (p *plan) coin() bool { return p.pick(2) == 0 }

func overAnyNetwork(t *testing.T, r *plan) {
	const each = 20
	h := newHouse(t, chat.Config{})
	h.start()
	id := h.answered()
	pages := []*lossyPage{{h: h, chat: id}, {h: h, chat: id}}
	agentSaid, agentUnsure, visitorSaid := 0, "", 0
	answer := func(m string) error {
		_, _, err := h.rooms.Say(context.Background(), id, chat.Said{
			Side: chat.Agent, Actor: ticket.Actor{ID: "a1"}, ClientID: m, Text: m,
		})
		return err
	}
	for agentSaid < each || visitorSaid < each {
		page := pages[r.pick(2)]
		acts := []string{"visitor", "visitor", "agent", "agent", "join", "cut", "read", "pause", "visitor", "agent", "join", "restart"}
		switch acts[r.pick(len(acts))] {
		case "visitor":
			if visitorSaid < each {
				visitorSaid++
				// One tab speaks: two have no order between them.
				pages[0].say(fmt.Sprintf("v%02d", visitorSaid), r.pick(4) == 0)
			}
		case "agent":
			if agentUnsure != "" { // he sends again what he has no answer to
				h.must(answer(agentUnsure))
				agentUnsure = ""
			}
			if agentSaid < each {
				agentSaid++
				m := fmt.Sprintf("a%02d", agentSaid)
				h.must(answer(m))
				if r.coin() {
					agentUnsure = m
				}
			}
		case "join":
			page.join()
		case "cut":
			page.cut(r.coin())
		case "read":
			page.read()
		case "pause":
			time.Sleep(time.Duration(r.pick(20)) * time.Second)
		case "restart":
			for _, p := range pages {
				p.cut(r.coin())
			}
			h.end()
			h.start()
			h.board.Present("a1")
			synctest.Wait()
		}
		if len(pages[0].unsent) > 0 && r.coin() {
			pages[0].cut(true)
			pages[0].join()
		}
	}
	for range 2 { // the network is back: what was lost is sent again, and acknowledged
		for _, p := range pages {
			p.cut(true)
			p.join()
			synctest.Wait()
			p.read()
		}
	}
	var want []string
	for _, e := range h.events(id) {
		if e.Kind == chat.KindMessage && e.Message.Text != "Bonjour" {
			want = append(want, e.Message.Text)
		}
	}
	if len(want) != 2*each {
		t.Fatalf("%d messages are stored, want %d: %v", len(want), 2*each, want)
	}
	next := map[byte]int{}
	for _, m := range want {
		next[m[0]]++
		if m[1:] != fmt.Sprintf("%02d", next[m[0]]) {
			t.Fatalf("%s stands where %d should: %v", m, next[m[0]], want)
		}
	}
	for i, p := range pages {
		if len(p.unsent) != 0 || fmt.Sprint(p.seen) != fmt.Sprint(append([]string{"Bonjour"}, want...)) {
			t.Fatalf("tab %d shows %v, unsent %v, want %v", i, p.seen, p.unsent, want)
		}
	}
	items, err := h.board.List(context.Background(), work.Filter{})
	if err != nil || len(items) != 1 || items[0].Agent != "a1" {
		t.Fatalf("the work is %+v, %v", items, err)
	}
	h.end()
}
