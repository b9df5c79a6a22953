package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
	"pickup/ticket"
	"pickup/ticket/chat"
	"pickup/ticket/work"
)

// openChat stores a conversation with its first message.
func openChat(t *testing.T, s Full, key string, since time.Duration) chat.Chat {
	t.Helper()
	ctx := t.Context()
	var c chat.Chat
	must(t, s.Chat(ctx, func(tx chat.Tx) error {
		got, err := ticket.Receive(ctx, tx, ticket.Policy{}, ticket.Incoming{
			Channel: call.ChannelChat, Queue: "support", Language: "fr", Name: "Zoé",
			From:    ticket.Identity{Kind: "visitor", Value: "v-" + key, Raw: "v-" + key, Verified: true},
			Message: ticket.Message{Kind: ticket.MessageCustomer, Text: "Bonjour", ClientID: "open", CreatedAt: at(since)},
		})
		if err != nil {
			return err
		}
		c = chat.Chat{ID: got.Interaction.ID, Key: key, VisitorID: "v-" + key, Name: "Zoé", State: chat.StateWaiting, Page: "https://casino.example/"}
		if err := tx.SaveChat(ctx, c); err != nil {
			return err
		}
		_, err = tx.AddChatEvent(ctx, c.ID, chat.Event{At: at(since), Kind: chat.KindState, State: chat.StateWaiting})
		return err
	}))
	return c
}

func conversation(t *testing.T, s Full) {
	ctx := t.Context()
	c := openChat(t, s, "k1", 0)
	events := []chat.Event{
		{At: at(time.Second), Kind: chat.KindAssignment, Agent: "a1", AgentName: "Anna"},
		{At: at(2 * time.Second), Kind: chat.KindRead, Side: chat.Visitor, UpTo: 2},
		{At: at(3 * time.Second), Kind: chat.KindCall, Side: chat.Agent},
		{At: at(4 * time.Second), Kind: chat.KindState, State: chat.StateEnded, Reason: "agent"},
	}
	must(t, s.Chat(ctx, func(tx chat.Tx) error {
		for i, e := range events {
			got, err := tx.AddChatEvent(ctx, c.ID, e)
			if err != nil {
				return err
			}
			if want := int64(i + 3); got.Seq != want {
				t.Errorf("event %d has number %d, want %d", i, got.Seq, want)
			}
			events[i] = got
		}
		i, ok, err := tx.Interaction(ctx, c.ID)
		if err != nil || !ok {
			return errors.Join(err, ticket.ErrNotFound)
		}
		_, err = ticket.Post(ctx, tx, ticket.Policy{}, ticket.Actor{ID: "a1"}, ticket.Outgoing{
			TicketID: i.TicketID, Interaction: c.ID, Kind: ticket.MessageAgent, Text: "Adieu", ClientID: "x", ExpectedLast: -1,
		}, at(5*time.Second))
		if err != nil {
			return err
		}
		_, err = ticket.Post(ctx, tx, ticket.Policy{}, ticket.Actor{ID: "a1"}, ticket.Outgoing{
			TicketID: i.TicketID, Kind: ticket.MessageNote, Text: "entre nous", ExpectedLast: -1,
		}, at(6*time.Second))
		return err
	}))
	all, err := s.ChatEvents(ctx, c.ID, 0, 100)
	must(t, err)
	if len(all) != 7 {
		t.Fatalf("got %d events, want 7: %+v", len(all), all)
	}
	for i, e := range all {
		if e.Seq != int64(i+1) {
			t.Fatalf("event %d has number %d", i, e.Seq)
		}
	}
	same(t, "events", all[2:6], events)
	if all[0].Message.Text != "Bonjour" || all[6].Message.Text != "Adieu" || all[6].Message.AuthorID != "a1" || all[6].Message.Seq != 7 {
		t.Fatalf("got %+v", all)
	}
	page, err := s.ChatEvents(ctx, c.ID, 2, 3)
	must(t, err)
	same(t, "a page of events", page, events[:3])
	none, err := s.ChatEvents(ctx, "none", 0, 3)
	if err != nil || len(none) != 0 {
		t.Fatalf("got %v, %v", none, err)
	}

	must(t, s.Chat(ctx, func(tx chat.Tx) error {
		got, ok, err := tx.Chat(ctx, c.ID)
		if err != nil || !ok {
			return errors.Join(err, ticket.ErrNotFound)
		}
		got.State, got.AgentID, got.Email, got.VisitorRead, got.AgentRead = chat.StateEnded, "a1", "zoe@example.org", 7, 2
		got.MailedSeq, got.MailedAt, got.Transcripts, got.Preferred = 7, at(time.Minute), 2, "a2"
		got.PlayerID, got.Tier, got.Name = "p-42", "gold", "Zoé L."
		c = got
		return tx.SaveChat(ctx, got)
	}))
	conv, err := s.Conversation(ctx, c.ID)
	must(t, err)
	same(t, "chat", conv.Chat, c)
	if conv.Interaction.LastSeq != 7 || conv.Interaction.TicketID == "" || conv.Ticket.ID != conv.Interaction.TicketID {
		t.Fatalf("got %+v", conv)
	}
	open := openChat(t, s, "k2", time.Hour)
	first := openChat(t, s, "k3", time.Minute)
	ids, err := s.OpenChats(ctx)
	must(t, err)
	same(t, "open chats", ids, []string{first.ID, open.ID})
	_, err = s.Conversation(ctx, "none")
	isError(t, err, ticket.ErrNotFound)
}

