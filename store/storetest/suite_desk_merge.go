package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pickup/call"
	"pickup/callflow"
	"pickup/store"
	"pickup/ticket"
)

// state is everything that a merge may touch, without versions, times of change
// and the timelines, which tell that it happened.
type state struct {
	Tickets  map[string]store.TicketDetail
	Contacts map[string]store.ContactDetail
	Calls    map[call.ID][2]string // ticket and contact
}

// snapshot reads the state of a store.
func snapshot(t *testing.T, s Full) state {
	t.Helper()
	ctx := t.Context()
	all := state{Tickets: map[string]store.TicketDetail{}, Contacts: map[string]store.ContactDetail{}, Calls: map[call.ID][2]string{}}
	plain := func(k ticket.Ticket) ticket.Ticket {
		k.Version, k.UpdatedAt = 0, time.Time{}
		return k
	}
	threads := func(is []ticket.Interaction) {
		for i := range is {
			is[i].Version = 0
		}
	}
	tickets, _, err := s.Tickets(ctx, store.TicketFilter{Page: store.Page{Limit: store.MaxLimit}})
	must(t, err)
	for _, k := range tickets {
		d := detail(t, s, k.ID)
		d.Ticket, d.Events = plain(d.Ticket), nil
		for i := range d.Merged {
			d.Merged[i] = plain(d.Merged[i])
		}
		threads(d.Interactions)
		all.Tickets[k.ID] = d
	}
	people, _, err := s.Contacts(ctx, store.ContactFilter{Page: store.Page{Limit: store.MaxLimit}})
	must(t, err)
	for _, c := range people {
		d, err := s.Contact(ctx, c.ID)
		must(t, err)
		threads(d.Interactions)
		all.Contacts[c.ID] = d
	}
	calls, _, err := s.Calls(ctx, store.CallFilter{Page: store.Page{Limit: store.MaxLimit}})
	must(t, err)
	for _, c := range calls {
		all.Calls[c.ID] = [2]string{c.TicketID, c.ContactID}
	}
	return all
}

func mergeUndo(t *testing.T, s Full) {
	ctx := t.Context()
	d, c := deskOf(s)
	one := agentOf(t, s, 1)
	linked, err := s.EndCall(ctx, callflow.Ending{Record: answered("c1", one.ID)})
	must(t, err)
	winner := receive(t, s, mail("zoe@example.org", "Bonjour", 0))
	loser := linked.Ticket
	inTx(t, s, func(ctx context.Context, tx ticket.DeskTx) error {
		must(t, tx.SetTags(ctx, winner.Ticket.ID, []string{"a", "b"}))
		return tx.SetTags(ctx, loser.ID, []string{"b", "c"})
	})
	high := ticket.PriorityHigh
	_, err = d.Edit(ctx, one, loser.ID, loser.Version, ticket.Change{Priority: &high, Reason: "vip"})
	must(t, err)
	before := snapshot(t, s)
	c.add(time.Hour)
	got, err := d.Merge(ctx, one, winner.Ticket.ID, loser.ID)
	must(t, err)
	if got.Priority != ticket.PriorityHigh || !slices.Equal(got.Tags, []string{"a", "b", "c"}) || got.AssigneeID != string(one.ID) {
		t.Fatalf("got %+v", got)
	}
	w := detail(t, s, winner.Ticket.ID)
	if len(w.Interactions) != 2 || len(w.Merged) != 1 || !slices.Equal(w.Calls, []call.ID{"c1"}) || w.Ticket.ID != got.ID {
		t.Fatalf("got %+v", w)
	}
	if !slices.Contains(kinds(w.Events), "call") || !slices.Contains(kinds(w.Events), "merged_from") {
		t.Fatalf("the story of the merged ticket is not there: %v", kinds(w.Events))
	}
	l := detail(t, s, loser.ID)
	if l.Ticket.State != ticket.StateMerged || l.Ticket.MergedInto != winner.Ticket.ID || len(l.Interactions)+len(l.Calls) != 0 {
		t.Fatalf("got %+v", l)
	}
	_, err = d.Merge(ctx, one, winner.Ticket.ID, loser.ID)
	isError(t, err, ticket.ErrImmutable)
	in := mail("alice@example.org", "Je réponds à l'ancien", 90*time.Minute) // replies follow
	in.TicketID = loser.ID
	if r := receive(t, s, in); r.Ticket.ID != winner.Ticket.ID {
		t.Fatalf("got %+v", r.Ticket)
	}

	c.add(25 * time.Hour)
	_, err = d.Unmerge(ctx, one, loser.ID)
	isError(t, err, ticket.ErrTooLate)
	c.add(-2 * time.Hour)
	_, err = d.Unmerge(ctx, one, loser.ID)
	must(t, err)
	_, err = d.Unmerge(ctx, one, loser.ID)
	isError(t, err, ticket.ErrNotFound)
	after := snapshot(t, s)
	same(t, "the loser after the undo", after.Tickets[loser.ID], before.Tickets[loser.ID])
	was, is := before.Tickets[winner.Ticket.ID], after.Tickets[winner.Ticket.ID]
	is.Interactions, is.Messages, is.Ticket.LastPos = is.Interactions[:1], is.Messages[:1], was.Ticket.LastPos // what came meanwhile stays
	same(t, "the winner after the undo", is, was)
	same(t, "calls after the undo", after.Calls, before.Calls)
}

