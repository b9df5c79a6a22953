package chat_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pickup/call"
	"pickup/queue"
	"pickup/ticket"
	"pickup/ticket/chat"
	"pickup/ticket/work"
)

func TestAConversationFromOpeningToEnd(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		id := h.answered()
		h.must(h.agent(id, "a-1", "Bonjour, Anna à l'appareil"))
		h.must(h.visitor(id, "v-1", "  Mon dépôt\x07 manque \r\n"))
		h.must(h.rooms.Read(h.t.Context(), id, chat.Visitor, 5))
		h.must(h.rooms.Read(h.t.Context(), id, chat.Visitor, 4)) // going back is nothing
		h.must(h.rooms.OfferCall(h.t.Context(), id, chat.Agent))
		h.must(h.rooms.End(h.t.Context(), id, chat.Agent))
		h.must(h.rooms.End(h.t.Context(), id, chat.Visitor)) // once
		h.wants(id,
			"customer: Bonjour", "state waiting ", "agent Anna", "state open ", "agent: Bonjour, Anna à l'appareil",
			"customer: Mon dépôt manque", "visitor read 5", "agent calls", "state ended agent")
		h.ends(id, call.EndAnswered)
		c, err := h.rooms.Conversation(h.t.Context(), id)
		h.must(err)
		if c.Ticket.AssigneeID != "a1" || c.Ticket.State != ticket.StateOpen || c.Interaction.Replies != 1 {
			t.Errorf("got %+v and %+v", c.Ticket, c.Interaction)
		}
		d, err := h.store.Ticket(h.t.Context(), c.Ticket.ID)
		h.must(err)
		if n := len(d.Events); n == 0 || d.Events[n-1].Kind != "chat" || d.Events[n-1].Detail["interaction_id"] != id {
			t.Errorf("the timeline is %+v", d.Events)
		}
	})
}

func TestOneKeyOpensOneConversation(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		same := func(o *chat.Opening) { o.Key = "0123456789012345678901" }
		first, second := h.open(same), h.open(same)
		if first.ID != second.ID || !second.Again || first.Again {
			t.Errorf("got %s and %s", first.ID, second.ID)
		}
		claims, err := h.rooms.Signer().Read(second.Token, time.Now())
		if err != nil || claims.Chat != first.ID || claims.Visitor != first.VisitorID {
			t.Errorf("got %+v, %v", claims, err)
		}
		all, err := h.board.List(h.t.Context(), work.Filter{})
		if err != nil || len(all) != 1 {
			t.Errorf("%d items, %v", len(all), err)
		}
	})
}

