package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/callflow"
	"pickup/store"
	"pickup/ticket"
)

// put stores a ticket with a contact of its own as a test wants it.
func put(t *testing.T, s Full, n int, change func(*ticket.Ticket)) ticket.Ticket {
	t.Helper()
	id := fmt.Sprintf("t%02d", n)
	k := ticket.Ticket{
		ID: id, ContactID: "c-" + id, Subject: "Sujet " + id, Type: "email", Category: ticket.CategoryOther, State: ticket.StateOpen,
		Priority: 1, Queue: "support", Language: "fr", Channel: call.ChannelEmail, CreatedAt: at(time.Duration(n) * time.Minute),
		UpdatedAt: at(time.Duration(100-n) * time.Minute),
	}
	if change != nil {
		change(&k)
	}
	inTx(t, s, func(ctx context.Context, tx ticket.DeskTx) (err error) {
		must(t, tx.AddContact(ctx, ticket.Contact{ID: "c-" + id, Name: "Joueur " + id, Language: "fr", CreatedAt: start}))
		k, err = tx.SaveTicket(ctx, k)
		return err
	})
	return k
}

func listed2(t *testing.T, s Full, f store.TicketFilter) (ids []string) {
	t.Helper()
	f.Limit = 3
	for {
		rows, next, err := s.Tickets(t.Context(), f)
		must(t, err)
		for _, k := range rows {
			ids = append(ids, k.ID)
		}
		if next == "" {
			return ids
		}
		f.After = next
	}
}

