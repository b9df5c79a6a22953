package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pickup/call"
	"pickup/store"
	"pickup/ticket"
)

// deskChecks is the part of the suite about tickets, messages, mail and search.
func deskChecks() map[string]func(*testing.T, Full) {
	return map[string]func(*testing.T, Full){
		"a mail is filed, answered, and answered again":       mailThread,
		"a client id stores once":                             clientIDs,
		"an act that fails keeps nothing":                     failedAct,
		"a reply wakes a ticket, thanks do not":               wakes,
		"a closed ticket is followed by a new one":            followUp,
		"who has not seen the last message is told so":        collisions,
		"an edit has a version, a reason and a line":          edits,
		"a merge and its undo leave everything as it was":     mergeUndo,
		"merges in any order are undone in the other":         mergeConservation,
		"who proves one address is one contact":               provedContacts,
		"a merge of contacts is undone exactly":               contactUndo,
		"a thread is split, and a chat is chosen a ticket":    splits,
		"files wait for a message and hang on it":             attachments,
		"drafts are kept for each user":                       drafts,
		"drafts outlive merges of several hops":               draftsMerged,
		"mail is seen once and leaves by the outbox":          mailbox,
		"an address may be one that nobody has":               undeliverable,
		"tickets are listed by filter, order and page":        ticketLists,
		"a list shows heads without reading each ticket":      ticketHeads,
		"what waits for somebody is found after a start":      needsWork,
		"figures of text are those of its interactions":       textFigures,
		"words are found without case and accents":            searches,
		"no query is an error":                                hostileQueries,
		"a search is confined to whose it is":                 searchScope,
		"likely duplicates are shown with their score":        duplicates,
		"a call is an interaction with its reply":             callInteraction,
		"a call begun from a ticket joins it":                 callOfTicket,
		"solved tickets are closed after four days":           closesSolved,
		"a message moves a ticket on without its version":     touches,
		"two threads at once make one contact and one ticket": receivesAtOnce,
	}
}

// clock is the time of a desk.
type clock struct{ now time.Time }

// deskOf is a desk over a store, and its clock, which stands at start.
func deskOf(s Full) (*ticket.Desk, *clock) {
	c := &clock{now: start}
	return ticket.NewDesk(s, ticket.Policy{}, func() time.Time { return c.now }, nil), c
}

func (c *clock) add(d time.Duration) { c.now = c.now.Add(d) }

// mail is an incoming mail of somebody at an instant of the story.
func mail(from, text string, since time.Duration) ticket.Incoming {
	return ticket.Incoming{
		Channel: call.ChannelEmail, From: ticket.Identity{Kind: "email", Value: from, Raw: from}, Language: "fr", Queue: "support",
		Subject: "Mon compte", MailboxID: "box1", To: "support@casino.example",
		Message: ticket.Message{Text: text, MailMessageID: fmt.Sprintf("%d.%s", since.Milliseconds(), from), CreatedAt: at(since)},
	}
}

// receive files a message.
func receive(t *testing.T, s Full, in ticket.Incoming) ticket.Received {
	t.Helper()
	d, _ := deskOf(s)
	r, err := d.Receive(t.Context(), in)
	must(t, err)
	return r
}

// reply is what an agent answers in a thread.
func reply(r ticket.Received, text string) ticket.Outgoing {
	return ticket.Outgoing{TicketID: r.Ticket.ID, Interaction: r.Interaction.ID, Kind: ticket.MessageAgent, Text: text, ExpectedLast: -1}
}

func detail(t *testing.T, s Full, ticketID string) store.TicketDetail {
	t.Helper()
	d, err := s.Ticket(t.Context(), ticketID)
	must(t, err)
	return d
}

// kinds of the events of a ticket.
func kinds(events []call.TimelineEvent) (all []string) {
	for _, e := range events {
		all = append(all, e.Kind)
	}
	return all
}

