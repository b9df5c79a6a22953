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

// held is an SMTP server that keeps its answer to the content of a mail.
type held struct {
	*smtpHost
	asked  chan struct{} // a content waits for its answer
	answer chan string
}

func openHeld(t *testing.T) *held {
	t.Helper()
	h := &held{asked: make(chan struct{}, 10), answer: make(chan string, 10)}
	over := make(chan struct{})
	h.smtpHost = openSMTP(t, func(command string) string {
		if command != "content" {
			return ""
		}
		h.asked <- struct{}{}
		select {
		case said := <-h.answer:
			return said
		case <-over:
			return "451 4.3.0 the test is over"
		}
	})
	t.Cleanup(func() { close(over) })
	return h
}

// given waits until a content is with the server.
func (h *held) given(t *testing.T) {
	t.Helper()
	select {
	case <-h.asked:
	case <-time.After(patience):
		t.Fatal("the mail did not come to the server")
	}
}

// holding has a mail of ours with a server that keeps its answer.
func holding(t *testing.T) (*running, *faulty, *held, string) {
	t.Helper()
	st, h := &faulty{Full: storetest.NewMemory()}, openHeld(t)
	r := prepareEngine(t, st, 1, h.port)
	r.start(email.Config{})
	id := r.reply(1)
	h.given(t)
	return r, st, h, id
}

// reply has an agent answer a mail, and returns the ticket.
func (r *running) reply(n int) string {
	r.t.Helper()
	id := r.receive("From: a@x.org\r\nMessage-ID: <" + strings.Repeat("1", n) + "@x>\r\nSubject: S\r\n\r\nHello")
	r.at = time.Now().Add(-time.Hour)
	r.act("reply", id)
	r.mail.Queued()
	return id
}

// sentOnce wants a mail marked as sent, and given once, after another start too.
func (r *running) sentOnce(h *held, id string) {
	r.t.Helper()
	if m := r.sent(id); m.Status != ticket.StatusSent || r.outMail(m.ID).State != "sent" {
		r.t.Errorf("the message is %s, its mail %s, want sent", m.Status, r.outMail(m.ID).State)
	}
	r.start(email.Config{})
	h.answer <- ""
	other := r.reply(2) // what goes after whatever is left of the first
	eventually(r.t, "the next mail is sent", func() bool {
		m := r.sent(other)
		return m.Status == ticket.StatusSent
	})
	if n := h.contents(); n != 2 {
		r.t.Errorf("two mails were given to the server %d times", n)
	}
}

// A stop in order waits for the answer to a mail that was given, and marks it.
func TestAStopWaitsForTheAnswerToAMail(t *testing.T) {
	r, _, h, id := holding(t)
	r.stop()
	h.answer <- ""
	r.end()
	r.sentOnce(h, id)
}

// While the database is away a mail that was taken is not given again; it is
// marked when the database is back.
func TestAMailIsNotSentAgainWhileTheDatabaseIsAway(t *testing.T) {
	r, st, h, id := holding(t)
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
	eventually(t, "marked", func() bool { m := r.sent(id); return m.Status == ticket.StatusSent })
	r.end()
	r.sentOnce(h, id)
}
