package email_test

import (
	"bytes"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-imap/v2/imapserver"

	"pickup/store/storetest"
	"pickup/ticket"
	"pickup/ticket/email"
)

// Sender and subject alone continue an open ticket that is younger than 7 days,
// and no other.
func TestASubjectAloneContinuesForSevenDays(t *testing.T) {
	for name, c := range map[string]struct {
		later time.Duration
		from  string
		act   string
		joins bool
	}{
		"within 7 days":          {7*24*time.Hour - 2*time.Minute, "a@x.org", "", true},
		"after 7 days":           {7 * 24 * time.Hour, "a@x.org", "", false},
		"another sender":         {time.Hour, "b@x.org", "", false},
		"while the player waits": {time.Hour, "a@x.org", "reply", true},
		"when it is solved":      {time.Hour, "a@x.org", "solve", false},
	} {
		t.Run(name, func(t *testing.T) {
			d := openDesk(t, storetest.NewMemory())
			first := d.arrive(0, "From: a@x.org\r\nMessage-ID: <1@x>\r\nSubject: My deposit\r\n\r\nHello")
			if c.act != "" {
				d.act(c.act, first.TicketID)
			}
			d.at = d.at.Add(c.later)
			got := d.arrive(0, "From: "+c.from+"\r\nMessage-ID: <2@x>\r\nSubject: RE: my  deposit\r\n\r\nStill nothing")
			if joins := got.TicketID == first.TicketID; joins != c.joins || c.joins != (got.Why == "subject") {
				t.Errorf("got %+v, the first is in %s", got, first.TicketID)
			}
		})
	}
}

// A machine's mail in a thread reopens nothing and is owed nothing, whatever its
// ticket's state; a person's does.
func TestAMachineReopensNothing(t *testing.T) {
	for _, head := range []string{
		"Auto-Submitted: auto-replied", "X-Autoreply: yes", "X-Autorespond: yes", "Precedence: bulk", "Precedence: junk", "Precedence: auto_reply",
		"Precedence: list", "List-Id: <news.x.org>", "X-Auto-Response-Suppress: OOF", "",
	} {
		for act, state := range map[string]ticket.State{"reply": ticket.StatePending, "solve": ticket.StateSolved} {
			t.Run(head+" "+act, func(t *testing.T) {
				d := openDesk(t, storetest.NewMemory())
				in := d.arrive(0, "From: a@x.org\r\nMessage-ID: <1@x>\r\nSubject: S\r\n\r\nHello")
				d.act(act, in.TicketID)
				more := ""
				if head != "" {
					more = head + "\r\n"
				}
				got := d.arrive(0, "From: a@x.org\r\nMessage-ID: <2@x>\r\nIn-Reply-To: <"+d.sent(in.TicketID).MailMessageID+">\r\n"+more+"Subject: Re: S\r\n\r\nIt is still not here.")
				now := d.ticket(in.TicketID)
				want, kind, waits := state, ticket.MessageSystem, false
				if head == "" {
					want, kind, waits = ticket.StateOpen, ticket.MessageCustomer, true
				}
				last := now.Messages[len(now.Messages)-1]
				if got.TicketID != in.TicketID || now.Ticket.State != want || last.Kind != kind || now.Interactions[0].WaitingSince.IsZero() == waits {
					t.Errorf("%+v: ticket %s, message %s, waiting since %s", got, now.Ticket.State, last.Kind, now.Interactions[0].WaitingSince)
				}
			})
		}
	}
}

