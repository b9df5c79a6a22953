package email

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"pickup/call"
	"pickup/internal/id"
	"pickup/ticket"
)

// Verdicts on a mail that arrived, as SeenMail keeps them.
const (
	VerdictFiled      = "filed"
	VerdictAutomatic  = "automatic"
	VerdictBounce     = "bounce"
	VerdictLoop       = "loop"
	VerdictUnreadable = "unreadable"
	VerdictDuplicate  = "duplicate"
)

// unknownSender stands for who wrote a mail that does not say it (RFC 6761 6.4).
const unknownSender = "unknown@unknown.invalid"

// errSeen ends the transaction of a mail that was filed before.
var errSeen = errors.New("email: filed before")

// Filed is what became of a mail.
type Filed struct {
	Verdict   string
	Why       string // how its ticket was found: "address", "references", "number", "subject", "new"
	TicketID  string // "": none
	MessageID string // ticket.Message.ID
	NewTicket bool
	Changed   bool // the subject changed within the thread
}

// filer files the mail of one mailbox.
type filer struct {
	box    ticket.Mailbox
	secret []byte
	policy ticket.Policy
	at     time.Time // of arrival
	cut    string    // what of the mail is here, when it was too large; "": all
}

// file stores a mail in its ticket, in one transaction that may run twice.
// m nil is a mail that cannot be read. errSeen when it was filed before: then
// nothing is kept.
func (f *filer) file(ctx context.Context, tx ticket.DeskTx, m *Mail, raw ticket.Attachment, files []ticket.Attachment) (Filed, error) {
	if m == nil {
		return f.quarantine(ctx, tx, raw)
	}
	done, err := f.decide(ctx, tx, m, files)
	if err != nil {
		return Filed{}, err
	}
	seen := f.seen(m, raw)
	seen.Verdict, seen.StoredID = done.Verdict, done.MessageID
	first, err := tx.SeenMail(ctx, seen)
	if err == nil && !first {
		err = errSeen
	}
	return done, err
}

// seen is a mail as it is known again: by mailbox, Message-ID and body. One that
// cannot be read is known by all its bytes.
func (f *filer) seen(m *Mail, raw ticket.Attachment) ticket.SeenMail {
	s := ticket.SeenMail{MailboxID: f.box.ID, MessageID: "synth-" + raw.SHA256, BodySHA256: raw.SHA256, RawSHA256: raw.SHA256, At: f.at}
	if m != nil {
		s.MessageID, s.BodySHA256, s.DeliveredTo = m.MessageID, m.BodySHA256, strings.Join(m.Delivered, ", ")
	}
	return s
}

// decide goes by what kind of mail it is.
func (f *filer) decide(ctx context.Context, tx ticket.DeskTx, m *Mail, files []ticket.Attachment) (Filed, error) {
	switch {
	case m.Bounce != nil:
		if done, err := f.bounce(ctx, tx, m, files); err != nil || done.Verdict != "" {
			return done, err
		}
	case m.Loop != "" || f.box.Ours(m.From.Email):
		return f.loop(ctx, tx, m, files)
	}
	if done, err := f.twice(ctx, tx, m); err != nil || done.Verdict != "" {
		return done, err
	}
	verdict := VerdictFiled
	if m.Automatic != "" || m.Bounce != nil {
		verdict = VerdictAutomatic
	}
	return f.receive(ctx, tx, m, files, verdict)
}