func TestAMessageSentTwiceIsOneMessage(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		id := h.answered()
		for range 3 {
			h.must(h.visitor(id, "v-1", "Allô ?"))
			h.must(h.agent(id, "a-1", "Oui"))
		}
		if got := len(h.events(id)); got != 6 {
			t.Errorf("got %d events, want 6", got)
		}
		h.must(h.rooms.End(h.t.Context(), id, chat.Visitor))
		synctest.Wait()
		h.must(h.visitor(id, "v-1", "Allô ?")) // its acknowledgement was lost
		if err := h.visitor(id, "v-2", "Encore"); !errors.Is(err, chat.ErrEnded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestWhoComesBackGetsTheRest(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		id := h.answered()
		for i := range 5 {
			h.must(h.agent(id, fmt.Sprint("a-", i), fmt.Sprint("Réponse ", i)))
		}
		l, err := h.rooms.Attach(h.t.Context(), id, 6)
		h.must(err)
		got := frames(l)
		if len(got) != 4 || got[0].Event.Seq != 7 || got[2].Event.Seq != 9 || got[3].Kind != chat.FrameSynced || got[3].Seq != 9 {
			t.Errorf("got %+v", got)
		}
		l.Send("v-1", "Merci", nil)
		l.Send("v-1", "Merci", nil)
		l.Send("v-2", strings.Repeat("x", 4001), nil)
		got = frames(l)
		kinds := []chat.FrameKind{}
		for _, f := range got {
			kinds = append(kinds, f.Kind)
		}
		if fmt.Sprint(kinds) != fmt.Sprint([]chat.FrameKind{chat.FrameRefused, chat.FrameEvent, chat.FrameAccepted, chat.FrameAccepted}) ||
			!errors.Is(got[0].Err, chat.ErrText) || got[2].Seq != 10 || got[3].Seq != 10 {
			t.Errorf("got %+v", got)
		}
		l.Close()
		h.must(h.rooms.End(h.t.Context(), id, chat.Agent))
		synctest.Wait()
		l, err = h.rooms.Attach(h.t.Context(), id, 9) // it is over: what is missing, and no more
		h.must(err)
		got = frames(l)
		if n := len(got); n != 3 || got[n-1].State != chat.StateEnded {
			t.Errorf("got %+v", got)
		}
		<-l.Done()
		if _, err := h.rooms.Attach(h.t.Context(), "none", 0); !errors.Is(err, chat.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAPageWithoutASocketPolls(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		id := h.open().ID
		p, err := h.rooms.Poll(h.t.Context(), id, 0, 20*time.Second)
		if err != nil || len(p.Events) != 2 || p.State != chat.StateWaiting {
			t.Fatalf("got %+v, %v", p, err)
		}
		began := time.Now()
		p, err = h.rooms.Poll(h.t.Context(), id, 2, 20*time.Second)
		if err != nil || len(p.Events) != 0 || time.Since(began) != 20*time.Second {
			t.Errorf("got %+v, %v after %s", p, err, time.Since(began))
		}
		if p.Place.Position != 1 {
			t.Errorf("got %+v", p.Place)
		}
		time.AfterFunc(5*time.Second, func() { _ = h.visitor(id, "v-1", "Je suis là") })
		p, err = h.rooms.Poll(h.t.Context(), id, 2, 20*time.Second)
		if err != nil || len(p.Events) != 1 || time.Since(began) != 25*time.Second {
			t.Errorf("got %+v, %v after %s", p, err, time.Since(began))
		}
	})
}

func TestTheVisitorIsAwayAfterHalfAMinute(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		id := h.answered()
		l, err := h.rooms.Attach(h.t.Context(), id, 0)
		h.must(err)
		ping(l, time.Minute)
		if v := h.view(id); !v.Online {
			t.Error("he pings, and is away")
		}
		l.Close()
		time.Sleep(29 * time.Second)
		if v := h.view(id); !v.Online {
			t.Error("away too early")
		}
		time.Sleep(2 * time.Second)
		if v := h.view(id); v.Online || time.Since(v.OfflineSince) < 30*time.Second {
			t.Errorf("got %v since %v", v.Online, v.OfflineSince)
		}
		_, err = h.rooms.Attach(h.t.Context(), id, 0)
		h.must(err)
		if v := h.view(id); !v.Online {
			t.Error("he is back, and away")
		}
	})
}

func TestWhatAnAbsentVisitorHasNotReadIsMailed(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		id := h.answered(func(o *chat.Opening) { o.Email = "Zoe@example.org" })
		h.must(h.agent(id, "a-1", "Lu à l'écran"))
		h.must(h.rooms.Read(h.t.Context(), id, chat.Visitor, 5))
		h.must(h.visitor(id, "v-1", "Et mon retrait ?"))
		time.Sleep(time.Minute)
		h.must(h.agent(id, "a-2", "Il part demain"))
		h.must(h.agent(id, "a-3", "Bonne soirée"))
		time.Sleep(59 * time.Second)
		if len(h.sent()) != 0 {
			t.Fatalf("mailed too early: %+v", h.sent())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(h.sent()) != 1 || h.sent()[0].To != "Zoe@example.org" || !strings.Contains(h.sent()[0].Text, "Il part demain\n\nBonne soirée") ||
			strings.Contains(h.sent()[0].Text, "Lu à") {
			t.Fatalf("got %+v", h.sent())
		}
		h.must(h.visitor(id, "v-2", "Merci")) // so that it does not end for silence
		h.must(h.agent(id, "a-4", "De rien"))
		time.Sleep(9 * time.Minute)
		synctest.Wait()
		if len(h.sent()) != 1 {
			t.Fatalf("mailed again within 15 minutes: %+v", h.sent())
		}
		time.Sleep(2 * time.Minute) // it ends for silence, and what was not read goes with the end
		synctest.Wait()
		h.ends(id, call.EndAnswered)
		if len(h.sent()) != 2 || !strings.Contains(h.sent()[1].Text, "De rien") || strings.Contains(h.sent()[1].Text, "demain") {
			t.Errorf("got %+v", h.sent())
		}
	})
}

