package web_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pickup/call"
	"pickup/ticket"
	"pickup/web"
)

// mailed files a mail of a player as the mail edge does, in a new ticket.
func (s *site) mailed(from, subject, text string) ticket.Received {
	s.t.Helper()
	r, err := s.desk.Receive(s.t.Context(), ticket.Incoming{
		Channel: call.ChannelEmail, NewTicket: true, From: ticket.Identity{Kind: "email", Value: from, Raw: from}, Queue: "support",
		Subject: subject, MailboxID: "m1", To: "support@example.org", Language: "en",
		Message: ticket.Message{Text: text, MailMessageID: "id-" + subject, CreatedAt: time.Now()},
	})
	must(s.t, err)
	return r
}

// assign gives a ticket to somebody, by the API.
func (s *site) assign(ticketID, login string) web.TicketValue {
	s.t.Helper()
	admin := s.as("2001")
	var now web.TicketStory
	admin.do("GET", "/api/v1/tickets/"+ticketID, nil).json(s.t, &now)
	r := admin.do("PATCH", "/api/v1/tickets/"+ticketID, map[string]any{"version": 1, "assignee_id": string(s.users[login].ID)})
	if r.status != http.StatusOK {
		s.t.Fatalf("assign: %d %s", r.status, r.body)
	}
	var t web.TicketValue
	r.json(s.t, &t)
	return t
}

func TestAReplyOfAnAgentGoesToTheOutbox(t *testing.T) {
	s := open(t)
	in := s.mailed("zoe@example.org", "No deposit", "Where is it?")
	t1 := s.assign(in.Ticket.ID, "1001")
	agent := s.as("1001")
	body := map[string]any{
		"kind": "agent", "text": "On its way.", "interaction_id": in.Interaction.ID, "client_id": "client-0001",
		"expected_last": t1.LastPos, "state": "pending_customer",
	}
	path := "/api/v1/tickets/" + t1.ID + "/messages"
	first := agent.do("POST", path, body)
	again := agent.do("POST", path, body)
	if first.status != http.StatusCreated || again.status != http.StatusCreated {
		t.Fatalf("got %d %s and %d %s", first.status, first.body, again.status, again.body)
	}
	var a, b web.TicketMessage
	first.json(t, &a)
	again.json(t, &b)
	if a.ID != b.ID || a.Status != "queued" || a.AuthorID != string(s.users["1001"].ID) {
		t.Errorf("got %+v and %+v", a, b)
	}
	out, err := s.store.Outbox(t.Context(), time.Now().Add(time.Minute), 10)
	if err != nil || len(out) != 1 || out[0].To != "zoe@example.org" || out[0].MessageID != a.ID || !strings.HasSuffix(out[0].MailMessageID, "@example.org") {
		t.Errorf("outbox: %+v %v", out, err)
	}
	if all := list[web.TicketMessage](agent, path); len(all) != 2 || all[1].ID != a.ID {
		t.Errorf("messages: %+v", all)
	}
}

