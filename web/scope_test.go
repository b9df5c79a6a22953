package web_test

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"testing"
	"time"

	"pickup/call"
	"pickup/queue"
	"pickup/ticket"
	"pickup/ticket/work"
	"pickup/web"
)

// handled lets an agent have handled the thread of a ticket.
func (s *site) handled(r ticket.Received, login string) {
	s.t.Helper()
	i := r.Interaction
	i.HandledBy, i.EndedAt = s.users[login].ID, time.Now()
	i.WaitingSince = time.Time{}
	must(s.t, s.desk.Act(s.t.Context(), func(tx ticket.DeskTx) error { return tx.SaveInteraction(s.t.Context(), i) }))
}

// offeredWork puts the work of a mail before 1001, who has a console and is ready.
func (s *site) offeredWork(r ticket.Received) queue.ItemID {
	s.t.Helper()
	task := work.Task{
		Channel: call.ChannelChat, InteractionID: r.Interaction.ID, TicketID: r.Ticket.ID, Queue: "support", Priority: 1, Since: time.Now(),
	}
	_, err := s.board.Enqueue(s.t.Context(), task, nil)
	must(s.t, err)
	agent := s.users["1001"].ID
	s.t.Cleanup(s.board.Present(agent))
	eventually(s.t, "his console", func() bool { return s.queue.SetState(s.t.Context(), agent, queue.AgentReady, "") == nil })
	eventually(s.t, "the offer", func() bool {
		i, err := s.board.Get(s.t.Context(), task.ItemID())
		return err == nil && i.State == work.Offered && i.Agent == agent
	})
	return task.ItemID()
}

// A list and a search show an agent the tickets that he may open, and no others.
func TestListsShowWhatItemsDo(t *testing.T) {
	s := open(t)
	his, took, offered, foreign := s.mailed("a@x.org", "alpha one", "Hello"), s.mailed("b@x.org", "alpha two", "Hello"),
		s.mailed("c@x.org", "alpha three", "Hello"), s.mailed("d@x.org", "alpha four", "Hello")
	s.assign(his.Ticket.ID, "1001")
	s.assign(took.Ticket.ID, "1002")
	s.handled(took, "1001")
	s.assign(foreign.Ticket.ID, "1002")
	s.offeredWork(offered)
	agent := s.as("1001")
	for name, path := range map[string]string{"list": "/api/v1/tickets?limit=50", "search": "/api/v1/tickets?q=alpha"} {
		var listed []string
		for _, k := range list[web.TicketRow](agent, path) {
			listed = append(listed, k.ID)
		}
		for _, r := range []ticket.Received{his, took, offered, foreign} {
			status := agent.do("GET", "/api/v1/tickets/"+r.Ticket.ID, nil).status
			if shown := slices.Contains(listed, r.Ticket.ID); shown != (status == http.StatusOK) {
				t.Errorf("%s: %s is shown: %v, and opens with %d", name, r.Ticket.Subject, shown, status)
			}
		}
		if len(listed) != 3 {
			t.Errorf("%s: got %d tickets, want 3", name, len(listed))
		}
	}
	for query, want := range map[string]int{"": 1, "&state=new": 1, "&state=solved": 0, "&queue=payments": 0} {
		n := len(list[web.TicketRow](agent, fmt.Sprintf("/api/v1/tickets?q=%%23%d%s", his.Ticket.Number, query)))
		if n != want {
			t.Errorf("his number%s: got %d tickets, want %d", query, n, want)
		}
	}
	if n := len(list[web.TicketRow](agent, fmt.Sprintf("/api/v1/tickets?q=%d", foreign.Ticket.Number))); n != 0 {
		t.Errorf("another's number: got %d tickets", n)
	}
}

