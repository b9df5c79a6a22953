package storetest

import (
	"testing"
	"time"

	"pickup/account"
	"pickup/store"
	"pickup/ticket"
)

// draft is one that a user wrote.
func draft(ticketID string, user account.ID, kind ticket.MessageKind, body string) ticket.Draft {
	return ticket.Draft{TicketID: ticketID, UserID: user, Kind: kind, Body: body}
}

func drafts(t *testing.T, s Full) {
	ctx := t.Context()
	d, c := deskOf(s)
	one, two := agentOf(t, s, 1), agentOf(t, s, 2)
	r := receive(t, s, mail("zoe@example.org", "Bonjour", 0))
	other := receive(t, s, mail("max@example.org", "Bonjour", 0))
	k := r.Ticket.ID
	must(t, d.SaveDraft(ctx, draft(k, one.ID, ticket.MessageAgent, "Bonj")))
	must(t, d.SaveDraft(ctx, draft(k, one.ID, ticket.MessageAgent, "Bonjour")))
	must(t, d.SaveDraft(ctx, draft(k, one.ID, ticket.MessageNote, "note")))
	must(t, d.SaveDraft(ctx, draft(k, two.ID, ticket.MessageNote, "autre")))
	must(t, d.SaveDraft(ctx, draft(k, two.ID, ticket.MessageNote, " ")))
	read := func(user account.ID) (bodies []string) {
		t.Helper()
		all, err := d.Drafts(ctx, k, user)
		must(t, err)
		for _, r := range all {
			bodies = append(bodies, r.Body)
		}
		return bodies
	}
	same(t, "drafts of one", read(one.ID), []string{"Bonjour", "note"})
	same(t, "drafts of two", read(two.ID), []string(nil))
	must(t, d.SaveDraft(ctx, draft(other.Ticket.ID, two.ID, ticket.MessageAgent, "perdu ?")))
	c.add(time.Minute)
	_, err := d.Merge(ctx, one, k, other.Ticket.ID)
	must(t, err)
	same(t, "a draft of the ticket that was merged", read(two.ID), []string{"perdu ?"})
	_, err = d.Reply(ctx, one, reply(r, "Bonjour"))
	must(t, err)
	same(t, "after the reply", read(one.ID), []string{"note"})
	must(t, d.DropDraft(ctx, k, one.ID, ticket.MessageNote))
	same(t, "after all", read(one.ID), []string(nil))
	isError(t, d.SaveDraft(ctx, draft("none", one.ID, ticket.MessageAgent, "x")), ticket.ErrNotFound)
}

// A into B, B into C: what was written on A is found on C, under C's own, and is
// dropped alone.
func draftsMerged(t *testing.T, s Full) {
	ctx := t.Context()
	d, c := deskOf(s)
	one, two := agentOf(t, s, 1), agentOf(t, s, 2)
	var ids []string
	for _, who := range []string{"a", "b", "c", "d"} {
		c.add(time.Minute)
		ids = append(ids, receive(t, s, mail(who+"@example.org", "Bonjour", 0)).Ticket.ID)
	}
	save := func(n int, user account.ID, kind ticket.MessageKind, body string) {
		t.Helper()
		c.add(time.Second)
		must(t, d.SaveDraft(ctx, draft(ids[n], user, kind, body)))
	}
	read := func(what string, n int, user account.ID, want ...string) {
		t.Helper()
		all, err := d.Drafts(ctx, ids[n], user)
		must(t, err)
		var bodies []string
		for _, r := range all {
			bodies = append(bodies, string(r.Kind)+" "+r.Body)
		}
		same(t, what, bodies, want)
	}
	save(0, one.ID, ticket.MessageAgent, "on A")
	save(0, two.ID, ticket.MessageAgent, "two on A")
	save(0, one.ID, ticket.MessageNote, "note on A")
	save(1, one.ID, ticket.MessageNote, "note on B")
	save(2, one.ID, ticket.MessageNote, "note on C")
	save(3, one.ID, ticket.MessageAgent, "on D, which is another matter")
	for n := range 2 {
		c.add(time.Minute)
		_, err := d.Merge(ctx, one, ids[n+1], ids[n])
		must(t, err)
	}
	read("one's on C", 2, one.ID, "agent on A", "note note on C")
	read("one's on C, asked by A", 0, one.ID, "agent on A", "note note on C")
	read("two's on C", 2, two.ID, "agent two on A")
	save(0, one.ID, ticket.MessageAgent, "on A, gone on with")
	read("gone on with", 2, one.ID, "agent on A, gone on with", "note note on C")
	save(2, one.ID, ticket.MessageAgent, "")
	read("dropped: what it took the place of does not come back", 2, one.ID, "note note on C")
	read("two's stays", 2, two.ID, "agent two on A")
	must(t, d.DropDraft(ctx, ids[2], one.ID, ticket.MessageNote))
	read("what was under it", 2, one.ID, "note note on B")
	must(t, d.DropDraft(ctx, ids[2], one.ID, ticket.MessageNote))
	read("and under that", 2, one.ID, "note note on A")
	_, err := d.Unmerge(ctx, one, ids[1])
	must(t, err)
	read("C without B", 2, one.ID)
	read("B is a ticket again", 1, one.ID, "note note on A")
	read("D", 3, one.ID, "agent on D, which is another matter")
}

