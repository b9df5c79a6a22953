package email_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"pickup/store/storetest"
	"pickup/ticket"
	"pickup/ticket/email"
)

// faulty is a store whose writes fail while its database is away.
type faulty struct {
	storetest.Full
	mu     sync.Mutex
	away   bool
	failed int // writes
}

func (f *faulty) Desk(ctx context.Context, act func(ticket.DeskTx) error) error {
	f.mu.Lock()
	away := f.away
	if away {
		f.failed++
	}
	f.mu.Unlock()
	if away {
		return errors.New("the database is away")
	}
	return f.Full.Desk(ctx, act)
}

func (f *faulty) goes(away bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away, f.failed = away, 0
}

func (f *faulty) failures() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// held is an SMTP server that keeps its answer to a command until it is told.
type held struct {
	*smtpHost
	asked  chan struct{} // one waits for its answer
	answer chan string
}

func openHeld(t *testing.T, command string) *held {
	t.Helper()
	h := &held{asked: make(chan struct{}, 10), answer: make(chan string, 10)}
	over := make(chan struct{})
	h.smtpHost = openSMTP(t, func(said string) string {
		if !strings.HasPrefix(said, command) {
			return ""
		}
		h.asked <- struct{}{}
		select {
		case answer := <-h.answer:
			return answer
		case <-over:
			return hangUp
		}
	})
	t.Cleanup(func() { close(over) })
	return h
}

// holding has a mail of ours with a server that keeps its answer to a command.
func holding(t *testing.T, command string) (*running, *faulty, *held, string) {
	t.Helper()
	st, h := &faulty{Full: storetest.NewMemory()}, openHeld(t, command)
	r := prepareEngine(t, st, 1, h.port)
	r.start(email.Config{})
	id := r.reply(1)
	select {
	case <-h.asked:
	case <-time.After(patience):
		t.Fatal("the mail did not come to the server")
	}
	return r, st, h, id
}

// reply has an agent answer a mail, and returns the ticket.
func (r *running) reply(n int) string {
	r.t.Helper()
	id := r.receive("From: a@x.org\r\nMessage-ID: <" + strings.Repeat("1", n) + "@x>\r\nSubject: S" + strings.Repeat("1", n) + "\r\n\r\nHello")
	r.at = time.Now().Add(-time.Hour)
	r.act("reply", id)
	r.mail.Queued()
	return id
}

// outboxIs wants a state of the mail of a ticket, and of its message.
func (r *running) outboxIs(id, state string, status ticket.MessageStatus, attempts int) {
	r.t.Helper()
	m := r.sent(id)
	if out := r.outMail(m.ID); m.Status != status || out.State != state || out.Attempts != attempts {
		r.t.Errorf("the message is %s, its mail %s after %d attempts; want %s, %s, %d", m.Status, out.State, out.Attempts, status, state, attempts)
	}
}

// unanswered are the reasons why a ticket says that a mail may arrive twice.
func (r *running) unanswered(id string) (reasons []string) {
	r.t.Helper()
	for _, e := range r.ticket(id).Events {
		if e.Kind == "mail_unanswered" {
			reasons = append(reasons, e.Detail["reason"])
		}
	}
	return reasons
}

// givenOnce starts the engine again, has it send another mail, and wants that
// one to be the second that the server had.
func (r *running) givenOnce(h *held, id string) {
	r.t.Helper()
	r.start(email.Config{})
	h.answer <- ""
	other := r.reply(2) // goes after whatever is left of the first
	eventually(r.t, "the next mail is sent", func() bool { return r.sent(other).Status == ticket.StatusSent })
	if n := h.contents(); n != 2 {
		r.t.Errorf("two mails were given to the server %d times", n)
	}
	if told := r.unanswered(id); len(told) > 0 {
		r.t.Errorf("the ticket says that the mail may arrive twice: %v", told)
	}
}

// A stop waits for the answer to a mail that the server has, and marks it.
func TestAStopWaitsForTheAnswerToAMail(t *testing.T) {
	r, _, h, id := holding(t, "content")
	r.stop()
	h.answer <- ""
	r.end()
	r.outboxIs(id, "sent", ticket.StatusSent, 1)
	r.givenOnce(h, id)
}