// agentOf is an agent as an actor.
func agentOf(t *testing.T, s Full, n int) ticket.Actor {
	t.Helper()
	u := agent(t, s, n)
	return ticket.Actor{ID: u.ID, Name: u.Name}
}

func mailThread(t *testing.T, s Full) {
	ctx := t.Context()
	d, c := deskOf(s)
	one := agentOf(t, s, 1)
	in := mail("zoe@example.org", "Bonjour, mon compte est bloqué.", 0)
	in.Message.HTML, in.Message.Quoted = "<p>Bonjour</p>", "> avant"
	in.Message.Attachments = []ticket.Attachment{{Name: "a.png", MIME: "image/png", Size: 3, SHA256: "aa", ContentID: "cid1", OwnerID: "x"}}
	r := receive(t, s, in)
	if !r.NewTicket || r.Again || r.Ticket.Number != 1 || r.Ticket.State != ticket.StateNew || r.Ticket.Category != ticket.CategoryOther ||
		r.Ticket.Channel != call.ChannelEmail || r.Ticket.Subject != "Mon compte" || r.Ticket.Version != 1 || r.Ticket.LastPos != 1 {
		t.Fatalf("got %+v", r.Ticket)
	}
	got := detail(t, s, r.Ticket.ID)
	same(t, "stored ticket", got.Ticket, r.Ticket)
	same(t, "stored contact", got.Contact, r.Contact)
	same(t, "stored interaction", got.Interactions, []ticket.Interaction{withVersion(r.Interaction, 1)})
	same(t, "stored messages", got.Messages, []ticket.Message{r.Message})
	same(t, "story", kinds(got.Events), []string{"ticket_created", "interaction"})
	if r.Message.Seq != 1 || r.Message.Pos != 1 || r.Message.AuthorID != r.Contact.ID || len(r.Message.Attachments) != 1 ||
		r.Message.Attachments[0].MessageID != r.Message.ID {
		t.Fatalf("got %+v", r.Message)
	}

	c.add(10 * time.Minute)
	m, err := d.Reply(ctx, one, reply(r, "Bonjour, je regarde."))
	must(t, err)
	if m.Status != ticket.StatusQueued || m.MailMessageID != "m."+m.ID+"@casino.example" || m.Seq != 2 || m.AuthorID != string(one.ID) {
		t.Fatalf("got %+v", m)
	}
	outbox, err := s.Outbox(ctx, c.now, 0)
	must(t, err)
	if len(outbox) != 1 {
		t.Fatalf("got outbox %+v", outbox)
	}
	same(t, "outbox", outbox[0], ticket.OutMail{
		ID: outbox[0].ID, MessageID: m.ID, MailMessageID: m.MailMessageID, MailboxID: "box1", TicketID: r.Ticket.ID, To: "zoe@example.org",
		Subject: "Re: Mon compte [#1]", InReplyTo: "0.zoe@example.org", References: []string{"0.zoe@example.org"}, State: "queued",
		NextAt: c.now, CreatedAt: c.now,
	})
	got = detail(t, s, r.Ticket.ID)
	if k := got.Ticket; k.State != ticket.StateOpen || k.AssigneeID != string(one.ID) || !k.UpdatedAt.Equal(c.now) {
		t.Fatalf("got %+v", k)
	}
	if i := got.Interactions[0]; i.FirstReply != 10*time.Minute || i.Replies != 1 || !i.WaitingSince.IsZero() || i.HandledBy != one.ID ||
		!i.AnsweredAt.Equal(c.now) || i.LastSeq != 2 {
		t.Fatalf("got %+v", i)
	}

	for n, since := range []time.Duration{20 * time.Minute, 21 * time.Minute} { // a burst is one wait
		in := mail("zoe@example.org", "Merci, et alors ?", since)
		in.Interaction = r.Interaction.ID
		if more := receive(t, s, in); more.NewTicket || more.Ticket.ID != r.Ticket.ID || more.Message.Seq != int64(3+n) {
			t.Fatalf("got %+v", more)
		}
	}
	c.now = at(50 * time.Minute)
	_, err = d.Reply(ctx, one, reply(r, "C'est fait."))
	must(t, err)
	i, err := s.Interaction(ctx, r.Interaction.ID)
	must(t, err)
	if i.Replies != 2 || i.FirstReply != 10*time.Minute || i.ReplySum != 40*time.Minute || i.ReplyMax != 30*time.Minute {
		t.Fatalf("got %+v", i)
	}
	last, err := s.Outbox(ctx, c.now, 0)
	must(t, err)
	if refs := last[1].References; len(refs) != 4 || last[1].InReplyTo != "1260000.zoe@example.org" {
		t.Fatalf("got %+v", last[1])
	}
}