// twice finds a mail that came to another mailbox of ours already.
func (f *filer) twice(ctx context.Context, tx ticket.DeskTx, m *Mail) (Filed, error) {
	if m.Synthetic {
		return Filed{}, nil
	}
	same, err := tx.MessagesByMailID(ctx, m.MessageID)
	if err != nil {
		return Filed{}, err
	}
	for _, s := range same {
		if s.Kind != ticket.MessageCustomer || s.Text != m.Text {
			continue // an id used again for another mail is another mail
		}
		thread, ok, err := tx.Interaction(ctx, s.InteractionID)
		if err != nil {
			return Filed{}, err
		}
		if !ok || thread.MailboxID == f.box.ID || !strings.EqualFold(thread.From, m.From.Email) {
			continue
		}
		err = tx.AddEvents(ctx, s.TicketID, call.TimelineEvent{At: f.at, Kind: "mail_delivered_to", Detail: map[string]string{
			"mailbox_id": f.box.ID, "message_id": s.ID,
		}})
		return Filed{Verdict: VerdictDuplicate, TicketID: s.TicketID, MessageID: s.ID}, err
	}
	return Filed{}, nil
}

// receive files a mail of a player, or an automatic one in his name.
func (f *filer) receive(ctx context.Context, tx ticket.DeskTx, m *Mail, files []ticket.Attachment, verdict string) (Filed, error) {
	in := f.incoming(m, files)
	contact, known, err := tx.ContactOf(ctx, in.From)
	if err != nil {
		return Filed{}, err
	}
	if !known {
		contact.ID = ""
	}
	at, err := f.find(ctx, tx, m, contact.ID)
	if err != nil {
		return Filed{}, err
	}
	if known && m.Bounce == nil { // somebody is there
		if err := tx.SetUndeliverable(ctx, in.From.Value, ""); err != nil {
			return Filed{}, err
		}
	}
	in.TicketID, in.Interaction, in.FollowUpOf = at.ticketID, at.interaction, at.followUpOf
	in.NewTicket = at.why == "new"
	if verdict != VerdictFiled { // a machine's: nobody is owed an answer to it
		in.Message.Kind, in.Message.Automatic = ticket.MessageSystem, true
	}
	got, err := ticket.Receive(ctx, tx, f.policy, in)
	if err != nil {
		return Filed{}, err
	}
	done := Filed{
		Verdict: verdict, Why: at.why, TicketID: got.Ticket.ID, MessageID: got.Message.ID, NewTicket: got.NewTicket, Changed: at.changed,
	}
	detail := map[string]string{"message_id": got.Message.ID, "why": at.why, "mailbox_id": f.box.ID}
	if at.changed {
		detail["subject"] = m.Subject
	}
	if m.Automatic != "" {
		detail["automatic"] = m.Automatic
	}
	if m.Damaged {
		detail["damaged"] = "1"
	}
	if f.cut != "" {
		detail["cut"] = f.cut
	}
	if err := tx.AddEvents(ctx, got.Ticket.ID, call.TimelineEvent{At: f.at, Kind: "mail_received", Detail: detail}); err != nil {
		return Filed{}, err
	}
	if got.NewTicket && verdict == VerdictFiled && f.box.Acknowledge && f.box.SMTP.Host != "" && person(m.From.Email) {
		err = f.acknowledge(ctx, tx, got)
	}
	return done, err
}

// person reports whether an address may be one of a person, so that an automatic
// answer to it begins no talk of machines (RFC 3834 2).
func person(address string) bool {
	local, _, ok := strings.Cut(strings.ToLower(address), "@")
	if !ok {
		return false
	}
	for _, machine := range []string{"mailer-daemon", "postmaster", "noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "bounce"} {
		if strings.HasPrefix(local, machine) {
			return false
		}
	}
	return !strings.HasPrefix(local, "owner-") && !strings.HasSuffix(local, "-request") && !strings.HasSuffix(local, "-bounces")
}

