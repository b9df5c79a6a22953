//go:build e2e

package test

import (
	"fmt"
	"net/http"
	"syscall"
	"testing"
)

// TestADraftOutlivesWhatHappensToItsTicket: a word in a chat leaves the reply alone
// that is being written, and merges of several hops and kill -9 do too.
func TestADraftOutlivesWhatHappensToItsTicket(t *testing.T) {
	s := startServer(t, "PICKUP_DEMO_AGENTS=1", "PICKUP_DEMO_AUTO_READY=false")
	agent := s.agent("1001")
	var me object
	agent.want(http.StatusOK, "GET", "/api/v1/me", nil, &me)
	agent.console()
	agent.ready(me.str("id"))
	chat := s.visitor().open("support", "Bonjour")
	item := agent.offered(chat)
	agent.want(http.StatusOK, "POST", "/api/v1/work/"+item+"/accept", object{}, nil)
	ids := []string{s.work(item).str("ticket_id")}
	drafts := func(what, ticket string, want ...string) {
		t.Helper()
		var got struct{ Items []object }
		agent.want(http.StatusOK, "GET", "/api/v1/tickets/"+ticket+"/drafts", nil, &got)
		var all []string
		for _, d := range got.Items {
			all = append(all, d.str("kind")+" "+d.str("body"))
		}
		if fmt.Sprint(all) != fmt.Sprint(want) {
			t.Errorf("%s: drafts %q, want %q", what, all, want)
		}
	}
	put := func(ticket, kind, body string) {
		t.Helper()
		agent.want(http.StatusNoContent, "PUT", "/api/v1/tickets/"+ticket+"/drafts/"+kind, object{"body": body}, nil)
	}
	put(ids[0], "agent", "Dear Zoé, your withdrawal")
	put(ids[0], "note", "She is a friend")
	agent.want(http.StatusOK, "POST", "/api/v1/chats/"+chat+"/messages", object{"client_id": "client-0001", "text": "Un instant"}, nil)
	drafts("after a word in the chat", ids[0], "agent Dear Zoé, your withdrawal", "note She is a friend")

	var whole object
	s.call("GET", "/api/v1/tickets/"+ids[0], nil, &whole, http.StatusOK)
	for n := range 2 {
		var made object
		agent.want(http.StatusCreated, "POST", "/api/v1/tickets", object{
			"contact_id": whole.str("contact_id"), "subject": fmt.Sprintf("The same %d", n), "queue": "support", "priority": 1, "mine": true,
		}, &made)
		ids = append(ids, made.str("id"))
		agent.want(http.StatusOK, "POST", "/api/v1/tickets/"+ids[n]+"/merge", object{"into": ids[n+1]}, nil)
	}
	drafts("on the ticket that is left", ids[2], "agent Dear Zoé, your withdrawal", "note She is a friend")
	put(ids[2], "note", "") // dropped: the other stays
	drafts("without the note", ids[2], "agent Dear Zoé, your withdrawal")
	s.stop(syscall.SIGKILL)
	s.start()
	drafts("after kill -9", ids[2], "agent Dear Zoé, your withdrawal")
	put(ids[2], "agent", "Dear Zoé, your withdrawal is paid")
	drafts("gone on with", ids[2], "agent Dear Zoé, your withdrawal is paid")
	agent.want(http.StatusOK, "POST", "/api/v1/chats/"+chat+"/messages", object{"client_id": "client-0002", "text": "Dear Zoé, your withdrawal is paid."}, nil)
	drafts("sent", ids[2])
}
