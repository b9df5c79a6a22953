//go:build e2e

package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestKilledServerLosesNoMail ends the server with kill -9 at random moments while
// mail is fetched, filed and sent: each mail is in one ticket, once, and each reply
// arrives. A reply whose server was killed between the answer of the mail server
// and our own commit may lie twice in the maildir, under one Message-ID: for its
// reader it is one mail.
func TestKilledServerLosesNoMail(t *testing.T) {
	killedInMail(t, startServer(t), deskKills)
}

func killedInMail(t *testing.T, s *server, kills int) {
	t.Helper()
	const batch = 6
	o := openPostOffice(t)
	s.openMailbox(o.mailbox(supportBox, false))
	var replies []*killReply
	answered := map[string]bool{}
	open := map[string]string{} // subject to ticket that was not answered yet
	sent := 0
	for n := range kills {
		var wg sync.WaitGroup
		for i := range batch {
			sent++
			o.put(supportBox, fmt.Sprintf("%010d.M%dP1.test", 1_790_000_000+sent, sent), fmt.Appendf(nil,
				"From: p%d@player.example\r\nTo: %s\r\nSubject: Kill %d\r\nMessage-ID: <kill-%d@player.example>\r\n\r\nMail %d of batch %d.\r\n",
				sent, supportBox, sent, sent, i, n))
		}
		for subject, ticket := range open {
			thread := s.messages(ticket)[0].str("interaction_id")
			r := &killReply{ticket: ticket, thread: thread, clientID: strings.ReplaceAll(subject, " ", "-") + "-client", text: "Reply to " + subject}
			replies = append(replies, r)
			wg.Go(func() { r.try(s.http, s.client) })
		}
		clear(open)
		moment := rand.N(1500 * time.Millisecond)
		end := time.After(moment)
		<-end
		s.stop(syscall.SIGKILL)
		wg.Wait()
		s.start()
		for _, r := range replies { // as a page does that had no answer
			r.try(s.http, s.client)
		}
		if n%2 == 1 {
			continue // the next kill comes while this batch is on its way
		}
		wait(t, 240*time.Second, "tickets to be answered", func() (bool, string) {
			for _, ticket := range s.list("/api/v1/tickets") {
				if len(open) == batch {
					break
				}
				if answered[ticket.str("id")] {
					continue
				}
				if all := s.messages(ticket.str("id")); len(all) == 1 {
					answered[ticket.str("id")] = true
					open[ticket.str("subject")] = ticket.str("id")
				}
			}
			return len(open) == batch, fmt.Sprintf("%d of %d", len(open), batch)
		})
	}
	wait(t, 120*time.Second, "every reply is taken", func() (bool, string) {
		missing := 0
		for _, r := range replies {
			if r.try(s.http, s.client); r.id == "" {
				missing++
			}
		}
		return missing == 0, fmt.Sprintf("%d of %d are missing", missing, len(replies))
	})
	s.allFiledOnce(t, sent)
	s.allArrived(t, o, replies, kills)
}

// killReply is a reply that is sent until the server says that it has it.
type killReply struct {
	ticket, thread, clientID, text string
	id                             string // of the message, once known
}

func (r *killReply) try(host string, client *http.Client) {
	if r.id != "" {
		return
	}
	body, _ := json.Marshal(object{
		"kind": "agent", "text": r.text, "interaction_id": r.thread, "client_id": r.clientID, "expected_last": -1,
	})
	resp, err := client.Post("http://"+host+"/api/v1/tickets/"+r.ticket+"/messages", "application/json", bytes.NewReader(body))
	if err != nil {
		return
	}
	defer resp.Body.Close()
	var made object
	if resp.StatusCode == http.StatusCreated && json.NewDecoder(resp.Body).Decode(&made) == nil {
		r.id = made.str("id")
	}
}

// allFiledOnce waits for every mail, and wants each once.
func (s *server) allFiledOnce(t *testing.T, sent int) {
	t.Helper()
	var found map[string]int
	wait(t, 240*time.Second, "all mails filed", func() (bool, string) {
		found = map[string]int{}
		for _, ticket := range s.list("/api/v1/tickets") {
			for _, m := range s.messages(ticket.str("id")) {
				if m.str("kind") == "customer" {
					found[ticket.str("subject")]++
				}
			}
		}
		return len(found) >= sent, fmt.Sprintf("%d of %d", len(found), sent)
	})
	for subject, n := range found {
		if n != 1 {
			t.Errorf("%s is there %d times", subject, n)
		}
	}
	if len(found) != sent {
		t.Errorf("%d mails were filed, want %d", len(found), sent)
	}
}

// allArrived waits for every reply in the players' maildir.
func (s *server) allArrived(t *testing.T, o *postOffice, replies []*killReply, kills int) {
	t.Helper()
	if len(replies) < kills {
		t.Errorf("only %d replies", len(replies))
	}
	for _, r := range replies {
		agent := 0
		for _, m := range s.messages(r.ticket) {
			if m.str("kind") == "agent" {
				agent++
			}
		}
		if agent != 1 {
			t.Errorf("%d replies in the ticket of %s", agent, r.clientID)
		}
	}
	var copies map[string]int
	wait(t, 240*time.Second, "all replies arrived", func() (bool, string) {
		copies = map[string]int{}
		for _, l := range o.letters(playersBox) {
			copies[strings.Trim(l.Header.Get("Message-Id"), "<>")]++
		}
		missing := 0
		for _, r := range replies {
			if copies["m."+r.id+"@casino.example"] == 0 {
				missing++
			}
		}
		return missing == 0, fmt.Sprintf("%d of %d are missing", missing, len(replies))
	})
	twice := 0
	for _, r := range replies {
		n := copies["m."+r.id+"@casino.example"]
		if n > 1 && !s.toldOf(r) {
			t.Errorf("the mail of %s lies there %d times, and its ticket does not say that it may", r.clientID, n)
		}
		twice += max(0, n-1)
	}
	if len(copies) != len(replies) {
		t.Errorf("%d mails went out, want %d", len(copies), len(replies))
	}
	t.Logf("%d kills, %d replies arrived; %d lie there twice, under one Message-ID", kills, len(replies), twice)
	if twice > kills { // one kill can interrupt one sending at most
		t.Errorf("%d mails lie there twice", twice)
	}
}

// toldOf reports whether the timeline says that a reply may arrive twice.
func (s *server) toldOf(r *killReply) bool {
	s.t.Helper()
	var story object
	s.call(http.MethodGet, "/api/v1/tickets/"+r.ticket, nil, &story, http.StatusOK)
	for _, e := range story["timeline"].([]any) {
		event := object(e.(map[string]any))
		if detail, _ := event["detail"].(map[string]any); event.str("kind") == "mail_unanswered" && object(detail).str("message_id") == r.id {
			return true
		}
	}
	return false
}
