//go:build e2e

package test

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestWrittenWorkIsHandedOver: a chat goes from one agent to another by name, a
// mail to another queue, a ticket that waits to a skill. Who gives it away is free
// at once, the ticket tells who, when, to whom and why, and after kill -9 each is
// still where it was sent.
func TestWrittenWorkIsHandedOver(t *testing.T) {
	o := openPostOffice(t)
	s := startServer(t, "PICKUP_DEMO_AGENTS=4", "PICKUP_DEMO_AUTO_READY=false")
	s.openMailbox(o.mailbox(supportBox, false))
	giver, taker := s.agent("1004"), s.agent("1003") // the first three know security
	ids := map[string]string{}
	for login, p := range map[string]*person{"1004": giver, "1003": taker} {
		var me object
		p.want(http.StatusOK, "GET", "/api/v1/me", nil, &me)
		ids[login] = me.str("id")
		p.console()
	}
	giver.ready(ids["1004"])

	// The chat.
	visitor := s.visitor()
	chat := visitor.open("support", "Bonjour")
	item := giver.offered(chat)
	giver.want(http.StatusOK, "POST", "/api/v1/work/"+item+"/accept", object{}, nil)
	var where struct {
		Queues []string
		Agents []object
		Skills []object
	}
	giver.want(http.StatusOK, "GET", "/api/v1/work/"+item+"/destinations", nil, &where)
	if len(where.Queues) != 4 || len(where.Agents) != 4 || len(where.Skills) != 2 {
		t.Errorf("destinations: %+v", where)
	}
	giver.want(http.StatusUnprocessableEntity, "POST", "/api/v1/work/"+item+"/transfer", object{"agent_id": ids["1003"]}, nil) // no reason
	taker.ready(ids["1003"])
	giver.want(http.StatusOK, "POST", "/api/v1/work/"+item+"/transfer", object{"agent_id": ids["1003"], "reason": "Il vous connaît"}, nil)
	taker.offered(chat)
	taker.want(http.StatusOK, "POST", "/api/v1/work/"+item+"/accept", object{}, nil)
	w := s.work(item)
	if why := w.str("why"); !strings.HasPrefix(why, "transferred by 1004 to this agent, ") || w.str("agent_id") != ids["1003"] {
		t.Errorf("agent %s, why %q", w.str("agent_id"), why)
	}
	s.told(w.str("ticket_id"), ids["1004"], object{"channel": "chat", "agent": ids["1003"], "reason": "Il vous connaît"})
	taker.want(http.StatusNoContent, "POST", "/api/v1/chats/"+chat+"/end", object{}, nil)
	taker.want(http.StatusOK, "PUT", "/api/v1/agents/"+ids["1003"]+"/state", object{"state": "not_ready", "reason": "pause"}, nil)

	// The mail.
	o.send("paul@player.example", supportBox, "Subject: My money", "Message-ID: <handover@player.example>", "", "Where is it?")
	mails := s.ticketOf("My money").str("id")
	mail := s.workOf("email", mails, "active").str("id")
	giver.want(http.StatusOK, "PUT", "/api/v1/agents/"+ids["1004"]+"/state", object{"state": "not_ready", "reason": "pause"}, nil)
	giver.want(http.StatusOK, "POST", "/api/v1/work/"+mail+"/transfer", object{"queue": "payments", "reason": "A withdrawal"}, nil)
	if w := s.work(mail); w.str("state") != "waiting" || w.str("queue") != "payments" {
		t.Errorf("the mail: %v", w)
	}
	s.told(mails, ids["1004"], object{"channel": "email", "from": "support", "queue": "payments", "reason": "A withdrawal"})

	// The ticket that waits.
	var contact struct{ Ticket object }
	s.call("GET", "/api/v1/tickets/"+mails, nil, &contact.Ticket, http.StatusOK)
	var made object
	s.call("POST", "/api/v1/tickets", object{
		"contact_id": contact.Ticket.str("contact_id"), "subject": "Look at it", "queue": "support", "priority": 1,
	}, &made, http.StatusCreated)
	ticket := made.str("id")
	task := s.workOf("ticket", ticket, "waiting").str("id")
	refused := object{}
	s.call("POST", "/api/v1/work/"+task+"/transfer", object{"skill": "security", "level": 5, "reason": "x"}, &refused, http.StatusConflict)
	if text := fmt.Sprint(refused); !strings.Contains(text, "skill: limit security 5, got nobody in support") {
		t.Errorf("refused with %s", text)
	}
	s.call("POST", "/api/v1/work/"+task+"/transfer", object{"skill": "security", "level": 3, "reason": "Looks stolen"}, nil, http.StatusOK)
	s.told(ticket, "", object{"channel": "ticket", "skill": "security", "level": "3", "reason": "Looks stolen"})

	s.stop(syscall.SIGKILL)
	s.start()
	giver.ready(ids["1004"]) // he takes the mail, and has not the skill
	mailWork := s.workOf("email", mails, "active")
	if mailWork.str("queue") != "payments" || mailWork.str("agent_id") != ids["1004"] {
		t.Errorf("the mail after kill -9: %v", mailWork)
	}
	giver.want(http.StatusOK, "POST", "/api/v1/work/"+mail+"/park", object{}, nil) // there is room for the ticket
	s.workOf("ticket", ticket, "waiting")
	taker.ready(ids["1003"])
	taken := s.workOf("ticket", ticket, "active")
	if why := taken.str("why"); taken.str("agent_id") != ids["1003"] || !strings.HasPrefix(why, "transferred by admin, skill security 3, ") {
		t.Errorf("the ticket after kill -9: agent %s, why %q", taken.str("agent_id"), why)
	}
	if offers := taken["offers"].([]any); len(offers) != 1 {
		t.Errorf("it was offered to others: %v", offers)
	}
}

// told waits until a ticket's timeline has a transfer by somebody ("": anybody)
// with these details.
func (s *server) told(ticket, by string, want object) {
	s.t.Helper()
	wait(s.t, 20*time.Second, "the transfer in the timeline", func() (bool, string) {
		var whole struct{ Timeline []object }
		s.call("GET", "/api/v1/tickets/"+ticket, nil, &whole, http.StatusOK)
		for _, e := range whole.Timeline {
			detail, _ := e["detail"].(map[string]any)
			same := e.str("kind") == "transferred" && e.str("at") != "" && (by == "" || e.str("actor") == by)
			for key, value := range want {
				same = same && detail[key] == value
			}
			if same {
				return true, ""
			}
		}
		return false, fmt.Sprint(whole.Timeline)
	})
}