// incoming is a mail as the desk takes it.
func (f *filer) incoming(m *Mail, files []ticket.Attachment) ticket.Incoming {
	from := m.From.Email
	if from == "" {
		from = unknownSender
	}
	identity := ticket.Identity{Kind: "email", Value: strings.ToLower(from), Raw: from, Verified: m.Proved}
	body := ticket.Message{
		ID: id.New(), Kind: ticket.MessageCustomer, Text: m.Text, Quoted: m.Quoted, MailMessageID: m.MessageID,
		Attachments: files, CreatedAt: f.at,
	}
	if m.HTML != "" {
		body.HTML = safeHTML(m.HTML, files)
	}
	if f.cut != "" {
		body.Text = strings.TrimSpace(body.Text + "\n\n" + says(f.box.Language, "cut"))
	}
	return ticket.Incoming{
		Channel: call.ChannelEmail, From: identity, Name: cmp.Or(m.From.Name, from), Language: languageOf(m, f.box),
		Queue: f.box.Queue, Subject: m.Subject, MailboxID: f.box.ID, To: f.box.Address, Message: body,
	}
}

// bounce marks the mail that came back. A report about a mail that is not ours
// gives no verdict.
func (f *filer) bounce(ctx context.Context, tx ticket.DeskTx, m *Mail, files []ticket.Attachment) (Filed, error) {
	if m.Bounce.MessageID == "" {
		return Filed{}, nil
	}
	sent, err := tx.MessagesByMailID(ctx, m.Bounce.MessageID)
	if err != nil {
		return Filed{}, err
	}
	for _, s := range sent {
		out, ok, err := tx.OutMailOf(ctx, s.ID)
		if err != nil {
			return Filed{}, err
		}
		if ok {
			return f.bounced(ctx, tx, m, s, out, files)
		}
	}
	return Filed{}, nil
}

// bounced files the report beside the message that came back. A ticket that
// waited for the player is ours again: he did not get it.
func (f *filer) bounced(
	ctx context.Context, tx ticket.DeskTx, m *Mail, s ticket.Message, out ticket.OutMail, files []ticket.Attachment,
) (Filed, error) {
	report, _, err := tx.AddMessage(ctx, f.system(m, s.TicketID, s.InteractionID, files))
	if err != nil {
		return Filed{}, err
	}
	events := []call.TimelineEvent{{At: f.at, Kind: "mail_bounced", Detail: map[string]string{
		"message_id": s.ID, "report_id": report.ID, "recipient": cmp.Or(m.Bounce.Recipient, out.To), "status": m.Bounce.Status,
		"action": m.Bounce.Action, "reason": m.Bounce.Reason,
	}}}
	if m.Bounce.Final() {
		out.State, out.LastError = string(ticket.StatusBounced), strings.TrimSpace(m.Bounce.Status+" "+m.Bounce.Reason)
		if err := tx.SaveMail(ctx, out); err != nil {
			return Filed{}, err
		}
		if err := tx.SetStatus(ctx, s.ID, ticket.StatusBounced); err != nil {
			return Filed{}, err
		}
		if nobodyThere(m.Bounce.Status) {
			if err := tx.SetUndeliverable(ctx, out.To, out.LastError); err != nil {
				return Filed{}, err
			}
		}
		t, ok, err := tx.Ticket(ctx, s.TicketID)
		if err != nil {
			return Filed{}, err
		}
		if ok && t.State == ticket.StatePending {
			t.State = ticket.StateOpen
			if _, err := tx.SaveTicket(ctx, t); err != nil {
				return Filed{}, err
			}
			events = append(events, call.TimelineEvent{At: f.at, Kind: "state_changed", Detail: map[string]string{
				"from": string(ticket.StatePending), "to": string(ticket.StateOpen), "reason": "bounced",
			}})
		}
	}
	return Filed{Verdict: VerdictBounce, Why: "bounce", TicketID: s.TicketID, MessageID: report.ID}, tx.AddEvents(ctx, s.TicketID, events...)
}