func TestTheGapBetweenTwoMails(t *testing.T) {
	live(t, chat.Config{IdleWarning: time.Hour, IdleClose: 2 * time.Hour}, func(h *house) {
		id := h.answered(func(o *chat.Opening) { o.Email = "zoe@example.org" })
		h.must(h.agent(id, "a-1", "un"))
		time.Sleep(3 * time.Minute)
		h.must(h.agent(id, "a-2", "deux"))
		time.Sleep(13 * time.Minute)
		if len(h.sent()) != 1 {
			t.Fatalf("got %d mails", len(h.sent()))
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(h.sent()) != 2 || !strings.Contains(h.sent()[1].Text, "deux") {
			t.Errorf("got %+v", h.sent())
		}
	})
}

func TestSilenceIsAskedAboutAndThenTheEnd(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		id := h.answered()
		l, err := h.rooms.Attach(h.t.Context(), id, 0)
		h.must(err)
		ping(l, 20*time.Minute)
		if v := h.view(id); v.State != chat.StateOpen {
			t.Fatalf("we owe the reply, and it is %s", v.State)
		}
		h.must(h.agent(id, "a-1", "Pardon pour l'attente"))
		ping(l, 6*time.Minute)
		if v := h.view(id); v.State != chat.StateIdle {
			t.Fatalf("got %s", v.State)
		}
		l.Typing()
		if v := h.view(id); v.State != chat.StateOpen {
			t.Fatalf("he types, and it is %s", v.State)
		}
		h.must(h.visitor(id, "v-1", "Je suis là"))
		h.must(h.agent(id, "a-2", "Bien"))
		ping(l, 9*time.Minute)
		if v := h.view(id); v.State != chat.StateIdle {
			t.Fatalf("got %s", v.State)
		}
		ping(l, 2*time.Minute)
		h.ends(id, call.EndAnswered)
		got := story(h.events(id))
		if last := got[len(got)-1]; last != "state ended idle" {
			t.Errorf("got %s", last)
		}
	})
}

func TestWhoLeavesBeforeAnAnswer(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		early := h.open().ID
		time.Sleep(time.Second)
		h.must(h.rooms.End(h.t.Context(), early, chat.Visitor))
		h.ends(early, call.EndShortAbandoned)

		late := h.open().ID
		l, err := h.rooms.Attach(h.t.Context(), late, 0)
		h.must(err)
		ping(l, time.Minute)
		l.Close()
		time.Sleep(2*time.Minute + 50*time.Second)
		if v := h.view(late); v.State != chat.StateWaiting {
			t.Fatalf("his place was given away: %s", v.State)
		}
		time.Sleep(20 * time.Second)
		h.ends(late, call.EndAbandoned)
		// What he wrote is on its ticket, and the ticket is work.
		time.Sleep(time.Minute)
		h.board.Present("a2")
		synctest.Wait()
		all, err := h.board.List(h.t.Context(), work.Filter{Channel: call.ChannelTicket})
		if err != nil || len(all) == 0 {
			t.Errorf("got %+v, %v", all, err)
		}
	})
}

