package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"pickup/call"
	"pickup/queue"
	"pickup/web"
)

// An agent gives a chat to another by name: he is offered it, and the ticket says
// who gave it to whom, when and why.
func TestAnAgentGivesAChatToAnother(t *testing.T) {
	s := open(t)
	other := s.users["1002"].ID
	must(t, s.queue.SetState(t.Context(), other, queue.AgentNotReady, "pause"))
	_, o := s.opened(1)
	c := s.answered(o.ID, "1001")
	item := "/api/v1/work/chat-" + o.ID

	var where web.WorkDestinations
	c.do("GET", item+"/destinations", nil).json(t, &where)
	if !slices.Contains(where.Queues, "support") || !slices.ContainsFunc(where.Agents, func(a web.DestinationAgent) bool { return a.ID == string(other) }) {
		t.Errorf("got %+v", where)
	}
	for field, body := range map[string]map[string]any{
		"body.agent_id": {"agent_id": string(s.users["1001"].ID), "reason": "no"},
		"body.skill":    {"skill": "diving", "level": 2, "reason": "no"},
		"body.level":    {"level": 2, "reason": "no"},
		"body.reason":   {"agent_id": string(other), "reason": "  "},
	} {
		if r := c.do("POST", item+"/transfer", body); r.status/100 != 4 || !strings.Contains(string(r.body), field) {
			t.Errorf("%s: got %d %s", field, r.status, r.body)
		}
	}

	t.Cleanup(s.board.Present(other))
	eventually(t, "his console", func() bool { return s.queue.SetState(t.Context(), other, queue.AgentReady, "") == nil })
	if r := c.do("POST", item+"/transfer", map[string]any{"agent_id": string(other), "reason": "She speaks German"}); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if r := c.do("GET", item, nil); r.status != http.StatusForbidden {
		t.Errorf("who gave it away reads it: %d", r.status)
	}
	to := s.as("1002")
	var w web.WorkStory
	eventually(t, "the offer", func() bool {
		r := to.do("GET", item, nil)
		if r.status == http.StatusOK {
			r.json(t, &w)
		}
		return w.State == "offered"
	})
	if !strings.HasPrefix(w.Why, "transferred by 1001 to this agent, ") || len(w.Offers) != 2 {
		t.Errorf("got %q, %+v", w.Why, w.Offers)
	}
	d, err := s.store.Ticket(t.Context(), w.TicketID)
	must(t, err)
	n := slices.IndexFunc(d.Events, func(e call.TimelineEvent) bool { return e.Kind == "transferred" })
	if n < 0 {
		t.Fatalf("the timeline says nothing: %+v", d.Events)
	}
	e := d.Events[n]
	if e.Actor != string(s.users["1001"].ID) || e.At.IsZero() || e.Detail["agent"] != string(other) || e.Detail["reason"] != "She speaks German" ||
		e.Detail["channel"] != "chat" || e.Detail["queue"] != "support" {
		t.Errorf("got %+v", e)
	}
	if r := to.do("POST", item+"/accept", nil); r.status != http.StatusOK {
		t.Errorf("%d %s", r.status, r.body)
	}
}