func attachments(t *testing.T, s Full) {
	ctx := t.Context()
	d, _ := deskOf(s)
	one := agentOf(t, s, 1)
	r := receive(t, s, mail("zoe@example.org", "Bonjour", 0))
	file := ticket.Attachment{
		ID: "f1", Name: "preuve.pdf", MIME: "application/pdf", Size: 1234, SHA256: "abc", OwnerID: string(one.ID), CreatedAt: start,
	}
	must(t, d.Act(ctx, func(tx ticket.DeskTx) error { return tx.AddAttachment(ctx, file) }))
	got, err := s.Attachment(ctx, "f1")
	must(t, err)
	same(t, "a file that waits", got, store.AttachmentDetail{Attachment: file})
	out := reply(r, "Voici")
	out.Attachments = []string{"f1"}
	m, err := d.Reply(ctx, one, out)
	must(t, err)
	file.MessageID = m.ID
	same(t, "the message's files", m.Attachments, []ticket.Attachment{file})
	got, err = s.Attachment(ctx, "f1")
	must(t, err)
	same(t, "a file of a message", got, store.AttachmentDetail{
		Attachment: file, TicketID: r.Ticket.ID, InteractionID: r.Interaction.ID, Kind: ticket.MessageAgent,
	})
	stored, err := s.Message(ctx, m.ID)
	must(t, err)
	same(t, "stored message", stored, m)
	for _, name := range []string{"f1", "none"} {
		out.Attachments = []string{name}
		if _, err = d.Reply(ctx, one, out); err == nil {
			t.Fatalf("the file %s was taken", name)
		}
	}
	_, err = s.Attachment(ctx, "none")
	isError(t, err, store.ErrNotFound)
}

