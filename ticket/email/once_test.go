package email_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pickup/ticket"
	"pickup/ticket/email"
)

// replied has an engine file one mail, and an agent answer it; it returns the
// ticket. The outbox is not told.
func (r *running) replied(h *imapHost, id string) string {
	r.t.Helper()
	h.put(r.t, "From: a@x.org\r\nMessage-ID: <"+id+"@x>\r\nSubject: "+id+"\r\n\r\nHello")
	ticketID := r.next().TicketID
	r.at = time.Now().Add(-time.Hour)
	r.act("reply", ticketID)
	return ticketID
}

// copies counts what a server took of each Message-ID.
func (h *smtpHost) copies() map[string]int {
	all := map[string]int{}
	for _, mail := range h.taken() {
		_, id, _ := strings.Cut(mail, "Message-Id: <")
		id, _, _ = strings.Cut(id, ">")
		all[id]++
	}
	return all
}

// A stop while the server has the whole mail and has not answered waits for its
// answer, and notes it: the next start does not send it again.
func TestAStopInOrderSendsNothingTwice(t *testing.T) {
	reached, goOn := make(chan struct{}), make(chan struct{})
	var first sync.Once
	smtp := openSMTP(t, func(command string) string {
		if command == "content" {
			first.Do(func() {
				close(reached)
				<-goOn
			})
		}
		return ""
	})
	h := openIMAP(t)
	r := startEngine(t, 0, h.port, smtp.port)
	one := r.replied(h, "1")
	r.mail.Queued()
	<-reached
	stopped := make(chan struct{})
	go func() { r.stop(); close(stopped) }()
	eventually(t, "the stop is under way", func() bool { return r.stopping.Load() })
	close(goOn)
	<-stopped
	if out := r.outMail(r.sent(one).ID); out.State != "sent" || out.Attempts != 1 {
		t.Errorf("after the stop the mail is %s, attempt %d, want sent in the first", out.State, out.Attempts)
	}
	r.run(r.store)
	two := r.replied(h, "2")
	r.mail.Queued()
	eventually(t, "the second is sent", func() bool { return r.outMail(r.sent(two).ID).State == "sent" })
	if got := smtp.copies(); len(got) != 2 || len(smtp.taken()) != 2 {
		t.Errorf("the server took %v, want each of two once", got)
	}
}

// A stop does not wait for a server that says nothing any more.
func TestAStopWaitsForNoServerForLong(t *testing.T) {
	reached, gone := make(chan struct{}), make(chan struct{})
	smtp := openSMTP(t, func(command string) string {
		if command == "content" {
			close(reached)
			<-gone
		}
		return ""
	})
	h := openIMAP(t)
	r := startEngine(t, 0, h.port, smtp.port)
	one := r.replied(h, "1")
	r.mail.Queued()
	<-reached
	r.stop() // the deadline of the test's run is far beyond this
	close(gone)
	if out := r.outMail(r.sent(one).ID); out.State != "sending" {
		t.Errorf("after the stop the mail is %s, want sending: nobody knows", out.State)
	}
}

// forgetful is a store that fails while told to.
type forgetful struct {
	email.Store
	fails atomic.Bool
	tried atomic.Int64
}

var errAway = errors.New("the database is away")

func (f *forgetful) Desk(ctx context.Context, act func(ticket.DeskTx) error) error {
	if f.fails.Load() {
		f.tried.Add(1)
		return errAway
	}
	return f.Store.Desk(ctx, act)
}

// The database goes away between the server's answer and the note of it: the
// mail is noted when the database is back, and not sent again.
func TestAMailThatCouldNotBeNotedIsNotSentAgain(t *testing.T) {
	st := &forgetful{}
	smtp := openSMTP(t, func(command string) string {
		if command == "content" {
			st.fails.Store(true)
		}
		return ""
	})
	h := openIMAP(t)
	r := startEngine(t, 0, h.port, smtp.port)
	r.stop()
	st.Store = r.store
	r.run(st)
	one := r.replied(h, "1")
	r.mail.Queued()
	eventually(t, "the note failed", func() bool { return st.tried.Load() > 0 })
	if out := r.outMail(r.sent(one).ID); out.State != "sending" {
		t.Errorf("without a database the mail is %s, want sending", out.State)
	}
	st.fails.Store(false)
	eventually(t, "noted", func() bool {
		r.mail.Queued()
		return r.outMail(r.sent(one).ID).State == "sent"
	})
	if got := smtp.copies(); len(smtp.taken()) != 1 {
		t.Errorf("the server took %v, want one mail once", got)
	}
}