func withVersion(i ticket.Interaction, v int64) ticket.Interaction {
	i.Version = v
	return i
}

func clientIDs(t *testing.T, s Full) {
	ctx := t.Context()
	d, _ := deskOf(s)
	one := agentOf(t, s, 1)
	in := ticket.Incoming{
		Channel: call.ChannelChat, InteractionID: "chat1", From: ticket.Identity{Kind: "visitor", Value: "v1", Raw: "v1"}, Queue: "support",
		Message: ticket.Message{Text: "Bonjour", ClientID: "c1", CreatedAt: start},
	}
	first, again := receive(t, s, in), receive(t, s, in)
	if first.Again || !again.Again || again.Message.ID != first.Message.ID || again.Ticket.ID != first.Ticket.ID ||
		again.Contact.ID != first.Contact.ID || again.Interaction.ID != "chat1" {
		t.Fatalf("got %+v then %+v", first, again)
	}
	out := reply(first, "Bonjour !")
	out.ClientID = "a1"
	m, err := d.Reply(ctx, one, out)
	must(t, err)
	twice, err := d.Reply(ctx, one, out)
	must(t, err)
	same(t, "the second reply", twice, m)
	note := ticket.Outgoing{TicketID: first.Ticket.ID, Kind: ticket.MessageNote, Text: "vu", ClientID: "a1", ExpectedLast: -1}
	n, err := d.Reply(ctx, one, note)
	must(t, err)
	twice, err = d.Reply(ctx, one, note)
	must(t, err)
	same(t, "the second note", twice, n)
	if got := detail(t, s, first.Ticket.ID).Messages; len(got) != 3 || n.Seq != 0 || n.ID == m.ID {
		t.Fatalf("got %d messages", len(got))
	}
}

func failedAct(t *testing.T, s Full) {
	ctx := t.Context()
	d, _ := deskOf(s)
	failed := errors.New("failed")
	err := d.Act(ctx, func(tx ticket.DeskTx) error {
		r, err := ticket.Receive(ctx, tx, ticket.Policy{}, mail("a@example.org", "x", 0))
		must(t, err)
		must(t, tx.SetTags(ctx, r.Ticket.ID, []string{"vip"}))
		must(t, tx.SaveDraft(ctx, ticket.Draft{TicketID: r.Ticket.ID, UserID: "u", Kind: ticket.MessageNote, Body: "b", UpdatedAt: start}))
		return failed
	})
	isError(t, err, failed)
	all, _, err := s.Tickets(ctx, store.TicketFilter{})
	must(t, err)
	people, _, err := s.Contacts(ctx, store.ContactFilter{})
	must(t, err)
	if len(all) != 0 || len(people) != 0 {
		t.Fatalf("got %d tickets, %d contacts", len(all), len(people))
	}
	if r := receive(t, s, mail("a@example.org", "x", 0)); r.Ticket.Number != 1 || r.Message.Pos != 1 {
		t.Fatalf("numbers were lost: %+v", r)
	}
}

