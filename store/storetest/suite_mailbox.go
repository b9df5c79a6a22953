package storetest

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"pickup/store"
	"pickup/ticket"
)

// mailboxes: they are stored whole, and an address is that of one.
func mailboxes(t *testing.T, s Full) {
	ctx := t.Context()
	b := ticket.Mailbox{
		ID: "b1", Name: "Support é", Address: "support@example.org", Aliases: []string{"help@example.org"}, Queue: "support", Language: "fr",
		Enabled: true, Folder: "Inbox", AuthServID: "mx.example.org", Signatures: map[string]string{"fr": "L’équipe", "en": "The team"},
		IMAP:        ticket.MailServer{Host: "imap.example.org", Port: 993, Security: ticket.SecurityTLS, User: "u", Password: "p'\"ß"},
		SMTP:        ticket.MailServer{Host: "smtp.example.org", Security: ticket.SecurityStartTLS},
		Acknowledge: true,
	}
	must(t, s.UpsertMailbox(ctx, b))
	must(t, s.UpsertMailbox(ctx, ticket.Mailbox{ID: "b2", Address: "a@example.org", Queue: "support", Language: "en"}))
	b.Enabled = false
	must(t, s.UpsertMailbox(ctx, b))
	if err := s.UpsertMailbox(ctx, ticket.Mailbox{ID: "b3", Address: b.Address, Queue: "q", Language: "en"}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("two mailboxes of one address: %v", err)
	}
	b.Version = 2
	all, err := s.Mailboxes(ctx)
	must(t, err)
	if len(all) != 2 || all[0].ID != "b2" || !reflect.DeepEqual(all[1], b) {
		t.Errorf("got %+v, want %+v last", all, b)
	}
	must(t, s.DeleteMailbox(ctx, "b2"))
	if err := s.DeleteMailbox(ctx, "b2"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}

// inboxOfMail: a mail is kept once, with the position, until it is filed.
func inboxOfMail(t *testing.T, s Full) {
	ctx := t.Context()
	if p, err := s.MailPosition(ctx, "b1"); err != nil || p != (ticket.MailPosition{}) {
		t.Fatalf("position of a new mailbox: %+v %v", p, err)
	}
	at := time.UnixMilli(1_790_000_000_123).UTC()
	raw := func(id string, uid uint32, after time.Duration) ticket.RawMail {
		return ticket.RawMail{ID: id, MailboxID: "b1", UIDValidity: 4_000_000_000, UID: uid, SHA256: "aa", Size: 3, ArrivedAt: at.Add(after)}
	}
	must(t, s.KeepRaw(ctx, raw("r1", 1, 0), ticket.MailPosition{UIDValidity: 4_000_000_000, LastUID: 1}))
	must(t, s.KeepRaw(ctx, raw("r2", 2, time.Second), ticket.MailPosition{UIDValidity: 4_000_000_000, LastUID: 2}))
	must(t, s.KeepRaw(ctx, raw("again", 2, time.Second), ticket.MailPosition{UIDValidity: 4_000_000_000, LastUID: 2}))
	if p, err := s.MailPosition(ctx, "b1"); err != nil || p.LastUID != 2 || p.UIDValidity != 4_000_000_000 {
		t.Errorf("position %+v %v", p, err)
	}
	must(t, s.RawFiled(ctx, "r1", "the store was busy"))
	all, err := s.UnfiledMail(ctx, 10)
	must(t, err)
	if len(all) != 2 || all[0].ID != "r2" || all[1].ID != "r1" || all[1].Attempts != 1 || all[1].LastError == "" || !all[0].ArrivedAt.Equal(at.Add(time.Second)) {
		t.Errorf("unfiled: %+v", all)
	}
	must(t, s.RawFiled(ctx, "r2", ""))
	must(t, s.RawFiled(ctx, "r1", ""))
	if all, err := s.UnfiledMail(ctx, 10); err != nil || len(all) != 0 {
		t.Errorf("still unfiled: %+v %v", all, err)
	}
	if err := s.RawFiled(ctx, "none", ""); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("none: %v", err)
	}
}