func TestWhoDidNotSeeTheLastMessageIsShownIt(t *testing.T) {
	s := open(t)
	in := s.mailed("zoe@example.org", "No deposit", "Where is it?")
	t1 := s.assign(in.Ticket.ID, "1001")
	_, err := s.desk.Receive(t.Context(), ticket.Incoming{
		Channel: call.ChannelEmail, Interaction: in.Interaction.ID, From: ticket.Identity{Kind: "email", Value: "zoe@example.org"},
		Message: ticket.Message{Text: "It came!", CreatedAt: time.Now()},
	})
	must(t, err)
	agent := s.as("1001")
	body := map[string]any{"kind": "agent", "text": "Soon.", "interaction_id": in.Interaction.ID, "client_id": "client-0002", "expected_last": t1.LastPos}
	r := agent.do("POST", "/api/v1/tickets/"+t1.ID+"/messages", body)
	var unseen web.UnseenMessages
	r.json(t, &unseen)
	if r.status != http.StatusConflict || len(unseen.Messages) != 1 || unseen.Messages[0].Text != "It came!" {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	body["expected_last"] = -1
	if r := agent.do("POST", "/api/v1/tickets/"+t1.ID+"/messages", body); r.status != http.StatusCreated {
		t.Errorf("send anyway: %d %s", r.status, r.body)
	}
}

func TestWhoEditsAnOldVersionIsRefused(t *testing.T) {
	s := open(t)
	in := s.mailed("zoe@example.org", "No deposit", "Where is it?")
	t1 := s.assign(in.Ticket.ID, "1001")
	agent := s.as("1001")
	path := "/api/v1/tickets/" + t1.ID
	edit := map[string]any{"version": t1.Version, "category": "account_security"}
	var raised web.TicketValue
	r := agent.do("PATCH", path, edit)
	r.json(t, &raised)
	if r.status != http.StatusOK || raised.Priority != ticket.PriorityUrgent {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	if r := agent.do("PATCH", path, edit); r.status != http.StatusConflict || !strings.Contains(string(r.body), "urn:pickup:problem:version") {
		t.Errorf("got %d %s", r.status, r.body)
	}
	for name, c := range map[string]struct {
		body   map[string]any
		status int
		field  string
	}{
		"a priority without a reason": {map[string]any{"priority": 0}, 422, "body.reason"},
		"a category that is none":     {map[string]any{"category": "weather"}, 422, "body.category"},
		"nobody of that id":           {map[string]any{"assignee_id": "x"}, 422, "body.assignee_id"},
		"a state that does not exist": {map[string]any{"state": "lost"}, 422, "body.state"},
	} {
		t.Run(name, func(t *testing.T) {
			c.body["version"] = raised.Version
			if r := agent.do("PATCH", path, c.body); r.status != c.status || !strings.Contains(string(r.body), c.field) {
				t.Errorf("got %d %s", r.status, r.body)
			}
		})
	}
}

func TestTicketsAreMergedAndTakenBack(t *testing.T) {
	s := open(t)
	a, b := s.mailed("zoe@example.org", "No deposit", "Where is my deposit?"), s.mailed("zoe@example.org", "No deposit!", "Where is my deposit?")
	s.assign(a.Ticket.ID, "1001")
	s.assign(b.Ticket.ID, "1001")
	agent := s.as("1001")
	dup := list[web.DuplicateInfo](agent, "/api/v1/tickets/"+a.Ticket.ID+"/duplicates")
	if len(dup) != 1 || dup[0].Ticket.ID != b.Ticket.ID || dup[0].Score < 70 {
		t.Errorf("duplicates: %+v", dup)
	}
	r := agent.do("POST", "/api/v1/tickets/"+b.Ticket.ID+"/merge", map[string]string{"into": a.Ticket.ID})
	if r.status != http.StatusOK {
		t.Fatalf("merge: %d %s", r.status, r.body)
	}
	if all := list[web.TicketMessage](agent, "/api/v1/tickets/"+a.Ticket.ID+"/messages"); len(all) != 2 {
		t.Errorf("%d messages after the merge", len(all))
	}
	if r := agent.do("POST", "/api/v1/tickets/"+b.Ticket.ID+"/unmerge", nil); r.status != http.StatusOK {
		t.Fatalf("unmerge: %d %s", r.status, r.body)
	}
	if all := list[web.TicketMessage](agent, "/api/v1/tickets/"+a.Ticket.ID+"/messages"); len(all) != 1 {
		t.Errorf("%d messages after the undo", len(all))
	}
}

func TestTwoPagesOnOneTicketSeeEachOther(t *testing.T) {
	s := open(t)
	in := s.mailed("zoe@example.org", "No deposit", "Where is it?")
	s.assign(in.Ticket.ID, "1001")
	path := "/api/v1/tickets/" + in.Ticket.ID + "/watchers"
	s.as("1001").do("POST", path, map[string]any{"page": "p1", "typing": true})
	var seen struct{ Items []web.WatcherInfo }
	s.as("2001").do("POST", path, map[string]any{"page": "p2"}).json(t, &seen)
	if len(seen.Items) != 2 || seen.Items[0].Name != "Name of 1001" || !seen.Items[0].Typing {
		t.Errorf("got %+v", seen)
	}
}

func TestEachRoleMayDoAtTheDeskWhatItsTableSays(t *testing.T) {
	s := open(t)
	mine := s.mailed("zoe@example.org", "Mine", "a")
	theirs := s.mailed("max@example.org", "Theirs", "b")
	s.assign(mine.Ticket.ID, "1001")
	s.assign(theirs.Ticket.ID, "1002")
	clients := map[string]*client{"nobody": s.nobody()}
	for login := range people {
		clients[login] = s.as(login)
	}
	note := map[string]any{"kind": "note", "text": "x", "client_id": "client-note"}
	own, other := "/api/v1/tickets/"+mine.Ticket.ID, "/api/v1/tickets/"+theirs.Ticket.ID
	for name, c := range map[string]struct {
		method, path                                   string
		body                                           any
		nobody, agent, supervisor, reviewer, administr int
	}{
		"his messages":            {"GET", own + "/messages", nil, 401, 200, 200, 200, 200},
		"another's messages":      {"GET", other + "/messages", nil, 401, 403, 200, 200, 200},
		"of no ticket":            {"GET", "/api/v1/tickets/none/messages", nil, 401, 404, 404, 404, 404},
		"a note on his":           {"POST", own + "/messages", note, 401, 201, 201, 403, 201},
		"a note on another's":     {"POST", other + "/messages", note, 401, 403, 201, 403, 201},
		"an edit of another's":    {"PATCH", other, map[string]any{"version": 0}, 401, 403, 409, 403, 409},
		"his drafts":              {"GET", own + "/drafts", nil, 401, 200, 200, 403, 200},
		"a draft on another's":    {"PUT", other + "/drafts/note", map[string]string{"body": "x"}, 401, 403, 204, 403, 204},
		"to watch another's":      {"POST", other + "/watchers", map[string]string{"page": "p"}, 401, 403, 200, 200, 200},
		"duplicates of another's": {"GET", other + "/duplicates", nil, 401, 403, 200, 200, 200},
		"a tie to another's":      {"PUT", own + "/links/" + theirs.Ticket.ID, nil, 401, 403, 204, 403, 204},
		"categories":              {"GET", "/api/v1/categories", nil, 401, 200, 200, 200, 200},
		"undo of a contact":       {"POST", "/api/v1/contacts/none/unmerge", nil, 401, 403, 404, 403, 404},
	} {
		t.Run(name, func(t *testing.T) {
			for login, want := range map[string]int{
				"nobody": c.nobody, "1001": c.agent, "2001": c.supervisor, "3001": c.reviewer, "admin": c.administr,
			} {
				if r := clients[login].do(c.method, c.path, c.body); r.status != want {
					t.Errorf("%s: got %d, want %d: %s", login, r.status, want, r.body)
				}
			}
		})
	}
	if r := clients["1001"].do("POST", own+"/merge", map[string]string{"into": theirs.Ticket.ID}); r.status != 403 {
		t.Errorf("an agent merged another's ticket: %d", r.status)
	}
}

// counted is a store that counts the transactions of desk work.
type counted struct {
	ticket.Store
	acts atomic.Int64
}

func (c *counted) Desk(ctx context.Context, act func(ticket.DeskTx) error) error {
	c.acts.Add(1)
	return c.Store.Desk(ctx, act)
}

// A transaction of the desk waits for the disk, and others wait for it: looking
// at a ticket, which every open page does each ten seconds, makes none.
func TestLookingAtATicketWritesNothing(t *testing.T) {
	var count *counted
	s := open(t, func(_ *web.Config, p *web.Parts) {
		count = &counted{Store: p.Store.(ticket.Store)}
		p.Desk = ticket.NewDesk(count, ticket.Policy{}, time.Now, nil)
	})
	in := s.mailed("zoe@example.org", "No deposit", "Where is it?")
	mine := s.assign(in.Ticket.ID, "1001")
	ended := s.endedCall(s.users["1001"].ID)
	path := "/api/v1/tickets/" + mine.ID
	for _, login := range []string{"1001", "1002", "2001"} {
		c := s.as(login)
		before := count.acts.Load()
		c.do("GET", path, nil)
		c.do("GET", path+"/messages", nil)
		c.do("GET", path+"/drafts", nil)
		c.do("GET", "/api/v1/calls/"+string(ended.ID)+"/caller", nil)
		c.do("POST", path+"/watchers", map[string]any{"page": "p1"})
		c.do("GET", fmt.Sprintf("/api/v1/tickets?q=%d", mine.Number), nil)
		if acts := count.acts.Load() - before; acts != 0 {
			t.Errorf("%s: looking made %d transactions", login, acts)
		}
	}
}

// Whose mail comes back is told with the ticket's thread and with the contact.
func TestAnAddressThatTakesNoMailIsShown(t *testing.T) {
	s := open(t)
	in := s.mailed("zoe@example.org", "No deposit", "Where is it?")
	s.assign(in.Ticket.ID, "1001")
	agent := s.as("1001")
	for _, why := range []string{"5.1.1 no such user", ""} {
		must(t, s.store.Desk(t.Context(), func(tx ticket.DeskTx) error { return tx.SetUndeliverable(t.Context(), "zoe@example.org", why) }))
		var story web.TicketStory
		agent.do("GET", "/api/v1/tickets/"+in.Ticket.ID, nil).json(t, &story)
		if len(story.Interactions) != 1 || story.Interactions[0].Undeliverable != why {
			t.Errorf("the thread: %+v, want %q", story.Interactions, why)
		}
		var contact web.ContactStory
		agent.do("GET", "/api/v1/contacts/"+in.Contact.ID, nil).json(t, &contact)
		if len(contact.Identities) != 1 || contact.Identities[0].Undeliverable != why {
			t.Errorf("the contact: %+v, want %q", contact.Identities, why)
		}
	}
}
