package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pickup/call"
	"pickup/web"
)

// operation is one of the description of the API.
type operation struct{ id, method, path string }

// described are the operations of the API in the order of their paths.
func described(t *testing.T) (all []operation) {
	t.Helper()
	text, err := os.ReadFile("openapi.json")
	must(t, err)
	var d struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
		}
	}
	must(t, json.Unmarshal(text, &d))
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(d.Paths[path])) {
			all = append(all, operation{d.Paths[path][method].OperationID, strings.ToUpper(method), path})
		}
	}
	return all
}

// besides are the routes that the API does not describe, by their pattern. They
// know no role: what each gets, whoever asks.
var besides = map[string]struct {
	method, path string
	status       int
}{
	"/api/v1/":          {"GET", "/api/v1/none", 404}, // what is below it has rows of its own
	"/w/v1/":            {"GET", "/w/v1/none", 404},
	"GET /healthz":      {"GET", "/healthz", 200},
	"GET /readyz":       {"GET", "/readyz", 503}, // the site of the test is never called ready
	"GET /metrics":      {"GET", "/metrics", 200},
	"GET /openapi.json": {"GET", "/openapi.json", 200},
	"/sip":              {"GET", "/sip", 426}, // SIP asks for the digest of an agent, in its own words
	"/":                 {"GET", "/widget.js", 200},
}

// withSIP mounts what stands for SIP over WebSocket.
func withSIP(_ *web.Config, p *web.Parts) {
	p.SIPWS = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUpgradeRequired) })
}

// Whatever the server serves is an operation of the API, whose row is in the table
// of roles, or in the table of what is beside it.
func TestEachRouteIsInATable(t *testing.T) {
	s := open(t, withSIP, withUI(fstest.MapFS{"index.html": {Data: []byte("console")}, "widget.js": {Data: []byte("widget")}}))
	left, missing := maps.Clone(besides), map[string]string{}
	for _, op := range described(t) {
		missing[op.method+" "+op.path] = op.id
	}
	clients := map[string]*client{}
	for _, who := range asks {
		if clients[who] = s.nobody(); who != "nobody" {
			clients[who] = s.as(who)
		}
	}
	for _, pattern := range s.server.Patterns() {
		if id, ok := missing[pattern]; ok {
			if _, ok := roles[id]; !ok {
				t.Errorf("%s: the table of roles lacks %s", pattern, id)
			}
			delete(missing, pattern)
			continue
		}
		row, ok := left[pattern]
		if !ok {
			t.Errorf("%s is served, and neither described nor in the table", pattern)
			continue
		}
		delete(left, pattern)
		for who, c := range clients {
			if r := c.do(row.method, row.path, nil); r.status != row.status {
				t.Errorf("%s: GET %s: got %d, want %d", who, row.path, r.status, row.status)
			}
		}
	}
	for pattern := range left {
		t.Errorf("%s is in the table, and not served", pattern)
	}
	for pattern, id := range missing {
		t.Errorf("%s (%s) is described, and not served", pattern, id)
	}
}

// lists is what each sees of a site on which all belongs to agent 1001, and a
// second of its calls, recordings, tickets and so on to agent 1002: how many
// items. The order of who asks is that of asks; nobody sees nothing.
var lists = map[string]string{
	"list-agents":      "- 1 1 2 2 2",
	"list-calls":       "- 1 1 2 2 2",
	"list-parked":      "- 0 0 0 - 0",
	"list-targets":     "- 0 0 0 - 0",
	"list-ice-servers": "- 0 0 0 - 0",
	"list-recordings":  "- 1 1 2 2 2",
	"list-callbacks":   "- 1 0 1 1 1",
	"list-tickets":     "- 4 2 6 6 6", // two mails, a chat, a call; a mail, a call
	"list-categories":  "- 8 8 8 8 8",
	"list-work":        "- 1 0 1 1 1",
	"list-chats":       "- 1 0 1 1 1",
	"get-chat-events":  "- 4 - 4 4 4",
	"list-tokens":      "- 2 0 0 0 0", // each his own
	"list-queues":      "- 1 1 1 1 1",
	"list-hours":       "- - - 0 0 0",
	"list-users":       "- - - 5 - 5",
	"list-user-limits": "- - - 5 - 5",
	"list-trunks":      "- - - - - 0",
	"list-mailboxes":   "- - - 0 - 0",
	// Of a ticket or a piece of work of 1001
	"list-messages":          "- 1 - 1 1 1",
	"list-drafts":            "- 1 - 0 - 0", // each his own
	"list-duplicates":        "- 0 - 0 0 0",
	"list-work-destinations": "- 0 - 0 0 0",
}

