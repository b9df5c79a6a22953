package email_test

import (
	"strings"
	"testing"
	"time"

	"pickup/store/storetest"
	"pickup/ticket"
	"pickup/ticket/email"
)

// report is a delivery report of a mail of ours (RFC 3464).
func report(mailID, n, action, status string) string {
	return strings.ReplaceAll("Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: support@casino.example\nMessage-ID: <report-"+n+"@mx.example>\n"+
		"Subject: Undelivered\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"+
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"+
		"--b\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"+
		"Final-Recipient: rfc822; a@x.org\nAction: "+action+"\nStatus: "+status+"\nDiagnostic-Code: smtp; no such user\n"+
		"--b\nContent-Type: message/rfc822\n\nMessage-ID: <"+mailID+">\nSubject: S\n\nx\n--b--\n", "\n", "\r\n")
}

// undeliverable is why mail to the address of a@x.org comes back, as the contact
// of a ticket and the ticket itself say it.
func (d *desk) undeliverable(ticketID string) string {
	d.t.Helper()
	one := d.ticket(ticketID)
	who, err := d.store.Contact(d.t.Context(), one.Ticket.ContactID)
	must(d.t, err)
	why := ""
	for _, i := range who.Identities {
		if i.Kind == "email" {
			why = i.Undeliverable
		}
	}
	if told := one.Undeliverable["a@x.org"]; told != why {
		d.t.Errorf("the ticket says %q, the contact %q", told, why)
	}
	return why
}

// A report that nobody is there marks the address; any other does not, nor one
// that cannot be delivered for a while. Mail from the address clears it.
func TestAnAddressThatNobodyHasIsMarkedUntilMailComesFromIt(t *testing.T) {
	for name, c := range map[string]struct {
		action, status string
		marked         bool
	}{
		"no such mailbox":     {"failed", "5.1.1", true},
		"no such domain":      {"failed", "5.1.2", true},
		"a disabled mailbox":  {"failed", "5.2.1", true},
		"not yet delivered":   {"delayed", "4.4.1", false},
		"delayed, and so far": {"delayed", "5.1.1", false},
		"a full mailbox":      {"failed", "5.2.2", false},
		"this mail is spam":   {"failed", "5.7.1", false},
		"our address is bad":  {"failed", "5.1.8", false},
	} {
		t.Run(name, func(t *testing.T) {
			d := openDesk(t, storetest.NewMemory())
			in := d.arrive(0, "From: A@x.org\r\nMessage-ID: <1@x>\r\nSubject: S\r\n\r\nHello")
			d.act("reply", in.TicketID)
			if got := d.arrive(0, report(d.sent(in.TicketID).MailMessageID, "1", c.action, c.status)); got.Verdict != email.VerdictBounce || got.TicketID != in.TicketID {
				t.Fatalf("the report is %+v", got)
			}
			why := d.undeliverable(in.TicketID)
			if (why != "") != c.marked || c.marked && !strings.HasPrefix(why, c.status+" ") {
				t.Fatalf("marked as %q", why)
			}
			// Another's mail leaves it.
			d.arrive(0, "From: b@x.org\r\nMessage-ID: <2@x>\r\nSubject: T\r\n\r\nHello")
			if now := d.undeliverable(in.TicketID); now != why {
				t.Errorf("another's mail made it %q", now)
			}
			d.arrive(1, "From: a@x.org\r\nMessage-ID: <3@x>\r\nSubject: Elsewhere\r\n\r\nI am here")
			if now := d.undeliverable(in.TicketID); now != "" {
				t.Errorf("after mail from it: %q", now)
			}
		})
	}
}

// A server that refuses the recipient himself marks the address as a report does.
func TestARefusedRecipientIsMarked(t *testing.T) {
	for answer, marked := range map[string]bool{"550 5.1.1 no such user": true, "550 no": false, "554 5.7.1 not from you": false} {
		t.Run(answer, func(t *testing.T) {
			smtp := openSMTP(t, func(command string) string {
				if strings.HasPrefix(command, "RCPT") {
					return answer
				}
				return ""
			})
			r := startEngine(t, 0, 1, smtp.port)
			id := r.receive("From: a@x.org\r\nMessage-ID: <1@x>\r\nSubject: S\r\n\r\nHello")
			r.at = time.Now().Add(-time.Hour)
			r.act("reply", id)
			r.mail.Queued()
			eventually(t, "refused", func() bool { return r.sent(id).Status == ticket.StatusFailed })
			if why := r.undeliverable(id); (why != "") != marked {
				t.Errorf("marked as %q", why)
			}
		})
	}
}
