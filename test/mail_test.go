//go:build e2e

package test

import (
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestMailOverDovecotAndPostfix: a player's mail becomes a ticket, the agent's
// reply arrives with all that makes a thread, the player's reply joins it, and
// what cannot be delivered is told.
func TestMailOverDovecotAndPostfix(t *testing.T) {
	o := openPostOffice(t)
	s := startServer(t)
	box := s.openMailbox(o.mailbox(supportBox, false))
	const player = "paul@player.example"

	o.send(player, supportBox, "Subject: =?utf-8?q?Retrait_bloqu=C3=A9?=", "Message-ID: <first@player.example>", "MIME-Version: 1.0",
		"Content-Type: text/plain; charset=utf-8", "", "Bonjour, où est mon retrait ?")
	ticket := s.ticketOf("Retrait bloqué")
	if ticket.str("channel") != "email" || ticket.str("language") != "fr" {
		t.Errorf("ticket %v", ticket)
	}
	reply := s.answer(ticket.str("id"), "client-reply-1", "Bonjour Paul,\nvotre virement est parti.", "pending_customer")
	got := o.letterOf(playersBox, "m."+reply.str("id")+"@casino.example")
	decoder := mime.WordDecoder{}
	subject, _ := decoder.DecodeHeader(got.Header.Get("Subject"))
	number := fmt.Sprintf("[#%.0f]", ticket.num("number"))
	if subject != "Re: Retrait bloqué "+number {
		t.Errorf("subject %q", subject)
	}
	if id := got.Header.Get("In-Reply-To"); id != "<first@player.example>" {
		t.Errorf("In-Reply-To %q", id)
	}
	if refs := got.Header.Get("References"); refs != "<first@player.example>" {
		t.Errorf("References %q", refs)
	}
	replyTo, err := got.Header.AddressList("Reply-To")
	if err != nil || len(replyTo) != 1 || !strings.HasPrefix(replyTo[0].Address, fmt.Sprintf("support+t%.0f.", ticket.num("number"))) {
		t.Fatalf("Reply-To %q %v", got.Header.Get("Reply-To"), err)
	}
	if auto := got.Header.Get("Auto-Submitted"); auto != "" {
		t.Errorf("a person's reply says Auto-Submitted: %s", auto)
	}
	if path := got.Header.Get("Return-Path"); path != "<"+supportBox+">" {
		t.Errorf("Return-Path %q", path)
	}
	if text := string(got.raw); !strings.Contains(unQP(text), "votre virement est parti.") || !strings.Contains(unQP(text), "-- \r\nL’équipe du support") &&
		!strings.Contains(unQP(text), "-- \nL’équipe du support") {
		t.Errorf("the mail says %s", text)
	}
	wait(t, 30*time.Second, "reply sent", func() (bool, string) {
		state := statusOf(s, ticket.str("id"), reply.str("id"))
		return state == "sent", state
	})

	// His answer goes to the signed address, by Postfix, under the same subject.
	o.send(player, replyTo[0].Address, "Subject: Re: Retrait bloque "+number, "Message-ID: <second@player.example>",
		"In-Reply-To: "+got.Header.Get("Message-Id"), "", "Merci, mais toujours rien.", "", "> Bonjour Paul,")
	wait(t, 60*time.Second, "his answer in the ticket", func() (bool, string) {
		all := s.messages(ticket.str("id"))
		return len(all) == 3 && all[2].str("text") == "Merci, mais toujours rien.", fmt.Sprint(all)
	})
	if now := s.ticketOf("Retrait bloqué"); now.str("state") != "open" {
		t.Errorf("his answer left the ticket %s", now.str("state"))
	}

	// Nobody has this address: Postfix says so by a report.
	o.send("nobody@player.example", supportBox, "Subject: Personne", "Message-ID: <nobody@player.example>", "", "Bonjour")
	lost := s.ticketOf("Personne")
	bounced := s.answer(lost.str("id"), "client-reply-2", "Bonjour", "pending_customer")
	wait(t, 60*time.Second, "a report of what was not delivered", func() (bool, string) {
		state := statusOf(s, lost.str("id"), bounced.str("id"))
		return state == "bounced", fmt.Sprint(s.messages(lost.str("id")), s.list("/api/v1/tickets"))
	})
	if now := s.ticketOf("Personne"); now.str("state") != "open" {
		t.Errorf("a bounce left the ticket %s", now.str("state"))
	}
	if why := s.undeliverable(lost.str("id")); !strings.HasPrefix(why, "5.1.1 ") {
		t.Errorf("his address is marked %q, want 5.1.1", why)
	}
	o.send("nobody@player.example", supportBox, "Subject: Re: Personne", "Message-ID: <again@player.example>", "In-Reply-To: <nobody@player.example>", "", "Me voici")
	wait(t, 60*time.Second, "his mail clears his address", func() (bool, string) {
		why := s.undeliverable(lost.str("id"))
		return why == "", why
	})

	// A server that refuses for good: the agent is told in the ticket.
	o.send("far@elsewhere.example", supportBox, "Subject: Loin", "Message-ID: <far@elsewhere.example>", "", "Bonjour")
	far := s.ticketOf("Loin")
	refused := s.answer(far.str("id"), "client-reply-3", "Bonjour", "pending_customer")
	wait(t, 60*time.Second, "the refusal", func() (bool, string) {
		all := s.messages(far.str("id"))
		last := all[len(all)-1]
		return statusOf(s, far.str("id"), refused.str("id")) == "failed" && last.str("kind") == "system" && strings.Contains(last.str("text"), "554"), fmt.Sprint(all)
	})
	doctor(t, s, "ok    mailbox "+supportBox)
	s.mailServerGone(t, o, box)
	if total := len(s.list("/api/v1/tickets")); total != 3 {
		t.Errorf("%d tickets, want 3", total)
	}
}

// mailServerGone: while the server is away nothing is lost, and after a change of
// UIDVALIDITY nothing comes twice.
func (s *server) mailServerGone(t *testing.T, o *postOffice, box string) {
	t.Helper()
	before := s.count()
	o.stopDovecot()
	s.mailboxIs(box, "down")
	doctor(t, s, "FAIL  mailbox "+supportBox+": imap.host 127.0.0.1: connect")
	var tested object
	s.call("POST", "/api/v1/mailboxes/"+box+"/test", nil, &tested, 200)
	if !strings.Contains(tested.str("error"), "imap.host 127.0.0.1") || strings.Contains(tested.str("error"), "smtp.host") {
		t.Errorf("the test of a mailbox says %v", tested)
	}
	o.send("paul@player.example", supportBox, "Subject: Re: Retrait bloqué", "Message-ID: <third@player.example>",
		"In-Reply-To: <second@player.example>", "", "Pendant la panne.")
	// Another UIDVALIDITY, and other UIDs: all comes again.
	for _, name := range []string{"dovecot-uidlist", "dovecot.index", "dovecot.index.log", "dovecot.index.cache", "dovecot-uidvalidity"} {
		o.forget(supportBox, name)
	}
	o.startDovecot()
	s.mailboxIs(box, "well")
	wait(t, 90*time.Second, "the mail of the outage", func() (bool, string) {
		n := s.count()
		return n >= before+1, fmt.Sprint(n)
	})
	wait(t, 60*time.Second, "the others are known", func() (bool, string) {
		n := s.metric("pickup_mail_duplicates_total")
		return n >= 5, fmt.Sprint(n)
	})
	if n := s.count(); n != before+1 {
		t.Errorf("%d messages after the folder was made anew, want %d", n, before+1)
	}
}

// count is the number of messages in all tickets.
func (s *server) count() (n int) {
	s.t.Helper()
	for _, t := range s.list("/api/v1/tickets") {
		n += len(s.messages(t.str("id")))
	}
	return n
}

// doctor runs pickup doctor on the data of a running server, and wants a line.
func doctor(t *testing.T, s *server, want string) {
	t.Helper()
	cmd := exec.Command(program(t), "doctor", "--sip.listen=127.0.0.1:0", "--http.listen=127.0.0.1:0", "--media.webrtc_port=0")
	cmd.Env = append(os.Environ(), "PICKUP_DATA_DIR="+s.dir)
	out, err := cmd.CombinedOutput()
	if !strings.Contains(string(out), "\n"+want) || (err != nil) != strings.HasPrefix(want, "FAIL") || strings.Contains(string(out), mailSecret) {
		t.Errorf("pickup doctor: %v %s, want %s", err, out, want)
	}
}

// undeliverable is why mail to the address of a ticket's first thread comes back.
func (s *server) undeliverable(ticket string) string {
	s.t.Helper()
	var story object
	s.call("GET", "/api/v1/tickets/"+ticket, nil, &story, 200)
	return object(story["interactions"].([]any)[0].(map[string]any)).str("undeliverable")
}

func statusOf(s *server, ticket, message string) string {
	s.t.Helper()
	for _, m := range s.messages(ticket) {
		if m.str("id") == message {
			return m.str("status")
		}
	}
	return "gone"
}

// unQP reads quoted-printable, leniently.
func unQP(text string) string {
	out, _ := io.ReadAll(quotedprintable.NewReader(strings.NewReader(text)))
	return string(out)
}