func openedOnce(t *testing.T, s Full) {
	ctx := t.Context()
	c := openChat(t, s, "k1", 0)
	must(t, s.Chat(ctx, func(tx chat.Tx) error {
		got, ok, err := tx.ChatByKey(ctx, "k1")
		if !ok || got.ID != c.ID {
			t.Errorf("got %+v, %v", got, ok)
		}
		if _, ok, _ := tx.ChatByKey(ctx, "k2"); ok {
			t.Error("a key that nobody used is known")
		}
		return err
	}))
	err := s.Chat(ctx, func(tx chat.Tx) error {
		return tx.SaveChat(ctx, chat.Chat{ID: "other", Key: "k1", VisitorID: "v", State: chat.StateWaiting})
	})
	if err == nil {
		t.Fatal("two conversations have one key")
	}
}

func failedChat(t *testing.T, s Full) {
	ctx := t.Context()
	c := openChat(t, s, "k1", 0)
	broken := errors.New("broken")
	err := s.Chat(ctx, func(tx chat.Tx) error {
		if _, err := tx.AddChatEvent(ctx, c.ID, chat.Event{At: at(time.Second), Kind: chat.KindCall, Side: chat.Visitor}); err != nil {
			return err
		}
		changed := c
		changed.State = chat.StateEnded
		if err := tx.SaveChat(ctx, changed); err != nil {
			return err
		}
		return broken
	})
	isError(t, err, broken)
	conv, err := s.Conversation(ctx, c.ID)
	must(t, err)
	events, err := s.ChatEvents(ctx, c.ID, 0, 10)
	must(t, err)
	if conv.State != chat.StateWaiting || conv.Interaction.LastSeq != 2 || len(events) != 2 {
		t.Fatalf("got %+v with %d events", conv, len(events))
	}
}