func ticketLists(t *testing.T, s Full) {
	one := agent(t, s, 1)
	for n := range 8 {
		put(t, s, n, func(k *ticket.Ticket) {
			switch n {
			case 1:
				k.State, k.SolvedAt = ticket.StateSolved, at(time.Hour)
			case 2:
				k.Priority, k.AssigneeID = ticket.PriorityUrgent, string(one.ID)
			case 3:
				k.Queue, k.Category, k.Channel = "payments", ticket.CategoryWithdrawal, call.ChannelChat
			case 4:
				k.Priority = ticket.PriorityHigh
			}
		})
	}
	inTx(t, s, func(ctx context.Context, tx ticket.DeskTx) error {
		must(t, tx.SetTags(ctx, "t05", []string{"vip", "bonus"}))
		must(t, tx.SetTags(ctx, "t06", []string{"vip"}))
		must(t, tx.SaveInteraction(ctx, ticket.Interaction{
			ID: "i1", Channel: call.ChannelEmail, Direction: call.Inbound, TicketID: "t06", ContactID: "c-t06", StartedAt: start,
			QueuedAt: start, WaitingSince: start,
		}))
		return tx.SaveInteraction(ctx, ticket.Interaction{
			ID: "i2", Channel: call.ChannelChat, Direction: call.Inbound, TicketID: "t07", ContactID: "c-t07", StartedAt: start,
			HandledBy: one.ID, EndedAt: at(time.Minute),
		})
	})
	for name, c := range map[string]struct {
		filter store.TicketFilter
		want   []string
	}{
		"all, newest first":        {store.TicketFilter{}, []string{"t07", "t06", "t05", "t04", "t03", "t02", "t01", "t00"}},
		"all, last changed first":  {store.TicketFilter{Order: store.ByUpdated}, []string{"t00", "t01", "t02", "t03", "t04", "t05", "t06", "t07"}},
		"solved":                   {store.TicketFilter{States: []ticket.State{ticket.StateSolved, ticket.StateClosed}}, []string{"t01"}},
		"priorities":               {store.TicketFilter{Priorities: []int{2, 3}}, []string{"t04", "t02"}},
		"queue":                    {store.TicketFilter{Queue: "payments"}, []string{"t03"}},
		"category":                 {store.TicketFilter{Category: ticket.CategoryWithdrawal}, []string{"t03"}},
		"channel":                  {store.TicketFilter{Channel: call.ChannelChat}, []string{"t03"}},
		"assignee":                 {store.TicketFilter{AssigneeID: string(one.ID)}, []string{"t02"}},
		"nobody's":                 {store.TicketFilter{Unassigned: true, Priorities: []int{2, 3}}, []string{"t04"}},
		"his, or handled by him":   {store.TicketFilter{Agent: one.ID}, []string{"t07", "t02"}},
		"his, and what he holds":   {store.TicketFilter{Agent: one.ID, Also: []string{"t04", "t02"}}, []string{"t07", "t04", "t02"}},
		"text of what he sees":     {store.TicketFilter{Text: "sujet", Agent: one.ID, Also: []string{"t04", "t05"}}, []string{"t07", "t05", "t04", "t02"}},
		"text of what he holds":    {store.TicketFilter{Text: "sujet t04", Agent: one.ID, Also: []string{"t04", "t05"}}, []string{"t04"}},
		"number":                   {store.TicketFilter{Number: 5}, []string{"t04"}},
		"number of his":            {store.TicketFilter{Number: 5, Agent: one.ID}, nil},
		"number and state":         {store.TicketFilter{Number: 2, States: []ticket.State{ticket.StateOpen}}, nil},
		"one tag":                  {store.TicketFilter{Tags: []string{"vip"}}, []string{"t06", "t05"}},
		"two tags":                 {store.TicketFilter{Tags: []string{"vip", "bonus"}}, []string{"t05"}},
		"a tag that is none":       {store.TicketFilter{Tags: []string{"x"}}, nil},
		"who waits for us":         {store.TicketFilter{WaitingForUs: true}, []string{"t06"}},
		"window":                   {store.TicketFilter{From: at(2 * time.Minute), To: at(4 * time.Minute)}, []string{"t03", "t02"}},
		"text":                     {store.TicketFilter{Text: "SUJET t04"}, []string{"t04"}},
		"text and queue":           {store.TicketFilter{Text: "sujet", Queue: "payments"}, []string{"t03"}},
		"text of his":              {store.TicketFilter{Text: "sujet", Agent: one.ID}, []string{"t07", "t02"}},
		"text of nothing":          {store.TicketFilter{Text: "?!"}, nil},
		"contact":                  {store.TicketFilter{ContactID: "c-t04"}, []string{"t04"}},
		"changed since, by change": {store.TicketFilter{Order: store.ByUpdated, From: at(98 * time.Minute)}, []string{"t00", "t01", "t02"}},
	} {
		if got := listed2(t, s, c.filter); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	rows, _, err := s.Tickets(t.Context(), store.TicketFilter{Tags: []string{"bonus"}})
	must(t, err)
	same(t, "tags of a list", rows[0].Tags, []string{"bonus", "vip"})
	for id, want := range map[string]bool{"t02": true, "t07": true, "t05": false} {
		yes, err := s.TicketOf(t.Context(), id, one.ID)
		must(t, err)
		if yes != want || detail(t, s, id).Of(one.ID) != want {
			t.Errorf("%s is his: got %v, want %v", id, yes, want)
		}
	}
	for id, want := range map[string][]account.ID{"t02": {one.ID}, "t07": {one.ID}, "t05": {}} {
		got, err := s.TicketAgents(t.Context(), id)
		must(t, err)
		if !slices.Equal(got, want) {
			t.Errorf("agents of %s: got %v, want %v", id, got, want)
		}
		if got, err = s.ContactAgents(t.Context(), "c-"+id); err != nil || !slices.Equal(got, want) {
			t.Errorf("agents of the contact of %s: got %v, %v, want %v", id, got, err, want)
		}
	}
	_, err = s.TicketOf(t.Context(), "none", one.ID)
	isError(t, err, store.ErrNotFound)
	k, err := s.TicketByNumber(t.Context(), 3)
	must(t, err)
	if k.ID != "t02" {
		t.Errorf("got %+v", k)
	}
	byID, err := s.TicketByID(t.Context(), k.ID)
	must(t, err)
	if !reflect.DeepEqual(byID, k) {
		t.Errorf("by its id %+v, by its number %+v", byID, k)
	}
	_, err = s.TicketByID(t.Context(), "none")
	isError(t, err, store.ErrNotFound)
	_, err = s.TicketByNumber(t.Context(), 99)
	isError(t, err, store.ErrNotFound)
}

func ticketHeads(t *testing.T, s Full) {
	ctx := t.Context()
	one := agent(t, s, 1)
	linked, err := s.EndCall(ctx, callflow.Ending{Record: answered("c1", one.ID)})
	must(t, err)
	r := receive(t, s, mail("zoe@example.org", "Bonjour", time.Hour))
	d, _ := deskOf(s)
	_, err = d.Merge(ctx, ticket.Actor{}, r.Ticket.ID, linked.Ticket.ID)
	must(t, err)
	bare := put(t, s, 1, nil)
	all, _, err := s.Tickets(ctx, store.TicketFilter{})
	must(t, err)
	heads, err := s.TicketHeads(ctx, all)
	must(t, err)
	same(t, "heads", heads, map[string]store.TicketHead{
		r.Ticket.ID: {
			Contact: "zoe@example.org", WaitingSince: at(time.Hour), Channels: []call.Channel{call.ChannelCall, call.ChannelEmail},
			Calls: []call.ID{"c1"},
		},
		linked.Ticket.ID: {Contact: "Alice \"É\""},
		bare.ID:          {Contact: "Joueur t01"},
	})
	none, err := s.TicketHeads(ctx, nil)
	if len(none) != 0 || err != nil {
		t.Fatalf("got %v %v", none, err)
	}
}

func needsWork(t *testing.T, s Full) {
	ctx := t.Context()
	d, _ := deskOf(s)
	one := agentOf(t, s, 1)
	waits := receive(t, s, mail("a@example.org", "Bonjour", time.Minute))
	first := receive(t, s, mail("b@example.org", "Bonjour", 0))
	done := receive(t, s, mail("c@example.org", "Bonjour", 0))
	_, err := d.Reply(ctx, one, reply(done, "Fait"))
	must(t, err)
	chat := receive(t, s, chatOf("1", "Bonjour", 0, claims("visitor", "v1")))
	missed := record("c1")
	missed.EndReason, missed.EndedAt = call.EndAbandoned, at(time.Minute)
	linked, err := s.EndCall(ctx, ending(missed))
	must(t, err)
	put(t, s, 1, func(k *ticket.Ticket) { k.State = ticket.StatePending })
	bare := put(t, s, 2, nil)
	w, err := s.NeedsWork(ctx)
	must(t, err)
	var mails, tickets []string
	for _, m := range w.Mails {
		mails = append(mails, m.Interaction.ID)
		if m.Ticket.ID != m.Interaction.TicketID {
			t.Errorf("the ticket of %s is %s", m.Interaction.ID, m.Ticket.ID)
		}
	}
	for _, k := range w.Tickets {
		tickets = append(tickets, k.ID)
	}
	same(t, "threads that wait", mails, []string{first.Interaction.ID, waits.Interaction.ID})
	want := []string{linked.Ticket.ID, bare.ID}
	same(t, "tickets that wait", tickets, want)
	inTx(t, s, func(ctx context.Context, tx ticket.DeskTx) error {
		i, _, err := tx.Interaction(ctx, chat.Interaction.ID)
		must(t, err)
		i.EndedAt = at(time.Hour)
		return tx.SaveInteraction(ctx, i)
	})
	w, err = s.NeedsWork(ctx)
	must(t, err)
	if len(w.Tickets) != 3 || w.Tickets[0].ID != chat.Ticket.ID {
		t.Fatalf("got %+v, want the ticket of the chat that ended too", w.Tickets)
	}
}

func textFigures(t *testing.T, s Full) {
	ctx := t.Context()
	inTx(t, s, func(ctx context.Context, tx ticket.DeskTx) error {
		for n, c := range []struct {
			channel  call.Channel
			queue    string
			queued   time.Duration
			answered time.Duration // after queued; 0: never
			ended    bool
			replies  int
			sum      time.Duration
		}{
			{call.ChannelChat, "support", 0, 30 * time.Second, true, 3, 90 * time.Second},
			{call.ChannelChat, "support", time.Minute, 150 * time.Second, false, 1, 150 * time.Second},
			{call.ChannelChat, "support", 2 * time.Minute, 0, true, 0, 0},
			{call.ChannelChat, "support", 3 * time.Minute, 0, false, 0, 0},
			{call.ChannelChat, "payments", 3 * time.Minute, time.Second, true, 1, time.Second},
			{call.ChannelEmail, "support", 3 * time.Minute, time.Hour, false, 1, time.Hour},
			{call.ChannelChat, "support", time.Hour, time.Second, true, 1, time.Second},
		} {
			i := ticket.Interaction{
				ID: fmt.Sprint("i", n), Channel: c.channel, Direction: call.Inbound, Queue: c.queue, StartedAt: at(c.queued), QueuedAt: at(c.queued),
				Replies: c.replies, ReplySum: c.sum, FirstReply: c.answered,
			}
			if c.answered > 0 {
				i.AnsweredAt = i.QueuedAt.Add(c.answered)
			}
			if c.ended {
				i.EndedAt = i.QueuedAt.Add(30 * time.Minute)
			}
			must(t, tx.SaveInteraction(ctx, i))
		}
		out := ticket.Interaction{ID: "o", Channel: call.ChannelChat, Direction: call.Outbound, Queue: "support", StartedAt: start, QueuedAt: start}
		return tx.SaveInteraction(ctx, out)
	})
	f, err := s.TextFigures(ctx, call.ChannelChat, "support", start, at(10*time.Minute), 2*time.Minute)
	must(t, err)
	third := 100.0 / 3
	same(t, "figures", f, ticket.Figures{
		Offered: 4, Answered: 2, AnsweredInTarget: 1, Abandoned: 1, Waiting: 1, MeanWait: 90 * time.Second, P50Wait: 30 * time.Second,
		P90Wait: 150 * time.Second, P95Wait: 150 * time.Second, MaxWait: 150 * time.Second, FirstReply: 90 * time.Second,
		NextReply: 30 * time.Second, Replies: 4, Percent: &third,
	})
	f, err = s.TextFigures(ctx, call.ChannelChat, "", start, at(10*time.Minute), 2*time.Minute)
	must(t, err)
	if f.Offered != 5 {
		t.Fatalf("got %+v for all queues", f)
	}
	all, next, err := s.Interactions(ctx, store.InteractionFilter{
		Channels: []call.Channel{call.ChannelChat}, Queue: "support", Queued: true, From: start, To: at(10 * time.Minute), Direction: call.Inbound,
	})
	must(t, err)
	if len(all) != 4 || next != "" || all[0].ID != "i3" {
		t.Fatalf("got %+v", all)
	}
	all, _, err = s.Interactions(ctx, store.InteractionFilter{Open: true, Page: store.Page{Limit: 2}})
	must(t, err)
	if len(all) != 2 || all[0].ID != "i5" {
		t.Fatalf("got %+v", all)
	}
}

func duplicates(t *testing.T, s Full) {
	ctx := t.Context()
	d, c := deskOf(s)
	c.now = at(time.Hour)
	text := "Mon retrait de cinquante euros est bloqué depuis hier"
	one := receive(t, s, chatOf("1", text, 0, proved("player", "p1")))
	chat := func(key, text string, since time.Duration, queue string, id ticket.Identity) ticket.Received {
		in := chatOf(key, text, since, id)
		in.NewTicket, in.Queue = true, queue
		return receive(t, s, in)
	}
	same1 := chat("2", "Mon retrait de cinquante euros est bloque depuis hier !", time.Minute, "support", proved("player", "p1"))
	other := chat("3", "Bonjour", 2*time.Minute, "payments", proved("player", "p1"))
	stranger := chat("4", text, 3*time.Minute, "support", claims("visitor", "v1"))
	chat("5", "Tout autre chose", 4*time.Minute, "support", claims("visitor", "v2"))
	got, err := d.Duplicates(ctx, one.Ticket.ID)
	must(t, err)
	type row struct {
		id    string
		score int
	}
	var rows []row
	for _, g := range got {
		rows = append(rows, row{g.Ticket.ID, g.Score})
	}
	same(t, "duplicates", rows, []row{{same1.Ticket.ID, 120}, {other.Ticket.ID, 80}, {stranger.Ticket.ID, 70}})
	same(t, "reasons", got[2].Reasons, []string{"open", "category", "young", "similar"})
	_, err = d.Duplicates(ctx, "none")
	isError(t, err, ticket.ErrNotFound)
}

func callInteraction(t *testing.T, s Full) {
	ctx := t.Context()
	one := agent(t, s, 1)
	r := answered("c1", one.ID)
	must(t, s.SaveCall(ctx, record("c1")))
	i, err := s.Interaction(ctx, "c1")
	must(t, err)
	if i.Channel != call.ChannelCall || i.Language != "fr" || !i.QueuedAt.Equal(r.EnqueuedAt) || i.Replies != 0 {
		t.Fatalf("got %+v", i)
	}
	linked, err := s.EndCall(ctx, ending(r))
	must(t, err)
	i, err = s.Interaction(ctx, "c1")
	must(t, err)
	if i.TicketID != linked.Ticket.ID || i.ContactID != linked.Contact.ID || i.Replies != 1 || i.FirstReply != 4*time.Second ||
		!i.EndedAt.Equal(r.EndedAt) || i.HandledBy != one.ID {
		t.Fatalf("got %+v", i)
	}
	d, _ := deskOf(s)
	m, err := d.Reply(ctx, ticket.Actor{ID: one.ID}, ticket.Outgoing{
		TicketID: linked.Ticket.ID, Interaction: "c1", Kind: ticket.MessageNote, Text: "rappelé", ExpectedLast: -1,
	})
	must(t, err)
	if m.Seq != 1 {
		t.Fatalf("got %+v", m)
	}
	must(t, s.LookDesk(ctx, func(tx ticket.DeskTx) error { // it asks, and writes nothing
		next := record("c2")
		shown, err := ticket.Suggest(ctx, tx, ticket.Policy{}, next)
		if shown.Ticket.ID != linked.Ticket.ID || shown.Contact.ID != linked.Contact.ID {
			t.Errorf("got %+v before the call is answered", shown)
		}
		next.From.URI, next.From.User = "sip:bob@198.51.100.8", "bob"
		if nobody, err := ticket.Suggest(ctx, tx, ticket.Policy{}, next); err != nil || nobody.Contact.ID != "" {
			t.Errorf("got %+v %v for somebody new", nobody, err)
		}
		return err
	}))
	looking := errors.New("enough")
	isError(t, s.LookDesk(ctx, func(tx ticket.DeskTx) error {
		k, ok, err := tx.Ticket(ctx, linked.Ticket.ID)
		if err != nil || !ok || k.Subject != linked.Ticket.Subject {
			t.Errorf("looked at %+v, %v", k, err)
		}
		return looking
	}), looking)
	_ = s.LookDesk(ctx, func(tx ticket.DeskTx) error { // whatever it tries
		_, err := tx.SaveTicket(ctx, ticket.Ticket{ID: "stowaway", ContactID: linked.Contact.ID, Subject: "S", State: ticket.StateNew, CreatedAt: start})
		return err
	})
	_, err = s.TicketByID(ctx, "stowaway")
	isError(t, err, store.ErrNotFound)
	gone, cancel := context.WithCancel(ctx)
	isError(t, s.LookDesk(gone, func(tx ticket.DeskTx) error { // who leaves in the middle leaves no transaction behind
		cancel()
		_, _, err := tx.Ticket(gone, linked.Ticket.ID)
		return errors.Join(err, gone.Err())
	}), context.Canceled)
	for range 8 {
		must(t, s.LookDesk(ctx, func(tx ticket.DeskTx) error {
			_, ok, err := tx.Ticket(ctx, linked.Ticket.ID)
			if !ok {
				t.Error("the ticket is not seen")
			}
			return err
		}))
	}
}

func callOfTicket(t *testing.T, s Full) {
	ctx := t.Context()
	one := agent(t, s, 1)
	chat := receive(t, s, chatOf("1", "Appelez-moi", 0, proved("player", "p1")))
	back := answered("c1", one.ID)
	back.Direction, back.TicketID, back.ContactID = call.Outbound, chat.Ticket.ID, chat.Contact.ID
	back.From, back.To = back.To, call.Party{Kind: call.PartyBrowser, URI: "browser:1"}
	linked, err := s.EndCall(ctx, ending(back))
	must(t, err)
	if linked.Ticket.ID != chat.Ticket.ID || linked.Created || linked.Ticket.State != ticket.StateOpen {
		t.Fatalf("got %+v", linked)
	}
	if d := detail(t, s, chat.Ticket.ID); len(d.Interactions) != 2 || !slices.Equal(d.Calls, []call.ID{"c1"}) {
		t.Fatalf("got %+v", d)
	}
}