// mergeConservation merges tickets at random, writes to them, and undoes all in
// the other order: every message that was there before is where it was.
func mergeConservation(t *testing.T, s Full) {
	for seed := range uint64(3) {
		random := rand.New(rand.NewPCG(seed, 7))
		ctx := t.Context()
		d, c := deskOf(s)
		one := agentOf(t, s, int(seed)+1)
		var tickets []string
		for n := range 6 {
			r := receive(t, s, mail(fmt.Sprintf("p%d-%d@example.org", seed, n), "Bonjour", 0))
			tickets = append(tickets, r.Ticket.ID)
			for range random.IntN(3) {
				_, err := d.Reply(ctx, one, reply(r, "Réponse"))
				must(t, err)
			}
			if random.IntN(2) == 0 {
				inTx(t, s, func(ctx context.Context, tx ticket.DeskTx) error {
					return tx.SetTags(ctx, r.Ticket.ID, []string{"x", fmt.Sprint("t", n%3)})
				})
			}
			if random.IntN(3) == 0 {
				out := reply(r, "Fait")
				out.State = ticket.StateSolved
				_, err := d.Reply(ctx, one, out)
				must(t, err)
			}
		}
		before := snapshot(t, s)
		messages := countMessages(before)
		var order []string
		for range 4 {
			c.add(time.Minute)
			w, l := tickets[random.IntN(len(tickets))], tickets[random.IntN(len(tickets))]
			_, err := d.Merge(ctx, one, w, l)
			switch {
			case err == nil:
				order = append(order, l)
			case !errors.Is(err, ticket.ErrImmutable) && !errors.Is(err, ticket.ErrState):
				t.Fatal(err)
			}
			if got := countMessages(snapshot(t, s)); got != messages {
				t.Fatalf("seed %d: %d messages after a merge, want %d", seed, got, messages)
			}
		}
		for _, l := range slices.Backward(order) {
			_, err := d.Unmerge(ctx, one, l)
			must(t, err)
		}
		same(t, fmt.Sprintf("seed %d: after %d merges and their undo", seed, len(order)), snapshot(t, s), before)
	}
}

func countMessages(all state) (n int) {
	for _, d := range all.Tickets {
		n += len(d.Messages)
	}
	return n
}

// chatOf is a first message of a chat by somebody who shows some identities.
func chatOf(key, text string, since time.Duration, ids ...ticket.Identity) ticket.Incoming {
	return ticket.Incoming{
		Channel: call.ChannelChat, InteractionID: "chat-" + key, From: ids[0], Also: ids[1:], Queue: "support", Language: "fr",
		Message: ticket.Message{Text: text, ClientID: fmt.Sprint(since), CreatedAt: at(since)},
	}
}

func proved(kind, value string) ticket.Identity {
	return ticket.Identity{Kind: kind, Value: value, Raw: value, Verified: true}
}

func claims(kind, value string) ticket.Identity {
	return ticket.Identity{Kind: kind, Value: value, Raw: value}
}