func openTasks(t *testing.T, s Full) {
	ctx := t.Context()
	receive := func(channel call.Channel, who string, since time.Duration) ticket.Received {
		t.Helper()
		var got ticket.Received
		must(t, s.Desk(ctx, func(tx ticket.DeskTx) (err error) {
			got, err = ticket.Receive(ctx, tx, ticket.Policy{}, ticket.Incoming{
				Channel: channel, Queue: "payments", Language: "fr", Name: who, Subject: "Retrait",
				From:    ticket.Identity{Kind: "email", Value: who + "@example.org", Raw: who + "@example.org"},
				Message: ticket.Message{Kind: ticket.MessageCustomer, Text: "Où est mon argent ?", CreatedAt: at(since)},
			})
			return err
		}))
		return got
	}
	mail := receive(call.ChannelEmail, "alice", time.Minute)
	chatted := openChat(t, s, "k1", 0)
	tasks, err := s.OpenTasks(ctx)
	must(t, err)
	want := []work.Task{{
		Channel: call.ChannelEmail, InteractionID: mail.Interaction.ID, TicketID: mail.Ticket.ID, Queue: "payments", Category: ticket.CategoryWithdrawal,
		Priority: ticket.PriorityHigh, Language: "fr", Player: "alice", Subject: "Retrait", Since: at(time.Minute),
	}}
	same(t, "tasks while a chat is open", tasks, want)

	must(t, s.Chat(ctx, func(tx chat.Tx) error { // the chat ends without an answer: its ticket is work
		i, _, err := tx.Interaction(ctx, chatted.ID)
		if err != nil {
			return err
		}
		i.EndedAt, i.EndReason = at(time.Hour), call.EndAbandoned
		return tx.SaveInteraction(ctx, i)
	}))
	item := queue.Item{
		ID: want[0].ItemID(), Channel: call.ChannelEmail, Queue: "payments", EnqueuedAt: at(time.Minute), Key: 1,
		TicketID: mail.Ticket.ID, InteractionID: mail.Interaction.ID, Priority: 2, Class: queue.ClassDeferred,
	}
	commit(
		t, s,
		queue.Decision{Kind: queue.DecisionEnqueue, Item: item, At: at(0)},
		queue.Decision{Kind: queue.DecisionOffer, Item: item, Offer: "o1", Agent: "a1", At: at(1)},
		queue.Decision{Kind: queue.DecisionAccept, Item: item, Offer: "o1", Agent: "a1", At: at(2)},
		queue.Decision{Kind: queue.DecisionPark, Item: item, Offer: "o1", Agent: "a1", At: at(3)},
	)
	must(t, s.RecoverQueue(ctx, at(4)))
	tasks, err = s.OpenTasks(ctx)
	must(t, err)
	want[0].Holder, want[0].Parked = "a1", true
	if len(tasks) != 2 {
		t.Fatalf("got %+v", tasks)
	}
	same(t, "the held mail", tasks[0], want[0])
	if tasks[1].Channel != call.ChannelTicket || tasks[1].InteractionID != "" || tasks[1].Player != "Zoé" || !tasks[1].Since.Equal(at(0)) {
		t.Fatalf("got %+v", tasks[1])
	}

	hand := func(item, agent, reason string) {
		t.Helper()
		must(t, s.Desk(ctx, func(tx ticket.DeskTx) error {
			return tx.SaveHandover(ctx, ticket.Handover{
				ItemID: item, TicketID: mail.Ticket.ID, From: "support", Queue: "payments", Agent: account.ID(agent), Skill: "dispute", Level: 2,
				Reason: reason, By: "1001", At: at(5),
			})
		}))
	}
	hand("no such item", "a3", "nothing waits for it")
	hand(string(item.ID), "a2", "he asked for her")
	hand(string(item.ID), "", "she is away")
	hand("chat-"+chatted.ID, "a2", "French")
	tasks, err = s.OpenTasks(ctx)
	must(t, err)
	want[0].Wish = work.Wish{Skill: "dispute", Level: 2, By: "1001"}
	same(t, "the mail that was transferred", tasks[0], want[0])
	item.ID = "chat-" + queue.ItemID(chatted.ID)
	item.Channel = call.ChannelChat
	wishes := func(what string, want work.Wish) {
		t.Helper()
		c, err := s.Conversation(ctx, chatted.ID)
		must(t, err)
		same(t, what, c.Wish, want)
	}
	wishes("a chat that no item waits for", work.Wish{})
	commit(t, s, queue.Decision{Kind: queue.DecisionEnqueue, Item: item, At: at(6)})
	wishes("the chat that was transferred", work.Wish{Agent: "a2", Skill: "dispute", Level: 2, By: "1001"})
	commit(t, s, queue.Decision{Kind: queue.DecisionEnd, Item: item, Reason: call.EndAnswered, At: at(7)})
	wishes("the chat when its item has ended", work.Wish{})
	must(t, s.Desk(ctx, func(tx ticket.DeskTx) error { // answered
		_, err := ticket.Post(ctx, tx, ticket.Policy{}, ticket.Actor{ID: "a1"}, ticket.Outgoing{
			TicketID: tasks[1].TicketID, Kind: ticket.MessageNote, Text: "vu", ExpectedLast: -1,
		}, at(2*time.Hour))
		if err != nil {
			return err
		}
		k, _, err := tx.Ticket(ctx, tasks[1].TicketID)
		k.AssigneeID = "a1"
		return errors.Join(err, second(tx.SaveTicket(ctx, k)))
	}))
	tasks, err = s.OpenTasks(ctx)
	must(t, err)
	if slices.ContainsFunc(tasks, func(t work.Task) bool { return t.Channel == call.ChannelTicket }) {
		t.Fatalf("a ticket that was taken is still work: %+v", tasks)
	}
}

