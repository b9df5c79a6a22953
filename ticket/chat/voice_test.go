package chat_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pickup/call"
	"pickup/ticket/chat"
	"pickup/ticket/work"
)

func TestACallGoesOnWithAConversation(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		id := h.answered()
		voice, err := h.rooms.ForCall(h.t.Context(), id)
		h.must(err)
		c, err := h.rooms.Conversation(h.t.Context(), id)
		h.must(err)
		if voice.Agent != "a1" || voice.TicketID != c.Ticket.ID || voice.ContactID != c.Interaction.ContactID || voice.Queue != "support" {
			t.Errorf("got %+v", voice)
		}
		h.rooms.GoneToCall(id, "call-1")
		h.must(h.agent(id, "a-1", "Je vous entends")) // it stays open beside the call
		if _, err := h.board.Get(h.t.Context(), work.ChatItem(id)); !errors.Is(err, work.ErrGone) {
			t.Errorf("it is still in his load: %v", err)
		}
		if v := h.view(id); v.CallID != "call-1" {
			t.Errorf("on the call %q", v.CallID)
		}
		h.rooms.CallOver("call-1")
		synctest.Wait()
		item, err := h.board.Get(h.t.Context(), work.ChatItem(id))
		h.must(err)
		if item.State != work.Active || item.Agent != "a1" || h.view(id).CallID != "" {
			t.Errorf("after the call: got %+v", item)
		}
		h.must(h.rooms.End(h.t.Context(), id, chat.Agent))
		if v := h.view(id); v.State != chat.StateEnded || v.Interaction.EndReason != call.EndAnswered {
			t.Errorf("got %+v", v)
		}

		_, err = h.board.Accept(h.t.Context(), work.ChatItem(h.open(func(o *chat.Opening) { o.Queue = "payments" }).ID), "a1")
		if err == nil {
			t.Error("he took what is not of his queues")
		}
		waiting := h.open(func(o *chat.Opening) { o.Queue = "payments" }).ID
		h.rooms.GoneToCall(waiting, "call-2")
		h.ends(waiting, call.EndExitKey)
	})
}

// While they talk nobody is asked whether he is there, and an offer that was
// taken stands no more.
func TestSilenceDoesNotCountWhileTheyTalk(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		id := h.answered()
		h.must(h.agent(id, "a-1", "Parlons-nous"))
		h.must(h.rooms.OfferCall(h.t.Context(), id, chat.Agent))
		l, err := h.rooms.Attach(h.t.Context(), id, 0)
		h.must(err)
		h.rooms.GoneToCall(id, "call-1")
		ping(l, 25*time.Minute)
		if v := h.view(id); v.State != chat.StateOpen {
			t.Fatalf("after 25 minutes of talk it is %s", v.State)
		}
		h.rooms.CallOver("another")
		h.rooms.CallOver("call-1")
		h.rooms.CallOver("call-1")
		ping(l, 4*time.Minute)
		if v := h.view(id); v.State != chat.StateOpen {
			t.Errorf("four minutes later it is %s", v.State)
		}
		ping(l, 2*time.Minute)
		if v := h.view(id); v.State != chat.StateIdle {
			t.Errorf("six minutes later it is %s", v.State)
		}
		h.wants(id, "customer: Bonjour", "state waiting ", "agent Anna", "state open ", "agent: Parlons-nous", "agent calls", "visitor calls", "state idle idle")
	})
}

func TestAConversationBesideACall(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		o := h.open(func(o *chat.Opening) { o.Text, o.Beside, o.Preferred = "", true, "a1" })
		if o.State != chat.StateOpen || o.AgentID != "a1" || !o.Interaction.WaitingSince.IsZero() {
			t.Errorf("got %+v", o)
		}
		h.must(h.agent(o.ID, "a-1", "Voici le lien"))
		h.wants(o.ID, "system: La conversation continue par écrit.", "agent Anna", "state open ", "agent: Voici le lien")
		h.rooms.Beside(o.ID, "call-1")
		synctest.Wait()
		if v := h.view(o.ID); v.CallID != "call-1" {
			t.Errorf("beside the call %q", v.CallID)
		}
		h.rooms.CallOver("call-1")
		synctest.Wait()
		if v := h.view(o.ID); v.CallID != "" || v.AgentID != "a1" {
			t.Errorf("after the call: got %+v", v)
		}
		again := h.open(func(n *chat.Opening) { n.Text, n.Beside, n.TicketID = "", true, o.Interaction.TicketID })
		if again.Interaction.TicketID != o.Interaction.TicketID {
			t.Errorf("it is on another ticket")
		}
	})
}