func mailbox(t *testing.T, s Full) {
	ctx := t.Context()
	d, c := deskOf(s)
	one := agentOf(t, s, 1)
	seen := ticket.SeenMail{
		MailboxID: "box1", MessageID: "m1@x", BodySHA256: "aa", Verdict: "filed", StoredID: "s1", RawSHA256: "bb", At: start, DeliveredTo: "a@b",
	}
	must(t, d.Act(ctx, func(tx ticket.DeskTx) error {
		for n, want := range []bool{true, false} {
			if first, err := tx.SeenMail(ctx, seen); err != nil || first != want {
				t.Fatalf("time %d: got %v %v", n, first, err)
			}
		}
		other := seen
		other.MailboxID, other.At = "box2", at(time.Second)
		if first, err := tx.SeenMail(ctx, other); err != nil || !first {
			t.Fatalf("another mailbox: got %v %v", first, err)
		}
		all, err := tx.SeenAs(ctx, "m1@x")
		same(t, "arrivals", all, []ticket.SeenMail{seen, other})
		return err
	}))
	r := receive(t, s, mail("zoe@example.org", "Bonjour", 0))
	m, err := d.Reply(ctx, one, reply(r, "Bonjour"))
	must(t, err)
	must(t, d.Act(ctx, func(tx ticket.DeskTx) error {
		found, err := tx.MessagesByMailID(ctx, "nothing", m.MailMessageID, r.Message.MailMessageID, "")
		must(t, err)
		same(t, "by Message-ID, newest first", found, []ticket.Message{m, r.Message})
		none, err := tx.MessagesByMailID(ctx)
		if len(none) != 0 || err != nil {
			t.Fatalf("got %v %v for no Message-ID", none, err)
		}
		o, ok, err := tx.OutMailOf(ctx, m.ID)
		if !ok || err != nil {
			t.Fatalf("got %v %v", ok, err)
		}
		o.State, o.Attempts, o.NextAt, o.LastError = "queued", 1, at(time.Minute), "451 later"
		must(t, tx.SaveMail(ctx, o))
		return tx.SetStatus(ctx, m.ID, ticket.StatusFailed)
	}))
	due := func(when time.Time) int {
		t.Helper()
		all, err := s.Outbox(ctx, when, 10)
		must(t, err)
		return len(all)
	}
	if due(c.now) != 0 || due(at(time.Minute)) != 1 {
		t.Fatal("a mail is sent again before or not at its time")
	}
	for busy, want := range map[string]int{"box1": 0, "box2": 1} {
		all, err := s.Outbox(ctx, at(time.Hour), 10, "box3", busy)
		must(t, err)
		if len(all) != want {
			t.Fatalf("got %d mails while %s is busy, want %d", len(all), busy, want)
		}
	}
	box := ticket.Mailbox{ID: "box1", Address: "held@example.org", Queue: "support", Language: "en"}
	must(t, s.UpsertMailbox(ctx, box))
	if due(at(time.Hour)) != 0 {
		t.Fatal("a mailbox that is disabled sends")
	}
	box.Enabled = true
	must(t, s.UpsertMailbox(ctx, box))
	if due(at(time.Hour)) != 1 {
		t.Fatal("a mailbox that is enabled again does not send")
	}
	stored, err := s.Message(ctx, m.ID)
	must(t, err)
	if stored.Status != ticket.StatusFailed {
		t.Fatalf("got %+v", stored)
	}
	note := ticket.Outgoing{TicketID: r.Ticket.ID, Interaction: r.Interaction.ID, Kind: ticket.MessageNote, Text: "vu", ExpectedLast: -1}
	_, err = d.Reply(ctx, one, note)
	must(t, err)
	if due(at(time.Hour)) != 1 {
		t.Fatal("a note went into the outbox")
	}
}

// undeliverable: an address that takes no mail is told of wherever it stands,
// until mail to it arrives.
func undeliverable(t *testing.T, s Full) {
	ctx := t.Context()
	d, c := deskOf(s)
	one := agentOf(t, s, 1)
	in := mail("zoe@example.org", "Bonjour", 0)
	in.From.Raw = "Zoe@Example.org"
	r := receive(t, s, in)
	other := receive(t, s, mail("max@example.org", "Bonjour", 0))
	set := func(why string) {
		t.Helper()
		must(t, d.Act(ctx, func(tx ticket.DeskTx) error { return tx.SetUndeliverable(ctx, "ZOE@example.org", why) }))
	}
	are := func(ticketID, contactID string, want map[string]string, identity string) {
		t.Helper()
		story, err := s.Ticket(ctx, ticketID)
		must(t, err)
		same(t, "undeliverable addresses of the ticket", story.Undeliverable, want)
		who, err := s.Contact(ctx, contactID)
		must(t, err)
		for _, i := range who.Identities {
			if i.Value == "zoe@example.org" && i.Undeliverable != identity {
				t.Fatalf("got identity %+v, want %q", i, identity)
			}
		}
	}
	are(r.Ticket.ID, r.Contact.ID, nil, "")
	set("5.1.1 nobody")
	are(r.Ticket.ID, r.Contact.ID, map[string]string{"zoe@example.org": "5.1.1 nobody"}, "5.1.1 nobody")
	are(other.Ticket.ID, other.Contact.ID, nil, "")
	must(t, d.MergeContacts(ctx, one, other.Contact.ID, r.Contact.ID))
	are(r.Ticket.ID, other.Contact.ID, map[string]string{"zoe@example.org": "5.1.1 nobody"}, "5.1.1 nobody")
	set("")
	c.add(time.Minute)
	are(r.Ticket.ID, other.Contact.ID, nil, "")
	must(t, d.UnmergeContacts(ctx, one, r.Contact.ID))
	are(r.Ticket.ID, r.Contact.ID, nil, "")
}