func workStory(t *testing.T, s Full) {
	ctx := t.Context()
	item := queue.Item{
		ID: "email-i1-1", Channel: call.ChannelEmail, Queue: "payments", EnqueuedAt: at(0), Key: 7, TicketID: "t1", InteractionID: "i1",
		Priority: 2, Class: queue.ClassDeferred, Language: "fr",
	}
	decision := func(kind queue.DecisionKind, offer queue.OfferID, agent account.ID, after time.Duration) queue.Decision {
		return queue.Decision{Kind: kind, Item: item, Offer: offer, Agent: agent, At: at(after), Why: "why of " + string(offer)}
	}
	missed := decision(queue.DecisionRelease, "o1", "a1", 2*time.Second)
	missed.Outcome = call.OutcomeMissed
	done := decision(queue.DecisionRelease, "o2", "a2", time.Minute)
	done.Outcome = call.OutcomeAnswered
	commit(t, s, decision(queue.DecisionEnqueue, "", "", 0), decision(queue.DecisionOffer, "o1", "a1", time.Second), missed,
		decision(queue.DecisionRequeue, "", "", 2*time.Second), decision(queue.DecisionOffer, "o2", "a2", 3*time.Second),
		decision(queue.DecisionAccept, "o2", "a2", 4*time.Second))
	w, err := s.Worked(ctx, string(item.ID))
	must(t, err)
	trials := []work.Trial{
		{At: at(time.Second), Agent: "a1", Why: "why of o1", Outcome: "missed"}, {At: at(3 * time.Second), Agent: "a2", Why: "why of o2", Outcome: "accepted"},
	}
	same(t, "offers", w.Trials, trials)
	if w.Agent != "a2" || w.Why != "why of o2" || !w.EndedAt.IsZero() || w.Queue != "payments" || w.Key != 7 || w.TicketID != "t1" {
		t.Fatalf("got %+v", w)
	}
	end := decision(queue.DecisionEnd, "", "", time.Minute)
	end.Reason = call.EndAnswered
	commit(t, s, done, end)
	w, err = s.Worked(ctx, string(item.ID))
	must(t, err)
	same(t, "offers of ended work", w.Trials, trials)
	if !w.EndedAt.Equal(at(time.Minute)) || w.Reason != call.EndAnswered {
		t.Fatalf("got %+v", w)
	}
	_, err = s.Worked(ctx, "none")
	isError(t, err, work.ErrGone)
}

func second[T any](_ T, err error) error { return err }

// commit writes decisions of the queue.
func commit(t *testing.T, s Full, decisions ...queue.Decision) {
	t.Helper()
	for i, err := range s.CommitDecisions(context.WithoutCancel(t.Context()), decisions) {
		if err != nil {
			t.Fatalf("%s: %v", decisions[i].Kind, err)
		}
	}
}