func TestAnAgentWhoIsGoneIsReplaced(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		leave := h.board.Present("a1")
		id := h.open().ID
		_, err := h.board.Accept(h.t.Context(), work.ChatItem(id), "a1")
		h.must(err)
		l, err := h.rooms.Attach(h.t.Context(), id, 0)
		h.must(err)
		leave()
		h.board.Present("a2")
		ping(l, 80*time.Second)
		if err := h.agent(id, "a-1", "trop tard"); !errors.Is(err, chat.ErrNotYours) {
			t.Errorf("got %v", err)
		}
		_, err = h.board.Accept(h.t.Context(), work.ChatItem(id), "a2")
		h.must(err)
		h.wants(id, "customer: Bonjour", "state waiting ", "agent Anna", "state open ", "agent ", "state waiting lost", "agent Bruno", "state open ")
		if v := h.view(id); v.AgentID != "a2" || v.Ticket.AssigneeID != "a2" {
			t.Errorf("got %s, %s", v.AgentID, v.Ticket.AssigneeID)
		}
	})
}

func TestATransferLetsItWaitElsewhere(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		id := h.answered()
		_, err := h.board.Transfer(h.t.Context(), work.ChatItem(id), "a1", queue.Destination{Queue: "payments"})
		h.must(err)
		v := h.view(id)
		if v.State != chat.StateWaiting || v.AgentID != "" || v.Interaction.Queue != "payments" {
			t.Errorf("got %+v", v)
		}
		h.board.Present("a2")
		synctest.Wait()
		_, err = h.board.Accept(h.t.Context(), work.ChatItem(id), "a2")
		h.must(err)
		if v := h.view(id); v.State != chat.StateOpen || v.AgentID != "a2" {
			t.Errorf("got %+v", v)
		}
	})
}

func TestAQueueThatIsShutTakesTheMessage(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		id := h.open(func(o *chat.Opening) { o.Queue = "shut" }).ID
		h.wants(id, "customer: Bonjour", "state waiting ", "state ended closed")
		h.ends(id, call.EndClosed)
	})
}

func TestTheNextProcessTakesUpWhatWasOpen(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		talking := h.answered()
		waiting := h.open(func(o *chat.Opening) { o.Queue = "payments" }).ID
		h.must(h.agent(talking, "a-1", "avant"))
		h.end()
		h.start()
		time.Sleep(time.Second)
		if v := h.view(talking); v.State != chat.StateOpen || v.AgentID != "a1" || !v.Live {
			t.Errorf("got %+v", v)
		}
		if v := h.view(waiting); v.State != chat.StateWaiting || !v.Live {
			t.Errorf("got %+v", v)
		}
		h.board.Present("a1")
		h.must(h.agent(talking, "a-1", "avant")) // its acknowledgement was lost
		h.must(h.agent(talking, "a-2", "après"))
		h.wants(talking, "customer: Bonjour", "state waiting ", "agent Anna", "state open ", "agent: avant", "agent: après")
		all, err := h.board.List(h.t.Context(), work.Filter{})
		if err != nil || len(all) != 2 {
			t.Errorf("%d items, %v", len(all), err)
		}
	})
}

func TestPriorityOfTheTicketMovesTheChat(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		h.open()
		second := h.open()
		desk := ticket.NewDesk(h.store, ticket.Policy{}, time.Now, func(topic, id string) {
			if topic == ticket.TopicTicket {
				h.board.TicketChanged(id)
			}
		})
		h.must(desk.Act(h.t.Context(), func(tx ticket.DeskTx) error {
			k, _, err := tx.Ticket(h.t.Context(), second.Interaction.TicketID)
			k.Priority = ticket.PriorityUrgent
			return errors.Join(err, secondOf(tx.SaveTicket(h.t.Context(), k)))
		}))
		synctest.Wait()
		all, err := h.board.List(h.t.Context(), work.Filter{})
		h.must(err)
		if len(all) != 2 || all[0].InteractionID != second.ID || all[0].Priority != ticket.PriorityUrgent {
			t.Errorf("got %+v", all)
		}
	})
}