func provedContacts(t *testing.T, s Full) {
	player, stranger := proved("player", "p1"), claims("email", "zoe@example.org")
	byMail := receive(t, s, mail("zoe@example.org", "Bonjour", 0)) // claimed
	byChat := receive(t, s, chatOf("1", "Bonjour", time.Minute, player))
	if byMail.Contact.ID == byChat.Contact.ID {
		t.Fatal("a stranger became somebody")
	}
	// He names a mail address without proof: nothing is merged.
	if r := receive(t, s, chatOf("2", "Encore", 2*time.Minute, player, stranger)); r.Contact.ID != byChat.Contact.ID {
		t.Fatalf("got %+v", r.Contact)
	}
	// The address's owner proves it: he does not become the player who only named it.
	in := mail("zoe@example.org", "C'est moi", 3*time.Minute)
	in.From.Verified = true
	owner := receive(t, s, in)
	if owner.Contact.ID != byMail.Contact.ID {
		t.Fatalf("got %+v, want the contact who wrote from there", owner.Contact)
	}
	// Both are proved in one message: they are one, the older stays.
	r := receive(t, s, chatOf("3", "Je suis les deux", 4*time.Minute, player, proved("email", "zoe@example.org")))
	if r.Contact.ID != byMail.Contact.ID {
		t.Fatalf("got %+v, want the older of both", r.Contact)
	}
	c, err := s.Contact(t.Context(), byChat.Contact.ID)
	must(t, err)
	if c.Contact.ID != byMail.Contact.ID || len(c.Merged) != 1 || len(c.Interactions) != 5 {
		t.Fatalf("got %+v", c)
	}
	all, _, err := s.Contacts(t.Context(), store.ContactFilter{})
	must(t, err)
	if len(all) != 1 {
		t.Fatalf("got %d contacts, want one", len(all))
	}
	d, clock := deskOf(s)
	clock.now = at(5 * time.Minute)
	must(t, d.UnmergeContacts(t.Context(), ticket.Actor{}, byChat.Contact.ID))
	again, err := s.Contact(t.Context(), byChat.Contact.ID)
	must(t, err)
	if again.Contact.ID != byChat.Contact.ID || len(again.Interactions) != 3 { // the third is on his ticket
		t.Fatalf("got %+v", again)
	}
}

func contactUndo(t *testing.T, s Full) {
	ctx := t.Context()
	d, c := deskOf(s)
	one := agentOf(t, s, 1)
	a := receive(t, s, chatOf("1", "Bonjour", 0, proved("player", "p1"), claims("email", "x@example.org")))
	b := receive(t, s, chatOf("2", "Salut", time.Minute, claims("visitor", "v2"), proved("phone", "+33612345678")))
	inTx(t, s, func(ctx context.Context, tx ticket.DeskTx) error { // both have the address, and the loser proved it
		return tx.AddIdentity(ctx, b.Contact.ID, proved("email", "x@example.org"), at(2*time.Minute))
	})
	linked, err := s.EndCall(ctx, callflow.Ending{Record: func() call.Record {
		r := answered("c1", one.ID)
		r.From.URI, r.From.User = "sip:+33612345678@trunk", "+33612345678"
		return r
	}()})
	must(t, err)
	if linked.Contact.ID != b.Contact.ID {
		t.Fatalf("got %+v", linked.Contact)
	}
	before := snapshot(t, s)
	c.add(time.Hour)
	must(t, d.MergeContacts(ctx, one, a.Contact.ID, b.Contact.ID))
	got, err := s.Contact(ctx, b.Contact.ID)
	must(t, err)
	if got.Contact.ID != a.Contact.ID || len(got.Interactions) != 3 || len(got.Identities) != 4 || !got.Identities[1].Verified {
		t.Fatalf("got %+v", got)
	}
	isError(t, d.MergeContacts(ctx, one, a.Contact.ID, b.Contact.ID), ticket.ErrState)
	isError(t, d.MergeContacts(ctx, one, a.Contact.ID, "none"), ticket.ErrNotFound)
	meanwhile := chatOf("3", "Re", 2*time.Hour, proved("email", "x@example.org"))
	meanwhile.NewTicket = true // on a ticket of the loser it would go back with that
	if r := receive(t, s, meanwhile); r.Contact.ID != a.Contact.ID {
		t.Fatalf("got %+v", r.Contact)
	}
	c.add(23 * time.Hour)
	must(t, d.UnmergeContacts(ctx, one, b.Contact.ID))
	after := snapshot(t, s)
	same(t, "the loser", after.Contacts[b.Contact.ID], before.Contacts[b.Contact.ID])
	kept := after.Contacts[a.Contact.ID]
	kept.Interactions = kept.Interactions[1:] // the chat that came meanwhile
	same(t, "the winner", kept, before.Contacts[a.Contact.ID])
	same(t, "calls", after.Calls, before.Calls)
	for id, k := range before.Tickets {
		if after.Tickets[id].Ticket.ContactID != k.Ticket.ContactID {
			t.Errorf("ticket %d belongs to another contact", k.Ticket.Number)
		}
	}
	must(t, d.MergeContacts(ctx, one, a.Contact.ID, b.Contact.ID))
	c.add(25 * time.Hour)
	isError(t, d.UnmergeContacts(ctx, one, b.Contact.ID), ticket.ErrTooLate)
}