func wakes(t *testing.T, s Full) {
	ctx := t.Context()
	d, c := deskOf(s)
	one := agentOf(t, s, 1)
	r := receive(t, s, mail("zoe@example.org", "Bonjour", 0))
	back := func(text string, automatic bool) ticket.Received {
		t.Helper()
		c.add(time.Minute)
		in := mail("zoe@example.org", text, c.now.Sub(start))
		in.Interaction, in.Message.Automatic = r.Interaction.ID, automatic
		if automatic {
			in.Message.Kind = ticket.MessageSystem
		}
		return receive(t, s, in)
	}
	to := func(state ticket.State) {
		t.Helper()
		c.add(time.Minute)
		out := reply(r, "Réponse")
		out.State = state
		_, err := d.Reply(ctx, one, out)
		must(t, err)
	}
	for _, step := range []struct {
		before    ticket.State
		text      string
		automatic bool
		after     ticket.State
		reopened  int
		waiting   bool
	}{
		{ticket.StatePending, "Voilà", false, ticket.StateOpen, 0, true},
		{ticket.StateOnHold, "Et ?", false, ticket.StateOpen, 0, true},
		{ticket.StatePending, "Je suis absent", true, ticket.StatePending, 0, false},
		{ticket.StateSolved, "Merci beaucoup !", false, ticket.StateSolved, 0, false},
		{ticket.StateSolved, "Merci, mais ça ne marche toujours pas", false, ticket.StateOpen, 1, true},
		{ticket.StateSolved, "Merci. Quand ?", false, ticket.StateOpen, 2, true},
		{ticket.StateSolved, "Absent", true, ticket.StateSolved, 2, false},
	} {
		to(step.before)
		got := back(step.text, step.automatic)
		if got.Ticket.State != step.after || got.Ticket.Reopened != step.reopened || got.NewTicket || got.Interaction.WaitingSince.IsZero() == step.waiting {
			t.Fatalf("%s then %q: got %s, reopened %d, waiting since %s", step.before, step.text, got.Ticket.State, got.Ticket.Reopened,
				got.Interaction.WaitingSince)
		}
		stored := detail(t, s, r.Ticket.ID).Ticket
		stored.Tags, got.Ticket.Tags = nil, nil
		same(t, "stored after "+step.text, stored, got.Ticket)
	}
}

func followUp(t *testing.T, s Full) {
	ctx := t.Context()
	d, c := deskOf(s)
	one := agentOf(t, s, 1)
	r := receive(t, s, mail("zoe@example.org", "Bonjour", 0))
	out := reply(r, "Fait")
	out.State = ticket.StateSolved
	_, err := d.Reply(ctx, one, out)
	must(t, err)
	c.add(97 * time.Hour)
	n, err := d.CloseSolved(ctx)
	must(t, err)
	if n != 1 {
		t.Fatalf("closed %d", n)
	}
	_, err = d.Reply(ctx, one, reply(r, "Encore"))
	isError(t, err, ticket.ErrImmutable)
	in := mail("zoe@example.org", "C'est revenu", 98*time.Hour)
	in.Interaction = r.Interaction.ID
	next := receive(t, s, in)
	if !next.NewTicket || next.Ticket.ID == r.Ticket.ID || next.Interaction.ID == r.Interaction.ID || next.Message.Seq != 1 ||
		next.Ticket.Subject != "Mon compte" || next.Contact.ID != r.Contact.ID {
		t.Fatalf("got %+v", next)
	}
	want := []ticket.Link{{From: next.Ticket.ID, To: r.Ticket.ID, Kind: ticket.LinkFollowUp, At: at(98 * time.Hour)}}
	same(t, "links", detail(t, s, next.Ticket.ID).Links, want)
	old := detail(t, s, r.Ticket.ID)
	same(t, "links of the old one", old.Links, want)
	if old.Ticket.State != ticket.StateClosed || len(old.Messages) != 2 {
		t.Fatalf("got %+v", old.Ticket)
	}
	for n, text := range []string{"Toujours", "Et encore"} { // to the old one again: the new one has it
		again := mail("zoe@example.org", text, 98*time.Hour+time.Duration(n+1)*time.Minute)
		again.Interaction = r.Interaction.ID
		if got := receive(t, s, again); got.NewTicket || got.Ticket.ID != next.Ticket.ID || got.Interaction.ID != next.Interaction.ID {
			t.Fatalf("got %+v", got)
		}
	}
	other := mail("max@example.org", "Moi aussi", 98*time.Hour+5*time.Minute) // his matter, not hers
	other.Interaction = r.Interaction.ID
	third := receive(t, s, other)
	if !third.NewTicket || third.Contact.ID == r.Contact.ID {
		t.Fatalf("got %+v", third)
	}
	auto := mail("zoe@example.org", "Absent", 99*time.Hour)
	auto.Interaction, auto.Message.Automatic, auto.Message.Kind = r.Interaction.ID, true, ticket.MessageSystem
	if got := receive(t, s, auto); got.Ticket.ID != r.Ticket.ID || got.Ticket.State != ticket.StateClosed {
		t.Fatalf("got %+v", got.Ticket)
	}
}

