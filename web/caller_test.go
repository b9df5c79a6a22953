package web_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"pickup/call"
	"pickup/ticket"
	"pickup/web"
)

// ringing stores a call of a registered player that rings at an agent.
func (s *site) ringing(id, user, login string) {
	s.t.Helper()
	must(s.t, s.store.SaveCall(s.t.Context(), call.Record{
		ID: call.ID(id), SIPCallID: id, Direction: call.Inbound, Queue: "support", State: call.StateOffered, AgentID: s.users[login].ID,
		From: call.Party{Kind: call.PartyRegistered, User: user, URI: "sip:" + user + "@example.org"}, ArrivedAt: time.Now(), EnqueuedAt: time.Now(),
	}))
}

func TestWhoCallsIsKnownBeforeTheAnswer(t *testing.T) {
	s := open(t)
	number := "+33612345678"
	in, err := s.desk.Receive(t.Context(), ticket.Incoming{
		Channel: call.ChannelWebForm, NewTicket: true, Name: "Léa", Language: "fr", Queue: "support", Subject: "Retrait",
		From: ticket.Identity{Kind: "phone", Value: number, Raw: number, Verified: true}, Message: ticket.Message{Text: "Où est-il ?", CreatedAt: time.Now()},
	})
	must(t, err)
	s.ringing("call-1", number, "1001")
	s.ringing("call-2", "nobody", "1001")
	agent := s.as("1001")
	var who web.CallerInfo
	r := agent.do("GET", "/api/v1/calls/call-1/caller", nil)
	if r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	r.json(t, &who)
	if who.Match != "exact" || who.Address != number || who.ContactID != in.Contact.ID || who.Name != "Léa" || who.Calls24h != 1 ||
		len(who.Open) != 1 || who.Open[0].ID != in.Ticket.ID {
		t.Errorf("got %+v", who)
	}
	r = agent.do("GET", "/api/v1/calls/call-2/caller", nil)
	r.json(t, &who)
	if r.status != http.StatusOK || who.Match != "unknown" || who.ContactID != "" || len(who.Open) != 0 {
		t.Errorf("got %d %+v", r.status, who)
	}
	for login, want := range map[string]int{"1002": http.StatusForbidden, "2001": http.StatusOK, "3001": http.StatusOK} {
		if r := s.as(login).do("GET", "/api/v1/calls/call-1/caller", nil); r.status != want {
			t.Errorf("%s: %d, want %d", login, r.status, want)
		}
	}
	if r := agent.do("GET", "/api/v1/calls/none/caller", nil); r.status != http.StatusNotFound {
		t.Errorf("none: %d", r.status)
	}
}

func TestTheTalkOfALiveCallRunsWithoutItsHolds(t *testing.T) {
	s := open(t)
	began := time.Now().Add(-10 * time.Second)
	must(t, s.store.SaveCall(t.Context(), call.Record{
		ID: "call-1", SIPCallID: "call-1", Direction: call.Inbound, Queue: "support", State: call.StateTalking, AgentID: s.users["1001"].ID,
		From: call.Party{Kind: call.PartyRegistered}, ArrivedAt: began, EnqueuedAt: began, BridgedAt: began, Hold: 3 * time.Second, Talk: -3 * time.Second,
	}))
	var row web.CallStory
	s.as("1001").do("GET", "/api/v1/calls/call-1", nil).json(t, &row)
	if row.TalkMS < 7000 || row.HoldMS != 3000 {
		t.Errorf("talk %d ms, hold %d ms, want 7000 and more, and 3000", row.TalkMS, row.HoldMS)
	}
}

func TestTicketsAreFoundByNumberWordsAndWhatIsOwed(t *testing.T) {
	s := open(t)
	one := s.mailed("zoe@example.org", "Dépôt refusé", "Où est mon dépôt ?")
	two := s.mailed("max@example.org", "Other", "Hello")
	s.assign(one.Ticket.ID, "1001")
	boss, agent := s.as("2001"), s.as("1001")
	for query, want := range map[string]string{
		"?q=depot": one.Ticket.ID, "?q=%23" + strconv.FormatInt(two.Ticket.Number, 10): two.Ticket.ID, "?assignee_id=none": two.Ticket.ID,
		"?waiting=true&q=hello": two.Ticket.ID,
	} {
		if got := list[web.TicketRow](boss, "/api/v1/tickets"+query); len(got) != 1 || got[0].ID != want {
			t.Errorf("%s: got %+v", query, got)
		}
	}
	if got := list[web.TicketRow](agent, "/api/v1/tickets?q="+strconv.FormatInt(two.Ticket.Number, 10)); len(got) != 0 {
		t.Errorf("an agent finds what is not his: %+v", got)
	}
	if got := list[web.TicketRow](agent, "/api/v1/tickets"); len(got) != 1 || got[0].ID != one.Ticket.ID || got[0].Contact == "" && got[0].Channels[0] != "email" {
		t.Errorf("got %+v", got)
	}
	var story web.TicketStory
	agent.do("GET", "/api/v1/tickets/"+one.Ticket.ID, nil).json(t, &story)
	if len(story.Messages) != 1 || len(story.Interactions) != 1 || story.Version == 0 || story.LastPos != story.Messages[0].Pos ||
		story.People[string(s.users["1001"].ID)] == "" {
		t.Errorf("got %+v", story)
	}
}