// A mail that the server has not yet whole is taken back by a stop: it is no
// attempt, and goes out at the next start.
func TestAStopTakesBackAMailThatIsNotGiven(t *testing.T) {
	r, _, h, id := holding(t, "RCPT")
	r.end()
	r.outboxIs(id, "queued", ticket.StatusQueued, 0)
	h.answer <- hangUp // to the connection that was cut
	h.answer <- ""
	r.start(email.Config{})
	eventually(t, "sent", func() bool { return r.sent(id).Status == ticket.StatusSent })
	if n, told := h.contents(), r.unanswered(id); n != 1 || len(told) > 0 {
		t.Errorf("given %d times, %v", n, told)
	}
}

// While the database is away a mail that was taken is not given again; it is
// marked when the database is back.
func TestAMailIsNotSentAgainWhileTheDatabaseIsAway(t *testing.T) {
	r, st, h, id := holding(t, "content")
	st.goes(true)
	h.answer <- ""
	eventually(t, "three tries to mark it", func() bool {
		r.mail.Queued()
		return st.failures() >= 3
	})
	if n := h.contents(); n != 1 {
		t.Errorf("it was given %d times", n)
	}
	st.goes(false)
	eventually(t, "marked", func() bool { return r.sent(id).Status == ticket.StatusSent })
	r.end()
	r.outboxIs(id, "sent", ticket.StatusSent, 1)
	r.givenOnce(h, id)
}

// A stop while the database is away waits for it.
func TestAStopWaitsForTheDatabase(t *testing.T) {
	r, st, h, id := holding(t, "content")
	st.goes(true)
	h.answer <- ""
	eventually(t, "a try to mark it", func() bool { return st.failures() >= 1 })
	r.stop()
	eventually(t, "another", func() bool { return st.failures() >= 2 })
	st.goes(false)
	r.end()
	r.outboxIs(id, "sent", ticket.StatusSent, 1)
	r.givenOnce(h, id)
}

// What cannot be known is told: a server that took the whole mail and hung up may
// have it, and gets it again later under the same Message-ID.
func TestAMailWithoutAnAnswerIsSentAgainAndSaysSo(t *testing.T) {
	r, _, h, id := holding(t, "content")
	h.answer <- hangUp
	eventually(t, "it is to be tried again", func() bool { return r.outMail(r.sent(id).ID).State == "queued" })
	r.outboxIs(id, "queued", ticket.StatusQueued, 1)
	if told := r.unanswered(id); len(told) != 1 || told[0] != "no_answer" {
		t.Errorf("told %v", told)
	}
	out := r.outMail(r.sent(id).ID)
	out.NextAt = time.Now().Add(-time.Second) // time goes by
	must(t, r.store.Desk(t.Context(), func(tx ticket.DeskTx) error { return tx.SaveMail(t.Context(), out) }))
	h.answer <- ""
	r.mail.Queued()
	eventually(t, "sent", func() bool { return r.sent(id).Status == ticket.StatusSent })
	r.outboxIs(id, "sent", ticket.StatusSent, 2)
	if got := h.taken(); len(got) != 1 || !strings.Contains(got[0], "Message-Id: <"+out.MailMessageID+">") {
		t.Errorf("taken %q", got)
	}
}

// After kill -9 a mail is found that was being sent: the same, and told.
func TestAMailOfAKilledProcessIsSentAgainAndSaysSo(t *testing.T) {
	h := openHeld(t, "content")
	r := prepareEngine(t, storetest.NewMemory(), 1, h.port)
	id := r.arrive(0, "From: a@x.org\r\nMessage-ID: <1@x>\r\nSubject: S\r\n\r\nHello").TicketID
	r.at = time.Now().Add(-time.Hour)
	r.act("reply", id)
	out := r.outMail(r.sent(id).ID)
	out.State, out.Attempts = "sending", 1
	must(t, r.store.Desk(t.Context(), func(tx ticket.DeskTx) error { return tx.SaveMail(t.Context(), out) }))
	h.answer <- ""
	r.start(email.Config{})
	eventually(t, "sent", func() bool { return r.sent(id).Status == ticket.StatusSent })
	r.outboxIs(id, "sent", ticket.StatusSent, 2)
	if told := r.unanswered(id); len(told) != 1 || told[0] != "killed" {
		t.Errorf("told %v", told)
	}
	if got := h.taken(); len(got) != 1 || !strings.Contains(got[0], "Message-Id: <"+out.MailMessageID+">") {
		t.Errorf("taken %q", got)
	}
}