func collisions(t *testing.T, s Full) {
	ctx := t.Context()
	d, _ := deskOf(s)
	one, two := agentOf(t, s, 1), agentOf(t, s, 2)
	r := receive(t, s, mail("zoe@example.org", "Bonjour", 0))
	out := reply(r, "Bonjour")
	out.ExpectedLast = r.Message.Pos
	first, err := d.Reply(ctx, one, out)
	must(t, err)
	_, err = d.Reply(ctx, two, out)
	var conflict *ticket.ConflictError
	if !errors.As(err, &conflict) {
		t.Fatalf("got %v, want a conflict", err)
	}
	same(t, "what came between", conflict.New, []ticket.Message{first})
	out.ExpectedLast = first.Pos
	_, err = d.Reply(ctx, two, out)
	must(t, err)
	if got := detail(t, s, r.Ticket.ID); len(got.Messages) != 3 || got.Ticket.AssigneeID != string(one.ID) {
		t.Fatalf("got %+v", got)
	}
}

func edits(t *testing.T, s Full) {
	ctx := t.Context()
	d, c := deskOf(s)
	one := agentOf(t, s, 1)
	r := receive(t, s, mail("zoe@example.org", "Bonjour", 0))
	c.add(time.Minute)
	category, subject, high := ticket.CategorySecurity, "Compte volé", ticket.PriorityHigh
	tags := []string{"vip", " vip ", "compte  volé", ""}
	k, err := d.Edit(ctx, one, r.Ticket.ID, 1, ticket.Change{Category: &category, Subject: &subject, Tags: &tags})
	must(t, err)
	if k.Priority != ticket.PriorityUrgent || k.Version != 2 || k.Subject != subject || !slices.Equal(k.Tags, []string{"compte volé", "vip"}) {
		t.Fatalf("got %+v", k)
	}
	same(t, "stored", detail(t, s, k.ID).Ticket, k)
	_, err = d.Edit(ctx, one, k.ID, 1, ticket.Change{Subject: &subject})
	var version *ticket.VersionError
	if !errors.As(err, &version) || version.Now != 2 {
		t.Fatalf("got %v, want a version error", err)
	}
	_, err = d.Edit(ctx, one, k.ID, 2, ticket.Change{Priority: &high})
	var field *ticket.FieldError
	if !errors.As(err, &field) || field.Field != "reason" {
		t.Fatalf("got %v, want a reason to be asked for", err)
	}
	k, err = d.Edit(ctx, one, k.ID, 2, ticket.Change{Priority: &high, Reason: "vérifié"})
	must(t, err)
	closed, solved := ticket.StateClosed, ticket.StateSolved
	_, err = d.Edit(ctx, one, k.ID, k.Version, ticket.Change{State: &closed})
	isError(t, err, ticket.ErrState)
	k, err = d.Edit(ctx, one, k.ID, k.Version, ticket.Change{State: &solved, AssigneeID: &one.ID})
	must(t, err)
	_, err = d.Edit(ctx, one, "none", 1, ticket.Change{})
	isError(t, err, ticket.ErrNotFound)
	story := detail(t, s, k.ID).Events
	same(t, "story", kinds(story), []string{
		"ticket_created", "interaction", "subject_changed", "category_changed", "priority_changed", "tags_changed", "priority_changed",
		"assignee_changed", "state_changed",
	})
	same(t, "why the priority rose", story[4].Detail, map[string]string{"from": "1", "to": "3", "reason": "category"})
	same(t, "why it fell", story[6].Detail, map[string]string{"from": "3", "to": "2", "reason": "vérifié"})
	if story[6].Actor != string(one.ID) || !k.SolvedAt.Equal(c.now) {
		t.Fatalf("got %+v solved at %s", story[6], k.SolvedAt)
	}
}