func splits(t *testing.T, s Full) {
	ctx := t.Context()
	d, c := deskOf(s)
	one := agentOf(t, s, 1)
	r := receive(t, s, mail("zoe@example.org", "Mon retrait", 0))
	_, err := d.Reply(ctx, one, reply(r, "Fait"))
	must(t, err)
	in := mail("zoe@example.org", "Autre chose : mon dépôt", time.Hour)
	in.Interaction = r.Interaction.ID
	second := receive(t, s, in)
	c.now = at(2 * time.Hour)
	k, err := d.Split(ctx, one, second.Message.ID, "Mon dépôt")
	must(t, err)
	got, old := detail(t, s, k.ID), detail(t, s, r.Ticket.ID)
	same(t, "split ticket", got.Ticket, k)
	if k.Subject != "Mon dépôt" || k.ContactID != r.Contact.ID || len(got.Messages) != 1 || got.Messages[0].ID != second.Message.ID ||
		got.Messages[0].Seq != 3 || k.LastPos != second.Message.Pos || len(got.Interactions) != 1 {
		t.Fatalf("got %+v", got)
	}
	if i := got.Interactions[0]; !i.WaitingSince.Equal(at(time.Hour)) || i.Replies != 0 || i.From != "zoe@example.org" || i.LastSeq != 3 {
		t.Fatalf("got %+v", i)
	}
	if i := old.Interactions[0]; len(old.Messages) != 2 || !i.WaitingSince.IsZero() || i.Replies != 1 || old.Ticket.LastPos != 2 {
		t.Fatalf("got %+v", old)
	}
	same(t, "links", old.Links, []ticket.Link{{From: k.ID, To: r.Ticket.ID, Kind: ticket.LinkRelated, At: c.now}})
	m, err := d.Reply(ctx, one, ticket.Outgoing{
		TicketID: k.ID, Interaction: got.Interactions[0].ID, Kind: ticket.MessageAgent, Text: "Vu", ExpectedLast: second.Message.Pos,
	})
	must(t, err)
	if m.Seq != 4 {
		t.Fatalf("got %+v", m)
	}

	chat := receive(t, s, chatOf("1", "Bonjour", 3*time.Hour, proved("player", "p9")))
	_, err = d.Split(ctx, one, chat.Message.ID, "")
	isError(t, err, ticket.ErrState)
	moved, err := d.Attach(ctx, one, chat.Interaction.ID, k.ID)
	must(t, err)
	if moved.LastPos != chat.Message.Pos && moved.LastPos != m.Pos {
		t.Fatalf("got %+v", moved)
	}
	if got, left := detail(t, s, k.ID), detail(t, s, chat.Ticket.ID); len(got.Interactions) != 2 || len(got.Messages) != 3 || len(left.Messages) != 0 {
		t.Fatalf("got %+v and %+v", got, left)
	}
	n, err := d.Create(ctx, one, ticket.New{Interaction: chat.Interaction.ID, Subject: "Du chat", Category: ticket.CategoryDeposit, Priority: 1, Note: "vu"})
	must(t, err)
	if got := detail(t, s, n.ID); n.Priority != ticket.PriorityHigh || n.Channel != call.ChannelChat || len(got.Messages) != 2 || got.Ticket.LastPos != n.LastPos {
		t.Fatalf("got %+v", got)
	}
	must(t, d.Link(ctx, one, n.ID, k.ID, ticket.LinkDuplicate))
	must(t, d.Link(ctx, one, n.ID, k.ID, ticket.LinkDuplicate))
	if l := detail(t, s, n.ID).Links; len(l) != 1 || l[0].Kind != ticket.LinkDuplicate {
		t.Fatalf("got %+v", l)
	}
	must(t, d.Unlink(ctx, one, n.ID, k.ID, ticket.LinkDuplicate))
	if l := detail(t, s, n.ID).Links; len(l) != 0 {
		t.Fatalf("got %+v", l)
	}
	isError(t, d.Link(ctx, one, n.ID, "none", ticket.LinkRelated), ticket.ErrNotFound)
}