// Our own mail that comes back more than three times an hour raises an alarm.
func TestALoopRaisesAnAlarm(t *testing.T) {
	d := openDesk(t, storetest.NewMemory())
	var log bytes.Buffer
	var err error
	d.mail, err = email.New(email.Config{
		Secret: secret, OnFiled: func(f email.Filed) { d.filed = append(d.filed, f) },
	}, d.store, d.files, slog.New(slog.NewTextHandler(&log, nil)))
	must(t, err)
	in := d.arrive(0, "From: a@x.org\r\nMessage-ID: <1@x>\r\nSubject: S\r\n\r\nHello")
	d.act("reply", in.TicketID)
	before := len(d.ticket(in.TicketID).Messages)
	for n := 1; n <= 5; n++ {
		got := d.arrive(0, "From: a@x.org\r\nMessage-ID: <loop-"+strconv.Itoa(n)+"@x>\r\nX-Pickup-Message: "+d.sent(in.TicketID).ID+"\r\nSubject: S\r\n\r\nHello")
		if got.Verdict != email.VerdictLoop || got.TicketID != in.TicketID {
			t.Fatalf("mail %d: %+v", n, got)
		}
		if alarms := strings.Count(log.String(), "a mail loop"); alarms != max(0, n-3) {
			t.Errorf("after %d in an hour: %d alarms", n, alarms)
		}
	}
	if now := d.ticket(in.TicketID); len(now.Messages) != before || now.Ticket.State != ticket.StatePending {
		t.Errorf("a loop left %d messages and the ticket %s", len(now.Messages), now.Ticket.State)
	}
}

// What goes out says in the language of the ticket who we are, and only what a
// machine wrote says that it did.
func TestWhatGoesOutIsSignedInItsLanguageAndMarkedWhenAutomatic(t *testing.T) {
	smtp := openSMTP(t, nil)
	r := prepareEngine(t, storetest.NewMemory(), 1, smtp.port)
	box := &r.boxes[0]
	box.Acknowledge, box.Signatures = true, map[string]string{"fr": "Votre casino", "en": "Your casino"}
	must(t, r.store.UpsertMailbox(t.Context(), *box))
	r.start(email.Config{})
	for n, c := range []struct{ text, mine, other string }{
		{"Bonjour, je ne vois pas mon retrait, merci pour votre aide.", "Votre casino", "Your casino"},
		{"Hello, please tell me where my withdrawal is, and thanks.", "Your casino", "Votre casino"},
	} {
		from := strconv.Itoa(n) + "@x.org"
		id := r.receive("From: " + from + "\r\nMessage-ID: <" + strconv.Itoa(n) + "@x>\r\nSubject: S" + strconv.Itoa(n) + "\r\n\r\n" + c.text)
		r.at = time.Now().Add(-time.Hour)
		r.act("reply", id)
		r.mail.Queued()
		var mails []string
		eventually(t, "both went out", func() bool {
			mails = nil
			for _, m := range smtp.taken() {
				if strings.Contains(m, "RCPT TO:<"+from+">") {
					mails = append(mails, m)
				}
			}
			return len(mails) == 2
		})
		for _, m := range mails {
			reply := strings.Contains(m, "<"+r.sent(id).MailMessageID+">\r\n")
			if marked := strings.Contains(m, "Auto-Submitted: auto-replied\r\n") && strings.Contains(m, "X-Auto-Response-Suppress: All\r\n"); marked == reply {
				t.Errorf("marked as automatic %v, written by the agent %v: %s", marked, reply, m)
			}
			if strings.Contains(m, "Auto-Submitted") == reply || strings.Contains(m, "MAIL FROM:<>") == reply {
				t.Errorf("written by the agent %v: %s", reply, m)
			}
			if !strings.Contains(m, "\r\n-- \r\n"+c.mine) && !strings.Contains(m, "\r\n--=20\r\n"+c.mine) || strings.Contains(m, c.other) {
				t.Errorf("not signed %q: %s", c.mine, m)
			}
		}
	}
}

// A mail that is not taken is tried again after 1 min, 5 min, 30 min, 2 h and 6 h.
func TestAMailIsTriedAgainAfterTheTimesOfTheSchedule(t *testing.T) {
	smtp := openSMTP(t, func(command string) string {
		if strings.HasPrefix(command, "RCPT") {
			return "451 4.7.1 later"
		}
		return ""
	})
	r := startEngine(t, 0, 1, smtp.port)
	id := r.receive("From: a@x.org\r\nMessage-ID: <1@x>\r\nSubject: S\r\n\r\nHello")
	r.at = time.Now().Add(-time.Hour)
	r.act("reply", id)
	for n, wait := range []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour} {
		before := time.Now().Truncate(time.Millisecond)
		r.mail.Queued()
		var out ticket.OutMail
		eventually(t, "attempt", func() bool {
			out = r.outMail(r.sent(id).ID)
			return out.State == "queued" && out.Attempts == n+1
		})
		if out.NextAt.Before(before.Add(wait)) || out.NextAt.After(time.Now().Add(wait)) {
			t.Errorf("after attempt %d it is tried at %s, want %s later than %s", n+1, out.NextAt, wait, before)
		}
		out.NextAt = time.Now().Add(-time.Second)
		must(t, r.store.Desk(t.Context(), func(tx ticket.DeskTx) error { return tx.SaveMail(t.Context(), out) }))
	}
	r.mail.Queued()
	eventually(t, "given up", func() bool { return r.outMail(r.sent(id).ID).State == "failed" })
}