func closesSolved(t *testing.T, s Full) {
	ctx := t.Context()
	d, c := deskOf(s)
	one := agentOf(t, s, 1)
	var ids []string
	for n := range 130 {
		r := receive(t, s, mail(fmt.Sprintf("p%d@example.org", n), "Bonjour", 0))
		out := reply(r, "Fait")
		out.State = ticket.StateSolved
		c.now = at(time.Duration(n) * time.Minute)
		_, err := d.Reply(ctx, one, out)
		must(t, err)
		ids = append(ids, r.Ticket.ID)
	}
	c.now = at(96*time.Hour + 119*time.Minute)
	n, err := d.CloseSolved(ctx)
	must(t, err)
	if n != 119 {
		t.Fatalf("closed %d, want those whose four days are over", n)
	}
	if k := detail(t, s, ids[119]).Ticket; k.State != ticket.StateSolved {
		t.Fatalf("got %+v", k)
	}
	k := detail(t, s, ids[118])
	if k.Ticket.State != ticket.StateClosed || !k.Ticket.ClosedAt.Equal(c.now) || k.Events[len(k.Events)-1].Detail["reason"] != "no_reply" {
		t.Fatalf("got %+v", k)
	}
	open := ticket.StateOpen
	_, err = d.Edit(ctx, one, ids[118], k.Ticket.Version, ticket.Change{State: &open})
	isError(t, err, ticket.ErrImmutable)
}

func touches(t *testing.T, s Full) {
	r := receive(t, s, mail("zoe@example.org", "Bonjour", 0))
	in := mail("zoe@example.org", "Encore", time.Hour)
	in.Interaction = r.Interaction.ID
	more := receive(t, s, in)
	got := detail(t, s, r.Ticket.ID).Ticket
	same(t, "stored", got, more.Ticket)
	if got.Version != 1 || !got.UpdatedAt.Equal(at(time.Hour)) || got.LastPos != 2 {
		t.Fatalf("got %+v", got)
	}
}

func receivesAtOnce(t *testing.T, s Full) {
	const n = 12
	got := make([]ticket.Received, n)
	errs := make(chan error, n)
	d, _ := deskOf(s)
	for i := range n {
		go func() {
			var err error
			got[i], err = d.Receive(t.Context(), mail("zoe@example.org", fmt.Sprint("mail ", i), time.Duration(i)*time.Second))
			errs <- err
		}()
	}
	for range n {
		must(t, <-errs)
	}
	seen := map[int64]bool{}
	for _, r := range got {
		if r.Contact.ID != got[0].Contact.ID || r.Ticket.ID != got[0].Ticket.ID || seen[r.Message.Pos] {
			t.Fatalf("got %+v and %+v", r, got[0])
		}
		seen[r.Message.Pos] = true
	}
}

// inTx runs an act of the desk.
func inTx(t *testing.T, s Full, act func(ctx context.Context, tx ticket.DeskTx) error) {
	t.Helper()
	d, _ := deskOf(s)
	must(t, d.Act(t.Context(), func(tx ticket.DeskTx) error { return act(t.Context(), tx) }))
}
