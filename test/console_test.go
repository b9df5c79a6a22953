//go:build e2e

package test

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"testing"
	"time"
)

// script runs a program of people.mjs against the server, with what it needs to know.
func (s *server) script(name string, given object) {
	s.t.Helper()
	need(s.t, "node", "chromium")
	given["base"] = "http://" + s.http
	arg, err := json.Marshal(given)
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command("node", name, string(arg))
	timer := time.AfterFunc(5*time.Minute, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	out, err := cmd.CombinedOutput()
	s.t.Logf("%s:\n%s", name, out)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
}

// wrote is the ticket of a chat that is over, with what the visitor wrote in it,
// and is an agent's.
func (s *server) wrote(agent *person, subject string, texts ...string) object {
	s.t.Helper()
	v := s.visitor()
	chat := v.open("support", texts[0])
	v.load(chat)
	for _, text := range texts[1:] {
		v.want(http.StatusOK, "POST", "/w/v1/chats/"+chat+"/messages", object{"client_id": "said-" + text, "text": text}, nil)
	}
	s.call("POST", "/api/v1/chats/"+chat+"/end", object{}, nil, http.StatusNoContent)
	var row, ticket, me object
	s.call("GET", "/api/v1/chats/"+chat, nil, &row, http.StatusOK)
	s.call("GET", "/api/v1/tickets/"+row.str("ticket_id"), nil, &ticket, http.StatusOK)
	agent.want(http.StatusOK, "GET", "/api/v1/me", nil, &me)
	s.call("PATCH", "/api/v1/tickets/"+ticket.str("id"), object{
		"version": ticket["version"], "subject": subject, "assignee_id": me.str("id"),
	}, nil, http.StatusOK)
	return object{"id": ticket.str("id"), "number": ticket["number"], "contact": ticket.str("contact_id")}
}

// TestTicketsAtTheConsole: what an agent does with tickets and contacts, by
// clicking: duplicates, merge, split, links, files, search.
func TestTicketsAtTheConsole(t *testing.T) {
	s := startServer(t)
	agent, other := s.agent("1001"), s.agent("1002")
	const subject = "Retrait bloqué depuis la vérification"
	given := object{
		"firstText": "Mon retrait est bloqué depuis la vérification", "secondText": "Et mon bonus a disparu",
		"twinText": "Mon retrait reste bloqué depuis la vérification", "firstSubject": subject, "secret": "zanzibar",
	}
	given["first"] = s.wrote(agent, subject, given.str("firstText"), given.str("secondText"))
	given["twin"] = s.wrote(agent, subject+" !", given.str("twinText"))
	given["other"] = s.wrote(agent, "Un tournoi de poker", "Quand commence le tournoi ?")
	s.wrote(other, "zanzibar", "zanzibar")
	s.script("console_ticket.mjs", given)
}