// A server that keeps its answer holds up the mail of its own mailbox alone.
func TestASlowServerHoldsUpItsOwnMailboxAlone(t *testing.T) {
	slow, fast := openHeld(t, "content"), openSMTP(t, nil)
	r := prepareEngine(t, storetest.NewMemory(), 1, slow.port)
	other := &r.boxes[1]
	other.IMAP, other.SMTP, other.Acknowledge = r.boxes[0].IMAP, r.boxes[0].SMTP, false
	other.SMTP.Port = fast.port
	must(t, r.store.UpsertMailbox(t.Context(), *other))
	r.start(email.Config{})
	first := r.reply(1)
	select {
	case <-slow.asked:
	case <-time.After(patience):
		t.Fatal("the mail did not come to the slow server")
	}
	for n := range 3 {
		id := r.receiveIn(1, "From: b@x.org\r\nMessage-ID: <b"+strconv.Itoa(n)+"@x>\r\nSubject: B"+strconv.Itoa(n)+"\r\n\r\nHello")
		r.at = time.Now().Add(-time.Hour)
		r.act("reply", id)
		r.mail.Queued()
		eventually(t, "the other mailbox sends", func() bool { return r.sent(id).Status == ticket.StatusSent })
	}
	r.outboxIs(first, "sending", ticket.StatusQueued, 1)
	slow.answer <- ""
	eventually(t, "the slow one sends", func() bool { return r.sent(first).Status == ticket.StatusSent })
	if n := slow.contents(); n != 1 {
		t.Errorf("it was given %d times", n)
	}
}

// mute is a session that tells of nothing by itself.
type mute struct{ imapserver.Session }

func (mute) Idle(_ *imapserver.UpdateWriter, stop <-chan struct{}) error {
	<-stop
	return nil
}

// A mailbox is looked at though its server tells of nothing, or has no IDLE. What
// others have read is fetched, and what they have not is not marked as read.
func TestAMailboxIsPolled(t *testing.T) {
	for name, caps := range map[string]imap.CapSet{
		"without IDLE":  {imap.CapIMAP4rev1: {}},
		"IDLE is quiet": {imap.CapIMAP4rev1: {}, imap.CapIdle: {}},
	} {
		t.Run(name, func(t *testing.T) {
			h := openIMAPOf(t, caps, func(s imapserver.Session) imapserver.Session { return mute{s} })
			r := prepareEngine(t, storetest.NewMemory(), h.port, 1)
			r.start(email.Config{Poll: 20 * time.Millisecond})
			eventually(t, "well", func() bool { return r.mail.Health()[r.boxes[0].ID].Well })
			for n := range 3 {
				_, err := h.user.Append("INBOX", literal{strings.NewReader("From: a@x.org\r\nMessage-ID: <" + strconv.Itoa(n) + "@x>\r\n\r\nHello")},
					&imap.AppendOptions{Flags: map[bool][]imap.Flag{true: {imap.FlagSeen}}[n == 1]})
				must(t, err)
				if got := r.next(); got.Verdict != email.VerdictFiled {
					t.Errorf("got %+v", got)
				}
			}
			r.end()
			if unseen := h.unseen(t); unseen != 2 {
				t.Errorf("%d mails are unread, want 2", unseen)
			}
		})
	}
}

// unseen is how many mails of the inbox nobody read.
func (h *imapHost) unseen(t *testing.T) int {
	t.Helper()
	c, err := imapclient.DialInsecure("127.0.0.1:"+strconv.Itoa(h.port), nil)
	must(t, err)
	defer c.Close()
	must(t, c.Login("u", "p").Wait())
	_, err = c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	must(t, err)
	found, err := c.Search(&imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}}, nil).Wait()
	must(t, err)
	return len(found.AllSeqNums())
}
