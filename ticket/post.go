package ticket

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/id"
)

// maxReferences is how many Message-IDs a mail refers to.
const maxReferences = 20

// Post stores a message to the customer or a note, at the instant at: it answers
// what waited, takes the ticket for who replies when nobody has it, changes its
// state as out says (a new ticket becomes open by an agent's reply), drops the
// draft of what was sent, and puts a mail in the outbox under a Message-ID that no retry changes.
//
// A *ConflictError has the messages that came after out.ExpectedLast; nothing is
// stored then. A client id that was used already returns what was stored.
// ErrImmutable when the ticket is closed; of a merged one it is the winner's.
func Post(ctx context.Context, tx DeskTx, p Policy, by Actor, out Outgoing, at time.Time) (Message, error) {
	t, err := current(ctx, tx, out.TicketID)
	if err != nil {
		return Message{}, err
	}
	if out.ClientID != "" {
		m, ok, err := tx.MessageByClient(ctx, out.Interaction, t.ID, out.ClientID)
		if err != nil || ok {
			return m, err
		}
	}
	if t.State.Immutable() {
		return Message{}, fmt.Errorf("%w: ticket %d is %s", ErrImmutable, t.Number, t.State)
	}
	thread, err := threadOf(ctx, tx, t, out)
	if err != nil {
		return Message{}, err
	}
	if out.ExpectedLast >= 0 && t.LastPos > out.ExpectedLast {
		fresh, err := tx.Messages(ctx, t.ID, out.ExpectedLast)
		if err != nil {
			return Message{}, fmt.Errorf("messages of ticket %s: %w", t.ID, err)
		}
		if len(fresh) > 0 {
			return Message{}, &ConflictError{New: fresh}
		}
	}
	m := Message{
		ID: id.New(), InteractionID: thread.ID, TicketID: t.ID, Kind: out.Kind, AuthorID: string(by.ID), Text: clean(out.Text),
		ClientID: out.ClientID, Automatic: out.Automatic, Status: StatusStored, CreatedAt: at,
	}
	for _, f := range out.Attachments {
		m.Attachments = append(m.Attachments, Attachment{ID: f})
	}
	var mail OutMail
	if thread.Channel == call.ChannelEmail && out.Kind != MessageNote {
		m.Status = StatusQueued
		if mail, err = mailOf(ctx, tx, t, thread, &m, out); err != nil {
			return Message{}, err
		}
	}
	told := &story{at: at, actor: string(by.ID)}
	if err := answered(ctx, tx, told, &t, thread, by, out); err != nil {
		return Message{}, err
	}
	m, again, err := tx.AddMessage(ctx, m)
	if err != nil || again {
		return m, err
	}
	if mail.ID != "" {
		if err := tx.QueueMail(ctx, mail); err != nil {
			return Message{}, fmt.Errorf("queue a mail: %w", err)
		}
	}
	if len(told.lines) > 0 {
		if err := tx.AddEvents(ctx, t.ID, told.lines...); err != nil {
			return Message{}, fmt.Errorf("timeline of ticket %s: %w", t.ID, err)
		}
	}
	if by.ID != "" && !out.Automatic {
		return m, sent(ctx, tx, t.ID, by.ID, thread, out)
	}
	return m, nil
}

// sent drops the draft of what was sent. A word in a chat leaves a draft alone
// that it does not begin with: that is a mail, or the reply to come.
func sent(ctx context.Context, tx DraftTx, ticketID string, user account.ID, thread Interaction, out Outgoing) error {
	if thread.Channel == call.ChannelChat && out.Kind == MessageAgent {
		all, err := tx.Drafts(ctx, ticketID, user)
		n := slices.IndexFunc(all, func(d Draft) bool { return d.Kind == out.Kind })
		if err != nil || n < 0 || !strings.HasPrefix(strings.TrimSpace(out.Text), strings.TrimSpace(all[n].Body)) {
			return err
		}
	}
	return tx.DropDraft(ctx, ticketID, user, out.Kind)
}

// threadOf checks what is to be sent, and returns its interaction, zero for a
// note without one.
func threadOf(ctx context.Context, tx DeskTx, t Ticket, out Outgoing) (Interaction, error) {
	switch out.Kind {
	case MessageAgent, MessageBot, MessageSystem, MessageNote:
	default:
		return Interaction{}, &FieldError{"kind", string(out.Kind), "agent, bot, system or note"}
	}
	if strings.TrimSpace(out.Text) == "" && len(out.Attachments) == 0 {
		return Interaction{}, &FieldError{"text", "", "something must be said"}
	}
	if out.Interaction == "" {
		if out.Kind == MessageAgent || out.Kind == MessageBot {
			return Interaction{}, &FieldError{"interaction", "", "a message to the customer needs a chat or a mail thread"}
		}
		return Interaction{}, nil
	}
	thread, ok, err := tx.Interaction(ctx, out.Interaction)
	if err != nil {
		return Interaction{}, err
	}
	if !ok {
		return Interaction{}, fmt.Errorf("interaction %s: %w", out.Interaction, ErrNotFound)
	}
	if thread.TicketID != t.ID {
		return Interaction{}, &FieldError{"interaction", out.Interaction, "it belongs to another ticket"}
	}
	if thread.Channel == call.ChannelCall || thread.Channel == call.ChannelCallback {
		if out.Kind != MessageNote {
			return Interaction{}, &FieldError{"interaction", out.Interaction, "a call takes no written message"}
		}
	}
	return thread, nil
}