// What is only offered is read and not changed.
func TestWhatIsOfferedIsReadAndNotChanged(t *testing.T) {
	s := open(t)
	r := s.mailed("a@x.org", "S", "Hello")
	item := s.offeredWork(r)
	agent, path := s.as("1001"), "/api/v1/tickets/"+r.Ticket.ID
	contact := "/api/v1/contacts/" + r.Contact.ID
	note := map[string]any{"kind": "note", "text": "Seen", "client_id": "client-01", "expected_last": -1}
	open := map[string]string{"subject": "S", "contact_id": r.Contact.ID}
	for step, want := range []int{http.StatusForbidden, http.StatusCreated} {
		for _, p := range []string{path, path + "/messages", contact} {
			if got := agent.do("GET", p, nil).status; got != http.StatusOK {
				t.Errorf("step %d: GET %s: %d", step, p, got)
			}
		}
		if got := agent.do("POST", path+"/messages", note).status; got != want {
			t.Errorf("step %d: a note: got %d, want %d", step, got, want)
		}
		if got := agent.do("POST", "/api/v1/tickets", open).status; got != want {
			t.Errorf("step %d: a ticket of the contact: got %d, want %d", step, got, want)
		}
		if other := s.as("1002").do("GET", path, nil).status; other != http.StatusForbidden {
			t.Errorf("step %d: another agent: got %d", step, other)
		}
		if step == 0 {
			if _, err := s.board.Accept(t.Context(), item, s.users["1001"].ID); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A file is read by who reads its ticket.
func TestFilesAreReadByWhoReadsTheirTicket(t *testing.T) {
	s := open(t)
	r := s.mailed("a@x.org", "S", "Hello")
	s.assign(r.Ticket.ID, "1002")
	var file web.ChatFile
	upload(t, s.as("1002"), "/api/v1/files", "a.txt", []byte("Réf. 42")).json(t, &file)
	posted := s.as("1002").do("POST", "/api/v1/tickets/"+r.Ticket.ID+"/messages", map[string]any{
		"kind": "note", "text": "Seen", "client_id": "client-01", "expected_last": -1, "attachments": []string{file.ID},
	})
	if posted.status != http.StatusCreated {
		t.Fatalf("got %d %s", posted.status, posted.body)
	}
	for _, want := range []int{http.StatusForbidden, http.StatusOK} {
		for _, path := range []string{"/api/v1/files/" + file.ID, "/api/v1/tickets/" + r.Ticket.ID} {
			if got := s.as("1001").do("GET", path, nil).status; got != want {
				t.Errorf("GET %s: got %d, want %d", path, got, want)
			}
		}
		s.handled(r, "1001")
	}
}

// Of a linked ticket and of one that may be the same, an agent learns the subject
// only when it is his to see.
func TestOthersTicketsAreNotNamed(t *testing.T) {
	s := open(t)
	his, other := s.mailed("a@x.org", "alpha withdrawal missing", "Where?"), s.mailed("b@x.org", "alpha withdrawal missing", "Where?")
	s.assign(his.Ticket.ID, "1001")
	s.assign(other.Ticket.ID, "1002")
	path := "/api/v1/tickets/" + his.Ticket.ID
	if r := s.as("2001").do("PUT", path+"/links/"+other.Ticket.ID, nil); r.status != http.StatusNoContent {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	for login, subject := range map[string]string{"1001": "", "2001": other.Ticket.Subject} {
		var story web.TicketStory
		s.as(login).do("GET", path, nil).json(t, &story)
		if len(story.Links) != 1 || story.Links[0].Number != other.Ticket.Number || story.Links[0].Subject != subject {
			t.Errorf("%s: got %+v", login, story.Links)
		}
	}
	if all := list[web.DuplicateInfo](s.as("2001"), path+"/duplicates"); len(all) != 1 {
		t.Errorf("a supervisor is told of %d duplicates, want 1", len(all))
	}
	if all := list[web.DuplicateInfo](s.as("1001"), path+"/duplicates"); len(all) != 0 {
		t.Errorf("an agent is told of %+v", all)
	}
}

// The stream tells an agent of what he may open, and of nothing else.
func TestTheStreamTellsWhatItemsShow(t *testing.T) {
	s := open(t)
	his, took, offered, foreign := s.mailed("a@x.org", "one", "Hello"), s.mailed("b@x.org", "two", "Hello"),
		s.mailed("c@x.org", "three", "Hello"), s.mailed("d@x.org", "four", "Hello")
	s.assign(his.Ticket.ID, "1001")
	s.assign(took.Ticket.ID, "1002")
	s.handled(took, "1001")
	s.assign(foreign.Ticket.ID, "1002")
	s.offeredWork(offered)
	events := s.as("1001").listen("/api/v1/events")
	var want []string
	tell := func(hears bool, topic, id string, payload map[string]any) {
		s.hub.Publish(topic, id, payload)
		if hears {
			want = append(want, topic+" "+id)
		}
	}
	for _, r := range []struct {
		ticket.Received
		hears bool
	}{{his, true}, {foreign, false}, {took, true}, {offered, true}} {
		tell(r.hears, "ticket", r.Ticket.ID, nil)
		tell(r.hears, "watchers", r.Ticket.ID, nil)
		tell(r.hears, "message", r.Message.ID, nil)
		tell(r.hears, "interaction", r.Interaction.ID, nil)
		tell(r.hears, "contact", r.Contact.ID, nil)
		tell(r.hears, "ticket", r.Ticket.ID, map[string]any{"agent_id": string(s.users["1002"].ID)}) // whoever it concerns
	}
	tell(true, "work", "w1", map[string]any{"agent_id": "", "queue": "support"})
	tell(false, "work", "w2", map[string]any{"agent_id": string(s.users["1002"].ID), "queue": "payments"})
	tell(true, "work", "w3", map[string]any{"agent_id": string(s.users["1001"].ID), "queue": "payments"})
	tell(false, "agent", string(s.users["1002"].ID), nil)
	tell(false, "call", "none", nil)
	tell(false, "recording", "none", nil)
	tell(false, "something new", his.Ticket.ID, nil)
	tell(true, "agent", string(s.users["1001"].ID), map[string]any{"last": true})
	var got []string
	for {
		e, data := events.any()
		if data["topic"] == "queue" || e.data == "" {
			continue
		}
		got = append(got, fmt.Sprint(data["topic"], " ", data["object_id"]))
		if data["last"] != nil {
			break
		}
	}
	got = slices.DeleteFunc(got, func(e string) bool { return !slices.Contains(want, e) && e == "agent "+string(s.users["1001"].ID) })
	if !slices.Equal(got, want) {
		t.Errorf("heard\n%q, want\n%q", got, want)
	}
}

// Of a ticket that his took over, and that is not his to see, an agent learns the
// number and the state.
func TestAMergedTicketIsNotNamedToWhoMayNotSeeIt(t *testing.T) {
	s := open(t)
	his, other := s.mailed("a@x.org", "alpha", "Hello"), s.mailed("b@x.org", "beta", "Hello")
	s.assign(his.Ticket.ID, "1001")
	s.assign(other.Ticket.ID, "1002")
	path := "/api/v1/tickets/" + his.Ticket.ID
	if r := s.as("2001").do("POST", "/api/v1/tickets/"+other.Ticket.ID+"/merge", map[string]string{"into": his.Ticket.ID}); r.status != http.StatusOK {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	for login, want := range map[string]web.TicketValue{
		"1001": {Number: other.Ticket.Number, State: "merged"},
		"2001": {Number: other.Ticket.Number, State: "merged", Subject: "beta", AssigneeID: string(s.users["1002"].ID), ContactID: other.Contact.ID},
	} {
		var story web.TicketStory
		s.as(login).do("GET", path, nil).json(t, &story)
		if len(story.Merged) != 1 {
			t.Fatalf("%s: got %+v", login, story.Merged)
		}
		m := story.Merged[0]
		got := web.TicketValue{Number: m.Number, State: m.State, Subject: m.Subject, AssigneeID: m.AssigneeID, ContactID: m.ContactID}
		if !reflect.DeepEqual(got, want) || m.ID != other.Ticket.ID || m.MergedInto != his.Ticket.ID {
			t.Errorf("%s: got %+v, want %+v", login, m, want)
		}
	}
}