func secondOf[T any](_ T, err error) error { return err }

func TestTooFastIsRefusedAndThenCut(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		id := h.answered()
		l, err := h.rooms.Attach(h.t.Context(), id, 0)
		h.must(err)
		for i := range 200 {
			l.Send(fmt.Sprint("v-", i), "spam", nil)
		}
		synctest.Wait()
		<-l.Done()
		if !errors.Is(l.Cause(), chat.ErrRate) {
			t.Errorf("got %v", l.Cause())
		}
		if n := len(h.events(id)); n != 64 {
			t.Errorf("%d events are stored, want 60 messages and 4", n)
		}
		time.Sleep(time.Minute)
		h.must(h.visitor(id, "v-later", "Pardon"))
	})
}

func TestTypingIsToldOnceInThreeSeconds(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		id := h.answered()
		l, err := h.rooms.Attach(h.t.Context(), id, 99)
		h.must(err)
		for range 40 { // 4 s
			h.rooms.Typing(id, chat.Agent)
			time.Sleep(100 * time.Millisecond)
		}
		typing := 0
		for _, f := range frames(l) {
			if f.Kind == chat.FrameTyping {
				typing++
			}
		}
		if typing != 2 {
			t.Errorf("told %d times, want 2", typing)
		}
	})
}

func TestThePlaceIsToldWhenItChanges(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		first := h.open().ID
		id := h.open().ID
		l, err := h.rooms.Attach(h.t.Context(), id, 0)
		h.must(err)
		ping(l, 11*time.Second)
		h.must(h.rooms.End(h.t.Context(), first, chat.Visitor))
		ping(l, 11*time.Second)
		var places []int
		for _, f := range frames(l) {
			if f.Kind == chat.FramePlace {
				places = append(places, f.Place.Position)
			}
		}
		if fmt.Sprint(places) != "[2 1]" {
			t.Errorf("told %v, want 2 and 1", places)
		}
	})
}

func TestATranscriptGoesToTheAddressThatIsKnown(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		id := h.answered()
		h.must(h.agent(id, "a-1", "Voilà"))
		if err := h.rooms.Transcript(h.t.Context(), id, "no address"); !errors.Is(err, chat.ErrNoMail) {
			t.Errorf("got %v", err)
		}
		h.must(h.rooms.Transcript(h.t.Context(), id, "zoe@example.org"))
		h.must(h.rooms.Transcript(h.t.Context(), id, "other@example.org"))
		h.must(h.rooms.Transcript(h.t.Context(), id, ""))
		if err := h.rooms.Transcript(h.t.Context(), id, ""); !errors.Is(err, chat.ErrRate) {
			t.Errorf("got %v", err)
		}
		if len(h.sent()) != 3 || h.sent()[1].To != "zoe@example.org" || !strings.Contains(h.sent()[0].Text, "Vous: Bonjour") ||
			!strings.Contains(h.sent()[0].Text, "Support: Voilà") {
			t.Errorf("got %+v", h.sent())
		}
	})
}

func TestASignedPlayerIsOnePersonWithHisOtherContacts(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		signed := func(o *chat.Opening) {
			o.Identity = chat.Identity{PlayerID: "p-42", Name: "Zoé L.", Email: "zoe@example.org", Tier: "gold"}
		}
		first, second := h.open(signed), h.open(signed)
		if first.Interaction.ContactID != second.Interaction.ContactID || !first.Verified() || first.Name != "Zoé L." {
			t.Errorf("got %+v and %+v", first, second)
		}
		claimed := h.open(func(o *chat.Opening) { o.Email = "zoe@example.org" }) // anybody can write an address
		if claimed.Interaction.ContactID == first.Interaction.ContactID {
			t.Error("who only wrote the address is taken for him")
		}
		back := h.open(func(o *chat.Opening) { o.VisitorID = claimed.VisitorID })
		if back.Interaction.ContactID != claimed.Interaction.ContactID {
			t.Error("who came back with his token is somebody else")
		}
	})
}