// answered writes what a message changes in interaction and ticket.
func answered(ctx context.Context, tx DeskTx, told *story, t *Ticket, thread Interaction, by Actor, out Outgoing) error {
	before := *t
	human := out.Kind == MessageAgent && !out.Automatic
	if human {
		reply(&thread, by, told.at)
		if err := tx.SaveInteraction(ctx, thread); err != nil {
			return fmt.Errorf("save interaction %s: %w", thread.ID, err)
		}
		if t.AssigneeID == "" && by.ID != "" {
			told.changed("assignee", "", string(by.ID), "replied")
			t.AssigneeID = string(by.ID)
		}
	}
	to := out.State
	if to == "" && human && t.State == StateNew {
		to = StateOpen
	}
	if to == StateMerged || to == StateClosed || to == StateNew {
		return &FieldError{"state", string(to), "a message leaves a ticket open, pending_customer, on_hold or solved"}
	}
	if to != "" {
		if err := told.move(t, to, "reply"); err != nil {
			return err
		}
	}
	if before.same(*t) {
		return nil
	}
	t.UpdatedAt = later(t.UpdatedAt, told.at)
	saved, err := tx.SaveTicket(ctx, *t)
	if err != nil {
		return fmt.Errorf("save ticket %s: %w", t.ID, err)
	}
	*t = saved
	return nil
}

// reply notes that a person answered. Only what the customer waited for counts
// as a reply time.
func reply(thread *Interaction, by Actor, at time.Time) {
	thread.HandledBy = by.ID
	if thread.AnsweredAt.IsZero() && thread.Direction == call.Inbound {
		thread.AnsweredAt = at
	}
	if thread.WaitingSince.IsZero() {
		return
	}
	waited := max(0, at.Sub(thread.WaitingSince)).Truncate(time.Millisecond)
	if thread.Replies == 0 {
		thread.FirstReply = waited
	}
	thread.Replies++
	thread.ReplySum += waited
	thread.ReplyMax = max(thread.ReplyMax, waited)
	thread.WaitingSince = time.Time{}
}

// mailOf makes the mail of a message of a mail thread, and gives the message its
// Message-ID (RFC 5322 3.6.4).
func mailOf(ctx context.Context, tx DeskTx, t Ticket, thread Interaction, m *Message, out Outgoing) (OutMail, error) {
	ours := thread.To
	if thread.Direction == call.Outbound {
		ours = thread.From
	}
	_, domain, ok := strings.Cut(addressOf(ours), "@")
	if !ok || domain == "" {
		return OutMail{}, &FieldError{"interaction", thread.ID, "its mailbox has no address"}
	}
	m.MailMessageID = "m." + m.ID + "@" + strings.ToLower(domain)
	to := cmp.Or(out.To, thread.Theirs())
	if !strings.Contains(to, "@") {
		return OutMail{}, &FieldError{"to", to, "no mail address"}
	}
	said, err := tx.Conversation(ctx, thread.ID, 0)
	if err != nil {
		return OutMail{}, fmt.Errorf("messages of interaction %s: %w", thread.ID, err)
	}
	inReplyTo, references := referred(said)
	return OutMail{
		ID: id.New(), MessageID: m.ID, MailMessageID: m.MailMessageID, MailboxID: thread.MailboxID, TicketID: t.ID, To: to,
		Subject:   cmp.Or(clean(out.Subject), mailSubject(cmp.Or(thread.Subject, t.Subject), t.Number, inReplyTo != "")),
		InReplyTo: inReplyTo, References: references, Automatic: out.Automatic, State: "queued", NextAt: m.CreatedAt, CreatedAt: m.CreatedAt,
	}, nil
}

// Theirs is the mail address of the other party of a thread.
func (i Interaction) Theirs() string {
	if i.Direction == call.Outbound {
		return addressOf(i.To)
	}
	return addressOf(i.From)
}

// referred returns the Message-ID of the customer's last mail, else of the last,
// and the chain of all: the first and the newest, 20 at most.
func referred(said []Message) (inReplyTo string, references []string) {
	last := ""
	for _, m := range said {
		if m.MailMessageID == "" || m.Kind == MessageSystem || slices.Contains(references, m.MailMessageID) {
			continue
		}
		references = append(references, m.MailMessageID)
		last = m.MailMessageID
		if m.Kind == MessageCustomer {
			inReplyTo = m.MailMessageID
		}
	}
	if n := len(references); n > maxReferences {
		references = append(references[:1:1], references[n-maxReferences+1:]...)
	}
	return cmp.Or(inReplyTo, last), references
}

// mailSubject is the subject of a reply with the number of its ticket, by which
// an answer finds it again.
func mailSubject(subject string, number int64, isReply bool) string {
	if isReply && (len(subject) < 3 || !strings.EqualFold(subject[:3], "re:")) {
		subject = "Re: " + subject
	}
	mark := "[#" + strconv.FormatInt(number, 10) + "]"
	if strings.Contains(subject, mark) {
		return subject
	}
	return subject + " " + mark
}

// addressOf is the address of a mailbox that may have a name: name <a@b>.
func addressOf(s string) string {
	if open := strings.LastIndexByte(s, '<'); open >= 0 {
		s, _, _ = strings.Cut(s[open+1:], ">")
	}
	return strings.TrimSpace(s)
}
