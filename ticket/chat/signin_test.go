package chat_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"pickup/ticket"
	"pickup/ticket/chat"
)

// An anonymous visitor who signs in while he chats is the player, with all that
// he wrote; his agent goes on with him.
func TestWhoSignsInJoinsThePlayer(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		zoe := chat.Identity{PlayerID: "p-42", Name: "Zoé L.", Email: "zoe@example.org", Tier: "gold"}
		known := h.open(func(o *chat.Opening) { o.Identity, o.Queue = zoe, "payments" })
		h.must(h.rooms.End(h.t.Context(), known.ID, chat.Visitor))
		id := h.answered()
		h.must(h.visitor(id, "v-1", "Mon dépôt"))
		before := h.view(id)
		if before.Interaction.ContactID == known.Interaction.ContactID {
			t.Fatal("who has not signed in is taken for the player")
		}
		earlier := h.open(func(o *chat.Opening) { o.VisitorID = before.VisitorID })

		h.must(h.rooms.SignIn(h.t.Context(), id, zoe))
		h.must(h.rooms.SignIn(h.t.Context(), id, zoe)) // the page is loaded again
		synctest.Wait()
		v := h.view(id)
		if v.Interaction.ContactID != known.Interaction.ContactID || v.Ticket.ContactID != known.Interaction.ContactID {
			t.Errorf("contact of the chat %s, of its ticket %s, want %s", v.Interaction.ContactID, v.Ticket.ContactID, known.Interaction.ContactID)
		}
		if v.Ticket.ID != before.Ticket.ID || v.AgentID != "a1" || v.State != chat.StateOpen {
			t.Errorf("got %+v", v)
		}
		if !v.Verified() || v.PlayerID != "p-42" || v.Name != "Zoé L." || v.Tier != "gold" || v.Email != "zoe@example.org" {
			t.Errorf("got %+v", v.Chat)
		}
		if got := story(h.events(id)); got[0] != "customer: Bonjour" || got[len(got)-1] != "customer: Mon dépôt" {
			t.Errorf("got %q", got)
		}
		other, err := h.rooms.Conversation(h.t.Context(), earlier.ID)
		h.must(err)
		if other.Interaction.ContactID != known.Interaction.ContactID {
			t.Error("what he wrote in his other chat was left behind")
		}
		if err := h.rooms.SignIn(h.t.Context(), id, chat.Identity{PlayerID: "p-7"}); !errors.Is(err, chat.ErrOther) {
			t.Errorf("another player: got %v", err)
		}
		h.must(h.agent(id, "a-1", "Bonjour Zoé"))
		h.must(h.rooms.End(h.t.Context(), id, chat.Visitor))
		if err := h.rooms.SignIn(h.t.Context(), id, zoe); !errors.Is(err, chat.ErrEnded) {
			t.Errorf("after the end: got %v", err)
		}
	})
}

// A player whom nobody knows yet is proved on the contact of his chat.
func TestWhoSignsInForTheFirstTimeKeepsHisContact(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		id := h.answered()
		before := h.view(id)
		h.must(h.rooms.SignIn(h.t.Context(), id, chat.Identity{PlayerID: "p-8", Name: "Max", Email: "max@example.org"}))
		synctest.Wait()
		if v := h.view(id); v.Interaction.ContactID != before.Interaction.ContactID || v.PlayerID != "p-8" {
			t.Errorf("got %+v", v)
		}
		var his []ticket.Identity
		h.must(h.store.Chat(h.t.Context(), func(tx chat.Tx) (err error) {
			his, err = tx.Identities(h.t.Context(), before.Interaction.ContactID)
			return err
		}))
		for _, want := range []ticket.Identity{{Kind: "player", Value: "p-8"}, {Kind: "email", Value: "max@example.org"}} {
			if !slices.ContainsFunc(his, func(i ticket.Identity) bool { return i.Kind == want.Kind && i.Value == want.Value && i.Verified }) {
				t.Errorf("no proved %s among %+v", want.Kind, his)
			}
		}
		// He is somebody now: his next chat, signed as another, is another's.
		again := h.open(func(o *chat.Opening) { o.Identity = chat.Identity{PlayerID: "p-9"} })
		if again.Interaction.ContactID == before.Interaction.ContactID {
			t.Error("two players are one contact")
		}
		// A chat of the same browser that is anonymous cannot become another player either.
		third := h.open(func(o *chat.Opening) { o.VisitorID = before.VisitorID })
		if err := h.rooms.SignIn(h.t.Context(), third.ID, chat.Identity{PlayerID: "p-9"}); !errors.Is(err, chat.ErrOther) {
			t.Errorf("a contact who is p-8 became p-9: %v", err)
		}
	})
}