func TestAFileOfSomebodyElseIsRefused(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		id, other := h.answered(), h.open().ID
		add := func(file, owner string) {
			h.must(h.store.Desk(h.t.Context(), func(tx ticket.DeskTx) error {
				return tx.AddAttachment(h.t.Context(), ticket.Attachment{ID: file, Name: "a.png", MIME: "image/png", SHA256: "aa", OwnerID: owner, CreatedAt: time.Now()})
			}))
		}
		add("f-mine", id)
		add("f-other", other)
		say := func(file string) error {
			_, _, err := h.rooms.Say(context.Background(), id, chat.Said{Side: chat.Visitor, ClientID: "c-" + file, Files: []string{file}})
			return err
		}
		for file, want := range map[string]error{"f-other": chat.ErrFile, "f-none": chat.ErrFile, "f-mine": nil} {
			if err := say(file); !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", file, err, want)
			}
		}
		events := h.events(id)
		if last := events[len(events)-1].Message; len(last.Attachments) != 1 || last.Attachments[0].ID != "f-mine" {
			t.Errorf("got %+v", last)
		}
	})
}

func TestAWriteFromElsewhereIsToldToo(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		id := h.answered()
		l, err := h.rooms.Attach(h.t.Context(), id, 4)
		h.must(err)
		frames(l)
		c, err := h.rooms.Conversation(h.t.Context(), id)
		h.must(err)
		desk := ticket.NewDesk(h.store, ticket.Policy{}, time.Now, func(topic, changed string) {
			if topic == ticket.TopicInteraction {
				h.rooms.Changed(changed)
			}
		})
		_, err = desk.Reply(h.t.Context(), ticket.Actor{ID: "a1", Name: "Anna"}, ticket.Outgoing{
			TicketID: c.Ticket.ID, Interaction: id, Kind: ticket.MessageAgent, Text: "du dossier", ExpectedLast: -1,
		})
		h.must(err)
		got := frames(l)
		if len(got) != 1 || got[0].Event.Message.Text != "du dossier" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestAMergedTicketTakesItsConversationAlong(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		other := h.open(func(o *chat.Opening) { o.Queue = "payments" })
		id := h.answered()
		c, err := h.rooms.Conversation(h.t.Context(), id)
		h.must(err)
		desk := ticket.NewDesk(h.store, ticket.Policy{}, time.Now, func(topic, changed string) {
			switch topic {
			case ticket.TopicInteraction:
				h.rooms.Changed(changed)
			case ticket.TopicTicket:
				h.board.TicketChanged(changed)
			}
		})
		winner := other.Interaction.TicketID
		_, err = desk.Merge(h.t.Context(), ticket.Actor{ID: "a1"}, winner, c.Ticket.ID)
		h.must(err)
		if v := h.view(id); v.Interaction.TicketID != winner || v.Ticket.ID != winner {
			t.Errorf("it is on %s, want %s", v.Interaction.TicketID, winner)
		}
		if h.board.Holding("a1", winner) != work.Holds || h.board.Holding("a1", c.Ticket.ID) != work.HoldsNot {
			t.Error("his work is not on the winner")
		}
		h.must(h.agent(id, "a-1", "Je continue ici"))
		h.must(h.visitor(id, "v-1", "Bien"))
		h.wants(id, "customer: Bonjour", "state waiting ", "agent Anna", "state open ", "agent: Je continue ici", "customer: Bien")
	})
}

func TestARejectedChatComesBack(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		leave := h.board.Present("a1")
		defer leave()
		id := h.open().ID
		_, err := h.board.Reject(h.t.Context(), work.ChatItem(id), "a1", "en pause")
		h.must(err)
		time.Sleep(11 * time.Second) // a reject rests him for 10 s
		if _, err := h.board.Accept(h.t.Context(), work.ChatItem(id), "a1"); err != nil {
			t.Errorf("it did not come back: %v", err)
		}
	})
}