// loop files our own mail that came back to us beside the message it is. One
// that names none of ours, such as mail of another mailbox to this, makes a
// ticket as an automatic one.
func (f *filer) loop(ctx context.Context, tx ticket.DeskTx, m *Mail, files []ticket.Attachment) (Filed, error) {
	if m.Loop != "" {
		s, ok, err := tx.Message(ctx, m.Loop)
		if err != nil {
			return Filed{}, err
		}
		if ok {
			err = tx.AddEvents(ctx, s.TicketID, call.TimelineEvent{At: f.at, Kind: "mail_loop", Detail: map[string]string{
				"message_id": s.ID, "mailbox_id": f.box.ID,
			}})
			return Filed{Verdict: VerdictLoop, Why: "loop", TicketID: s.TicketID, MessageID: s.ID}, err
		}
	}
	return f.receive(ctx, tx, m, files, VerdictLoop)
}

// system is a mail that nobody is owed an answer to.
func (f *filer) system(m *Mail, ticketID, interactionID string, files []ticket.Attachment) ticket.Message {
	return ticket.Message{
		ID: id.New(), TicketID: ticketID, InteractionID: interactionID, Kind: ticket.MessageSystem, Text: m.Text, Quoted: m.Quoted,
		MailMessageID: m.MessageID, Automatic: true, Status: ticket.StatusStored, Attachments: files, CreatedAt: f.at,
	}
}

// quarantine makes a ticket of a mail that cannot be read: the raw mail is its
// attachment, and a person looks at it.
func (f *filer) quarantine(ctx context.Context, tx ticket.DeskTx, raw ticket.Attachment) (Filed, error) {
	lang := f.box.Language
	got, err := ticket.Receive(ctx, tx, f.policy, ticket.Incoming{
		Channel: call.ChannelEmail, From: ticket.Identity{Kind: "email", Value: unknownSender, Raw: unknownSender},
		Name: says(lang, "unknown_sender"), Language: lang, Queue: f.box.Queue, Subject: says(lang, "unreadable"),
		NewTicket: true, MailboxID: f.box.ID, To: f.box.Address,
		Message: ticket.Message{
			ID: id.New(), Kind: ticket.MessageCustomer, Text: says(lang, "unreadable_text"), MailMessageID: "synth-" + raw.SHA256,
			Attachments: []ticket.Attachment{raw}, CreatedAt: f.at,
		},
	})
	if err != nil {
		return Filed{}, err
	}
	seen := f.seen(nil, raw)
	seen.Verdict, seen.StoredID = VerdictUnreadable, got.Message.ID
	first, err := tx.SeenMail(ctx, seen)
	if err == nil && !first {
		err = errSeen
	}
	return Filed{Verdict: VerdictUnreadable, Why: "new", TicketID: got.Ticket.ID, MessageID: got.Message.ID, NewTicket: true}, err
}

// acknowledging begins the client id of an acknowledgement.
const acknowledging = "acknowledge-"

// acknowledgedPerHour is how many matters of one person are acknowledged in an
// hour: a machine that says it is none ends there.
const acknowledgedPerHour = 3

// acknowledge answers the first mail of a matter with its number. It is marked
// as automatic, so that no other machine answers it (RFC 3834 3).
func (f *filer) acknowledge(ctx context.Context, tx ticket.DeskTx, got ticket.Received) error {
	open, err := tx.OpenTickets(ctx, got.Contact.ID)
	if err != nil {
		return err
	}
	recent := 0
	for _, t := range open {
		if t.ID != got.Ticket.ID && f.at.Sub(t.CreatedAt).Abs() < time.Hour {
			recent++
		}
	}
	if recent >= acknowledgedPerHour {
		return nil
	}
	_, err = ticket.Post(ctx, tx, f.policy, ticket.Actor{}, ticket.Outgoing{
		TicketID: got.Ticket.ID, Interaction: got.Interaction.ID, Kind: ticket.MessageSystem, ExpectedLast: -1, Automatic: true,
		Text: fmt.Sprintf(says(got.Interaction.Language, "acknowledged"), got.Ticket.Number), ClientID: acknowledging + got.Message.ID,
	}, f.at)
	return err
}