// A list shows each what is his to see: their numbers.
func TestEachListShowsWhatIsTheirs(t *testing.T) {
	s := open(t)
	objects := s.his()
	other := s.users["1002"].ID
	s.endedCall(other)
	s.recorded(other)
	s.assign(s.mailed("eve@example.org", "Third", "Hello").Ticket.ID, "1002")
	s.as("1001").do("PUT", objects.path("/api/v1/tickets/{id}/drafts/{kind}"), map[string]string{"body": "Dear"})
	left := maps.Clone(lists)
	for _, op := range described(t) {
		if !strings.HasPrefix(op.id, "list-") && op.id != "get-chat-events" {
			continue
		}
		want := strings.Fields(left[op.id])
		delete(left, op.id)
		if len(want) != len(asks) {
			t.Errorf("%s: the table does not say what each sees", op.id)
			want = make([]string, len(asks))
		}
		for i, who := range asks {
			c := s.nobody()
			if who != "nobody" {
				c = s.as(who)
			}
			got, path := "-", objects.path(op.path)
			if op.id == "list-work" {
				path += "?channel=chat" // that of the mails comes when the board looks for work
			}
			if r := c.do(op.method, path, nil); r.status == http.StatusOK {
				var l struct{ Items []any }
				r.json(t, &l)
				got = fmt.Sprint(len(l.Items))
			}
			if got != want[i] {
				t.Errorf("%s: %s sees %s, want %s", op.id, who, got, want[i])
			}
		}
	}
	for op := range left {
		t.Errorf("%s is in the table, and not in the API", op)
	}
}

// pages is what the page of a visitor gets: in its own conversation, and in that
// of another.
var pages = map[string]struct {
	own, other int
	body       any
	query      string
}{
	"poll-chat":        {200, 401, nil, "?after=0"},
	"send-chat":        {200, 401, map[string]string{"client_id": "page-0001", "text": "Allô ?"}, ""},
	"read-chat":        {204, 401, map[string]int{"seq": 1}, ""},
	"type-chat":        {204, 401, nil, ""},
	"end-chat":         {204, 401, nil, ""},
	"ask-call":         {204, 401, nil, ""},
	"mail-chat":        {409, 401, map[string]string{"email": "zoe@example.org"}, ""}, // no mailbox sends
	"upload-chat-file": {422, 401, "", ""},                                            // it is let in, and brings no form
	"get-chat-file":    {404, 401, nil, ""},
	"chat-socket":      {426, 426, nil, ""}, // the token comes in the first frame: TestTheSocketOfAChat
}

// The token of a page opens its own conversation, and nothing else.
func TestAVisitorReachesHisOwnConversation(t *testing.T) {
	left := maps.Clone(pages)
	for _, op := range described(t) {
		if !strings.HasPrefix(op.path, "/w/v1/chats/") {
			continue
		}
		row, ok := left[op.id]
		if !ok {
			t.Errorf("%s: the table does not say what a visitor gets", op.id)
			continue
		}
		delete(left, op.id)
		t.Run(op.id, func(t *testing.T) {
			s := open(t)
			visitor, his := s.opened(1)
			_, others := s.opened(2)
			for id, want := range map[string]int{others.ID: row.other, his.ID: row.own} {
				path := things{"chats": id, "file": "none"}.path(op.path) + row.query
				if r := visitor.do(op.method, path, row.body); r.status != want {
					t.Errorf("his own: %v: got %d, want %d: %s", id == his.ID, r.status, want, r.body)
				}
			}
		})
	}
	for op := range left {
		t.Errorf("%s is in the table, and not in the API", op)
	}
}

// A filter that names what is another's widens no list.
func TestAFilterWidensNoList(t *testing.T) {
	s := open(t)
	o := s.his()
	r, _, err := s.store.Call(t.Context(), call.ID(o["calls"]))
	must(t, err)
	var story web.TicketStory
	s.as("2001").do("GET", "/api/v1/tickets/"+o["tickets"], nil).json(t, &story)
	number := fmt.Sprint(story.Number)
	for _, path := range []string{
		"/api/v1/calls?agent_id=" + o["agents"], "/api/v1/calls?sip_call_id=" + r.SIPCallID, "/api/v1/calls?contact_id=" + r.ContactID,
		"/api/v1/calls?from=" + r.From.User, "/api/v1/calls?state=ended&queue=support",
		"/api/v1/recordings?agent_id=" + o["agents"], "/api/v1/callbacks?call_id=" + o["calls"], "/api/v1/callbacks?queue=support",
		"/api/v1/tickets?assignee_id=" + o["agents"], "/api/v1/tickets?contact_id=" + o["contacts"], "/api/v1/tickets?q=" + number,
		"/api/v1/tickets?q=First", "/api/v1/tickets?state=new", "/api/v1/tickets?order=updated", "/api/v1/work?channel=chat",
	} {
		for login, sees := range map[string]bool{"1001": true, "1002": false, "2001": true, "3001": true} {
			if n := len(list[any](s.as(login), path)); n > 0 != sees {
				t.Errorf("%s: GET %s: %d items", login, path, n)
			}
		}
	}
}
