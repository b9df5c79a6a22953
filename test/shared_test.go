//go:build e2e

package test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestOneAgentACallAChatAndAMailWait: they came in the order mail, chat, call,
// and are offered in the order of their keys: call, chat, mail. A second call
// interrupts the mail, whose draft survives, and which comes back after the call.
// The API says of each offer why it was made.
func TestOneAgentACallAChatAndAMailWait(t *testing.T) {
	o := openPostOffice(t)
	s := startServer(t, "PICKUP_DEMO_AGENTS=1", "PICKUP_RECORDING_NOTICE=false", "PICKUP_DEMO_AUTO_READY=false")
	s.openMailbox(o.mailbox(supportBox, false))
	desk := newPhone(t, "1001", s.sip)
	desk.register("demo-1001")
	agent := s.agent("1001")
	agent.console()
	var me object
	agent.want(http.StatusOK, "GET", "/api/v1/me", nil, &me)

	o.send("paul@player.example", supportBox, "Subject: Where is it", "Message-ID: <shared@player.example>", "", "Hello, where is my withdrawal?")
	ticket := s.ticketOf("Where is it")
	mail := s.workOf("email", ticket.str("id"), "waiting")
	visitor := s.visitor()
	chat := visitor.open("support", "Hello")
	player := newPhone(t, "player", s.sip)
	first, err := player.dial("support")
	if err != nil {
		t.Fatal(err)
	}
	agent.ready(me.str("id"))

	s.agents(1, "talking") // the call before all
	if w := s.work(mail.str("id")); w.str("state") != "waiting" {
		t.Errorf("the mail is %s during the call", w.str("state"))
	}
	if w := s.work("chat-" + chat); w.str("state") != "waiting" {
		t.Errorf("the chat is %s during the call", w.str("state"))
	}
	player.bye(first)
	item := agent.offered(chat) // then the chat
	agent.want(http.StatusOK, "POST", "/api/v1/work/"+item+"/accept", object{}, nil)
	agent.want(http.StatusOK, "POST", "/api/v1/chats/"+chat+"/messages", object{"client_id": "agent-0001", "text": "Hello!"}, nil)
	chatTaken := s.work(item)
	agent.want(http.StatusNoContent, "POST", "/api/v1/chats/"+chat+"/end", object{}, nil)
	mail = s.workOf("email", ticket.str("id"), "active") // then the mail, which nobody has to accept

	mailTaken := mail
	if chatTaken.str("taken_at") > mailTaken.str("taken_at") { // it may be the same millisecond
		t.Errorf("chat taken at %s, mail at %s", chatTaken.str("taken_at"), mailTaken.str("taken_at"))
	}
	for name, w := range map[string]object{"chat": chatTaken, "mail": mailTaken} {
		if w.str("why") == "" || !strings.Contains(fmt.Sprint(w["offers"]), "why:") {
			t.Errorf("nothing says why the %s was offered: %v", name, w)
		}
	}

	draft := "/api/v1/tickets/" + ticket.str("id") + "/drafts/agent"
	agent.want(http.StatusNoContent, "PUT", draft, object{"body": "Dear Paul, your withdrawal"}, nil)
	second, err := player.dial("support") // a call may interrupt a mail
	if err != nil {
		t.Fatal(err)
	}
	s.agents(1, "talking")
	s.workOf("email", ticket.str("id"), "parked")
	player.bye(second)
	s.workOf("email", ticket.str("id"), "active") // it comes back by itself
	var drafts struct{ Items []object }
	agent.want(http.StatusOK, "GET", "/api/v1/tickets/"+ticket.str("id")+"/drafts", nil, &drafts)
	if len(drafts.Items) != 1 || drafts.Items[0].str("body") != "Dear Paul, your withdrawal" {
		t.Errorf("drafts: %v", drafts.Items)
	}
	for _, c := range s.ended(2, 20*time.Second) {
		var whole object
		s.call("GET", "/api/v1/calls/"+c.str("id"), nil, &whole, http.StatusOK)
		if whole.str("why") == "" {
			t.Errorf("nothing says why the call was offered: %v", whole)
		}
	}
	agent.want(http.StatusCreated, "POST", "/api/v1/tickets/"+ticket.str("id")+"/messages", object{
		"kind": "agent", "text": "Dear Paul, it is on its way.", "interaction_id": mail.str("interaction_id"), "client_id": "client-0001",
		"expected_last": -1, "state": "pending_customer",
	}, nil)
	wait(t, 60*time.Second, "the reply at the player's", func() (bool, string) {
		all := o.letters(playersBox)
		return len(all) == 1, fmt.Sprint(len(all))
	})
}

// ready makes an agent ready, once his console is known to be open.
func (p *person) ready(id string) {
	p.t.Helper()
	wait(p.t, 20*time.Second, "agent ready", func() (bool, string) {
		status, text := p.do("PUT", "/api/v1/agents/"+id+"/state", object{"state": "ready"}, nil)
		return status == http.StatusOK, text
	})
}

// work is one piece of work as an administrator sees it.
func (s *server) work(id string) (w object) {
	s.t.Helper()
	s.call("GET", "/api/v1/work/"+id, nil, &w, http.StatusOK)
	return w
}

// workOf waits until the work of a channel on a ticket is in a state.
func (s *server) workOf(channel, ticket, state string) (found object) {
	s.t.Helper()
	wait(s.t, 30*time.Second, channel+" "+state, func() (bool, string) {
		all := s.list("/api/v1/work?channel=" + channel)
		for _, w := range all {
			if w.str("ticket_id") == ticket && w.str("state") == state {
				found = s.work(w.str("id"))
				return true, ""
			}
		}
		return false, fmt.Sprint(all)
	})
	return found
}
