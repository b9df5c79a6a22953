//go:build sqlite_fts5

package main

import (
	"log/slog"
	"testing"
	"time"

	"pickup/call"
	"pickup/configs"
	"pickup/ticket"
	"pickup/ticket/chat"
)

// What an absent visitor is mailed goes out from the mailbox of his queue, on one
// thread of his ticket however often, and marked as sent by a machine.
func TestAnAbsentVisitorIsMailedOnHisTicket(t *testing.T) {
	ctx := t.Context()
	c := &configs.Config{}
	c.Data.Dir, c.Site.Country = t.TempDir(), "FR"
	st, err := openStore(ctx, c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	s := &server{cfg: c, store: st}
	var opened ticket.Received
	mail := func() (sent bool) {
		t.Helper()
		err := st.Desk(ctx, func(tx ticket.DeskTx) (err error) {
			sent, err = s.mailVisitor(ctx, tx, chat.Mail{
				TicketID: opened.Ticket.ID, Queue: "Payments", Language: "fr", To: "zoe@example.org", Name: "Zoé", Subject: "Notre réponse",
				Text: "Il part demain", At: time.Now(),
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return sent
	}
	err = st.Desk(ctx, func(tx ticket.DeskTx) (err error) {
		opened, err = ticket.Receive(ctx, tx, ticket.Policy{}, ticket.Incoming{
			Channel: call.ChannelChat, Queue: "payments", Language: "fr", Name: "Zoé",
			From:    ticket.Identity{Kind: "visitor", Value: "v", Raw: "v", Verified: true},
			Message: ticket.Message{Kind: ticket.MessageCustomer, Text: "Mon retrait ?", CreatedAt: time.Now()},
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if mail() {
		t.Fatal("sent without a mailbox")
	}
	for id, queue := range map[string]string{"box-1": "support", "box-2": "payments"} {
		err := st.UpsertMailbox(ctx, ticket.Mailbox{
			ID: id, Name: "Support", Address: queue + "@casino.example", Queue: queue, Language: "fr", Enabled: true,
			SMTP: ticket.MailServer{Host: "mail.casino.example"},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if !mail() {
			t.Fatal("not sent")
		}
	}
	out, err := st.Outbox(ctx, time.Now().Add(time.Minute), 10)
	if err != nil || len(out) != 2 {
		t.Fatalf("got %+v, %v", out, err)
	}
	for _, m := range out {
		if m.To != "zoe@example.org" || m.MailboxID != "box-2" || !m.Automatic || m.TicketID != opened.Ticket.ID {
			t.Errorf("got %+v", m)
		}
	}
	d, err := st.Contact(ctx, opened.Contact.ID)
	if err != nil {
		t.Fatal(err)
	}
	threads := 0
	for _, i := range d.Interactions {
		if i.Channel == call.ChannelEmail {
			threads++
		}
	}
	if threads != 1 {
		t.Errorf("%d threads of mail, want 1", threads)
	}
}
